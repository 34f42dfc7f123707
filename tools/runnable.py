"""Cells that run in the page: which ones can, what the page says, and what it loads then.

A page gets the words of its buttons and one deferred script, `assets/runnable.js`; the sources
of the cells it holds already. Python itself and our packages are loaded when a reader first
presses "Run" (`assets/runner.js`): the packages from `_static/packages.js`, which is written here,
Pyodide from beside the pages (`tools/browser.py`) or from its delivery network.
"""

import ast
import io
import json
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from browser import PINS, as_script, pinned
from docutils import nodes
from in_page import slices
from languages import FOLDERS
from sphinx.application import Sphinx
from strings import RUN, language_tag

ROOT = Path(__file__).resolve().parent.parent
IN_PAGE = Path(__file__).with_name("in_page")
LOCK = "pyodide-lock.json"
FOLDER = "chapters/"
RUNS, WITNESS, STOPS = "runs", "witness", "runs-not"
# What a cell may need that a page has not, as its class says it.
MISSING = {"torch": "needs-torch", "sympy": "needs-sympy", "files": "needs-files"}


def missing(sources: list[str]) -> list[set[str]]:
    """Name for each cell what it, or what it needs of those above, loads and a page cannot load."""
    units = slices.units_of(sources)
    found = []
    for index, source in enumerate(sources):
        used = [*slices.needed_of(units, index), *(unit for unit in units if unit.cell == index)]
        lacks = slices.libraries(used) - set(slices.LOADED.values())
        if any("torch" in name for name in _names(source)):  # a function may load it inside
            lacks.add("torch")
        found.append(lacks)
    return found


def _names(source: str) -> Iterator[str]:
    """Yield the names in a cell, of whatever kind; not what its strings say."""
    for node in ast.walk(ast.parse(source)):
        for given in (getattr(node, kind, None) for kind in ("id", "attr", "name", "module")):
            if isinstance(given, str):
                yield given


def mark_cells(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Give each code cell of a chapter a class that says whether it runs in the page."""
    if not page.startswith(FOLDER):
        return
    cells = [cell for cell in doctree.findall(nodes.container) if _is_cell(cell)]
    sources = [next(cell.findall(nodes.literal_block)).astext() for cell in cells]
    for cell, lacks in zip(cells, missing(sources), strict=True):
        if f"tag_{WITNESS}" in cell["classes"]:
            lacks.add("torch")
        if lacks:
            cell["classes"] += [STOPS, MISSING[min(lacks, key=list(MISSING).index)]]
        else:
            cell["classes"].append(RUNS)


def _is_cell(node: nodes.container) -> bool:
    return node.get("nb_element") == "cell_code"


def add_script(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Give a page with cells that run its words and its script; other pages get nothing."""
    if doctree is None or not page.startswith(FOLDER):
        return
    if not any(RUNS in cell["classes"] for cell in doctree.findall(nodes.container)):
        return
    tag = language_tag(app.config.language)
    up = "../" * page.count("/")
    book = up + "../" * FOLDERS[tag].count("/")
    said = {
        "words": RUN[tag],
        "language": tag[:2],
        "packages": f"{up}_static/packages.js",
        "runner": f"{up}_static/runner.js",
        "runtime": f"{book}_static/pyodide/",
        "notebook": f"{up}notebooks/{page.removeprefix(FOLDER)}.ipynb",
    }
    content = json.dumps(said, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    context["body"] += f'<script type="application/json" id="run-words">{content}</script>'
    app.add_js_file("runnable.js", loading_method="defer")


@cache
def packages() -> bytes:
    """Zip our packages and what runs the cells; the same sources give the same bytes."""
    folders = [*(ROOT / name for name in slices.OWN), IN_PAGE]
    paths = [p for folder in folders for p in folder.iterdir() if p.suffix in (".py", ".toml")]
    files = {f"{path.parent.name}/{path.name}": path for path in paths if path != PINS}
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            archive.writestr(
                zipfile.ZipInfo(name), files[name].read_bytes(), zipfile.ZIP_DEFLATED, 9
            )
    return written.getvalue()


def table() -> dict[str, Any]:
    """Say what there is to load: sizes and digests, and which file is NumPy."""
    files = pinned()
    return {
        "numpy": next(name for name in files if name.startswith("numpy-")),
        "files": {
            name: {"size": file.size, "integrity": file.integrity, "url": file.url}
            for name, file in files.items()
        },
    }


def write_packages(app: Sphinx, exception: Exception | None) -> None:
    """Write `packages.js`, which a page loads when a reader first presses "Run"."""
    if exception or app.builder.format != "html":
        return
    written = f"nwpTable({json.dumps(table(), separators=(',', ':'))});\n"
    written += as_script(LOCK, (IN_PAGE / LOCK).read_bytes())
    written += as_script("packages.zip", packages())
    path = Path(app.outdir) / "_static" / "packages.js"
    path.parent.mkdir(exist_ok=True)
    path.write_text(written, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", mark_cells)
    app.connect("html-page-context", add_script)
    app.connect("build-finished", write_packages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
