"""Theorem D2 and what surrounds it: likelihood, entropy, divergence, units, the floor."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from strategies import distribution_pairs, distributions

from nwp.equivalence import (
    bits,
    empirical_conditional_entropy,
    empirical_next_word,
    entropy,
    kl_divergence,
    log_likelihood,
    next_word_counts,
    perplexity,
)
from nwp.loss import cross_entropy, cross_entropy_one_hot

TEXTS = hnp.arrays(np.int64, st.integers(6, 40), elements=st.integers(0, 3))
LENGTHS = st.integers(0, 3)


@st.composite
def models_and_texts(draw):
    """Several predictions for the same positions, and the words that came."""
    positions, size, models = draw(st.integers(1, 5)), draw(st.integers(2, 5)), 6
    seed = draw(st.integers(0, 2**31))
    random = np.random.default_rng(seed)
    predictions = random.dirichlet(np.ones(size), size=(models, positions))
    return predictions, random.integers(0, size, size=positions)


# ---- Theorem D2 -------------------------------------------------------------------------


@pytest.mark.claim("thm-2")
@given(models_and_texts())
def test_the_model_with_the_least_loss_has_the_greatest_likelihood(case):
    predictions, words = case
    losses = [cross_entropy(p, words, reduction="sum") for p in predictions]
    likelihoods = [np.prod(np.take_along_axis(p, words[:, None], 1)) for p in predictions]
    assert_array_equal(np.argsort(losses), np.argsort(likelihoods)[::-1])


@pytest.mark.claim("thm-2")
@given(models_and_texts())
def test_log_likelihood_is_the_log_of_the_product(case):
    predictions, words = case
    for p in predictions:
        product = np.prod(np.take_along_axis(p, words[:, None], 1))
        assert_allclose(log_likelihood(p, words), np.log(product), rtol=1e-12, atol=1e-14)


@pytest.mark.claim("thm-2")
def test_worked_example_is_ordered_alike_by_loss_and_by_likelihood():
    good, even = [0.05, 0.10, 0.05, 0.80], [0.25] * 4
    assert cross_entropy(good, 3) < cross_entropy(even, 3)
    assert log_likelihood(good, 3) > log_likelihood(even, 3)
    assert str(log_likelihood([1.0, 0.0], 0)) == "0.0"
    assert log_likelihood([1.0, 0.0], 1) == -np.inf


def probabilities_of_continuations(size, length, model):
    """Each continuation of `length` words, and the product of what `model` gives its words."""
    ways = np.array(list(itertools.product(range(size), repeat=length)))
    factors = [[model[tuple(way[:t].tolist())][way[t]] for t in range(length)] for way in ways]
    return ways, np.array(factors)


@st.composite
def sources_and_models(draw):
    """Two causal models of short texts; the second may rule words out."""
    size, length = draw(st.integers(2, 3)), draw(st.integers(1, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**31)))
    beginnings = [b for t in range(length) for b in itertools.product(range(size), repeat=t)]
    sharpness = draw(st.sampled_from([0.1, 1.0, 10.0]))
    one = {b: random.dirichlet(np.full(size, sharpness)) for b in beginnings}
    other = {b: random.dirichlet(np.ones(size)) for b in beginnings}
    for beginning in beginnings:
        if random.random() < draw(st.sampled_from([0.0, 0.5])):
            other[beginning] = np.eye(size)[random.integers(size)]
    return size, length, one, other


@pytest.mark.claim("def-text-probability")
@given(sources_and_models())
def test_the_continuations_of_one_length_have_probability_one_together(case):
    size, longest, *models = case
    for model in models:
        for length in range(1, longest + 1):
            ways, factors = probabilities_of_continuations(size, length, model)
            assert_allclose(factors.prod(axis=1).sum(), 1, rtol=1e-12)
        rows = [model[tuple(ways[-1][:t].tolist())] for t in range(longest)]
        if factors[-1].all():
            assert_allclose(np.exp(log_likelihood(rows, ways[-1])), factors[-1].prod())


@pytest.mark.claim("def-text-probability")
def test_what_reads_later_words_has_no_probability():
    # Certain of each word, because it has read the word: every text has the probability 1.
    texts = np.array(list(itertools.product(range(2), repeat=3)))
    products = [np.prod(np.take_along_axis(np.eye(2)[text], text[:, None], 1)) for text in texts]
    assert sum(products) == 8


@pytest.mark.claim("prop-long-run")
@given(sources_and_models())
def test_how_often_a_model_is_ahead_of_the_source(case):
    size, length, source, model = case
    _, of_source = probabilities_of_continuations(size, length, source)
    _, of_model = probabilities_of_continuations(size, length, model)
    p, q = of_source.prod(axis=1), of_model.prod(axis=1)
    drawn = p > 0
    with np.errstate(divide="ignore"):
        lead = np.log(q[drawn]) - np.log(p[drawn])  # what the model pays less
    assert p[drawn] @ -lead >= -1e-12
    for k in [0.0, 0.1, 1.0, *np.unique(lead[lead > 0])]:  # the bound is tightest at a lead
        assert p[drawn][lead >= k].sum() <= np.exp(-k) * (1 + 1e-9)


@pytest.mark.claim("prop-long-run")
def test_the_bound_on_luck_is_reached_and_its_sum_is_finite():
    size, length = 2, 6
    beginnings = [b for t in range(length) for b in itertools.product(range(size), repeat=t)]
    coin = {b: np.full(size, 1 / size) for b in beginnings}
    for sure in range(1, length + 1):  # of one word, so many times; then as the source
        model = {b: np.eye(size)[0] if len(b) < sure else coin[b] for b in beginnings}
        p, q = (
            probabilities_of_continuations(size, length, one)[1].prod(axis=1)
            for one in (coin, model)
        )
        k = sure * np.log(2)
        assert_allclose(p[q >= np.exp(k) * p * (1 - 1e-9)].sum(), np.exp(-k), rtol=1e-12)
    n = np.arange(1, 10**6)
    assert np.exp(-2 * np.log(n)).sum() < np.pi**2 / 6  # k = 2 log n


@pytest.mark.claim("prop-long-run")
def test_who_has_read_the_words_is_ahead_too_often():
    texts = np.array(list(itertools.product(range(2), repeat=10)))
    read = np.arange(10)
    ones = np.cumsum(texts, axis=1) - texts
    source = 0.2 + 0.6 * ones / np.maximum(read, 1)  # as in the chapter
    share = texts.mean(axis=1, keepdims=True)
    p, q = (np.where(texts, of_one, 1 - of_one).prod(axis=1) for of_one in (source, share))
    lead = np.log(q / p)
    assert p[lead >= 0.5].sum() > np.exp(-0.5)
    assert p @ -lead < 0  # ahead even in expectation
    assert q.sum() > 1  # no distribution over texts


@pytest.mark.claim("rem-underflow")
def test_the_product_underflows_where_the_sum_does_not():
    p = np.full((1000, 4), 0.25)
    words = np.zeros(1000, dtype=int)
    assert np.prod(p[:, 0]) == 0.0
    assert_allclose(log_likelihood(p, words), -1000 * np.log(4), rtol=1e-14)
    assert 0.2**538 == 0.25**538 == 0 < 0.25**537
    assert 0.5**538 > 0  # a surer model does not look alike yet


@pytest.mark.claim("cex-shared")
def test_a_lower_mean_loss_may_lower_a_words_probability_and_the_accuracy():
    # One context seen three times; a model must give all three the same distribution.
    words = [0, 0, 1]
    before, after = np.array([0.45, 0.55]), np.array([2 / 3, 1 / 3])
    assert round(float(cross_entropy([before] * 3, words)), 3) == 0.732
    assert round(float(cross_entropy([after] * 3, words)), 3) == 0.637
    assert after[1] < before[1]
    # Accuracy: from three narrow wins to one confident win and two narrow defeats.
    narrow, bold = np.full((3, 2), (0.51, 0.49)), np.array([(0.99, 0.01), (0.49, 0.51)])[[0, 1, 1]]
    assert round(float(cross_entropy(narrow, [0, 0, 0])), 3) == 0.673
    assert round(float(cross_entropy(bold, [0, 0, 0])), 3) == 0.479
    assert (bold.argmax(1) == 0).sum() == 1
    assert (narrow.argmax(1) == 0).sum() == 3


# ---- entropy and divergence ------------------------------------------------------------


@given(distributions())
def test_scipy_agrees_on_the_entropy(p):
    assert_allclose(entropy(p), scipy.stats.entropy(p), rtol=1e-12, atol=1e-15)
    assert -1e-15 <= entropy(p) <= np.log(p.size) + 1e-12


def test_entropy_at_its_ends():
    assert str(entropy([0.0, 1.0])) == "0.0"
    assert_allclose(entropy([[0.25] * 4, [0.5, 0.5, 0, 0]]), np.log([4, 2]), rtol=1e-15)


@pytest.mark.claim("prop-gibbs")
@given(distribution_pairs())
def test_gibbs_inequality(pair):
    p, q = pair
    divergence = kl_divergence(p, q)
    assert divergence >= 0
    assert kl_divergence(p, p) == 0.0
    if np.abs(p - q).max() > 1e-6:
        assert divergence > 0  # strict: only the truth itself reaches the entropy


@pytest.mark.claim("prop-gibbs")
@given(distribution_pairs(smallest=1e-9))
def test_cross_entropy_is_entropy_plus_divergence(pair):
    p, q = pair
    total = cross_entropy_one_hot(q, p)
    assert_allclose(total, entropy(p) + kl_divergence(p, q), rtol=1e-12, atol=1e-13)
    assert_allclose(kl_divergence(p, q), scipy.stats.entropy(p, q), rtol=1e-9, atol=1e-13)


def test_divergence_of_close_distributions_keeps_its_digits():
    p, step = np.array([0.5, 0.5]), 2.0**-30
    q = p + np.array([step, -step])
    assert_allclose(kl_divergence(p, q), 2 * step**2, rtol=1e-8)
    assert np.sum(p * np.log(p / q)) < 0  # what the plain sum makes of it


@pytest.mark.filterwarnings("error")
def test_divergence_at_its_ends():
    assert kl_divergence([0.5, 0.5], [1.0, 0.0]) == np.inf
    assert_allclose(kl_divergence([1.0, 0.0], [0.5, 0.5]), np.log(2), rtol=1e-15)
    assert_allclose(kl_divergence([1e-320, 1.0], [0.5, 0.5]), np.log(2), rtol=1e-15)
    assert_allclose(kl_divergence([[0.5, 0.5]] * 2, [[0.5, 0.5]] * 2), [0.0, 0.0])


# ---- units -----------------------------------------------------------------------------


@pytest.mark.claim("def-perplexity")
@given(models_and_texts())
def test_perplexity_is_the_inverse_geometric_mean_of_the_probabilities(case):
    for p in case[0]:
        right = np.take_along_axis(p, case[1][:, None], 1)
        geometric_mean = scipy.stats.gmean(right, axis=None)
        assert_allclose(perplexity(cross_entropy(p, case[1])), 1 / geometric_mean, rtol=1e-11)


@pytest.mark.claim("rem-averages")
def test_perplexity_of_losses_one_and_five():
    losses = np.array([1.0, 5.0])
    assert round(float(perplexity(losses.mean())), 1) == 20.1
    assert round(float(perplexity(losses).mean()), 1) == 75.6


@pytest.mark.claim("rem-averages")
@given(st.lists(st.lists(st.floats(0, 9), min_size=1, max_size=5), min_size=2, max_size=4))
def test_mean_of_batch_means_is_the_token_mean_only_by_luck(batches):
    assume(len({len(batch) for batch in batches}) > 1)
    token_mean = np.mean([loss for batch in batches for loss in batch])
    weights = [len(batch) for batch in batches]
    means = [np.mean(batch) for batch in batches]
    assert_allclose(np.average(means, weights=weights), token_mean, rtol=1e-12, atol=1e-12)
    gap = np.mean(means) - token_mean
    covariance = np.cov(weights, means, bias=True)[0, 1]
    assert_allclose(gap, -covariance / np.mean(weights), rtol=1e-9, atol=1e-9)


@pytest.mark.claim("rem-tokenizer")
def test_perplexity_depends_on_the_tokenizer_and_bits_per_character_do_not():
    whole, pieces = np.log([4.0]), np.log([2.0, 2.0])  # "ladra" in one token, or in two
    assert_allclose(perplexity(whole.mean()), 4.0)
    assert_allclose(perplexity(pieces.mean()), 2.0)
    assert_allclose(bits(whole.sum()) / 5, 0.4)
    assert_allclose(bits(pieces.sum()) / 5, 0.4)


def ways_to_cut(text, tokens):
    """All lists of tokens that spell the text."""
    if not text:
        return [[]]
    return [
        [token, *rest]
        for token in tokens
        if text.startswith(token)
        for rest in ways_to_cut(text[len(token) :], tokens)
    ]


@pytest.mark.claim("rem-tokenizer")
@given(st.integers(0, 2**31), st.text("ab", min_size=1, max_size=6))
def test_the_loss_of_one_cut_bounds_that_of_the_characters(seed, text):
    tokens = ["a", "b", "ab", "ba", "aab", "c"]
    random = np.random.default_rng(seed)
    table = random.dirichlet(np.ones(len(tokens)), size=len(tokens) + 1)  # after each, and first
    ids = [[tokens.index(token) for token in cut] for cut in ways_to_cut(text, tokens)]
    losses = [cross_entropy(table[[-1, *i[:-1]]], i, reduction="sum") for i in ids]
    of_characters = -np.log(np.exp(-np.array(losses)).sum())
    assert of_characters >= -1e-12  # the cuts exclude each other: a probability
    assert min(losses) >= of_characters - 1e-12
    assert len(ids) == 1 or min(losses) > of_characters


def test_perplexity_takes_every_loss_that_the_package_gives():
    loss = cross_entropy(np.array([1.0000001, 0.0], np.float32), 0)
    assert loss < 0  # the row was rounded upwards
    assert_allclose(perplexity(loss), 1.0, rtol=1e-6)


def test_units_at_their_ends():
    assert perplexity(0.0) == 1.0
    assert perplexity(np.inf) == np.inf
    assert perplexity(1000.0) == np.inf
    assert_allclose(bits(np.log(8.0)), 3.0, rtol=1e-15)
    assert_allclose(perplexity(np.log([2.0, 50_000.0])), [2, 50_000], rtol=1e-14)


# ---- the floor that a corpus sets ------------------------------------------------------


@pytest.mark.claim("prop-mle")
@given(TEXTS, LENGTHS, st.integers(0, 2**31))
def test_no_model_of_the_context_beats_the_relative_frequencies(text, length, seed):
    estimate = empirical_next_word(text, 4, length)
    floor = empirical_conditional_entropy(text, 4, length)
    contexts = [tuple(text[t - length : t].tolist()) for t in range(length, text.size)]
    own = cross_entropy([estimate[c] for c in contexts], text[length:])
    assert_allclose(own, floor, rtol=1e-12, atol=1e-14)
    random = np.random.default_rng(seed)
    rival = {context: random.dirichlet(np.ones(4)) for context in estimate}
    assert cross_entropy([rival[c] for c in contexts], text[length:]) >= floor - 1e-12


@pytest.mark.claim("prop-mle")
@given(TEXTS, st.integers(0, 2**31))
def test_a_text_says_nothing_of_the_contexts_that_do_not_occur_in_it(text, seed):
    random = np.random.default_rng(seed)
    one, other = random.dirichlet(np.ones(5), size=(2, 5))  # the word 4 occurs in no text
    occurring = np.isin(np.arange(5), text[:-1])
    other = np.where(occurring[:, None], one, other)
    assert_allclose(one[occurring], other[occurring])
    assert not np.allclose(one, other)
    losses = [cross_entropy(table[text[:-1]], text[1:]) for table in (one, other)]
    assert losses[0] == losses[1]


@given(TEXTS, LENGTHS)
def test_counts_are_those_of_a_counter(text, length):
    counts = next_word_counts(text, 4, length)
    windows = Counter(tuple(text[t - length : t + 1].tolist()) for t in range(length, text.size))
    ours = {(*c, w): int(row[w]) for c, row in counts.items() for w in np.flatnonzero(row)}
    assert ours == windows
    assert sum(row.sum() for row in counts.values()) == text.size - length


@pytest.mark.claim("ex-floor")
def test_floor_of_the_chapters_text():
    sentences = ["o cão ladra ."] * 2 + ["o sol brilha forte .", "o cão ladra forte ."]
    text = " ".join([*sentences, "o cão ladra ."]).split()
    words = sorted(set(text))
    tokens = [words.index(word) for word in text]
    floor = empirical_conditional_entropy(tokens, len(words), 1)
    by_hand = 5 / 21 * entropy([4 / 5, 1 / 5]) + 4 / 21 * entropy([3 / 4, 1 / 4])
    assert_allclose(floor, by_hand, rtol=1e-14)
    assert round(float(floor), 3) == 0.226


def test_floor_of_a_hand_computed_text():
    text = [0, 1, 0, 2, 0, 1, 0]  # after 0: 1, 2, 1; after 1 and 2: 0
    assert_allclose(empirical_next_word(text, 3, 1)[(0,)], [0, 2 / 3, 1 / 3], rtol=1e-15)
    by_hand = (3 / 6) * (math.log(3) - (2 / 3) * math.log(2))  # the certain contexts add 0
    assert_allclose(empirical_conditional_entropy(text, 3, 1), by_hand, rtol=1e-15)
    unigram = entropy(np.array([4, 2, 1]) / 7)
    assert_allclose(empirical_conditional_entropy(text, 3, 0), unigram, rtol=1e-15)
    assert empirical_conditional_entropy(text, 3, 2) == 0.0  # two words decide the next here


# ---- errors ----------------------------------------------------------------------------


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"row sums of p must be 1"):
        entropy([0.5, 0.4])
    with pytest.raises(ValueError, match=r"q must have the shape \(2,\) of p, got \(3,\)"):
        kl_divergence([0.5, 0.5], [0.5, 0.5, 0.0])
    with pytest.raises(ValueError, match=r"row sums of q must be 1"):
        kl_divergence([0.5, 0.5], [0.5, 0.4])
    with pytest.raises(ValueError, match=r"mean_loss must be at least 0, got -0\.5"):
        perplexity(-0.5)
    with pytest.raises(ValueError, match="mean_loss must be at least 0, got nan"):
        perplexity(np.nan)
    with pytest.raises(TypeError, match="nats must hold real numbers"):
        bits("1.0")
    with pytest.raises(ValueError, match=r"tokens must be one sequence of more than.*= 3 words"):
        next_word_counts([0, 1, 0], 2, 3)
    with pytest.raises(ValueError, match=r"tokens must be one sequence.* shape \(1, 2\)"):
        next_word_counts([[0, 1]], 2, 0)
    with pytest.raises(ValueError, match=r"tokens must be word ids in \[0, 2\), got 2"):
        empirical_next_word([0, 2], 2, 0)
    with pytest.raises(ValueError, match="context_length must be at least 0, got -1"):
        empirical_conditional_entropy([0, 1], 2, -1)
    with pytest.raises(TypeError, match=r"context_length must be an integer, got 1\.0"):
        empirical_conditional_entropy([0, 1], 2, 1.0)
