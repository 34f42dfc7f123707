"""The exercises of chapter 9, compression."""

import numpy as np

from exercises.kinds import Code, Numbers, Witness, times
from nwp.compression import is_uniquely_decodable, kraft_sum
from nwp.equivalence import bits, entropy

SHARES = np.array([1 / 2, 1 / 8, 3 / 4, 1 / 3])
LOSS = float(-np.log2(SHARES).sum())

P = np.array([0.4, 0.3, 0.2, 0.1])
LENGTHS = np.array([1, 2, 3, 3])
MEAN = float(P @ LENGTHS)
ABOVE = MEAN - float(bits(entropy(P)))


def ambiguous_code(*words):
    """Say what keeps code words from showing that a Kraft sum of at most 1 is not enough."""
    if not all(isinstance(word, str) and word and set(word) <= {"0", "1"} for word in words):
        return "no-code-words"
    if len(set(words)) < len(words):
        return "word-twice"
    if kraft_sum(map(len, words)) > 1:
        return "kraft-above"
    return "still-decodable" if is_uniquely_decodable(words) else None


def integer_shares(y_hat, k):
    return np.floor(y_hat * 2**k) + 1


PREDICTIONS = [
    (np.array([0.5, 0.5]), 2),
    (np.array([0.0, 1.0]), 4),
    (np.array([0.3, 0.7]), 3),
    (np.array([0.05, 0.1, 0.05, 0.8]), 8),
    (np.array([0.0, 1e-9, 0.25, 0.75 - 1e-9]), 16),
]


def cell(low, width):
    length = int(np.ceil(-np.log2(width))) + 1
    return np.ceil(low * 2**length), length


def cells(more, rounded):
    def found(low, width):
        length = int(np.ceil(-np.log2(width))) + more
        return rounded(low * 2**length), length

    return found


INTERVALS = [(0.0, 1.0), (0.5, 0.25), (0.3, 0.5), (0.375, 0.1875), (0.7, 0.01), (0.1, 0.3)]


def shares_of_ones(seen, added=0.25):
    """The share of 1s before each bit, with `added` counted of each kind."""
    before = np.concatenate([[0], np.cumsum(seen)[:-1]])
    return (before + added) / (np.arange(len(seen)) + 2 * added)


def paid(seen, ones):
    with np.errstate(divide="ignore"):
        return -np.log2(np.where(seen == 1, ones, 1 - ones)).sum()


def online_bits(seen):
    return paid(seen, shares_of_ones(seen))


def after_the_bit(seen):
    ones = (np.cumsum(seen) + 0.25) / (np.arange(1, len(seen) + 1) + 0.5)
    return paid(seen, ones)


def of_the_whole(seen):
    return paid(seen, np.full(len(seen), (seen.sum() + 0.25) / (len(seen) + 0.5)))


STREAMS = [
    (np.array(stream),)
    for stream in ([1], [1, 1], [0, 1, 1], [0, 0, 0, 0], [1, 1, 0, 1, 1, 1, 0, 1], [0] * 40 + [1])
]


def mixture_bits(losses):
    totals = losses.sum(axis=1)
    least = totals.min()
    return (least - np.log(np.exp(least - totals).mean())) / np.log(2)


def mixed_word_by_word(losses):
    return -np.log2(np.exp(-losses).mean(axis=0)).sum()


def without_the_prior(losses):
    return mixture_bits(losses) - np.log2(len(losses))


def unshifted(losses):
    with np.errstate(divide="ignore"):
        return -np.log2(np.exp(-losses.sum(axis=1)).mean())


RANDOM = np.random.default_rng(9)
LOSSES = [
    (np.array([[1.0, 2.0]]),),
    (np.array([[1.0, 1.0], [2.0, 0.5]]),),
    (np.array([[0.0, 3.0, 1.0], [2.0, 0.0, 0.5], [1.0, 1.0, 1.0]]),),
    (RANDOM.gamma(2.0, size=(4, 12)).round(2),),
    (RANDOM.gamma(2.0, 50, size=(3, 16)).round(),),  # a long text's totals
]

EXERCISES = {
    "9.1": Numbers(
        (LOSS, 7, LOSS * np.log(2)),
        [
            ("nats-for-bits", 0, LOSS * np.log(2)),
            ("mean-not-total", 0, LOSS / 4),
            ("missing-minus", 0, -LOSS),
            ("off-by-one", 1, 6),
            ("off-by-one", 1, 8),
            ("bits-not-nats", 2, LOSS),
            ("bits-not-nats", 2, LOSS / np.log(2)),
            ("mean-not-total", 2, LOSS * np.log(2) / 4),
        ],
    ),
    "9.2": Numbers(
        (MEAN, 1.0, ABOVE),
        [
            ("unweighted", 0, LENGTHS.mean()),
            ("counted-alike", 1, 0.5),
            ("entropy-not-excess", 2, MEAN - ABOVE),
            ("nats-for-bits", 2, MEAN - float(entropy(P))),
            ("nats-for-bits", 2, ABOVE * np.log(2)),
            ("missing-minus", 2, -ABOVE),
        ],
    ),
    "9.3": Witness(ambiguous_code, 2),
    "9.4": Code(
        integer_shares,
        PREDICTIONS,
        {
            "zero-frequency": [
                lambda y_hat, k: np.floor(y_hat * 2**k),
                lambda y_hat, k: np.round(y_hat * 2**k),
                lambda y_hat, k: np.ceil(y_hat * 2**k),
            ],
            "floor-of-one": lambda y_hat, k: np.maximum(np.floor(y_hat * 2**k), 1),
            "power-forgotten": lambda y_hat, k: np.floor(y_hat * k) + 1,
            "rounded-to-nearest": lambda y_hat, k: np.round(y_hat * 2**k) + 1,
        },
    ),
    "9.5": Code(
        cell,
        INTERVALS,
        {
            "point-not-cell": cells(0, np.ceil),
            "below-the-interval": cells(1, np.floor),
            "one-bit-too-many": cells(2, np.ceil),
            "fraction-not-integer": lambda low, width: (
                cell(low, width)[0] / 2 ** cell(low, width)[1],
                cell(low, width)[1],
            ),
            "swapped": lambda low, width: cell(low, width)[::-1],
        },
    ),
    "9.6": Code(
        online_bits,
        STREAMS,
        {
            "bit-in-its-count": after_the_bit,
            "told-in-advance": of_the_whole,
            "other-start": [
                lambda seen: paid(seen, shares_of_ones(seen, 0.5)),
                lambda seen: paid(seen, shares_of_ones(seen, 1.0)),
            ],
            "nats-for-bits": times(float(np.log(2)), online_bits),
            "missing-minus": times(-1, online_bits),
            "mean-not-total": lambda seen: online_bits(seen) / len(seen),
        },
    ),
    "9.8": Code(
        mixture_bits,
        LOSSES,
        {
            "mixed-word-by-word": mixed_word_by_word,
            "mean-of-losses": lambda losses: losses.sum(axis=1).mean() / np.log(2),
            "best-model-alone": lambda losses: losses.sum(axis=1).min() / np.log(2),
            "prior-forgotten": without_the_prior,
            "underflow": unshifted,
            "nats-for-bits": times(float(np.log(2)), mixture_bits),
            "missing-minus": times(-1, mixture_bits),
        },
    ),
}
