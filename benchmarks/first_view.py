"""How long a reader waits for a chapter: opened from disk until its mathematics is set.

A fresh browser context for each view, so nothing is cached by the browser; medians, with the
slowest view beside them. Needs the built book and Chromium.
"""

import argparse
import statistics
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright
from recording import describe, write

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import chromium  # noqa: E402

SET = """async () => {
    await window.MathJax?.startup?.promise;
    await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)));
    return performance.now(); // since the navigation began
}"""


def seconds(browser, address: str) -> float:
    """Open a page in a fresh context; return the time until its formulas are painted."""
    context = browser.new_context(viewport={"width": 1280, "height": 740}, offline=True)
    page = context.new_page()
    page.goto(address, wait_until="load")
    waited = page.evaluate(SET) / 1000
    context.close()
    return waited


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "bench" / "first_view.json")
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    pages = sorted((ROOT / "_build" / "html" / "chapters").glob("*.html"))
    path = chromium.find()
    if not pages or path is None:
        sys.exit("needs the built book (make book) and Chromium (apt-get install chromium)")
    result = describe("cpu", 0, None)
    result["chapters"] = {}
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright, path)
        result["browser"] = browser.version
        for page in pages:
            views = [seconds(browser, page.as_uri()) for _ in range(arguments.repeats)]
            row = {"median_s": round(statistics.median(views), 3), "most_s": round(max(views), 3)}
            result["chapters"][page.stem] = row
            print(f"{page.stem:24} median {row['median_s']:.2f} s, slowest {row['most_s']:.2f} s")
    write(arguments.out, result)


if __name__ == "__main__":
    main()
