"""The built pages, read without a browser."""

import os
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


def soup_of(address):
    """Return a page as it was built, with the source of each formula in place of its drawing."""
    if not PAGES:
        unavailable("the book is not built: run make book")
    html = (HTML / address).read_text(encoding="utf-8")
    return BeautifulSoup(undrawn(html), "html.parser")
