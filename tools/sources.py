"""Where a reader of the ledger finds the source of a test.

With an address of the repository in `_config.yml` the role `claim-test` links to the test's line
there; without one to a page of the book that shows the file, outside the table of contents.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from editions import ROOT
from ledger import all_marks
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

TESTS = "tests"


@cache
def lines_of(source: str) -> dict[str, int]:
    """Return the line on which each test begins, decorators included."""
    return {
        node.name: min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def source_of(file: str) -> str:
    """Read a file of tests."""
    return (ROOT / TESTS / file).read_text(encoding="utf-8")


def address_of(test: str, options: dict[str, Any]) -> str:
    """Return where the repository shows a test, such as `test_loss.py::test_ends`.

    Without an address of the repository in the theme's options there is none: an empty string.
    """
    if not (repository := options.get("repository_url")):
        return ""
    file, _, name = test.partition("::")
    branch = options.get("repository_branch") or "main"
    place = f"{TESTS}/{file}#L{lines_of(source_of(file))[name]}"
    return f"{repository.rstrip('/')}/blob/{branch}/{place}"


class ClaimTestRole(SphinxRole):
    """The name of a test, which links to its source."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        address = address_of(self.text, self.config.html_theme_options)
        if not address:
            file, _, name = self.text.partition("::")
            page = self.env.app.builder.get_relative_uri(self.env.docname, page_of(file))
            address = f"{page}#{name}"
        return [nodes.reference("", "", nodes.literal("", self.text), refuri=address)], []


def page_of(file: str) -> str:
    """Name the page that shows a file of tests."""
    return f"{TESTS}/{Path(file).stem}"


def show(app: Sphinx, file: str) -> str:
    """Return the HTML of a file of tests, with an anchor at each test."""
    source = source_of(file)
    rows = app.builder.highlighter.highlight_block(source, "python").splitlines()  # type: ignore[attr-defined]
    for name, line in lines_of(source).items():
        rows[line - 1] = _anchored(rows[line - 1], name)
    return (
        f'<h1>{TESTS}/{file}</h1>\n<div class="highlight-python" lang="en">'
        + "\n".join(rows)
        + "</div>"
    )


def _anchored(row: str, name: str) -> str:
    """Put the anchor before the line, and after what opens the block in the first."""
    head, opening, rest = row.rpartition("<span></span>")
    return f'{head}{opening}<span id="{name}"></span>{rest}'


def pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Give a page for each file of tests to which the ledger links."""
    if app.config.html_theme_options.get("repository_url"):
        return
    for file in sorted({test.name.partition("::")[0] for test in all_marks()}):
        yield page_of(file), {"title": f"{TESTS}/{file}", "body": show(app, file)}, "page.html"


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_role("claim-test", ClaimTestRole())
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
