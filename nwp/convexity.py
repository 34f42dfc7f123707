r"""Where the loss is convex, and where it is not: Theorem D2.1, executed.

Chapter 3. The same loss is seen from three places: the probabilities (convex), the logits
(convex, flat along one direction) and the weights (not convex). NumPy, float64, nats.

Source: the document, Theorem 2.1; Boyd & Vandenberghe (2004), chapter 3.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nwp import checks
from nwp.loss import softmax


def chord_gap(
    function: Callable[[NDArray[np.float64]], ArrayLike],
    start: ArrayLike,
    end: ArrayLike,
    fractions: ArrayLike,
) -> NDArray[np.float64]:
    r"""How far the chord lies above the function: at least 0 everywhere, if it is convex.

    .. math:: (1 - s) f(a) + s f(b) - f\bigl((1 - s) a + s b\bigr)

    Parameters
    ----------
    function : maps a point, an array of the shape of `start`, to a number
    start, end : points a and b of the same shape, in the function's domain
    fractions : (...) numbers s in [0, 1], positions along the segment

    Returns
    -------
    (...) array, in the units of the function.

    Raises
    ------
    TypeError, ValueError
        Where a point is not finite or they differ in shape, a fraction is outside [0, 1],
        or the function's value is not a finite number.
    """
    checks.function("function", function)
    a = checks.finite("start", start)
    b = checks.finite("end", end)
    checks.same_shape("end", b, a.shape, "start")
    steps = checks.unit_interval("fractions", fractions)
    at_start = checks.finite("the value of function at start", function(a))
    at_end = checks.finite("the value of function at end", function(b))
    between = [
        checks.finite(f"the value of function at fraction {s}", function((1 - s) * a + s * b))
        for s in steps.ravel()
    ]
    for value in (at_start, at_end, *between):
        checks.same_shape("the value of function", value, (), "a number")
    return (1 - steps) * at_start + steps * at_end - np.reshape(between, steps.shape)


def hessian_in_probabilities(probabilities: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
    r"""Second derivatives of :math:`-\log \hat y_w` in the probabilities.

    All are 0 but one: :math:`1/\hat y_w^2` at (w, w).

    Parameters
    ----------
    probabilities : (..., V) array, each row a distribution
    targets : (...) integers in [0, V), the right words w

    Returns
    -------
    (..., V, V) array, one entry positive and the rest 0: positive semidefinite, rank 1.

    Raises
    ------
    TypeError, ValueError
        Naming the argument; also where a right word has probability 0, outside the domain.
    """
    predicted, words = checks.predictions(probabilities, targets)
    size = predicted.shape[-1]
    right = np.take_along_axis(predicted, words[..., None], axis=-1)
    if np.any(right == 0):
        raise ValueError("probabilities must be positive at the targets, got 0.0")
    at_word = words[..., None] == np.arange(size)
    on_diagonal = at_word[..., None] & np.eye(size, dtype=bool)
    with np.errstate(over="ignore"):  # below 1e-154 the square is beyond float64: inf
        return np.where(on_diagonal, right[..., None] ** -2.0, 0.0)


def hessian_in_logits(logits: ArrayLike) -> NDArray[np.float64]:
    r"""Second derivatives of :math:`-z_w + \log \sum_j e^{z_j}` in z, the same for every word w.

    .. math:: H = \operatorname{diag}(\hat y) - \hat y \hat y^{\mathsf T},
              \qquad \hat y = \operatorname{softmax}(z)

    The diagonal is summed from the row, :math:`\hat y_i \sum_{j \ne i} \hat y_j`, and keeps its
    accuracy where :math:`\hat y_i` is close to 1.

    Parameters
    ----------
    logits : (..., V) real scores

    Returns
    -------
    (..., V, V) array, positive semidefinite; rows sum to 0; rank V - 1 for finite logits.

    Raises
    ------
    TypeError, ValueError
        As `nwp.loss.softmax`.
    """
    y_hat = softmax(logits)
    off_diagonal = -y_hat[..., :, None] * y_hat[..., None, :]
    size = y_hat.shape[-1]
    off_diagonal[..., range(size), range(size)] = 0.0
    return off_diagonal - off_diagonal.sum(axis=-1)[..., None] * np.eye(size)


def two_weight_loss(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    r"""Loss of the smallest two-layer model, :math:`-\log \sigma(ab)`: not convex in (a, b).

    Two words; the right one has the logit ab, the other the logit 0.

    Parameters
    ----------
    a, b : (...) arrays of finite numbers, the two weights

    Returns
    -------
    (...) array, in nats.

    Raises
    ------
    TypeError, ValueError
        Where a weight is not a finite number.
    """
    first = checks.finite("a", a)
    second = checks.finite("b", b)
    try:
        np.broadcast_shapes(first.shape, second.shape)
    except ValueError:
        raise ValueError(
            f"a and b must have shapes that go together, got {first.shape} and {second.shape}"
        ) from None
    with np.errstate(over="ignore"):  # a product beyond 1.8e308: a loss of 0 or inf
        return np.logaddexp(0.0, -first * second)
