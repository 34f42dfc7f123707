"""Chapter 10: proper costs, Bregman divergences, calibration, label smoothing."""

from itertools import pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from strategies import distribution_pairs, distributions, logits, with_word

from nwp.convexity import hessian_in_logits
from nwp.derivative import gradient_wrt_logits
from nwp.equivalence import entropy, kl_divergence
from nwp.loss import cross_entropy, cross_entropy_from_logits, one_hot, softmax
from nwp.scoring import (
    bregman_divergence,
    brier_cost,
    fit_temperature,
    linear_cost,
    log_cost,
    mean_cost,
    reliability,
    smoothed_target,
    surprise_gap,
)
from nwp.weights import descend

SEEDS = st.integers(0, 2**31)
PROPER = {"log": log_cost, "Brier": brier_cost}


def regret(cost, p, q):
    return mean_cost(cost(q), p) - mean_cost(cost(p), p)


def positive_pair(seed, size=None):
    random = np.random.default_rng(seed)
    return random.dirichlet(np.ones(size or random.integers(2, 9)), size=2)


def log_sum_exp(z):
    return z.max() + np.log(np.exp(z - z.max()).sum())


# ---- proper costs ----------------------------------------------------------------------


@pytest.mark.claim("def-proper")
@pytest.mark.claim("prop-costs")
@given(distribution_pairs())
def test_the_regrets_are_divergence_and_squared_distance(pair):
    p, q = pair
    assert_allclose(regret(brier_cost, p, q), ((p - q) ** 2).sum(), atol=1e-12)
    if np.any((q == 0) & (p > 0)):
        assert mean_cost(log_cost(q), p) == np.inf
    else:
        assert_allclose(regret(log_cost, p, q), kl_divergence(p, q), rtol=1e-9, atol=1e-12)
    for cost in PROPER.values():
        assert not regret(cost, p, q) < -1e-12
        if np.abs(p - q).max() > 1e-3:
            assert regret(cost, p, q) > 0  # strictly


@pytest.mark.claim("prop-costs")
@given(distribution_pairs())
def test_the_linear_cost_is_least_exactly_on_the_modes(pair):
    p, q = pair
    assert_allclose(mean_cost(linear_cost(q), p), 1 - p @ q, atol=1e-14)
    least = 1 - p.max()
    assert mean_cost(linear_cost(q), p) >= least - 1e-12
    on_modes = q @ (p < p.max() - 1e-3)  # what q gives to words that are clearly less probable
    if on_modes > 1e-3:
        assert mean_cost(linear_cost(q), p) > least
    honest = mean_cost(linear_cost(p), p)
    assert (honest > least + 1e-12) == (p @ (p.max() - p) > 1e-12)


@pytest.mark.claim("ex-three-costs")
def test_three_costs_for_the_row_of_ladra():
    seen, thetas = [0.75, 0.25], np.arange(101) / 100
    reports = np.stack([thetas, 1 - thetas], axis=-1)
    means = {c: mean_cost(c(reports), seen) for c in (linear_cost, brier_cost, log_cost)}
    assert_allclose(means[linear_cost], 0.75 - 0.5 * thetas)
    assert_allclose(means[brier_cost], 2 * (thetas - 0.75) ** 2 + 0.375)
    assert [thetas[mean.argmin()] for mean in means.values()] == [1, 0.75, 0.75]
    assert means[linear_cost][[75, 100]].tolist() == [0.375, 0.25]
    assert round(means[log_cost][75], 3) == 0.562
    assert means[log_cost][100] == np.inf


def least_report(f, truth, steps=70):
    """Find the report that costs least in the mean among those in steps of 1/`steps`."""
    grid = [(i, j, steps - i - j) for i in range(1, steps - 1) for j in range(1, steps - i)]
    candidates = np.array(grid) / steps
    return candidates[(f(candidates) @ truth).argmin()]


@pytest.mark.claim("thm-local")
@given(SEEDS, st.floats(0.01, 10), st.integers(3, 8))
def test_a_logarithm_with_any_unit_and_offsets_is_proper_and_its_regret_is_known(seed, c, size):
    p, q = positive_pair(seed, size)
    offsets = np.random.default_rng(seed).normal(size=size)  # d_w
    difference = p @ (-c * np.log(q) + offsets) - p @ (-c * np.log(p) + offsets)
    assert_allclose(difference, c * kl_divergence(p, q), rtol=1e-7, atol=1e-10)


@pytest.mark.claim("thm-local")
@given(st.floats(0.05, 0.4), st.floats(0.05, 0.4), st.sampled_from(["square", "root", "line"]))
def test_of_other_local_costs_a_small_move_betrays_that_they_are_not_proper(x, y, name):
    f = {"square": lambda u: 2 * (1 - u) ** 2, "root": lambda u: -np.sqrt(u), "line": lambda u: -u}
    assume(abs(x - y) > 0.02)
    p = np.array([x, y, 1 - x - y])
    moved = [p + t * np.array([1, -1, 0]) for t in (1e-4, -1e-4)]
    assert min(f[name](q) @ p for q in moved) < f[name](p) @ p
    assert all(-np.log(q) @ p > -np.log(p) @ p for q in moved)


@pytest.mark.claim("thm-local")
@given(st.floats(0.02, 0.4), st.floats(0.02, 0.4), st.floats(0.001, 0.15))
def test_the_inequalities_behind_smoothness_hold_for_the_logarithm(x, y, t):
    a, b = np.log((x + t) / x), np.log((y + t) / y)  # A and B of the folded note
    assert y / (x + t) * b <= a + 1e-15
    assert a <= (y + t) / x * b + 1e-15


@pytest.mark.claim("prop-two-words")
@given(st.integers(1, 99), st.floats(-0.9, 0.9), st.sampled_from([1, 2, 3]))
def test_for_two_words_every_symmetric_function_makes_a_proper_cost(percent, bend, waves):
    grid = np.linspace(0.001, 0.999, 1997)  # 0.001, 0.0015, ...: every percent is on it
    g = 1 + bend * np.cos(2 * np.pi * waves * grid)  # positive, and g(x) = g(1 - x)
    slopes = -g / grid
    steps = np.diff(grid) * (slopes[1:] + slopes[:-1]) / 2
    f = np.concatenate([[0.0], np.cumsum(steps)])
    p = percent / 100
    best = grid[(p * f + (1 - p) * f[::-1]).argmin()]
    assert abs(best - p) <= 0.001


@pytest.mark.claim("prop-two-words")
def test_brier_for_two_words_is_local_and_for_three_its_formula_exaggerates():
    x = np.linspace(0, 1, 11)
    pairs = np.stack([x, 1 - x], axis=-1)
    assert_allclose(brier_cost(pairs)[:, 0], 2 * (1 - x) ** 2, atol=1e-15)
    truth = np.array([0.6, 0.2, 0.2])
    best = least_report(lambda q: 2 * (1 - q) ** 2, truth)
    assert_allclose(best, [5 / 7, 1 / 7, 1 / 7])
    slopes = -4 * truth * (1 - best)
    assert_allclose(slopes, slopes[0])  # equal: no direction within the simplex leads down
    assert_allclose(brier_cost([[0.5, 0.5, 0.0], [0.5, 0.25, 0.25]])[:, 0], [0.5, 0.375])


# ---- Bregman divergences ---------------------------------------------------------------

GENERATORS = {
    "log": (lambda p: p @ np.log(p), lambda p: np.log(p) + 1),
    "Brier": (lambda p: p @ p - 1, lambda p: 2 * p),
}


@pytest.mark.claim("thm-savage")
@given(SEEDS, st.sampled_from(sorted(GENERATORS)))
def test_a_proper_cost_is_read_off_the_tangents_of_its_convex_function(seed, name):
    (p, q), (function, gradient) = positive_pair(seed), GENERATORS[name]
    corners = np.eye(q.size)
    tangent = [-function(q) - gradient(q) @ (e - q) for e in corners]
    assert_allclose(tangent, PROPER[name](q), rtol=1e-9, atol=1e-12)
    gap = bregman_divergence(function, gradient, p, q)
    assert_allclose(gap, regret(PROPER[name], p, q), rtol=1e-7, atol=1e-9)
    assert_allclose(function(p), -mean_cost(PROPER[name](p), p), rtol=1e-9, atol=1e-12)


@pytest.mark.claim("thm-savage")
@given(SEEDS)
def test_a_kink_makes_a_cost_that_is_proper_but_not_strictly(seed):
    p, q = positive_pair(seed, 2)

    def cost(r):  # from G(r) = |r[0] - 1/2|, with the subgradient 0 at the kink
        slope = np.array([np.sign(r[0] - 0.5), 0.0])
        return np.array([-abs(r[0] - 0.5) - slope @ (e - r) for e in np.eye(2)])

    assert p @ cost(q) >= p @ cost(p) - 1e-15
    if (p[0] - 0.5) * (q[0] - 0.5) > 0:  # on one side G is straight: no regret
        assert_allclose(p @ cost(q), p @ cost(p), atol=1e-15)


@pytest.mark.claim("thm-expansion")
@given(logits(size=5, bound=10), logits(size=5, bound=10), SEEDS)
def test_value_slope_and_gap_make_the_loss_elsewhere(z, d, seed):
    y = np.random.default_rng(seed).dirichlet(np.ones(5))
    gap = kl_divergence(softmax(z), softmax(z + d))
    assert_allclose(gap, bregman_divergence(log_sum_exp, softmax, z + d, z), atol=1e-11)
    loss, moved = (log_sum_exp(at) - y @ at for at in (z, z + d))
    assert_allclose(moved, loss + (softmax(z) - y) @ d + gap, atol=1e-11)
    assert gap <= d @ d / 4 + 1e-12


@pytest.mark.claim("thm-expansion")
@given(logits(size=4, bound=3), SEEDS)
def test_fisher_information_is_the_hessian_and_half_the_divergence_of_a_small_step(z, seed):
    y_hat = softmax(z)
    scores = -np.stack([gradient_wrt_logits(z, w) for w in range(4)])
    assert_allclose(scores.T @ (y_hat[:, None] * scores), hessian_in_logits(z), atol=1e-15)
    d = np.random.default_rng(seed).normal(size=4)
    d *= 1e-3 / np.linalg.norm(d)
    half = d @ hessian_in_logits(z) @ d / 2
    assert abs(kl_divergence(y_hat, softmax(z + d)) - half) < np.linalg.norm(d) ** 3


@pytest.mark.claim("thm-expansion")
@given(with_word(logits(size=4, bound=5)))
def test_autograd_agrees_on_the_fisher_information(prediction):
    z, _ = prediction
    leaf = torch.tensor(z, requires_grad=True)
    logs = torch.log_softmax(leaf, dim=0)
    rows = [torch.autograd.grad(entry, leaf, retain_graph=True)[0] for entry in logs]
    fisher = sum(p.exp() * torch.outer(s, s) for p, s in zip(logs, rows, strict=True))
    assert_allclose(fisher.detach().numpy(), hessian_in_logits(z), atol=1e-14)


# ---- what an optimum matches -----------------------------------------------------------


def trained_layer(seed, examples=60, features=2, words=3):
    """Train U and b to the end by Newton's method, on words of which each context has all."""
    random = np.random.default_rng(seed)
    hidden = np.c_[random.normal(size=(examples, features)), np.ones(examples)]
    targets = random.dirichlet(np.full(words, 2.0), size=examples)  # positive: it is attained
    layer, size = np.zeros((words, features + 1)), words * (features + 1)
    for _ in range(40):
        predicted = softmax(hidden @ layer.T)
        curvature = predicted[:, :, None] * (np.eye(words) - predicted[:, None, :])
        hessian = np.einsum("nij,nk,nl->ikjl", curvature, hidden, hidden).reshape(size, size)
        gradient = ((predicted - targets).T @ hidden).ravel()
        layer = layer - (np.linalg.pinv(hessian) @ gradient).reshape(layer.shape)
    return hidden, targets, hidden @ layer.T


@pytest.mark.claim("prop-moments")
@given(SEEDS)
def test_at_an_optimum_moments_agree_and_the_loss_is_the_entropy(seed):
    hidden, targets, z = trained_layer(seed)
    predicted = softmax(z)
    assert_allclose(predicted.mean(axis=0), targets.mean(axis=0), atol=1e-10)
    assert_allclose(predicted.T @ hidden, targets.T @ hidden, atol=1e-8)
    losses = -(targets * np.log(predicted)).sum(axis=1)
    assert_allclose(losses.mean(), entropy(predicted).mean(), atol=1e-10)
    assert np.abs(predicted - targets).max() > 0.05  # and no single context need agree


@pytest.mark.claim("prop-moments")
@given(SEEDS)
def test_the_surprise_gap_is_loss_less_entropy(seed):
    random = np.random.default_rng(seed)
    z, w = random.normal(scale=3, size=(7, 5)), random.integers(5, size=7)
    difference = cross_entropy_from_logits(z, w) - entropy(softmax(z)).mean()
    assert_allclose(surprise_gap(z, w), difference, atol=1e-12)


@pytest.mark.claim("prop-max-entropy")
@given(SEEDS)
def test_other_predictions_with_the_same_moments_have_less_entropy(seed):
    hidden, targets, z = trained_layer(seed)
    predicted = softmax(z)
    noise = np.random.default_rng(seed).normal(size=predicted.shape)
    noise -= noise.mean(axis=1, keepdims=True)
    noise -= hidden @ (np.linalg.pinv(hidden) @ noise)
    other = predicted + 0.5 * predicted.min() / np.abs(noise).max() * noise
    for q in (other, targets):  # the targets have these moments, too
        assert_allclose(q.T @ hidden, targets.T @ hidden, atol=1e-8)
        drop = entropy(predicted).sum() - entropy(q).sum()
        assert drop > 0
        assert_allclose(drop, kl_divergence(q, predicted).sum(), rtol=1e-6)


# ---- calibration -----------------------------------------------------------------------


@pytest.mark.claim("def-calibrated")
@given(SEEDS, st.floats(0, 1), st.floats(0, 1))
def test_the_source_is_calibrated_and_so_is_the_marginal_of_each_position(seed, a, b):
    random = np.random.default_rng(seed)
    rows = random.dirichlet(np.ones(3), size=3)  # the next word's distribution after each word
    marginals = [rows[0] @ np.linalg.matrix_power(rows, t) for t in range(3)]
    excess = {"source": 0.0, "marginals": 0.0}
    for text in product(range(3), repeat=3):  # after the word 0; all of them: no sampling error
        path = (0, *text)
        chance = np.prod([rows[u, v] for u, v in pairwise(path)])
        for t, (u, v) in enumerate(pairwise(path)):
            for name, y_hat in [("source", rows[u]), ("marginals", marginals[t])]:
                inside = (y_hat >= min(a, b)) & (y_hat <= max(a, b))
                excess[name] += chance * ((np.arange(3) == v) - y_hat)[inside].sum()
    assert_allclose(list(excess.values()), 0, atol=1e-12)


@pytest.mark.claim("def-calibrated")
@pytest.mark.claim("cex-calibrated")
def test_a_coin_is_calibrated_on_a_source_that_alternates_and_loses_log_2():
    lines = np.array([(np.arange(9) + first) % 2 for first in (0, 1)])  # both texts, once each
    right = lines[:, 1:].ravel()
    coin = np.full((16, 2), 0.5)
    assert_array_equal(reliability(coin, right, [0, 0.4, 0.6, 1]).observed, [np.nan, 0.5, np.nan])
    knows = one_hot(1 - lines[:, :-1].ravel(), 2)
    assert_array_equal(reliability(knows, right, [0, 0.5, 1]).observed, [0, 1])
    assert_allclose(cross_entropy(coin, right), np.log(2))
    assert cross_entropy(knows, right) == 0


def two_step_source(random, texts, length):
    """Draw texts in which a word's distribution depends on the word before; return them, too."""
    rows = np.array(
        [[0.5, 0.3, 0.15, 0.05], [0.1, 0.1, 0.4, 0.4], [0.25] * 4, [0.7, 0.1, 0.1, 0.1]]
    )
    words = np.zeros((texts, length + 1), dtype=int)
    for t in range(length):
        uniform = random.random((texts, 1))
        words[:, t + 1] = (uniform > rows[words[:, t]].cumsum(axis=1)[:, :-1]).sum(axis=1)
    return rows[words[:, :-1]], words[:, 1:]


@pytest.mark.claim("prop-error-bars")
def test_the_standard_error_is_what_many_texts_show():
    predicted, words = two_step_source(np.random.default_rng(5), texts=4000, length=12)
    edges = [0.0, 0.12, 0.35, 1.0]
    points = [reliability(q, w, edges) for q, w in zip(predicted, words, strict=True)]
    hits = np.array(
        [p.size * (np.nan_to_num(p.observed) - np.nan_to_num(p.predicted)) for p in points]
    )
    variance = np.array([(p.size * np.nan_to_num(p.error)) ** 2 for p in points]).mean(axis=0)
    standard = np.sqrt(variance / 4000)
    assert np.all(np.abs(hits.mean(axis=0)) < 4 * standard)
    assert_allclose((hits**2).mean(axis=0), variance, rtol=0.1)
    independent = [
        (predicted * (1 - predicted) * ((predicted >= low) & (predicted < high))).sum() / 4000
        for low, high in pairwise(edges)
    ]
    assert np.all(independent > 1.05 * variance)  # the familiar one is too large


@pytest.mark.claim("prop-error-bars")
@given(distributions(size=6), st.floats(0, 1), st.floats(0, 1))
def test_the_words_of_one_position_exclude_each_other(y_hat, a, b):
    inside = y_hat[(y_hat >= min(a, b)) & (y_hat <= max(a, b))]
    s = inside.sum()
    assert s * (1 - s) <= (inside * (1 - inside)).sum() + 1e-12


@pytest.mark.claim("prop-temperature")
@given(SEEDS)
def test_at_the_best_temperature_loss_and_entropy_are_equal_and_no_other_is_better(seed):
    random = np.random.default_rng(seed)
    z = random.normal(scale=random.uniform(0.5, 4), size=(40, 5))
    w = np.array([random.choice(5, p=p) for p in softmax(0.5 * z)])
    means = z[np.arange(40), w].mean(), z.mean()
    assume(means[0] > means[1] + 0.05 and np.any(z.argmax(axis=1) != w))
    best = fit_temperature(z, w)
    assert abs(surprise_gap(z / best, w)) < 1e-9
    least = cross_entropy_from_logits(z / best, w)
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert cross_entropy_from_logits(z / (best * factor), w) > least
    assert_allclose(fit_temperature(3 * z, w), 3 * best, rtol=1e-9)


@pytest.mark.claim("prop-temperature")
def test_without_its_conditions_no_temperature_is_best():
    sure = np.array([[2.0, 0.0], [0.0, 1.0]])
    with pytest.raises(ValueError, match="T goes to 0"):
        fit_temperature(sure, [0, 1])
    losses = [cross_entropy_from_logits(sure / t, [0, 1]) for t in (1, 0.1, 0.01)]
    assert losses[0] > losses[1] > losses[2]
    with pytest.raises(ValueError, match=r"above that of all, 0\.75, got 0: .* infinite T"):
        fit_temperature(sure, [1, 0])
    losses = [cross_entropy_from_logits(sure / t, [1, 0]) for t in (1, 10, 1e6)]
    assert losses[0] > losses[1] > losses[2] > np.log(2)


def test_a_model_that_reports_three_times_its_logits_has_the_temperature_three():
    random = np.random.default_rng(1)
    z = random.normal(size=(20_000, 4))
    cumulative = softmax(z).cumsum(axis=1)[:, :-1]
    w = (random.random((20_000, 1)) > cumulative).sum(axis=1)
    assert abs(fit_temperature(3 * z, w) - 3) < 0.1


# ---- label smoothing -------------------------------------------------------------------


@pytest.mark.claim("prop-smoothing")
@given(SEEDS, st.floats(0.01, 1))
def test_the_smoothed_loss_is_least_at_the_smoothed_frequencies_alone(seed, epsilon):
    random = np.random.default_rng(seed)
    counts = random.multinomial(8, random.dirichlet(np.ones(6)))
    p = counts / counts.sum()
    target = smoothed_target(p, epsilon)
    words = np.repeat(np.arange(6), counts)  # the mean over occurrences, one by one

    def loss(z):
        each = smoothed_target(one_hot(words, 6), epsilon)
        return -(each @ np.log(softmax(z))).mean()

    best = np.log(target)
    assert_allclose(loss(best), entropy(target), rtol=1e-12)
    assert_allclose(loss(best + 5), loss(best), rtol=1e-12)  # up to a constant
    other = best + random.normal(size=6)
    assert_allclose(loss(other), entropy(target) + kl_divergence(target, softmax(other)))
    assert loss(other) > loss(best)
    if epsilon < 1:
        assert kl_divergence(p, target) <= -np.log(1 - epsilon) + 1e-12


@pytest.mark.claim("prop-smoothing")
def test_smoothing_is_not_proper():
    p = np.array([0.7, 0.2, 0.1])
    target = smoothed_target(p, 0.1)
    smoothed = [-(smoothed_target(np.eye(3), 0.1) @ np.log(q)) for q in (p, target)]
    assert p @ smoothed[1] < p @ smoothed[0]


@pytest.mark.claim("thm-log-growth")
@given(st.sampled_from([(3, 1), (1,), (2, 1, 1)]), st.integers(1, 3), st.floats(0.3, 3.5))
def test_logits_of_what_never_came_fall_behind_like_log_t(counts, never, rate):
    seen = np.repeat(np.arange(len(counts)), counts)
    size, s, steps = len(counts) + never, len(counts), 3000
    p = np.array(counts) / len(seen)
    z = np.zeros(size)
    target = np.append(p, np.zeros(never))
    for _ in range(steps):
        shares = np.exp(z)  # the logits stay small
        z = z - rate * (shares / shares.sum() - target)
    share = softmax(z)[-1]
    assert_allclose(steps * share, s / (rate * size), rtol=0.02)
    leads = z[:s] - z[-1] - np.log(steps)
    assert_allclose(leads, np.log(rate * size * p / s), atol=0.02)


@pytest.mark.claim("thm-log-growth")
def test_it_is_the_descent_of_chapter_4():
    contexts, targets = np.zeros(4, dtype=int), np.array([0, 0, 0, 1])
    tables = descend(np.zeros((1, 7)), contexts, targets, 1.0, 300)
    z = np.zeros(7)
    for _ in range(300):
        z = z - (softmax(z) - [0.75, 0.25, 0, 0, 0, 0, 0])
    assert_allclose(tables[-1, 0], z, atol=1e-12)
    assert abs(300 * softmax(z)[-1] - 2 / 7) < 0.01


# ---- ends and errors -------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
def test_costs_at_their_ends():
    assert log_cost([1.0, 0.0]).tolist() == [0.0, np.inf]
    assert str(log_cost([1.0, 0.0])[0]) == "0.0"
    assert brier_cost([1.0, 0.0]).tolist() == [0.0, 2.0]
    assert linear_cost([1.0, 0.0]).tolist() == [0.0, 1.0]
    assert mean_cost(log_cost([1.0, 0.0]), [1.0, 0.0]) == 0.0  # 0 · inf is 0
    assert mean_cost(np.ones((3, 2)), [0.5, 0.5]).tolist() == [1, 1, 1]
    assert smoothed_target([1.0, 0.0], 0).tolist() == [1, 0]
    assert smoothed_target([1.0, 0.0], 1).tolist() == [0.5, 0.5]


@given(with_word(distributions()))
def test_a_word_costs_what_chapter_1_says(prediction):
    q, w = prediction
    assert log_cost(q)[w] == cross_entropy(q, w)
    assert_allclose(brier_cost(q)[w], ((q - one_hot(w, q.size)) ** 2).sum(), atol=1e-14)
    assert linear_cost(q)[w] == 1 - q[w]


@pytest.mark.filterwarnings("error")
def test_reliability_by_hand_and_at_its_ends():
    rows = [[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]]
    points = reliability(rows, [1, 2], [0, 0.25, 0.5, 1])
    assert points.size.tolist() == [2, 2, 2]
    assert_allclose(points.predicted, [0.125, 0.25, 0.625])
    assert_allclose(points.observed, [0, 0.5, 0.5])  # a border belongs to the interval above
    assert_allclose(points.error, np.sqrt([0.25 * 0.75, 0.5 * 0.5, 0.25 + 0.75 * 0.25]) / 2)
    sure = reliability([[1.0, 0.0]], [0], [0, 0.5, 0.9, 1])
    assert_array_equal(sure.observed, [0, np.nan, 1])  # 1 belongs to the last interval
    assert_array_equal(sure.error, [0, np.nan, 0])
    rounded = reliability([[0.5 + 4e-7, 0.5]], [0], [0, 1])  # a sum above 1 within the tolerance
    assert rounded.error.tolist() == [0]


def test_a_bregman_divergence_by_hand():
    assert bregman_divergence(lambda x: x @ x, lambda x: 2 * x, [3.0, 0.0], [1.0, 1.0]) == 5
    log = bregman_divergence(log_sum_exp, softmax, [1.0, 0.0], [0.0, 0.0])
    assert_allclose(log, np.log(1 + np.e) - np.log(2) - 0.5)


def test_bad_input_is_named():
    square, slope = (lambda x: x @ x), (lambda x: 2 * x)
    with pytest.raises(ValueError, match="row sums of probabilities must be 1"):
        log_cost([0.5, 0.6])
    with pytest.raises(ValueError, match="probabilities must be non-negative"):
        brier_cost([1.5, -0.5])
    with pytest.raises(ValueError, match="probabilities must be numbers, got nan"):
        linear_cost([np.nan, 1.0])
    with pytest.raises(
        ValueError, match=r"truth must have the words of costs \(3,\), got .*\(2,\)"
    ):
        mean_cost([1.0, 2.0, 3.0], [0.5, 0.5])
    with pytest.raises(ValueError, match=r"truth must go with costs \(3, 2\), got shape \(4, 2\)"):
        mean_cost(np.ones((3, 2)), np.full((4, 2), 0.5))
    with pytest.raises(ValueError, match="costs must be numbers, got nan"):
        mean_cost([np.nan, 1.0], [0.5, 0.5])
    with pytest.raises(ValueError, match=r"point must have the shape \(2,\) of base, got \(3,\)"):
        bregman_divergence(square, slope, [1.0, 2.0, 3.0], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"value of gradient must have the shape \(2,\) of base"):
        bregman_divergence(square, lambda x: 1.0, [1.0, 2.0], [1.0, 2.0])
    with pytest.raises(
        ValueError, match=r"values of function must have the shape \(\) of a number"
    ):
        bregman_divergence(slope, slope, [1.0, 2.0], [1.0, 2.0])
    with pytest.raises(TypeError, match="gradient must be a function, got 2"):
        bregman_divergence(square, 2, [1.0], [1.0])
    with pytest.raises(ValueError, match=r"probabilities must have the shape \(N, V\), got \(2,\)"):
        reliability([0.5, 0.5], 0, [0, 1])
    for edges in ([0.0, 0.5], [0.1, 1.0], [0, 0.5, 0.5, 1], [[0, 1]], [0.0]):
        with pytest.raises(
            ValueError, match="edges must be a list of numbers that rise from 0 to 1"
        ):
            reliability([[0.5, 0.5]], [0], edges)
    with pytest.raises(ValueError, match=r"logits must be finite, got -inf"):
        surprise_gap([[0.0, -np.inf]], [0])
    with pytest.raises(ValueError, match=r"logits must have the shape \(N, V\), N at least 1"):
        surprise_gap(np.zeros((0, 3)), [])
    with pytest.raises(ValueError, match=r"targets must be word ids in \[0, 2\), got 4"):
        fit_temperature([[0.0, 1.0]], [4])
    with pytest.raises(ValueError, match=r"epsilon must be at least 0 and at most 1, got 1\.5"):
        smoothed_target([1.0, 0.0], 1.5)
