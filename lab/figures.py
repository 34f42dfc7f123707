"""How the book's figures look: colors with one role each, sized for a phone.

Shared ground of the chapters; the only module that needs matplotlib. `use_style` is called
once at the top of a notebook; a simplex is drawn in two chapters and therefore here.
"""

from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import patheffects
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, is_color_like
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import ArrayLike, NDArray

from lab.brazilian import brazilian
from nwp import checks

TRUTH = "black"
PREDICTION = "#0072B2"
LOSS = "#B84700"  # also the gradient of the loss
QUIET = "#6B6B6B"  # text that steps back
CONTEXT = "#B5B5B5"  # lines that step back

# A height map of the loss: pale where it is small, the loss's own color where it is large.
LOSS_MAP = LinearSegmentedColormap.from_list("loss", ["#FFF3EA", "#F0B48A", LOSS, "#5E2400"])

_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3) / 2]])


def use_style() -> None:
    """Set the book's style: 6 × 3.4 in, 12 pt, 200 dpi, opaque white, no needless lines."""
    mpl.rcParams.update(
        {
            "figure.figsize": (6.0, 3.4),
            "figure.dpi": 200,
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "savefig.facecolor": "white",
            "font.size": 12,
            "axes.titlesize": 12,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": QUIET,
            "xtick.color": QUIET,
            "ytick.color": QUIET,
            "lines.linewidth": 2.2,
            "legend.frameon": False,
        }
    )


def use_commas() -> None:
    """Let all that figures say have decimal commas, as in Brazil: titles, ticks, labels, legends.

    All of it passes through one method of Matplotlib, a tick's label anew at each drawing.
    """
    Text.set_text = _set_text_with_commas  # type: ignore[method-assign]


_set_text = Text.set_text


def _set_text_with_commas(self: Text, s: Any) -> None:
    _set_text(self, brazilian(s) if isinstance(s, str) else s)


def label(axes: Axes, text: str, at: tuple[float, float], color: str, **placing: Any) -> None:
    """Write `text` at a point of the axes, with a white halo so that lines stay legible.

    `placing` goes to Matplotlib's `annotate`. TypeError or ValueError where an argument is of
    another type, the point not two finite numbers, or the color none.
    """
    checks.instance("axes", axes, Axes)
    checks.text("text", text)
    checks.same_shape("at", checks.finite("at", at), (2,), "a point")
    if not is_color_like(color):
        raise ValueError(f"color must be one of Matplotlib's, got {color!r}")
    placing = {"textcoords": "offset points", "xytext": (0, 0)} | placing
    artist = axes.annotate(text, at, color=color, **placing)
    artist.set_path_effects([patheffects.withStroke(linewidth=3, foreground="white")])


def on_simplex(distributions: ArrayLike) -> NDArray[np.float64]:
    """Map (..., 3) distributions to (..., 2) points of an equilateral triangle.

    Rows with the sum 1 and a negative entry lie outside of it. TypeError or ValueError where an
    entry is not a finite number, or a row not of three.
    """
    rows = checks.finite("distributions", distributions)
    checks.has_words("distributions", rows)
    if rows.shape[-1] != 3:
        raise ValueError(f"distributions must be (..., 3), got the shape {rows.shape}")
    return rows @ _CORNERS


def draw_simplex(
    words: tuple[str, str, str], height: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> tuple[Figure, Axes]:
    """Draw the distributions over three words as a triangle, with `height` as a map.

    Parameters
    ----------
    words : what to write at the corners: bottom left, bottom right, top
    height : (n, 3) distributions → (n,) values, in nats
        Level lines are drawn at 0, 0.5, ..., 5.

    Returns
    -------
    The figure and its axes, to draw more with `on_simplex`.

    Raises
    ------
    TypeError, ValueError
        Where `words` are not three, or `height` does not return a number for each row.
    """
    if len(checks.words("words", words)) != 3:
        raise ValueError(f"words must be three, got {words}")
    checks.function("height", height)
    # A regular grid of the triangle without its sides: on one of them -log is inf.
    steps = 120
    grid = np.array(
        [(i, j, steps - i - j) for i in range(steps + 1) for j in range(steps + 1 - i)], dtype=float
    )
    grid = (grid + 0.05) / (steps + 0.15)
    x, y = on_simplex(grid).T
    values = checks.finite("the values of height", height(grid))
    checks.same_shape("the values of height", values, (len(grid),), "the rows")
    figure, axes = plt.subplots(figsize=(6.0, 4.9))
    levels = np.arange(0.0, 5.01, 0.5)
    axes.tricontourf(x, y, values, levels=levels, cmap=LOSS_MAP, extend="max")
    axes.tricontour(x, y, values, levels=levels, colors="white", linewidths=0.7)
    for corner, word in zip(_CORNERS, words, strict=True):
        offset = (0, 9) if corner[1] else (0, -19)
        label(axes, word, tuple(corner), TRUTH, xytext=offset, ha="center", weight="bold")
    axes.set(aspect="equal", xlim=(-0.08, 1.08), ylim=(-0.1, 0.95))
    axes.axis("off")
    return figure, axes
