"""The language of an edition: its words where the prose does not say them, and the way across.

Every page gets a link to the same page of the other edition. Anchors of headings differ by
language, so every section gets a second one by its place (`place-3`); `assets/book.js` adds
the section that is being read to the link. Without a script the link leads to the page.
"""

import gettext
import json
import re
from typing import Any

from docutils import nodes
from sphinx import locale
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx_proof.nodes import proof_node
from strings import COPY_BUTTON, MESSAGES, PAGE_WORDS, STRINGS, language_tag

FOLDERS = {"en": "", "pt-BR": "pt/"}  # of each edition, below the built book's


class Words(gettext.NullTranslations):
    """Our words for some messages of a catalog; its own for the others."""

    def __init__(self, words: dict[str, str], others: gettext.NullTranslations):
        super().__init__()
        self.words = words
        self.add_fallback(others)

    def gettext(self, message: str) -> str:
        return self.words.get(message) or super().gettext(message)


def speak(app: Sphinx, config: Config) -> None:
    """Put our words before those of the catalogs of Sphinx, the theme and the extensions."""
    for catalog, words in MESSAGES.get(language_tag(config.language), {}).items():
        key = ("general", catalog)
        others = locale.translators.get(key, gettext.NullTranslations())
        locale.translators[key] = Words(words, others)
    app.translator = locale.translators["general", "sphinx"]  # the templates' own


def begin_proofs(app: Sphinx, doctree: nodes.document) -> None:
    """Begin each proof with the word for it; the extension writes it in English."""
    word = STRINGS[language_tag(app.config.language)]["proof"]
    for proof in doctree.findall(proof_node):
        first = next(proof.findall(nodes.Text))
        first.parent.replace(first, nodes.Text(re.sub(r"^Proof\.", word, first)))


def number_sections(app: Sphinx, doctree: nodes.document) -> None:
    """Give each section with a heading an anchor that does not depend on the language."""
    headings = (title.parent for title in doctree.findall(nodes.title))
    sections = [parent for parent in headings if isinstance(parent, nodes.section)]
    for place, section in enumerate(sections):
        section["ids"].append(f"place-{place}")


def lead_across(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Hand the template the link to the other edition; tell search engines of both."""
    here = language_tag(app.config.language)
    up = "../" * (page.count("/") + FOLDERS[here].count("/"))
    addresses = {tag: f"{up}{folder}{page}.html" for tag, folder in FOLDERS.items()}
    context["other_editions"] = [
        {"tag": tag, "address": address, "name": STRINGS[tag]["language"]}
        for tag, address in addresses.items()
        if tag != here
    ]
    context["metatags"] = context.get("metatags", "") + "".join(
        f'\n<link rel="alternate" hreflang="{tag}" href="{address}" />'
        for tag, address in addresses.items()
    )


def mark_english(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Say to a screen reader that what is taken from the code's docstrings is English."""
    if language_tag(app.config.language) != "en" and "body" in context:
        context["body"] = context["body"].replace('<dl class="py ', '<dl lang="en" class="py ')


def teach_copy_button(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Run after the copy button's own script and before it writes its words."""
    tag = language_tag(app.config.language)
    if tag in COPY_BUTTON:
        words = json.dumps(COPY_BUTTON[tag], ensure_ascii=False)
        app.add_js_file(None, body=f"messages[locale = '{tag}'] = {words};", priority=900)


def in_language(page: str, language: str) -> str:
    """Translate the words of the theme's templates in the HTML of a page."""
    for english, word in PAGE_WORDS.get(language_tag(language), {}).items():
        page = re.sub(
            rf'((?:title|aria-label|placeholder)="){re.escape(english)}(")|'
            rf"(>\s*){re.escape(english)}(\s*<)",
            lambda found, word=word: (
                f"{found[1]}{word}{found[2]}" if found[1] else f"{found[3]}{word}{found[4]}"
            ),
            page,
        )
    return page


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", speak, priority=100)  # extensions ask for words from 500 on
    app.connect("doctree-read", begin_proofs)
    app.connect("doctree-read", number_sections)
    app.connect("html-page-context", lead_across)
    app.connect("html-page-context", mark_english)
    app.connect("html-page-context", teach_copy_button)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
