"""The exercises of chapter 1, the loss."""

import numpy as np

from exercises.kinds import BASES, EPSILONS, Code, Numbers, Witness, array_of, in_other_bases, times
from nwp.loss import (
    cross_entropy,
    cross_entropy_from_logits,
    log_softmax,
    one_hot,
    softmax,
)

HALF = float(cross_entropy([0.5, 0.5], 0))
UNIFORM = float(cross_entropy(np.full(50_000, 1 / 50_000), 0))


def blind_pair(*predictions):
    try:
        single, spread = (None if p is None else without_dust(p) for p in predictions)
        given = [p for p in (single, spread) if p is not None]
        losses = cross_entropy(given, [3] * len(given), reduction="none")
    except (TypeError, ValueError):  # too few, too many, no numbers, no distributions
        return "not-distributions"
    if given[0].shape != (4,):
        return "not-distributions"
    if not np.isfinite(losses).all() or not np.allclose(losses, losses[0], rtol=1e-6, atol=0):
        return "losses-differ"
    if single is not None and np.count_nonzero(single[:3]) != 1:
        return "not-on-one-word"
    return "not-spread-out" if spread is not None and np.count_nonzero(spread[:3]) < 2 else None


def without_dust(prediction):
    """Make 0 of what arithmetic leaves of it, such as 1 - 0.8 - 0.2."""
    prediction = array_of(prediction)
    return np.where(np.abs(prediction) < 1e-12, 0, prediction)


def batch_loss(probabilities, targets):
    return cross_entropy(probabilities, targets)


def of_right_words(probabilities, targets):
    return np.asarray(probabilities)[np.arange(len(targets)), targets]


def by_one_hot(probabilities, targets):
    y = one_hot(targets, np.shape(probabilities)[1])
    return -(y * np.log(probabilities)).sum(axis=1).mean()


def with_epsilon(epsilon):
    return lambda p, w: -np.log(of_right_words(p, w) + epsilon).mean()


def at_least(epsilon):
    return lambda p, w: -np.log(np.maximum(of_right_words(p, w), epsilon)).mean()


BATCHES = [
    (np.array([[1.0, 0.0]]), np.array([0])),
    (np.array([[0.25, 0.75]]), np.array([0])),
    (np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([0, 1])),
    (np.array([[0.0, 1.0], [0.5, 0.5]]), np.array([0, 1])),
    (
        np.array([[0.05, 0.1, 0.05, 0.8], [0.25, 0.25, 0.25, 0.25], [0.7, 0.1, 0.1, 0.1]]),
        np.array([3, 3, 0]),
    ),
]


def stable_loss(z, w):
    return cross_entropy_from_logits(z, w)


def log_sum_exp(z):
    return z[0] - log_softmax(z)[0]


def without_largest(z, w):
    """Leave every largest logit out of the sum, where one is due."""
    return z.max() - z[w] + np.log1p(np.exp(z[z != z.max()] - z.max()).sum())


ROWS = [
    (np.array([2.0, 1.0]), 1),
    (np.array([1.0, 1.0]), 0),
    (np.array([1002.0, 1001.0]), 0),
    (np.array([-1001.0, -1000.0]), 0),
    (np.array([0.0, -1000.0]), 1),
    (np.array([40.0, 0.0]), 0),
    (np.array([0.5, -1.0, 2.0]), 0),
    (np.array([2.0, 0.5, 2.0]), 1),
    (np.array([3.0, 1.0, -2.0, 0.5]), 0),
]


def by_temperature(loss):
    return lambda logits, targets, temperatures: np.array(
        [loss(logits, targets, t) for t in temperatures]
    )


loss_at = by_temperature(lambda z, w, t: cross_entropy_from_logits(z / t, w))


def at_own_words(z, w):
    return np.take_along_axis(z, w[:, None], axis=-1)[:, 0]


TEMPERATURES = [
    (np.array([[2.0, 0.0]]), np.array([0]), np.array([0.5, 1.0])),
    (np.array([[900.0, 899.0]]), np.array([0]), np.array([0.5, 1.0])),
    (np.array([[0.0, -900.0]]), np.array([1]), np.array([0.5, 2.0])),
    (np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([1, 1]), np.array([0.5, 2.0])),
    (np.array([[900.0, 899.0], [0.0, 1.0]]), np.array([0, 0]), np.array([1.0, 2.0])),
    (
        np.array([[1.0, -0.5, 0.3], [2.0, 0.1, 0.0], [-1.0, 0.5, 3.0]]),
        np.array([0, 2, 2]),
        np.array([0.25, 1.0, 3.0]),
    ),
]

EXERCISES = {
    "1.1": Numbers(
        (HALF, HALF / np.log(2), 0.25),
        [
            *[("log-base", 0, HALF / base) for base in BASES],
            ("missing-minus", 0, -HALF),
            ("nats-for-bits", 1, HALF),
            ("nats-times-log-2", 1, HALF * np.log(2)),
            ("missing-minus", 1, -1.0),
            ("wrong-way", 2, 1.0),
            ("loss-for-probability", 2, 2 * HALF),
        ],
    ),
    "1.2": Numbers(
        (UNIFORM,),
        [
            *[("log-base", 0, UNIFORM / base) for base in BASES],
            ("missing-minus", 0, -UNIFORM),
        ],
    ),
    "1.3": Witness(blind_pair, 2),
    "1.4": Code(
        batch_loss,
        BATCHES,
        {
            "missing-minus": times(-1, batch_loss),
            "log-base": in_other_bases(batch_loss),
            "sum-not-mean": lambda p, w: cross_entropy(p, w, reduction="sum"),
            "no-mean": lambda p, w: cross_entropy(p, w, reduction="none"),
            "log-of-mean": lambda p, w: -np.log(of_right_words(p, w).mean()),
            "every-pair": lambda p, w: -np.log(p[:, w]).mean(),
            "all-words": lambda p, w: -np.log(p).mean(),
            "one-minus": lambda p, w: 1 - of_right_words(p, w).mean(),
            "zero-log-zero": by_one_hot,
            "epsilon": [make(e) for make in (with_epsilon, at_least) for e in EPSILONS],
        },
        rtol=1e-5,  # an epsilon is recognized by what it does to the impossible
        atol=2e-5,
    ),
    "1.6": Code(
        stable_loss,
        ROWS,
        {
            "max-shift": [
                lambda z, w: -np.log(np.exp(z) / np.exp(z).sum())[w],
                lambda z, w: np.log(np.exp(z).sum()) - z[w],
            ],
            "log-of-zero": lambda z, w: -np.log(np.exp(z - z.max()) / np.exp(z - z.max()).sum())[w],
            "sum-rounds-away": [
                lambda z, w: (z.max() - z[w]) + np.log(np.exp(z - z.max()).sum()),
                lambda z, w: z.max() + np.log(np.exp(z - z.max()).sum()) - z[w],
            ],
            "ties-lost": [
                without_largest,
                lambda z, w: without_largest(z, z.argmax()) + z.max() - z[w],
            ],
            "shift-not-undone": lambda z, w: log_sum_exp(z - z.max()) - z[w],
            "most-probable-word": lambda z, w: stable_loss(z, z.argmax()),
            "double-softmax": lambda z, w: stable_loss(softmax(z), w),
            "missing-minus": times(-1, stable_loss),
            "log-base": times(1 / np.log(2), stable_loss),
        },
        atol=0.0,  # a loss of 4e-18 is to be right in all its digits too
    ),
    "1.7": Code(
        loss_at,
        TEMPERATURES,
        {
            "multiplied": by_temperature(lambda z, w, t: cross_entropy_from_logits(z * t, w)),
            "double-softmax": by_temperature(
                lambda z, w, t: cross_entropy_from_logits(softmax(z) / t, w)
            ),
            "temperature-outside": by_temperature(
                lambda z, w, t: cross_entropy_from_logits(z, w) / t
            ),
            "no-effect": by_temperature(lambda z, w, t: cross_entropy_from_logits(z, w)),
            "sum-not-mean": by_temperature(
                lambda z, w, t: cross_entropy_from_logits(z / t, w, reduction="sum")
            ),
            "missing-minus": times(-1, loss_at),
            "log-base": in_other_bases(loss_at),
            # logits /= t, of logits that were divided before
            "changed-argument": lambda z, w, t: loss_at(z, w, np.cumprod(t)),
            "max-shift": by_temperature(
                lambda z, w, t: (np.log(np.exp(z / t).sum(axis=1)) - at_own_words(z / t, w)).mean()
            ),
            "log-of-zero": by_temperature(
                lambda z, w, t: -np.log(of_right_words(softmax(z / t), w)).mean()
            ),
        },
    ),
}
