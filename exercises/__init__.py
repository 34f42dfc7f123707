"""Exercises that check themselves.

``check("1.4", batch_loss)`` tries an answer to exercise 1.4 and prints what it found: right,
or which input shows that it is not, and which common mistake it looks like. Losses are in
nats. The numbers are those of the book; the exercises of a chapter are loaded when one of
them is checked.

Messages are in the language of the edition whose chapters are being run: that of the nearest
``_config.yml`` of the book above the working directory. Set ``exercises.language`` to "en"
or "pt" to choose it yourself.
"""

import importlib
import pkgutil
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exercises.kinds import Proof
from exercises.messages import MESSAGES, MISTAKES

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


def check(exercise: str | float, answer: Any, *, language: str | None = None) -> Verdict:
    """Say whether an answer is right and, if not, what shows it and what it looks like.

    Parameters
    ----------
    exercise : the number in the book, such as "1.4"; 1.4 will do
    answer : a function, a number or several, as the exercise asks
    language : "en" or "pt"; None for ``exercises.language`` or, where that is None too, for
        the language of the book's edition in which the program runs

    Returns
    -------
    `Verdict`, true where the answer is right. A wrong answer raises nothing, nor does an answer
    to an exercise that asks for a proof, of which nothing is found.

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
    found = "\n".join(words[key].format(**finding.fields) for key in (finding.key, *finding.also))
    message = _wrapped(f"{exercise}: {found}")
    if finding.mistake is not None:
        known = MISTAKES[chosen][finding.mistake]
        if finding.key != "condition":  # a condition that is missed is said as it is
            known = words["looks-like"].format(mistake=known)
        message += "\n" + _wrapped(known)
    print(message)
    return Verdict(finding.key == "right", message, finding.mistake)


def _wrapped(text: str) -> str:
    """Fill the lines of prose; indented ones show code or numbers, and stay as they are."""
    return "\n".join(
        line if line.startswith(" ") else textwrap.fill(line, LINE, break_long_words=False)
        for line in text.split("\n")
    )


def edition_language() -> str:
    """Return the language of the book's edition in which the program runs; else "en".

    It is that of the nearest ``_config.yml`` whose authors are those of the book. Programs of
    other kinds have files of this name too; these, and what cannot be read, say nothing.
    """
    try:
        here = Path.cwd()
    except OSError:  # removed while the program runs
        return "en"
    for folder in (here, *here.parents):
        try:
            path = folder / "_config.yml"
            # Not "strict": a file that is no UTF-8 is not the book's, and no error.
            config = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        except OSError:  # not ours to read
            continue
        if re.search(r"^author:.*\bnwp\b", config, re.MULTILINE):
            found = re.search(r"^ *language: *[\"']?([a-z]+)", config, re.MULTILINE)
            return found[1] if found and found[1] in MESSAGES else "en"
    return "en"


def find(exercise: str | float) -> Any:
    """Return an exercise by its number; a ValueError says which ones there are.

    A chapter's last exercise is a project. What is missing before it are the proofs.
    """
    number = str(exercise)
    chapter, _, place = number.partition(".")
    exercises = _chapter(int(chapter)) if chapter in map(str, _chapters()) else {}
    if number in exercises:
        return exercises[number]
    last = max((int(known.partition(".")[2]) for known in exercises), default=0)
    if place in map(str, range(1, last)):
        return Proof()
    raise ValueError(f"exercise must be one of {numbers()}, got {exercise!r}")


def numbers() -> list[str]:
    """List the exercises that can be checked, chapter by chapter."""
    return [number for chapter in _chapters() for number in _chapter(chapter)]


def _chapters() -> list[int]:
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    return sorted(int(name[len("chapter") :]) for name in names if name.startswith("chapter"))


def _chapter(number: int) -> dict[str, Any]:
    return importlib.import_module(f"exercises.chapter{number}").EXERCISES
