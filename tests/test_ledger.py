"""Every claim of the book has a test, and every claim mark a claim."""

import html
import re
from types import SimpleNamespace

import nbformat
import pytest
from bs4 import BeautifulSoup
from built import soup_of
from editions import PORTUGUESE
from languages import FOLDERS
from ledger import (
    DOCUMENT_NUMBERS,
    GENERAL,
    PROVED,
    ROOT,
    all_claims,
    all_marks,
    chapter_paths,
    claims_of,
    marks_of,
    number_as_the_document,
    rendered,
)
from myst import blocks, markdown_of
from nbformat.v4 import new_markdown_cell, new_notebook
from sources import address_of, lines_of, source_of
from test_pages import HTML

CLAIMS = all_claims()
PORTUGUESE_CLAIMS = all_claims(PORTUGUESE)


def test_there_are_claims_and_labels_are_unique():
    labels = [claim.label for claim in CLAIMS]
    assert {"def-loss", "thm-2", "thm-2-1"} <= set(labels)
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.label)
def test_claim_has_its_tests(claim):
    tests = [test for test in all_marks() if test.label == claim.label]
    assert tests, f"no test is marked with claim({claim.label!r})"
    if claim.kind in GENERAL:
        assert any(test.general for test in tests), f"{claim.label} needs a Hypothesis test"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.label)
def test_claim_is_complete(claim):
    assert claim.statement
    assert claim.title
    if claim.kind in PROVED:
        assert claim.hypotheses, f"{claim.label} states no hypotheses"
        assert claim.stops, f"{claim.label} does not say where it stops"


def test_the_portuguese_claims_are_the_same_and_as_complete():
    told, said = (
        [(c.label, c.kind, c.chapter, bool(c.hypotheses), bool(c.stops)) for c in claims]
        for claims in (CLAIMS, PORTUGUESE_CLAIMS)
    )
    assert told == said
    for claim in PORTUGUESE_CLAIMS:
        assert claim.hypotheses.startswith("**Hipóteses.**") or not claim.hypotheses
        assert claim.stops.startswith("**Onde deixa de valer.**") or not claim.stops
        assert "**Testes.** nenhum" in rendered(claim, [], "pt-BR")


@pytest.mark.parametrize("claim", [*CLAIMS, *PORTUGUESE_CLAIMS], ids=lambda claim: claim.label)
def test_a_numbered_box_speaks_for_the_book(claim):
    """What the document says and the book does not is a quotation, outside the ledger."""
    says = r"\b([Tt]he document|[Oo] documento)(:| (says|adds|claims|diz|acrescenta|afirma)\b)"
    assert not re.search(says, f"{claim.title}\n{claim.statement}")


@pytest.mark.parametrize("edition", [ROOT, PORTUGUESE], ids=["en", "pt"])
def test_the_documents_own_words_are_quoted_alike(edition):
    title = {ROOT: "The document says", PORTUGUESE: "O documento diz"}[edition]
    found = {}
    for path in chapter_paths(edition):
        text = markdown_of(path)
        quoted = [box for box in blocks(text) if box.options.get("class") == "document-quote"]
        assert text.count("document-quote") == len(quoted)
        for box in quoted:
            assert (box.name, box.argument) == ("admonition", title)
            assert re.fullmatch(r"\n(?:>.*\n)+", box.body)
        found[path.stem] = len(quoted)
    assert {name: count for name, count in found.items() if count} == {
        "04_weights": 2,
        "07_teacher_forcing": 1,
    }


def test_the_documents_numbers_cannot_be_taken_for_the_books():
    running = {label: (chapter, 1) for chapter, label in enumerate(DOCUMENT_NUMBERS, start=1)}
    running |= {"prop-chain": (2, 1), "def-table": (2, 1)}
    book = SimpleNamespace(toc_fignumbers={"chapters/02": {"theorem": running}})
    number_as_the_document(None, book)
    written = {label: ".".join(map(str, number)) for label, number in running.items()}
    assert [written[label] for label in DOCUMENT_NUMBERS] == ["D2", "D2.1", "D2.1"]
    assert written["prop-chain"] == written["def-table"] == "2.1"
    assert {claim.label for claim in CLAIMS} >= set(DOCUMENT_NUMBERS)
    bare = r"\b(Theorem|Lemma|Teorema|Lema) 2(\.1)?\b(?!\.\d)(?! (of the document|do documento))"
    for edition in (ROOT, PORTUGUESE):
        for path in [*chapter_paths(edition), *edition.glob("*.md"), *ROOT.glob("README*.md")]:
            if path.name != "LOG.md":  # the record of what was done under the older numbers
                assert not re.search(bare, path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("test", all_marks(), ids=lambda test: test.name)
def test_marks_name_known_claims(test):
    assert test.label in {claim.label for claim in CLAIMS}


def test_reading_a_chapter(tmp_path):
    box = (
        "```{prf:lemma} Small\n:label: lem-small\n\n$x$ is small.\n\n**Hypotheses.** None\nat all."
        "\n\n**Where it stops.** At 1.\n```\n\n```{prf:proof}\nClear.\n```\n"
    )
    path = tmp_path / "09_small.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell(box)]), path)
    (claim,) = claims_of(path)
    assert (claim.label, claim.kind, claim.title) == ("lem-small", "lemma", "Small")
    assert claim.statement == "$x$ is small."
    assert claim.hypotheses == "**Hypotheses.** None\nat all."
    assert claim.stops == "**Where it stops.** At 1."
    nbformat.write(
        new_notebook(cells=[new_markdown_cell(box.replace(":label: lem-small", ""))]), path
    )
    with pytest.raises(ValueError, match="the lemma 'Small' has no label"):
        claims_of(path)


@pytest.mark.parametrize("fence", ["```", ":::", " ````"])
def test_a_box_is_read_as_the_page_reads_it(tmp_path, fence):
    path = tmp_path / "09_small.ipynb"
    box = f"{fence}{{prf:lemma}} Small\n:label: lem-small\n\nText.\n"
    nbformat.write(new_notebook(cells=[new_markdown_cell(f"{box}{fence}\n")]), path)
    (claim,) = claims_of(path)
    assert (claim.label, claim.title, claim.statement) == ("lem-small", "Small", "Text.")
    nbformat.write(new_notebook(cells=[new_markdown_cell(box)]), path)
    with pytest.raises(ValueError, match=r"\{prf:lemma\} Small is not closed"):
        claims_of(path)


def test_a_rendered_claim_has_all_its_parts():
    (claim,) = [claim for claim in CLAIMS if claim.label == "thm-2-1"]
    tests = [mark for mark in all_marks() if mark.label == claim.label]
    text = "\n".join(rendered(claim, tests))
    for part in (
        claim.statement,
        claim.hypotheses,
        claim.stops,
        tests[0].name,
        "{prf:ref}`thm-2-1`",
    ):
        assert part in text


def test_reading_a_test_file(tmp_path):
    path = tmp_path / "test_small.py"
    path.write_text(
        "@pytest.mark.claim('a')\n@given(x)\ndef test_one(x): ...\n"
        "@pytest.mark.claim('b')\n@pytest.mark.slow\ndef test_two(): ...\n"
        "@pytest.mark.claim('c')\n@pytest.mark.skip('later')\ndef test_three(): ...\n"
        "@pytest.mark.claim('d')\n@given(x)\ndef helper(): ...\n"
    )
    found = [(test.label, test.name, test.general) for test in marks_of(path)]
    assert found == [
        ("a", "test_small.py::test_one", True),
        ("b", "test_small.py::test_two", False),
    ]


# ---- the built ledger, and where its tests are shown ----


@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS.keys())
def test_the_ledger_has_contents_by_chapter(folder):
    soup = soup_of(f"{folder}reference/claims.html")
    sections = soup.select("section.claims")
    chapters = [path.stem for path in chapter_paths() if claims_of(path)]
    assert [section["id"] for section in sections] == [f"claims-{name}" for name in chapters]
    for section, name in zip(sections, chapters, strict=True):
        assert section.h2.a["href"] == f"../chapters/{name}.html"
        assert len(section.select(".claim")) == sum(c.chapter == name for c in CLAIMS)
    contents = soup.select_one(".section-nav").select("a")
    assert [a["href"] for a in contents] == [f"#{section['id']}" for section in sections]


@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS.keys())
def test_every_test_that_the_ledger_names_leads_to_its_source(folder):
    soup = soup_of(f"{folder}reference/claims.html")
    links = [link for link in soup.select(".claim a") if "::test_" in link.get_text()]
    assert sorted(link.get_text() for link in links) == sorted(mark.name for mark in all_marks())
    shown = {}
    for link in links:
        file, _, name = link.get_text().partition("::")
        page, _, anchor = link["href"].partition("#")
        assert (page, anchor) == (f"../tests/{file.removesuffix('.py')}.html", name)
        if page not in shown:
            shown[page] = (HTML / folder / "reference" / page).read_text(encoding="utf-8")
            code = BeautifulSoup(shown[page], "html.parser").select_one("article pre").get_text()
            assert code.strip() == source_of(file).strip()
        _, there, after = shown[page].partition(f'<span id="{name}"></span>')
        assert there
        code = html.unescape(re.sub("<[^>]*>", "", after[:20_000]))
        assert code.startswith("@")
        assert re.search(r"^def (\w+)", code, re.MULTILINE)[1] == name


def test_with_an_address_the_name_leads_to_the_line_in_the_repository():
    options = {"repository_url": "https://example.org/book/", "repository_branch": "stable"}
    for mark in all_marks():
        address = address_of(mark.name, options)
        file, _, name = mark.name.partition("::")
        start = f"https://example.org/book/blob/stable/tests/{file}#L"
        assert address.startswith(start)
        block = source_of(file).splitlines()[int(address.removeprefix(start)) - 1 :]
        assert block[0].startswith("@")
        assert next(line for line in block if line.startswith("def ")).startswith(f"def {name}(")
        assert address_of(mark.name, {"repository_url": ""}) == ""


def test_a_test_begins_with_its_first_decorator():
    source = "import x\n\n@one\n@two(\n    3)\ndef test_a(): ...\ndef test_b(): ...\ndef c(): ...\n"
    assert lines_of(source) == {"test_a": 3, "test_b": 7}
