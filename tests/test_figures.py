"""The figures' ground: colors one can read, a triangle that is where it says."""

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_allclose
from strategies import distributions

from lab import figures

mpl.use("Agg")


@given(distributions(size=3))
def test_simplex_is_equilateral_and_keeps_averages(p):
    corners = figures.on_simplex(np.eye(3))
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    assert_allclose(sides, 1.0)
    assert_allclose(figures.on_simplex(p), p @ corners, atol=1e-15)


def contrast_on_white(color):
    """Contrast ratio of WCAG 2.2: (1 + 0.05) / (relative luminance + 0.05)."""
    channels = np.array(mpl.colors.to_rgb(color))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05)


@pytest.mark.parametrize("role", ["TRUTH", "PREDICTION", "LOSS", "QUIET"])
def test_text_colors_are_legible_on_white(role):
    assert contrast_on_white(getattr(figures, role)) >= 4.5


def test_drawing_a_simplex():
    figures.use_style()
    seen = []

    def height(rows):
        seen.append(rows)
        return -np.log(rows[:, 2])

    figure, axes = figures.draw_simplex(("a", "b", "c"), height)
    (rows,) = seen
    assert_allclose(rows.sum(axis=1), 1.0)
    assert rows.min() > 0  # the corners, where -log is infinite, are left out
    written = {text.get_text(): text.xy for text in axes.texts}
    assert_allclose([written[w] for w in "abc"], figures.on_simplex(np.eye(3)))
    assert figure.get_facecolor() == (1.0, 1.0, 1.0, 1.0)
    figure.canvas.draw()
    mpl.pyplot.close(figure)
