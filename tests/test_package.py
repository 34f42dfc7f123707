"""The package as a whole: what importing it loads, and what it offers."""

import ast
import subprocess
import sys

import pytest
from notebooks import ROOT

import nwp

MODULES = sorted(path.stem for path in (ROOT / "nwp").glob("*.py") if path.stem[0] != "_")
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
    "corpora",
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


@pytest.mark.parametrize("name", ["nwp", *(f"nwp.{module}" for module in NUMPY_ONLY)])
def test_import_loads_neither_torch_nor_matplotlib(name):
    loaded = loaded_by(f"import {name}")
    assert "numpy" in loaded
    assert not loaded & {"torch", "matplotlib", "scipy"}


def test_what_is_loaded_late_has_its_types():
    """To a type checker a name that only `__getattr__` gives would be of any type."""
    tree = ast.parse((ROOT / "nwp" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    typed = {name.name: node.module for node in block.body for name in node.names}
    assert typed == nwp._NEEDS_TORCH
    assert (ROOT / "nwp" / "py.typed").is_file()


def test_everything_public_is_documented_and_exported():
    for name in nwp.__all__:
        assert (getattr(nwp, name).__doc__ or "").strip(), name
    assert nwp.__all__ == sorted(nwp.__all__)


@pytest.mark.parametrize("module", [*MODULES, "exercises/__init__", "exercises/kinds"])
def test_each_public_function_has_a_docstring_with_a_first_line(module):
    tree = ast.parse((ROOT / "nwp" / f"{module}.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            words = (ast.get_docstring(node) or "").splitlines()
            assert words, f"{module}.{node.name}"
            assert words[0].endswith((".", "!", "?")), f"{module}.{node.name}: {words[0]!r}"
