"""Every entry of the index leads to a place that exists and speaks of the term."""

import re

import pytest
import test_pages
from bs4 import BeautifulSoup
from docutils.nodes import make_id
from editions import EDITIONS, PORTUGUESE, ROOT
from index_terms import PLACE, alphabetical, place_of, read_terms, split_name
from languages import FOLDERS
from ledger import all_claims, chapter_paths
from myst import blocks, markdown_of
from test_pages import HTML, PAGES


def texts_of(edition):
    """The text of each chapter of an edition."""
    return {path.stem: markdown_of(path) for path in chapter_paths(edition)}


def boxes_in(texts):
    """Each labeled box, with the text after it to the next heading."""
    found = {}
    for text in texts.values():
        for box in blocks(text):
            if box.name.startswith("prf:") and "label" in box.options:
                after = "\n".join(text.splitlines()[box.end :]).split("\n## ")[0]
                found[box.options["label"]] = f"{box.argument}\n{box.body}\n{after}"
    return found


PLACES = {edition: read_terms(edition / "reference" / "index_terms.yml") for edition in EDITIONS}
TEXTS = {edition: texts_of(edition) for edition in EDITIONS}
BOXES = {edition: boxes_in(TEXTS[edition]) for edition in EDITIONS}
every_edition = pytest.mark.parametrize("edition", EDITIONS, ids=["en", "pt"])


def sections(text):
    """The sections of a chapter, by the anchor that Sphinx makes of their heading."""
    parts = re.split(r"^(#{2,3}) +(.*)$", text, flags=re.MULTILINE)
    return {
        make_id(heading): heading + body
        for heading, body in zip(parts[2::3], parts[3::3], strict=True)
    }


def words_of(term):
    """The part of an entry that must occur, without the s of a plural."""
    return term.split(";")[0].strip().lower().removesuffix("s")


@pytest.mark.parametrize(
    ("edition", "term", "place"),
    [(edition, *entry) for edition in EDITIONS for entry in PLACES[edition]],
    ids=lambda value: {ROOT: "en", PORTUGUESE: "pt"}.get(value),
)
def test_the_place_exists_and_speaks_of_the_term(edition, term, place):
    where = PLACE.fullmatch(place)
    found = sections(TEXTS[edition][where["chapter"]]) if where["chapter"] else BOXES[edition]
    assert where["anchor"] in found, f"{term!r} leads to {place}, which does not exist"
    text = " ".join(found[where["anchor"]].lower().split())
    assert words_of(term) in text, f"{place} does not speak of {term!r}"


@every_edition
def test_the_index_is_sorted_and_reaches_every_chapter(edition):
    terms = list(dict.fromkeys(term for term, _ in PLACES[edition]))
    assert terms == sorted(terms, key=alphabetical)
    labels = {place for _, place in PLACES[edition] if "#" not in place}
    for chapter, text in TEXTS[edition].items():
        own = re.findall(r"^:label: *(\S+)", text, re.MULTILINE)
        assert labels & set(own), f"no entry leads to a box of {chapter}"


@every_edition
def test_a_term_leads_once_into_a_chapter(edition):
    chapter_of = {claim.label: claim.chapter for claim in all_claims()}
    found = [
        (term, place.split("#")[0] if "#" in place else chapter_of[place])
        for term, place in PLACES[edition]
    ]
    assert len(found) == len(set(found))


def test_a_place_that_is_none_is_named(tmp_path):
    path = tmp_path / "index_terms.yml"
    path.write_text("surprise: [The definition]\n")
    with pytest.raises(ValueError, match="'surprise' leads to 'The definition', which is no"):
        read_terms(path)


def test_a_link_says_where_it_leads():
    assert place_of("chapters/04_weights.html#prop-rate") == "chapter 4"
    assert place_of("chapters/10_more.html#x") == "chapter 10"
    assert place_of("chapters/04_weights.html#prop-rate", "pt-BR") == "capítulo 4"
    assert place_of("reference/glossary.html#term-bit") == "glossary"
    assert place_of("reference/api.html#nwp.loss.softmax") == ""


@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS.keys())
def test_ideas_are_in_the_index_and_names_on_the_page_of_the_api(folder):
    if not PAGES:
        test_pages.unavailable("the book is not built: run make book")
    index, api = (
        BeautifulSoup((HTML / folder / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
        for page in ("genindex", "reference/api")
    )
    links = [link["href"] for link in index.select(".index-entries a")]
    assert len(links) > 150
    assert [link for link in links if "reference/api.html" in link] == []
    assert not re.search(r"\(\)|nwp\.", index.select_one("article").get_text())
    listed = [link["href"].removeprefix("#") for link in api.select(".index-entries a")]
    documented = {tag["id"] for tag in api.select("dl.py > dt[id]")}
    assert set(listed) == documented
    assert len(set(listed)) == len(listed) > 150
    names = [link.get_text() for link in api.select(".index-entries a")]
    assert names == sorted(names, key=alphabetical)
    for item in api.select(".index-entries li"):
        name, module = item.get_text().strip().removesuffix(")").split(" (")
        assert item.a["href"] == f"#{module}.{name}"


def test_a_name_is_split_after_its_module():
    assert split_name("nwp.loss.one_hot") == ("one_hot", "nwp.loss")
    assert split_name("nwp.weights.Nodes.logits") == ("Nodes.logits", "nwp.weights")
    assert split_name("nwp.exercises.kinds.Code") == ("Code", "nwp.exercises.kinds")
    with pytest.raises(ValueError, match="'numpy' is the name of no"):
        split_name("numpy")
