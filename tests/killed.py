"""Kill a run again and again, and go on with it each time: a program that test_runs.py starts.

``python killed.py CORPUS DIRECTORY KILLS`` trains the same run twice, in DIRECTORY/straight without
a break and in DIRECTORY/killed with KILLS of them, and prints what it saw as JSON. Each attempt is
a fork of one process that has loaded PyTorch. An attempt ends by SIGKILL at a line of code that is
drawn from all lines of the run, those inside `torch.save` among them: the same ones every time.
"""

import json
import mmap
import os
import random
import signal
import struct
import sys
from pathlib import Path

import torch
import torch._dynamo  # what the optimizers load when the first is made: once, not in every fork

from lab import checkpoint, clock, files, metrics, muon, runs, training
from lab.checkpoint import read_checkpoint
from lab.presets import Preset
from lab.runs import Run

PRESET = Preset(
    unit="character",
    layers=1,
    heads=1,
    width=8,
    context=8,
    steps=60,
    rows=3,
    muon_rate=0.02,
    adam_rate=0.01,
    evaluate_every=12,
    save_every=4,
)
WATCHED = {
    module.__file__
    for module in (checkpoint, clock, files, metrics, muon, runs, training, torch.serialization)
}


def train(corpus: str, directory: Path, last_line: int, shared: mmap.mmap) -> None:
    """Begin the run or go on with it; note lines and steps; die at line number `last_line`."""
    lines = 0

    def count(frame, event, argument):
        nonlocal lines
        if event == "line":
            lines += 1
            if lines == last_line:
                os.kill(os.getpid(), signal.SIGKILL)
        return count

    sys.settrace(lambda frame, *_: count if frame.f_code.co_filename in WATCHED else None)
    if (directory / "checkpoint.pt").exists():
        run = Run.resume(directory)
    else:
        run = Run.start(corpus, PRESET, directory)
    update = run.trainer.update

    def noted(progress):
        loss = update(progress)
        shared[:16] = struct.pack("qq", lines, run.trainer.step)
        return loss

    run.trainer.update = noted
    run.train()
    sys.settrace(None)
    shared[:16] = struct.pack("qq", lines, run.trainer.step)


def attempt(corpus: str, directory: Path, last_line: int) -> dict:
    """Train in a fork; return how it ended, and at which lines and steps."""
    shared = mmap.mmap(-1, 16)
    child = os.fork()
    if child == 0:
        train(corpus, directory, last_line, shared)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    lines, reached = struct.unpack("qq", shared[:16])
    began = (directory / "checkpoint.pt").exists()
    saved = read_checkpoint(directory).trainer["step"] if began else None
    return {"status": status, "lines": lines, "reached": reached, "saved": saved}


def main(corpus: str, directory: str, kills: str) -> None:
    """Print the attempts: first the one that was left alone."""
    torch.set_num_threads(1)
    straight, killed = Path(directory) / "straight", Path(directory) / "killed"
    attempts = [attempt(corpus, straight, -1)]
    instants = random.Random(0)
    for _ in range(int(kills)):
        last_line = instants.randrange(1, attempts[0]["lines"] // 6)
        attempts.append(attempt(corpus, killed, last_line))
    attempts.append(attempt(corpus, killed, -1))
    print(json.dumps(attempts))


if __name__ == "__main__":
    main(*sys.argv[1:])
