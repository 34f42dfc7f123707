"""The exercises of chapter 8, training."""

import numpy as np

from exercises.kinds import Code, Numbers, in_other_bases, times


def kept(losses, targets):
    return [loss[target != -1] for loss, target in zip(losses, targets, strict=True)]


def mean_from_parts(losses, targets):
    return np.concatenate(kept(losses, targets)).mean()


def mean_of_parts(losses, targets):
    return np.mean([part.mean() for part in kept(losses, targets)])


def total(losses, targets):
    return np.concatenate(kept(losses, targets)).sum()


def all_positions(losses, targets):
    return np.concatenate(losses).mean()


def divided_by_all(losses, targets):
    return total(losses, targets) / sum(map(len, targets))


def masked_by_product(losses, targets):
    came = np.concatenate(targets) != -1
    return np.sum(np.concatenate(losses) * came) / came.sum()


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


rows_of_step = with_seed(lambda seed, epoch: [seed, epoch])


def bigrams(ids, size):
    counts = np.zeros((size, size))
    np.add.at(counts, (ids[:-1], ids[1:]), 1)
    return counts


def by_shares(shares):
    """Let `shares` say how probable each pair is, by how often it was there."""

    def loss(train, validation, size):
        return -np.log(shares(bigrams(train, size))[validation[:-1], validation[1:]]).mean()

    return loss


def in_row(counts):
    return counts / counts.sum(axis=1, keepdims=True)


bigram_loss = by_shares(lambda pairs: in_row(pairs + 1))


def size_forgotten(below):
    """Add 1 to each pair, and to the row's sum something else than `size`."""
    return by_shares(lambda pairs: (pairs + 1) / below(pairs.sum(axis=1, keepdims=True)))


def of_words_that_occur(train, validation, size):
    return bigram_loss(train, validation, max(train.max(), validation.max()) + 1)


def context_ignored(words):
    def loss(train, validation, size):
        counts = np.bincount(words(train), minlength=size) + 1
        return -np.log(counts / counts.sum())[validation[1:]].mean()

    return loss


def validation_counted(train, validation, size):
    return by_shares(lambda pairs: in_row(pairs + bigrams(validation, size) + 1))(
        train, validation, size
    )


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
            "sum-not-mean": total,
            "divided-by-batches": lambda losses, targets: total(losses, targets) / len(targets),
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
            "not-smoothed": by_shares(in_row),
            "by-column": by_shares(lambda pairs: (pairs + 1) / (pairs + 1).sum(axis=0)),
            "joint": by_shares(lambda pairs: (pairs + 1) / (pairs + 1).sum()),
            "repeats-lost": by_shares(lambda pairs: in_row(np.minimum(pairs, 1) + 1)),
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
            "log-base": in_other_bases(bigram_loss),
            "missing-minus": times(-1, bigram_loss),
            "sum-not-mean": lambda train, validation, size: (
                bigram_loss(train, validation, size) * (len(validation) - 1)
            ),
            "perplexity-not-loss": lambda train, validation, size: np.exp(
                bigram_loss(train, validation, size)
            ),
        },
    ),
}
