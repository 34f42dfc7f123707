"""Lemma D2.1 and what follows from it: differences, the tangent space, the softmax, gradcheck."""

import mpmath
import numpy as np
import pytest
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from strategies import SIZES, distributions, logits, with_word

from nwp.convexity import hessian_in_logits, hessian_in_probabilities
from nwp.derivative import (
    central_differences,
    gradient_wrt_logits,
    gradient_wrt_probabilities,
    project_to_tangent,
)
from nwp.loss import cross_entropy, cross_entropy_from_logits, one_hot, softmax

LADRA = np.array([0.05, 0.10, 0.05, 0.80])  # the document: "o", "cão", "ladra", "."
POSSIBLE = with_word(distributions(smallest=1e-3))  # every word has a positive probability
UNIT = 2.0**-53  # rounding unit of float64


# SymPy 1.14 calls what mpmath 1.4 deprecates, or not, as its hash order falls.


def vectors(size, bound=10.0):
    return hnp.arrays(np.float64, size, elements=st.floats(-bound, bound))


def autograd(function, point):
    x = torch.tensor(point, dtype=torch.float64, requires_grad=True)
    return torch.autograd.grad(function(x), x)[0].numpy()


# ---- Lemma D2.1 -------------------------------------------------------------------------


@pytest.mark.claim("lem-2-1")
def test_symbols_agree():
    y_hat = sympy.symbols("y1:5", positive=True)
    derivatives = [sympy.diff(-sympy.log(y_hat[3]), y) for y in y_hat]
    assert derivatives == [0, 0, 0, -1 / y_hat[3]]
    numbers = [float(d.subs(dict(zip(y_hat, LADRA, strict=True)))) for d in derivatives]
    assert_array_equal(gradient_wrt_probabilities(LADRA, 3), numbers)


@pytest.mark.claim("lem-2-1")
@given(POSSIBLE)
def test_autograd_agrees_in_the_probabilities(prediction):
    y_hat, w = prediction
    assert_array_equal(gradient_wrt_probabilities(y_hat, w), autograd(lambda p: -p[w].log(), y_hat))


@pytest.mark.claim("lem-2-1")
@given(POSSIBLE)
def test_differences_agree_in_the_probabilities(prediction):
    y_hat, w = prediction
    numbers = central_differences(lambda p: -np.log(p[w]), y_hat, step=1e-6 * y_hat.min())
    gradient = gradient_wrt_probabilities(y_hat, w)
    assert_allclose(numbers, gradient, rtol=1e-4)  # exact zeros at the other words
    assert np.count_nonzero(numbers) == 1


@pytest.mark.claim("lem-2-1")
@pytest.mark.filterwarnings("error")
def test_the_gradient_in_the_probabilities_at_its_ends():
    assert str(gradient_wrt_probabilities([1.0, 0.0], 0).tolist()) == "[-1.0, 0.0]"  # no -0.0
    assert_array_equal(gradient_wrt_probabilities([1e-310, 1.0], 0), [-np.inf, 0.0])
    assert_array_equal(gradient_wrt_probabilities([1e-300, 1.0], 0), [-1 / 1e-300, 0.0])
    batch = gradient_wrt_probabilities([[[0.5, 0.5]], [[0.25, 0.75]]], [[1], [0]])
    assert_array_equal(batch, [[[0.0, -2.0]], [[-4.0, 0.0]]])
    assert gradient_wrt_probabilities(np.zeros((0, 3)), []).shape == (0, 3)


# ---- differences -----------------------------------------------------------------------


@pytest.mark.claim("prop-differences")
@given(st.floats(1e-6, 1.0), st.floats(-14, np.log10(0.25)))
def test_error_of_a_central_difference_has_the_stated_bound(p, exponent):
    step = p * 10.0**exponent
    x = step / p
    slope = central_differences(lambda q: -np.log(q), p, step)
    error = abs(slope * p + 1)
    with mpmath.workdps(50):  # in float64 the difference to 1 would be rounding alone
        truncation = float(mpmath.atanh(x) / x - 1)
    rounding = 2 * UNIT * (1 + max(abs(np.log(p - step)), abs(np.log(p + step)))) / x
    assert truncation >= x**2 / 3 * (1 - 1e-9)
    assert truncation - rounding <= error <= truncation + rounding


@pytest.mark.claim("prop-differences")
def test_error_against_step_size_is_a_v():
    steps = 0.8 * 10.0 ** np.arange(-14, -0.5)
    slopes = [central_differences(lambda q: -np.log(q), 0.8, h) for h in steps]
    errors = np.abs(np.array(slopes) * 0.8 + 1)
    assert 1e-7 < steps[errors.argmin()] < 1e-3
    assert errors.min() < 1e-10
    assert min(errors[0], errors[-1]) > 1e-4


@pytest.mark.claim("prop-differences")
@pytest.mark.parametrize("exponent", [-12, -10, -8])
def test_rounding_the_points_counts_where_the_function_is_zero(exponent):
    steps = 10.0**exponent * np.linspace(1, 2, 50)
    for function, slope in [(lambda q: -np.log(q), -1.0), (lambda q: q - 1.0, 1.0)]:
        errors = [abs(central_differences(function, 1.0, h) - slope) for h in steps]
        assert 0.1 * UNIT / steps[0] < max(errors) < 2 * UNIT / steps[0] + 1e-9


@pytest.mark.claim("prop-differences")
def test_rounding_the_points_counts_in_the_logits_too():
    step, shares = 1e-6, []
    for lead in np.linspace(30, 31, 50):
        point = np.array([lead, 0.0])
        loss = cross_entropy_from_logits(point, 0)
        slope = gradient_wrt_logits(point, 0)[0]
        seen = central_differences(lambda z: cross_entropy_from_logits(z, 0), point, step)[0]
        error = abs(seen - slope)
        assert error < 2 * UNIT * (loss + abs(lead * slope)) / step
        shares.append(error / (UNIT * loss / step))
    assert max(shares) > 5  # the loss alone would not explain it


def test_the_default_step_gives_ten_digits():
    slope = central_differences(lambda q: -np.log(q), 0.8)
    assert_allclose(slope, -1.25, rtol=1e-10)


def test_central_differences_of_a_square_by_hand():
    assert_allclose(central_differences(lambda x: np.sum(x**2), [[1.0], [-2.0]]), [[2.0], [-4.0]])
    assert central_differences(lambda x: x**3, 1.0, step=0.5) == 3.25  # (3.375 - 0.125) / 1


# ---- off the simplex -------------------------------------------------------------------


@pytest.mark.claim("cex-raw-step")
def test_a_raw_step_leaves_the_simplex():
    after = LADRA - 0.1 * gradient_wrt_probabilities(LADRA, 3)
    assert_allclose(after, [0.05, 0.10, 0.05, 0.925])
    assert_allclose(after.sum(), 1.125)
    with pytest.raises(ValueError, match="row sums of probabilities must be 1"):
        cross_entropy(after, 3)


@pytest.mark.claim("cex-raw-step")
@given(POSSIBLE, st.floats(1e-3, 1.0))
def test_every_raw_step_adds_to_the_sum(prediction, step):
    y_hat, w = prediction
    after = y_hat - step * gradient_wrt_probabilities(y_hat, w)
    assert_allclose(after.sum(), 1 + step / y_hat[w], rtol=1e-12)


@pytest.mark.claim("prop-continuation")
@given(POSSIBLE, st.data())
def test_continuations_of_the_loss_differ_by_a_constant_vector(prediction, data):
    y_hat, w = prediction
    slopes = torch.from_numpy(data.draw(vectors(y_hat.size)))
    continuations = [
        lambda p: -p[w].log() + p.sum().log(),  # divide by the sum first
        lambda p: -p[w].log() + (p.sum() - 1) * (slopes @ p**2),
    ]
    lemma = gradient_wrt_probabilities(y_hat, w)
    for continuation in continuations:
        gradient = autograd(continuation, y_hat)
        difference = gradient - lemma
        assert_allclose(difference, difference.mean(), atol=1e-10 * np.abs(lemma).max())
        constant = 1 + gradient @ y_hat  # the constant of the proof
        assert_allclose(difference, constant, atol=1e-10 * np.abs(lemma).max())
        assert_allclose(
            project_to_tangent(gradient), project_to_tangent(lemma), rtol=1e-9, atol=1e-9
        )
        assert_allclose(
            hessian_in_logits(np.log(y_hat)) @ gradient, y_hat - one_hot(w, y_hat.size), atol=1e-10
        )


@pytest.mark.claim("def-tangent")
@given(SIZES.flatmap(lambda size: st.tuples(vectors(size), vectors(size))))
def test_projection_is_orthogonal_and_lands_on_sum_zero(pair):
    v, other = pair
    projected = project_to_tangent(v)
    assert_allclose(projected.sum(), 0, atol=1e-13)
    assert_allclose(project_to_tangent(projected), projected, atol=1e-14)  # twice is once
    assert_allclose((v - projected) @ project_to_tangent(other), 0, atol=1e-11)
    matrix = np.eye(v.size) - np.ones((v.size, v.size)) / v.size
    assert_allclose(projected, matrix @ v, atol=1e-13)


@pytest.mark.claim("def-tangent")
def test_projection_of_rows_and_of_one_word():
    assert_array_equal(project_to_tangent([[3.0, 1.0], [0.0, -4.0]]), [[1.0, -1.0], [2.0, -2.0]])
    assert_array_equal(project_to_tangent([7.0]), [0.0])


@pytest.mark.claim("prop-steepest")
@given(with_word(distributions(size=4, smallest=1e-3)), vectors(4))
def test_no_direction_of_sum_zero_falls_faster(prediction, v):
    y_hat, w = prediction
    gradient = gradient_wrt_probabilities(y_hat, w)
    steepest = -project_to_tangent(gradient)
    length = np.linalg.norm(steepest)
    assert_allclose(length, np.sqrt(1 - 1 / 4) / y_hat[w], rtol=1e-12)
    assert_allclose(gradient @ steepest / length, -length, rtol=1e-12)
    direction = project_to_tangent(v)
    size = np.linalg.norm(direction)
    if size > 1e-3:
        assert gradient @ direction / size >= -length * (1 + 1e-12)


@pytest.mark.claim("prop-steepest")
@given(with_word(distributions(size=5, smallest=1e-2)), st.floats(0.01, 1.0))
def test_a_projected_step_stays_up_to_the_stated_length(prediction, share):
    y_hat, w = prediction
    longest = y_hat.size * y_hat[w] * np.delete(y_hat, w).min()
    direction = -project_to_tangent(gradient_wrt_probabilities(y_hat, w))
    after = y_hat + share * longest * direction
    assert_allclose(after.sum(), 1, rtol=1e-12)
    assert after.min() >= -1e-15
    assert after[w] > y_hat[w]
    assert (y_hat + 1.01 * longest * direction).min() < 0


@pytest.mark.claim("prop-steepest")
def test_the_step_of_the_example_and_the_one_that_is_too_long():
    direction = -project_to_tangent(gradient_wrt_probabilities(LADRA, 3))
    assert_allclose(LADRA + 0.1 * direction, [0.01875, 0.06875, 0.01875, 0.89375])
    assert_allclose((LADRA + 0.2 * direction).min(), -0.0125)


# ---- through the softmax ---------------------------------------------------------------


@pytest.mark.claim("prop-softmax-jacobian")
@given(logits(bound=20))
def test_autograd_agrees_on_the_softmax_jacobian(z):
    theirs = torch.autograd.functional.jacobian(lambda x: x.softmax(-1), torch.from_numpy(z))
    assert_allclose(hessian_in_logits(z), theirs.numpy(), rtol=1e-9, atol=1e-14)


@pytest.mark.claim("prop-softmax-jacobian")
@given(logits(bound=5).flatmap(lambda z: st.tuples(st.just(z), vectors(z.size))))
def test_jacobian_by_hand_and_its_product(case):
    z, g = case
    y_hat = softmax(z)
    jacobian = hessian_in_logits(z)
    assert_allclose(jacobian, np.diag(y_hat) - np.outer(y_hat, y_hat), atol=1e-15)
    assert_allclose(jacobian @ g, y_hat * (g - y_hat @ g), atol=1e-13)
    assert_allclose(jacobian.sum(axis=0), 0, atol=1e-15)
    assert_allclose(
        jacobian[0], central_differences(lambda x: softmax(x)[0], z, step=1e-5), atol=1e-9
    )


@pytest.mark.claim("prop-gradient-logits")
def test_symbols_agree_on_the_chain():
    z = sympy.symbols("z1:5", real=True)
    y_hat = [sympy.exp(a) / sum(map(sympy.exp, z)) for a in z]
    for i, z_i in enumerate(z):
        expected = y_hat[i] - int(i == 3)
        assert sympy.simplify(sympy.diff(-sympy.log(y_hat[3]), z_i) - expected) == 0
    gradient = gradient_wrt_logits(np.log(LADRA), 3)
    assert_allclose(gradient, [0.05, 0.10, 0.05, -0.20], rtol=1e-14)


@pytest.mark.claim("prop-gradient-logits")
@given(with_word(logits(bound=5)))
def test_the_chain_of_lemma_and_jacobian_is_the_gradient_in_the_logits(prediction):
    z, w = prediction
    y_hat = softmax(z)
    chained = hessian_in_logits(z) @ gradient_wrt_probabilities(y_hat, w)
    gradient = gradient_wrt_logits(z, w)
    assert_allclose(gradient, chained, atol=1e-11)
    assert_allclose(gradient, y_hat - one_hot(w, y_hat.size), atol=1e-14)
    numbers = central_differences(lambda x: cross_entropy_from_logits(x, w), z, step=1e-5)
    assert_allclose(gradient, numbers, atol=1e-9)


@pytest.mark.claim("prop-gradient-logits")
@given(with_word(logits()))
def test_autograd_agrees_in_the_logits(prediction):
    z, w = prediction
    theirs = autograd(lambda x: torch.nn.functional.cross_entropy(x, torch.tensor(w)), z)
    assert_allclose(gradient_wrt_logits(z, w), theirs, rtol=1e-11, atol=1e-14)


@pytest.mark.claim("prop-bounded")
@given(with_word(logits()))
def test_the_gradient_in_the_logits_is_bounded(prediction):
    z, w = prediction
    gradient = gradient_wrt_logits(z, w)
    assert np.all(np.abs(gradient) <= 1 + 1e-12)
    assert gradient[w] <= 0
    assert np.all(np.delete(gradient, w) >= 0)
    assert_allclose(gradient.sum(), 0, atol=1e-12)
    assert_allclose(np.abs(gradient).sum(), 2 * (1 - softmax(z)[w]), atol=1e-11)
    assert np.linalg.norm(gradient) <= np.sqrt(2) + 1e-12


@pytest.mark.claim("prop-bounded")
@given(with_word(logits(bound=100)), st.floats(0, 50), st.data())
def test_the_loss_in_the_logits_is_lipschitz(prediction, reach, data):
    z, w = prediction
    moved = z + reach * data.draw(vectors(z.size, bound=1.0))
    change = cross_entropy_from_logits(moved, w) - cross_entropy_from_logits(z, w)
    assert abs(change) <= 2 * np.abs(moved - z).max() + 1e-11


@pytest.mark.claim("prop-bounded")
def test_the_gradient_in_the_probabilities_is_not_bounded():
    for exponent in range(1, 300, 20):
        y_hat = [10.0**-exponent, 1 - 10.0**-exponent]
        assert_allclose(gradient_wrt_probabilities(y_hat, 0)[0], -(10.0**exponent))
        assert np.abs(gradient_wrt_logits(np.log(y_hat), 0)).max() <= 1


# ---- confident predictions -------------------------------------------------------------


@pytest.mark.claim("prop-confident")
@pytest.mark.parametrize("size", [2, 10, 5000])
def test_confident_predictions_keep_full_relative_accuracy(size):
    leads = np.arange(701)
    z = np.zeros((leads.size, size))
    z[:, 1] = leads
    ours = gradient_wrt_logits(z, np.ones(leads.size, dtype=int))
    for lead, row in zip(leads.tolist(), ours, strict=True):
        with mpmath.workdps(60):
            share = mpmath.exp(-mpmath.mpf(lead))
            other = share / (1 + (size - 1) * share)
            for got, exact in [(row[1], -(size - 1) * other), (row[0], other)]:
                assert abs((mpmath.mpf(float(got)) - exact) / exact) <= 2e-13


@pytest.mark.claim("prop-confident")
@given(st.integers(0, 2**31), st.floats(0, 700))
def test_uneven_confident_predictions_against_mpmath(seed, lead):
    z = np.random.default_rng(seed).normal(size=6)
    z[2] = z.max() + lead
    with mpmath.workdps(60):
        shares = [mpmath.exp(mpmath.mpf(float(a)) - mpmath.mpf(float(z[2]))) for a in z]
        exact = -mpmath.fsum(shares[:2] + shares[3:]) / mpmath.fsum(shares)
    got = gradient_wrt_logits(z, 2)[2]
    assert abs((mpmath.mpf(float(got)) - exact) / exact) <= 2e-13


@pytest.mark.claim("prop-confident")
@pytest.mark.parametrize(
    ("dtype", "first_zeros"),
    [(torch.float16, range(7, 10)), (torch.float32, [17]), (torch.float64, [37])],
)
def test_torch_rounds_the_targets_entry_to_zero(dtype, first_zeros):
    leads = torch.arange(1, 60, dtype=dtype)
    z = torch.stack([leads, torch.zeros_like(leads)], dim=1).requires_grad_()
    words = torch.zeros(leads.numel(), dtype=torch.long)
    torch.nn.functional.cross_entropy(z, words, reduction="sum").backward()
    assert int(leads[z.grad[:, 0] == 0].min()) in first_zeros
    assert np.all(gradient_wrt_logits(z.detach().numpy(), words.numpy())[:, 0] < 0)


# ---- fused and unfused -----------------------------------------------------------------


def gradient_in_torch(lag, dtype, *, fused):
    """Loss and gradient when the right word (1) lags behind the leader (0)."""
    z = torch.tensor([float(lag), 0.0], dtype=dtype, requires_grad=True)
    if fused:
        loss = torch.nn.functional.cross_entropy(z, torch.tensor(1))
    else:
        loss = -z.softmax(-1).log()[1]
    loss.backward()
    return loss.item(), z.grad


@pytest.mark.claim("cex-unfused")
@pytest.mark.parametrize(
    ("dtype", "sound", "broken"), [(torch.float16, 5, 12), (torch.float32, 80, 95)]
)
def test_the_unfused_gradient_breaks_and_the_fused_does_not(dtype, sound, broken):
    assert_allclose(gradient_in_torch(sound, dtype, fused=False)[1], [1, -1], atol=0.01)
    assert gradient_in_torch(broken, dtype, fused=False)[1].isnan().any()
    loss, gradient = gradient_in_torch(broken, dtype, fused=True)
    assert loss == broken
    assert gradient.tolist() == [1.0, -1.0]
    assert_allclose(gradient_wrt_logits([broken, 0.0], 1), [1.0, -1.0], atol=1e-5)


@pytest.mark.claim("cex-unfused")
def test_in_float16_the_loss_is_still_right_where_the_unfused_gradient_is_not_a_number():
    loss, gradient = gradient_in_torch(12, torch.float16, fused=False)
    assert loss == 12.0
    assert gradient[1].isnan()


# ---- every analytic gradient of the package, by gradcheck ------------------------------


class Ours(torch.autograd.Function):
    """A function of NumPy with the derivative that the package gives for it."""

    @staticmethod
    def forward(ctx, x, function, derivative):
        ctx.derivative = torch.from_numpy(np.asarray(derivative(x.detach().numpy())))
        return torch.from_numpy(np.asarray(function(x.detach().numpy())))

    @staticmethod
    def backward(ctx, upstream):
        return torch.tensordot(upstream, ctx.derivative, dims=upstream.ndim), None, None


def passes_gradcheck(function, derivative, point):
    # A step of 1e-7 keeps the sum within the 1e-6 that `checks.distributions` grants.
    x = torch.tensor(point, dtype=torch.float64, requires_grad=True)
    return torch.autograd.gradcheck(
        lambda x: Ours.apply(x, function, derivative),
        (x,),
        eps=1e-7,
        atol=1e-6,
        rtol=1e-5,
        raise_exception=False,
    )


PAIRS = {
    "loss in the probabilities": (cross_entropy, gradient_wrt_probabilities, "probabilities"),
    "its gradient": (gradient_wrt_probabilities, hessian_in_probabilities, "probabilities"),
    "loss in the logits": (cross_entropy_from_logits, gradient_wrt_logits, "logits"),
    "its gradient in the logits": (
        gradient_wrt_logits,
        lambda z, w: hessian_in_logits(z),
        "logits",
    ),
    "softmax": (lambda z, w: softmax(z), lambda z, w: hessian_in_logits(z), "logits"),
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("word", range(4))
def test_gradcheck_passes_every_analytic_derivative(name, word):
    function, derivative, variable = PAIRS[name]
    point = LADRA if variable == "probabilities" else np.log(LADRA)
    assert passes_gradcheck(lambda x: function(x, word), lambda x: derivative(x, word), point)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda z: softmax(z),  # the truth forgotten
        lambda z: -gradient_wrt_logits(z, 3),  # the sign
        lambda z: gradient_wrt_logits(z, 2),  # the word
    ],
)
def test_gradcheck_catches_a_wrong_gradient(wrong):
    assert not passes_gradcheck(lambda z: cross_entropy_from_logits(z, 3), wrong, np.log(LADRA))


# ---- the ends of the scale, and errors -------------------------------------------------


@pytest.mark.filterwarnings("error")
def test_the_gradient_in_the_logits_at_its_ends():
    assert str(gradient_wrt_logits([1e4, 0.0], 0).tolist()) == "[0.0, 0.0]"  # never -0.0
    assert_array_equal(gradient_wrt_logits([1e308, -1e308], 1), [1.0, -1.0])
    assert_array_equal(gradient_wrt_logits([7.0], 0), [0.0])
    assert_array_equal(gradient_wrt_logits([0.0, -np.inf], 0), [0.0, 0.0])
    assert_array_equal(gradient_wrt_logits([0.0, -np.inf], 1), [1.0, -1.0])  # the limit
    assert_array_equal(hessian_in_logits([0.0, -np.inf]), np.zeros((2, 2)))


def test_batches_of_any_shape():
    random = np.random.default_rng(5)
    z, words = random.normal(size=(2, 3, 4)), random.integers(0, 4, size=(2, 3))
    for index in np.ndindex(2, 3):
        row, w = z[index], words[index]
        assert_array_equal(gradient_wrt_logits(z, words)[index], gradient_wrt_logits(row, w))
        assert_array_equal(hessian_in_logits(z)[index], hessian_in_logits(row))
        assert_array_equal(
            gradient_wrt_probabilities(softmax(z), words)[index],
            gradient_wrt_probabilities(softmax(row), w),
        )
    assert gradient_wrt_logits(np.zeros((0, 3)), []).shape == (0, 3)


def test_inputs_are_left_alone():
    z, y_hat = np.log(LADRA), LADRA.copy()
    gradient_wrt_logits(z, 3), gradient_wrt_probabilities(y_hat, 3), project_to_tangent(z)
    central_differences(np.sum, z)
    assert_array_equal(z, np.log(LADRA))
    assert_array_equal(y_hat, LADRA)


BAD_CALLS = [
    (lambda: gradient_wrt_probabilities([1.0, 0.0], 1), r"probabilities must be positive at the"),
    (lambda: gradient_wrt_probabilities([0.5, 0.6], 0), r"row sums of probabilities must be 1"),
    (lambda: gradient_wrt_probabilities(LADRA, 4), r"targets must be word ids in \[0, 4\), got 4"),
    (lambda: gradient_wrt_probabilities(LADRA, [3]), r"targets must have the shape \(\) of the r"),
    (lambda: gradient_wrt_logits([np.nan, 0.0], 0), r"logits must be finite or -inf, got nan"),
    (lambda: gradient_wrt_logits([0.0, 0.0], -1), r"targets must be word ids in \[0, 2\), got -1"),
    (lambda: gradient_wrt_logits([0.0, 0.0], [0]), r"targets must have the shape \(\) of the rows"),
    (lambda: hessian_in_logits([-np.inf]), r"row maxima of logits must be finite"),
    (lambda: project_to_tangent([np.inf, 0.0]), r"vectors must be finite, got inf at index \(0,\)"),
    (lambda: project_to_tangent(1.0), r"vectors must have the words .* got shape \(\)"),
    (lambda: central_differences(np.sum, [np.nan]), r"point must be finite, got nan"),
    (lambda: central_differences(np.sum, [1.0], 0.0), r"step must be one positive number, got 0"),
    (lambda: central_differences(np.sum, [1.0], -1e-5), r"step must be one positive number, got -"),
    (lambda: central_differences(np.sum, [1.0], [1.0]), r"step must be one positive number"),
    (lambda: central_differences(np.sum, [1.0], np.inf), r"step must be finite, got inf"),
    (lambda: central_differences(np.exp, [1.0]), r"values of function must have the shape \(\)"),
    (lambda: central_differences(lambda x: np.inf, 1.0), r"values of function must be finite"),
]


@pytest.mark.parametrize(("call", "message"), BAD_CALLS)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_bad_types_are_named():
    with pytest.raises(TypeError, match=r"targets must be integers, got dtype float64"):
        gradient_wrt_logits([0.0, 0.0], 1.0)
    with pytest.raises(TypeError, match=r"vectors must hold real numbers, got dtype bool"):
        project_to_tangent([True])
