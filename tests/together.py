"""Train as one of several processes: a program that test_processes.py starts under torchrun.

``torchrun … together.py CORPUS DIRECTORY`` trains the runs below, one after the other. All is in
float64, so that what two processes add up in another order than one lies next to nothing apart.
"""

import math
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import distributed

from lab.divergence import DivergedError
from lab.presets import Preset
from lab.runs import Run

# Rows end with a sentence, so that their lengths differ; two processes get 3 rows and 2.
WHOLE = Preset(
    unit="word",
    boundary=".",
    layers=1,
    heads=2,
    width=8,
    context=9,
    steps=8,
    rows=5,
    muon_rate=0.02,
    adam_rate=0.01,
    evaluate_every=4,
    save_every=4,
)
RUNS = {
    "whole": WHOLE,
    "in parts": replace(WHOLE, rows_at_once=2),  # two parts here, one there
    "tied": replace(WHOLE, tied=True, rows_at_once=1),
}


def train_all(corpus: str, directory: Path) -> None:
    """Train each run; stop and resume the second on the way."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    for name, preset in RUNS.items():
        run = Run.start(corpus, preset, directory / name)
        if name == "in parts":
            # Only the second process is asked to stop: both must.
            asked = distributed.is_initialized() and distributed.get_rank() == 1
            stopped = not run.train(interrupted=lambda asked=asked: asked)
            assert stopped == distributed.is_initialized()
            run = Run.resume(directory / name)
        assert run.train()
        try:
            Run.start(corpus, preset, directory / name)
        except FileExistsError:
            continue  # in every process: none waits for another
        raise AssertionError(f"{name} was begun twice")


def stop_all(corpus: str, directory: Path) -> None:
    """Let one process alone have a loss that is no number, at a step whose gradient is finite."""
    run = Run.start(corpus, WHOLE, directory / "stopped")
    last = run.trainer.rank == run.trainer.processes - 1
    run.trainer.objective.register_forward_hook(
        lambda module, given, loss: loss + (math.nan if last and run.trainer.step == 1 else 0)
    )
    try:
        run.train()
    except DivergedError as error:
        said = str(error)
    else:
        said = "nothing"
    assert "is not finite at step 2." in said, said


if __name__ == "__main__":
    distributed.init_process_group("gloo")
    wrote = []
    if distributed.get_rank() != 0:  # this one must not write at all
        sys.addaudithook(
            lambda event, given: (
                wrote.append(given[0])
                if event == "open"
                and str(sys.argv[2]) in str(given[0])
                and "r" not in str(given[1])
                else None
            )
        )
    train_all(sys.argv[1], Path(sys.argv[2]))
    stop_all(sys.argv[1], Path(sys.argv[2]))
    assert not wrote, wrote
    distributed.destroy_process_group()
