r"""Minimizing the loss is maximizing the log-likelihood: Theorem D2, executed.

Chapter 2. What the loss measures (log-likelihood, entropy, divergence), the units it is
told in (nats, bits, perplexity), and the floor that a corpus sets: its empirical
conditional entropy, the mean loss of the counts themselves. NumPy, float64, nats.

Source: the document, Theorem 2; Shannon (1948); Kullback & Leibler (1951).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nwp import checks
from nwp.loss import cross_entropy


def log_likelihood(probabilities: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
    r"""Logarithm of the probability of all targets, :math:`\sum_t \log \hat y_t[w_{t+1}]`.

    Parameters
    ----------
    probabilities : (..., V) array, each row a distribution
    targets : (...) integers in [0, V), the right words

    Returns
    -------
    Scalar, in nats, at most 0 for rows that sum to 1 exactly; ``-inf`` where a right word has
        probability 0.

    Raises
    ------
    TypeError, ValueError
        As `nwp.loss.cross_entropy`.
    """
    return 0.0 - cross_entropy(probabilities, targets, reduction="sum")


def entropy(p: ArrayLike) -> NDArray[np.float64]:
    r"""Mean surprise :math:`H(p) = -\sum_i p_i \log p_i`, with :math:`0 \log 0 = 0`.

    Parameters
    ----------
    p : (..., V) array, each row a distribution

    Returns
    -------
    (...) array, in nats, between 0 (certainty) and log V (no preference).

    Raises
    ------
    TypeError, ValueError
        Where a row is not a distribution.
    """
    distribution = checks.distributions("p", p)
    logs = np.zeros_like(distribution)
    np.log(distribution, out=logs, where=distribution > 0)
    return 0.0 - np.sum(distribution * logs, axis=-1)


def kl_divergence(p: ArrayLike, q: ArrayLike) -> NDArray[np.float64]:
    r"""Divergence :math:`D(p \Vert q) = \sum_i p_i \log (p_i / q_i)` of q from p.

    Summed as :math:`p_i \log (p_i / q_i) - p_i + q_i`. The added terms sum to 0, because p and
    q both sum to 1, and they make every summand at least 0. Where q is close to p, the summand
    is computed as :math:`p_i (x - \log(1 + x))` with :math:`x = (q_i - p_i) / p_i`: no rounding
    gives a negative divergence, and that of p from itself is exactly 0.

    Parameters
    ----------
    p : (..., V) array, each row a distribution, the truth
    q : (..., V) array, each row a distribution, the prediction

    Returns
    -------
    (...) array, in nats; ``inf`` where q gives probability 0 to what p does not.

    Raises
    ------
    TypeError, ValueError
        Where a row is not a distribution or the shapes differ.
    """
    truth = checks.distributions("p", p)
    prediction = checks.distributions("q", q)
    checks.same_shape("q", prediction, truth.shape, "p")
    truth = truth / truth.sum(axis=-1, keepdims=True)  # so that the added terms do cancel
    prediction = prediction / prediction.sum(axis=-1, keepdims=True)
    difference = prediction - truth
    with np.errstate(all="ignore"):  # each entry is computed twice, and the sound one is kept
        far = difference - truth * (np.log(prediction) - np.log(truth))
        x = difference / truth
        near = truth * (x - np.log1p(x))
    terms = np.where(np.abs(difference) <= truth / 2, near, far)
    return np.where(truth > 0, terms, prediction).sum(axis=-1)


def perplexity(mean_loss: ArrayLike) -> NDArray[np.float64]:
    """Number of equally likely words that would surprise as much: exp(mean loss).

    Parameters
    ----------
    mean_loss : (...) array, mean loss *per token*, in nats; average before calling

    Returns
    -------
    (...) array, at least 1 for a loss of at least 0.

    Raises
    ------
    TypeError, ValueError
        Where a loss is NaN, or negative beyond rounding.
    """
    with np.errstate(over="ignore"):  # beyond 709 nats the perplexity is inf
        return np.exp(checks.nonnegative("mean_loss", mean_loss, slack=checks.SUM_TOLERANCE))


def bits(nats: ArrayLike) -> NDArray[np.float64]:
    """Convert nats to bits: divide by log 2.

    Parameters
    ----------
    nats : (...) array of real numbers

    Returns
    -------
    (...) array, in bits.

    Raises
    ------
    TypeError, ValueError
        Where `nats` does not hold real numbers, or holds NaN.
    """
    return checks.numbers("nats", nats) / np.log(2.0)


def next_word_counts(
    tokens: ArrayLike, vocabulary_size: int, context_length: int
) -> dict[tuple[int, ...], NDArray[np.int64]]:
    """Count what followed each context in a text.

    Parameters
    ----------
    tokens : (T,) integers in [0, vocabulary_size), with T > context_length
    vocabulary_size : number of words V
    context_length : how many words k before the next one make a context, at least 0

    Returns
    -------
    Context of k ids → (V,) counts of the next word, in order of first appearance
        All counts sum to T - k: the first k words have no full context.

    Raises
    ------
    TypeError, ValueError
        Where a token is no word id or the text is too short.
    """
    size = checks.integer("vocabulary_size", vocabulary_size, at_least=1)
    length = checks.integer("context_length", context_length, at_least=0)
    text = checks.word_ids("tokens", tokens, size)
    if text.ndim != 1 or text.size <= length:
        raise ValueError(
            f"tokens must be one sequence of more than context_length = {length} words, "
            f"got shape {text.shape}"
        )
    counts: dict[tuple[int, ...], NDArray[np.int64]] = {}
    for t in range(length, text.size):
        context = tuple(text[t - length : t].tolist())
        counts.setdefault(context, np.zeros(size, dtype=np.int64))[text[t]] += 1
    return counts


def empirical_next_word(
    tokens: ArrayLike, vocabulary_size: int, context_length: int
) -> dict[tuple[int, ...], NDArray[np.float64]]:
    """Relative frequencies of the next word after each context: the maximum-likelihood estimate.

    Parameters
    ----------
    tokens, vocabulary_size, context_length : as in `next_word_counts`

    Returns
    -------
    Context of k ids → (V,) distribution of the next word.

    Raises
    ------
    TypeError, ValueError
        As `next_word_counts`.
    """
    counts = next_word_counts(tokens, vocabulary_size, context_length)
    return {context: following / following.sum() for context, following in counts.items()}


def empirical_conditional_entropy(
    tokens: ArrayLike, vocabulary_size: int, context_length: int
) -> np.float64:
    """Mean loss of the maximum-likelihood estimate on its own text: the floor.

    No model that sees only the last k words has a smaller mean loss on this text.

    Parameters
    ----------
    tokens, vocabulary_size, context_length : as in `next_word_counts`

    Returns
    -------
    Scalar, in nats per counted word.

    Raises
    ------
    TypeError, ValueError
        As `next_word_counts`.
    """
    counts = np.stack(list(next_word_counts(tokens, vocabulary_size, context_length).values()))
    visits = counts.sum(axis=-1)
    return np.sum(visits * entropy(counts / visits[:, None])) / visits.sum()
