"""Chapter 9: files of two texts by four known programs, by adaptive n-grams, by Transformers.

What the programs write is read back whole, what our models write for the last tenth; both are
compared with the text. zstd is measured where Python has it: the package
``zstandard``, which the book does not need otherwise. Sizes alone are recorded, for they depend on
no machine; only a Transformer's may by some bytes, as its floats do.
"""

import argparse
import bz2
import contextlib
import gzip
import lzma
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from recording import describe, write

from lab import compressed
from lab.checkpoint import load_model, read_checkpoint
from lab.corpora import load
from nwp.compression import ONE, AdaptiveNGrams, compress

Pair = tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]

PROGRAMS: dict[str, Pair] = {
    "gzip -9": (lambda data: gzip.compress(data, 9, mtime=0), gzip.decompress),
    "bzip2 -9": (lambda data: bz2.compress(data, 9), bz2.decompress),
    "xz -9e": (lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME), lzma.decompress),
}
with contextlib.suppress(ImportError):
    import zstandard

    PROGRAMS["zstd -19"] = (
        lambda data: zstandard.ZstdCompressor(level=19).compress(data),
        lambda data: zstandard.ZstdDecompressor().decompress(data),
    )


class Measured(AdaptiveNGrams):
    """The n-grams, and what their predictions have cost so far, in bits."""

    cost = 0.0

    def learn(self, bit: int) -> None:
        """Add the loss of the bit to the cost."""
        self.cost -= math.log2((self._share if bit else ONE - self._share) / ONE)
        super().learn(bit)


def by_program(first: bytes, whole: bytes, pair: Pair) -> dict:
    """Sizes of the whole, and of what the last part adds to the first."""
    pack, unpack = pair
    packed = pack(whole)
    assert unpack(packed) == whole
    return {"whole": len(packed), "rest": len(packed) - len(pack(first)), "model": 0}


def by_ngrams(first: bytes, whole: bytes) -> dict:
    """The same; what the first part costs is the loss there."""
    model, at = Measured(compressed.slots_for(len(whole))), [0.0]

    def read() -> Iterator[int]:
        yield from first
        at.append(model.cost)
        yield from whole[len(first) :]

    code = compress(read(), model)
    assert 8 * len(code) < model.cost + 2 + 7 + 1
    last = whole[len(first) :]
    assert compressed.unpack(compressed.pack(last)) == last
    header = compressed.FIXED.size + compressed.CHECK.size
    rest = math.ceil((model.cost - at[-1]) / 8)
    return {"whole": header + len(code), "rest": rest, "model": 0}


def by_transformer(first: bytes, whole: bytes, run: Path) -> dict:
    """The same by a model that was trained on the first part; its size is 4 bytes a weight."""
    packed, rest = (compressed.pack(data, run) for data in (whole, whole[len(first) :]))
    assert compressed.unpack(rest, run) == whole[len(first) :]
    model, _ = load_model(run)
    saved = read_checkpoint(run)
    weights = sum(weight.numel() for weight in model.parameters())
    return {
        "whole": len(packed),
        "rest": len(rest),
        "model": 4 * weights,
        "weights": weights,
        "steps": saved.trainer["step"],
        "trained on": saved.asked["corpus"],
    }


def measure(corpus: str, run: Path | None) -> dict:
    """Sizes in bytes of a corpus by every way."""
    parts = load(corpus, unit="character")  # nine tenths to train on, as `lab train` divides it
    first, whole = parts.train.encode(), (parts.train + parts.validation).encode()
    sizes = {name: by_program(first, whole, pair) for name, pair in PROGRAMS.items()}
    sizes["adaptive n-grams"] = by_ngrams(first, whole)
    if run is not None:
        sizes["Transformer"] = by_transformer(first, whole, run)
    return {
        "corpus": corpus,
        "bytes": len(whole),
        "characters": len(parts.train) + len(parts.validation),
        "bytes of the rest": len(whole) - len(first),
        "characters of the rest": len(parts.validation),
        "sizes": sizes,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", nargs="+", required=True, help="shakespeare, machado or a file")
    parser.add_argument(
        "--model", nargs="*", type=Path, default=[], help="a run of `lab train` for each corpus"
    )
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    runs = arguments.model or [None] * len(arguments.corpus)
    result = describe("cpu", 0, threads=1)
    result["texts"] = [
        measure(corpus, run) for corpus, run in zip(arguments.corpus, runs, strict=True)
    ]
    for text in result["texts"]:
        print(f"{text['corpus']}: {text['bytes']:,} bytes, {text['characters']:,} characters")
        for name, size in text["sizes"].items():
            whole, counted = size["whole"], size["whole"] + size["model"]
            rates = (
                8 * whole / text["characters"],
                8 * counted / text["characters"],
                8 * size["rest"] / text["characters of the rest"],
            )
            print(
                f"  {name:<17} {whole:>9,} bytes; bits per character {rates[0]:.3f},"
                f" with the model {rates[1]:.3f}, in the last tenth {rates[2]:.3f}"
            )
    write(arguments.out, result)


if __name__ == "__main__":
    main()
