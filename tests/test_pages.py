"""The built pages, opened from disk in a browser without network, as a reader would.

Needs the built book (`make book`) and Chromium; without one of them it says so and is
skipped, unless NWP_REQUIRE_BROWSER is set.
"""

import re
from pathlib import Path
from urllib.parse import unquote, urlparse

import chromium
import pytest
from built import HTML, PAGES, soup_of, unavailable
from index_terms import alphabetical
from playwright.sync_api import sync_playwright

CHROMIUM = chromium.find()

WIDTHS = (360, 768, 1024, 1280)
# A formula may be wider than what holds it only where that scrolls.
CUT_OFF = """() => {
    const holds = (e) => getComputedStyle(e).overflowX !== "visible" || e === document.body;
    return [...document.querySelectorAll("main .math")].filter((formula) => {
        let holder = formula;
        while (!holds(holder)) holder = holder.parentElement;
        const scrolls = ["auto", "scroll"].includes(getComputedStyle(holder).overflowX);
        const edges = [...formula.querySelectorAll(".katex-html, .katex-base")]
            .map((part) => part.getBoundingClientRect().right);
        return !scrolls && Math.max(...edges) > holder.getBoundingClientRect().right + 1;
    }).map((formula) => formula.querySelector("annotation").textContent);
}"""

LAID_OUT = "() => 'laidOut' in document.documentElement.dataset"
LEFT = """() => [...document.querySelectorAll("article *")]
    .filter((e) => getComputedStyle(e).contentVisibility === "auto").length"""
TOP = """() => document.getElementById(decodeURIComponent(location.hash.slice(1)))
    .getBoundingClientRect().top"""
AT_THE_END = "() => scrollY + innerHeight >= document.documentElement.scrollHeight - 2"
JUMPS = """window.jumped = 0;
new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.jumped += entry.value;
}).observe({ type: "layout-shift", buffered: true });"""


@pytest.fixture(scope="module")
def browser():
    if not PAGES:
        unavailable("the book is not built: run make book")
    if CHROMIUM is None:
        unavailable("no Chromium is installed: the pages were not opened")
    with sync_playwright() as playwright:
        yield chromium.launch(playwright, CHROMIUM)


def troubles_of(page) -> list[str]:
    """Return the list to which is added whatever goes wrong on a page from now on."""
    troubles = []
    page.on("console", lambda m: m.type == "error" and troubles.append(f"console: {m.text}"))
    page.on("pageerror", lambda error: troubles.append(f"script: {error}"))
    page.on("requestfailed", lambda request: troubles.append(f"failed: {request.url}"))
    page.on(
        "request",
        lambda r: (
            r.url.startswith(("file:", "data:", "blob:")) or troubles.append(f"asks: {r.url}")
        ),
    )
    return troubles


def open_page(browser, address: str, scheme: str = "light"):
    """Open a page offline; return it with the list of what went wrong meanwhile."""
    context = chromium.context(
        browser, viewport={"width": WIDTHS[0], "height": 740}, color_scheme=scheme
    )
    page = context.new_page()
    troubles = troubles_of(page)
    page.goto(f"{HTML.as_uri()}/{address}", wait_until="load")
    if address.removeprefix("pt/") == "index.html":  # it only redirects
        page.wait_for_url("**/intro.html")
    page.wait_for_function(LAID_OUT)  # what is not laid out has no text
    return page, troubles


@pytest.mark.parametrize("folder", ["", "pt/"])
def test_the_folder_opens_at_the_first_page(browser, folder):
    page, troubles = open_page(browser, f"{folder}index.html")
    assert troubles == []
    page.context.close()


def without_idle_time(browser, address: str, width: int = 1280):
    """Open a page on which nothing more is laid out than the first view needs."""
    context = chromium.context(browser, viewport={"width": width, "height": 740})
    page = context.new_page()
    page.add_init_script("window.requestIdleCallback = (go) => { window.go = go; }")
    page.goto(f"{HTML.as_uri()}/{address}", wait_until="load")
    return page


def go_on(page) -> None:
    """Let the page lay out the rest."""
    page.evaluate("() => window.go({ timeRemaining: () => Infinity })")
    page.wait_for_function(LAID_OUT)


def test_what_is_far_from_the_screen_is_left_for_later(browser):
    page = without_idle_time(browser, "chapters/04_weights.html")
    assert page.evaluate(LEFT) > 100
    page.emulate_media(media="print")
    assert page.evaluate(LEFT) == 0  # paper has no later
    page.emulate_media(media="screen")
    go_on(page)
    assert page.evaluate(LEFT) == 0
    page.context.close()


def test_nothing_jumps_while_the_rest_is_laid_out(browser):
    context = chromium.context(browser, viewport={"width": 1280, "height": 740})
    for address in ("chapters/04_weights.html", "pt/chapters/05_derivative.html"):
        page = context.new_page()
        page.add_init_script(JUMPS)
        page.goto(f"{HTML.as_uri()}/{address}", wait_until="load")
        page.wait_for_function(LAID_OUT)
        assert page.evaluate("window.jumped") < 0.005
        page.close()
    context.close()


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize(
    "address",
    [
        "chapters/04_weights.html#exercises",
        "chapters/07_teacher_forcing.html#both-sides-of-exposure-bias",
        "pt/chapters/02_equivalence.html#def-perplexity",
        "pt/chapters/04_weights.html#em-uma-linha",  # near the end
        "reference/api.html#nwp.equivalence.kl_divergence",
    ],
)
def test_a_link_into_a_page_leads_to_its_place_and_stays_there(browser, address, width):
    page = without_idle_time(browser, address, width)
    go_on(page)
    page.wait_for_timeout(100)  # the browser has its own way to keep a place, which acts later
    top = page.evaluate(TOP)
    assert -5 < top < 200 or (-5 < top < 740 and page.evaluate(AT_THE_END))
    page.context.close()


@pytest.mark.parametrize("place", ["", "#exercises"])
def test_who_scrolls_meanwhile_stays_at_what_he_reads(browser, place):
    page = without_idle_time(browser, f"chapters/04_weights.html{place}", 360)
    page.evaluate("() => { dispatchEvent(new WheelEvent('wheel')); scrollTo(0, 9000); }")
    page.evaluate("new Promise((go) => requestAnimationFrame(() => setTimeout(go)))")
    page.evaluate("() => { window.read = document.elementFromPoint(180, 150); }")
    top = "() => window.read.getBoundingClientRect().top"
    before = page.evaluate(top)
    go_on(page)
    page.wait_for_timeout(100)
    assert abs(page.evaluate(top) - before) < 5
    page.context.close()


def test_document_numbers_are_kept():
    titles = soup_of("reference/claims.html").select(".claim .admonition-title")
    numbers = [title.get_text().split(":")[0] for title in titles]
    assert {"Theorem D2", "Theorem D2.1", "Lemma D2.1"} <= set(numbers)
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("folder", ["", "pt/"])
def test_no_box_of_the_book_has_a_number_of_the_documents(folder):
    numbers = {}
    for address in sorted(page for page in PAGES if page.startswith(f"{folder}chapters/")):
        for box in soup_of(address).select(".proof.admonition"):
            caption = box.select_one(":scope > .admonition-title > .caption-number")
            if caption and re.search(r"\d", caption.get_text()):
                numbers[box["id"]] = caption.get_text().split()[-1]
    documents = {name: numbers.pop(name) for name in ("thm-2", "thm-2-1", "lem-2-1")}
    assert documents == {"thm-2": "D2", "thm-2-1": "D2.1", "lem-2-1": "D2.1"}
    assert len(numbers) > 60
    assert all(re.fullmatch(r"(?:[1-9]|1[01])\.\d+", number) for number in numbers.values())


@pytest.mark.parametrize("folder", ["", "pt/"])
def test_what_the_book_does_not_hold_is_a_quotation_without_a_number(folder):
    counts = {"chapters/04_weights": 2, "chapters/07_teacher_forcing": 1, "reference/claims": 0}
    for address, count in counts.items():
        quotes = soup_of(f"{folder}{address}.html").select(".document-quote")
        assert len(quotes) == count
        for quote in quotes:
            assert len(quote.select("blockquote")) == 1
            assert not quote.select(".caption-number")
            title = quote.select_one(".admonition-title").get_text()
            assert title == ("O documento diz" if folder else "The document says")


def test_a_formula_that_is_cut_off_is_found(browser):
    page, _ = open_page(browser, "chapters/04_weights.html")
    cut = "e => Object.assign(e.style, {display: 'block', overflow: 'hidden', width: '9px'})"
    page.locator("main span.math").first.evaluate(cut)
    assert len(page.evaluate(CUT_OFF)) == 1
    page.context.close()


def test_choices_open_by_keyboard_and_by_a_click_on_their_mathematics(browser):
    page, troubles = open_page(browser, "chapters/05_derivative.html")
    choice = page.locator("#q-dv-logits details").nth(2)
    summary, why = choice.locator("summary"), choice.locator(".explanation")
    assert not why.is_visible()
    summary.focus()
    page.keyboard.press("Enter")
    assert why.is_visible()
    assert "Right." in why.inner_text()
    page.keyboard.press("Space")
    assert not why.is_visible()
    summary.locator(".katex").first.click()
    assert why.is_visible()
    assert troubles == []
    page.context.close()


def test_choices_open_without_javascript(browser):
    context = chromium.context(browser, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{HTML.as_uri()}/chapters/01_loss.html")
    choice = page.locator("#q-loss-half details").nth(1)
    choice.locator("summary").click()
    assert choice.locator(".explanation").is_visible()
    context.close()


@pytest.mark.parametrize("folder", ["", "pt/"])
def test_summary_is_a_sheet_and_one_for_what_goes_beyond(browser, folder):
    page, _ = open_page(browser, f"{folder}reference/summary.html")
    margin = dict.fromkeys(("top", "right", "bottom", "left"), "15mm")
    for paper in ("A4", "Letter"):
        assert page.pdf(format=paper, margin=margin).count(b"/Type /Page\n") == 2
    longer, _ = open_page(browser, f"{folder}reference/errata.html")
    assert longer.pdf(format="A4").count(b"/Type /Page\n") > 2
    longer.context.close()
    page.context.close()


def entries_of(page):
    """Return the entries of the index, in its order, without their parts."""
    return page.eval_on_selector_all(".index-entries > li", "es => es.map(e => e.innerText)")


@pytest.mark.parametrize(
    ("folder", "entry"),
    [
        ("", "backpropagation: chapter 4, chapter 5, glossary"),
        ("pt/", "retropropagação: capítulo 4, capítulo 5, glossário"),
    ],
)
def test_index_says_where_its_links_lead(browser, folder, entry):
    page, troubles = open_page(browser, f"{folder}genindex.html")
    entries = page.eval_on_selector_all(".index-entries li", "es => es.map(e => e.innerText)")
    assert entry in entries
    names = [name.split(":")[0].split("\n")[0] for name in entries_of(page)]
    assert names == sorted(names, key=alphabetical)
    targets = page.eval_on_selector_all(".index-entries a", "es => es.map(e => e.href)")
    assert len(targets) > 150
    for target in targets:
        name, _, anchor = target.partition("#")
        text = Path(unquote(urlparse(name).path)).read_text(encoding="utf-8")
        assert f'id="{unquote(anchor)}"' in text
    assert troubles == []
    page.context.close()
