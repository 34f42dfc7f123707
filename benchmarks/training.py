"""Chapter 8: two trainings of two models on one text: nanoGPT's and the book's, each with each.

The rates of each of the four pairs are chosen by equally many trials: three peak rates, each twice
the one before, one seed, half of the text of the runs that count, and the loss on the first half of
the validation text. What is reported is the loss on its second half. Then the rate is kept, and the
parts of the book's model are replaced by nanoGPT's, one at a time. Losses are exact: every token of
the half once, in rows of the context. No time is measured here (`benchmarks/pace.py` does).

Each run is written as soon as it is done; called again with the same file, runs that are there are
not repeated.
"""

import argparse
import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from nanogpt import RECIPES, Recipe, Restated, TheirTraining
from parts import REPLACED
from recording import describe, write
from torch import Tensor, nn
from torch.nn import functional as F

from lab.presets import PRESETS, Preset
from lab.reading import Text, read_text
from lab.training import IGNORED, Trainer, gather, tile

CORPUS = "shakespeare"
LOOKS = 3  # at the loss, equally spaced in steps
TRIED = {"nanoGPT": (0.5, 1.0, 2.0), "the book": (0.5, 1.0, 2.0)}  # of these:
USUAL_PEAK = 4e-3  # of AdamW; nanoGPT's own 0.001 is far from its best at this size


@dataclass(frozen=True)
class Job:
    """One training: whose it is and of whose model, from how many tokens, at which rates.

    `rate` multiplies `USUAL_PEAK`, or both rates of the book's preset. `replaced` names a part of
    the book's model that is nanoGPT's here.
    """

    training: str
    model: str
    rate: float
    tokens: int
    seed: int
    looks: int = LOOKS
    replaced: str | None = None


class SumOfLosses(nn.Module):
    """What `Trainer` minimizes, for a model that is not the book's."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        logits = self.model(inputs).flatten(0, 1)
        wanted = targets.flatten().to(logits.device)
        return F.cross_entropy(logits, wanted, ignore_index=IGNORED, reduction="sum")


def give_model(trainer: Trainer, model: Restated) -> None:
    """Let the book's training move nanoGPT's model: Muon its blocks' matrices, AdamW the rest."""
    model = model.to(trainer.device)
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2]
    stacked = {block.qkv.weight for block in model.blocks}
    rest = [p for p in model.parameters() if p not in set(matrices)]
    trainer.model = model
    trainer.learn(
        SumOfLosses(model),
        [p for p in matrices if p not in stacked],
        [p for p in matrices if p in stacked],
        rest,
    )


@dataclass(frozen=True)
class Side:
    """A training at work: how it takes step number i of its `steps`, and on which model."""

    steps: int
    update: Callable[[int], object]
    model: nn.Module
    per_step: int


def side(job: Job, size: str, text: Text, device: str) -> Side:
    """Set a job up, at its beginning."""
    recipe, preset, words = RECIPES[size], PRESETS[size], len(text.vocabulary)
    if job.training == "nanoGPT":
        per_step = recipe.rows * recipe.context
        recipe = replace(recipe, peak=USUAL_PEAK * job.rate, steps=job.tokens // per_step)
        model = their_or_our_model(job, recipe, preset, words)
        training = TheirTraining(
            recipe, torch.from_numpy(text.train), model, seed=job.seed, device=device
        )
        return Side(recipe.steps, lambda step: training.update(), training.model, per_step)
    per_step = preset.rows * preset.context
    preset = replace(
        preset,
        steps=job.tokens // per_step,
        muon_rate=preset.muon_rate * job.rate,
        adam_rate=preset.adam_rate * job.rate,
    )
    trainer = Trainer(preset, text.train, words, seed=job.seed, device=device)
    if job.model == "nanoGPT":
        give_model(trainer, Restated(recipe, words, job.seed))
    return Side(
        preset.steps,
        lambda step: trainer.update((step + 0.5) / preset.steps),
        trainer.model,
        per_step,
    )


def their_or_our_model(job: Job, recipe: Recipe, preset: Preset, words: int) -> nn.Module:
    if job.model == "nanoGPT":
        return Restated(recipe, words, job.seed)
    model = preset.model(words, boundary=None, seed=job.seed)
    if job.replaced is not None:
        REPLACED[job.replaced](model, job.seed)
    return model


@torch.no_grad()
def exact_loss(model: nn.Module, ids: np.ndarray, context: int, device: str) -> float:
    """The mean over all tokens of a text, the same for every model."""
    text = torch.from_numpy(ids)
    starts, lengths = map(torch.from_numpy, tile(ids, context))
    model.eval()
    total = 0.0
    for rows in torch.arange(len(starts)).split(64):
        inputs, targets = gather(text, starts[rows], lengths[rows])
        logits = model(inputs.to(device)).flatten(0, 1)
        flat = targets.flatten().to(device)
        losses = F.cross_entropy(logits, flat, ignore_index=IGNORED, reduction="none")
        total += losses.double().sum().item()
    model.train()
    return total / (len(ids) - 1)


@cache
def read(size: str) -> Text:
    return read_text(CORPUS, PRESETS[size])


def run(job: Job, size: str, device: str, one_thread: bool) -> dict:
    """Train, and look at both halves of the validation text."""
    if one_thread:
        torch.set_num_threads(1)
    text = read(size)
    training = side(job, size, text, device)
    middle = len(text.validation) // 2
    halves = {"first": text.validation[:middle], "second": text.validation[middle:]}
    every, curve = -(-training.steps // job.looks), []
    for step in range(training.steps):
        training.update(step)
        if (step + 1) % every == 0 or step + 1 == training.steps:
            losses = {
                half: exact_loss(training.model, ids, RECIPES[size].context, device)
                for half, ids in halves.items()
            }
            curve.append({"tokens": (step + 1) * training.per_step} | losses)
    return asdict(job) | {"curve": curve}


def matches(job: Job, done: dict) -> bool:
    return all(done[name] == value for name, value in asdict(job).items())


class Record:
    """The runs done so far, in a file."""

    def __init__(self, path: Path, head: dict) -> None:
        self.path, self.head, self.runs = path, head, []
        if path.exists():
            before = json.loads(path.read_text())
            same = ("commit", "versions", "size", "tokens")
            if any(before[key] != head[key] for key in same):
                raise SystemExit(f"{path} was made by another version or setting: move it away")
            self.runs = before["runs"]

    def complete(self, jobs: list[Job], arguments: argparse.Namespace) -> list[dict]:
        """Run the jobs that are not there yet; return those of all."""
        missing = [job for job in jobs if not any(matches(job, done) for done in self.runs)]
        with ProcessPoolExecutor(arguments.at_once, mp_context=get_context("spawn")) as pool:
            given = (arguments.size, arguments.device, arguments.device == "cpu")
            for done in as_completed([pool.submit(run, job, *given) for job in missing]):
                self.runs.append(done.result())
                write(self.path, self.head | {"runs": self.runs})
                end = self.runs[-1]["curve"][-1]
                shown = {k: v for k, v in self.runs[-1].items() if k not in ("curve", "looks")}
                print(*shown.values(), f"{end['first']:.4f} {end['second']:.4f}", flush=True)
        return [next(done for done in self.runs if matches(job, done)) for job in jobs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=RECIPES, default="cpu", help="nanoGPT's setting (cpu)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--tokens", type=int, help="that a run reads (as many as nanoGPT's)")
    parser.add_argument("--seeds", type=int, default=3, help="how many (3)")
    parser.add_argument("--at-once", type=int, default=1, help="runs at once, a thread each (1)")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda needs a CUDA device; PyTorch finds none here")
    recipe = RECIPES[arguments.size]
    tokens = arguments.tokens or recipe.steps * recipe.rows * recipe.context
    text, seeds = read(arguments.size), range(arguments.seeds)
    head = describe(arguments.device, 0, 1 if arguments.device == "cpu" else None) | {
        "size": arguments.size,
        "tokens": tokens,
        "corpus": {"sha256": text.sha256, "validation_tokens": len(text.validation)},
        "preset": asdict(PRESETS[arguments.size]),
        "recipe": asdict(recipe),
        "usual_peak": USUAL_PEAK,
    }
    record = Record(arguments.out, head)

    pairs = [(training, model) for training in TRIED for model in ("nanoGPT", "the book")]
    trials = [
        Job(training, model, rate, tokens // 2, seed=0, looks=1)
        for training, model in pairs
        for rate in TRIED[training]
    ]
    tried = record.complete(trials, arguments)
    best = {
        pair: min(
            (t for t in tried if (t["training"], t["model"]) == pair),
            key=lambda trial: trial["curve"][-1]["first"],
        )["rate"]
        for pair in pairs
    }
    head["best"] = {
        f"{training}'s training, {model}'s model": r for (training, model), r in best.items()
    }
    jobs = [Job(*pair, best[pair], tokens, seed) for pair in pairs for seed in seeds]
    jobs += [  # the published rate, and half of the text for the book's training of its model
        job
        for seed in seeds
        for job in (
            Job("nanoGPT", "nanoGPT", recipe.peak / USUAL_PEAK, tokens, seed),
            Job("the book", "the book", best["the book", "the book"], tokens // 2, seed, looks=1),
        )
    ]
    jobs += [
        Job("nanoGPT", "the book", best["nanoGPT", "the book"], tokens, seed, replaced=part)
        for part in REPLACED
        for seed in seeds
    ]
    record.complete(jobs, arguments)


if __name__ == "__main__":
    main()
