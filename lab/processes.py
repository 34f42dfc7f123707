"""Several processes that train together: who they are, and what they agree on.

Without `torch.distributed` there is one process, and it is the first.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed

from lab.files import held


def processes() -> tuple[int, int]:
    """Return how many processes train together, and which of them this is."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size(), distributed.get_rank()
    return 1, 0


def first() -> bool:
    """Tell whether this is the one process that writes."""
    return processes()[1] == 0


def any_of(flag: bool) -> bool:
    """Agree over all processes: true where one of them says so; all wait for each other."""
    if processes()[0] == 1:
        return flag
    count = torch.tensor(int(flag), device=_device())
    distributed.all_reduce(count)
    return bool(count)


def summed(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum over all processes, in each. Exact where but one has an entry other than 0."""
    if processes()[0] == 1:
        return array
    total = torch.from_numpy(array).to(_device())
    distributed.all_reduce(total)
    return total.cpu().numpy()


def _device() -> str:
    """Return where tensors must lie that processes send each other."""
    return "cuda" if distributed.get_backend() == "nccl" else "cpu"


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Keep a directory from runs of other processes; of several that train together, one asks.

    Raises
    ------
    FileExistsError
        Where another has it.
    """
    with ExitStack() as stack:
        taken = False
        if first():
            try:
                stack.enter_context(held(directory, wait=False))
            except BlockingIOError:
                taken = True
            except OSError:  # what cannot be opened cannot be written, either: that is said then
                pass
        if any_of(taken):  # in every process: none waits for another
            raise FileExistsError(f"{directory} must not be in use, got a run of another process")
        yield
