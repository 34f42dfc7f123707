"""What was measured on a GPU, in a number for each thing, to be set beside another's.

Chapter 8 and `benchmarks/gpu.py`, which measures.
"""

import statistics
from typing import Any

LOSSES = {"loss": "the loss", "loss_peaked": "the loss, peaked"}
TRAININGS = {
    "our_training": "Shakespeare, the book",
    "their_training_equal_tokens": "Shakespeare, nanoGPT, equal tokens",
    "their_training": "Shakespeare, nanoGPT",
    "words": "Machado, word by word",
}


def told(parts: dict[str, Any]) -> dict[str, str]:
    """Return what these parts show, each number as it is printed; a part may be missing."""
    lines = {}
    for part, name in LOSSES.items():
        if part in parts:
            taken = {row["peer"]: row.get("median_seconds") for row in parts[part]["peers"]}
            ratio = taken["nwp.linear_cross_entropy"] / taken["three matrix products (floor)"]
            lines[f"{name}, times the three products"] = f"{ratio:.2f}"
    for who, row in parts.get("step", {}).items():
        lines[f"a step of {who}, ms"] = f"{row['milliseconds']:.1f}"
    for part, name in TRAININGS.items():
        if part in parts:
            ends = [run["points"][-1]["loss"] for run in parts[part]["runs"]]
            lines[f"{name}, nats"] = f"{statistics.mean(ends):.3f}"
    return lines
