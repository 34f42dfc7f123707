"""Chapters 1 to 5 run without PyTorch: it is their witness, and speaks in cells of its own."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from editions import EDITIONS, PORTUGUESE
from ledger import chapter_paths
from nbformat import NotebookNode
from notebooks import ROOT
from surroundings import own

WITNESSED = [path for edition in EDITIONS for path in chapter_paths(edition)[:5]]

# Runs pieces of code in one namespace, as a page would that has no PyTorch.
WITHOUT_TORCH = """\
import io, json, sys
from contextlib import redirect_stdout

sys.modules["torch"] = None  # an import of it is an ImportError
namespace, printed = {"__name__": "__main__"}, []
for source, may_raise in json.load(sys.stdin):
    with redirect_stdout(io.StringIO()) as out:
        try:
            exec(compile(source, f"<{source[:60]!r}>", "exec"), namespace)
        except Exception:
            if not may_raise:
                raise
    printed.append(out.getvalue())
print(json.dumps(printed))
"""


def code_cells(path: Path) -> list[NotebookNode]:
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]


def is_witness(cell: NotebookNode) -> bool:
    return "witness" in cell.metadata.get("tags", [])


def named(tree: ast.AST) -> set[str]:
    """Collect the names that code reads, sets or imports, of modules the first part."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def misplaced(cells: list[NotebookNode]) -> Iterator[str]:
    """Name the cells that need PyTorch and are no witness, or are a witness and do not ask it.

    A witness asks `torch` itself, or a function that an earlier witness made with it.
    """
    torch = {"torch"}
    for cell in cells:
        tree = ast.parse(cell.source)
        start = repr(cell.source[:60])
        asks = bool(named(tree) & torch)
        if asks and not is_witness(cell):
            yield f"needs PyTorch without the tag: {start}"
        if is_witness(cell) and not asks:
            yield f"a witness that does not ask PyTorch: {start}"
        torch |= {
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and named(node) & torch
        }


def run_without_torch(cells: list[NotebookNode], folder: Path) -> subprocess.CompletedProcess[str]:
    pieces = [(c.source, "raises-exception" in c.metadata.get("tags", [])) for c in cells]
    environment = own(os.environ, threads=1) | {"MPLBACKEND": "agg"}
    environment["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])
    )
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH],
        input=json.dumps(pieces),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def cell_of(source: str, *tags: str) -> NotebookNode:
    return nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})


every_chapter = pytest.mark.parametrize(
    "path", WITNESSED, ids=lambda path: str(path.relative_to(ROOT))
)


@every_chapter
def test_torch_stands_in_witness_cells_alone(path):
    cells = code_cells(path)
    assert any(map(is_witness, cells))
    assert not [*misplaced(cells)]


@every_chapter
def test_all_other_cells_run_without_torch_and_print_the_same(path):
    """In Portuguese the first cell: all that the code has beyond the English one is there.

    `test_a_chapter_and_its_translation_agree` holds the code equal but for its words and
    `ADDED_CODE`, `test_each_portuguese_chapter_writes_commas_from_its_first_cell_on` keeps that in
    the first cell, and nbval runs every cell and compares what it prints.
    """
    cells = [cell for cell in code_cells(path) if not is_witness(cell)]
    if path.is_relative_to(PORTUGUESE):
        cells = cells[:1]
        assert cells[0].outputs
    run = run_without_torch(cells, path.parent)
    assert run.returncode == 0, run.stderr
    for cell, printed in zip(cells, json.loads(run.stdout), strict=True):
        streams = [o.text for o in cell.outputs if o.output_type == "stream"]
        assert printed == "".join(streams), cell.source


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        (cell_of("import torch"), "needs PyTorch"),
        (cell_of("import torch.nn as nn"), "needs PyTorch"),
        (cell_of("from torch.nn import functional"), "needs PyTorch"),
        (cell_of("x = torch.zeros(2)"), "needs PyTorch"),
        (cell_of("slope = autograd(f)", "hide-input"), "needs PyTorch"),
        (cell_of("print(1)", "witness"), "does not ask PyTorch"),
    ],
)
def test_a_misplaced_cell_is_found(cell, complaint):
    first = cell_of("import torch\n\ndef autograd(f):\n    return torch.grad(f)", "witness")
    right = cell_of("assert autograd(f) == 1", "hide-input", "witness")
    plain = cell_of("print('torch')  # torch")
    assert not [*misplaced([first, right, plain])]
    found = [*misplaced([first, right, plain, cell])]
    assert len(found) == 1
    assert complaint in found[0]


def test_a_cell_that_needs_a_witness_stops_the_run(tmp_path):
    run = run_without_torch([cell_of("print(1)"), cell_of("from nwp import vocabulary")], tmp_path)
    assert run.returncode == 1
    assert "import of torch halted" in run.stderr
    raises = cell_of("print(2)\nwitness.numpy()", "raises-exception")
    run = run_without_torch([cell_of("print(1)"), raises, cell_of("1")], tmp_path)
    assert json.loads(run.stdout) == ["1\n", "2\n", ""]
