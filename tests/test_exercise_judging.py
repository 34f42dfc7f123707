"""How an answer is judged, whatever the exercise: what is said of it, and what is forgiven.

Each answer here is one that a reader may give: right but for a detail, or wrong in a way that
must not be called another one.
"""

import re
import signal
import sys
import threading

import numpy as np
import pytest
import torch

from exercises import check, find, kinds, numbers
from exercises.kinds import Code, Numbers
from nwp.convexity import two_weight_loss

LOG2 = np.log(2)


def said(number, answer, language="en"):
    """Return what was said, on one line."""
    return " ".join(check(number, answer, language=language).message.split())


def softmax(z):
    shares = np.exp(z - z.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def loss_at(logits, targets, temperatures):
    losses = []
    for t in temperatures:
        z = logits / t
        z = z - z.max(axis=1, keepdims=True)
        losses.append((np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), targets]).mean())
    return np.array(losses)


def batch_loss(p, w):
    return -np.log(p[np.arange(len(w)), w]).mean()


def table_step(table, contexts, targets, rate):
    gradient = np.zeros_like(table)
    parts = softmax(table[contexts]) - np.eye(table.shape[1])[targets]
    np.add.at(gradient, contexts, parts / len(targets))
    return table - rate * gradient


def weight_gradients(E, U, x, w):
    at_logits = (softmax(E[x] @ U.T) - np.eye(len(U))[w]) / len(w)
    at_E = np.zeros_like(E)
    np.add.at(at_E, x, at_logits @ U)
    return at_E, at_logits.T @ E[x]


# Digits


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("1.1", (0.69, 1, 0.25)),
        ("1.1", (0.7, 1, 0.25)),
        ("1.2", 11),
        ("2.1", (0.16, 1.8, 1.84)),
        ("2.2", (21, 4.4)),
        ("2.3", (0.41, np.inf)),
        ("2.3", (0.40, np.inf)),  # cut off, not rounded
        ("3.3", (0.02, 0.693)),
        ("4.1", 0.48),
        ("4.5", 2.6),
    ],
)
def test_two_digits_are_neither_right_nor_wrong(number, answer):
    verdict = check(number, answer)
    assert not verdict
    assert verdict.mistake is None
    assert "close: give three digits" in verdict.message
    assert "right" not in verdict.message
    assert "está perto: dê três dígitos" in said(number, answer, "pt")


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("1.1", (0.6, 1, 0.25)),
        ("1.1", (0.693, 1, 0.2)),  # 0.25 has no more digits
        ("1.1", (0.693, 0.96, 0.25)),
        ("1.1", (0.698, 1, 0.25)),  # three digits, wrong ones
        ("1.2", 12),
        ("2.2", (22, 4.35)),
        ("3.2", (0.1, 1, np.inf)),
        ("3.3", (0.01, 0.693)),
        ("3.3", (0.0, 0.693)),
        ("4.1", 0.5),
    ],
)
def test_what_is_not_close_is_wrong(number, answer):
    assert "is not right" in check(number, answer).message


def test_a_wrong_number_is_told_before_a_close_one():
    assert "answer 2 of 3 is not right" in check("1.1", (0.69, 7, 0.25)).message


def test_results_rounded_by_the_function_are_close():
    def rounded(p, w):
        return round(float(batch_loss(p, w)), 3)

    verdict = check("1.4", rounded)
    assert not verdict
    assert verdict.mistake is None
    assert "your function rounds its results" in verdict.message
    assert "arredonda os resultados" in said("1.4", rounded, "pt")
    assert "is not right" not in verdict.message


# Formats


def in_float32(function):
    """Let a function compute in float32, as torch does with its default."""

    def shorter(*given):
        return function(
            *(np.float32(x) if getattr(x, "dtype", None) == np.float64 else x for x in given)
        )

    return shorter


def curvature(z, v):
    y = softmax(z)
    return y @ v**2 - (y @ v) ** 2


def in_torch(p, w):
    p = torch.tensor(p, dtype=torch.float32)
    return torch.nn.functional.nll_loss(p.log(), torch.tensor(w)).item()  # a Python float


def temperatures_in_torch(logits, targets, temperatures):
    z, w = torch.tensor(logits).float(), torch.tensor(targets)
    return torch.stack([torch.nn.functional.cross_entropy(z / float(t), w) for t in temperatures])


def autograd(E, U, contexts, targets):
    E, U = (torch.tensor(x, dtype=torch.float32, requires_grad=True) for x in (E, U))
    z = E[torch.tensor(contexts)] @ U.T
    torch.nn.functional.cross_entropy(z, torch.tensor(targets)).backward()
    return E.grad, U.grad


def capped_in_torch(z, w, cap):
    z = torch.tensor(z, dtype=torch.float32, requires_grad=True)
    torch.nn.functional.cross_entropy(cap * torch.tanh(z / cap), torch.tensor(w)).backward()
    return z.grad


FLOAT32 = [
    ("1.4", in_torch),
    ("1.6", in_float32(lambda z, w: np.float32(1) * stable_loss(z, w))),
    ("1.7", in_float32(loss_at)),
    ("1.7", temperatures_in_torch),
    ("3.4", in_float32(curvature)),
    ("3.4", lambda z, v: float(in_float32(curvature)(z, v))),
    ("4.3", in_float32(table_step)),
    ("4.3", lambda *given: torch.tensor(table_step(*given)).float()),
    ("4.7", in_float32(weight_gradients)),
    ("4.7", autograd),
    ("6.4", capped_in_torch),
]


def stable_loss(z, w):
    k = z.argmax()
    return (z[k] - z[w]) + np.log1p(np.exp(np.delete(z, k) - z[k]).sum())


@pytest.mark.parametrize(("number", "answer"), FLOAT32)
def test_float32_is_judged_by_its_own_precision(number, answer):
    verdict = check(number, answer)
    assert verdict, verdict.message


@pytest.mark.parametrize(
    ("number", "answer", "mistake"),
    [
        ("1.6", lambda z, w: np.log(np.exp(z - z.max()).sum()) - (z - z.max())[w], None),
        ("1.7", lambda z, w, t: -loss_at(z, w, t), "missing-minus"),
        ("4.3", lambda t, x, w, rate: 2 * t - table_step(t, x, w, rate), "uphill"),
        ("4.7", lambda *given: tuple(-g for g in weight_gradients(*given)), "missing-minus"),
    ],
)
def test_float32_forgives_no_mistake(number, answer, mistake):
    verdict = check(number, in_float32(answer))
    assert not verdict
    assert mistake in (None, verdict.mistake)


def test_float64_is_judged_by_its_own_precision():
    assert not check("3.4", lambda z, v: curvature(z, v) * (1 + 1e-6))


def attach(arrays):
    return [torch.tensor(x, requires_grad=True) for x in arrays]


def test_a_gradient_that_is_still_there_is_named():
    def attached(p, w):
        p = torch.tensor(p, requires_grad=True)
        return -p[range(len(w)), w].log().mean()

    verdict = check("1.4", attached)
    assert not verdict
    assert "Return it with .detach()" in said("1.4", attached)
    assert "Devolva-o com .detach()" in said("1.4", attached, "pt")
    assert check("1.4", lambda p, w: attached(p, w).detach())
    assert check("1.4", lambda p, w: -attached(p, w)).mistake == "missing-minus"
    assert ".detach()" in said("4.7", lambda *given: attach(weight_gradients(*given)))
    assert check("1.2", torch.tensor(10.82, requires_grad=True))


# Shapes


def test_a_shape_that_hides_right_values_is_named():
    for wrapped in (lambda x: [x], lambda x: np.array([[x]]), lambda x: (x,)):
        words = said("1.4", lambda p, w, wrapped=wrapped: wrapped(batch_loss(p, w)))
        assert "the values are right, but not the shape" in words
        assert "expected shape: ()" in words
    column = said("1.7", lambda *given: loss_at(*given)[:, None])
    assert "the values are right, but not the shape" in column
    assert "expected shape: (2,) got shape: (2, 1)" in column


def test_behind_another_shape_the_values_are_judged():
    verdict = check("1.7", lambda *given: -loss_at(*given)[:, None])
    assert verdict.mistake == "missing-minus"
    assert "expected: [0.01815, 0.1269]" in verdict.message
    assert "The shape is another one, too: (2, 1), and not (2,)." in verdict.message


def test_a_shape_that_fits_no_value_is_all_that_is_said():
    words = said("1.7", lambda logits, targets, temperatures: np.zeros((5, 2)))
    assert "the shape is another one" in words
    assert "expected:" not in words


# Parts


def test_the_numbers_that_are_there_are_judged():
    verdict = check("1.1", (0.693, None, None))
    assert not verdict
    assert said("1.1", (0.693, None, None)) == (
        "1.1: not yet. What you gave is right. Still missing, counted in the order of the "
        "question: 2, 3."
    )
    assert "Ainda falta, contando na ordem do enunciado: 2, 3." in said("1.1", (0.693,), "pt")
    assert said("1.1", (0.693,)) == said("1.1", [0.693, ..., None])
    wrong = check("1.1", (-0.693, None, 0.25))
    assert wrong.mistake == "missing-minus"
    assert "answer 1 of 3 is not right" in wrong.message
    assert "question: 2." in said("1.1", (-0.693, None, 0.25))
    assert "close: give three digits" in check("1.1", (0.69, None, None)).message
    assert check("1.1", (None, None, None)).message == "1.1: not yet. Your answer is missing."
    assert check("1.1", ()).message == "1.1: not yet. Your answer is missing."


def test_the_results_that_are_there_are_judged():
    for only in (lambda *g: (weight_gradients(*g)[0], None), lambda *g: weight_gradients(*g)[0]):
        words = said("4.7", only)
        assert words == (
            "4.7: not yet. What your function returns is right. Still missing, counted in the "
            "order of the question: 2."
        )
    second = said("4.7", lambda *g: (None, weight_gradients(*g)[1]))
    assert "order of the question: 1." in second
    wrong = check("4.7", lambda *g: (-weight_gradients(*g)[0], None))
    assert wrong.mistake == "missing-minus"
    assert "Still missing" in wrong.message
    assert "returns nothing" in said("4.7", lambda *g: (None,) * len(g[:2]))
    assert "returns 3 results; 2 are asked for" in said(
        "4.7", lambda *g: (*weight_gradients(*g), 0.0)
    )


def test_results_stacked_in_an_array_count_one_by_one():
    exercise = Code(lambda z: (z, -z), [(np.arange(3.0),)], {})
    assert exercise.judge(lambda z: np.stack([z, -z])).key == "right"
    assert exercise.judge(lambda z: torch.tensor(np.stack([z, -z]))).key == "right"
    assert exercise.judge(lambda z: np.arange(3.0)).key == "missing-results"


def test_the_predictions_that_are_there_are_judged():
    single, spread = [0.2, 0.0, 0.0, 0.8], [0.1, 0.1, 0.0, 0.8]
    assert "Still missing, counted in the order of the question: 2." in said("1.3", (single, None))
    assert "question: 1." in said("1.3", (None, spread))
    assert check("1.3", (spread, None)).mistake == "not-on-one-word"
    assert check("1.3", (None, single)).mistake == "not-spread-out"
    assert check("1.3", ([0.2, 0.2, 0.0, 0.8], None)).mistake == "not-distributions"
    assert check("1.3", (single, spread, spread)).mistake == "not-distributions"
    assert "1.3: not yet. Your answer is missing." in check("1.3", (None, None)).message


# Errors


def test_an_error_names_the_line(tmp_path):
    def fails(p, w):
        right = p[np.arange(len(w)), w]
        return right.men()

    message = check("1.4", fails).message
    line = fails.__code__.co_firstlineno + 2
    assert "the error: AttributeError: 'numpy.ndarray' object has no attribute 'men'" in message
    assert f"\n    in line {line}: return right.men()" in message
    assert (
        f"\n    na linha {line}: return right.men()" in check("1.4", fails, language="pt").message
    )

    def inside_numpy(p, w):
        return np.concatenate([p, w])

    assert "return np.concatenate([p, w])" in check("1.4", inside_numpy).message
    scope = {}
    exec(compile("def unseen(p, w):\n    return 1 / 0\n", "<typed>", "exec"), scope)
    assert re.search(r"in line 2: ?$", check("1.4", scope["unseen"]).message, re.MULTILINE)
    too_few = check("1.4", lambda p: p).message
    assert "TypeError" in too_few
    assert "in line" not in too_few


def test_an_error_without_words_ends_with_its_name():
    def fails(p, w):
        raise KeyError

    assert "the error: KeyError\n" in check("1.4", fails).message


def stub_that_raises(p, w):
    # your code
    raise NotImplementedError


def stub_that_calls(p, w):
    """The loss."""
    raise NotImplementedError()


def stub_with_dots(p, w): ...


def stub_that_passes(p, w):
    pass


@pytest.mark.parametrize(
    "stub", [stub_that_raises, stub_that_calls, stub_with_dots, stub_that_passes]
)
def test_a_stub_is_told_from_code(stub):
    assert check("1.4", stub).message == "1.4: not yet. Your code is missing."


def test_a_not_implemented_error_of_the_readers_own_is_shown():
    def partly(p, w):
        if len(w) > 1:
            raise NotImplementedError("batches of one only")
        return batch_loss(p, w)

    message = check("1.4", partly).message
    assert "the error: NotImplementedError: batches of one only" in message
    assert "Your code is missing" not in message

    def always(p, w):
        raise NotImplementedError("later")

    assert "NotImplementedError: later" in check("1.4", always).message

    def left_behind(p, w):
        loss = batch_loss(p, w)
        raise NotImplementedError
        return loss

    message = check("1.4", left_behind).message
    assert "raise NotImplementedError" in message
    assert "in line" in message


def test_leaving_python_is_an_error_like_others():
    assert "the error: SystemExit" in check("1.4", lambda p, w: sys.exit()).message


def test_an_interruption_by_the_reader_is_not_kept():
    def interrupted(p, w):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("1.4", interrupted)
    assert sys.gettrace() is None or "coverage" in repr(sys.gettrace())


# Loops that do not end


@pytest.fixture
def impatient(monkeypatch):
    """Let the limit be short, and let no other tracer, such as coverage's, keep it off."""
    monkeypatch.setattr(kinds, "SECONDS", 0.01)
    before = sys.gettrace()
    sys.settrace(None)
    yield
    assert sys.gettrace() is None
    sys.settrace(before)


def forever(p, w):
    n = 0
    while n >= 0:
        n += 1
    return n


def on_one_line(p, w):
    # fmt: off
    while True: pass  # noqa: E701
    # fmt: on


def in_a_helper(p, w):
    return forever(w, p)


def in_a_generator(p, w):
    return sum(1.0 for _ in iter(int, 1))


def keeping_errors(p, w):
    while True:
        try:
            float(p[0, 0])
        except Exception:
            return 0.0


ENDLESS = [forever, on_one_line, in_a_helper, in_a_generator, keeping_errors]


@pytest.mark.parametrize("endless", ENDLESS)
def test_a_loop_that_never_ends_is_stopped(impatient, endless):
    verdict = check("1.4", endless)
    assert not verdict
    assert verdict.mistake is None
    words = " ".join(verdict.message.split())
    assert "your code was stopped after 0.01 seconds of computing" in words
    assert "probabilities = [[1, 0]], targets = [0]" in words
    assert re.search(r"in line \d+: \S", words)
    assert "um dos laços nunca termina?" in said("1.4", endless, "pt")


def test_a_generator_that_never_ends_is_stopped(impatient):
    def without_end(E, U, contexts, targets):
        while True:
            yield 0.0

    assert "does one of its loops never end?" in said("4.7", without_end)


def test_a_loop_is_stopped_in_any_thread(impatient):
    found = []
    thread = threading.Thread(target=lambda: found.append(check("1.4", forever)))
    thread.start()
    thread.join()
    assert "your code was stopped" in found[0].message
    assert threading.gettrace() is None


def test_the_limit_leaves_nothing_behind(impatient):
    handlers = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    threads = threading.enumerate()
    check("1.4", forever)
    check("1.4", batch_loss)
    assert {s: signal.getsignal(s) for s in handlers} == handlers
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert threading.enumerate() == threads


def test_a_debugger_is_left_alone(impatient):
    seen = []

    def tracer(frame, event, argument):
        seen.append(event)

    sys.settrace(tracer)
    try:
        assert check("1.4", batch_loss)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(None)
    assert seen


# Arguments


def test_a_wrong_sign_is_no_change_in_place():
    def rude_and_uphill(table, contexts, targets, rate):
        for x, w in zip(contexts, targets, strict=True):
            table[x] += rate * (softmax(table[x]) - np.eye(table.shape[1])[w]) / len(targets)
        return table

    assert check("4.3", rude_and_uphill).mistake == "uphill"


def test_a_change_that_explains_nothing_is_not_blamed():
    def other(table, contexts, targets, rate):
        table -= rate  # of each entry the same: no softmax sees it
        return table + rate * 0.3

    assert check("4.3", other).mistake is None

    def unrelated(y_hat, g):
        g *= 0
        return y_hat**2

    assert check("5.4", unrelated).mistake is None


def test_a_change_that_explains_the_result_is_blamed():
    def spoilt(y_hat, g):
        y_hat *= 2
        return y_hat * (g - y_hat @ g)

    assert check("5.4", spoilt).mistake == "changed-argument"


def test_an_argument_that_arithmetic_restores_is_unchanged():
    def restoring(f, x, h):
        slopes = []
        for i in range(len(x)):
            x[i] += h
            above = f(x)
            x[i] -= 2 * h
            below = f(x)
            x[i] += h  # again what it was, up to 2e-16
            slopes.append((above - below) / (2 * h))
        return slopes

    assert check("5.7", restoring)


def test_every_input_is_shown_so_that_one_can_try_it():
    for number in numbers():
        exercise = find(number)
        if isinstance(exercise, Code):
            for given in exercise.inputs:
                shown = [kinds._shown_argument(value) for value in given]
                assert not any(words.startswith("array(") for words in shown), number


def test_a_hidden_function_is_shown_as_an_expression():
    message = check("3.7", lambda f, points, s: 5.0).message
    assert "f = lambda x: x @ x, points = [[0], [1]], s = 0.25" in message
    for f, points, _ in find("3.7").inputs:
        tried = eval(f.__doc__, {"np": np, "two_weight_loss": two_weight_loss})
        assert tried(points[0]) == f(points[0])


def test_numbers_of_several_digits_in_a_list_may_be_close():
    exercise = Numbers(([0.25, 1 / 3],), [])
    assert exercise.judge([[0.25, 0.33]]).key == "close"
    assert exercise.judge([[0.25, 0.31]]).key == "number"
    assert exercise.judge([[0.25, 0.3333]]).key == "right"


def test_notebook_cells_show_their_lines(tmp_path):
    """What IPython keeps of a cell is found as a file's text is."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    try:
        shell.run_cell("def in_a_cell(p, w):\n    q = p[0]\n    return q.nothing\n")
        message = check("1.4", shell.user_ns["in_a_cell"]).message
        assert "in line 3: return q.nothing" in message
    finally:
        InteractiveShell.clear_instance()
