"""A page printed from the browser: nothing gives an answer away, and no box is empty or cut."""

import chromium
import pytest
from test_pages import HTML, browser  # noqa: F401

PAGES = [f"{edition}chapters/0{n}" for edition in ("", "pt/") for n in (1, 4, 7)]
SEEN = """(pieces) => [...document.querySelectorAll(pieces)].filter((e) => e.checkVisibility())
    .map((e) => e.textContent.trim().slice(0, 60))"""
EMPTY = """() => [...document.querySelectorAll("main :is(.cell_input, .cell_output, .admonition, "
    + ".question, details, pre, figure)")]
    .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height > 0
        && !e.innerText.trim() && !e.querySelector("img, svg"))
    .map((e) => e.outerHTML.slice(0, 120))"""
FOLDED = """() => [...document.querySelectorAll(".admonition.dropdown:not(.solution) > *")]
    .filter((e) => getComputedStyle(e).visibility !== "visible").map((e) => e.outerHTML)"""
BREAKS = """(pieces) => [...document.querySelectorAll(pieces)].filter((e) => e.checkVisibility())
    .map((e) => getComputedStyle(e).breakInside)"""


@pytest.fixture(params=PAGES)
def printed(browser, request):  # noqa: F811
    """A chapter as it is printed by somebody with a dark screen who has opened all folds."""
    (path,) = HTML.glob(f"{request.param}*.html")
    context = chromium.context(browser, color_scheme="dark")
    page = context.new_page()
    page.goto(path.as_uri())
    page.wait_for_load_state("load")
    page.evaluate("document.querySelectorAll('.choice').forEach((fold) => { fold.open = true; })")
    page.emulate_media(media="print", color_scheme="dark")
    yield page
    context.close()


def test_a_printed_page(printed):
    assert printed.evaluate(SEEN, ".explanation, .solution") == []
    assert len(printed.evaluate(SEEN, ".question .choice summary")) >= 8  # the choices are there
    assert printed.evaluate(SEEN, ".cell details.hide summary") == []  # it says "Show ..."
    assert printed.evaluate(EMPTY) == []
    assert printed.evaluate(SEEN, ".toggle-button") == []
    assert printed.evaluate(FOLDED) == []
    for boxes in (".cell_input", "figure", ".proof.admonition", ".exercise", ".nwp-explorer"):
        breaks = printed.evaluate(BREAKS, f"main {boxes}")
        assert breaks, boxes
        assert set(breaks) == {"avoid"}, boxes
    assert set(printed.evaluate(BREAKS, "main pre")) == {"auto"}  # longer than a page, it begins

    theme = "document.documentElement.dataset.theme"
    assert printed.evaluate(theme) == "dark"
    printed.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert printed.evaluate(theme) == "light"  # paper is white
    assert printed.evaluate(SEEN, ".explanation, .solution") == []
    printed.evaluate("dispatchEvent(new Event('afterprint'))")
    assert printed.evaluate(theme) == "dark"
