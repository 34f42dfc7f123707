"""The exercises of chapter 3, the convexity."""

from itertools import combinations, combinations_with_replacement, pairwise, permutations

import numpy as np

from exercises.kinds import BASES, Code, Numbers, times
from nwp.convexity import chord_gap, hessian_in_logits, two_weight_loss
from nwp.loss import cross_entropy, softmax

ENDS = np.array([[0.9, 0.1], [0.1, 0.9]])
GAP = chord_gap(lambda y_hat: cross_entropy(y_hat, 0), ENDS[0], ENDS[1], 0.5)


def curvature_along(z, v):
    return v @ hessian_in_logits(z) @ v


def naive_curvature(z, v):
    y_hat = np.exp(z) / np.exp(z).sum()
    return y_hat @ v**2 - (y_hat @ v) ** 2


DIRECTIONS = [
    (np.array([0.0, 0.0]), np.array([1.0, 0.0])),
    (np.array([1.0, 0.0]), np.array([2.0, -1.0])),
    (np.array([1000.0, 1001.0]), np.array([1.0, 0.5])),
    (np.array([1.0, -0.5, 0.3]), np.array([1.0, 1.0, 0.0])),
    (np.array([0.2, -1.5, 0.3, 2.0]), np.array([1.5, -2.0, 0.0, 1.0])),
]


def square(x):
    """lambda x: x @ x"""
    return float(x @ x)


def minus_square(x):
    """lambda x: -x @ x"""
    return -square(x)


def two_weights(x):
    """lambda x: two_weight_loss(x[0], x[1])"""
    return float(two_weight_loss(*x))


def exponential(x):
    """lambda x: np.exp(x[0])"""
    return float(np.exp(x[0]))


def two_of(points):
    return combinations(points, 2)


def gap_of_pairs(gap=chord_gap, choose=min, pairs=two_of):
    return lambda f, points, s: choose(gap(f, a, b, s) for a, b in pairs(points))


smallest_gap = gap_of_pairs()


def crossed_gap(f, a, b, s):
    return s * f(a) + (1 - s) * f(b) - f((1 - s) * a + s * b)


SEARCHES = [
    (square, np.array([[0.0], [1.0]]), 0.25),
    (exponential, np.array([[1.0], [0.0]]), 0.25),  # of the others each gap is symmetric
    (minus_square, np.array([[0.0], [1.0], [3.0]]), 0.25),
    (exponential, np.array([[0.0], [2.0], [0.5]]), 0.25),
    (two_weights, np.array([[2.0, 2.0], [-2.0, -2.0], [1.0, 0.5]]), 0.5),
    (square, np.array([[0.0, 1.0], [2.0, 1.0], [0.5, -1.0], [3.0, 0.0]]), 0.75),
]

EXERCISES = {
    "3.1": Numbers(
        (GAP,),
        [
            ("gap-reversed", 0, -GAP),
            *[("log-base", 0, GAP / base) for base in BASES],
            ("chord-not-gap", 0, cross_entropy(ENDS, [0, 0])),
            ("curve-not-gap", 0, cross_entropy(ENDS.mean(axis=0), 0)),
        ],
    ),
    "3.2": Numbers(
        (0, 1, np.inf),
        [
            ("infimum", 0, 1),
            ("infimum", 0, np.inf),
            ("flat-bottom", 2, 1),
            ("flat-bottom", 2, 2),
            ("flat-bottom", 2, 0),
        ],
    ),
    "3.3": Numbers(
        (two_weight_loss(2.0, 2.0), two_weight_loss(0.0, 0.0)),
        [
            ("weights-not-predictions", 0, two_weight_loss(0.0, 0.0)),
            ("predictions-not-weights", 1, two_weight_loss(2.0, 2.0)),
            ("probability-not-loss", 0, np.exp(-two_weight_loss(2.0, 2.0))),
            ("probability-not-loss", 1, 0.5),
        ],
    ),
    "3.4": Code(
        curvature_along,
        DIRECTIONS,
        {
            "mean-not-subtracted": lambda z, v: softmax(z) @ v**2,
            "slope-not-curvature": lambda z, v: softmax(z) @ v,
            "unweighted": [lambda z, v: np.var(v), lambda z, v: np.var(v, ddof=1)],
            "standard-deviation": lambda z, v: np.sqrt(curvature_along(z, v)),
            "per-length": lambda z, v: curvature_along(z, v) / (v @ v),
            "missing-minus": times(-1, curvature_along),
            "max-shift": naive_curvature,
        },
    ),
    "3.7": Code(
        smallest_gap,
        SEARCHES,
        {
            "gap-reversed": [
                gap_of_pairs(times(-1, chord_gap)),
                times(-1, smallest_gap),
            ],
            "crossed": [
                gap_of_pairs(crossed_gap),
                gap_of_pairs(lambda f, a, b, s: crossed_gap(f, b, a, s)),
            ],
            "pair-reversed": gap_of_pairs(lambda f, a, b, s: chord_gap(f, b, a, s)),
            "both-orders": gap_of_pairs(pairs=lambda points: permutations(points, 2)),
            "largest": gap_of_pairs(choose=max),
            "midpoint-only": gap_of_pairs(lambda f, a, b, s: chord_gap(f, a, b, 0.5)),
            "with-itself": gap_of_pairs(
                pairs=lambda points: combinations_with_replacement(points, 2)
            ),
            "neighbors-only": gap_of_pairs(pairs=pairwise),
        },
    ),
}
