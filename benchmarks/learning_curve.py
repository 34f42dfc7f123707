"""Chapter 11: the loss on held-out text against how much was read, and against weights.

Small Transformers and n-grams of characters. The held-out text is cut in two: its first half
chooses (when to stop, which order), and the second half, which nothing was chosen by, is reported.
A smaller text is spread evenly over the whole one, so that it is less, and neither older nor
another's. Losses only, no time is measured.
"""

import argparse
import copy
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from recording import describe, write

from lab.kneser_ney import KneserNey
from lab.presets import PRESETS, Preset
from lab.reading import Text, read_text
from lab.training import Trainer, evaluate, standard_error, token_losses

HALVINGS = 6  # of the training text
PIECES = 64  # that a smaller text is put together from
WIDTHS = 8, 16, 32, 64, 128  # on the whole text
WIDTH = 64  # on smaller texts
LARGEST_HEAD = 32
STEPS = 320, 1280  # both are tried: a short text is read often, and the rates fall to 0 at the end
LOOKS = 8  # at the half that chooses, in each training
ESTIMATED = 16_384  # characters of a look
ORDERS = 2, 3, 4, 5, 6, 7, 8
BLOCKS = 16, 64, 256, 1024
PRESET = replace(PRESETS["cpu"], layers=2, rows=16)


def spread(ids: NDArray[np.int64], halvings: int) -> NDArray[np.int64]:
    """Return the first part of each of `PIECES` pieces; a smaller text lies within a larger."""
    if not halvings:
        return ids
    pieces = np.array_split(ids, PIECES)
    return np.concatenate([piece[: len(piece) >> halvings] for piece in pieces])


def halves(text: Text) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut the held-out text; the first id of each half is only read."""
    middle = len(text.validation) // 2
    return text.validation[: middle + 1], text.validation[middle:]


def preset_of(width: int, steps: int) -> Preset:
    return replace(PRESET, width=width, heads=max(1, width // LARGEST_HEAD), steps=steps)


def transformer(
    text: Text, ids: NDArray[np.int64], width: int, seed: int
) -> tuple[dict, NDArray[np.float64]]:
    """Train as often as `STEPS` says; return the model chosen, as a record, and its losses."""
    choosing, reported = halves(text)
    best = None
    for steps in STEPS:
        trainer = Trainer(preset_of(width, steps), ids, len(text.vocabulary), seed=seed)
        for step in range(steps):
            trainer.update((step + 0.5) / steps)
            if (step + 1) % max(1, steps // LOOKS) == 0:
                found = evaluate(trainer.model, choosing, at_most=ESTIMATED).loss
                if best is None or found < best[0]:
                    best = found, steps, step + 1, copy.deepcopy(trainer.model)
    assert best is not None
    _, steps, stopped, model = best
    losses = token_losses(model, reported)
    return {
        "n": len(ids),
        "width": width,
        "weights": sum(weight.numel() for weight in model.parameters()),
        "seed": seed,
        "steps": steps,
        "stopped": stopped,
        "training_loss": evaluate(model, ids, at_most=ESTIMATED).loss,
        "loss": float(losses.mean()),
        "standard_error": standard_error(losses),
    }, losses


def n_gram(text: Text, ids: NDArray[np.int64]) -> tuple[dict, NDArray[np.float64]]:
    """Return the n-gram model of the order that the choosing half prefers, and its losses."""
    choosing, reported = halves(text)
    models = [KneserNey(ids, order, len(text.vocabulary)) for order in ORDERS]
    model = min(models, key=lambda one: one.losses(choosing[1:], choosing[:1]).mean())
    losses = model.losses(reported[1:], choosing)
    return {
        "n": len(ids),
        "order": model.order,
        "loss": float(losses.mean()),
        "standard_error": standard_error(losses),
    }, losses


def compared(one: NDArray[np.float64], other: NDArray[np.float64]) -> dict:
    """Return the mean difference of the losses on the same characters, and the errors by blocks."""
    return {
        "difference": float((one - other).mean()),
        "errors": [
            {
                "blocks": blocks,
                "one": standard_error(one, blocks=blocks),
                "other": standard_error(other, blocks=blocks),
                "difference": standard_error(one - other, blocks=blocks),
            }
            for blocks in (*BLOCKS, len(one))
        ],
    }


def measure(corpus: str, seeds: int) -> dict:
    """Measure both curves of a corpus."""
    text = read_text(corpus, PRESET)
    choosing, reported = halves(text)
    texts = [spread(text.train, halvings) for halvings in range(HALVINGS, -1, -1)]
    counted = [n_gram(text, ids) for ids in texts]
    for record, _ in counted:
        print(corpus, record, flush=True)
    runs: list[dict] = []
    whole: dict[tuple[int, int], NDArray[np.float64]] = {}
    jobs = [(ids, WIDTH) for ids in texts[:-1]] + [(text.train, width) for width in WIDTHS]
    for seed in range(seeds):
        for ids, width in jobs:
            record, losses = transformer(text, ids, width, seed)
            runs.append(record)
            print(corpus, record, flush=True)
            if ids is text.train:
                whole[width, seed] = losses
    largest = whole[WIDTHS[-1], 0]
    pairs = {"n-gram less largest": compared(counted[-1][1], largest)}
    if seeds > 1:
        pairs["other seed less largest"] = compared(whole[WIDTHS[-1], 1], largest)
    return {
        "vocabulary_size": len(text.vocabulary),
        "sha256": text.sha256,
        "chosen_on": len(choosing) - 1,
        "reported_on": len(reported) - 1,
        "n_grams": [record for record, _ in counted],
        "transformers": runs,
        "pairs": pairs,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--corpora", nargs="+", default=["shakespeare", "machado"], help="names or files (both)"
    )
    parser.add_argument("--seeds", type=int, default=2, help="how many (2)")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result = describe("cpu", 0, threads=1) | {
        "presets": [asdict(preset_of(WIDTH, steps)) for steps in STEPS],
        "corpora": {},
    }
    for corpus in arguments.corpora:
        result["corpora"][corpus] = measure(corpus, arguments.seeds)
        write(arguments.out, result)


if __name__ == "__main__":
    main()
