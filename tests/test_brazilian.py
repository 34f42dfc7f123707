"""The numbers of the Brazilian edition: a comma in sentences, tables and figures."""

import re

import matplotlib as mpl
import nbformat
import numpy as np
import pytest
from editions import PORTUGUESE, ROOT
from hypothesis import given
from hypothesis import strategies as st
from ledger import chapter_paths
from matplotlib import pyplot as plt
from matplotlib.text import Text
from strings import EXPLORERS
from test_witness import is_witness
from translation import ADDED_CODE, written_numbers

from exercises.messages import MESSAGES, MISTAKES
from lab import brazilian as module
from lab import figures
from lab.brazilian import brazilian

mpl.use("Agg")
# A decimal point; 1.386 could be one thousand three hundred and eighty-six.
POINT = re.compile(r"(?<![\d.,])\d+\.(?!\d{3}(?!\d))\d+(?![\d.])|(?<![\d.,])0\.\d")


# ---- the words ----


@pytest.mark.parametrize(
    ("code", "portuguese"),
    [
        ("-log 0.80 = 0.223 nats.", "-log 0,80 = 0,223 nats."),
        ("262,144 palavras, 1,024.5 e 20,000,000", "262.144 palavras, 1.024,5 e 20.000.000"),
        ("3.2e-15, não 1e-06", "3,2e-15, não 1e-06"),
        ("−1.5% (0.5)", "−1,5% (0,5)"),
        ("5, 12, 20", "5, 12, 20"),
        ("passo 1: [0.175  0.475] perda 0.744", "passo 1: [0.175  0.475] perda 0,744"),
        ("[0.99, -0.99] e [inf, nan], 0.1", "[0.99, -0.99] e [inf, nan], 0,1"),
        ("[[ 0.5\n  1.5]]", "[[ 0.5\n  1.5]]"),
        ("soma 1.1:\n    ValueError: got 1.1\n0.5", "soma 1,1:\n    ValueError: got 1.1\n0,5"),
        ("torch 2.13.0+cpu, float32", "torch 2.13.0+cpu, float32"),
        ("Teorema 2.1, exercício 1.4: 0.5", "Teorema 2.1, exercício 1.4: 0,5"),
        ("$0.5 < x$, 0.5 e $10^{-2}$", "$0{,}5 < x$, 0,5 e $10^{-2}$"),
        ("$\\mathdefault{0.5}$", "$\\mathdefault{0{,}5}$"),
        ("nwp.loss e 06_vocabulary", "nwp.loss e 06_vocabulary"),
        ("", ""),
    ],
)
def test_numbers_of_sentences_get_a_comma(code, portuguese):
    assert brazilian(code) == portuguese


@given(st.floats(-1e12, 1e12), st.integers(0, 6))
def test_every_number_is_written_as_in_brazil(x, digits):
    written = f"{x:,.{digits}f}"
    assert (
        brazilian(f"entre {written} e 1")
        == f"entre {written.translate(str.maketrans('.,', ',.'))} e 1"
    )


def test_printing(capsys):
    values = "perda 0.5", 0.25, np.float64(1.5), 1000, True, np.array([0.5, 1.5]), [0.5], None
    module.print(*values, sep=" | ", end="!")
    said = "perda 0,5 | 0,25 | 1,5 | 1000 | True | [0.5 1.5] | [0.5] | None!"
    assert capsys.readouterr().out == said


# ---- the figures ----


def texts_of(figure):
    """Return all that a figure says, the labels of its ticks too."""
    figure.canvas.draw()
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


@pytest.fixture
def commas(monkeypatch):
    """Let figures write commas, for one test."""
    monkeypatch.setattr(Text, "set_text", Text.set_text)
    with mpl.rc_context():
        figures.use_style()
        figures.use_commas()
        figures.use_commas()  # as when a reader runs the first cell again
        yield
    plt.close("all")


@pytest.mark.usefixtures("commas")
def test_all_that_a_figure_says_has_commas():
    figure, (linear, logarithmic, small, percent) = plt.subplots(4, figsize=(6, 12))
    linear.plot([0, 1], [0.25, 0.75], label="até 0.5")
    linear.legend()
    linear.set_title("De 0.25 a 1,234.5")
    figures.label(linear, "0.223", (0.5, 0.5), figures.TRUTH, xytext=(0, 0))
    logarithmic.loglog([0.01, 0.02], [0.3, 0.9])
    grid = np.linspace(0, 1, 99)
    small.clabel(small.contour(grid, grid * 2.5e-7, np.add.outer(grid, grid), [0.5]))
    percent.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1, decimals=1))
    said = texts_of(figure)
    assert {"até 0,5", "De 0,25 a 1.234,5", "0,223", "0,4", "0,5", "100,0%"} <= {*said}
    assert [text for text in said if POINT.search(text)] == []


@pytest.mark.parametrize("path", chapter_paths(PORTUGUESE), ids=lambda path: path.stem)
def test_each_portuguese_chapter_writes_commas_from_its_first_cell_on(path):
    first, *others = (
        cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"
    )
    assert all(first.splitlines().count(line) == 1 for line in ADDED_CODE)
    assert not any(line in source for source in others for line in ADDED_CODE)


RUN = "01_loss", "02_equivalence", "03_convexity"  # the others' figures follow a training


def cells_of_figures(path):
    """Return the cells from which a chapter's figures follow.

    No other cell needs a witness (test_witness.py); where none of them draws a figure, they are
    left out, for they train. `defects` of notebooks.py sees to it that a figure has its words.
    """
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    if any(is_witness(cell) and "mystnb" in cell.metadata for cell in cells):
        return cells
    return [cell for cell in cells if not is_witness(cell)]


@pytest.mark.usefixtures("commas")
@pytest.mark.parametrize("chapter", RUN)
def test_the_figures_of_a_chapter_have_no_decimal_point(chapter, monkeypatch):
    path = PORTUGUESE / "chapters" / f"{chapter}.ipynb"
    monkeypatch.chdir(path.parent)
    drawn = []

    def show():
        drawn.append([text for n in plt.get_fignums() for text in texts_of(plt.figure(n))])
        plt.close("all")

    monkeypatch.setattr(plt, "show", show)
    chapter_own = {"__name__": "__main__"}
    for cell in cells_of_figures(path):
        exec(compile(cell.source, chapter, "exec"), chapter_own)
    assert drawn
    assert any("," in text for said in drawn for text in said)
    for said in drawn:
        assert [text for text in said if POINT.search(text)] == []
        assert [text for text in said if re.fullmatch(r"(?!1 )\d+ nat", text)] == []


# ---- strings ----


def test_no_string_of_an_explorer_has_a_decimal_point():
    for name, strings in EXPLORERS["en"].items():
        for key, text in strings.items():
            english, portuguese = brazilian(text), EXPLORERS["pt-BR"][name][key]
            assert written_numbers(english).keys() == written_numbers(portuguese).keys(), (
                f"{name}: {key}"
            )


def test_no_message_of_a_check_has_a_decimal_point():
    for table in (MESSAGES, MISTAKES):
        for key, text in table["en"].items():
            english, portuguese = brazilian(text), table["pt"][key]
            assert written_numbers(english).keys() == written_numbers(portuguese).keys(), key


def test_no_alternative_text_or_caption_has_a_decimal_point():
    for path in chapter_paths(PORTUGUESE):
        for cell in nbformat.read(path, as_version=4).cells:
            shown = cell.metadata.get("mystnb", {})
            for text in (shown.get("image", {}).get("alt"), shown.get("figure", {}).get("caption")):
                assert not POINT.search(text or ""), f"{path.relative_to(ROOT)}: {text}"
