"""Teacher forcing: the shift, the chain rule, and exact distances from the truth."""

import json
import math
from collections import Counter

import numpy as np
import pytest
import torch
from excess import excess_loss
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger import ROOT
from numpy.testing import assert_allclose, assert_array_equal

from nwp.equivalence import kl_divergence, log_likelihood
from nwp.grammar import END, Grammar
from nwp.loss import cross_entropy
from nwp.model import Transformer
from nwp.teacher_forcing import PrefixTree, mixed_inputs, pairs, sequence_loss, shift

SENTENCE = ["O", "sol", "brilha", "forte", "."]
seeds = st.integers(0, 2**31)
few = settings(max_examples=20)


def random_grammar(random):
    """A language of three layers with random probabilities; every sentence has 2 to 4 words."""
    half, third = random.uniform(0.1, 0.9, size=2).tolist()
    a, b, c = random.dirichlet([1, 1, 1]).tolist()
    return Grammar(
        {
            "start": [("o", half, "m"), ("a", 1 - half, "f")],
            "m": [("cão", third, "v"), ("sol", 1 - third, "v")],
            "f": [("lua", 1.0, "v")],
            "v": [("corre", a, "end"), ("brilha", b, "end"), (END, c, "start")],
            "end": [(END, 1.0, "start")],
        }
    )


class Table:
    """The predictions of a tree's rows, in words."""

    def __init__(self, tree, words, predicted):
        self.rows = dict(zip(tree.prefixes, predicted, strict=True))
        self.words = words

    def next_word_distribution(self, prefix):
        return dict(zip(self.words, self.rows[tuple(prefix)].tolist(), strict=True))


@pytest.fixture(scope="module")
def portuguese():
    grammar = Grammar.portuguese()
    return grammar, PrefixTree(grammar, grammar.words)


def wrong_model(tree, random, amount=0.3):
    noise = random.dirichlet(np.ones(tree.truth.shape[1]), size=len(tree.truth))
    return (1 - amount) * tree.truth + amount * noise


# ---- the shift -------------------------------------------------------------------------


@pytest.mark.claim("def-teacher-forcing")
@given(st.lists(st.integers(0, 50), min_size=2, max_size=12))
def test_target_t_is_the_word_after_input_t(tokens):
    inputs, targets = shift(tokens)
    assert len(inputs) == len(targets) == len(tokens) - 1
    together = zip(inputs, targets, strict=True)
    assert all((tokens[t], tokens[t + 1]) == pair for t, pair in enumerate(together))
    assert shift(tuple(tokens)) == (tuple(inputs), tuple(targets))
    for convert in (np.array, torch.tensor):
        rows = convert([tokens, tokens])
        for got, expected in zip(shift(rows), (inputs, targets), strict=True):
            assert type(got) is type(rows)
            assert got.tolist() == [expected, expected]


@pytest.mark.claim("def-teacher-forcing")
def test_the_pairs_of_the_documents_sentence():
    assert pairs(SENTENCE) == [
        (["O"], "sol"),
        (["O", "sol"], "brilha"),
        (["O", "sol", "brilha"], "forte"),
        (["O", "sol", "brilha", "forte"], "."),
    ]


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ("O sol", TypeError, "tokens must be a list or an array of words, got the str 'O sol'"),
        ({1, 2}, TypeError, "tokens must be a list or an array, got set"),
        ([], ValueError, r"at least 2 on the last axis, got the shape \(0,\)"),
        (["O"], ValueError, r"at least 2 on the last axis, got the shape \(1,\)"),
        (np.zeros((3, 1)), ValueError, r"got the shape \(3, 1\)"),
        (torch.tensor(1), ValueError, r"got the shape \(\)"),
    ],
)
def test_what_cannot_be_shifted_is_named(bad, error, message):
    with pytest.raises(error, match=message):
        shift(bad)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ("O sol", TypeError, "words must be a list of words, got the str 'O sol'"),
        (5, TypeError, "words must be a list of words, got 5"),
        (["O", 1], TypeError, "words must be a list of words, got 1 at index 1"),
        ([], ValueError, r"words must hold at least 2, got \[\]"),
        (["O"], ValueError, r"words must hold at least 2, got \['O'\]"),
    ],
)
def test_what_teaches_nothing_is_named(bad, error, message):
    with pytest.raises(error, match=message):
        pairs(bad)


@pytest.mark.claim("ex-brilha")
def test_worked_example_2():
    brilha = 2
    losses = cross_entropy(
        [[0.1, 0.2, 0.3, 0.2, 0.2], [0.05, 0.05, 0.1, 0.6, 0.2]], [brilha] * 2, reduction="none"
    )
    assert_array_equal(losses.round(3), [1.204, 2.303])


@pytest.mark.claim("cex-double-shift")
def test_a_second_shift_trains_the_next_next_word():
    tokens = list("abcabcabc")
    inputs, targets = shift(tokens)
    twice = zip(inputs[:-1], shift(targets)[1], strict=True)
    assert dict(zip(inputs, targets, strict=True)) == {"a": "b", "b": "c", "c": "a"}
    assert dict(twice) == {"a": "c", "b": "a", "c": "b"}  # as certain, and wrong


# ---- the chain rule --------------------------------------------------------------------


@pytest.mark.claim("prop-chain")
@given(seeds)
def test_the_teacher_forced_losses_sum_to_the_log_probability_of_the_text(seed):
    random = np.random.default_rng(seed)
    grammar = random_grammar(random)
    tree = PrefixTree(grammar, grammar.words)
    predicted = wrong_model(tree, random)
    model = Table(tree, grammar.words, predicted)
    sample = grammar.sample(12, seed)
    sentence = sample[: sample.index(END) + 1]
    ids = [grammar.words.index(word) for word in sentence]
    at = [tree.prefixes.index(tuple(sentence[:t])) for t in range(len(sentence))]
    loss = sequence_loss(model, sentence)
    assert_allclose(math.exp(-loss), math.prod(predicted[at, ids]), rtol=1e-12)
    assert_allclose(loss, -log_likelihood(predicted[at], ids), rtol=1e-12)
    torch_loss = torch.nn.functional.nll_loss(
        torch.from_numpy(predicted[at]).log(), torch.tensor(ids), reduction="sum"
    )
    assert_allclose(loss, torch_loss.item(), rtol=1e-12)


@pytest.mark.claim("prop-chain")
def test_all_sentences_together_have_probability_1(portuguese):
    grammar, tree = portuguese
    ends = [p for p in tree.prefixes if END in grammar.next_word_distribution(p)][:300]
    losses = [sequence_loss(grammar, [*p, END]) for p in ends]
    stop = grammar.words.index(END)
    direct = [tree.reach[tree.prefixes.index(p)] for p in ends]
    last = [tree.truth[tree.prefixes.index(p), stop] for p in ends]
    assert_allclose(np.exp(-np.array(losses)), np.multiply(direct, last), rtol=1e-9)
    assert_allclose((tree.reach * tree.truth[:, stop]).sum(), 1, rtol=1e-12)


def test_ends_of_the_chain(portuguese):
    grammar, _ = portuguese
    assert sequence_loss(grammar, []) == 0
    assert str(sequence_loss(Grammar({"start": [(END, 1.0, "start")]}), [END])) == "0.0"
    assert sequence_loss(grammar, ["o", "sol", "ladra", "xyz"]) == math.inf
    with pytest.raises(TypeError, match="words must be a list of words, got the str 'o sol'"):
        sequence_loss(grammar, "o sol")


@pytest.mark.claim("prop-parallel")
@few
@given(seeds)
def test_one_parallel_pass_equals_step_by_step(seed):
    model = Transformer(7, width=8, heads=2, layers=2, context=6).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator))
        tokens = torch.randint(7, (2, 6), generator=generator)
        parallel = model(tokens)
        for t in range(6):
            alone = model(tokens[:, : t + 1])[:, -1]
            assert_allclose(parallel[:, t], alone, atol=1e-10)


# ---- mixed inputs ----------------------------------------------------------------------


def uniform(read):
    return np.full((len(read), 5), 0.2)


@pytest.mark.claim("def-teacher-forcing")
@given(seeds, st.integers(1, 4), st.integers(1, 6))
def test_under_teacher_forcing_no_prediction_becomes_an_input(seed, rows, length):
    random = np.random.default_rng(seed)
    inputs = random.integers(5, size=(rows, length))
    assert_array_equal(mixed_inputs(inputs, uniform, 1.0, random), inputs)
    free = mixed_inputs(inputs, lambda read: np.eye(5)[(read[:, -1] + 1) % 5], 0.0, random)
    expected = (inputs[:, :1] + np.arange(length)) % 5  # each word follows from its own last
    assert_array_equal(free, expected)


def test_words_are_kept_with_the_probability_keep_and_else_drawn():
    random = np.random.default_rng(0)
    inputs = np.full((20_000, 3), 4)
    shares = np.array([0.1, 0.2, 0.3, 0.4, 0.0])
    mixed = mixed_inputs(inputs, lambda read: np.tile(shares, (len(read), 1)), 0.25, random)
    assert (mixed[:, 0] == 4).all()
    for column in mixed.T[1:]:
        frequencies = np.bincount(column, minlength=5) / len(column)
        assert_allclose(frequencies, 0.75 * shares + 0.25 * np.eye(5)[4], atol=0.015)
    assert (inputs == 4).all()  # the caller's array stays


def test_the_model_is_asked_with_what_was_read():
    asked = []

    def predict(read):
        asked.append(read.copy())
        return np.eye(5)[[3] * len(read)]

    mixed_inputs([[0, 1, 2]], predict, 0.0, np.random.default_rng(0))
    assert [read.tolist() for read in asked] == [[[0]], [[0, 3]]]
    mixed_inputs([[0, 1, 2]], predict, 1.0, np.random.default_rng(0))
    assert len(asked) == 2  # teacher forcing asks nothing, and needs one pass


def test_a_word_without_probability_is_never_drawn():
    class Edge(np.random.Generator):  # uniform numbers at the ends of their range
        def __init__(self, value):
            super().__init__(np.random.PCG64(0))
            self.value = value

        def random(self, size):
            return np.full(size, self.value)

    shares = np.array([[0.0, 0.5, 0.0, 0.5, 0.0]])
    short = shares - [[0, 0, 0, 5e-7, 0]]  # a sum that was rounded
    assert mixed_inputs([[2, 2]], lambda read: short, 0.0, Edge(np.nextafter(1, 0)))[0, 1] == 3
    for value, word in ((0.0, 1), (0.5, 3), (np.nextafter(1, 0), 3)):
        assert mixed_inputs([[2, 2]], lambda read: shares, 0.0, Edge(value))[0, 1] == word


def test_bad_mixtures_are_named():
    random = np.random.default_rng(0)
    with pytest.raises(TypeError, match="inputs must be integers, got dtype float64"):
        mixed_inputs([[0.0, 1.0]], uniform, 0.5, random)
    with pytest.raises(ValueError, match=r"inputs must have the shape \(B, T\), got \(2,\)"):
        mixed_inputs([0, 1], uniform, 0.5, random)
    for keep in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match=r"keep must be in \[0, 1\], got"):
            mixed_inputs([[0, 1]], uniform, keep, random)
    with pytest.raises(ValueError, match="row sums of predict's answer must be 1"):
        mixed_inputs([[0, 1]], lambda read: np.ones((1, 5)), 0.5, random)


# ---- exact distances -------------------------------------------------------------------


def test_the_tree_by_hand():
    two = Grammar(
        {
            "start": [("o", 0.25, "m"), ("a", 0.75, "f")],
            "m": [("cão", 1.0, "end")],
            "f": [("lua", 0.4, "end"), (END, 0.6, "start")],
            "end": [(END, 1.0, "start")],
        }
    )
    words = ("a", "cão", "lua", "o", END)
    tree = PrefixTree(two, words)
    assert tree.prefixes == [(), ("o",), ("a",), ("o", "cão"), ("a", "lua")]
    assert tree.length.tolist() == [0, 1, 1, 2, 2]
    assert_allclose(tree.reach, [1, 0.25, 0.75, 0.25, 0.3])
    assert_allclose(tree.share, tree.reach / 2.55)
    assert_allclose(tree.truth[2], [0, 0, 0.4, 0, 0.6])
    assert_allclose(tree.by_position([7, 1, 2, 3, 4]), [7, 1.75, (0.75 + 1.2) / 0.55])
    assert_allclose(tree.by_position([7, 1, 2, 3, 4], [1, 1, 3, 0, 1]), [7, 1.75, 4])
    model = np.full((5, 5), 0.2)
    assert_allclose(tree.reached(model), [1, 0.2, 0.2, 0.04, 0.04])
    # leaves with 3 of 5 words at first, then with 4 of 5 after "o" and 3 of 5 after "a"
    assert_allclose(tree.departures(model), [0.6, 0.2 * 0.8 + 0.2 * 0.6, 2 * 0.04 * 0.8])
    assert_allclose(tree.divergence(model)[1], math.log(5))


def test_the_mean_over_shares_is_the_grammars_excess_loss(portuguese):
    grammar, tree = portuguese
    predicted = wrong_model(tree, np.random.default_rng(1))
    model = Table(tree, grammar.words, predicted)
    assert_allclose(tree.share @ tree.divergence(predicted), excess_loss(grammar, model), rtol=1e-9)
    assert_allclose(tree.reached(tree.truth), tree.reach, rtol=1e-12)
    assert_allclose(tree.departures(tree.truth), 0, atol=1e-15)


@pytest.mark.claim("prop-escape")
@given(seeds, st.floats(0.0, 1.0))
def test_divergences_sum_to_that_of_sentences_and_bound_the_departures(seed, amount):
    random = np.random.default_rng(seed)
    grammar = random_grammar(random)
    tree = PrefixTree(grammar, grammar.words)
    predicted = wrong_model(tree, random, amount)
    stop = grammar.words.index(END)
    ends = tree.truth[:, stop] > 0
    p = tree.reach[ends] * tree.truth[ends, stop]
    q = tree.reached(predicted)[ends] * predicted[ends, stop]
    divergence = tree.reach @ tree.divergence(predicted)
    assert_allclose(divergence, (p * np.log(p / q)).sum(), rtol=1e-8, atol=1e-12)
    left = tree.departures(predicted).sum()
    assert_allclose(left, 1 - q.sum(), atol=1e-12)
    assert left <= 1 - math.exp(-divergence) + 1e-12


@pytest.mark.claim("prop-escape")
def test_the_bound_on_departures_is_reached_by_a_model_that_only_leaks():
    line = Grammar({"start": [("o", 1.0, 1)], 1: [("sol", 1.0, 2)], 2: [(END, 1.0, "start")]})
    tree = PrefixTree(line, line.words)
    leaky = np.where(tree.truth > 0, 0.9, 0.05)
    assert_allclose(tree.departures(leaky).sum(), 1 - 0.9**3, rtol=1e-12)
    assert_allclose(1 - np.exp(-tree.reach @ tree.divergence(leaky)), 1 - 0.9**3, rtol=1e-12)


@pytest.mark.claim("prop-free-running")
@given(seeds)
def test_the_best_prediction_from_an_independent_beginning_is_the_marginal(seed):
    """Expected loss, exactly: the target's law does not depend on the drawn beginning."""
    random = np.random.default_rng(seed)
    grammar = random_grammar(random)
    tree = PrefixTree(grammar, grammar.words)
    for t in range(3):
        at = tree.length == t
        weight = tree.reach[at] / tree.reach[at].sum()
        marginal = weight @ tree.truth[at]
        drawn = random.dirichlet(np.ones(at.sum()))  # any law of the beginnings

        def expected_loss(rows, drawn=drawn, marginal=marginal):
            with np.errstate(divide="ignore", invalid="ignore"):
                terms = np.where(marginal > 0, -marginal * np.log(rows), 0.0)
            return drawn @ terms.sum(axis=1)

        best = expected_loss(np.tile(marginal, (at.sum(), 1)))
        other = random.dirichlet(np.ones(marginal.size), size=at.sum())
        mixed = 0.9 * marginal + 0.1 * other
        assert best < expected_loss(other)
        assert best <= expected_loss(mixed)
        information = weight @ kl_divergence(tree.truth[at], np.tile(marginal, (at.sum(), 1)))
        joint = weight[:, None] * tree.truth[at]
        with np.errstate(divide="ignore", invalid="ignore"):
            by_hand = np.where(joint > 0, joint * np.log(tree.truth[at] / marginal), 0).sum()
        assert_allclose(information, by_hand, atol=1e-12)


@pytest.mark.claim("prop-free-running")
def test_inputs_drawn_by_the_model_are_independent_of_the_targets():
    """Sentences "x x" and "y y": after own draws, both targets are as frequent."""
    random = np.random.default_rng(0)
    text = random.integers(1, 3, size=(20_000, 1)).repeat(3, axis=1)
    text[:, 0] = 0
    inputs, targets = shift(text)
    own = mixed_inputs(inputs, lambda read: np.tile([0, 0.3, 0.7], (len(read), 1)), 0.0, random)
    counts = Counter(zip(own[:, 1].tolist(), targets[:, 1].tolist(), strict=True))
    for drawn in (1, 2):
        share = counts[drawn, 1] / (counts[drawn, 1] + counts[drawn, 2])
        assert abs(share - 0.5) < 0.025
    assert all((i == t) for i, t in zip(inputs[:, 1], targets[:, 1], strict=True))


@pytest.mark.claim("rem-two-claims")
def test_an_error_stays_in_what_a_free_running_model_reads_and_not_in_a_forced_one():
    def stubborn(read):  # repeats what it read last
        return np.eye(5)[read[:, -1]]

    inputs, random = [[0, 1, 2, 3]], np.random.default_rng(0)
    assert mixed_inputs(inputs, stubborn, 0.0, random).tolist() == [[0, 0, 0, 0]]
    assert mixed_inputs(inputs, stubborn, 1.0, random).tolist() == inputs


def test_bad_predictions_are_named(portuguese):
    grammar, tree = portuguese
    with pytest.raises(ValueError, match=r"predicted must have the shape \(13755, 54\)"):
        tree.divergence(np.full((2, 54), 1 / 54))
    with pytest.raises(ValueError, match="row sums of predicted must be 1"):
        tree.departures(np.zeros((13755, 54)))
    with pytest.raises(ValueError, match=r"values must have the shape \(13755,\)"):
        tree.by_position([1.0])
    with pytest.raises(ValueError, match=r"weights must have the shape \(13755,\)"):
        tree.by_position(np.ones(13755), [1.0])
    with pytest.raises(ValueError, match="weights must be at least 0, got -1"):
        tree.by_position(np.ones(13755), -np.ones(13755))
    with pytest.raises(ValueError, match="words must hold those of the grammar, got none for 'a'"):
        PrefixTree(grammar, [w for w in grammar.words if w != "a"])


@pytest.mark.parametrize(
    "inputs", [[[0, 1], [0]], torch.zeros(2, 2, requires_grad=True), [[0, -1]], [0, 1]]
)
def test_mixing_refuses_what_are_no_rows_of_ids(inputs):
    with pytest.raises((TypeError, ValueError), match=r"^inputs must"):
        mixed_inputs(inputs, lambda read: [[0.5, 0.5]], 0.0, np.random.default_rng(0))


@pytest.mark.parametrize("answer", [[[0.5, 0.5]], [0.5, 0.5]])
def test_a_prediction_for_another_number_of_rows_is_refused(answer):
    with pytest.raises(ValueError, match="predict must answer 2 rows"):
        mixed_inputs([[0, 1], [0, 1]], lambda read: answer, 0.0, np.random.default_rng(0))


def test_one_share_is_asked_for():
    with pytest.raises(ValueError, match="keep must have the shape"):
        mixed_inputs([[0, 1]], lambda read: [[0.5, 0.5]], [0.5, 0.5], np.random.default_rng(0))


@pytest.mark.parametrize("share", [math.nan, -0.5, 2.0])
def test_a_model_that_predicts_no_probability_is_refused(share):
    class Odd:
        def next_word_distribution(self, prefix):
            return {"o": share}

    with pytest.raises(ValueError, match="answer of model for 'o' must be"):
        sequence_loss(Odd(), ["o"])


def test_a_position_without_weight_is_named_and_a_value_without_weight_does_not_count():
    tree = PrefixTree(grammar := Grammar.portuguese(), grammar.words)
    weights = np.where(tree.length == 2, 0.0, tree.reach)  # 0 / 0 was NaN, and a warning
    with pytest.raises(ValueError, match=r"^weights must .* got 0 for all of position 2"):
        tree.by_position(np.ones(len(weights)), weights)
    weights = np.where(np.arange(len(weights)) == 2, 0.0, tree.reach)
    values = np.where(weights > 0, 1.0, np.inf)  # 0 · inf was NaN
    assert_allclose(tree.by_position(values, weights), 1.0)


def test_words_are_different():
    grammar = Grammar.portuguese()
    with pytest.raises(ValueError, match="words must be different"):
        PrefixTree(grammar, [*grammar.words, grammar.words[0]])


# ---- after an error --------------------------------------------------------------------

TWO = Grammar(
    {
        "start": [("o", 0.5, "m"), ("a", 0.5, "f")],
        "m": [("cão", 0.5, "verb"), ("gata", 0.5, "end")],
        "f": [("gata", 1.0, "end")],
        "verb": [("corre", 1.0, "end")],
        "end": [(END, 1.0, "start")],
    }
)


def test_words_after_an_error_are_matched_by_place_and_last_word():
    words = ("a", "cão", "corre", "gata", "o", END)
    tree = PrefixTree(TWO, words)
    rows = {  # after "gata" only the stop is possible: the rest is risk
        ("o",): [0, 0.4, 0, 0.6, 0, 0],
        ("o", "gata"): [0.1, 0, 0, 0, 0, 0.9],
        ("a", "gata"): [0.4, 0, 0, 0, 0, 0.6],
        ("gata", "gata"): [0.2, 0.3, 0, 0, 0, 0.5],
        ("gata", "gata", "cão"): [0, 0, 0.25, 0.25, 0.25, 0.25],
    }

    def predict(beginnings):
        return [rows.get(b, [0.25, 0.15, 0.15, 0.15, 0.15, 0.15]) for b in beginnings]

    sentences = [
        ("o", "cão", "corre", END),  # no error
        ("a", END),  # an error that ends the sentence
        ("gata", "gata", "cão", END),  # its first word is one
        ["a", "cão"],  # and here the sentence was cut after it
    ]
    after = tree.aftermath(iter(sentences), predict)
    assert after.sentence.tolist() == [2]
    assert after.distance.tolist() == [2]
    assert_allclose(after.risk, 0.5)  # 0.2 + 0.3
    # the model itself begins with "a" and "o" with probability 0.25 and 0.15, and goes on to
    # "gata" with 0.15 and 0.6
    assert_allclose(after.matched, (0.25 * 0.15 * 0.4 + 0.15 * 0.6 * 0.1) / (0.25 * 0.15 + 0.09))
    # ("gata",) stands where no sentence has "gata", ("gata", "gata", "cão") where none has "cão"
    none = tree.aftermath(sentences[:2], predict)
    assert [len(part) for part in none] == [0] * 4


@few
@given(seeds)
def test_where_only_place_and_last_word_count_an_error_does_no_harm(seed):
    random = np.random.default_rng(seed)
    grammar = random_grammar(random)
    words = grammar.words
    tree = PrefixTree(grammar, words)
    table = random.dirichlet(np.ones(len(words)), size=(9, len(words) + 1))

    def predict(beginnings):
        return [table[len(b), words.index(b[-1]) if b else -1] for b in beginnings]

    sentences = []
    for _ in range(30):
        said = []
        while len(said) < 6 and said[-1:] != [END]:
            said.append(str(random.choice(words, p=predict([said])[0])))
        sentences.append(said)
    after = tree.aftermath(sentences, predict)
    assert_allclose(after.matched, after.risk, rtol=1e-9)
    known = set(tree.prefixes) | {
        (*p, END) for p in tree.prefixes if END in grammar.next_word_distribution(p)
    }
    for number, distance in zip(after.sentence, after.distance, strict=True):
        said = tuple(sentences[number])
        inside = sum(said[: t + 1] in known for t in range(len(said)))
        assert 1 <= distance < len(said) - inside


def test_the_risk_is_the_probability_of_neighbors_that_never_meet():
    words = TWO.words
    tree = PrefixTree(TWO, words)
    uniform = np.full(len(words), 1 / len(words))
    after = tree.aftermath(
        [["a", "cão", "corre", "cão", "o", END]], lambda beginnings: [uniform] * len(beginnings)
    )
    assert after.distance.tolist() == [1, 2]  # no sentence has four words before its stop
    assert_allclose(after.risk, 1 - 1 / len(words))  # one word each may follow "cão" and "corre"


@pytest.mark.parametrize(
    ("sentences", "error", "message"),
    [
        ("o cão", TypeError, r"sentences\[0\] must be a list of words, got the str 'o'"),
        (3, TypeError, "sentences must be a Iterable, got 3"),
        ([["o", "lua"]], ValueError, r"sentences\[0\] must be of the words of the tree.* 'lua'"),
        ([["o", END, "a"]], ValueError, r"sentences\[0\] must end with '\.', got it before 'a'"),
    ],
)
def test_sentences_that_are_none_are_named(sentences, error, message):
    tree = PrefixTree(TWO, TWO.words)
    with pytest.raises(error, match=message):
        tree.aftermath(sentences, lambda beginnings: [[1.0, 0, 0, 0, 0, 0]] * len(beginnings))


def test_predictions_for_other_contexts_are_refused():
    tree = PrefixTree(TWO, TWO.words)
    with pytest.raises(ValueError, match=r"predict's answer must have the shape"):
        tree.aftermath([["o"]], lambda beginnings: [[1.0, 0, 0, 0, 0, 0]])
    with pytest.raises(TypeError, match="predict must be a function"):
        tree.aftermath([["o"]], tree.truth)


# ---- a source --------------------------------------------------------------------------


@pytest.mark.claim("cor-source")
@given(seeds, st.integers(1, 4), st.integers(1, 4), st.integers(2, 5))
def test_with_a_source_the_best_prediction_is_the_marginal_given_the_source(s, sources, n, v):
    """Draws and targets are independent given the source; the draws may depend on it."""
    random = np.random.default_rng(s)
    joint = random.dirichlet(np.ones(sources * n * v)).reshape(sources, n, v)
    share, target = joint.sum(axis=(1, 2)), joint.sum(axis=1)
    marginal = target / share[:, None]
    drawn = random.dirichlet(np.ones(n), size=sources)  # P(drawn beginning | source)

    def expected_loss(rows):  # rows: (sources, n, v)
        return -np.einsum("sv,sc,scv->", target, drawn, np.log(rows))

    best = expected_loss(np.repeat(marginal[:, None], n, axis=1))
    for amount in (0.01, 0.5, 1.0):
        other = random.dirichlet(np.ones(v), size=(sources, n))
        assert best < expected_loss((1 - amount) * marginal[:, None] + amount * other)
    # its excess on true beginnings is the mutual information given the source
    given_both = joint.sum(axis=2)
    truth = joint / given_both[..., None]
    excess = (
        given_both * kl_divergence(truth, np.broadcast_to(marginal[:, None], truth.shape))
    ).sum()
    within = joint * np.log(
        joint * share[:, None, None] / (given_both[..., None] * target[:, None])
    )
    assert_allclose(excess, within.sum(), atol=1e-12)


@pytest.mark.claim("rem-two-claims")
def test_the_record_shows_an_error_harming_the_next_word_and_hardly_the_later_ones():
    record = json.loads((ROOT / "benchmarks/results/errors.json").read_text())
    assert "dirty" not in record["commit"]
    for run in record["runs"]:
        gap = run["next word"]["after_an_error"] - run["next word"]["without"]
        later = run["later"]["after_an_error"] - run["later"]["without"]
        assert gap > 4 * run["next word"]["standard_error"]
        assert later < gap / 3
        harm = gap * run["next word"]["contexts"]  # of all first words, and of all later ones:
        assert harm > 3 * later * run["later"]["contexts"]
        assert 1 < run["accumulated"] < 1.15  # along own beginnings, as long as there is a truth
