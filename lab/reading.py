"""A corpus as ids, as a preset reads it."""

import hashlib
import json
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lab import corpora
from lab.presets import Preset
from nwp.text import CharacterVocabulary, Vocabulary


class Text(NamedTuple):
    """A corpus as ids, as a preset reads it."""

    vocabulary: Vocabulary
    train: NDArray[np.int64]
    validation: NDArray[np.int64]  #: begins with the last id of `train`, which is only read
    boundary: int | None
    sha256: str  #: of the whole text
    characters: int | None  #: of the validation text, where ids can be turned back into it


def read_text(
    corpus: str,
    preset: Preset,
    *,
    vocabulary: Vocabulary | None = None,
    sha256: str | None = None,
) -> Text:
    """Load a corpus and turn it into ids.

    The words are those of the training part; rare ones become ``<unk>``. Characters are those of
    the whole text: an alphabet is known in advance.

    Parameters
    ----------
    corpus : a name or a path, as in `lab.corpora.load`
    preset : says what a token is
    vocabulary : the one to use; None makes it
    sha256 : of the text, where it must be a known one

    Raises
    ------
    ValueError, ConnectionError
        As `lab.corpora.load`; where the preset's boundary is not in the text; where it is too
        short to predict anything, or another than the known one; where `vocabulary` lacks a
        character.
    """
    text, digest = load_text(corpus, preset, sha256)
    if vocabulary is None and preset.unit == "character":
        vocabulary = CharacterVocabulary.from_text(text.train + text.validation, unknown=None)
    elif vocabulary is None:
        vocabulary = Vocabulary.from_text(text.train, minimum_count=preset.least_count)
    boundary = preset.boundary_id(vocabulary)
    train = vocabulary.encode(text.train)
    if boundary is not None:
        train = np.concatenate([[boundary], train])  # the first text is preceded by one, too
    if len(train) < 2:
        raise ValueError(
            f"the text of {corpus} must have at least 2 {preset.unit}s to train on,"
            f" got {len(train)}: use a longer text"
        )
    whole = len(text.validation) if preset.unit == "character" else None
    validation = validation_ids(text, vocabulary)
    return Text(vocabulary, train, validation, boundary, digest, whole)


def load_text(corpus: str, preset: Preset, sha256: str | None) -> tuple[corpora.Corpus, str]:
    """Return the two parts of a text, and its SHA-256, which must be `sha256` if that is given."""
    text = corpora.load(corpus, unit=preset.unit, words=preset.corpus_words)
    digest = sha256_of(text.train + text.validation)
    if sha256 not in (None, digest):
        raise ValueError(
            f"the text of {corpus} must be the one that the run began with"
            f" (SHA-256 {sha256[:12]}…), got another ({digest[:12]}…)"
        )
    return text, digest


def validation_ids(text: corpora.Corpus, vocabulary: Vocabulary) -> NDArray[np.int64]:
    """Return the ids of the validation text, after the last one of the training text."""
    if isinstance(vocabulary, CharacterVocabulary):
        end = text.train[-1:]
    else:  # no word has a space in it
        end = text.train.rsplit(maxsplit=1)[-1]
    return np.concatenate([vocabulary.encode(end)[-1:], vocabulary.encode(text.validation)])


def sha256_of(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of_words(vocabulary: Vocabulary) -> str:
    """Return what tells two vocabularies apart: their words in their order."""
    return sha256_of(json.dumps(vocabulary.words))
