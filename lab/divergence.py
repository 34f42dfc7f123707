"""When a training has left the way: what is asked, and what its reader is told."""

import math
from pathlib import Path

import torch
from torch import nn

from lab.presets import Preset

WORST = 2.0  # nats above log V, the loss of a guess: whoever is there has left the way


class DivergedError(RuntimeError):
    """The loss is no number, or far above that of a guess; the last checkpoint is untouched."""

    def __init__(self, what: str, step: int, directory: Path, preset: Preset) -> None:
        super().__init__(
            f"training diverged: {what} at step {step}. The last good checkpoint"
            f" stays in {directory}; begin anew with lower rates"
            f" (muon_rate {preset.muon_rate}, adam_rate {preset.adam_rate})"
        )


def worse_than_a_guess(loss: float, words: int) -> bool:
    """Tell whether a loss is above that of a guess among so many words by `WORST`, or NaN."""
    return not loss <= math.log(words) + WORST


def not_finite(model: nn.Module) -> str | None:
    """Return the name of a weight that is not finite, or whose gradient is not; None where all are.

    The device is asked once.
    """
    both = [(name, x) for name, p in model.named_parameters() for x in (p, p.grad)]
    given = [(name, values.isfinite().all()) for name, values in both if values is not None]
    if torch.stack([finite for _, finite in given]).all():
        return None
    return next(name for name, finite in given if not finite)
