r"""Text ↔ ids: a vocabulary of words, and one of characters with the same interface.

Chapters 6 to 8. The vocabulary V fixes what "the next word" can be: every id in [0, V) is one
component of the predicted distribution. As in the document, punctuation marks are words.

Source: the document, its worked examples ({ "o", "cão", "ladra", "." }); Jurafsky & Martin,
*Speech and Language Processing*, draft of 3 February 2024, chapter 2 (words and tokens) and
chapter 3 (the marks at the ends of a sentence, unknown words).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nwp import checks

CLOSING = frozenset(".,;:!?…)]}»”%")  # written without a space before
OPENING = frozenset("([{«“")  # written without a space after
# Nothing here is tried twice (++ and *+ give nothing back, and no search begins within a run of
# full stops): a table of contents with its rows of dots would take quadratic time.
SENTENCE_END = re.compile(r"""(?<![.!?…])[.!?…]++[)\]}»”"'’]*+(?=\s++\S)""")
BYTE_ORDER_MARK = "\ufeff"


def normalized(text: str) -> str:
    """Return `text` with line feeds as its only line ends, and without byte order marks.

    So is every text that enters: a file, a prompt, what a vocabulary counts or encodes. CR LF and
    CR alone become a line feed, for a terminal would write over the line before. A byte order mark
    is left out wherever it stands, as files that were joined hold several.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n").replace(BYTE_ORDER_MARK, "")


def word_pattern(text: str) -> re.Pattern[str]:
    """Return the pattern of one word of `text`: "disse-me", "d'água", "3,14", "." or "(".

    Letters, digits and their combining marks make a word; a hyphen or an apostrophe between
    letters, and a point or comma between digits, stay inside. A dash of hyphens ("--") is a
    word, and so is any other character that is not space. (`re` does not know which
    characters are marks, so they are looked up among those of `text`.)
    """
    marks = re.escape("".join(c for c in sorted(set(text)) if unicodedata.category(c)[0] == "M"))
    letter = rf"[\w\u200c\u200d{marks}]"  # with the two joiners of Arabic and Indic scripts
    inside = r"(?:[-'’]|(?<=\d)[.,](?=\d))"
    mark = f"[{marks}]*" if marks else ""
    return re.compile(rf"{letter}+(?:{inside}{letter}+)*|--+|\S{mark}")


class Vocabulary:
    """Words with ids 0 … V-1, the special ones first.

    Parameters
    ----------
    words : the ordinary words, all different
    unknown : the word that stands for all others; None: an unknown word is an error
    boundary : the word before, between and after sentences; None: no such word

    A sentence ends with ``. ! ? …``, and marks that close, where space and more text follow. Texts
    are `normalized` first. Where a text already holds the unknown word, that is what is read: so
    ``decode`` of it can be encoded again. The boundary is no word of a text.
    """

    def __init__(
        self,
        words: Iterable[str],
        *,
        unknown: str | None = "<unk>",
        boundary: str | None = None,
    ) -> None:
        special = _special_words(unknown, boundary)
        self.unknown, self.boundary = unknown, boundary
        ordinary = _list_of_words(words)
        if not ordinary:
            raise ValueError("words must hold at least one word, got none")
        self.words = (*special, *ordinary)
        self._ids = {word: i for i, word in enumerate(self.words)}
        if len(self._ids) < len(self.words):
            twice = next(word for i, word in enumerate(self.words) if self._ids[word] != i)
            raise ValueError(f"words must be different, got {twice!r} twice")

    @classmethod
    def from_text(
        cls,
        text: str,
        *,
        minimum_count: int = 1,
        unknown: str | None = "<unk>",
        boundary: str | None = None,
    ) -> Self:
        """Count the words of `text`; the most frequent come first, ties as they appear.

        `minimum_count` leaves rarer words out.

        Raises
        ------
        TypeError, ValueError
            Where `text` is not a str or has a lone surrogate, no word is left, or `boundary` is one
            of the words.
        """
        minimum = checks.integer("minimum_count", minimum_count, at_least=1)
        _special_words(unknown, boundary)
        counts = Counter(cls._words(_checked(text), unknown))
        if unknown is not None:
            del counts[unknown]  # it stands for others, and is in the vocabulary anyway
        if boundary in counts:
            raise ValueError(f"boundary must be no word of the text, got {boundary!r}")
        words = [word for word, count in counts.most_common() if count >= minimum]
        if not words:
            raise ValueError(
                f"text must hold a word at least {minimum} times, got {len(text)} characters"
                f" with {len(counts)} different words"
            )
        return cls(words, unknown=unknown, boundary=boundary)

    def __len__(self) -> int:
        """Return V."""
        return len(self.words)

    def ids(self, words: Iterable[str]) -> NDArray[np.int64]:
        """Return (n,) the ids of a list of words; ValueError for an unknown one without id."""
        words = _list_of_words(words)
        rest = -1 if self.unknown is None else self._ids[self.unknown]
        ids = [self._ids.get(word, rest) for word in words]
        if -1 in ids:
            raise ValueError(f"words must be in the vocabulary, got {words[ids.index(-1)]!r}")
        return np.array(ids, dtype=np.int64)

    def encode(self, text: str) -> NDArray[np.int64]:
        """Return (n,) the ids of the words of `text`, with the boundaries of its sentences."""
        text = _checked(text)
        if self.boundary is None:
            return self.ids(self._words(text, self.unknown))
        ends = [0, *(match.end() for match in SENTENCE_END.finditer(text)), len(text)]
        words = [self.boundary]
        for start, end in pairwise(ends):
            sentence = self._words(text[start:end], self.unknown)
            if self.boundary in sentence:
                raise ValueError(f"text must not hold the boundary {self.boundary!r} as a word")
            words += [*sentence, self.boundary]
        return self.ids(words)

    def decode(self, ids: ArrayLike) -> str:
        """Return the text of (n,) ids, without boundaries.

        Words are separated by one space, but there is none before ``. , ; : ! ? … ) ] } » ” %``
        and none between ``( [ { « “`` and a letter or digit. So ``decode(encode(text))`` is
        `text` with its spaces in this order: the same characters, which encode to the same ids.
        """
        array = checks.word_ids("ids", ids, len(self))
        if array.ndim != 1:
            raise ValueError(f"ids must have the shape (n,), got {array.shape}")
        words = [self.words[i] for i in array.tolist()]
        return self._join([word for word in words if word != self.boundary])

    @classmethod
    def _words(cls, text: str, unknown: str | None) -> list[str]:
        """Split a text into words; `unknown` is one of them, also if it is written ``<unk>``."""
        if unknown is None or cls._is_plain(unknown):
            return cls._split(text)
        words = []
        for piece in text.split(unknown):
            words += [*cls._split(piece), unknown]
        return words[:-1]

    @classmethod
    def _is_plain(cls, word: str) -> bool:
        """Tell whether `word` is found whole, by the pattern of words alone."""
        return cls._split(word) == [word]

    @staticmethod
    def _split(text: str) -> list[str]:
        return word_pattern(text).findall(text)

    @staticmethod
    def _join(words: Sequence[str]) -> str:
        pieces = []
        for before, word in zip(["", *words], words, strict=False):
            close = word in CLOSING or (before in OPENING and word[0].isalnum())
            pieces += [word] if close else [" ", word]
        return "".join(pieces).removeprefix(" ")


class CharacterVocabulary(Vocabulary):
    """The same for characters (code points): ``decode(encode(text)) == normalized(text)``, exactly.

    Spaces and line ends are characters too; only an unknown one changes the text.
    What is written ``<unk>`` in a text is five characters here.
    """

    @staticmethod
    def _split(text: str) -> list[str]:
        return list(text)

    @classmethod
    def _is_plain(cls, word: str) -> bool:
        return True

    @staticmethod
    def _join(words: Sequence[str]) -> str:
        return "".join(words)


def _special_words(unknown: str | None, boundary: str | None) -> list[str]:
    for name, word in (("unknown", unknown), ("boundary", boundary)):
        if word is not None and not (isinstance(word, str) and word):
            raise TypeError(f"{name} must be None or a string that is not empty, got {word!r}")
    return [word for word in (unknown, boundary) if word is not None]


def _list_of_words(words: Iterable[str]) -> list[str]:
    if isinstance(words, str):
        raise TypeError(f"words must be a list of words, got the str {words!r}")
    words = list(words)
    for word in words:
        if not isinstance(word, str) or not word:
            raise TypeError(f"words must hold strings that are not empty, got {word!r}")
    return words


def _checked(text: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, got {type(text).__name__}: decode bytes first")
    try:
        text.encode()
    except UnicodeEncodeError as error:  # bytes that were no UTF-8, smuggled in
        bad = text[error.start]
        raise ValueError(
            f"text must be valid Unicode, got {bad!r} at position {error.start}"
        ) from None
    return normalized(text)
