"""Printed digits hold on every machine, or the run that prints them is refused."""

import ast
import math

import nbformat
import numpy as np
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook
from notebooks import execute
from steady import HAIR, UnsteadyError, _Watched, steady_format, steady_round

TIE = math.exp(-(math.log(4) + math.log(3) + math.log(40 / 21) + math.log(20 / 3)))  # 0.0065625


def run(source, **names):
    """Run a piece of code as a watched kernel does; return its names."""
    tree = ast.fix_missing_locations(_Watched().visit(ast.parse(source)))
    names |= {"np": np, "__steady_format__": steady_format, "__steady_round__": steady_round}
    exec(compile(tree, "cell", "exec"), names)
    return names


@pytest.mark.parametrize(
    "source",
    [
        'f"{x:.6f}"',
        'f"{100 * x:8.4f}"',
        'f"{x:.4%}"',
        'f"{x:.{digits}f}"',
        'f"{x:.4g}"',
        'f"{np.float64(x):.3e}"',
        'format(x, ".6f")',
        "round(x, 6)",
        "np.round(x, 6)",
        "np.round([1.0, x], decimals=6)",
        "np.array([x, 2.0]).round(6)",
        "np.float64(x).round(6)",
        "tensor.round(decimals=6)",
        'f"{round(x, 6)}"',
    ],
)
def test_a_tie_is_refused_however_it_is_printed(source):
    tensor = torch.tensor([TIE], dtype=torch.float64)
    with pytest.raises(UnsteadyError, match=r"0\.0?0?6562"):
        run(source, x=TIE, digits=6, tensor=tensor)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ('f"{x:.5f} {x!r:.8} {x} {n:>4} {x:7}"', f"0.00656 {TIE!r:.8} {TIE!r}    3 {TIE!r:>7}"),
        ('f"{1.0:.1f} {0.0:.0f} {math.inf:.2f} {np.nan:.0%} {0.5:.0%}"', "1.0 0 inf nan% 50%"),
        ('f"{4.2e-18:.1e} {3e-300:.0e}"', "4.2e-18 3e-300"),
        ('format(n, "03d") + format("a", ">3")', "003  a"),
        ("round(x, 5)", 0.00656),
        ("round(7.2)", 7),
        ("round(n, -1)", 0),
        ("np.round([1.234, np.nan, np.inf], 2).tolist()[0]", 1.23),
        ("np.array([2, 3]).round(1).tolist()", [2, 3]),
        ("tensor.round(decimals=2).tolist()", [0.12]),
    ],
)
def test_everything_else_is_left_as_it_is(source, value):
    tensor = torch.tensor([0.123], dtype=torch.float64, requires_grad=True)
    assert run(f"result = {source}", x=TIE, n=3, math=math, tensor=tensor)["result"] == value


def test_a_hair_is_far_from_a_rounding_error_and_from_a_printed_digit():
    assert steady_format(TIE * (1 + 2 * HAIR), ".6f") > TIE
    with pytest.raises(UnsteadyError):
        steady_format(TIE * (1 + HAIR / 2), ".6f")


def test_a_run_that_prints_a_tie_is_refused_and_names_the_number(tmp_path):
    source = "import math\n\nprint(f'{math.exp(-math.log(4) - math.log(2)):.2f}')"
    path = tmp_path / "tie.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source)]), path)
    with pytest.raises(Exception, match=r"is written 0\.1[23] with '\.2f', and 0\.1[23] a hair"):
        execute(path)
