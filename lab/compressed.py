"""Compressed files: a header, and the code of a text by a model of its next byte or character.

The commands ``python -m lab compress`` and ``decompress``. Whatever bytes a file has come back,
and each comes back equal or not at all: the header has checksums of the code and of the text.
The adaptive n-grams of `nwp.compression` compute in integers, so their files can be read on every
machine. A trained model's probabilities are floats (`lab.transformer_code`).

The header, in this order, integers with their highest byte first: the mark (4 bytes), the version
(1), the model (1 byte: 0 for n-grams, 1 for a Transformer), the text's length in bytes (8), the
first 8 bytes of its SHA-256, the CRC-32 of the code (4); for a Transformer what
`lab.transformer_code.Made` lists; and the CRC-32 of all this (4).
"""

import argparse
import hashlib
import os
import struct
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from lab.files import replacing
from nwp import compression

MARK, VERSION = b"NWPZ", 1
ENDING = ".nwp"
NGRAMS, TRANSFORMER = range(2)
FIXED = struct.Struct(">4sBBQ8sI")
CHECK = struct.Struct(">I")


class Header(NamedTuple):
    """What a compressed file says of itself."""

    model: int
    length: int
    digest: bytes
    code_check: int
    more: bytes  #: of a Transformer: where and by what the code was made


# ---------------------------------------------------------------- bytes to bytes


def slots_for(length: int) -> int:
    """Return how large tables the n-grams have for a text of `length` bytes: part of the format."""
    return min(22, max(12, (4 * length).bit_length()))


def pack(data: bytes, directory: str | os.PathLike[str] | None = None) -> bytes:
    """Return a compressed file of `data`, by n-grams or by the model of a run's `directory`.

    Raises
    ------
    FileNotFoundError, ValueError
        Where the directory holds no run whose model reads characters.
    """
    if directory is None:
        model, more = NGRAMS, b""
        code = compression.compress(
            _shown(data, len(data)), compression.AdaptiveNGrams(slots_for(len(data)))
        )
    else:
        from lab import transformer_code  # with PyTorch

        model = TRANSFORMER
        code, more = transformer_code.compress(data, directory, show=_shown)
    fixed = FIXED.pack(MARK, VERSION, model, len(data), _digest(data), zlib.crc32(code))
    return fixed + more + CHECK.pack(zlib.crc32(fixed + more)) + code


def unpack(packed: bytes, directory: str | os.PathLike[str] | None = None) -> bytes:
    """Return the data of a compressed file, byte for byte.

    Raises
    ------
    ValueError
        Where it is none, is damaged, was made by another model, or, for a Transformer, on a machine
        that computes other floats.
    """
    header, code = _read(packed)
    if header.model == NGRAMS:
        if directory is not None:
            raise ValueError("--model must be left out: this file was made by n-grams, without one")
        table = compression.AdaptiveNGrams(slots_for(header.length))
        data = bytes(_shown(compression.decompress(code, header.length, table), header.length))
        blame = "this file is damaged, or not made by this program"
    else:
        from lab import transformer_code

        if directory is None:
            raise ValueError("--model must name the run whose model this file was made by")
        made = transformer_code.Made.unpacked(header.more)
        data = transformer_code.decompress(code, made, directory, show=_shown)
        blame = f"it was made by {made.place}, and here is {transformer_code.here()}"
    if _digest(data) != header.digest:
        raise ValueError(f"the text must have the checksum in the header, got another: {blame}")
    return data


def _read(packed: bytes) -> tuple[Header, bytes]:
    if packed[:4] != MARK:
        raise ValueError(f"it must begin with {MARK!r}, got {packed[:4]!r}: no compressed file")
    if len(packed) < FIXED.size + CHECK.size:
        raise ValueError(f"its header must have {FIXED.size + CHECK.size} bytes, got {len(packed)}")
    _, version, model, length, digest, code_check = FIXED.unpack_from(packed)
    if version != VERSION:
        raise ValueError(f"its version must be {VERSION}, got {version}: a newer program made it")
    if model not in (NGRAMS, TRANSFORMER):
        raise ValueError(f"its model must be {NGRAMS} or {TRANSFORMER}, got {model}")
    end = FIXED.size
    if model == TRANSFORMER:
        from lab.transformer_code import Made

        end += Made.size(packed[end:])
    if packed[end : end + CHECK.size] != CHECK.pack(zlib.crc32(packed[:end])):
        raise ValueError("its header must have the checksum at its end, got another: it is damaged")
    code = packed[end + CHECK.size :]
    if zlib.crc32(code) != code_check:
        raise ValueError(
            f"its code must have the checksum in the header, got another for {len(code)} bytes:"
            " it is damaged, or a part of it is missing"
        )
    return Header(model, length, digest, code_check, packed[FIXED.size : end]), code


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:8]


def _shown(items: Iterable[int], total: int) -> Iterable[int]:
    """Show how far a text is, where somebody looks."""
    return tqdm(
        items,
        total=total,
        bar_format="{percentage:3.0f}% |{bar:20}| {elapsed} and {remaining} left",
        disable=not sys.stdout.isatty(),
        file=sys.stdout,
        leave=False,
    )


# ---------------------------------------------------------------- commands


def run(asked: argparse.Namespace) -> int:
    """Compress or decompress a file, as asked; return the exit status."""
    commands = {"compress": compress, "decompress": decompress}
    return commands[asked.command](asked)


def compress(asked: argparse.Namespace) -> int:
    """Write a compressed file beside a file, or where it was asked for."""
    data = asked.file.read_bytes()
    out = asked.out or asked.file.with_name(asked.file.name + ENDING)
    _free(out, asked.force)
    packed = pack(data, asked.model)
    _write(out, packed)
    print(f"{out}: {len(data):,} bytes in {len(packed):,}{_rate(data, packed)}")
    return 0


def decompress(asked: argparse.Namespace) -> int:
    """Write the file that a compressed file was made of."""
    if asked.out is None and asked.file.suffix != ENDING:
        raise ValueError(f"--out must name the file to write where FILE has no {ENDING} at its end")
    out = asked.out or asked.file.with_suffix("")
    _free(out, asked.force)
    packed = asked.file.read_bytes()
    try:
        data = unpack(packed, asked.model)
    except ValueError as error:
        raise ValueError(f"{asked.file} cannot be decompressed: {error}") from error
    _write(out, data)
    print(f"{out}: {len(data):,} bytes, equal to those that were compressed")
    return 0


def _free(out: Path, force: bool) -> None:
    if out.exists() and not force:
        raise FileExistsError(f"{out} must not be there yet, or --force be given to replace it")


def _write(out: Path, content: bytes) -> None:
    with replacing(out) as partial:
        partial.write_bytes(content)


def _rate(data: bytes, packed: bytes) -> str:
    """Say bits per character of UTF-8 text, and per byte of anything else."""
    if not data:
        return ""
    try:
        count, unit = len(data.decode()), "character"
    except UnicodeDecodeError:
        count, unit = len(data), "byte"
    return f", {8 * len(packed) / count:.3f} bits per {unit}"
