"""The built pages: repairs for keyboard and screen reader, and nothing loaded in vain.

The theme's HTML has flaws that a check of accessibility finds, and every page loads scripts
and styles that this book does not use. Each repair below names the flaw. One that every page
needs and that finds nothing to repair stops the build: the theme has changed, look again.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from languages import in_language
from reader import lead_to_notebooks
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError


@dataclass(frozen=True)
class Repair:
    """A flaw, the pattern by which it is found, and what to write in its place."""

    flaw: str
    pattern: str
    replacement: str
    everywhere: bool = True


REPAIRS = (
    Repair(
        "The search button is named without the keys that it shows.",
        r'(<button class="btn search-button-field[^>]*?) aria-label="[^"]*"',
        r"\1",
    ),
    Repair(
        "The sidebar is no landmark: a screen reader cannot jump to it, or over it.",
        r'<div id="pst-primary-sidebar"',
        r'<div id="pst-primary-sidebar" role="complementary"',
    ),
    Repair(
        "Icons are loaded twice, as a script and as the font that draws them here.",
        r"<script defer src=\"[^\"]*scripts/fontawesome\.js[^\"]*\"></script>",
        "",
    ),
    Repair(
        "Bootstrap's script is loaded for one menu; `assets/book.js` opens it.",
        r"<script defer src=\"[^\"]*scripts/bootstrap\.js[^\"]*\"></script>",
        "",
    ),
    Repair(
        "Bootstrap's script is loaded early.",
        r"<link rel=\"preload\" as=\"script\" href=\"[^\"]*scripts/bootstrap\.js[^\"]*\" />",
        "",
    ),
    Repair(
        "A page is neither light nor dark until the theme's script is there: it is styled twice.",
        r'(dataset\.theme = )localStorage\.getItem\("theme"\) \|\| "auto"',
        r'\1["light", "dark"].find((mode) => mode === document.documentElement.dataset.mode) || '
        r'(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")',
    ),
    Repair(
        "A fold is named otherwise than it says.",
        r'<summary aria-label="[^"]*">',
        "<summary>",
        everywhere=False,
    ),
    Repair(
        "A fold of the module index opens by mouse only; unfolded it needs no switch.",
        r'<img[^>]*class="toggler"[^>]*>',
        "",
        everywhere=False,
    ),
    Repair(
        "An entry of the bibliography has a role that was withdrawn, in a list of no items.",
        r' role="doc-biblioentry"',
        ' role="listitem"',
        everywhere=False,
    ),
)
# The theme asks of every piece of code whether it scrolls, one by one, and before anything is
# painted: for each answer the browser lays the page out again. `assets/book.js` asks, later.
THEME_SCRIPT = "scripts/pydata-sphinx-theme.js"
STOPS = Repair(
    "Stops of the Tab key are set too early, and the page is laid out for each.",
    r'document\.querySelectorAll\(\["pre",[^\]]*\]\.join\(", "\)\)'
    r"\.forEach\((\w)=>\{\1\.tabIndex=[^}]*\}\)",
    'document.dispatchEvent(new Event("stops"))',
)
# The layout loads these on every page; the search page asks for what it needs, deferred.
SPHINX_SEARCH = re.compile(
    r'<script src="(?:[^"]*/)?(?:searchtools|language_data|searchindex)\.js[^"]*"></script>'
)
# Loaded by extensions on every page, needed on those where the second string occurs.
CONDITIONAL = {"design-tabs.js": "sd-tab-", "sphinx-design.min.css": 'class="sd-'}


def _without(repair: Repair, text: str) -> str:
    text, count = re.subn(repair.pattern, repair.replacement, text)
    if repair.everywhere and not count:
        raise ExtensionError(
            f"nothing to repair: {repair.flaw!r} (found by {repair.pattern}); "
            "has the theme changed?"
        )
    return text


def repaired(page: str) -> str:
    """Return the HTML of a page without the flaws above."""
    for repair in REPAIRS:
        page = _without(repair, page)
    return SPHINX_SEARCH.sub("", page)


def repair_the_script(app: Sphinx, error: Exception | None) -> None:
    """Repair the theme's script among the built pages."""
    path = Path(app.outdir) / "_static" / THEME_SCRIPT
    if error or app.builder.format != "html" or not path.exists():
        return
    script = path.read_text(encoding="utf-8")
    if STOPS.replacement not in script:
        path.write_text(_without(STOPS, script), encoding="utf-8")


def repair_what_is_written(app: Sphinx) -> None:
    """Repair and translate each page between the theme's template and the disk."""
    templates = getattr(app.builder, "templates", None)
    if app.builder.format != "html" or templates is None:
        return
    render: Callable[[str, dict[str, Any]], str] = templates.render

    def render_repaired(template: str, context: dict[str, Any]) -> str:
        written = render(template, context)
        if "<!DOCTYPE html>" not in written[:200]:  # a piece of a page
            return written
        return in_language(repaired(written), app.config.language)

    templates.render = render_repaired


def launch_only_from_an_address(app: Sphinx, config: Config) -> None:
    """Leave out the buttons for Binder and Colab while the repository has no address."""
    if not config.html_theme_options.get("repository_url"):
        for option in ("launch_buttons", "repository_url"):
            config.html_theme_options.pop(option, None)


def drop_what_is_unused(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load no Thebe, which declared twice is a console error, and no unused design."""
    body = context.get("body", "")
    for kind in ("script_files", "css_files"):
        context[kind] = [file for file in context[kind] if _is_used(file, body)]


def _is_used(file: Any, body: str) -> bool:
    source = f"{getattr(file, 'filename', file)}{getattr(file, 'attributes', {}).get('body', '')}"
    if "thebe" in source.lower():
        return False
    return all(
        needed_by in body for name, needed_by in CONDITIONAL.items() if source.endswith(name)
    )


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", launch_only_from_an_address)
    app.connect("builder-inited", repair_what_is_written)
    app.connect("html-page-context", drop_what_is_unused, priority=900)
    app.connect("html-page-context", lead_to_notebooks, priority=900)
    app.connect("build-finished", repair_the_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
