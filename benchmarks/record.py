"""Chapter 8: one run of a preset, recorded: its curve, its end, and what it writes.

For a text of words the n-gram models are measured beside it, on the same ids. A time that is
recorded here is that of the run on this machine, not a comparison.
"""

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from loss import describe, write

from nwp.ngrams import KneserNey
from nwp.presets import PRESETS
from nwp.runs import Moment, Run

SAMPLES, LENGTH = 3, 60


def n_grams(run: Run) -> dict[str, float]:
    """Mean losses of unigrams, bigrams and trigrams on the validation text."""
    train, validation = run.text.train, run.text.validation
    size = len(run.text.vocabulary)
    return {
        name: float(KneserNey(train, order, size).losses(validation)[1:].mean())
        for order, name in enumerate(("unigram", "bigram", "trigram"), start=1)
    }


def samples(run: Run) -> list[str]:
    """What the model writes after the last word of the training text, seeds 0, 1, 2."""
    vocabulary, first = run.text.vocabulary, run.text.validation[:1]
    without = [] if vocabulary.unknown is None else vocabulary.ids([vocabulary.unknown]).tolist()
    begun = torch.from_numpy(first)[None].to(run.trainer.device)
    return [
        vocabulary.decode(
            run.model.generate(begun, LENGTH, temperature=0.8, without=without, seed=seed)[0, 1:]
            .cpu()
            .numpy()
        )
        for seed in range(SAMPLES)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", required=True, help="grammar, shakespeare, machado, or a file")
    parser.add_argument("--preset", choices=PRESETS, required=True)
    parser.add_argument("--steps", type=int, help="in place of the preset's")
    parser.add_argument("--least-count", type=int, help="in place of the preset's")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    preset = PRESETS[arguments.preset]
    preset = replace(
        preset,
        steps=arguments.steps or preset.steps,
        least_count=arguments.least_count or preset.least_count,
    )
    result = describe(arguments.device, arguments.seed, None) | {
        "corpus": arguments.corpus, "preset": asdict(preset)
    }  # fmt: skip

    def show(moment: Moment) -> None:
        if moment.validation is not None:
            print(f"step {moment.step}, {moment.seconds:.1f} s: {moment.validation}", moment.excess)

    with TemporaryDirectory() as directory:
        run = Run.start(
            arguments.corpus, preset, directory, seed=arguments.seed, device=arguments.device
        )
        run.train(show)
        moments = run.moments()
    unknown = run.text.vocabulary.unknown
    if unknown is not None:
        rare = run.text.validation[1:] == run.text.vocabulary.ids([unknown])[0]
        result["unknown_share"] = float(np.mean(rare))
    result |= {
        "vocabulary_size": len(run.text.vocabulary),
        "weights": sum(weight.numel() for weight in run.model.parameters()),
        "train_tokens": len(run.text.train),
        "floor": run.floor,
        "moments": moments,
        "samples": samples(run),
    }
    if preset.unit == "word":
        result["n_grams"] = n_grams(run)
        print(result["n_grams"])
    write(arguments.out, result)


if __name__ == "__main__":
    main()
