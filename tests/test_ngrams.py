"""N-grams: counted by hand, checked against the formulas written out slowly, and the errors."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from excess import excess_loss
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from lab.kneser_ney import USUAL_DISCOUNTS, KneserNey
from nwp.grammar import END, Grammar
from nwp.ngrams import NGram
from nwp.text import Vocabulary

# ---- words, in dictionaries -------------------------------------------------------------

TEXT = ["o", "cão", "ladra", ".", "o", "cão", "dorme", "."]


def test_bigram_counts_by_hand():
    bigram = NGram(TEXT, 2)
    assert bigram.words == (".", "cão", "dorme", "ladra", "o")
    assert bigram.next_word_distribution([])["o"] == 1
    assert bigram.next_word_distribution(["o", "cão"]) == {
        ".": 0, "cão": 0, "dorme": 1 / 2, "ladra": 1 / 2, "o": 0
    }  # fmt: skip
    assert NGram(TEXT, 1).next_word_distribution(["o"])["cão"] == 2 / 8
    # "cão o" never occurs: the context is shortened to "o"
    assert NGram(TEXT, 3).next_word_distribution(["cão", "o"])["cão"] == 1


def test_smoothing_by_hand():
    additive = NGram(TEXT, 2, smoothing="additive", strength=0.5)
    assert additive.next_word_distribution(["cão"])["ladra"] == 1.5 / 4.5
    assert additive.next_word_distribution(["cão"])["o"] == 0.5 / 4.5
    mixed = NGram(TEXT, 2, smoothing="interpolated", strength=2.0)
    unigram = {w: (c + 2 / 5) / 10 for w, c in Counter(TEXT).items()}
    assert_allclose(mixed.next_word_distribution(["cão"])["o"], (0 + 2 * unigram["o"]) / 4)
    assert_allclose(mixed.next_word_distribution(["cão"])["dorme"], (1 + 2 * unigram["dorme"]) / 4)


@given(
    st.lists(st.sampled_from("abc."), min_size=1, max_size=30),
    st.integers(1, 4),
    st.sampled_from([None, "additive", "interpolated"]),
    st.sampled_from([None, END]),
    st.data(),
)
def test_every_answer_is_a_distribution(words, order, smoothing, boundary, data):
    model = NGram(words, order, smoothing=smoothing, strength=0.3, boundary=boundary)
    prefix = data.draw(st.lists(st.sampled_from(model.words), max_size=6))
    answer = model.next_word_distribution(prefix)
    assert_allclose(math.fsum(answer.values()), 1, rtol=1e-12)
    assert set(answer) == set(words) | ({END} if boundary else set())
    assert min(answer.values()) >= 0 if smoothing is None else min(answer.values()) > 0
    kept = prefix[max(0, len(prefix) - order + 1) :] if order > 1 else []
    if len(prefix) >= order:  # nothing further back is read
        assert answer == model.next_word_distribution([model.words[0], *kept])


def test_ngrams_approach_the_exact_entropies():
    """Counts of a long sample come near the exact n-gram entropies of the language, from above."""
    grammar = Grammar.portuguese()
    sample = grammar.sample(100_000, seed=1)
    for order, bound in ((1, 0.001), (2, 0.005), (3, 0.04)):
        model = NGram(sample, order, smoothing="interpolated", strength=0.1)
        answers = {}

        class Asked:
            def next_word_distribution(self, prefix, answers=answers, model=model):
                context = tuple([END, *prefix][max(0, len(prefix) + 2 - model.order) :])
                if context not in answers:
                    answers[context] = model.next_word_distribution(prefix)
                return answers[context]

        excess = excess_loss(grammar, Asked())
        gap = grammar.entropy_rate() + excess - grammar.ngram_entropy(order - 1)
        assert -1e-9 <= gap < bound, order


# ---- Kneser and Ney --------------------------------------------------------------------

V = 5
texts = st.lists(st.integers(0, V - 1), min_size=1, max_size=60)
contexts = st.lists(st.integers(0, V - 1), max_size=5)
orders = st.integers(1, 5)


class Slow:
    """The formulas of `KneserNey`, one n-gram at a time, with sets and dictionaries."""

    def __init__(self, text, order, size, *, continuations=True):
        self.order, self.size = order, size
        self.after, self.discounts = [], []
        for n in range(1, order + 1):
            before = defaultdict(list)
            for i in range(len(text) - n + 1):
                before[tuple(text[i : i + n])].append(text[i - 1] if i else "the beginning")
            if n < order and continuations:
                before = {ngram: set(words) for ngram, words in before.items()}
            counts = {ngram: len(words) for ngram, words in before.items()}
            self.discounts.append(self.estimated(Counter(counts.values())))
            self.after.append(defaultdict(dict))
            for (*context, word), count in counts.items():
                self.after[-1][tuple(context)][word] = count

    @staticmethod
    def estimated(n):
        if n[1] == 0 or n[2] == 0 or n[3] == 0:
            return (0.5, 1.0, 1.5)
        y = n[1] / (n[1] + 2 * n[2])
        d = (1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3])
        return d if all(x > 0 for x in d) else (0.5, 1.0, 1.5)

    def probability(self, word, context):
        context = tuple(context[max(0, len(context) - self.order + 1) :])
        shorter = self.probability(word, context[1:]) if context else 1 / self.size
        counts = self.after[len(context)].get(context)
        if counts is None:
            return shorter

        def discount(count):
            return 0 if count == 0 else self.discounts[len(context)][min(count, 3) - 1]

        own = counts.get(word, 0) - discount(counts.get(word, 0))
        given_away = sum(discount(count) for count in counts.values())
        return (own + given_away * shorter) / sum(counts.values())

    def distribution(self, context):
        if self.order == 1:
            context = ()
        return np.array([self.probability(word, context) for word in range(self.size)])

    def losses(self, text):
        reach = self.order - 1
        return [-math.log(self.probability(w, text[max(0, t - reach) : t] if reach else ()))
                for t, w in enumerate(text)]  # fmt: skip


def zipf(length, size, seed):
    """A text of mostly rare words, of which every other one depends on the one before."""
    random = np.random.default_rng(seed)
    words = np.minimum(random.zipf(1.3, length), size) - 1
    words[1::2] = (words[:-1:2] + random.integers(3, size=length // 2)) % size
    return words.tolist()


@given(texts, orders, contexts)
def test_every_distribution_is_positive_and_sums_to_1(text, order, context):
    shares = KneserNey(text, order, V).distribution(context)
    assert shares.shape == (V,)
    assert_allclose(shares.sum(), 1, rtol=1e-14)
    assert shares.min() > 0


@given(texts, orders, contexts)
def test_the_formulas_written_out(text, order, context):
    model, slow = KneserNey(text, order, V), Slow(text, order, V)
    assert_allclose(model.distribution(context), slow.distribution(context), rtol=1e-12)
    assert_allclose(model.discounts, slow.discounts[: len(model.discounts)])


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_formulas_on_a_text_that_gives_its_own_discounts(order):
    text, held_out = zipf(3000, 500, seed=1), zipf(400, 500, seed=2)
    model, slow = KneserNey(text, order, 500), Slow(text, order, 500)
    assert USUAL_DISCOUNTS not in model.discounts
    assert_allclose(model.discounts, slow.discounts, rtol=1e-12)
    assert_allclose(model.losses(held_out), slow.losses(held_out), rtol=1e-10)
    assert_allclose(model.distribution(text[7:10]), slow.distribution(text[7:10]), rtol=1e-12)


@given(texts, orders, texts, contexts)
def test_losses_are_those_of_the_distributions(text, order, held_out, before):
    model = KneserNey(text, order, V)
    losses = model.losses(held_out, before=before)
    words = [*before, *held_out]
    expected = [
        -math.log(model.distribution(words[: len(before) + t])[word])
        for t, word in enumerate(held_out)
    ]
    assert_allclose(losses, expected, rtol=1e-12, atol=1e-15)
    whole = model.losses(words)
    assert_array_equal(losses, whole[len(before) :])  # read or predicted, the text is the same
    assert losses.min() >= 0


@given(texts, orders, contexts, contexts)
def test_nothing_further_back_is_read(text, order, far, near):
    model = KneserNey(text, order, V)
    near = [*near, *[0] * order][: order - 1]
    assert_array_equal(model.distribution([*far, *near]), model.distribution(near))


def test_unigrams_by_hand():
    # "o" 4 times, "cão" 3 times, "é" and "lua" twice, four words once: 15 of 8 kinds; V = 10
    text = [0] * 4 + [1] * 3 + [2] * 2 + [3] * 2 + [4, 5, 6, 7]
    model = KneserNey(text, 1, 10)
    # n₁ = 4, n₂ = 2, n₃ = 1, n₄ = 1, so Y = 4 / (4 + 4) = 1/2, and
    # D(1) = 1 - 2 · ½ · 2/4 = ½,  D(2) = 2 - 3 · ½ · 1/2 = 5/4,  D(3) = 3 - 4 · ½ · 1/1 = 1
    assert model.discounts == [(1 / 2, 5 / 4, 1.0)]
    # taken away: 4 · ½ + 2 · 5/4 + 1 + 1 = 13/2, a tenth of it for each word
    expected = [3.65, 2.65, 1.4, 1.4, 1.15, 1.15, 1.15, 1.15, 0.65, 0.65]
    assert_allclose(model.distribution(), np.divide(expected, 15), rtol=1e-14)
    assert_array_equal(model.distribution([3, 0]), model.distribution())


def test_a_frequent_word_that_follows_one_word_alone():
    """Two words that occur three times each: "copo", and "Francisco", only after "San"."""
    text = [*["San", "Francisco"] * 3, "o", "copo", "a", "copo", "um", "copo"]
    vocabulary = Vocabulary(dict.fromkeys(text), unknown=None)
    san, francisco, o, copo, a, um = range(6)
    model = KneserNey(vocabulary.ids(text), 2, 6)
    # Different words before each: San 2 (the beginning, Francisco), Francisco 1, o 1, copo 3,
    # a 1, um 1: 9 in all. D(2) = 2 - 3 · ⅔ · 1/1 = 0 is no discount, so the usual ones: taken
    # away are 4 · ½ + 1 + 3/2 = 9/2, which is 3/4 for each of the six words.
    assert model.discounts == [USUAL_DISCOUNTS, USUAL_DISCOUNTS]
    shorter = model.distribution()
    assert_allclose(shorter[[san, francisco, copo]], [1.75 / 9, 1.25 / 9, 2.25 / 9], rtol=1e-14)
    counted = KneserNey(vocabulary.ids(text), 1, 6).distribution()
    assert counted[francisco] == counted[copo] > shorter[francisco]
    # After "San" 3 of 3: (3 - 3/2) / 3 remain, and (3/2) / 3 go to the shorter context.
    assert_allclose(model.distribution([san])[francisco], 1 / 2 + 1 / 2 * 1.25 / 9, rtol=1e-14)
    assert_allclose(model.distribution([san])[copo], 1 / 2 * 2.25 / 9, rtol=1e-14)
    # After "um" 1 of 1; after the last "copo" nothing, but after the others "a" and "um".
    assert_allclose(model.distribution([um])[copo], 1 / 2 + 1 / 2 * 2.25 / 9, rtol=1e-14)
    assert_allclose(
        model.losses([copo, a], before=[o]),
        -np.log([1 / 2 + 1 / 2 * 2.25 / 9, (0.5 + (0.5 + 0.5) * 1.25 / 9) / 2]),
        rtol=1e-14,
    )


def test_unseen_contexts_are_shortened():
    model = KneserNey([0, 1, 2, 0, 1, 3, 0, 1], 3, 6)
    seen = model.distribution([0, 1])
    assert seen[2] > 1 / 4
    assert_array_equal(model.distribution([4, 1]), model.distribution([1]))  # 4 was never seen
    assert_array_equal(model.distribution([2, 1]), model.distribution([1]))  # nor 1 after 2
    assert_array_equal(model.distribution([1, 5]), model.distribution())
    assert not np.array_equal(seen, model.distribution([1]))
    ending = KneserNey([0, 1, 2], 3, 4)  # 1 2 and 2 are seen, but with nothing after them
    assert_array_equal(ending.distribution([1, 2]), ending.distribution())


@given(texts, st.integers(1, 9))
def test_a_text_shorter_than_the_order(text, more):
    model, longest = KneserNey(text, len(text) + more, V), KneserNey(text, len(text), V)
    assert model.order == len(text) + more
    words = [*text, 0, *text]
    assert_array_equal(model.losses(words), longest.losses(words))


def test_ends_of_the_scale():
    one = KneserNey([1], 2, 4)  # one word, after the beginning: half of it is taken away
    assert_allclose(one.distribution(), [1 / 8, 5 / 8, 1 / 8, 1 / 8], rtol=1e-15)
    assert_array_equal(one.distribution([1]), one.distribution())
    assert one.losses([]).shape == one.losses((), before=[1]).shape == (0,)
    for length in range(1, 50):  # a vocabulary of one word
        certain = KneserNey([0] * length, 3, 1).losses([0, 0, 0])
        assert_array_equal(certain, np.zeros(3))
        assert not np.signbit(certain).any()  # 0.0, never -0.0
    far = 2**60 - 1  # exact keys, where floats would confuse the words far and far - 1
    wide = KneserNey([far, far - 1, far], 2, far + 1)
    assert_allclose(wide.losses([far - 1], before=[far]), -math.log(1 / 2 + 1 / 2 * 1 / 6))
    given = np.array([0, 1, 2, 0], dtype=np.uint8)
    assert_array_equal(
        KneserNey(given, 2, 300).losses(given),
        KneserNey(given.tolist(), 2, 300).losses([0, 1, 2, 0]),
    )


class InWords:
    """A model of ids as a model for the grammar, asked once per context."""

    def __init__(self, model, vocabulary):
        self.model, self.vocabulary, self.answers = model, vocabulary, {}

    def next_word_distribution(self, prefix):
        words = [END, *prefix]
        context = tuple(words[max(0, len(words) - self.model.order + 1) :])
        if context not in self.answers:
            shares = self.model.distribution(self.vocabulary.ids(context)).tolist()
            self.answers[context] = dict(zip(self.vocabulary.words, shares, strict=True))
        return self.answers[context]


@pytest.fixture(scope="module")
def portuguese():
    grammar = Grammar.portuguese()
    return grammar, Vocabulary(grammar.words, unknown=None)


def test_longer_contexts_pay_and_none_beats_the_exact_entropy(portuguese):
    grammar, vocabulary = portuguese
    ids = vocabulary.ids(grammar.sample(100_000, seed=1))
    for order, bound in ((1, 0.001), (2, 0.02), (3, 0.03)):
        model = InWords(KneserNey(ids, order, len(vocabulary)), vocabulary)
        loss = grammar.entropy_rate() + excess_loss(grammar, model)
        assert -1e-9 <= loss - grammar.ngram_entropy(order - 1) < bound, order


def test_continuations_and_longer_contexts_pay_on_a_small_text(portuguese):
    """3,000 words: as a bigram it beats its own discounts on true counts, and added ones."""
    grammar, vocabulary = portuguese
    words = grammar.sample(3_000, seed=1)
    ids, size = vocabulary.ids(words).tolist(), len(vocabulary)
    bigram, trigram, plain = (
        excess_loss(grammar, InWords(model, vocabulary))
        for model in (
            KneserNey(ids, 2, size),
            KneserNey(ids, 3, size),
            Slow(ids, 2, size, continuations=False),
        )
    )
    added = [
        excess_loss(grammar, NGram(words, 2, smoothing="additive", strength=strength))
        for strength in (0.001, 0.01, 0.1, 1.0)
    ]
    assert bigram < 0.97 * plain
    assert bigram < 0.7 * added[-1]
    assert trigram < 0.98 * min(bigram, *added)


def test_where_words_are_few_and_frequent_a_mixture_is_better(portuguese):
    grammar, vocabulary = portuguese
    words = grammar.sample(10_000, seed=1)
    model = InWords(KneserNey(vocabulary.ids(words), 2, len(vocabulary)), vocabulary)
    mixture = NGram(words, 2, smoothing="interpolated")
    assert excess_loss(grammar, mixture) < excess_loss(grammar, model)


# ---- errors ----------------------------------------------------------------------------


def test_bad_ngrams_are_named():
    with pytest.raises(ValueError, match="order must be at least 1, got 0"):
        NGram(TEXT, 0)
    with pytest.raises(TypeError, match="words must be a list of words, got 1 at index 0"):
        NGram([1, "o"], 1)
    with pytest.raises(ValueError, match=r"words must be a list of at least one word, got \[\]"):
        NGram([], 1)
    with pytest.raises(ValueError, match=r"smoothing must be one of \(None, .* got 'kneser'"):
        NGram(TEXT, 2, smoothing="kneser")
    for strength in (0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="strength must be above 0 and finite, got"):
            NGram(TEXT, 2, smoothing="additive", strength=strength)
    with pytest.raises(ValueError, match="prefix must hold words of the text, got 'gato'"):
        NGram(TEXT, 2).next_word_distribution(["o", "gato"])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([0, 3], 2, 3), ValueError, r"ids must be word ids in \[0, 3\), got 3 at index \(1,\)"),
        (([-1], 2, 3), ValueError, r"ids must be word ids in \[0, 3\), got -1"),
        (([0.5], 2, 3), TypeError, "ids must be integers, got dtype float64"),
        ((["o"], 2, 3), TypeError, "ids must be integers, got dtype <U1"),
        (([True], 2, 3), TypeError, "ids must be integers, got dtype bool"),
        (([[0, 1]], 2, 3), ValueError, r"ids must have the shape \(n,\), got \(1, 2\)"),
        (([], 2, 3), ValueError, "ids must hold at least one word, got none"),
        (([0], 0, 3), ValueError, "order must be at least 1, got 0"),
        (([0], 2.0, 3), TypeError, "order must be an integer, got 2.0"),
        (([0], 2, 0), ValueError, "vocabulary_size must be at least 1, got 0"),
        (([0], 2, None), TypeError, "vocabulary_size must be an integer, got None"),
        (([0, 0], 2, 2**62), ValueError, r"vocabulary_size must be below 2\*\*63 / 2, the length"),
    ],
)
def test_bad_texts_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        KneserNey(*arguments)


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda m: m.losses([0, 3]), ValueError, r"ids must be word ids in \[0, 3\), got 3"),
        (lambda m: m.losses([0], before=[9]), ValueError, r"before must be word ids .* got 9"),
        (lambda m: m.losses(1), ValueError, r"ids must have the shape \(n,\), got \(\)"),
        (lambda m: m.losses([0.0]), TypeError, "ids must be integers, got dtype float64"),
        (lambda m: m.distribution([-1]), ValueError, r"context must be word ids .* got -1"),
        (lambda m: m.distribution([[1]]), ValueError, r"context must have the shape \(n,\), got"),
        (lambda m: m.distribution("o"), TypeError, "context must be integers, got dtype <U1"),
    ],
)
def test_bad_questions_are_named(ask, error, message):
    with pytest.raises(error, match=message):
        ask(KneserNey([0, 1, 2], 2, 3))


def test_a_look_at_a_context_that_was_never_seen_changes_nothing():
    model = NGram(TEXT, 3)
    before = model.next_word_distribution(["ladra", "dorme"])
    with pytest.raises(KeyError):
        model.counts["ladra", "dorme"]
    assert model.next_word_distribution(["ladra", "dorme"]) == before


@pytest.mark.parametrize("bad", ["o", (word for word in ["o", "cão"]), None])
def test_what_is_no_list_of_words_is_refused(bad):
    with pytest.raises(TypeError, match="prefix must be a list of words"):
        NGram(TEXT, 2).next_word_distribution(bad)
    with pytest.raises(TypeError, match="words must be a list of words"):
        NGram(bad, 2)
