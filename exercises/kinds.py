"""What an exercise asks for, and how an answer to it is judged.

Four kinds: a function (`Code`), numbers computed by hand (`Numbers`), an object with a property
(`Witness`), and a proof (`Proof`), which no program judges. Each gets an answer and returns a
`Finding`, a key with fields; `messages.toml` has the words. A known mistake is a wrong answer
with a name. It is recognized by what it returns, not by how it is written.
"""

import copy
import dis
import inspect
import linecache
import math
import sys
import sysconfig
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

SECONDS = 10.0  # of processor time for one call; a loop that never ends is stopped then
SHOWN_AT_MOST = 48  # entries of an argument; of a larger one the shape is shown
BLANKS = (None, ..., NotImplemented)
STILL_MISSING = ("still-missing",)
FLOAT32 = float(np.finfo(np.float32).eps)

# To what other bases people take logarithms, and what they add to keep a logarithm finite.
BASES = (np.log(2), np.log(10))
EPSILONS = (*10.0 ** -np.arange(6, 17), np.finfo(np.float64).eps, FLOAT32)

LIBRARIES = (
    "<frozen ",  # what imports
    *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
)

# What a stub does: nothing, or raise. Calls, names and operations of the reader's are others.
OF_STUBS = {
    *("RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST", "COPY_FREE_VARS"),
    *("LOAD_GLOBAL", "LOAD_COMMON_CONSTANT", "PUSH_NULL", "PRECALL", "CALL", "RAISE_VARARGS"),
}


@dataclass(frozen=True)
class Finding:
    """What was found: the key of a message, what the message names, and a known mistake.

    `also` has the keys of further lines, which name fields of the same.
    """

    key: str
    fields: dict[str, str] = field(default_factory=dict)
    mistake: str | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Code:
    """An exercise that asks for a function.

    Parameters
    ----------
    reference : a function that is right
        The names of its arguments are those that a message shows.
    inputs : the tuples of arguments to try, from the smallest to the largest
        A function among them is shown by its docstring, an expression that a reader can try,
        or by its name.
    mistakes : key of the mistake → a function that makes it, or several that do
    rtol, atol : how far a right result may be from the reference's
        Of a result in float32 more is forgiven: what that format rounds off. With an `atol` of
        0 a right result has the right digits however small it is, in either format.
    """

    reference: Callable[..., Any]
    inputs: Sequence[tuple]
    mistakes: Mapping[str, Callable[..., Any] | Sequence[Callable[..., Any]]]
    rtol: float = 1e-7
    atol: float = 1e-10

    def judge(self, answer: Any) -> Finding:
        """Call the answer on every input and compare it with the reference."""
        if not callable(answer):
            return Finding("not-a-function")
        expected = [_outcome(self.reference, given) for given in self.inputs]
        got: list[_Outcome] = []
        for given, e in zip(self.inputs, expected, strict=True):
            got.append(_outcome(answer, given, like=e.value, seconds=SECONDS))
            if isinstance(got[-1].error, _Endless):  # the other inputs would take as long
                return self._reported(len(got) - 1, got[-1], e, None)
        if all(outcome.is_stub for outcome in got):
            return Finding("not-yet-code")
        wrong = [i for i, e in enumerate(expected) if not self._close(i, got[i], e)]
        if not wrong:
            return self._right_but_for(got, expected)
        mistake = self._recognized(got, expected)
        if mistake is None and self._explained_by_change(wrong, got, expected):
            mistake = "changed-argument"
        if mistake is None and _rounds(got, expected):
            return Finding("rounded")
        return self._reported(wrong[0], got[wrong[0]], expected[wrong[0]], mistake)

    def _right_but_for(self, got: list["_Outcome"], expected: list["_Outcome"]) -> Finding:
        """Say what is still to be done where all values are right."""
        for given, outcome, e in zip(self.inputs, got, expected, strict=True):
            fields = self._fields(given, outcome, e)
            if outcome.missing:
                return Finding("missing-results", fields)
            if outcome.changed is not None:
                changed = {"argument": self._names[outcome.changed]}
                return Finding("changed", fields | changed, "changed-argument")
            if outcome.gradient:
                return Finding("gradient", fields)
            if _shapes(outcome) != _shapes(e):
                return Finding("shape-alone", fields)
        return Finding("right")

    def _recognized(self, got: list["_Outcome"], expected: list["_Outcome"]) -> str | None:
        for mistake, makers in self.mistakes.items():
            for maker in makers if isinstance(makers, Sequence) else [makers]:
                made = [
                    _outcome(maker, given, like=e.value)
                    for given, e in zip(self.inputs, expected, strict=True)
                ]
                if all(self._close(i, got[i], m, loosely=True) for i, m in enumerate(made)):
                    return mistake
        return None

    def _explained_by_change(
        self, wrong: list[int], got: list["_Outcome"], expected: list["_Outcome"]
    ) -> bool:
        """Say whether each wrong result is the right one for the arguments as they were left."""
        return all(
            got[i].changed is not None
            and self._close(
                i, got[i], _outcome(self.reference, got[i].arguments, like=expected[i].value)
            )
            for i in wrong
        )

    def _close(self, at: int, got: "_Outcome", other: "_Outcome", *, loosely: bool = False) -> bool:
        """Compare results; loosely, every value that is not finite counts as the same.

        A part that is missing is not compared, nor is an axis of length 1.
        """
        if got.value is None or other.value is None:
            return loosely and got.value is other.value
        if len(got.value) != len(other.value):
            return False
        rtol = max(self.rtol, 64 * got.precision)
        scale = _largest((self.inputs[at], other.value))
        atol = max(self.atol, 16 * got.precision * scale) if self.atol else 0.0
        for a, b in zip(got.value, other.value, strict=True):
            if a is None or b is None:
                continue
            a, b = a.squeeze(), b.squeeze()
            if a.shape != b.shape:
                return False
            if loosely:
                a, b = (np.where(np.isfinite(x), x, np.inf) for x in (a, b))
            if not np.allclose(a, b, rtol=rtol, atol=atol):
                return False
        return True

    def _fields(self, given: tuple, got: "_Outcome", expected: "_Outcome") -> dict[str, str]:
        shown = ", ".join(
            f"{name} = {_shown_argument(value)}"
            for name, value in zip(self._names, given, strict=True)
        )
        shapes = {"expected_shape": _shapes(expected), "got_shape": _shapes(got)}
        return {"input": shown, "missing": got.missing} | shapes

    def _reported(
        self, at: int, got: "_Outcome", expected: "_Outcome", mistake: str | None
    ) -> Finding:
        fields = self._fields(self.inputs[at], got, expected)
        if got.error is not None:
            place = ("at-line",) if got.line else ()
            fields |= {"line": got.line, "code": got.code}
            if isinstance(got.error, _Endless):
                return Finding("endless", fields | {"seconds": f"{SECONDS:g}"}, None, place)
            error = ": ".join(filter(None, (type(got.error).__name__, str(got.error))))
            return Finding("raises", fields | {"error": error}, mistake, place)
        if got.value is None:
            key = "nothing" if _blank(got.returned) else "not-numbers"
            return Finding(key, fields | {"type": type(got.returned).__name__}, mistake)
        assert expected.value is not None
        if len(got.value) != len(expected.value):
            counts = {"expected": str(len(expected.value)), "got": str(len(got.value))}
            return Finding("results", fields | counts, mistake)
        also = STILL_MISSING if got.missing else ()
        there = [
            (e, g)
            for e, g in zip(expected.value, got.value, strict=True)
            if e is not None and g is not None
        ]
        if any(e.squeeze().shape != g.squeeze().shape for e, g in there):
            return Finding("shape", fields, mistake, also)
        if any(e.shape != g.shape for e, g in there):
            also = ("shape-too", *also)
        pair = _told_apart([e for e, _ in there], [g for _, g in there])
        fields |= dict(zip(("expected", "got"), pair, strict=True))
        return Finding("wrong", fields, mistake, also)

    @property
    def _names(self) -> list[str]:
        return list(inspect.signature(self.reference).parameters)


@dataclass(frozen=True)
class Numbers:
    """An exercise that asks for one number or several, computed by hand.

    Parameters
    ----------
    values : the right numbers; an entry may be a list, and an int must be met exactly
    mistakes : (key of the mistake, position of the number, the wrong number) each
    rtol, atol : how far a right number may be off; the defaults leave three digits
        A right number with two digits is neither right nor wrong: three are asked for.
    """

    values: Sequence[Any]
    mistakes: Sequence[tuple[str, int, Any]]
    rtol: float = 2e-3
    atol: float = 6e-4

    def judge(self, answer: Any) -> Finding:
        """Compare number by number; the right number is not told."""
        count = len(self.values)
        if _blank(answer):
            return Finding("not-yet-numbers")
        try:
            # Several come in a tuple, an array, a tensor.
            alone = count == 1 and np.ndim(self.values[0]) == 0
            answers = [answer] if alone else list(answer)
        except TypeError:  # one number, or none
            answers = []
        if not 0 < len(answers) <= count:
            return Finding("count", {"count": str(count)})
        answers += [None] * (count - len(answers))
        every = {"count": str(count), "missing": _missing(answers)}
        also = STILL_MISSING if every["missing"] else ()
        close = None
        for position, (got, value) in enumerate(zip(answers, self.values, strict=True)):
            if _blank(got):
                continue
            fields = every | {"position": str(position + 1)}
            try:
                number = array_of(got)
            except TypeError:
                return Finding("no-number", fields | {"type": type(got).__name__}, None, also)
            if number.squeeze().shape != np.shape(value):  # [10.82], or what a solver returns
                shape = {"expected": str(np.shape(value))}
                return Finding("number-shape", fields | shape, None, also)
            number = number.squeeze()
            if self._close(number, value, self.atol):
                continue
            fields["got"] = _shown([number], 4)
            mistake = self._recognized(position, number)
            if mistake is not None or not self._close_to(number, value):
                return Finding("number", fields, mistake, also)
            close = close or Finding("close", fields, None, also)
        if close is not None:
            return close
        return Finding("missing-numbers", every) if also else Finding("right")

    def _close(self, number: NDArray, value: Any, atol: float) -> bool:
        if isinstance(value, int):
            return bool(number == value)
        return np.allclose(number, value, rtol=self.rtol, atol=atol)

    def _close_to(self, number: NDArray, value: Any) -> bool:
        """Say whether every entry is right, or would be with more digits."""
        return not isinstance(value, int) and all(
            self._close(np.asarray(a), b, self.atol) or _in_two_digits(float(a), float(b))
            for a, b in zip(number.flat, np.asarray(value).flat, strict=True)
        )

    def _recognized(self, position: int, number: NDArray) -> str | None:
        for mistake, where, wrong in self.mistakes:
            # A wrong number may be far smaller than the right one, whose atol would be too wide.
            atol = min(self.atol, 0.1 * float(np.abs(wrong).max()))
            if where == position and self._close(number, wrong, atol):
                return mistake
        return None


@dataclass(frozen=True)
class Witness:
    """An exercise that asks for something with a property, for which many answers are right.

    Parameters
    ----------
    missed : gives the key of the condition that an answer misses, or None
        It is called with the parts of the answer, of which some may be None: not yet given.
    count : how many parts there must be; there may be more
    """

    missed: Callable[..., str | None]
    count: int

    def judge(self, answer: Any) -> Finding:
        """Try the conditions in turn."""
        if _blank(answer):
            return Finding("not-yet-numbers")
        try:
            parts = [None if _blank(part) else part for part in answer]
        except TypeError:  # one number
            parts = [answer]
        parts += [None] * (self.count - len(parts))
        fields = {"missing": _missing(parts)}
        also = STILL_MISSING if fields["missing"] else ()
        mistake = self.missed(*parts)
        if mistake is not None:
            return Finding("condition", fields, mistake, also)
        return Finding("missing-numbers", fields) if also else Finding("right")


@dataclass(frozen=True)
class Proof:
    """An exercise that asks for a proof."""

    def judge(self, answer: Any) -> Finding:
        """Say that no program can."""
        return Finding("proof")


def times(factor: float, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that gives another one's result, multiplied."""
    return lambda *given: factor * function(*given)


def in_other_bases(loss: Callable[..., Any]) -> list[Callable[..., Any]]:
    """Return functions that take the logarithms of a loss to the bases 2 and 10."""
    return [times(1 / base, loss) for base in BASES]


class _Endless(BaseException):
    """Stops a call that takes too long; no ``except Exception`` of the reader's keeps it."""


@dataclass(frozen=True)
class _Outcome:
    """What one call gave: arrays, or an error, or something that is no number."""

    value: tuple[NDArray | None, ...] | None = None  # None: a part that is missing
    error: BaseException | None = None
    returned: Any = None
    arguments: tuple = ()  # as the call left them
    changed: int | None = None  # the first argument that the call changed
    precision: float = 0.0  # of the format of the result; 0 for float64
    gradient: bool = False  # a tensor that still carries its gradient
    is_stub: bool = False
    line: str = ""  # where the reader's code stopped with an error, and the text of this line
    code: str = ""

    @property
    def missing(self) -> str:
        """The places of the results that were not returned."""
        return _missing(self.value or ())


def _outcome(
    function: Callable[..., Any],
    given: tuple,
    like: tuple[NDArray | None, ...] | None = None,
    seconds: float | None = None,
) -> _Outcome:
    """Call a function with copies of its arguments.

    Parameters
    ----------
    like : what a right function gives; None where `function` is one
    seconds : of processor time, after which the call is stopped; None for no limit
    """
    arguments = copy.deepcopy(given)

    def returned_and_parts() -> tuple[Any, list[Any] | None]:
        returned = function(*arguments)
        return returned, _parts(returned, like)  # what a generator has to say, it says now

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what a result is worth, the comparison says
        try:
            if seconds is None:
                returned, parts = returned_and_parts()
            else:
                returned, parts = _within(seconds, returned_and_parts)
        except (Exception, SystemExit, _Endless) as error:  # what the reader's code does is told
            stub = type(error) is NotImplementedError and not error.args and _does_nothing(function)
            line, code = _place(error)
            return _Outcome(error=error, arguments=arguments, is_stub=stub, line=line, code=code)
    pairs = zip(given, arguments, strict=True)
    value = None
    if parts is not None and not _blank(parts):
        try:
            value = tuple(None if _blank(part) else array_of(part) for part in parts)
        except TypeError:
            value = None
    return _Outcome(
        value=value,
        returned=returned,
        arguments=arguments,
        changed=next((i for i, pair in enumerate(pairs) if not _unchanged(*pair)), None),
        precision=0.0 if value is None else _precision(value),
        gradient=_carries_gradient(returned),
        is_stub=_blank(returned) and _does_nothing(function),
    )


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """Call, and raise `_Endless` once it has taken more than so much processor time.

    Python looks at the clock at every instruction of the reader's code, and at every call of a
    library's. So it needs neither signals, which only the main thread gets and Windows lacks, nor
    a second thread, which a page has not; and a machine that is busy with other things does not
    shorten the time. A loop inside one call of NumPy is not seen, nor is one where a debugger
    already looks on.
    """
    if sys.gettrace() is not None:
        return call()
    clock = getattr(time, "thread_time", time.process_time)
    end = clock() + seconds

    def watch(frame: FrameType, event: str, argument: Any) -> Any:
        if clock() > end:
            raise _Endless
        if frame.f_code.co_filename.startswith(LIBRARIES):  # such as an import, which is long
            return None
        frame.f_trace_opcodes = True  # a loop on one line reaches no other
        return watch

    sys.settrace(watch)
    try:
        return call()
    finally:
        sys.settrace(None)


def _place(error: BaseException) -> tuple[str, str]:
    """Return the number and the text of the last line of the reader's own that an error left.

    It is the last one in the file, or the notebook's cell, of the first frame that is not ours.
    """
    frames = [(f.f_code.co_filename, line) for f, line in traceback.walk_tb(error.__traceback__)]
    theirs = [place for place in frames if place[0] != __file__]
    if not theirs:  # it was not called at all: a wrong number of arguments
        return "", ""
    name, line = [place for place in theirs if place[0] == theirs[0][0]][-1]
    return str(line), linecache.getline(name, line).strip()


def _does_nothing(function: Callable[..., Any]) -> bool:
    """Say whether a function is a stub: its body ``...``, ``pass`` or ``raise`` alone."""
    code = getattr(function, "__code__", None)
    return (
        code is not None
        and set(code.co_names) <= {"NotImplementedError"}
        and {instruction.opname for instruction in dis.get_instructions(code)} <= OF_STUBS
    )


def _parts(returned: Any, like: tuple[NDArray | None, ...] | None) -> list[Any] | None:
    """Return the results one by one; of those that are missing at the end, None."""
    if like is None:
        return list(returned) if isinstance(returned, tuple) else [returned]
    if len(like) == 1 or _blank(returned):
        return [returned]
    if hasattr(returned, "shape"):  # an array of all results, or one of them
        stacked = [(len(like), *part.shape) for part in like if part is not None]
        whole = all(tuple(returned.shape) == shape for shape in stacked)
        parts = list(returned) if whole else [returned]
    else:
        parts = list(returned) if isinstance(returned, Iterable) else [returned]
    return parts + [None] * (len(like) - len(parts))


def array_of(value: Any) -> NDArray[np.float64]:
    """Return real numbers as float64; a TypeError says that they are none.

    They may come as numbers of any kind, in lists, arrays, or tensors with their gradient.
    """
    try:
        array = np.asarray(_detached(value))
    except (ValueError, RuntimeError) as error:  # ragged
        raise TypeError(str(error)) from None
    if array.dtype.kind == "O":  # fractions, decimals
        try:
            array = np.reshape([float(entry) for entry in array.flat], array.shape)
        except (TypeError, ValueError) as error:
            raise TypeError(str(error)) from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"dtype {array.dtype}")
    return array.astype(np.float64)


def _detached(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_detached(entry) for entry in value]
    return value.detach() if getattr(value, "requires_grad", False) else value


def _carries_gradient(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_carries_gradient, value))
    return getattr(value, "requires_grad", False) is True


def _precision(value: tuple[NDArray | None, ...]) -> float:
    """Return float32's precision where all numbers of a part are float32's, else 0.

    A Python number made from a float32 is one, though it has forgotten where it came from.
    """
    with np.errstate(over="ignore"):
        short = [
            np.array_equal(part.astype(np.float32).astype(np.float64), part, equal_nan=True)
            for part in value
            if part is not None
        ]
    return FLOAT32 if any(short) else 0.0


def _largest(value: Any) -> float:
    """Return the largest finite absolute value of all numbers in arrays, lists, arguments."""
    if isinstance(value, list | tuple):
        return max(map(_largest, value), default=0.0)
    if value is None or callable(value):
        return 0.0
    numbers = np.abs(np.asarray(value, dtype=np.float64))
    return float(np.max(numbers, initial=0.0, where=np.isfinite(numbers)))


def _rounds(got: list[_Outcome], expected: list[_Outcome]) -> bool:
    """Say whether all results are right but for being rounded, from two decimals to six."""
    if any(g.value is None or _shapes(g) != _shapes(e) for g, e in zip(got, expected, strict=True)):
        return False
    pairs = [
        (np.asarray(a), np.asarray(b))
        for g, e in zip(got, expected, strict=True)
        for a, b in zip(g.value or (), e.value or (), strict=True)
    ]
    return any(
        all(np.allclose(a, np.round(b, digits), rtol=1e-12, atol=1e-12) for a, b in pairs)
        for digits in range(2, 7)
    )


def _in_two_digits(number: float, value: float) -> bool:
    """Say whether a number is the value with too few digits: rounded, or cut off.

    Of 0.6931 these are 0.69 and 0.7; of 10.82, 11 and 10; of 0.0181, 0.02.
    """
    if not (np.isfinite(value) and value):
        return False
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    two = round(value / unit) * unit, math.trunc(value / unit) * unit
    if math.isclose(two[0], value, rel_tol=1e-9):  # it has no more digits
        return False
    one = round(value / unit / 10) * unit * 10
    shorter = [*two, round(value, 2)] + [one] * (abs(one - value) < unit)
    return any(r != 0 and math.isclose(number, r, rel_tol=1e-9) for r in shorter)


def _blank(answer: Any) -> bool:
    """Say whether a stub was left as it was."""
    if isinstance(answer, tuple | list):
        return all(map(_blank, answer))
    return any(answer is blank for blank in BLANKS)


def _missing(parts: Iterable[Any]) -> str:
    """Name the parts of an answer that are missing, by their places."""
    return ", ".join(str(place) for place, part in enumerate(parts, start=1) if _blank(part))


def _unchanged(before: Any, after: Any) -> bool:
    """Compare an argument with what the call left of it, up to the rounding of arithmetic."""
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(map(_unchanged, before, after))
    if isinstance(before, np.ndarray):
        return before.shape == after.shape and np.allclose(
            before, after, rtol=1e-12, atol=1e-12, equal_nan=True
        )
    return before is after or before == after


def _shapes(outcome: _Outcome) -> str:
    return ", ".join("-" if part is None else str(part.shape) for part in outcome.value or ())


def _shown_argument(value: Any) -> str:
    if callable(value):
        return value.__doc__ or value.__name__
    if isinstance(value, np.ndarray) and value.size > SHOWN_AT_MOST:
        return f"array{value.shape}"
    if isinstance(value, list | tuple) and any(isinstance(v, np.ndarray) for v in value):
        return f"[{', '.join(map(_shown_argument, value))}]"
    return _shown([value], 4) if isinstance(value, np.ndarray) else repr(value)


def _shown(values: Sequence[NDArray], digits: int) -> str:
    """Write numbers with so many significant digits, on one line."""
    return "; ".join(
        np.array2string(
            np.asarray(value),
            separator=", ",
            threshold=SHOWN_AT_MOST,
            formatter={"float_kind": lambda number: f"{number:.{digits}g}"},
        ).replace("\n", "")
        for value in values
    )


def _told_apart(expected: Sequence[NDArray], got: Sequence[NDArray]) -> tuple[str, str]:
    """Write two results with as many digits as it takes to see the difference."""
    for digits in (4, 8, 12, 17):
        pair = _shown(expected, digits), _shown(got, digits)
        if pair[0] != pair[1]:
            break
    return pair
