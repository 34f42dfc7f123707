"""Bad input gets one clear sentence: which argument, what it was, what was expected.

Shared ground of the NumPy modules. Most functions return the argument as the array that
the formulas need; all raise before anything is computed. The type is asked for first (a
`TypeError`), then the range (a `ValueError`).
"""

import math
import operator
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SUM_TOLERANCE = 1e-6


def real_array(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return `values` as float64; refuse what is not an array of real numbers."""
    return _real(name, values).astype(np.float64)


def numbers(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return `values` as float64; refuse NaN. Infinities pass."""
    array = real_array(name, values)
    _refuse(name, array, np.isnan(array), "numbers")
    return array


def _array(name: str, values: ArrayLike) -> NDArray[Any]:
    if isinstance(values, np.ma.MaskedArray):  # np.asarray would count what is masked
        raise TypeError(
            f"{name} must be a plain array, got a masked one; pass ignore_index, or mask with -inf"
        )
    try:
        return np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} must be a rectangular array of numbers: {error}") from None
    except (TypeError, RuntimeError) as error:  # a tensor with gradient, of bfloat16, on a GPU
        raise TypeError(f"{name} must be readable as a NumPy array: {error}") from None


def _real(name: str, values: ArrayLike) -> NDArray[Any]:
    array = _array(name, values)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if array.dtype.itemsize > 8:
        raise TypeError(f"{name} must hold numbers of at most 64 bits, got dtype {array.dtype}")
    return array


def _refuse(name: str, array: NDArray[Any], bad: NDArray[np.bool_], expected: str) -> None:
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        where = f" at index {index}" if index else ""
        raise ValueError(f"{name} must be {expected}, got {array[index]}{where}")


def has_words(name: str, array: NDArray[Any]) -> None:
    """Refuse an array without a last axis over at least one word."""
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(
            f"{name} must have the words of the vocabulary on its last axis, "
            f"got shape {array.shape}"
        )


def distributions(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return (..., V) float64 whose rows are distributions.

    A row was rounded in the type in which it was given, and may miss the sum 1: by
    `SUM_TOLERANCE`, or where that is more by max(8, square root of V) units in the last
    place (float16: 0.0078; float32 with 250,000 words: 0.00006). It is used as it is.
    """
    given = _real(name, values)
    has_words(name, given)
    unit = np.finfo(given.dtype).eps if given.dtype.kind == "f" else 0.0
    tolerance = max(SUM_TOLERANCE, max(8.0, given.shape[-1] ** 0.5) * float(unit))
    array = given.astype(np.float64)
    _refuse(name, array, np.isnan(array), "numbers")
    _refuse(name, array, array < 0, "non-negative")
    with np.errstate(over="ignore"):  # inf is no 1 either
        sums = array.sum(axis=-1)
    off = ~(np.abs(sums - 1) <= tolerance)
    _refuse(f"the row sums of {name}", sums, off, f"1 within {tolerance:.2g}")
    return array


def logits(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return (..., V) float64 scores: finite or -inf, at least one finite in every row."""
    array = real_array(name, values)
    has_words(name, array)
    _refuse(name, array, np.isnan(array) | (array == np.inf), "finite or -inf")
    no_word = np.all(array == -np.inf, axis=-1)
    _refuse(f"the row maxima of {name}", array.max(axis=-1), no_word, "finite")
    return array


def word_ids(
    name: str, values: ArrayLike, vocabulary_size: int, *, ignore_index: int | None = None
) -> NDArray[np.int64]:
    """Return integer ids in [0, vocabulary_size); `ignore_index` passes too."""
    ignored = None if ignore_index is None else integer64("ignore_index", ignore_index)
    array = _array(name, values)
    if array.size == 0 and isinstance(values, list | tuple):  # it has no integer type of its own
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got dtype {array.dtype}")
    expected = f"word ids in [0, {vocabulary_size})"
    outside = (array < 0) | (array >= vocabulary_size)
    if ignored is not None:
        outside &= array != ignored
        expected += f" or ignore_index {ignored}"
    _refuse(name, array, outside, expected)
    return array.astype(np.int64)


def predictions(
    probabilities: ArrayLike, targets: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return (..., V) distributions and the (...) word ids that go with them."""
    predicted = distributions("probabilities", probabilities)
    words = word_ids("targets", targets, predicted.shape[-1])
    same_shape("targets", words, predicted.shape[:-1], "the rows of probabilities")
    return predicted, words


def same_shape(name: str, array: NDArray[Any], expected: tuple[int, ...], of: str) -> None:
    """Refuse an array whose shape is not the one that `of` asks for."""
    if array.shape != expected:
        raise ValueError(f"{name} must have the shape {expected} of {of}, got {array.shape}")


def integer(name: str, value: int, *, at_least: int | None = None) -> int:
    """Return `value` as an int; refuse other types and what is below `at_least`."""
    if isinstance(value, bool | np.bool_) or "bool" in str(getattr(value, "dtype", "")):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    try:
        result = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if at_least is not None and result < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {result}")
    return result


def integer64(name: str, value: int) -> int:
    """Return `value` as an int that an array of int64 can hold."""
    result = integer(name, value)
    if not -(2**63) <= result < 2**63:
        raise ValueError(f"{name} must be an integer of 64 bits, got {result}")
    return result


def seed(value: int) -> int:
    """Return `value` as a seed that PyTorch takes, too: an integer of 64 bits, at least 0."""
    result = integer("seed", value, at_least=0)
    if result >= 2**64:
        raise ValueError(f"seed must be below 2**64, got {result}")
    return result


def number(
    name: str,
    value: float,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
) -> float:
    """Return `value` as a float; refuse other types, NaN, infinities and what is out of bounds."""
    if getattr(value, "requires_grad", False):
        raise TypeError(
            f"{name} must be a number, got a tensor that wants a gradient: none is computed in it"
        )
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        result = float(value)
    except OverflowError:  # an int beyond 1.8e308
        result = math.inf
    bounds = (
        ("above", above, operator.gt),
        ("at least", at_least, operator.ge),
        ("below", below, operator.lt),
        ("at most", at_most, operator.le),
    )
    kept = [(word, bound, holds) for word, bound, holds in bounds if bound is not None]
    if not math.isfinite(result) or not all(holds(result, bound) for _, bound, holds in kept):
        expected = [f"{word} {bound}" for word, bound, _ in kept]
        expected += ["finite"] if below is None and at_most is None else []
        raise ValueError(f"{name} must be {' and '.join(expected)}, got {value}")
    return result


def boolean(name: str, value: bool) -> bool:
    """Return `value`; refuse what is not True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def text(name: str, value: str) -> str:
    """Return `value`; refuse what is not a str."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, got {value!r}")
    return value


def choice(name: str, value: str | None, options: tuple[str | None, ...]) -> None:
    """Refuse what is not one of `options`."""
    if not isinstance(value, tuple(type(option) for option in options)):
        raise TypeError(f"{name} must be one of {options}, got {value!r}")
    if value not in options:
        raise ValueError(f"{name} must be one of {options}, got {value!r}")


def words(name: str, values: Sequence[str]) -> list[str]:
    """Return `values` as a list; refuse a str, what is no sequence, and what are no words."""
    if isinstance(values, str):
        raise TypeError(f"{name} must be a list of words, got the str {values!r}")
    if not isinstance(values, Sequence):
        raise TypeError(f"{name} must be a list of words, got {values!r}")
    for position, word in enumerate(values):
        if not isinstance(word, str):
            raise TypeError(f"{name} must be a list of words, got {word!r} at index {position}")
    return list(values)


def function(name: str, value: Callable[..., Any]) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, got {value!r}")


def instance(name: str, value: object, kind: type) -> None:
    """Refuse what is not of a class."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}, got {value!r}")


def nonnegative(name: str, values: ArrayLike, *, slack: float = 0.0) -> NDArray[np.float64]:
    """Return `values` as float64; refuse NaN and numbers below 0 by more than `slack`."""
    array = real_array(name, values)
    _refuse(name, array, ~(array >= -slack), "at least 0")
    return array


def finite(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return `values` as float64; refuse infinities and NaN."""
    array = real_array(name, values)
    _refuse(name, array, ~np.isfinite(array), "finite")
    return array


def unit_interval(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return `values` as float64; refuse numbers outside [0, 1]."""
    array = real_array(name, values)
    _refuse(name, array, ~((array >= 0) & (array <= 1)), "in [0, 1]")
    return array


def model_sizes(
    width: int, layers: int, heads: int, context: int, tied: bool, softcap: float | None
) -> None:
    """Refuse what no `nwp.model.Transformer` can be made of, whatever its vocabulary."""
    integer("width", width, at_least=2)
    integer("layers", layers, at_least=1)
    integer("heads", heads, at_least=1)
    integer("context", context, at_least=1)
    boolean("tied", tied)
    if softcap is not None:
        number("softcap", softcap, above=0)
    if width % (2 * heads):
        raise ValueError(f"width must be a multiple of 2 × heads = {2 * heads}, got {width}")
