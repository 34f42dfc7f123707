"""The clock of a training: it stands while something else is done.

Evaluations, checkpoints and the compilation in the first step are no training.
"""

import time


class Clock:
    """Seconds of training, and how far it is.

    Parameters
    ----------
    seconds : before this clock was made
    limit : in seconds, in place of a number of steps; None: the steps count
    """

    def __init__(self, seconds: float = 0.0, limit: float | None = None) -> None:
        self.seconds, self.limit = seconds, limit
        self._begun: float | None = None

    def start(self) -> None:
        """Go on; what a running clock has counted since it was started is forgotten."""
        self._begun = time.perf_counter()

    def stop(self) -> None:
        """Stand still, and keep what was counted."""
        self.seconds, self._begun = self._now(), None

    def _now(self) -> float:
        return self.seconds + (
            time.perf_counter() - self._begun if self._begun is not None else 0.0
        )

    def progress(self, step: int, steps: int) -> float:
        """Return the share of the training that is done, at least 1 at its end.

        Where steps count, it is that in the middle of the next one.
        """
        if self.limit:
            return self._now() / self.limit
        return 1.0 if step >= steps else (step + 0.5) / steps
