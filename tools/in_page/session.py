"""Runs the cells of a page: what the page's Python does between "Run" and the output.

A cell runs as in the notebook that was run from the top, whatever was run before: `Session`
keeps what is still good of the last run, and begins anew where something stands in the way.
"""

import ast
import base64
import io
import linecache
import logging
import re
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import lru_cache
from typing import Any

from exercises import check
from in_page import slices

Emit = Callable[[str, str], None]
Place = tuple[int, int, int]  # cell, line, column
MOST = 100_000  # characters; a loop that prints without end must not fill the page


class Output(io.TextIOBase):
    """A stream whose text goes to the page, in pieces that are not too small."""

    def __init__(self, emit: Emit) -> None:
        self.emit, self.waiting, self.written = emit, "", 0

    def write(self, text: str) -> int:
        self.written += len(text)
        if self.written <= MOST:
            self.waiting += text
        if len(self.waiting) > 4000:
            self.flush()
        return len(text)

    def flush(self) -> None:
        if self.waiting:
            self.emit("text", self.waiting)
        self.waiting = ""


class Session:
    """A namespace, and the statements that were run in it."""

    def __init__(self) -> None:
        # it would tell in the first figure's output that it builds a cache of fonts
        logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
        self.names: dict[str, Any] = {}
        self.done: dict[Place, str] = {}

    def libraries(self, cells: list[str], index: int) -> list[str]:
        """Name the libraries that a cell needs."""
        units = [*_above(tuple(cells[: index + 1])), *slices.units_of([cells[index]])]
        return sorted(slices.libraries(units))

    def run(self, cells: list[str], index: int, emit: Emit) -> bool:
        """Run a cell after what it needs; emit ("text" | "figure" | "error", content).

        Returns whether it ended without an error.
        """
        output = Output(emit)
        try:
            with redirect_stdout(output), redirect_stderr(output):
                self._prepare(cells, index)
                self._run(cells[index], index, emit, output)
        except BaseException as error:  # also SystemExit: the page goes on
            self.names = {}
            output.flush()
            emit("error", _told(error, index))
            return False
        finally:
            output.flush()
            if (plt := sys.modules.get("matplotlib.pyplot")) is not None:
                plt.close("all")
        return True

    def _prepare(self, cells: list[str], index: int) -> None:
        above = _above(tuple(cells[: index + 1]))
        now = {_place(unit): unit.text for unit in slices.units_of(cells[:index])}
        last = max(self.done, default=(-1, 0, 0))
        missed = any(_place(unit) not in self.done and _place(unit) < last for unit in above)
        if not self.names or missed or not self.done.items() <= now.items():
            # an answer may be pasted over the line that imports `check`
            self.names, self.done = {"__name__": "__main__", "check": check}, {}
        with redirect_stdout(io.StringIO()):
            for unit in above:
                if _place(unit) not in self.done:
                    name = _remember(unit.cell, cells[unit.cell])
                    exec(compile(ast.Module([unit.node], []), name, "exec"), self.names)
                    self.done[_place(unit)] = unit.text
        if (plt := sys.modules.get("matplotlib.pyplot")) is not None:
            plt.close("all")

    def _run(self, source: str, index: int, emit: Emit, output: Output) -> None:
        name = _remember(index, source)
        body = ast.parse(source, name).body
        shown = ast.Expression(body.pop().value) if body and _is_shown(body[-1]) else None
        names, self.names = self.names, {}  # what an error leaves half done is not used again
        _show_figures_with(emit, output)
        exec(compile(ast.Module(body, []), name, "exec"), names)
        if shown is not None:
            value = eval(compile(shown, name, "eval"), names)
            if value is not None and not hasattr(value, "_ipython_display_"):
                print(repr(value))
        _show(emit, output)
        self.names = names
        for unit in slices.units_of([source]):
            self.done[index, *_place(unit)[1:]] = unit.text


@lru_cache(maxsize=1)
def _above(cells: tuple[str, ...]) -> list[slices.Unit]:
    """What the last of these cells needs; asked for twice, before and after the libraries."""
    return slices.needed(list(cells), len(cells) - 1)


def _is_shown(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr)


def _place(unit: slices.Unit) -> Place:
    return unit.cell, unit.node.lineno, unit.node.col_offset


def _name(cell: int) -> str:
    return f"<cell {cell + 1}>"


def _remember(cell: int, source: str) -> str:
    """Let tracebacks quote the lines of a cell; return the name by which they do."""
    name = _name(cell)
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    return name


def _show_figures_with(emit: Emit, output: Output) -> None:
    if (plt := sys.modules.get("matplotlib.pyplot")) is not None:
        plt.show = lambda *_, **__: _show(emit, output)


def _show(emit: Emit, output: Output) -> None:
    """Emit the open figures as a notebook shows them, and close them."""
    plt = sys.modules.get("matplotlib.pyplot")
    if plt is None:
        return
    output.flush()
    for number in plt.get_fignums():
        picture = io.BytesIO()
        figure = plt.figure(number)
        figure.savefig(picture, format="png", dpi=figure.dpi, bbox_inches="tight")
        emit("figure", base64.b64encode(picture.getvalue()).decode("ascii"))
    plt.close("all")


def _told(error: BaseException, index: int) -> str:
    """Write a traceback without the lines of this file; the page shows no numbers of cells."""
    told = traceback.TracebackException.from_exception(error, compact=True)
    part: traceback.TracebackException | None = told
    while part is not None:
        kept = [frame for frame in part.stack if frame.filename not in (__file__, ast.__file__)]
        part.stack = traceback.StackSummary.from_list(kept)
        part = part.__cause__ or part.__context__
    text = "".join(told.format()).rstrip()
    text = text.replace(f'File "{_name(index)}"', "This cell")
    return re.sub(r'File "<cell \d+>"', "A cell above", text)
