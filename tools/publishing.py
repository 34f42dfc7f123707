"""What the book needs where it has an address: for search engines, links and lost readers.

The address follows from `repository: url` in `_config.yml`, as GitHub Pages gives it; a book that
stands elsewhere has its address in `html: baseurl`. Without either, nothing of this is written:
a folder of pages on a disk has no address to tell.
"""

import re
import textwrap
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from languages import FOLDERS
from markupsafe import Markup
from sphinx.application import Sphinx
from sphinx.config import Config
from strings import STRINGS, language_tag

MISSING = "404"  # the page that a server shows for an address that leads nowhere
SHORT = 200  # letters; previews show no more of a description


def address_of(baseurl: str, repository: str) -> str:
    """Return the address of the whole book, with a slash at its end; "" where it has none."""
    if baseurl:
        return f"{baseurl.rstrip('/')}/"
    found = re.fullmatch(r"https://github\.com/([\w-]+)/([\w.-]+?)(?:\.git)?/?", repository)
    if not found:
        return ""
    host = f"{found[1].lower()}.github.io"
    return f"https://{host}/" if found[2].lower() == host else f"https://{host}/{found[2]}/"


def set_addresses(app: Sphinx, config: Config) -> None:
    """Derive the addresses of the book and of this edition; Sphinx makes canonical links of it."""
    repository = config.html_theme_options.get("repository_url", "")
    config.book_address = address_of(config.html_baseurl, repository)
    if config.book_address:
        config.html_baseurl = config.book_address + FOLDERS[language_tag(config.language)]


def description_of(doctree: nodes.document) -> str:
    """Return the beginning of the first paragraph, not in italics, that has no formula."""
    for paragraph in doctree.findall(nodes.paragraph):
        in_italics = len(paragraph) == 1 and isinstance(paragraph[0], nodes.emphasis)
        has_formulas = any(paragraph.findall(lambda node: isinstance(node, nodes.math | nodes.raw)))
        if isinstance(paragraph.parent, nodes.section) and not in_italics and not has_formulas:
            return textwrap.shorten(paragraph.astext(), SHORT, placeholder=" …")
    return ""


def describe(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Tell what a preview of the page shows, in the words of Open Graph."""
    config = app.config
    if not config.book_address or "title" not in context:  # the index has its title elsewhere
        return
    description = description_of(doctree) if doctree else ""
    tag = language_tag(config.language)
    properties = {
        "og:type": "website",
        "og:site_name": config.html_title,
        "og:title": Markup(context["title"]).striptags(),
        "og:url": f"{config.html_baseurl}{page}.html",
        "og:locale": STRINGS[tag]["locale"],
        "og:description": description,
        "og:image": f"{config.book_address}_static/page.png",
    }
    tags = [
        f'<meta property="{name}" content="{escape(value)}" />'
        for name, value in properties.items()
        if value
    ]
    if description:
        tags.append(f'<meta name="description" content="{escape(description)}" />')
    context["metatags"] = "\n".join([context.get("metatags", ""), *tags])
    if page == MISSING:
        # It is shown at any address, so its links must not start from there.
        base = f'<base href="{config.html_baseurl}{page}.html" />'
        context["metatags"] = f"{base}\n{context['metatags']}"


def missing_page(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Make the page for an address that leads nowhere, in both languages, this edition's first."""
    if not app.config.book_address:
        return
    here = language_tag(app.config.language)
    body = f"<h1>{STRINGS[here]['missing']}</h1>"
    for tag in sorted(FOLDERS, key=lambda tag: tag != here):
        start = f"{app.config.book_address}{FOLDERS[tag]}{app.config.root_doc}.html"
        words = STRINGS[tag]["missing-way"].format(start=start)
        body += f'\n<p lang="{tag}">{words}</p>'
    yield MISSING, {"title": STRINGS[here]["missing"], "body": body}, "page.html"


def sitemap(pages: list[str], address: str, folder: str) -> str:
    """List the pages of the edition in `folder`, each with its place in every edition."""
    entries = []
    for page in sorted(pages):
        alternates = "".join(
            f'    <xhtml:link rel="alternate" hreflang="{tag}"'
            f' href="{address}{other}{page}.html"/>\n'
            for tag, other in FOLDERS.items()
        )
        entries.append(
            f"  <url>\n    <loc>{address}{folder}{page}.html</loc>\n{alternates}  </url>\n"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
        f' xmlns:xhtml="http://www.w3.org/1999/xhtml">\n{"".join(entries)}</urlset>\n'
    )


def write_for_search_engines(app: Sphinx, exception: Exception | None) -> None:
    """Write the edition's `sitemap.xml`, and in the book's first folder `robots.txt`."""
    address = app.config.book_address
    if exception or not address or app.builder.format != "html":
        return
    out, folder = Path(app.outdir), FOLDERS[language_tag(app.config.language)]
    pages = sorted(app.env.found_docs)
    (out / "sitemap.xml").write_text(sitemap(pages, address, folder), encoding="utf-8")
    if not folder:
        maps = "".join(f"Sitemap: {address}{other}sitemap.xml\n" for other in FOLDERS.values())
        (out / "robots.txt").write_text(f"User-agent: *\nAllow: /\n\n{maps}", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("book_address", "", "html", types=[str])
    app.connect("config-inited", set_addresses, priority=400)  # before pages.py drops the options
    app.connect("html-page-context", describe)
    app.connect("html-collect-pages", missing_page)
    app.connect("build-finished", write_for_search_engines)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
