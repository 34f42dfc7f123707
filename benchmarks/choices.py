"""Chapter 8: what each choice of a preset contributes: the same training without it.

All variants read the same rows in the same order, but for texts that see each other, whose rows
begin anywhere. For "grammar" the figure is the exact excess over the floor, for a text the exact
validation loss, both in nats per token. AdamW in the place of Muon gets three peak rates, and the
best of them counts. No time is measured.
"""

import argparse
import statistics
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from loss import describe, write
from torch import nn

from nwp.presets import PRESETS, Preset
from nwp.runs import Run
from nwp.training import Trainer

ADAMW_RATES = (0.002, 0.004, 0.008)


def as_it_is(trainer: Trainer) -> None:
    """Change nothing after the preset."""


def adamw_everywhere(trainer: Trainer) -> None:
    matrices = [p for group in trainer.muon.param_groups for p in group["params"]]
    trainer.muon = torch.optim.AdamW(matrices, betas=trainer.preset.betas, weight_decay=0.0)


def small_random_start(trainer: Trainer) -> None:
    """GPT-2's: every matrix normal with standard deviation 0.02."""
    generator = torch.Generator().manual_seed(1)
    for weight in trainer.model.parameters():
        if weight.ndim == 2:
            nn.init.normal_(weight, std=0.02, generator=generator)


Change = Callable[[Trainer], None]


def variants(preset: Preset) -> dict[str, tuple[Preset, Change]]:
    """Name → the preset that leaves one choice out, and what else must change."""
    without: dict[str, tuple[Preset, Change]] = {
        "all choices": (preset, as_it_is),
        "no soft cap": (replace(preset, softcap=None), as_it_is),
        "no warm-up": (replace(preset, warmup=0.0), as_it_is),
        "no decay": (replace(preset, decay=0.0), as_it_is),
        "small random start": (preset, small_random_start),
        "tied head": (replace(preset, tied=True), as_it_is),
    }
    if preset.boundary is not None:
        without["texts see each other"] = (replace(preset, boundary=None), as_it_is)
    for rate in ADAMW_RATES:
        without[f"AdamW, rate {rate}"] = (replace(preset, muon_rate=rate), adamw_everywhere)
    return without


def end_of(corpus: str, preset: Preset, change: Change, seed: int) -> float:
    """Train once; return the exact excess, or the exact validation loss."""
    with TemporaryDirectory() as directory:
        never = replace(preset, evaluate_every=preset.steps, save_every=preset.steps)
        run = Run.start(corpus, never, directory, seed=seed)
        change(run.trainer)
        for step in range(preset.steps):
            run.trainer.update((step + 0.5) / preset.steps)
        validation, excess = run.measure()
    return validation.loss if excess is None else excess


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", required=True, help="grammar, shakespeare, or a file")
    parser.add_argument("--preset", choices=PRESETS, required=True)
    parser.add_argument("--steps", type=int, help="in place of the preset's")
    parser.add_argument("--seeds", type=int, default=3, help="how many (3)")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    preset = PRESETS[arguments.preset]
    preset = replace(preset, steps=arguments.steps or preset.steps)
    result = describe("cpu", 0, threads=1) | {
        "corpus": arguments.corpus, "preset": asdict(preset), "ends": {}
    }  # fmt: skip
    for name, (changed, change) in variants(preset).items():
        ends = [end_of(arguments.corpus, changed, change, seed) for seed in range(arguments.seeds)]
        result["ends"][name] = ends
        print(f"{name:22} {statistics.mean(ends):.5f}", flush=True)
        write(arguments.out, result)


if __name__ == "__main__":
    main()
