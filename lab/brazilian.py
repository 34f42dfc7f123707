"""Numbers as Brazil writes them, 0,223 and 262.144, in what the Portuguese chapters say.

The first cell of each of them imports `print` from here and calls `figures.use_commas`; their
code is otherwise that of the English chapters. A number in a sentence, a table or a figure gets a
decimal comma; an array, a list and the message of an error stay as the code writes them.
"""

import builtins
import re
from numbers import Number
from typing import Any

# What holds numbers and is no sentence: an array, and a line with the message of an error.
_AS_IT_IS = re.compile(r"\[[\s\d.,+\-einfa\[\]]*\]|^.*?\w+(?:Error|Exception): .*$", re.MULTILINE)
# 262,144 or 0.223, and no part of a version, 2.13.0
_NUMBER = re.compile(r"(?<![\w.,])(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d+)?(?![.,]?\d)")
_NAMED = re.compile(
    r"(?:Definição|Teorema|Lema|Proposição|Corolário|Observação|Exemplo|[Ee]xercício|Python) $"
)
_SWAPPED = str.maketrans(".,", ",.")


def brazilian(text: str) -> str:
    """Return `text` with the numbers in it written with a decimal comma, and points for thousands.

    Arrays in brackets, messages of errors, versions and the numbers of theorems and exercises
    are no numbers in a sentence, and stay. Between dollar signs a decimal comma has braces, or
    it would be followed by a space.
    """
    pieces, end = [], 0
    for kept in _AS_IT_IS.finditer(text):
        pieces += [_with_commas(text[end : kept.start()]), kept[0]]
        end = kept.end()
    return "".join([*pieces, _with_commas(text[end:])])


def _with_commas(text: str) -> str:
    def swapped(number: re.Match[str]) -> str:
        if _NAMED.search(text, 0, number.start()):
            return number[0]
        written = number[0].translate(_SWAPPED)
        in_formula = text.count("$", 0, number.start()) % 2
        return written.replace(",", "{,}") if in_formula else written

    return _NUMBER.sub(swapped, text)


def print(*values: Any, **how: Any) -> None:
    """Print as Python does, the numbers of words and single numbers with a decimal comma."""
    builtins.print(
        *(brazilian(str(v)) if isinstance(v, str | Number) else v for v in values), **how
    )
