"""Where a reader of the ledger finds the source of a test, and that of a formal proof.

With an address of the repository in `_config.yml` the roles `claim-test` and `proof-source` link
to the line there; without one to a page of the book that shows the file, outside the table of
contents.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from editions import ROOT
from formal import all_formals
from ledger import all_marks
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

FOLDERS = {".py": "tests", ".v": "proofs"}
LANGUAGES = {".py": "python", ".v": "coq"}  # Pygments' names
THEOREM = re.compile(r"^(?:Theorem|Lemma) (\w+)", re.MULTILINE)


@cache
def lines_of(source: str) -> dict[str, int]:
    """Return the line on which each test begins, decorators included."""
    return {
        node.name: min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@cache
def theorem_lines_of(source: str) -> dict[str, int]:
    """Return the line on which each theorem or lemma begins."""
    return {m[1]: source[: m.start()].count("\n") + 1 for m in THEOREM.finditer(source)}


def _lines(file: str) -> dict[str, int]:
    read = lines_of if Path(file).suffix == ".py" else theorem_lines_of
    return read(source_of(file))


def _path(file: str) -> str:
    return f"{FOLDERS[Path(file).suffix]}/{file}"


def source_of(file: str) -> str:
    """Read a file of tests, or of formal proofs."""
    return (ROOT / _path(file)).read_text(encoding="utf-8")


def address_of(name: str, options: dict[str, Any]) -> str:
    """Return where the repository shows a test or theorem, such as `test_loss.py::test_ends`.

    Without an address of the repository in the theme's options there is none: an empty string.
    """
    if not (repository := options.get("repository_url")):
        return ""
    file, _, name = name.partition("::")
    branch = options.get("repository_branch") or "main"
    return f"{repository.rstrip('/')}/blob/{branch}/{_path(file)}#L{_lines(file)[name]}"


class SourceRole(SphinxRole):
    """The name of a test or a theorem, which links to its source."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        address = address_of(self.text, self.config.html_theme_options)
        if not address:
            file, _, name = self.text.partition("::")
            page = self.env.app.builder.get_relative_uri(self.env.docname, page_of(file))
            address = f"{page}#{name}"
        return [nodes.reference("", "", nodes.literal("", self.text), refuri=address)], []


def page_of(file: str) -> str:
    """Name the page that shows a file."""
    return _path(file).removesuffix(Path(file).suffix)


def show(app: Sphinx, file: str) -> str:
    """Return the HTML of a file, with an anchor at each test or theorem."""
    language = LANGUAGES[Path(file).suffix]
    highlighter = app.builder.highlighter  # type: ignore[attr-defined]
    rows = highlighter.highlight_block(source_of(file), language).splitlines()
    for name, line in _lines(file).items():
        rows[line - 1] = _anchored(rows[line - 1], name)
    return (
        f'<h1>{_path(file)}</h1>\n<div class="highlight-{language}" lang="en">'
        + "\n".join(rows)
        + "</div>"
    )


def _anchored(row: str, name: str) -> str:
    """Put the anchor before the line, and after what opens the block in the first."""
    head, opening, rest = row.rpartition("<span></span>")
    return f'{head}{opening}<span id="{name}"></span>{rest}'


def pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Give a page for each file to which the ledger or the page of formal proofs links."""
    if app.config.html_theme_options.get("repository_url"):
        return
    tests = {test.name.partition("::")[0] for test in all_marks()}
    for file in sorted(tests | {formal.file for formal in all_formals()}):
        yield page_of(file), {"title": _path(file), "body": show(app, file)}, "page.html"


def setup(app: Sphinx) -> dict[str, Any]:
    for role in ("claim-test", "proof-source"):
        app.add_role(role, SourceRole())
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
