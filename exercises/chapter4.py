"""The exercises of chapter 4, the weights."""

import numpy as np

from exercises.kinds import Code, Numbers
from nwp.derivative import gradient_wrt_logits, gradient_wrt_probabilities
from nwp.loss import one_hot, softmax
from nwp.weights import Weights, backward, descend, forward, logit_step

CYCLE_RATE = 6.0


def table_step(table, contexts, targets, rate):
    return descend(table, contexts, targets, rate, 1)[-1]


def stepped(gradient):
    """Step along the mean of a gradient of each example, in the table or in one of its rows."""

    def step(table, contexts, targets, rate):
        each = gradient(table[contexts], targets) / len(targets)
        whole = np.zeros_like(table)
        np.add.at(whole, contexts, each)
        return table - rate * whole

    return step


any_step = stepped(gradient_wrt_logits)  # like `table_step`, and for negative rates too


def last_one_wins(table, contexts, targets, rate):
    moved = table.copy()
    moved[contexts] -= rate * gradient_wrt_logits(table[contexts], targets) / len(targets)
    return moved


def one_by_one(divide_by):
    """Use the examples in turn, each on the table that the last one left."""

    def step(table, contexts, targets, rate):
        for x, w in zip(contexts, targets, strict=True):
            table = any_step(table, np.array([x]), np.array([w]), rate / divide_by(contexts))
        return table

    return step


def uphill(step):
    """Take a step the other way."""
    return lambda table, contexts, targets, rate: step(table, contexts, targets, -rate)


def of_sum(table, contexts, targets, rate):
    return any_step(table, contexts, targets, rate * len(contexts))


def mean_of_row(table, contexts, targets, rate):
    step = any_step(table, contexts, targets, rate) - table
    return table + step * (len(contexts) / visits(table, contexts))[:, None]


def visits(table, contexts):
    """How often each row is used, at least 1."""
    return np.maximum(np.bincount(contexts, minlength=len(table)), 1)


# What becomes of a step that is written into the table.
IN_PLACE = [last_one_wins, one_by_one(len), one_by_one(lambda contexts: 1)]

TABLES = [
    (np.zeros((1, 2)), np.array([0]), np.array([1]), 1.0),
    (np.array([[0.0, 1.0], [0.5, 0.0]]), np.array([0, 1]), np.array([1, 1]), 2.0),
    (np.array([[0.0, 1.0], [0.5, 0.0]]), np.array([0, 0, 1]), np.array([1, 0, 1]), 0.5),
    (
        np.array([[0.0, 1.0, -1.0], [0.5, 0.0, 0.0], [0.2, 0.1, 0.0]]),
        np.array([0, 2, 2, 2]),
        np.array([1, 0, 0, 2]),
        1.5,
    ),
]


def swing(argument=1.0):
    """Solve a tanh(argument · d/2) = 2 d for d > 0 by halving an interval."""
    low, high = 0.1, CYCLE_RATE
    for _ in range(60):
        middle = (low + high) / 2
        above = CYCLE_RATE * np.tanh(argument * middle / 2) > 2 * middle
        low, high = (middle, high) if above else (low, middle)
    return low


def weight_gradients(E, U, contexts, targets):
    return tuple(backward(Weights(E, U), contexts, targets)[0])


def of_last_example(E, U, contexts, targets):
    at_hidden = backward(Weights(E, U), contexts, targets)[1].hidden
    at_embedding = np.zeros_like(E)
    at_embedding[contexts] = at_hidden
    return at_embedding, weight_gradients(E, U, contexts, targets)[1]


def by_errors(errors):
    """Backpropagate other errors at the logits than the prediction minus the truth."""

    def wrong(E, U, contexts, targets):
        nodes = forward(Weights(E, U), contexts, targets)
        at_logits = errors(nodes, targets) / len(targets)
        at_embedding = np.zeros_like(E)
        np.add.at(at_embedding, contexts, at_logits @ U)
        return at_embedding, at_logits.T @ nodes.hidden

    return wrong


random = np.random.default_rng(4)
MODELS = [
    (np.array([[1.0]]), np.array([[0.5], [-0.5]]), np.array([0]), np.array([0])),
    (
        np.array([[1.0, 0.5], [-0.5, 0.25]]),
        np.array([[0.5, 0.0], [-0.5, 1.0], [0.0, 0.25]]),
        np.array([0, 1]),
        np.array([2, 0]),
    ),
    (
        random.normal(size=(3, 2)).round(1),
        random.normal(size=(4, 2)).round(1),
        np.array([0, 2, 2, 1, 2]),
        np.array([1, 0, 0, 3, 2]),
    ),
]

START = np.zeros(4)

EXERCISES = {
    "4.1": Numbers(
        (softmax(logit_step(START, 3, 1.0))[3],),
        [
            ("uphill", 0, softmax(-logit_step(START, 3, 1.0))[3]),
            ("step-in-probabilities", 0, 1.0),
            ("right-word-only", 0, softmax([0.0, 0.0, 0.0, 0.75])[3]),
            ("logit-not-probability", 0, 0.75),
        ],
    ),
    "4.3": Code(
        table_step,
        TABLES,
        {
            "sum-not-mean": of_sum,
            "mean-of-row": mean_of_row,
            "uphill": [uphill(step) for step in (any_step, of_sum, mean_of_row, *IN_PLACE)],
            "repeats-lost": last_one_wins,
            "one-by-one": IN_PLACE[1:],
            "right-word-only": stepped(
                lambda z, w: gradient_wrt_logits(z, w) * one_hot(w, z.shape[-1])
            ),
            "gradient-in-probabilities": stepped(
                lambda z, w: gradient_wrt_probabilities(softmax(z), w)
            ),
        },
    ),
    "4.5": Numbers(
        (swing(),),
        [
            ("trivial", 0, 0.0),
            ("logit-not-difference", 0, swing() / 2),
            ("half-argument", 0, swing(argument=2.0)),
        ],
    ),
    "4.7": Code(
        weight_gradients,
        MODELS,
        {
            "sum-not-mean": lambda E, U, x, w: tuple(
                len(x) * g for g in weight_gradients(E, U, x, w)
            ),
            "missing-minus": lambda E, U, x, w: tuple(-g for g in weight_gradients(E, U, x, w)),
            "repeats-lost": of_last_example,
            "truth-forgotten": by_errors(lambda nodes, w: nodes.probabilities),
            "gradient-in-probabilities": by_errors(
                lambda nodes, w: gradient_wrt_probabilities(nodes.probabilities, w)
            ),
            "swapped": lambda E, U, x, w: weight_gradients(E, U, x, w)[::-1],
            "transposed": [
                lambda E, U, x, w: (
                    weight_gradients(E, U, x, w)[0],
                    weight_gradients(E, U, x, w)[1].T,
                ),
                lambda E, U, x, w: tuple(g.T for g in weight_gradients(E, U, x, w)),
            ],
        },
    ),
}
