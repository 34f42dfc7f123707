"""The evidence for every point of the page of errata: `erratum-existence` is `test_existence`."""

import json
import re

import numpy as np
import pytest
import torch
from ledger import ROOT, all_claims
from numpy.testing import assert_allclose

from nwp.convexity import chord_gap, two_weight_loss
from nwp.derivative import gradient_wrt_logits, gradient_wrt_probabilities
from nwp.equivalence import (
    empirical_conditional_entropy,
    empirical_next_word,
    entropy,
    kl_divergence,
    log_likelihood,
)
from nwp.generalization import expected_estimation_error, expected_optimism
from nwp.grammar import Grammar
from nwp.loss import (
    cross_entropy,
    cross_entropy_from_logits,
    cross_entropy_one_hot,
    one_hot,
    softmax,
)
from nwp.teacher_forcing import PrefixTree, mixed_inputs, pairs
from nwp.weights import (
    Weights,
    backward,
    descend,
    logit_step,
    safe_learning_rate,
    turning_rates,
)

PAGE = (ROOT / "reference" / "errata.md").read_text(encoding="utf-8")
POINTS = re.findall(
    r"^\(erratum-([a-z-]+)\)=\n### ([^\n]+)\n(.*?)(?=^\(erratum-|^## |\Z)", PAGE, re.M | re.S
)
FIRST = np.array([0.05, 0.10, 0.05, 0.80])  # the document's prediction; the fourth word is right
DOG, SUN, LOUD = "o cão ladra .", "o sol brilha forte .", "o cão ladra forte ."
TEXT = [word for sentence in (DOG, DOG, SUN, LOUD, DOG) for word in sentence.split()]
WORDS = list(dict.fromkeys(TEXT))
TOKENS = np.array([WORDS.index(word) for word in TEXT])


def test_points_and_tests_are_the_same():
    named = {f"test_{name.replace('-', '_')}" for name, _, _ in POINTS}
    about = {name for name, value in globals().items() if getattr(value, "erratum", False)}
    assert named == about
    assert len(POINTS) == PAGE.count("(erratum-") == PAGE.count("\n### ")


@pytest.mark.parametrize(("name", "body"), [(name, body) for name, _, body in POINTS])
def test_each_point_is_complete(name, body):
    for part in ("**The document.**", "**Loose.**", "**True.**", "**Evidence.**"):
        assert body.count(part) == 1, f"{name} has no {part}"
    assert f"`test_errata.py::test_{name.replace('-', '_')}`" in body
    labels = re.findall(r"\{prf:ref\}`([a-z0-9-]+)`", body.split("**Evidence.**")[1])
    assert labels, f"{name} refers to no claim"
    assert set(labels) <= {claim.label for claim in all_claims()}


def erratum(test):
    """Mark a test as the evidence for the point of its name."""
    test.erratum = True
    return test


@erratum
def test_one_hot_truth():
    assert_allclose(kl_divergence(one_hot(3, 4), FIRST), cross_entropy(FIRST, 3))
    assert kl_divergence(FIRST, one_hot(3, 4)) == np.inf  # no distance
    floor = empirical_conditional_entropy(TOKENS, len(WORDS), 1)
    assert floor > 0
    random = np.random.default_rng(0)
    for _ in range(100):
        table = random.dirichlet(np.ones(len(WORDS)), size=len(WORDS))
        assert cross_entropy(table[TOKENS[:-1]], TOKENS[1:]) > floor
    one_successor = np.array([0, 1, 2, 0, 1, 2, 0])
    assert empirical_conditional_entropy(one_successor, 3, 1) == 0


@erratum
def test_zero_times_log():
    y_hat, y = np.array([0.0, 1.0]), np.array([0.0, 1.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        assert np.isnan(-(y * np.log(y_hat)).sum())
    assert -np.log(y @ y_hat) == cross_entropy(y_hat, 1) == cross_entropy_one_hot(y_hat, y) == 0
    random = np.random.default_rng(0)
    for _ in range(100):
        q, w = random.dirichlet(np.ones(5)), random.integers(5)
        e = one_hot(w, 5)
        assert_allclose([-np.log(e @ q), cross_entropy_one_hot(q, e)], cross_entropy(q, w))


def factored_loss(weights, contexts, targets):
    logits = weights.embedding[contexts] @ weights.linear.T
    return float(cross_entropy_from_logits(logits, targets))


@erratum
def test_direction():
    random = np.random.default_rng(0)
    contexts, targets = TOKENS[:-1], TOKENS[1:]
    table = random.normal(size=(len(WORDS), len(WORDS)))
    safe = safe_learning_rate(contexts)
    assert_allclose(safe, 4 * len(contexts) / np.bincount(contexts).max())
    path = descend(table, contexts, targets, 0.99 * safe, 50)
    losses = [float(cross_entropy_from_logits(step[contexts], targets)) for step in path]
    assert np.all(np.diff(losses) < 0)
    start = Weights(np.array([[1.0]]), np.array([[-0.5], [0.5]]))
    gradient, _ = backward(start, [0], [0])

    def after(rate):
        moved = Weights(*(w - rate * g for w, g in zip(start, gradient, strict=True)))
        return factored_loss(moved, [0], [0])

    assert after(0.01) < factored_loss(start, [0], [0]) < after(3)
    for rate in (0.1, 3.0, 1000.0):  # on the logits of one example
        z = random.normal(size=5)
        before = cross_entropy_from_logits(z, 0)
        assert cross_entropy_from_logits(logit_step(z, 0, rate), 0) < before


@erratum
def test_strictly():
    p = np.array([0.1, 0.6, 0.7])
    steps = np.floor(2 * p)  # never decreases, and is constant from 0.5 to 1
    assert np.all(np.diff(steps) >= 0)
    assert (steps == steps.max()).sum() == 2 > (p == p.max()).sum()
    log = np.log(p)
    assert np.array_equal(log == log.max(), p == p.max())
    assert cross_entropy([0.0, 1.0], 0) == np.inf  # log 0 keeps its place in the order


@erratum
def test_one_step():
    came = [0, 0, 1]  # one context, three times
    grid = np.linspace(0.01, 0.99, 99)
    rows = np.stack([grid, 1 - grid], axis=-1)
    best = [rows[:, word].argmax() for word in came]
    assert best[0] != best[2]  # no weights are best for every instant
    losses = [float(cross_entropy([row] * 3, came)) for row in rows]
    text = [float(log_likelihood([row] * 3, came)) for row in rows]
    assert_allclose(np.array(losses) * -3, text)
    assert np.argmin(losses) == np.argmax(text)
    assert abs(grid[np.argmin(losses)] - 2 / 3) < 0.01


@erratum
def test_always_rises():
    random = np.random.default_rng(0)
    for rate in (0.01, 1.0, 100.0):
        z = random.normal(size=6)
        assert cross_entropy_from_logits(logit_step(z, 2, rate), 2) < cross_entropy_from_logits(
            z, 2
        )
    contexts, targets = [0, 0, 0], [1, 1, 2]  # "o": twice "cão", once "sol"
    before = np.array([[-9.0, 0.0, 0.0]])
    after = descend(before, contexts, targets, 1.0, 1)[-1]
    mean = [float(cross_entropy_from_logits(t[contexts], targets)) for t in (before, after)]
    assert mean[1] < mean[0]
    assert softmax(after[0])[2] < softmax(before[0])[2]


@erratum
def test_existence():
    losses = [
        float(cross_entropy_from_logits([lead, 0.0], 0)) for lead in (1.0, 10.0, 100.0, 700.0)
    ]
    assert np.all(np.diff(losses) < 0)
    assert 0 < losses[-1] < 1e-300  # convex, bounded below, and no minimum
    random = np.random.default_rng(0)
    for _ in range(100):
        a, b = random.normal(scale=5, size=(2, 4))
        assert chord_gap(lambda z: cross_entropy_from_logits(z, 0), a, b, 0.5) >= -1e-12
        y_hat = random.dirichlet(np.ones(4))
        assert cross_entropy(y_hat, 1) > cross_entropy(one_hot(1, 4), 1) == 0
    assert_allclose(cross_entropy([0.5, 0.0, 0.5], 2), cross_entropy([0.0, 0.5, 0.5], 2))


@erratum
def test_weights():
    ends = np.array([2.0, 2.0]), np.array([-2.0, -2.0])
    assert [round(float(two_weight_loss(*end)), 3) for end in ends] == [0.018, 0.018]
    assert round(float(two_weight_loss(0.0, 0.0)), 3) == 0.693
    assert chord_gap(lambda v: two_weight_loss(*v), *ends, 0.5) < 0
    v = torch.tensor([2.0, -2.0], dtype=torch.float64, requires_grad=True)
    for _ in range(400):
        (gradient,) = torch.autograd.grad(torch.nn.functional.softplus(-v[0] * v[1]), v)
        v = (v - 0.1 * gradient).detach().requires_grad_()
    assert_allclose(two_weight_loss(*v.detach().numpy()), np.log(2))  # the saddle
    assert two_weight_loss(*ends[0]) < 0.02
    random = np.random.default_rng(0)
    x, came = random.normal(size=(6, 3)), random.integers(4, size=6)
    for _ in range(100):
        a, b = random.normal(scale=3, size=(2, 4, 3))
        gap = chord_gap(lambda w: cross_entropy_from_logits(x @ w.T, came), a, b, 0.5)
        assert gap >= -1e-12  # one linear layer


@erratum
def test_guess():
    right_guess, wrong_guess = [0.25, 0.25, 0.20, 0.30], [0.55, 0, 0, 0.45]
    assert np.argmax(right_guess) == 3 != np.argmax(wrong_guess)
    assert cross_entropy(right_guess, 3) > cross_entropy(wrong_guess, 3)
    assert_allclose(cross_entropy([1 / 4] * 4, 3), np.log(4))  # both bounds are reached
    assert_allclose(cross_entropy([0, 0.5, 0, 0.5], 3), np.log(2))
    random = np.random.default_rng(0)
    for y_hat in random.dirichlet(np.ones(5), size=200):
        for w in range(5):
            loss = cross_entropy(y_hat, w)
            assert loss <= np.log(5) if y_hat.argmax() == w else loss >= np.log(2)


@erratum
def test_accuracy():
    narrow = np.array([[0.51, 0.49]] * 3)
    bold = np.array([[0.99, 0.01], [0.49, 0.51], [0.49, 0.51]])
    came = [0, 0, 0]
    assert cross_entropy(bold, came) < cross_entropy(narrow, came)
    assert [(rows.argmax(1) == 0).sum() for rows in (bold, narrow)] == [1, 3]
    other = [1, 0, 0]  # another text
    assert cross_entropy(bold, other) > cross_entropy(narrow, other)
    p, n = np.array([0.5, 0.3, 0.2]), 1000  # counts, on their own text and on the next
    gained, lost = expected_optimism(p, n), expected_estimation_error(p, n, 0.5)
    assert_allclose([gained, lost], 2 / (2 * n), rtol=0.01)


@erratum
def test_wrong_words():
    confused = np.array([0.05, 0.80, 0.05, 0.10])
    after = softmax(logit_step(np.log(confused), 3, 1.0))
    assert (after > confused).tolist() == [True, False, True, True]
    assert after[:3].sum() < confused[:3].sum()
    random = np.random.default_rng(0)
    for _ in range(200):
        z, w = random.normal(scale=2, size=6), 0
        y_hat, turns = softmax(z), turning_rates(z, w)
        falls_always = y_hat[w] + y_hat >= np.sum(y_hat**2)
        assert np.array_equal(falls_always[1:], turns[1:] == 0)
        if y_hat.argmax() == w:
            assert falls_always[1:].all()


@erratum
def test_most_probable():
    came = [0, 0, 1]
    assert cross_entropy([[1.0, 0.0]] * 3, came) == np.inf
    counted = empirical_next_word(np.array([2, 0, 2, 0, 2, 1]), 3, 1)[(2,)]
    assert_allclose(counted, [2 / 3, 1 / 3, 0])
    least = cross_entropy([counted[:2]] * 3, came)
    assert_allclose(least, entropy([2 / 3, 1 / 3]))
    for t in np.linspace(0.01, 0.99, 50):
        assert cross_entropy([[t, 1 - t]] * 3, came) >= least


@erratum
def test_hypotheses():
    for p in (0.9, 0.25, 1e-8):
        y_hat = np.array([1 - p, p])
        assert_allclose(gradient_wrt_probabilities(y_hat, 1), [0, -1 / p])
        free = torch.tensor(y_hat, requires_grad=True)
        (-torch.log(free[1])).backward()
        assert_allclose(free.grad.numpy(), [0, -1 / p])
    with pytest.raises(ValueError, match="probabilities"):
        gradient_wrt_probabilities([1.0, 0.0], 1)


@erratum
def test_off_the_simplex():
    raw = FIRST - 0.1 * gradient_wrt_probabilities(FIRST, 3)
    assert_allclose(raw.sum(), 1.125)
    p = torch.tensor(FIRST, requires_grad=True)
    (-torch.log(p[3] / p.sum())).backward()  # another continuation
    difference = p.grad.numpy() - gradient_wrt_probabilities(FIRST, 3)
    assert_allclose(difference, difference[0])
    assert abs(difference[0]) > 0.9
    gradient = gradient_wrt_logits(np.log(FIRST), 3)
    assert_allclose(gradient, FIRST - one_hot(3, 4), atol=1e-15)
    assert_allclose(softmax(np.log(FIRST) - 100 * gradient).sum(), 1)
    z = torch.tensor([12.0, 0.0], dtype=torch.float16, requires_grad=True)
    (-torch.log(torch.softmax(z, 0)[1])).backward()
    assert torch.isnan(z.grad).any()
    assert np.all(np.abs(gradient_wrt_logits([12.0, 0.0], 1)) <= 1)


@erratum
def test_lookup():
    z = np.random.default_rng(0).normal(size=6)
    for j in range(6):
        assert cross_entropy_from_logits(z + one_hot(j, 6), 2) != cross_entropy_from_logits(z, 2)
    random = np.random.default_rng(1)
    weight, hidden = random.normal(size=(6, 3)), random.normal(size=3)
    made = weight @ hidden  # not arbitrary: three logits of independent rows fix all six
    again = weight @ np.linalg.solve(weight[:3], made[:3])
    assert np.isclose(cross_entropy_from_logits(again, 5), cross_entropy_from_logits(made, 5))
    other = weight @ (hidden + np.cross(*weight[:2]))  # two do not
    assert np.allclose(other[:2], made[:2])
    losses = [cross_entropy_from_logits(row, 5) for row in (other, made)]
    assert abs(losses[0] - losses[1]) > 0.01
    line = json.loads((ROOT / "benchmarks/results/line.json").read_text())
    saved = {}
    for row in line["rows"]:
        inner, lookup, rest = (
            row["seconds"][form] for form in ("inner product", "lookup", "log-sum-exp")
        )
        saved[row["words"]] = (inner - lookup) / (inner + rest)
    assert round(100 * saved[262_144]) == 9
    assert saved[128] <= 0


@erratum
def test_propagation():
    vocabulary, text = 3, np.array([[0, 1, 2, 1]])

    def always_two(read):
        return np.repeat(np.eye(vocabulary)[[2]], len(read), axis=0)

    random = np.random.default_rng(0)
    assert np.array_equal(mixed_inputs(text, always_two, 1.0, random), text)
    assert mixed_inputs(text, always_two, 0.0, random)[0].tolist() == [0, 2, 2, 2]
    grammar = Grammar.portuguese()
    tree = PrefixTree(grammar, grammar.words)
    noise = np.random.default_rng(0).dirichlet(np.ones(len(grammar.words)), size=len(tree.truth))
    for amount in (0.01, 0.1, 0.5):
        model = (1 - amount) * tree.truth + amount * noise
        leave = tree.departures(model).sum()
        assert 0 < leave <= 1 - np.exp(-(tree.reach @ tree.divergence(model)))
    runs = json.loads((ROOT / "benchmarks/results/errors.json").read_text())["runs"]
    for steps in {run["steps"] for run in runs}:
        added = {
            kind: np.mean(
                [
                    run[kind]["after_an_error"] - run[kind]["without"]
                    for run in runs
                    if run["steps"] == steps
                ]
            )
            for kind in ("next word", "later")
        }
        assert added["next word"] > 0
        assert added["later"] < added["next word"] / 4  # "hardly"


@erratum
def test_convergence():
    two = Grammar(
        {
            "start": [("o", 0.5, "m"), ("a", 0.5, "f")],
            "m": [("cão", 1.0, "end")],
            "f": [("gata", 1.0, "end")],
            "end": [(".", 1.0, "start")],
        }
    )
    tree = PrefixTree(two, two.words)
    marginals = np.stack(
        [tree.reach[tree.length == t] @ tree.truth[tree.length == t] for t in range(3)]
    )
    free = marginals[tree.length]
    assert_allclose(tree.reach @ tree.divergence(tree.truth), 0)  # teacher forcing's optimum
    assert_allclose(tree.reach @ tree.divergence(free), np.log(2))  # mutual information
    assert_allclose(tree.departures(free).sum(), 0.5)
    after_o, second = tree.prefixes.index(("o",)), marginals[1]
    unread = second @ -np.log(np.maximum(free[after_o], 1e-300))
    trusting = second @ -np.log(np.maximum(tree.truth[after_o], 1e-300))
    assert unread < trusting  # with unrelated targets it pays to ignore what was read


@erratum
def test_diagram():
    assert len(pairs(["O", "sol", "brilha", "forte"])) == 3
    lessons = pairs(["O", "sol", "brilha", "forte", "."])
    assert len(lessons) == 4
    assert lessons[-1] == (["O", "sol", "brilha", "forte"], ".")


@erratum
def test_precision():
    grammar = Grammar.portuguese()
    assert round(grammar.entropy_rate(), 2) == 1.14
    tree = PrefixTree(grammar, grammar.words)
    assert_allclose(tree.share @ entropy(tree.truth), grammar.entropy_rate())
    random = np.random.default_rng(0)
    for _ in range(100):  # no model of what was read expects to pay less than the source
        rival = random.dirichlet(np.ones(len(grammar.words)), size=len(tree.truth))
        expected = tree.share @ cross_entropy_one_hot(rival, tree.truth, reduction="none")
        assert expected > grammar.entropy_rate()
    end = [(".", 1.0, "start")]
    coin = Grammar({"start": [("a", 0.5, 1), ("b", 0.5, 1)], 1: end})
    sure = Grammar({"start": [("a", 1.0, 1)], 1: end})
    loss = (cross_entropy([0.5, 0.5], 0) + cross_entropy([1.0, 0.0], 0)) / 2  # of one model
    assert_allclose(coin.entropy_rate(), loss)  # perfect here
    assert sure.entropy_rate() == 0 < loss  # and far from it there
