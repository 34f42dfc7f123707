"""Where Chromium is on this machine, and how it is started: for the page tests and the PDF."""

import shutil
from typing import Any

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


def find() -> str | None:
    """Return the path of an installed Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def launch(playwright: Any, path: str) -> Any:
    """Start the Chromium at `path` without a window."""
    return playwright.chromium.launch(executable_path=path, args=list(FLAGS))
