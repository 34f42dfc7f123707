"""The first page of either edition: what its first screen holds, and where the document is."""

import re

import chromium
import nbformat
import pytest
from bs4 import BeautifulSoup
from chapter_table import question_of
from editions import EDITIONS, PORTUGUESE, ROOT, contents
from ledger import chapter_paths
from test_pages import HTML, browser  # noqa: F401

PAGES = {edition: edition.relative_to(ROOT).as_posix().replace(".", "") for edition in EDITIONS}
PIECES = (
    "h1",
    ".start > p",
    ".start loss-explorer",
    ".start li",
    ".start .sd-btn",
    ".start .other-edition",
    ".start pre",
)
WHERE = """(pieces) => pieces.map((piece) => [...document.querySelectorAll(`article ${piece}`)]
    .map((e) => e.getBoundingClientRect()).map((r) => [r.left, r.top, r.right, r.bottom]))"""
# Where a chapter may speak of the document: margin notes, and quotations of it.
ASIDES = re.compile(r"```\{(?:margin|admonition)\} (?:The document|O documento).*?\n```", re.DOTALL)
DOCUMENT = re.compile(r"\b(?:the|o|do|no|ao) documento?\b(?!s)", re.IGNORECASE)


@pytest.mark.parametrize("edition", EDITIONS, ids=lambda edition: edition.name)
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_the_first_screen_holds_the_way_in(browser, edition, size):  # noqa: F811
    page = chromium.context(browser, viewport={"width": size[0], "height": size[1]}).new_page()
    page.goto(f"{(HTML / PAGES[edition]).as_uri()}/intro.html")
    page.wait_for_function("!!document.querySelector('loss-explorer').shadowRoot")
    found = page.evaluate(WHERE, PIECES)
    assert [len(boxes) for boxes in found] == [1, 1, 1, 3, 1, 1, 1]
    for piece, boxes in zip(PIECES, found, strict=True):
        for left, top, right, bottom in boxes:
            assert left >= 0, piece
            assert top >= 0, piece
            assert right <= size[0], piece
            assert bottom <= size[1], piece
    page.locator(".start .sd-btn").click()
    page.wait_for_url("**/chapters/01_loss.html")
    assert ("/pt/" in page.url) == (edition == PORTUGUESE)
    page.go_back()
    page.locator(".start .other-edition").click()
    page.wait_for_function(f"document.documentElement.lang !== {page_language(edition)!r}")
    assert page.url.endswith("intro.html")
    assert ("/pt/" in page.url) != (edition == PORTUGUESE)
    page.context.close()


def page_language(edition):
    html = (HTML / PAGES[edition] / "intro.html").read_text(encoding="utf-8")
    return re.search(r'<html lang="([^"]+)"', html)[1]


@pytest.mark.parametrize("edition", EDITIONS, ids=lambda edition: edition.name)
def test_the_commands_are_targets(edition):
    text = (edition / "intro.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    targets = re.findall(r"^make (\w+)", block, re.MULTILINE)
    assert targets == ["book", "test"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


@pytest.mark.parametrize("edition", EDITIONS, ids=lambda edition: edition.name)
def test_the_document_is_introduced_once(edition):
    """Nothing on the first page speaks of it before the section that says what it is."""
    text = (edition / "intro.md").read_text(encoding="utf-8")
    before, section = re.split(r"^## (?:The document|O documento)\n", text, flags=re.MULTILINE)
    assert not DOCUMENT.search(before)
    assert "<reference/document>" in section


@pytest.mark.parametrize(
    "path",
    [path for edition in EDITIONS for path in chapter_paths(edition)[:7]],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_no_main_line_needs_the_document(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            assert not DOCUMENT.search(ASIDES.sub("", cell.source)), cell.source[:200]


@pytest.mark.parametrize("edition", EDITIONS, ids=lambda edition: edition.name)
def test_the_page_of_the_document_has_its_text_in_portuguese(edition):
    html = (HTML / PAGES[edition] / "reference" / "document.html").read_text(encoding="utf-8")
    (section,) = re.findall(r'<section[^>]*lang="pt"[^>]*>(.*)</section>', html, re.DOTALL)
    for statement in ("Teorema 2:", "Teorema 2.1:", "Lema 2.1:", "Observação:"):
        assert f"<strong>{statement}</strong>" in section
    assert section.count("<blockquote>") == 2
    assert "$" not in section.replace("$$", "")


@pytest.mark.parametrize("edition", EDITIONS, ids=lambda edition: edition.name)
def test_the_tables_have_every_chapter_with_its_question_under_its_part(edition):
    html = (HTML / PAGES[edition] / "intro.html").read_text(encoding="utf-8")
    page = BeautifulSoup(html, "html.parser")
    tables = [table for table in page.select("article table") if table.select("a[href]")]
    rows = [[cell.get_text() for cell in row("td")] for table in tables for row in table("tr")]
    chapters = [nbformat.read(path, as_version=4).cells[0] for path in chapter_paths(edition)]
    expected = [[c.source.splitlines()[0].removeprefix("# "), question_of(c)] for c in chapters]
    assert [row for row in rows if row] == expected
    assert all(question.endswith("?") for _, question in expected)
    captions = [
        part["caption"]
        for part in contents(edition)["parts"]
        if part["chapters"][0]["file"].startswith("chapters/")
    ]
    rubrics = [table.find_previous("p", "rubric") for table in tables]
    assert len(tables) == len(captions)
    assert len(captions) == 1 or [rubric.get_text() for rubric in rubrics] == captions
