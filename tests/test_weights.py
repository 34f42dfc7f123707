"""One step, backpropagation, the learning rate and the floor: chapter 4's claims."""

import mpmath
import numpy as np
import pytest
import scipy.differentiate
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from strategies import distributions, logits, with_word

from nwp.equivalence import empirical_conditional_entropy, empirical_next_word
from nwp.loss import cross_entropy, cross_entropy_from_logits, one_hot, softmax
from nwp.weights import (
    Weights,
    backward,
    descend,
    forward,
    logit_step,
    safe_learning_rate,
    turning_rates,
)

CONFUSED = np.array([0.05, 0.80, 0.05, 0.10])  # "o", "cão", "ladra", "."; "." is right
TWO = np.array([0, 1, 2, 3, 0, 4, 5, 6, 3])  # o cão ladra . o sol brilha forte .
THREE = np.append(TWO, [0, 1, 2, 3])  # ... o cão ladra .
PAIRS = THREE[:-1], THREE[1:]
RATES = st.floats(1e-3, 50)
SEEDS = st.integers(0, 2**31)
SEVERAL = st.integers(2, 6)


def log_odds(z, w):
    """log of the right word's odds against all others, which no certainty rounds away."""
    others = np.delete(np.asarray(z, dtype=np.float64), w)
    return z[w] - np.logaddexp.reduce(others)


@st.composite
def models(draw):
    """A random factored model and examples for it; context words may repeat."""
    contexts, words, width, examples = (draw(st.integers(1, 5)) for _ in range(4))
    random = np.random.default_rng(draw(SEEDS))
    weights = Weights(random.normal(size=(contexts, width)), random.normal(size=(words, width)))
    return weights, random.integers(contexts, size=examples), random.integers(words, size=examples)


@st.composite
def texts(draw):
    """A random table and a few pairs over few words, so that contexts repeat."""
    random = np.random.default_rng(draw(SEEDS))
    size, examples = draw(st.integers(2, 4)), draw(st.integers(1, 9))
    table = random.normal(scale=2, size=(size, size))
    pairs = random.integers(size, size=(2, examples))
    return table, *pairs


def mean_loss(table, contexts, targets):
    return cross_entropy_from_logits(np.asarray(table)[contexts], targets)


# ---- a guess and its loss --------------------------------------------------------------


@pytest.mark.claim("prop-guess")
@given(with_word(distributions(size=5)))
def test_a_guess_bounds_the_loss(prediction):
    y_hat, w = prediction
    loss = cross_entropy(y_hat, w)
    if y_hat[w] == y_hat.max():
        assert loss <= np.log(5) + 1e-12
    if np.delete(y_hat, w).max() >= y_hat[w]:
        assert loss >= np.log(2) - 1e-12


@pytest.mark.claim("prop-guess")
def test_a_right_guess_may_cost_more_than_a_wrong_one():
    right, wrong = np.array([0.25, 0.25, 0.20, 0.30]), np.array([0.55, 0.0, 0.0, 0.45])
    assert right.argmax() == 3
    assert wrong.argmax() != 3
    assert round(float(cross_entropy(right, 3)), 3) == 1.204
    assert round(float(cross_entropy(wrong, 3)), 3) == 0.799
    assert_allclose(cross_entropy([0.25] * 4, 3), np.log(4))  # both bounds are reached
    assert_allclose(cross_entropy([0.5, 0, 0, 0.5], 3), np.log(2))


# ---- one step on the logits ------------------------------------------------------------


@pytest.mark.claim("prop-step-right")
@given(with_word(logits(bound=10)), RATES)
def test_the_step_is_along_autograds_gradient(prediction, rate):
    z, w = prediction
    leaf = torch.tensor(z, requires_grad=True)
    torch.nn.functional.cross_entropy(leaf, torch.tensor(w)).backward()
    expected = z - rate * leaf.grad.numpy()
    assert_allclose(logit_step(z, w, rate), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.claim("prop-step-right")
@given(SEVERAL.flatmap(lambda size: with_word(logits(size=size, bound=12))), RATES)
def test_the_right_word_rises_at_every_rate(prediction, rate):
    z, w = prediction
    stepped, y_hat = logit_step(z, w, rate), softmax(z)
    assert log_odds(stepped, w) > log_odds(z, w)
    assert cross_entropy_from_logits(stepped, w) < cross_entropy_from_logits(z, w)
    for j in set(range(z.size)) - {w}:  # the exact factor of the odds
        growth = (stepped[w] - stepped[j]) - (z[w] - z[j])
        assert_allclose(growth, rate * (1 - y_hat[w] + y_hat[j]), rtol=1e-7, atol=1e-12)
    least = rate * (1 - y_hat[w])
    assert log_odds(stepped, w) - log_odds(z, w) > least * (1 - 1e-6) - 1e-12


@pytest.mark.claim("prop-step-wrong")
@given(st.integers(3, 6).flatmap(lambda n: with_word(logits(size=n, bound=6))), RATES)
def test_which_wrong_words_fall(prediction, rate):
    z, w = prediction
    y_hat = softmax(z)
    stepped = softmax(logit_step(z, w, rate))
    turns = turning_rates(z, w)
    margin = y_hat[w] + y_hat - np.sum(y_hat**2)
    assert turns[w] == np.inf
    for i in set(range(z.size)) - {w}:
        if abs(margin[i]) < 1e-6:
            continue
        assert (turns[i] > 0) == (margin[i] < 0)
        if margin[i] < 0:
            assert turns[i] < -np.log(y_hat[w]) / (1 - y_hat[w] + y_hat[i])
        if abs(rate / turns[i] - 1 if turns[i] else 1) > 1e-3:
            assert (stepped[i] > y_hat[i]) == (rate < turns[i])


@pytest.mark.claim("prop-step-wrong")
@given(st.integers(2, 6).flatmap(lambda n: with_word(logits(size=n, bound=6))))
def test_the_largest_wrong_word_falls_and_all_do_once_the_right_one_leads(prediction):
    z, w = prediction
    turns = turning_rates(z, w)
    others = np.where(np.arange(z.size) == w, -np.inf, z)
    assert turns[others.argmax()] == 0
    z[w] = z.max() + 1e-9  # the right word leads, by a hair
    assert np.all(np.delete(turning_rates(z, w), w) == 0)


@pytest.mark.claim("prop-step-wrong")
@pytest.mark.parametrize("y_hat", [CONFUSED, [0.02, 0.03, 0.9, 0.05], [0.001, 0.009, 0.99]])
def test_turning_rates_against_mpmath(y_hat):
    w = len(y_hat) - 1 if y_hat[-1] < 0.5 else 0
    turns = turning_rates(np.log(y_hat), w)
    with mpmath.workdps(40):
        p = [mpmath.mpf(float(x)) for x in y_hat]
        p = [x / sum(p) for x in p]
        d = [(k == w) - x for k, x in enumerate(p)]

        def f(eta, i):
            return mpmath.log(sum(x * mpmath.exp(eta * e) for x, e in zip(p, d, strict=True))) + (
                eta * p[i]
            )

        for i in np.flatnonzero((turns > 0) & (turns < np.inf)):
            root = mpmath.findroot(lambda eta, i=i: f(eta, i), float(turns[i]))
            assert abs(float(root) - turns[i]) < 1e-10
            assert root > 0.1


@pytest.mark.claim("prop-step-wrong")
def test_the_first_screen():
    moved = softmax(logit_step(np.log(CONFUSED), 3, 1.0))
    assert_allclose(moved, [0.068, 0.513, 0.068, 0.351], atol=5e-4)
    turns = turning_rates(np.log(CONFUSED), 3)
    assert turns[[0, 2]].round(3).tolist() == [2.099, 2.099]
    assert turns[1] == 0


@pytest.mark.filterwarnings("error")
def test_steps_at_the_ends_of_the_scale():
    assert_array_equal(turning_rates([800.0, 0.0], 0), [np.inf, 0])
    assert_array_equal(turning_rates([800.0, 0.0], 1), [0, np.inf])
    assert_array_equal(turning_rates([3.0], 0), [np.inf])
    assert_allclose(turning_rates([800.0, 0.0, -800.0], 1)[2], 800.0)  # log(e^(800-η)+e^η)
    assert_array_equal(logit_step([7.0], 0, 1e3), [7.0])
    lead = logit_step([50.0, 0.0], 0, 1.0) - [50.0, 0.0]
    assert_allclose(lead[1], -np.exp(-50.0), rtol=1e-12)
    far = logit_step([0.0, -50.0], 0, 1e21)  # 1 - ŷ_w keeps its digits
    assert_allclose(far[0], 1e21 * np.exp(-50.0), rtol=1e-12)


def test_rates_broadcast_against_the_rows():
    z, words = np.arange(6.0).reshape(2, 3), [0, 2]
    both = logit_step(z, words, [0.1, 3.0])
    assert_array_equal(both[0], logit_step(z[0], 0, 0.1))
    assert_array_equal(both[1], logit_step(z[1], 2, 3.0))
    assert logit_step(z[0], 0, np.ones(5)).shape == (5, 3)


# ---- the table -------------------------------------------------------------------------


@pytest.mark.claim("def-table")
@given(texts(), RATES)
def test_a_step_of_the_table_by_hand_and_by_autograd(text, rate):
    table, contexts, targets = text
    by_hand = np.zeros_like(table)
    for x, w in zip(contexts, targets, strict=True):
        by_hand[x] += (softmax(table[x]) - one_hot(w, len(table))) / len(contexts)
    before, after = descend(table, contexts, targets, rate, 1)
    assert_array_equal(before, table)
    assert_allclose(after, table - rate * by_hand, rtol=1e-12, atol=1e-12)
    leaf = torch.tensor(table, requires_grad=True)
    torch.nn.functional.cross_entropy(leaf[contexts], torch.from_numpy(targets)).backward()
    assert_allclose(by_hand, leaf.grad.numpy(), atol=1e-13)


@pytest.mark.claim("ex-training")
def test_o_cao_ladra_trained():
    history = softmax(descend(np.zeros((4, 4)), [0, 1, 2], [1, 2, 3], 3.0, 8)[:, 2])
    assert history[:5, 3].round(3).tolist() == [0.25, 0.475, 0.646, 0.745, 0.804]
    losses = cross_entropy(history, np.full(9, 3), reduction="none")
    assert round(losses[0], 3) == 1.386
    assert losses[4] < 0.223 < losses[3]
    assert np.all(np.diff(history[:, 3]) > 0)
    assert np.all(np.diff(history[:, :3], axis=0) < 0)


def test_no_steps_give_the_start_back():
    assert_array_equal(descend([[1.0, 2.0]], [0], [1], 1.0, 0), [[[1.0, 2.0]]])


# ---- backpropagation -------------------------------------------------------------------


@pytest.mark.claim("prop-backprop")
@given(models())
def test_autograd_agrees_at_every_node(model):
    weights, contexts, targets = model
    values, (at_weights, at_nodes) = forward(*model), backward(*model)
    matrices = [torch.tensor(matrix, requires_grad=True) for matrix in weights]
    hidden = matrices[0][torch.from_numpy(contexts)]
    logits = hidden @ matrices[1].T
    probabilities = logits.softmax(dim=-1)
    losses = -probabilities[range(len(targets)), targets].log()
    inner = [hidden, logits, probabilities, losses]
    for ours, theirs in zip(values, inner, strict=True):
        assert_allclose(ours, theirs.detach().numpy(), rtol=1e-12, atol=1e-13)
    theirs = torch.autograd.grad(losses.mean(), [*matrices, *inner])
    for ours, witness in zip([*at_weights, *at_nodes], theirs, strict=True):
        assert_allclose(ours, witness.numpy(), rtol=1e-10, atol=1e-13)


@pytest.mark.claim("prop-backprop")
@given(models(), SEEDS)
def test_finite_differences_agree_along_random_directions(model, seed):
    weights, contexts, targets = model
    random = np.random.default_rng(seed)
    direction = [random.normal(size=matrix.shape) for matrix in weights]

    def along(steps):
        moved = [
            Weights(*(m + s * d for m, d in zip(weights, direction, strict=True)))
            for s in np.ravel(steps)
        ]
        losses = [forward(w, contexts, targets).losses.mean() for w in moved]
        return np.reshape(losses, np.shape(steps))

    slope = scipy.differentiate.derivative(along, 0.0, initial_step=0.1).df
    gradient, _ = backward(*model)
    ours = sum(np.sum(g * d) for g, d in zip(gradient, direction, strict=True))
    assert_allclose(ours, slope, rtol=1e-6, atol=1e-8)


@pytest.mark.claim("prop-backprop")
def test_a_repeated_context_word_adds_its_gradients():
    weights = Weights(np.ones((2, 1)), np.array([[0.0], [1.0]]))
    twice, _ = backward(weights, [0, 0], [0, 1])
    once = [backward(weights, [0], [w])[0].embedding[0] for w in (0, 1)]
    assert_allclose(twice.embedding[0], np.mean(once, axis=0))
    assert_array_equal(twice.embedding[1], 0)


@pytest.mark.filterwarnings("error")
@pytest.mark.claim("prop-backprop")
def test_an_impossible_right_word_leaves_the_gradient_in_the_logits_finite():
    weights = Weights(np.array([[1.0]]), np.array([[0.0], [800.0]]))
    gradient, nodes = backward(weights, [0], [0])
    assert_array_equal(nodes.probabilities, [[-np.inf, 0]])
    assert_array_equal(nodes.logits, [[-1, 1]])
    assert np.isfinite(gradient.embedding).all()
    _, nodes = backward(Weights(np.array([[1.0]]), np.array([[50.0], [0.0]])), [0], [0])
    assert_allclose(nodes.logits, np.exp(-50.0) * np.array([[-1, 1]]), rtol=1e-12)


@pytest.mark.claim("prop-sharing")
@given(models(), st.floats(0.01, 3))
def test_one_example_moves_another_context_by_the_product_of_the_embeddings(model, rate):
    weights, contexts, targets = model
    x, w = contexts[:1], targets[:1]
    gradient, nodes = backward(weights, x, w)
    moved = Weights(*(m - rate * g for m, g in zip(weights, gradient, strict=True)))
    for c in set(range(len(weights.embedding))) - {int(x[0])}:
        shift = moved.embedding[c] @ moved.linear.T - weights.embedding[c] @ weights.linear.T
        product = weights.embedding[c] @ weights.embedding[x[0]]
        assert_allclose(shift, -rate * product * nodes.logits[0], atol=1e-12)


def one_step(weights, contexts, targets, rate):
    gradient, _ = backward(weights, contexts, targets)
    stepped = Weights(*(m - rate * g for m, g in zip(weights, gradient, strict=True)))
    return [forward(w, contexts, targets).losses.mean() for w in (weights, stepped)]


@pytest.mark.claim("cex-weights-step", "prop-step-right")
def test_a_step_on_the_weights_may_raise_the_loss_of_its_only_example():
    tiny = Weights(np.array([[1.0]]), np.array([[-0.5], [0.5]]))
    before, after = one_step(tiny, [0], [0], 3.0)
    assert (round(before, 3), round(after, 2)) == (1.313, 4.06)
    assert cross_entropy_from_logits(logit_step([-0.5, 0.5], 0, 3.0), 0) < before


@pytest.mark.claim("rem-zero-start")
@given(models())
def test_zeros_teach_nothing(model):
    weights, contexts, targets = model
    zeros = Weights(*(np.zeros_like(matrix) for matrix in weights))
    gradient, nodes = backward(zeros, contexts, targets)
    assert not gradient.embedding.any()
    assert not gradient.linear.any()
    if len(weights.linear) > 1:
        assert nodes.logits.any()


@pytest.mark.claim("rem-zero-start")
@given(models(), st.floats(0.01, 0.1))
def test_zeros_are_a_saddle_unless_all_words_follow_equally_often(model, small):
    weights, contexts, targets = model
    size = len(weights.linear)
    shares = np.bincount(targets[contexts == contexts[0]], minlength=size)
    unequal = shares / shares.sum() - 1 / size
    assume(unequal.any())
    losses = []
    for sign in (1, -1):
        moved = Weights(*(np.zeros_like(matrix) for matrix in weights))
        moved.embedding[contexts[0], 0] = small
        moved.linear[:, 0] = sign * small * unequal
        losses.append(forward(moved, contexts, targets).losses.mean())
    assert losses[0] < np.log(size) < losses[1]


# ---- the learning rate -----------------------------------------------------------------


@pytest.mark.claim("prop-rate")
@given(texts(), st.floats(0.01, 0.999))
def test_a_safe_rate_never_raises_the_loss(text, share):
    table, contexts, targets = text
    counts = np.bincount(contexts)
    assert safe_learning_rate(contexts) == 4 * len(contexts) / counts.max()
    rate, curvature = share * safe_learning_rate(contexts), counts.max() / len(contexts) / 2
    tables = descend(table, contexts, targets, rate, 20)
    losses = [mean_loss(t, contexts, targets) for t in tables]
    squares = np.sum(np.square(np.diff(tables, axis=0) / rate), axis=(1, 2))
    promised = rate * (1 - rate * curvature / 2) * squares
    assert np.all(np.diff(losses) <= -promised + 1e-14)


@pytest.mark.claim("prop-rate", "prop-floor")
@given(texts(), st.floats(0.05, 0.95), st.floats(1e-4, 0.3), st.integers(1, 60))
def test_the_gap_to_any_table_obeys_the_bound(text, share, delta, steps):
    start, contexts, targets = text
    counts = np.zeros_like(start)
    np.add.at(counts, (contexts, targets), 1)
    visits = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    floor = -np.sum(counts * np.log(np.where(counts, counts / visits, 1))) / len(contexts)
    near = np.where(
        counts.any(axis=1, keepdims=True),
        np.log((1 - delta) * counts / visits + delta / len(start)),
        start,
    )
    near_loss = mean_loss(near, contexts, targets)
    assert floor - 1e-12 <= near_loss <= floor - np.log1p(-delta) + 1e-12
    rate, curvature = share * safe_learning_rate(contexts), visits.max() / len(contexts) / 2
    end = descend(start, contexts, targets, rate, steps)[-1]
    extra = rate * (mean_loss(start, contexts, targets) - floor) / (1 - rate * curvature / 2)
    bound = (np.sum((start - near) ** 2) + extra) / (2 * rate * steps)
    assert mean_loss(end, contexts, targets) - near_loss <= bound + 1e-12
    assert mean_loss(end, contexts, targets) >= floor - 1e-12


@pytest.mark.claim("prop-rate")
@given(st.floats(4.05, 40))
def test_above_the_safe_rate_two_words_swing_for_ever(rate):
    low, high = 1e-3, rate  # rate·tanh(d/2) = 2d
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if rate * np.tanh(middle / 2) > 2 * middle else (low, middle)
    assume(low > 0.1)
    tables = descend([[low / 2, -low / 2]], [0, 0], [0, 1], rate, 2)
    assert_allclose(tables[1], -tables[0], atol=1e-9)
    assert_allclose(tables[2], tables[0], atol=1e-8)
    assert safe_learning_rate([0, 0]) == 4


@pytest.mark.claim("prop-rate")
def test_one_over_the_bound_promises_most_and_is_not_the_best_rate():
    safe = safe_learning_rate(THREE[:-1])
    rates = np.linspace(0, safe, 1001)
    assert rates[np.argmax(rates * (1 - rates / safe))] == safe / 2 == 8
    ends = [mean_loss(descend(np.zeros((7, 7)), *PAIRS, r, 40)[-1], *PAIRS) for r in (8.0, 15.9)]
    assert ends[1] < ends[0]


@pytest.mark.claim("prop-no-rate")
@given(st.floats(-6, 6).map(lambda power: 10.0**power))
def test_no_rate_is_safe_for_every_factored_model(rate):
    a, gap = 4 / np.sqrt(rate), 1 / (1 + rate)
    steep = Weights(np.array([[a]]), np.array([[gap], [-gap]]) / (2 * a))
    gradient, _ = backward(steep, [0, 0], [0, 1])
    stepped = Weights(*(m - rate * g for m, g in zip(steep, gradient, strict=True)))
    before, after = (forward(w, [0, 0], [0, 1]) for w in (steep, stepped))
    moved = after.logits[0, 0] - after.logits[0, 1]
    assert moved < -4 * gap
    losses = np.log(2 * np.cosh(np.array([gap, moved]) / 2))
    assert_allclose([before.losses.mean(), after.losses.mean()], losses, rtol=1e-12)
    assert moved**2 > gap**2  # the loss rises with the size of the gap, however small
    if gap > 1e-4:
        assert after.losses.mean() > before.losses.mean()


@pytest.mark.claim("prop-no-rate", "prop-rate")
@given(models())
def test_from_one_start_every_short_enough_step_lowers_the_loss(model):
    weights, contexts, targets = model
    gradient, _ = backward(*model)
    slope = -sum(np.sum(g**2) for g in gradient)
    assume(slope < -1e-6)
    for rate in (1e-4, 1e-5):
        before, after = one_step(weights, contexts, targets, rate)
        assert_allclose(after - before, rate * slope, rtol=0.1, atol=1e-13)


# ---- the floor -------------------------------------------------------------------------


@pytest.mark.claim("prop-floor")
def test_training_comes_down_to_the_empirical_conditional_entropy():
    floor = empirical_conditional_entropy(THREE, 7, 1)
    assert_allclose(floor, 3 / 12 * (np.log(3) - 2 / 3 * np.log(2)))
    tables = descend(np.zeros((7, 7)), THREE[:-1], THREE[1:], 15.9, 1000)
    losses = [mean_loss(t, THREE[:-1], THREE[1:]) for t in tables]
    assert floor < losses[-1] < floor + 5e-4
    learned = softmax(tables[-1])
    for (context,), shares in empirical_next_word(THREE, 7, 1).items():
        assert_allclose(learned[context], shares, atol=5e-3)


@pytest.mark.claim("prop-floor")
@given(SEEDS, st.integers(2, 4))
def test_the_floor_is_attained_where_every_word_follows_every_context(seed, size):
    random = np.random.default_rng(seed)
    pairs = np.array([(c, v) for c in range(size) for v in range(size)])
    contexts, targets = np.concatenate([pairs, random.choice(pairs, 5)]).T
    counts = np.zeros((size, size))
    np.add.at(counts, (contexts, targets), 1)
    best = np.log(counts / counts.sum(axis=1, keepdims=True))
    gradient, _ = backward(Weights(best, np.eye(size)), contexts, targets)
    assert_allclose(gradient.embedding, 0, atol=1e-15)
    nudged = best + random.normal(scale=0.1, size=best.shape)
    at_best = mean_loss(best, contexts, targets)
    assert at_best <= mean_loss(nudged, contexts, targets)


@pytest.mark.claim("cex-corpus-step")
def test_a_corpus_step_lowers_a_right_word():
    two = descend(np.zeros((7, 7)), TWO[:-1], TWO[1:], 8.0, 400)[-1]
    on = descend(two, THREE[:-1], THREE[1:], 8.0, 1)
    sol = softmax(on[:, 0])[:, 4]
    assert sol.round(3).tolist() == [0.499, 0.339]
    losses = [mean_loss(t, THREE[:-1], THREE[1:]) for t in on]
    assert np.round(losses, 4).tolist() == [0.1754, 0.1612]


# ---- errors ----------------------------------------------------------------------------


GOOD = Weights(np.ones((2, 3)), np.ones((4, 3)))
BAD_EXAMPLES = [
    ([2], [0], ValueError, r"contexts must be word ids in \[0, 2\), got 2"),
    ([0], [4], ValueError, r"targets must be word ids in \[0, 4\), got 4"),
    ([0.0], [0], TypeError, "contexts must be integers, got dtype float64"),
    ([], [], ValueError, r"contexts must be a list of at least one word, got shape \(0,\)"),
    (0, 0, ValueError, r"contexts must be a list of at least one word, got shape \(\)"),
    ([0], [0, 1], ValueError, r"targets must have the shape \(1,\) of contexts, got \(2,\)"),
]


@pytest.mark.parametrize(("contexts", "targets", "error", "message"), BAD_EXAMPLES)
def test_bad_examples_are_named(contexts, targets, error, message):
    for function in (forward, backward):
        with pytest.raises(error, match=message):
            function(GOOD, contexts, targets)
    with pytest.raises(error, match=message):
        descend(np.ones((2, 4)), contexts, targets, 1.0, 1)


def test_bad_weights_are_named():
    for bad in [(np.ones((2, 3)), np.ones((4, 2))), (np.ones(3), np.ones((4, 3)))]:
        with pytest.raises(ValueError, match=r"weights must hold an embedding \(C, D\)"):
            forward(Weights(*bad), [0], [0])
    with pytest.raises(ValueError, match=r"\(V, D\) of the same D, got shapes \(2, 3\) and \(3,\)"):
        forward(Weights(np.ones((2, 3)), np.ones(3)), [0], [0])
    with pytest.raises(ValueError, match=r"weights.embedding must be finite, got nan"):
        forward(Weights(np.array([[np.nan]]), np.ones((1, 1))), [0], [0])
    with pytest.raises(ValueError, match=r"weights.linear must be finite, got inf"):
        forward(Weights(np.ones((1, 1)), np.array([[np.inf]])), [0], [0])
    with pytest.raises(ValueError, match=r"table must have the shape \(C, V\), got \(2,\)"):
        descend([0.0, 1.0], [0], [1], 1.0, 1)
    with pytest.raises(ValueError, match="table must be finite, got -inf"):
        descend([[0.0, -np.inf]], [0], [1], 1.0, 1)


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_bad_rates_and_steps_are_named(rate):
    for attempt in (
        lambda: logit_step([0.0, 1.0], 0, rate),
        lambda: descend([[0.0, 1.0]], [0], [1], rate, 1),
    ):
        with pytest.raises(ValueError, match=f"learning_rate must be positive, got {rate}"):
            attempt()
    with pytest.raises(ValueError, match=r"learning_rate must be positive, got -2\.0"):
        logit_step(np.zeros((2, 3)), [0, 1], [1.0, -2.0])
    with pytest.raises(ValueError, match="learning_rate must be finite, got inf"):
        logit_step([0.0, 1.0], 0, np.inf)
    with pytest.raises(ValueError, match="steps must be at least 0, got -1"):
        descend([[0.0, 1.0]], [0], [1], 1.0, -1)


def test_bad_logits_are_named():
    for function in (lambda z, w: logit_step(z, w, 1.0), turning_rates):
        with pytest.raises(ValueError, match="logits must be finite, got -inf"):
            function([0.0, -np.inf], 0)
        with pytest.raises(ValueError, match=r"targets? must be word ids in \[0, 2\), got 2"):
            function([0.0, 1.0], 2)
        with pytest.raises(ValueError, match=r"targets? must have the shape \(\) of the rows"):
            function([0.0, 1.0], [0])
        with pytest.raises(ValueError, match=r"logits must have the words.* got shape \(\)"):
            function(0.0, 0)
    with pytest.raises(ValueError, match=r"logits must be one row, got shape \(1, 2\)"):
        turning_rates([[0.0, 1.0]], [0])
    with pytest.raises(ValueError, match=r"contexts must be a list of at least one word"):
        safe_learning_rate([])
    with pytest.raises(ValueError, match=r"contexts must be word ids .*, got -1"):
        safe_learning_rate([-1])


@pytest.mark.filterwarnings("error")
def test_the_gradient_of_a_nearly_impossible_word_is_infinite_without_a_warning():
    weights = Weights(np.array([[1.0]]), np.array([[0.0], [740.0]]))
    assert backward(weights, [0], [0])[1].probabilities[0, 0] == -np.inf


@pytest.mark.filterwarnings("error")
def test_weights_whose_logits_overflow_are_refused():
    huge = Weights(np.array([[1e200]]), np.array([[1e200], [0.0]]))
    with pytest.raises(ValueError, match="weights must give finite logits"):
        forward(huge, [0], [0])


def test_no_step_checks_its_arguments_too():
    with pytest.raises(ValueError, match="contexts"):
        descend(np.zeros((2, 3)), [99], [0], 1.0, 0)
    with pytest.raises(ValueError, match="learning_rate must be one number"):
        descend(np.zeros((2, 3)), [0], [1], [1.0, 2.0, 3.0], 1)


def test_rates_of_another_shape_than_the_targets_are_refused():
    with pytest.raises(ValueError, match=r"learning_rate must have a shape .* got \(3,\)"):
        logit_step(np.zeros((2, 3)), [0, 1], [0.1, 0.2, 0.3])
