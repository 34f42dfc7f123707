"""Where Chromium is on this machine, and how it is started: for the page tests and the PDF."""

import shutil
from typing import Any

# The shell has no window to draw, and opens a page in a quarter of the time that Chromium takes.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
PATIENCE = 240_000  # ms: on a busy machine a page that is right may still be slow
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


def find() -> str | None:
    """Return the path of an installed Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def launch(playwright: Any, path: str) -> Any:
    """Start the Chromium at `path` without a window."""
    return playwright.chromium.launch(executable_path=path, args=list(FLAGS))


def context(browser: Any, **options: Any) -> Any:
    """Open a context without network; what is waited for in it may take its time."""
    opened = browser.new_context(offline=True, **options)
    opened.set_default_timeout(PATIENCE)
    return opened
