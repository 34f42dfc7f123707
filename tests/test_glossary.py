"""The glossary holds every term that a chapter introduces in bold, linked with its first uses."""

import re
from copy import copy
from functools import cache

import pytest
from built import soup_of
from docutils import nodes
from editions import EDITIONS
from glossary import FORMS, PAGE, Finder, Term, anchor_of, link_first_uses, names_of, terms_of
from languages import FOLDERS
from ledger import chapter_paths
from myst import markdown_of
from notebooks import ROOT
from sphinx import addnodes
from test_index import alphabetical
from test_pages import PAGES


def singular(term):
    """Words without the endings of the plural that occur, in either language."""
    return re.sub(r"s\b", "", re.sub(r"ões\b", "ão", term.lower()))


TERMS = {edition: names_of(edition) for edition in EDITIONS}


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
def test_each_term_that_a_chapter_introduces_is_there_and_is_known_by_its_form(edition, path):
    bold = re.findall(r"\*\*([^*\n]+)\*\*", markdown_of(path))
    known = {singular(term) for term in TERMS[edition]}
    finder = Finder(terms_of(edition), int(path.stem.split("_")[0]))
    for term in (term for term in bold if not term.endswith(".")):  # else a heading in the line
        assert singular(term) in known, f"{term!r} is missing"
        whole = [(start, end) for _, start, end in finder.found(term)]
        assert whole == [(0, len(term))], f"{FORMS} lacks the form {term!r}"


# ---- which words are a term ----

SMALL = [
    Term("entropy", ("entropy", "entropies")),
    Term("entropy rate", ("entropy rate", "entropy rates")),
    Term("guess", ("guess", "guesses"), not_in=("guess before",)),
    Term("bit", ("bit", "bits"), chapters=(2,)),
]


def found(text, chapter=2):
    return [(name, text[start:end]) for name, start, end in Finder(SMALL, chapter).found(text)]


def test_of_overlapping_terms_the_longest_is_meant():
    assert found("The Entropy\nrate, and entropies.") == [
        ("entropy rate", "Entropy\nrate"),
        ("entropy", "entropies"),
    ]
    assert found("cross-entropy, entropy-like, entropyless") == []


def test_a_word_of_everyday_language_is_no_term():
    assert found("Guess before you read; a guess costs bits.") == [
        ("guess", "guess"),
        ("bit", "bits"),
    ]
    assert found("16 bits", chapter=5) == []


def test_a_form_of_no_entry_is_named(tmp_path):
    (tmp_path / PAGE).parent.mkdir(exist_ok=True)
    (tmp_path / PAGE).parent.mkdir(exist_ok=True)
    (tmp_path / f"{PAGE}.md").write_text("```{glossary}\nbit\n  A unit.\n```\n")
    for text, message in (
        ("byte: {forms: [bytes]}", "'byte' is no entry of"),
        ("bit: {form: [bits]}", r"'bit' has \['form'\], expected"),
    ):
        (tmp_path / FORMS).write_text(text)
        with pytest.raises(ValueError, match=message):
            terms_of(tmp_path)


def paragraph(*parts):
    return nodes.paragraph("", "", *(nodes.Text(p) if isinstance(p, str) else p for p in parts))


def document(*children):
    made = nodes.section()
    made.extend(children)
    return made


def links_in(made):
    return [
        (link["reftarget"], link.astext(), link[0]["ids"])
        for link in made.findall(addnodes.pending_xref)
        if link["reftype"] == "term"
    ]


def test_only_the_first_use_is_linked_and_none_where_the_book_does_not_speak():
    made = document(
        nodes.title("", "Entropy"),
        nodes.block_quote("", paragraph("They say entropy.")),
        paragraph(nodes.literal("", "entropy"), " ", nodes.reference("", "entropy"), "."),
        paragraph("A bit of the ", nodes.strong("", "entropy rate"), " is an entropy."),
        paragraph("Entropy, bit."),
    )
    assert link_first_uses(made, Finder(SMALL, 2)) == ["bit", "entropy rate", "entropy"]
    assert links_in(made) == [
        ("bit", "bit", ["use-bit"]),
        ("entropy rate", "entropy rate", ["use-entropy-rate"]),
        ("entropy", "entropy", ["use-entropy"]),
    ]
    assert made.astext().count("entropy rate is an entropy.") == 1


def test_texts_that_say_the_same_are_told_apart():
    """A term that begins in a text whose like stands before it stays in its place."""
    made = document(paragraph(" a ", nodes.math("", "x"), "entropy", nodes.emphasis("", " rate")))
    made[0].insert(0, nodes.math("", "y"))
    made[0].insert(0, nodes.Text("-"))
    made[0].insert(0, nodes.Text("entropy"))  # before a hyphen no term
    assert link_first_uses(made, Finder(SMALL, 2)) == ["entropy rate"]
    assert made.astext().endswith("xentropy rate")
    assert [child.astext() for child in made[0]][-1] == "entropy rate"


def test_a_term_half_in_italics_is_linked_as_a_whole_or_named():
    made = document(paragraph("The entropy ", nodes.emphasis("", "rate"), "."))
    assert link_first_uses(made, Finder(SMALL, 2)) == ["entropy rate"]
    assert links_in(made) == [("entropy rate", "entropy rate", ["use-entropy-rate"])]
    assert [node.astext() for node in made.findall(nodes.emphasis)] == ["rate"]
    made = document(paragraph("The entropy ", nodes.emphasis("", "rate of it"), "."))
    with pytest.raises(ValueError, match="'entropy rate' is set in italics or bold only in part"):
        link_first_uses(made, Finder(SMALL, 2))


# ---- the built pages ----

NO_PROSE = (
    "h1, h2, h3, h4, figcaption, blockquote, code, pre, .math, mjx-container, svg, .cell, "
    ".admonition-title, .question, .solution, .sidebar-title, .headerlink, .machine-checked, "
    "script, style"
)
CHAPTERS = sorted(page for page in PAGES if re.search(r"(^|/)chapters/", page)) or ["chapters/-"]


@cache
def article_of(page):
    return soup_of(page).select_one("article")


@pytest.mark.parametrize("page", CHAPTERS)
def test_every_term_of_a_chapter_is_linked_at_its_first_use_in_prose(page):
    """By another route than the links were made: from the text of the page as it was built."""
    article = copy(article_of(page))
    edition = EDITIONS[page.startswith("pt/")]
    finder = Finder(terms_of(edition), int(re.search(r"chapters/0*(\d+)", page)[1]))
    linked = {link.find("span")["id"]: link for link in article.select("a:has(> .std-term)")}
    assert len(linked) > 10
    for tag in article.select(NO_PROSE):
        assert not tag.select("a:has(> .std-term)"), tag
        tag.replace_with("\0")
    for link in article.select("a:not(:has(> .std-term))"):
        link.replace_with("\0")
    firsts = {}
    for prose in article.select("p"):
        text = prose.get_text()
        for name, start, _ in finder.found(text):
            firsts.setdefault(name, (prose, start))
    assert {anchor_of(name) for name in firsts} == linked.keys()
    for name, (prose, start) in firsts.items():
        span = prose.find(id=anchor_of(name))
        assert span is not None, f"{name!r} is linked later than in {prose.get_text()!r}"
        before = "".join(
            text for text in span.find_all_previous(string=True) if prose in text.parents
        )
        assert len(before) == start, name


@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS.keys())
def test_entries_lead_back_to_the_first_uses_and_the_uses_to_the_entries(folder):
    glossary = article_of(f"{folder}{PAGE}.html")
    chapters = [page for page in CHAPTERS if page.startswith(f"{folder}chapters/")]
    back = {
        (link["href"].rsplit("/", 1)[-1], dd.find_previous_sibling("dt")["id"])
        for dd in glossary.select("dl.glossary > dd")
        for link in dd.select(".term-uses a")
    }
    uses = set()
    for page in chapters:
        for link in article_of(page).select("a:has(> .std-term)"):
            entry = link["href"].partition("#")[2]
            assert glossary.find(id=entry) is not None
            uses.add((f"{page.rsplit('/', 1)[-1]}#{link.span['id']}", entry))
    assert back == uses
    assert len(uses) > 150
