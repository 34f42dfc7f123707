"""The exactly known source: its numbers by hand, by brute force, and by sampling."""

import math
import re
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest
from excess import excess_loss
from numpy.testing import assert_allclose

from nwp.grammar import END, Grammar

LN2, LN3 = math.log(2), math.log(3)

# Three states. A sentence is "y .", "z ." or "z z .", with probabilities 1/2, 1/4, 1/4.
HAND = {
    "start": [("z", 1 / 2, "A"), ("y", 1 / 2, "B")],
    "A": [("z", 1 / 2, "B"), (END, 1 / 2, "start")],
    "B": [(END, 1.0, "start")],
}
# Visits per sentence: start 1, A 1/2, B 1/2 + 1/4 = 3/4; together 9/4. So pi = 4/9, 2/9, 3/9.
# Rate: start and A choose between two words of 1/2, B has no choice: (4/9 + 2/9) ln 2.
HAND_RATE = 2 / 3 * LN2
# No context: P(z) = (4/9 + 2/9)/2 = 3/9, P(y) = 4/18 = 2/9, P(.) = 4/9 (once per sentence).
HAND_UNIGRAM = 3 / 9 * math.log(3) + 2 / 9 * math.log(9 / 2) + 4 / 9 * math.log(9 / 4)
# One word: after "." 4/9 of the time ln 2; after "y" nothing is open; after "z" (3/9) the state
# is A (2/9) or B (1/9), so "z" has 2/3 · 1/2 = 1/3 and "." 2/3: entropy ln 3 - 2/3 ln 2.
HAND_BIGRAM = 4 / 9 * LN2 + 3 / 9 * (LN3 - 2 / 3 * LN2)
# Two words: ". z" is A and "z z" is B: nothing is hidden any more.


@pytest.fixture(scope="module")
def portuguese():
    return Grammar.portuguese()


class NGram:
    """The best model that sees k words, by brute force: P(words) = pi T(w1) ... T(wn) 1."""

    def __init__(self, grammar, k):
        self.k = k
        states = list(grammar.transitions)
        self.edges = {  # the matrix T(word), sparse: from states, to states, probabilities
            word: [
                np.array(column)
                for column in zip(
                    *(
                        (i, states.index(after), probability)
                        for i, row in enumerate(grammar.transitions.values())
                        for other, probability, after in row
                        if other == word
                    ),
                    strict=True,
                )
            ]
            for word in grammar.words
        }
        # Visits to each state in one sentence: start, then all that is reached without ending.
        visits = step = np.eye(len(states))[states.index(grammar.start)]
        while step.any():
            step = sum(self.read(word, step) for word in grammar.words if word != END)
            visits = visits + step
        self.stationary = visits / visits.sum()
        self.known = {}

    def read(self, word, joint):
        i, j, probability = self.edges[word]
        return np.bincount(j, joint[i] * probability, minlength=len(joint))

    def next_word_distribution(self, prefix):
        context = (END, *prefix)[-self.k :] if self.k else ()
        if context not in self.known:
            joint = self.stationary
            for word in context:
                joint = self.read(word, joint)
            masses = {word: joint[i] @ p for word, (i, _, p) in self.edges.items()}
            self.known[context] = {word: mass / joint.sum() for word, mass in masses.items()}
        return self.known[context]


def mean_and_standard_error(losses, words):
    """Sentences are independent, their words are not: the error of a ratio of sentence sums."""
    ends = np.flatnonzero(np.array(words) == END) + 1
    sums = np.add.reduceat(losses[: ends[-1]], np.r_[0, ends[:-1]])
    lengths = np.diff(np.r_[0, ends])
    mean = sums.sum() / lengths.sum()
    residuals = sums - mean * lengths
    return mean, residuals.std() / np.sqrt(len(ends)) / lengths.mean()


def losses_of(model, words):
    prefix, losses = [], []
    for word in words:
        losses.append(-math.log(model.next_word_distribution(prefix)[word]))
        prefix = [] if word == END else [*prefix, word]
    return np.array(losses)


# ---------------------------------------------------------------- by hand


def test_three_states_by_hand():
    grammar = Grammar(HAND)
    assert_allclose(
        [grammar.stationary[state] for state in HAND], [4 / 9, 2 / 9, 3 / 9], rtol=1e-14
    )
    assert_allclose(grammar.entropy_rate(), HAND_RATE, rtol=1e-14)
    expected = [HAND_UNIGRAM, HAND_BIGRAM, HAND_RATE, HAND_RATE]
    assert_allclose([grammar.ngram_entropy(k) for k in range(4)], expected, rtol=1e-14)
    assert_allclose(
        [grammar.prefixes()[prefix] for prefix in ((), ("z",), ("y",), ("z", "z"))],
        [4 / 9, 2 / 9, 2 / 9, 1 / 9],
        rtol=1e-14,
    )
    assert len(grammar.prefixes()) == 4
    assert grammar.next_word_distribution(["z"]) == {"z": 0.5, END: 0.5}
    assert grammar.words == (END, "y", "z")


def test_what_a_bigram_lacks_by_hand():
    class Bigram:
        def next_word_distribution(self, prefix):
            after = {END: {"y": 1 / 2, "z": 1 / 2}, "y": {END: 1.0}, "z": {"z": 1 / 3, END: 2 / 3}}
            return after[prefix[-1] if prefix else END]

    # After "z" the truth is (1/2, 1/2) in A, 2/9 of the time, and "." in B, 1/9 of the time.
    by_hand = 2 / 9 * (1 / 2 * math.log(3 / 2) + 1 / 2 * math.log(3 / 4)) + 1 / 9 * math.log(3 / 2)
    assert_allclose(excess_loss(Grammar(HAND), Bigram()), by_hand, rtol=1e-14)
    assert_allclose(by_hand, HAND_BIGRAM - HAND_RATE, rtol=1e-14)


def test_one_word_language():
    silent = Grammar({"start": [(END, 1.0, "start")]})
    assert silent.entropy_rate() == silent.ngram_entropy(0) == excess_loss(silent, silent) == 0
    assert silent.sample(3, seed=0) == [END] * 3


def test_states_that_a_context_never_tells_apart_for_good():
    # "a" or "b" decides the last word, and "x" repeats in between: no finite context suffices.
    grammar = Grammar(
        {
            "start": [("a", 0.5, "A"), ("b", 0.5, "B")],
            "A": [("x", 0.75, "A"), ("a", 0.25, "end")],
            "B": [("x", 0.75, "B"), ("b", 0.25, "end")],
            "end": [(END, 1.0, "start")],
        }
    )
    ladder = [grammar.ngram_entropy(k) for k in range(12)]
    assert np.all(np.diff(ladder) < 0)
    assert ladder[-1] > grammar.entropy_rate()
    with pytest.raises(ValueError, match="free of loops"):
        grammar.prefixes()
    with pytest.raises(ValueError, match="free of loops"):
        excess_loss(grammar, grammar)


# ---------------------------------------------------------------- the Portuguese language


def test_ladder_falls_strictly_to_the_rate(portuguese):
    ladder = [portuguese.ngram_entropy(k) for k in range(9)]
    rate = portuguese.entropy_rate()
    assert np.all(np.diff(ladder[:8]) < 0)
    assert ladder[6] - rate > 0.003  # six words are not enough: "cães que o gato preto vê"
    assert_allclose(ladder[7:], rate, rtol=1e-12)
    assert ladder[1] - rate > 0.15
    # The numbers that the book prints.
    assert_allclose([*ladder[:5], rate], [3.449, 1.509, 1.406, 1.282, 1.204, 1.140], atol=5e-4)


def test_stationary_shares_are_stationary(portuguese):
    after = defaultdict(float)
    for state, share in portuguese.stationary.items():
        for _, probability, next_state in portuguese.transitions[state]:
            after[next_state] += share * probability
    assert_allclose(sum(after.values()), 1, rtol=1e-12)
    for state, share in portuguese.stationary.items():
        assert_allclose(after[state], share, rtol=1e-12)


def test_sample_confirms_the_rate(portuguese):
    words = portuguese.sample(200_000, seed=1)
    mean, error = mean_and_standard_error(losses_of(portuguese, words), words)
    assert error < 0.005
    assert abs(mean - portuguese.entropy_rate()) < 4 * error


@pytest.mark.parametrize("k", range(6))
def test_sample_confirms_the_ngram_entropies(portuguese, k):
    words = portuguese.sample(60_000, seed=10 + k)
    model = NGram(portuguese, k)
    mean, error = mean_and_standard_error(losses_of(model, words), words)
    assert error < 0.012
    assert abs(mean - portuguese.ngram_entropy(k)) < 4 * error


@pytest.mark.parametrize("k", range(4))
def test_excess_of_the_best_ngram_model_is_its_rung(portuguese, k):
    model = NGram(portuguese, k)
    expected = portuguese.ngram_entropy(k) - portuguese.entropy_rate()
    assert_allclose(excess_loss(portuguese, model), expected, rtol=1e-9)


def test_counted_bigrams_confirm_the_bigram_entropy(portuguese):
    """No formula of the package: count the pairs of a sample, and average their surprise."""
    words = portuguese.sample(400_000, seed=2)
    pairs, firsts = Counter(pairwise([END, *words])), Counter([END, *words[:-1]])
    losses = np.array([-math.log(pairs[p] / firsts[p[0]]) for p in pairwise([END, *words])])
    mean, error = mean_and_standard_error(losses, words)
    fitted = (len(pairs) - len(firsts)) / (2 * len(words))  # free parameters over 2N (Miller, 1955)
    assert error < 0.003
    assert abs(mean + fitted - portuguese.ngram_entropy(1)) < 4 * error


def test_truth_has_no_excess(portuguese):
    assert excess_loss(portuguese, portuguese) == 0


def test_uniform_model_pays_for_all_it_does_not_know(portuguese):
    class Uniform:
        def next_word_distribution(self, prefix):
            return dict.fromkeys(portuguese.words, 1 / len(portuguese.words))

    expected = math.log(len(portuguese.words)) - portuguese.entropy_rate()
    assert_allclose(excess_loss(portuguese, Uniform()), expected, rtol=1e-12)


def test_float32_model_is_welcome():
    """Added up in float32, these 20,000 probabilities miss the sum 1 by more than 1e-6."""

    class Wide:
        def next_word_distribution(self, prefix):
            words = [END, *map(str, range(19_999))]
            return dict.fromkeys(words, np.float32(1 / 20_000))

    silent = Grammar({"start": [(END, 1.0, "start")]})
    assert abs(sum(Wide().next_word_distribution([]).values()) - 1) > 1e-6
    assert_allclose(excess_loss(silent, Wide()), math.log(20_000), rtol=1e-6)


def test_model_that_excludes_a_word_pays_infinitely(portuguese):
    class Mute:
        def next_word_distribution(self, prefix):
            return {END: 1.0}

    assert excess_loss(portuguese, Mute()) == math.inf


@pytest.mark.parametrize(
    "sentence",
    [
        "o cão ladra .",
        "o sol brilha forte .",
        "os cães que o gato vê ladram .",
        "as gatas que os cães pequenos seguem são pretas .",
        "as meninas que veem o sol branco cantam bem .",
        "a lua que a menina vê é branca .",
        "as estrelas são grandes .",
    ],
)
def test_language_contains(portuguese, sentence):
    words = sentence.split()
    for position, word in enumerate(words):
        assert word in portuguese.next_word_distribution(words[:position])


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("os", {"cães", "gatos"}),
        ("as gatas que o cão vê são", {"brancas", "pequenas", "pretas"}),
        ("a lua que os cães pretos seguem", {"brilha", "é"}),
        ("os cães que a menina vê", {"ladram", "correm", "dormem", "são"}),
        ("o cão que vê as gatas pretas", {"ladra", "corre", "dorme", "é"}),
        ("o sol brilha", {"forte", "muito", END}),
        ("a menina segue a gata", {"branca", "pequena", "preta", END}),
    ],
)
def test_words_agree(portuguese, prefix, expected):
    assert set(portuguese.next_word_distribution(prefix.split())) == expected


def every_sentence(grammar):
    return [
        " ".join([*prefix, END])
        for prefix in grammar.prefixes()
        if END in grammar.next_word_distribution(prefix)
    ]


def test_every_sentence_is_portuguese(portuguese):
    """All sentences, against agreement written down a second time, as patterns."""
    nouns = {"o": "cão|gato|sol", "a": "gata|menina|lua|estrela"}
    nouns |= {"os": "cães|gatos", "as": "gatas|meninas|estrelas"}
    acts = {"": "ladra|mia|canta|brilha|corre|dorme"}
    acts["s"] = "ladram|miam|cantam|brilham|correm|dormem"
    sees, looks = {"": "(vê|segue)", "s": "(veem|seguem)"}, {"": "é", "s": "são"}
    adjective = {g: f"(pret{g}|branc{g}|pequen{g}|grande{g[1:]})" for g in nouns}
    phrase = {g: f"{g} ({nouns[g]})( {adjective[g]})?" for g in nouns}
    anything = "(" + "|".join(phrase.values()) + ")"
    clauses = "|".join(f"{phrase[g]} {sees[g[1:]]}" for g in nouns)
    patterns = []
    for g in nouns:
        number = g[1:]
        predicate = f"({acts[number]})( (alto|bem|forte|muito))?|{looks[number]} {adjective[g]}"
        relative = f"que ({clauses}|{sees[number]} {anything})"
        patterns.append(
            f"{g} ({nouns[g]}) ((({adjective[g]}|{relative}) )?({predicate})"
            f"|{sees[number]} {anything}) [.]"
        )
    portuguese_sentence = re.compile("|".join(patterns))
    own = {"ladra": "cão cães", "mia": "gato gatos gata gatas", "canta": "menina meninas"}
    own["brilha"] = "sol lua estrela estrelas"
    found = every_sentence(portuguese)
    assert len(found) == len(set(found)) == 11_168
    for sentence in found:
        assert portuguese_sentence.fullmatch(sentence), sentence
        for verb, subjects in own.items():
            if re.search(f" {verb}m? ", sentence):
                assert sentence.split()[1] in subjects.split(), sentence


def test_sizes_that_the_book_states(portuguese):
    assert len(portuguese.words) == 54
    assert len(portuguese.transitions) == 302
    assert len(portuguese.prefixes()) == 13_755
    assert_allclose(sum(portuguese.prefixes().values()), 1, rtol=1e-12)


# ---------------------------------------------------------------- sampling, wrong input


def test_sample_is_deterministic_and_a_shorter_one_begins_it(portuguese):
    words = portuguese.sample(1000, seed=5)
    assert len(words) == 1000
    assert words == Grammar.portuguese().sample(1000, seed=5)
    assert words[:137] == portuguese.sample(137, seed=5)
    assert words != portuguese.sample(1000, seed=6)
    assert portuguese.sample(0, seed=5) == []
    # The same on every machine.
    assert " ".join(words[:12]) == "as estrelas brilham muito . os cães ladram alto . a gata"


def test_sample_stays_in_the_language(portuguese):
    known = set(every_sentence(portuguese))
    words = portuguese.sample(20_000, seed=7)
    whole = " ".join(words[: len(words) - words[::-1].index(END)])
    assert set(whole.replace(". ", ".\n").splitlines()) <= known


def test_whole_sentences_before_a_prefix_change_nothing(portuguese):
    after = portuguese.next_word_distribution(["o", "cão", "ladra", END, "os"])
    assert after == portuguese.next_word_distribution(["os"])
    begin = portuguese.next_word_distribution([])
    assert set(begin) == {"o", "a", "os", "as"}
    assert begin == portuguese.next_word_distribution(("o", "cão", "ladra", END))


@pytest.mark.parametrize("prefix", [["cão"], ["o", "gata"], ["os", "cães", "ladra"], [END], ["?"]])
def test_prefix_outside_the_language_is_named(portuguese, prefix):
    expected = rf"prefix must begin .* after \[.*\] comes one of .*, got '{re.escape(prefix[-1])}'"
    with pytest.raises(ValueError, match=expected):
        portuguese.next_word_distribution(prefix)


@pytest.mark.parametrize("prefix", ["o cão", None, 3, [1], [["o"]]])
def test_prefix_of_a_wrong_type_is_refused(portuguese, prefix):
    with pytest.raises(TypeError, match="prefix must be a list of words, got"):
        portuguese.next_word_distribution(prefix)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda g: g.sample(-1, seed=0), ValueError, "count must be at least 0, got -1"),
        (lambda g: g.sample(2.5, seed=0), TypeError, "count must be an integer, got 2.5"),
        (lambda g: g.sample(2, seed=None), TypeError, "seed must be an integer, got None"),
        (lambda g: g.ngram_entropy(-1), ValueError, "k must be at least 0, got -1"),
        (lambda g: g.ngram_entropy(1.0), TypeError, "k must be an integer, got 1.0"),
    ],
)
def test_wrong_arguments_are_named(portuguese, call, error, message):
    with pytest.raises(error, match=message):
        call(portuguese)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": [("z", 0.5, "A"), ("y", 0.4, "B")]}, "start'.* sum to 1, got 0.9"),
        ({"B": []}, "B'.* sum to 1, got 0.0"),
        ({"A": [("z", 0.5, "B"), ("z", 0.5, "A")]}, "A'.* every word once, got 'z' twice"),
        ({"A": [("z", 1.5, "B"), (END, -0.5, "start")]}, "A'.*'z', must be .* at most 1, got 1.5"),
        ({"A": [("z", math.nan, "B"), (END, 1, "start")]}, "A'.*'z', must be .*, got nan"),
        ({"A": [("z", 1.0, "C")]}, "A'.* must lead to states, got 'C'"),
        ({"A": [("z", 1.0, "start")]}, "A'.* must lead to start with '.' only, got 'z'"),
        ({"B": [(END, 1.0, "A")]}, "B'.* must lead to start with '.' only, got '.'"),
        ({"C": [(END, 1.0, "start")]}, "must lead from start, got no way for 'C'"),
        (
            {"A": [("z", 1.0, "C")], "C": [("x", 1.0, "C")]},
            "must lead back to start, got no way for 'A'",
        ),
    ],
)
def test_what_is_no_unifilar_source_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Grammar(HAND | changes)


@pytest.mark.parametrize(
    ("transitions", "message"),
    [
        (None, "transitions must be a Mapping, got None"),
        ([("start", [])], "transitions must be a Mapping, got "),
        ({"start": 5}, r"transitions\['start'\] must hold \(word, probability, .*\), got 5"),
        ({"start": [(END, 1.0)]}, r"transitions\['start'\] must hold .* got \[\('.', 1.0\)\]"),
        ({"start": [(1, 1.0, "start")]}, r"transitions\['start'\], a word, must be a str, got 1"),
        ({"start": [(END, "1", "start")]}, r"the probability of '.', must be a number, got '1'"),
        ({"start": [(END, True, "start")]}, r"the probability of '.', must be a number, got True"),
        ({"start": [(END, 1.0, [])]}, r"\['start'\], a next state, must be hashable, got \[\]"),
    ],
)
def test_malformed_transitions_are_named(transitions, message):
    with pytest.raises(TypeError, match=message):
        Grammar(transitions)


def test_start_must_be_a_state():
    with pytest.raises(TypeError, match=r"start must be hashable, got \[\]"):
        Grammar(HAND, start=[])
    with pytest.raises(ValueError, match="start must be a state of transitions, got 'S'"):
        Grammar(HAND, start="S")
