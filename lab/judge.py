"""What models are measured by: a validation text, and for the book's own language the truth."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lab import corpora
from lab.checkpoint import model_of, read_checkpoint
from lab.processes import processes, summed
from lab.reading import load_text, validation_ids
from lab.training import Evaluation, Watch, evaluate
from nwp.grammar import Grammar
from nwp.model import NextWords, Transformer
from nwp.teacher_forcing import PrefixTree
from nwp.text import Vocabulary


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
        as_trained: bool = False,
        shared: bool = False,
        watch: Watch = lambda read, whole: None,
    ) -> tuple[Evaluation, float | None]:
        """Return the validation loss, and for "grammar" the exact excess over the floor.

        The arguments are those of `lab.training.evaluate`; the excess is never `as_trained`.
        """
        validation = evaluate(
            model, self.ids, at_most=at_most, as_trained=as_trained, shared=shared, watch=watch
        )
        excess = None
        if self._tree is not None:
            speaker = NextWords(model, self.vocabulary)
            predicted = np.zeros(self._tree.truth.shape)
            together, own = processes() if shared else (1, 0)
            predicted[own::together] = speaker.probabilities(self._tree.prefixes[own::together])
            if shared:
                predicted = summed(predicted)
            excess = float(self._tree.share @ self._tree.divergence(predicted))
        return validation, excess


class Measured(NamedTuple):
    """What `measure` found out about a run."""

    step: int
    validation: Evaluation
    excess: float | None  #: as in `lab.metrics.Moment`
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
        As `lab.runs.Run.resume`.
    """
    saved = read_checkpoint(directory)
    model = model_of(saved).to(device)
    asked = saved.asked
    refuse_no_text(directory, asked["corpus"])
    text, _ = load_text(asked["corpus"], saved.preset, asked["sha256"])
    judge = Judge(asked["corpus"], saved.vocabulary, validation_ids(text, saved.vocabulary))
    validation, excess = judge.measure(model, watch=watch)
    by_character = saved.preset.unit == "character"
    return Measured(saved.trainer["step"], validation, excess, judge.floor, by_character)


def refuse_no_text(directory: str | os.PathLike[str], corpus: str) -> None:
    """Raise ValueError where the text of a run is no longer where it was."""
    if corpus not in ("grammar", *corpora.REMOTES) and not Path(corpus).is_file():
        raise ValueError(f"{directory} must find its text where it was, got no file {corpus}")
