"""The API page where PyTorch and Matplotlib are not installed, letter for letter as where they are.

The book is built in a small environment (`requirements-book.txt`). autodoc puts mocks in the
place of the two (`autodoc_mock_imports`), also where they are installed, so that every
environment builds the same page. Two things are amiss with its mocks, and repaired here.
"""

import inspect
import sys
from typing import Any

from editions import ROOT
from sphinx.application import Sphinx
from sphinx.ext.autodoc import Options
from sphinx.ext.autodoc.mock import _MockObject
from sphinx.util.inspect import signature, stringify_signature


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
    app.connect("autodoc-process-signature", own_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
