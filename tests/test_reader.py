"""The reader's notebooks: nothing of MyST left, nothing given away, every link and number right."""

import ast
import builtins
import json
import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
import surroundings
from editions import EDITIONS, ROOT
from folds import kind_of
from ledger import chapter_paths
from myst import blocks
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from reader import FOLDER, Book, Place, Work, fingerprint, lay_out, readers

HTML = ROOT / "_build" / "html"
CASES = [
    pytest.param(edition, path, id=path.relative_to(ROOT).as_posix())
    for edition in EDITIONS
    for path in chapter_paths(edition)
]
FENCED = re.compile(r"^(`{3,}).*?^\1", re.MULTILINE | re.DOTALL)
FOLD = re.compile(r"<details>.*?</details>", re.DOTALL)
PLACES = {
    "thm-2": Place("Theorem D2", "02_equivalence", "thm-2"),
    "def-a": Place("Definition 9.1", "09_small", "def-a"),
    "exr-a": Place("Exercise 9.1", "09_small", "exr-a"),
    "fig-a": Place("Fig. 9.1", "09_small", "fig-a"),
}
WORKS = {
    "a2000": Work("Ana and Bo", "2000", "Ana and Bo. <em>A</em>, 2000."),
    "b2001": Work("Bo", "2001", "Bo. <em>B</em>, 2001."),
    "c2002": Work("Caio", "2002", "never cited"),
}
BOOK = Book("en", PLACES, WORKS)


def small(*cells):
    """The reader's notebook of a chapter with these cells; a text is Markdown."""
    made = [new_markdown_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    return readers(new_notebook(cells=made), "09_small", BOOK)


def told(*cells):
    """What the Markdown of such a notebook says."""
    return markdown_of(small(*cells))


def markdown_of(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_box_keeps_its_number_and_its_formula():
    box = "```{prf:definition} Loss\n:label: def-a\n\nIt is\n\n$$\nx > 0\n$$\n```"
    assert told(f"Before.\n\n{box}\n\nAfter {{prf:ref}}`def-a`.") == (
        'Before.\n\n<a id="def-a"></a>\n<blockquote>\n\n**Definition 9.1** (Loss)\n\n'
        "It is\n\n$$\nx > 0\n$$\n\n</blockquote>\n\nAfter [Definition 9.1](#def-a)."
    )


def test_reference_to_another_chapter_leads_to_its_notebook():
    assert told("See {prf:ref}`thm-2`.") == "See [Theorem D2](02_equivalence.ipynb#thm-2)."


def test_only_what_is_cited_is_listed():
    said = told("{cite:t}`b2001` says so {cite}`a2000,b2001`.")
    assert said.startswith(
        "[Bo (2001)](#cite-b2001) says so "
        "([Ana and Bo, 2000](#cite-a2000); [Bo, 2001](#cite-b2001)).\n\n## References"
    )
    assert '<li id="cite-a2000">Ana and Bo. <em>A</em>, 2000.</li>' in said
    assert "never cited" not in said


def test_choices_are_folded_and_unmarked():
    said = told(
        ":::{question} q-small-a\nWhich, if $a < b$?\n\n"
        "- [ ] The *one* with $\\frac{a}{2} < b$.\n\n  It is not.\n\n"
        "- [x] `x`, as $10^{-5} < \\hat y[w]$.\n\n  It is, by {prf:ref}`def-a`.\n:::"
    )
    assert said == (
        '<a id="q-small-a"></a>\n\n**Question 1.** Which, if $a < b$?\n\n'
        "<details>\n<summary>(a) The <em>one</em> with $\\frac{a}{2} \\lt  b$.</summary>\n\n"
        "**Not right.** It is not.\n\n</details>\n\n"
        "<details>\n<summary>(b) <code>x</code>, as 10⁻⁵ &lt; ŷ[w].</summary>\n\n"
        "**Right.** It is, by [Definition 9.1](#def-a).\n\n</details>"
    )


EXERCISE = "```{exercise} ★ Code\n:label: exr-a\n\nWrite it.\n```"
STARTS = "````{solution-start} exr-a\n:class: dropdown\n````"
ENDS = "````{solution-end}\n````"


def test_solution_is_one_fold_with_code_and_result():
    code = new_code_cell("print(1)", outputs=[new_output("stream", text="1\n")])
    notebook = small(f"{EXERCISE}\n\n{STARTS}\n\nSo:", code, f"And.\n\n{ENDS}\n\nNext.")
    assert [cell.cell_type for cell in notebook.cells] == ["markdown"] * 3
    exercise, solution, rest = (cell.source for cell in notebook.cells)
    assert exercise == '<a id="exr-a"></a>\n\n### Exercise 9.1 (★ Code)\n\nWrite it.'
    assert solution == (
        "<details>\n<summary>Solution to Exercise 9.1</summary>\n\nSo:\n\n"
        "```python\nprint(1)\n```\n\n```text\n1\n```\n\nAnd.\n\n</details>"
    )
    assert rest == "Next."


def test_figure_is_folded_and_has_its_caption():
    words = {"figure": {"name": "fig-a", "caption": "As {prf:ref}`def-a` says."}}
    figure = new_code_cell("plt.show()", metadata={"tags": ["hide-input"], "mystnb": words})
    _, code, caption = small("# A", figure).cells
    assert code.metadata == {"jupyter": {"source_hidden": True}, "cellView": "form"}
    assert caption.source == ('<a id="fig-a"></a>\n**Fig. 9.1.** As [Definition 9.1](#def-a) says.')


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{prf:ref}`thm-9`", "09_small: nothing has the label 'thm-9'"),
        ("{cite}`z1999`", "09_small: nothing to cite is called 'z1999'"),
        ("{eq}`sum`", "09_small: no notebook has a role 'eq', here of 'sum'"),
        ("```{tip}\nNo.\n```", "09_small: no notebook has a 'tip'"),
    ],
)
def test_what_is_unknown_is_named(text, complaint):
    with pytest.raises(ValueError, match=re.escape(complaint)):
        small(text)


def test_figure_in_a_solution_is_refused():
    picture = new_output("display_data", data={"image/png": "", "text/plain": ""})
    with pytest.raises(ValueError, match="09_small: a solution draws a figure"):
        small(STARTS, new_code_cell("plt.show()", outputs=[picture]), ENDS)


def test_with_an_address_the_first_code_fetches_the_book():
    chapter = new_notebook(cells=[new_markdown_cell("# A"), new_code_cell("import nwp")])
    book = Book("pt-BR", PLACES, WORKS, address="https://github.com/someone/book")
    _, fetch, code = readers(chapter, "09_small", book).cells
    assert "!git clone --quiet --depth 1 https://github.com/someone/book book\n" in fetch.source
    assert fetch.source.endswith("%cd book/pt/chapters")
    assert code.source == "import nwp"


def built(edition, path):
    found = HTML / edition.relative_to(ROOT) / FOLDER / path.name
    if not found.exists():
        pytest.skip("the book is not built: run make book")
    return nbformat.read(found, as_version=4)


def parts_of(path):
    """The code cells of a chapter, each with whether it is a solution's."""
    inside = False
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            yield cell, inside
        else:
            for block in blocks(cell.source):
                if block.name in ("solution-start", "solution-end"):
                    inside = block.name == "solution-start"


@pytest.mark.parametrize(("edition", "path"), CASES)
def test_nothing_of_myst_is_left(edition, path):
    notebook = built(edition, path)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"^(?:`{3,}|:{3,}) *\{", cell.source, re.MULTILINE)
            prose = FENCED.sub("", cell.source)
            assert not re.search(r":::|\{[\w:]+\}`|^ *[-*+] \[[ x]\]|\]\(\)", prose, re.MULTILINE)


@pytest.mark.parametrize(("edition", "path"), CASES)
def test_code_and_outputs_are_the_chapters(edition, path):
    kept = [cell for cell in built(edition, path).cells if cell.cell_type == "code"]
    own = [cell for cell, in_solution in parts_of(path) if not in_solution]
    assert [cell.source for cell in kept] == [cell.source for cell in own]
    assert [cell.outputs for cell in kept] == [cell.outputs for cell in own]
    folded = [bool(cell.metadata) for cell in kept]
    assert folded == ["hide-input" in cell.metadata.get("tags", []) for cell in own]


@pytest.mark.parametrize(("edition", "path"), CASES)
def test_every_solution_is_folded(edition, path):
    text = markdown_of(built(edition, path))
    open_text, folds = FOLD.sub("", text), FOLD.findall(text)
    assert "details>" not in open_text
    starts = [
        block.argument
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown"
        for block in blocks(cell.source)
        if block.name == "solution-start"
    ]
    word = "Solution to Exercise" if edition == ROOT else "Solução do Exercício"
    solutions = [fold for fold in folds if f"<summary>{word} " in fold]
    assert len(solutions) == len(starts) >= 4
    for cell, in_solution in parts_of(path):
        if in_solution:
            assert sum(f"```python\n{cell.source}\n```" in fold for fold in solutions) == 1
            assert cell.source not in open_text


def names(cell, kind):
    """The names that a cell loads, or those that it binds."""
    found = set()
    for node in ast.walk(ast.parse(cell.source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) == (kind == "loaded"):
            found.add(node.id)
        elif kind == "bound" and isinstance(
            node, ast.FunctionDef | ast.ClassDef | ast.ExceptHandler
        ):
            found.add(node.name)
        elif kind == "bound" and isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[0])
        elif kind == "bound" and isinstance(node, ast.arg):
            found.add(node.arg)
    return found


@pytest.mark.parametrize(("edition", "path"), CASES)
def test_no_cell_needs_a_solution(edition, path):
    """The solutions are no cells of the reader's notebook, which must run without them."""
    bound = set(dir(builtins))
    for cell, in_solution in parts_of(path):
        if not in_solution:
            bound |= names(cell, "bound")
            assert names(cell, "loaded") <= bound, cell.source


@pytest.mark.parametrize(("edition", "path"), CASES)
def test_every_link_has_a_target(edition, path):
    folder = HTML / edition.relative_to(ROOT) / FOLDER
    text = markdown_of(built(edition, path))
    links = re.findall(r"\]\(([^()\s]+)\)", text)
    assert links
    for link in links:
        address, _, anchor = link.partition("#")
        if "://" in address:
            continue
        target = folder / address if address else folder / path.name
        assert target.is_file(), link
        if target.suffix == ".ipynb":
            there = markdown_of(nbformat.read(target, as_version=4))
            assert there.count(f'id="{anchor}"') == 1, link


@pytest.mark.parametrize(("edition", "path"), CASES)
def test_numbers_are_those_of_the_page(edition, path):
    text = markdown_of(built(edition, path))
    page = HTML / edition.relative_to(ROOT) / "chapters" / f"{path.stem}.html"
    html = page.read_text(encoding="utf-8")
    given = re.findall(r'<div class="proof [^"]*" id="([^"]*)">\s*<p class="admonition-title">'
                       r'<span class="caption-number">([^<]*?) *</span>', html)  # fmt: skip
    taken = re.findall(r'<a id="([^"]*)"></a>\n<blockquote>\n\n\*\*(.*?)\*\*', text)
    assert taken == given
    assert len(taken) >= 2


@pytest.mark.parametrize(
    ("edition", "chapter"), [(EDITIONS[0], "01_loss"), (EDITIONS[1], "04_weights")]
)
def test_runs_as_it_is_given_out(edition, chapter):
    """With its exercises unanswered, in a folder as deep as the reader's own."""
    path = edition / "chapters" / f"{chapter}.ipynb"
    notebook = built(edition, path)
    before = [printed(cell) for cell in notebook.cells]
    where = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources=where)
    client.execute(env=surroundings.own(os.environ, threads=1))
    assert [printed(cell) for cell in notebook.cells] == before


def printed(cell):
    shown = cell.get("outputs", [])
    text = "".join(output.get("text", "") for output in shown)
    return text, [sorted(output.data) for output in shown if "data" in output]


def put(folder, text):
    """Put a notebook, as a build does."""
    notebook = small(text)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "explorer-a.svg").write_text("<svg/>", encoding="utf-8")
    nbformat.write(notebook, folder / "09_small.ipynb")


def test_what_a_reader_wrote_is_kept(tmp_path, capsys):
    there, own = tmp_path / "html" / FOLDER, tmp_path / "my-notebooks"
    path = own / "09_small.ipynb"

    def mine():
        return nbformat.read(path, as_version=4)

    put(there, "[page](../chapters/09_small.html)")
    lay_out(there, own)
    assert mine().cells[0].source == "[page](../html/chapters/09_small.html)"
    assert mine().metadata.nwp.reader == fingerprint(mine().cells)
    assert (own / "explorer-a.svg").exists()

    put(there, "A better text")
    lay_out(there, own)
    assert mine().cells[0].source == "A better text"

    notebook = mine()
    notebook.cells.append(new_code_cell("my_answer = 1"))
    nbformat.write(notebook, path)
    lay_out(there, own)  # the book has nothing new
    put(there, "A still better text")
    assert capsys.readouterr().out == ""
    lay_out(there, own)
    assert [cell.source for cell in mine().cells] == ["A better text", "my_answer = 1"]
    assert "kept" in capsys.readouterr().out


def test_folds_say_what_is_in_them():
    figure = {"mystnb": {"figure": {"name": "fig-a", "caption": "A"}}}
    assert kind_of("import math\n", {}) == "imports"
    assert kind_of("from nwp import loss\n", {}) == "imports"
    assert kind_of("for _ in range(1000):\n    pass", {}) == "check"
    assert kind_of("for _ in range(1000):\n    pass", figure) == "figure"
    assert kind_of("importance = 1", {}) == "code"
    witness = {"tags": ["hide-input", "witness"]}
    assert kind_of("import torch\n", witness) == "witness"
    assert kind_of("import torch\n", witness | figure) == "figure"


@pytest.mark.parametrize(
    ("edition", "label"), [(EDITIONS[0], "Show the"), (EDITIONS[1], "Mostrar")]
)
def test_imports_of_every_page_are_folded(edition, label):
    for path in chapter_paths(edition):
        first = next(parts_of(path))[0]
        assert "hide-input" in first.metadata.tags
        page = HTML / edition.relative_to(ROOT) / "chapters" / f"{path.stem}.html"
        if not page.exists():
            pytest.skip("the book is not built: run make book")
        folds = re.findall(
            r'<p class="collapsed [^"]*">(.*?)</p>', page.read_text(encoding="utf-8")
        )
        assert folds
        assert all(fold.startswith(label) for fold in folds)


def test_jupyterlab_asks_nothing_and_looks_for_no_news():
    """Over the first page that a reader sees there stood a question about Jupyter's news."""
    own = json.loads((ROOT / "tools/jupyter/labconfig/default_setting_overrides.json").read_text())
    ((plugin, settings),) = own.items()
    assert settings == {"fetchNews": "false", "checkForUpdates": False}
    package, _, name = plugin.partition(":")
    schema = Path(sys.prefix, "share/jupyter/lab/schemas", package, f"{name}.json")
    properties = json.loads(schema.read_text(encoding="utf-8"))["properties"]
    assert settings.keys() <= properties.keys()
    assert properties["fetchNews"]["default"] == "none"  # which is to ask
