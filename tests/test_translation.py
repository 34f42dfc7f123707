"""The Brazilian edition says what the English one says, and each way to drift is noticed."""

import copy
import json

import nbformat
import pytest
import translation
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from translation import (
    chapters,
    code_without_words,
    differences,
    numbers,
    pages,
    read_notebook,
    sections,
    stamp,
    status,
    text_differences,
)

# ---- the editions ----


@pytest.mark.parametrize(("english", "portuguese"), chapters(), ids=lambda path: path)
def test_a_chapter_and_its_translation_agree(english, portuguese):
    first = next(differences(read_notebook(english), read_notebook(portuguese)), None)
    assert first is None, f"{portuguese}: {first}"


@pytest.mark.parametrize(("english", "portuguese"), pages(), ids=lambda path: path)
def test_a_page_and_its_translation_agree(english, portuguese):
    one, other = (
        (translation.ROOT / path).read_text(encoding="utf-8") for path in (english, portuguese)
    )
    first = next(text_differences(one, other), None)
    assert first is None, f"{portuguese}: {first}"


def test_nothing_changed_since_it_was_translated():
    changed = status()
    assert not changed, "\n".join([*changed, "translate, then: python tools/translation.py stamp"])


def test_every_page_of_the_contents_is_compared():
    compared = {one for one, _ in pages()}
    assert {"intro.md", "reference/errata.md", "genindex.md", "README.md"} <= compared


# ---- what is noticed ----

TEXT = """## A heading

```{prf:lemma} Small
:label: lem-small

$x < 0.25$, as in {prf:ref}`thm-2` and {doc}`chapter 1 <chapters/01_loss>`, 1,024 times.

$$f(x) = 0.5 \\text{ at } x.$$
```

:::{question} q-small
Is `softmax` small?

- [ ] No.

  It is.

- [x] Yes.

  It is.
:::
"""
TRANSLATED = """## Um título

```{prf:lemma} Pequeno
:label: lem-small

$x < 0{,}25$, como no {prf:ref}`thm-2` e no {doc}`capítulo 1 <chapters/01_loss>`, 1.024 vezes.

$$f(x) = 0{,}5 \\text{ em } x.$$
```

:::{question} q-small
O `softmax` é pequeno?

- [ ] Não.

  É.

- [x] Sim.

  É.
:::
"""
CODE = 'import numpy as np\n\nfor word, p in shares:\n    print(f"{word:>5}: {p:.2f} nats")  # each'
TRANSLATED_CODE = (
    "import numpy as np\nfrom lab.brazilian import print\n\nfigures.use_commas()\n"
    'for word, p in shares:\n    print(f"{p:.2f} nats: {word:>9}")  # cada'
)
FIGURE = {
    "mystnb": {
        "figure": {"name": "fig-a", "caption": "One, up to 1.5"},
        "image": {"alt": "A line up to 1.5"},
    }
}


def original():
    cells = [
        new_markdown_cell(TEXT, id="text"),
        new_code_cell(CODE, id="code", outputs=[new_output("stream", text="o: 0.25 nats\n")]),
        new_code_cell("draw()", id="figure", metadata=copy.deepcopy(FIGURE)),
    ]
    return new_notebook(cells=cells)


def translated():
    notebook = original()
    text, code, figure = notebook.cells
    text.source, code.source = TRANSLATED, TRANSLATED_CODE
    code.outputs[0].text = "0,25 nats: o\n"
    figure.metadata["mystnb"]["figure"]["caption"] = "Uma, até 1,5"
    figure.metadata["mystnb"]["image"]["alt"] = "Uma linha até 1,5"
    text.metadata["nwp"] = {"translates": "0123456789abcdef"}
    return notebook


def test_a_good_translation_has_no_difference():
    assert [*differences(original(), translated())] == []


def in_text(old, new):
    def damage(notebook):
        assert old in notebook.cells[0].source
        notebook.cells[0].source = notebook.cells[0].source.replace(old, new)

    return damage


def in_code(old, new):
    def damage(notebook):
        assert old in notebook.cells[1].source
        notebook.cells[1].source = notebook.cells[1].source.replace(old, new)

    return damage


def print_another_number(notebook):
    notebook.cells[1].outputs[0].text = "0,26 nats: o\n"


def print_with_a_point(notebook):
    notebook.cells[1].outputs[0].text = "0.25 nats: o\n"


def caption_another_number(notebook):
    notebook.cells[2].metadata["mystnb"]["figure"]["caption"] = "Uma, até 0,5"


def describe_with_a_point(notebook):
    notebook.cells[2].metadata["mystnb"]["image"]["alt"] = "Uma linha até 1.5"


def print_nothing(notebook):
    notebook.cells[1].outputs = []


def drop_a_cell(notebook):
    notebook.cells.pop()


def change_the_kind(notebook):
    notebook.cells[2] = new_markdown_cell("draw()", id="figure")


def change_the_id(notebook):
    notebook.cells[2].id = "other"


def change_a_tag(notebook):
    notebook.cells[2].metadata["tags"] = ["hide-input"]


def change_a_name(notebook):
    notebook.cells[2].metadata["mystnb"]["figure"]["name"] = "fig-b"


DAMAGES = [
    (in_text("## Um", "### Um"), "headings"),
    (in_text("prf:lemma", "prf:theorem"), "boxes and directives"),
    (in_text("lem-small", "lem-pequeno"), "labels"),
    (in_text("thm-2", "thm-2-1"), "references"),
    (in_text("chapters/01_loss", "chapters/02_equivalence"), "references"),
    (in_text("0{,}25", "0{,}52"), "numbers"),
    (in_text("1.024", "1.042"), "numbers"),
    (in_text("0{,}5", "0{,}6"), "formulas"),
    (in_text("- [ ] N", "- [x] N"), "choices"),
    (in_text("`softmax`", "`softmin`"), "pieces of code"),
    (in_code("in shares", "in share"), "other code, at .for word, p in shares"),
    (in_code("{p:.2f}", "{p:.3f}"), "other code"),
    (in_code("{word:>9}", "{p:>9}"), "other code"),
    (in_code("\nfor", "\nimport os\nfor"), "nothing|import os"),
    (print_another_number, "prints other numbers: .*0,26.* instead of .*0,25"),
    (print_with_a_point, "prints other numbers: .*0\\.25.* instead of .*0,25"),
    (caption_another_number, "other numbers in the caption: .*0,5.* instead of .*1,5"),
    (describe_with_a_point, "other numbers in the alternative text: .*1\\.5.* instead of .*1,5"),
    (in_code("figures.use_commas()", "figures.use_points()"), "other code"),
    (print_nothing, "its outputs are"),
    (drop_a_cell, "3 cells and 2"),
    (change_the_kind, "its kind is 'code' and 'markdown'"),
    (change_the_id, "its id is 'figure' and 'other'"),
    (change_a_tag, "its metadata"),
    (change_a_name, "its metadata"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_each_difference_is_named(damage, message):
    notebook = translated()
    damage(notebook)
    with pytest.raises(AssertionError, match=message):
        raise AssertionError("\n".join(differences(original(), notebook)))


def test_what_is_no_number_of_a_sentence_is_the_same_in_both_languages():
    notebooks = original(), translated()
    for notebook, right in zip(notebooks, ("right", "certo"), strict=True):
        notebook.cells[1].source += '\ncheck("1.4", print)'
        notebook.cells[1].outputs[0].text = f"1.4: {right}.\n[0.25 1.5]\nValueError: got 1.1\n"
    assert [*differences(*notebooks)] == []


def test_strings_and_comments_may_differ_and_nothing_else():
    assert code_without_words('print("a", 1)  # one') == code_without_words("print('b', 1)")
    assert code_without_words('print("a", 1)') != code_without_words('print("a", 2)')
    assert code_without_words('print("a")') != code_without_words("print(a)")
    assert code_without_words('"""Doc."""\nx = 1') == code_without_words('"""Texto."""\nx = 1')


@pytest.mark.parametrize(
    ("english", "portuguese"),
    [
        ("0.25 and 1,024.5", "0,25 e 1.024,5"),
        ("$0.05, 0.10$ and $1{,}024$", "$0{,}05, 0{,}10$ e $1.024$"),
        ("($0.05,0.10$)", "($0{,}05,0{,}10$)"),
        ("Theorem 2.1 of chapter 12", "Teorema 2.1 do capítulo 12"),
        ("5, 12, 20 words", "5, 12, 20 palavras"),
    ],
)
def test_numbers_are_read_in_both_languages(english, portuguese):
    assert numbers(english, decimal=".") == numbers(portuguese, decimal=",")
    assert numbers(english, decimal=".")


# ---- the record ----


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A small book in both languages, whose translation is stamped."""
    monkeypatch.setattr(translation, "ROOT", tmp_path)
    (tmp_path / "pt" / "chapters").mkdir(parents=True)
    (tmp_path / "chapters").mkdir()
    (tmp_path / "_toc.yml").write_text(
        "root: intro\nparts: [{chapters: [{file: chapters/01_small}]}]\n"
    )
    nbformat.write(original(), tmp_path / "chapters" / "01_small.ipynb")
    nbformat.write(translated(), tmp_path / "pt" / "chapters" / "01_small.ipynb")
    page = "# Title\n\nText.\n\n```python\n# no heading\n```\n\n## Part\n\nMore.\n"
    for name in ("intro.md", "pt/intro.md", "README.md", "README.pt.md"):
        (tmp_path / name).write_text(page)
    stamp(set())
    return tmp_path


def original_of(book):
    return nbformat.read(book / "chapters" / "01_small.ipynb", as_version=4)


def edit(book, change):
    path = book / "chapters" / "01_small.ipynb"
    notebook = nbformat.read(path, as_version=4)
    change(notebook.cells)
    nbformat.write(notebook, path)


def test_a_stamped_translation_is_up_to_date(book):
    assert status() == []
    cells = nbformat.read(book / "pt" / "chapters" / "01_small.ipynb", as_version=4).cells
    assert [cell.id for cell in cells] == ["text", "code", "figure"]
    assert [*json.loads((book / "pt" / "translated.json").read_text())["intro.md"]] == [
        "# Title",
        "## Part",
    ]


def test_what_changed_in_a_chapter_is_listed(book):
    edit(book, lambda cells: cells[1].update(source="print(1)"))
    assert status() == ["chapters/01_small.ipynb: cell 2 is changed: 'print(1)'"]
    edit(book, lambda cells: cells.insert(0, new_markdown_cell("Before all.")))
    assert status() == [
        "chapters/01_small.ipynb: cell 1 is new: 'Before all.'",
        "chapters/01_small.ipynb: cell 3 is changed: 'print(1)'",
    ]
    with pytest.raises(ValueError, match=r"its 3 cells must be of the kinds of the 4 of"):
        stamp(set())
    edit(book, lambda cells: cells.pop(0))
    stamp(set())
    assert status() == []


def test_captions_are_translated_and_reading_times_are_not(book):
    edit(book, lambda cells: cells[2].metadata["mystnb"]["figure"].update(caption="Two"))
    assert status() == ["chapters/01_small.ipynb: cell 3 is changed: 'draw()'"]
    stamp({"chapters/01_small.ipynb"})
    assert status() == []
    edit(book, lambda cells: cells[2].update(source="draw()", outputs=[]))
    line = "*Reading: about 5 min.*\n\n"
    edit(book, lambda cells: cells[0].update(source=line + cells[0].source))
    assert status() == []


def test_a_question_is_translated_and_kept_when_its_translation_is_stamped(book):
    edit(book, lambda cells: cells[0].metadata.update(nwp={"question": "How far?"}))
    assert status() == ["chapters/01_small.ipynb: cell 1 is changed: '## A heading'"]
    path = book / "pt" / "chapters" / "01_small.ipynb"
    notebook = nbformat.read(path, as_version=4)
    (difference,) = differences(original_of(book), notebook)
    assert difference.endswith("its question is 'How far?' and ''")
    notebook.cells[0].metadata["nwp"]["question"] = "Até onde?"
    nbformat.write(notebook, path)
    stamp(set())
    assert status() == []
    kept = nbformat.read(path, as_version=4)
    assert kept.cells[0].metadata["nwp"]["question"] == "Até onde?"
    assert not [*differences(original_of(book), kept)]


def test_what_changed_on_a_page_is_listed(book):
    (book / "intro.md").write_text((book / "intro.md").read_text().replace("More", "Less"))
    (book / "README.md").write_text("# Title\n\nText.\n")
    assert status() == [
        "intro.md: changed or new: ## Part",
        "README.md: changed or new: # Title",
        "README.pt.md: translates nothing any more: ## Part",
    ]
    stamp({"pt/intro.md"})
    assert [line.split(":")[0] for line in status()] == ["README.md", "README.pt.md"]


def test_what_is_not_translated_is_listed(book):
    (book / "pt" / "intro.md").unlink()
    (book / "pt" / "chapters" / "01_small.ipynb").unlink()
    assert status() == ["chapters/01_small.ipynb: not translated", "intro.md: not translated"]


def test_headings_in_code_are_none():
    assert [*sections("a\n# One\n````\n```\n# x\n````\n# Two\n")] == ["", "# One", "# Two"]
