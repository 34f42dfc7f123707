"""Chapter 8: a whole training step with and without all scores of a batch in memory.

Two trainers of the same preset, with the same weights and rows, take turns; one computes its loss
block by block, the other holds all scores. Their losses must agree. Times are medians.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch
from recording import describe, write

from lab import training
from lab.presets import PRESETS
from lab.reading import read_text
from lab.training import Trainer

REPEATS = 9
WAYS = {"block by block": 0, "all scores": float("inf")}  # words from which on blocks are used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="machado", help="name or file (machado)")
    parser.add_argument("--preset", choices=PRESETS, default="machado")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    preset = PRESETS[arguments.preset]
    text = read_text(arguments.corpus, preset)
    words, on_cuda = len(text.vocabulary), arguments.device == "cuda"
    trainers = {
        way: Trainer(preset, text.train, words, seed=0, device=arguments.device) for way in WAYS
    }
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    peaks = dict.fromkeys(WAYS, 0)
    for turn in range(REPEATS + 1):  # the first warms up
        losses = []
        for way, trainer in trainers.items():
            training.BLOCKWISE_FROM = WAYS[way]
            if on_cuda:
                torch.cuda.reset_peak_memory_stats()
                held = torch.cuda.memory_allocated()  # by both: weights, optimizers, gradients
            start = time.perf_counter()
            losses.append(trainer.update(0.5).item())  # reading the loss waits for the device
            if turn:
                taken[way].append(time.perf_counter() - start)
            if on_cuda:
                peaks[way] = torch.cuda.max_memory_allocated() - held
        torch.testing.assert_close(*losses, rtol=1e-2 if on_cuda else 1e-4, atol=0)
    medians = {way: statistics.median(seconds) for way, seconds in taken.items()}
    rows = preset.rows_at_once or preset.rows
    result = describe(arguments.device, 0, None) | {
        "preset": arguments.preset,
        "vocabulary_size": words,
        "score_bytes": 4 * rows * preset.context * words,
        "weight_bytes": sum(4 * weight.numel() for weight in trainer.model.parameters()),
        "repeats": REPEATS,
        "median_seconds": medians,
        "seconds": taken,
        "peak_bytes": peaks if on_cuda else None,
    }
    ratio = medians["block by block"] / medians["all scores"]
    print(f"{words:,} words: block by block takes {ratio:.2f} x the step with all scores")
    write(arguments.out, result)


if __name__ == "__main__":
    main()
