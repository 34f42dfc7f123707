"""What an exercise asks for, and how an answer to it is judged.

Three kinds: a function (`Code`), numbers computed by hand (`Numbers`), and an object with a
property (`Witness`). Each judges an answer and returns a `Finding`, a key with fields;
`nwp.exercises.messages` has the words. A known mistake is a wrong answer with a name. It is
recognized by what it returns, not by how it is written.
"""

import copy
import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHOWN_AT_MOST = 24  # entries of an argument; of a larger one the shape is shown
BLANKS = (None, ..., NotImplemented)


@dataclass(frozen=True)
class Finding:
    """What was found: the key of a message, what the message names, and a known mistake."""

    key: str
    fields: dict[str, str] = field(default_factory=dict)
    mistake: str | None = None


@dataclass(frozen=True)
class Code:
    """An exercise that asks for a function.

    Parameters
    ----------
    reference : a function that is right
        The names of its arguments are those that a message shows.
    inputs : the tuples of arguments to try, from the smallest to the largest
    mistakes : key of the mistake → a function that makes it, or several that do
    rtol, atol : how far a right result may be from the reference's
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
        got = [
            _outcome(answer, given, like=e.value)
            for given, e in zip(self.inputs, expected, strict=True)
        ]
        if any(isinstance(outcome.error, NotImplementedError) for outcome in got):
            return Finding("not-yet-code")
        wrong = [i for i, e in enumerate(expected) if not self._close(got[i], e)]
        if not wrong:
            changed = [outcome.changed for outcome in got if outcome.changed is not None]
            if changed:
                return Finding("changed", {"argument": self._names[changed[0]]}, "changed-argument")
            return Finding("right")
        mistake = self._recognized(got, expected)
        if mistake is None and any(outcome.changed is not None for outcome in got):
            mistake = "changed-argument"
        return self._reported(wrong[0], got[wrong[0]], expected[wrong[0]], mistake)

    def _recognized(self, got: list["_Outcome"], expected: list["_Outcome"]) -> str | None:
        for mistake, makers in self.mistakes.items():
            for maker in makers if isinstance(makers, Sequence) else [makers]:
                made = [
                    _outcome(maker, given, like=e.value)
                    for given, e in zip(self.inputs, expected, strict=True)
                ]
                if all(self._close(g, m, loosely=True) for g, m in zip(got, made, strict=True)):
                    return mistake
        return None

    def _close(self, one: "_Outcome", other: "_Outcome", *, loosely: bool = False) -> bool:
        """Compare results; loosely, every value that is not finite counts as the same."""
        if one.value is None or other.value is None:
            return loosely and one.value is other.value
        if [a.shape for a in one.value] != [b.shape for b in other.value]:
            return False
        for a, b in zip(one.value, other.value, strict=True):
            if loosely:
                a, b = (np.where(np.isfinite(x), x, np.inf) for x in (a, b))
            if not np.allclose(a, b, rtol=self.rtol, atol=self.atol):
                return False
        return True

    def _reported(
        self, at: int, got: "_Outcome", expected: "_Outcome", mistake: str | None
    ) -> Finding:
        given = ", ".join(
            f"{name} = {_shown_argument(value)}"
            for name, value in zip(self._names, self.inputs[at], strict=True)
        )
        fields = {"input": given}
        if got.error is not None:
            error = type(got.error).__name__
            return Finding("raises", fields | {"error": f"{error}: {got.error}"}, mistake)
        if got.value is None:
            key = "nothing" if got.returned is None else "not-numbers"
            return Finding(key, fields | {"type": type(got.returned).__name__}, mistake)
        assert expected.value is not None  # an answer of our own has numbers
        shapes = [", ".join(str(a.shape) for a in value) for value in (expected.value, got.value)]
        if shapes[0] != shapes[1]:
            return Finding(
                "shape", fields | dict(zip(("expected", "got"), shapes, strict=True)), mistake
            )
        fields |= dict(
            zip(("expected", "got"), _told_apart(expected.value, got.value), strict=True)
        )
        return Finding("wrong", fields, mistake)

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
    """

    values: Sequence[Any]
    mistakes: Sequence[tuple[str, int, Any]]
    rtol: float = 2e-3
    atol: float = 6e-4

    def judge(self, answer: Any) -> Finding:
        """Compare number by number; the right number is not told."""
        count = len(self.values)
        answers = [answer] if count == 1 and np.ndim(self.values[0]) == 0 else answer
        if _blank(answer):
            return Finding("not-yet-numbers")
        try:
            answers = list(answers)  # of a tuple, an array, a tensor
        except TypeError:  # one number, or none
            answers = []
        if len(answers) != count:
            return Finding("count", {"count": str(count)})
        for position, (got, value) in enumerate(zip(answers, self.values, strict=True)):
            fields = {"position": str(position + 1), "count": str(count)}
            try:
                number = _array(got)
            except TypeError:
                return Finding("no-number", fields | {"type": type(got).__name__})
            if np.shape(value) == () and number.size == 1:
                number = number.reshape(())  # [10.82], or what a solver returns
            if number.shape != np.shape(value):
                return Finding("number-shape", fields | {"expected": str(np.shape(value))})
            if not self._close(number, value, self.atol):
                fields["got"] = _shown([number], 4)
                return Finding("number", fields, self._recognized(position, number))
        return Finding("right")

    def _close(self, number: NDArray, value: Any, atol: float) -> bool:
        if isinstance(value, int):
            return bool(number == value)
        return np.allclose(number, value, rtol=self.rtol, atol=atol)

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
    """

    missed: Callable[[Any], str | None]

    def judge(self, answer: Any) -> Finding:
        """Try the conditions in turn."""
        if _blank(answer):
            return Finding("not-yet-numbers")
        mistake = self.missed(answer)
        return Finding("right") if mistake is None else Finding("condition", {}, mistake)


@dataclass(frozen=True)
class _Outcome:
    """What one call gave: arrays, or an error, or something that is no number."""

    value: tuple[NDArray, ...] | None = None
    error: Exception | None = None
    returned: Any = None
    changed: int | None = None  # the first argument that the call changed


def _outcome(
    function: Callable[..., Any], given: tuple, like: tuple[NDArray, ...] | None = None
) -> _Outcome:
    arguments = copy.deepcopy(given)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what a result is worth, the comparison says
        try:
            returned = function(*arguments)
        except Exception as error:  # whatever the reader's code does is to be told
            return _Outcome(error=error)
    changed = [
        i for i, pair in enumerate(zip(given, arguments, strict=True)) if not _unchanged(*pair)
    ]
    try:
        several = isinstance(returned, tuple) if like is None else len(like) > 1
        parts = list(returned) if several else [returned]
        value = tuple(_array(part) for part in parts)
    except TypeError:
        value = None
    except Exception as error:  # a generator runs only now
        return _Outcome(error=error)
    return _Outcome(value, None, returned, changed[0] if changed else None)


def _array(value: Any) -> NDArray:
    """Return real numbers as float64; a TypeError says that they are none."""
    try:
        array = np.asarray(value)
    except (ValueError, RuntimeError) as error:  # ragged; a tensor with its gradient
        raise TypeError(str(error)) from None
    if array.dtype.kind == "O":  # fractions, decimals
        try:
            array = np.reshape([float(entry) for entry in array.flat], array.shape)
        except (TypeError, ValueError) as error:
            raise TypeError(str(error)) from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"dtype {array.dtype}")
    return array.astype(np.float64)


def _blank(answer: Any) -> bool:
    """Say whether a stub was left as it was, at least in part."""
    if isinstance(answer, tuple | list):
        return any(_blank(part) for part in answer)
    return any(answer is blank for blank in BLANKS)


def _unchanged(before: Any, after: Any) -> bool:
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(map(_unchanged, before, after))
    if isinstance(before, np.ndarray):
        return before.shape == after.shape and np.array_equal(before, after)
    return before is after or before == after


def _shown_argument(value: Any) -> str:
    if callable(value):
        return value.__name__
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
