"""What every benchmark writes: a result with where it comes from, whole or not at all."""

import contextlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import torch

from lab.files import replacing


def describe(device: str, seed: int, threads: int | None) -> dict:
    """Where a result comes from: device, versions, commit, command, seed."""
    git = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
    answer = subprocess.run(
        git, cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    on_cuda = device == "cuda"
    return {
        "device_name": torch.cuda.get_device_name() if on_cuda else cpu_name(),
        "threads": threads or torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "cuda": torch.version.cuda if on_cuda else None,
        },
        # A copy without its history is told which it is.
        "commit": answer.stdout.strip() or os.environ.get("NWP_COMMIT"),
        "command": " ".join(["python", *sys.argv]),
        "seed": seed,
        "load_average_before": os.getloadavg()[0],
    }


def cpu_name() -> str:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
        return f"{model}, {os.cpu_count()} cores"
    return platform.processor() or platform.machine()


def write(path: Path, result: dict) -> None:
    """Write a result as JSON; a reader never finds half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        partial.write_text(json.dumps(result, indent=2) + "\n")
