"""The theme's style sheets keep each rule that a page needs, and no others."""

from importlib.resources import files

import pytest
import test_pages
from style_sheets import names_in, slim
from test_pages import HTML, open_page

browser = test_pages.browser  # the fixture
THEME = "static/styles/pydata-sphinx-theme.css"
BUILT = HTML / "_static" / "styles" / "pydata-sphinx-theme.css"


@pytest.mark.parametrize(
    ("sheet", "kept"),
    [
        (".a{color:red}.b{color:red}", ".a{color:red}"),
        (".a,.b,p{margin:0}", ".a,p{margin:0}"),
        (".a .b{margin:0}", ""),
        (".a.b{margin:0}", ""),
        ("#c{margin:0}#d{margin:0}", "#c{margin:0}"),
        (".a:not(.b){margin:0}", ".a:not(.b){margin:0}"),  # it holds where there is no b
        ("html[data-theme=dark] p{margin:0}", "html[data-theme=dark] p{margin:0}"),
        ("@media print{.a{margin:0}.b{margin:0}}", "@media print{.a{margin:0}}"),
        ("@media print{.b{margin:0}}", ""),
        ("@font-face{font-family:f}", "@font-face{font-family:f}"),
        ("@keyframes k{0%{top:0}}", "@keyframes k{0%{top:0}}"),
        (':root{--x:url("a,.b{c}")}', ':root{--x:url("a,.b{c}")}'),
        (".a\\:x{top:0}", ""),  # the class is named a:x
    ],
)
def test_a_rule_stays_where_all_that_it_names_occurs(sheet, kept):
    assert slim(sheet, {"a", "c"}) == kept


def test_names_are_those_of_pages_and_of_their_scripts(tmp_path):
    (tmp_path / "_static").mkdir()
    (tmp_path / "pt").mkdir()
    (tmp_path / "_static" / "own.js").write_text('box.classList.add("from-script")')
    (tmp_path / "_static" / "other.js").write_text('"not-loaded"')
    (tmp_path / "_static" / "template.html").write_text('<p class="no-page">')
    (tmp_path / "pt" / "index.html").write_text('<p class="another-edition">')
    (tmp_path / "index.html").write_text(
        '<p class="one two" id="three"><script>f("inline")</script>'
        '<script defer src="_static/own.js?v=1"></script>'
    )
    names = names_in(tmp_path)
    assert {"one", "two", "three", "from-script", "inline"} <= names
    assert not {"not-loaded", "no-page", "another-edition"} & names


# A selector that is left out selects nothing on a page, in any of its states.
LOST = """([before, now]) => {
    const read = (text) => {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(text);
        const selectors = (rules) => [...rules].flatMap((rule) =>
            rule.selectorText ? rule.selectorText.split(/,(?![^(]*\\))/).map((s) => s.trim())
            : rule.cssRules ? selectors(rule.cssRules) : []);
        return new Set(selectors(sheet.cssRules));
    };
    const kept = read(now);
    const state = /::?(before|after|placeholder|-[\\w-]+|hover|focus|active|disabled)[\\w-]*/g;
    const stripped = (selector) => selector.replace(state, "");
    const left = [...read(before)].filter((selector) => !kept.has(selector));
    const found = left.filter((selector) => {
        try { return document.querySelector(stripped(selector) || "*"); } catch { return false; }
    });
    return [left.length, found];
}"""


@pytest.mark.parametrize(
    "address", ["index.html", "chapters/04_weights.html", "search.html", "pt/reference/claims.html"]
)
def test_what_is_left_out_selects_nothing(browser, address):
    package = files("pydata_sphinx_theme") / "theme" / "pydata_sphinx_theme"
    before = (package / THEME).read_text(encoding="utf-8")
    assert BUILT.stat().st_size < 0.3 * len(before)
    page, _ = open_page(browser, address)
    built = HTML / ("pt" if address.startswith("pt/") else "") / BUILT.relative_to(HTML)
    left, found = page.evaluate(LOST, [before, built.read_text(encoding="utf-8")])
    assert left > 1000
    assert found == []
    page.context.close()
