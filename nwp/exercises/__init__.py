"""Exercises that check themselves.

``check("1.4", batch_loss)`` tries an answer to exercise 1.4 and prints what it found: right,
or which input shows that it is not, and which common mistake it looks like. Losses are in
nats. The numbers are those of the book; the exercises of a chapter are loaded when one of
them is checked.

Messages are in the language of the edition whose chapters are being run: that of the nearest
``_config.yml`` above the working directory. Set ``nwp.exercises.language`` to "en" or "pt" to
choose it yourself.
"""

import importlib
import pkgutil
import re
import textwrap
from dataclasses import dataclass
from typing import Any

from nwp.exercises.messages import MESSAGES, MISTAKES
from nwp.files import nearest

LINE = 72  # characters; the book's pages show a few more beside their columns

language: str | None = None  # None: that of the edition


@dataclass(frozen=True)
class Verdict:
    """What `check` found; true where the answer is right.

    Attributes
    ----------
    passed : whether the answer is right
    message : what was printed
    mistake : the key of the mistake that it looks like, or None
    """

    passed: bool
    message: str
    mistake: str | None = None

    def __bool__(self) -> bool:
        return self.passed

    def _ipython_display_(self) -> None:
        """Show nothing at the end of a notebook's cell: the message is printed already."""


def check(exercise: str, answer: Any, *, language: str | None = None) -> Verdict:
    """Say whether an answer is right and, if not, what shows it and what it looks like.

    Parameters
    ----------
    exercise : the number in the book, such as "1.4"
    answer : a function, a number or several, as the exercise asks
    language : "en" or "pt"; None for ``nwp.exercises.language`` or, where that is None too, for
        the language of the book's edition in which the program runs

    Returns
    -------
    `Verdict`, true where the answer is right. A wrong answer raises nothing.

    Raises
    ------
    ValueError
        Where the exercise or the language is not known.
    """
    chosen = language or globals()["language"] or edition_language()
    if chosen not in MESSAGES:
        raise ValueError(f"language must be one of {sorted(MESSAGES)}, got {chosen!r}")
    finding = find(exercise).judge(answer)
    words = MESSAGES[chosen]
    message = f"{exercise}: {words[finding.key].format(**finding.fields)}"
    if finding.mistake is not None:
        known = MISTAKES[chosen][finding.mistake]
        if finding.key != "condition":  # a condition that is missed is said as it is
            known = words["looks-like"].format(mistake=known)
        message += "\n" + textwrap.fill(known, LINE, break_long_words=False)
    print(message)
    return Verdict(finding.key == "right", message, finding.mistake)


def edition_language() -> str:
    """Return the language of the book's edition in which the program runs; else "en"."""
    try:
        config = nearest("_config.yml").read_text(encoding="utf-8")
    except FileNotFoundError:
        return "en"
    found = re.search(r"^ *language: *([a-z]+)", config, re.MULTILINE)
    return found[1] if found and found[1] in MESSAGES else "en"


def find(exercise: str) -> Any:
    """Return an exercise by its number; a ValueError says which ones there are."""
    chapter, _, _ = str(exercise).partition(".")
    exercises = _chapter(int(chapter)) if chapter in map(str, _chapters()) else {}
    if exercise not in exercises:
        raise ValueError(f"exercise must be one of {numbers()}, got {exercise!r}")
    return exercises[exercise]


def numbers() -> list[str]:
    """List the exercises that can be checked, chapter by chapter."""
    return [number for chapter in _chapters() for number in _chapter(chapter)]


def _chapters() -> list[int]:
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    return sorted(int(name[len("chapter") :]) for name in names if name.startswith("chapter"))


def _chapter(number: int) -> dict[str, Any]:
    return importlib.import_module(f"nwp.exercises.chapter{number}").EXERCISES
