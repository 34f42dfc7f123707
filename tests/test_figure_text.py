"""The text of every figure of every chapter, on a phone: at least 11 px."""

import chromium
import nbformat
import pytest
from editions import EDITIONS, ROOT
from figure_text import LEAST, smallest_text, text_height, width_for
from ledger import chapter_paths
from test_pages import HTML, LAID_OUT, browser  # noqa: F401

from lab import figures

CHAPTERS = [path for edition in EDITIONS for path in chapter_paths(edition)]
SHOWN = """() => [...document.querySelectorAll("main .cell_output img")].map((picture) => {
    document.querySelectorAll("details").forEach((fold) => { fold.open = true; });
    const box = picture.closest("figure") ?? picture.parentElement;
    return { width: picture.getBoundingClientRect().width, pixels: picture.naturalWidth,
             hidden: picture.getBoundingClientRect().width === 0,
             beyond: box.scrollWidth - box.clientWidth, stop: box.tabIndex === 0,
             page: document.documentElement.scrollWidth };
})"""


def drawn(path):
    """List the smallest text of each figure of a chapter, in points."""
    return [
        smallest_text(cell.source)
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_text_of_figures_is_legible_on_a_phone(browser, path):  # noqa: F811
    page = chromium.context(browser, viewport={"width": 390, "height": 844}).new_page()
    page.goto((HTML / path.relative_to(ROOT).with_suffix(".html")).as_uri(), wait_until="load")
    page.wait_for_function("[...document.images].every((picture) => picture.complete)")
    page.wait_for_function(LAID_OUT)
    points, pictures = drawn(path), page.evaluate(SHOWN)
    assert len(pictures) == len(points)
    assert points
    for size, picture in zip(points, pictures, strict=True):
        assert not picture["hidden"]
        height = text_height(size, picture["width"], picture["pixels"])
        assert height >= LEAST - 0.01, picture
        assert picture["stop"] == (picture["beyond"] > 0), picture  # or no key scrolls it
        assert picture["page"] == 390
    page.context.close()


def test_the_smallest_text_is_found():
    figures.use_style()
    assert smallest_text("figure, axes = plt.subplots(figsize=(6.0, 3.4))") == 12
    assert smallest_text("axes.plot(x, y, markersize=4)") == 12
    assert smallest_text('axes.text(0, 0, "a", fontsize=9); axes.set_title("b", fontsize=14)') == 9
    assert smallest_text("axes.tick_params(labelsize=8.5)") == 8.5
    assert smallest_text('style = {"size": 10}') == 10


def test_style_and_widths():
    assert figures.plt.rcParams["font.size"] == 12
    assert round(text_height(12, 404, 1223), 2) == 11.01
    assert [width_for(points, 1223) for points in (12, 11, 10, 9, 8)] == [404, 450, 490, 540, 610]
    with pytest.raises(ValueError, match=r"points must be at least 7\.9 .* got 6"):
        width_for(6, 1223)
