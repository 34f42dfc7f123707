"""The spelling of the prose of both editions, checked by hunspell.

`python tools/spelling.py` names each unknown word and where it stands. Left out are code,
formulas, references, citations and addresses. Words that are right and in no dictionary are in
`tools/spelling/`: `en.txt`, `pt.txt`, and `both.txt` for names and terms of both languages. In
italics and in quotation marks the other language's words are right too.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from myst import UNTITLED, VERBATIM, blocks
from notebooks import ROOT
from strings import EXPLORERS, STRINGS
from translation import FORMULA, chapters, pages, words_beside

from exercises.messages import MESSAGES, MISTAKES

LISTS = Path(__file__).with_name("spelling")
DICTIONARIES = {"en": "en_US", "pt": "pt_BR"}
PACKAGES = "hunspell hunspell-en-us hunspell-pt-br"
ENGLISH_ONLY = ("CONTRIBUTING.md",)

NO_PROSE = (
    re.compile(r"<!--.*?-->|</?[a-z][^>]*>", re.DOTALL),
    re.compile(r"^>.*$", re.MULTILINE),  # a quotation
    re.compile(r"^\([\w-]+\)=$", re.MULTILINE),  # a label of a heading
    re.compile(r"^:(?!alt|caption)[\w-]+:.*$", re.MULTILINE),  # an option
    FORMULA,
    re.compile(r"\{[\w:-]+\}`[^`<]*`"),  # a reference without words of its own
    re.compile(r"(?<!`)`[^`\n]+`"),
    re.compile(r"\]\([^)]*\)|https?://\S+"),
    re.compile(r"\{[\w:-]*\}"),  # a field to be filled in
)
NO_WORD = re.compile(r"\b\w*\d\w*\b|\b\w+(?:[_./]\w+)+\b")  # 1e-6, int8, nwp.loss, and/or
FOREIGN = re.compile(r"\*[^*\n]+\*|[“\"][^”\"]{1,400}[”\"]")
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")  # hyphens join words


def prose_of(text: str) -> str:
    """Return a page's text without what is no prose, and without what is no word."""
    return NO_WORD.sub(" ", sentences_of(text))


def sentences_of(text: str) -> str:
    """Return a page's text without what is no prose."""
    text = "\n".join(_outside_code(text))
    # A reference with words of its own keeps them: {doc}`chapter 1 <chapters/01_loss>`.
    text = re.sub(r"\{[\w:-]+\}`([^`<]+)<[^`]*>`", r"\1", text)
    for pattern in NO_PROSE:
        text = pattern.sub(" ", text)
    return text.replace("**", "")  # bold is no italics


def _outside_code(text: str) -> list[str]:
    """Return the lines of a text that are in no block of code, and the titles of its boxes."""
    lines = text.splitlines()
    for block in blocks(text):
        lines[block.start] = "" if block.name in UNTITLED else block.argument
        lines[block.end - 1] = ""
        if block.name in VERBATIM:
            lines[block.start : block.end] = [""] * (block.end - block.start)
    return lines


def words_of(prose: str) -> tuple[set[str], set[str]]:
    """Return the words of a language, and those that may be of the other one."""
    foreign = {word for span in FOREIGN.findall(prose) for word in WORD.findall(span)}
    own = set(WORD.findall(FOREIGN.sub(" ", prose)))
    return own, foreign - own


def texts(language: str) -> Iterator[tuple[str, str]]:
    """Yield (where, text) of all that a reader of an edition reads."""
    side = list(DICTIONARIES).index(language)
    paths = [pair[side] for pair in pages()] + [*ENGLISH_ONLY] * (language == "en")
    for path in paths:
        yield path, (ROOT / path).read_text(encoding="utf-8")
    for path in (pair[side] for pair in chapters()):
        for number, cell in enumerate(nbformat.read(ROOT / path, as_version=4).cells, start=1):
            text = [cell.source] if cell.cell_type == "markdown" else []
            text += filter(None, words_beside(cell))
            yield f"{path}, cell {number}", "\n\n".join(text)
    tag = next(tag for tag in STRINGS if tag.startswith(language))
    for name, strings in EXPLORERS[tag].items():
        yield f"explorer {name}", "\n".join(strings.values())
    yield (
        "messages of the exercises",
        "\n".join([*MESSAGES[language].values(), *MISTAKES[language].values()]),
    )
    yield "tools/strings.toml", "\n".join(STRINGS[tag].values())


def unknown_to(dictionary: str, words: set[str]) -> set[str]:
    """Return those words that hunspell does not know."""
    result = subprocess.run(
        ["hunspell", "-d", dictionary, "-i", "utf-8", "-l"],
        input="".join(f"{word}\n" for word in sorted(words)).replace("’", "'"),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    missed = set(result.stdout.split())
    return {word for word in words if word.replace("’", "'") in missed}


def listed(name: str) -> list[str]:
    return (LISTS / f"{name}.txt").read_text(encoding="utf-8").split()


def forms(word: str) -> set[str]:
    """Return the forms under which a list may have a word: without capitals, without a genitive."""
    bare = re.sub(r"['’]s?$", "", word)
    return {word, word.lower(), bare, bare.lower()}


def in_no_dictionary(language: str) -> dict[str, list[str]]:
    """Return the words of an edition that hunspell does not know, and where they stand."""
    places: dict[str, list[str]] = {}
    own: set[str] = set()
    foreign: set[str] = set()
    for where, text in texts(language):
        plain, marked = words_of(prose_of(text))
        own, foreign = own | plain, foreign | marked
        for word in plain | marked:
            places.setdefault(word, []).append(where)
    (other,) = DICTIONARIES.keys() - {language}
    wrong = unknown_to(DICTIONARIES[language], own | foreign)
    wrong = (wrong & own) | unknown_to(DICTIONARIES[other], wrong - own)
    return {word: places[word] for word in wrong if len(word) > 1}


def misspelled(language: str) -> list[str]:
    """Name each wrong word of an edition, and where it stands first."""
    known = {*listed(language), *listed("both")}
    words = in_no_dictionary(language).items()
    return [
        f"{word}: {'; '.join(where[:3])}"
        for word, where in sorted(words, key=lambda item: item[0].lower())
        if not forms(word) & known
    ]


def main() -> None:
    if shutil.which("hunspell") is None:
        print(f"The spelling was not checked: no hunspell. On Debian: apt-get install {PACKAGES}")
        sys.exit(1 if os.environ.get("NWP_REQUIRE_HUNSPELL") else 0)
    found = [line for language in DICTIONARIES for line in misspelled(language)]
    print("\n".join(found) or "The spelling of both editions is right.")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
