"""The exercises of chapter 10, scores and calibration."""

import numpy as np

from exercises.kinds import BASES, Code, Numbers, Witness, array_of, in_other_bases, times
from nwp import scoring
from nwp.equivalence import entropy
from nwp.loss import (
    cross_entropy,
    cross_entropy_from_logits,
    log_softmax,
    one_hot,
    softmax,
)

PREDICTION = np.array([0.6, 0.3, 0.1])
LOG, BRIER, LINEAR = (
    float(cost(PREDICTION)[0])
    for cost in (scoring.log_cost, scoring.brier_cost, scoring.linear_cost)
)


def disagreement(p, a, b):
    """Under the Brier cost a is the better one, under the logarithm b is."""
    if any(part is None for part in (p, a, b)):
        return None
    try:
        truth, *reports = (float(array_of(part).squeeze()) for part in (p, a, b))
    except TypeError:
        return "not-inside"
    if not all(0 < x < 1 for x in (truth, *reports)):
        return "not-inside"
    pairs = np.array([[x, 1 - x] for x in reports])
    (brier_a, brier_b), (log_a, log_b) = (
        scoring.mean_cost(cost(pairs), [truth, 1 - truth])
        for cost in (scoring.brier_cost, scoring.log_cost)
    )
    if brier_a > brier_b and log_a < log_b:
        return "disagree-reversed"
    return None if brier_a < brier_b and log_a > log_b else "costs-agree"


def surprise_gap(logits, targets):
    return scoring.surprise_gap(logits, targets)


def naive_gap(logits, targets):
    shares = np.exp(logits)
    y_hat = shares / shares.sum(axis=1, keepdims=True)
    expected = -(y_hat * np.log(y_hat)).sum(axis=1)
    return np.mean(-np.log(y_hat[np.arange(len(targets)), targets]) - expected)


random = np.random.default_rng(10)
ROWS = [
    (np.array([[0.0, 1.0]]), np.array([0])),
    (np.array([[1.0, 0.0], [0.5, 2.0]]), np.array([0, 1])),  # less surprised than expected
    (np.array([[1000.0, 1001.0, 999.0], [-1000.0, -1002.0, -1000.0]]), np.array([0, 2])),
    (random.normal(scale=2, size=(5, 4)).round(1), np.array([3, 0, 2, 2, 1])),
]


def smoothed_loss(logits, targets, epsilon):
    target = scoring.smoothed_target(one_hot(targets, logits.shape[-1]), epsilon)
    return against(target, logits)


def against(target, logits):
    return -(target * log_softmax(logits)).sum(axis=-1).mean()


def on_the_others(logits, targets, epsilon):
    right = one_hot(targets, logits.shape[-1])
    return against((1 - epsilon) * right + epsilon * (1 - right) / (logits.shape[-1] - 1), logits)


def undivided(logits, targets, epsilon):
    return against((1 - epsilon) * one_hot(targets, logits.shape[-1]) + epsilon, logits)


def smoothed_prediction(logits, targets, epsilon):
    return cross_entropy(scoring.smoothed_target(softmax(logits), epsilon), targets)


def unshifted_smoothed(logits, targets, epsilon):
    shares = np.exp(logits)
    target = scoring.smoothed_target(one_hot(targets, logits.shape[-1]), epsilon)
    return -(target * np.log(shares / shares.sum(axis=1, keepdims=True))).sum(axis=1).mean()


def diagram(probabilities, targets, edges):
    return scoring.reliability(probabilities, targets, edges)[1:]


def diagram_with(error):
    """Make the diagram with another error, of the probabilities inside and their hits."""

    def made(probabilities, targets, edges):
        called, came, _ = diagram(probabilities, targets, edges)
        interval = np.searchsorted(np.asarray(edges)[1:-1], probabilities, side="right")
        inside = (probabilities * (interval == k) for k in range(len(edges) - 1))
        sizes = np.bincount(interval.ravel(), minlength=len(edges) - 1)
        pairs = zip(inside, called, came, sizes, strict=True)
        return called, came, np.array([error(*pair) for pair in pairs])

    return made


def of_sums(inside, called, came, size):
    shares = inside.sum(axis=1)
    return (shares * (1 - shares)).sum() / size**2


def borders_below(probabilities, targets, edges):
    """A probability on a border is moved into the interval below it."""
    lower = np.where(np.isin(probabilities, edges[1:-1]), probabilities - 1e-9, probabilities)
    return diagram(lower, targets, edges)


def guesses_only(probabilities, targets, edges):
    """Each guess as a prediction of two events, of which the first is looked at."""
    guess = probabilities.argmax(axis=1)
    largest, hit = probabilities.max(axis=1), guess == targets
    interval = np.searchsorted(np.asarray(edges)[1:-1], largest, side="right")
    points = []
    for k in range(len(edges) - 1):
        p = largest[interval == k]
        n = p.size or np.nan
        came = hit[interval == k].sum() / n
        points.append((p.sum() / n, came, np.sqrt((p * (1 - p)).sum()) / n))
    return tuple(np.array(points).T)


DIAGRAMS = [
    (np.array([[0.75, 0.25], [0.25, 0.75]]), np.array([0, 0]), [0.0, 0.5, 1.0]),
    (
        np.array([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75], [0.25, 0.5, 0.25]]),
        np.array([1, 2, 1]),
        [0.0, 0.25, 0.5, 1.0],
    ),
    (
        random.multinomial(64, [0.5, 0.2, 0.1, 0.1, 0.05, 0.05], size=8) / 64,
        random.integers(6, size=8),
        [0.0, 0.1, 0.3, 1.0],
    ),
]

EXERCISES = {
    "10.1": Numbers(
        (LOG, BRIER, LINEAR),
        [
            *[("log-base", 0, LOG / base) for base in BASES],
            ("missing-minus", 0, -LOG),
            ("one-square", 1, 0.4**2),
            ("mean-not-total", 1, BRIER / 3),
            ("squares-alone", 1, (PREDICTION**2).sum()),
            ("probability-not-loss", 2, 0.6),
        ],
    ),
    "10.2": Witness(disagreement, 3),
    "10.4": Code(
        surprise_gap,
        ROWS,
        {
            "missing-minus": times(-1, surprise_gap),
            "log-base": in_other_bases(surprise_gap),
            "sum-not-mean": lambda z, w: surprise_gap(z, w) * len(w),
            "entropy-forgotten": cross_entropy_from_logits,
            "entropy-of-mean": lambda z, w: (
                cross_entropy_from_logits(z, w) - entropy(softmax(z).mean(axis=0))
            ),
            "max-shift": naive_gap,
        },
    ),
    "10.6": Code(
        smoothed_loss,
        [(z, w, epsilon) for (z, w), epsilon in zip(ROWS, (0.5, 0.1, 0.3, 0.2), strict=True)],
        {
            "missing-minus": times(-1, smoothed_loss),
            "log-base": in_other_bases(smoothed_loss),
            "sum-not-mean": lambda z, w, e: smoothed_loss(z, w, e) * len(w),
            "on-the-others": on_the_others,
            "share-undivided": undivided,
            "prediction-smoothed": smoothed_prediction,
            "max-shift": unshifted_smoothed,
        },
    ),
    "10.7": Code(
        diagram,
        DIAGRAMS,
        {
            "independent-events": diagram_with(
                lambda inside, called, came, size: np.sqrt((inside * (1 - inside)).sum()) / size
            ),
            "variance-not-error": diagram_with(of_sums),
            "observed-error": diagram_with(
                lambda inside, called, came, size: np.sqrt(came * (1 - came) / size)
            ),
            "border-below": borders_below,
            "guesses-only": guesses_only,
        },
    ),
}
