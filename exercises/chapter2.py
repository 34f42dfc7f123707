"""The exercises of chapter 2, the equivalence."""

import numpy as np

from exercises.kinds import BASES, Code, Numbers, times
from nwp.equivalence import (
    empirical_conditional_entropy,
    entropy,
    kl_divergence,
    next_word_counts,
    perplexity,
)
from nwp.loss import cross_entropy_one_hot

SENTENCE = np.array([0.5, 0.4, 0.8])
TOTAL = -np.log(SENTENCE).sum()
TOKEN_MEAN = (1000 * 3.0 + 10 * 6.0) / 1010
P, Q = np.array([0.5, 0.5, 0.0]), np.full(3, 1 / 3)


def corpus_perplexity(batches):
    return perplexity(np.concatenate(batches).mean())


RAGGED = [
    ([np.array([1.0])],),
    ([np.array([1.0, 2.0, 0.0]), np.array([4.0])],),
    ([np.array([0.5, 1.5]), np.array([2.5]), np.array([0.25, 3.0, 1.0, 2.0])],),
]


def text_floor(tokens, k):
    return empirical_conditional_entropy(tokens, max(tokens) + 1, k)


def of_contexts(tokens, k):
    """Entropy of the next word after each context, and how often each pair is there."""
    counts = np.stack(list(next_word_counts(tokens, max(tokens) + 1, k).values()))
    return entropy(counts / counts.sum(axis=1, keepdims=True)), counts


def of_blocks(tokens, k):
    """Entropy of contexts and next words together."""
    counts = of_contexts(tokens, k)[1].ravel()
    return entropy(counts / counts.sum())


def last_pair_lost(tokens, k):
    """Leave the last pair out of the sum, though it is counted."""
    return text_floor(tokens[:-1], k) * (len(tokens) - 1 - k) / (len(tokens) - k)


TEXTS = [
    ([0, 1, 0], 0),
    ([0, 1, 0, 2, 0], 1),
    ([1, 11, 0, 11, 1, 2], 2),  # written one after the other both contexts are 111
    ([0, 1, 2, 0, 1, 0, 0, 1, 2], 2),
    ([0, 1, 2, 0, 1, 0, 0, 1, 2, 2], 1),
    ([0, 1, 2, 3, 0, 1, 2, 3, 0, 4, 0, 1, 2, 0, 4, 3], 1),
]

EXERCISES = {
    "2.1": Numbers(
        (SENTENCE.prod(), TOTAL, perplexity(TOTAL / 3)),
        [
            ("added-probabilities", 0, SENTENCE.sum()),
            ("mean-not-total", 0, SENTENCE.mean()),
            *[("log-base", 1, TOTAL / base) for base in BASES],
            ("missing-minus", 1, -TOTAL),
            ("mean-not-total", 1, TOTAL / 3),
            ("sum-not-mean", 2, perplexity(TOTAL)),
            ("mean-of-perplexities", 2, (1 / SENTENCE).mean()),
            ("log-base", 2, 2 ** (TOTAL / 3)),
        ],
    ),
    "2.2": Numbers(
        (perplexity(TOKEN_MEAN), perplexity(4.5) / perplexity(TOKEN_MEAN)),
        [
            ("mean-of-means", 0, perplexity(4.5)),
            ("mean-of-perplexities", 0, (1000 * perplexity(3) + 10 * perplexity(6)) / 1010),
            ("mean-of-perplexities", 0, (perplexity(3) + perplexity(6)) / 2),
            ("log-base", 0, 2**TOKEN_MEAN),
            ("missing-exp", 0, TOKEN_MEAN),
            ("upside-down", 1, perplexity(TOKEN_MEAN) / perplexity(4.5)),
            ("missing-exp", 1, 4.5 / TOKEN_MEAN),
        ],
    ),
    "2.3": Numbers(
        (kl_divergence(P, Q), np.inf),
        [
            ("reversed", 0, np.inf),
            ("cross-entropy", 0, cross_entropy_one_hot(Q, P)),
            ("log-base", 0, kl_divergence(P, Q) / np.log(2)),
            ("missing-minus", 0, -kl_divergence(P, Q)),
            ("reversed", 1, kl_divergence(P, Q)),
            ("zero-skipped", 1, 2 / 3 * np.log(2 / 3)),
        ],
    ),
    "2.4": Code(
        corpus_perplexity,
        RAGGED,
        {
            "mean-of-means": lambda batches: perplexity(np.mean([b.mean() for b in batches])),
            "mean-of-perplexities": [
                lambda batches: perplexity(np.concatenate(batches)).mean(),
                lambda batches: np.mean([perplexity(b.mean()) for b in batches]),
            ],
            "log-base": lambda batches: 2.0 ** np.concatenate(batches).mean(),
            "sum-not-mean": [
                lambda batches: perplexity(np.concatenate(batches).sum()),
                lambda batches: perplexity(sum(b.mean() for b in batches)),
            ],
            "divided-by-batches": lambda batches: perplexity(
                np.concatenate(batches).sum() / len(batches)
            ),
            "missing-exp": lambda batches: np.concatenate(batches).mean(),
            "missing-minus": lambda batches: 1 / corpus_perplexity(batches),
        },
    ),
    "2.7": Code(
        text_floor,
        TEXTS,
        {
            "contexts-unweighted": lambda tokens, k: of_contexts(tokens, k)[0].mean(),
            "contexts-summed": lambda tokens, k: of_contexts(tokens, k)[0].sum(),
            "joint": of_blocks,
            "answer-in-context": lambda tokens, k: text_floor(tokens, k) if k == 0 else 0.0,
            "off-by-one": [
                lambda tokens, k: text_floor(tokens, k + 1),
                lambda tokens, k: text_floor(tokens[1:] if k else tokens, max(k - 1, 0)),
                lambda tokens, k: text_floor(tokens, max(k - 1, 0)),
            ],
            "last-pair": [lambda tokens, k: text_floor(tokens[:-1], k), last_pair_lost],
            "backwards": lambda tokens, k: text_floor(tokens[::-1], k),
            "log-base": times(1 / np.log(2), text_floor),
            "missing-minus": times(-1, text_floor),
        },
    ),
}
