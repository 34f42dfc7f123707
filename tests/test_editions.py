"""The Brazilian edition is built like the English one, speaks Portuguese, and leads back."""

import re
from dataclasses import dataclass
from functools import cache

import editions
import pytest
import test_pages
import yaml
from bs4.element import PreformattedString, Tag
from built import soup_of
from editions import EDITIONS, PORTUGUESE, ROOT, configuration, joined
from languages import FOLDERS
from pybtex.database import parse_file
from strings import COPY_BUTTON, MESSAGES, PAGE_WORDS, STRINGS
from test_pages import HTML, PAGES, open_page

browser = test_pages.browser  # the fixture
ENGLISH_PAGES = [page for page in PAGES if not page.startswith("pt/")] or ["intro.html"]
PAIRS = [page for page in ENGLISH_PAGES if page != "index.html"]  # it only redirects


# ---- configuration and contents ----


def test_own_settings_come_before_the_common_ones():
    common = {"a": 1, "b": {"c": 2, "d": [3]}}
    assert joined(common, {"b": {"d": [4]}, "e": {"f": 5}}) == {
        "a": 1,
        "b": {"c": 2, "d": [4]},
        "e": {"f": 5},
    }
    assert common == {"a": 1, "b": {"c": 2, "d": [3]}}


def test_the_portuguese_edition_differs_in_words_alone(tmp_path):
    english = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    own = yaml.safe_load((PORTUGUESE / "_config.yml").read_text(encoding="utf-8"))
    config = configuration(tmp_path)
    assert config["sphinx"]["config"]["language"] == "pt_BR"
    assert config["sphinx"]["config"]["html_css_files"] == ["book.css"]
    assert config["sphinx"]["extra_extensions"] == english["sphinx"]["extra_extensions"]
    assert own.keys() <= {"title", "author", "html", "sphinx"}
    assert own["html"].keys() == {"extra_footer"}
    assert own["sphinx"].keys() == {"config"}
    for path in config["sphinx"]["local_extensions"].values():
        assert (tmp_path / path).resolve() == ROOT / "tools"
    for name in [*config["bibtex_bibfiles"], *config["sphinx"]["config"]["html_static_path"]]:
        assert (PORTUGUESE / name).resolve().parent == ROOT


def test_the_contents_are_the_same_under_other_captions(monkeypatch, tmp_path):
    english, portuguese = map(editions.contents, EDITIONS)
    captions = [[part.pop("caption") for part in toc["parts"]] for toc in (english, portuguese)]
    assert portuguese == english
    assert captions == [
        ["Chapters", "Beyond the document", "Closing", "Reference"],
        ["Capítulos", "Além do documento", "Encerramento", "Referência"],
    ]
    strings = tmp_path / "strings.toml"
    strings.write_text('[captions.pt-BR]\nChapters = "Capítulos"\n', encoding="utf-8")
    monkeypatch.setattr(editions, "STRINGS", strings)
    with pytest.raises(KeyError, match=r"strings.toml must have a caption for 'Beyond"):
        editions.contents(PORTUGUESE)


def test_what_others_say_in_english_is_said_in_each_other_language():
    assert MESSAGES.keys() == PAGE_WORDS.keys() == COPY_BUTTON.keys() == STRINGS.keys() - {"en"}


def test_a_failed_build_leaves_the_old_pages(tmp_path, monkeypatch):
    html, build = tmp_path / "html" / "pt", tmp_path / "build"
    html.mkdir(parents=True)
    (html / "old.html").write_text("old")
    monkeypatch.setattr(editions, "HTML", html)
    monkeypatch.setattr(editions, "BUILD", build)
    (build / "_build" / ".doctrees").mkdir(parents=True)
    monkeypatch.setattr(editions, "COMMAND", ["false"])
    assert editions.build() == 1
    assert (html / "old.html").read_text() == "old"
    assert not (build / "_build" / ".doctrees").exists()
    (build / "_build" / "html").mkdir()
    (build / "_build" / "html" / "new.html").write_text("new")
    monkeypatch.setattr(editions, "COMMAND", ["true"])
    assert editions.build() == 0
    assert [path.name for path in html.iterdir()] == ["new.html"]
    assert [path.name for path in html.parent.iterdir()] == ["pt"]


# ---- the built pages ----


SHARED = '[id^="place-"], .proof[id], .exercise[id], .question[id], figure[id]'
SAME_IN_BOTH = re.compile(
    r"[\W\d_]*|(?:\d+\.)+|\.(?:ipynb|md|pdf)|Ctrl|K|CC BY 4\.0|© 2026\.|Links?|Lemma|[nN]wp.*"
)


@dataclass
class Page:
    """What the tests below ask of a page; to read one takes most of their time."""

    language: str
    links: list[Tag]  # to the other edition
    alternates: dict[str, str]
    anchors: list[str]  # of what both editions have
    cited: list[str]
    around: set[str]  # what it says besides its article: text, and the names of what has none


@cache
def page_of(address):
    """Read a page once."""
    soup = soup_of(address)
    assert soup.h1 is not None
    links = soup.find_all("a")
    page = Page(
        language=soup.html["lang"],
        links=[link for link in links if "language-link" in link.get("class", ())],
        alternates={a["hreflang"]: a["href"] for a in soup.head.select("link[rel=alternate]")},
        anchors=[],
        cited=[link.get_text() for link in links if "#id" in link.get("href", "")],
        around=set(),
    )
    page.links = [link.extract() for link in page.links]
    # The article is most of a page: without it, what is left is searched soon.
    for article in soup.find_all("article"):
        article.extract()
        page.anchors += [tag["id"] for tag in article.find_all(id=True) if tag.css.match(SHARED)]
    for tag in soup.select(
        "script, style, .logo, .toctree-l1, .section-nav, title, "
        ".prev-next-title, .author, #jb-print-docs-body > h1"
    ):
        tag.decompose()
    strings = soup.find_all(string=lambda text: not isinstance(text, PreformattedString))
    said = {" ".join(text.split()) for text in strings}
    for name in ("title", "aria-label", "placeholder", "alt", "data-bs-title"):
        said |= {tag[name] for tag in soup.select(f"[{name}]")}
    page.around = {text for text in said if not SAME_IN_BOTH.fullmatch(text)}
    return page


def test_every_page_has_its_counterpart():
    if not PAGES:
        test_pages.unavailable("the book is not built: run make book")
    assert sorted(page.removeprefix("pt/") for page in PAGES if page.startswith("pt/")) == sorted(
        ENGLISH_PAGES
    )


@pytest.mark.parametrize("page", PAIRS)
@pytest.mark.parametrize(("here", "there"), [("en", "pt-BR"), ("pt-BR", "en")])
def test_every_page_leads_to_the_other_edition(page, here, there):
    read = page_of(FOLDERS[here] + page)
    folder = (HTML / FOLDERS[here] / page).parent
    assert read.language == here
    (link,) = read.links
    assert (link["lang"], link["hreflang"]) == (there, there)
    assert link.get_text(strip=True) == STRINGS[there]["language"]
    assert (folder / link["href"]).resolve() == HTML / FOLDERS[there] / page
    assert read.alternates.keys() == FOLDERS.keys()
    for tag, address in read.alternates.items():
        assert (folder / address).resolve() == HTML / FOLDERS[tag] / page


def test_the_script_knows_the_same_anchors():
    script = (ROOT / "assets" / "book.js").read_text(encoding="utf-8")
    assert f"SHARED = '{SHARED}';" in script


@pytest.mark.parametrize("page", PAIRS)
def test_shared_anchors_are_in_both_editions_in_the_same_order(page):
    english, portuguese = (page_of(folder + page).anchors for folder in FOLDERS.values())
    assert portuguese == english
    if page.startswith("chapters/"):
        assert len(english) > 20


BIBLIOGRAPHY = "pt/reference/bibliography.html"


@pytest.mark.parametrize("page", PAIRS)
def test_nothing_around_the_text_is_left_in_english(page):
    assert page_of(f"pt/{page}").around & page_of(page).around == set()


def test_boxes_and_folds_speak_portuguese():
    page = soup_of("pt/chapters/05_derivative.html")
    text = page.select_one("article").get_text(" ")
    for words in (
        "Lema D2.1",
        "Demonstração.",
        "Exercício 5.1",
        "Solução do",
        "Onde deixa de valer.",
    ):
        assert words in text
    assert not re.search(r"\b(Theorem|Lemma|Proof|Exercise|Solution|Remark|Example) ", text)
    titles = soup_of("pt/reference/claims.html").select(".claim .admonition-title")
    assert any(title.get_text().startswith("Teorema D2:") for title in titles)
    assert any(title.get_text().startswith("Teorema D2.1:") for title in titles)


def test_citations_and_the_bibliography_speak_portuguese():
    entries = [
        " ".join(entry.get_text(" ").split()) for entry in soup_of(BIBLIOGRAPHY).select(".citation")
    ]
    names = {
        str(person)
        for entry in parse_file(ROOT / "references.bib").entries.values()
        for people in entry.persons.values()
        for person in people
    }
    last_names = "|".join(re.escape(name.split(",")[0]) for name in names - {"others"})
    assert len(entries) > 30
    for entry in entries:
        assert not re.search(r"\b(?:and others|editors?|pages|Web page|Program|draft)\b", entry)
        assert not re.search(rf" and (?:[^\s.]+ |\w\. )*(?:{last_names})[.,]", entry), entry
    text = " ".join(entries)
    for words in ("Boyd e Lieven", "Mensch e outros", "organizadores", "páginas", "volume 70 de"):
        assert words in text
    assert "Boyd and Lieven" in soup_of("reference/bibliography.html").get_text()
    cited = [words for page in PAIRS for words in page_of(f"pt/{page}").cited]
    assert "Jurafsky e Martin, 2024" in cited
    assert [words for words in cited if " and " in words] == []


def test_documentation_of_the_code_is_marked_as_english():
    entries = soup_of("pt/reference/api.html").select("dl.py")
    assert len(entries) > 50
    assert all(entry.get("lang") == "en" for entry in entries)
    assert not soup_of("reference/api.html").select("dl.py[lang]")


def test_the_link_leads_to_the_section_that_is_read(browser):
    for start, target in (("", "pt/"), ("pt/", "")):
        page, troubles = open_page(browser, f"{start}chapters/05_derivative.html")
        for place in ("place-4", "lem-2-1", "q-dv-logits"):
            page.evaluate(
                "id => document.getElementById(id).scrollIntoView({behavior: 'instant'})", place
            )
            page.evaluate("document.querySelector('.language-link').click()")
            page.wait_for_url(f"**/{target}chapters/05_derivative.html#{place}")
            page.go_back()
        page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
        page.evaluate("document.querySelector('.language-link').click()")
        page.wait_for_url(f"{HTML.as_uri()}/{target}chapters/05_derivative.html")
        assert troubles == []
        page.context.close()


@pytest.mark.parametrize("width", [360, 1280])
def test_the_link_is_seen_and_large_enough(browser, width):
    page, _ = open_page(browser, "pt/chapters/01_loss.html")
    page.set_viewport_size({"width": width, "height": 740})
    box = page.locator(".language-link").bounding_box()
    menu = page.locator(".primary-toggle").first.bounding_box()
    assert box["height"] >= 24
    assert box["width"] >= 24
    assert 0 < box["x"] < box["x"] + box["width"] < width
    assert abs(box["y"] + box["height"] / 2 - menu["y"] - menu["height"] / 2) < 12  # in one line
    page.context.close()


def test_the_copy_button_speaks_portuguese(browser):
    for folder, words in (("", "Copy"), ("pt/", "Copiar")):
        page, troubles = open_page(browser, f"{folder}chapters/01_loss.html")
        assert page.locator(".copybtn").first.get_attribute("data-tooltip") == words
        assert troubles == []
        page.context.close()
