"""The table of symbols names code that exists, and the chapter in which a symbol comes first."""

import importlib
import inspect
import pkgutil
import re

import nbformat
import pytest
from ledger import ROOT, chapter_paths

import nwp

ROW = re.compile(
    r"^\| \$(?P<symbol>.+?)\$ \| (?P<read>[^|]+) \| (?P<shape>.+?) \| (?:`(?P<code>\w+)`)? ?"
    r"\| \{doc\}`chapter (?P<number>\d+) <chapters/(?P<chapter>0*(?P=number)_\w+)>` \|$",
    re.MULTILINE,
)
PAGE = (ROOT / "symbols.md").read_text(encoding="utf-8")
ROWS = [match.groupdict() for match in ROW.finditer(PAGE)]


def mathematics_of(path):
    """The formulas of a chapter."""
    cells = nbformat.read(path, as_version=4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    formulas = re.findall(r"\$\$(.*?)\$\$|\$([^$]+)\$", text, re.DOTALL)
    return " | ".join("".join(pair) for pair in formulas)


MATHEMATICS = {path.stem: mathematics_of(path) for path in chapter_paths()}


def names_of_nwp():
    """Public functions, classes, their fields, and parameters."""
    names = set()
    for module in pkgutil.iter_modules(nwp.__path__):
        if module.name.startswith("_"):
            continue
        for name, thing in vars(importlib.import_module(f"nwp.{module.name}")).items():
            if name.startswith("_") or not getattr(thing, "__module__", "").startswith("nwp"):
                continue
            names.add(name)
            names |= set(getattr(thing, "_fields", ()))
            if inspect.isfunction(thing):
                names |= set(inspect.signature(thing).parameters)
    return names


def occurs(symbol, mathematics):
    """Whether a formula holds the symbol, and not as a part of a longer name."""
    before = r"(?<![A-Za-z\\])" if symbol[0].isalpha() else ""
    after = r"(?![A-Za-z_'])" if symbol[-1].isalpha() else ""
    inner = re.escape(symbol).replace(r"\ ", r"\s*")
    return re.search(before + inner + after, mathematics) is not None


def test_every_row_is_read():
    lines = [line for line in PAGE.splitlines() if line.startswith("| $")]
    assert len(ROWS) == len(lines) >= 30
    assert len({row["symbol"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["symbol"])
def test_the_code_name_exists(row):
    assert row["code"] is None or row["code"] in names_of_nwp()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["symbol"])
def test_the_symbol_first_appears_there(row):
    symbol = row["symbol"]
    first = next(chapter for chapter, text in MATHEMATICS.items() if occurs(symbol, text))
    assert first == row["chapter"], f"${symbol}$ appears first in {first}"


@pytest.mark.parametrize(
    ("symbol", "formula", "there"),
    [
        ("h", "z = U h", True),
        ("h", r"\hat y", False),
        (r"\theta", r"\theta \in \Theta", True),
        (r"\Theta", r"\theta", False),
        (r"\hat y_t", r"\hat y_{t}", False),
        ("z", "z' - 1", False),
    ],
)
def test_longer_names_are_other_symbols(symbol, formula, there):
    assert occurs(symbol, formula) == there
