"""Exercises judge rightly: stubs fail, solutions pass, and each common mistake is named.

The wrong answers here are written as readers write them, without `nwp`; its own wrong
functions, by which it recognizes them, are other code.
"""

import ast
import itertools
import os
import re
import warnings
from fractions import Fraction
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from editions import EDITIONS, PORTUGUESE
from ledger import chapter_paths
from myst import blocks
from notebooks import ROOT

import exercises
from exercises import check, find, numbers
from exercises.kinds import Code, Numbers, Proof, Witness
from exercises.messages import MISTAKES

LOG2 = np.log(2)
BOOK = "title: a book\nauthor: The nwp authors\n"


def row_softmax(z):
    shares = np.exp(z - z.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def row_losses(z, w):
    z = z - z.max(axis=-1, keepdims=True)
    return np.log(np.exp(z).sum(axis=-1)) - z[np.arange(len(z)), w]


def chosen(p, w):
    return p[np.arange(len(w)), w]


# Chapter 1


def loss_of_row(z, w):
    k = z.argmax()
    return z[k] - z[w] + np.log1p(np.exp(np.delete(z, k) - z[k]).sum())


def tempered(loss):
    return lambda z, w, temperatures: np.array([loss(z, w, t) for t in temperatures])


def divided_in_place(logits, targets, temperatures):
    losses = []
    for temperature in temperatures:
        logits /= temperature
        losses.append(row_losses(logits, targets).mean())
    return losses


# Chapter 2


def followers(tokens, k, start=None):
    found = {}
    for t in range(k if start is None else start, len(tokens)):
        counts = found.setdefault(tuple(tokens[max(t - k, 0) : t]), {})
        counts[tokens[t]] = counts.get(tokens[t], 0) + 1
    return [np.array(list(counts.values())) for counts in found.values()]


def mean_surprise(groups):
    visits = sum(n.sum() for n in groups)
    return sum(-(n * np.log(n / n.sum())).sum() for n in groups) / visits


def surprises(groups):
    return [-(n / n.sum() * np.log(n / n.sum())).sum() for n in groups]


def last_pair_counted(tokens, k):
    groups = followers(tokens[:-1], k)
    return sum(-(n * np.log(n / n.sum())).sum() for n in groups) / (len(tokens) - k)


def including_the_answer(tokens, k):
    found = {}
    for t in range(k, len(tokens)):
        counts = found.setdefault(tuple(tokens[t - k + 1 : t + 1]) if k else (), {})
        counts[tokens[t]] = counts.get(tokens[t], 0) + 1
    return mean_surprise([np.array(list(counts.values())) for counts in found.values()])


# Chapter 3


def variance(z, v):
    y_hat = row_softmax(z)
    return (y_hat * (v - (y_hat * v).sum()) ** 2).sum()


def unshifted_variance(z, v):
    y_hat = np.exp(z) / sum(np.exp(z))
    return (y_hat * (v - (y_hat * v).sum()) ** 2).sum()


def gaps(f, points, s, *, first=0):
    for i in range(len(points)):
        for j in range(i + 1 - first, len(points)):
            a, b = points[i], points[j]
            yield (1 - s) * f(a) + s * f(b) - f((1 - s) * a + s * b)


def crossed_gaps(f, points, s):
    for i, a in enumerate(points):
        for b in points[i + 1 :]:
            yield (1 - s) * f(a) + s * f(b) - f(s * a + (1 - s) * b)


# Chapter 4


def errors_at(table, contexts, targets):
    return row_softmax(table[contexts]) - np.eye(table.shape[1])[targets]


def stepping(parts, divide=True):
    def step(table, contexts, targets, rate):
        moved = table.astype(float)
        count = len(targets) if divide else 1
        for x, part in zip(contexts, parts(table, contexts, targets), strict=True):
            moved[x] = moved[x] - rate * part / count
        return moved

    return step


def per_row(table, contexts, targets, rate):
    moved = table.copy()
    parts = errors_at(table, contexts, targets)
    for x in set(contexts.tolist()):
        moved[x] -= rate * parts[contexts == x].mean(axis=0)
    return moved


def repeats_lost(table, contexts, targets, rate):
    gradient = np.zeros_like(table)
    gradient[contexts] += errors_at(table, contexts, targets) / len(targets)
    return table - rate * gradient


def stochastic(table, contexts, targets, rate):
    moved = table.copy()
    for x, w in zip(contexts, targets, strict=True):
        moved[x] -= rate * (row_softmax(moved[x]) - np.eye(table.shape[1])[w]) / len(targets)
    return moved


def in_place_uphill(table, contexts, targets, rate):
    for x, part in zip(contexts, errors_at(table, contexts, targets), strict=True):
        table[x] += rate * part / len(targets)
    return table


def in_probabilities(table, contexts, targets):
    y = np.eye(table.shape[1])[targets]
    return -y / row_softmax(table[contexts])


def backpropagated(E, U, x, w, *, errors=None, count=None, lost=False):
    hidden = E[x]
    y_hat, y = row_softmax(hidden @ U.T), np.eye(len(U))[w]
    at_logits = (y_hat - y if errors is None else errors(y_hat, y)) / (count or len(w))
    at_E = np.zeros_like(E)
    for n, i in enumerate(x):
        at_E[i] = at_logits[n] @ U + (0 if lost else at_E[i])
    return at_E, np.einsum("nv,nd->vd", at_logits, hidden)


# Chapter 5


def central(f, x, h):
    slopes = []
    for i in range(len(x)):
        e = np.eye(len(x))[i]
        slopes.append((f(x + h * e) - f(x - h * e)) / (2 * h))
    return np.array(slopes)


def forward_difference(f, x, h):
    return np.array([(f(x + h * e) - f(x)) / h for e in np.eye(len(x))])


def never_moved_back(f, x, h):
    x, slopes = x.copy(), []
    for i in range(len(x)):
        x[i] += h
        ahead = f(x)
        x[i] -= 2 * h
        slopes.append((ahead - f(x)) / (2 * h))
    return np.array(slopes)


# Chapter 6


def capped(z, w, cap, *, scale=None, inner=True, predicted=None):
    bent = np.tanh(z / cap)
    error = row_softmax(
        (cap if scale is None else scale) * bent if predicted is None else predicted
    )
    error[w] -= 1
    return error * (1 - bent**2) if inner else error


def without_rescaling(logits):
    top, total = logits[0], 1.0
    for z in logits[1:]:
        top = max(top, z)
        total += np.exp(z - top)
    return top + np.log(total)


def from_zero(logits):
    top, total = 0.0, 0.0
    for z in logits:
        if z > top:
            total *= np.exp(top - z)
            top = z
        total += np.exp(z - top)
    return top + np.log(total)


def exact_sum(z):
    return z.max() + np.log(np.exp(z - z.max()).sum())


def by_columns(
    hidden,
    weight,
    targets,
    columns,
    *,
    whole_blocks=False,
    offset=True,
    rescale=True,
    mean=True,
    start_at=-np.inf,
    raised=True,
):
    top, total = np.full(len(hidden), start_at), np.zeros(len(hidden))
    right = (hidden * weight[targets]).sum(axis=1)
    if not offset:
        right = (hidden * weight[targets % columns]).sum(axis=1)
    end = len(weight) // columns * columns if whole_blocks else len(weight)
    for start in range(0, end, columns):
        z = hidden @ weight[start : start + columns].T
        higher = np.maximum(top, z.max(axis=1)) if raised or not start else top
        total = total * np.exp(top - higher) if rescale else total
        total = total + np.exp(z - higher[:, None]).sum(axis=1)
        top = higher
    losses = top + np.log(total) - right
    return losses.mean() if mean else losses.sum()


def of_each_block(combine):
    def loss(hidden, weight, targets, columns):
        sums = [
            np.array([exact_sum(z) for z in hidden @ weight[s : s + columns].T])
            for s in range(0, len(weight), columns)
        ]
        return (combine(sums) - (hidden * weight[targets]).sum(axis=1)).mean()

    return loss


def overflowing(hidden, weight, targets, columns):
    total = 0.0
    for start in range(0, len(weight), columns):
        total = total + np.exp(hidden @ weight[start : start + columns].T).sum(axis=1)
    return (np.log(total) - (hidden * weight[targets]).sum(axis=1)).mean()


# Chapter 7


def masked(logits, tokens, *, targets=None):
    """Return the losses where a word came, sentence by sentence."""
    targets = tokens[:, 1:] if targets is None else targets
    return [
        np.array(
            [row_losses(z[None], np.array([w]))[0] for z, w in zip(zs, ws, strict=True) if w >= 0]
        )
        for zs, ws in zip(logits, targets, strict=True)
    ]


def padding_as_last_word(logits, tokens):
    flat = logits.reshape(-1, logits.shape[-1])
    return row_losses(flat, tokens[:, 1:].reshape(-1)).mean()


def counted(losses, targets):
    return [x[w >= 0] for x, w in zip(losses, targets, strict=True)]


def first_epoch_only(step, rows, per_step, seed):
    epoch, place = divmod(step * per_step, rows)
    return np.random.default_rng([seed, epoch]).permutation(rows)[place : place + per_step]


def table(train, size, added=1, once=False):
    pairs = list(itertools.pairwise(train.tolist()))
    pairs = set(pairs) if once else pairs
    counts = np.full((size, size), float(added))
    for a, b in pairs:
        counts[a, b] += 1
    return counts


def pair_loss(train, validation, size, *, added=1, once=False):
    counts = table(train, size, added, once)
    return -np.mean(
        [np.log(counts[a, b] / counts[a].sum()) for a, b in itertools.pairwise(validation)]
    )


# Chapter 10


def guessed(p, w):
    return p.max(axis=-1), p.argmax(axis=-1) == w


def points_of(p, w, edges, error, side="right", hits=None):
    """Make the three arrays of a diagram, interval by interval, with one thing done otherwise."""
    came = np.eye(p.shape[1], dtype=bool)[w] if hits is None else hits
    points = []
    for low, high in itertools.pairwise(edges):
        if side == "right":
            inside = (p >= low) & ((p < high) | (high == edges[-1]))
        else:
            inside = (p <= high) & ((p > low) | (low == 0))
        called, share = p[inside].mean(), came[inside].mean()
        points.append((called, share, error(p * inside, share, inside.sum())))
    return [np.array(part) for part in zip(*points, strict=True)]


def exclusive(q, share, n):
    s = q.sum(axis=1)
    return np.sqrt((s - s**2).clip(0).sum()) / n


def expected_surprise(z):
    y_hat = row_softmax(z)
    return np.log(np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1)) - (
        y_hat * (z - z.max(axis=1, keepdims=True))
    ).sum(axis=1)


def naively_expected(z, w):
    y_hat = np.exp(z) / np.exp(z).sum(axis=1)[:, None]
    return -np.log(chosen(y_hat, w)).mean() + (y_hat * np.log(y_hat)).sum(axis=1).mean()


def gap_by_rows(z, w):
    return row_losses(z, w) - expected_surprise(z)


def mixed_loss(z, w, right, others, least=0.0):
    """Weight minus the logarithm of the right word, and of each of the other words."""
    logs = z - z.max(axis=1, keepdims=True)
    logs = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
    return -(right * chosen(logs, w) + others * (logs.sum(axis=1) - chosen(logs, w)))


def uniform_share(z, w, e):
    return mixed_loss(z, w, 1 - e + e / z.shape[1], e / z.shape[1])


def naively_smoothed(z, w, e):
    logs = np.log(np.exp(z) / np.exp(z).sum(axis=1)[:, None])
    return -((1 - e) * chosen(logs, w) + e * logs.mean(axis=1)).mean()


# Chapter 11


def learned(tokens, size, alpha, early=0):
    seen, total = {}, 0.0
    for t, word in enumerate(tokens.tolist()):
        seen[word] = seen.get(word, 0) + early
        total += np.log((t + early + alpha * size) / (seen[word] + alpha))
        seen[word] += 1 - early
    return total


def coins(p, n):
    """The probabilities of the numbers of heads, and the divergence of each share."""
    k = np.arange(n + 1.0)
    step = np.log((n - k[:-1]) / (k[:-1] + 1) * p / (1 - p))
    logs = n * np.log(1 - p) + np.append(0, np.cumsum(step))
    q = np.stack([k / n, 1 - k / n])
    logs_of_q = np.log(q, out=np.zeros_like(q), where=q > 0)
    return np.exp(logs), (q * (logs_of_q - np.log([[p], [1 - p]]))).sum(axis=0)


def error_of(losses, blocks):
    means = [np.mean(part) for part in np.split(losses, blocks)]
    return np.std(means, ddof=1) / np.sqrt(blocks)


def ends(middle, half):
    return middle - half, middle + half


def mixed(losses, shift=1):
    """The losses of a mixture; without the shift, weights of a long text become 0."""
    totals, ahead = np.zeros(len(losses)), []
    for row in losses.T:
        before, after = totals, totals + row
        one, other = shift * before.min(), shift * after.min()
        ahead.append(
            other - one + np.log(np.exp(one - before).sum()) - np.log(np.exp(other - after).sum())
        )
        totals = after
    return np.array(ahead)


WRONG_FUNCTIONS = {
    "1.4": {
        "missing-minus": lambda p, w: np.log(chosen(p, w)).mean(),
        "log-base": lambda p, w: -np.log2(chosen(p, w)).mean(),
        "sum-not-mean": lambda p, w: -np.log(chosen(p, w)).sum(),
        "no-mean": lambda p, w: -np.log(chosen(p, w)),
        "log-of-mean": lambda p, w: -np.log(np.mean(chosen(p, w))),
        "every-pair": lambda p, w: np.mean(-np.log(p[:, w])),
        "all-words": lambda p, w: np.mean(-np.log(p)),
        "one-minus": lambda p, w: (1 - chosen(p, w)).mean(),
        "zero-log-zero": lambda p, w: np.mean(-(np.eye(p.shape[1])[w] * np.log(p)).sum(axis=1)),
        "epsilon": lambda p, w: -np.log(np.clip(chosen(p, w), 1e-12, 1)).mean(),
    },
    "1.6": {
        "max-shift": lambda z, w: np.log(sum(np.exp(z))) - z[w],
        "log-of-zero": lambda z, w: -np.log(row_softmax(z)[w]),
        "sum-rounds-away": lambda z, w: row_losses(z[None], [w])[0],
        "ties-lost": lambda z, w: z.max() + np.log1p(np.exp(z[z < z.max()] - z.max()).sum()) - z[w],
        "shift-not-undone": lambda z, w: np.log(np.exp(z - z.max()).sum()) - z[w],
        "most-probable-word": lambda z, w: np.log1p(
            np.exp(np.delete(z - z.max(), z.argmax())).sum()
        ),
        "double-softmax": lambda z, w: -np.log(row_softmax(row_softmax(z)))[w],
        "missing-minus": lambda z, w: -loss_of_row(z, w),
        "log-base": lambda z, w: loss_of_row(z, w) / LOG2,
    },
    "1.7": {
        "multiplied": tempered(lambda z, w, t: row_losses(z * t, w).mean()),
        "double-softmax": tempered(lambda z, w, t: row_losses(row_softmax(z) / t, w).mean()),
        "temperature-outside": tempered(lambda z, w, t: row_losses(z, w).mean() / t),
        "no-effect": tempered(lambda z, w, t: row_losses(z, w).mean()),
        "sum-not-mean": tempered(lambda z, w, t: row_losses(z / t, w).sum()),
        "missing-minus": tempered(lambda z, w, t: -row_losses(z / t, w).mean()),
        "log-base": tempered(lambda z, w, t: row_losses(z / t, w).mean() / LOG2),
        "changed-argument": divided_in_place,
        "max-shift": tempered(
            lambda z, w, t: np.mean(np.log(np.exp(z / t).sum(axis=1)) - chosen(z / t, w))
        ),
        "log-of-zero": tempered(lambda z, w, t: np.mean(-np.log(chosen(row_softmax(z / t), w)))),
    },
    "2.4": {
        "mean-of-means": lambda b: np.exp(sum(x.mean() for x in b) / len(b)),
        "mean-of-perplexities": lambda b: np.exp(np.concatenate(b)).mean(),
        "log-base": lambda b: 2 ** np.concatenate(b).mean(),
        "sum-not-mean": lambda b: np.exp(sum(x.sum() for x in b)),
        "divided-by-batches": lambda b: np.exp(sum(x.sum() for x in b) / len(b)),
        "missing-exp": lambda b: sum(x.sum() for x in b) / sum(map(len, b)),
        "missing-minus": lambda b: np.exp(-np.concatenate(b).mean()),
    },
    "2.7": {
        "contexts-unweighted": lambda tokens, k: np.mean(surprises(followers(tokens, k))),
        "contexts-summed": lambda tokens, k: sum(surprises(followers(tokens, k))),
        "joint": lambda tokens, k: surprises([np.concatenate(followers(tokens, k))])[0],
        "answer-in-context": including_the_answer,
        "off-by-one": lambda tokens, k: mean_surprise(followers(tokens, k + 1)),
        "last-pair": lambda tokens, k: mean_surprise(followers(tokens[:-1], k)),
        "backwards": lambda tokens, k: mean_surprise(followers(list(reversed(tokens)), k)),
        "log-base": lambda tokens, k: mean_surprise(followers(tokens, k)) / LOG2,
        "missing-minus": lambda tokens, k: -mean_surprise(followers(tokens, k)),
    },
    "3.4": {
        "mean-not-subtracted": lambda z, v: (row_softmax(z) * v**2).sum(),
        "slope-not-curvature": lambda z, v: (row_softmax(z) * v).sum(),
        "unweighted": lambda z, v: ((v - v.mean()) ** 2).mean(),
        "standard-deviation": lambda z, v: variance(z, v) ** 0.5,
        "per-length": lambda z, v: variance(z, v / np.linalg.norm(v)),
        "missing-minus": lambda z, v: -variance(z, v),
        "max-shift": unshifted_variance,
    },
    "3.7": {
        "gap-reversed": lambda f, points, s: min(-gap for gap in gaps(f, points, s)),
        "crossed": lambda f, points, s: min(crossed_gaps(f, points[::-1], s)),
        "pair-reversed": lambda f, points, s: min(gaps(f, points[::-1], s)),
        "both-orders": lambda f, points, s: min(
            *gaps(f, points, s), *gaps(f, np.flip(points, axis=0), s)
        ),
        "largest": lambda f, points, s: max(gaps(f, points, s)),
        "midpoint-only": lambda f, points, s: min(gaps(f, points, 0.5)),
        "with-itself": lambda f, points, s: min(gaps(f, points, s, first=1)),
        "neighbors-only": lambda f, points, s: min(
            min(gaps(f, points[i : i + 2], s)) for i in range(len(points) - 1)
        ),
    },
    "4.3": {
        "sum-not-mean": stepping(errors_at, divide=False),
        "mean-of-row": per_row,
        "uphill": stepping(lambda t, x, w: -errors_at(t, x, w)),
        "repeats-lost": repeats_lost,
        "one-by-one": stochastic,
        "right-word-only": stepping(
            lambda t, x, w: errors_at(t, x, w) * np.eye(t.shape[1])[w],
        ),
        "gradient-in-probabilities": stepping(in_probabilities),
    },
    "4.7": {
        "sum-not-mean": lambda *given: backpropagated(*given, count=1),
        "missing-minus": lambda *given: backpropagated(*given, errors=lambda p, y: y - p),
        "repeats-lost": lambda *given: backpropagated(*given, lost=True),
        "truth-forgotten": lambda *given: backpropagated(*given, errors=lambda p, y: p),
        "gradient-in-probabilities": lambda *given: backpropagated(
            *given, errors=lambda p, y: -y / p
        ),
        "swapped": lambda *given: tuple(reversed(backpropagated(*given))),
        "transposed": lambda *given: (backpropagated(*given)[0], backpropagated(*given)[1].T),
    },
    "5.4": {
        "diagonal-only": lambda y_hat, g: (y_hat - y_hat**2) * g,
        "mean-not-subtracted": lambda y_hat, g: g * y_hat,
        "unweighted": lambda y_hat, g: y_hat * (g - g.mean()),
        "projected": lambda y_hat, g: g - g.mean(),
        "factor-forgotten": lambda y_hat, g: g - (y_hat * g).sum(),
        "missing-minus": lambda y_hat, g: y_hat * ((y_hat * g).sum() - g),
    },
    "5.5": {
        "subtraction": lambda p, h: (np.log(p - h) - np.log(p + h)) / (2 * h),
        "not-divided": lambda p, h: -np.log(p + 1j * h).imag,
        "real-part": lambda p, h: -np.log(p + 1j * h).real / h,
        "missing-minus": lambda p, h: np.arctan(h / p) / h,
        "one-point": lambda p, h: -np.arctan(h / p) / (2 * h),
        "no-step": lambda p, h: -1 / p,
    },
    "5.7": {
        "one-sided": forward_difference,
        "factor-two": lambda f, x, h: 2 * central(f, x, h),
        "not-divided": lambda f, x, h: np.array(
            [f(x + h * e) - f(x - h * e) for e in np.eye(len(x))]
        ),
        "brackets": lambda f, x, h: [(f(x + h * e) - f(x - h * e)) / 2 * h for e in np.eye(len(x))],
        "own-step": lambda f, x, h: central(f, x, 1e-5),
        "all-at-once": lambda f, x, h: np.array([(f(x + h) - f(x - h)) / (2 * h)] * len(x)),
        "step-not-undone": never_moved_back,
        "missing-minus": lambda f, x, h: central(f, x, -h) * -1,
    },
    "6.3": {
        "mean-of-means": lambda means, rows: sum(means) / len(means),
        "sum-not-mean": lambda means, rows: sum(means * rows),
        "divided-by-batches": lambda means, rows: sum(means * rows) / len(means),
        "full-blocks": lambda means, rows: sum(means * rows) / (len(means) * rows[0]),
        "upside-down": lambda means, rows: (means / rows).sum() / (1 / rows).sum(),
    },
    "6.4": {
        "inner-derivative": lambda z, w, cap: capped(z, w, cap, inner=False),
        "uncapped-prediction": lambda z, w, cap: capped(z, w, cap, predicted=z),
        "scale-forgotten": lambda z, w, cap: capped(z, w, cap, scale=1),
        "missing-minus": lambda z, w, cap: -capped(z, w, cap),
        "truth-forgotten": lambda z, w, cap: (
            row_softmax(cap * np.tanh(z / cap)) / np.cosh(z / cap) ** 2
        ),
        "right-word-only": lambda z, w, cap: capped(z, w, cap) * np.eye(len(z))[w],
    },
    "6.5": {
        "max-shift": lambda z: np.log(sum(np.exp(x) for x in z)),
        "not-rescaled": without_rescaling,
        "maximum-forgotten": lambda z: np.log(np.exp(z - z.max()).sum()),
        "starts-at-zero": from_zero,
        "missing-log": lambda z: z.max() + np.exp(z - z.max()).sum(),
        "only-the-maximum": max,
        "fixed-shift": lambda z: z[0] + np.log(sum(np.exp(x - z[0]) for x in z)),
        "log-base": lambda z: exact_sum(z) / LOG2,
    },
    "6.6": {
        "last-block": lambda *given: by_columns(*given, whole_blocks=True),
        "block-offset": lambda *given: by_columns(*given, offset=False),
        "not-rescaled": lambda *given: by_columns(*given, rescale=False),
        "blocks-added": of_each_block(lambda sums: np.sum(sums, axis=0)),
        "blocks-averaged": of_each_block(lambda sums: np.mean(sums, axis=0)),
        "max-shift": overflowing,
        "sum-not-mean": lambda *given: by_columns(*given, mean=False),
        "missing-minus": lambda *given: -by_columns(*given),
        "one-shift": lambda h, u, w, columns: np.mean(
            (h @ u.T).max()
            + np.log(np.exp(h @ u.T - (h @ u.T).max()).sum(axis=1))
            - (h * u[w]).sum(axis=1)
        ),
        "starts-at-zero": lambda *given: by_columns(*given, start_at=0.0),
        "fixed-shift": lambda *given: by_columns(*given, raised=False),
        "no-mean": lambda h, u, w, columns: [exact_sum(u @ a) - u[b] @ a for a, b in zip(h, w)],  # noqa: B905
        "log-base": lambda *given: by_columns(*given) / LOG2,
    },
    "7.5": {
        "wrong-axis": lambda tokens: (tokens[:-1], tokens[1:]),
        "shift-twice": lambda tokens: (tokens[..., :-2], tokens[..., 2:]),
        "no-shift": lambda tokens: (tokens[..., :-1], tokens[..., :-1]),
        "swapped": lambda tokens: (tokens[..., 1:], tokens[..., :-1]),
        "wrapped": lambda tokens: (
            tokens,
            np.concatenate([tokens[..., 1:], tokens[..., :1]], axis=-1),
        ),
        "off-by-one": lambda tokens: (tokens, tokens[..., 1:]),
    },
    "7.6": {
        "reversed": lambda p, q: sum(q * np.log(q / p)),
        "renormalized": lambda p, q: sum(p * np.log(p / (q / q.sum()))),
        "unweighted": lambda p, q: np.mean(np.log(p) - np.log(q)),
        "cross-entropy": lambda p, q: -sum(p * np.log(q)),
        "missing-minus": lambda p, q: sum(p * np.log(q / p)),
        "log-base": lambda p, q: sum(p * np.log2(p / q)),
        "epsilon": lambda p, q: sum(p * np.log(p / (q + 1e-9))),
        "zero-skipped": lambda p, q: sum(np.where(q > 0, p * np.log(p / q), 0)),
    },
    "7.8": {
        "padding-counted": padding_as_last_word,
        "mean-of-means": lambda z, tokens: np.mean([x.mean() for x in masked(z, tokens)]),
        "no-shift": lambda z, tokens: np.concatenate(
            masked(z, tokens, targets=tokens[:, :-1])
        ).mean(),
        "shift-twice": lambda z, tokens: np.concatenate(
            masked(z[:, :-1], tokens, targets=tokens[:, 2:])
        ).mean(),
        "sum-not-mean": lambda z, tokens: np.concatenate(masked(z, tokens)).sum(),
        "divided-by-batches": lambda z, tokens: np.concatenate(masked(z, tokens)).sum() / len(z),
        "missing-minus": lambda z, tokens: -np.concatenate(masked(z, tokens)).mean(),
        "zero-not-counted": lambda z, tokens: np.concatenate(
            masked(z, tokens, targets=np.where(tokens == 0, -1, tokens)[:, 1:])
        ).mean(),
        "max-shift": lambda z, tokens: (
            -np.mean(
                [
                    np.log(np.exp(z[n, t, w]) / np.exp(z[n, t]).sum())
                    for (n, t), w in np.ndenumerate(tokens[:, 1:])
                    if w >= 0
                ]
            )
        ),
        "one-shift": lambda z, tokens: (
            -np.mean(
                [
                    np.log(np.exp(z - z.max())[n, t, w] / np.exp(z - z.max())[n, t].sum())
                    for (n, t), w in np.ndenumerate(tokens[:, 1:])
                    if w >= 0
                ]
            )
        ),
        "log-of-zero": lambda z, tokens: (
            -np.mean(
                [
                    np.log(row_softmax(z)[n, t, w])
                    for (n, t), w in np.ndenumerate(tokens[:, 1:])
                    if w >= 0
                ]
            )
        ),
        "log-base": lambda z, tokens: np.concatenate(masked(z, tokens)).mean() / LOG2,
    },
    "8.3": {
        "mean-of-means": lambda losses, targets: np.mean(
            [x.mean() for x in counted(losses, targets)]
        ),
        "padding-counted": lambda losses, targets: np.mean(np.concatenate(losses)),
        "masked-by-product": lambda losses, targets: (
            sum((x * (t != -1)).sum() for x, t in zip(losses, targets, strict=True))
            / sum((t != -1).sum() for t in targets)
        ),
        "zero-not-counted": lambda losses, targets: np.concatenate(
            [x[t > 0] for x, t in zip(losses, targets, strict=True)]
        ).mean(),
        "sum-not-mean": lambda losses, targets: np.concatenate(counted(losses, targets)).sum(),
        "divided-by-batches": lambda losses, targets: (
            np.concatenate(counted(losses, targets)).sum() / len(losses)
        ),
    },
    "8.5": {
        "same-order": lambda step, rows, per_step, seed: np.tile(
            np.random.default_rng([seed, 0]).permutation(rows), 100
        )[step * per_step : (step + 1) * per_step],
        "step-for-epoch": lambda step, rows, per_step, seed: np.tile(
            np.random.default_rng([seed, step]).permutation(rows), 5
        )[:per_step],
        "in-order": lambda step, rows, per_step, seed: np.tile(np.arange(rows), 100)[
            step * per_step : (step + 1) * per_step
        ],
        "one-epoch": first_epoch_only,
        "other-seed": lambda step, rows, per_step, seed: np.concatenate(
            [np.random.default_rng([e, seed]).permutation(rows) for e in range(20)]
        )[step * per_step : (step + 1) * per_step],
        "remainder-dropped": lambda step, rows, per_step, seed: np.random.default_rng(
            [seed, step // (rows // per_step)]
        ).permutation(rows)[step % (rows // per_step) * per_step :][:per_step],
        "off-by-one": lambda step, rows, per_step, seed: np.concatenate(
            [np.random.default_rng([seed, e]).permutation(rows) for e in range(40)]
        )[(step + 1) * per_step : (step + 2) * per_step],
    },
    "8.6": {
        "not-smoothed": lambda train, validation, size: pair_loss(train, validation, size, added=0),
        "by-column": lambda train, validation, size: (
            -np.mean(
                [
                    np.log(table(train, size)[a, b] / table(train, size)[:, b].sum())
                    for a, b in itertools.pairwise(validation)
                ]
            )
        ),
        "joint": lambda train, validation, size: (
            -np.mean(
                [
                    np.log(table(train, size)[a, b] / table(train, size).sum())
                    for a, b in itertools.pairwise(validation)
                ]
            )
        ),
        "repeats-lost": lambda train, validation, size: pair_loss(
            train, validation, size, once=True
        ),
        "log-base": lambda train, validation, size: pair_loss(train, validation, size) / 0.6931472,
        "missing-minus": lambda train, validation, size: -pair_loss(train, validation, size),
        "sum-not-mean": lambda train, validation, size: (
            pair_loss(train, validation, size) * (len(validation) - 1)
        ),
        "perplexity-not-loss": lambda train, validation, size: np.exp(
            pair_loss(train, validation, size)
        ),
        "size-forgotten": lambda train, validation, size: pair_loss(
            train, validation, max(train) + 1
        ),
        "context-ignored": lambda train, validation, size: (
            -np.log((np.bincount(train, minlength=size)[validation[1:]] + 1) / (len(train) + size))
        ).mean(),
        "validation-counted": lambda train, validation, size: pair_loss(
            np.append(train, validation), validation, size
        ),
    },
    "11.4": {
        "counted-first": lambda tokens, size, alpha: learned(tokens, size, alpha, early=1),
        "alpha-once": lambda tokens, size, alpha: learned(tokens, 1, alpha),
        "own-shares": lambda tokens, size, alpha: sum(
            -np.log(np.mean(tokens == word)) for word in tokens
        ),
        "mean-not-total": lambda tokens, size, alpha: learned(tokens, size, alpha) / len(tokens),
        "missing-minus": lambda tokens, size, alpha: -learned(tokens, size, alpha),
        "log-base": lambda tokens, size, alpha: learned(tokens, size, alpha) / LOG2,
    },
    "11.5": {
        "first-order": lambda p, n: 0.5 / n,
        "unweighted": lambda p, n: np.mean(coins(p, n)[1]),
        "reversed": lambda p, n: np.inf,
        "missing-minus": lambda p, n: -np.dot(*coins(p, n)),
        "log-base": lambda p, n: np.dot(*coins(p, n)) / np.log(10),
    },
    "11.7": {
        "not-paired": lambda a, b, blocks, t: ends(
            np.mean(a - b), t * np.sqrt(error_of(a, blocks) ** 2 + error_of(b, blocks) ** 2)
        ),
        "no-blocks": lambda a, b, blocks, t: ends(
            np.mean(a - b), t * np.std(a - b, ddof=1) / np.sqrt(len(a))
        ),
        "spread-not-error": lambda a, b, blocks, t: ends(
            np.mean(a - b), t * error_of(a - b, blocks) * np.sqrt(blocks)
        ),
        "divided-by-b": lambda a, b, blocks, t: ends(
            np.mean(a - b), t * error_of(a - b, blocks) * np.sqrt(1 - 1 / blocks)
        ),
        "missing-minus": lambda a, b, blocks, t: ends(np.mean(b - a), t * error_of(a - b, blocks)),
        "swapped": lambda a, b, blocks, t: ends(np.mean(a - b), -t * error_of(a - b, blocks)),
    },
    "11.8": {
        "underflow": lambda losses: mixed(losses, shift=0),
        "equal-weights": lambda losses: [-np.log(np.mean(np.exp(-row))) for row in losses.T],
        "mean-of-losses": lambda losses: [sum(row) / len(row) for row in losses.T],
        "best-alone": lambda losses: min(losses.tolist(), key=sum),
        "log-base": lambda losses: mixed(losses) / LOG2,
    },
}

WRONG_FUNCTIONS |= {
    "10.4": {
        "missing-minus": lambda z, w: -gap_by_rows(z, w).mean(),
        "log-base": lambda z, w: gap_by_rows(z, w).mean() / LOG2,
        "sum-not-mean": lambda z, w: gap_by_rows(z, w).sum(),
        "entropy-forgotten": lambda z, w: row_losses(z, w).mean(),
        "entropy-of-mean": lambda z, w: (
            row_losses(z, w).mean()
            + sum(q * np.log(q) for q in row_softmax(z).mean(axis=0) if q > 0)
        ),
        "max-shift": naively_expected,
    },
    "10.6": {
        "missing-minus": lambda z, w, e: -uniform_share(z, w, e).mean(),
        "log-base": lambda z, w, e: uniform_share(z, w, e).mean() / LOG2,
        "sum-not-mean": lambda z, w, e: uniform_share(z, w, e).sum(),
        "on-the-others": lambda z, w, e: mixed_loss(z, w, 1 - e, e / (z.shape[1] - 1)).mean(),
        "share-undivided": lambda z, w, e: mixed_loss(z, w, 1, e).mean(),
        "prediction-smoothed": lambda z, w, e: (
            -np.log((1 - e) * chosen(row_softmax(z), w) + e / z.shape[1]).mean()
        ),
        "max-shift": naively_smoothed,
    },
    "10.7": {
        "independent-events": lambda p, w, edges: points_of(
            p, w, edges, lambda q, share, n: np.sqrt(np.sum(q - q**2)) / n
        ),
        "variance-not-error": lambda p, w, edges: points_of(
            p, w, edges, lambda q, share, n: exclusive(q, share, n) ** 2
        ),
        "observed-error": lambda p, w, edges: points_of(
            p, w, edges, lambda q, share, n: (share * (1 - share) / n) ** 0.5
        ),
        "border-below": lambda p, w, edges: points_of(p, w, edges, exclusive, side="left"),
        "guesses-only": lambda p, w, edges: points_of(
            guessed(p, w)[0][:, None], w, edges, exclusive, hits=guessed(p, w)[1][:, None]
        ),
    },
}

# Another way to make the same mistake, which must not be called something else.
VARIANTS = [
    ("1.4", "log-base", lambda p, w: -np.log10(chosen(p, w)).mean()),
    ("1.4", "epsilon", lambda p, w: -np.log(chosen(p, w) + 1e-8).mean()),
    ("1.7", "log-base", tempered(lambda z, w, t: row_losses(z / t, w).mean() / np.log(10))),
    ("2.7", "last-pair", last_pair_counted),
    ("3.7", "crossed", lambda f, points, s: min(crossed_gaps(f, points, s))),
    ("4.3", "uphill", stepping(lambda t, x, w: -errors_at(t, x, w), divide=False)),
    ("4.3", "uphill", lambda t, x, w, rate: stochastic(t, x, w, -rate)),
    ("4.3", "uphill", lambda t, x, w, rate: per_row(t, x, w, -rate)),
    ("4.3", "uphill", lambda t, x, w, rate: repeats_lost(t, x, w, -rate)),
    ("4.3", "uphill", in_place_uphill),
    ("1.6", "max-shift", lambda z, w: -np.log(np.exp(z)[w] / np.exp(z).sum())),
    ("2.4", "mean-of-perplexities", lambda b: np.mean([np.exp(x.mean()) for x in b])),
    ("2.7", "off-by-one", lambda tokens, k: mean_surprise(followers(tokens, max(k - 1, 0), k))),
    ("4.3", "one-by-one", lambda t, x, w, rate: stochastic(t, x, w, rate * len(x))),
    ("5.5", "subtraction", lambda p, h: (np.log(p) - np.log(p + h)) / h),
    ("5.7", "one-sided", lambda f, x, h: forward_difference(f, x, -h)),
    ("7.5", "no-shift", lambda tokens: (tokens, tokens)),
    (
        "7.8",
        "padding-counted",
        lambda z, tokens: np.concatenate(masked(z, tokens)).sum() / tokens[:, 1:].size,
    ),
]

WRONG_NUMBERS = {
    "1.1": [
        ("log-base", (1.0, 1.0, 0.25)),
        ("log-base", (0.301, 1.0, 0.25)),
        ("missing-minus", (-0.693, 1.0, 0.25)),
        ("nats-for-bits", (0.693, 0.693, 0.25)),
        ("nats-times-log-2", (0.693, 0.480, 0.25)),
        ("missing-minus", (0.693, -1.0, 0.25)),
        ("wrong-way", (0.693, 1.0, 1.0)),
        ("loss-for-probability", (0.693, 1.0, 1.386)),
    ],
    "1.2": [("log-base", 15.61), ("log-base", 4.70), ("missing-minus", -10.82)],
    "2.1": [
        ("added-probabilities", (1.7, 1.833, 1.842)),
        ("mean-not-total", (0.567, 1.833, 1.842)),
        ("log-base", (0.16, 2.644, 1.842)),
        ("log-base", (0.16, 0.796, 1.842)),
        ("missing-minus", (0.16, -1.833, 1.842)),
        ("mean-not-total", (0.16, 0.611, 1.842)),
        ("sum-not-mean", (0.16, 1.833, 6.25)),
        ("mean-of-perplexities", (0.16, 1.833, 1.917)),
        ("log-base", (0.16, 1.833, 1.527)),
    ],
    "2.2": [
        ("mean-of-means", (90.02, 4.35)),
        ("mean-of-perplexities", (23.88, 4.35)),
        ("mean-of-perplexities", (211.76, 4.35)),
        ("log-base", (8.17, 4.35)),
        ("missing-exp", (3.03, 4.35)),
        ("upside-down", (20.69, 0.23)),
        ("missing-exp", (20.69, 1.485)),
    ],
    "2.3": [
        ("reversed", (np.inf, np.inf)),
        ("cross-entropy", (1.0986, np.inf)),
        ("log-base", (0.585, np.inf)),
        ("missing-minus", (-0.405, np.inf)),
        ("reversed", (0.405, 0.405)),
        ("zero-skipped", (0.405, -0.270)),
    ],
    "3.1": [
        ("gap-reversed", -0.511),
        ("log-base", 0.737),
        ("log-base", 0.222),
        ("chord-not-gap", 1.204),
        ("curve-not-gap", 0.693),
    ],
    "3.2": [
        ("infimum", (1, 1, np.inf)),
        ("infimum", (np.inf, 1, np.inf)),
        ("flat-bottom", (0, 1, 1)),
        ("flat-bottom", (0, 1, 2)),
        ("flat-bottom", (0, 1, 0)),
    ],
    "3.3": [
        ("weights-not-predictions", (0.693, 0.693)),
        ("predictions-not-weights", (0.018, 0.018)),
        ("probability-not-loss", (0.982, 0.693)),
        ("probability-not-loss", (0.018, 0.5)),
    ],
    "4.1": [
        ("uphill", 0.109),
        ("step-in-probabilities", 1.0),
        ("right-word-only", 0.4137),
        ("logit-not-probability", 0.75),
    ],
    "4.5": [("trivial", 0.0), ("logit-not-difference", 1.288), ("half-argument", 2.985)],
    "5.1": [
        ("missing-minus", ([0, 0, 0, 4], [1, 1, 1, -3], [0.25, 0.25, 0.25, -0.75])),
        ("gradient-in-logits", ([0.25, 0.25, 0.25, -0.75], [1, 1, 1, -3], [0, 0, 0, -4])),
        ("mean-added", ([0, 0, 0, -4], [-1, -1, -1, -5], [0.25, 0.25, 0.25, -0.75])),
        ("sum-subtracted", ([0, 0, 0, -4], [4, 4, 4, 0], [0.25, 0.25, 0.25, -0.75])),
        ("missing-minus", ([0, 0, 0, -4], [-1, -1, -1, 3], [0.25, 0.25, 0.25, -0.75])),
        ("truth-minus-prediction", ([0, 0, 0, -4], [1, 1, 1, -3], [-0.25, -0.25, -0.25, 0.75])),
        ("truth-forgotten", ([0, 0, 0, -4], [1, 1, 1, -3], [0.25, 0.25, 0.25, 0.25])),
        ("gradient-in-probabilities", ([0, 0, 0, -4], [1, 1, 1, -3], [0, 0, 0, -4])),
        ("gradient-in-probabilities", ([0, 0, 0, -4], [1, 1, 1, -3], [1, 1, 1, -3])),
    ],
    "5.6": [
        ("share-not-percent", (0.64, 9)),
        ("share-not-percent", (64, 0.09)),
        ("kept-not-lost", (36, 9)),
        ("kept-not-lost", (64, 91)),
        ("scaled-too-late", (64, 64)),
        ("count-not-share", (32_097, 9)),
        ("count-not-share", (64, 4265)),
        ("no-rounding", (71, 9)),
        ("no-rounding", (64, 12)),
    ],
    "6.1": [
        ("numbers-not-bytes", (205_852_672, 411_705_344, 166)),
        ("eight-bytes", (1_646_821_376, 411_705_344, 166)),
        ("eight-bytes", (823_410_688, 823_410_688, 166)),
        ("numbers-not-bytes", (823_410_688, 205_852_672, 166)),
        ("rounded-up", (823_410_688, 411_705_344, 167)),
        ("not-whole", (823_410_688, 411_705_344, 166.9)),
        ("decimal-megabytes", (823_410_688, 411_705_344, 159)),
        ("one-byte-each", (823_410_688, 411_705_344, 667)),
        ("eight-bytes", (823_410_688, 411_705_344, 83)),
        *[("other-unit", (x, 411_705_344, 166)) for x in (0.823, 823, 0.767, 785)],
        *[("other-unit", (823_410_688, x, 166)) for x in (0.412, 412, 0.383, 393)],
    ],
    "6.2": [("percent", 0.833), ("upside-down", 120)],
    "7.1": [
        ("mean-not-total", (0.903, 0.027, 1.099)),
        ("log-base", (5.211, 0.027, 1.099)),
        ("log-base", (1.569, 0.027, 1.099)),
        ("missing-minus", (-3.612, 0.027, 1.099)),
        ("added-probabilities", (3.612, 1.9, 1.099)),
        ("missing-minus", (3.612, 0.027, -1.099)),
        ("probability-not-loss", (3.612, 0.027, 0.2)),
        ("later-contexts", (3.612, 0.027, 4.711)),
        ("mean-not-total", (3.612, 0.405, 1.099)),
        ("log-base", (3.612, 0.027, 1.585)),
        ("log-base", (3.612, 0.027, 0.477)),
    ],
    "7.2": [
        ("off-by-one", (1025, 524_800, 1024)),
        ("off-by-one", (1024, 523_776, 1024)),
        ("off-by-one", (1024, 525_825, 1024)),
        ("full-contexts", (1024, 1_048_576, 1024)),
        ("full-contexts", (1024, 1_049_600, 1024)),
        ("full-contexts", (1024, 1_050_625, 1024)),
        ("off-by-one", (1024, 524_800, 1025)),
    ],
    "7.3": [
        ("one-step", (0.105, 0.410, 0.410)),
        ("missing-minus", (-0.527, 0.410, 0.410)),
        ("complement", (0.527, 0.590, 0.410)),
        ("complement", (0.527, 0.410, 0.590)),
        ("one-step", (0.527, 0.410, 0.1)),
        ("added-probabilities", (0.527, 0.410, 0.5)),
        ("log-base", (0.760, 0.410, 0.410)),
        ("log-base", (0.229, 0.410, 0.410)),
        ("off-by-one", (0.421, 0.410, 0.410)),
        ("off-by-one", (0.527, 0.344, 0.410)),
        ("off-by-one", (0.527, 0.410, 0.344)),
        ("percent-not-share", (0.527, 41, 0.410)),
        ("percent-not-share", (0.527, 0.410, 41)),
    ],
    "7.4": [
        ("teacher-forced", (1.0, 0.5, 0.693)),
        ("teacher-forced", (0.5, 1.0, 0.693)),
        ("teacher-forced", (0.5, 0.5, 0.0)),
        ("log-base", (0.5, 0.5, 1.0)),
        ("entropy-not-excess", (0.5, 0.5, 1.386)),
        ("percent-not-share", (50, 0.5, 0.693)),
        ("percent-not-share", (0.5, 50, 0.693)),
        ("count-not-share", (0.5, 2, 0.693)),
        ("log-base", (0.5, 0.5, 0.301)),
        ("missing-minus", (0.5, 0.5, -0.693)),
        ("mean-not-total", (0.5, 0.5, 0.231)),
    ],
    "8.1": [
        ("undivided", (0.05, 1, 0.2)),
        ("decay-everywhere", (0.5, 0.7, 0.2)),
        ("undivided", (0.5, 1, 0.1)),
        ("share-fallen", (0.5, 1, 0.8)),
        ("percent-not-share", (50, 1, 0.2)),
        ("percent-not-share", (0.5, 100, 0.2)),
        ("percent-not-share", (0.5, 1, 20)),
        ("decay-everywhere", (0.95, 1, 0.2)),
        ("above-the-peak", (0.5, 3, 0.2)),
        ("above-the-peak", (0.5, 1.4, 0.2)),
    ],
    "8.2": [
        ("weights-only", (4, 26)),
        ("both-means", (32, 20)),
        ("all-in-matrices", (32, 24)),
        ("other-unit", (32e9, 26)),
        ("other-unit", (32, 26e9)),
        ("other-unit", (29.8, 26)),
        ("other-unit", (32, 24.2)),
    ],
    "10.1": [
        ("log-base", (0.737, 0.26, 0.4)),
        ("log-base", (0.222, 0.26, 0.4)),
        ("missing-minus", (-0.511, 0.26, 0.4)),
        ("one-square", (0.511, 0.16, 0.4)),
        ("mean-not-total", (0.511, 0.0867, 0.4)),
        ("squares-alone", (0.511, 0.46, 0.4)),
        ("probability-not-loss", (0.511, 0.26, 0.6)),
    ],
    "11.1": [
        ("log-base", (9.77e-4, 0.0454, 11.5)),
        ("log-base", (1e-10, 0.0454, 11.5)),
        ("percent-not-share", (4.54e-3, 0.0454, 11.5)),
        ("one-of-many", (4.54e-5, 4.54e-5, 11.5)),
        ("log-base", (4.54e-5, 0.977, 11.5)),
        ("percent-not-share", (4.54e-5, 4.54, 11.5)),
        ("one-of-many", (4.54e-5, 0.0454, 4.61)),
        ("log-base", (4.54e-5, 0.0454, 16.6)),
        ("log-base", (4.54e-5, 0.0454, 5)),
    ],
    "11.2": [
        ("off-by-one", (0.027, 0.053, 26_500)),
        ("half-forgotten", (0.053, 0.053, 26_500)),
        ("contexts-added", (1.431, 0.053, 26_500)),
        ("off-by-one", (0.0265, 0.054, 26_500)),
        ("one-side", (0.0265, 0.0265, 26_500)),
        ("half-forgotten", (0.0265, 0.106, 26_500)),
        ("off-by-one", (0.0265, 0.053, 27_000)),
        ("half-forgotten", (0.0265, 0.053, 53_000)),
    ],
    "11.3": [
        ("own-shares", (0.1055, 0.746, 0.993)),
        ("loss-for-probability", (2.996, 0.746, 0.993)),
        ("mean-not-total", (0.05, 0.1866, 0.993)),
        ("missing-minus", (0.05, -0.746, 0.993)),
        ("log-base", (0.05, 1.077, 0.993)),
        ("log-base", (0.05, 0.324, 0.993)),
        ("mean-not-total", (0.05, 0.746, 0.2483)),
        ("missing-minus", (0.05, 0.746, -0.993)),
        ("log-base", (0.05, 0.746, 1.433)),
        ("log-base", (0.05, 0.746, 0.4314)),
    ],
}

RIGHT_NUMBERS = {
    "1.1": (0.693, 1, 0.25),
    "1.2": 10.82,
    "2.1": (0.16, 1.833, 1.84),
    "2.2": (20.69, 4.35),
    "2.3": (0.405, np.inf),
    "3.1": 0.511,
    "3.2": (0, 1, np.inf),
    "3.3": (0.018, 0.693),
    "4.1": 0.475,
    "4.5": 2.576,
    "5.1": ([0, 0, 0, -4], [1, 1, 1, -3], [0.25, 0.25, 0.25, -0.75]),
    "5.6": (64, 9),
    "6.1": (823e6, 412e6, 166),
    "6.2": 83,
    "7.1": (3.612, 0.027, 1.099),
    "7.2": (1024, 524_800, 1024),
    "7.3": (0.527, 0.41, 0.41),
    "7.4": (0.5, 0.5, 0.693),
    "8.1": (0.5, 1, 0.2),
    "8.2": (32, 26),
    "10.1": (0.511, 0.26, 0.4),
    "11.1": (4.54e-5, 0.0454, 11.5),
    "11.2": (0.0265, 0.053, 26_500),
    "11.3": (0.05, 0.746, 0.993),
}

WITNESSES = {
    "1.3": [
        ("not-distributions", 0.8),
        ("not-distributions", ([0.2, 0.0, 0.0, 0.9], [0.1, 0.1, 0.0, 0.8])),
        ("not-distributions", (["a", "b"], ["c", "d"])),
        ("losses-differ", ([0.3, 0.0, 0.0, 0.7], [0.1, 0.1, 0.0, 0.8])),
        ("losses-differ", ([1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0])),
        ("not-on-one-word", ([0.1, 0.1, 0.0, 0.8], [0.1, 0.1, 0.0, 0.8])),
        ("not-spread-out", ([0.2, 0.0, 0.0, 0.8], [0.0, 0.2, 0.0, 0.8])),
        (None, ([0.2, 0.0, 0.0, 0.8], [0.1, 0.1, 0.0, 0.8])),
    ],
    "10.2": [
        ("not-inside", (0.9, 1.0, 0.75)),
        ("not-inside", ("a", "b", "c")),
        ("costs-agree", (0.5, 0.6, 0.8)),
        ("costs-agree", (0.5, 0.8, 0.6)),
        ("disagree-reversed", (0.9, 0.75, 0.999999)),
        (None, (0.9, 0.999999, 0.75)),
        (None, (0.1, 0.00001, 0.26)),
    ],
}


def unwrapped(verdict):
    return " ".join(verdict.message.split())


def of_kind(kind):
    return [number for number in numbers() if isinstance(find(number), kind)]


def test_every_named_mistake_is_made_here():
    for number in of_kind(Code):
        assert set(WRONG_FUNCTIONS[number]) == set(find(number).mistakes), number
    for number in of_kind(Numbers):
        here = sorted(mistake for mistake, _ in WRONG_NUMBERS[number])
        assert here == sorted(mistake for mistake, _, _ in find(number).mistakes), number
    assert set(WRONG_FUNCTIONS) == set(of_kind(Code))
    assert set(WRONG_NUMBERS) == set(RIGHT_NUMBERS) == set(of_kind(Numbers))
    assert set(WITNESSES) == set(of_kind(Witness))


@pytest.mark.parametrize(
    ("number", "mistake", "answer"),
    [(n, m, f) for n, made in WRONG_FUNCTIONS.items() for m, f in made.items()]
    + VARIANTS
    + [(n, m, answer) for n, made in WRONG_NUMBERS.items() for m, answer in made]
    + [(n, m, answer) for n, made in WITNESSES.items() for m, answer in made if m],
)
def test_a_mistake_is_recognized(number, mistake, answer, capsys):
    verdict = check(number, answer)
    assert not verdict
    assert verdict.mistake == mistake
    assert MISTAKES["en"][mistake] in unwrapped(verdict)
    assert capsys.readouterr().out == verdict.message + "\n"


@pytest.mark.parametrize("number", RIGHT_NUMBERS)
def test_numbers_rounded_as_in_the_book_are_right(number):
    assert check(number, RIGHT_NUMBERS[number])
    answer = RIGHT_NUMBERS[number]
    assert check(number, list(answer) if isinstance(answer, tuple) else answer)


def test_witnesses_are_right():
    for number, judged in WITNESSES.items():
        for mistake, answer in judged:
            assert bool(check(number, answer)) == (mistake is None)


@pytest.mark.parametrize("number", of_kind(Numbers))
def test_the_right_number_is_not_told(number):
    exercise = find(number)
    for position, value in enumerate(exercise.values):
        answer = list(exercise.values)
        answer[position] = 1.7 * np.asarray(value, dtype=float) + 12345.0
        if np.isinf(value).any():
            answer[position] = 12345.0
        verdict = check(number, answer if len(answer) > 1 else answer[0])
        assert not verdict
        assert verdict.mistake is None
        assert f"answer {position + 1} of {len(answer)}" in verdict.message
        assert f"{np.ravel(value)[-1]:.3g}" not in verdict.message.split("gave")[0].split(":", 1)[1]


@pytest.mark.parametrize("number", of_kind(Code))
def test_the_reference_is_right_and_its_inputs_grow(number):
    exercise = find(number)
    assert check(number, exercise.reference)
    sizes = [sum(map(entries, given)) for given in exercise.inputs]
    assert sizes == sorted(sizes)


def entries(argument):
    if isinstance(argument, list):
        return sum(map(entries, argument))
    return 0 if callable(argument) else np.size(argument)


@pytest.mark.parametrize("number", of_kind(Code))
def test_answers_that_are_no_answers(number):
    count = len(find(number).inputs[0])

    def never(*given):
        raise NotImplementedError

    def broken(*given):
        return [1][count + 1]

    def forgetful(*given):
        len(given)

    assert check(number, 0.5).message.startswith(f"{number}: pass the function itself")
    assert check(number, None).message.startswith(f"{number}: pass the function itself")
    assert check(number, never).message.startswith(f"{number}: not yet")
    assert "IndexError: list index out of range" in check(number, broken).message
    assert "returns nothing" in check(number, forgetful).message
    assert "of the type str" in unwrapped(check(number, lambda *given: "loss"))
    assert "shape" in check(number, lambda *given: np.zeros((9, 9))).message
    assert "TypeError" in check(number, lambda: 0).message
    for answer in (0.5, None, never, broken, forgetful, lambda *given: np.nan):
        assert not check(number, answer)


@pytest.mark.parametrize("number", of_kind(Numbers))
def test_numbers_that_are_none(number):
    count = len(find(number).values)
    blank = (None,) * count if count > 1 else None
    assert "not yet" in check(number, blank).message
    assert "not yet" in check(number, ...).message
    if count > 1:
        some = (RIGHT_NUMBERS[number][0],) + (None,) * (count - 1)
        assert check(number, some).message.startswith(f"{number}: not yet")
        assert f"{count} numbers" in check(number, 0.5).message
        assert f"{count} numbers" in check(number, (1,) * (count + 1)).message
        assert "no number" in check(number, ("a",) * count).message
    else:
        assert "no number" in check(number, "a").message
        assert "shape" in check(number, [1, 2]).message


def test_the_smallest_input_that_shows_it():
    message = check("1.4", lambda p, w: 0.0).message  # right for certainty, the first input
    assert message == (
        "1.4: not right. An input that shows it:\n"
        "    probabilities = [[0.25, 0.75]], targets = [0]\n"
        "    expected: 1.386\n"
        "    got:      0"
    )


def test_results_that_look_alike_are_shown_with_more_digits():
    message = check("3.4", lambda z, v: variance(z, v) + 1e-6).message
    assert "0.25\n" in message
    assert "0.250001" in message


def test_only_what_explains_all_inputs_is_named():
    def mixed(p, w):  # wrong in two ways: of another base, and the sum
        return -np.log2(chosen(p, w)).sum()

    verdict = check("1.4", mixed)
    assert not verdict
    assert verdict.mistake is None
    assert "looks like" not in verdict.message


def test_an_argument_changed_in_place_is_noticed():
    def right_but_rude(table, contexts, targets, rate):
        step = stepping(errors_at)(table, contexts, targets, rate)
        table[:] = step
        return table

    verdict = check("4.3", right_but_rude)
    assert not verdict
    assert verdict.mistake == "changed-argument"
    assert "argument table" in verdict.message

    def spoilt(y_hat, g):
        y_hat *= 2
        return y_hat * (g - y_hat @ g)

    verdict = check("5.4", spoilt)
    assert verdict.mistake == "changed-argument"
    before = find("5.4").inputs[0][0].copy()
    check("5.4", spoilt)
    assert np.array_equal(find("5.4").inputs[0][0], before)


def test_tensors_and_lists_are_welcome():
    def with_torch(probabilities, targets):
        p = torch.from_numpy(probabilities)
        return -p[range(len(targets)), targets].log().mean()

    assert check("1.4", with_torch)
    assert check("7.5", lambda tokens: [tokens[..., :-1].tolist(), tokens[..., 1:].tolist()])


@pytest.mark.filterwarnings("error")
def test_the_readers_warnings_stay_out_of_the_way(recwarn):
    def wordy(p, w):
        warnings.warn("experimental", stacklevel=1)
        return (0 - np.log(chosen(p, w))).mean()

    assert check("1.4", wordy)
    assert not recwarn.list


@pytest.mark.parametrize("number", ["1.8", "1.99", "1.0", 1, 1.8, None, "99.1", "x", "", "01.1"])
def test_unknown_exercises_are_named(number):
    with pytest.raises(ValueError, match=r"exercise must be one of \['1\.1', .*" + repr(number)):
        check(number, 0.5)


def test_the_language_is_chosen(monkeypatch):
    assert check("1.2", None, language="pt").message.startswith("1.2: ainda não")
    monkeypatch.setattr(exercises, "language", "pt")
    verdict = check("1.2", 15.61)
    assert "não está certa" in verdict.message
    assert MISTAKES["pt"]["log-base"] in unwrapped(verdict)
    assert check("1.2", None, language="en").message.startswith("1.2: not yet")
    with pytest.raises(ValueError, match=r"language must be one of \['en', 'pt'\], got 'de'"):
        check("1.2", None, language="de")


@pytest.mark.parametrize(
    ("config", "beginning"),
    [
        (BOOK + "sphinx:\n  config:\n    language: pt_BR\n", "ainda não"),
        (BOOK + 'language: "pt"\n', "ainda não"),
        (BOOK + "sphinx:\n  config:\n    language: en\n", "not yet"),
        (BOOK + "language: sv\n", "not yet"),  # an edition in neither language
        (BOOK, "not yet"),
        (None, "ainda não"),  # that of the edition farther away
        ("title: a blog\nauthor: somebody\nlanguage: en\n", "ainda não"),
        (b"author: Jos\xe9\nlanguage: en\n", "ainda não"),  # in Latin-1
        ("author: nwp\n".encode("utf-16"), "ainda não"),
    ],
)
def test_the_language_is_that_of_the_edition(tmp_path, monkeypatch, config, beginning):
    chapters = tmp_path / "pt" / "chapters"
    chapters.mkdir(parents=True)
    monkeypatch.chdir(chapters)
    if config:
        data = config if isinstance(config, bytes) else config.encode()
        (tmp_path / "pt" / "_config.yml").write_bytes(data)
    (tmp_path / "_config.yml").write_text(BOOK + "language: pt_BR\n")  # farther away
    assert check("1.2", None).message.startswith(f"1.2: {beginning}")
    assert check("1.2", None, language="en").message.startswith("1.2: not yet")
    monkeypatch.setattr(exercises, "language", "pt")
    assert check("1.2", None).message.startswith("1.2: ainda não")


def test_what_cannot_be_read_chooses_no_language(tmp_path, monkeypatch):
    (tmp_path / "_config.yml").write_text(BOOK + "language: pt_BR\n")
    folder, loop, secret = (tmp_path / name for name in ("folder", "loop", "secret"))
    for place in (folder, loop, secret):
        place.mkdir()
    (folder / "_config.yml").mkdir()
    (loop / "_config.yml").symlink_to("_config.yml")
    (secret / "_config.yml").write_text(BOOK + "language: en\n")
    read = Path.read_text

    def guarded(path, *args, **kwargs):
        if path.parent.name == "secret":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", guarded)
    for place in (folder, loop, secret):
        monkeypatch.chdir(place)
        assert exercises.edition_language() == "pt"


def test_a_removed_working_directory_chooses_no_language(tmp_path, monkeypatch):
    def gone():
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(Path, "cwd", gone)
    assert exercises.edition_language() == "en"


@pytest.mark.parametrize(("edition", "language"), [*zip(EDITIONS, ["en", "pt"], strict=True)])
def test_the_editions_say_their_language(monkeypatch, edition, language):
    monkeypatch.chdir(edition / "chapters")
    assert exercises.edition_language() == language


def test_a_number_without_quotes_will_do():
    assert check(1.2, 10.82)
    assert check(np.float64(1.2), None).message.startswith("1.2: not yet")


def test_a_proof_is_told_from_a_number_that_no_exercise_has(capsys):
    verdict = check("1.5", lambda p: -np.log(p))
    assert not verdict
    assert "asks for a proof, which no program can check" in unwrapped(verdict)
    assert "pede uma demonstração" in unwrapped(check("1.5", None, language="pt"))
    assert capsys.readouterr().out
    assert "1.5" not in numbers()


def test_no_word_is_left_over():
    used = {"changed-argument", "whole-matrix", "read-twice", "all-columns"}
    used |= {m for made in WITNESSES.values() for m, _ in made if m}
    for made in WRONG_FUNCTIONS.values():
        used |= set(made)
    for made in WRONG_NUMBERS.values():
        used |= {mistake for mistake, _ in made}
    assert used == set(MISTAKES["en"])


def test_a_verdict_is_quiet_at_the_end_of_a_cell():
    verdict = check("1.2", 10.82)
    assert verdict._ipython_display_() is None
    assert verdict.passed
    assert bool(verdict)


# The exercises in the chapters.

TITLE = re.compile(r"(★{1,3}) (By hand|Code|Proof|Project): (.+)")
CHAPTERS = chapter_paths()


def boxes_of(path):
    """Return (number, stars, kind, title, label, stub cell, solution cell) of each exercise."""
    chapter = int(path.stem[:2])
    cells, found = nbformat.read(path, as_version=4).cells, []
    for at, cell in enumerate(cells):
        if cell.cell_type == "code":
            continue
        boxes = [block for block in blocks(cell.source) if block.name == "exercise"]
        assert len(boxes) <= 1, cell.source[:200]
        for box in boxes:
            stars, kind, title = TITLE.fullmatch(box.argument).groups()
            label = box.options["label"]
            if f"solution-start}} {label}" in cell.source:
                stub, solution = None, cells[at + 1]
            else:
                stub, solution = cells[at + 1], cells[at + 3]
                assert f"solution-start}} {label}" in cells[at + 2].source
            number = f"{chapter}.{len(found) + 1}"
            found.append((number, stars, kind, title, label, stub, solution))
    return found


EXERCISES = [(path, *box) for path in CHAPTERS for box in boxes_of(path)]


def checks_in(source):
    """Name the exercises that a cell checks."""
    return [
        node.args[0].value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check"
    ]


def test_the_book_has_enough_exercises():
    assert len(EXERCISES) >= 40
    labels = [label for *_, label, _, _ in EXERCISES]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_climbs_from_a_computation_to_a_project(path):
    marks = [(stars, kind) for _, stars, kind, *_ in boxes_of(path)]
    assert len(marks) >= 5
    assert marks[0] == ("★", "By hand")
    assert marks[-1] == ("★★★", "Project")
    lengths = [len(stars) for stars, _ in marks]
    assert lengths == sorted(lengths)


@pytest.mark.parametrize(
    ("path", "number", "stars", "kind", "title", "label", "stub", "solution"),
    EXERCISES,
    ids=[label for *_, label, _, _ in EXERCISES],
)
def test_stub_fails_and_solution_passes(path, number, stars, kind, title, label, stub, solution):
    if kind == "Proof":
        assert stub is None
        assert not checks_in(solution.source)
        return
    assert checks_in(stub.source) == checks_in(solution.source) == [number]
    assert stub.outputs[0].text.startswith(f"{number}: not yet.")
    assert len(stub.outputs) == 1
    assert f"assert check({number!r}".replace("'", '"') in solution.source
    printed = "".join(output.get("text", "") for output in solution.outputs)
    assert printed.endswith(f"{number}: right.\n")
    scope = {"np": np, "check": check}
    exec(stub.source.replace("check(", "verdict = check("), scope)
    assert not scope["verdict"]


VERDICTS = {"By hand": "À mão", "Code": "Código", "Proof": "Demonstração", "Project": "Projeto"}


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_portuguese_stubs_and_solutions_say_so_in_portuguese(path):
    cells = nbformat.read(PORTUGUESE / "chapters" / path.name, as_version=4).cells
    title = re.compile(r"^`{3}\{exercise\} (★+) (.+?):", re.MULTILINE)
    titles = [match for cell in cells for match in title.findall(cell.source)]
    assert titles == [(stars, VERDICTS[kind]) for _, stars, kind, *_ in boxes_of(path)]
    for cell in cells:
        if cell.cell_type == "code" and checks_in(cell.source):
            printed = "".join(output.get("text", "") for output in cell.outputs)
            assert re.search(r"^\d+\.\d: (ainda não|certo)\.", printed, re.MULTILINE), printed


def test_the_gaps_between_the_checks_are_the_proofs():
    for _, number, _, kind, *_ in EXERCISES:
        assert isinstance(find(number), Proof) == (kind == "Proof"), number


def test_every_check_has_its_place_in_a_chapter():
    placed = {number for _, number, _, kind, *_ in EXERCISES if kind != "Proof"}
    assert placed == set(numbers())


def names_of(source):
    """Name the variables and functions that a cell defines or uses."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.FunctionDef):
            yield node.name


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_stub_hides_no_name_of_its_chapter(path):
    cells = nbformat.read(path, as_version=4).cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    used = set()
    for source in sources:
        if "raise NotImplementedError" in source:
            (stub,) = (n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef))
            assert stub.name not in used
        used |= set(names_of(source))


@pytest.mark.parametrize(("edition", "language"), [*zip(EDITIONS, ["en", "pt"], strict=True)])
def test_the_introduction_shows_what_check_prints(edition, language):
    introduction = (edition / "intro.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r'check\("1\.4", batch_loss\)\n((?:# .*\n)+)', introduction)
    verdict = check("1.4", WRONG_FUNCTIONS["1.4"]["log-base"], language=language)
    assert shown == "".join(f"# {line}\n" for line in verdict.message.splitlines())


HTML = ROOT / "_build" / "html"


@pytest.mark.parametrize(("folder", "word"), [("", "Exercise"), ("pt/", "Exercício")])
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_the_pages_show_the_numbers_that_are_checked(path, folder, word):
    page = HTML / folder / "chapters" / f"{path.stem}.html"
    if not page.exists():
        if os.environ.get("NWP_REQUIRE_BROWSER"):
            pytest.fail("the book is not built: run make book")
        pytest.skip("the book is not built: run make book")
    shown = re.findall(
        rf'id="(exr-[^"]+)".{{0,80}}?class="caption-number">{word} ([\d.]+) ',
        page.read_text(encoding="utf-8"),
        re.DOTALL,
    )
    assert shown == [(label, number) for number, *_, label, _, _ in boxes_of(path)]


@pytest.mark.parametrize(
    ("number", "given"),
    [
        ("1.1", torch.tensor([LOG2, 1.0, 0.25])),
        ("1.1", (LOG2, 1, Fraction(1, 4))),
        ("1.2", [10.82]),
        ("1.2", np.array([10.82])),
        ("1.3", ([0.2, 0, 0, 1 - 0.2], [0.1, 0.05, 0.05, 1 - 0.1 - 0.05 - 0.05])),
    ],
)
def test_a_right_answer_may_come_in_many_forms(number, given):
    assert check(number, given)


@pytest.mark.parametrize(
    ("number", "given"),
    [
        ("1.1", np.array(0.69)),
        ("1.3", ([0.2, 0, 0, 0.5, 0.3], [0.1, 0.1, 0, 0.5, 0.3])),
        ("1.3", (torch.tensor([0.2, 0, 0, 0.8], requires_grad=True), [0.25] * 4)),
        ("7.5", lambda tokens: (1 / 0 for _ in range(2))),
        (
            "8.3",
            lambda losses, targets: (
                sum((x * (t != -1)).sum() for x, t in zip(losses, targets, strict=True))
                / sum((t != -1).sum() for t in targets)
            ),
        ),
    ],
)
def test_a_wrong_answer_is_refused_and_raises_nothing(number, given):
    assert not check(number, given)


def test_a_missed_condition_is_no_likeness():
    assert check("1.3", (5, 6)).message.startswith("1.3: not right:\ntwo predictions are asked for")


def test_the_tolerance_of_a_mistake_is_its_own():
    assert check("5.6", (64.19, 0.085)).mistake == check("5.6", (0.64, 8.5)).mistake is not None
    assert check("5.6", (64.19, 0.5)).mistake is None
