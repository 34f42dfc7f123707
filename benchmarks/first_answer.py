"""How long a reader waits for the first answer of a cell that runs in the page, and what it loads.

An exercise without figure (1.4) is answered in a fresh browser context: cold, from the press of
"Check my answer" to the verdict on the screen, with what the page says meanwhile as the parts of
that time; and warm, when it is pressed again. Two ways: the page opened from disk with Python
beside it, and served, with Python from its delivery network, for which a server on this machine
stands in, which compresses; `--megabits` makes the way to it as slow as a reader's. Medians and
the best view.

The bytes are those of the second way: as they are, and as a server that compresses sends them.
Needs the book with Python beside the pages (`make book BROWSER=1`) and Chromium.
"""

import argparse
import base64
import contextlib
import functools
import gzip
import http.server
import os
import statistics
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright
from recording import describe, write

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import browser  # noqa: E402
import chromium  # noqa: E402
from strings import RUN  # noqa: E402

HTML = ROOT / "_build" / "html"
CHAPTER, NUMBER = "chapters/01_loss.html", "1.4"
ANSWER = """def batch_loss(probabilities, targets):
    of_right_words = probabilities[np.arange(len(targets)), targets]
    with np.errstate(divide="ignore"):
        return (0.0 - np.log(of_right_words)).mean()


check("1.4", batch_loss)"""
# Presses the first button, and resolves when the verdict is on the screen: [seconds until then,
# [seconds, what was said] …].
PRESS = """([cell, number]) => new Promise((resolve) => {
    const status = cell.querySelector(".run-status");
    const said = [];
    const began = performance.now();
    const since = () => (performance.now() - began) / 1000;
    const look = () => {
        const word = status.textContent;
        if (word && word !== said.at(-1)?.[1]) said.push([since(), word]);
        const output = cell.querySelector(".run-output");
        if (!output?.textContent.includes(`${number}: right`)) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => resolve([since(), said])));
    };
    const observer = new MutationObserver(look);
    observer.observe(cell, { childList: true, characterData: true, subtree: true });
    cell.querySelector(".run-button").click();
})"""
WARM = 5  # times that the answer is checked again
LATENCY = 40  # milliseconds, of a network that is made slow


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves a folder to pages of any address, and Python's files by their names alone."""

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def do_GET(self) -> None:
        compressed = Path(f"{self.translate_path(self.path)}.gz")
        if not compressed.exists():
            super().do_GET()
            return
        content = compressed.read_bytes()
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path):
    """Serve a folder on this machine; yield its address."""
    handler = functools.partial(Server, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def unpack(folder: Path) -> None:
    """Write the files that lie beside the pages as they are on the delivery network.

    Beside one that gets smaller lies what is sent: the file compressed.
    """
    for name in browser.pinned():
        text = (browser.FOLDER / f"{name}.js").read_text(encoding="ascii")
        content = base64.b64decode(text.split('"')[3])
        (folder / name).write_bytes(content)
        compressed = gzip.compress(content, 6)
        if len(compressed) < 0.9 * len(content):
            (folder / f"{name}.gz").write_bytes(compressed)


def view(chrome, page_address: str, network: str | None, megabits: float) -> dict:
    """Answer the exercise in a fresh context: cold, then warm; `network` has Python's files."""
    context = chrome.new_context(viewport={"width": 1280, "height": 740})
    context.set_default_timeout(chromium.PATIENCE)
    page, loaded = context.new_page(), set()
    if network is not None:
        page.route("**/_static/pyodide/**", lambda route: route.abort())
        page.route("**/_static/packages.js", lambda route: route.fulfill(body=at(network)))
        page.add_init_script("localStorage.setItem('nwp:load', 'yes')")
    page.on("request", lambda request: loaded.add(request.url.rpartition("/")[2]))
    page.goto(page_address, wait_until="load")
    page.wait_for_selector("html[data-laid-out]", state="attached")
    stub = page.locator("div.cell.runs:has(textarea)").filter(has_text="def batch_loss(")
    stub.locator("textarea").fill(ANSWER)
    cell = stub.element_handle()
    loaded.clear()
    if megabits and network is not None:
        conditions = {"offline": False, "latency": LATENCY, "uploadThroughput": -1}
        conditions["downloadThroughput"] = megabits * 1e6 / 8
        context.new_cdp_session(page).send("Network.emulateNetworkConditions", conditions)
    cold, said = page.evaluate(PRESS, [cell, NUMBER])
    files = set(loaded)
    warm = []
    for _ in range(WARM):
        stub.locator(".run-status").get_by_text(RUN["en"]["done"], exact=True).wait_for()
        warm.append(page.evaluate(PRESS, [cell, NUMBER])[0])
    context.close()
    return {"cold": cold, "warm": warm, "said": said, "files": files}


def at(network: str) -> str:
    """Return `packages.js` with the delivery network's addresses replaced."""
    text = (HTML / "_static" / "packages.js").read_text(encoding="utf-8")
    for file in browser.pinned().values():
        text = text.replace(file.url, f"{network}/{file.name}")
    return text


def parts(said: list, cold: float) -> dict[str, float]:
    """Return how long each thing was said, by its first words."""
    ends = [*(moment for moment, _ in said[1:]), cold]
    found: dict[str, float] = {}
    for (moment, word), end in zip(said, ends, strict=True):
        name = word.partition(":")[0].rstrip(".")
        found[name] = round(found.get(name, 0.0) + max(end - moment, 0.0), 3)
    return found


def weigh(names: set[str], network: Path) -> dict[str, int]:
    """Return the bytes of what was loaded, as they are and compressed."""
    there = [network / name for name in names if (network / name).exists()]
    there += [HTML / "_static" / name for name in ("packages.js", "runner.js") if name in names]
    contents = [path.read_bytes() for path in there]
    return {
        "bytes": sum(map(len, contents)),
        # what is compressed already is sent as it is
        "bytes_compressed": sum(min(len(c), len(gzip.compress(c, 6))) for c in contents),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "bench" / "first_answer.json")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--megabits", type=float, default=0, help="a second, of the network; 0: all"
    )
    arguments = parser.parse_args()
    path = chromium.find()
    if path is None or not (browser.FOLDER / "pyodide.js.js").exists():
        sys.exit("needs `make book BROWSER=1` and Chromium (apt-get install chromium)")
    result = describe("cpu", 0, None) | {"megabits_per_second": arguments.megabits or None}
    with TemporaryDirectory() as name, sync_playwright() as playwright:
        unpack(Path(name))
        chrome = chromium.launch(playwright, path)
        result["browser"] = chrome.version
        with served(Path(name)) as network, served(HTML) as book:
            ways = {"disk": (HTML.as_uri(), None), "network": (book, network)}
            views: dict[str, list] = {way: [] for way in ways}
            for _ in range(arguments.repeats):
                for way, (root, files) in ways.items():
                    views[way].append(view(chrome, f"{root}/{CHAPTER}", files, arguments.megabits))
        for way, seen in views.items():
            best = min(seen, key=lambda one: one["cold"])
            warm = [moment for one in seen for moment in one["warm"]]
            row = {
                "cold_s": round(statistics.median(one["cold"] for one in seen), 2),
                "cold_best_s": round(best["cold"], 2),
                "parts_of_best_s": parts(best["said"], best["cold"]),
                "warm_s": round(statistics.median(warm), 3),
                "warm_best_s": round(min(warm), 3),
            }
            result[way] = row
            print(way, row, flush=True)
        result["loaded"] = weigh(views["network"][0]["files"], Path(name))
        print("loaded", result["loaded"])
    result["load_average_after"] = os.getloadavg()[0]
    write(arguments.out, result)


if __name__ == "__main__":
    main()
