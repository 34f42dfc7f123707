"""The words of `check`: `messages.toml`, in English and Portuguese side by side.

`MESSAGES` has what was found, `MISTAKES` the mistakes that have a name. The strings of the
pages (`tools/strings.toml`) have the same form and are read by the same function.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

LANGUAGES = ("en", "pt")


def by_language(texts: Mapping[str, Any], languages: Sequence[str], name: str) -> dict[str, Any]:
    """Take apart texts that stand side by side: return a table for each language.

    Parameters
    ----------
    texts : key → language → text; or key → a table of this form
    languages : those that each text must have, and no other
    name : of the table, for an error to say

    Raises
    ------
    ValueError
        Naming the text that a language lacks, or that has other fields in braces in one language
        than in another.
    """
    tables: dict[str, Any] = {language: {} for language in languages}
    for key, entry in texts.items():
        place = f"{name}.{key}"
        if isinstance(entry, dict) and entry and all(isinstance(e, dict) for e in entry.values()):
            entry = by_language(entry, languages, place)
        else:
            _compare(entry, languages, place)
        for language in languages:
            tables[language][key] = entry[language]
    return tables


def _compare(entry: Any, languages: Sequence[str], place: str) -> None:
    texts = entry if isinstance(entry, dict) else {}
    whole = all(isinstance(text, str) and text.strip() for text in texts.values())
    if {*texts} != {*languages} or not whole:
        raise ValueError(f"{place} must have a text in each of {[*languages]}, got {entry!r}")
    fields = {language: sorted(re.findall(r"\{(\w+)\}", text)) for language, text in texts.items()}
    if len({*map(tuple, fields.values())}) > 1:
        raise ValueError(f"{place} must have the same fields in each language, got {fields}")


_FILE = resources.files(__package__) / "messages.toml"
_TEXTS = tomllib.loads(_FILE.read_text(encoding="utf-8"))
MESSAGES = by_language(_TEXTS["messages"], LANGUAGES, "messages")
MISTAKES = by_language(_TEXTS["mistakes"], LANGUAGES, "mistakes")
