"""What a reader sees and no page's own prose says: `strings.toml`, by language.

An edition is a folder: `pt/` is Portuguese (of Brazil), the folder of the whole book English.
The words of the exercises' checks are in `exercises/messages.toml`, for they leave with the
package; the file has the same form.
"""

import tomllib
from pathlib import Path

from exercises.messages import by_language

LANGUAGES = ("en", "pt-BR")
FILE = Path(__file__).with_name("strings.toml")
TABLES = tomllib.loads(FILE.read_text(encoding="utf-8"))

STRINGS = by_language(TABLES["book"], LANGUAGES, "book")
RUN = by_language(TABLES["run"], LANGUAGES, "run")  # cells that run in the page
EXPLORERS = by_language(TABLES["explorers"], LANGUAGES, "explorers")  # explorer → key
# What Sphinx, the theme and the extensions say, where their own catalog of messages says nothing
# in this language, or something else than the book: language → catalog → English → translation.
MESSAGES = TABLES["catalogs"]
# What is written into the theme's templates in English only, and what Sphinx itself says in
# Portuguese where the book says it otherwise.
PAGE_WORDS = TABLES["templates"]
# The copy button chooses its words itself, by the page's language, and knows no Portuguese.
COPY_BUTTON = TABLES["copy-button"]


def language_tag(language: str) -> str:
    """Return Sphinx's name of a language as the key of the tables above and as HTML wants it."""
    return language.replace("_", "-")


def language_of(path: str) -> str:
    """Return the language of a source, by its path from the folder of the book."""
    return "pt-BR" if path.startswith("pt/") else "en"
