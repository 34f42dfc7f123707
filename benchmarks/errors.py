"""Chapter 7: what an error does to the words after it, in several trainings.

Two-layer models are trained on the grammar as chapter 8 trains ("tiny"), for so few steps that
they still err. Each writes sentences by itself, and `PrefixTree.aftermath` sets what it says after
an error beside what it says without one. What was drawn is the contexts; the probabilities are
the model's own. No time is measured.
"""

import argparse
import math
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from recording import describe, write

from lab.presets import PRESETS, Preset
from lab.training import Trainer
from nwp.grammar import Grammar
from nwp.model import NextWords
from nwp.teacher_forcing import Aftermath, PrefixTree
from nwp.text import Vocabulary

STEPS = (60, 200)
SENTENCES, LONGEST = 40_000, 14


def trained(preset: Preset, grammar: Grammar, vocabulary: Vocabulary, seed: int) -> NextWords:
    """Train on a text, initial weights and an order that all come from `seed`."""
    words = grammar.sample(preset.steps * preset.rows * preset.context, seed)  # no row twice
    trainer = Trainer(
        preset,
        vocabulary.ids(words),
        len(vocabulary),
        boundary=preset.boundary_id(vocabulary),
        seed=seed,
    )
    for step in range(preset.steps):
        trainer.update((step + 0.5) / preset.steps)
    return NextWords(trainer.model, vocabulary)


def compared(after: Aftermath, chosen: np.ndarray) -> dict[str, float]:
    """Mean probabilities after an error and without one, and the error of their difference."""
    risk, matched = after.risk[chosen], after.matched[chosen]
    gap = risk - matched
    # The contexts of one sentence depend on each other: their deviations are added up first.
    of_sentence = np.bincount(after.sentence[chosen], gap - gap.mean())
    return {
        "contexts": len(gap),
        "after_an_error": float(risk.mean()),
        "without": float(matched.mean()),
        "standard_error": math.sqrt((of_sentence**2).sum()) / len(gap),
    }


def accumulated(tree: PrefixTree, predicted: np.ndarray) -> float:
    """Divergence summed over a sentence: on the model's own beginnings, in units of the true ones.

    A position counts as often as true sentences have it; own beginnings count in the language.
    """
    divergence = tree.divergence(predicted)
    own = tree.by_position(divergence, tree.reached(predicted))
    often = np.bincount(tree.length, tree.reach)
    return float(often @ own / (tree.reach @ divergence))


def measure(preset: Preset, seed: int) -> dict:
    """Train once, let the model write, and compare."""
    grammar = Grammar.portuguese()
    vocabulary = Vocabulary(grammar.words, unknown=None)
    tree = PrefixTree(grammar, vocabulary.words)
    speaker = trained(preset, grammar, vocabulary, seed)
    predicted = speaker.probabilities(tree.prefixes)
    sentences = speaker.sentences(SENTENCES, at_most=LONGEST, seed=seed)
    after = tree.aftermath(sentences, speaker.probabilities)
    at = after.distance
    kinds = {"next word": at == 1, "second word": at == 2, "third word": at == 3, "later": at > 1}
    return {
        "steps": preset.steps,
        "seed": seed,
        "excess": float(tree.share @ tree.divergence(predicted)),
        "leaves": float(tree.departures(predicted).sum()),
        "accumulated": accumulated(tree, predicted),
    } | {kind: compared(after, chosen) for kind, chosen in kinds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4, help="how many (4)")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    presets = [replace(PRESETS["tiny"], layers=2, steps=steps) for steps in STEPS]
    result = describe("cpu", 0, threads=1) | {
        "presets": [asdict(preset) for preset in presets],
        "sentences": SENTENCES,
        "runs": [],
    }
    for seed in range(arguments.seeds):
        for preset in presets:
            run = measure(preset, seed)
            result["runs"].append(run)
            print(run, flush=True)
            write(arguments.out, result)


if __name__ == "__main__":
    main()
