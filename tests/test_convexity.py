"""Theorem D2.1: convex in the probabilities and the logits, not in the weights."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from strategies import distribution_pairs, distributions, logits, with_word

from nwp.convexity import (
    chord_gap,
    hessian_in_logits,
    hessian_in_probabilities,
    two_weight_loss,
)
from nwp.loss import (
    cross_entropy,
    cross_entropy_from_logits,
    cross_entropy_one_hot,
    softmax,
)

FRACTIONS = np.linspace(0, 1, 11)


def weight_loss(point):
    return two_weight_loss(*point)


# ---- convex in the probabilities -------------------------------------------------------


@pytest.mark.claim("thm-2-1")
@given(distribution_pairs(smallest=1e-6), st.data())
def test_no_chord_lies_below_the_loss_in_the_probabilities(pair, data):
    word = data.draw(st.integers(0, pair[0].size - 1))
    gaps = chord_gap(lambda y_hat: cross_entropy(y_hat, word), *pair, FRACTIONS)
    assert gaps.min() >= -1e-14
    if abs(pair[0][word] - pair[1][word]) > 1e-3:
        assert gaps[1:-1].min() > 0  # strict in the right word's probability


@pytest.mark.claim("prop-jensen")
@given(st.integers(0, 2**31), st.integers(1, 6))
def test_a_mixture_never_costs_more_than_its_parts_do_on_average(seed, models):
    random = np.random.default_rng(seed)
    predictions = random.dirichlet(np.ones(4), size=models)
    weights = random.dirichlet(np.ones(models))
    each = cross_entropy(predictions, np.full(models, 2), reduction="none")
    assert cross_entropy(weights @ predictions, 2) <= weights @ each + 1e-12


@pytest.mark.claim("prop-flat")
@given(with_word(distributions(smallest=1e-6)))
def test_the_loss_is_flat_in_the_other_words(prediction):
    y_hat, w = prediction
    others = np.delete(np.arange(y_hat.size), w)
    shuffled = y_hat.copy()
    shuffled[others] = y_hat[others[::-1]]
    gaps = chord_gap(lambda p: cross_entropy(p, w), y_hat, shuffled, FRACTIONS)
    assert_allclose(gaps, 0, atol=1e-14)


@pytest.mark.claim("prop-flat")
@given(st.integers(2, 7), st.data())
def test_a_positive_target_makes_the_loss_strictly_convex(size, data):
    start, end, target = (data.draw(distributions(size, smallest=1e-3)) for _ in range(3))
    assume(np.abs(start - end).max() > 1e-2)
    gap = chord_gap(lambda y_hat: cross_entropy_one_hot(y_hat, target), start, end, 0.5)
    assert gap > 0


@pytest.mark.claim("prop-minimum")
@given(with_word(distributions()))
def test_the_only_minimizer_on_the_simplex_is_the_words_own_vertex(prediction):
    y_hat, w = prediction
    assert (cross_entropy(y_hat, w) == 0) == (y_hat[w] == 1)
    assert cross_entropy(np.eye(y_hat.size)[w], w) == 0


@pytest.mark.claim("thm-2-1")
@given(with_word(distributions(smallest=1e-3)))
def test_autograd_agrees_on_the_hessian_in_the_probabilities(prediction):
    y_hat, w = prediction
    ours = hessian_in_probabilities(y_hat, w)
    theirs = torch.autograd.functional.hessian(lambda p: -p[w].log(), torch.from_numpy(y_hat))
    assert_allclose(ours, theirs.numpy(), rtol=1e-12)
    assert np.linalg.matrix_rank(ours) == 1


# ---- convex in the logits --------------------------------------------------------------


@pytest.mark.claim("prop-logits")
@given(logits(size=4, bound=50), logits(size=4, bound=50), st.integers(0, 3))
def test_no_chord_lies_below_the_loss_in_the_logits(start, end, word):
    gaps = chord_gap(lambda z: cross_entropy_from_logits(z, word), start, end, FRACTIONS)
    assert gaps.min() >= -1e-12


@pytest.mark.claim("prop-logits")
@given(with_word(logits(bound=5)))
def test_autograd_agrees_on_the_hessian_in_the_logits(prediction):
    z, w = prediction
    theirs = torch.autograd.functional.hessian(
        lambda x: torch.nn.functional.cross_entropy(x, torch.tensor(w)), torch.from_numpy(z)
    )
    assert_allclose(hessian_in_logits(z), theirs.numpy(), atol=1e-12)


@pytest.mark.claim("prop-logits")
@given(logits(bound=4))
def test_hessian_in_the_logits_is_semidefinite_of_rank_one_less(z):
    hessian = hessian_in_logits(z)
    values, vectors = np.linalg.eigh(hessian)
    assert values.min() >= -1e-15
    assert np.sum(values > 1e-9) == z.size - 1  # bound=4: no share is below e^-8/7
    assert_allclose(hessian.sum(axis=-1), 0, atol=1e-15)  # flat along the all-ones direction
    assert_allclose(np.ptp(vectors[:, 0]), 0, atol=1e-6)


@pytest.mark.claim("prop-logits")
@given(logits(bound=50), st.floats(-100, 100))
def test_hessian_is_the_covariance_of_the_drawn_words_one_hot_vector(z, direction):
    y_hat = softmax(z)
    v = np.cos(direction + np.arange(z.size))
    variance = np.sum(y_hat * (v - y_hat @ v) ** 2)
    assert_allclose(v @ hessian_in_logits(z) @ v, variance, rtol=1e-9, atol=1e-13)


@pytest.mark.claim("prop-curvature")
@given(logits(bound=30))
def test_curvature_is_at_most_one_half(z):
    assert np.linalg.norm(hessian_in_logits(z), 2) <= 0.5 + 1e-14


@pytest.mark.claim("prop-curvature")
def test_one_half_is_reached_and_weights_have_no_bound():
    assert_allclose(np.linalg.norm(hessian_in_logits([0.0, 0.0, -800.0]), 2), 0.5)
    for a in (2.0, 20.0):
        second = two_weight_loss(a, [1e-4, 0.0, -1e-4]) @ [1, -2, 1] / 1e-8
        assert_allclose(second, a**2 / 4, rtol=1e-4)


def test_hessian_keeps_its_accuracy_at_confident_predictions():
    hessian = hessian_in_logits([50.0, 0.0])
    share = np.exp(-50.0)  # p (1 - p) = e^-50 / (1 + e^-50)^2
    assert_allclose(hessian, share * np.array([[1, -1], [-1, 1]]), rtol=1e-12)


def test_hessian_of_a_masked_word_is_zero():
    assert_allclose(hessian_in_logits([0.0, -np.inf, 0.0])[1], 0.0)


@pytest.mark.claim("cex-attained")
@given(st.floats(0, 700))
def test_the_infimum_in_the_logits_is_never_attained(lead):
    loss = cross_entropy_from_logits([lead, 0.0], 0)
    assert loss > 0
    assert cross_entropy_from_logits([lead + 1.0, 0.0], 0) < loss


@pytest.mark.claim("prop-linear")
@given(st.integers(0, 2**31))
def test_no_chord_lies_below_the_loss_of_a_linear_model(seed):
    random = np.random.default_rng(seed)
    x, came = random.normal(size=(6, 3)), random.integers(0, 4, size=6)
    start, end = random.normal(scale=3, size=(2, 4, 3))
    gaps = chord_gap(lambda w: cross_entropy_from_logits(x @ w.T, came), start, end, FRACTIONS)
    assert gaps.min() >= -1e-12


@pytest.mark.claim("rem-guarantee")
def test_a_minimum_in_the_logits_may_exist_without_being_unique_or_zero():
    def mean_loss(z):
        return cross_entropy_from_logits([z] * 3, [0, 0, 1])

    best = np.log([2 / 3, 1 / 3])
    assert_allclose(mean_loss(best), mean_loss(best + 5))
    assert_allclose(mean_loss(best), np.log(3) - 2 / 3 * np.log(2))
    assert all(mean_loss((best[0] + s, best[1])) > mean_loss(best) for s in (-0.1, 0.1))


# ---- not convex in the weights ---------------------------------------------------------


@pytest.mark.claim("cex-weights")
def test_the_chord_between_two_good_weights_passes_below_a_bad_one():
    ends = np.array([2.0, 2.0]), np.array([-2.0, -2.0])
    assert round(float(weight_loss(ends[0])), 3) == 0.018
    assert round(float(weight_loss((0.0, 0.0))), 3) == 0.693
    gap = chord_gap(weight_loss, *ends, 0.5)
    assert round(float(gap), 3) == -0.675


@pytest.mark.claim("cex-weights")
@given(st.floats(-20, 20), st.floats(-20, 20))
def test_two_weight_loss_is_the_loss_of_a_two_word_model(a, b):
    expected = cross_entropy_from_logits([a * b, 0.0], 0)
    assert_allclose(two_weight_loss(a, b), expected, rtol=1e-12)


@pytest.mark.filterwarnings("error")
def test_two_weight_loss_at_its_ends():
    assert two_weight_loss(-30.0, 30.0) == 900.0
    assert_allclose(two_weight_loss(30.0, 20.0), np.exp(-600.0), rtol=1e-12)
    assert two_weight_loss(1e200, 1e200) == 0.0
    assert two_weight_loss(-1e200, 1e200) == np.inf


@pytest.mark.claim("cex-weights")
def test_a_saddle_sits_at_the_origin():
    a, b = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    point = torch.stack([a, b]).detach()
    hessian = torch.autograd.functional.hessian(
        lambda v: torch.nn.functional.softplus(-v[0] * v[1]), point
    )
    assert_allclose(np.linalg.eigvalsh(hessian.numpy()), [-0.5, 0.5])


# ---- chord_gap and errors --------------------------------------------------------------


def test_chord_gap_of_a_square_by_hand():
    gaps = chord_gap(lambda x: x[0] ** 2, [0.0], [2.0], [[0.0, 0.25], [0.5, 1.0]])
    assert_allclose(gaps, [[0.0, 0.75], [1.0, 0.0]])  # 4s - 4s²
    assert chord_gap(lambda x: 3 * x[0] + 1, [0.0], [2.0], 0.3) == pytest.approx(0.0)


@pytest.mark.filterwarnings("error")
def test_hessian_in_probabilities_at_its_ends():
    assert_array_equal(hessian_in_probabilities([0.5, 0.5], 1), [[0, 0], [0, 4]])
    assert hessian_in_probabilities([1e-200, 1.0], 0)[0, 0] == np.inf
    batch = hessian_in_probabilities([[0.5, 0.5], [0.25, 0.75]], [0, 0])
    assert_array_equal(batch[1], [[16, 0], [0, 0]])
    batch = hessian_in_logits(np.zeros((3, 2)))
    assert_array_equal(batch, np.broadcast_to([[0.25, -0.25], [-0.25, 0.25]], (3, 2, 2)))


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"end must have the shape \(1,\) of start, got \(2,\)"):
        chord_gap(np.sum, [0.0], [1.0, 2.0], 0.5)
    with pytest.raises(ValueError, match=r"fractions must be in \[0, 1\], got 1\.5"):
        chord_gap(np.sum, [0.0], [1.0], 1.5)
    with pytest.raises(ValueError, match=r"fractions must be in \[0, 1\], got -0\.5"):
        chord_gap(np.sum, [0.0], [1.0], -0.5)
    with pytest.raises(ValueError, match="start must be finite, got nan"):
        chord_gap(np.sum, [np.nan], [1.0], 0.5)
    with pytest.raises(ValueError, match=r"value of function must have the shape \(\) of a number"):
        chord_gap(lambda p: p, [0.0, 1.0], [1.0, 0.0], 0.5)
    with pytest.raises(ValueError, match=r"function at fraction 0\.5 must be finite, got nan"):
        chord_gap(lambda p: np.nan if p[0] == 0.5 else 0.0, [0.0], [1.0], 0.5)
    with pytest.raises(ValueError, match=r"a and b must have shapes .* \(2,\) and \(3,\)"):
        two_weight_loss([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="function at end must be finite, got inf"):
        chord_gap(lambda p: cross_entropy(p, 0), [1.0, 0.0], [0.0, 1.0], 0.5)
    with pytest.raises(ValueError, match=r"probabilities must be positive at the targets"):
        hessian_in_probabilities([1.0, 0.0], 1)
    with pytest.raises(ValueError, match=r"targets must have the shape \(\) of the rows"):
        hessian_in_probabilities([0.5, 0.5], [1])
    with pytest.raises(ValueError, match="logits must be finite or -inf, got nan"):
        hessian_in_logits([np.nan, 0.0])
    with pytest.raises(ValueError, match="a must be finite, got inf"):
        two_weight_loss(np.inf, 0.0)
    with pytest.raises(ValueError, match="b must be finite, got nan"):
        two_weight_loss(0.0, np.nan)
