"""The loss: its definition inverted, three forms agreeing, and the ends of the scale."""

import mpmath
import numpy as np
import pytest
import scipy.special
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from strategies import distribution_pairs, distributions, logits, with_word

from nwp.loss import (
    cross_entropy,
    cross_entropy_from_logits,
    cross_entropy_one_hot,
    log_softmax,
    one_hot,
    softmax,
)

LADRA = [0.05, 0.10, 0.05, 0.80]  # the document: "o", "cão", "ladra", "."
UNIFORM = [0.25, 0.25, 0.25, 0.25]


# ---- the definition --------------------------------------------------------------------


@pytest.mark.claim("def-loss")
@given(with_word(distributions(smallest=1e-300)))
def test_loss_is_the_surprise_at_the_right_word(prediction):
    y_hat, w = prediction
    loss = cross_entropy(y_hat, w)
    assert_allclose(np.exp(-loss), y_hat[w], rtol=1e-12)  # the definition, inverted


@pytest.mark.claim("ex-ladra")
def test_first_worked_example_to_the_documents_decimals():
    assert round(float(cross_entropy(LADRA, 3)), 3) == 0.223
    assert round(float(cross_entropy(UNIFORM, 3)), 3) == 1.386
    assert_array_equal(one_hot(3, 4), [0, 0, 0, 1])


@pytest.mark.claim("def-loss")
@given(with_word(distributions()))
def test_loss_is_never_negative(prediction):
    assert cross_entropy(*prediction) >= 0


@pytest.mark.claim("prop-surprise")
@given(st.floats(1e-6, 1.0), st.floats(1e-6, 1.0))
def test_costs_add_where_probabilities_multiply(a, b):
    def cost(p):
        return cross_entropy([p, 1 - p], 0)

    assert_allclose(cost(a) + cost(b), cost(a * b), rtol=1e-12, atol=1e-12)
    assert cost(max(a, b)) <= cost(min(a, b))


@pytest.mark.claim("prop-surprise")
def test_bounded_costs_do_not_add():
    for cost in (lambda p: 1 - p, lambda p: (1 - p) ** 2):
        assert abs(cost(0.8) + cost(0.25) - cost(0.8 * 0.25)) > 0.03


@pytest.mark.claim("prop-surprise")
@given(distribution_pairs(), st.data())
def test_a_cost_that_reads_the_whole_prediction_may_add_up_and_be_no_logarithm(pair, data):
    def cost(prediction, word):
        expected = cross_entropy_one_hot(prediction, prediction)
        return cross_entropy(prediction, word) + expected

    first, second = pair
    w, v = (data.draw(st.sampled_from(np.flatnonzero(p).tolist())) for p in pair)
    both = np.outer(first, second).ravel()  # two words, predicted independently
    assume(both[w * second.size + v] >= np.finfo(float).tiny)  # the product did not underflow
    total = cost(first, w) + cost(second, v)
    assert_allclose(cost(both, w * second.size + v), total, rtol=1e-9, atol=1e-9)
    sure, spread = [0.8, 0.2, 0.0], [0.8, 0.1, 0.1]  # not a function of the 0.8 alone
    assert cost(sure, 0) < cost(spread, 0) - 0.1


@pytest.mark.claim("cex-exaggeration")
def test_the_plain_cost_rewards_exaggeration():
    p, mode = np.array([0.6, 0.4]), np.array([1.0, 0.0])
    assert_allclose([1 - p @ p, 1 - p @ mode], [0.48, 0.40])
    assert round(float(cross_entropy_one_hot(p, p)), 3) == 0.673
    assert cross_entropy_one_hot(mode, p) == np.inf


@pytest.mark.claim("cex-exaggeration")
@given(distribution_pairs())
def test_one_minus_p_is_least_at_the_mode_and_the_logarithm_at_the_truth(pair):
    p, q = pair
    costs = 1 - np.eye(p.size) @ p  # of putting everything on one word
    assert_allclose(costs.min(), 1 - p.max())
    assert 1 - p @ q >= costs.min() - 1e-12
    assert cross_entropy_one_hot(q, p) >= cross_entropy_one_hot(p, p) - 1e-12
    brier = [p @ ((report - np.eye(p.size)) ** 2).sum(axis=1) for report in (p, q)]
    assert_allclose(brier[1] - brier[0], ((q - p) ** 2).sum(), atol=1e-12)  # proper as well


@pytest.mark.claim("prop-lookup")
@given(with_word(distributions()))
def test_lookup_equals_inner_product_with_one_hot(prediction):
    y_hat, w = prediction
    assert_array_equal(
        cross_entropy(y_hat, w), cross_entropy_one_hot(y_hat, one_hot(w, y_hat.size))
    )


@pytest.mark.claim("prop-lookup")
def test_inner_product_needs_zero_times_log_zero_to_be_zero():
    y_hat, y = np.array([0.0, 1.0]), np.array([0.0, 1.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        assert np.isnan(-(y * np.log(y_hat)).sum())  # what floats make of it
    assert cross_entropy_one_hot(y_hat, y) == 0.0


@given(distribution_pairs())
def test_inner_product_takes_any_target_distribution(pair):
    y_hat, y = pair
    by_hand = sum(-b * np.log(a) if a > 0 else np.inf for a, b in zip(y_hat, y, strict=True) if b)
    assert_allclose(cross_entropy_one_hot(y_hat, y), by_hand, rtol=1e-12, atol=1e-15)


@pytest.mark.claim("prop-lookup")
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_lookup_and_inner_product_agree_on_a_batch(reduction):
    random = np.random.default_rng(5)
    y_hat, words = random.dirichlet(np.ones(4), size=(2, 3)), random.integers(0, 4, size=(2, 3))
    lookup = cross_entropy(y_hat, words, reduction=reduction)
    inner = cross_entropy_one_hot(y_hat, one_hot(words, 4), reduction=reduction)
    assert_allclose(lookup, inner, rtol=1e-15)
    assert np.shape(inner) == ((2, 3) if reduction == "none" else ())


@given(st.integers(1, 5), st.integers(0, 4))
def test_one_hot_is_a_row_of_the_identity(size, word):
    word = word % size
    assert_array_equal(one_hot([[word]], size), np.eye(size)[[[word]]])


# ---- from logits -----------------------------------------------------------------------


@pytest.mark.claim("prop-stable")
@given(with_word(logits(bound=300.0)))  # no probability below e^-600, so none rounds to 0
def test_logits_and_probabilities_give_the_same_loss(prediction):
    z, w = prediction
    by_probability = cross_entropy(softmax(z), w)
    assert_allclose(cross_entropy_from_logits(z, w), by_probability, rtol=1e-12, atol=1e-12)


@pytest.mark.claim("rem-shift")
@given(with_word(logits(bound=1e6)), st.integers(-(10**6), 10**6))
def test_adding_a_constant_changes_no_loss_and_shifts_log_sum_exp(prediction, constant):
    z, w = prediction
    z = np.round(z)  # whole numbers, so that z + constant is exact
    loss = cross_entropy_from_logits(z, w)
    assert_array_equal(cross_entropy_from_logits(z + constant, w), loss)  # softmax: invariant
    assert_allclose(  # log-sum-exp = loss + z_w: equivariant
        cross_entropy_from_logits(z + constant, w) + (z + constant)[w],
        loss + z[w] + constant,
        rtol=1e-12,
        atol=1e-9,
    )


@given(with_word(logits(bound=1e300)))
def test_loss_from_logits_is_never_negative_and_never_minus_zero(prediction):
    z, w = prediction
    loss = cross_entropy_from_logits(z, w, reduction="none")
    assert loss >= 0
    assert not np.signbit(loss)


@given(logits())
def test_softmax_is_a_distribution_and_scipy_agrees(z):
    assert_allclose(softmax(z).sum(), 1.0, rtol=1e-12)
    assert_allclose(softmax(z), scipy.special.softmax(z), rtol=1e-11, atol=1e-300)
    assert_allclose(log_softmax(z), scipy.special.log_softmax(z), rtol=1e-13, atol=1e-15)


SHAPES = [(1,), (2,), (5,), (3, 2), (4, 50), (2, 3, 7), (2, 1, 3, 4), (64, 1000)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("ignoring", [False, True])
def test_torch_agrees_in_float64(shape, reduction, ignoring):
    random = np.random.default_rng(len(shape) + shape[-1])
    z = random.normal(scale=8.0, size=shape)
    targets = np.asarray(random.integers(0, shape[-1], size=shape[:-1]))
    ignore_index = None
    if ignoring and targets.size > 1:
        ignore_index = -100
        targets = np.where(random.random(targets.shape) < 0.4, -100, targets)
        targets.flat[0] = 0
    ours = cross_entropy_from_logits(z, targets, ignore_index=ignore_index, reduction=reduction)
    theirs = torch.nn.functional.cross_entropy(
        torch.from_numpy(z).reshape(-1, shape[-1]),
        torch.from_numpy(targets).reshape(-1),
        ignore_index=-100,
        reduction=reduction,
    )
    assert_allclose(np.ravel(ours), np.ravel(theirs.numpy()), rtol=1e-12, atol=1e-12)


# ---- confident predictions -------------------------------------------------------------


def exact_loss(lead: int, size: int) -> mpmath.mpf:
    """log(1 + (V - 1) e^-lead) in 60 digits: one word leads all others by the same amount."""
    with mpmath.workdps(60):
        return mpmath.log1p((size - 1) * mpmath.exp(-mpmath.mpf(lead)))


@pytest.mark.claim("prop-stable")
@pytest.mark.parametrize("size", [2, 10, 50_000])
def test_confident_predictions_keep_full_relative_accuracy(size):
    leads = np.arange(701)
    for some in np.array_split(leads, 1 + size // 1000):  # 50,000 words: a few rows at a time
        z = np.zeros((some.size, size))
        z[:, 1] = some
        ours = cross_entropy_from_logits(z, np.ones(some.size, dtype=int), reduction="none")
        for lead, loss in zip(some.tolist(), ours.tolist(), strict=True):
            exact = exact_loss(lead, size)
            assert abs((mpmath.mpf(loss) - exact) / exact) <= 1e-13


@pytest.mark.claim("prop-stable")
def test_a_loss_below_the_normal_numbers_loses_its_digits_and_then_itself():
    leads = np.array([708, 709, 744, 745, 746])
    z = np.stack([leads, np.zeros_like(leads)], axis=-1)
    losses = cross_entropy_from_logits(z, np.zeros(5, dtype=int), reduction="none")
    normal = np.finfo(np.float64).smallest_normal
    assert [loss >= normal for loss in losses] == [True, False, False, False, False]
    assert [str(loss) for loss in losses[2:]] == ["1e-323", "5e-324", "0.0"]
    exact = exact_loss(744, 2)
    assert round(float(abs(mpmath.mpf(float(losses[2])) - exact) / exact), 2) == 0.29


@pytest.mark.claim("prop-stable")
@pytest.mark.parametrize(("dtype", "first_zero"), [(torch.float32, 17), (torch.float64, 37)])
def test_torch_rounds_confident_losses_to_zero(dtype, first_zero):
    leads = torch.arange(1, 100, dtype=dtype)
    z = torch.stack([leads, torch.zeros_like(leads)], dim=1)
    words = torch.zeros(leads.numel(), dtype=torch.long)
    theirs = torch.nn.functional.cross_entropy(z, words, reduction="none")
    assert int(leads[theirs == 0].min()) == first_zero
    assert cross_entropy_from_logits(z.numpy(), words.numpy(), reduction="none").min() > 0


@given(st.integers(0, 2**31), st.floats(0, 600))
def test_uneven_confident_predictions_against_mpmath(seed, lead):
    z = np.random.default_rng(seed).normal(size=6)
    z[2] = z.max() + lead
    with mpmath.workdps(60):
        terms = [mpmath.exp(mpmath.mpf(float(x)) - mpmath.mpf(float(z[2]))) for x in z]
        exact = mpmath.log1p(mpmath.fsum(terms[:2] + terms[3:]))
    assert abs((mpmath.mpf(float(cross_entropy_from_logits(z, 2))) - exact) / exact) <= 2e-13


# ---- the ends of the scale -------------------------------------------------------------


@pytest.mark.filterwarnings("error")
def test_certainty_costs_zero_and_impossibility_infinity():
    assert str(cross_entropy([1.0, 0.0], 0, reduction="none")) == "0.0"  # never -0.0
    assert str(cross_entropy_one_hot([1.0, 0.0], [1, 0], reduction="none")) == "0.0"
    assert cross_entropy([1.0, 0.0], 1) == np.inf
    assert cross_entropy_one_hot([1.0, 0.0], [0.5, 0.5]) == np.inf


@pytest.mark.filterwarnings("error")
def test_huge_logits():
    assert cross_entropy_from_logits([1e4, 0.0], 0) == 0.0  # e^-10000 is below float64
    assert cross_entropy_from_logits([1e4, 0.0], 1) == 1e4
    assert cross_entropy_from_logits([1e308, -1e308], 0) == 0.0
    assert cross_entropy_from_logits([1e308, -1e308], 1) == np.inf  # 2e308 is beyond float64
    assert_allclose(cross_entropy_from_logits([1e16, 1e16], 0), np.log(2), rtol=1e-15)


@pytest.mark.filterwarnings("error")
def test_masked_words():
    z = [0.0, -np.inf, 0.0]
    assert_allclose(cross_entropy_from_logits(z, 0), np.log(2), rtol=1e-15)
    assert cross_entropy_from_logits(z, 1) == np.inf
    assert cross_entropy_from_logits([-np.inf, 3.0], 1) == 0.0
    assert_allclose(softmax(z), [0.5, 0.0, 0.5], rtol=1e-15)


def test_one_word_vocabulary_costs_nothing():
    assert cross_entropy([1.0], 0) == 0.0
    assert cross_entropy_from_logits([7.0], 0) == 0.0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8])
def test_small_types_are_computed_in_float64(dtype):
    z = np.array([3, 1, 2], dtype=dtype)
    loss = cross_entropy_from_logits(z, 1, reduction="none")
    assert loss.dtype == np.float64
    assert loss == cross_entropy_from_logits([3.0, 1.0, 2.0], 1)


def test_half_precision_probabilities_may_miss_the_sum_by_their_rounding():
    row = np.array([0.1, 0.1, 0.8], dtype=np.float16)  # sums to 0.99976
    assert_allclose(cross_entropy(row, 0), -np.log(np.float64(row[0])), rtol=1e-15)
    with pytest.raises(ValueError, match=r"row sums of probabilities.* 1e-06.* 0\.9997"):
        cross_entropy(row.astype(np.float64), 0)


def test_single_precision_rows_of_many_words_may_miss_the_sum_by_more():
    # A float32 softmax of 250,000 words was seen to sum to 1 + 1e-5.
    row = np.full(250_000, 4e-6 * (1 + 1e-5), dtype=np.float32)
    assert abs(row.astype(float).sum() - 1) > 9e-6
    assert_allclose(cross_entropy(row, 7), -np.log(float(row[7])), rtol=1e-12)
    with pytest.raises(ValueError, match="row sums of probabilities must be 1 within 1e-06"):
        cross_entropy(row.astype(np.float64), 7)


def test_integer_rows_must_sum_to_one_exactly():
    assert cross_entropy(np.array([0, 1], np.uint8), np.uint8(1)) == 0.0
    with pytest.raises(ValueError, match=r"row sums of probabilities must be 1 within 1e-06"):
        cross_entropy([2, 0], 0)


# ---- reductions ------------------------------------------------------------------------


def test_reductions_by_hand():
    p = [[0.5, 0.5], [0.25, 0.75]]
    assert_allclose(cross_entropy(p, [0, 0], reduction="none"), np.log([2, 4]), rtol=1e-15)
    assert_allclose(cross_entropy(p, [0, 0], reduction="sum"), np.log(8), rtol=1e-15)
    assert_allclose(cross_entropy(p, [0, 0]), np.log(8) / 2, rtol=1e-15)


def test_ignored_positions_cost_nothing_and_are_not_read():
    z = np.array([[0.0, 0.0], [np.nan, np.inf], [0.0, np.log(3.0)]])
    targets = [0, -1, 0]
    none = cross_entropy_from_logits(z, targets, ignore_index=-1, reduction="none")
    assert_allclose(none, [np.log(2), 0.0, np.log(4)], rtol=1e-15)
    mean = cross_entropy_from_logits(z, targets, ignore_index=-1)
    assert_allclose(mean, np.log(8) / 2, rtol=1e-15)  # over two, not three


def test_a_mean_over_no_counted_target_is_an_error():
    with pytest.raises(ValueError, match=r'none of 2; reduction="sum" gives 0$'):
        cross_entropy_from_logits(np.zeros((2, 3)), [9, 9], ignore_index=9)
    with pytest.raises(ValueError, match="at least one counted target, got none of 0"):
        cross_entropy(np.zeros((0, 3)), [])
    assert cross_entropy(np.zeros((0, 3)), [], reduction="sum") == 0.0
    assert cross_entropy_from_logits(np.zeros((0, 3)), [], reduction="none").shape == (0,)


# ---- errors ----------------------------------------------------------------------------

NAN, INF = float("nan"), float("inf")
BAD_PROBABILITIES = [
    ([0.5, 0.6], ValueError, r"row sums of probabilities must be 1 within 1e-06, got 1\.1"),
    ([1.5, -0.5], ValueError, r"probabilities must be non-negative, got -0\.5 at index \(1,\)"),
    ([NAN, 1.0], ValueError, r"probabilities must be numbers, got nan at index \(0,\)"),
    ([INF, 1.0], ValueError, r"row sums of probabilities must be 1.*got inf"),
    (1.0, ValueError, r"probabilities must have the words.* shape \(\)"),
    ([], ValueError, r"probabilities must have the words.* shape \(0,\)"),
    ([True, False], TypeError, r"probabilities must hold real numbers.* got dtype bool"),
    (["a", "b"], TypeError, r"probabilities must hold real numbers.* got dtype <U1"),
    (np.array([0.5, 0.5], np.longdouble), TypeError, r"probabilities must hold .* 64 bits, got"),
    (np.ma.array([0.5, 0.5]), TypeError, r"probabilities must be a plain array, got a masked one"),
    (torch.tensor([0.5, 0.5], requires_grad=True), TypeError, r"probabilities must be readable"),
    ([1e308] * 3, ValueError, r"row sums of probabilities must be 1.*got inf"),
    ([[0.5, 0.5], [1.0]], ValueError, r"probabilities must be a rectangular array"),
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("bad", "error", "message"), BAD_PROBABILITIES)
def test_bad_probabilities_are_named(bad, error, message):
    with pytest.raises(error, match=message):
        cross_entropy(bad, 0)
    with pytest.raises(error, match=message):
        cross_entropy_one_hot(bad, [1.0, 0.0])


BAD_TARGETS = [
    (4, ValueError, r"targets must be word ids in \[0, 4\), got 4"),
    (-1, ValueError, r"targets must be word ids in \[0, 4\), got -1"),
    (1.0, TypeError, r"targets must be integers, got dtype float64"),
    (True, TypeError, r"targets must be integers, got dtype bool"),
    (np.array([], str), TypeError, r"targets must be integers, got dtype <U1"),
    ("o", TypeError, r"targets must be integers, got dtype <U1"),
    ([1], ValueError, r"targets must have the shape \(\) of the rows of .*, got \(1,\)"),
    ([[1], [1, 2]], ValueError, r"targets must be a rectangular array"),
]


@pytest.mark.parametrize(("bad", "error", "message"), BAD_TARGETS)
def test_bad_targets_are_named(bad, error, message):
    with pytest.raises(error, match=message):
        cross_entropy(UNIFORM, bad)
    with pytest.raises(error, match=message):
        cross_entropy_from_logits(UNIFORM, bad)


BAD_LOGITS = [
    ([NAN, 0.0], ValueError, r"logits must be finite or -inf, got nan at index \(0, 0\)"),
    ([INF, 0.0], ValueError, r"logits must be finite or -inf, got inf at index \(0, 0\)"),
    ([-INF, -INF], ValueError, r"row maxima of logits must be finite, got -inf"),
    ([1j, 0.0], TypeError, r"logits must hold real numbers.* got dtype complex128"),
]


@pytest.mark.parametrize(("bad", "error", "message"), BAD_LOGITS)
def test_bad_logits_are_named(bad, error, message):
    for function in (softmax, log_softmax):
        with pytest.raises(error, match=message):
            function([bad])
    with pytest.raises(error, match="logits must"):
        cross_entropy_from_logits([bad], [0])


def test_bad_shapes_and_options_are_named():
    with pytest.raises(ValueError, match=r"logits must have the words.* shape \(\)"):
        cross_entropy_from_logits(1.0, 0)
    with pytest.raises(ValueError, match=r"one_hot_targets must have the shape \(2,\) of prob"):
        cross_entropy_one_hot([0.5, 0.5], [1.0, 0.0, 0.0])
    with pytest.raises(ValueError, match=r"row sums of one_hot_targets must be 1"):
        cross_entropy_one_hot([0.5, 0.5], [1.0, 1.0])
    with pytest.raises(ValueError, match=r"reduction must be one of \('mean', .* got 'avg'"):
        cross_entropy(UNIFORM, 0, reduction="avg")
    with pytest.raises(TypeError, match=r"reduction must be one of .* got array"):
        cross_entropy(UNIFORM, 0, reduction=np.array(["mean"]))
    with pytest.raises(ValueError, match=r"in \[0, 4\) or ignore_index -100, got 7"):
        cross_entropy_from_logits(UNIFORM, 7, ignore_index=-100)
    with pytest.raises(TypeError, match=r"ignore_index must be an integer, got 1\.5"):
        cross_entropy_from_logits(UNIFORM, 0, ignore_index=1.5)
    with pytest.raises(ValueError, match="vocabulary_size must be at least 1, got 0"):
        one_hot(0, 0)
    with pytest.raises(TypeError, match="vocabulary_size must be an integer, got True"):
        one_hot(0, True)
    with pytest.raises(ValueError, match=r"targets must be word ids in \[0, 3\), got 3"):
        one_hot([0, 3], 3)


def test_a_bad_logit_is_named_by_its_place_in_what_was_given():
    z = np.zeros((2, 3, 4))
    z[1, 2, 0] = np.nan
    with pytest.raises(ValueError, match=r"nan at index \(1, 2, 0\)"):
        cross_entropy_from_logits(z, np.zeros((2, 3), int))
    z = np.zeros((3, 4))
    z[2, 1] = np.nan
    with pytest.raises(ValueError, match=r"nan at index \(2, 1\)"):
        cross_entropy_from_logits(z, [-100, -100, 0], ignore_index=-100)


# ---- weights ---------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.25, 1.0, 7.0])), min_size=1))
def test_weights_count_each_loss_as_by_hand(drawn):
    """In all three forms, against PyTorch's losses, weighted by hand."""
    words, weights = map(np.array, zip(*drawn, strict=True))
    assume(weights.sum() > 0)
    z = np.random.default_rng(len(drawn)).normal(size=(len(drawn), 4))
    each = torch.nn.functional.cross_entropy(
        torch.tensor(z), torch.tensor(words), reduction="none"
    ).numpy()
    by_hand = {
        "none": weights * each,
        "sum": (weights * each).sum(),
        "mean": (weights * each).sum() / weights.sum(),
    }
    y_hat = softmax(z)
    for reduction, wanted in by_hand.items():
        options = {"weights": weights, "reduction": reduction}
        for found in (
            cross_entropy(y_hat, words, **options),
            cross_entropy_one_hot(y_hat, one_hot(words, 4), **options),
            cross_entropy_from_logits(z, words, **options),
        ):
            assert_allclose(found, wanted, rtol=1e-10)


def test_a_weight_of_zero_silences_an_infinite_loss():
    losses = cross_entropy([[1.0, 0.0], [0.5, 0.5]], [1, 0], weights=[0, 3], reduction="none")
    assert_array_equal(losses, [0.0, 3 * np.log(2)])
    assert cross_entropy([[1.0, 0.0], [0.5, 0.5]], [1, 0], weights=[0, 3]) == np.log(2)


def test_weights_and_padding_meet():
    found = cross_entropy_from_logits(
        [[0.0, 0.0], [3.0, 0.0], [0.0, 1.0]], [0, -1, 1], ignore_index=-1, weights=[1, 5, 2]
    )
    assert_allclose(found, (np.log(2) + 2 * np.log1p(np.exp(-1))) / 3, rtol=1e-14)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([-1.0, 1.0], "weights must be .* got -1.0 at index"),
        ([np.nan, 1.0], "weights must be .* got nan"),
        ([1.0], r"weights must have the shape \(2,\) of targets, got \(1,\)"),
        ([0.0, 0.0], "a mean needs at least one counted target, got none of 2"),
    ],
)
def test_weights_that_count_nothing_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        cross_entropy([[0.5, 0.5], [0.5, 0.5]], [0, 1], weights=weights)
