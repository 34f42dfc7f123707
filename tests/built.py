"""The built pages, read without a browser."""

import test_pages
from bs4 import BeautifulSoup
from mathematics import undrawn
from pdf import LISTING
from test_pages import HTML, PAGES


def soup_of(address, *, listings=True):
    """Return a page as it was built, with the source of each formula in place of its drawing.

    Without its `listings`, which are most of the elements, a page is read in a third of the time.
    """
    if not PAGES:
        test_pages.unavailable("the book is not built: run make book")
    html = undrawn((HTML / address).read_text(encoding="utf-8"))
    return BeautifulSoup(html if listings else LISTING.sub("", html), "html.parser")
