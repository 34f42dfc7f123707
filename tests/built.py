"""The built pages, read without a browser."""

import re

import test_pages
from bs4 import BeautifulSoup
from mathematics import undrawn
from test_pages import HTML, PAGES

CODE = re.compile(r"<pre>.*?</pre>", re.DOTALL)
TOKEN = re.compile(r'<span(?: class="[a-z]{1,2}\d?")?>([^<]*)</span>')  # as Pygments writes it


def uncolored(page):
    """Return the HTML of a page without the colors of its code: many elements, and no text."""
    return CODE.sub(lambda code: TOKEN.sub(r"\1", code[0]), page)


def soup_of(address):
    """Return a page with the source of each formula for its drawing, and code without colors."""
    if not PAGES:
        test_pages.unavailable("the book is not built: run make book")
    html = (HTML / address).read_text(encoding="utf-8")
    return BeautifulSoup(uncolored(undrawn(html)), "html.parser")
