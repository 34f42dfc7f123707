"""The directive that puts an explorer into a page.

    ```{explorer} loss
    What a reader of the notebook sees, who has the source and not the page.
    ```

The loss has two further forms, `:form: small` and `:form: gradients` (see `loss.js`).

It writes the element with its strings in the page's language, its data, and its still picture;
and it adds the scripts to the pages that have an explorer, to no other.
"""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from explorer_stills import RATES, STILLS
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from strings import EXPLORERS, FILE, language_tag

from lab.brazilian import brazilian

FOLDER = Path(__file__).with_name("explorers")
ASSETS = Path(__file__).parent.parent / "assets" / "explorers"
FORMS = ("small", "gradients")  # of the explorer of the loss, besides that of chapter 1
SOURCES = [FILE, FOLDER / "forcing.json", Path(__file__).with_name("explorer_stills.py")]


def data_of(name: str) -> dict[str, Any] | None:
    """Return what an explorer needs besides its strings."""
    if name == "forcing":
        return json.loads((FOLDER / "forcing.json").read_text(encoding="utf-8"))
    if name == "descent":
        text = "o cão ladra . o sol brilha forte . o cão ladra ."
        return {"text": text, "rates": sorted([*RATES, 15.9, 20.0])}
    return None


def rendered(name: str, language: str, form: str | None = None) -> str:
    """Write the element: strings, data and form as JSON, and the still picture behind it."""
    strings, data = EXPLORERS[language][name], data_of(name)
    used = {key: text for key, text in strings.items() if not key.startswith("still")}
    written = {"strings": used, "data": data} | ({"form": form} if form else {})
    content = json.dumps(written, ensure_ascii=False, separators=(",", ":"))
    content = content.replace("</", "<\\/")  # nothing in it may end the script element
    classes = f"nwp-explorer {form}" if form else "nwp-explorer"
    return (
        f'<{name}-explorer class="{classes}" lang="{language}">'
        f'<script type="application/json">{content}</script>'
        f"{_still(name, language, form)}</{name}-explorer>"
    )


def _still(name: str, language: str, form: str | None = None) -> str:
    draw = STILLS["loss-small" if form == "small" else name]
    still = draw(EXPLORERS[language][name], data_of(name))
    return still if language == "en" else in_brazilian(still)


def still_of(name: str, language: str) -> tuple[str, str]:
    """Return the still picture as a file of its own, in light colors, and what it says."""
    still = _still(name, language)
    alternative = unescape(re.search(r'aria-label="([^"]*)"', still)[1])
    style = (ASSETS / "explorer.css").read_text(encoding="utf-8")
    rules = re.findall(r"^(?::root|\.nwp-still[^{]*) \{[^}]*\}", style, re.MULTILINE)
    ground = '<rect width="100%" height="100%" fill="var(--nwp-ground)"/>'
    opening, rest = still.split(">", 1)
    opening = opening.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg" width="430"')
    return f"{opening}><style>{''.join(rules)}</style>{ground}{rest}\n", alternative


def in_brazilian(picture: str) -> str:
    """Give decimal commas to what a still picture says; its coordinates keep the point."""
    said = r'(?<=aria-label=")[^"]+|(?<=>)[^<]+(?=</text>)'
    return re.sub(said, lambda text: brazilian(text[0]), picture)


class ExplorerDirective(SphinxDirective):
    """Put an explorer here; the body is for readers of the notebook."""

    required_arguments = 1
    option_spec: ClassVar = {"form": lambda form: directives.choice(form, FORMS)}
    has_content = True

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        names, form = EXPLORERS["en"], self.options.get("form")
        if name not in names:
            raise self.error(f"explorer must be one of {sorted(names)}, got {name!r}")
        if form and name != "loss":
            raise self.error(f"form must be left out of explorer {name!r}, got {form!r}")
        for path in SOURCES:
            self.env.note_dependency(str(path))
        language = language_tag(self.config.language)
        return [nodes.raw("", rendered(name, language, form), format="html", explorer=name)]


def add_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Load the scripts that the page's explorers need, after the page is read."""
    found = doctree.findall(nodes.raw) if doctree is not None else ()
    names = sorted({node["explorer"] for node in found if "explorer" in node})
    if names:
        app.add_css_file("explorers/explorer.css")
        for name in ["explorer", *names]:
            app.add_js_file(f"explorers/{name}.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("explorer", ExplorerDirective)
    app.connect("html-page-context", add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
