r"""The cross-entropy loss of one next-word prediction, :math:`-\log \hat y_t[w_{t+1}]`.

Chapter 1. Three forms of the same number: the lookup, the inner product with a one-hot
vector, and the form that starts from logits and stays accurate where the other two have
already rounded to 0 or overflowed. NumPy, float64, natural logarithms: losses in nats.

Source: the document, "A função de perda cross-entropy em detalhe"; Jurafsky & Martin,
*Speech and Language Processing*, draft of 3 February 2024 (SLP3), chapter 10.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nwp import checks

REDUCTIONS = ("mean", "sum", "none")


def one_hot(targets: ArrayLike, vocabulary_size: int) -> NDArray[np.float64]:
    """Put all probability on the right word.

    Parameters
    ----------
    targets : (...) integers in [0, vocabulary_size)
    vocabulary_size : number of words V, at least 1

    Returns
    -------
    (..., V) array, 1 at the target and 0 elsewhere.

    Raises
    ------
    TypeError, ValueError
        Where a target is not an integer or not in the vocabulary.
    """
    size = checks.integer("vocabulary_size", vocabulary_size, at_least=1)
    words = checks.word_ids("targets", targets, size)
    return (words[..., None] == np.arange(size)).astype(np.float64)


def log_softmax(logits: ArrayLike) -> NDArray[np.float64]:
    r"""Log-probabilities of the softmax, accurate also where they are tiny.

    With :math:`m = \max_j z_j`, reached at word k,

    .. math:: \log \hat y_i = (z_i - m) - \log\Bigl(1 + \sum_{j \ne k} e^{z_j - m}\Bigr).

    Both terms are at most 0, so nothing cancels. The sum leaves word k out: ``log1p`` then
    sees the share of the other words also where adding it to 1 would round it away. What
    remains is the rounding of :math:`z_j - m`, which the exponential passes on: a relative
    error of at most 1e-13 where word k leads by up to 700.

    Parameters
    ----------
    logits : (..., V) real scores; ``-inf`` masks a word

    Returns
    -------
    (..., V) array, in nats; ``-inf`` for a masked word.

    Raises
    ------
    TypeError, ValueError
        Where a logit is NaN or ``+inf``, or a row has no finite logit.
    """
    scores = checks.logits("logits", logits)
    with np.errstate(over="ignore"):  # a difference beyond 1.8e308 is -inf, as it should be
        below_top = scores - scores.max(axis=-1, keepdims=True)
    shares = np.exp(below_top)
    top = scores.argmax(axis=-1)[..., None]
    np.put_along_axis(shares, top, 0.0, axis=-1)
    return below_top - np.log1p(shares.sum(axis=-1, keepdims=True))


def softmax(logits: ArrayLike) -> NDArray[np.float64]:
    r"""Turn scores into the distribution :math:`\hat y_i = e^{z_i} / \sum_j e^{z_j}`.

    Parameters
    ----------
    logits : (..., V) real scores; ``-inf`` masks a word

    Returns
    -------
    (..., V) array whose rows sum to 1.

    Raises
    ------
    TypeError, ValueError
        As `log_softmax`.
    """
    return np.exp(log_softmax(logits))


def cross_entropy(
    probabilities: ArrayLike,
    targets: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    reduction: str = "mean",
) -> NDArray[np.float64]:
    r"""Surprise at the right word, :math:`-\log \hat y[w]`: look it up, take the logarithm.

    Parameters
    ----------
    probabilities : (..., V) array, each row a distribution
        How closely a row must sum to 1, `nwp.checks.distributions` says.
    targets : (...) integers in [0, V), the right words
    weights, reduction : as in `reduced`

    Returns
    -------
    Scalar, or (...) array for "none", in nats
        ``inf`` where the right word has probability 0. Below 0 only where a row exceeds the
        sum 1, within the tolerance.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and what was expected; also for the mean of no target.

    References
    ----------
    The document, definition of the loss; SLP3, chapter 10.
    """
    predicted, words = checks.predictions(probabilities, targets)
    with np.errstate(divide="ignore"):  # -log 0 is inf, by definition
        losses = 0.0 - np.log(_at(predicted, words))  # not -log: certainty costs 0.0, not -0.0
    return reduced(losses, weights, reduction)


def cross_entropy_one_hot(
    probabilities: ArrayLike,
    one_hot_targets: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    reduction: str = "mean",
) -> NDArray[np.float64]:
    r"""Inner product :math:`-\sum_i y_i \log \hat y_i`, with :math:`0 \log 0 = 0`.

    For a one-hot y this is `cross_entropy`; any other target distribution is welcome too.

    Parameters
    ----------
    probabilities : (..., V) array, each row a distribution
    one_hot_targets : (..., V) array, each row a distribution
    weights, reduction : as in `reduced`

    Returns
    -------
    Scalar, or (...) array for "none", in nats
        ``inf`` where a word with positive target probability is predicted with probability 0.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and what was expected; also for the mean of no target.

    References
    ----------
    The document, "a perda cross-entropy em contexto multiclasse"; SLP3, chapter 10.
    """
    predicted = checks.distributions("probabilities", probabilities)
    wanted = checks.distributions("one_hot_targets", one_hot_targets)
    checks.same_shape("one_hot_targets", wanted, predicted.shape, "probabilities")
    log_predicted = np.zeros_like(predicted)  # stays 0 where nothing is wanted: 0 log 0 = 0
    with np.errstate(divide="ignore"):
        np.log(predicted, out=log_predicted, where=wanted > 0)
    losses = 0.0 - np.sum(wanted * log_predicted, axis=-1)
    return reduced(losses, weights, reduction)


def cross_entropy_from_logits(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    ignore_index: int | None = None,
    weights: ArrayLike | None = None,
    reduction: str = "mean",
) -> NDArray[np.float64]:
    r"""The loss :math:`-z_w + \log \sum_j e^{z_j}`, accurate also where it is tiny.

    The relative error stays below 1e-13 for every lead of the right word's logit from 0 to
    700: see `log_softmax`. Inputs of half or single precision are computed in float64.

    Parameters
    ----------
    logits : (..., V) real scores; ``-inf`` masks a word
    targets : (...) integers in [0, V), the right words, or `ignore_index`
    ignore_index : integer or None
        Positions with this target are not read, as if their weight were 0.
    weights, reduction : as in `reduced`

    Returns
    -------
    Scalar, or (...) array for "none", in nats
        ``inf`` where the right word is masked.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and what was expected; also for the mean of no
        counted target.

    References
    ----------
    Blanchard, Higham & Higham (2021), *Accurately computing the log-sum-exp and softmax
    functions*, for the sum without its largest term.
    """
    scores = checks.real_array("logits", logits)
    checks.has_words("logits", scores)
    words = checks.word_ids("targets", targets, scores.shape[-1], ignore_index=ignore_index)
    checks.same_shape("targets", words, scores.shape[:-1], "the rows of logits")
    counted = np.full(words.shape, True) if ignore_index is None else words != ignore_index
    # What is not read becomes 0 and stays in its place: an error then names the index given.
    log_predicted = log_softmax(np.where(counted[..., None], scores, 0.0))
    losses = 0.0 - _at(log_predicted, np.where(counted, words, 0))
    shares = np.where(counted, _weights(weights, words.shape), 0.0)
    return reduced(losses, shares, reduction)


def _at(values: NDArray[np.float64], words: NDArray[np.int64]) -> NDArray[np.float64]:
    """Look up one word in every row: (..., V) and (...) give (...)."""
    return np.take_along_axis(values, words[..., None], axis=-1)[..., 0]


def reduced(losses: ArrayLike, weights: ArrayLike | None, reduction: str) -> NDArray[np.float64]:
    r"""Make one number of many losses: the one place where a mean is taken.

    Parameters
    ----------
    losses : (...) array, in nats
    weights : (...) array of numbers of at least 0, what each loss counts; None: 1 each
    reduction : "mean", :math:`\sum_i a_i \ell_i / \sum_i a_i` with the weights a; "sum",
        :math:`\sum_i a_i \ell_i`; or "none", each :math:`a_i \ell_i`

    Returns
    -------
    Scalar, or (...) array for "none". What has the weight 0 costs 0, even if its loss is ``inf``.

    Raises
    ------
    TypeError, ValueError
        Naming the argument; also for a mean where all weights are 0.
    """
    checks.choice("reduction", reduction, REDUCTIONS)
    each = checks.real_array("losses", losses)
    shares = _weights(weights, each.shape)
    costs = np.multiply(shares, each, out=np.zeros(each.shape), where=shares > 0)
    if reduction == "none":
        return costs[()]
    if reduction == "sum":
        return costs.sum()
    if not shares.any():
        raise ValueError(
            f"a mean needs at least one counted target, got none of {shares.size}; "
            'reduction="sum" gives 0'
        )
    return costs.sum() / shares.sum()


def _weights(weights: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.float64]:
    if weights is None:
        return np.ones(shape)
    shares = checks.nonnegative("weights", checks.finite("weights", weights))
    checks.same_shape("weights", shares, shape, "targets")
    return shares
