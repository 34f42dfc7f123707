"""What a run leaves on the disk: its words and its checkpoint, each whole or not there.

A checkpoint says what was asked for, and where training stood. `torch.load` reads weights alone:
a file of another's making runs no code.
"""

import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from lab.files import replacing
from lab.presets import Preset
from lab.reading import sha256_of_words
from nwp.model import Transformer
from nwp.text import CharacterVocabulary, Vocabulary

FORMAT = 1  # of the checkpoint

Stamp = tuple[int, int, int]  # which of the files that had a name, one after the other


def stamp_of(path: Path) -> Stamp | None:
    """Return what tells a file from those that had its name before or have it after."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say of a file that could not be written that the last checkpoint is untouched."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # torch.save turns one into the other
        raise OSError(
            f"{path} could not be written ({error}); the last checkpoint is untouched"
        ) from error


def save_words(vocabulary: Vocabulary, path: str | os.PathLike[str]) -> None:
    """Write a vocabulary as JSON; a crash leaves the old file or the new, never a half."""
    special = (vocabulary.unknown, vocabulary.boundary)
    content = {
        "kind": type(vocabulary).__name__,
        "words": [word for word in vocabulary.words if word not in special],
        "unknown": vocabulary.unknown,
        "boundary": vocabulary.boundary,
    }
    with replacing(path) as partial:
        partial.write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")


def load_words(path: str | os.PathLike[str], kind: type[Vocabulary]) -> Vocabulary:
    """Read what `save_words` wrote of this kind; ValueError where the file is something else."""
    try:
        content = json.loads(Path(path).read_bytes())
        if content.pop("kind") != kind.__name__:
            raise ValueError("another kind")
        return kind(**content)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(f"path must be a saved {kind.__name__}, got {str(path)!r}") from None


class Saved(NamedTuple):
    """What a directory holds: what was asked for, the words, and where training stood."""

    path: Path
    asked: dict[str, Any]
    preset: Preset
    vocabulary: Vocabulary
    seconds: float
    trainer: dict[str, Any]
    unmeasured: bool | None  #: whether a measurement at this step is due, and not in the record
    loss: float | None  #: of the steps since the last moment, where it is
    stamp: Stamp | None  #: of the file


def read_checkpoint(directory: str | os.PathLike[str]) -> Saved:
    """Read a run's directory.

    Raises
    ------
    FileNotFoundError
        Where there is no run.
    ValueError
        Where the checkpoint or the vocabulary cannot be read, or they are of two runs.
    """
    path = Path(directory) / "checkpoint.pt"
    if not path.is_file():
        raise FileNotFoundError(f"{directory} must hold a run, got no checkpoint.pt in it")
    stamp = stamp_of(path)  # before it is read: one that is replaced meanwhile is another
    try:
        with zipfile.ZipFile(path) as archive:  # PyTorch does not look at the checksums
            if (damaged := archive.testzip()) is not None:
                raise ValueError(f"the checksum of {damaged} is not that of its bytes")
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']}, expected {FORMAT}")
        asked, seconds, trainer = content["asked"], content["seconds"], content["trainer"]
        preset, words = Preset(**asked["preset"]), asked["words"]
        unmeasured, loss = content.get("unmeasured"), content.get("loss")
    except Exception as error:  # whatever a damaged file makes of the unpickler
        raise ValueError(
            f"{path} must be a checkpoint that this version can read, got"
            f" {type(error).__name__}: {error}"
        ) from error
    kind = CharacterVocabulary if preset.unit == "character" else Vocabulary
    vocabulary = load_words(path.with_name("vocabulary.json"), kind)
    if sha256_of_words(vocabulary) != words:
        raise ValueError(
            f"{path.with_name('vocabulary.json')} must hold the words of the checkpoint beside it,"
            f" got {len(vocabulary)} others"
        )
    return Saved(path, asked, preset, vocabulary, seconds, trainer, unmeasured, loss, stamp)


def write_checkpoint(path: Path, content: dict[str, Any]) -> Stamp | None:
    """Replace a checkpoint, whole; return the stamp of the new one."""
    with writing(path), replacing(path) as partial, partial.open("wb") as file:
        torch.save({"format": FORMAT} | content, file)
    return stamp_of(path)


def load_model(
    directory: str | os.PathLike[str], *, device: str | torch.device = "cpu"
) -> tuple[Transformer, Vocabulary]:
    """Return the model of a run, and its words; the text it was trained on is not needed.

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_checkpoint`; ValueError also where the weights are another model's.
    """
    saved = read_checkpoint(directory)
    return model_of(saved).to(device), saved.vocabulary


def model_of(saved: Saved) -> Transformer:
    """Return the model of a checkpoint, with its weights."""
    boundary = saved.preset.boundary_id(saved.vocabulary)
    model = saved.preset.model(len(saved.vocabulary), boundary=boundary)
    with fits(saved.path):
        model.load_state_dict(saved.trainer["model"])
    return model


@contextmanager
def fits(path: Path) -> Iterator[None]:
    """Say of weights that are another model's which file they are from."""
    try:
        yield
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        what = " ".join(str(error).split())  # PyTorch writes a line for each weight
        raise ValueError(f"{path} must fit the model of its run: {what}") from error


def plain(value: Any) -> Any:
    """Turn NumPy's numbers into Python's own: of others, PyTorch reads no checkpoint."""
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return value.item() if isinstance(value, np.generic) else value
