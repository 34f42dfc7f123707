"""How long a reader waits for the formulas of a chapter, opened from disk.

Two times, from the start of the navigation: until the formulas of the first screen are painted,
and until all of the chapter are; each with the processor as it is and slowed six times. Beside
them how far what was already seen jumped (cumulative layout shift), and the bytes that the page
loads besides pictures. A fresh browser context for each view, so nothing is cached by the browser;
medians, with the slowest view in the record.

`--before` names the pages of an earlier version (its `_build/html`). The versions take turns, so
that whatever else runs on the machine delays both. Needs the built book and Chromium.
"""

import argparse
import os
import statistics
import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

from playwright.sync_api import sync_playwright
from recording import describe, write

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import chromium  # noqa: E402

SLOWER = (1, 6)  # times; 6 is what browsers' tools take for a phone of the middle class
# A formula is there when it is set, by KaTeX or in earlier versions by MathJax, in its font, is
# laid out, and a frame has been drawn since. A page that lays out in pieces says when it has laid
# out all. To ask where a formula stands, or whether it is laid out, lays it out, which takes the
# time that is to be measured: so the first screen is asked from its top, up to the first formula
# below it, and no other.
WATCH = """(() => {
    window.formulasPainted = { first: null, all: null, shift: 0 };
    const seen = window.formulasPainted;
    const isSet = (formula) => formula.querySelector(".katex, mjx-container > *");
    const isFirstScreenSet = (formulas) => {
        for (const formula of formulas) {
            const { top, bottom } = formula.getBoundingClientRect();
            if (top > innerHeight) return true;
            if (bottom > 0 && !isSet(formula)) return false;
        }
        return document.readyState !== "loading";
    };
    const laysOutLater = () =>
        [...document.querySelectorAll(".bd-article section section > *")].some(
            (block) => getComputedStyle(block).contentVisibility === "auto"
        );
    let last = {};
    let later = null;
    const look = () => {
        const now = {};
        if (document.fonts.status === "loaded") {
            const formulas = document.querySelectorAll(".math");
            now.first = seen.first !== null || isFirstScreenSet(formulas);
            if (document.readyState === "complete") {
                later ??= laysOutLater();
                now.all =
                    (!later || "laidOut" in document.documentElement.dataset) &&
                    [...formulas].every(isSet);
            }
        }
        for (const part of ["first", "all"]) {
            if (now[part] && last[part]) seen[part] ??= performance.now();
        }
        last = now;
        if (seen.all === null) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) seen.shift += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
})()"""
DONE = "() => window.formulasPainted.all !== null && document.readyState === 'complete'"


def view(browser, address: str, slower: float) -> dict[str, float]:
    """Open a page in a fresh context; return its two times in seconds, its shift, its bytes."""
    context = chromium.context(browser, viewport={"width": 1280, "height": 740})
    page = context.new_page()
    loaded = set()
    page.on("request", lambda request: loaded.add(urlparse(request.url)))
    page.add_init_script(WATCH)
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
    page.goto(address, wait_until="commit")
    page.wait_for_function(DONE)
    seen = page.evaluate("() => window.formulasPainted")
    context.close()
    files = {Path(unquote(url.path)) for url in loaded if url.scheme == "file"}
    size = sum(file.stat().st_size for file in files if file.suffix in (".html", ".css", ".js"))
    return {
        "first_s": seen["first"] / 1000,
        "all_s": seen["all"] / 1000,
        "shift": seen["shift"],
        "bytes": size,
    }


def summary(views: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each quantity, and the slowest view."""
    row = {name: round(statistics.median(view[name] for view in views), 3) for name in views[0]}
    return row | {"most_s": round(max(view["all_s"] for view in views), 3)}


def line(chapter: str, version: str, slower: float, row: dict[str, float]) -> str:
    return (
        f"{chapter:18} {version:7} {slower:2}x slower: first screen {row['first_s']:6.2f} s, "
        f"all {row['all_s']:6.2f} s, shift {row['shift']:.3f}, {row['bytes'] / 1e6:.2f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "bench" / "first_view.json")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--chapters", nargs="*", help="names, as 04_weights; all without")
    parser.add_argument("--before", type=Path, help="the _build/html of an earlier version")
    arguments = parser.parse_args()
    versions = {"before": arguments.before} if arguments.before else {}
    versions["now"] = ROOT / "_build" / "html"
    found = sorted(page.stem for page in (versions["now"] / "chapters").glob("*.html"))
    chapters = arguments.chapters or found
    path = chromium.find()
    if not found or path is None:
        sys.exit("needs the built book (make book) and Chromium (apt-get install chromium)")
    if unknown := set(chapters) - set(found):
        sys.exit(f"--chapters: {', '.join(sorted(unknown))}; there are {', '.join(found)}")
    result = describe("cpu", 0, None)
    result["chapters"] = {}
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright, path)
        result["browser"] = browser.version
        for chapter in chapters:
            result["chapters"][chapter] = {}
            for slower in SLOWER:
                views = {version: [] for version in versions}
                for _ in range(arguments.repeats):
                    for version, html in versions.items():
                        page = html.resolve() / "chapters" / f"{chapter}.html"
                        views[version].append(view(browser, page.as_uri(), slower))
                for version in versions:
                    row = summary(views[version])
                    result["chapters"][chapter].setdefault(version, {})[f"{slower}x"] = row
                    print(line(chapter, version, slower, row), flush=True)
    result["load_average_after"] = os.getloadavg()[0]
    write(arguments.out, result)


if __name__ == "__main__":
    main()
