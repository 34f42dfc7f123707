"""The exercises of chapter 7, teacher forcing."""

import numpy as np

from exercises.kinds import BASES, EPSILONS, Code, Numbers, in_other_bases, times
from nwp.equivalence import kl_divergence
from nwp.loss import cross_entropy_from_logits, softmax
from nwp.teacher_forcing import shift

CHAIN = np.array([0.5, 0.3, 0.2, 0.9])
TOTAL = -np.log(CHAIN).sum()
PAIRS = 1024
ESCAPE, FOUR = -5 * np.log(0.9), -4 * np.log(0.9)


def shifted(tokens):
    return shift(tokens)


SEQUENCES = [
    (np.array([0, 1, 2]),),
    (np.array([3, 1, 4, 1, 5]),),
    (np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]]),),
    (np.array([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]),),
]


def sentence_divergence(p, q):
    """The rest of q, on whole sentences outside the language, meets probability 0."""
    return kl_divergence(np.append(p, 0.0), np.append(q, 1 - q.sum()))


LANGUAGES = [
    (np.array([1.0]), np.array([0.5])),
    (np.array([0.5, 0.5]), np.array([0.5, 0.25])),
    (np.array([0.5, 0.5]), np.array([0.5, 0.0])),
    (np.array([0.5, 0.25, 0.125, 0.125]), np.array([0.25, 0.5, 0.0625, 0.125])),
]


def at_least(least):
    return lambda p, q: p @ np.log(p / np.maximum(q, least))


def with_epsilon(epsilon):
    return lambda p, q: p @ np.log(p / (q + epsilon))


def zero_skipped(p, q):
    return p[q > 0] @ np.log(p[q > 0] / q[q > 0])


def padded_loss(logits, tokens):
    return cross_entropy_from_logits(logits, shift(tokens)[1], ignore_index=-1)


def each_loss(logits, tokens):
    """Loss at every position, 0 where nothing comes."""
    targets = shift(tokens)[1]
    return cross_entropy_from_logits(logits, targets, ignore_index=-1, reduction="none")


def padding_is(word):
    """Count what is padded as if that word had come; -1 is the last one for NumPy."""
    return lambda logits, tokens: padded_loss(logits, np.where(tokens < 0, word(logits), tokens))


def read_not_asked(logits, tokens):
    """Count where a word was read, so also what stands behind the last word of a sentence."""
    read, asked = shift(tokens)
    asked = np.where(asked < 0, logits.shape[-1] - 1, asked)
    return cross_entropy_from_logits(logits, np.where(read < 0, -1, asked), ignore_index=-1)


def picked(logs, tokens):
    """Average minus the logarithms of the words that came."""
    targets = shift(tokens)[1]
    came = np.nonzero(targets >= 0)
    return -np.mean(logs[*came, targets[came]])


def shifted_alike(logits, tokens):
    return unshifted(logits - logits.max(), tokens)


def unshifted(logits, tokens):
    return picked(logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)), tokens)


def mean_of_sentences(logits, tokens):
    return np.mean(each_loss(logits, tokens).sum(axis=1) / (tokens[:, 1:] >= 0).sum(axis=1))


random = np.random.default_rng(7)
SENTENCES = [
    (np.array([[[0.0, 1.0], [2.0, 0.0]]]), np.array([[0, 1, 1]])),
    (np.array([[[1000.0, 1000.0], [1000.0, 1000.0]]]), np.array([[0, 1, 1]])),
    (np.array([[[0.0, 0.0], [1000.0, 1000.0]]]), np.array([[0, 1, 1]])),
    (np.array([[[1000.0, 0.0], [2.0, 0.0]]]), np.array([[0, 1, 1]])),
    (
        np.array([[[0.0, 1.0], [2.0, 0.0]], [[1.0, 0.0], [0.0, 3.0]]]),
        np.array([[0, 1, 1], [1, 1, -1]]),
    ),
    (
        random.normal(size=(3, 4, 3)).round(1),
        np.array([[0, 1, 2, 1, 1], [2, 1, 0, -1, -1], [1, 0, 2, 1, -1]]),
    ),
]

EXERCISES = {
    "7.1": Numbers(
        (TOTAL, CHAIN.prod(), np.log(3)),
        [
            ("mean-not-total", 0, TOTAL / 4),
            *[("log-base", 0, TOTAL / base) for base in BASES],
            ("missing-minus", 0, -TOTAL),
            ("added-probabilities", 1, CHAIN.sum()),
            ("mean-not-total", 1, np.exp(-TOTAL / 4)),
            *[("log-base", 2, np.log(3) / base) for base in BASES],
            ("missing-minus", 2, -np.log(3)),
            ("probability-not-loss", 2, 0.2),
            ("later-contexts", 2, TOTAL + np.log(3)),
        ],
    ),
    "7.2": Numbers(
        (PAIRS, PAIRS * (PAIRS + 1) // 2, PAIRS),
        [
            ("off-by-one", 0, PAIRS + 1),
            ("off-by-one", 1, PAIRS * (PAIRS - 1) // 2),
            ("off-by-one", 1, (PAIRS + 1) * (PAIRS + 2) // 2),
            ("full-contexts", 1, PAIRS**2),
            ("full-contexts", 1, PAIRS * (PAIRS + 1)),
            ("full-contexts", 1, (PAIRS + 1) ** 2),
            ("off-by-one", 2, PAIRS + 1),
        ],
    ),
    "7.3": Numbers(
        (ESCAPE, 1 - np.exp(-ESCAPE), 1 - 0.9**5),
        [
            ("one-step", 0, ESCAPE / 5),
            ("missing-minus", 0, -ESCAPE),
            *[("log-base", 0, ESCAPE / base) for base in BASES],
            *[("off-by-one", i, wrong) for i, wrong in enumerate((FOUR, *[1 - np.exp(-FOUR)] * 2))],
            ("percent-not-share", 1, 100 * (1 - np.exp(-ESCAPE))),
            ("percent-not-share", 2, 100 * (1 - 0.9**5)),
            ("complement", 1, np.exp(-ESCAPE)),
            ("complement", 2, 0.9**5),
            ("one-step", 2, 0.1),
            ("added-probabilities", 2, 0.5),
        ],
    ),
    "7.4": Numbers(
        (0.5, 0.5, np.log(2)),
        [
            ("teacher-forced", 0, 1.0),
            ("teacher-forced", 1, 1.0),
            ("teacher-forced", 2, 0.0),
            ("percent-not-share", 0, 50.0),
            ("percent-not-share", 1, 50.0),
            ("count-not-share", 1, 2.0),
            *[("log-base", 2, np.log(2) / base) for base in BASES],
            ("missing-minus", 2, -np.log(2)),
            ("mean-not-total", 2, np.log(2) / 3),
            ("entropy-not-excess", 2, np.log(4)),
        ],
    ),
    "7.5": Code(
        shifted,
        SEQUENCES,
        {
            "wrong-axis": lambda tokens: (tokens[:-1], tokens[1:]),
            "shift-twice": [
                lambda tokens: (shift(shift(tokens)[0])[0], shift(shift(tokens)[1])[1]),
                lambda tokens: (tokens[..., :-1], np.roll(tokens, -2, axis=-1)[..., :-1]),
            ],
            "no-shift": [
                lambda tokens: (tokens, tokens),
                lambda tokens: (tokens[..., :-1], tokens[..., :-1]),
                lambda tokens: (tokens[..., 1:], tokens[..., 1:]),
            ],
            "swapped": lambda tokens: shift(tokens)[::-1],
            "wrapped": lambda tokens: (tokens, np.roll(tokens, -1, axis=-1)),
            "off-by-one": lambda tokens: (tokens, tokens[..., 1:]),
        },
    ),
    "7.6": Code(
        sentence_divergence,
        LANGUAGES,
        {
            "reversed": lambda p, q: q @ np.log(q / p),
            "renormalized": lambda p, q: kl_divergence(p, q / q.sum()),
            "unweighted": lambda p, q: np.log(p / q).mean(),
            "cross-entropy": lambda p, q: -(p @ np.log(q)),
            "missing-minus": times(-1, sentence_divergence),
            "epsilon": [make(e) for make in (at_least, with_epsilon) for e in EPSILONS],
            "zero-skipped": zero_skipped,
            "log-base": in_other_bases(sentence_divergence),
        },
        rtol=1e-5,  # an epsilon is recognized by what it does to the impossible
        atol=2e-5,
    ),
    "7.8": Code(
        padded_loss,
        SENTENCES,
        {
            "padding-counted": [
                padding_is(lambda logits: logits.shape[-1] - 1),
                padding_is(lambda logits: 0),
                lambda logits, tokens: each_loss(logits, tokens).mean(),
                read_not_asked,
            ],
            "mean-of-means": mean_of_sentences,
            "no-shift": lambda logits, tokens: cross_entropy_from_logits(
                logits, tokens[:, :-1], ignore_index=-1
            ),
            "shift-twice": lambda logits, tokens: padded_loss(logits[:, :-1], tokens[:, 1:]),
            "sum-not-mean": lambda logits, tokens: each_loss(logits, tokens).sum(),
            "divided-by-batches": lambda logits, tokens: (
                each_loss(logits, tokens).sum() / len(tokens)
            ),
            "missing-minus": times(-1, padded_loss),
            "zero-not-counted": lambda logits, tokens: padded_loss(
                logits, np.where(tokens == 0, -1, tokens)
            ),
            "max-shift": unshifted,
            "one-shift": shifted_alike,
            "log-of-zero": lambda logits, tokens: picked(np.log(softmax(logits)), tokens),
            "log-base": in_other_bases(padded_loss),
        },
    ),
}
