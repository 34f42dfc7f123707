"""The built pages for every reader: what axe-core does not ask (see test_every_page.py), the way of
the Tab key, and colors that are told apart.
"""

import re
from itertools import pairwise

import axe_core
import chromium
import numpy as np
import pytest
import test_pages
from axe_core import AXE, DESKTOP, PHONE
from matplotlib.colors import to_rgb
from pages import STOPS, THEME_SCRIPT, repaired
from sphinx.errors import ExtensionError
from test_pages import HTML, PAGES

from lab import figures

browser = test_pages.browser  # the fixture

# ---- axe-core ----

FLAWS = {
    "image-alt": '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">',
    "color-contrast": '<p style="color: #999; background: #fff">pale</p>',
    "label": "<input>",
    "scrollable-region-focusable": (
        f'<pre tabindex="-1" style="width: 90px; overflow: auto">{"wide " * 90}</pre>'
    ),
}


def test_axe_finds_a_pale_color_among_texts_of_its_kind_and_in_an_explorer(browser):
    page = browser.new_page(viewport=DESKTOP)
    page.set_content(
        '<html lang="en"><title>t</title><main><h1>t</h1><p>words</p>'
        '<p class="pale" style="color: #999">pale</p><p>words</p>'
        '<div id="explorer"></div></main></html>'
    )
    page.evaluate(
        """() => {
            const inside = document.querySelector("#explorer").attachShadow({ mode: "open" });
            inside.innerHTML = '<p class="inside" style="color: #999">pale</p>';
        }"""
    )
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for color_alone in (False, True):
        found = axe_core.violations(page, color_alone)
        assert [v.split(":")[0].split(" at ")[0] for v in found] == ["color-contrast"] * 2
        assert {v.split(" at ")[1].split(":")[0] for v in found} == {".pale", "#explorer,.inside"}
    page.context.close()


@pytest.mark.parametrize("flaw", FLAWS)
def test_axe_finds_what_is_wrong(browser, flaw):
    page = browser.new_page(viewport=DESKTOP)
    page.set_content(f'<html lang="en"><title>t</title><main><h1>t</h1>{FLAWS[flaw]}</main></html>')
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert [violation.split(" at ")[0] for violation in axe_core.violations(page)] == [flaw]
    page.context.close()


def test_a_theme_that_changed_stops_the_build():
    """A repair that finds nothing may have been needed all the same, in other words."""
    with pytest.raises(ExtensionError, match=r"nothing to repair.*search button"):
        repaired("<!DOCTYPE html><html></html>")


def test_the_themes_script_asks_for_stops_and_sets_none():
    script = (HTML / "_static" / THEME_SCRIPT).read_text(encoding="utf-8")
    assert script.count(STOPS.replacement) == 1


# ---- what axe-core does not ask ----

CHAPTER = "chapters/01_loss.html"


@pytest.mark.parametrize("address", PAGES)
def test_pictures_say_what_they_show_and_tables_have_heads(address):
    html = (HTML / address).read_text(encoding="utf-8")
    for tag in re.findall(r"<img\b[^>]*>", html):
        alt = re.search(r'\balt="([^"]*)"', tag)
        assert alt, tag
        assert len(alt[1]) >= 40, f"too short to say what the figure shows: {alt[1]!r}"
        assert not re.search(r"\.(png|svg|jpg)$", alt[1]), alt[1]
    for table in re.findall(r'<table class="(?:table|docutils).*?</table>', html, re.DOTALL):
        assert "<th" in table, table[:200]


@pytest.mark.parametrize("address", PAGES)
def test_ids_are_unique(address):
    """A link that leads to the second of two equal ids leads to the first."""
    html = (HTML / address).read_text(encoding="utf-8")
    ids = re.findall(r'<[^<>]*?\sid="([^"]*)"', html)
    assert sorted(ids) == sorted(set(ids))


STEP = """() => {
    const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
    const around = [e, e.parentElement].map((x) => getComputedStyle(x));
    return {
        name: (e.getAttribute("aria-label") || e.title || e.textContent).trim().slice(0, 60),
        in: e.closest(".bd-sidebar-primary, .bd-header-article, article, .bd-sidebar-secondary, "
            + ".prev-next-footer, footer")?.className ?? e.id ?? e.tagName,
        beside: Boolean(e.closest(".margin")), top: box.top + scrollY, height: box.height,
        seen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
        marked: parseFloat(style.opacity) === 1 && around.some((s) => s.boxShadow !== "none"
            || s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0),
        body: e === document.body,
    };
}"""


def walk(page, most: int = 400) -> list[dict]:
    """Press Tab from the top of the page to its end; return every stop."""
    stops = []
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(STEP)
        if stop["body"]:
            return stops
        stops.append(stop)
    raise AssertionError(f"more than {most} stops")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_tab_follows_the_page(browser, size):
    page = chromium.context(browser, viewport=size, reduced_motion="reduce").new_page()
    page.goto(f"{HTML.as_uri()}/{CHAPTER}")
    page.wait_for_function(axe_core.STOPS_ARE_SET)
    stops = walk(page)
    assert stops[0]["name"] == "Skip to main content"
    assert [stop["name"] for stop in stops if not stop["seen"]] == []
    assert [stop["name"] for stop in stops if not stop["marked"]] == []
    article = [stop for stop in stops if stop["in"].startswith("bd-article")]
    assert len(article) > 10
    for before, after in pairwise(stop for stop in article if not stop["beside"]):
        assert after["top"] > before["top"] - max(before["height"], 30), (before, after)
    regions = list(dict.fromkeys(stop["in"] for stop in stops))  # each in one piece
    assert regions == [s for s, t in zip(regions, [*regions[1:], None], strict=True) if s != t]
    page.context.close()


def test_skip_link_leads_to_the_text(browser):
    page = chromium.context(browser, viewport=DESKTOP).new_page()
    page.goto(f"{HTML.as_uri()}/{CHAPTER}")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#main-content")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('#main-content').contains(document.activeElement)")
    page.context.close()


def test_only_formulas_that_scroll_are_stops(browser):
    page = chromium.context(browser, viewport=PHONE).new_page()
    page.goto(f"{HTML.as_uri()}/chapters/05_derivative.html")
    for size, some in ((PHONE, True), (DESKTOP, False)):
        page.set_viewport_size(size)
        page.wait_for_function(
            """[...document.querySelectorAll("div.math")].every(
                f => (f.scrollWidth > f.clientWidth) === (f.tabIndex === 0))"""
        )
        stops = page.locator(".math[tabindex='0']").count()
        assert bool(stops) == some, size
    page.context.close()


def test_menu_opens_and_closes_by_keyboard(browser):
    page = chromium.context(browser, viewport=PHONE).new_page()
    page.goto(f"{HTML.as_uri()}/{CHAPTER}")
    button = page.locator(".dropdown-download-buttons button").first
    menu = page.locator(".dropdown-download-buttons .dropdown-menu")
    assert button.get_attribute("aria-expanded") == "false"
    button.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    box = menu.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == ".ipynb"
    page.keyboard.press("Escape")
    assert not menu.is_visible()
    assert page.evaluate("document.activeElement.dataset.bsToggle") == "dropdown"
    button.press("Space")
    assert menu.is_visible()
    page.mouse.click(20, 500)
    assert not menu.is_visible()
    page.context.close()


def test_less_motion_is_no_motion(browser):
    for motion, still in (("reduce", True), ("no-preference", False)):
        page = chromium.context(browser, reduced_motion=motion).new_page()
        page.goto(f"{HTML.as_uri()}/{CHAPTER}")
        moving = page.evaluate(
            """() => {
                const all = (root) => [...root.querySelectorAll("*")].flatMap(
                    (e) => e.shadowRoot ? [e, ...all(e.shadowRoot)] : [e]);
                return all(document).map((e) => getComputedStyle(e)).filter((s) => s.display
                    && (s.scrollBehavior === "smooth" || s.animationName !== "none"
                    || s.transitionDuration.split(",").some((d) => parseFloat(d) > 0))).length;
            }"""
        )
        assert (moving == 0) == still, f"{moving} elements move with {motion}"
        page.context.close()


# ---- color ----

# Machado, Oliveira and Fernandes (2009), "A Physiologically-based Model for Simulation of Color
# Vision Deficiency", IEEE TVCG 15(6): the matrices for severity 1, on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
ROLES = {
    name: getattr(figures, name) for name in ("TRUTH", "PREDICTION", "LOSS", "QUIET", "CONTEXT")
}


def linear(color: str) -> np.ndarray:
    """Undo the gamma of sRGB (IEC 61966-2-1)."""
    channels = np.array(to_rgb(color))
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE 1976 L*a*b* of linear sRGB, white point D65; a just visible difference is about 2.3."""
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    x, y, z = (to_xyz @ np.clip(rgb, 0, 1)) / to_xyz.sum(axis=1)
    fx, fy, fz = (
        np.cbrt(t) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29 for t in (x, y, z)
    )
    return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])


def distance(one: str, other: str, blindness: str) -> float:
    seen = BLINDNESS[blindness]
    return float(np.linalg.norm(lab(seen @ linear(one)) - lab(seen @ linear(other))))


def test_lab_of_known_colors():
    """White, and sRGB's red at its published place."""
    np.testing.assert_allclose(lab(linear("white")), [100, 0, 0], atol=0.01)
    np.testing.assert_allclose(lab(linear("red")), [53.24, 80.09, 67.20], atol=0.05)


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_simulation_leaves_gray_alone(blindness):
    np.testing.assert_allclose(BLINDNESS[blindness].sum(axis=1), 1.0, atol=2e-6)


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_roles_stay_apart(blindness):
    """Ten just visible differences between any two roles, or the roles do not do."""
    names = list(ROLES)
    for i, one in enumerate(names):
        for other in names[:i]:
            apart = distance(ROLES[one], ROLES[other], blindness)
            assert apart > 23, f"{one} and {other}: {apart:.1f}"


def test_a_green_beside_the_loss_would_not_do():
    """The check can fail: a green as strong as the loss is lost to a red-blind reader."""
    assert distance("#5A7A00", figures.LOSS, "none") > 23
    assert min(distance("#5A7A00", figures.LOSS, b) for b in BLINDNESS) < 23
