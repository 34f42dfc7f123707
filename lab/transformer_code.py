"""A text coded by the Transformer of a run: many places of the text side by side.

The text is cut into rows of the same length, which the model reads in step, so that one pass
predicts a character of each row. The decoder makes the same passes, one after the other, with the
characters that it has decoded: it must compute the same floats. So a file can be read where it was
made: with the same model, PyTorch, device and kind of processor. Other floats mostly give the same
integers (`nwp.compression.frequencies`), but one other integer makes nonsense of all that
follows. Then the checksum of the text is wrong, and nothing is written.

What the vocabulary lacks, a character or a byte that is no UTF-8, is escaped: a share of every
prediction, as large as escapes were frequent so far, and then a byte in 8 bits.
"""

import hashlib
import os
import platform
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lab.checkpoint import load_model
from nwp.compression import Decoder, Encoder, frequencies
from nwp.model import Cache, Transformer
from nwp.text import CharacterVocabulary, Vocabulary

MOST_ROWS, LEAST_LENGTH = 256, 2048  # many rows are fast; each begins without a past
FIXED = struct.Struct(">8sQB")

Show = Callable[[Iterable[int], int], Iterable[int]]


class Made(NamedTuple):
    """By what a code was made: the part of the header that is the Transformer's."""

    model: bytes  #: the first 8 bytes of the SHA-256 of weights and words
    symbols: int  #: characters and escaped bytes (8 bytes)
    place: str  #: PyTorch, device and machine, to be named in an error (1 byte, and so many)

    def packed(self) -> bytes:
        """Return the bytes of the header."""
        place = self.place.encode()[:255]
        return FIXED.pack(self.model, self.symbols, len(place)) + place

    @classmethod
    def size(cls, packed: bytes) -> int:
        """Return how many bytes of `packed` these are."""
        if len(packed) < FIXED.size:
            return len(packed)
        return FIXED.size + int(FIXED.unpack_from(packed)[2])

    @classmethod
    def unpacked(cls, packed: bytes) -> "Made":
        """Read what `packed` wrote."""
        model, symbols, _ = FIXED.unpack_from(packed)
        return cls(model, symbols, packed[FIXED.size :].decode(errors="replace"))


def here() -> str:
    """Say what computes the floats."""
    return f"PyTorch {torch.__version__} on a CPU with one thread, {platform.machine()}"


# ---------------------------------------------------------------- symbols


class Alphabet:
    """Bytes as symbols: the characters of a vocabulary, and after them 256 escaped bytes."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.size = len(vocabulary)
        self._bytes = [word.encode() for word in vocabulary.words]
        self._bytes += [bytes([byte]) for byte in range(256)]
        self._ids = {word: i for i, word in enumerate(vocabulary.words) if len(word) == 1}

    def symbols(self, data: bytes) -> NDArray[np.int64]:
        """Return the symbols of any bytes; those that are no UTF-8 are escaped."""
        found = []
        for character in data.decode("utf-8", "surrogateescape"):
            if character in self._ids:
                found.append(self._ids[character])
            else:
                found += [self.size + b for b in character.encode("utf-8", "surrogateescape")]
        return np.array(found, dtype=np.int64)

    def text(self, symbols: NDArray[np.int64]) -> bytes:
        """Return the bytes of symbols."""
        return b"".join(self._bytes[symbol] for symbol in symbols.tolist())


# ---------------------------------------------------------------- predictions


class Reader:
    """A model that reads rows in step, and answers with cumulative frequencies for each."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        model, vocabulary = load_model(directory)
        if not isinstance(vocabulary, CharacterVocabulary):
            raise ValueError(
                f"--model must name a run that reads characters, got {directory}, which reads"
                " words: they do not say where there were spaces"
            )
        self.model: Transformer = model.eval()
        self.alphabet = Alphabet(vocabulary)
        self.fingerprint = _fingerprint(model, vocabulary)
        # What a row begins with, and what is read where something was escaped.
        self._blank = vocabulary.words.index("\n") if "\n" in vocabulary.words else 0

    def table(self, symbols: int) -> NDArray[np.int64]:
        """Return the rows to fill with symbols; what is behind the last symbol stays blank."""
        rows = min(MOST_ROWS, max(1, symbols // LEAST_LENGTH))
        return np.full((rows, -(-symbols // rows)), self._blank)

    @torch.no_grad()
    def columns(
        self, table: NDArray[np.int64], symbols: int, show: Show
    ) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
        """Yield each column of the table, how many symbols it has, and what they are coded by.

        That is (rows, V + 2) cumulative frequencies, the last of them an escape's. They come from
        the columns before, which must be filled by then. Where the context is full, the last half
        of it is read again.
        """
        rows, width = table.shape
        whole = symbols - width * (rows - 1)  # of the last row, so much is text
        model, size = self.model, self.alphabet.size
        new = read = np.full((rows, 1), self._blank)
        cache = Cache()
        seen = escaped = 0
        for column in show(range(width), width):
            logits = model(torch.from_numpy(new), cache)[:, -1]
            counts = frequencies(logits.double().softmax(dim=-1).numpy())
            escape = 1 + counts.sum(axis=1, keepdims=True) * escaped // (1 + seen)
            counts = np.concatenate([np.zeros_like(escape), counts, escape], axis=1)
            yield column, rows - (column >= whole), counts.cumsum(axis=1)
            known = table[:, column] < size
            seen, escaped = seen + rows, escaped + rows - int(known.sum())
            new = np.where(known, table[:, column], self._blank)[:, None]
            read = np.concatenate([read, new], axis=1)[:, -model.context :]
            if cache.length == model.context:
                cache.length, new = 0, read[:, -max(1, model.context // 2) :]


def _fingerprint(model: Transformer, vocabulary: Vocabulary) -> bytes:
    digest = hashlib.sha256("\0".join(vocabulary.words).encode())
    for name, weights in model.state_dict().items():
        digest.update(name.encode() + weights.contiguous().numpy().tobytes())
    return digest.digest()[:8]


# ---------------------------------------------------------------- code


def compress(data: bytes, directory: str | os.PathLike[str], *, show: Show) -> tuple[bytes, bytes]:
    """Return the code of `data`, and the part of the header that says by what it was made."""
    with _one_thread():
        reader = Reader(directory)
        symbols = reader.alphabet.symbols(data)
        made = Made(reader.fingerprint, len(symbols), here())
        table = reader.table(len(symbols))
        table.flat[: len(symbols)] = symbols
        encoder, size = Encoder(), reader.alphabet.size
        for column, count, sums in reader.columns(table, made.symbols, show):
            for row in range(count):
                symbol = int(table[row, column])
                start, end = sums[row, min(symbol, size) : min(symbol, size) + 2].tolist()
                encoder.encode(start, end - start, int(sums[row, -1]))
                if symbol >= size:
                    encoder.encode(symbol - size, 1, 256)
    return encoder.finish()[0], made.packed()


def decompress(code: bytes, made: Made, directory: str | os.PathLike[str], *, show: Show) -> bytes:
    """Return the bytes that `compress` read.

    Raises
    ------
    ValueError
        Where the model is another, or the floats are.
    """
    with _one_thread():
        reader = Reader(directory)
        if reader.fingerprint != made.model:
            raise ValueError(
                f"--model must name the run that this file was made by, {made.model.hex()}, got"
                f" {reader.fingerprint.hex()}"
            )
        table, decoder, size = reader.table(made.symbols), Decoder(code), reader.alphabet.size
        for column, count, sums in reader.columns(table, made.symbols, show):
            for row in range(count):
                value = decoder.peek(int(sums[row, -1]))
                symbol = int(sums[row].searchsorted(value, side="right")) - 1
                start, end = sums[row, symbol : symbol + 2].tolist()
                decoder.take(start, end - start)
                if symbol == size:
                    byte = decoder.peek(256)
                    decoder.take(byte, 1)
                    symbol += byte
                table[row, column] = symbol
    return reader.alphabet.text(table.flat[: made.symbols])


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute with one thread: with more, sums may be taken in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
