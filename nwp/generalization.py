r"""From this text to the next: how far a measured loss can be trusted.

Chapter 11. What counting costs on a text that it has not counted, in the mean over texts and, for
online predictors, on every single text; how sure a held-out loss is; and how fast it falls with
more text. NumPy, float64, nats.

Source: Shannon (1948); Krichevsky & Trofimov (1981), "The performance of universal encoding";
Schmeiser (1982), "Batch size effects in the analysis of simulation output".
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nwp import checks

BLOCKS = 16  # that a text is cut into for the error of its mean loss: few, so that each is long


# ---------------------------------------------------------------- counting, in the mean
def expected_optimism(p: ArrayLike, n: int) -> float:
    r"""Return :math:`E\,D(\hat p \Vert p)`, by how much counts flatter themselves on their text.

    The shares of n words drawn independently from p have the mean loss :math:`H(\hat p)` on these
    words, on average :math:`H(p) - E\,D(\hat p \Vert p)`. Exact: a sum over the binomial
    distribution of each count.

    Parameters
    ----------
    p : (V,) distribution of a word; entries may be 0
    n : how many words are drawn, at least 1

    Returns
    -------
    In nats per word; about (V - 1) / (2 n) where every n p[i] is large.

    Raises
    ------
    TypeError, ValueError
        Where `p` is not one distribution or `n` is not at least 1.
    """
    truth, n = _one_distribution(p), checks.integer("n", n, at_least=1)
    total = 0.0
    for probability in truth[truth > 0].tolist():
        share = np.arange(n + 1) / (n * probability)
        logs = np.log(share, out=np.zeros(n + 1), where=share > 0)
        total += probability * float(_binomial(n, probability) @ (share * logs - share + 1))
    return total


def expected_estimation_error(p: ArrayLike, n: int, strength: float) -> float:
    r"""Return :math:`E\,D(p \Vert \hat p)` of smoothed counts: what they lose on the next text.

    Here :math:`\hat p_i = (N_i + \alpha) / (n + \alpha V)`, with the counts N of n words that are
    drawn independently from p, and :math:`\alpha` the `strength`. Exact, as `expected_optimism`.

    Parameters
    ----------
    p : (V,) distribution of a word; entries may be 0
    n : how many words are drawn, at least 0
    strength : what is added to every count, at least 0

    Returns
    -------
    In nats per word; ``inf`` for the strength 0, under which an unseen word is impossible, unless
        only one word can come and it did.

    Raises
    ------
    TypeError, ValueError
        Where `p` is not one distribution, `n` is below 0, or `strength` is negative.
    """
    truth, n = _one_distribution(p), checks.integer("n", n, at_least=0)
    alpha = checks.number("strength", strength, at_least=0)
    possible = truth[truth > 0]
    if alpha == 0:
        return 0.0 if n and len(possible) == 1 else math.inf
    total = float(len(truth) - len(possible)) * alpha / (n + alpha * len(truth))
    for probability in possible.tolist():
        ratio = (np.arange(n + 1) + alpha) / ((n + alpha * len(truth)) * probability)
        total += probability * float(_binomial(n, probability) @ (ratio - 1 - np.log(ratio)))
    return total


def _one_distribution(p: ArrayLike) -> NDArray[np.float64]:
    array = checks.distributions("p", p)
    if array.ndim != 1:
        raise ValueError(f"p must be one distribution, of shape (V,), got {array.shape}")
    return array


def _binomial(n: int, probability: float) -> NDArray[np.float64]:
    """Return (n + 1,) the probabilities of 0 … n successes in n trials."""
    if probability >= 1:
        return np.eye(n + 1)[n]
    log_factorial = np.append(0.0, np.cumsum(np.log(np.arange(1, n + 1))))
    k = np.arange(n + 1)
    ways = log_factorial[n] - log_factorial - log_factorial[::-1]
    mass = np.exp(ways + k * math.log(probability) + (n - k) * math.log1p(-probability))
    return mass / mass.sum()  # what 2 n logarithms have lost is the same for all


# ---------------------------------------------------------------- counting, on every text
def online_losses(
    tokens: ArrayLike, vocabulary_size: int, strength: float, context_length: int = 0
) -> NDArray[np.float64]:
    r"""Return the losses of counts that learn while they predict.

    Each word is predicted from what came before it, :math:`(N_w + \alpha) / (N + \alpha V)`, where
    N counts the words after the same context so far, and is counted then. The strength 1 is
    Laplace's rule, 1/2 that of Krichevsky & Trofimov.

    Parameters
    ----------
    tokens : (T,) integers in [0, vocabulary_size), with T > context_length
    vocabulary_size : number of words V
    strength : :math:`\alpha`, above 0
    context_length : how many words before the next one make a context; each has its own counts

    Returns
    -------
    (T - context_length,) losses in nats: the first words have no full context.

    Raises
    ------
    TypeError, ValueError
        Where a token is no word id, the text is too short, or `strength` is not above 0.
    """
    size = checks.integer("vocabulary_size", vocabulary_size, at_least=1)
    alpha = checks.number("strength", strength, above=0)
    length = checks.integer("context_length", context_length, at_least=0)
    text = checks.word_ids("tokens", tokens, size)
    if text.ndim != 1 or text.size <= length:
        raise ValueError(f"tokens must be (T,), T above {length}, got shape {text.shape}")
    words = text.tolist()
    counts: dict[tuple[int, ...], dict[int, int]] = {}
    totals: dict[tuple[int, ...], int] = {}
    losses = []
    for t in range(length, len(words)):
        context, word = tuple(words[t - length : t]), words[t]
        seen, total = counts.setdefault(context, {}), totals.get(context, 0)
        losses.append(math.log((total + alpha * size) / (seen.get(word, 0) + alpha)))
        seen[word], totals[context] = seen.get(word, 0) + 1, total + 1
    return np.array(losses)


def regret(counts: ArrayLike, strength: float) -> float:
    r"""Return the total loss of the online counts on a text less that of its own shares.

    Neither depends on the order of the words, so the counts of the text say all:

    .. math:: \log \frac{\alpha V (\alpha V + 1) \cdots (\alpha V + n - 1)}
        {\prod_i \alpha (\alpha + 1) \cdots (\alpha + n_i - 1)}
        + \sum_i n_i \log \frac{n_i}{n} .

    Parameters
    ----------
    counts : (V,) whole numbers, how often each word stands in the text
    strength : :math:`\alpha`, above 0; from 1/2 on the regret is at most `worst_regret`

    Raises
    ------
    TypeError, ValueError
        Where `counts` are not such numbers or `strength` is not above 0.
    """
    times = checks.nonnegative("counts", counts)
    if times.ndim != 1 or not times.size or (times != np.floor(times)).any():
        raise ValueError(f"counts must be (V,) whole numbers, V at least 1, got {counts!r}")
    alpha = checks.number("strength", strength, above=0)
    n = int(times.sum())
    best = math.fsum(k * math.log(k / n) for k in times.tolist() if k)
    own = math.fsum(_log_rising(alpha, int(k)) for k in times)
    return _log_rising(alpha * times.size, n) - own + best


def worst_regret(n: int, vocabulary_size: int, strength: float) -> float:
    r"""Return the largest `regret` of all texts of n words: that of one word, repeated.

    Refuses a `strength` below 1/2, for which other texts can be worse.
    """
    n = checks.integer("n", n, at_least=0)
    size = checks.integer("vocabulary_size", vocabulary_size, at_least=1)
    alpha = checks.number("strength", strength, at_least=0.5)
    return _log_rising(alpha * size, n) - _log_rising(alpha, n)


def _log_rising(start: float, count: int) -> float:
    """Logarithm of start (start + 1) … (start + count - 1)."""
    return float(np.log(start + np.arange(count)).sum())


# ---------------------------------------------------------------- how sure a held-out loss is
def standard_error(losses: ArrayLike, *, blocks: int = BLOCKS) -> float | None:
    """Return how far the mean loss of a text usually lies from the mean of its source.

    The words of a text depend on each other: a hard page has many hard words. So the losses are cut
    into few and long blocks, and the error is told from the spread of the blocks' means, as if
    these were independent. Where the dependence reaches further, as in a text of a few chapters
    that differ in difficulty, the error is still too small. It is an estimate, too, and usually
    off by its share 1 / sqrt(2 (blocks - 1)): by 18 % for 16 blocks.

    Parameters
    ----------
    losses : (n,) the loss of each token in the order of the text, in nats; or by how much the
        losses of two models differ there
    blocks : how many, at least 2; as equal in length as can be

    Returns
    -------
    In the unit of `losses`; None for fewer losses than blocks.

    Raises
    ------
    TypeError, ValueError
        Where `losses` are not (n,) finite numbers, n at least 1, or `blocks` is not at least 2.

    References
    ----------
    Schmeiser (1982): fewer than about 10 blocks cost much, more than about 30 gain little.
    Künsch (1989): blocks for whatever is estimated from a stationary series.
    """
    array = checks.finite("losses", losses)
    blocks = checks.integer("blocks", blocks, at_least=2)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"losses must have the shape (n,), n at least 1, got {array.shape}")
    if len(array) < blocks:
        return None
    starts = np.arange(blocks) * len(array) // blocks
    above = np.add.reduceat(array - array.mean(), starts)  # sums: the lengths may differ by 1
    return math.sqrt(blocks / (blocks - 1) * float(above @ above)) / len(array)


def student_factor(degrees: int, level: float = 0.95) -> float:
    r"""Return t such that Student's t lies within ±t with probability `level`.

    The `degrees` of freedom :math:`\nu` are b - 1 for b blocks. With
    :math:`x = \sqrt{\nu} \tan \theta` the density of x becomes :math:`\cos^{\nu - 1} \theta`,
    up to a factor. Refuses `degrees` below 1, and a `level` outside (0, 1).
    """
    nu = checks.integer("degrees", degrees, at_least=1)
    level = checks.number("level", level, above=0, below=1)
    angles, step = np.linspace(0.0, math.pi / 2, 20_001, retstep=True)
    density = np.cos(angles) ** (nu - 1)
    within = np.append(0.0, np.cumsum((density[1:] + density[:-1]) / 2) * step)
    return math.sqrt(nu) * math.tan(float(np.interp(level * within[-1], within, angles)))


def interval(
    losses: ArrayLike, *, blocks: int = BLOCKS, level: float = 0.95
) -> tuple[float, float]:
    """Return a confidence interval for the expected loss: mean ± t-factor × `standard_error`.

    For two models on the same text pass the *differences* of their losses: what makes a page hard
    for both cancels. `level` is the share of texts whose interval is to cover the expected loss.

    Raises
    ------
    TypeError, ValueError
        As `standard_error` and `student_factor`; also for fewer losses than blocks.
    """
    if (error := standard_error(losses, blocks=blocks)) is None:
        raise ValueError(f"losses must be at least {blocks}, one a block, got {np.size(losses)}")
    mean = float(checks.finite("losses", losses).mean())
    half = student_factor(blocks - 1, level) * error
    return mean - half, mean + half


# ---------------------------------------------------------------- the learning curve
class PowerLaw(NamedTuple):
    """The loss as a function of size: ``offset + scale * size ** -exponent``."""

    offset: float
    scale: float
    exponent: float
    misfit: float  #: root mean square of loss less curve, in nats


def power_law(sizes: ArrayLike, losses: ArrayLike, offset: float) -> PowerLaw:
    """Fit a power law with a given offset, by least squares in the logarithms of loss - offset.

    Refuses sizes (n,) that are not above 0 or all the same, and losses that `offset` is not below.
    """
    size, loss = checks.finite("sizes", sizes), checks.finite("losses", losses)
    least = checks.number("offset", offset)
    if size.ndim != 1 or len(np.unique(size)) < 2 or size.min() <= 0:
        raise ValueError(f"sizes must be (n,) different numbers above 0, got {sizes!r}")
    checks.same_shape("losses", loss, size.shape, "sizes")
    if least >= loss.min():
        raise ValueError(f"offset must be below every loss, the least {loss.min()}, got {least}")
    x, y = np.log(size), np.log(loss - least)
    slope = float((x - x.mean()) @ y / ((x - x.mean()) @ (x - x.mean())))
    scale = math.exp(y.mean() - slope * x.mean())
    curve = least + scale * size**slope
    return PowerLaw(least, scale, -slope, math.sqrt(np.mean((loss - curve) ** 2)))
