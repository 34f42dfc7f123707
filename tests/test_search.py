"""The search leads to sections, shows a line of their text, and works from disk, without network.

What is asked of the browser needs the built book and Chromium, as in test_pages.py.
"""

import re

import pytest
import test_pages
from languages import FOLDERS
from search_index import FILE, OPENING, Place, places_of, plain, read, write
from test_pages import HTML, PAGES, open_page

browser = test_pages.browser  # the fixture
every_edition = pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS.keys())


# ---- reading a page ----


@pytest.mark.parametrize(
    ("tex", "line"),
    [
        (r"V", "V"),
        (r"-\log \hat y_t[w_{t+1}]", "-log ŷₜ[wₜ₊₁]"),
        (r"0{,}80 \approx 10^{-3}", "0,80 ≈ 10⁻³"),
        (r"\frac12", "…"),
        (r"\logit", "…"),  # begins like \log, and is none
        (r"x_w", "…"),  # no small w can be set
        ("x + " * 20, "…"),
    ],
)
def test_a_formula_is_a_line_or_an_ellipsis(tex, line):
    assert plain(tex) == line


def test_a_page_is_read_by_its_places():
    page = """<section id="a"><h1>One<a class="headerlink">#</a></h1><p>First
      <em>text</em>, <span class="math"><annotation>\\hat y</annotation>y</span>.</p>
      <div class="proof" id="lem-b"><p class="admonition-title">Lemma 1</p><p>Box.</p></div>
      <div class="cell"><div class="cell_input">
      <span class="n">softmax</span> <span class="k">def</span></div>
      <div class="cell_output">3.14</div></div><p>Later.</p>
      <section id="c"><h2>Two</h2><dl class="glossary">
      <dt id="term-d">term</dt><dd>Its meaning.</dd>
      <dt id="term-e">other</dt><dd>Another.</dd></dl></section></section>"""
    rows = [place.row([]) for place in places_of(page)]
    assert rows == [
        ["a", "One", "First text, ŷ. Later.", "", "softmax"],
        ["lem-b", "Lemma 1", "Box."],
        ["c", "Two"],
        ["term-d", "term", "Its meaning."],
        ["term-e", "other", "Another."],
    ]


def test_names_that_the_text_says_are_not_kept_twice():
    place = Place("a", "A", ["The softmax turns logits."], dict.fromkeys(["softmax", "log_z", "z"]))
    assert place.row(["logit"]) == ["a", "A", "The softmax turns logits.", "logit", "log_z"]


def test_pages_that_are_not_made_anew_stay_and_those_that_are_gone_go(tmp_path):
    class App:
        outdir = tmp_path
        search_pages = {"one": ["One", [["a", "A"]]], "two": ["Two", []]}  # noqa: RUF012

        class env:
            found_docs = {"one", "two"}  # noqa: RUF012

    write(App)
    App.search_pages, App.env.found_docs = {"three": ["Três", []]}, {"one", "three"}
    write(App)
    assert read(tmp_path / FILE) == {"one": ["One", [["a", "A"]]], "three": ["Três", []]}
    assert (tmp_path / FILE).read_text(encoding="utf-8").startswith(OPENING)


# ---- the built index ----


def index_of(folder):
    if not PAGES:
        test_pages.unavailable("the book is not built: run make book")
    return read(HTML / folder / FILE)


@every_edition
def test_every_place_exists_and_every_section_is_a_place(folder):
    index = index_of(folder)
    assert {"glossary", "api", "claims"} <= {page.rsplit("/", 1)[-1] for page in index}
    for page, (title, rows) in index.items():
        html = (HTML / folder / f"{page}.html").read_text(encoding="utf-8")
        anchors = [row[0] for row in rows]
        assert len(set(anchors)) == len(anchors)
        assert set(anchors) <= set(re.findall(r'\sid="([^"]*)"', html)), page
        sections = re.findall(r'<section[^>]* id="([^"]*)">\s*(?:<span[^>]*></span>)*<h[1-6]', html)
        assert set(sections) <= set(anchors), page
        assert title
        assert not any("¶" in row[1] or row[1].endswith("#") for row in rows if len(row) > 1)


@every_edition
def test_the_ledger_repeats_nothing_and_the_terms_are_those_of_the_index(folder):
    index = index_of(folder)
    (ledger,) = [rows for page, (_, rows) in index.items() if page.endswith("claims")]
    assert sum(len(row[2]) for row in ledger if len(row) > 2) < 1000
    (rows,) = [rows for page, (_, rows) in index.items() if page.endswith("02_equivalence")]
    (box,) = [row for row in rows if row[0] == "def-perplexity"]
    assert {"perplexity", "perplexidade"} & set(box[3].split("; "))


@every_edition
def test_the_index_is_small_and_only_the_search_loads_it(folder):
    assert index_of(folder)
    assert (HTML / folder / FILE).stat().st_size < 800_000
    for page in PAGES:
        html = (HTML / page).read_text(encoding="utf-8")
        loads = [name for name in (FILE, "minisearch.js", "searchindex.js") if name in html]
        assert loads == ([FILE, "minisearch.js"] if page.endswith("search.html") else []), page


# ---- in the browser ----


def search(browser, folder, query, scheme="light"):
    """Search for a query; return the page, the links in their order, and the troubles."""
    page, troubles = open_page(browser, f"{folder}search.html?q={query}", scheme)
    page.wait_for_function("document.querySelector('.search-summary').textContent !== ''")
    links = page.eval_on_selector_all(
        "#search-results li > a", "links => links.map(a => a.getAttribute('href'))"
    )
    return page, links, troubles


@pytest.mark.parametrize(
    ("folder", "query", "first"),
    [
        ("", "perplexity", "02_equivalence.html#def-perplexity"),
        ("", "kl_divergence", "reference/api.html#nwp.equivalence.kl_divergence"),
        ("", "exposure bias", "07_teacher_forcing.html#both-sides-of-exposure-bias"),
        ("pt/", "perplexidade", "02_equivalence.html#def-perplexity"),
        ("pt/", "vies de exposicao", "07_teacher_forcing.html#os-dois-lados-do-vies-de-exposicao"),
    ],
)
def test_the_first_result_is_the_section_and_shows_a_line(browser, folder, query, first):
    page, links, troubles = search(browser, folder, query)
    assert links[0].endswith(first), links[:3]
    assert len(links) <= 20
    line = page.locator("#search-results li").first.locator(".search-excerpt")
    assert 20 < len(line.inner_text()) < 400
    marks = page.locator("#search-results mark")
    assert marks.count() > 0
    assert troubles == []
    page.locator("#search-results li > a").first.click()
    page.wait_for_url(f"**/{first}")
    page.wait_for_function(test_pages.LAID_OUT)
    assert -5 <= page.evaluate(test_pages.TOP) < 740
    page.context.close()


@pytest.mark.parametrize(
    ("folder", "typed", "written"),
    [
        ("", "cao", "cão"),
        ("pt/", "funcao", "função"),
        ("pt/", "FUNÇÕES", "função"),
        ("pt/", "funcoes", "função"),
        ("pt/", "indice", "índice"),
        ("pt/", "perplexidades", "perplexidade"),
    ],
)
def test_search_finds_words_without_their_accents(browser, folder, typed, written):
    found = []
    for word in (typed, written):
        page, links, troubles = search(browser, folder, word)
        found.append(links)
        assert troubles == []
        page.context.close()
    assert found[0] == found[1]
    assert len(found[0]) > 1


@every_edition
def test_more_places_wait_behind_a_button_and_the_keyboard_goes_on(browser, folder):
    page, links, _ = search(browser, folder, "softmax")
    assert len(links) == 20
    page.locator(".search-more").press("Enter")
    assert page.locator("#search-results li").count() > 20
    active = page.evaluate("document.activeElement.closest('li').matches(':nth-child(21)')")
    assert active
    count = int(re.search(r"\d+", page.locator(".search-summary").inner_text())[0])
    while page.locator(".search-more").count():
        page.locator(".search-more").click()
    assert page.locator("#search-results li").count() == count
    page.context.close()


@every_edition
def test_a_word_written_wrongly_and_a_word_that_is_nowhere(browser, folder):
    page, links, _ = search(browser, folder, "perplexdade" if folder else "perplexty")
    assert any("02_equivalence" in link for link in links)
    page.context.close()
    page, links, troubles = search(browser, folder, "<b>qqqqqqqqqqqq</b>")
    assert links == []
    assert "<b>qqqqqqqqqqqq</b>" in page.locator(".search-summary").inner_text()
    assert troubles == []
    page.context.close()


@every_edition
def test_the_icon_does_not_cover_the_query(browser, folder):
    page, _, _ = search(browser, folder, "softmax")
    for width in test_pages.WIDTHS:
        page.set_viewport_size({"width": width, "height": 740})
        form = page.locator(".bd-search-container form.bd-search")
        field, icon = form.locator("input"), form.locator("i, svg").first.bounding_box()
        start = field.bounding_box()["x"] + field.evaluate(
            "e => parseFloat(getComputedStyle(e).paddingLeft)"
        )
        assert field.input_value() == "softmax"
        assert icon["x"] + icon["width"] <= start
    page.context.close()


def test_without_a_query_the_field_waits(browser):
    page, troubles = open_page(browser, "search.html")
    page.wait_for_function("document.activeElement.name === 'q'")
    page.keyboard.type("entropy rate")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/search\.html\?q=entropy\+rate#?$"))
    page.wait_for_selector("#search-results li a")
    assert troubles == []
    page.context.close()
