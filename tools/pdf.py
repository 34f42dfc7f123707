"""Each edition as one PDF: the built pages, joined in the order of the contents and printed.

`python tools/pdf.py` reads `_build/html` (`make book`), writes `_build/pdf/book.html`, and
has Chromium print it to `_build/pdf/book.pdf`, twice: the second time the contents know the
pages. The Brazilian edition becomes `livro.html` and `livro.pdf`. Every link within a book must
have its target, or the command says which has none.
"""

import posixpath
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urldefrag

import chromium
import yaml
from bs4 import BeautifulSoup, Tag
from editions import EDITIONS, PORTUGUESE, configuration, contents
from mathematics import redrawn
from playwright.sync_api import sync_playwright
from pypdf import PdfReader
from strings import STRINGS, language_tag

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
OUT = ROOT / "_build" / "pdf"
SET_ASIDE = re.compile(r"<!--aside (\d+)-->")
LISTING = re.compile(r"""(?<=<pre>)(?:[^<]|<span(?: class="[\w -]+")?>|</span>)+(?=</pre>)""")
ID_LISTS = {"aria-labelledby", "aria-describedby", "aria-controls", "for"}


@dataclass
class Entry:
    """A line of the contents: a part's name without a target, or a page or section."""

    title: str
    level: int
    target: str = ""


@dataclass
class Joined:
    """The pages as one, with their contents and the links that lead nowhere.

    In the articles and the contents a comment stands for each formula and each listing, whose
    HTML is in `aside`: they are most of a page's elements, and nothing in them is to be changed.
    """

    articles: list[Tag] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    contents: list[Entry] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def pages_of(toc: dict) -> list[tuple[str, str]]:
    """List (caption of the part, page) in reading order from the table of contents' file."""
    pages = [("", toc["root"])]

    def add(caption: str, entries: list[dict]) -> None:
        for entry in entries:
            pages.append((caption, entry["file"]))
            add("", entry.get("sections", []))

    for part in toc.get("parts", [toc]):
        first, *others = part.get("chapters", part.get("sections", []))
        add(part.get("caption", ""), [first])
        add("", others)
    return pages


def join(pages: list[tuple[str, str]], html: Path, edition: str = "") -> Joined:
    """Read the articles of the built pages; make ids and links hold in one document.

    `edition` is the folder of the edition below `html`.
    """
    joined = Joined()
    known = {page for _, page in pages}

    def set_aside(part: str) -> str:
        joined.aside.append(part)
        return f"<!--aside {len(joined.aside) - 1}-->"

    for caption, page in pages:
        text = (html / edition / f"{page}.html").read_text(encoding="utf-8")
        text = LISTING.sub(lambda code: set_aside(code[0]), redrawn(text, set_aside))
        soup = BeautifulSoup(text, "html.parser")
        article = soup.select_one("article.bd-article")
        if article is None:
            raise ValueError(f"{page}.html has no article: is it a page of the book?")
        _prepare(article)
        _rename_ids(article, page)
        _redirect(article, page, known, edition)
        article["id"], article["class"] = page_id(page), ["page"]
        if caption:
            joined.contents.append(Entry(caption, 0))
        joined.contents += _headings(article)
        joined.articles.append(article)
    targets = {tag["id"] for article in joined.articles for tag in article.find_all(id=True)}
    targets |= {article["id"] for article in joined.articles}
    joined.broken = sorted(
        {
            link["href"]
            for article in joined.articles
            for link in article.select('a[href^="#"]')
            if unquote(link["href"][1:]) not in targets
        }
    )
    return joined


def page_id(page: str, fragment: str = "") -> str:
    """Name a place of a page so that it is the only one in the joined document."""
    return "--".join(filter(None, (page.replace("/", "-"), fragment)))


def _prepare(article: Tag) -> None:
    """Leave out what is for the screen; open what is folded."""
    for tag in article.select("script, template, a.headerlink, .d-print-none, .hide > summary"):
        tag.decompose()
    for tag in article.find_all(True):
        if tag.name in ("details", "summary"):
            tag.name = "div"
            tag.attrs.pop("open", None)
        elif tag.name == "noscript":
            tag.unwrap()
        elif tag.name == "img":
            tag.attrs.pop("loading", None)


def _rename_ids(article: Tag, page: str) -> None:
    seen = set()
    for tag in article.find_all(True):
        if tag.get("id") in seen:
            del tag["id"]
        elif tag.has_attr("id"):
            seen.add(tag["id"])
            tag["id"] = page_id(page, tag["id"])
        for name in tag.attrs.keys() & ID_LISTS:
            names = tag[name] if isinstance(tag[name], list) else tag[name].split()
            tag[name] = " ".join(page_id(page, one) for one in names)


def _redirect(article: Tag, page: str, known: set[str], edition: str) -> None:
    """Point links to pages of the book into the document; keep no other local link."""
    folder = posixpath.dirname(page)
    for picture in article.find_all(src=True):
        if not re.match(r"[a-z]+:", picture["src"]):
            path = posixpath.join("../html", edition, folder, picture["src"])
            picture["src"] = posixpath.normpath(path)
    for link in article.select("a[href]"):
        if re.match(r"[a-z]+:", link["href"]):
            continue
        path, fragment = urldefrag(link["href"])
        target = posixpath.normpath(posixpath.join(folder, path)) if path else f"{page}.html"
        if target.removesuffix(".html") in known:
            place = page_id(target.removesuffix(".html"), unquote(fragment))
            link["href"] = f"#{quote(place)}"
        else:
            link.unwrap()  # a download, or a page that only the screen has


def _headings(article: Tag) -> list[Entry]:
    """The title and the sections of a page, for the contents."""
    entries = []
    for heading in article.select("h1, h2"):
        place = heading.find_parent("section")
        target = place["id"] if place is not None and place.get("id") else article["id"]
        title = re.sub(r"\s+", " ", heading.decode_contents().replace("¶", "")).strip()
        entries.append(Entry(title, int(heading.name[1]), target))
    return entries


def document(joined: Joined, config: dict, numbers: dict[str, int]) -> str:
    """Write the joined pages as one HTML document; `numbers` are the pages of the contents."""
    language = language_tag(config.get("sphinx", {}).get("config", {}).get("language", "en"))
    strings = STRINGS[language]
    lines = []
    for entry in joined.contents:
        if not entry.target:
            lines.append(f'<li class="part">{entry.title}</li>')
            continue
        title = re.sub(r"</?a\b[^>]*>", "", entry.title)
        lines.append(
            f'<li class="level-{entry.level}"><a href="#{quote(entry.target)}">'
            f"<span>{title}</span> <b>{numbers.get(entry.target, '')}</b></a></li>"
        )
    heads = "\n".join(
        f'@page page-{i} {{ @top-right {{ content: "{_css_string(_running_head(article))}" }} }}\n'
        f"article:nth-of-type({i}) {{ page: page-{i} }}"
        for i, article in enumerate(joined.articles, start=1)
    )
    text = f"""<!DOCTYPE html>
<html lang="{language}" data-theme="light" data-mode="light">
<head>
<meta charset="utf-8">
<title>{config["title"]}</title>
<meta name="author" content="{config["author"]}">
<link rel="stylesheet" href="../html/_static/pygments.css">
<link rel="stylesheet" href="../html/_static/katex/katex.css">
<link rel="stylesheet" href="../../assets/explorers/explorer.css">
<link rel="stylesheet" href="../../assets/print.css">
<style>{heads}</style>
</head>
<body>
<header class="cover">
<p class="title">{config["title"]}</p>
<p class="author">{config["author"]}</p>
<p class="year">{config["copyright"]}</p>
</header>
<nav class="contents"><h1>{strings["contents"]}</h1>
<ul>
{chr(10).join(lines)}
</ul>
</nav>
{chr(10).join(str(article) for article in joined.articles)}
</body>
</html>
"""
    return SET_ASIDE.sub(lambda comment: joined.aside[int(comment[1])], text)


def _running_head(article: Tag) -> str:
    heading = article.select_one("h1")
    return heading.get_text().strip() if heading else ""


def _css_string(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


SHRINK_WIDE_FORMULAS = """() => {
    for (const formula of document.querySelectorAll("div.math")) {
        const share = formula.clientWidth / formula.scrollWidth;
        if (share < 1) formula.style.fontSize = `${Math.floor(share * 99)}%`;
    }
    return document.querySelectorAll(".math:not(:has(.katex))").length;
}"""
TEXT_WIDTH = 642  # of an A4 page between its margins, in CSS pixels: 170 mm


def print_pdf(source: Path, target: Path, browser_path: str) -> None:
    """Have Chromium lay out one HTML document and print it."""
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright, browser_path)
        context = browser.new_context(
            viewport={"width": TEXT_WIDTH, "height": 900}, offline=True, color_scheme="light"
        )
        page = context.new_page()
        page.set_default_timeout(0)  # a whole book takes its time
        page.emulate_media(media="print")
        page.goto(source.as_uri(), wait_until="load")
        if unset := page.evaluate(SHRINK_WIDE_FORMULAS):
            raise ValueError(f"{unset} formulas of {source.name} are not set")
        page.pdf(
            path=target, prefer_css_page_size=True, outline=True, tagged=True, print_background=True
        )
        browser.close()


@dataclass
class Printed:
    """What a check needs to know of a PDF by Chromium."""

    pages: int
    destinations: dict[str, int]  # name → page, from 1
    links: list[str]  # names that links lead to
    addresses: list[str]  # of links that leave the book
    outline: int  # entries


def inspect(path: Path) -> Printed:
    """Read pages, links and bookmarks from a PDF."""
    pdf = PdfReader(path)
    destinations = {
        _name(name): pdf.get_destination_page_number(place) + 1
        for name, place in pdf.named_destinations.items()
    }
    marks = [mark.get_object() for page in pdf.pages for mark in page.get("/Annots", ())]
    links = [_name(mark["/Dest"]) for mark in marks if "/Dest" in mark]
    addresses = [mark["/A"]["/URI"] for mark in marks if "/URI" in mark.get("/A", ())]
    return Printed(len(pdf.pages), destinations, links, addresses, _count(pdf.outline))


def _name(name: str) -> str:
    """Return the place that a name of a PDF stands for, as Chromium writes it."""
    return unquote(name.removeprefix("/"))


def _count(outline: list) -> int:
    """Count bookmarks; those below one follow it as a list."""
    return sum(_count(entry) if isinstance(entry, list) else 1 for entry in outline)


def defects(printed: Printed, joined: Joined) -> list[str]:
    """Say what is wrong with the printed book, a sentence each."""
    found = []
    if lost := sorted(set(printed.links) - printed.destinations.keys()):
        found.append(f"links without a target: {lost}")
    if local := [a for a in printed.addresses if a.startswith("file:")]:
        found.append(f"links to the disk: {local}")
    listed = [entry.target for entry in joined.contents if entry.target]
    if missing := [target for target in listed if target not in printed.destinations]:
        found.append(f"in the contents, and not in the book: {missing}")
    else:
        pages = [printed.destinations[target] for target in listed]
        if pages != sorted(pages):
            found.append("the contents' pages do not rise")
    if printed.outline < len(listed):
        found.append(f"{printed.outline} bookmarks for {len(listed)} headings")
    return found


def main() -> None:
    browser_path = chromium.find()
    if browser_path is None:
        sys.exit("make pdf prints with Chromium, and none is installed: apt-get install chromium")
    OUT.mkdir(parents=True, exist_ok=True)
    for edition in EDITIONS:
        print_edition(edition, browser_path)


def print_edition(edition: Path, browser_path: str) -> None:
    """Print the pages of one edition, named by the folder of its sources."""
    toc = contents(edition)
    if edition == PORTUGUESE:
        folder, name, config = PORTUGUESE.name, "livro", configuration(OUT)
    else:
        folder, name = "", "book"
        config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    pages = pages_of(toc)
    if unbuilt := [page for _, page in pages if not (HTML / folder / f"{page}.html").exists()]:
        sys.exit(f"not built: {', '.join(unbuilt)}; run make book")
    joined = join(pages, HTML, folder)
    if joined.broken:
        sys.exit(f"links without a target: {joined.broken}")
    source, target = OUT / f"{name}.html", OUT / f"{name}.pdf"
    numbers: dict[str, int] = {}
    for _ in range(2):  # the contents have the same length with and without numbers
        source.write_text(document(joined, config, numbers), encoding="utf-8")
        print_pdf(source, target, browser_path)
        printed = inspect(target)
        numbers, earlier = printed.destinations, numbers
    if wrong := defects(printed, joined):
        sys.exit("\n".join(wrong))
    if any(numbers[e.target] != earlier[e.target] for e in joined.contents if e.target):
        sys.exit("the contents moved the pages that they name")
    print(f"{target.relative_to(ROOT)}: {printed.pages} pages, {len(printed.links)} links within")


if __name__ == "__main__":
    main()
