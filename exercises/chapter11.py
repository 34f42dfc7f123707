"""The exercises of chapter 11, how sure a loss is."""

import math

import numpy as np

from exercises.kinds import BASES, Code, Numbers, in_other_bases, times
from nwp.generalization import expected_optimism, online_losses, regret

LEAD, MODELS = np.exp(-10), 1000
NEEDED = np.log(MODELS / 0.01)
FREE = 53
MIXED = [3, 1]
LAPLACE, HALF = regret(MIXED, 1), regret(MIXED, 0.5)


def online_loss(tokens, size, alpha):
    return online_losses(tokens, size, alpha).sum()


def counted_first(tokens, size, alpha):
    counts, total = np.full(size, alpha), 0.0
    for word in tokens:
        counts[word] += 1
        total -= np.log(counts[word] / counts.sum())
    return total


def alpha_once(tokens, size, alpha):
    counts, total = np.zeros(size), 0.0
    for word in tokens:
        total -= np.log((counts[word] + alpha) / (counts.sum() + alpha))
        counts[word] += 1
    return total


def own_shares(tokens, size, alpha):
    counts = np.bincount(tokens, minlength=size)
    return -np.log(counts[tokens] / len(tokens)).sum()


random = np.random.default_rng(11)
TEXTS = [
    (np.array([0]), 2, 1.0),
    (np.array([0, 1]), 2, 0.5),
    (np.array([0, 0, 2]), 3, 1.0),
    (np.array([1, 1, 0, 1]), 3, 0.25),
    (random.integers(0, 5, size=40), 6, 0.5),
]


def coin_optimism(p, n):
    return expected_optimism([p, 1 - p], n)


def of_heads(p, n, *, weighted=True, reverse=False):
    """Average the divergence over the numbers of heads."""
    k = np.arange(n + 1)
    logs = np.array([math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in k])
    chances = np.exp(logs + k * np.log(p) + (n - k) * np.log(1 - p))
    total = np.zeros(n + 1)
    for truth, share in ((p, k / n), (1 - p, 1 - k / n)):
        one, other = (truth, share) if reverse else (share, truth)
        total += np.where(one > 0, one * np.log(one / other), 0.0)
    return chances @ total if weighted else total.mean()


COINS = [(0.5, 1), (0.5, 2), (0.2, 5), (0.7, 30), (0.3, 2000)]


def difference_interval(one, other, blocks, factor):
    means = (one - other).reshape(blocks, -1).mean(axis=1)
    return around(means, means.std(ddof=1) / np.sqrt(blocks), factor)


def around(values, error, factor):
    return values.mean() - factor * error, values.mean() + factor * error


def not_paired(one, other, blocks, factor):
    means = [losses.reshape(blocks, -1).mean(axis=1) for losses in (one, other)]
    variance = sum(row.var(ddof=1) for row in means) / blocks
    return around(one - other, np.sqrt(variance), factor)


def no_blocks(one, other, blocks, factor):
    return difference_interval(one, other, len(one), factor)


def spread_not_error(one, other, blocks, factor):
    means = (one - other).reshape(blocks, -1).mean(axis=1)
    return around(means, means.std(ddof=1), factor)


def divided_by_b(one, other, blocks, factor):
    means = (one - other).reshape(blocks, -1).mean(axis=1)
    return around(means, means.std() / np.sqrt(blocks), factor)


hard = np.repeat(random.normal(size=6), 4).round(1)
LOSSES = [
    (np.array([1.0, 2.0]), np.array([0.5, 1.0]), 2, 2.0),
    (np.array([1.0, 2.0, 3.0, 5.0]), np.array([1.0, 1.0, 2.0, 2.0]), 2, 12.7),
    (
        (3 + hard + 0.2 * random.normal(size=24)).round(2),
        (3 + hard + 0.3 * random.normal(size=24)).round(2),
        6,
        2.57,
    ),
]


def mixture_losses(losses):
    totals = np.hstack([np.zeros((len(losses), 1)), losses.cumsum(axis=1)])
    least = totals.min(axis=0)
    return np.diff(least - np.log(np.exp(least - totals).mean(axis=0)))


def underflow(losses):
    totals = np.hstack([np.zeros((len(losses), 1)), losses.cumsum(axis=1)])
    return np.diff(-np.log(np.exp(-totals).mean(axis=0)))


PREDICTORS = [
    (np.array([[1.0], [2.0]]),),
    (np.array([[0.0, 2.0], [1.0, 0.5]]),),
    (np.array([[1.0, 2.0, 0.5], [np.inf, 0.1, 0.1]]),),
    (np.array([[0.5, 400.0, 500.0, 1.0], [1.0, 450.0, 430.0, 2.0], [0.1, 500.0, 400.0, 0.5]]),),
    (random.exponential(size=(4, 12)).round(2),),
]

EXERCISES = {
    "11.1": Numbers(
        (LEAD, MODELS * LEAD, NEEDED),
        [
            ("log-base", 0, 2.0**-10),
            ("log-base", 0, 10.0**-10),
            ("percent-not-share", 0, 100 * LEAD),
            ("one-of-many", 1, LEAD),
            ("log-base", 1, MODELS * 2.0**-10),
            ("percent-not-share", 1, 100 * MODELS * LEAD),
            ("one-of-many", 2, np.log(100)),
            *[("log-base", 2, NEEDED / base) for base in BASES],
        ],
        atol=1e-7,  # the first probability is far below a thousandth
    ),
    "11.2": Numbers(
        (FREE / 2000, FREE / 1000, FREE / 0.002),
        [
            ("off-by-one", 0, (FREE + 1) / 2000),
            ("half-forgotten", 0, FREE / 1000),
            ("contexts-added", 0, (FREE + 1) * FREE / 2000),
            ("off-by-one", 1, (FREE + 1) / 1000),
            ("one-side", 1, FREE / 2000),
            ("half-forgotten", 1, FREE / 500),
            ("off-by-one", 2, (FREE + 1) / 0.002),
            ("half-forgotten", 2, FREE / 0.001),
        ],
        atol=2e-4,
    ),
    "11.3": Numbers(
        (1 / 20, LAPLACE, HALF),
        [
            ("own-shares", 0, 27 / 256),
            ("loss-for-probability", 0, np.log(20)),
            *[
                mistake
                for place, right in ((1, LAPLACE), (2, HALF))
                for mistake in (
                    ("mean-not-total", place, right / 4),
                    ("missing-minus", place, -right),
                    *[("log-base", place, right / base) for base in BASES],
                )
            ],
        ],
    ),
    "11.4": Code(
        online_loss,
        TEXTS,
        {
            "counted-first": counted_first,
            "alpha-once": alpha_once,
            "own-shares": own_shares,
            "mean-not-total": lambda tokens, size, alpha: online_losses(tokens, size, alpha).mean(),
            "missing-minus": times(-1, online_loss),
            "log-base": in_other_bases(online_loss),
        },
    ),
    "11.5": Code(
        coin_optimism,
        COINS,
        {
            "first-order": lambda p, n: 1 / (2 * n),
            "unweighted": lambda p, n: of_heads(p, n, weighted=False),
            "reversed": lambda p, n: of_heads(p, n, reverse=True),
            "missing-minus": times(-1, coin_optimism),
            "log-base": in_other_bases(coin_optimism),
        },
    ),
    "11.7": Code(
        difference_interval,
        LOSSES,
        {
            "not-paired": not_paired,
            "no-blocks": no_blocks,
            "spread-not-error": spread_not_error,
            "divided-by-b": divided_by_b,
            "missing-minus": lambda one, other, blocks, factor: difference_interval(
                other, one, blocks, factor
            ),
            "swapped": lambda *given: difference_interval(*given)[::-1],
        },
    ),
    "11.8": Code(
        mixture_losses,
        PREDICTORS,
        {
            "underflow": underflow,
            "equal-weights": lambda losses: -np.log(np.exp(-losses).mean(axis=0)),
            "mean-of-losses": lambda losses: losses.mean(axis=0),
            "best-alone": lambda losses: losses[losses.sum(axis=1).argmin()],
            "log-base": in_other_bases(mixture_losses),
        },
    ),
}
