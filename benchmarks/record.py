"""Chapter 8: runs of a preset, recorded: curve, end, and what each writes.

For a text of words the n-gram models are measured beside them, on the same ids: the trigram's loss
less the model's is a mean over the same words, and its error is told by blocks of the text. A time
that is recorded here is that of a run on this machine, not a comparison.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from recording import describe, write

from lab import corpora
from lab.kneser_ney import KneserNey
from lab.presets import PRESETS, Preset
from lab.reading import Text, read_text
from lab.runs import Run
from lab.training import token_losses
from nwp.generalization import standard_error

SAMPLES, LENGTH, TEMPERATURE = 3, 60, 0.8
ORDERS = {"unigram": 1, "bigram": 2, "trigram": 3}


def n_grams(text: Text) -> dict[str, NDArray[np.float64]]:
    """Losses of n-gram models at each word of the validation text but its first."""
    return {
        name: KneserNey(text.train, order, len(text.vocabulary)).losses(text.validation)[1:]
        for name, order in ORDERS.items()
    }


def samples(run: Run) -> list[str]:
    """What the model writes after the last word of the training text, seeds 0, 1, 2."""
    vocabulary, first = run.text.vocabulary, run.text.validation[:1]
    without = [] if vocabulary.unknown is None else vocabulary.ids([vocabulary.unknown]).tolist()
    begun = torch.from_numpy(first)[None].to(run.trainer.device)
    return [
        vocabulary.decode(
            run.model.generate(begun, LENGTH, temperature=TEMPERATURE, without=without, seed=seed)[
                0, 1:
            ]
            .cpu()
            .numpy()
        )
        for seed in range(SAMPLES)
    ]


def one_seed(arguments: argparse.Namespace, preset: Preset, seed: int) -> dict:
    """Train once; return the curve, the end, and for words how much lies between it and n-grams."""
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    with TemporaryDirectory() as directory:
        run = Run.start(arguments.corpus, preset, directory, seed=seed, device=arguments.device)
        run.train()
        moments = run.moments()
    losses = token_losses(run.model, run.text.validation)
    end: dict = {"loss": float(losses.mean()), "standard_error": standard_error(losses)}
    if preset.unit == "word":
        end["below"] = {
            name: {
                "mean": float((theirs - losses).mean()),
                "error": standard_error(theirs - losses),
            }
            for name, theirs in n_grams(run.text).items()
        }
    return {
        "seed": seed,
        "weights": sum(weight.numel() for weight in run.model.parameters()),
        "floor": run.floor,
        "moments": moments,
        "end": end,
        "samples": samples(run),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", required=True, help="grammar, shakespeare, machado, or a file")
    parser.add_argument("--preset", choices=PRESETS, required=True)
    parser.add_argument("--steps", type=int, help="in place of the preset's")
    parser.add_argument("--least-count", type=int, help="in place of the preset's")
    parser.add_argument("--rates", type=float, default=1.0, help="both rates, times this (1)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--seeds", type=int, default=1, help="how many (1)")
    parser.add_argument("--threads", type=int, help="of a run (as many as PyTorch takes)")
    parser.add_argument("--at-once", type=int, default=1, help="runs at once (1)")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    preset = PRESETS[arguments.preset]
    preset = replace(
        preset,
        steps=arguments.steps or preset.steps,
        least_count=arguments.least_count or preset.least_count,
        muon_rate=preset.muon_rate * arguments.rates,
        adam_rate=preset.adam_rate * arguments.rates,
    )
    text = read_text(arguments.corpus, preset)
    unknown = text.vocabulary.unknown
    result = describe(arguments.device, 0, arguments.threads) | {
        "corpus": arguments.corpus,
        "preset": asdict(preset),
        "vocabulary_size": len(text.vocabulary),
        "train_tokens": len(text.train),
        "validation_tokens": len(text.validation) - 1,
        "validation_bytes": len(
            corpora.load(arguments.corpus, unit=preset.unit, words=preset.corpus_words)
            .validation.encode()
        ),
        "unknown_share": None
        if unknown is None
        else float(np.mean(text.validation[1:] == text.vocabulary.ids([unknown])[0])),
    }  # fmt: skip
    if preset.unit == "word":
        result["n_grams"] = {name: float(losses.mean()) for name, losses in n_grams(text).items()}
        print(result["n_grams"])
    with ProcessPoolExecutor(arguments.at_once, mp_context=get_context("spawn")) as pool:
        seeds = range(arguments.seeds)
        runs = list(pool.map(one_seed, [arguments] * len(seeds), [preset] * len(seeds), seeds))
    for run in runs:
        print(run["seed"], run["end"])
    write(arguments.out, result | {"runs": runs})


if __name__ == "__main__":
    main()
