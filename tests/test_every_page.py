"""What holds on every built page, opened once from disk, without network.

It works: nothing is missing, no formula is unset or cut off at any width, nothing scrolls sideways.
It is light. And axe-core finds nothing wrong in light and dark, on a desktop and on a phone, as the
page opens and with every fold open: with all its rules, and in the last state, where only the color
of what is there is new, with those on color.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlparse

import axe_core
import chromium
import pytest
from axe_core import AXE, DESKTOP, PHONE
from playwright.sync_api import sync_playwright
from test_pages import CHROMIUM, CUT_OFF, HTML, LAID_OUT, PAGES, WIDTHS, troubles_of, unavailable

# Pages that show the source of tests, or of proofs, are alike but for their code: axe-core is asked
# of one of each in each edition.
SHOWN = re.compile(r"(^|/)(tests/(?!test_sharded)|proofs/(?!loss))")
REDIRECTIONS = ("index.html", "pt/index.html")
ADDRESSES = [page for page in PAGES if page not in REDIRECTIONS] or ["intro.html"]
CHECKED = [page for page in ADDRESSES if not SHOWN.search(page)]
ASSETS = Path(__file__).resolve().parent.parent / "assets"
BODY_TEXT = """() => {
    const copy = document.querySelector("main").cloneNode(true);
    copy.querySelectorAll("pre, code, script, .katex").forEach(e => e.remove());
    return copy.textContent;
}"""
UNSET_MATH = """() => [...document.querySelectorAll(".math")]
    .filter((e) => !e.querySelector(".katex-html") || !e.querySelector("math annotation"))
    .map((e) => e.textContent)"""
OPEN_FOLDS = """() => {
    document.querySelectorAll("details").forEach((fold) => { fold.open = true; });
    document.querySelectorAll(".toggle-button-hidden").forEach((button) => button.click());
}"""


@dataclass
class Visit:
    """What was found on a page, and the bytes of each file that the page loaded."""

    troubles: list[str]
    defects: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)


def visit(context, address: str) -> Visit:
    """Open one page, weigh it, try it at every width, and let axe-core check it in four states."""
    page = context.new_page()
    seen = Visit(troubles_of(page))

    def weigh(request):
        if request.url.startswith("file:"):
            path = Path(unquote(urlparse(request.url).path))
            seen.sizes[path.relative_to(HTML).as_posix()] = path.stat().st_size

    page.on("requestfinished", weigh)
    page.set_viewport_size({"width": WIDTHS[0], "height": 740})
    page.goto(f"{HTML.as_uri()}/{address}", wait_until="load")
    page.wait_for_function(LAID_OUT)  # what is not laid out has no text
    seen.defects += [f"not set: {formula}" for formula in page.evaluate(UNSET_MATH)]
    text = page.evaluate(BODY_TEXT)
    seen.defects += [f"in the text: {sign}" for sign in ("$", "\\(") if sign in text]
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 740})
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            seen.defects.append(f"{wide} px wide in a window of {width} px")
        seen.defects += [f"cut off at {width} px: {formula}" for formula in page.evaluate(CUT_OFF)]
    if address in CHECKED:
        axe_core.thin(page)
        for scheme, size, color_alone in (
            ("light", DESKTOP, False),
            ("dark", DESKTOP, False),
            ("dark", PHONE, False),
            ("light", PHONE, True),
        ):
            axe_core.settle(page, scheme, size)
            found = axe_core.violations(page, color_alone)
            seen.violations += [f"{scheme}, {size['width']} px: {violation}" for violation in found]
            page.evaluate(OPEN_FOLDS)
    page.close()
    return seen


def visit_all(addresses: list[str]) -> dict[str, Visit]:
    with sync_playwright() as playwright:
        context = chromium.context(chromium.launch(playwright, CHROMIUM), reduced_motion="reduce")
        context.add_init_script(path=AXE)
        return {address: visit(context, address) for address in addresses}


@pytest.fixture(scope="module")
def visits():
    """A visit to every page, on two cores."""
    if not PAGES:
        unavailable("the book is not built: run make book")
    if CHROMIUM is None:
        unavailable("no Chromium is installed: the pages were not opened")
    by_size = sorted(ADDRESSES, key=lambda address: (HTML / address).stat().st_size)
    with ThreadPoolExecutor(2) as pool:
        halves = pool.map(visit_all, (by_size[0::2], by_size[1::2]))
        return {address: seen for half in halves for address, seen in half.items()}


@pytest.mark.parametrize("address", ADDRESSES)
def test_page_works_from_disk(visits, address):
    assert visits[address].defects == []
    assert visits[address].troubles == []


@pytest.mark.parametrize("address", CHECKED)
def test_axe_finds_nothing(visits, address):
    assert visits[address].violations == []


@pytest.mark.parametrize("address", ADDRESSES)
def test_page_is_light(visits, address):
    """All of a page at most 6 MB, text and formulas 1.5; its scripts 60 kB, the theme's as much.

    The ledger has all boxes of all chapters on one page: it may have 2.
    """
    sizes = visits[address].sizes
    assert sum(sizes.values()) <= 6e6, sizes
    scripts = {
        name.removeprefix("pt/"): size for name, size in sizes.items() if name.endswith(".js")
    }
    mathematics = {name for name in sizes if "_static/katex/" in name}
    assert len(mathematics) == 2, mathematics
    most = 2e6 if address.endswith("claims.html") else 1.5e6
    assert sum(sizes[name] for name in {address, *mathematics}) <= most, sizes
    search = {"search_sections.js", "_static/language_data.js"}
    own = {name for name in scripts if (ASSETS / name.removeprefix("_static/")).exists()}
    own |= {name for name in scripts if name.startswith("_static/katex/")}
    theme = scripts.keys() - own - (search if address.endswith("search.html") else set())
    assert {"_static/book.js"} <= own
    assert sum(scripts[name] for name in own) <= 60e3, scripts
    assert sum(scripts[name] for name in theme) <= 60e3, scripts
