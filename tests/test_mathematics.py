"""Every formula is set when the book is built: drawn, told to a screen reader, copied as TeX."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import mathematics
import nbformat
import pytest
import test_pages
from bs4 import BeautifulSoup
from built import soup_of
from markdown_it.renderer import RendererHTML
from mathematics import UnsetError, block_source, redrawn, set_formula, style_sheet
from myst import EXTENSIONS, UNTITLED, VERBATIM, blocks, markdown_of
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace
from test_pages import HTML, PAGES, open_page

ROOT = Path(__file__).resolve().parent.parent
browser = test_pages.browser  # the fixture

# ---- one formula ----


def test_a_formula_is_drawn_told_and_keeps_its_source():
    soup = BeautifulSoup(set_formula(r"-\log \hat y[w] < 1", False), "html.parser")
    drawn, told = soup.select_one(".katex-html"), soup.select_one(".katex-mathml math")
    assert drawn["aria-hidden"] == "true"
    assert re.sub(r"\W", "", drawn.get_text()) == "logyw1"
    assert [mark.get_text() for mark in told.select("mo, mi")][:3] == ["−", "log", "\u2061"]
    assert told.select_one('annotation[encoding="application/x-tex"]').get_text() == (
        r"-\log \hat y[w] < 1"
    )
    assert "katex-display" in set_formula("x", True)
    assert "katex-display" not in set_formula("x", False)


def test_a_class_gives_a_formula_its_color():
    drawn = BeautifulSoup(set_formula(r"\class{loss}{L} = 1", False), "html.parser")
    assert drawn.select_one(".katex-html .loss").get_text() == "L"


@pytest.mark.parametrize(
    ("tex", "reason"),
    [
        (r"\logg x", r"Undefined control sequence: \\logg at position 1"),
        (r"\frac{1}", "Unexpected end of input"),
        (r"x_1_2", "Double subscript"),
        ("é", "Accented Unicode text character"),
        ("\\text{\N{SNOWMAN}}", 'Unrecognized Unicode character "☃"'),
        (r"\href{https://example.org}{x}", r"\\href is for trusted pages alone"),
        (r"x \label{eq-x}", r"Undefined control sequence: \\label"),
    ],
)
def test_what_is_no_formula_is_refused_and_the_next_is_set(tex, reason):
    with pytest.raises(UnsetError, match=reason):
        set_formula(tex, True)
    assert "katex-mathml" in set_formula("x + 1", True)


def test_several_lines_are_set_below_each_other():
    assert block_source("a", bare=False) == "a"
    assert block_source("a\n\nb\n", bare=False) == r"\begin{split}a\\b\end{split}"
    assert block_source(r"a &= b \\ &= c", bare=False) == r"\begin{split}a &= b \\ &= c\end{split}"
    environment = "\\begin{align*}\na &= b\n\\\\ c &= d\n\\end{align*}"
    assert block_source(environment, bare=True) == environment
    assert "<mtable" in set_formula(environment, True)


def test_the_style_sheet_brings_the_faces_of_the_book():
    style = style_sheet()
    wof2 = "url(data:font/woff2;base64,d09GMg"  # how every file of this kind begins
    assert style.count(wof2) == len(mathematics.EMBEDDED)
    files = set(re.findall(r"url\((fonts/[^)]*)\)", style))
    assert len(files) + len(mathematics.EMBEDDED) == style.count("@font-face") == 20
    assert all((mathematics.KATEX / file).exists() for file in files)


# ---- a book of one page ----


def build(folder, page):
    """Build a page with the book's writer of formulas; return its HTML and the warnings."""
    folder.mkdir(exist_ok=True)
    (folder / "conf.py").write_text(
        "extensions = ['myst_parser', 'mathematics']\n"
        "myst_enable_extensions = ['amsmath', 'dollarmath']\n"
        "html_math_renderer = 'katex'\n",
        encoding="utf-8",
    )
    (folder / "index.md").write_text(page, encoding="utf-8")
    warnings = (folder / "warnings").open("w+", encoding="utf-8")
    with docutils_namespace(), warnings:
        out = folder / "out"
        app = Sphinx(folder, folder, out, out / "doctrees", "html", status=None, warning=warnings)
        app.build()
        warnings.seek(0)
        return (out / "index.html").read_text(encoding="utf-8"), warnings.read()


def test_a_formula_that_cannot_be_set_names_page_line_and_source(tmp_path):
    html, warnings = build(tmp_path / "book", "# Title\n\nA good $x$ and\n\na bad $\\foo + 1$.\n")
    assert re.search(r"index\.md:5: WARNING: .*cannot be set: \\foo \+ 1: Undefined", warnings)
    assert warnings.count("WARNING") == 1
    assert html.count("katex-mathml") == 1


def test_numbers_and_references_are_sphinx_s(tmp_path):
    page = """# A title with $x^2$

$$
a = b
$$ (eq-ab)

By {eq}`eq-ab`, as a list of lines:

\\begin{align}
c &= d \\\\
e &= f
\\end{align}

| a | b |
|---|---|
| $|V|$ | $\\lvert V \\rvert < 2$ |
"""
    html, warnings = build(tmp_path / "book", page)
    assert warnings == ""
    soup = BeautifulSoup(html, "html.parser")
    numbers = [number.get_text()[:3] for number in soup.select("div.math .eqno")]
    assert numbers == ["(1)", "(2)"]
    assert soup.select_one('a.reference[href="#equation-eq-ab"]').get_text() == "(1)"
    assert soup.select("#equation-eq-ab .katex-display")
    assert not soup.select(".eqn-num")  # KaTeX would count by itself
    assert soup.select("h1 .katex")
    assert "MathJax" not in html


# ---- the book ----

PARSER = create_md_parser(MdParserConfig(enable_extensions=EXTENSIONS), RendererHTML)


@cache
def formulas_of(source: Path) -> Counter:
    """Count the formulas of a chapter or page by their TeX, blanks apart."""
    captions = []
    if source.suffix == ".ipynb":
        text = markdown_of(source)
        for cell in nbformat.read(source, 4).cells:
            captions.append(cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", ""))
    else:
        text = source.read_text(encoding="utf-8")
    parts = [text, *captions]
    for block in blocks(text):
        if block.name not in VERBATIM:
            parts += [block.body, "" if block.name in UNTITLED else block.argument]
    return Counter(tight(tex) for part in parts for tex in formulas_in(PARSER.parse(part)))


def formulas_in(tokens: list) -> list[str]:
    """Return the TeX of all formulas but those in fences, which are parts of their own."""
    found = []
    for token in tokens:
        if token.type.startswith(("math_", "amsmath")):
            found.append(token.content)
        found += formulas_in(token.children or [])
    return found


def tight(tex: str) -> str:
    return re.sub(r"\s+", "", tex)


SOURCES = {
    page: source
    for page in PAGES
    for source in (ROOT / page.replace(".html", ".ipynb"), ROOT / page.replace(".html", ".md"))
    if source.exists()
}


# What a drawing consists of: what is seen, what is told, and the source.
PARTS = ('<span class="katex-html"', "<math[ >]", "<annotation[ >]")


@pytest.mark.parametrize("address", SOURCES)
def test_every_formula_of_the_source_is_on_its_page(address):
    html = (HTML / address).read_text(encoding="utf-8")
    drawings: list[str] = []
    redrawn(html, lambda drawing: drawings.append(drawing) or "")
    assert [d for d in drawings if [len(re.findall(part, d)) for part in PARTS] != [1, 1, 1]] == []
    formulas = soup_of(address).select("article .math")
    assert [f.get_text() for f in formulas if len(f.select("annotation")) != 1] == []
    own = (f for f in formulas if not f.find_parent(class_="machine-checked"))  # proofs/ says them
    shown = Counter(tight(f.select_one("annotation").get_text()) for f in own)
    written = formulas_of(SOURCES[address])
    if Path(address).stem in ("claims", "api", "document", "proofs"):  # made of others' formulas
        assert shown
    else:
        assert shown == written


def test_the_book_is_full_of_formulas():
    counts = {page: sum(formulas_of(source).values()) for page, source in SOURCES.items()}
    assert sum(counts.values()) > 3000
    assert counts["chapters/04_weights.html"] == counts["pt/chapters/04_weights.html"] > 300


@pytest.mark.parametrize("address", PAGES)
def test_no_page_has_a_script_for_formulas(address):
    html = (HTML / address).read_text(encoding="utf-8")
    scripts = re.findall(r"<script\b.*?</script>", html, re.DOTALL)
    assert [script for script in scripts if re.search("mathjax|katex.min", script, re.I)] == []


WITH_FORMULAS = [page for page in SOURCES if formulas_of(SOURCES[page])]
MISSING_FACE = """() => [...document.fonts]
    .filter((face) => face.family.startsWith("KaTeX") && face.status === "error")
    .map((face) => face.family)"""


@pytest.mark.parametrize("address", WITH_FORMULAS)
def test_formulas_are_seen_at_once_in_their_faces(browser, address):
    """No face is fetched; whatever a formula needs is there with the style sheet."""
    page, troubles = open_page(browser, address)
    assert page.evaluate("async () => { await document.fonts.ready; }") is None
    assert page.evaluate(MISSING_FACE) == []
    fetched = page.evaluate("performance.getEntriesByType('resource').map((e) => e.name)")
    assert [name for name in fetched if "KaTeX" in name] == []
    assert troubles == []
    page.context.close()


COPIED = """(paragraph) => {
    getSelection().selectAllChildren(paragraph);
    const copying = new ClipboardEvent("copy", {
        clipboardData: new DataTransfer(), bubbles: true, cancelable: true,
    });
    paragraph.dispatchEvent(copying);
    return copying.clipboardData.getData("text/plain");
}"""


def test_a_formula_is_copied_as_its_source(browser):
    page, troubles = open_page(browser, "chapters/04_weights.html")
    table = page.locator("td", has=page.locator(".math")).first
    assert table.evaluate(COPIED).strip() == r"$\partial \bar L / \partial L_n = 1/N$"
    block = page.locator("div.math").first
    source = block.locator("annotation").evaluate("(annotation) => annotation.textContent")
    assert r"\frac{\partial L}" in source
    assert block.evaluate(COPIED).strip() == f"$${source}$$"
    assert troubles == []
    page.context.close()
