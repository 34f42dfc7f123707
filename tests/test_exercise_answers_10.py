"""Answers to the exercises of chapter 10 as readers give them: wrong ones, and right ones."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from scipy.stats import entropy

from exercises import check, numbers


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
}

RIGHT = {
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
}


@pytest.mark.parametrize(
    ("number", "answer"),
    [(number, answer) for number, answers in WRONG.items() for answer in answers],
)
def test_a_plausible_wrong_answer_is_refused(number, answer):
    verdict = check(number, answer)
    assert not verdict
    assert "not yet" not in verdict.message


@pytest.mark.parametrize(
    ("number", "answer"),
    [(number, answer) for number, answers in RIGHT.items() for answer in answers],
)
def test_a_right_answer_is_accepted_however_it_is_written(number, answer):
    verdict = check(number, answer)
    assert verdict, verdict.message


def test_every_exercise_has_its_answers():
    here = [number for number in numbers() if number.startswith("10.")]
    assert list(WRONG) == list(RIGHT) == here
    assert all(len(answers) >= 6 for answers in WRONG.values())
