"""Bad input gets one clear sentence: which argument, what it was, what was expected.

Shared ground of the NumPy modules. Most functions return the argument as the array that
the formulas need; all raise before anything is computed.
"""

import operator

import numpy as np
from numpy.typing import ArrayLike, NDArray

SUM_TOLERANCE = 1e-6


def real_array(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return `values` as float64; refuse what is not an array of real numbers."""
    return _real(name, values).astype(np.float64)


def _array(name: str, values: ArrayLike) -> NDArray:
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


def _real(name: str, values: ArrayLike) -> NDArray:
    array = _array(name, values)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if array.dtype.itemsize > 8:
        raise TypeError(f"{name} must hold numbers of at most 64 bits, got dtype {array.dtype}")
    return array


def _refuse(name: str, array: NDArray, bad: NDArray[np.bool_], expected: str) -> None:
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        where = f" at index {index}" if index else ""
        raise ValueError(f"{name} must be {expected}, got {array[index]}{where}")


def has_words(name: str, array: NDArray) -> None:
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
    array = _array(name, values)
    if array.size == 0 and isinstance(values, list | tuple):  # it has no integer type of its own
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got dtype {array.dtype}")
    expected = f"word ids in [0, {vocabulary_size})"
    outside = (array < 0) | (array >= vocabulary_size)
    if ignore_index is not None:
        outside &= array != integer("ignore_index", ignore_index)
        expected += f" or ignore_index {ignore_index}"
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


def same_shape(name: str, array: NDArray, expected: tuple[int, ...], of: str) -> None:
    """Refuse an array whose shape is not the one that `of` asks for."""
    if array.shape != expected:
        raise ValueError(f"{name} must have the shape {expected} of {of}, got {array.shape}")


def integer(name: str, value: int, *, at_least: int | None = None) -> int:
    """Return `value` as an int; refuse other types and what is below `at_least`."""
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if at_least is not None and number < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {number}")
    return number


def seed(value: int) -> int:
    """Return `value` as a seed that PyTorch takes, too: an integer of 64 bits, at least 0."""
    number = integer("seed", value, at_least=0)
    if number >= 2**64:
        raise ValueError(f"seed must be below 2**64, got {number}")
    return number


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
