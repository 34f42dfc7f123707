"""Chapter 6: how the cost of the loss grows with the vocabulary.

Two measurements, each written as JSON with its provenance. `line.json`: three lines of a loss
whose logits are there already (the inner product with a one-hot array built beforehand, the
lookup, the log-sum-exp), their rounds interleaved, beside the memory bandwidth of the same run.
`sweep.json`: forward and backward of the whole last layer, by `benchmarks/loss.py`, for growing
vocabularies.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from loss import SWEEP, measure
from recording import describe, write

CONTEXTS = 64  # predictions scored together in line.json
WORDS = tuple(2**k for k in range(7, 19))
REPEATS = 15
LINES = ("inner product", "lookup", "log-sum-exp")
SWEEP_PEERS = (
    "three matrix products (floor)",
    "nwp.linear_cross_entropy",
    "F.cross_entropy, all scores",
    "one-hot inner product",
    "lookup, else as one-hot",
)


def seconds(step: Callable[[], object], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        step()
    return (time.perf_counter() - start) / calls


def bandwidth() -> float:
    """Bytes a second that a sum over two arrays far larger than the caches can read."""
    a, b = torch.ones(2**26), torch.ones(2**26)
    return (a.nbytes + b.nbytes) / min(seconds(lambda: torch.dot(a, b), 1) for _ in range(REPEATS))


def three_lines(words: int, seed: int) -> dict[str, float]:
    """Median seconds of each line, for CONTEXTS predictions over `words` words."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(CONTEXTS, words, generator=generator)
    targets = torch.randint(words, (CONTEXTS, 1), generator=generator)
    right = torch.zeros(CONTEXTS, words).scatter_(1, targets, 1).view(-1)
    steps = {
        "inner product": lambda: torch.dot(right, logits.view(-1)),  # BLAS, at full speed
        "lookup": lambda: logits.gather(1, targets).sum(),
        "log-sum-exp": lambda: logits.logsumexp(1).sum(),
    }
    torch.testing.assert_close(steps["inner product"](), steps["lookup"](), rtol=1e-4, atol=1e-4)
    calls = max(1, 2**18 // words)
    rounds = [{name: seconds(step, calls) for name, step in steps.items()} for _ in range(REPEATS)]
    return {name: statistics.median(taken[name] for taken in rounds) for name in LINES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="of the random inputs (0)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the two JSON files")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # one core reads; its bandwidth is the bound
    line = describe("cpu", arguments.seed, threads=1) | {
        "contexts": CONTEXTS,
        "repeats": REPEATS,
        "bytes_per_second": bandwidth(),
        "rows": [{"words": w, "seconds": three_lines(w, arguments.seed)} for w in WORDS],
    }
    write(arguments.out / "line.json", line)
    runs = []
    for name, preset in SWEEP.items():
        peers = measure(name, preset, preset.repeats, arguments.seed, SWEEP_PEERS)
        runs.append({"words": preset.words, "peers": peers})
        for row in peers:
            said = row.get("skipped") or row.get("failed")
            took = said or f"{row['median_seconds'] * 1e3:.1f} ms"
            print(f"{name}  {row['peer']}: {took}")
    preset = next(iter(SWEEP.values()))
    sweep = describe("cpu", arguments.seed, threads=preset.threads) | {
        "contexts": preset.contexts,
        "width": preset.width,
        "runs": runs,
    }
    write(arguments.out / "sweep.json", sweep)


if __name__ == "__main__":
    main()
