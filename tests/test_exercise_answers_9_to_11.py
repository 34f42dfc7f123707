"""Answers to the exercises of chapters 9 to 11 as readers give them: wrong and right ones."""

import math
import statistics
from collections import Counter
from fractions import Fraction

import answers
import numpy as np
import pytest
import torch
from scipy.special import gammaln, log_softmax, logsumexp, softmax
from scipy.stats import binom, entropy, sem

LOG2 = math.log(2)


# 9.5: the cell


def cell_by_search(low, width):
    length = 1
    while width * 2**length < 2:
        length += 1
    return [-math.floor(-low * 2**length), length]


def cell_in_fractions(low, width):
    length = math.ceil(math.log2(1 / width)) + 1
    return np.array([math.ceil(Fraction(low) * 2**length), length])


def cell(low, width, *, length=None, place=math.ceil):
    """Make the cell with one thing done otherwise."""
    length = math.ceil(math.log2(1 / width)) + 1 if length is None else length(width)
    return place(low * 2**length), length


# 9.6: learning on the way


def counted(seen, ones=0.25, both=0.5, *, first=0, log=math.log2):
    total, came = 0.0, [0, 0]
    for n, bit in enumerate(seen):
        total -= log((came[bit] + ones) / (n + both)) if n >= first else 0.0
        came[bit] += 1
    return total


def by_moving_mean(seen):
    total, p = 0.0, 0.5
    for n, bit in enumerate(seen):
        total -= math.log2(p if bit else 1 - p)
        p += (bit - p) / (n + 1.5)
    return total


def by_gammas(seen):
    n, ones = len(seen), sum(seen)
    parts = gammaln(ones + 0.25) + gammaln(n - ones + 0.25) - 2 * gammaln(0.25)
    return (gammaln(n + 0.5) - gammaln(0.5) - parts) / LOG2


def only_the_ones(seen):
    p = (np.cumsum(seen) - seen + 0.25) / (np.arange(len(seen)) + 0.5)
    return -np.log2(p).sum()


def after_counting(seen):
    p = (np.cumsum(seen) + 0.25) / (np.arange(len(seen)) + 1.5)
    return -np.log2(np.where(seen, p, 1 - p)).sum()


# 9.8 and 11.8: a mixture


def mixed(losses):
    return (math.log(len(losses)) - logsumexp(-losses.sum(axis=1))) / LOG2


def mixed_on_the_way(losses):
    return sum(way_of_the_mixture(losses)) / LOG2


def way_of_the_mixture(losses):
    weights, way = np.full(len(losses), 1 / len(losses)), []
    for word in losses.T:
        least = word[weights > 0].min()
        shares = weights * np.exp(least - word)
        way.append(least - math.log(shares.sum()))
        weights = shares / shares.sum()
    return way


def differences_of_totals(losses):
    totals = np.cumsum(np.insert(losses, 0, 0.0, axis=1), axis=1)
    return np.diff(math.log(len(losses)) - logsumexp(-totals, axis=0))


def by_torch_totals(losses):
    totals = torch.tensor(losses).cumsum(1)
    ahead = math.log(len(losses)) - torch.logsumexp(-totals, 0)
    return torch.diff(ahead, prepend=torch.zeros(1, dtype=torch.float64))


def with_the_word_itself(losses):
    totals = losses.cumsum(axis=1)
    weights = softmax(-totals, axis=0)
    return -np.log((weights * np.exp(-losses)).sum(axis=0))


def weighted_losses(losses):
    before = np.cumsum(np.insert(losses, 0, 0.0, axis=1), axis=1)[:, :-1]
    return (softmax(-before, axis=0) * np.where(np.isfinite(losses), losses, 0)).sum(axis=0)


def follow_the_leader(losses):
    before = np.cumsum(np.insert(losses, 0, 0.0, axis=1), axis=1)[:, :-1]
    return losses[before.argmin(axis=0), np.arange(losses.shape[1])]


# 11.4: counts that learn on the way


def online(tokens, size, alpha, *, first=False, added=None, log=math.log):
    seen, total = Counter(), 0.0
    for t, word in enumerate(tokens):
        seen[word] += first
        share = (seen[word] + alpha) / (t + first + (alpha * size if added is None else added))
        total -= log(share)
        seen[word] += not first
    return total


def online_by_gammas(tokens, size, alpha):
    n = np.bincount(tokens, minlength=size)
    whole = gammaln(n.sum() + alpha * size) - gammaln(alpha * size)
    return whole - (gammaln(n + alpha) - gammaln(alpha)).sum()


def online_in_a_growing_vocabulary(tokens, size, alpha):
    total = 0.0
    for t, word in enumerate(tokens):
        known = len(set(tokens[: t + 1]))
        total -= math.log((list(tokens[:t]).count(word) + alpha) / (t + alpha * known))
    return total


# 11.5: the optimism of a coin


def divergence(share, p):
    parts = [(share, p), (1 - share, 1 - p)]
    return sum(a * math.log(a / b) for a, b in parts if a > 0)


def coin(p, n):
    return sum(binom.pmf(k, n, p) * divergence(k / n, p) for k in range(n + 1))


def coin_by_entropies(p, n):
    shares = np.arange(n + 1) / n
    mean = binom.pmf(np.arange(n + 1), n, p) @ entropy([shares, 1 - shares])
    return entropy([p, 1 - p]) - mean


def coin_by_big_numbers(p, n):
    total = 0.0
    for k in range(n + 1):
        log = math.log(math.comb(n, k)) + k * math.log(p) + (n - k) * math.log1p(-p)
        total += math.exp(log) * divergence(k / n, p)
    return total


def coin_that_overflows(p, n):
    ways = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    return sum(way * divergence(k / n, p) for k, way in enumerate(ways))


def tossed(p, n):
    heads = np.random.default_rng(0).binomial(n, p, size=10_000)
    seen, times = np.unique(heads, return_counts=True)
    return np.average([divergence(k / n, p) for k in seen], weights=times)


# 11.7: is the difference real?


def block_means(one, other, blocks):
    return (one - other).reshape(blocks, -1).mean(axis=1)


def between(middle, error, factor):
    return middle - factor * error, middle + factor * error


def in_blocks(one, other, blocks, factor):
    means = [statistics.fmean(part) for part in np.array_split(one - other, blocks)]
    error = statistics.stdev(means) / math.sqrt(blocks)
    return [statistics.fmean(means) - factor * error, statistics.fmean(means) + factor * error]


def interval_by_torch(one, other, blocks, factor):
    means = torch.tensor(one - other).reshape(blocks, -1).mean(1)
    return between(means.mean(), means.std() / blocks**0.5, factor)


def apart(one, other, blocks, factor):
    errors = [sem(losses.reshape(blocks, -1).mean(axis=1)) for losses in (one, other)]
    return between((one - other).mean(), math.hypot(*errors), factor)


def interleaved(one, other, blocks, factor):
    means = (one - other).reshape(-1, blocks).mean(axis=0)
    return between(means.mean(), sem(means), factor)


# 10.4, 10.6, 10.7


def chosen(rows, w):
    return rows[np.arange(len(w)), w]


def loss(z, w):
    return -chosen(log_softmax(z, axis=1), w).mean()


def smoothed(z, w, target):
    return -(target * log_softmax(z, axis=1)).sum(axis=1).mean()


def mixture(z, w, epsilon):
    return (1 - epsilon) * np.eye(z.shape[1])[w] + epsilon / z.shape[1]


def by_torch(z, w, epsilon):
    return torch.nn.functional.cross_entropy(
        torch.tensor(z), torch.tensor(w), label_smoothing=epsilon
    )


def diagram(p, w, edges, error=None, *, own=False):
    """Make the diagram by sorting each probability, or each row's right word alone."""
    error = error or (lambda s, n: np.sqrt((s * (1 - s)).clip(0).sum()) / n)
    place = np.digitize(p, edges[1:-1])
    called, came, errors = [], [], []
    for k in range(len(edges) - 1):
        here = place == k
        s, n = (p * here).sum(axis=1), here.sum()
        called.append(s.sum() / n)
        came.append(chosen(here, w).sum() / (len(w) if own else n))
        errors.append(error(s, n))
    return np.array(called), np.array(came), np.array(errors)


def in_loops(p, w, edges):
    points = []
    for k in range(len(edges) - 1):
        called = hits = count = variance = 0
        for row, word in zip(p, w, strict=True):
            s = 0.0
            for v, probability in enumerate(row):
                last = k == len(edges) - 2
                if edges[k] <= probability and (probability < edges[k + 1] or last):
                    s, count, hits = s + probability, count + 1, hits + (v == word)
            called, variance = called + s, variance + s * (1 - s)
        points.append((called / count, hits / count, max(variance, 0.0) ** 0.5 / count))
    return np.array(points).T


WRONG = {
    "9.1": [
        (6, 6, 4.159),
        (6, 8, 4.159),
        (4.159, 7, 6),
        (1.5, 7, 1.04),
        (6, 7, 8.656),
        (6, 7, 1.806),
        (-6, 7, -4.159),
        (5, 6, 3.466),
    ],
    "9.2": [
        (2.25, 1, 0.0536),
        (1.9, 0.5, 0.0536),
        (1.9, 1.25, 0.0536),
        (1.9, 1, 1.846),
        (1.9, 1, 0.0371),
        (1.9, 1, -0.0536),
        (1.846, 1, 0.0536),
    ],
    "9.3": [
        ("0", "10", "11"),
        ("0", "01", "11"),
        ("00", "01", "10", "11"),
        ("0", "1", "01"),
        ("0", "0", "1"),
        ("", "01"),
        ("a", "b"),
        (0, 10, 11),
    ],
    "9.4": [
        lambda y, k: np.floor(y * 2**k),
        lambda y, k: np.ceil(y * 2**k),
        lambda y, k: np.round(y * 2**k) + 1,
        lambda y, k: np.maximum(np.floor(y * 2**k), 1),
        lambda y, k: y * 2**k + 1,
        lambda y, k: np.floor(y * 10**k) + 1,
        lambda y, k: np.floor(y * (2**k - len(y))) + 1,
        lambda y, k: (y * 2**k).astype(np.uint8) + 1,
    ],
    "9.5": [
        lambda low, width: cell(low, width, place=math.floor),
        lambda low, width: cell(low, width, place=round),
        lambda low, width: cell(low, width, length=lambda w: math.ceil(-math.log2(w))),
        lambda low, width: cell(low, width, length=lambda w: math.ceil(-math.log2(w)) + 2),
        lambda low, width: cell(low, width, length=lambda w: math.floor(-math.log2(w)) + 1),
        lambda low, width: cell(low, width, length=lambda w: math.ceil(-math.log(w)) + 1),
        lambda low, width: cell(low, width)[::-1],
        lambda low, width: (cell(low, width)[0] / 2 ** cell(low, width)[1], cell(low, width)[1]),
    ],
    "9.6": [
        lambda seen: counted(seen, 0.5, 1.0),
        lambda seen: counted(seen, 1.0, 2.0),
        lambda seen: counted(seen, 0.25, 1.0),
        lambda seen: counted(seen, first=1),
        lambda seen: counted(seen, log=math.log),
        lambda seen: counted(seen) / len(seen),
        lambda seen: -counted(seen),
        lambda seen: len(seen) * entropy([np.mean(seen), 1 - np.mean(seen)], base=2),
        only_the_ones,
        after_counting,
    ],
    "9.8": [
        lambda losses: mixed(losses) * LOG2,
        lambda losses: -mixed(losses),
        lambda losses: mixed(losses) / losses.shape[1],
        lambda losses: losses.sum(axis=1).min() / LOG2,
        lambda losses: losses.sum(axis=1).min() / LOG2 + math.log2(len(losses)),
        lambda losses: losses.sum(axis=1).mean() / LOG2,
        lambda losses: -logsumexp(-losses.sum(axis=1)) / LOG2,
        lambda losses: -np.log2(np.exp(-losses.sum(axis=1)).mean()),
        lambda losses: -np.log2(np.exp(-losses).mean(axis=0)).sum(),
    ],
    "10.1": [
        (0.916, 0.26, 0.4),
        (0.511, 0.1, 0.4),
        (0.511, 0.51, 0.4),
        (0.511, 0.26, 0.3),
        (0.511, 0.4, 0.26),
        (0.693, 0.26, 0.4),
        (0.511, 0.13, 0.4),
    ],
    "10.2": [
        (0.5, 0.5, 0.5),
        (0.9, 0.75, 0.999999),
        (0.5, 0.4, 0.6),  # both costs are equal
        (0.5, 0.4, 0.9),
        (1.0, 0.5, 0.6),
        (0.9, 1.5, 0.75),
    ],
    "10.4": [
        lambda z, w: entropy(softmax(z, axis=1), axis=1).mean(),
        lambda z, w: loss(z, w) + entropy(softmax(z, axis=1), axis=1).mean(),
        lambda z, w: loss(z, w) - np.log(z.shape[1]),
        lambda z, w: loss(z, w) / entropy(softmax(z, axis=1), axis=1).mean(),
        lambda z, w: np.abs(loss(z, w) - entropy(softmax(z, axis=1), axis=1).mean()),
        lambda z, w: loss(z, w) - entropy(softmax(z, axis=0), axis=1).mean(),
        lambda z, w: ((softmax(z, axis=1) - np.eye(z.shape[1])[w]) ** 2).sum(axis=1).mean(),
    ],
    "10.6": [
        lambda z, w, e: loss(z, w),
        lambda z, w, e: (1 - e) * loss(z, w),
        lambda z, w, e: smoothed(z, w, mixture(z, w, 1 - e)),
        lambda z, w, e: smoothed(z, w, mixture(z, w, 0.1)),
        lambda z, w, e: (1 - e) * loss(z, w) + e * np.log(z.shape[1]),
        lambda z, w, e: (1 - e) * loss(z, w) - e * z.mean(),
        lambda z, w, e: loss(z, w) + e * entropy(softmax(z, axis=1), axis=1).mean(),
    ],
    "10.7": [
        lambda p, w, edges: diagram(p, w, edges, own=True),
        lambda p, w, edges: diagram(p, w, edges)[::-1],
        lambda p, w, edges: diagram(p, w, edges, lambda s, n: np.sqrt((s * (1 - s)).sum() / n)),
        lambda p, w, edges: diagram(p, w, edges, lambda s, n: np.sqrt(s.sum()) / n),
        lambda p, w, edges: diagram(p, w, edges, lambda s, n: 2 * np.sqrt((s - s**2).sum()) / n),
        lambda p, w, edges: diagram(p, (w + 1) % p.shape[1], edges),
    ],
    "11.1": [
        (0.000977, 0.977, 11.5),
        (4.54e-5, 4.54e-5, 11.5),
        (4.54e-5, 0.0444, 11.5),  # as if the models' leads were independent
        (4.54e-5, 0.0454, 4.61),
        (4.54e-5, 0.0454, 6.91),
        (4.54e-5, 0.0454, 16.6),
        (0.00454, 4.54, 11.5),
        (10, 10_000, 11.5),
    ],
    "11.2": [
        (0.053, 0.053, 26_500),
        (0.0265, 0.0265, 26_500),
        (0.0265, 0.106, 26_500),
        (0.0265, 0.053, 53_000),
        (0.0265, 0.053, 27_000),
        (0.0265, 0.053, 1_431_000),
        (1.431, 0.053, 26_500),
        (0.027, 0.054, 27_000),
    ],
    "11.3": [
        (27 / 256, 0.746, 0.993),
        (2.996, 0.746, 0.993),
        (0.0625, 0.746, 0.993),
        (0.05, 0.187, 0.248),
        (0.05, -0.746, -0.993),
        (0.05, 1.077, 1.433),
        (0.05, 0.993, 0.746),
        (0.05, 2.996, 3.243),
    ],
    "11.4": [
        lambda tokens, size, alpha: online(tokens, size, alpha, first=True),
        lambda tokens, size, alpha: online(tokens, size, alpha, added=alpha),
        lambda tokens, size, alpha: online(tokens, size, alpha, added=size),
        lambda tokens, size, alpha: online(tokens, size, 1.0),
        lambda tokens, size, alpha: online(tokens, size, alpha, log=math.log2),
        lambda tokens, size, alpha: online(tokens, size, alpha) / len(tokens),
        lambda tokens, size, alpha: math.exp(-online(tokens, size, alpha)),
        lambda tokens, size, alpha: len(tokens) * entropy(np.bincount(tokens)),
        online_in_a_growing_vocabulary,
    ],
    "11.5": [
        lambda p, n: 1 / (2 * n),
        lambda p, n: -coin(p, n),
        lambda p, n: coin(p, n) / LOG2,
        lambda p, n: n * coin(p, n),
        lambda p, n: math.log1p(1 / n),
        lambda p, n: divergence(round(n * p) / n, p),
        lambda p, n: np.mean([divergence(k / n, p) for k in range(n + 1)]),
        coin_that_overflows,
        tossed,
    ],
    "11.7": [
        apart,
        interleaved,
        lambda one, other, blocks, factor: between((one - other).mean(), sem(one - other), factor),
        lambda one, other, blocks, factor: in_blocks(other, one, blocks, factor),
        lambda one, other, blocks, factor: in_blocks(one, other, blocks, factor)[::-1],
        lambda one, other, blocks, factor: in_blocks(one, other, blocks, 1.96),
        lambda one, other, blocks, factor: in_blocks(one, other, blocks, factor / blocks**0.5),
        lambda one, other, blocks, factor: between(
            (one - other).mean(), block_means(one, other, blocks).std() / blocks**0.5, factor
        ),
        lambda one, other, blocks, factor: between(
            (one - other).mean(), block_means(one, other, blocks).std(ddof=1), factor
        ),
    ],
    "11.8": [
        lambda losses: losses.mean(axis=0),
        lambda losses: losses[losses.sum(axis=1).argmin()],
        lambda losses: -np.log(np.exp(-losses).mean(axis=0)),
        lambda losses: np.array(way_of_the_mixture(losses)) / LOG2,
        lambda losses: -np.array(way_of_the_mixture(losses)),
        lambda losses: np.cumsum(way_of_the_mixture(losses)),
        with_the_word_itself,
        weighted_losses,
        follow_the_leader,
    ],
}

RIGHT = {
    "9.1": [
        (6, 7, 4.159),
        [6.0, 7.0, 4.1589],
        (Fraction(6), 7, 6 * LOG2),
        torch.tensor([6, 7, 4.16]),
    ],
    "9.2": [(1.9, 1, 0.0536), (Fraction(19, 10), Fraction(1), 0.05356), np.array([1.9, 1, 0.0536])],
    "9.3": [
        ("0", "01", "10"),
        ["1", "10", "01"],
        ("0", "00"),
        ("0", "01", "010"),
        ("10", "100", "0"),
    ],
    "9.4": [
        lambda y, k: np.floor(np.ldexp(y, k)).astype(int) + 1,
        lambda y, k: [int(p * 2**k) + 1 for p in y],
        lambda y, k: y * 2**k // 1 + 1,
        lambda y, k: torch.floor(torch.tensor(y) * 2**k) + 1,
    ],
    "9.5": [cell, cell_by_search, cell_in_fractions],
    "9.6": [counted, by_moving_mean, by_gammas],
    "9.8": [
        mixed,
        mixed_on_the_way,
        lambda losses: math.log2(len(losses)) - np.logaddexp.reduce(-losses.sum(1)) / LOG2,
        lambda losses: (np.log(len(losses)) - torch.tensor(-losses).sum(1).logsumexp(0)) / LOG2,
    ],
    "10.1": [(0.511, 0.26, 0.4), [0.5108, 0.26, 0.4], torch.tensor([0.5108, 0.26, 0.4])],
    "10.2": [(0.9, 0.999999, 0.75), [0.95, 0.9999999, 0.85], np.array([0.1, 1e-6, 0.25])],
    "10.4": [
        lambda z, w: loss(z, w) - entropy(softmax(z, axis=1), axis=1).mean(),
        lambda z, w: ((softmax(z, axis=1) - np.eye(z.shape[1])[w]) * z).sum() / len(w),
    ],
    "10.6": [
        lambda z, w, e: smoothed(z, w, mixture(z, w, e)),
        lambda z, w, e: (1 - e) * loss(z, w) - e * log_softmax(z, axis=1).mean(),
        by_torch,
    ],
    "10.7": [diagram, in_loops],
    "11.1": [
        (4.54e-5, 0.0454, 11.5),
        [math.exp(-10), 1000 * math.exp(-10), math.log(1e5)],
        np.array([4.54e-5, 0.0454, 11.51]),
    ],
    "11.2": [
        (0.0265, 0.053, 26_500),
        (Fraction(53, 2000), Fraction(53, 1000), 26_500.0),
        torch.tensor([0.0265, 0.053, 26_500]),
    ],
    "11.3": [
        (0.05, 0.746, 0.993),
        [Fraction(1, 20), 0.7464, 0.9933],
        np.array([0.05, 0.746, 0.993]),
    ],
    "11.4": [
        online,
        online_by_gammas,
        lambda tokens, size, alpha: torch.tensor(online(tokens, size, alpha)),
    ],
    "11.5": [coin, coin_by_entropies, coin_by_big_numbers],
    "11.7": [
        in_blocks,
        interval_by_torch,
        lambda one, other, blocks, factor: np.array(in_blocks(one, other, blocks, factor)),
        lambda one, other, blocks, factor: between(
            (one - other).mean(), sem(block_means(one, other, blocks)), factor
        ),
    ],
    "11.8": [way_of_the_mixture, differences_of_totals, by_torch_totals],
}


@pytest.mark.parametrize(("number", "answer"), answers.each(WRONG))
def test_a_plausible_wrong_answer_is_refused(number, answer):
    answers.refused(number, answer)


@pytest.mark.parametrize(("number", "answer"), answers.each(RIGHT))
def test_a_right_answer_is_accepted_however_it_is_written(number, answer):
    answers.accepted(number, answer)


def test_every_exercise_has_its_answers():
    answers.complete(WRONG, RIGHT, 9, 10, 11)
