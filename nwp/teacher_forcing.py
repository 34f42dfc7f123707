r"""Teacher forcing: the model reads the text's words, never its own.

Chapter 7. The shift from a text to inputs and targets, the pairs (context, next word), the
loss over a sequence as the chain rule of probability, and inputs in which some words are the
model's own. For a source that is known exactly, `PrefixTree` measures how far a model is from
the truth at each position, on the truth's beginnings and on its own, without drawing a
sample, and what follows the first word that leaves the language. NumPy, float64, losses in nats.

Source: the document, "Teacher forcing e a computação da perda"; Jurafsky & Martin, *Speech
and Language Processing*, draft of 3 February 2024 (SLP3), chapters 9 and 10; Williams & Zipser
(1989); for mixed inputs, Bengio et al. (2015).
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nwp import checks
from nwp.equivalence import kl_divergence
from nwp.grammar import END, Grammar, NextWordModel, ask

Tokens = TypeVar("Tokens")  # a list, an array or a tensor; what comes in goes out


def shift(tokens: Tokens) -> tuple[Tokens, Tokens]:
    """Split a text into inputs and targets: target t is the word after input t.

    The one place of the book where the shift happens: models, losses and metrics take inputs
    and targets as they come from here, and move nothing.

    Parameters
    ----------
    tokens : a list or tuple, or a (..., T) NumPy array or torch tensor; T at least 2

    Returns
    -------
    inputs : (..., T - 1), all but the last
    targets : (..., T - 1), all but the first; of arrays and tensors, views

    Raises
    ------
    TypeError, ValueError
        Where `tokens` is something else (a str, a set), or shorter than 2.

    References
    ----------
    The document, "O" → "sol", "O sol" → "brilha"; SLP3, chapter 10.
    """
    if isinstance(tokens, str):
        raise TypeError(f"tokens must be a list or an array of words, got the str {tokens!r}")
    if not (isinstance(tokens, list | tuple) or hasattr(tokens, "shape")):
        raise TypeError(f"tokens must be a list or an array, got {type(tokens).__name__}")
    text: Any = tokens
    shape = tuple(text.shape) if hasattr(text, "shape") else (len(text),)
    if not shape or shape[-1] < 2:
        raise ValueError(f"tokens must hold at least 2 on the last axis, got the shape {shape}")
    if hasattr(text, "shape"):
        return text[..., :-1], text[..., 1:]
    return text[:-1], text[1:]


def pairs(words: Sequence[str]) -> list[tuple[list[str], str]]:
    """List what a sentence teaches: (all words so far, the next word), one pair per target.

    Raises
    ------
    TypeError, ValueError
        Where `words` are no list of words, or fewer than 2.
    """
    text = checks.words("words", words)
    if len(text) < 2:
        raise ValueError(f"words must hold at least 2, got {text}")
    return [(text[: t + 1], target) for t, target in enumerate(shift(text)[1])]


def sequence_loss(model: NextWordModel, words: Sequence[str]) -> float:
    r"""Return :math:`-\log P(w_1 \dots w_n)`, the sum of the losses of the words, in nats.

    By the chain rule, :math:`P(w_1 \dots w_n) = \prod_t \hat y_t[w_{t+1}]`: the model reads
    the text's own words before each word that it predicts. That is teacher forcing.

    Parameters
    ----------
    model : whatever answers `next_word_distribution`
    words : one sentence from its beginning, or the first words of one

    Returns
    -------
    At least 0; ``inf`` where the model excludes a word; 0 for no words.

    Raises
    ------
    TypeError, ValueError
        Where `words` are no list of words, `model` has no such method, or does not answer with
        probabilities.
    """
    checks.instance("model", model, NextWordModel)
    text, losses = checks.words("words", words), []
    for t, word in enumerate(text):
        share = checks.number(
            f"the answer of model for {word!r}",
            ask(model, text[:t]).get(word, 0.0),
            at_least=0,
            at_most=1 + checks.SUM_TOLERANCE,
        )
        if not share:
            return math.inf  # and the rest need not be asked: the model may not know how
        losses.append(-math.log(share))
    return math.fsum(losses)


def mixed_inputs(
    inputs: ArrayLike,
    predict: Callable[[NDArray[np.int64]], ArrayLike],
    keep: float,
    random: np.random.Generator,
) -> NDArray[np.int64]:
    """Replace words of the text, from left to right, by words that the model draws.

    Each word but the first stays with probability `keep`; otherwise the model's own draw, from
    what it has read so far, takes its place. ``keep=1`` is teacher forcing, ``keep=0`` free
    running, and between them lies scheduled sampling.

    Parameters
    ----------
    inputs : (B, T) ids
    predict : (B, t) ids, what was read so far → (B, V) distributions of the next word
    keep : in [0, 1]
    random : where the draws come from

    Returns
    -------
    (B, T) ids, a copy.

    Raises
    ------
    TypeError, ValueError
        Where `inputs` are not integers of this shape, `keep` is no probability, `random` no
        generator of NumPy, or `predict` does not return distributions.

    References
    ----------
    Bengio et al. (2015), "Scheduled sampling for sequence prediction with recurrent neural
    networks".
    """
    mixed = checks.word_ids("inputs", inputs, np.iinfo(np.int64).max)
    if mixed.ndim != 2:
        raise ValueError(f"inputs must have the shape (B, T), got {mixed.shape}")
    checks.function("predict", predict)
    checks.same_shape("keep", checks.unit_interval("keep", keep), (), "a number")
    checks.instance("random", random, np.random.Generator)
    for t in range(1, mixed.shape[1] if keep < 1 else 0):  # with every word kept, nothing to ask
        shares = checks.distributions("predict's answer", predict(mixed[:, :t]))
        rows = shares.shape[:-1]
        if rows != (len(mixed),):
            raise ValueError(f"predict must answer {len(mixed)} rows (B, V), got {shares.shape}")
        cumulative = shares.cumsum(axis=-1)
        uniform = random.random((len(mixed), 1)) * cumulative[:, -1:]
        own = (cumulative <= uniform).sum(axis=-1)  # the first word whose sum is above
        mixed[:, t] = np.where(random.random(len(mixed)) < keep, mixed[:, t], own)
    return mixed


class Aftermath(NamedTuple):
    """Words after an error, each beside words without one. Arrays (n,), one entry a context."""

    sentence: NDArray[np.int64]  #: the number of the sentence that the context is in
    distance: NDArray[np.int64]  #: 1 before the word right after the error, 2 before the one after
    risk: NDArray[np.float64]  #: the probability that the next word makes an impossible pair
    matched: NDArray[np.float64]  #: the same in the language, as far on and after the same word


class PrefixTree:
    """All beginnings of sentences of a grammar, shorter first, as arrays of length n.

    Parameters
    ----------
    grammar : a source without loops
    words : the words of the predictions, in the order of their ids; all of the grammar's

    Attributes
    ----------
    prefixes : the beginnings, tuples of words; the first is empty
    length : (n,) the number of words; what is predicted there is position `length`
    truth : (n, V) the true distribution of the next word
    share : (n,) the share of all positions of a long text; the sum is 1
    reach : (n,) the probability that a sentence begins so

    Raises
    ------
    TypeError, ValueError
        Where `grammar` is none or has loops, or `words` are not different or not all.
    """

    def __init__(self, grammar: Grammar, words: Sequence[str]) -> None:
        checks.instance("grammar", grammar, Grammar)
        ids = {word: i for i, word in enumerate(checks.words("words", words))}
        if len(ids) < len(words):
            raise ValueError("words must be different, got one twice")
        if missing := set(grammar.words) - ids.keys():
            raise ValueError(f"words must hold those of the grammar, got none for {min(missing)!r}")
        shares = grammar.prefixes()
        self.prefixes = list(shares)
        index = {prefix: i for i, prefix in enumerate(self.prefixes)}
        self.share = np.array(list(shares.values()))
        self.length = np.array([len(prefix) for prefix in self.prefixes])
        self.truth = np.zeros((len(index), len(ids)))
        for prefix, row in zip(self.prefixes, self.truth, strict=True):
            for word, probability in grammar.next_word_distribution(prefix).items():
                row[ids[word]] = probability
        self._ids, self._index = ids, index
        self._parent = np.array([index[p[:-1]] if p else 0 for p in self.prefixes])
        self._word = np.array([ids[p[-1]] if p else 0 for p in self.prefixes])
        self.reach = self.reached(self.truth)

    def reached(self, predicted: ArrayLike) -> NDArray[np.float64]:
        """Return (n,) how often a free-running model begins a sentence with each prefix.

        The product of its (n, V) predictions along the way: the chain rule again.
        """
        rows = self._checked(predicted)
        reach = np.ones(len(self.length))
        for length in range(1, self.length.max() + 1):
            at = self.length == length
            reach[at] = reach[self._parent[at]] * rows[self._parent[at], self._word[at]]
        return reach

    def divergence(self, predicted: ArrayLike) -> NDArray[np.float64]:
        """Return (n,) the divergence of the prediction from the truth after each prefix."""
        return kl_divergence(self.truth, self._checked(predicted))

    def by_position(
        self, values: ArrayLike, weights: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Return the mean of (n,) values at each position, by `reach` unless weights are given.

        A value without weight does not count, not even ``inf``. ValueError where no prefix of a
        position has a weight.
        """
        weight = self.reach
        if weights is not None:
            weight = checks.nonnegative("weights", checks.finite("weights", weights))
        value = checks.numbers("values", values)
        checks.same_shape("values", value, self.length.shape, "the prefixes")
        checks.same_shape("weights", weight, self.length.shape, "the prefixes")
        all_weight = np.bincount(self.length, weight)
        if not all_weight.all():
            raise ValueError(
                "weights must be above 0 for a prefix of each position, got 0 for all of"
                f" position {np.argmin(all_weight)}"
            )
        counted = np.multiply(weight, value, out=np.zeros(value.shape), where=weight > 0)
        return np.bincount(self.length, counted) / all_weight

    def departures(self, predicted: ArrayLike) -> NDArray[np.float64]:
        """Return for each position the share of free-running sentences that leave there.

        A sentence leaves the language with the first word that the truth excludes. The sum is
        the share of all its sentences that are not in the language.
        """
        rows = self._checked(predicted)
        outside = np.where(self.truth > 0, 0.0, rows).sum(axis=-1)
        return np.bincount(self.length, self.reached(rows) * outside).astype(np.float64)

    def aftermath(
        self,
        sentences: Iterable[Sequence[str]],
        predict: Callable[[list[tuple[str, ...]]], ArrayLike],
    ) -> Aftermath:
        """Compare what a model says after an error with what it says without one.

        An error is the first word of a sentence that the truth excludes. After it there is no
        truth to compare with; but two neighbors that stand together in no sentence, an impossible
        pair, are wrong anywhere. Every context after an error, as far as it was continued, is
        matched with all beginnings in the language that have as many words and the same last one,
        each weighted with how often the model begins a sentence so. Both probabilities come from
        the predictions: only the contexts are drawn, not what follows them.

        Parameters
        ----------
        sentences : what the model wrote, running free: words to the full stop, or to a cut
        predict : n beginnings → the model's (n, V) distributions of the next word

        Returns
        -------
        The contexts that have a match; none where no sentence goes on after an error.

        Raises
        ------
        TypeError, ValueError
            Where a sentence is no list of the tree's words or goes on after its full stop, or
            `predict` does not answer with distributions.
        """
        checks.instance("sentences", sentences, Iterable)
        checks.function("predict", predict)
        size = self.truth.shape[1]
        possible = np.zeros((size, size), dtype=bool)
        np.logical_or.at(possible, self._word[1:], self.truth[1:] > 0)

        def risk_after(last: NDArray[np.int64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(np.where(possible[last], 0.0, rows).sum(axis=-1))

        own = self._checked(predict(self.prefixes), "predict's answer")
        at = self.length, self._word
        reach = self.reached(own)
        often, risky = np.zeros((2, self.length.max() + 1, size))
        np.add.at(often, at, reach)
        np.add.at(risky, at, reach * risk_after(self._word, own))

        contexts: list[tuple[str, ...]] = []
        found: list[tuple[int, int, int, int]] = []  # sentence, distance, words, last word
        for number, sentence in enumerate(sentences):
            words, ids = self._sentence(f"sentences[{number}]", sentence)
            error = self._error(words, ids)
            for length in range(error + 1, min(len(words), len(often))):
                if often[length, ids[length - 1]] > 0:
                    contexts.append(words[:length])
                    found.append((number, length - error, length, ids[length - 1]))
        of, distance, lengths, last = np.array(found, dtype=np.int64).reshape(-1, 4).T
        rows = checks.distributions(
            "predict's answer", predict(contexts) if contexts else np.empty((0, size))
        )
        checks.same_shape("predict's answer", rows, (len(contexts), size), "the contexts")
        matched = risky[lengths, last] / often[lengths, last]
        return Aftermath(of, distance, risk_after(last, rows), matched)

    def _sentence(self, name: str, sentence: Sequence[str]) -> tuple[tuple[str, ...], list[int]]:
        words = tuple(checks.words(name, sentence))
        for word in words:
            if word not in self._ids:
                raise ValueError(f"{name} must be of the words of the tree, got {word!r}")
        if END in words[:-1]:
            raise ValueError(f"{name} must end with {END!r}, got it before {words[-1]!r}")
        return words, [self._ids[word] for word in words]

    def _error(self, words: tuple[str, ...], ids: list[int]) -> int:
        """Return the number of words before the first that the truth excludes; all, if none."""
        for t, word in enumerate(ids):
            if not self.truth[self._index[words[:t]], word]:
                return t
        return len(words)

    def _checked(self, predicted: ArrayLike, name: str = "predicted") -> NDArray[np.float64]:
        rows = checks.distributions(name, predicted)
        checks.same_shape(name, rows, self.truth.shape, "the truth")
        return rows
