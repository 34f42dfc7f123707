"""Answers to the exercises of chapters 5 to 8 that a student might give, wrong and right.

Each stands as it would be written without `nwp`: a wrong one is refused, under the name of its
mistake where it is a common one, and a right one is accepted, however it was written.
"""

import itertools
import math
import tracemalloc
from fractions import Fraction

import answers
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import tensor

from exercises import check
from exercises.frugal import Passing, peak

LOG2 = math.log(2)


# 5.4: no matrix


def through_matrix(y_hat, g):
    return (np.diag(y_hat) - np.outer(y_hat, y_hat)).T @ g


def through_einsum(y_hat, g):
    jacobian = np.eye(len(y_hat)) * y_hat - y_hat[:, None] * y_hat
    return np.einsum("ij,i->j", jacobian, g)


def through_loop(y_hat, g):
    mean = sum(p * x for p, x in zip(y_hat, g, strict=True))
    return [p * (x - mean) for p, x in zip(y_hat, g, strict=True)]


def through_autograd(y_hat, g):
    z = tensor(np.log(y_hat), requires_grad=True)
    torch.softmax(z, 0).backward(tensor(g))
    return z.grad


# 5.5: the complex step


def with_fixed_step(p, h):
    return (-np.log(p + 1e-20j)).imag / 1e-20


# 5.7: a witness of one's own


def central(f, x, h):
    slopes = []
    for i in range(len(x)):
        e = np.eye(len(x))[i]
        slopes.append((f(x + h * e) - f(x - h * e)) / (2 * h))
    return np.array(slopes)


def moved_and_moved_back(f, x, h):
    slopes = np.zeros_like(x)
    for i in range(len(x)):
        x[i] += h
        slopes[i] = f(x)
        x[i] -= 2 * h
        slopes[i] -= f(x)
        x[i] += h
    return slopes / (2 * h)


def stored_and_put_back(f, x, h):
    slopes = np.zeros(x.size)
    for i in range(x.size):
        old = x[i]
        x[i] = old + h
        ahead = f(x)
        x[i] = old - h
        slopes[i] = (ahead - f(x)) / (2 * h)
        x[i] = old
    return slopes


def moved_and_left_there(f, x, h):
    slopes = np.zeros_like(x)
    for i in range(len(x)):
        x[i] += h
        ahead = f(x)
        x[i] -= 2 * h
        slopes[i] = (ahead - f(x)) / (2 * h)
    return slopes


def only_the_first(f, x, h):
    slopes = np.zeros_like(x)
    slopes[0] = central(f, x, h)[0]
    return slopes


def relative_step(f, x, h):
    steps = h * (1 + np.abs(x))
    return np.array(
        [(f(x + s * e) - f(x - s * e)) / (2 * s) for s, e in zip(steps, np.eye(x.size))]  # noqa: B905
    )


def extrapolated(f, x, h):
    return (4 * central(f, x, h / 2) - central(f, x, h)) / 3


# 6.3: the wrong mean


def pairwise_mean(means, rows):
    mean = means[0]
    for other in means[1:]:
        mean = (mean + other) / 2
    return mean


def weighted_loop(means, rows):
    total = count = 0
    for mean, n in zip(means, rows, strict=True):
        total += mean * n
        count += n
    return total / count


# 6.4: a cap


def single(*arrays):
    return (array.astype(np.float32) for array in arrays)


def softmax(z):
    shares = np.exp(z - np.max(z))
    return shares / shares.sum()


def capped(z, w, cap, *, slope=lambda bent, cap: 1 - bent**2):
    bent = np.tanh(z / cap)
    error = softmax(cap * bent)
    error[w] -= 1
    return error * slope(bent, cap)


def capped_by_autograd(z, w, cap, dtype=torch.float64):
    z = tensor(z, dtype=dtype, requires_grad=True)
    F.cross_entropy(cap * torch.tanh(z / cap), tensor(w)).backward()
    return z.grad


def capped_by_differences(z, w, cap):
    def loss(z):
        return -np.log(softmax(cap * np.tanh(z / cap))[w])

    return central(loss, z, 1e-5)


def hard_cap(z, w, cap):
    error = softmax(np.clip(z, -cap, cap))
    error[w] -= 1
    return error * (np.abs(z) < cap)


def times_cap_again(z, w, cap):
    return capped(z, w, cap) * cap


# 6.5: one pass


def streaming(logits, *, start=-math.inf, log=math.log):
    m, s = start, 0.0
    for z in logits:
        if z > m:
            s = s * math.exp(m - z) + 1
            m = z
        else:
            s += math.exp(z - m)
    return m + log(s) if s else -math.inf


def from_first(logits):
    m, s = logits[0], 1.0
    for z in logits[1:]:
        new = max(m, z)
        s = s * np.exp(m - new) + np.exp(z - new)
        m = new
    return m + np.log(s)


def by_index(logits):
    m, s = logits[0], 0.0
    for i in range(len(logits)):
        new = np.maximum(m, logits[i])
        s = s * np.exp(m - new) + np.exp(logits[i] - new)
        m = new
    return m + np.log(s)


def running(logits):
    so_far = -np.inf
    for z in logits:
        so_far = np.logaddexp(so_far, z)
    return so_far


def relative_to(place):
    """Shift by one logit, wherever the largest may be."""

    def loss(logits):
        return logits[place] + np.log(sum(np.exp(z - logits[place]) for z in logits))

    return loss


def at_once(logits):
    m = np.max(logits)
    return m + np.log(np.exp(logits - m).sum())


def two_passes(logits):
    m = max(logits)
    return m + math.log(sum(math.exp(z - m) for z in logits))


def all_kept(logits):
    kept = []
    for z in logits:
        kept.append(z)
    m = max(kept)
    return m + math.log(sum(math.exp(z - m) for z in kept))


def rescaled_upside_down(logits):
    m, s = logits[0], 1.0
    for z in logits[1:]:
        new = max(m, z)
        s = s * np.exp(new - m) + np.exp(z - new)
        m = new
    return m + np.log(s)


def new_term_forgotten(logits):
    m, s = logits[0], 1.0
    for z in logits[1:]:
        if z > m:
            s *= np.exp(m - z)
            m = z
        else:
            s += np.exp(z - m)
    return m + np.log(s)


# 6.6: the vocabulary in blocks


def log_sums(z):
    m = z.max(axis=-1, keepdims=True)
    return m[..., 0] + np.log(np.exp(z - m).sum(axis=-1))


def whole_layer(hidden, weight, targets, columns):
    z = hidden @ weight.T
    return np.mean(log_sums(z) - z[np.arange(len(z)), targets])


def blocks_kept(hidden, weight, targets, columns):
    starts = range(0, len(weight), columns)
    z = np.concatenate([hidden @ weight[s : s + columns].T for s in starts], axis=1)
    return np.mean(log_sums(z) - z[np.arange(len(z)), targets])


def by_columns(hidden, weight, targets, columns, *, top=-np.inf, log=np.log, keep=False):
    top, total = np.full(len(hidden), top), np.zeros(len(hidden))
    right = np.zeros(len(hidden))
    for start in range(0, len(weight), columns):
        z = hidden @ weight[start : start + columns].T
        higher = top if keep and start else np.maximum(top, z.max(axis=1))
        total = total * np.exp(top - higher) + np.exp(z - higher[:, None]).sum(axis=1)
        top = higher
        for n, w in enumerate(targets):
            if start <= w < start + columns:
                right[n] = z[n, w - start]
    return np.mean(top + log(total) - right)


def by_log_sums(hidden, weight, targets, columns):
    sums = [log_sums(hidden @ weight[s : s + columns].T) for s in range(0, len(weight), columns)]
    right = np.array([h @ weight[w] for h, w in zip(hidden, targets, strict=True)])
    return np.mean(np.logaddexp.reduce(sums) - right)


def by_contexts(hidden, weight, targets, columns):
    losses = []
    for h, w in zip(hidden, targets, strict=True):
        so_far = -math.inf
        for s in range(0, len(weight), columns):
            so_far = np.logaddexp(so_far, np.logaddexp.reduce(weight[s : s + columns] @ h))
        losses.append(so_far - weight[w] @ h)
    return sum(losses) / len(losses)


def by_torch(hidden, weight, targets, columns):
    hidden, weight, targets = map(torch.from_numpy, (hidden, weight, targets))
    sums = torch.stack([torch.logsumexp(hidden @ w.T, 1) for w in weight.split(columns)])
    return (sums.logsumexp(0) - (hidden * weight[targets]).sum(1)).mean()


def right_word_of_last_block(hidden, weight, targets, columns):
    right = np.zeros(len(hidden))
    for start in range(0, len(weight), columns):
        z = hidden @ weight[start : start + columns].T
        here = (start <= targets) & (targets < start + columns)
        right = np.where(here, z[np.arange(len(z)), (targets - start).clip(0, len(z[0]) - 1)], 0)
    return np.mean(log_sums(hidden @ weight.T) - right)


def first_block_only(hidden, weight, targets, columns):
    z = hidden @ weight[:columns].T
    return np.mean(log_sums(z) - (hidden * weight[targets]).sum(axis=1))


def shifted_by_the_largest_of_all(hidden, weight, targets, columns):
    z = hidden @ weight.T
    sums = z.max() + np.log(np.exp(z - z.max()).sum(axis=1))
    return np.mean(sums - z[np.arange(len(z)), targets])


# 7.5: the shift


def shifted_by_slices(tokens):
    tokens = np.asarray(tokens)
    if tokens.ndim == 1:
        return tokens[:-1], tokens[1:]
    return tokens[:, :-1], tokens[:, 1:]


def shifted_tensors(tokens):
    tokens = tensor(tokens)
    length = tokens.shape[-1] - 1
    return tokens.narrow(-1, 0, length), tokens.narrow(-1, 1, length)


# 7.8: padded sentences


def log_softmax(z):
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def padded(logits, tokens, *, came=lambda x: x >= 0, log_softmax=log_softmax, unit=1.0):
    read, asked = tokens[:, :-1], tokens[:, 1:]
    mask = came(asked) if came.__code__.co_argcount == 1 else came(read, asked)
    log_y_hat = log_softmax(logits)
    total = 0.0
    for b, t in np.argwhere(mask):
        total -= log_y_hat[b, t, asked[b, t]]
    return total / mask.sum() / unit


def padded_by_torch(dtype):
    def loss(logits, tokens):
        logits, targets = tensor(logits, dtype=dtype), tensor(tokens)[:, 1:]
        return F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=-1)

    return loss


def padded_by_mask(logits, tokens):
    targets = tokens[:, 1:]
    mask = (targets != -1).astype(float)
    picked = np.take_along_axis(log_softmax(logits), targets.clip(0)[..., None], -1)[..., 0]
    return -(picked * mask).sum() / mask.sum()


def padded_sentence_by_sentence(logits, tokens):
    losses = []
    for z, words in zip(logits, tokens, strict=True):
        for row, w in zip(z, words[1:], strict=True):
            if w == -1:
                break
            losses.append(np.logaddexp.reduce(row) - row[w])
    return sum(losses) / len(losses)


# 8.3: the parts of a batch


def from_parts(losses, targets, *, counts=lambda t: t != -1):
    total = count = 0
    for loss, target in zip(losses, targets, strict=True):
        total += loss[counts(target)].sum()
        count += counts(target).sum()
    return total / count


def by_product(losses, targets):
    total = sum((x * (t != -1)).sum() for x, t in zip(losses, targets, strict=True))
    return total / sum((t != -1).sum() for t in targets)


def with_where(losses, targets):
    total = sum(np.where(t == -1, 0, x).sum() for x, t in zip(losses, targets, strict=True))
    return total / sum((t >= 0).sum() for t in targets)


def one_long_array(losses, targets):
    losses, targets = np.concatenate(losses), np.concatenate(targets)
    return np.mean(losses[targets >= 0])


def one_by_one(losses, targets):
    kept = [
        loss
        for part, marks in zip(losses, targets, strict=True)
        for loss, mark in zip(part, marks, strict=True)
        if mark != -1
    ]
    return sum(kept) / len(kept)


def parts_as_tensors(losses, targets):
    losses = torch.cat([tensor(part) for part in losses])
    return losses[torch.cat([tensor(part) for part in targets]) != -1].mean()


def in_single(losses, targets):
    return np.float32(from_parts([part.astype(np.float32) for part in losses], targets))


def weighted_means(losses, targets):
    kept = [x[t != -1] for x, t in zip(losses, targets, strict=True)]
    return sum(x.mean() * len(x) for x in kept) / sum(map(len, kept))


def selected_over_all(losses, targets):
    total = sum(x[t != -1].sum() for x, t in zip(losses, targets, strict=True))
    return total / sum(map(len, losses))


def made_finite(losses, targets):
    total = sum((np.nan_to_num(x) * (t != -1)).sum() for x, t in zip(losses, targets, strict=True))
    return total / sum((t != -1).sum() for t in targets)


def only_finite(losses, targets):
    kept = [x[np.isfinite(x)] for x in losses]
    return np.concatenate(kept).mean()


# 8.5: which row comes


def order(rows, *seed):
    return np.random.default_rng(list(seed)).permutation(rows)


def rows_by_walking(step, rows, per_step, seed):
    epoch, place = divmod(step * per_step, rows)
    found, current = [], order(rows, seed, epoch)
    while len(found) < per_step:
        if place == rows:
            epoch, place = epoch + 1, 0
            current = order(rows, seed, epoch)
        found.append(int(current[place]))
        place += 1
    return found


def rows_from_the_beginning(step, rows, per_step, seed):
    epochs = (step + 1) * per_step // rows + 1
    endless = np.concatenate([order(rows, seed, e) for e in range(epochs)])
    return torch.from_numpy(endless[step * per_step : (step + 1) * per_step])


def next_epoch_only(step, rows, per_step, seed):
    epoch, place = divmod(step * per_step, rows)
    two = np.concatenate([order(rows, seed, epoch), order(rows, seed, epoch + 1)])
    return two[place : place + per_step]


def epoch_round_again(step, rows, per_step, seed):
    epoch, place = divmod(step * per_step, rows)
    return [order(rows, seed, epoch)[(place + i) % rows] for i in range(per_step)]


def remainder_dropped(step, rows, per_step, seed):
    epoch, place = divmod(step, rows // per_step)
    return order(rows, seed, epoch)[place * per_step : (place + 1) * per_step]


def one_generator(step, rows, per_step, seed):
    random = np.random.default_rng(seed)
    endless = np.concatenate([random.permutation(rows) for _ in range(50)])
    return endless[step * per_step : (step + 1) * per_step]


# 8.6: a bigram


def bigram(train, validation, size, *, added=1.0, below=None, log=math.log):
    counts = np.full((size, size), added)
    for a, b in itertools.pairwise(train):
        counts[a, b] += 1
    shares = counts / (counts.sum(axis=1, keepdims=True) if below is None else below(counts))
    return -sum(log(shares[a, b]) for a, b in itertools.pairwise(validation)) / (
        len(validation) - 1
    )


def pair_shares(first, second, validation, size):
    counts = np.ones((size, size))
    np.add.at(counts, (first, second), 1)
    shares = counts / counts.sum(axis=1, keepdims=True)
    return -np.log(shares[validation[:-1], validation[1:]]).mean()


def bigram_of_dictionaries(train, validation, size):
    pairs, words = {}, {}
    for a, b in itertools.pairwise(train.tolist()):
        pairs[a, b] = pairs.get((a, b), 0) + 1
        words[a] = words.get(a, 0) + 1
    losses = [
        -math.log(Fraction(pairs.get((a, b), 0) + 1, words.get(a, 0) + size))
        for a, b in itertools.pairwise(validation.tolist())
    ]
    return sum(losses) / len(losses)


def bigram_in_torch(dtype):
    def loss(train, validation, size):
        counts = torch.ones(size * size, dtype=dtype)
        counts += torch.bincount(tensor(train[:-1] * size + train[1:]), minlength=size * size)
        z = counts.reshape(size, size).log()
        return F.cross_entropy(z[tensor(validation[:-1])], tensor(validation[1:]))

    return loss


def size_of_training(train, validation, size):
    return bigram(train, validation, int(max(train.max(), validation.max())) + 1)


def unigram(train, validation, size):
    counts = np.bincount(train, minlength=size) + 1
    return -np.log(counts[validation[1:]] / counts.sum()).mean()


def unsmoothed_below(train, validation, size):
    counts = np.zeros((size, size))
    np.add.at(counts, (train[:-1], train[1:]), 1)
    below = np.maximum(counts.sum(axis=1), 1)
    a, b = validation[:-1], validation[1:]
    return -np.log((counts[a, b] + 1) / below[a]).mean()


def one_plus_below(train, validation, size):
    counts = np.zeros((size, size))
    np.add.at(counts, (train[:-1], train[1:]), 1)
    a, b = validation[:-1], validation[1:]
    return -np.log((counts[a, b] + 1) / (counts.sum(axis=1)[a] + 1)).mean()


WRONG = {
    "5.1": [
        # the loss itself; 1/p of every word; p for 1/p; the wrong place; clipped at 0
        (None, (1.386, [1, 1, 1, -3], [0.25, 0.25, 0.25, -0.75])),
        (None, ([-4, -4, -4, -4], [1, 1, 1, -3], [0.25, 0.25, 0.25, -0.75])),
        (None, ([0, 0, 0, -0.25], [1, 1, 1, -3], [0.25, 0.25, 0.25, -0.75])),
        (None, ([-4, 0, 0, 0], [1, 1, 1, -3], [0.25, 0.25, 0.25, -0.75])),
        (None, ([0, 0, 0, -4], [0, 0, 0, -3], [0.25, 0.25, 0.25, -0.75])),
        (None, ([0, 0, 0, -4], [0.25, 0.25, 0.25, -0.75], [0.25, 0.25, 0.25, -0.75])),
        (None, ([0, 0, 0, -4], [1, 1, 1, -3], [0, 0, 0, -0.75])),
        ("missing-minus", ([0, 0, 0, 4], [1, 1, 1, -3], [0.25, 0.25, 0.25, -0.75])),
    ],
    "5.4": [
        ("whole-matrix", through_matrix),
        ("whole-matrix", through_einsum),
        ("diagonal-only", lambda y_hat, g: np.diag(y_hat * (1 - y_hat)) @ g),
        ("mean-not-subtracted", lambda y_hat, g: g * y_hat),
        ("unweighted", lambda y_hat, g: y_hat * (g - np.mean(g))),
        ("factor-forgotten", lambda y_hat, g: g - np.dot(y_hat, g)),
        (None, lambda y_hat, g: y_hat * g - y_hat @ g),
        (None, lambda y_hat, g: y_hat * (g - g.sum())),
        (None, lambda y_hat, g: softmax(y_hat) * (g - softmax(y_hat) @ g)),
        (None, lambda y_hat, g: y_hat - (g < 0)),
        (None, lambda y_hat, g: y_hat * (g + y_hat @ g)),
    ],
    "5.5": [
        ("no-step", lambda p, h: -1 / p),
        ("not-divided", lambda p, h: -np.arctan(h / p)),
        ("subtraction", lambda p, h: (-np.log(p + h) + np.log(p)) / h),
        ("real-part", lambda p, h: -np.log(abs(p + 1j * h)) / h),
        ("missing-minus", lambda p, h: np.log(p + 1j * h).imag / h),
        ("one-point", lambda p, h: -np.log(p + 1j * h).imag / (2 * h)),
        ("no-step", with_fixed_step),
        (None, lambda p, h: -np.log(p + 1j * h).imag / p),
        (None, lambda p, h: -(np.arctan(p / h)) / h),
        (None, lambda p, h: -np.log(1 + 1j * h).imag / h),
    ],
    "5.6": [
        ("scaled-too-late", (64.19, 64.19)),
        ("count-not-share", (32_097, 8.53)),
        ("count-not-share", (64, 4_265)),
        ("share-not-percent", (0.642, 0.085)),
        ("kept-not-lost", (35.81, 91.47)),
        ("no-rounding", (70.6, 8.53)),
        ("no-rounding", (64, 11.6)),
        (None, (66.5, 56)),  # the softmax taken in float16
        (None, (64, 0)),
        (None, (0, 0)),
    ],
    "5.7": [
        ("one-sided", lambda f, x, h: [(f(x + h * e) - f(x)) / h for e in np.eye(len(x))]),
        ("factor-two", lambda f, x, h: central(f, x, h) * 2),
        ("step-not-undone", moved_and_left_there),
        ("own-step", lambda f, x, h: central(f, x, 1e-5)),
        ("own-step", lambda f, x, h: central(f, x, 1e-6)),
        ("brackets", lambda f, x, h: [
            (f(x + h * e) - f(x - h * e)) / 2 * h for e in np.eye(x.size)]),
        (None, lambda f, x, h: central(f, x, h) / 2),
        (None, only_the_first),
        (None, relative_step),
        (None, extrapolated),
        (None, lambda f, x, h: central(f, x, h)[::-1]),
        (None, lambda f, x, h: central(f, x, h).sum()),
        (None, lambda f, x, h: 3 * x**2),
    ],
    "6.1": [
        ("other-unit", (0.823, 0.412, 166)),
        ("other-unit", (823, 412, 166)),
        ("other-unit", (785.3, 392.6, 166)),
        ("other-unit", (0.767, 0.383, 166)),
        ("other-unit", (823_410_688, 0.412, 166)),
        (None, (6_587_285_504, 3_293_642_752, 166)),
        (None, (823_410_688, 3_293_642_752, 166)),
        ("eight-bytes", (1_646_821_376, 823_410_688, 166)),
        ("eight-bytes", (823e6, 412e6, 83)),
        ("numbers-not-bytes", (205_852_672, 205_852_672, 166)),
        (None, (201_028, 100_514, 166)),  # of one row
        (None, (823e6, 412e6, 333)),
        (None, (823e6, 412e6, 165)),
    ],
    "6.2": [
        ("percent", 0.833),
        ("upside-down", 120),
        (None, 82.5),
        (None, 100),
        (None, 8.33),
        (None, 500 / 3),
        (None, 600),
    ],
    "6.3": [
        ("mean-of-means", lambda means, rows: np.mean(means)),
        ("sum-not-mean", lambda means, rows: np.dot(means, rows)),
        ("divided-by-batches", lambda means, rows: (means * rows).mean()),
        ("full-blocks", lambda means, rows: (means * rows).sum() / (rows[0] * len(rows))),
        (None, lambda means, rows: means.sum() / rows.sum()),
        (None, lambda means, rows: np.average(means, weights=rows**2)),
        (None, pairwise_mean),
        (None, lambda means, rows: means @ rows // rows.sum()),
        (None, lambda means, rows: np.median(np.repeat(means, rows))),
        (None, lambda means, rows: means * rows / rows.sum()),
    ],
    "6.4": [
        ("inner-derivative", lambda z, w, cap: capped(z, w, cap, slope=lambda bent, cap: 1)),
        ("scale-forgotten", lambda z, w, cap: capped(z / cap, w, 1)),
        ("uncapped-prediction", lambda z, w, cap: softmax(z) - np.eye(len(z))[w]),
        ("missing-minus", lambda z, w, cap: -capped(z, w, cap)),
        (None, lambda z, w, cap: capped(z, w, cap, slope=lambda bent, cap: 1 - bent)),
        (None, lambda z, w, cap: capped(z, w, cap, slope=lambda b, c: 1 - (c * b) ** 2)),
        (None, lambda z, w, cap: capped(z, w, cap, slope=lambda b, c: 1 + b**2)),
        (None, hard_cap),
        (None, times_cap_again),
        (None, lambda z, w, cap: capped(z, w, cap) / len(z)),
        ("truth-forgotten", lambda z, w, cap: (
            softmax(cap * np.tanh(z / cap)) / np.cosh(z / cap) ** 2)),
        ("right-word-only", lambda z, w, cap: capped(z, w, cap) * np.eye(len(z))[w]),
    ],
    "6.5": [
        ("log-base", lambda z: streaming(z) / LOG2),
        ("log-base", lambda z: streaming(z, log=math.log2)),
        ("log-base", lambda z: streaming(z, log=math.log10)),
        ("starts-at-zero", lambda z: streaming(z, start=0.0)),
        (None, lambda z: streaming(z, start=-1e9)),
        ("fixed-shift", relative_to(0)),
        (None, relative_to(-1)),
        ("read-twice", at_once),
        ("read-twice", two_passes),
        ("read-twice", all_kept),
        ("max-shift", lambda z: np.log(np.exp(z).sum())),
        (None, rescaled_upside_down),
        (None, new_term_forgotten),
        (None, lambda z: streaming(z) - math.log(len(z))),
    ],
    "6.6": [
        ("log-base", lambda *given: by_columns(*given) / LOG2),
        ("log-base", lambda *given: by_columns(*given, log=np.log2)),
        ("starts-at-zero", lambda *given: by_columns(*given, top=0.0)),
        ("fixed-shift", lambda *given: by_columns(*given, keep=True)),
        ("all-columns", whole_layer),
        ("all-columns", blocks_kept),
        (None, right_word_of_last_block),
        (None, first_block_only),
        (None, lambda h, u, w, c: by_columns(h, u, w, c) * len(h) / len(u)),
        (None, lambda h, u, w, c: by_columns(h[:1], u, w[:1], c)),
        (None, lambda h, u, w, c: by_columns(np.clip(h @ u.T, -700, 700), np.eye(len(u)), w, c)),
        ("one-shift", shifted_by_the_largest_of_all),
        ("no-mean", lambda h, u, w, c: [by_columns(a[None], u, [b], c) for a, b in zip(h, w)]),  # noqa: B905
    ],
    "7.1": [
        ("log-base", (3.612, 0.027, 1.585)),
        ("log-base", (3.612, 0.027, 0.477)),
        ("mean-not-total", (3.612, 0.405, 1.099)),
        (None, (3.612, 0.027, 2.303)),
        (None, (3.612, 0.027, 3)),
        (None, (3.612, 0.27, 1.099)),
        (None, (3.612, 0.973, 1.099)),
    ],
    "7.2": [
        ("off-by-one", (1025, 524_800, 1024)),
        ("full-contexts", (1024, 1_048_576, 1024)),
        ("full-contexts", (1024, 1_050_625, 1024)),
        ("full-contexts", (1024, 1_049_600, 1024)),
        (None, (1024, 1024, 1024)),
        (None, (1024, 524_800, 1)),
        (None, (512, 524_800, 1024)),
        (None, (1024, 524_800, 512.5)),
    ],
    "7.3": [
        ("percent-not-share", (0.527, 41, 0.41)),
        ("percent-not-share", (0.527, 0.41, 41)),
        ("log-base", (0.760, 0.41, 0.41)),
        ("log-base", (0.229, 0.41, 0.41)),
        ("off-by-one", (0.421, 0.41, 0.41)),
        ("off-by-one", (0.527, 0.344, 0.41)),
        ("off-by-one", (0.527, 0.41, 0.344)),
        (None, (0.527, 0.527, 0.41)),
        (None, (0.527, 0.513, 0.41)),  # by Pinsker
        (None, (0.527, 0.473, 0.41)),
    ],
    "7.4": [
        ("percent-not-share", (50, 0.5, 0.693)),
        ("percent-not-share", (0.5, 50, 0.693)),
        ("count-not-share", (0.5, 2, 0.693)),
        ("mean-not-total", (0.5, 0.5, 0.231)),
        ("log-base", (0.5, 0.5, 0.301)),
        ("missing-minus", (0.5, 0.5, -0.693)),
        (None, (0.25, 0.5, 0.693)),
        (None, (0.5, 0.25, 0.693)),
        (None, (0.5, 0.5, 0.347)),
    ],
    "7.5": [
        ("wrong-axis", lambda tokens: (tokens[:-1], tokens[1:])),
        ("swapped", lambda tokens: (tokens[..., 1:], tokens[..., :-1])),
        ("no-shift", lambda tokens: (tokens[..., :-1], tokens[..., :-1])),
        ("wrapped", lambda tokens: (tokens, np.roll(tokens, -1, axis=-1))),
        (None, lambda tokens: (tokens[..., :-1], tokens[..., :-1] + 1)),
        (None, lambda tokens: (tokens.ravel()[:-1], tokens.ravel()[1:])),
        (None, lambda tokens: (tokens[:, :-1], tokens[:, 1:])),
        (None, lambda tokens: (tokens[..., :-1], tokens[..., -1:])),
        (None, lambda tokens: (tokens[..., :-1], np.sort(tokens)[..., 1:])),
        (None, lambda tokens: (tokens[..., :1], tokens[..., 1:])),
    ],
    "7.6": [
        ("renormalized", lambda p, q: np.sum(p * np.log(p / q * q.sum()))),
        ("reversed", lambda p, q: np.sum(q * np.log(q / p))),
        ("cross-entropy", lambda p, q: -np.sum(p * np.log(q))),
        ("epsilon", lambda p, q: np.sum(p * np.log(p / (q + 1e-12)))),
        ("epsilon", lambda p, q: np.sum(p * np.log(p / np.clip(q, 1e-9, 1)))),
        ("zero-skipped", lambda p, q: sum(a * np.log(a / b) for a, b in zip(p, q) if b > 0)),  # noqa: B905
        ("log-base", lambda p, q: np.sum(p * np.log2(p / q))),
        ("log-base", lambda p, q: np.sum(p * np.log10(p / q))),
        (None, lambda p, q: -np.log(q.sum())),
        (None, lambda p, q: np.sum(np.abs(p - q))),
        (None, lambda p, q: np.sum((p - q) * np.log(p / q))),
        (None, lambda p, q: np.sum(p * np.log(p / q)) + (1 - q.sum())),
        (None, lambda p, q: p * np.log(p / q)),
    ],
    "7.8": [
        ("log-base", lambda *given: padded(*given, unit=LOG2)),
        ("max-shift", lambda *given: padded(*given, log_softmax=lambda z: np.log(
            np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)))),
        ("max-shift", lambda *given: padded(*given, log_softmax=lambda z: (
            z - np.log(np.exp(z).sum(axis=-1, keepdims=True))))),
        ("log-of-zero", lambda *given: padded(*given, log_softmax=lambda z: np.log(
            np.exp(log_softmax(z))))),
        ("zero-not-counted", lambda *given: padded(*given, came=lambda x: x > 0)),
        ("padding-counted", lambda *given: padded(*given, came=lambda read, asked: read >= 0)),
        ("padding-counted", lambda *given: padded(*given, came=lambda x: np.full(x.shape, True))),
        ("missing-minus", lambda *given: -padded(*given)),
        (None, lambda z, tokens: padded(z[:1], tokens[:1])),
        (None, lambda z, tokens: padded(z[:, ::-1], tokens)),
        (None, lambda *given: np.exp(padded(*given))),
        ("one-shift", lambda *given: padded(*given, log_softmax=lambda z: (
            z - z.max() - np.log(np.exp(z - z.max()).sum(axis=-1, keepdims=True))))),
        (None, lambda *given: padded(*given, log_softmax=lambda z: (
            z - z.max() - np.log(np.exp(z - z.max()).sum(axis=1, keepdims=True))))),
        (None, lambda *given: padded(*given, log_softmax=lambda z: z)),
    ],
    "8.1": [
        ("percent-not-share", (50, 1, 0.2)),
        ("percent-not-share", (0.5, 100, 0.2)),
        ("percent-not-share", (0.5, 1, 20)),
        ("percent-not-share", (50, 100, 20)),
        ("above-the-peak", (0.5, 3, 0.2)),
        ("above-the-peak", (0.5, 1.4, 0.2)),
        ("share-fallen", (0.5, 1, 0.8)),
        ("decay-everywhere", (0.95, 1, 0.2)),
        (None, (0.5, 0, 0.2)),
        (None, (0.5, 1, 0.5)),
        (None, (0.5, 1, 1.8)),
    ],
    "8.2": [
        ("other-unit", (32e9, 26e9)),
        ("other-unit", (32, 26e9)),
        ("other-unit", (29.8, 24.2)),
        ("other-unit", (32, 24.2)),
        (None, (32, 30)),
        (None, (32, 6)),
        ("weights-only", (4, 26)),
        (None, (8, 26)),
        (None, (16, 26)),
        (None, (32, 29)),
        (None, (32, 28)),
    ],
    "8.3": [
        ("masked-by-product", by_product),
        ("zero-not-counted", lambda *given: from_parts(*given, counts=lambda t: t > 0)),
        ("padding-counted", selected_over_all),
        ("padding-counted", lambda losses, targets: np.concatenate(losses).mean()),
        ("mean-of-means", lambda losses, targets: np.mean(
            [x[t >= 0].mean() for x, t in zip(losses, targets, strict=True)])),
        (None, weighted_means),
        (None, made_finite),
        (None, only_finite),
        (None, lambda losses, targets: np.median(np.concatenate(losses))),
        ("sum-not-mean", lambda losses, targets: sum(
            x[t != -1].sum() for x, t in zip(losses, targets, strict=True))),
    ],
    "8.5": [
        ("same-order", lambda step, rows, n, seed: [
            order(rows, seed)[i % rows] for i in range(step * n, (step + 1) * n)]),
        ("same-order", epoch_round_again),
        ("remainder-dropped", remainder_dropped),
        ("off-by-one", lambda step, rows, n, seed: rows_by_walking(step + 1, rows, n, seed)),
        (None, lambda step, rows, n, seed: rows_by_walking(max(step - 1, 0), rows, n, seed)),
        (None, next_epoch_only),
        (None, one_generator),
        ("other-seed", lambda step, rows, n, seed: [
            order(rows, i // rows, seed)[i % rows] for i in range(step * n, (step + 1) * n)]),
        ("other-seed", lambda step, rows, n, seed: [
            order(rows, seed + i // rows)[i % rows] for i in range(step * n, (step + 1) * n)]),
        (None, lambda *given: sorted(rows_by_walking(*given))),
        (None, lambda *given: set(rows_by_walking(*given))),
    ],
    "8.6": [
        ("perplexity-not-loss", lambda *given: np.exp(bigram(*given))),
        ("size-forgotten", size_of_training),
        ("not-smoothed", lambda t, v, n: bigram(t, v, n, added=0.0, log=np.log)),
        (None, lambda t, v, n: bigram(t, v, n, added=1e-12)),
        ("log-base", lambda *given: bigram(*given, log=math.log2)),
        ("log-base", lambda *given: bigram(*given, log=math.log10)),
        ("joint", lambda *given: bigram(*given, below=np.sum)),
        ("by-column", lambda *given: bigram(*given, below=lambda c: c.sum(axis=0))),
        ("size-forgotten", unsmoothed_below),
        ("size-forgotten", one_plus_below),
        ("context-ignored", unigram),
        ("validation-counted", lambda t, v, n: bigram(np.concatenate([t, v]), v, n)),
        (None, lambda t, v, n: bigram(v, v, n)),
        (None, lambda t, v, n: bigram(t[::-1], v, n)),
        (None, lambda t, v, n: pair_shares(t[:-2], t[2:], v, n)),
        (None, lambda t, v, n: pair_shares(t[1:], t[:-1], v, n)),
        (None, lambda t, v, n: bigram(t, t, n)),
        ("by-column", lambda t, v, n: bigram(t[::-1], v[::-1], n)),
        (None, lambda t, v, n: bigram(t[:-1], v, n)),
        (None, lambda t, v, n: bigram(t, v[:-1], n) if len(v) > 2 else 0.0),
    ],
}  # fmt: skip

FIVE_ONE = ([0, 0, 0, -4], [1, 1, 1, -3], [0.25, 0.25, 0.25, -0.75])

RIGHT = {
    "5.1": [FIVE_ONE, np.array(FIVE_ONE), tensor(FIVE_ONE, dtype=torch.float32)],
    "5.4": [
        through_loop,
        through_autograd,
        lambda y_hat, g: through_loop(*single(y_hat, g)),
        lambda y_hat, g: y_hat * g - y_hat * np.sum(y_hat * g),
        lambda y_hat, g: -y_hat * (np.einsum("i,i->", y_hat, g) - g),
    ],
    "5.5": [
        lambda p, h: -np.log(p + 1j * h).imag / h,
        lambda p, h: -math.atan(h / p) / h,
        lambda p, h: -np.angle(complex(p, h)) / h,
        lambda p, h: -torch.log(torch.complex(*tensor([p, h], dtype=torch.float64))).imag / h,
        lambda p, h: -np.arctan2(h, p) / h,
    ],
    "5.6": [(64, 9), (64.2, 8.5), (64.19, 8.53), [Fraction(321, 5), 8.53]],
    "5.7": [
        central,
        moved_and_moved_back,
        stored_and_put_back,
        lambda f, x, h: central(f, x, h).tolist(),
        lambda f, x, h: tensor(central(f, x, h), dtype=torch.float32),
        lambda f, x, h: np.array([f(x + s) - f(x - s) for s in h * np.eye(len(x))]) / (h + h),
    ],
    "6.1": [(823_410_688, 411_705_344, 166), (8.23e8, 4.12e8, 166.0), tensor([823e6, 412e6, 166])],
    "6.2": [83, 83.3, 83.33, [83], Fraction(250, 3)],
    "6.3": [
        weighted_loop,
        lambda means, rows: np.average(means, weights=rows / rows.max()),
        lambda means, rows: np.mean(np.repeat(means, rows)),
        lambda means, rows: weighted_loop(*single(means, rows)),
        lambda means, rows: tensor(means * rows).sum() / tensor(rows).sum(),
    ],
    "6.4": [
        capped,
        capped_by_autograd,
        lambda z, w, cap: capped_by_autograd(z, w, cap, torch.float32),
        lambda z, w, cap: capped(*single(z), w, np.float32(cap)),
        capped_by_differences,
        lambda z, w, cap: capped(
            z, w, cap, slope=lambda bent, c: 1 / np.cosh(np.arctanh(bent)) ** 2
        ),
        lambda z, w, cap: capped(z, w, cap).tolist(),
    ],
    "6.5": [
        streaming,
        from_first,
        by_index,
        running,
        lambda z: np.logaddexp.reduce(z),
        lambda z: tensor(streaming(z)),
        lambda z: from_first(z.astype(np.float32)),
    ],
    "6.6": [
        by_columns,
        by_log_sums,
        by_contexts,
        by_torch,
        lambda hidden, weight, *given: by_log_sums(*single(hidden, weight), *given),
        lambda hidden, weight, *given: by_torch(*single(hidden, weight), *given),
    ],
    "7.1": [(3.612, 0.027, 1.099), (3.61, 0.027, 1.10), [3.6119, 0.027, 1.0986]],
    "7.2": [(1024, 524_800, 1024), (1024.0, 524_800.0, 1024.0), tensor([1024, 524_800, 1024])],
    "7.3": [(0.527, 0.410, 0.410), (0.527, 0.4095, 0.41), tensor([0.5268, 0.4095, 0.4095])],
    "7.4": [(0.5, 0.5, 0.693), (Fraction(1, 2), 1 / 2, LOG2), np.array([0.5, 0.5, 0.6931])],
    "7.5": [
        shifted_by_slices,
        shifted_tensors,
        lambda tokens: np.stack([tokens[..., :-1], tokens[..., 1:]]),
        lambda tokens: [tokens[..., :-1].astype(float), tokens[..., 1:].tolist()],
        lambda tokens: (tokens[..., :-1], np.roll(tokens, -1, axis=-1)[..., :-1]),
    ],
    "7.6": [
        lambda p, q: sum(a * math.log(a) - a * np.log(b) for a, b in zip(p, q, strict=True)),
        lambda p, q: (p * (np.log(p) - np.log(q))).sum(),
        lambda p, q: F.kl_div(tensor(q).log(), tensor(p), reduction="sum"),
        lambda p, q: np.dot(p, -np.log(q / p)),
        lambda p, q: F.kl_div(*map(tensor, single(np.log(q), p)), reduction="sum"),
        lambda p, q: (p * np.log(p)).sum() + -(p @ np.log(q)),
    ],
    "7.8": [
        padded,
        padded_by_mask,
        padded_sentence_by_sentence,
        padded_by_torch(torch.float64),
        padded_by_torch(torch.float32),
    ],
    "8.1": [(0.5, 1, 0.2), (1 / 2, 1.0, Fraction(1, 5)), np.array([0.5, 1, 0.2])],
    "8.2": [(32, 26), [32.0, 26.0], tensor([32, 26])],
    "8.3": [from_parts, with_where, one_long_array, one_by_one, parts_as_tensors, in_single],
    "8.5": [rows_by_walking, rows_from_the_beginning],
    "8.6": [
        bigram,
        bigram_of_dictionaries,
        bigram_in_torch(torch.float64),
        bigram_in_torch(torch.float32),
    ],
}


@pytest.mark.parametrize(("number", "answer"), answers.each(WRONG))
def test_a_wrong_answer_is_refused_under_its_name(number, answer):
    mistake, wrong = answer
    assert answers.refused(number, wrong).mistake == mistake


@pytest.mark.parametrize(("number", "answer"), answers.each(RIGHT))
def test_a_right_answer_is_accepted(number, answer):
    answers.accepted(number, answer)


def test_every_exercise_has_its_answers():
    answers.complete(WRONG, RIGHT, 5, 6, 7, 8)


@pytest.mark.parametrize(
    "answer", [lambda tokens: tokens[..., 1:], lambda tokens: (tokens[..., :-1],)]
)
def test_one_result_is_not_two(answer):
    assert not check("7.5", answer)


def test_the_way_is_asked_for_after_the_result():
    wrong_and_wasteful = check("5.4", lambda y_hat, g: 2 * through_matrix(y_hat, g))
    assert wrong_and_wasteful.message.startswith("5.4: not right. An input that shows it:")
    verdict = check("5.4", through_matrix)
    assert verdict.message.startswith("5.4: not right:\nthe whole matrix. The result is right,")


def test_a_call_that_stops_with_an_error_asks_for_all_memory():
    assert peak(lambda: [0] * 10_000) >= 80_000
    assert peak(lambda: None) < 80_000
    assert peak(lambda: 1 / 0) == np.inf
    assert not tracemalloc.is_tracing()
    tracemalloc.start()
    peak(lambda: None)
    assert tracemalloc.is_tracing()
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("look", "goes_back"),
    [
        (lambda x: [x[0], list(x)], False),
        (lambda x: [x[i] + x[i] for i in range(len(x))], False),
        (lambda x: [x[0], [y for y in x[1:]]], False),  # noqa: C416
        (lambda x: x.max(), False),
        (lambda x: np.logaddexp(x[:2], 1.0) + np.exp(x[2:]), False),
        (lambda x: [x[-1], list(x)], True),
        (lambda x: [max(x), list(x)], True),
        (lambda x: x - x.max(), True),
        (lambda x: [np.exp(x[2:]), np.exp(x[:2])], True),
    ],
)
def test_numbers_that_pass_notice_a_look_back(look, goes_back):
    passing = Passing.of(np.array([1.0, 2.0, 3.0, 4.0]))
    look(passing)
    assert bool(passing.looks["back"]) == goes_back
