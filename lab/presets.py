"""What can be trained, as data: each preset in one place, every number of it.

Chapter 8 shows what each choice contributes by leaving it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nwp import checks
from nwp.grammar import END
from nwp.text import Vocabulary

if TYPE_CHECKING:
    from nwp.model import Transformer

COUNTS = ("steps", "rows", "least_count", "corpus_words", "evaluate_every", "save_every")


@dataclass(frozen=True)
class Preset:
    """A model, how its text is read, and how it is trained.

    The text
        `unit` is "word" or "character". Words that training shows less than `least_count` times
        are unknown. After the word `boundary`, if there is one, a text of its own begins, and
        sees nothing of what was before. `corpus_words` is how much of the book's own language
        is drawn, where that is what is read.
    The model
        As in `nwp.model.Transformer`.
    The training
        `steps` updates, each by the mean loss of `rows` rows of up to `context` words. Muon moves
        the matrices of the blocks, at `muon_rate`; AdamW the rest, at `adam_rate`. Both rates rise
        during the share `warmup` of the training, and fall to 0 during the share `decay`, its last.
        `momentum` and `weight_decay` are Muon's, `betas` AdamW's.
        A device that cannot hold `rows` at once reads `rows_at_once` and adds the gradients up.
    The record
        The validation loss is measured every `evaluate_every` steps, a checkpoint is written every
        `save_every` steps.
    """

    unit: str
    layers: int
    heads: int
    width: int
    context: int
    steps: int
    rows: int
    muon_rate: float
    adam_rate: float
    tied: bool = False
    softcap: float | None = 15.0
    least_count: int = 1
    boundary: str | None = None
    corpus_words: int = 200_000
    rows_at_once: int | None = None
    warmup: float = 0.03
    decay: float = 1.0
    momentum: float = 0.95
    betas: tuple[float, float] = (0.8, 0.95)
    weight_decay: float = 0.0
    evaluate_every: int = 100
    save_every: int = 100

    def __post_init__(self) -> None:
        """Refuse what no text can be read or trained with."""
        checks.choice("unit", self.unit, ("word", "character"))
        checks.model_sizes(
            self.width, self.layers, self.heads, self.context, self.tied, self.softcap
        )
        for name in COUNTS:
            checks.integer(name, getattr(self, name), at_least=1)
        if self.rows_at_once is not None:
            checks.integer("rows_at_once", self.rows_at_once, at_least=1)
        if self.boundary is not None:
            checks.text("boundary", self.boundary)
        for name in ("muon_rate", "adam_rate", "weight_decay"):
            checks.number(name, getattr(self, name), at_least=0)
        for name in ("warmup", "decay"):
            checks.number(name, getattr(self, name), at_least=0, at_most=1)
        checks.number("momentum", self.momentum, at_least=0, below=1)
        checks.instance("betas", self.betas, tuple)
        if len(self.betas) != 2:
            raise ValueError(f"betas must be two numbers, got {self.betas}")
        for i, beta in enumerate(self.betas):
            checks.number(f"betas[{i}]", beta, at_least=0, below=1)

    def boundary_id(self, vocabulary: Vocabulary) -> int | None:
        """Return the id of the boundary; ValueError where the text does not have that word."""
        checks.instance("vocabulary", vocabulary, Vocabulary)
        if self.boundary is None:
            return None
        if self.boundary not in vocabulary.words:
            raise ValueError(
                f"the text must have the word {self.boundary!r}, at which the preset divides it,"
                f" got none among {len(vocabulary)} words"
            )
        return int(vocabulary.ids([self.boundary])[0])

    def model(self, vocabulary_size: int, *, boundary: int | None, seed: int = 0) -> Transformer:
        """Return the model at its beginning."""
        from nwp.model import Transformer  # with PyTorch, which a command's --help can do without

        return Transformer(
            vocabulary_size,
            width=self.width,
            layers=self.layers,
            heads=self.heads,
            context=self.context,
            tied=self.tied,
            softcap=self.softcap,
            boundary=boundary,
            seed=seed,
        )


PRESETS = {
    # The book's own language in a minute, on two CPU cores.
    "tiny": Preset(
        unit="word",
        boundary=END,
        corpus_words=3_000_000,
        layers=1,
        heads=2,
        width=48,
        context=32,
        steps=2500,
        rows=48,
        muon_rate=0.03,
        adam_rate=0.03,
        betas=(0.9, 0.95),
        warmup=0.004,
        evaluate_every=500,
        save_every=500,
    ),
    # The size of nanoGPT's configuration for a CPU, in a sixth of its tokens.
    "cpu": Preset(
        unit="character",
        layers=4,
        heads=4,
        width=128,
        context=64,
        steps=640,
        rows=6,
        muon_rate=0.02,
        adam_rate=0.008,
        momentum=0.9,
        evaluate_every=320,
        save_every=160,
    ),
    # The size of nanoGPT's configuration for a GPU.
    "gpu": Preset(
        unit="character",
        layers=6,
        heads=6,
        width=384,
        context=256,
        steps=700,
        rows=64,
        muon_rate=0.02,
        adam_rate=0.008,
        weight_decay=2.0,
    ),
    # Words on a GPU: eight times as many at a step, and a wider model.
    "words": Preset(
        unit="word",
        least_count=2,
        layers=4,
        heads=4,
        width=256,
        context=128,
        tied=True,
        steps=200,
        rows=64,
        muon_rate=0.02,
        adam_rate=0.008,
        weight_decay=0.5,
    ),
    # The document's case: words, fifteen thousand of them.
    "machado": Preset(
        unit="word",
        least_count=2,
        layers=2,
        heads=4,
        width=128,
        context=64,
        tied=True,
        steps=1000,
        rows=16,
        muon_rate=0.02,
        adam_rate=0.004,
        weight_decay=0.1,
        evaluate_every=250,
        save_every=250,
    ),
}


def preset_for(corpus: str, *, cuda: bool) -> str:
    """Return the name of the preset that suits a corpus: its own, or characters for any text."""
    checks.text("corpus", corpus)
    checks.boolean("cuda", cuda)
    own = {"grammar": "tiny", "machado": "machado"}
    return own.get(corpus, "gpu" if cuda else "cpu")
