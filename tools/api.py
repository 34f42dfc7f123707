"""The API page: every module of a package, also where PyTorch is not installed.

`{modules}` documents a package: its modules in the order of the chapters whose names they have,
then the others. A new module needs no line of its own.

The book is built in a small environment (`requirements-book.txt`). autodoc puts mocks in the
place of what it lacks (`autodoc_mock_imports`), also where they are installed, so that every
environment builds the same page. Two things are amiss with its mocks, and repaired here.
"""

import inspect
import sys
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from editions import ROOT
from sphinx.application import Sphinx
from sphinx.ext.autodoc import Options
from sphinx.ext.autodoc.mock import _MockObject
from sphinx.util.docutils import SphinxDirective
from sphinx.util.inspect import signature, stringify_signature


class ModulesDirective(SphinxDirective):
    """Document each module of a package in a section under its name."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        package = self.arguments[0]
        found = sorted(path for path in (ROOT / package).glob("*.py") if path.stem[0] != "_")
        if not found:
            raise self.error(f"modules must name a package of ours, got {package!r}")
        for path in found:
            self.env.note_dependency(str(path))
        order = [
            path.stem.partition("_")[2] for path in sorted((ROOT / "chapters").glob("*.ipynb"))
        ]
        found.sort(key=lambda path: order.index(path.stem) if path.stem in order else len(order))
        return [self._section(f"{package}.{path.stem}") for path in found]

    def _section(self, module: str) -> nodes.section:
        section = nodes.section(ids=[module.replace(".", "-")])
        section += nodes.title("", "", nodes.literal("", module))
        lines = ["```{eval-rst}", f".. automodule:: {module}", "   :members:", "```"]
        self.state.nested_parse(StringList(lines, source=module), 0, section)
        return section


def either(mock: _MockObject, other: Any) -> _MockObject:
    """Let `Tensor | None` be written of a mock; no annotation is shown."""
    return mock


def own_signature(
    app: Sphinx,
    what: str,
    name: str,
    thing: Any,
    options: Options,
    shown: str | None,
    returns: str | None,
) -> tuple[str, str | None] | None:
    """Show how a class is made by its `__init__`; the mock that it inherits from takes anything."""
    if not (inspect.isclass(thing) and issubclass(thing, _MockObject)):
        return None
    how = signature(thing.__init__, bound_method=True)
    return stringify_signature(how, show_annotation=False), returns


def setup(app: Sphinx) -> dict[str, Any]:
    _MockObject.__or__ = _MockObject.__ror__ = either
    sys.path.insert(0, str(ROOT))  # the small environment installs no package of ours
    app.add_directive("modules", ModulesDirective)
    app.connect("autodoc-process-signature", own_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
