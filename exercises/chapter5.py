"""The exercises of chapter 5, the derivative."""

import numpy as np

from exercises.frugal import Frugal, peak
from exercises.kinds import Code, Numbers, times
from nwp.derivative import (
    central_differences,
    gradient_wrt_logits,
    gradient_wrt_probabilities,
    project_to_tangent,
)
from nwp.loss import cross_entropy_from_logits, softmax

LEMMA = gradient_wrt_probabilities(np.full(4, 0.25), 3)
IN_LOGITS = gradient_wrt_logits(np.zeros(4), 3)


def back_through_softmax(y_hat, g):
    return y_hat * (g - y_hat @ g)


PULLED = [
    (np.array([0.5, 0.5]), np.array([1.0, 0.0])),
    (np.array([0.25, 0.75]), np.array([2.0, -1.0])),
    (np.array([0.05, 0.1, 0.05, 0.8]), np.array([0.0, 0.0, 0.0, -1.25])),
    (np.array([0.1, 0.2, 0.3, 0.15, 0.25]), np.array([1.0, -2.0, 0.5, 3.0, 0.0])),
]


def whole_matrix(answer):
    """Of 500 words the Jacobian has 250,000 numbers, and a vector 500."""
    uniform = np.full(500, 1 / 500)
    return "whole-matrix" if peak(answer, uniform, np.arange(500.0)) > 250_000 else None


def complex_slope(p, h):
    return -np.arctan2(h, p) / h


# Of a large step the slope itself can be told from its approximation.
STEPS = [(0.5, 1e-20), (0.5, 0.5), (0.8, 1e-50), (0.1, 1e-100)]

IN_HALF = gradient_wrt_logits(np.random.default_rng(16).normal(scale=4, size=50_000), 0)


def lost_in_half(scale):
    """Share of the gradient's entries, in percent, that float16 stores as 0."""
    return 100 * np.mean((scale * IN_HALF).astype(np.float16) == 0)


def below_smallest(scale):
    """Share of those, in percent, that are below float16's smallest number."""
    return 100 * np.mean(np.abs(scale * IN_HALF) < 2.0**-24)


LOST = lost_in_half(1), lost_in_half(1024)


def numeric_gradient(f, x, h):
    return central_differences(f, x, h)


def one_sided(direction):
    def differences(f, x, h):
        steps = direction * h * np.eye(len(x))
        return np.array([(f(x + step) - f(x)) / (direction * h) for step in steps])

    return differences


def steps_kept(f, x, h):
    """Move each coordinate and never move it back."""
    moved, slopes = x.copy(), []
    for i in range(len(x)):
        moved[i] += h
        above = f(moved)
        moved[i] -= 2 * h
        slopes.append((above - f(moved)) / (2 * h))
    return np.array(slopes)


def all_at_once(f, x, h):
    return np.full(len(x), (f(x + h) - f(x - h)) / (2 * h))


def sum_of_cubes(x):
    """lambda x: (x**3).sum()"""
    return float((np.asarray(x) ** 3).sum())


def product(x):
    """lambda x: x.prod()"""
    return float(np.prod(np.asarray(x)))


def loss_of_last(x):
    """lambda x: cross_entropy_from_logits(x, len(x) - 1)"""
    return float(cross_entropy_from_logits(x, len(x) - 1))


# All numbers are short binary fractions, so that a step forth and back ends where it began.
POINTS = [
    (sum_of_cubes, np.array([1.0]), 0.25),
    (loss_of_last, np.array([0.5, -1.0]), 0.125),
    (product, np.array([1.0, -2.0, 0.5]), 0.25),
    (sum_of_cubes, np.array([1.0, -2.0, 0.5]), 0.125),
    (loss_of_last, np.array([0.5, -1.0, 2.0, 0.0]), 0.5),
]

EXERCISES = {
    "5.1": Numbers(
        (LEMMA, project_to_tangent(LEMMA), IN_LOGITS),
        [
            ("missing-minus", 0, -LEMMA),
            ("gradient-in-logits", 0, IN_LOGITS),
            ("mean-added", 1, LEMMA + LEMMA.mean()),
            ("sum-subtracted", 1, LEMMA - LEMMA.sum()),
            ("missing-minus", 1, -project_to_tangent(LEMMA)),
            ("truth-minus-prediction", 2, -IN_LOGITS),
            ("truth-forgotten", 2, softmax(np.zeros(4))),
            ("gradient-in-probabilities", 2, LEMMA),
            ("gradient-in-probabilities", 2, project_to_tangent(LEMMA)),
        ],
    ),
    "5.4": Frugal(
        back_through_softmax,
        PULLED,
        {
            "diagonal-only": lambda y_hat, g: y_hat * (1 - y_hat) * g,
            "mean-not-subtracted": lambda y_hat, g: y_hat * g,
            "unweighted": lambda y_hat, g: y_hat * project_to_tangent(g),
            "projected": [
                lambda y_hat, g: project_to_tangent(g),
                lambda y_hat, g: project_to_tangent(y_hat * g),
            ],
            "factor-forgotten": lambda y_hat, g: g - y_hat @ g,
            "missing-minus": times(-1, back_through_softmax),
        },
        missed=whole_matrix,
    ),
    "5.5": Code(
        complex_slope,
        STEPS,
        {
            "subtraction": [
                lambda p, h: (-np.log(p + h) + np.log(p)) / h,
                lambda p, h: (-np.log(p + h) + np.log(p - h)) / (2 * h),
            ],
            "not-divided": lambda p, h: (-np.log(p + 1j * h)).imag,
            "real-part": lambda p, h: (-np.log(p + 1j * h)).real / h,
            "missing-minus": lambda p, h: np.log(p + 1j * h).imag / h,
            "one-point": times(1 / 2, complex_slope),
            "no-step": lambda p, h: -1 / p,
        },
        atol=0.0,
    ),
    "5.6": Numbers(
        LOST,
        [
            ("share-not-percent", 0, LOST[0] / 100),
            ("share-not-percent", 1, LOST[1] / 100),
            ("kept-not-lost", 0, 100 - LOST[0]),
            ("kept-not-lost", 1, 100 - LOST[1]),
            ("count-not-share", 0, 500 * LOST[0]),
            ("count-not-share", 1, 500 * LOST[1]),
            ("no-rounding", 0, below_smallest(1)),
            ("no-rounding", 1, below_smallest(1024)),
            ("scaled-too-late", 1, LOST[0]),
        ],
        rtol=0.0,
        atol=0.6,  # whole percents
    ),
    "5.7": Code(
        numeric_gradient,
        POINTS,
        {
            "one-sided": [one_sided(1), one_sided(-1)],
            "factor-two": times(2, numeric_gradient),
            "not-divided": lambda f, x, h: 2 * h * numeric_gradient(f, x, h),
            "brackets": lambda f, x, h: h**2 * numeric_gradient(f, x, h),
            "own-step": lambda f, x, h: numeric_gradient(f, x, 1e-6),
            "all-at-once": all_at_once,
            "step-not-undone": steps_kept,
            "missing-minus": times(-1, numeric_gradient),
        },
    ),
}
