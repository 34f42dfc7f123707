"""Answers to the exercises of chapters 1 to 4 as readers give them: wrong ones, and right ones.

A wrong program is refused whether or not its mistake has a name; a right one is accepted
however it is written.
"""

import math
from fractions import Fraction
from itertools import combinations, permutations

import answers
import numpy as np
import pytest
import torch
from scipy.special import log_softmax as scipy_log_softmax
from scipy.special import logsumexp


def softmax(z):
    shares = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def chosen(p, w):
    return p[np.arange(len(w)), w]


def losses(z, w):
    z = z - z.max(axis=-1, keepdims=True)
    return np.log(np.exp(z).sum(axis=-1)) - chosen(z, w)


def each(loss):
    return lambda logits, targets, temperatures: [loss(logits, targets, t) for t in temperatures]


def floor(tokens, k, *, context=None, count=None, first=None, last=None):
    """Compute the floor with one thing done otherwise."""
    context = context or (lambda t: tuple(tokens[t - k : t]))
    found = {}
    for t in range(k if first is None else first, len(tokens) if last is None else last):
        following = found.setdefault(context(t), {})
        following[tokens[t]] = following.get(tokens[t], 0) + 1
    total = 0.0
    for following in found.values():
        visits = sum(following.values())
        total -= sum(n * math.log(n / visits) for n in following.values())
    return total / (count or len(tokens) - k)


def gap(f, a, b, s):
    return (1 - s) * f(a) + s * f(b) - f((1 - s) * a + s * b)


def gradient(table, contexts, targets):
    whole = np.zeros(table.shape)
    np.add.at(whole, contexts, softmax(table[contexts]) - np.eye(table.shape[1])[targets])
    return whole


def errors(E, U, x, w):
    return softmax(E[x] @ U.T) - np.eye(len(U))[w]


def back(E, U, x, at_logits):
    at_E = np.zeros(E.shape)
    np.add.at(at_E, x, at_logits @ U)
    return at_E, at_logits.T @ E[x]


WRONG = {
    "1.1": [
        (0.5, 1, 0.25),
        (0.693, 1.44, 0.25),
        (0.693, 0.301, 0.25),
        (0.693, 1, 0.5),
        (0.693, 1, 0.125),
        (0.693, 1, 0.707),  # the square root: half the loss
        (0.25, 1, 0.693),  # in another order
        (math.e**0.5, 1, 0.25),
    ],
    "1.2": [50_000, 1 / 50_000, 15.6, 4.7, -10.8, 9.9, math.log(5000), "log V"],
    "1.3": [
        ([0.2, 0, 0, 0.8], [0.2, 0, 0, 0.8]),
        ([0.1, 0.1, 0.1, 0.7], [0.3, 0, 0, 0.7]),
        ([0.2, 0, 0, 0.8], [0.25, 0.25, 0.25, 0.25]),
        ([0.2, 0, 0.8], [0.1, 0.1, 0.8]),
        ([0, 0, 0, 1], [0, 0, 0, 1]),
        ([1, 0, 0, 0], [0.4, 0.3, 0.3, 0]),
        ([-0.2, 0.2, 0.2, 0.8], [0.1, 0.1, 0, 0.8]),
        (0.223, 0.223),
    ],
    "1.4": [
        lambda p, w: -np.log(p[:, w]).mean(),
        lambda p, w: -np.log(p[w]).mean(),
        lambda p, w: -np.log(p.max(axis=1)).mean(),
        lambda p, w: -np.log(chosen(p, w)).sum() / p.shape[1],
        lambda p, w: -np.log(1 - chosen(p, w)).mean(),
        lambda p, w: np.median(-np.log(chosen(p, w))),
        lambda p, w: -np.log(chosen(p, w) + 1e-300).mean(),
        lambda p, w: np.nan_to_num(-np.log(chosen(p, w))).mean(),
        lambda p, w: np.mean([x for x in -np.log(chosen(p, w)) if np.isfinite(x)] or [0.0]),
        lambda p, w: -np.log(chosen(softmax(p), w)).mean(),
        lambda p, w: -(p * np.log(p)).sum(axis=1).mean(),
        lambda p, w: -np.log(np.prod(chosen(p, w))),
        lambda p, w: -np.log1p(chosen(p, w)).mean(),
    ],
    "1.6": [
        lambda z, w: -(z[w] - z.max()),
        lambda z, w: -np.log(softmax(z)[w] + 1e-12),
        lambda z, w: logsumexp(z) - z[w],
        lambda z, w: np.logaddexp.reduce(z) - z[w],
        lambda z, w: -scipy_log_softmax(z)[w],
        lambda z, w: np.log1p(np.exp(np.delete(z, w) - z[w]).sum()),
        lambda z, w: z.max() - z[w] + np.log1p(np.exp(z - z.max()).sum()),
        lambda z, w: z.max() - z[w] + np.log1p(np.exp(z[z != z.max()] - z.max()).sum()),
        lambda z, w: np.log(np.exp(z - max(z.max(), 0)).sum()) + max(z.max(), 0) - z[w],
        lambda z, w: np.log(np.exp(np.clip(z, -700, 700)).sum()) - z[w],
        lambda z, w: max(0.0, np.sort(z)[-2] - z[w]),
        lambda z, w: np.log1p(np.exp(np.delete(z, w).max() - z[w])),
    ],
    "1.7": [
        each(lambda z, w, t: losses(z - t, w).mean()),
        each(lambda z, w, t: losses(z / t**2, w).mean()),
        each(lambda z, w, t: losses(z / np.sqrt(t), w).mean()),
        each(lambda z, w, t: losses(z, w).mean() * t),
        each(lambda z, w, t: losses(z / t, z.argmax(axis=1)).mean()),
        each(lambda z, w, t: losses(z / t, w)[0]),
        each(lambda z, w, t: np.median(losses(z / t, w))),
        each(lambda z, w, t: losses(z / t, w).mean() / math.log(2)),
        each(
            lambda z, w, t: (
                np.log(np.exp(z / t - (z / t).max()).sum(axis=1)).mean()
                - chosen(z / t - (z / t).max(), w).mean()
            )
        ),
        lambda z, w, temperatures: losses(z / temperatures[0], w).mean(),
        lambda z, w, temperatures: [losses(z / t, w) for t in temperatures],
        lambda z, w, temperatures: [losses(z / t, w).mean() for t in reversed(temperatures)],
    ],
    "2.1": [
        (1.7, 1.83, 1.84),
        (0.16, 2.64, 1.84),
        (0.16, 0.16, 1.84),
        (0.16, 1.833, 6.25),
        (0.16, 1.833, 0.611),
        (0.16, 1.833, 0.543),
        (0.84, 1.833, 1.842),
        (0.16, 1.833, 1.917),
    ],
    "2.2": [
        (90.0, 4.35),
        (20.69, 0.23),
        (20.69, 1.485),
        (3.03, 4.35),
        (8.17, 4.35),
        (20.69, 69.3),
        (23.9, 4.35),
        (4.35, 20.69),
    ],
    "2.3": [
        (math.inf, 0.405),
        (0.585, math.inf),
        (-0.405, math.inf),
        (1.0986, math.inf),
        (0.405, -0.270),
        (0.405, 0),
        (0.693, math.inf),
        (0.405, -math.inf),
        (0.405, math.nan),
    ],
    "2.4": [
        lambda b: math.exp(np.mean([x.mean() for x in b])),
        lambda b: np.mean(np.exp(np.concatenate(b))),
        lambda b: math.prod(math.exp(x.mean()) for x in b),
        lambda b: math.exp(b[0].mean()),
        lambda b: math.exp(np.concatenate(b[:-1] or b).mean()),
        lambda b: math.exp(sum(x.sum() for x in b) / (len(b) * max(map(len, b)))),
        lambda b: 2 ** np.concatenate(b).mean(),
        lambda b: math.exp(np.median(np.concatenate(b))),
        lambda b: np.exp(sum(x.sum() for x in b)) / sum(map(len, b)),
        lambda b: np.concatenate(b).mean(),
    ],
    "2.7": [
        lambda x, k: floor(x, k, last=len(x) - 1),
        lambda x, k: floor(x, k, last=len(x) - 1, count=len(x) - 1 - k),
        lambda x, k: floor(x, k, count=len(x)),
        lambda x, k: floor(x, k, count=1),
        lambda x, k: floor(x, k, context=lambda t: tuple(sorted(x[t - k : t]))),
        lambda x, k: floor(x, k, context=lambda t: frozenset(x[t - k : t])),
        lambda x, k: floor(x, k, context=lambda t: "".join(map(str, x[t - k : t]))),
        lambda x, k: floor(x, k, context=lambda t: x[t - k] if k else ()),
        lambda x, k: floor(
            x, k, context=lambda t: tuple(x[max(t - k, 0) : t]), first=0, count=len(x)
        ),
        lambda x, k: floor(x, k, context=lambda t: tuple(x[t - k : t + 1])),
        lambda x, k: floor(x, k) / math.log(2),
        lambda x, k: floor(x, 1) if len(x) > 1 else 0.0,
        lambda x, k: math.log(len(set(x))),
    ],
    "3.1": [-0.511, 0.737, 1.204, 0.693, 0.0, 0.4, 0.105, 2.303],
    "3.2": [
        (1, 1, 1),
        (0, 0, 0),
        (0, 1, 2),
        (0, 1, 3),
        (0, math.inf, 1),
        (math.inf, 1, math.inf),
        (0, 1, 0),
        (True, True, False),
    ],
    "3.3": [
        (0.693, 0.018),
        (0.018, 0.018),
        (0.693, 0.693),
        (0.982, 0.5),
        (0.018, 0.5),
        (0.018, 0.127),  # sigma(2), not sigma(0)
        (0.127, 0.693),
        (0.026, 1.0),
    ],
    "3.4": [
        lambda z, v: v @ (np.diag(softmax(z)) @ v),
        lambda z, v: v @ (np.diag(z) - np.outer(z, z)) @ v,
        lambda z, v: v @ np.outer(softmax(z), softmax(z)) @ v,
        lambda z, v: softmax(z) @ (v - v.mean()) ** 2,
        lambda z, v: (softmax(z) * (1 - softmax(z))) @ v**2,
        lambda z, v: softmax(z) @ np.abs(v - softmax(z) @ v),
        lambda z, v: 0.5 * (softmax(z) @ v**2 - (softmax(z) @ v) ** 2),
        lambda z, v: softmax(z) @ v**2 - softmax(z) @ v,
        lambda z, v: (np.diag(softmax(z)) - np.outer(softmax(z), softmax(z))) @ v,
        lambda z, v: np.var(softmax(z) * v),
        lambda z, v: (v - softmax(z) @ v) @ (v - softmax(z) @ v),
    ],
    "3.7": [
        lambda f, p, s: min(gap(f, b, a, s) for a, b in combinations(p, 2)),
        lambda f, p, s: min(gap(f, a, b, s) for a, b in permutations(p, 2)),
        lambda f, p, s: min(gap(f, a, b, 1 - s) for a, b in combinations(p, 2)),
        lambda f, p, s: min(abs(gap(f, a, b, s)) for a, b in combinations(p, 2)),
        lambda f, p, s: np.mean([gap(f, a, b, s) for a, b in combinations(p, 2)]),
        lambda f, p, s: sum(gap(f, a, b, s) for a, b in combinations(p, 2)),
        lambda f, p, s: gap(f, p[0], p[-1], s),
        lambda f, p, s: min(gap(f, p[0], b, s) for b in p[1:]),
        lambda f, p, s: min(0.0, *(gap(f, a, b, s) for a, b in combinations(p, 2)), 1.0),
        lambda f, p, s: min(
            (1 - s) * f(a) + s * f(b) - f((a + b) / 2) for a, b in combinations(p, 2)
        ),
        lambda f, p, s: any(gap(f, a, b, s) < 0 for a, b in combinations(p, 2)),
        lambda f, p, s: min(gap(f, a, b, s) for a, b in combinations(np.sort(p, axis=0), 2)),
    ],
    "4.1": [0.25, 0.109, 0.413, 0.75, 1.0, 0.5, 0.352, 0.745],
    "4.3": [
        lambda t, c, w, r: t - r * gradient(t, c, w),
        lambda t, c, w, r: t + r * gradient(t, c, w) / len(w),
        lambda t, c, w, r: t - gradient(t, c, w) / len(w),
        lambda t, c, w, r: gradient(t, c, w) / len(w),
        lambda t, c, w, r: -r * gradient(t, c, w) / len(w),
        lambda t, c, w, r: t - r * gradient(t, c, w) / len(t),
        lambda t, c, w, r: t - r * gradient(t, c, w) / t.size,
        lambda t, c, w, r: softmax(t - r * gradient(t, c, w) / len(w)),
        lambda t, c, w, r: t - r * gradient(t, w % len(t), c % t.shape[1]) / len(w),
        lambda t, c, w, r: t[c] - r * gradient(t, c, w)[c] / len(w),
        lambda t, c, w, r: t - r * (softmax(t) - softmax(t).mean()),
        lambda t, c, w, r: t - r * gradient(softmax(t), c, w) / len(w),
    ],
    "4.5": [0.0, -2.576, 1.288, 2.985, 5.97, 6.0, 4.0, 3.0],
    "4.7": [
        lambda E, U, x, w: back(E, U, x, errors(E, U, x, w)),
        lambda E, U, x, w: back(E, U, x, -errors(E, U, x, w) / len(w)),
        lambda E, U, x, w: back(E, U, x, errors(E, U, x, w) / len(U)),
        lambda E, U, x, w: back(E, U, x, errors(E, U, x, w) / len(E)),
        lambda E, U, x, w: back(E, U, x, softmax(E[x] @ U.T) / len(w)),
        lambda E, U, x, w: back(E, U, x, errors(E, U, x, w) / len(w))[::-1],
        lambda E, U, x, w: (errors(E, U, x, w) @ U / len(w), errors(E, U, x, w).T @ E[x] / len(w)),
        lambda E, U, x, w: (
            back(E, U, x, errors(E, U, x, w) / len(w))[0],
            errors(E, U, x, w).T @ E[x],
        ),
        lambda E, U, x, w: (
            back(E, U, x, errors(E, U, x, w) / len(w))[0],
            (E[x].T @ errors(E, U, x, w)) / len(w),
        ),
        lambda E, U, x, w: back(E, np.ones_like(U), x, errors(E, U, x, w) / len(w)),
        lambda E, U, x, w: back(E, U, x, np.abs(errors(E, U, x, w)) / len(w)),
    ],
}


def in_fractions(p, w):
    parts = [-np.log(x) for x in chosen(p, w)]
    return sum(map(Fraction, parts)) / len(w) if np.isfinite(parts).all() else math.inf


def in_torch(z, w, t):
    return torch.nn.functional.cross_entropy(torch.tensor(z) / float(t), torch.tensor(w))


def sorted_row(z, w):
    ordered = sorted(z.tolist())
    largest = ordered.pop()
    return (largest - z[w]) + math.log1p(sum(math.exp(x - largest) for x in ordered))


def by_counting(tokens, k):
    contexts = [tuple(tokens[t : t + k]) for t in range(len(tokens) - k)]
    pairs = [(c, tokens[t + k]) for t, c in enumerate(contexts)]
    return sum(math.log(contexts.count(c) / pairs.count((c, word))) for c, word in pairs) / len(
        pairs
    )


def in_loops(table, contexts, targets, rate):
    new = [list(row) for row in table.tolist()]
    for c, w in zip(contexts.tolist(), targets.tolist(), strict=True):
        shares = [math.exp(z) for z in table[c]]
        for j, share in enumerate(shares):
            new[c][j] -= rate * (share / sum(shares) - (j == w)) / len(targets)
    return new


def step_by_autograd(table, contexts, targets, rate):
    t = torch.tensor(table, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(t[torch.tensor(contexts)], torch.tensor(targets))
    loss.backward()
    return (t - rate * t.grad).detach()


def one_hot_gradients(E, U, x, w):
    at_logits = errors(E, U, x, w) / len(w)
    X = np.eye(len(E))[x]
    return {"E": X.T @ at_logits @ U, "U": at_logits.T @ X @ E}.values()


def autograd_curvature(z, v):
    z, v = torch.tensor(z), torch.tensor(v)
    H = torch.autograd.functional.hessian(lambda u: torch.logsumexp(u, 0), z)
    return v @ H @ v


RIGHT = {
    "1.1": [
        (0.693, 1, 0.25),
        [math.log(2), 1.0, Fraction(1, 4)],
        np.array([0.6931, 1, 0.25]),
        (np.float32(math.log(2)), 1, 0.25),
        torch.tensor([math.log(2), 1, 0.25]),
    ],
    "1.2": [10.82, 10.8, [10.82], np.log(np.float32(50_000)), torch.tensor(50_000.0).log()],
    "1.3": [
        ([0, 0, 0.5, 0.5], [0.2, 0.2, 0.1, 0.5]),
        ([Fraction(1, 4), 0, 0, Fraction(3, 4)], [Fraction(1, 8), Fraction(1, 8), 0, 0.75]),
        (torch.tensor([0.2, 0, 0, 0.8]), np.array([0.1, 0.05, 0.05, 0.8])),
        np.array([[0, 0.4, 0, 0.6], [0.2, 0.1, 0.1, 0.6]], dtype=np.float32),
        ([0.2, 1 - 0.8 - 0.2, 0, 0.8], [0.1, 0.1, 0, 0.8]),
    ],
    "1.4": [
        lambda p, w: -np.log(chosen(p, w)).mean(),
        lambda p, w: -np.nansum(np.eye(p.shape[1])[w] * np.log(p), axis=1).mean(),
        lambda p, w: np.mean([-np.log(row[word]) for row, word in zip(p, w, strict=True)]),
        lambda p, w: torch.nn.functional.nll_loss(torch.tensor(p).log(), torch.tensor(w)),
        lambda p, w: -np.log(chosen(p.astype(np.float32), w)).mean(),
        in_fractions,
    ],
    "1.6": [
        sorted_row,
        lambda z, w: (z.max() - z[w]) + np.log1p(np.exp(np.delete(z, z.argmax()) - z.max()).sum()),
        lambda z, w: np.float32(sorted_row(z, w)),
        lambda z, w: torch.tensor(sorted_row(z, w)),
    ],
    "1.7": [
        each(lambda z, w, t: losses(z / t, w).mean()),
        each(lambda z, w, t: np.mean(logsumexp(z / t, axis=1) - chosen(z / t, w))),
        lambda z, w, temperatures: torch.stack([in_torch(z, w, t) for t in temperatures]),
        lambda z, w, temperatures: torch.stack(
            [in_torch(z.astype(np.float32), w, t) for t in temperatures]
        ),
        lambda z, w, temperatures: tuple(float(in_torch(z, w, t)) for t in temperatures),
    ],
    "2.1": [
        (0.16, 1.833, 1.842),
        (Fraction(4, 25), 1.83, 1.84),
        np.array([0.16, 1.8326, 1.842], dtype=np.float32),
        torch.tensor([0.16, 1.8326, 1.842]),
    ],
    "2.2": [(20.69, 4.35), [20.7, 4.35], np.array([20.7, 4.351]), torch.tensor([20.69, 4.35])],
    "2.3": [(0.405, math.inf), [math.log(1.5), float("inf")], torch.tensor([0.4055, math.inf])],
    "2.4": [
        lambda b: math.exp(sum(map(sum, b)) / sum(map(len, b))),
        lambda b: np.exp(np.mean([x for losses in b for x in losses])),
        lambda b: torch.cat([torch.tensor(x) for x in b]).mean().exp(),
        lambda b: np.exp(np.concatenate(b).astype(np.float32).mean()),
        lambda b: np.exp(np.average([x.mean() for x in b], weights=[len(x) for x in b])),
    ],
    "2.7": [
        floor,
        by_counting,
        lambda x, k: np.float32(floor(x, k)),
        lambda x, k: floor(tuple(x), k),
    ],
    "3.1": [0.511, math.log(5 / 3), Fraction(511, 1000), np.float32(0.5108), torch.tensor(0.511)],
    "3.2": [(0, 1, math.inf), [0.0, 1.0, np.inf], np.array([0, 1, np.inf])],
    "3.3": [
        (0.018, 0.693),
        [0.0181, 0.6931],
        (0.01815, math.log(2)),
        torch.tensor([0.0181, 0.693]),
    ],
    "3.4": [
        lambda z, v: softmax(z) @ v**2 - (softmax(z) @ v) ** 2,
        lambda z, v: v @ (np.diag(softmax(z)) - np.outer(softmax(z), softmax(z))) @ v,
        lambda z, v: np.cov(v, aweights=softmax(z), ddof=0),
        lambda z, v: sum(
            p * q * (a - b) ** 2
            for (p, a), (q, b) in combinations(list(zip(softmax(z), v, strict=True)), 2)
        ),
        lambda z, v: softmax(z.astype(np.float32)) @ (v - softmax(z) @ v).astype(np.float32) ** 2,
        autograd_curvature,
    ],
    "3.7": [
        lambda f, p, s: min(gap(f, a, b, s) for a, b in combinations(p, 2)),
        lambda f, p, s: min(gap(f, p[i], p[j], s) for j in range(len(p)) for i in range(j)),
        lambda f, p, s: np.float32(min(gap(f, a, b, s) for a, b in combinations(p, 2))),
        lambda f, p, s: torch.tensor([gap(f, a, b, s) for a, b in combinations(p, 2)]).min(),
    ],
    "4.1": [
        0.475,
        0.4754,
        math.e / (math.e + 3),
        [0.475],
        np.float32(0.4754),
        torch.tensor(0.4754),
    ],
    "4.3": [
        lambda t, c, w, r: t - r * gradient(t, c, w) / len(w),
        in_loops,
        step_by_autograd,
        lambda t, c, w, r: (
            t - r * np.eye(len(t))[c].T @ (softmax(t[c]) - np.eye(t.shape[1])[w]) / len(w)
        ),
        lambda t, c, w, r: (t - r * gradient(t, c, w) / len(w)).astype(np.float32),
    ],
    "4.5": [2.576, 2.58, 2.5757, np.array([2.5757]), torch.tensor(2.5757), np.float32(2.576)],
    "4.7": [
        lambda E, U, x, w: back(E, U, x, errors(E, U, x, w) / len(w)),
        lambda E, U, x, w: list(back(E, U, x, errors(E, U, x, w) / len(w))),
        lambda E, U, x, w: [g.tolist() for g in back(E, U, x, errors(E, U, x, w) / len(w))],
        lambda E, U, x, w: tuple(
            torch.tensor(g).float() for g in back(E, U, x, errors(E, U, x, w) / len(w))
        ),
        one_hot_gradients,
    ],
}


@pytest.mark.parametrize(("number", "answer"), answers.each(WRONG))
def test_a_plausible_wrong_answer_is_refused(number, answer):
    answers.refused(number, answer)


@pytest.mark.parametrize(("number", "answer"), answers.each(RIGHT))
def test_a_right_answer_is_accepted_however_it_is_written(number, answer):
    answers.accepted(number, answer)


def test_every_exercise_has_its_answers():
    answers.complete(WRONG, RIGHT, 1, 2, 3, 4)
