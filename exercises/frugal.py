"""Functions that must give the right result, and give it from little.

Some exercises ask for a way as well: without the whole matrix, or in one pass. What a function
returns does not show that. What it asks of memory does, and whether it looks at an entry again.
"""

import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exercises.kinds import Code, Finding


@dataclass(frozen=True, kw_only=True)
class Frugal(Code):
    """An exercise that asks for a function, and for the way in which it works.

    Parameters
    ----------
    missed : gives the key of the condition that a function with right results misses, or None
    """

    missed: Callable[[Callable[..., Any]], str | None]

    def judge(self, answer: Any) -> Finding:
        """Look at the results first; of a function that is wrong no way is asked."""
        finding = super().judge(answer)
        if finding.key != "right":
            return finding
        mistake = self.missed(answer)
        return finding if mistake is None else Finding("condition", {}, mistake)


def peak(function: Callable[..., Any], *arguments: Any) -> float:
    """Return how many bytes a call asks for at once; inf where it stops with an error.

    What torch allocates is not seen, so a function that works with tensors counts as frugal.
    """
    outside = tracemalloc.is_tracing()
    tracemalloc.start()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    try:
        with np.errstate(all="ignore"):
            function(*arguments)
        return tracemalloc.get_traced_memory()[1] - before
    except Exception:  # a MemoryError, or what the reader's code does on a large input
        return np.inf
    finally:
        if not outside:
            tracemalloc.stop()


class Passing(np.ndarray):
    """Increasing numbers that pass by: it is noticed when one is looked at that has passed.

    Their order tells where a number stands, so parts of the array need not know their place.
    """

    looks: dict[str, float]  # the largest number seen last, and how often one went back from it

    @classmethod
    def of(cls, increasing: NDArray[np.float64]) -> "Passing":
        """Let numbers pass that nobody has looked at."""
        passing = increasing.view(cls)
        passing.looks = {"last": -np.inf, "back": 0}
        return passing

    def __array_finalize__(self, source: Any) -> None:
        self.looks = getattr(source, "looks", {"last": -np.inf, "back": 0})  # also of a slice

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        if np.ndim(found) == 0:
            self._look(found)
        return found

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Compute with plain arrays; an operation on many numbers looks at each."""
        plain = [np.asarray(x) if isinstance(x, Passing) else x for x in inputs]
        for numbers in (x for x in inputs if isinstance(x, Passing) and x.size):
            self._look(np.asarray(numbers))
        return getattr(ufunc, method)(*plain, **options)

    def _look(self, numbers: Any) -> None:
        self.looks["back"] += int(np.min(numbers) < self.looks["last"])
        self.looks["last"] = float(np.max(numbers))
