"""The built pages, read without a browser."""

import os
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from mathematics import undrawn

HTML = Path(__file__).resolve().parent.parent / "_build" / "html"
PAGES = sorted(
    p.relative_to(HTML).as_posix() for p in HTML.rglob("*.html") if "_static" not in p.parts
)


def unavailable(reason: str) -> None:
    if os.environ.get("NWP_REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


CODE = re.compile(r"<pre>.*?</pre>", re.DOTALL)
TOKEN = re.compile(r'<span(?: class="[a-z]{1,2}\d?")?>([^<]*)</span>')  # as Pygments writes it


def uncolored(page):
    """Return the HTML of a page without the colors of its code: many elements, and no text."""
    return CODE.sub(lambda code: TOKEN.sub(r"\1", code[0]), page)


def soup_of(address):
    """Return a page with the source of each formula for its drawing, and code without colors."""
    if not PAGES:
        unavailable("the book is not built: run make book")
    html = (HTML / address).read_text(encoding="utf-8")
    return BeautifulSoup(uncolored(undrawn(html)), "html.parser")
