"""The packages as a whole: what importing them loads, what imports what, how large they are."""

import ast
import graphlib
import subprocess
import sys

import pytest
from notebooks import ROOT

MODULES = sorted(
    f"{package}/{path.stem}"
    for package in ("nwp", "lab")
    for path in (ROOT / package).glob("*.py")
    if path.stem[0] != "_"
)
EXERCISES = sorted(
    f"exercises.{path.stem}"
    for path in (ROOT / "nwp" / "exercises").glob("*.py")
    if path.stem != "__init__"
)
NUMPY_ONLY = (
    "brazilian",
    "checks",
    "loss",
    "equivalence",
    "convexity",
    "text",
    "grammar",
    "weights",
    "derivative",
    "teacher_forcing",
    "ngrams",
    "exercises",
    *EXERCISES,
)


def loaded_by(statement: str) -> set[str]:
    program = f"import sys; {statement}; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return {name.split(".")[0] for name in result.stdout.decode().split()}


@pytest.mark.parametrize(
    "name", ["lab.corpora", "lab.presets", *(f"nwp.{module}" for module in NUMPY_ONLY)]
)
def test_import_loads_neither_torch_nor_matplotlib(name):
    assert not loaded_by(f"import {name}") & {"torch", "matplotlib", "scipy"}


@pytest.mark.parametrize("module", [*MODULES, "nwp/exercises/__init__", "nwp/exercises/kinds"])
def test_each_public_function_has_a_docstring_with_a_first_line(module):
    tree = ast.parse((ROOT / f"{module}.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            words = (ast.get_docstring(node) or "").splitlines()
            assert words, f"{module}.{node.name}"
            assert words[0].endswith((".", "!", "?")), f"{module}.{node.name}: {words[0]!r}"


def imports_of(path):
    """The book's packages that a file imports from, wherever in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    ]
    return {name.split(".")[0] for name in names if name} & {"nwp", "lab", "exercises"}


def test_imports_go_one_way():
    """`nwp` stands alone, and `lab` on it; nothing in either needs the exercises."""
    for package, may in (("nwp", {"nwp"}), ("lab", {"nwp", "lab"})):
        for path in (ROOT / package).glob("*.py"):
            assert imports_of(path) <= may, path


def test_no_module_imports_itself_by_a_way_round():
    before = {}
    for package in ("nwp", "lab"):
        for path in (ROOT / package).glob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found = set()
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module)
                    found |= {f"{node.module}.{name.name}" for name in node.names}
            before[f"{package}.{path.stem}"] = found
    graph = {name: found & before.keys() for name, found in before.items()}
    graphlib.TopologicalSorter(graph).prepare()  # CycleError names the circle


def test_nwp_can_be_read_in_an_evening():
    lines = [path.read_text(encoding="utf-8").count("\n") for path in (ROOT / "nwp").glob("*.py")]
    assert sum(lines) <= 3_200
