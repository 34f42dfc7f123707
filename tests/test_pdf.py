"""The printed book: pages joined into one document, links that lead somewhere, page numbers."""

from functools import cache

import chromium
import pdf
import pytest
import test_pages
import yaml
from editions import EDITIONS
from notebooks import ROOT
from pdf import join

FIRST = """<article class="bd-article"><section id="one">
<h1><span class="section-number">1. </span>One<a class="headerlink" href="#one">#</a></h1>
<details class="hide"><summary>Show</summary><pre>code</pre></details>
<details class="choice"><summary>A choice</summary>and why it is wrong</details>
<p id="twice">See <a href="chapters/second.html#thm">the theorem</a>, <a href="#twice">this</a>,
<a href="https://example.org/a_(b)">elsewhere</a>, <a href="genindex.html">the index</a>
and <a href="chapters/second.html">all of it</a>.</p><p id="twice">again</p>
</section></article>"""
SECOND = """<article class="bd-article"><section id="one"><h1>Two ção θ</h1>
<section id="b"><h2>A part</h2><p id="thm">It holds: <img src="../_images/x.png" alt="x">
<a href="../first.html#one">back</a>.</p></section></section></article>"""
TOC = {
    "root": "first",
    "parts": [{"caption": "Chapters", "chapters": [{"file": "chapters/second"}]}],
}
CONFIG = {"title": "A title", "author": "An author", "copyright": "2026"}


@pytest.fixture
def joined(tmp_path):
    (tmp_path / "chapters").mkdir()
    (tmp_path / "first.html").write_text(FIRST, encoding="utf-8")
    (tmp_path / "chapters" / "second.html").write_text(SECOND, encoding="utf-8")
    return pdf.join(pdf.pages_of(TOC), tmp_path)


def test_every_page_of_the_contents_is_printed_in_order():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    pages = [page for _, page in pdf.pages_of(toc)]
    assert pages[0] == "intro"
    listed = [
        line.split("file: ")[1]
        for line in (ROOT / "_toc.yml").read_text().splitlines()
        if "file: " in line
    ]
    assert pages[1:] == listed
    nested = {"root": "a", "chapters": [{"file": "b", "sections": [{"file": "c"}]}, {"file": "d"}]}
    assert [page for _, page in pdf.pages_of(nested)] == ["a", "b", "c", "d"]


def test_links_hold_in_the_joined_document(joined):
    first, second = joined.articles
    links = {link.get_text(): link["href"] for link in first.select("a")}
    assert links == {
        "the theorem": "#chapters-second--thm",
        "this": "#first--twice",
        "elsewhere": "https://example.org/a_(b)",
        "all of it": "#chapters-second",
    }
    assert second.select_one("a")["href"] == "#first--one"
    assert second.select_one("img")["src"] == "../html/_images/x.png"
    assert len(first.select("#first--twice")) == 1
    assert not first.select("summary, .headerlink")
    assert first.select_one("pre")
    assert first.select_one("div.choice").get_text() == "A choiceand why it is wrong"
    assert joined.broken == []
    assert [(e.level, e.target) for e in joined.contents] == [
        (1, "first--one"),
        (0, ""),
        (1, "chapters-second--one"),
        (2, "chapters-second--b"),
    ]


@cache
def join_known(pages, html, edition):
    return join(list(pages), html, edition)


def join_once(pages, html, edition):
    """Join these pages, where that was not done before: a whole edition takes its time."""
    return join_known(tuple(pages), html, edition)


@pytest.mark.parametrize("folder", ["", "pt"])
def test_the_built_pages_of_each_edition_join(folder):
    if not test_pages.PAGES:
        test_pages.unavailable("the book is not built: run make book")
    joined = join_once(pdf.pages_of(pdf.contents(ROOT / folder)), pdf.HTML, folder)
    assert joined.broken == []
    pictures = [picture["src"] for article in joined.articles for picture in article.select("img")]
    assert len(pictures) > 10
    for address in pictures:
        assert (pdf.OUT / address).resolve().is_relative_to(pdf.HTML / folder)
        assert (pdf.OUT / address).resolve().exists(), address
    captions = [entry.title for entry in joined.contents if not entry.target]
    assert captions[0] == {"": "Chapters", "pt": "Capítulos"}[folder]


def test_every_edition_is_printed_in_its_language(monkeypatch, tmp_path):
    if not test_pages.PAGES:
        test_pages.unavailable("the book is not built: run make book")
    written = {}

    def print_nothing(source, target, browser_path):
        written[source.name] = source.read_text(encoding="utf-8")
        raise InterruptedError(target.name)

    monkeypatch.setattr(pdf, "OUT", tmp_path)
    monkeypatch.setattr(pdf, "print_pdf", print_nothing)
    monkeypatch.setattr(pdf, "join", join_once)
    for edition, name in zip(EDITIONS, ("book.pdf", "livro.pdf"), strict=True):
        with pytest.raises(InterruptedError, match=name):
            pdf.print_edition(edition, "chromium")
    assert '<html lang="en"' in written["book.html"]
    assert '<html lang="pt-BR"' in written["livro.html"]
    for words in ("<h1>Sumário</h1>", "<title>Previsão da próxima palavra", "os autores do nwp"):
        assert words in written["livro.html"]


def test_a_link_without_a_target_is_named(tmp_path):
    (tmp_path / "first.html").write_text(FIRST.replace("#twice", "#nowhere"), encoding="utf-8")
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "second.html").write_text(
        SECOND.replace('id="thm"', ""), encoding="utf-8"
    )
    assert pdf.join(pdf.pages_of(TOC), tmp_path).broken == [
        "#chapters-second--thm",
        "#first--nowhere",
    ]


def test_a_page_that_is_none_is_named(tmp_path):
    (tmp_path / "first.html").write_text("<p>nothing</p>", encoding="utf-8")
    with pytest.raises(ValueError, match=r"first\.html has no article"):
        pdf.join([("", "first")], tmp_path)


def test_printed_links_bookmarks_and_pages(joined, tmp_path):
    if chromium.find() is None:
        test_pages.unavailable("no Chromium is installed: nothing was printed")
    source, target = tmp_path / "book.html", tmp_path / "book.pdf"
    html = pdf.document(joined, CONFIG, {"chapters-second--b": 4}).split("</head>")[0]
    css = (ROOT / "assets" / "print.css").read_text(encoding="utf-8")
    body = "<body>" + pdf.document(joined, CONFIG, {"chapters-second--b": 4}).split("<body>")[1]
    source.write_text(f"{html}<style>{css}</style></head>{body}", encoding="utf-8")
    pdf.print_pdf(source, target, chromium.find())
    printed = pdf.inspect(target)
    assert printed.pages == 4  # cover, contents, two pages of the book
    assert printed.destinations["first--one"] == 3
    assert printed.destinations["chapters-second--thm"] == 4
    assert printed.addresses == ["https://example.org/a_(b)"]
    assert pdf.defects(printed, joined) == []
    printed.links.append("nowhere")
    printed.addresses.append("file:///x")
    printed.destinations.pop("chapters-second--b")
    assert [wrong.split(":")[0] for wrong in pdf.defects(printed, joined)] == [
        "links without a target",
        "links to the disk",
        "in the contents, and not in the book",
    ]


def test_a_formula_that_was_not_set_is_not_printed(tmp_path):
    if chromium.find() is None:
        test_pages.unavailable("no Chromium is installed: nothing was printed")
    source = tmp_path / "book.html"
    source.write_text('<p>See <span class="math">\\(x\\)</span>.</p>', encoding="utf-8")
    with pytest.raises(ValueError, match=r"1 formulas of book\.html are not set"):
        pdf.print_pdf(source, tmp_path / "book.pdf", chromium.find())


def test_without_chromium_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(chromium, "find", lambda: None)
    with pytest.raises(SystemExit, match="apt-get install chromium"):
        pdf.main()
