"""The built pages, read without a browser."""

import test_pages
from bs4 import BeautifulSoup
from mathematics import undrawn
from test_pages import HTML, PAGES


def soup_of(address):
    """Return a page as it was built, with the source of each formula in place of its drawing."""
    if not PAGES:
        test_pages.unavailable("the book is not built: run make book")
    html = (HTML / address).read_text(encoding="utf-8")
    return BeautifulSoup(undrawn(html), "html.parser")
