"""The exercises of chapter 8, training."""

from functools import partial

import numpy as np

from exercises.kinds import Code, Numbers


def mean_from_parts(losses, targets):
    kept = [loss[target != -1] for loss, target in zip(losses, targets, strict=True)]
    return sum(part.sum() for part in kept) / sum(part.size for part in kept)


def mean_of_parts(losses, targets):
    kept = [loss[target != -1] for loss, target in zip(losses, targets, strict=True)]
    return np.mean([part.mean() for part in kept])


def all_positions(losses, targets):
    return np.concatenate(losses).mean()


def divided_by_all(losses, targets):
    return mean_from_parts(losses, targets) * counted(targets) / sum(map(len, targets))


def counted(targets):
    return sum((target != -1).sum() for target in targets)


def masked_by_product(losses, targets):
    return np.mean(np.concatenate(losses) * (np.concatenate(targets) != -1)) / (
        counted(targets) / sum(map(len, targets))
    )


def zero_not_counted(losses, targets):
    return mean_from_parts(losses, [np.where(target == 0, -1, target) for target in targets])


PARTS = [
    ([np.array([1.0, 3.0])], [np.array([0, 2])]),
    ([np.array([1.0, np.inf])], [np.array([2, 0])]),
    ([np.array([2.0]), np.array([4.0])], [np.array([1]), np.array([-1])]),
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


def same_epoch_again(step, rows, per_step, seed):
    """Begin the step's own epoch anew where it ends."""
    first = step * per_step
    places = np.arange(first, first + per_step) % rows
    return order(rows, [seed, first // rows])[places]


def remainder_dropped(step, rows, per_step, seed):
    """Let every epoch have whole steps only."""
    epoch, place = divmod(step, rows // per_step)
    return order(rows, [seed, epoch])[place * per_step :][:per_step]


def with_seed(seed_of):
    def rows_of_step(step, rows, per_step, seed):
        positions = range(step * per_step, (step + 1) * per_step)
        return np.array([order(rows, seed_of(seed, i // rows))[i % rows] for i in positions])

    return rows_of_step


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


def size_forgotten(below):
    """Add 1 to each pair, and to the row's sum something else than `size`."""

    def loss(train, validation, size):
        counts = bigrams(train, size)
        shares = (counts + 1) / below(counts.sum(axis=1, keepdims=True))
        return -np.log(shares[validation[:-1], validation[1:]]).mean()

    return loss


def of_words_that_occur(train, validation, size):
    return bigram_loss(train, validation, max(train.max(), validation.max()) + 1)


def context_ignored(words):
    def loss(train, validation, size):
        counts = np.bincount(words(train), minlength=size) + 1
        return -np.log(counts / counts.sum())[validation[1:]].mean()

    return loss


def validation_counted(train, validation, size):
    counts = bigrams(train, size) + bigrams(validation, size) + 1
    shares = counts / counts.sum(axis=1, keepdims=True)
    return -np.log(shares[validation[:-1], validation[1:]]).mean()


def repeats_lost(train, validation, size):
    counts = np.minimum(bigrams(train, size), 1) + 1
    shares = counts / counts.sum(axis=1, keepdims=True)
    return -np.log(shares[validation[:-1], validation[1:]]).mean()


TEXTS = [
    (np.array([0, 1, 1]), np.array([0, 1, 0]), 2),
    (np.array([0, 1, 0, 1, 0, 2]), np.array([2, 0, 1, 1]), 3),
    (np.array([0, 1, 0, 1, 0, 2]), np.array([2, 0, 1, 0]), 5),  # two words never occur
    (np.array([0, 3, 0, 3, 0, 1, 2, 0, 3]), np.array([0, 3, 0, 1, 2]), 4),
]

EXERCISES = {
    "8.1": Numbers(
        (0.5, 1.0, 0.2),
        [
            ("undivided", 0, 0.05),
            *[("percent-not-share", i, 100 * share) for i, share in enumerate((0.5, 1.0, 0.2))],
            ("decay-everywhere", 0, 0.95),
            ("decay-everywhere", 1, 0.7),
            ("above-the-peak", 1, 3.0),
            ("above-the-peak", 1, 1.4),
            ("undivided", 2, 0.1),
            ("share-fallen", 2, 0.8),
        ],
    ),
    "8.2": Numbers(
        (32.0, 26.0),
        [
            ("weights-only", 0, 4.0),
            *[("other-unit", i, size * 10**9) for i, size in enumerate((32.0, 26.0))],
            *[("other-unit", i, size * 10**9 / 2**30) for i, size in enumerate((32.0, 26.0))],
            ("both-means", 1, 20.0),
            ("all-in-matrices", 1, 24.0),
        ],
    ),
    "8.3": Code(
        mean_from_parts,
        PARTS,
        {
            "mean-of-means": mean_of_parts,
            "masked-by-product": masked_by_product,
            "padding-counted": [all_positions, divided_by_all],
            "zero-not-counted": zero_not_counted,
            "sum-not-mean": lambda losses, targets: (
                mean_from_parts(losses, targets) * counted(targets)
            ),
            "divided-by-batches": lambda losses, targets: (
                mean_from_parts(losses, targets) * counted(targets) / len(targets)
            ),
        },
    ),
    "8.5": Code(
        rows_of_step,
        [(0, 3, 2, 0), (1, 3, 2, 0), (4, 10, 4, 3), (7, 5, 12, 1)],
        {
            "same-order": [with_seed(lambda seed, epoch: [seed, 0]), same_epoch_again],
            "other-seed": [
                with_seed(lambda seed, epoch: [epoch, seed]),
                with_seed(lambda seed, epoch: seed + epoch),
            ],
            "remainder-dropped": remainder_dropped,
            "off-by-one": lambda step, rows, per_step, seed: rows_of_step(
                step + 1, rows, per_step, seed
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
            "size-forgotten": [
                of_words_that_occur,
                size_forgotten(lambda pairs: pairs + 1),
                size_forgotten(lambda pairs: np.maximum(pairs, 1)),
            ],
            "context-ignored": [
                context_ignored(lambda train: train),
                context_ignored(lambda train: train[1:]),
            ],
            "validation-counted": [
                validation_counted,
                lambda train, validation, size: bigram_loss(
                    np.concatenate([train, validation]), validation, size
                ),
            ],
            "log-base": [
                lambda *given: bigram_loss(*given) / np.log(2),
                lambda *given: bigram_loss(*given) / np.log(10),
            ],
            "missing-minus": lambda train, validation, size: -bigram_loss(train, validation, size),
            "sum-not-mean": lambda train, validation, size: (
                bigram_loss(train, validation, size) * (len(validation) - 1)
            ),
            "perplexity-not-loss": lambda train, validation, size: np.exp(
                bigram_loss(train, validation, size)
            ),
        },
    ),
}
