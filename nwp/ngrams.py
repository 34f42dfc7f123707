r"""N-gram models: the next word is predicted from the last few words, by counting.

Chapter 7. `NGram` reads words and answers `next_word_distribution(prefix)`, as `nwp.grammar`
does: for small texts, to look at.

Source: Jurafsky & Martin, *Speech and Language Processing*, draft of 3 February 2024 (SLP3),
chapter 3.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from nwp import checks
from nwp.grammar import END

SMOOTHINGS = (None, "additive", "interpolated")


class NGram:
    """The shares of the words that followed the last `order` - 1 words in a text.

    Parameters
    ----------
    words : the text, as a list of words
    order : how many words form an n-gram: 1 for unigrams, 2 for bigrams
    smoothing : None, "additive" or "interpolated"
        Additive: every word was seen `strength` times more. Interpolated: `strength` further
        words were seen in proportion to the model of the next lower order, and below the
        unigrams in equal shares. None: the shares as they are. A context that was never seen
        is shortened from the left until it was.
    strength : above 0
    boundary : the word before the text and before each prefix; None: there is none

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and what was expected.

    References
    ----------
    SLP3, chapter 3; MacKay & Peto (1995), "A hierarchical Dirichlet language model".
    """

    def __init__(
        self,
        words: Sequence[str],
        order: int,
        *,
        smoothing: str | None = None,
        strength: float = 1.0,
        boundary: str | None = END,
    ) -> None:
        self.order = checks.integer("order", order, at_least=1)
        checks.choice("smoothing", smoothing, SMOOTHINGS)
        self.smoothing, self.strength = smoothing, checks.number("strength", strength, above=0)
        self.before = () if boundary is None else (checks.text("boundary", boundary),)
        if not checks.words("words", words):
            raise ValueError(f"words must be a list of at least one word, got {words!r}")
        text = (*self.before, *words)
        self.words = tuple(sorted(set(text)))
        counts: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for end in range(len(self.before), len(text)):
            for start in range(max(0, end - self.order + 1), end + 1):
                counts[text[start:end]][text[end]] += 1
        #: For every context of up to order - 1 words: how often each word followed it.
        self.counts = dict(counts)  # to look up a context that was never seen adds none

    def next_word_distribution(self, prefix: Sequence[str]) -> dict[str, float]:
        """Return word → probability, given the words since a sentence began."""
        if strange := set(checks.words("prefix", prefix)) - set(self.words):
            raise ValueError(f"prefix must hold words of the text, got {min(strange)!r}")
        context = (*self.before, *prefix)
        while context not in self.counts:  # none is longer than order - 1, and () always is
            context = context[1:]
        share = {word: 1 / len(self.words) for word in self.words}
        if self.smoothing is None:
            return self._mixed(context, share, 0.0)
        if self.smoothing == "additive":
            return self._mixed(context, share, self.strength * len(self.words))
        for start in range(len(context), -1, -1):
            share = self._mixed(context[start:], share, self.strength)
        return share

    def _mixed(
        self, context: tuple[str, ...], prior: Mapping[str, float], strength: float
    ) -> dict[str, float]:
        """Add `strength` words, shared out as `prior` says, to the counts after `context`."""
        counts = self.counts[context]
        total = counts.total() + strength
        return {word: (counts[word] + strength * prior[word]) / total for word in prior}
