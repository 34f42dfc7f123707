"""Arithmetic codes and what no code can do; and a model of bytes that learns in integers."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import distribution_pairs, distributions

from nwp import compression
from nwp.compression import (
    AdaptiveNGrams,
    Decoder,
    Encoder,
    codeword,
    compress,
    decompress,
    frequencies,
    interval,
    is_uniquely_decodable,
    kraft_sum,
    step_to,
)
from nwp.equivalence import bits, entropy, kl_divergence, next_word_counts
from nwp.grammar import Grammar
from nwp.text import Vocabulary

TEXT = "o cão ladra . o cão ladra . o sol brilha forte . o cão ladra forte . o cão ladra ."
SMALL = TEXT.split()
WORDS = list(dict.fromkeys(SMALL))
SLOTS = 12  # small tables: the tests are many, and their texts short
FIXED = (
    40,
    "90e4396aad6734fb991ef55809cc2eeffdecc30c46547e20f6c0b3a7d3cb07e98d71c820d1fc4834",
)


@st.composite
def texts(draw):
    """Words as (frequencies, index), each of a model of its own."""
    counts = st.lists(st.integers(0, 40), min_size=1, max_size=6)
    rows = []
    for row in draw(st.lists(counts, max_size=60)):
        word = draw(st.integers(0, len(row) - 1))
        row[word] += 1
        rows.append((row, word))
    return rows


@st.composite
def large_steps(draw):
    """Steps whose totals go up to the largest, among them shares of a single count."""
    steps = []
    for total in draw(st.lists(st.integers(1, 2**32), max_size=60)):
        size = draw(st.one_of(st.just(1), st.integers(1, total)))
        start = draw(st.one_of(st.just(0), st.just(total - size), st.integers(0, total - size)))
        steps.append((start, size, total))
    return steps


def encoded(steps):
    encoder = Encoder()
    for step in steps:
        encoder.encode(*step)
    return encoder.finish()


def as_bits(code, length):
    return "".join(f"{byte:08b}" for byte in code)[:length]


def decoded(code, steps):
    """Follow the decoder with the totals alone; give the numbers that it peeked at."""
    decoder, seen = Decoder(code), []
    for start, size, total in steps:
        seen.append(decoder.peek(total))
        decoder.take(start, size)
    return seen


# ---- code lengths ----------------------------------------------------------------------


@pytest.mark.claim("def-code-length")
@given(texts())
def test_the_width_of_the_interval_is_the_probability_of_the_text(rows):
    low, width = interval(step_to(*row) for row in rows)
    by_hand = math.prod((Fraction(row[word], sum(row)) for row, word in rows), start=Fraction(1))
    assert width == by_hand
    assert 0 <= low < low + width <= 1
    losses = [-math.log(row[word] / sum(row)) for row, word in rows]
    assert math.isclose(bits(sum(losses)), -math.log2(width), rel_tol=1e-9, abs_tol=1e-9)


def all_texts(counts, length):
    """Every text of a length, with its interval, by a model that has one row after each word."""
    for words in itertools.product(range(len(counts)), repeat=length):
        steps = [
            step_to(counts[before], word)
            for before, word in zip((0, *words), words, strict=False)
            if counts[before][word]
        ]
        if len(steps) == length:
            yield words, interval(steps)


@pytest.mark.claim("thm-arithmetic-code")
@pytest.mark.parametrize("length", range(5))
def test_texts_of_one_length_divide_the_interval_and_no_code_begins_another(length):
    counts = [[3, 1, 0], [1, 1, 5], [2, 2, 2]]
    intervals = sorted(place for _, place in all_texts(counts, length))
    assert intervals[0][0] == 0
    assert sum(width for _, width in intervals) == 1
    for (low, width), (after, _) in itertools.pairwise(intervals):
        assert low + width == after
    codes = sorted(codeword(*place) for place in intervals)
    for one, other in itertools.pairwise(codes):
        assert not other.startswith(one)
    assert kraft_sum(map(len, codes)) <= 1
    for (low, width), code in zip(intervals, (codeword(*p) for p in intervals), strict=True):
        assert len(code) < -math.log2(width) + 2
        cell = Fraction(int(code, 2), 2 ** len(code))
        assert low <= cell
        assert cell + Fraction(1, 2 ** len(code)) <= low + width


@pytest.mark.claim("thm-arithmetic-code")
@given(st.lists(st.fractions(0, 1), min_size=2, max_size=2, unique=True))
def test_every_interval_holds_the_cell_of_its_codeword(ends):
    low, high = sorted(ends)
    code = codeword(low, high - low)
    cell = Fraction(int(code, 2), 2 ** len(code))
    assert low <= cell
    assert cell + Fraction(1, 2 ** len(code)) <= high
    # ⌈log2 1/width⌉ + 1, in exact numbers
    assert 2 ** (len(code) - 1) * (high - low) >= 1
    assert len(code) == 1 or 2 ** (len(code) - 2) * (high - low) < 1


@pytest.mark.claim("ex-one-byte")
def test_the_small_text_is_one_byte():
    ids = [WORDS.index(word) for word in SMALL]
    counts = next_word_counts(np.array(ids), len(WORDS), context_length=1)
    steps = [step_to(counts[(a,)], b) for a, b in itertools.pairwise(ids)]
    low, width = interval(steps)
    assert width == Fraction(4, 5) ** 4 * Fraction(1, 5) * Fraction(3, 4) ** 3 * Fraction(1, 4)
    assert round(-math.log2(width), 3) == 6.855
    code, length = encoded(steps)
    assert as_bits(code, length) == codeword(low, width)
    assert (len(code), length) == (1, 8)
    decoder, words = Decoder(code), [SMALL[0]]
    for _ in SMALL[1:]:  # knowing the model, the first word and the length
        row = counts[(WORDS.index(words[-1]),)]
        word = int(np.searchsorted(row.cumsum(), decoder.peek(int(row.sum())), side="right"))
        decoder.take(*step_to(row, word)[:2])
        words.append(WORDS[word])
    assert words == SMALL


# ---- the range coder -------------------------------------------------------------------


def longest(steps):
    """The theorem's bound for integers of 64 bits, as a power of two that the length is below."""
    width = Fraction(4)  # 2 bits
    for _, size, total in steps:
        width *= Fraction(total, size) / (1 - Fraction(total, 2**56))
    return width


@pytest.mark.claim("thm-arithmetic-code")
@settings(max_examples=1000)
@given(large_steps())
def test_what_is_encoded_is_decoded_within_the_bound(steps):
    code, length = encoded(steps)
    assert len(code) == -(-length // 8)
    assert 2**length < longest(steps)
    for (start, size, _), value in zip(steps, decoded(code, steps), strict=True):
        assert start <= value < start + size


@pytest.mark.claim("thm-arithmetic-code")
@given(texts(), st.binary(max_size=12))
def test_whatever_follows_the_bits_of_a_code_changes_nothing(rows, after):
    steps = [step_to(*row) for row in rows]
    code, length = encoded(steps)
    spoilt = as_bits(code, length) + "".join(f"{byte:08b}" for byte in after)
    spoilt = spoilt.ljust(-(-len(spoilt) // 8) * 8, "1")
    others = bytes(int(spoilt[i : i + 8], 2) for i in range(0, len(spoilt), 8))
    for (start, size, _), value in zip(steps, decoded(others, steps), strict=True):
        assert start <= value < start + size


@given(texts())
def test_the_integers_find_nearly_the_exact_interval(rows):
    """For short texts with small totals the two codes lie within a rounding of each other."""
    steps = [step_to(*row) for row in rows][:8]
    code, length = encoded(steps)
    low, width = interval(steps)
    value = Fraction(int.from_bytes(code, "big"), 2 ** (8 * len(code)))
    assert low - Fraction(1, 2**40) <= value < low + width
    assert abs(length - len(codeword(low, width))) <= 1


def test_a_carry_runs_back_through_bytes_that_were_written():
    high, whole = (2**32 - 1, 1, 2**32), (0, 1, 1)
    nearly = [high] * 4 + [(1, 1, 2)] * 3
    for steps in ([(0, 1, 2), *nearly], [(1, 2, 3), *nearly], [*nearly, whole], nearly * 5):
        code, _ = encoded(steps)
        for (start, size, _), value in zip(steps, decoded(code, steps), strict=True):
            assert start <= value < start + size


def test_carries_do_happen():
    """Thirds: the exact number is 0.0101... + 0.0101... and so on, carried over many bytes."""
    carried = []

    class Watched(Encoder):
        def _move_on(self):
            before = bytes(self._bytes)
            super()._move_on()
            carried.append(before != bytes(self._bytes[:-1]))

    generator = np.random.default_rng(0)
    for _ in range(50):
        encoder, steps = Watched(), []
        for total in generator.integers(2, 2**20, size=200).tolist():
            steps.append((total - 1, 1, total))
            encoder.encode(*steps[-1])
        code, _ = encoder.finish()
        assert decoded(code, steps) == [start for start, _, _ in steps]
    assert any(carried)


def test_nothing_is_one_bit():
    assert encoded([]) == (b"\x00", 1)
    assert codeword(Fraction(0), Fraction(1)) == "0"


@pytest.mark.parametrize(
    "step", [(0, 0, 2), (-1, 1, 2), (1, 2, 2), (0, 1, 2**32 + 1), (2, 1, 2), (0, 1, 0)]
)
def test_no_share_is_refused(step):
    for code in (lambda: Encoder().encode(*step), lambda: interval([step])):
        with pytest.raises(
            ValueError, match="start, size, total must be a positive part of at most"
        ):
            code()


@pytest.mark.parametrize(("low", "width"), [(0, 0), (Fraction(1, 2), 1), (-1, 1), (0, 2)])
def test_no_interval_is_refused(low, width):
    with pytest.raises(ValueError, match="low and width must be an interval"):
        codeword(Fraction(low), Fraction(width))


def test_a_word_outside_is_refused():
    with pytest.raises(ValueError, match=r"word.*\[0, 2\)"):
        step_to([1, 2], 2)


# ---- from probabilities to frequencies -------------------------------------------------


@pytest.mark.claim("prop-frequencies")
@given(distributions(), st.integers(1, 31))
def test_no_frequency_is_zero_and_each_word_costs_at_most_the_bound(y_hat, k):
    counts = frequencies(y_hat, k)
    assert counts.min() >= 1
    exact = [Fraction(share) for share in y_hat.tolist()]
    assert counts.tolist() == [math.floor(share * 2**k) + 1 for share in exact]
    total, whole = int(counts.sum()), sum(exact)
    assert total <= 2**k * whole + y_hat.size
    for share, count in zip(exact, counts.tolist(), strict=True):
        # count / total > (share / whole) / (1 + V / (2**k whole)), exactly
        bound = 1 + Fraction(y_hat.size) / (2**k * whole)
        assert Fraction(count, total) * bound > share / whole


@pytest.mark.claim("prop-frequencies")
def test_a_large_vocabulary_costs_little():
    y_hat = np.random.default_rng(3).dirichlet(np.full(50_000, 0.1))
    counts = frequencies(y_hat)
    excess = bits(kl_divergence(y_hat, counts / counts.sum()))
    assert 0 < excess < math.log2(1 + 50_000 / 2**24) < 0.0043


def test_rows_are_independent_and_of_a_size():
    rows = np.random.default_rng(1).dirichlet(np.ones(5), size=(2, 3))
    assert frequencies(rows).shape == (2, 3, 5)
    assert (frequencies(rows)[1, 2] == frequencies(rows[1, 2])).all()
    assert frequencies([0.0, 1.0], 4).tolist() == [1, 17]


@pytest.mark.parametrize("k", [0, 32])
def test_bits_out_of_range_are_refused(k):
    with pytest.raises(ValueError, match=f"bits must be from 1 to 31, got {k}"):
        frequencies([0.5, 0.5], k)


@pytest.mark.claim("rem-other-floats")
def test_one_unit_in_the_last_place_can_be_another_text():
    below, above = np.nextafter(0.5, 0), 0.5
    one, other = frequencies([below, 1 - below]), frequencies([above, 1 - above])
    assert one.tolist() != other.tolist()
    generator = np.random.default_rng(0)
    text = generator.integers(0, 2, 2000).tolist()
    code, _ = encoded(step_to(one, word) for word in text)

    def read(counts):
        decoder, words = Decoder(code), []
        for _ in text:
            word = int(decoder.peek(int(counts.sum())) >= counts[0])
            decoder.take(*step_to(counts, word)[:2])
            words.append(word)
        return words

    assert read(one) == text
    wrong = read(other)
    assert wrong[:20] == text[:20]  # it begins well
    assert wrong != text


# ---- 1,000 models and texts ------------------------------------------------------------


@pytest.mark.claim("thm-arithmetic-code")
@pytest.mark.claim("prop-frequencies")
def test_a_thousand_random_models_and_texts_come_back_within_the_bound():
    random = np.random.default_rng(9)
    for _ in range(1000):
        size, length, k = (int(random.integers(*ends)) for ends in ((1, 30), (0, 60), (8, 32)))
        table = random.dirichlet(np.full(size, 0.3), size=size)
        text, steps, loss = [0], [], 0.0
        counts = frequencies(table, k)
        for _ in range(length):
            text.append(int(random.choice(size, p=table[text[-1]])))
            steps.append(step_to(counts[text[-2]], text[-1]))
            loss -= math.log2(table[text[-2], text[-1]])
        code, bits_used = encoded(steps)
        quantization = length * math.log2(1 + size / 2**k)
        rounding = -length * math.log2(1 - (2**k + size) / 2**56)
        assert bits_used < loss + 2 + quantization + rounding + 1e-9
        decoder, back = Decoder(code), [0]
        for _ in range(length):
            row = counts[back[-1]]
            value = decoder.peek(int(row.sum()))
            word = int(np.searchsorted(row.cumsum(), value, side="right"))
            decoder.take(*step_to(row, word)[:2])
            back.append(word)
        assert back == text


# ---- what no code can do ---------------------------------------------------------------

STRINGS = ["".join(w) for n in range(1, 4) for w in itertools.product("01", repeat=n)]


def ambiguous(words, longest):
    """Whether two sequences of code words give one string of at most this many bits: by trying."""
    seen, grown = set(), [""]
    while grown:
        longer = [done + word for done in grown for word in words]
        grown = [string for string in longer if len(string) <= longest]
        if len(set(grown)) < len(grown) or seen & set(grown):
            return True
        seen |= set(grown)
    return False


@pytest.mark.claim("thm-kraft")
def test_every_small_uniquely_decodable_code_has_a_kraft_sum_of_at_most_one():
    decodable = 0
    for size in range(1, 5):
        for words in itertools.combinations(STRINGS, size):
            if is_uniquely_decodable(words):
                decodable += 1
                assert kraft_sum(map(len, words)) <= 1
            assert is_uniquely_decodable(words) != ambiguous(words, 9)
    assert decodable > 100


@pytest.mark.claim("thm-kraft")
@given(st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_lengths_with_a_kraft_sum_of_at_most_one_belong_to_a_code_without_beginnings(lengths):
    if kraft_sum(lengths) > 1:
        lengths = [length + 4 for length in lengths]  # at most 12 of at least 5 bits: below 1
    at, words = Fraction(0), []
    for length in sorted(lengths):
        words.append(f"{int(at * 2**length):0{length}b}")
        at += Fraction(1, 2**length)
    assert is_uniquely_decodable(words)
    for one, other in itertools.permutations(words, 2):
        assert not other.startswith(one)


def test_sardinas_and_patterson_on_known_codes():
    assert is_uniquely_decodable(["0", "01", "11"])  # not free of beginnings, and decodable
    assert not is_uniquely_decodable(["0", "01", "10"])  # 010
    assert not is_uniquely_decodable(["1", "011", "01110", "1110", "10011"])
    assert not is_uniquely_decodable(["0", "0"])
    assert not is_uniquely_decodable(["", "0"])
    assert is_uniquely_decodable([])


@pytest.mark.claim("thm-source-coding")
@given(distributions(smallest=1e-3), st.data())
def test_no_decodable_code_is_shorter_on_average_than_the_entropy(p, data):
    lengths = data.draw(st.lists(st.integers(1, 12), min_size=p.size, max_size=p.size))
    if kraft_sum(lengths) > 1:
        lengths = [length + 3 for length in lengths]  # at most 7 words of at least 4 bits
    assert kraft_sum(lengths) <= 1
    assert p @ lengths >= bits(entropy(p)) - 1e-12


@pytest.mark.claim("thm-source-coding")
@given(distribution_pairs(smallest=1e-3))
def test_the_code_of_a_model_costs_the_cross_entropy_and_less_than_two_bits(pair):
    p, q = pair
    sums = [Fraction(0), *itertools.accumulate(map(Fraction, q.tolist()))]
    codes = [codeword(a / sums[-1], (b - a) / sums[-1]) for a, b in itertools.pairwise(sums)]
    mean = float(p @ [len(code) for code in codes])
    assert bits(entropy(p)) - 1e-9 <= mean < bits(entropy(p) + kl_divergence(p, q)) + 2 + 1e-9


@pytest.mark.claim("thm-source-coding")
def test_powers_of_two_reach_the_entropy():
    p = np.array([0.5, 0.25, 0.125, 0.125])
    words = ["0", "10", "110", "111"]
    assert is_uniquely_decodable(words)
    assert p @ [len(word) for word in words] == bits(entropy(p)) == 1.75


@pytest.mark.claim("rem-one-text")
def test_a_code_whose_end_is_known_can_be_shorter_than_the_entropy():
    words = ["", "0", "1"]
    assert np.mean([len(word) for word in words]) == pytest.approx(2 / 3)
    assert bits(entropy([1 / 3] * 3)) > 2 / 3
    assert not is_uniquely_decodable(words)
    assert kraft_sum(map(len, words)) == 2


@pytest.mark.claim("thm-source-coding")
def test_the_sentences_of_the_grammar_take_their_entropy_and_less_than_two_bits():
    """All 11,168 sentences, each by itself, with their exact probabilities."""
    grammar = Grammar.portuguese()
    prefixes = grammar.prefixes()
    start = prefixes[()]
    mean = total = 0.0
    for prefix, share in prefixes.items():
        stop = grammar.next_word_distribution(prefix).get(".", 0.0)
        if stop:
            p = share / start * stop
            mean += p * (math.ceil(-math.log2(p)) + 1)
            total += p
    floor = bits(grammar.entropy_rate()) / start
    assert math.isclose(total, 1)
    assert floor <= mean < floor + 2


def test_a_long_text_of_the_grammar_is_near_its_entropy_rate():
    grammar = Grammar.portuguese()
    words = grammar.sample(6_000, seed=4)
    vocabulary = Vocabulary(grammar.words, unknown=None)
    ids, steps, sentence, exact = vocabulary.ids(words).tolist(), [], [], 0.0
    for word, i in zip(words, ids, strict=True):
        shares = grammar.next_word_distribution(sentence)
        row = np.array([shares.get(each, 0.0) for each in vocabulary.words])
        steps.append(step_to(frequencies(row), i))
        exact -= math.log2(shares[word])
        sentence = [] if word == "." else [*sentence, word]
    _, length = encoded(steps)
    assert exact < length < exact + 2 + len(words) * 54 / 2**24 / math.log(2) + 1e-3
    assert abs(length / len(words) - bits(grammar.entropy_rate())) < 0.03


# ---- the adaptive n-grams --------------------------------------------------------------


@pytest.mark.claim("prop-adaptive")
@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_come_back(data):
    code = compress(data, AdaptiveNGrams(SLOTS))
    assert bytes(decompress(code, len(data), AdaptiveNGrams(SLOTS))) == data


@pytest.mark.claim("prop-adaptive")
@settings(max_examples=30, deadline=None)
@given(st.text("ab\n", max_size=200))
def test_the_code_is_as_long_as_the_loss_of_the_predictions(text):
    data, model, width = text.encode(), AdaptiveNGrams(SLOTS), Fraction(1)
    for byte in data:
        for shift in range(7, -1, -1):
            bit, ones = byte >> shift & 1, model.predict()
            assert 0 < ones < 2**16
            width *= Fraction(ones if bit else 2**16 - ones, 2**16)
            model.learn(bit)
    length = len(compress(data, AdaptiveNGrams(SLOTS)))
    assert 2 ** (8 * length - 7) < 4 / width / (1 - Fraction(1, 2**40)) ** (8 * len(data))


@pytest.mark.claim("prop-mixing")
@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(-8, 8)), min_size=1, max_size=6), st.booleans()
)
def test_the_gradient_of_mixed_logits(pairs, y):
    """Against central differences of the loss, and the chain rule of chapter 5."""
    w, s = np.array(pairs).T

    def loss(w):
        return np.logaddexp(0, (-1 if y else 1) * (w @ s))

    p = 1 / (1 + np.exp(-(w @ s)))
    for i, step in enumerate(1e-5 * np.eye(len(w))):
        slope = (loss(w + step) - loss(w - step)) / 2e-5
        assert slope == pytest.approx((p - y) * s[i], abs=1e-6)


@pytest.mark.claim("prop-mixing")
@given(
    st.lists(st.floats(0.01, 0.99), min_size=1, max_size=5),
    st.lists(st.floats(-2, 2), min_size=5, max_size=5),
)
def test_mixed_logits_are_a_weighted_product(shares, weights):
    p, w = np.array(shares), np.array(weights)[: len(shares)]
    mixed = 1 / (1 + np.exp(-(w @ np.log(p / (1 - p)))))
    ones, zeros = np.prod(p**w), np.prod((1 - p) ** w)
    assert mixed == pytest.approx(ones / (ones + zeros), rel=1e-9)


@pytest.mark.claim("prop-counter")
@given(st.lists(st.booleans(), max_size=300))
def test_a_moving_mean_is_a_count(bits_seen):
    p = Fraction(1, 2)
    for n, bit in enumerate(bits_seen):
        p += (bit - p) / (n + Fraction(3, 2))
    n, ones = len(bits_seen), sum(bits_seen)
    assert p == (ones + Fraction(1, 4)) / (n + Fraction(1, 2))


@pytest.mark.claim("prop-counter")
@given(st.lists(st.booleans(), max_size=200))
def test_a_slot_of_the_model_holds_the_count(bits_seen):
    """One bit, always in the same context: its slot is followed beside exact fractions."""
    model = AdaptiveNGrams(SLOTS)
    slot, n, ones = model._counts[0], 0, 0
    for bit in bits_seen:
        model._begin_byte()
        model.predict()
        place = model._at[0]
        model.learn(bit)
        slot, n, ones = model._counts[place], n + 1, ones + bit
        assert slot & 255 == n
        exact = (ones + 0.25) / (n + 0.5)
        assert (slot >> 8) / 2**20 == pytest.approx(exact, abs=n * 2**-20 + 1e-5)


def test_the_tables_are_the_logistic_function_and_its_inverse():
    logistic, logit = compression._tables()
    z = np.arange(-2047, 2048) / 256
    assert np.abs(np.array(logistic) - 2**16 / (1 + np.exp(-z))).max() <= 1
    assert logistic == [2**16 - share for share in reversed(logistic)]
    assert logistic == sorted(logistic)
    assert logistic[0] > 0
    shares = (np.arange(4096) + 0.5) / 4096
    exact = np.clip(256 * np.log(shares / (1 - shares)), -2047, 2047)
    assert np.abs(np.array(logit) - exact).max() <= 1
    assert logit == [-z for z in reversed(logit)]


def test_the_model_computes_in_integers_alone():
    model = AdaptiveNGrams(SLOTS)
    compress(b"o sol brilha forte. " * 20, model)
    state = [*model._counts, *itertools.chain(*model._weights), model._past, *model._places]
    assert {type(value) for value in state} == {int}
    assert {type(value) for table in compression._tables() for value in table} == {int}


def test_the_format_stays_what_it_is():
    """The same bytes on every machine, and in every version: files are written in them."""
    data = ("o cão ladra. o sol brilha forte, e a gata mia. " * 6).encode()
    code = compress(data, AdaptiveNGrams(SLOTS))
    assert (len(code), code.hex()) == FIXED


def test_what_was_seen_before_costs_less():
    text = " ".join(Grammar.portuguese().sample(1500, seed=2)).encode()
    once, twice = (len(compress(text * n, AdaptiveNGrams(16))) for n in (1, 2))
    assert once < len(text) / 3
    assert twice - once < 0.9 * once


def test_random_bytes_hardly_grow():
    noise = np.random.default_rng(0).bytes(3000)
    assert 3000 < len(compress(noise, AdaptiveNGrams(16))) < 3300


@pytest.mark.parametrize("slots", [7, 25])
def test_tables_of_no_size_are_refused(slots):
    with pytest.raises(ValueError, match=f"slots must be from 8 to 24, got {slots}"):
        AdaptiveNGrams(slots)
