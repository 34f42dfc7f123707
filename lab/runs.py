"""A training run in a directory: it can be killed at any instant, and goes on to the same numbers.

Chapter 8 and the command line. The directory holds ``vocabulary.json``, ``metrics.jsonl`` (one
line for each measurement) and ``checkpoint.pt`` (what was asked for, weights, optimizers, step).
Each is replaced whole or not at all; only lines are added to, and half a line counts as none.
What a run draws depends on its seed and step alone, so a resumed run repeats an uninterrupted
one: bit for bit on a CPU with the same number of threads.
"""

import math
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from lab import corpora
from lab.checkpoint import (
    Stamp,
    fits,
    plain,
    read_checkpoint,
    save_words,
    stamp_of,
    write_checkpoint,
    writing,
)
from lab.clock import Clock
from lab.divergence import DivergedError, not_finite, worse_than_a_guess
from lab.files import remove_partial
from lab.judge import Judge, refuse_no_text
from lab.metrics import Metrics, Moment
from lab.presets import Preset
from lab.processes import alone, any_of, first, processes
from lab.reading import Text, read_text, sha256_of_words
from lab.training import Evaluation, Trainer, Watch
from nwp import checks

READ_EVERY = 10  # steps between looks at the loss; on a GPU each look waits for the device
ESTIMATED = 16_384  # tokens of a validation loss on the way; the one at the end reads all


def _refuse_another_run(directory: Path) -> None:
    for name in ("checkpoint.pt", "metrics.jsonl"):
        if (directory / name).exists():
            raise FileExistsError(
                f"{directory} must not hold a run, got one with {name}: resume it, or name"
                " another directory"
            )


class _Stopped(Exception):
    """A stop was asked for while a loss was measured."""


class Run:
    """A trainer with its text and its directory. Made by `start` or `resume`.

    Attributes
    ----------
    floor : as in `Judge`
    clock : of the training alone
    """

    def __init__(
        self,
        directory: Path,
        asked: dict[str, Any],
        preset: Preset,
        text: Text,
        device: str | torch.device,
    ) -> None:
        if asked["limit"] is not None and processes()[0] > 1:
            raise ValueError(
                "a run of several processes must be limited by steps, got"
                f" {asked['limit']} seconds: their clocks differ"
            )
        self.directory, self.asked, self.preset, self.text = directory, asked, preset, text
        self.trainer = Trainer(
            self.preset,
            text.train,
            len(text.vocabulary),
            boundary=text.boundary,
            seed=asked["seed"],
            device=device,
        )
        self.model, self.clock = self.trainer.model, Clock(limit=asked["limit"])
        self.metrics = Metrics(directory / "metrics.jsonl")
        self.judge = Judge(asked["corpus"], text.vocabulary, text.validation)
        self.floor = self.judge.floor
        self._unmeasured: bool | None = True
        self._loss: float | None = None
        self._stamp: Stamp | None = None

    @classmethod
    def start(
        cls,
        corpus: str,
        preset: Preset,
        directory: str | os.PathLike[str],
        *,
        seed: int = 0,
        limit: float | None = None,
        device: str | torch.device = "cpu",
    ) -> "Run":
        """Begin a run in a new directory, and write its first checkpoint.

        Parameters
        ----------
        corpus, preset : as in `read_text`
        directory : is made; must not hold a run
        seed : fixes weights and order
        limit : seconds to train, in place of the preset's steps; the rates follow the clock, so
            such a run is not repeated to the last digit
        device : as in `lab.training.Trainer`

        Raises
        ------
        FileExistsError
            Where the directory holds a run, or another process is writing one.
        TypeError, ValueError, ConnectionError
            As `read_text` and `Trainer`.
        """
        directory = Path(directory)
        if limit is not None and not 0 < limit < math.inf:
            raise ValueError(f"seconds must be above 0 and finite, got {limit}")
        _refuse_another_run(directory)
        if corpus == "grammar" and preset.unit != "word":
            raise ValueError(
                f"preset must read words for the corpus grammar, got one that reads {preset.unit}s"
            )
        source = corpus if corpus in ("grammar", *corpora.REMOTES) else str(Path(corpus).resolve())
        text = read_text(source, preset)
        preset = replace(preset, **{name: plain(value) for name, value in vars(preset).items()})
        asked = {
            "corpus": source,
            "sha256": text.sha256,
            "words": sha256_of_words(text.vocabulary),
            "preset": asdict(preset),
            "seed": checks.seed(seed),
            "limit": None if limit is None else float(limit),
        }
        run = cls(directory, asked, preset, text, device)
        if first():
            directory.mkdir(parents=True, exist_ok=True)
        with alone(directory):
            if first():
                _refuse_another_run(directory)  # one may have begun in the meantime
                with writing(directory / "vocabulary.json"):
                    save_words(text.vocabulary, directory / "vocabulary.json")
            run.save()
        return run

    @classmethod
    def resume(
        cls, directory: str | os.PathLike[str], *, device: str | torch.device = "cpu"
    ) -> "Run":
        """Go on from the checkpoint of a directory.

        Raises
        ------
        FileNotFoundError, ValueError
            As `read_checkpoint`; ValueError also where the weights are another model's, or the
            text is no longer the same.
        """
        saved = read_checkpoint(directory)
        asked = saved.asked
        refuse_no_text(directory, asked["corpus"])
        text = read_text(
            asked["corpus"], saved.preset, vocabulary=saved.vocabulary, sha256=asked["sha256"]
        )
        run = cls(Path(directory), asked, saved.preset, text, device)
        with fits(saved.path):
            run.trainer.restore(saved.trainer)
        run.clock.seconds, run._stamp = saved.seconds, saved.stamp
        run._unmeasured, run._loss = saved.unmeasured, saved.loss
        if run._unmeasured is None:  # written before this was: all but the first were measured
            run._unmeasured = run.trainer.step == 0
        return run

    # ------------------------------------------------------------ the record

    def save(self) -> None:
        """Replace the checkpoint by one of this step; the first process does, and all wait.

        Raises
        ------
        lab.divergence.DivergedError
            Where a weight or a gradient is not finite: such a checkpoint could not go on.
        OSError
            Where it cannot be written; the one before stays.
        """
        self._refuse_nan()  # in every process, so that all stop together
        path = self.directory / "checkpoint.pt"
        if first():
            content = {
                "asked": self.asked,
                "seconds": self.clock.seconds,
                "trainer": self.trainer.state(),
                "unmeasured": self._unmeasured,
                "loss": self._loss,
            }
            write_checkpoint(path, content)
        any_of(False)  # no process goes on, or reads it, before it is there
        self._stamp = stamp_of(path)

    def moments(self) -> list[dict[str, Any]]:
        """Return the lines of ``metrics.jsonl`` up to this step; a half line counts as none."""
        return self.metrics.until(self.trainer.step)

    def _tidy(self) -> None:
        """Forget what was measured after the checkpoint, to be measured again, and half files."""
        self.metrics.forget_after(self.trainer.step - bool(self._unmeasured))
        for name in ("checkpoint.pt", "metrics.jsonl", "vocabulary.json"):
            remove_partial(self.directory / name)

    # ------------------------------------------------------------ training

    def measure(
        self, *, at_most: int | None = None, watch: Watch = lambda read, whole: None
    ) -> tuple[Evaluation, float | None]:
        """Return the validation loss, and for "grammar" the exact excess over the floor.

        `at_most` and `watch` are those of `lab.training.evaluate`. Processes that train together
        share the work. An estimate is computed in the precision of a step, all else exactly.

        Raises
        ------
        lab.divergence.DivergedError
            Where a weight or the loss is not finite.
        """
        self._refuse_nan()
        validation, excess = self.judge.measure(
            self.model, at_most=at_most, as_trained=at_most is not None, shared=True, watch=watch
        )
        if not math.isfinite(validation.loss):
            raise self._diverged(f"the validation loss is {validation.loss}")
        return validation, excess

    def train(
        self,
        report: Callable[[Moment], None] = lambda moment: None,
        *,
        interrupted: Callable[[], bool] = lambda: False,
        watch: Watch = lambda read, whole: None,
    ) -> bool:
        """Train to the end, or until `interrupted`; return whether the end was reached.

        Either way the last thing done is a checkpoint. `report` is called with every `Moment`:
        each `READ_EVERY` steps, and with each evaluation. `interrupted` is asked then, and within
        an evaluation as well, which is begun anew when the run goes on; `watch` is called there.

        Raises
        ------
        lab.divergence.DivergedError
            Where the loss is not finite, or `worse_than_a_guess`.
        FileExistsError
            Where another process trains in this directory, or did so since this run was read.
        OSError
            Where the directory cannot be written.
        """
        with alone(self.directory):
            there = stamp_of(self.directory / "checkpoint.pt")
            if any_of(there not in (None, self._stamp)):
                raise FileExistsError(
                    f"{self.directory} must hold the checkpoint that this run goes on from, got"
                    " one that another process wrote since: resume it again"
                )
            return self._train(report, interrupted, watch)

    def _train(
        self, report: Callable[[Moment], None], interrupted: Callable[[], bool], watch: Watch
    ) -> bool:
        trainer, preset = self.trainer, self.preset
        losses: list[torch.Tensor] = []
        if first():
            self._tidy()
        stop, progress = False, self._progress()
        if self._unmeasured:
            stop = not self._look(progress >= 1, report, interrupted, watch)
            if not stop and progress >= 1:
                self.save()
        self.clock.start()
        while not stop and progress < 1:
            losses.append(trainer.update(progress))
            if trainer.preparing:
                losses[-1].item()  # waits; the clock of the training starts after it
                self.clock.start()
            progress = self._progress()
            done = progress >= 1
            look = done or trainer.step % preset.evaluate_every == 0
            keep = done or trainer.step % preset.save_every == 0
            if not (look or keep or trainer.step % READ_EVERY == 0):
                continue
            self._loss, self._unmeasured = self._read(losses), look
            self.clock.stop()
            losses = []
            stop = any_of(interrupted())
            if not look:
                self._record(None, None, report)
            elif not stop:
                stop = not self._look(done, report, interrupted, watch)
            if keep or stop:
                self.save()
            self.clock.start()
        return not stop

    def _progress(self) -> float:
        return self.clock.progress(self.trainer.step, self.preset.steps)

    def _read(self, losses: list[torch.Tensor]) -> float:
        """Wait for the device, add up the processes' parts, and stop at what is no progress."""
        if (step := self.trainer.broken) is not None:
            raise self._diverged("the loss or the gradient is not finite", step)
        total = torch.stack(losses).mean()
        if self.trainer.processes > 1:
            distributed.all_reduce(total)
        loss = total.item()
        if worse_than_a_guess(loss, len(self.text.vocabulary)):
            raise self._diverged(f"the training loss is {loss:.4g}")
        return loss

    def _refuse_nan(self) -> None:
        if (name := not_finite(self.model)) is not None:
            raise self._diverged(f"{name} or its gradient is not finite")

    def _diverged(self, what: str, step: int | None = None) -> DivergedError:
        return DivergedError(what, step or self.trainer.step, self.directory, self.preset)

    def _look(
        self,
        whole: bool,
        report: Callable[[Moment], None],
        interrupted: Callable[[], bool],
        watch: Watch,
    ) -> bool:
        """Measure and record; return whether that was done, or a stop asked for before."""

        def between(read: int, of: int) -> None:
            watch(read, of)
            if read < of and any_of(interrupted()):
                raise _Stopped

        try:
            validation, excess = self.measure(at_most=None if whole else ESTIMATED, watch=between)
        except _Stopped:
            return False
        self._unmeasured = False
        self._record(validation, excess, report)
        return True

    def _record(
        self,
        validation: Evaluation | None,
        excess: float | None,
        report: Callable[[Moment], None],
    ) -> None:
        trainer = self.trainer
        moment = Moment(
            trainer.step, trainer.tokens, self.clock.seconds, self._loss, validation, excess
        )
        if first():
            self.metrics.add(moment)
        report(moment)
