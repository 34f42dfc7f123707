"""The glossary holds every term that a chapter introduces in bold, in order."""

import re

import nbformat
import pytest
from ledger import ROOT, chapter_paths

PAGE = (ROOT / "glossary.md").read_text(encoding="utf-8")
TERMS = re.findall(r"^(\S[^\n]*)\n  \S", PAGE.split("```{glossary}\n")[1], re.MULTILINE)


def test_terms_are_sorted_and_there_once():
    assert sorted(set(TERMS), key=str.lower) == TERMS
    assert len(TERMS) > 40


@pytest.mark.parametrize("path", chapter_paths(), ids=lambda path: path.stem)
def test_each_term_that_a_chapter_introduces_is_there(path):
    cells = nbformat.read(path, as_version=4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    bold = re.findall(r"\*\*([^*\n]+)\*\*", text)
    known = {term.lower() for term in TERMS}
    for term in (term for term in bold if not term.endswith(".")):  # else a heading in the line
        assert {term.lower(), term.lower().removesuffix("s")} & known, f"{term!r} is missing"
