"""The glossary of each edition holds every term that a chapter introduces in bold, in order."""

import re

import pytest
from editions import EDITIONS
from ledger import chapter_paths
from myst import blocks, markdown_of
from notebooks import ROOT
from test_index import alphabetical


def terms_of(edition):
    page = (edition / "glossary.md").read_text(encoding="utf-8")
    (glossary,) = (block for block in blocks(page) if block.name == "glossary")
    return re.findall(r"^(\S[^\n]*)\n  \S", glossary.body, re.MULTILINE)


def singular(term):
    """Words without the endings of the plural that occur, in either language."""
    return re.sub(r"s\b", "", re.sub(r"ões\b", "ão", term.lower()))


TERMS = {edition: terms_of(edition) for edition in EDITIONS}


@pytest.mark.parametrize("edition", EDITIONS, ids=["en", "pt"])
def test_terms_are_sorted_and_there_once(edition):
    terms = TERMS[edition]
    assert sorted(set(terms), key=alphabetical) == terms
    assert len(terms) > 40


@pytest.mark.parametrize(
    ("edition", "path"),
    [(edition, path) for edition in EDITIONS for path in chapter_paths(edition)],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_each_term_that_a_chapter_introduces_is_there(edition, path):
    bold = re.findall(r"\*\*([^*\n]+)\*\*", markdown_of(path))
    known = {singular(term) for term in TERMS[edition]}
    for term in (term for term in bold if not term.endswith(".")):  # else a heading in the line
        assert singular(term) in known, f"{term!r} is missing"
