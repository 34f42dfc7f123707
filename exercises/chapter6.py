"""The exercises of chapter 6, the vocabulary."""

from functools import partial

import numpy as np

from exercises.frugal import Frugal, Passing, peak
from exercises.kinds import BASES, Code, Numbers, in_other_bases, times
from nwp.derivative import gradient_wrt_logits
from nwp.loss import cross_entropy_from_logits, log_softmax, softmax

CONTEXTS, WORDS = 4096, 50_257
BLOCK = 32 * 2**20


def whole_mean(means, rows):
    return np.average(means, weights=rows)


BLOCKS = [
    (np.array([3.0]), np.array([2])),
    (np.array([3.0, 6.0]), np.array([4, 2])),
    (np.array([1.0, 2.0, 4.0]), np.array([8, 8, 3])),
]


def capped_gradient(z, w, cap):
    return gradient_wrt_logits(cap * np.tanh(z / cap), w) * slope(z, cap)


def slope(z, cap):
    return 1 - np.tanh(z / cap) ** 2


CAPPED = [
    (np.array([1.0, 0.0]), 0, 2.0),
    (np.array([3.0, -1.0]), 1, 2.0),
    (np.array([0.5, -4.0, 2.0, 1.0]), 2, 1.5),
]


def streaming(logits):
    so_far = -np.inf
    for z in logits:
        so_far = np.logaddexp(so_far, z)
    return so_far


def read_twice(answer):
    """Two numbers are kept, and no logit is looked at when it has passed."""
    logits = Passing.of(np.linspace(-1.0, 1.0, 2000))
    kept = peak(answer, logits)
    return "read-twice" if kept > 8 * logits.size or logits.looks["back"] else None


def shifted_by_first(logits):
    return logits[0] + np.log(np.exp(logits - logits[0]).sum())


def not_rescaled(logits):
    m, s = -np.inf, 0.0
    for z in logits:
        m = max(m, z)
        s += np.exp(z - m)
    return m + np.log(s)


def starts_at_zero(logits):
    m, s = 0.0, 0.0
    for z in logits:
        m, s = max(m, z), s * np.exp(m - max(m, z)) + np.exp(z - max(m, z))
    return m + np.log(s)


STREAMS = [
    (np.array([0.5]),),
    (np.array([0.0, 1.0]),),
    (np.array([1000.0, 1000.0]),),
    (np.array([-2000.0, -2001.0]),),
    (np.array([0.0, 1000.0]),),
    (np.array([1000.0, 0.0]),),
    (np.array([-1e12, -1e12]),),
    (np.array([2.0, -1.0, 3.0, 0.5, 3.5]),),
]


def loss_by_columns(hidden, weight, targets, columns):
    sums = np.full(len(hidden), -np.inf)
    for start in range(0, len(weight), columns):
        block = hidden @ weight[start : start + columns].T
        sums = np.logaddexp(sums, np.logaddexp.reduce(block, axis=1))
    return np.mean(sums - np.einsum("nd,nd->n", hidden, weight[targets]))


def all_columns(answer):
    """All logits together take half a million bytes, those of a block 5,000."""
    hidden, weight = np.linspace(-1, 1, 32)[:, None], np.linspace(-2, 2, 2000)[:, None]
    needed = peak(answer, hidden, weight, np.arange(32), 20)
    return "all-columns" if needed > 250_000 else None


def of_all_logits(wrong_sums):
    """Let `wrong_sums` see the rows of all logits, and how many words are in a block."""

    def loss(hidden, weight, targets, columns):
        z = hidden @ weight.T
        return np.mean(wrong_sums(z, columns) - z[np.arange(len(z)), targets])

    return loss


def log_sums(z):
    return z[..., 0] - log_softmax(z)[..., 0]


def in_base(base, z, columns=None):
    """Take another base for the logarithm of the sum relative to the maximum, and no other."""
    m = z.max(axis=-1)
    return m + (log_sums(z) - m) / base


def of_whole_blocks(z, columns):
    return np.logaddexp.reduce(z[:, : z.shape[1] // columns * columns], axis=1)


def targets_of_first_block(hidden, weight, targets, columns):
    z = hidden @ weight.T
    return np.mean(log_sums(z) - z[np.arange(len(z)), targets % columns])


def relative_to(maximum):
    """Sum relative to something else than each row's maximum."""

    def shifted(z, columns):
        m = np.broadcast_to(maximum(z, columns), len(z))
        return m + np.log(np.exp(z - m[:, None]).sum(axis=1))

    return of_all_logits(shifted)


def sums_not_rescaled(z, columns):
    m, s = np.full(len(z), -np.inf), np.zeros(len(z))
    for start in range(0, z.shape[1], columns):
        block = z[:, start : start + columns]
        m = np.maximum(m, block.max(axis=1))
        s += np.exp(block - m[:, None]).sum(axis=1)
    return m + np.log(s)


def of_blocks(combine):
    """Compute a log-sum-exp for each block, and combine them wrongly."""
    return of_all_logits(
        lambda z, columns: combine(
            [log_sums(part) for part in np.split(z, range(columns, z.shape[1], columns), axis=1)]
        )
    )


random = np.random.default_rng(6)
LAYERS = [
    (np.array([[1.0]]), np.array([[0.0], [1.0], [2.0]]), np.array([2]), 2),
    (np.array([[10.0], [10.0]]), np.array([[90.0], [100.0], [95.0]]), np.array([0, 2]), 2),
    (np.array([[10.0], [-10.0]]), np.array([[90.0], [100.0], [95.0]]), np.array([0, 2]), 2),
    (np.array([[10.0], [-10.0]]), np.array([[10.0], [90.0], [100.0]]), np.array([0, 2]), 1),
    (np.array([[1.0], [-1.0]]), np.array([[0.5], [1.0], [-2.0], [1.5]]), np.array([1, 3]), 2),
    (
        random.normal(size=(3, 2)).round(1),
        random.normal(size=(7, 2)).round(1),
        np.array([6, 0, 4]),
        3,
    ),
    (
        random.normal(size=(3, 2)).round(1),
        random.normal(size=(7, 2)).round(1),
        np.array([1, 6, 3]),
        10,
    ),
]

EXERCISES = {
    "6.1": Numbers(
        (4.0 * CONTEXTS * WORDS, 2.0 * CONTEXTS * WORDS, BLOCK // (4 * WORDS)),
        [
            ("numbers-not-bytes", 0, 1.0 * CONTEXTS * WORDS),
            *[
                ("other-unit", position, bytes_each * CONTEXTS * WORDS / unit)
                for position, bytes_each in ((0, 4.0), (1, 2.0))
                for unit in (10**9, 10**6, 2**30, 2**20)
            ],
            ("eight-bytes", 0, 8.0 * CONTEXTS * WORDS),
            ("eight-bytes", 1, 4.0 * CONTEXTS * WORDS),
            ("numbers-not-bytes", 1, 1.0 * CONTEXTS * WORDS),
            ("eight-bytes", 2, BLOCK // (8 * WORDS)),
            ("rounded-up", 2, BLOCK // (4 * WORDS) + 1),
            ("not-whole", 2, BLOCK / (4 * WORDS)),
            ("decimal-megabytes", 2, 32 * 10**6 // (4 * WORDS)),
            ("one-byte-each", 2, BLOCK // WORDS),
        ],
    ),
    "6.2": Numbers(
        (5 / (6 * 0.01),),
        [
            ("percent", 0, 5 / 6),
            ("upside-down", 0, 6 / (5 * 0.01)),
        ],
        rtol=5e-3,  # 83 will do
    ),
    "6.3": Code(
        whole_mean,
        BLOCKS,
        {
            "mean-of-means": lambda means, rows: means.mean(),
            "sum-not-mean": lambda means, rows: means @ rows,
            "divided-by-batches": lambda means, rows: means @ rows / len(rows),
            "full-blocks": lambda means, rows: means @ rows / (rows[0] * len(rows)),
            "upside-down": lambda means, rows: np.average(means, weights=1 / rows),
        },
    ),
    "6.4": Code(
        capped_gradient,
        CAPPED,
        {
            "inner-derivative": lambda z, w, cap: gradient_wrt_logits(cap * np.tanh(z / cap), w),
            "uncapped-prediction": [
                lambda z, w, cap: gradient_wrt_logits(z, w) * slope(z, cap),
                lambda z, w, cap: gradient_wrt_logits(z, w),
            ],
            "scale-forgotten": [
                lambda z, w, cap: gradient_wrt_logits(np.tanh(z / cap), w) * slope(z, cap) / cap,
                lambda z, w, cap: gradient_wrt_logits(np.tanh(z / cap), w) * slope(z, cap),
                lambda z, w, cap: capped_gradient(z, w, cap) / cap,
            ],
            "missing-minus": times(-1, capped_gradient),
            "truth-forgotten": lambda z, w, cap: softmax(cap * np.tanh(z / cap)) * slope(z, cap),
            "right-word-only": lambda z, w, cap: (
                capped_gradient(z, w, cap) * (np.arange(len(z)) == w)
            ),
        },
    ),
    "6.5": Frugal(
        streaming,
        STREAMS,
        {
            "max-shift": lambda z: np.log(np.exp(z).sum()),
            "not-rescaled": not_rescaled,
            "fixed-shift": shifted_by_first,
            "log-base": [
                *in_other_bases(streaming),
                *[partial(in_base, base) for base in BASES],
            ],
            "maximum-forgotten": lambda z: np.log(np.exp(z - z.max()).sum()),
            "starts-at-zero": starts_at_zero,
            "missing-log": lambda z: z.max() + np.exp(streaming(z) - z.max()),
            "only-the-maximum": lambda z: z.max(),
        },
        missed=read_twice,
    ),
    "6.6": Frugal(
        loss_by_columns,
        LAYERS,
        {
            "last-block": of_all_logits(of_whole_blocks),
            "block-offset": targets_of_first_block,
            "not-rescaled": of_all_logits(sums_not_rescaled),
            "blocks-added": of_blocks(sum),
            "blocks-averaged": of_blocks(lambda parts: np.mean(parts, axis=0)),
            "max-shift": of_all_logits(lambda z, columns: np.log(np.exp(z).sum(axis=1))),
            "sum-not-mean": lambda h, u, w, columns: cross_entropy_from_logits(
                h @ u.T, w, reduction="sum"
            ),
            "missing-minus": times(-1, loss_by_columns),
            "one-shift": relative_to(lambda z, columns: z.max()),
            "starts-at-zero": relative_to(lambda z, columns: z.max(axis=1).clip(0)),
            "fixed-shift": relative_to(lambda z, columns: z[:, :columns].max(axis=1)),
            "no-mean": lambda h, u, w, columns: cross_entropy_from_logits(
                h @ u.T, w, reduction="none"
            ),
            "log-base": [
                *in_other_bases(loss_by_columns),
                *[of_all_logits(partial(in_base, base)) for base in BASES],
            ],
        },
        missed=all_columns,
    ),
}
