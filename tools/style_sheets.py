"""The style sheets of the theme and its extensions, without what no page uses.

A browser reads every rule of a style sheet before it paints anything. Of the theme's 400 kB, most
of them Bootstrap's and Font Awesome's, the pages of this book use a small part. A rule stays if
each class and each id that it names occurs in a page, or in a script that a page loads.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import tinycss2
from languages import FOLDERS
from sphinx.application import Sphinx
from tinycss2.ast import AtRule, Node, QualifiedRule

SLIMMED = ("styles/pydata-sphinx-theme.css", "mystnb.*.css")  # in `_static/`
NO_PAGES = {"_static", *(folder.rstrip("/") for folder in FOLDERS.values())}  # below another's
NAMED = re.compile(r'\b(?:class|id)="([^"]*)"')
LOADED = re.compile(r'<script\b[^>]*\bsrc="([^"?]*)')
INLINE = re.compile(r"<script\b[^>]*>(.*?)</script>", re.DOTALL)
WORD = re.compile(r"[A-Za-z_][\w-]*")


def names_in(pages: Path) -> set[str]:
    """Return the classes and ids of an edition's pages, and the words of their scripts."""
    found: set[str] = set()
    scripts: set[Path] = set()
    for page in pages.rglob("*.html"):
        if page.relative_to(pages).parts[0] in NO_PAGES:
            continue
        text = page.read_text(encoding="utf-8")
        for names in NAMED.findall(text):
            found.update(names.split())
        for script in INLINE.findall(text):
            found.update(WORD.findall(script))
        scripts.update((page.parent / source).resolve() for source in LOADED.findall(text))
    for script in scripts:
        found.update(WORD.findall(script.read_text(encoding="utf-8")))
    return found


def slim(sheet: str, names: set[str]) -> str:
    """Return a style sheet without the selectors that name a class or an id not among `names`."""
    rules = tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True)
    return tinycss2.serialize(list(_kept(rules, names)))


def _kept(rules: Iterable[Node], names: set[str]) -> Iterator[Node]:
    for rule in rules:
        if isinstance(rule, QualifiedRule):
            selectors = [part for part in _selectors(rule.prelude) if _is_used(part, names)]
            if selectors:
                rule.prelude = _joined(selectors)
                yield rule
        elif isinstance(rule, AtRule) and rule.lower_at_keyword in ("media", "supports"):
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            rule.content = list(_kept(inner, names))
            if rule.content:
                yield rule
        else:  # a font, an animation, a rule for paper
            yield rule


def _selectors(prelude: list[Node]) -> list[list[Node]]:
    """Split what stands before a rule's brace at its commas; those in brackets are inside nodes."""
    parts: list[list[Node]] = [[]]
    for node in prelude:
        if node == ",":
            parts.append([])
        else:
            parts[-1].append(node)
    return parts


def _joined(selectors: list[list[Node]]) -> list[Node]:
    comma = tinycss2.parse_one_component_value(",")
    return [node for selector in selectors for node in (comma, *selector)][1:]


def _is_used(selector: list[Node], names: set[str]) -> bool:
    """Say whether each class and id of a selector occurs, but for those inside a function."""
    for before, node in zip([None, *selector], selector, strict=False):
        if node.type == "hash" and node.value not in names:
            return False
        if before == "." and node.type == "ident" and node.value not in names:
            return False
    return True


def slim_style_sheets(app: Sphinx, error: Exception | None) -> None:
    """Leave in each of the sheets what the built pages use."""
    if error or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    names = names_in(Path(app.outdir))
    for pattern in SLIMMED:
        for path in static.glob(pattern):
            path.write_text(slim(path.read_text(encoding="utf-8"), names), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    # After whatever else writes scripts at the end.
    app.connect("build-finished", slim_style_sheets, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
