"""The blocks between the fences of a text: code, and MyST's directives, one within another.

They are read by the parser of the book itself, so what a page shows as a box is one here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import nbformat
import yaml
from editions import ROOT
from markdown_it.renderer import RendererHTML
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
EXTENSIONS = set(CONFIG["parse"]["myst_enable_extensions"])
PARSER = create_md_parser(MdParserConfig(enable_extensions=EXTENSIONS), RendererHTML)
PARSER.disable("inline")  # the blocks are all that is asked for

OPENING = re.compile(r"(?:\{([\w:-]+)\})? *(.*)")
OPTION = re.compile(r" *:([\w-]+): *(.*?)\s*")
VERBATIM = ("", "eval-rst", "bibliography")  # what stands in these is no MyST and no prose
UNTITLED = (
    "question",
    "container",
    "div",
    "button-ref",
    "figure",
    "explorer",
    "solution-start",
    "solution-end",
)


@dataclass(frozen=True)
class Block:
    """A block, and the lines of the text on which it stands, counted from 0."""

    mark: str  # the opening fence
    name: str  # the directive's; of code none
    argument: str  # a title; of the `UNTITLED` a name; of code its language
    options: dict[str, str]
    body: str
    start: int  # the line of the opening fence
    inside: int  # the first line of the body
    end: int  # the line after the closing fence


def blocks(text: str, offset: int = 0) -> Iterator[Block]:
    """Yield the blocks of a text by their first lines; a fence without an end is an error."""
    for token in PARSER.parse(text):
        if token.type not in ("fence", "colon_fence"):
            continue
        start, end = (offset + line for line in token.map)
        lines = token.content.splitlines(keepends=True)
        if end - start != len(lines) + 2:
            raise ValueError(f"{token.markup}{token.info} is not closed")
        name, argument = OPENING.fullmatch(token.info.strip()).groups(default="")
        found = [*takewhile(bool, map(OPTION.fullmatch, lines))] if name else []
        options = dict(option.groups() for option in found)
        body, inside = "".join(lines[len(found) :]), start + 1 + len(found)
        yield Block(token.markup, name, argument, options, body, start, inside, end)
        if name not in VERBATIM:
            yield from blocks(body, inside)


def markdown_of(path: Path) -> str:
    """Return the text of a notebook: its Markdown cells, one after another."""
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
