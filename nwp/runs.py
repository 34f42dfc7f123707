"""A training run in a directory: it can be killed at any instant, and goes on to the same numbers.

Chapter 8 and the command line. The directory holds ``vocabulary.json``, ``metrics.jsonl`` (one
line for each measurement) and ``checkpoint.pt`` (what was asked for, weights, optimizers, step).
Each is replaced whole or not at all; only lines are added to, and half a line counts as none.
What a run draws depends on its seed and step alone, so a resumed run repeats an uninterrupted
one: bit for bit on a CPU with the same number of threads.
"""

import hashlib
import json
import math
import os
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed

from nwp import checks, corpora
from nwp.files import held, remove_partial, replacing
from nwp.grammar import Grammar
from nwp.model import NextWords, Transformer
from nwp.presets import Preset
from nwp.teacher_forcing import PrefixTree
from nwp.text import CharacterVocabulary, Vocabulary
from nwp.training import Evaluation, Trainer, evaluate, processes

FORMAT = 1  # of the checkpoint
READ_EVERY = 10  # steps between looks at the loss; on a GPU each look waits for the device
ESTIMATED = 16_384  # tokens of a validation loss on the way; the one at the end reads all
WORST = 2.0  # nats above log V, the loss of a guess: whoever is there has left the way


Watch = Callable[[int, int], None]  # as in `nwp.training.evaluate`


class DivergedError(RuntimeError):
    """The loss is no number, or far above that of a guess; the last checkpoint is untouched."""


class _Stopped(Exception):
    """A stop was asked for while a loss was measured."""


class Text(NamedTuple):
    """A corpus as ids, as a preset reads it."""

    vocabulary: Vocabulary
    train: NDArray[np.int64]
    validation: NDArray[np.int64]  #: begins with the last id of `train`, which is only read
    boundary: int | None
    sha256: str  #: of the whole text
    characters: int | None  #: of the validation text, where ids can be turned back into it


class Moment(NamedTuple):
    """Where a run stands; one line of ``metrics.jsonl``."""

    step: int
    tokens: int  # positions read so far, padding left out
    seconds: float  # of training: without evaluation, checkpoints and compilation's first step
    loss: float | None  # of the steps since the last moment, their mean; nats per token
    validation: Evaluation | None  # at the end on the whole split, before on `ESTIMATED` tokens
    excess: float | None  # exact, of the model over the floor; only for "grammar"


def read_text(
    corpus: str,
    preset: Preset,
    *,
    vocabulary: Vocabulary | None = None,
    sha256: str | None = None,
) -> Text:
    """Load a corpus and turn it into ids.

    The words are those of the training part; rare ones become ``<unk>``. Characters are those of
    the whole text: an alphabet is known in advance.

    Parameters
    ----------
    corpus : a name or a path, as in `nwp.corpora.load`
    preset : says what a token is
    vocabulary : the one to use; None makes it
    sha256 : of the text, where it must be a known one

    Raises
    ------
    ValueError, ConnectionError
        As `nwp.corpora.load`; where the preset's boundary is not in the text; where it is too
        short to predict anything, or another than the known one; where `vocabulary` lacks a
        character.
    """
    text, digest = _load(corpus, preset, sha256)
    if vocabulary is None and preset.unit == "character":
        vocabulary = CharacterVocabulary.from_text(text.train + text.validation, unknown=None)
    elif vocabulary is None:
        vocabulary = Vocabulary.from_text(text.train, minimum_count=preset.least_count)
    boundary = preset.boundary_id(vocabulary)
    train = vocabulary.encode(text.train)
    if boundary is not None:
        train = np.concatenate([[boundary], train])  # the first text is preceded by one, too
    if len(train) < 2:
        raise ValueError(
            f"the text of {corpus} must have at least 2 {preset.unit}s to train on,"
            f" got {len(train)}: use a longer text"
        )
    whole = len(text.validation) if preset.unit == "character" else None
    validation = _validation_ids(text, vocabulary)
    return Text(vocabulary, train, validation, boundary, digest, whole)


def _load(corpus: str, preset: Preset, sha256: str | None) -> tuple[corpora.Corpus, str]:
    """Return the two parts of a text, and its SHA-256, which must be `sha256` if that is given."""
    text = corpora.load(corpus, unit=preset.unit, words=preset.corpus_words)
    digest = _sha256(text.train + text.validation)
    if sha256 not in (None, digest):
        raise ValueError(
            f"the text of {corpus} must be the one that the run began with"
            f" (SHA-256 {sha256[:12]}…), got another ({digest[:12]}…)"
        )
    return text, digest


def _validation_ids(text: corpora.Corpus, vocabulary: Vocabulary) -> NDArray[np.int64]:
    """Return the ids of the validation text, after the last one of the training text."""
    if isinstance(vocabulary, CharacterVocabulary):
        end = text.train[-1:]
    else:  # no word has a space in it
        end = text.train.rsplit(maxsplit=1)[-1]
    return np.concatenate([vocabulary.encode(end)[-1:], vocabulary.encode(text.validation)])


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _sha256_of_words(vocabulary: Vocabulary) -> str:
    return _sha256(json.dumps(vocabulary.words))


Stamp = tuple[int, int, int]  # which of the files that had a name, one after the other


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


class Saved(NamedTuple):
    """What a directory holds: what was asked for, the words, and where training stood."""

    path: Path
    asked: dict[str, Any]
    preset: Preset
    vocabulary: Vocabulary
    seconds: float
    trainer: dict[str, Any]
    unmeasured: bool | None  #: whether a measurement at this step is due, and not in the record
    loss: float | None  #: of the steps since the last moment, where it is
    stamp: Stamp | None  #: of the file


def read_checkpoint(directory: str | os.PathLike[str]) -> Saved:
    """Read a run's directory.

    Raises
    ------
    FileNotFoundError
        Where there is no run.
    ValueError
        Where the checkpoint or the vocabulary cannot be read, or they are of two runs.
    """
    path = Path(directory) / "checkpoint.pt"
    if not path.is_file():
        raise FileNotFoundError(f"{directory} must hold a run, got no checkpoint.pt in it")
    stamp = _stamp(path)  # before it is read: one that is replaced meanwhile is another
    try:
        with zipfile.ZipFile(path) as archive:  # PyTorch does not look at the checksums
            if (damaged := archive.testzip()) is not None:
                raise ValueError(f"the checksum of {damaged} is not that of its bytes")
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']}, expected {FORMAT}")
        asked, seconds, trainer = content["asked"], content["seconds"], content["trainer"]
        preset, words = Preset(**asked["preset"]), asked["words"]
        unmeasured, loss = content.get("unmeasured"), content.get("loss")
    except Exception as error:  # whatever a damaged file makes of the unpickler
        raise ValueError(
            f"{path} must be a checkpoint that this version of nwp can read, got"
            f" {type(error).__name__}: {error}"
        ) from error
    kind = CharacterVocabulary if preset.unit == "character" else Vocabulary
    vocabulary = kind.load(path.with_name("vocabulary.json"))
    if _sha256_of_words(vocabulary) != words:
        raise ValueError(
            f"{path.with_name('vocabulary.json')} must hold the words of the checkpoint beside it,"
            f" got {len(vocabulary)} others"
        )
    return Saved(path, asked, preset, vocabulary, seconds, trainer, unmeasured, loss, stamp)


def load_model(
    directory: str | os.PathLike[str], *, device: str | torch.device = "cpu"
) -> tuple[Transformer, Vocabulary]:
    """Return the model of a run, and its words; the text it was trained on is not needed.

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_checkpoint`; ValueError also where the weights are another model's.
    """
    saved = read_checkpoint(directory)
    return _model(saved).to(device), saved.vocabulary


def _model(saved: Saved) -> Transformer:
    boundary = saved.preset.boundary_id(saved.vocabulary)
    model = saved.preset.model(len(saved.vocabulary), boundary=boundary)
    with _fits(saved.path):
        model.load_state_dict(saved.trainer["model"])
    return model


@contextmanager
def _fits(path: Path) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        what = " ".join(str(error).split())  # PyTorch writes a line for each weight
        raise ValueError(f"{path} must fit the model of its run: {what}") from error


class Judge:
    """What models are measured by: a validation text, and for "grammar" the truth.

    Attributes
    ----------
    floor : the entropy rate, the least loss that any model can have, where it is known
    """

    def __init__(self, corpus: str, vocabulary: Vocabulary, ids: NDArray[np.int64]) -> None:
        self.vocabulary, self.ids = vocabulary, ids
        self.floor: float | None = None
        self._tree: PrefixTree | None = None
        if corpus == "grammar":
            grammar = Grammar.portuguese()
            self.floor = grammar.entropy_rate()
            self._tree = PrefixTree(grammar, vocabulary.words)

    def measure(
        self,
        model: Transformer,
        *,
        at_most: int | None = None,
        watch: Watch = lambda read, whole: None,
    ) -> tuple[Evaluation, float | None]:
        """Return the validation loss, and for "grammar" the exact excess over the floor.

        `at_most` and `watch` are those of `nwp.training.evaluate`.
        """
        validation, excess = evaluate(model, self.ids, at_most=at_most, watch=watch), None
        if self._tree is not None:
            speaker = NextWords(model, self.vocabulary)
            predicted = speaker.probabilities(self._tree.prefixes)
            excess = float(self._tree.share @ self._tree.divergence(predicted))
        return validation, excess


class Measured(NamedTuple):
    """What `measure` found out about a run."""

    step: int
    validation: Evaluation
    excess: float | None  #: as in `Moment`
    floor: float | None  #: as in `Judge`
    by_character: bool


def measure(
    directory: str | os.PathLike[str],
    *,
    device: str | torch.device = "cpu",
    watch: Watch = lambda read, whole: None,
) -> Measured:
    """Measure the model of a run on the whole validation text. No trainer is made.

    Raises
    ------
    FileNotFoundError, ValueError
        As `Run.resume`.
    """
    saved = read_checkpoint(directory)
    model = _model(saved).to(device)
    asked = saved.asked
    _refuse_no_text(directory, asked["corpus"])
    text, _ = _load(asked["corpus"], saved.preset, asked["sha256"])
    judge = Judge(asked["corpus"], saved.vocabulary, _validation_ids(text, saved.vocabulary))
    validation, excess = judge.measure(model, watch=watch)
    by_character = saved.preset.unit == "character"
    return Measured(saved.trainer["step"], validation, excess, judge.floor, by_character)


def _refuse_no_text(directory: str | os.PathLike[str], corpus: str) -> None:
    if corpus not in ("grammar", *corpora.REMOTES) and not Path(corpus).is_file():
        raise ValueError(f"{directory} must find its text where it was, got no file {corpus}")


def _refuse_another_run(directory: Path) -> None:
    for name in ("checkpoint.pt", "metrics.jsonl"):
        if (directory / name).exists():
            raise FileExistsError(
                f"{directory} must not hold a run, got one with {name}: resume it, or name"
                " another directory"
            )


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Keep the directory from runs of other processes; of several that train together, one asks."""
    with ExitStack() as stack:
        taken = False
        if _first():
            try:
                stack.enter_context(held(directory, wait=False))
            except BlockingIOError:
                taken = True
            except OSError:  # what cannot be opened cannot be written, either: that is said then
                pass
        if _any(taken):  # in every process: none waits for another
            raise FileExistsError(f"{directory} must not be in use, got a run of another process")
        yield


def _plain(value: Any) -> Any:
    """Turn NumPy's numbers into Python's own: of others, PyTorch reads no checkpoint."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value.item() if isinstance(value, np.generic) else value


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as error:  # torch.save turns one into the other
        raise OSError(
            f"{path} could not be written ({error}); the last checkpoint is untouched"
        ) from error


class Run:
    """A trainer with its text and its directory. Made by `start` or `resume`.

    Attributes
    ----------
    floor : as in `Judge`
    seconds : training time so far
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
        self.model, self.seconds = self.trainer.model, 0.0
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
        device : as in `nwp.training.Trainer`

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
        preset = replace(preset, **{name: _plain(value) for name, value in vars(preset).items()})
        asked = {
            "corpus": source,
            "sha256": text.sha256,
            "words": _sha256_of_words(text.vocabulary),
            "preset": asdict(preset),
            "seed": checks.seed(seed),
            "limit": None if limit is None else float(limit),
        }
        run = cls(directory, asked, preset, text, device)
        if _first():
            directory.mkdir(parents=True, exist_ok=True)
        with _alone(directory):
            if _first():
                _refuse_another_run(directory)  # one may have begun in the meantime
                with _writing(directory / "vocabulary.json"):
                    text.vocabulary.save(directory / "vocabulary.json")
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
        _refuse_no_text(directory, asked["corpus"])
        text = read_text(
            asked["corpus"], saved.preset, vocabulary=saved.vocabulary, sha256=asked["sha256"]
        )
        run = cls(Path(directory), asked, saved.preset, text, device)
        with _fits(saved.path):
            run.trainer.restore(saved.trainer)
        run.seconds, run._stamp = saved.seconds, saved.stamp
        run._unmeasured, run._loss = saved.unmeasured, saved.loss
        if run._unmeasured is None:  # written before this was: all but the first were measured
            run._unmeasured = run.trainer.step == 0
        return run

    # ------------------------------------------------------------ the record

    def save(self) -> None:
        """Replace the checkpoint by one of this step; the first process does, and all wait.

        Raises
        ------
        DivergedError
            Where a weight or a gradient is not finite: such a checkpoint could not go on.
        OSError
            Where it cannot be written; the one before stays.
        """
        self._refuse_nan()  # in every process, so that all stop together
        if _first():
            content = {
                "format": FORMAT,
                "asked": self.asked,
                "seconds": self.seconds,
                "trainer": self.trainer.state(),
                "unmeasured": self._unmeasured,
                "loss": self._loss,
            }
            path = self._checkpoint
            with _writing(path), replacing(path) as partial, partial.open("wb") as file:
                torch.save(content, file)
        _any(False)  # no process goes on, or reads it, before it is there
        self._stamp = _stamp(self._checkpoint)

    def moments(self) -> list[dict[str, Any]]:
        """Return the lines of ``metrics.jsonl`` up to this step; a half line counts as none."""
        path = self._metrics
        try:
            lines = path.read_text("utf-8").splitlines(keepends=True) if path.exists() else []
            whole = [json.loads(line) for line in lines if line.endswith("\n")]
            return [line for line in whole if line["step"] <= self.trainer.step]
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path} must hold moments, one a line: {error}") from error

    @property
    def _checkpoint(self) -> Path:
        return self.directory / "checkpoint.pt"

    @property
    def _metrics(self) -> Path:
        return self.directory / "metrics.jsonl"

    def _write(self, moment: Moment) -> None:
        values = moment._asdict()
        if moment.validation is not None:
            values["validation"] = moment.validation._asdict()
        line = json.dumps(values, allow_nan=False) + "\n"
        with _writing(self._metrics), self._metrics.open("a", encoding="utf-8") as file:
            file.write(line)

    def _tidy(self) -> None:
        """Forget what was measured after the checkpoint, to be measured again, and half files."""
        last = self.trainer.step - bool(self._unmeasured)
        lines = [json.dumps(line) + "\n" for line in self.moments() if line["step"] <= last]
        with _writing(self._metrics), replacing(self._metrics) as partial:
            partial.write_text("".join(lines), "utf-8")
        for name in ("checkpoint.pt", "metrics.jsonl", "vocabulary.json"):
            remove_partial(self.directory / name)

    # ------------------------------------------------------------ training

    def measure(
        self, *, at_most: int | None = None, watch: Watch = lambda read, whole: None
    ) -> tuple[Evaluation, float | None]:
        """Return the validation loss, and for "grammar" the exact excess over the floor.

        `at_most` and `watch` are those of `nwp.training.evaluate`.

        Raises
        ------
        DivergedError
            Where a weight or the loss is not finite.
        """
        self._refuse_nan()
        validation, excess = self.judge.measure(self.model, at_most=at_most, watch=watch)
        if not math.isfinite(validation.loss):
            raise DivergedError(self._advice(f"the validation loss is {validation.loss}"))
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
        DivergedError
            Where the loss is not finite, or above that of a guess by `WORST`.
        FileExistsError
            Where another process trains in this directory, or did so since this run was read.
        OSError
            Where the directory cannot be written.
        """
        with _alone(self.directory):
            there = _stamp(self._checkpoint)
            if _any(there not in (None, self._stamp)):
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
        if _first():
            self._tidy()
        compiled = trainer.device.type != "cuda"
        stop, progress = False, self._progress(time.perf_counter())
        if self._unmeasured:
            stop = not self._look(progress >= 1, report, interrupted, watch)
            if not stop and progress >= 1:
                self.save()
        mark = time.perf_counter()
        while not stop and progress < 1:
            losses.append(trainer.update(progress))
            if not compiled:
                losses[-1].item()  # waits; the clock of the training starts after it
                mark, compiled = time.perf_counter(), True
            progress = self._progress(mark)
            done = progress >= 1
            look = done or trainer.step % preset.evaluate_every == 0
            keep = done or trainer.step % preset.save_every == 0
            if not (look or keep or trainer.step % READ_EVERY == 0):
                continue
            self._loss, self._unmeasured = self._read(losses), look
            self.seconds += time.perf_counter() - mark
            losses = []
            stop = _any(interrupted())
            if not look:
                self._record(None, None, report)
            elif not stop:
                stop = not self._look(done, report, interrupted, watch)
            if keep or stop:
                self.save()
            mark = time.perf_counter()
        return not stop

    def _progress(self, mark: float) -> float:
        if self.asked["limit"]:
            return (self.seconds + time.perf_counter() - mark) / self.asked["limit"]
        if self.trainer.step >= self.preset.steps:
            return 1.0
        return (self.trainer.step + 0.5) / self.preset.steps

    def _read(self, losses: list[torch.Tensor]) -> float:
        """Wait for the device, add up the processes' parts, and stop at what is no progress."""
        total = torch.stack(losses).mean()
        if self.trainer.processes > 1:
            distributed.all_reduce(total)
        loss = total.item()
        worst = math.log(len(self.text.vocabulary)) + WORST
        if not loss <= worst:  # NaN is not, either
            raise DivergedError(self._advice(f"the training loss is {loss:.4g}"))
        return loss

    def _refuse_nan(self) -> None:
        both = [(name, x) for name, p in self.model.named_parameters() for x in (p, p.grad)]
        given = [(name, values.isfinite().all()) for name, values in both if values is not None]
        if not torch.stack([finite for _, finite in given]).all():  # the device is asked once
            name = next(name for name, finite in given if not finite)
            raise DivergedError(self._advice(f"{name} or its gradient is not finite"))

    def _advice(self, what: str) -> str:
        return (
            f"training diverged: {what} at step {self.trainer.step}. The last good checkpoint"
            f" stays in {self.directory}; begin anew with lower rates"
            f" (muon_rate {self.preset.muon_rate}, adam_rate {self.preset.adam_rate})"
        )

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
            if read < of and _any(interrupted()):
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
        moment = Moment(trainer.step, trainer.tokens, self.seconds, self._loss, validation, excess)
        if _first():
            self._write(moment)
        report(moment)


def _first() -> bool:
    """Tell whether this is the one process that writes."""
    return processes()[1] == 0


def _any(flag: bool) -> bool:
    """Agree over all processes: true where one of them says so."""
    if processes()[0] == 1:
        return flag
    count = torch.tensor(int(flag), device=_device_of_backend())
    distributed.all_reduce(count)
    return bool(count)


def _device_of_backend() -> str:
    return "cuda" if distributed.get_backend() == "nccl" else "cpu"
