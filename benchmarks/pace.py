"""Chapter 8: how long a token takes, for each of the pairs that `benchmarks/training.py` trains.

All pairs take turns in one process, a few steps each, so that a busy moment of the machine falls on
all of them. Times are medians of the turns; the first turn, which compiles on a GPU, is left out.
Evaluation is not measured.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch
from nanogpt import RECIPES
from recording import describe, write
from training import Job, read, side

TURNS = 9
TOKENS = {"cpu": 30_720, "gpu": 819_200}  # of each pair in a turn: whole steps of either training


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=RECIPES, default="cpu", help="nanoGPT's setting (cpu)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    on_cuda = arguments.device == "cuda"
    if not on_cuda:
        torch.set_num_threads(1)
    result = describe(arguments.device, 0, None if on_cuda else 1)
    wait = torch.cuda.synchronize if on_cuda else lambda: None
    names = ("nanoGPT", "the book")
    jobs = [Job(training, model, 1.0, 10**9, seed=0) for training in names for model in names]
    sides = {job: side(job, arguments.size, read(arguments.size), arguments.device) for job in jobs}
    seconds: dict[Job, list[float]] = {job: [] for job in jobs}
    for turn in range(TURNS + 1):
        for job, training in sides.items():
            wait()
            start = time.perf_counter()
            for step in range(TOKENS[arguments.size] // training.per_step):
                training.update(step)
            wait()
            if turn:
                seconds[job].append(time.perf_counter() - start)
    rows = [
        {
            "training": job.training,
            "model": job.model,
            "seconds_per_token": statistics.median(taken) / TOKENS[arguments.size],
            "seconds": taken,
        }
        for job, taken in seconds.items()
    ]
    for row in rows:
        print(f"{row['training']:10} {row['model']:10} {1e6 * row['seconds_per_token']:8.1f} µs")
    write(arguments.out, result | {"size": arguments.size, "turns": TURNS, "pairs": rows})


if __name__ == "__main__":
    main()
