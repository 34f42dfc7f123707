"""The record of a run: one line for each moment that was looked at, in ``metrics.jsonl``.

Lines are only added, and half a line counts as none: so a killed run loses no moment before it.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from lab.checkpoint import writing
from lab.files import replacing
from lab.training import Evaluation


class Moment(NamedTuple):
    """Where a run stands; one line of ``metrics.jsonl``."""

    step: int
    tokens: int  #: positions read so far, padding left out
    seconds: float  #: of training, as in `lab.clock.Clock`
    loss: float | None  #: of the steps since the last moment, their mean; nats per token
    validation: Evaluation | None  #: at the end on the whole split, before on a part of it
    excess: float | None  #: exact, of the model over the floor; only for "grammar"


class Metrics:
    """The moments of a run, in a file that need not be there yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def until(self, step: int) -> list[dict[str, Any]]:
        """Return the moments up to a step; a half line counts as none."""
        path = self.path
        try:
            lines = path.read_text("utf-8").splitlines(keepends=True) if path.exists() else []
            whole = [json.loads(line) for line in lines if line.endswith("\n")]
            return [line for line in whole if line["step"] <= step]
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path} must hold moments, one a line: {error}") from error

    def add(self, moment: Moment) -> None:
        """Write one line more."""
        values = moment._asdict()
        if moment.validation is not None:
            values["validation"] = moment.validation._asdict()
        line = json.dumps(values, allow_nan=False) + "\n"
        with writing(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(line)

    def forget_after(self, step: int) -> None:
        """Keep the moments up to a step alone, and no half line."""
        lines = [json.dumps(line) + "\n" for line in self.until(step)]
        with writing(self.path), replacing(self.path) as partial:
            partial.write_text("".join(lines), "utf-8")
