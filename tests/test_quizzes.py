"""Every number in a question's choices is recomputed, the wrong ones from the named mistake.

A question `q-loss-half` belongs to the test `test_q_loss_half`. The test accounts for the
numbers of each choice: `asked.answer("a", ...)` for all numbers of the answer, in order,
`asked.why("a", ...)` for those of its explanation that have a decimal point, two digits or a
fraction bar. What it does not account for is an error.
"""

import json
import re

import numpy as np
import pytest
import torch
from editions import PORTUGUESE
from ledger import ROOT, chapter_paths
from quiz import Question, questions_of

from nwp.compression import (
    frequencies,
    interval,
    is_uniquely_decodable,
    kraft_sum,
    step_to,
)
from nwp.convexity import hessian_in_logits, two_weight_loss
from nwp.derivative import (
    central_differences,
    gradient_wrt_logits,
    gradient_wrt_probabilities,
)
from nwp.equivalence import (
    bits,
    empirical_conditional_entropy,
    entropy,
    kl_divergence,
    log_likelihood,
    perplexity,
)
from nwp.generalization import expected_estimation_error, expected_optimism, worst_regret
from nwp.grammar import Grammar
from nwp.loss import (
    cross_entropy,
    cross_entropy_from_logits,
    cross_entropy_one_hot,
    one_hot,
    softmax,
)
from nwp.scoring import brier_cost, linear_cost, mean_cost, smoothed_target
from nwp.teacher_forcing import PrefixTree, pairs, shift
from nwp.vocabulary import linear_cross_entropy
from nwp.weights import (
    Weights,
    backward,
    descend,
    logit_step,
    safe_learning_rate,
    turning_rates,
)

CHAPTERS = {path.stem: questions_of(path) for path in chapter_paths()}
QUESTIONS = {question.label: question for asked in CHAPTERS.values() for question in asked}
NUMBER = re.compile(
    r"10\^\{(?P<power>-?\d+)\}"
    r"|(?<![\w\\.^])(?P<sign>-?)(?P<whole>\d+(?:,\d{3})*)(?P<decimals>\.\d+)?(?:/(?P<under>\d+(?:\.\d+)?))?"
)
FIRST = [0.05, 0.10, 0.05, 0.80]  # the document's prediction; the fourth word is right


class Number(float):
    """A number of a text: its value, and by how much its printed form may be off."""

    slack: float
    notable: bool

    @classmethod
    def read(cls, match: re.Match) -> "Number":
        if match["power"]:
            number = cls(10.0 ** int(match["power"]))
            number.slack, number.notable = 1e-9 * number, True
            return number
        digits = match["whole"].replace(",", "") + (match["decimals"] or "")
        number = cls(float(match["sign"] + digits) / float(match["under"] or 1))
        decimals = len(match["decimals"] or ".") - 1
        number.slack = 1e-9 if match["under"] else 0.5000001 * 10.0**-decimals
        number.notable = bool(match["decimals"] or match["under"]) or len(digits) > 1
        return number


def numbers(text: str) -> list[Number]:
    return [Number.read(match) for match in NUMBER.finditer(text.replace("{,}", ","))]


def is_stated(printed: list[Number], computed: tuple[float, ...]) -> bool:
    return len(printed) == len(computed) and all(
        abs(one - float(value)) <= one.slack for one, value in zip(printed, computed, strict=True)
    )


class Asked:
    """A question under test, with a record of the numbers that were accounted for."""

    def __init__(self, question: Question):
        self.choices = dict(zip("abcdefgh", question.choices, strict=False))
        self.right = "".join(k for k, choice in self.choices.items() if choice.right)
        self.done: set[tuple[str, str]] = set()

    def open_parts(self) -> set[tuple[str, str]]:
        """Name the parts with numbers that nothing has accounted for."""
        parts = set()
        for letter, choice in self.choices.items():
            if numbers(choice.answer.text):
                parts.add((letter, "answer"))
            if any(n.notable for n in numbers(choice.explanation.text)):
                parts.add((letter, "why"))
        return parts - self.done

    def answer(self, letter: str, *computed: float) -> None:
        printed = numbers(self.choices[letter].answer.text)
        assert is_stated(printed, computed), f"{letter} states {printed}, computed {computed}"
        self.done.add((letter, "answer"))

    def why(self, letter: str, *computed: float) -> None:
        printed = [n for n in numbers(self.choices[letter].explanation.text) if n.notable]
        assert is_stated(printed, computed), f"{letter} says {printed}, computed {computed}"
        self.done.add((letter, "why"))


@pytest.fixture
def asked(request):
    """The question of a test, by its name; at the end nothing may be left unaccounted for."""
    label = request.function.__name__.removeprefix("test_").replace("_", "-")
    asked = Asked(QUESTIONS[label])
    yield asked
    assert not asked.open_parts(), f"{label}: not accounted for: {sorted(asked.open_parts())}"


def test_each_chapter_has_four_questions_and_labels_are_unique():
    assert all(len(asked) >= 4 for asked in CHAPTERS.values())
    assert len(QUESTIONS) == sum(map(len, CHAPTERS.values()))


def test_each_question_has_its_test():
    tests = {name[len("test_") :] for name in globals() if name.startswith("test_q_")}
    assert tests == {label.replace("-", "_") for label in QUESTIONS}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_portuguese_questions_are_the_same(chapter):
    """Their numbers are: `test_translation.py` compares them with the English ones."""
    translated = questions_of(PORTUGUESE / "chapters" / f"{chapter}.ipynb")
    marks, own = (
        [(one.label, [choice.right for choice in one.choices]) for one in questions]
        for questions in (CHAPTERS[chapter], translated)
    )
    assert own == marks


def test_the_right_answer_has_no_favorite_place():
    places = [
        [choice.right for choice in question.choices].index(True) for question in QUESTIONS.values()
    ]
    assert max(map(places.count, places)) <= 0.65 * len(places)


def test_numbers_are_read():
    text = "at $-1.25$, $e^{-0.1}$, 8,192 of 1/3, $10^{-5}$, $x_1$, 9.5 %, $1{,}000$, $2 - 1$"
    assert numbers(text) == [-1.25, -0.1, 8192, 1 / 3, 1e-5, 9.5, 1000, 2, 1]
    assert is_stated(numbers("0.223 and 1/3"), (-np.log(0.8), 1 / 3))
    assert not is_stated(numbers("0.224"), (-np.log(0.8),))
    assert not is_stated(numbers("0.22 0.22"), (-np.log(0.8),))


# Chapter 1


def test_q_loss_half(asked):
    for p in (0.02, 0.25, 0.8):
        grown = cross_entropy([p / 2, 1 - p / 2], 0) - cross_entropy([p, 1 - p], 0)
        asked.answer("b", 2, grown)
    asked.why("a", 1 / 2)  # where halving doubles: log 2 = -log p
    assert np.isclose(cross_entropy([0.25, 0.75], 0), 2 * cross_entropy([0.5, 0.5], 0))
    asked.why("c", 0.8 / 2, 0.8, 0.02 / 2, 0.02)


def test_q_loss_rest(asked):
    after = [0.05, 0.0, 0.15, 0.80]
    asked.answer("b", cross_entropy(after, 3))
    assert np.isclose(cross_entropy(after, 3), cross_entropy(FIRST, 3))
    asked.why("c", entropy(FIRST), entropy(after))
    assert cross_entropy(after, 1) == np.inf  # a: when "cão" comes


def test_q_loss_base(asked):
    loss = cross_entropy(FIRST, 3)
    asked.answer("a", 1)  # the formula 1 - y_hat
    asked.why("a", 1 - FIRST[3])
    asked.answer("b", 10)
    asked.why("b", -np.log10(FIRST[3]))
    asked.answer("c", 2)
    asked.why("c", bits(loss), loss)
    asked.why("d", loss, loss / 4)
    assert not np.isclose([0.2, loss / 4, -np.log10(0.8)], 0.322, atol=1e-3).any()


def test_q_loss_double_softmax(asked):
    asked.answer("a", cross_entropy(FIRST, 3))
    asked.why("a", max(FIRST) - min(FIRST))
    asked.answer("b", cross_entropy_from_logits(FIRST, 3))
    asked.why("b", softmax(FIRST)[3], cross_entropy_from_logits([0.0, 0, 0, 1], 3))
    assert not np.allclose(softmax(FIRST), FIRST)


def test_q_loss_shift(asked):
    z = np.array([1002.0, 1001.0])
    assert np.isclose(cross_entropy_from_logits(z, 0), cross_entropy_from_logits(z - 1002, 0))
    small = np.array([2.0, 1.0])
    assert np.isclose(np.log(np.exp(small + 5).sum()), np.log(np.exp(small).sum()) + 5)
    assert not np.allclose(softmax(2 * small), softmax(small))
    asked.why("c", softmax(small)[0], softmax(2 * small)[0])
    assert asked.right == "b"


def test_q_loss_zero(asked):
    y_hat, y = np.array([0.0, 1.0]), np.array([0.0, 1.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        assert np.isnan(-(y * np.log(y_hat)).sum())
    asked.answer("a", 0)
    asked.answer("c", cross_entropy_one_hot(y_hat, y), 0, 0, 0)
    asked.answer("d", 0, 1e-9)
    asked.why("d", -np.log(1e-9))
    assert cross_entropy(y_hat, 0) == np.inf


# Chapter 2


def test_q_eq_averages(asked):
    losses = np.array([1.0, 5.0])
    asked.answer("a", perplexity(losses).mean())
    asked.answer("b", perplexity(losses.mean()))
    asked.answer("c", 2 ** losses.mean())
    asked.answer("d", losses.mean())
    assert asked.right == "b"


def test_q_eq_batches(asked):
    batches = [np.ones(4), np.full(1, 5.0)]
    asked.answer("a", np.mean([batch.mean() for batch in batches]))
    asked.answer("b", np.concatenate(batches).mean())
    asked.answer("c", batches[0].mean())
    asked.answer("d", np.concatenate(batches).sum())
    assert asked.right == "b"


def test_q_eq_lower(asked):
    came = [0, 0, 1]
    before, after = [0.45, 0.55], [2 / 3, 1 / 3]
    asked.why("a", cross_entropy([before] * 3, came), cross_entropy([after] * 3, came), 0.55, 1 / 3)
    narrow, bold = np.full(3, 0.51), np.array([0.99, 0.49, 0.49])
    asked.why("b", *bold, narrow[0])
    assert -np.log(bold).mean() < -np.log(narrow).mean()
    assert ((bold > 0.5).sum(), (narrow > 0.5).sum()) == (1, 3)
    likelihoods = [log_likelihood([row] * 3, came) for row in (before, after)]
    assert likelihoods[1] > likelihoods[0]
    assert asked.right == "c"


def test_q_eq_floor(asked):
    text = np.array([0, 1, 3, 0, 1, 3, 0, 2])  # c a . c a . c b
    total = empirical_conditional_entropy(text, 4, 1) * 7  # a and "." leave no doubt
    floor = total / 3
    asked.answer("a", 0)
    asked.answer("b", floor)
    asked.why("b", 2 / 3, 1 / 3)
    assert np.isclose(entropy([2 / 3, 1 / 3]), floor)
    asked.answer("c", cross_entropy([[0.5, 0.5]] * 3, [0, 0, 1]))
    asked.why("c", 1 / 2, 1 / 2)
    mean_probability = np.mean([2 / 3, 2 / 3, 1 / 3])
    asked.answer("d", -np.log(mean_probability))
    asked.why("d", mean_probability)
    assert -np.log(mean_probability) < floor


def test_q_eq_direction(asked):
    assert np.isclose(kl_divergence([1.0, 0.0], [0.5, 0.5]), np.log(2))  # a: half in vain
    random = np.random.default_rng(0)
    for _ in range(100):  # it is the least cost of spending half in vain
        p, q = random.dirichlet(np.ones(3), size=2)
        truth, half = np.append(p, 0), np.append(q / 2, 0.5)
        assert np.log(2) < kl_divergence(truth, half) < np.inf
        assert np.isclose(kl_divergence(truth, np.append(p / 2, 0.5)), np.log(2))
    assert "at least" in asked.choices["a"].explanation.text
    assert kl_divergence([0.5, 0.5], [1.0, 0.0]) == np.inf
    assert asked.right == "b"


def test_q_eq_tokenizer(asked):
    whole, pieces = np.array([1 / 4]), np.array([1 / 2, 1 / 2])
    assert [round(float(perplexity(-np.log(p).mean()))) for p in (whole, pieces)] == [4, 2]
    for tokens in (whole, pieces):
        total = bits(-np.log(tokens).sum())
        asked.why("b", tokens.prod(), total / len("ladra"), total / len("ladra"))
        assert round(float(total)) == 2
    either = pieces.prod() + 1 / 4  # the second model may know "ladra", too, and give it 1/4
    assert bits(-np.log(either)) / len("ladra") < 0.4  # an upper bound
    assert asked.right == "b"


# Chapter 3


def test_q_cx_average(asked):
    each = cross_entropy([[0.9, 0.1], [0.1, 0.9]], [0, 0], reduction="none")
    asked.answer("a", each.mean())
    asked.answer("b", cross_entropy([0.5, 0.5], 0))
    asked.why("b", 0.5, each.mean())
    asked.why("c", each.min())
    asked.why("d", 0.5)
    assert asked.right == "b"


def test_q_cx_exists(asked):
    u = np.linspace(-3, 30, 100)
    assert np.all(np.exp(-u) > 0)  # a: never 0, always falling
    assert np.all(np.diff(np.exp(-u)) < 0)
    flat = np.maximum(0, np.abs(np.linspace(-1, 1, 9)) - 1)  # b: an interval of minimizers
    assert np.all(flat == 0)
    at = 0.0
    for _ in range(10_000):
        at += 0.1 * np.exp(-at)
    assert at > 6  # d: still wandering
    assert asked.right == "c"


def test_q_cx_weights(asked):
    at_end = two_weight_loss(2.0, 2.0)
    assert np.isclose(at_end, two_weight_loss(-2.0, -2.0))
    asked.answer("a", at_end)
    asked.why("a", at_end)
    asked.answer("b", two_weight_loss(0.0, 0.0))
    asked.why("b", np.exp(-two_weight_loss(0.0, 0.0)), at_end)
    asked.why("c", softmax([0.0, 0.0])[0])


def test_q_cx_logits(asked):
    random = np.random.default_rng(0)
    for _ in range(100):
        eigenvalues = np.linalg.eigvalsh(hessian_in_logits(random.normal(size=5)))
        assert eigenvalues.min() > -1e-14  # a
    z = random.normal(size=4)
    assert np.isclose(cross_entropy_from_logits(z, 0), cross_entropy_from_logits(z + 3, 0))  # b
    losses = [cross_entropy_from_logits([lead, 0.0], 0) for lead in (1.0, 10.0, 100.0, 700.0)]
    assert np.allclose(losses, np.log1p(np.exp([-1.0, -10, -100, -700])))
    assert min(losses) > 0
    asked.answer("c", 0)
    asked.answer("d", 0)
    assert asked.right == "d"


def test_q_cx_flat(asked):
    ends = [[0.5, 0, 0.5], [0, 0.5, 0.5]]
    asked.why("c", 0.5, 0.5, 0.5, 0.5, cross_entropy(ends[0], 2))
    for s in (0.25, 0.5, 1):
        between = (1 - s) * np.array(ends[0]) + s * np.array(ends[1])
        assert np.isclose(cross_entropy(between, 2), cross_entropy(ends[0], 2))
    assert asked.right == "c"


# Chapter 4


def test_q_wt_guess(asked):
    right_guess, wrong_guess = [0.25, 0.25, 0.20, 0.30], [0.55, 0, 0, 0.45]
    assert np.argmax(right_guess) == 3 != np.argmax(wrong_guess)
    costly, cheap = cross_entropy(right_guess, 3), cross_entropy(wrong_guess, 3)
    asked.why("a", *right_guess, costly)
    asked.answer("b", 2)  # log 2
    asked.why("b", np.log(2))
    assert np.log(3) > np.log(2)  # from three words on
    asked.why("c", *wrong_guess[:1], 0.45, cheap, costly)
    assert cheap < costly
    assert asked.right == "c"


def test_q_wt_wrong_words(asked):
    before = np.array([0.05, 0.80, 0.05, 0.10])
    after = softmax(logit_step(np.log(before), 3, 1.0))
    assert (after < before).tolist() == [False, True, False, False]
    asked.why("a", before[:3].sum(), after[:3].sum(), before[0], after[0])
    assert np.isclose(after[0], after[2])
    turn = turning_rates(np.log(before), 3)[0]
    asked.why("c", turn)
    small, large = softmax(logit_step(np.log(before), 3, [0.001, 3.0]))
    assert small[0] > before[0] > large[0]
    moved = logit_step(np.log(before), 3, 1.0) - np.log(before)
    assert np.all(moved[:3] < 0)
    asked.why("d", moved[0] - moved[1])
    assert np.isclose(moved[0], moved[2])
    assert asked.right == "b"


def test_q_wt_long_step(asked):
    random = np.random.default_rng(0)
    for scale in (1, 30):  # also where the right word was nearly impossible
        z = random.normal(size=(20, 5)) * scale
        for row in z:
            before = cross_entropy_from_logits(row, 0)
            assert cross_entropy_from_logits(logit_step(row, 0, 1000.0), 0) < before
    asked.answer("c", 0)
    assert gradient_wrt_logits([-50.0, 0.0], 0)[0] < -0.999  # c: near its largest
    assert asked.right == "b"


def test_q_wt_limit(asked):
    o, cao, sol = 0, 1, 2
    contexts, targets = [o, o, o], [cao, cao, sol]
    rate = 0.9 * safe_learning_rate(contexts)
    row = softmax(descend(np.zeros((3, 3)), contexts, targets, rate, 2000)[-1, o])
    asked.answer("a", 1)
    asked.answer("b", 1 / 2)
    asked.why("b", cross_entropy([0.5, 0.5], 0), entropy([2 / 3, 1 / 3]))
    asked.answer("c", 2 / 3, 1 / 3)
    assert np.allclose(row[[cao, sol]], [2 / 3, 1 / 3], atol=1e-3)
    assert row[o] > 0


def test_q_wt_rate(asked):
    contexts = [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 5]
    n, largest = len(contexts), 3
    curvature = largest / (2 * n)
    asked.answer("a", 2 / (1 / 2))
    asked.why("a", 1 / 2, largest / n)
    asked.answer("b", 1 / curvature)
    asked.why("b", curvature)
    asked.answer("c", safe_learning_rate(contexts))
    asked.why("c", n)
    asked.answer("d", 4 * n)


def test_q_wt_zero(asked):
    asked.answer("a", 0)
    asked.why("c")
    zeros = Weights(np.zeros((4, 2)), np.zeros((4, 2)))
    gradients, _ = backward(zeros, [0, 1, 2], [1, 2, 3])
    assert all(np.all(gradient == 0) for gradient in gradients)
    assert asked.right == "c"


# Chapter 5


def test_q_dv_raw_step(asked):
    g = gradient_wrt_probabilities(FIRST, 3)
    asked.answer("a", 1)
    asked.answer("b", np.sum(FIRST - 0.1 * g))
    asked.why("b", g[3], g[3], 0.1, -g[3])
    asked.answer("c", np.sum(FIRST + 0.1 * g))
    asked.answer("d", 1 + 0.1 * FIRST[3])


def test_q_dv_zeros(asked):
    g = gradient_wrt_probabilities(FIRST, 3)
    assert g[:3].tolist() == [0, 0, 0]
    direction = np.array([0.1, -0.3, 0.0, 0.2])
    assert np.isclose((g + 7.0) @ direction, g @ direction)  # b: another constant
    assert np.all(gradient_wrt_logits(np.log(FIRST), 3)[:3] > 0)  # c
    assert asked.right == "b"


def test_q_dv_logits(asked):
    asked.answer("a", *gradient_wrt_probabilities(FIRST, 3))
    asked.answer("b", *FIRST)
    gradient = gradient_wrt_logits(np.log(FIRST), 3)
    asked.answer("c", *gradient)
    asked.answer("d", *-gradient)
    assert np.isclose(gradient.sum(), 0)


def test_q_dv_bounded(asked):
    asked.answer("b", gradient_wrt_logits([-40.0, 0.0], 0)[0])
    asked.answer("c", 0)
    z = torch.tensor([-40.0, 0.0], dtype=torch.float64, requires_grad=True)
    torch.sum((torch.softmax(z, 0) - torch.tensor([1.0, 0.0])) ** 2).backward()
    assert abs(z.grad[0].item()) < 1e-15  # c: the squared error
    jacobian = hessian_in_logits(np.log(FIRST))
    assert np.isclose(jacobian[3, 3], FIRST[3] * (1 - FIRST[3]))  # a
    assert np.isclose(gradient_wrt_logits(np.log(FIRST), 3)[3], FIRST[3] - 1)  # b


def test_q_dv_fused(asked):
    z = torch.tensor([12.0, 0.0], dtype=torch.float16, requires_grad=True)
    probability = torch.softmax(z, 0)[1]
    loss = -torch.log(probability)
    loss.backward()
    assert loss.item() == 12.0
    assert torch.isnan(z.grad).any()
    asked.answer("b", 0)
    asked.why("b", -12, np.exp(-12))
    assert probability > 0
    assert torch.finfo(torch.float16).max == 65_504 < np.exp(12)
    asked.answer("c", 1)  # the formula 1 / y_hat
    asked.why("c", 12, np.exp(12))
    fused = gradient_wrt_logits([12.0, 0.0], 1)
    assert np.all(np.abs(fused) <= 1)
    assert asked.right == "c"


def test_q_dv_difference(asked):
    def error(h):
        slope = central_differences(lambda p: -np.log(p[0]), np.array([0.8]), h)[0]
        return abs(slope * 0.8 + 1)

    asked.answer("a", 1e-13)
    asked.answer("b", 1e-5)
    asked.answer("c", 1e-1)
    steps = [float(f"1e{power}") for power in range(-13, 0)]
    typical = {h: np.median([error(h * s) for s in np.linspace(0.5, 2, 99)]) for h in steps}
    assert 1e-5 < typical[1e-13] < 1e-3  # about four digits
    assert typical[1e-5] < 1e-10
    assert min(typical.values()) > 1e-13
    asked.why("c", 100 * error(0.1))


# Chapter 6


def test_q_vc_saved(asked):
    line = json.loads((ROOT / "benchmarks/results/line.json").read_text())
    (row,) = [row for row in line["rows"] if row["words"] == 262_144]
    inner, lookup, normalizer = (
        row["seconds"][form] for form in ("inner product", "lookup", "log-sum-exp")
    )
    asked.answer("a", 2 * row["words"])
    ratio = inner / lookup
    assert 75 < ratio < 85
    asked.answer("b", round(ratio, -1))
    asked.answer("c", (inner + normalizer) / (lookup + normalizer))
    assert normalizer > 0.5 * (inner + normalizer)  # most of the time


def test_q_vc_exact(asked):
    z = np.random.default_rng(0).normal(size=6)
    for j in range(6):
        moved = z + 0.1 * one_hot(j, 6)
        change = cross_entropy_from_logits(moved, 2) - cross_entropy_from_logits(z, 2)
        assert (change < 0) == (j == 2)
    asked.why("b", 800)
    far, farther = ([0.0, 0.0, lag] for lag in (-800.0, -900.0))
    assert cross_entropy_from_logits(far, 0) == cross_entropy_from_logits(farther, 0)
    assert asked.right == "c"


def test_q_vc_bytes(asked):
    contexts, width, words = 8192, 2304, 256_000
    asked.answer("a", contexts * width * 4 / 1e9)
    asked.why("a", contexts, width)
    asked.answer("b", words * width * 4 / 1e9)
    asked.why("b", words, width)
    asked.answer("c", contexts * words * 4 / 1e9)
    asked.why("c", contexts, words)
    asked.answer("d", contexts * words * 2 / 1e9)
    asked.why("d")


def test_q_vc_blocks(asked):
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(6, 3, generator=generator, dtype=torch.float64)
    weight = torch.randn(10, 3, generator=generator, dtype=torch.float64)
    targets = torch.tensor([1, 2, 3, 4, 5, 6])
    results = []
    for compute in (
        lambda h, w: linear_cross_entropy(h, w, targets),
        lambda h, w: torch.nn.functional.cross_entropy(h @ w.T, targets),
    ):
        h, w = hidden.clone().requires_grad_(), weight.clone().requires_grad_()
        loss = compute(h, w)
        loss.backward()
        results.append((loss.item(), h.grad, w.grad))
    for ours, whole in zip(*results, strict=True):
        assert np.allclose(ours, whole)
    assert asked.right == "c"


def test_q_vc_shards(asked):
    parts = np.array([1.0, 3.0])
    asked.answer("a", parts.sum())
    asked.answer("b", parts.max())
    asked.answer("c", parts.mean())
    z = [np.log(np.e / 2)] * 2 + [np.log(np.e**3 / 5)] * 5  # log-sum-exp 1 and 3
    whole = cross_entropy_from_logits(z, 0) + z[0]
    asked.answer("d", whole)
    assert parts.max() < whole


def test_q_vc_padding(asked):
    losses = np.array([1.0, 2, 3, 4])
    z = np.stack([-np.log(np.expm1(losses)), np.zeros(4)], axis=-1)  # these logits cost as much
    padded = np.concatenate([z, np.stack([[-np.log(np.expm1(3.0))] * 2, [0.0] * 2], axis=-1)])
    targets = [0, 0, 0, 0, -1, -1]
    asked.answer("a", losses.sum() / 6)
    asked.answer("b", cross_entropy_from_logits(padded, targets, ignore_index=-1))
    asked.answer("c", cross_entropy_from_logits(padded, [0] * 6))
    asked.answer("d", losses.sum())


# Chapter 7


def test_q_tf_next_input(asked):
    y_hat = [0.05, 0.05, 0.1, 0.6, 0.2]  # o, sol, brilha, forte, .
    loss = cross_entropy(y_hat, 2)
    asked.answer("a", loss)
    asked.answer("b", cross_entropy(y_hat, 3))
    asked.why("b", cross_entropy(y_hat, 3), 0.6)
    asked.answer("c", loss)
    asked.why("c", 0.1)
    lessons = pairs(["O", "sol", "brilha", "forte", "."])
    assert lessons[2][0] == ["O", "sol", "brilha"]
    assert asked.right == "c"


def test_q_tf_reason(asked):
    assert asked.right == "b"  # the identity itself: test_teacher_forcing.py, prop-chain


def test_q_tf_double_shift(asked):
    text = np.arange(10)
    inputs, targets = shift(text)
    assert len(inputs) == len(targets)
    again, twice = inputs[:-1], targets[1:]  # shifted once more
    assert len(again) == len(twice)
    assert np.all(twice - again == 2)
    asked.answer("c", 0)
    assert asked.right == "d"


def test_q_tf_free_training(asked):
    grammar = Grammar.portuguese()
    tree = PrefixTree(grammar, grammar.words)
    marginals = np.zeros_like(tree.truth)
    for t in range(tree.length.max() + 1):
        here = tree.length == t
        marginals[here] = tree.reach[here] @ tree.truth[here] / tree.reach[here].sum()
    asked.why("c", tree.share @ tree.divergence(marginals))
    assert asked.right == "c"


def test_q_tf_escape(asked):
    d = 0.1
    asked.answer("b", 100 * (1 - np.exp(-d)))
    asked.why("b", -d, 1 - np.exp(-d))
    asked.answer("c", 100 * np.exp(-d))
    asked.why("c", -d, np.exp(-d))
    asked.answer("d", 100 * (1 - np.exp(-d)))
    grammar = Grammar(
        {"start": [("o", 0.5, "end"), ("a", 0.5, "end")], "end": [(".", 1.0, "start")]}
    )
    tree = PrefixTree(grammar, grammar.words)
    shifted = tree.truth.copy()  # d: a model that errs among the language's own sentences
    shifted[0, [grammar.words.index("o"), grammar.words.index("a")]] = 0.3, 0.7
    assert tree.reach @ tree.divergence(shifted) > 0.05
    assert tree.departures(shifted).sum() == 0


def test_q_tf_passes(asked):
    n = 10
    asked.answer("a", 1, n)
    asked.answer("b", n, n)
    asked.answer("c", n, sum(range(1, n + 1)))
    asked.why("c", n)
    assert asked.right == "b"


# ---- chapter 8 -------------------------------------------------------------------------


def test_q_tr_two_parts(asked):
    losses = np.array([2.0] * 300 + [4.0] * 100)
    asked.answer("a", (2 + 4) / 2)
    asked.answer("b", losses.mean())
    asked.why("b", 300, 100, len(losses))
    asked.answer("c", 2 + 4)
    assert asked.right == "b"


def test_q_tr_below_floor(asked):
    floor = Grammar.portuguese().entropy_rate()
    assert round(floor, 4) == 1.1396
    asked.why("d", (floor - 1.1380) / 0.0020)
    assert asked.right == "d"


def test_q_tr_two_directions(asked):
    gradient = np.diag([10.0, 0.1])
    scaled = gradient / np.linalg.norm(gradient, 2)
    asked.answer("a", np.trace(gradient), 1)
    asked.answer("b", (gradient * scaled).sum(), 1, scaled[1, 1])
    asked.answer("c", (gradient * np.diag([1.0, 0.0])).sum())
    asked.why("c", np.trace(gradient) - 10)
    asked.answer("d", (gradient * gradient).sum())
    asked.why("d", np.linalg.norm(gradient, 2))
    assert asked.right == "a"


def test_q_tr_killed(asked):
    asked.why("c", 700 + 1, 730)
    assert asked.right == "c"


def test_q_tr_four_times(asked):
    def cost(weights, tokens):
        return 6 * weights * tokens / (6 * 1e9 * 20e9)

    asked.answer("a", cost(2e9, 20e9))
    asked.answer("b", cost(2e9, 40e9))
    asked.answer("c", 2 * cost(2e9, 40e9))
    assert asked.right == "b"


# ---- chapter 9 -------------------------------------------------------------------------


def test_q_cmp_bytes(asked):
    nats = 3.466
    whole = round(float(bits(nats)), 3) * 1000  # 5 bits a word
    asked.answer("a", whole, whole / 8)
    asked.why("a", nats)
    asked.answer("b", nats * 1000, nats * 1000 / 8)
    asked.answer("c", nats * np.log(2) * 1000, nats * np.log(2) * 1000 / 8)
    asked.why("c", nats)
    asked.answer("d", 1000, 1000)
    asked.why("d", 2**5)
    assert asked.right == "a"


def test_q_cmp_zero(asked):
    counts = frequencies([0.0, 1.0], 20)
    start, size, total = step_to(counts, 0)
    assert (start, size) == (0, 1)
    assert np.isclose(np.log2(total / size), 20, atol=1e-4)
    with pytest.raises(ValueError, match="start, size, total must be a positive part"):
        interval([(0, 0, 1)])  # what a probability of 0 would be
    asked.answer("a", 1)
    assert asked.right == "b"


def test_q_cmp_kraft(asked):
    asked.answer("a", 1, 1, 2)
    asked.why("a", 1 / 2, 1 / 2, 1 / 4, kraft_sum([1, 1, 2]))
    asked.answer("b", 1, 2, 3, 3)
    asked.why("b", 1 / 2, 1 / 4, 1 / 8, 1 / 8, 10, 110, 111)
    assert is_uniquely_decodable(["0", "10", "110", "111"])
    asked.answer("c", 1, 2, 2, 3)
    asked.why("c", 1 / 2, 1 / 4, 1 / 4, 1 / 8, kraft_sum([1, 2, 2, 3]))
    asked.answer("d", 2, 2, 2, 2, 2)
    asked.why("d", kraft_sum([2] * 5))
    assert asked.right == "b"


def test_q_cmp_model(asked):
    letters, weights = 1_000_000, 800_000
    by_transformer, by_ngrams = letters * 1.5 / 8, letters * 2.1 / 8
    asked.answer("a", by_transformer, by_ngrams)
    asked.why("a", 2 * weights)
    asked.answer("b", by_ngrams, by_transformer + 2 * weights)
    asked.why("b", letters, 2.1, letters, 1.5, weights)
    asked.why("c", by_ngrams - by_transformer, 2 * weights)
    assert asked.right == "b"


# ---- chapter 10 ------------------------------------------------------------------------


def test_q_sc_report(asked):
    p, bold = np.array([0.6, 0.4]), np.array([1.0, 0.0])
    honest, other = mean_cost(brier_cost([p, bold]), p)
    asked.answer("a", honest)
    asked.why("a", honest)
    asked.answer("b", other, other - honest)
    asked.why("b", ((p - bold) ** 2).sum())
    asked.answer("c", mean_cost(linear_cost(bold), p))
    assert asked.right == "b"


def test_q_sc_local(asked):
    p = np.array([0.6, 0.2, 0.2])
    best = 1 - 2 / p / (1 / p).sum()  # p[i] (1 - q[i]) is the same for all i
    assert np.allclose(p * (1 - best), (p * (1 - best))[0])
    asked.why("b", *p, *best)
    assert asked.right == "b"


def test_q_sc_optimum(asked):
    assert asked.right == "c"  # the identity itself: test_scoring.py, prop-moments


def test_q_sc_bars(asked):
    asked.answer("a", np.sqrt(400 * 0.25) / 400)
    asked.why("a", 400 * 0.5)
    asked.answer("b", np.sqrt(200 * 0.25) / 200)
    asked.why("b", 200 * 0.5)
    s = 0.5 + 0.5
    asked.answer("c", s * (1 - s), 200 * s)
    asked.why("c", 230)
    assert asked.right == "c"


def test_q_sc_smoothing(asked):
    prediction = smoothed_target([1.0, 0, 0, 0], 0.1)
    asked.answer("a", 1)
    asked.answer("b", 0.9)
    asked.answer("c", prediction[0])
    asked.why("c", np.log(prediction[0] / prediction[1]))
    asked.answer("d", 1 - 0.1 / 4)


# ---- chapter 11 ------------------------------------------------------------------------


def test_q_gen_chosen(asked):
    random = np.random.default_rng(0)
    expected = np.append(1.5, np.full(19, 1.6))
    luck = 0.05 * random.normal(size=(2000, 20))
    chosen = (expected + luck).argmin(axis=1)
    gap = -luck[np.arange(2000), chosen]  # expected loss less what was measured
    asked.answer("a", 1.50)
    asked.answer("b", 1.50)
    asked.answer("c", 1.50)
    asked.answer("d", 1.50)
    assert gap.mean() > 0.02
    assert 0.5 < (gap > 0).mean() < 1  # probably, not for certain
    assert asked.right == "b"


def test_q_gen_luck(asked):
    lead, words = 7, 10_000
    asked.answer("b", np.exp(-lead / words))
    asked.why("b", -lead / words)
    asked.answer("c", np.exp(-lead))
    asked.why("c", np.exp(-lead))
    asked.answer("d", 0)
    assert asked.right == "c"


def test_q_gen_double(asked):
    p, n = np.array([0.5, 0.3, 0.2]), 2000
    optimism = expected_optimism(p, 2 * n) / expected_optimism(p, n)
    error = expected_estimation_error(p, 2 * n, 0.5) / expected_estimation_error(p, n, 0.5)
    assert np.allclose([optimism, error], 0.5, atol=1e-3)
    asked.answer("a", 1 / np.sqrt(2))
    asked.answer("b", 1 / 2)
    asked.answer("c", 1 / 2)
    asked.answer("d", 2)
    assert np.isclose(n * expected_optimism(p, n), 0.5 * (p.size - 1), rtol=1e-3)
    assert asked.right == "b"


def test_q_gen_regret(asked):
    bound = np.log(1000) / 2 + np.log(2)
    asked.answer("b", bound)
    asked.why("b", 1000)
    assert worst_regret(1000, 2, 0.5) < bound
    asked.answer("c", worst_regret(1000, 2, 1))
    asked.why("c", 1001)
    asked.answer("d", (2 - 1) / (2 * 1000) * 1000)
    assert asked.right == "b"


def test_q_gen_paired(asked):
    error, correlation = 0.03, 0.98
    asked.answer("a", 2 * error)
    asked.answer("b", error * np.sqrt(2))
    asked.why("b", error)
    asked.answer("c", error * np.sqrt(2 * (1 - correlation)))
    asked.why("c", error, correlation)
    both = error**2 * np.array([[1, correlation], [correlation, 1]])
    assert np.isclose(np.sqrt([1, -1] @ both @ [1, -1]), 0.006)
    assert asked.right == "c"
