"""Formulas, set when the book is built: by KaTeX, which runs in an engine that pip installs.

A page holds each formula twice: as KaTeX draws it, in plain HTML for the eye, and as MathML with
its TeX source, for a screen reader and for whoever copies it. No script sets anything in the
reader's browser. A formula that KaTeX cannot set is a warning that names its place, and in this
book a warning stops the build.

KaTeX is in `katex/`, as its npm package has it (version 0.19.1).
"""

import base64
import html
import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import dukpy
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

KATEX = Path(__file__).with_name("katex")
COPY = "copy-tex.min.js"
STYLE = "katex.css"
logger = logging.getLogger(__name__)

# What is not LaTeX is refused, but for `\class{name}{formula}`, which gives a formula the color
# of its name in the style sheet, here and where a notebook is read with MathJax. KaTeX only warns
# of a letter that its fonts lack.
SET = r"""
globalThis.console = { warn: (text) => { throw new katex.ParseError(text); } };
globalThis.set = (tex, block) => katex.renderToString(tex, {
    displayMode: block,
    macros: {"\\class": "\\htmlClass{#1}{#2}"},
    strict: (rule) => rule === "htmlExtension" ? "ignore" : "error",
    trust: (context) => {
        if (context.command === "\\htmlClass") return true;
        throw new katex.ParseError(`${context.command} is for trusted pages alone`);
    },
});
undefined"""
# The faces that the formulas of the book use are in the style sheet itself: a formula is never
# seen without them, and no browser refuses them as fonts from another folder. A formula with
# another face loads its file.
EMBEDDED = (
    "AMS-Regular",
    "Main-Bold",
    "Main-Regular",
    "Math-Italic",
    "SansSerif-Regular",
    "Size1-Regular",
    "Size2-Regular",
    "Size3-Regular",
    "Size4-Regular",
)
FORMULA = '<span class="katex">'
SPAN = re.compile("<(/?)span")
ANNOTATION = re.compile("<annotation.*?</annotation>", re.DOTALL)
SOURCE = re.compile(r"src:(url\(fonts/KaTeX_([\w-]+)\.woff2\) format\(\"woff2\"\))[^}]*")


class UnsetError(ValueError):
    """KaTeX cannot set a formula; says why, in KaTeX's words."""


@cache
def _engine() -> dukpy.JSInterpreter:
    engine = dukpy.JSInterpreter()
    library = (KATEX / "katex.min.js").read_text(encoding="utf-8")
    engine.evaljs(f"(function () {{ {library}\n}}).call(globalThis); undefined")
    engine.evaljs(SET)
    return engine


@cache
def set_formula(tex: str, block: bool) -> str:
    """Return a formula as HTML with MathML; `block` says that it stands in a line of its own.

    Raises
    ------
    UnsetError
        Where KaTeX does not know a command, or finds no LaTeX.
    """
    try:
        return _engine().evaljs("set(dukpy.tex, dukpy.block)", tex=tex, block=block)
    except dukpy.JSRuntimeError as error:
        reason = re.search(r"ParseError: (?:KaTeX parse error: )?(.*)", str(error))
        raise UnsetError(reason[1] if reason else str(error)) from None


def redrawn(page: str, other: Callable[[str], str]) -> str:
    """Return the HTML of a page with what `other` makes of each formula's drawing in its place.

    A drawing is most of a page's elements: what need not read them all is many times faster.
    """
    before, *rest = page.split(FORMULA)
    parts = [before]
    for part in rest:
        depth, end = 1, 0
        while depth:
            tag = SPAN.search(part, end)
            depth += -1 if tag[1] else 1
            end = tag.end() + 1
        parts += [other(FORMULA + part[:end]), part[end:]]
    return "".join(parts)


def undrawn(page: str) -> str:
    """Return the HTML of a page with each formula's TeX source in place of its drawing."""
    return redrawn(page, lambda drawing: ANNOTATION.search(drawing)[0])


def block_source(text: str, *, bare: bool) -> str:
    """Return what stands between the signs of a display: lines, where there are several.

    `bare` says that the text is an environment of amsmath, which brings its own.
    """
    if bare:
        return text
    lines = r"\\".join(part.strip() for part in re.split(r"\n\s*\n", text) if part.strip())
    return rf"\begin{{split}}{lines}\end{{split}}" if r"\\" in lines else lines


def style_sheet() -> str:
    """Return KaTeX's style sheet with the faces that the book uses inside."""

    def source(match: re.Match[str]) -> str:
        file, face = match[1], match[2]
        if face in EMBEDDED:
            font = base64.b64encode((KATEX / "fonts" / f"KaTeX_{face}.woff2").read_bytes())
            file = f'url(data:font/woff2;base64,{font.decode()}) format("woff2")'
        return f"src:{file}"

    return SOURCE.sub(source, (KATEX / "katex.min.css").read_text(encoding="utf-8"))


def _set(node: nodes.Element, tex: str, block: bool) -> str:
    try:
        return set_formula(tex, block)
    except UnsetError as error:
        logger.warning("this formula cannot be set: %s: %s", tex, error, location=node, type="math")
        return f"<code>{html.escape(tex)}</code>"


def visit_inline(writer: HTML5Translator, node: nodes.math) -> None:
    """Write a formula in a line of text."""
    writer.body.append(writer.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    writer.body.append(f"{_set(node, node.astext(), block=False)}</span>")
    raise nodes.SkipNode


def visit_block(writer: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula in a line of its own, with its number where it has one."""
    writer.body.append(writer.starttag(node, "div", CLASS="math notranslate nohighlight"))
    tex = block_source(node.astext(), bare=node["nowrap"])
    if node["number"]:
        # The number is Sphinx's, to which references lead; KaTeX would count by itself.
        tex = re.sub(r"(\\(?:begin|end)\{(?:align|alignat|equation|gather))\}", r"\1*}", tex)
        writer.body.append(f'<span class="eqno">({get_node_equation_number(writer, node)})')
        writer.add_permalink_ref(node, _("Link to this equation"))
        writer.body.append("</span>")
    writer.body.append(f"{_set(node, tex, block=True)}</div>\n")
    raise nodes.SkipNode


def publish(app: Sphinx) -> None:
    """Put what the pages need of KaTeX beside them."""
    if app.builder.format != "html":
        return
    where = Path(app.outdir) / "_static" / "katex"
    shutil.copytree(KATEX / "fonts", where / "fonts", dirs_exist_ok=True)
    shutil.copy(KATEX / COPY, where)
    (where / STYLE).write_text(style_sheet(), encoding="utf-8")
    app.add_css_file(f"katex/{STYLE}", priority=400)  # before book.css, which adapts it
    app.add_js_file(f"katex/{COPY}", loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("katex", (visit_inline, None), (visit_block, None))
    app.connect("builder-inited", publish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
