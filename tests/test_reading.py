"""The reading time below a chapter's title is the one computed from its text."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebooks import ROOT
from reading import chapters, minutes, sentence, with_sentence

CHAPTERS = chapters()


@pytest.mark.parametrize(
    ("path", "language"), CHAPTERS, ids=[str(path.relative_to(ROOT)) for path, _ in CHAPTERS]
)
def test_the_line_is_true(path, language):
    notebook = nbformat.read(path, as_version=4)
    lines = notebook.cells[0].source.splitlines()
    assert lines[0].startswith("# ")
    assert lines[2] == sentence(notebook, language), "python tools/reading.py writes it anew"


def book(*texts):
    return new_notebook(cells=[new_markdown_cell(text) for text in texts])


def test_words_formulas_and_cells():
    assert minutes(book("word " * 1800)) == (10, 30, 0)
    assert minutes(book("$a + b$ " * 1800)) == (10, 30, 0)
    assert minutes(book("$$\na + b\n$$\n\n" * 180)) == (10, 30, 0)
    cells = [new_code_cell("x = 1") for _ in range(10)]
    hidden = [new_code_cell("x = 1", metadata={"tags": ["hide-input"]}) for _ in range(10)]
    assert minutes(new_notebook(cells=[*cells, *hidden])) == (10, 30, 0)


def test_tasks_count_for_themselves_alone():
    exercise = "```{exercise} ★★ By hand: x\n:label: x\n\n" + "word " * 1800 + "\n```"
    question = ":::{question} q-x\n" + "word " * 1800 + "\n:::"
    start, end = (
        "````{solution-start} x\n````\n\nword",
        "````{solution-end}\n````\n\n" + "word " * 900,
    )
    notebook = book(exercise, start, "word " * 1800, end, *[question] * 5)
    notebook.cells.insert(2, new_code_cell("x = 1"))
    assert minutes(notebook) == (5, 30, 1)  # 5 + 5 questions + 30, to the half hour: 40


def test_a_folded_note_is_not_counted_with_whatever_stands_in_it():
    proof = "```{prf:proof}\n" + "word " * 1800 + "\n```"
    note, box = (
        f"````{{admonition}} A proof\n:class: {name}\n\n{proof}\n````"
        for name in ("dropdown", "document-quote")
    )
    assert minutes(book("word " * 1800, note)) == (10, 30, 0)
    assert minutes(book("word " * 1800, box)) == (20, 30, 0)


def test_the_line_replaces_an_old_one():
    first = with_sentence(book("# Title\n\nText."), "en")
    assert first.startswith("# Title\n\n*Reading: about 5 min; with questions and 0 exercises")
    assert first.endswith("*\n\nText.")
    assert with_sentence(book(first), "en") == first
    assert with_sentence(book(first), "pt-BR").startswith("# Title\n\n*Leitura: ")
    assert with_sentence(book(with_sentence(book(first), "pt-BR")), "en") == first
