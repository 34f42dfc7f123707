"""Chapter 11: luck, optimism, regret on every text, and how sure a held-out loss is."""

import itertools
import math
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose
from strategies import distributions

from nwp.equivalence import empirical_conditional_entropy, entropy, kl_divergence
from nwp.generalization import (
    expected_estimation_error,
    expected_optimism,
    interval,
    online_losses,
    power_law,
    regret,
    standard_error,
    student_factor,
    worst_regret,
)

STRENGTHS = st.floats(0.5, 3.0)
POSITIVE = distributions(smallest=0.01)


def texts(size, length):
    return list(itertools.product(range(size), repeat=length))


def probabilities(model, sequences):
    """Of each text: the product of what a model, text so far → distribution, gives its words."""
    return np.array([math.prod(model[w[:t]][w[t]] for t in range(len(w))) for w in sequences])


@st.composite
def two_models(draw, length=4):
    """Two distributions over texts, word by word, each with its own after every beginning."""
    size = draw(st.integers(2, 3))
    random = np.random.default_rng(draw(st.integers(0, 2**31)))
    beginnings = [w for t in range(length) for w in texts(size, t)]
    sharp = draw(st.sampled_from([0.1, 1.0]))  # at 0.1 many words are next to impossible
    drawn = random.dirichlet(np.full(size, sharp), size=(2, len(beginnings)))
    drawn[0, random.integers(len(beginnings))] = np.eye(size)[0]  # impossible in truth
    return size, [dict(zip(beginnings, rows, strict=True)) for rows in drawn]


# ---- expectation and sample ------------------------------------------------------------


@pytest.mark.claim("def-held-out")
@pytest.mark.claim("prop-held-out")
@given(two_models(length=3), st.floats(0, 1))
def test_the_mean_of_the_held_out_loss_is_the_expected_loss_and_perplexity_is_above(case, mixing):
    size, (truth, model) = case
    every = texts(size, 3)
    p, q = probabilities(truth, every), probabilities(model, every)
    q = (1 - mixing) * q + mixing / len(every)
    if (q[p > 0] < 1e-300).any():
        return
    losses = -np.log(q[p > 0]) / 3  # of each held-out text, per word
    expected = p[p > 0] @ losses
    divergence = kl_divergence(p, q / q.sum())
    assert_allclose(expected, (entropy(p) + divergence) / 3, rtol=1e-6, atol=1e-9)
    assert p[p > 0] @ np.exp(losses) >= np.exp(expected) * (1 - 1e-12)


@pytest.mark.claim("def-held-out")
def test_the_best_of_many_is_no_longer_measured_on_held_out_text():
    random = np.random.default_rng(0)
    losses = random.exponential(size=(300, 20, 100))  # texts, models of loss 1, words
    means = losses.mean(axis=-1)
    assert_allclose(means.mean(), 1, atol=0.005)
    assert means.min(axis=1).mean() < 0.85  # the best, on the text that chose it


# ---- no model beats the truth by luck --------------------------------------------------


@pytest.mark.claim("thm-luck")
@given(two_models(), st.floats(0.01, 6))
def test_no_model_beats_the_truth_by_luck(case, k):
    size, (truth, model) = case
    every = texts(size, 4)
    p, q = probabilities(truth, every), probabilities(model, every)
    beaten = (p > 0) & (q >= math.exp(k) * p)
    assert p[beaten].sum() <= math.exp(-k) * (1 + 1e-9)
    ever = beaten.copy()  # at the end or at any beginning before
    for t in range(1, 4):
        of = [w[:t] for w in every]
        p_t, q_t = probabilities(truth, of), probabilities(model, of)
        ever |= (p_t > 0) & (q_t >= math.exp(k) * p_t)
    assert p[ever].sum() <= math.exp(-k) * (1 + 1e-9)


@pytest.mark.claim("thm-luck")
@given(distributions(smallest=0.01).filter(lambda p: p.size > 1), st.data())
def test_the_bound_is_reached(p, data):
    chosen = np.zeros(p.size, bool)
    chosen[data.draw(st.lists(st.integers(0, p.size - 1), min_size=1, unique=True))] = True
    share = p[chosen].sum()
    q = np.where(chosen, p / share, 0)  # the truth, given that it is one of these texts
    k = -math.log(share)
    beaten = q >= math.exp(k) * p * (1 - 1e-9)
    assert_allclose(p[beaten].sum(), math.exp(-k), rtol=1e-9)


@pytest.mark.claim("thm-luck")
@given(st.lists(st.integers(0, 1), min_size=1, max_size=30))
def test_a_model_made_from_the_text_beats_every_truth(text):
    counts = np.bincount(text, minlength=2)
    own = len(text) * entropy(counts / len(text))
    assert own <= len(text) * math.log(2) + 1e-9  # the truth: a fair coin


@pytest.mark.claim("cor-long-run")
@given(two_models())
def test_the_largest_lead_is_at_most_one_nat_in_the_mean(case):
    size, (truth, model) = case
    every = texts(size, 4)
    chances = probabilities(truth, every)
    largest = np.zeros(len(every))
    for t in range(1, 5):
        of = [w[:t] for w in every]
        p, q = probabilities(truth, of), probabilities(model, of)
        possible = (p > 0) & (q > 0)
        lead = np.log(np.divide(q, p, out=np.ones_like(q), where=possible))
        largest = np.maximum(largest, lead)
    assert chances @ largest <= 1 + 1e-9


@pytest.mark.claim("cor-long-run")
def test_in_the_long_run_no_fixed_model_has_the_smaller_loss():
    random = np.random.default_rng(0)
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.48, 0.3, 0.22])
    words = random.choice(3, size=(200, 4000), p=p)
    lead = np.cumsum(np.log(q[words]) - np.log(p[words]), axis=1)
    assert (lead[:, 9] > 0).mean() > 0.3  # at first the worse model is often ahead
    assert (lead[:, 2000:] < 0).mean() > 0.8
    largest = np.maximum(lead.max(axis=1), 0)  # nearly exponential, with the mean 1
    assert largest.mean() <= 1 + 4 * largest.std() / math.sqrt(200)
    assert_allclose(lead[:, -1].mean() / 4000, -kl_divergence(p, q), atol=2e-4)


# ---- counting, in the mean -------------------------------------------------------------


@given(POSITIVE, st.integers(1, 5), st.floats(0.1, 2))
@settings(max_examples=40)
def test_expectations_over_all_texts(p, n, alpha):
    every = np.array(texts(p.size, n)) if p.size**n <= 800 else None
    if every is None:
        return
    weight = p[every].prod(axis=1)
    counts = (every[:, :, None] == np.arange(p.size)).sum(axis=1)
    rows = np.tile(p, (len(every), 1))
    assert_allclose(
        expected_optimism(p, n), weight @ kl_divergence(counts / n, rows), rtol=1e-8, atol=1e-12
    )
    smoothed = (counts + alpha) / (n + alpha * p.size)
    assert_allclose(
        expected_estimation_error(p, n, alpha),
        weight @ kl_divergence(rows, smoothed),
        rtol=1e-8,
        atol=1e-12,
    )


@pytest.mark.claim("thm-optimism")
@given(POSITIVE, st.integers(1, 300))
def test_optimism_lies_between_its_bounds(p, n):
    size, inverse = p.size, (1 / p).sum()
    found = expected_optimism(p, n)
    assert -1e-12 <= found <= math.log1p((size - 1) / n) + 1e-12
    gap = found - (size - 1) / (2 * n)
    assert -inverse / (6 * n**2) - 1e-12 <= gap
    assert gap <= inverse / n**2 + (p**-2.0).sum() / (3 * n**3) + 1e-12


@pytest.mark.claim("thm-optimism")
@given(distributions(), st.lists(st.integers(0, 6), min_size=1, max_size=7))
def test_a_texts_own_counts_are_ahead_of_the_truth_by_a_divergence(p, times):
    counts = np.array(times[: p.size] + [0] * (p.size - len(times)))
    if not counts.sum() or (p[counts > 0] == 0).any():
        return
    shares = counts / counts.sum()
    of_truth = -(shares[counts > 0] @ np.log(p[counts > 0]))
    assert_allclose(of_truth - entropy(shares), kl_divergence(shares, p), rtol=1e-7, atol=1e-9)


@pytest.mark.claim("thm-optimism")
@given(st.floats(-1, 1e6))
def test_the_remainder_of_the_proof_lies_between_0_and_a_third_of_the_fourth_power(x):
    u = 1 + x
    phi = u * math.log(u) - u + 1 if u > 0 else 1.0
    rest = phi - x**2 / 2 + x**3 / 6
    slack = 1e-9 * (1 + abs(x) ** 3)
    assert -slack <= rest <= x**4 / 3 + slack


@pytest.mark.claim("thm-optimism")
def test_the_second_order_and_where_the_first_fails():
    p = np.array([0.5, 0.3, 0.2])
    n = 20_000
    second = (expected_optimism(p, n) - 2 / (2 * n)) * n**2
    assert_allclose(second, ((1 / p).sum() - 1) / 12, rtol=1e-3)
    many = np.full(1000, 0.001)
    assert expected_optimism(many, 100) < 0.6 * 999 / 200  # words that are mostly unseen


@pytest.mark.claim("prop-estimation")
@given(POSITIVE.filter(lambda p: p.min() > 0.03), st.floats(0.1, 2))
@settings(max_examples=30)
def test_the_estimation_error_has_the_same_first_order_for_every_strength(p, alpha):
    first = [
        (expected_estimation_error(p, n, alpha) - (p.size - 1) / (2 * n)) * n**2
        for n in (2_000, 4_000)
    ]
    assert abs(first[0]) < 40 / p.min() ** 2  # so the difference is of the order of 1/n²
    assert_allclose(first[0], first[1], rtol=0.2, atol=1.0)


@pytest.mark.claim("prop-estimation")
@given(POSITIVE, st.integers(1, 50))
def test_without_smoothing_the_expectation_is_infinite(p, n):
    found = expected_estimation_error(p, n, 0)
    assert found == (math.inf if p.size > 1 else 0.0)
    assert (1 - p.min()) ** n > 0 or p.size == 1  # the word may be missing


def test_words_that_cannot_come():
    p = [0.5, 0.5, 0.0]
    assert_allclose(expected_optimism(p, 7), expected_optimism([0.5, 0.5], 7), rtol=1e-12)
    q = np.array([(np.array([k, 1 - k, 0]) + 1) / 4 for k in (0, 1)])
    assert_allclose(expected_estimation_error(p, 1, 1), kl_divergence([p, p], q).mean(), rtol=1e-12)
    assert expected_estimation_error([1.0, 0.0], 3, 0) == 0.0
    assert expected_estimation_error([1.0, 0.0], 0, 0) == math.inf
    assert_allclose(expected_estimation_error([0.25] * 4, 0, 1), 0, atol=1e-15)
    assert expected_optimism([1.0], 5) == 0.0


# ---- counting, on every text -----------------------------------------------------------


@cache
def exact_online(text, size, alpha):
    """The probability of a text under the online counts, as a fraction."""
    if not text:
        return Fraction(1)
    *before, word = text
    share = (before.count(word) + alpha) / (len(before) + alpha * size)
    return exact_online(text[:-1], size, alpha) * share


@cache
def exact_own(counts):
    """The probability of a text under the shares of its own words, as a fraction."""
    return math.prod(Fraction(k, sum(counts)) ** k for k in counts)


@pytest.mark.claim("thm-regret")
@pytest.mark.parametrize(("size", "longest"), [(2, 10), (3, 7), (4, 5)])
@pytest.mark.parametrize("alpha", [Fraction(1, 2), Fraction(1)])
def test_the_bounds_hold_for_every_short_text(size, longest, alpha):
    for n in range(1, longest + 1):
        seen, regrets, ahead = [], [], []
        for text in texts(size, n):
            counts = np.bincount(text, minlength=size)
            own = exact_own(tuple(counts.tolist()))
            found = math.log(own / exact_online(text, size, alpha))
            regrets.append(regret(counts, float(alpha)))
            losses = online_losses(text, size, float(alpha))
            ahead.append(losses.sum() - n * entropy(counts / n))
            seen.append((found, max(counts) == n))
        found = [one for one, _ in seen]
        assert_allclose(regrets, found, atol=1e-12)
        assert_allclose(ahead, found, atol=1e-12)
        assert_allclose(max(seen)[0], worst_regret(n, size, float(alpha)), atol=1e-12)
        assert max(seen)[1] or n == 1
    bound = (
        (size - 1) * math.log(1 + n)
        if alpha == 1
        else (size - 1) / 2 * math.log(n) + math.log(size)
    )
    assert worst_regret(n, size, float(alpha)) <= bound + 1e-12


@pytest.mark.claim("thm-regret")
@given(hnp.arrays(np.int64, st.integers(1, 6), elements=st.integers(0, 40)), STRENGTHS)
def test_no_text_is_worse_than_one_word_repeated(counts, alpha):
    n, size = int(counts.sum()), len(counts)
    assert regret(counts, alpha) >= -1e-9  # the online counts are a mixture of fixed ones
    assert regret(counts, alpha) <= worst_regret(n, size, alpha) + 1e-9
    if n:
        half, one = worst_regret(n, size, 0.5), worst_regret(n, size, 1)
        assert half <= (size - 1) / 2 * math.log(n) + math.log(size) + 1e-9
        assert_allclose(one, math.log(math.comb(n + size - 1, size - 1)), atol=1e-8)
        assert one <= (size - 1) * math.log(n + 1) + 1e-9


@pytest.mark.claim("thm-regret")
@given(hnp.arrays(np.int64, st.integers(3, 40), elements=st.integers(0, 2)), st.integers(0, 2))
def test_with_contexts_the_regrets_add_up(tokens, k):
    alpha = 0.5
    online = online_losses(tokens, 3, alpha, k)
    assert len(online) == len(tokens) - k
    floor = len(online) * empirical_conditional_entropy(tokens, 3, k)
    counts = {}
    for t in range(k, len(tokens)):
        row = counts.setdefault(tuple(tokens[t - k : t]), np.zeros(3))
        row[tokens[t]] += 1
    expected = sum(regret(row, alpha) for row in counts.values())
    assert_allclose(online.sum() - floor, expected, atol=1e-9)
    assert expected <= sum(worst_regret(int(row.sum()), 3, alpha) for row in counts.values()) + 1e-9


@pytest.mark.claim("thm-regret")
def test_below_one_half_another_text_is_worse():
    n, alpha = 40, 0.25
    repeated, mixed = regret([n, 0], alpha), regret([n // 2, n // 2], alpha)
    assert mixed > repeated + 0.3
    with pytest.raises(ValueError, match=r"strength must be at least 0.5 .*got 0.25"):
        worst_regret(n, 2, alpha)


def test_empty_and_one_word_texts():
    assert regret([0, 0], 1) == 0.0
    assert worst_regret(0, 5, 1) == 0.0
    assert_allclose(online_losses([2], 3, 1), [math.log(3)])
    with pytest.raises(ValueError, match=r"counts must be .* whole numbers"):
        regret([1.5, 0], 1)
    with pytest.raises(ValueError, match=r"tokens must be \(T,\), T above 2"):
        online_losses([0, 1], 2, 1, 2)


# ---- how sure a held-out loss is -------------------------------------------------------


@st.composite
def covariances(draw):
    blocks = draw(st.integers(2, 6))
    factor = draw(hnp.arrays(np.float64, (blocks, blocks), elements=st.floats(-2, 2)))
    return factor @ factor.T


@pytest.mark.claim("prop-batch-means")
@given(covariances())
def test_the_squared_error_is_short_by_the_mean_covariance_of_two_blocks(covariance):
    b = len(covariance)
    of_mean = covariance.sum() / b**2
    # E s² for means with a common expectation: a quadratic form, so its mean is a trace.
    centered = np.eye(b) - 1 / b
    expected = np.trace(centered @ covariance) / (b - 1) / b
    apart = (covariance.sum() - np.trace(covariance)) / (b * (b - 1))
    assert_allclose(of_mean, expected + apart, rtol=1e-9, atol=1e-9)


@pytest.mark.claim("prop-batch-means")
def test_intervals_cover_as_often_as_they_say_where_blocks_are_independent():
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        low, high = interval(random.exponential(size=320), level=0.9)
        covered += low <= 1 <= high
    assert abs(covered / 2000 - 0.9) < 0.03


@given(st.integers(1, 200), st.floats(0.01, 0.999))
def test_student_factor_is_the_quantile(degrees, level):
    expected = scipy.stats.t.ppf((1 + level) / 2, degrees)
    assert_allclose(student_factor(degrees, level), expected, rtol=1e-4)


@given(st.lists(st.floats(-9, 9), min_size=4, max_size=40), st.integers(2, 4))
def test_interval_is_around_the_mean_and_grows_with_the_level(losses, blocks):
    low, high = interval(losses, blocks=blocks)
    lower, higher = interval(losses, blocks=blocks, level=0.99)
    assert_allclose((low + high) / 2, np.mean(losses), atol=1e-12)
    half = student_factor(blocks - 1) * standard_error(losses, blocks=blocks)
    assert_allclose((high - low) / 2, half, atol=1e-12)
    assert lower <= low <= high <= higher


def test_an_interval_needs_a_loss_for_each_block():
    with pytest.raises(ValueError, match="losses must be at least 16, one a block, got 3"):
        interval([1.0, 2.0, 3.0])


# ---- the learning curve ----------------------------------------------------------------


@given(st.floats(0, 2), st.floats(0.1, 9), st.floats(0.05, 1))
def test_a_power_law_is_found_again(offset, scale, exponent):
    sizes = np.array([1e3, 1e4, 1e5, 1e6])
    found = power_law(sizes, offset + scale * sizes**-exponent, offset)
    assert_allclose((found.scale, found.exponent), (scale, exponent), rtol=1e-4)
    assert found.offset == offset
    assert found.misfit < 1e-6


def test_a_power_law_needs_room_above_its_offset():
    with pytest.raises(ValueError, match=r"offset must be below every loss, the least 1.0"):
        power_law([1, 2], [2.0, 1.0], 1.0)
    with pytest.raises(ValueError, match=r"sizes must be \(n,\) different numbers above 0"):
        power_law([3, 3], [2.0, 1.0], 0.0)
