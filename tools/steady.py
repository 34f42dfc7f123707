"""Refuse printed digits that another machine may print otherwise.

A number that lies halfway between two roundings is printed one way or the other by its last
bit, and that bit depends on the processor, on NumPy's and on Python's version (from 3.12 on
`sum` carries what rounding loses). `watch` makes an IPython kernel try each number that a cell
rounds or formats: its digits must stay the same when the number changes by a hair.
`surroundings.py` installs it in every kernel that runs a chapter.
"""

import ast
import builtins
import math
import re
from typing import Any

import numpy as np

HAIR = 1e-10  # far above the rounding errors of float64, far below a printed digit
SHORT = re.compile(r"\.\d+[eEfFgG%]?$|[eEfFgG%]$")  # a format that rounds; others write all digits


class UnsteadyError(AssertionError):
    """A printed number whose digits hang on its last bits."""


def watch(shell: Any) -> None:
    """Make a kernel try every number that its cells round or format."""
    builtins.__steady_format__ = steady_format
    builtins.__steady_round__ = steady_round
    shell.ast_transformers.append(_Watched())


class _Watched(ast.NodeTransformer):
    """Lead `f"{x:.3f}"`, `format(x, ".3f")`, `round(x, 3)` and `x.round(3)` past the checks."""

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.FormattedValue:
        self.generic_visit(node)
        if node.format_spec is not None and node.conversion == -1:
            node.value = _called("__steady_format__", [node.value, node.format_spec], node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        match node.func:
            case ast.Name("format") if len(node.args) == 2:
                node.args[0] = _called("__steady_format__", node.args, node)
            case ast.Name("round"):
                node.args = [node.func, ast.Constant(None), *node.args]
                node.func = ast.Name("__steady_round__", ast.Load())
            case ast.Attribute(owner, "round"):
                node.args = [node.func, owner, *node.args]
                node.func = ast.Name("__steady_round__", ast.Load())
        return ast.fix_missing_locations(node)


def _called(name: str, arguments: list[ast.expr], at: ast.expr) -> ast.Call:
    call = ast.Call(ast.Name(name, ast.Load()), list(arguments), [])
    return ast.fix_missing_locations(ast.copy_location(call, at))


def steady_format(value: Any, form: str) -> Any:
    """Return the number; an `UnsteadyError` where a hair changes how it is written."""
    if isinstance(value, float | np.floating) and math.isfinite(value) and SHORT.search(form):
        number = float(value)
        written = format(number, form)
        changed = {format(near, form) for near in _neighbors(number)} - {written}
        if changed:
            raise UnsteadyError(
                f"{number!r} is written {written.strip()} with {form!r}, and "
                f"{changed.pop().strip()} a hair beside it: print another number of digits"
            )
    return value


def steady_round(function: Any, owner: Any, *arguments: Any, **options: Any) -> Any:
    """Return what the rounding returns; an `UnsteadyError` where a hair changes it."""
    result = function(*arguments, **options)
    values = arguments[0] if owner is None or owner is np else owner
    try:
        numbers = np.asarray(values)
        if numbers.dtype.kind != "f":
            return result
    except (TypeError, ValueError, RuntimeError):  # no numbers, or a tensor with its gradient
        return result
    digits = arguments[1:] if values is not owner else arguments
    decimals = digits[0] if digits else options.get("decimals", options.get("ndigits", 0))
    once, *again = (np.round(near, decimals or 0) for near in (numbers, *_neighbors(numbers)))
    for other in again:
        if (unlike := ~((once == other) | (np.isnan(once) & np.isnan(other)))).any():
            number = numbers[unlike].flat[0]
            raise UnsteadyError(
                f"{float(number)!r} lies halfway between two numbers of {decimals} decimals:"
                " round it to another number of them"
            )
    return result


def _neighbors(number: Any) -> tuple[Any, Any]:
    """Return what a number, or each of an array, may be on another machine."""
    return number * (1 - HAIR), number * (1 + HAIR)
