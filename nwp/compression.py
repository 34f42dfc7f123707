r"""Compression: the total loss, in bits, is the size of a file.

Chapter 9. Probabilities become integer `frequencies`; a text becomes an `interval` of [0, 1)
whose width is its probability, and the interval a `codeword`, in exact fractions. `Encoder` and
`Decoder` do the same in integers, a word at a time. `kraft_sum` and `is_uniquely_decodable` say
what no code can do. `AdaptiveNGrams` needs no training: it learns on the way, in integers alone.

Sources: Shannon (1948); Kraft (1949) and McMillan (1956); Sardinas & Patterson (1953); Rissanen
(1976) and Martin (1979) for the coder; Mahoney (2005) for bits predicted from many contexts.
"""

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from decimal import Context
from fractions import Fraction
from functools import cache
from operator import mul

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nwp import checks

Step = tuple[int, int, int]  # of a word: the frequencies before it, its own, and all together

LARGEST = 2**32  # total of frequencies
WINDOW, NARROW = 1 << 64, 1 << 56  # the coder's width begins at one, and stays above the other

# ---------------------------------------------------------------- exactly


def frequencies(probabilities: ArrayLike, bits: int = 24) -> NDArray[np.int64]:
    r"""Return :math:`f_i = \lfloor 2^k \hat y_i \rfloor + 1`: integers, and none is 0.

    To multiply by a power of two and to round down are exact in floating point, so the same
    floats give the same integers on every machine. A word costs less than
    :math:`\log_2(1 + |V| / 2^k)` bits more than by `probabilities` that sum to 1.

    Parameters
    ----------
    probabilities : (..., V) array, each row a distribution
    bits : k, from 1 to 31

    Raises
    ------
    TypeError, ValueError
        Where a row is no distribution, or `bits` is out of range.
    """
    shares = checks.distributions("probabilities", probabilities)
    if not 1 <= checks.integer("bits", bits) <= 31:
        raise ValueError(f"bits must be from 1 to 31, got {bits}")
    return np.floor(np.ldexp(shares, bits)).astype(np.int64) + 1


def step_to(counts: ArrayLike, word: int) -> Step:
    """Return (frequencies before the word, its own, all together) for (V,) `counts`."""
    row = checks.word_ids("counts", counts, LARGEST)
    checks.same_shape("counts", row, (row.size,), "a row")
    checks.word_ids("word", checks.integer("word", word), row.size)
    return int(row[:word].sum()), int(row[word]), int(row.sum())


def interval(steps: Iterable[Step]) -> tuple[Fraction, Fraction]:
    """Return the interval of a text, (its low end, its width); the width is its probability."""
    low, width = Fraction(0), Fraction(1)
    for step in steps:
        start, size, total = _checked(step)
        low, width = low + width * start / total, width * size / total
    return low, width


def codeword(low: Fraction, width: Fraction) -> str:
    r"""Return bits such that all numbers that begin with them lie in [low, low + width).

    There are :math:`\lceil \log_2(1/\text{width}) \rceil + 1` of them.
    """
    if not 0 <= low < low + width <= 1:
        raise ValueError(f"low and width must be an interval in [0, 1), got {low} and {width}")
    length = 1
    while width * 2**length < 2:
        length += 1
    return f"{math.ceil(low * 2**length):0{length}b}"


def _checked(step: Step) -> Step:
    start, size, total = step
    if not 0 <= start < start + size <= total <= LARGEST:
        raise ValueError(f"start, size, total must be a positive part of at most 2**32, got {step}")
    return step


# ---------------------------------------------------------------- the range coder


class Encoder:
    """Write a text as one number in [0, 1), in integers: the low end and width of its interval.

    Where the width falls below 2**56, the window of 64 bits moves on by a byte, which is written;
    a carry goes back into bytes that were written before.
    """

    def __init__(self) -> None:
        self._low, self._width, self._bytes = 0, WINDOW, bytearray()

    def encode(self, start: int, size: int, total: int) -> None:
        """Narrow the interval to the share of one word; ValueError where it has none."""
        if not 0 <= start < start + size <= total <= LARGEST:
            _checked((start, size, total))
        unit = self._width // total
        self._low += unit * start
        self._width = unit * size
        while self._width < NARROW:
            self._move_on()

    def _move_on(self) -> None:
        byte, self._low = divmod(self._low, NARROW)
        if byte > 255:
            byte -= 256
            last = len(self._bytes) - 1
            while self._bytes[last] == 255:
                self._bytes[last] = 0
                last -= 1
            self._bytes[last] += 1
        self._bytes.append(byte)
        self._low <<= 8
        self._width <<= 8

    def finish(self) -> tuple[bytes, int]:
        """Return the code, in whole bytes that 0s fill up, and how many of its bits count."""
        free = self._width.bit_length() - 2  # the width holds 2 × 2**free: a whole cell of 2**free
        self._low = -(-self._low >> free) << free
        length = 8 * len(self._bytes) + 64 - free
        while 8 * len(self._bytes) < length:
            self._move_on()
        return bytes(self._bytes), length


class Decoder:
    """Read what `Encoder` wrote, with the same totals in the same order. After the end come 0s."""

    def __init__(self, code: bytes) -> None:
        checks.instance("code", code, bytes)
        self._value = int.from_bytes(code[:8].ljust(8, b"\0"), "big")  # above the low end
        self._rest, self._width, self._unit, self._total = iter(code[8:]), WINDOW, 0, 0

    def peek(self, total: int) -> int:
        """Return a number in [0, total) that lies in the next word's share.

        Of bytes that no `Encoder` wrote it makes something, too: a code has nothing to check.
        """
        if not 0 < total <= LARGEST:
            _checked((0, 1, total))
        self._unit, self._total = self._width // total, total
        return min(self._value // self._unit, total - 1)

    def take(self, start: int, size: int) -> None:
        """Go on behind the word whose share, `size` from `start` on, was peeked into."""
        if not 0 <= start < start + size <= self._total:  # a width of 0 would never grow
            _checked((start, size, self._total))
        self._value -= self._unit * start
        self._width = self._unit * size
        while self._width < NARROW:
            self._width <<= 8
            self._value = self._value << 8 | next(self._rest, 0)


# ---------------------------------------------------------------- what no code can do


def kraft_sum(lengths: Iterable[int]) -> Fraction:
    r"""Return :math:`\sum_x 2^{-\ell(x)}`, at most 1 for every uniquely decodable code."""
    whole = [checks.integer("lengths", length, at_least=0) for length in lengths]
    return sum((Fraction(1, 2**length) for length in whole), Fraction(0))


def is_uniquely_decodable(words: Sequence[str]) -> bool:
    """Whether no two sequences of code words are the same string (Sardinas & Patterson)."""
    code = set(checks.words("words", words))
    if len(code) < len(words) or "" in code:
        return False

    def rests(beginnings: set[str], strings: set[str]) -> set[str]:
        return {s[len(b) :] for b in beginnings for s in strings if s.startswith(b)}

    dangling, seen = rests(code, code) - {""}, set[str]()
    while dangling and not dangling & code:
        seen |= dangling
        dangling = (rests(code, dangling) | rests(dangling, code)) - seen
    return not dangling


# ---------------------------------------------------------------- a model that needs no training

ORDERS = range(6)  # contexts of no byte, the last one, ... the last five
ONE = 1 << 16  # the probability 1
EDGE = 2047  # the largest logit; 256 are one nat
CERTAIN = (1 << 28) - 1  # a slot: the share of ones in its upper 20 bits, and in its
COUNTED = 255  # lower 8 how many bits were counted
GOLDEN = 0x9E3779B97F4A7C15  # Knuth's multiplier: neighbors go far apart


@cache
def _tables() -> tuple[list[int], list[int]]:
    """Return the logistic function at -2047 ... 2047, and the logits of 4,096 shares.

    In decimals, whose functions are rounded correctly by definition: on every machine the same.
    """
    exact = Context(prec=20)
    inverse = [exact.exp(exact.divide(-z, 256)) for z in range(EDGE + 1)]
    above = [int(exact.divide(ONE, exact.add(1, each))) for each in inverse]
    odds = [exact.divide(4096 + i, 4096 - i) for i in range(1, 4096, 2)]
    logit = [min(int(exact.multiply(256, exact.ln(each))), EDGE) for each in odds]
    return [ONE - each for each in above[:0:-1]] + above, [-z for z in reversed(logit)] + logit


class AdaptiveNGrams:
    r"""Predict the bits of bytes from those before, by n-grams of six orders that learn on the way.

    A slot for each context of up to five bytes, with the bits of the byte so far, holds how often
    a 1 came, :math:`p = (n_1 + 1/4) / (n + 1/2)`; after 255 bits the older ones fade. The six
    logits are added up with weights, and the sum is the logit of the prediction. After each bit
    the weights take a step against the gradient of the loss, :math:`(\hat y - y)` times the logits
    (chapter 5). Contexts find their slots by a hash; two that meet there share their counts.

    Parameters
    ----------
    slots : from 8 to 24, the logarithm of how many each order has (4 bytes each)
    """

    def __init__(self, slots: int = 22) -> None:
        if not 8 <= checks.integer("slots", slots) <= 24:
            raise ValueError(f"slots must be from 8 to 24, got {slots}")
        self._slots, self._past = slots, 0
        self._counts = array("I", [(CERTAIN + 1) // 2]) * (len(ORDERS) << slots)
        self._weights = [[ONE // 2] * len(ORDERS) for _ in range(256)]
        self._logistic, self._logit = _tables()
        self._keys = [self._hash(-node) for node in range(256)]
        self._begin_byte()

    def _hash(self, context: int) -> int:
        mixed = context * GOLDEN % 2**64
        return (mixed ^ mixed >> 29) * GOLDEN % 2**64 >> 64 - self._slots

    def _begin_byte(self) -> None:
        self._node = 1  # the bits of the byte so far, behind a 1
        pasts = (self._past % 256**order + (order << 40) for order in ORDERS)
        self._places = [self._hash(past) | i << self._slots for i, past in enumerate(pasts)]

    def predict(self) -> int:
        """Return the probability that the next bit is 1, in parts of 65,536, neither 0 nor all."""
        key, counts, logit = self._keys[self._node], self._counts, self._logit
        self._at = [place ^ key for place in self._places]
        self._seen = [counts[i] for i in self._at]
        self._inputs = [logit[slot >> 16] for slot in self._seen]
        score = sum(map(mul, self._weights[self._node], self._inputs)) // ONE
        if not -EDGE <= score <= EDGE:
            score = EDGE if score > 0 else -EDGE
        self._share = self._logistic[score + EDGE]
        return self._share

    def learn(self, bit: int) -> None:
        """Count the bit that came, after `predict`, and move the weights."""
        counts, node, error = self._counts, self._node, (ONE if bit else 0) - self._share
        for i, slot in zip(self._at, self._seen, strict=True):
            n = slot & COUNTED
            if bit:
                moved = slot + (2 * (CERTAIN - slot) // (2 * n + 3) & ~COUNTED)
            else:
                moved = slot - (2 * slot // (2 * n + 3) & ~COUNTED)
            counts[i] = moved + (n < COUNTED)
        both = zip(self._weights[node], self._inputs, strict=True)
        self._weights[node] = [weight + (logit * error >> 15) for weight, logit in both]
        self._node = 2 * node + bit
        if node >= 128:  # the byte is whole
            self._past = (self._past << 8 | self._node - 256) % 256 ** ORDERS[-1]
            self._begin_byte()


def compress(data: Iterable[int], model: AdaptiveNGrams) -> bytes:
    """Return the code of bytes, numbers in [0, 256), as a model predicts their bits."""
    encoder = Encoder()
    for byte in data:
        if byte >> 8:
            raise ValueError(f"data must be numbers in [0, 256), got {byte}")
        for shift in range(7, -1, -1):
            ones, bit = model.predict(), byte >> shift & 1
            encoder.encode(0 if bit else ones, ones if bit else ONE - ones, ONE)
            model.learn(bit)
    return encoder.finish()[0]


def decompress(code: bytes, length: int, model: AdaptiveNGrams) -> Iterator[int]:
    """Yield the `length` bytes that `compress` read, with a model in the same state as there."""
    decoder = Decoder(code)
    for _ in range(checks.integer("length", length, at_least=0)):
        byte = 1
        while byte < 256:
            ones = model.predict()
            bit = int(decoder.peek(ONE) < ones)
            decoder.take(0 if bit else ones, ones if bit else ONE - ones)
            model.learn(bit)
            byte = 2 * byte + bit
        yield byte - 256
