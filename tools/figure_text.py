"""Figures on a phone: how wide one must be for its smallest text to be 11 px high.

The book's figures are drawn with 12 pt; a few labels are smaller. A figure that needs more width
than the others gets a class, `at-least-540`, by which `assets/book.css` widens it on a phone.
"""

import re
import struct
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

POINTS = 12  # the text of lab.figures.use_style
DOTS_PER_INCH = 200  # its pictures
LEAST = 11  # px, of the smallest text on a phone
WIDTHS = (404, 450, 490, 540, 610)  # px, in the style sheet; the first holds for all figures
SIZE = re.compile(r"""(?<![a-z_])(?:font|label|title)?size["']?\s*[=:]\s*(\d+(?:\.\d+)?)""")


def smallest_text(source: str) -> float:
    """Return the size in points of the smallest text that the code of a cell draws."""
    return min([POINTS, *map(float, SIZE.findall(source))])


def text_height(points: float, shown: float, pixels: int) -> float:
    """Return the size of a text in px, in a picture of `pixels` that is `shown` px wide."""
    return points / 72 * DOTS_PER_INCH * shown / pixels


def width_for(points: float, pixels: int) -> int:
    """Return the least of the widths at which a picture's smallest text is large enough."""
    for width in WIDTHS:
        if text_height(points, width, pixels) >= LEAST - 0.01:
            return width
    raise ValueError(
        f"points must be at least {LEAST / text_height(1, WIDTHS[-1], pixels):.1f} in a picture"
        f" of {pixels} px, got {points}: draw its text larger"
    )


class WidenFigures(SphinxPostTransform):
    """Class the pictures of cells whose smallest text needs more width."""

    default_priority = 300  # after MyST-NB has chosen among the forms of an output
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        cells = [c for c in self.document.findall(nodes.container) if "cell" in c["classes"]]
        for cell in cells:
            source = "\n".join(block.astext() for block in cell.findall(nodes.literal_block))
            for picture in cell.findall(nodes.image):
                width = width_for(smallest_text(source), pixels_across(self.path_of(picture)))
                if width > WIDTHS[0]:
                    picture["classes"].append(f"at-least-{width}")

    def path_of(self, picture: nodes.image) -> Path:
        return Path(self.app.srcdir, picture["uri"])


def pixels_across(path: Path) -> int:
    """Return the width of a PNG, which stands in its head."""
    with path.open("rb") as file:
        return struct.unpack(">I", file.read(24)[16:20])[0]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_post_transform(WidenFigures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
