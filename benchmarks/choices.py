"""Chapter 8: what each choice of a preset contributes: the same training without it.

All variants of a seed begin with the same weights and read the same rows in the same order, but for
texts that see each other, whose rows begin anywhere, and for other starts. So they are compared
seed by seed. For "grammar" the figure is the exact excess over the floor, for a text the exact
validation loss, both in nats per token. Where leaving a choice out may want other rates, several
are tried. No time is measured. Each run is written as soon as it is done.
"""

import argparse
import statistics
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import torch
from recording import describe, write
from torch import nn

from lab.judge import Judge
from lab.muon import Muon
from lab.presets import PRESETS, Preset
from lab.reading import Text, read_text
from lab.training import Trainer

ADAMW_RATES = {"tiny": (0.004, 0.008, 0.016, 0.032), "cpu": (0.001, 0.002, 0.004)}
FACTORS = (1, 0.5)  # of both rates

Change = Callable[[Trainer], None]


def as_it_is(trainer: Trainer) -> None:
    """Change nothing after the preset."""


def adamw_everywhere(trainer: Trainer) -> None:
    matrices = [p for group in trainer.muon.param_groups for p in group["params"]]
    trainer.muon = torch.optim.AdamW(matrices, betas=trainer.preset.betas, weight_decay=0.0)


def fused_matrices(trainer: Trainer) -> None:
    """Queries, keys and values of all heads as one matrix for Muon."""
    preset = trainer.preset
    matrices = [p for group in trainer.muon.param_groups for p in group["params"]]
    trainer.muon = Muon(
        matrices, lr=preset.muon_rate, momentum=preset.momentum, weight_decay=preset.weight_decay
    )


def clipped(trainer: Trainer) -> None:
    """The norm of the whole gradient is at most 1, as in nanoGPT's training."""

    def clip(*_: object) -> None:
        nn.utils.clip_grad_norm_(trainer.model.parameters(), 1.0)

    trainer.muon.register_step_pre_hook(clip)  # the first of the two to take its step


def small_random_start(trainer: Trainer) -> None:
    """GPT-2's: every matrix normal with standard deviation 0.02."""
    generator = torch.Generator().manual_seed(1)
    for weight in trainer.model.parameters():
        if weight.ndim == 2:
            nn.init.normal_(weight, std=0.02, generator=generator)


def at_rates(preset: Preset, factor: float) -> Preset:
    return replace(preset, muon_rate=factor * preset.muon_rate, adam_rate=factor * preset.adam_rate)


def variants(name: str, preset: Preset) -> dict[str, tuple[Preset, Change]]:
    """Name → the preset that leaves one choice out, and what else must change."""
    without: dict[str, tuple[Preset, Change]] = {
        "all choices": (preset, as_it_is),
        "no soft cap": (replace(preset, softcap=None), as_it_is),
        "no warm-up": (replace(preset, warmup=0.0), as_it_is),
        "small random start": (preset, small_random_start),
        "queries, keys and values as one": (preset, fused_matrices),
        "clipped gradients": (preset, clipped),
    }
    if preset.boundary is not None:
        without["texts see each other"] = (replace(preset, boundary=None), as_it_is)
    for left_out, changed in (
        ("no decay", replace(preset, decay=0.0)),
        ("tied head", replace(preset, tied=True)),
    ):
        for factor in FACTORS:
            without[f"{left_out}, rates x {factor}"] = (at_rates(changed, factor), as_it_is)
    for rate in ADAMW_RATES[name]:
        changed = replace(preset, muon_rate=rate)
        without[f"AdamW for all, rate {rate}"] = (changed, adamw_everywhere)
    return without


@cache
def read(corpus: str, preset: Preset) -> tuple[Text, Judge]:
    text = read_text(corpus, preset)
    return text, Judge(corpus, text.vocabulary, text.validation)


def end_of(corpus: str, name: str, preset: Preset, variant: str, seed: int) -> float:
    """Train once; return the exact excess, or the exact validation loss."""
    torch.set_num_threads(1)
    text, judge = read(corpus, preset)
    changed, change = variants(name, preset)[variant]
    boundary = None if changed.boundary is None else text.boundary
    trainer = Trainer(changed, text.train, len(text.vocabulary), boundary=boundary, seed=seed)
    change(trainer)
    for step in range(changed.steps):
        trainer.update((step + 0.5) / changed.steps)
    validation, excess = judge.measure(trainer.model)
    return validation.loss if excess is None else excess


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", required=True, help="grammar, shakespeare, or a file")
    parser.add_argument("--preset", choices=ADAMW_RATES, required=True)
    parser.add_argument("--steps", type=int, help="in place of the preset's")
    parser.add_argument("--seeds", type=int, default=3, help="how many (3)")
    parser.add_argument("--at-once", type=int, default=1, help="runs at once, a thread each (1)")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    preset = PRESETS[arguments.preset]
    preset = replace(preset, steps=arguments.steps or preset.steps)
    ends: dict[str, list[float | None]] = {
        name: [None] * arguments.seeds for name in variants(arguments.preset, preset)
    }
    result = describe("cpu", 0, threads=1) | {
        "corpus": arguments.corpus, "preset": asdict(preset), "ends": ends
    }  # fmt: skip
    with ProcessPoolExecutor(arguments.at_once, mp_context=get_context("spawn")) as pool:
        running = {
            pool.submit(end_of, arguments.corpus, arguments.preset, preset, name, seed): (
                name,
                seed,
            )
            for seed in range(arguments.seeds)
            for name in ends
        }
        for done in as_completed(running):
            name, seed = running[done]
            ends[name][seed] = done.result()
            print(f"{name:34} seed {seed} {done.result():.5f}", flush=True)
            write(arguments.out, result)
    for name, values in ends.items():
        print(f"{name:34} {statistics.mean(values):.5f}")


if __name__ == "__main__":
    main()
