"""Chapter 7: one parallel pass against one pass a word, with and without a cache.

A Transformer reads the same rows of words in three ways, interleaved in one run; the result
is written as JSON with its provenance. Forward passes only, without gradients.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from recording import describe, write

from nwp.model import Cache, Transformer

ROWS, WORDS, REPEATS = 16, (10, 64, 256), 7


def three_ways(length: int, seed: int) -> dict[str, Callable[[], torch.Tensor]]:
    """Read rows of `length` words; each way returns the logits of all positions."""
    model = Transformer(1000, width=128, heads=4, context=length, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(1000, (ROWS, length), generator=generator)

    def cached() -> torch.Tensor:
        cache = Cache()
        return torch.cat([model(rows[:, t : t + 1], cache) for t in range(length)], dim=1)

    return {
        "parallel": lambda: model(rows),
        "step by step": lambda: torch.stack(
            [model(rows[:, : t + 1])[:, -1] for t in range(length)], dim=1
        ),
        "with a cache": cached,
    }


@torch.no_grad()
def measure(length: int, seed: int) -> dict[str, float]:
    """Median seconds of each way; all must give the same logits."""
    ways = three_ways(length, seed)
    answers = [way() for way in ways.values()]
    for answer in answers[1:]:
        torch.testing.assert_close(answer, answers[0], rtol=1e-3, atol=1e-4)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(REPEATS):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="of the weights and words (0)")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result = describe("cpu", arguments.seed, threads=1) | {"rows": ROWS, "repeats": REPEATS}
    result["lengths"] = [
        {"words": length, "seconds": measure(length, arguments.seed)} for length in WORDS
    ]
    for row in result["lengths"]:
        fastest = row["seconds"]["parallel"]
        ratios = ", ".join(f"{way} {s / fastest:.1f}" for way, s in row["seconds"].items())
        print(f"{row['words']} words, in units of the parallel pass: {ratios}")
    write(arguments.out, result)


if __name__ == "__main__":
    main()
