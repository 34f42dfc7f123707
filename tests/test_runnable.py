"""Cells that run in the page: what a cell needs, how it runs, and a browser that runs them all.

The tests in Chromium take Pyodide from the folder that NWP_PYODIDE names, and need the built book
(`make book`); without them they say so and are skipped. They leave the built book as it is.
"""

import contextlib
import functools
import hashlib
import http.server
import io
import json
import os
import re
import threading
import zipfile
from pathlib import Path

import axe_core
import browser
import chromium
import nbformat
import pytest
import runnable
from in_page import session, slices
from in_page.session import Session
from playwright.sync_api import sync_playwright
from strings import LANGUAGES, RUN
from test_pages import CHROMIUM, HTML, PAGES, unavailable

from exercises import numbers
from exercises.messages import MESSAGES

ROOT = Path(__file__).resolve().parent.parent
EXERCISED = ("01_loss", "02_equivalence", "03_convexity", "04_weights", "05_derivative")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(folder: Path):
    """Serve a folder on this machine; yield its address."""
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


# ---- what a cell needs


def needs(*cells: str) -> str:
    """Return the statements that the last cell needs, joined by semicolons."""
    units = slices.needed(list(cells), len(cells) - 1)
    return "; ".join(slices.ast.unparse(unit.node) for unit in units)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("a = 1\nb = 2", "c = a", "print(c)"), "a = 1; c = a"),
        (("a = 1", "a = 2", "print(a)"), "a = 2"),  # the last one counts
        (("a = 1", "if a:\n    a = 2", "print(a)"), "a = 1; if a:\n    a = 2"),
        (("a = 1", "a += 1", "print(a)"), "a = 1; a += 1"),
        (("a = []", "a.append(1)", "print(a)"), "a = []; a.append(1)"),
        (("a = [2, 1]", "a.sort()", "print(a)"), "a = [2, 1]; a.sort()"),
        (("a = 1", "print(a)\nprint(str(a))\n[].append(str(a))", "print(a)"), "a = 1"),
        (("a = {}", "a['b'] = 1", "print(a)"), "a = {}; a['b'] = 1"),
        (("a = [1]", "print(a)\nassert a", "print(a)"), "a = [1]"),
        # a function reads when it is called, here after `b` was bound anew
        (
            ("b = 1", "def f():\n    return b", "b = 2", "f()"),
            "def f():\n    return b; b = 2",
        ),
        (("x = 9", "print([x for x in range(3)])"), ""),
        (("x = 9", "print([y for y in range(x)])"), "x = 9"),
        (("e = 1", "for e in range(3):\n    print(e)"), ""),
        (
            ("def f(x, y=1):\n    z = x\n    return z", "z = 2", "f(1)"),
            "def f(x, y=1):\n    z = x\n    return z",
        ),
        (("a = 1", "with open('f') as a:\n    print(a)"), ""),
        (("e = 1", "try:\n    pass\nexcept ValueError as e:\n    print(e)"), ""),
    ],
)
def test_a_cell_needs_what_binds_or_changes_what_it_reads(cells, expected):
    assert needs(*cells) == expected


def test_a_draw_changes_the_generator_also_within_a_function():
    """Without it a random number would not be that of the notebook."""
    first = "import numpy as np\nr = np.random.default_rng(0)"
    draw = "def draw():\n    return r.normal()"
    assert needs(first, draw, "a = draw()", "print(r.normal())").endswith("a = draw()")
    assert "a = r.normal()" in needs(first, "a = r.normal()", "print(r.normal())")
    assert "print" not in needs(first, "print(np.pi)", "print(r.normal())")


def test_what_sets_up_a_library_runs_where_the_library_is_loaded():
    setup = "import matplotlib.pyplot as plt\nfrom lab import figures\nfigures.use_style()"
    assert needs(setup, "plt.plot([1])").endswith("figures.use_style()")
    assert needs(setup, "print(1)") == ""


def test_libraries_are_those_of_our_modules_too():
    found = {
        source: slices.libraries(slices.units_of([source]))
        for source in (
            "from nwp.loss import softmax",
            "from lab import figures",
            "from nwp.vocabulary import lookup",
            "import math, json",
            "from nwp.files import nearest",
            "import sympy",
        )
    }
    assert [sorted(names) for names in found.values()] == [
        ["numpy"],
        ["matplotlib", "numpy"],
        ["numpy", "torch"],
        [],
        ["files"],
        ["sympy"],
    ]


# ---- how it runs


def run(cells, index, kept=None):
    """Run a cell; return its text, and the kinds of all that it emitted."""
    emitted = []
    kept = kept or Session()
    kept.run(list(cells), index, lambda kind, content: emitted.append((kind, content)))
    return "".join(text for kind, text in emitted if kind in ("text", "error")), [
        kind for kind, _ in emitted
    ]


def test_a_cell_runs_after_what_it_needs_and_says_only_its_own():
    text, kinds = run(["a = 2\nprint('above')", "print(a)\na * 3"], 1)
    assert (text, kinds) == ("2\n6\n", ["text"])
    assert run(["from exercises import check", "check('1.2', None)"], 1)[0].startswith(
        "1.2: not yet"
    )


def test_the_order_in_which_cells_are_run_does_not_matter():
    cells = ["n = 1", "n = n + 1\nprint(n)", "print(n)", "n = 10"]
    kept = Session()
    assert [run(cells, index, kept)[0] for index in (3, 1, 2, 1, 1, 2)] == [
        "", "2\n", "2\n", "2\n", "2\n", "2\n",
    ]  # fmt: skip


def test_a_line_that_was_skipped_is_not_run_too_late():
    kept, cells = Session(), ["x = 1", "y = x", "x = 2", "print(y, x)"]
    assert [run(cells, index, kept)[0] for index in (2, 3)] == ["", "1 2\n"]


def test_what_was_run_is_not_run_again_further_down(tmp_path):
    count = tmp_path / "count"
    first = f"with open({str(count)!r}, 'a') as f:\n    f.write('x')\na = 1"
    cells, kept = [first, "b = a", "print(a, b)"], Session()
    for index in range(3):
        run(cells, index, kept)
    assert count.read_text() == "x"


def test_an_edited_line_counts_below():
    kept = Session()
    assert run(["a = 1; b = 2", "print(a, b)"], 1, kept)[0] == "1 2\n"
    assert run(["a = 1", "print(a)"], 1, kept)[0] == "1\n"
    assert run(["a = 5", "print(a)"], 1, kept)[0] == "5\n"
    assert run(["a = 5\nb = 6", "print(b)"], 1, kept)[0] == "6\n"


def test_an_answer_may_replace_the_line_that_imports_check():
    """A reader who pasted a solution over the first stub had no `check` left, there and below."""
    cells = ["print('1.1, replaced')\nassert not check('1.1', None)", "check('1.2', None)"]
    assert "1.1: not yet" in run(cells, 0)[0]
    assert "1.2: not yet" in run(cells, 1)[0]


def test_errors_name_their_line_and_no_line_of_ours():
    text, kinds = run(["a = 0", "print('before')\nb = a\nprint(1 / b)"], 1)
    assert kinds == ["text", "error"]
    assert "This cell, line 3" in text
    assert "print(1 / b)" in text
    assert text.endswith("ZeroDivisionError: division by zero")
    assert "session.py" not in text
    text, _ = run(["a = 0", "x = 1\ny = = 2"], 1)
    assert "This cell, line 2" in text
    assert "SyntaxError" in text
    text, _ = run(["x = 0\ndef f():\n    return 1 / x", "f()"], 1)
    assert "This cell, line 1" in text
    assert "A cell above, line 3" in text
    assert run(["a = (", "print(1)"], 1)[0] == "1\n"  # what cannot be read above was never run
    assert run(["raise SystemExit(3)"], 0)[0].endswith("SystemExit: 3")


def test_an_error_leaves_nothing_behind():
    kept = Session()
    cells = ["a = [1]", "a.append(2)\nraise ValueError", "print(a)"]
    run(cells, 1, kept)
    assert run(["a = [1]", "a.append(2)", "print(a)"], 2, kept)[0] == "[1, 2]\n"


def test_figures_are_shown_once_and_in_their_place():
    cells = [
        "import matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt",
        "plt.plot([1])",
        "print('a')\nplt.plot([1])\nplt.show()\nprint('b')\n_ = plt.plot([2])",
    ]
    text, kinds = run(cells, 2)
    assert kinds == ["text", "figure", "text", "figure"]
    assert text == "a\nb\n"


def test_endless_output_is_cut():
    text, _ = run(["for _ in range(10_000):\n    print('x' * 99)"], 0)
    assert session.MOST - 5000 <= len(text) <= session.MOST


# ---- what is loaded


def test_packages_are_those_of_the_repository_and_small():
    with zipfile.ZipFile(io.BytesIO(runnable.packages())) as archive:
        for name in ("nwp/loss.py", "exercises/messages.toml", "lab/figures.py"):
            assert archive.read(name) == (ROOT / name).read_bytes()
        assert "in_page/session.py" in archive.namelist()
    assert len(runnable.packages()) <= 200_000
    assert (ROOT / "assets" / "runnable.js").stat().st_size <= 15_000


def test_the_lock_names_only_pinned_files():
    lock = json.loads((runnable.IN_PAGE / runnable.LOCK).read_text(encoding="utf-8"))
    pins = browser.pinned()
    for package in lock["packages"].values():
        assert package["sha256"] in pins[package["file_name"]].sha256
        assert set(package["depends"]) <= lock["packages"].keys()
    assert set(slices.LOADED.values()) <= lock["packages"].keys()


def test_only_the_pinned_bytes_are_laid_beside_the_pages(tmp_path, monkeypatch):
    right = browser.File("a.whl", "", 3, (hashlib.sha256(b"abc").hexdigest(),))
    assert right.integrity == "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    monkeypatch.setattr(browser, "pinned", lambda: {"a.whl": right})
    (tmp_path / "a.whl").write_bytes(b"abd")
    with pytest.raises(ValueError, match=r"a.whl must have the SHA-256 ba7816bf"):
        browser.lay_out(tmp_path / "out", tmp_path)
    assert list((tmp_path / "out").iterdir()) == []
    (tmp_path / "a.whl").write_bytes(b"abc")
    browser.lay_out(tmp_path / "out", tmp_path)
    assert (tmp_path / "out" / "a.whl.js").read_text() == 'nwpFile("a.whl", "YWJj");\n'


@pytest.fixture
def release(tmp_path, monkeypatch):
    """A release of one file, on a server of this machine; yields the file there."""
    (tmp_path / "release").mkdir()
    with served(tmp_path / "release") as root:
        file = browser.File("a.whl", f"{root}/a.whl", 3, (hashlib.sha256(b"abc").hexdigest(),))
        monkeypatch.setattr(browser, "pinned", lambda: {"a.whl": file})
        monkeypatch.setattr(browser, "FOLDER", tmp_path / "beside")
        monkeypatch.delenv("NWP_PYODIDE", raising=False)
        yield tmp_path / "release" / "a.whl"


def test_a_release_that_is_not_the_pinned_one_is_refused(release, capsys):
    for content, reason in ((None, "404"), (b"ab", "SHA-256"), (b"abd", "SHA-256")):
        if content is not None:
            release.write_bytes(content)
        with pytest.raises(SystemExit, match=rf"was not laid beside the pages: .*{reason}"):
            browser.main()
        assert list(browser.FOLDER.iterdir()) == []
    release.write_bytes(b"abc")
    browser.main()
    assert "Cells run without network" in capsys.readouterr().out


def test_what_lies_beside_the_pages_from_another_release_is_replaced(release):
    release.write_bytes(b"abc")
    browser.FOLDER.mkdir()
    beside = browser.FOLDER / "a.whl.js"
    for old in (browser.as_script("a.whl", b"abd"), "", "nwpFile("):
        beside.write_text(old)
        browser.main()
        assert beside.read_text() == browser.as_script("a.whl", b"abc")
    release.unlink()
    browser.main()  # it is there: nothing is fetched
    assert [path.name for path in browser.FOLDER.iterdir()] == ["a.whl.js"]


def test_a_file_that_cannot_be_written_leaves_nothing(release, monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    release.write_bytes(b"abc")
    monkeypatch.setattr(browser.os, "replace", full)
    with pytest.raises(SystemExit, match="no space left"):
        browser.main()
    assert list(browser.FOLDER.iterdir()) == []


def sources(chapter: str, folder: str = ""):
    cells = nbformat.read(ROOT / folder / "chapters" / f"{chapter}.ipynb", as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def test_a_cell_that_needs_pytorch_is_told_from_one_that_names_it():
    """The cells of chapter 6 that read records said that they need PyTorch."""
    read = "from nwp.files import nearest\nwhere = nearest('a')\nprint(where['torch'])"
    assert runnable.missing([read])[0] == {"files"}
    assert runnable.missing(["f = compiled", "f = by_torch(1)"])[1] == {"torch"}
    assert runnable.missing(["from torch.nn import Linear"])[0] == {"torch"}
    assert runnable.missing(["print('torch')"])[0] == set()


@pytest.mark.parametrize("chapter", EXERCISED)
def test_all_cells_but_the_witnesses_run_in_the_page(chapter):
    cells = sources(chapter)
    lacks = runnable.missing([cell.source for cell in cells])
    for cell, lacking in zip(cells, lacks, strict=True):
        if runnable.WITNESS not in cell.metadata.get("tags", []):
            symbolic = {"sympy"} if "sympy." in cell.source else set()
            assert lacking == symbolic, cell.source


# ---- in the browser

PYODIDE = os.environ.get("NWP_PYODIDE")
ENDS = ("done", "silent", "failed", "stopped", "broken", "lacks", "unreachable", "ask")
PATIENCE = 300_000  # ms
PRINTED = """cell => [...cell.querySelectorAll(".cell_output > .output.stream pre")]
    .map((pre) => pre.textContent).join("")"""


@pytest.fixture(scope="module")
def chrome():
    if not PAGES:
        unavailable("the book is not built: run make book")
    if CHROMIUM is None:
        unavailable("no Chromium is installed: no cell was run in a page")
    if not PYODIDE:
        pytest.skip("NWP_PYODIDE names no folder with Pyodide: no cell was run in a page")
    with sync_playwright() as playwright:
        yield chromium.launch(playwright, CHROMIUM)


def linked(folder: Path) -> Path:
    """Make a copy of the built book in which Python may be laid beside the pages."""
    (folder / "_static").mkdir(parents=True)
    for path in HTML.iterdir():
        if path.name != "_static":
            (folder / path.name).symlink_to(path)
    for path in (HTML / "_static").iterdir():
        if path.name != browser.FOLDER.name:
            (folder / "_static" / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    """The built book with Python beside the pages."""
    folder = linked(tmp_path_factory.mktemp("beside") / "html")
    browser.lay_out(folder / "_static" / "pyodide", Path(PYODIDE))
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The built book alone."""
    return linked(tmp_path_factory.mktemp("alone") / "html")


class Page:
    """A chapter's page, whose cells are run as a reader does."""

    def __init__(self, chrome, address: str, language: str = "en"):
        self.context = chrome.new_context(offline=address.startswith("file:"))
        self.context.set_default_timeout(PATIENCE)
        self.page, self.words = self.context.new_page(), RUN[language]
        self.asked: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)
        self.page.wait_for_selector("html[data-laid-out]", state="attached")
        self.page.evaluate(
            """() => {
                document.querySelectorAll("details").forEach((fold) => { fold.open = true; });
                document.querySelectorAll(".toggle-button-hidden").forEach((b) => b.click());
            }"""
        )
        self.cells = self.page.locator("div.cell.runs")

    def cell(self, text: str):
        """Return the only cell whose code begins so."""
        for cell in self.cells.all():
            if cell.locator("pre").first.text_content().startswith(text):
                return cell
        raise AssertionError(f"no cell begins with {text!r}")

    def press(self, cell, key: str):
        cell.get_by_role("button", name=self.words[key], exact=True).click()

    def run(self, cell, until: tuple[str, ...] = ENDS) -> str:
        """Press the first button of a cell; return the key of what is said at the end."""
        said = {self.words[key].split("{")[0]: key for key in until}
        cell.locator(".run-button").first.click()
        status = cell.locator(".run-status").element_handle()
        found = self.page.wait_for_function(
            "([status, ends]) => ends.find((end) => end && status.textContent.startsWith(end))",
            arg=[status, [*said]],
        )
        return said[found.json_value()]


EDITIONS = (("en", ""), ("pt-BR", "pt/"))
CHAPTERS = sorted(path.stem for path in (ROOT / "chapters").glob("*.ipynb"))
# Python comes to a page from disk another way than to one that is served: chapters 1 to 5 are
# run both ways, of the others the English ones served and the Portuguese ones from disk.
PLACES = [
    (way, language, folder, chapter)
    for way in ("served", "disk")
    for language, folder in EDITIONS
    for chapter in CHAPTERS
    if chapter in EXERCISED or way == ("disk" if folder else "served")
]
SEEN = """cell => ({
    code: cell.querySelector("pre").textContent,
    printed: [...cell.querySelectorAll(".run-output pre")].map((pre) => pre.textContent).join(""),
    drawn: cell.querySelectorAll("img[data-book]").length,
})"""


@contextlib.contextmanager
def opened(chrome, html: Path, way: str, address: str, language: str = "en"):
    """Open a page from disk or served; what it asked for was on this machine."""
    with contextlib.ExitStack() as stack:
        root = html.as_uri() if way == "disk" else stack.enter_context(served(html))
        page = Page(chrome, f"{root}/{address}", language)
        stack.callback(page.context.close)
        yield page
        assert [u for u in page.asked if not u.startswith((root, "data:", "blob:"))] == []


@pytest.mark.parametrize(("way", "language", "folder", "chapter"), PLACES)
def test_every_cell_prints_in_the_page_what_the_book_has(
    chrome, beside, way, language, folder, chapter
):
    """One page and one interpreter, from the top; the stubs and the solutions are among them."""
    with opened(chrome, beside, way, f"{folder}chapters/{chapter}.html", language) as page:
        cells = page.cells.all()
        assert len(cells) >= (20 if chapter in EXERCISED else 10)
        for cell in cells:
            book = cell.evaluate(PRINTED)
            pictures = cell.locator(".cell_output img").count()
            end = page.run(cell)
            seen = cell.evaluate(SEEN)
            assert end in ("done", "silent"), seen
            assert seen["printed"] == book, seen["code"]
            assert seen["drawn"] == pictures, seen["code"]


@pytest.mark.parametrize("chapter", EXERCISED)
@pytest.mark.parametrize(("language", "folder"), EDITIONS)
def test_a_solution_is_right_where_the_reader_writes_and_a_stub_is_not(
    chrome, beside, language, folder, chapter
):
    right = MESSAGES[language[:2]]["right"]
    with opened(chrome, beside, "disk", f"{folder}chapters/{chapter}.html", language) as page:
        exercises: dict[str, list] = {}
        for cell in page.cells.all():
            code = cell.locator("pre").first.text_content()
            for number in re.findall(r'^(?:assert )?check\("([\d.]+)"', code, re.MULTILINE):
                exercises.setdefault(number, []).append((cell, code))
        checked = [n for n in numbers() if n.startswith(f"{int(chapter[:2])}.")]
        assert sorted(exercises) == sorted(checked)
        for number, ((stub, _), (_, solution)) in exercises.items():
            assert page.run(stub) == "done"
            assert f"{number}: {right}" not in stub.locator(".run-output").inner_text()
            stub.get_by_role("textbox", name=page.words["code"]).fill(solution)
            assert page.run(stub) == "done", number
            assert f"{number}: {right}" in stub.locator(".run-output").inner_text()


ANSWER = """def batch_loss(probabilities, targets):
    of_right_words = probabilities[np.arange(len(targets)), targets]
    with np.errstate(divide="ignore"):
        return (0.0 - np.log(of_right_words)).mean()


check("1.4", batch_loss)"""


def test_an_answer_is_checked_kept_and_removed(chrome, beside):
    page = Page(chrome, f"{beside.as_uri()}/chapters/01_loss.html")
    assert not any("runner" in address or "packages" in address for address in page.asked)
    stub = page.cell("def batch_loss(probabilities, targets):\n    # your code")
    book = stub.locator("pre").first.text_content()
    field = stub.get_by_role("textbox", name=page.words["code"])
    field.fill(ANSWER)
    assert page.run(stub) == "done"
    assert stub.locator(".run-output").inner_text().startswith("1.4: right")
    figure = "matplotlib-"  # an exercise without figure loads none of it
    assert not any(figure in address for address in page.asked)

    field.fill("def batch_loss(probabilities, targets)\n    return 1")
    assert page.run(stub) == "failed"
    assert "line 1" in stub.locator(".run-output").inner_text()
    assert "SyntaxError" in stub.locator(".run-output").inner_text()

    field.fill("while True:\n    pass")
    stub.locator(".run-button").first.click()
    stub.locator(".run-status").get_by_text(page.words["running"]).wait_for()
    page.press(stub, "stop")
    stub.locator(".run-status").get_by_text(page.words["stopped"]).wait_for()
    field.fill(ANSWER)
    assert page.run(stub) == "done"
    assert "1.4: right" in stub.locator(".run-output").inner_text()

    page.page.reload()
    assert stub.get_by_role("textbox").input_value() == ANSWER
    assert stub.locator(".run-status").text_content() == page.words["kept"]
    page.press(stub, "reset")
    assert stub.get_by_role("textbox").input_value() == book.rstrip("\n")
    page.page.reload()
    assert stub.locator("pre").first.text_content() == book
    page.context.close()


def test_a_new_line_begins_where_the_code_goes_on(chrome, beside):
    page = Page(chrome, f"{beside.as_uri()}/chapters/01_loss.html")
    cell = page.cell("by_hand = ")
    page.press(cell, "edit")
    field = cell.get_by_role("textbox")
    field.fill("")
    field.press_sequentially("if True:\nprint('in')")
    assert field.input_value() == "if True:\n    print('in')"
    field.press("Control+Enter")
    cell.locator(".run-status").get_by_text(page.words["done"], exact=True).wait_for()
    assert cell.locator(".run-output").inner_text().strip() == "in"
    page.press(cell, "reset")
    assert cell.locator(".run-output").count() == 0
    assert cell.locator(".cell_output .output").first.is_visible()
    page.context.close()


@pytest.mark.parametrize("right", [True, False], ids=["right", "tampered"])
def test_without_files_beside_the_page_the_network_is_asked_after_a_word(chrome, alone, right):
    asked = []

    def answer(route):
        name = route.request.url.rpartition("/")[2]
        asked.append(name)
        body = (Path(PYODIDE) / name).read_bytes()
        headers = {"Access-Control-Allow-Origin": "*"}
        route.fulfill(body=body if right else body[:-1] + b"\n\n", headers=headers)

    with served(alone) as root:
        page = Page(chrome, f"{root}/chapters/01_loss.html")
        page.context.route("https://cdn.jsdelivr.net/**", answer)
        cell = page.cell("loss_first, loss_second")
        assert page.run(cell) == "ask"
        assert asked == []
        said = cell.locator(".run-status").text_content()
        assert said == page.words["ask"].format(size=17, more=11)
        page.press(cell, "load")
        end = page.words["done" if right else "unreachable"]
        cell.locator(".run-status").get_by_text(end, exact=True).wait_for()
        if right:
            assert cell.locator(".run-output").inner_text().strip() == "[0. 0. 0. 1.]"
            assert len(asked) == 5
        page.context.close()


def test_without_files_and_network_the_page_says_so(chrome, alone):
    page = Page(chrome, f"{alone.as_uri()}/pt/chapters/01_loss.html", "pt-BR")
    cell = page.cells.nth(1)
    assert page.run(cell) == "ask"
    page.press(cell, "load")
    cell.locator(".run-status").get_by_text(page.words["unreachable"], exact=True).wait_for()
    page.context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_cell_that_does_not_run_says_why_and_where_it_does(chrome, alone, language):
    folder = "pt/" if language != "en" else ""
    page = Page(chrome, f"{alone.as_uri()}/{folder}chapters/05_derivative.html", language)
    reasons = page.page.locator("div.cell.runs-not .run-why")
    assert reasons.count() == page.page.locator("div.cell.runs-not").count() >= 8
    why = page.words["needs-torch"].format(notebook=page.words["notebook"])
    assert why in reasons.all_text_contents()
    link = reasons.first.get_by_role("link").evaluate("link => link.href")
    assert link.endswith(f"/{folder}notebooks/05_derivative.ipynb")
    assert page.page.locator("div.cell.runs-not button:not(.copybtn)").count() == 0
    page.context.close()


# What a reader sees after a run: short and long text, an error, a figure of one's own, a wrong and
# a right answer. Chapter 1 has a cell for each, by the first words of its code.
LONG = "for n in range(200):\n    print(n, 'word ' * 60)"
DRAWN = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
TRIED = {
    "loss_first, loss_second": None,
    "by_hand = ": LONG,
    "single = ": "1 / 0",
    "size = 50_000": DRAWN,
    'check("1.3"': 'check("1.3", ([0, 0, 0, 1], [0, 0, 0, 1]))',
    "def batch_loss(probabilities, targets):\n    # ": ANSWER,
}
ENDINGS = ("done", "done", "failed", "done", "done", "done")


@pytest.mark.parametrize(("language", "folder"), EDITIONS)
def test_axe_finds_nothing_where_cells_were_run(chrome, beside, language, folder):
    with opened(chrome, beside, "disk", f"{folder}chapters/01_loss.html", language) as page:
        for (begins, text), end in zip(TRIED.items(), ENDINGS, strict=True):
            cell = page.cell(begins)
            if text is not None:
                edit = cell.get_by_role("button", name=page.words["edit"], exact=True)
                if edit.is_visible():
                    edit.click()
                cell.get_by_role("textbox").fill(text)
            assert page.run(cell) == end, begins
        assert page.page.locator(f'.run-output img[alt="{page.words["figure"]}"]').count() == 1
        page.page.evaluate(axe_core.AXE.read_text(encoding="utf-8"))
        axe_core.thin(page.page)
        for size in (axe_core.DESKTOP, {"width": 390, "height": 740}):
            for scheme in ("light", "dark"):
                axe_core.settle(page.page, scheme, size)
                assert axe_core.violations(page.page) == [], (scheme, size)
                wide = page.page.evaluate("document.documentElement.scrollWidth")
                assert wide <= size["width"]


def test_the_keyboard_does_all(chrome, beside):
    """From the text field through the buttons; the field does not keep the Tab key."""
    with opened(chrome, beside, "disk", "chapters/01_loss.html") as page:
        keyboard, words = page.page.keyboard, page.words
        stub = page.cell("def batch_loss(probabilities, targets):\n    # your code")
        status = stub.locator(".run-status")
        focused = "() => document.activeElement.textContent || document.activeElement.tagName"

        def tab_to(key):
            for _ in range(4):
                keyboard.press("Tab")
                if page.page.evaluate(focused) == words[key]:
                    return
            raise AssertionError(f"Tab does not reach {words[key]!r}")

        stub.get_by_role("textbox").focus()
        keyboard.press("ControlOrMeta+A")
        keyboard.insert_text("while True:\n    pass")
        tab_to("check")
        keyboard.press("Enter")
        status.get_by_text(words["running"]).wait_for()
        tab_to("stop")
        keyboard.press("Space")
        status.get_by_text(words["stopped"]).wait_for()
        assert page.page.evaluate(focused) == words["check"]
        tab_to("reset")
        keyboard.press("Enter")
        status.get_by_text(words["restored"]).wait_for()
        assert page.page.evaluate(focused) == words["check"]

        shown = page.cell("by_hand = ")  # an editor that opens first
        shown.get_by_role("button", name=words["run"], exact=True).focus()
        tab_to("edit")
        keyboard.press("Enter")
        assert page.page.evaluate(focused) == "TEXTAREA"
        keyboard.press("ControlOrMeta+A")
        keyboard.insert_text("print('typed')")
        keyboard.press("Control+Enter")
        shown.locator(".run-status").get_by_text(words["done"], exact=True).wait_for()
        assert shown.locator(".run-output").inner_text().strip() == "typed"
        assert page.page.evaluate(focused) == "TEXTAREA"


def test_nothing_of_python_is_loaded_before_the_first_run(chrome, beside):
    with opened(chrome, beside, "served", "chapters/01_loss.html") as page:
        page.cell("by_hand = ").get_by_role("button", name=page.words["edit"]).click()
        page.page.wait_for_load_state("networkidle")
        loaded = {address.rpartition("/")[2] for address in page.asked}
        assert "runnable.js" in {name.partition("?")[0] for name in loaded}
        late = ("runner", "packages", "pyodide", ".whl", ".wasm", "python_stdlib")
        assert [name for name in loaded if any(word in name for word in late)] == []
