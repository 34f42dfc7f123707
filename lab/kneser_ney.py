r"""The n-gram model of Kneser & Ney on word ids: the peer of a trained model on real texts.

Chapter 8. Made for texts of millions of words. NumPy, losses in nats.

Source: SLP3, chapter 3; Kneser & Ney (1995), "Improved backing-off for m-gram language modeling";
Chen & Goodman (1999), "An empirical study of smoothing techniques for language modeling".
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nwp import checks

USUAL_DISCOUNTS = (0.5, 1.0, 1.5)  # of counts 1, 2 and 3 or more, as in KenLM's discount_fallback


class _Order(NamedTuple):
    """What is known of the n-grams of one length, n, each a context of n - 1 words and a word.

    An n-gram, and a context, is named by its rank in `keys` of its own length. The last entry
    of `seen` and of `rest` is that of all others: as the rank -1 it is found by indexing.
    """

    keys: NDArray[np.int64]  # rank of the context × V + word, in order
    seen: NDArray[np.float64]  # (n-grams + 1,) the probability that is the n-gram's own
    rest: NDArray[np.float64]  # (contexts + 1,) what a context leaves to the shorter one

    def ranks(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the ranks of n-grams; -1 for those that were not seen."""
        at = np.searchsorted(self.keys, keys)
        return np.where(self.keys.take(at, mode="clip") == keys, at, -1)


class KneserNey:
    r"""The n-gram model of Kneser & Ney, interpolated, with the discounts of Chen & Goodman.

    A word w after the context u = (u₁ … uₖ), which is u₁ and the shorter context u′:

    .. math:: p(w \mid u) = \frac{c(uw) - D(c(uw))}{\sum_v c(uv)}
        + \frac{\sum_v D(c(uv))}{\sum_v c(uv)} \, p(w \mid u')

    where u was followed by a word, else :math:`p(w \mid u')`; after the empty context,
    :math:`p(w \mid u') = 1/V`. So every word has a probability above 0, and all of them sum to 1.

    *Counts.* For k = `order` - 1, c(uw) is how often uw occurs. Below, it is the number of
    different words before uw (the beginning of the text is one more): a shorter context is
    asked where the longer one failed, and so it matters after how many contexts a word comes,
    not how often. "Francisco" is frequent, and comes after "San".

    *Discounts.* With :math:`n_i` the number of n-grams of this length with c = i, and
    :math:`Y = n_1 / (n_1 + 2 n_2)`,

    .. math:: D(i) = i - (i + 1) \, Y \, n_{i+1} / n_i, \quad i = 1, 2, 3,

    with D(0) = 0 and D(i) = D(3) for i > 3. Chen & Goodman found these three discounts better
    than a single one, D(i) = Y. Where a text does not give three numbers in (0, i], because it
    is short or has few rare words, they are 0.5, 1 and 1.5 for all n-grams of this length.

    *Order 1* has no longer context, and counts how often each word occurs.

    *Where it stops.* The formulas are computed as they stand, in float64: no n-gram is left
    out. The discounts are estimates, good where most n-grams are rare; where the words are few
    and all frequent, as in the book's own language, `nwp.ngrams.NGram` with its "interpolated"
    smoothing can be better. The text is one sequence: n-grams cross the ends of sentences, and a
    boundary between them must be an id of its own. A word outside the vocabulary needs the id
    of an unknown word, which stands for all such words together; so losses are comparable
    only for the same vocabulary.

    Parameters
    ----------
    ids : (n,) the text, as word ids; n at least 1
    order : how many words form the longest n-gram: 1 for unigrams, 2 for bigrams
    vocabulary_size : V

    Raises
    ------
    TypeError, ValueError
        Where `ids` are not integers of this shape in [0, V), or a size is not a positive integer.

    References
    ----------
    SLP3, chapter 3; Kneser & Ney (1995); Chen & Goodman (1999), modified Kneser-Ney smoothing.
    """

    def __init__(self, ids: ArrayLike, order: int, vocabulary_size: int) -> None:
        self.order = checks.integer("order", order, at_least=1)
        self.vocabulary_size = checks.integer("vocabulary_size", vocabulary_size, at_least=1)
        text = self._ids("ids", ids)
        if not text.size:
            raise ValueError("ids must hold at least one word, got none")
        if text.size * self.vocabulary_size >= 2**63:
            raise ValueError(
                f"vocabulary_size must be below 2**63 / {text.size}, the length of ids,"
                f" got {self.vocabulary_size}"
            )
        #: D(1), D(2) and D(3) of the n-grams of each length, from 1 on.
        self.discounts: list[tuple[float, float, float]] = []
        self._orders: list[_Order] = []
        contexts = 1  # the empty one
        for keys, counts in _counted(text, self.order, self.vocabulary_size):
            self.discounts.append(_discounts(counts))
            taken = np.array(self.discounts[-1])[np.minimum(counts, 3) - 1]
            context = keys // self.vocabulary_size
            total = np.bincount(context, counts, minlength=contexts)
            rest = np.bincount(context, taken, minlength=contexts)
            np.divide(rest, total, out=rest, where=total > 0)
            rest[total == 0] = 1.0  # the last words of the text: nothing followed them
            seen = (counts - taken) / total[context]
            self._orders.append(_Order(keys, np.append(seen, 0.0), np.append(rest, 1.0)))
            contexts = len(keys)

    def losses(self, ids: ArrayLike, before: ArrayLike = ()) -> NDArray[np.float64]:
        r"""Return (n,) the losses :math:`-\log p` of (n,) ids, each after those before it.

        Parameters
        ----------
        ids : (n,) the words to predict, in the order of the text; n may be 0
        before : (m,) words that are read first and not predicted; without them the first
            words are predicted from shorter contexts

        Raises
        ------
        TypeError, ValueError
            Where `ids` or `before` are not integers of this shape in [0, V).
        """
        read, text = self._ids("before", before), self._ids("ids", ids)
        words = np.concatenate([read, text])
        probabilities = np.full(words.size, 1 / self.vocabulary_size)
        contexts = np.zeros(words.size, dtype=np.int64)  # before every word, the empty one
        for order in self._orders:
            ngrams = order.ranks(contexts * self.vocabulary_size + words)
            probabilities = order.seen[ngrams] + order.rest[contexts] * probabilities
            contexts = np.append(-1, ngrams)[:-1]  # nothing is before the first word
        return 0.0 - np.log(probabilities[read.size :])  # not -np.log: 1 costs 0.0, never -0.0

    def distribution(self, context: ArrayLike = ()) -> NDArray[np.float64]:
        """Return (V,) the probability of each word after (m,) ids, the last of them the nearest.

        Only the last `order` - 1 are read, and of these as many as were seen together.

        Raises
        ------
        TypeError, ValueError
            Where `context` is not integers of this shape in [0, V).
        """
        words, size = self._ids("context", context), self.vocabulary_size
        shares = np.full(size, 1 / size)
        for n, order in enumerate(self._orders[: words.size + 1]):
            rank = 0
            for shorter, word in zip(self._orders[:n], words[words.size - n :], strict=True):
                rank = int(shorter.ranks(rank * size + word))
            if rank < 0:
                break  # then no longer context was seen either
            start, end = np.searchsorted(order.keys, [rank * size, (rank + 1) * size])
            shares *= order.rest[rank]
            shares[order.keys[start:end] - rank * size] += order.seen[start:end]
        return shares

    def _ids(self, name: str, values: ArrayLike) -> NDArray[np.int64]:
        array = checks.word_ids(name, values, self.vocabulary_size)
        if array.ndim != 1:
            raise ValueError(f"{name} must have the shape (n,), got {array.shape}")
        return array


def _counted(
    text: NDArray[np.int64], order: int, size: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the keys and counts of the n-grams of each length, as `KneserNey` counts them.

    No text has n-grams longer than itself; the one as long occurs once, however it is counted.
    """
    found: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    ngrams = np.zeros(text.size + 1, dtype=np.int64)  # ranks, as they follow in the text
    for n in range(1, min(order, text.size) + 1):
        shorter = ngrams
        keys, first, ngrams, counts = np.unique(
            shorter[:-1] * size + text[n - 1 :],
            return_index=True, return_inverse=True, return_counts=True,
        )  # fmt: skip
        if found:  # each different n-gram is one word before the n-gram without its first word
            found[-1][1][:] = np.bincount(shorter[1:][first], minlength=len(found[-1][0]))
            found[-1][1][shorter[0]] += 1  # and before this one, the text begins
        found.append((keys, counts))
    return found


def _discounts(counts: NDArray[np.int64]) -> tuple[float, float, float]:
    """Return D(1), D(2), D(3), estimated from how many counts are 1, 2, 3 and 4."""
    n = np.bincount(counts, minlength=5).tolist()
    if not (n[1] and n[2] and n[3]):
        return USUAL_DISCOUNTS
    share = n[1] / (n[1] + 2 * n[2])
    one, two, three = (i - (i + 1) * share * n[i + 1] / n[i] for i in (1, 2, 3))
    return (one, two, three) if min(one, two, three) > 0 else USUAL_DISCOUNTS
