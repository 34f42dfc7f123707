"""The packages as a whole: what importing them loads, what imports what, how large they are."""

import ast
import graphlib
import subprocess
import sys

import pytest
from notebooks import PACKAGES, ROOT, own_imports

MODULES = sorted(
    f"{package}/{path.stem}"
    for package in ("nwp", "lab")
    for path in (ROOT / package).glob("*.py")
    if path.stem[0] != "_"
)
EXERCISES = sorted(path.stem for path in (ROOT / "exercises").glob("*.py") if path.stem[0] != "_")
BENEATH = {"nwp": [], "lab": ["nwp"], "exercises": ["nwp"]}  # what each may import besides itself
NUMPY_ONLY = (
    "checks",
    "loss",
    "equivalence",
    "convexity",
    "text",
    "grammar",
    "weights",
    "derivative",
    "teacher_forcing",
    "generalization",
    "ngrams",
    "scoring",
)


def loaded_by(statement: str) -> set[str]:
    program = f"import sys; {statement}; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return {name.split(".")[0] for name in result.stdout.decode().split()}


@pytest.mark.parametrize(
    "name",
    [
        *("lab.brazilian", "lab.corpora", "lab.presets"),
        *(f"nwp.{module}" for module in NUMPY_ONLY),
        *("exercises", *(f"exercises.{module}" for module in EXERCISES)),
    ],
)
def test_import_loads_neither_torch_nor_matplotlib(name):
    assert not loaded_by(f"import {name}") & {"torch", "matplotlib", "scipy"}


DOCUMENTED = "__init__", "frugal", "kinds", "messages"  # the chapters hold answers


@pytest.mark.parametrize("module", [*MODULES, *(f"exercises/{name}" for name in DOCUMENTED)])
def test_each_public_function_has_a_docstring_with_a_first_line(module):
    tree = ast.parse((ROOT / f"{module}.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            words = (ast.get_docstring(node) or "").splitlines()
            assert words, f"{module}.{node.name}"
            assert words[0].endswith((".", "!", "?")), f"{module}.{node.name}: {words[0]!r}"


def test_imports_run_one_way():
    graph = {}
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        package, *parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join([package, *(part for part in parts if part != "__init__")])
        graph[name] = own_imports(path.read_text(encoding="utf-8"))
        imported = {module.partition(".")[0] for module in graph[name]}
        assert imported <= {package, *BENEATH[package]}, name
    graphlib.TopologicalSorter(graph).prepare()  # a CycleError names the circle


APART = {"kernels"}  # what no chapter reads: the passes over a row, for a GPU
BEYOND = {"compression", "scoring", "generalization"}  # the chapters beyond the document


def test_nwp_can_be_read_in_an_evening():
    lines = {
        path.stem: path.read_text(encoding="utf-8").count("\n")
        for path in (ROOT / "nwp").glob("*.py")
    }
    assert sum(count for name, count in lines.items() if name not in BEYOND | APART) <= 3_350
    assert sum(count for name, count in lines.items() if name in BEYOND) <= 900
