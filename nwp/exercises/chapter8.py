"""The exercises of chapter 8, training."""

from functools import partial

import numpy as np

from nwp.exercises.kinds import Code, Numbers


def mean_from_parts(losses, targets):
    kept = [loss[target != -1] for loss, target in zip(losses, targets, strict=True)]
    return sum(part.sum() for part in kept) / sum(part.size for part in kept)


def mean_of_parts(losses, targets):
    kept = [loss[target != -1] for loss, target in zip(losses, targets, strict=True)]
    return np.mean([part.mean() for part in kept])


def all_positions(losses, targets):
    return np.concatenate(losses).mean()


PARTS = [
    ([np.array([1.0, 3.0])], [np.array([0, 2])]),
    ([np.array([1.0, 3.0]), np.array([5.0])], [np.array([0, 2]), np.array([1])]),
    ([np.array([1.0, 3.0, np.inf]), np.array([5.0])], [np.array([0, 2, -1]), np.array([1])]),
    (
        [np.array([0.5, 2.0, 7.0]), np.array([4.0, 8.0]), np.array([6.0])],
        [np.array([3, 0, 1]), np.array([2, -1]), np.array([0])],
    ),
]


def rows_of_step(step, rows, per_step, seed):
    positions = range(step * per_step, (step + 1) * per_step)
    return np.array([order(rows, [seed, i // rows])[i % rows] for i in positions])


def order(rows, seed):
    return np.random.default_rng(seed).permutation(rows)


def one_epoch(step, rows, per_step, seed):
    """What is left of the step's own epoch, and nothing of the next."""
    first = step * per_step
    return order(rows, [seed, first // rows])[first % rows :][:per_step]


def bigram_loss(train, validation, size):
    return with_counts_from(1, train, validation, size)


def with_counts_from(least, train, validation, size):
    counts = bigrams(train, size) + least
    shares = counts / counts.sum(axis=1, keepdims=True)
    return -np.log(shares[validation[:-1], validation[1:]]).mean()


def bigrams(ids, size):
    counts = np.zeros((size, size))
    np.add.at(counts, (ids[:-1], ids[1:]), 1)
    return counts


def by_column(train, validation, size):
    counts = bigrams(train, size) + 1
    return -np.log((counts / counts.sum(axis=0))[validation[:-1], validation[1:]]).mean()


def joint(train, validation, size):
    counts = bigrams(train, size) + 1
    return -np.log((counts / counts.sum())[validation[:-1], validation[1:]]).mean()


def repeats_lost(train, validation, size):
    counts = np.minimum(bigrams(train, size), 1) + 1
    shares = counts / counts.sum(axis=1, keepdims=True)
    return -np.log(shares[validation[:-1], validation[1:]]).mean()


TEXTS = [
    (np.array([0, 1, 1]), np.array([0, 1, 0]), 2),
    (np.array([0, 1, 0, 1, 0, 2]), np.array([2, 0, 1, 1]), 3),
    (np.array([0, 3, 0, 3, 0, 1, 2, 0, 3]), np.array([0, 3, 0, 1, 2]), 4),
]

EXERCISES = {
    "8.1": Numbers(
        (0.5, 1.0, 0.2),
        [
            ("undivided", 0, 0.05),
            ("decay-everywhere", 1, 0.7),
            ("undivided", 2, 0.1),
            ("complement", 2, 0.8),
        ],
    ),
    "8.2": Numbers(
        (32.0, 26.0),
        [
            ("weights-only", 0, 4.0),
            ("both-means", 1, 20.0),
            ("all-in-matrices", 1, 24.0),
        ],
    ),
    "8.3": Code(
        mean_from_parts,
        PARTS,
        {
            "mean-of-means": mean_of_parts,
            "padding-counted": all_positions,
            "sum-not-mean": lambda losses, targets: (
                mean_from_parts(losses, targets) * sum((t != -1).sum() for t in targets)
            ),
            "divided-by-batches": lambda losses, targets: (
                mean_from_parts(losses, targets)
                * sum((t != -1).sum() for t in targets)
                / len(targets)
            ),
        },
    ),
    "8.5": Code(
        rows_of_step,
        [(0, 3, 2, 0), (1, 3, 2, 0), (4, 10, 4, 3), (7, 5, 12, 1)],
        {
            "same-order": lambda step, rows, per_step, seed: np.array(
                [
                    order(rows, [seed, 0])[i % rows]
                    for i in range(step * per_step, (step + 1) * per_step)
                ]
            ),
            "step-for-epoch": lambda step, rows, per_step, seed: np.resize(
                order(rows, [seed, step]), per_step
            ),
            "in-order": lambda step, rows, per_step, seed: (
                np.arange(step * per_step, (step + 1) * per_step) % rows
            ),
            "one-epoch": one_epoch,
        },
    ),
    "8.6": Code(
        bigram_loss,
        TEXTS,
        {
            "not-smoothed": partial(with_counts_from, 0),
            "by-column": by_column,
            "joint": joint,
            "repeats-lost": repeats_lost,
            "log-base": lambda train, validation, size: (
                bigram_loss(train, validation, size) / np.log(2)
            ),
            "missing-minus": lambda train, validation, size: -bigram_loss(train, validation, size),
            "sum-not-mean": lambda train, validation, size: (
                bigram_loss(train, validation, size) * (len(validation) - 1)
            ),
            "missing-exp": lambda train, validation, size: np.exp(
                bigram_loss(train, validation, size)
            ),
        },
    ),
}
