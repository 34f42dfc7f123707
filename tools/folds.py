"""The folds of code on a page say what is in them: imports, a figure, a check, a witness."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from strings import STRINGS, language_tag


def kind_of(source: str, metadata: dict[str, Any]) -> str:
    """Say what a folded cell holds: "figure", "witness", "imports", "check" or other "code"."""
    if "figure" in metadata.get("mystnb", {}):
        return "figure"
    if "witness" in metadata.get("tags", []):
        return "witness"
    if source.startswith(("import ", "from ")):
        return "imports"
    return "check" if "range(1000)" in source else "code"


def name_folds(app: Sphinx, doctree: nodes.document) -> None:
    """Label the folds of a chapter in the edition's language."""
    strings = STRINGS[language_tag(app.config.language)]
    for cell in doctree.findall(nodes.container):
        if "prompt_show" in cell:
            source = next(cell.findall(nodes.literal_block)).astext()
            kind = kind_of(source, cell["cell_metadata"])
            for prompt in ("show", "hide"):
                cell[f"prompt_{prompt}"] = strings[f"{prompt} {kind}"]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", name_folds)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
