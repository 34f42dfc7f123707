r"""The derivatives of the loss: Lemma D2.1, and what the softmax makes of it.

Chapter 5. In the probabilities the gradient has one entry, :math:`-1/\hat y_w`, without
bound; its projection onto the directions that keep the sum 1; and the chain through the
softmax to the logits, :math:`\hat y - y`, where every entry lies in [-1, 1]. Differences
stand by as a witness. NumPy, float64; nats per unit of the variable.

Source: the document, Lemma 2.1; Bridle (1990) for the softmax and its derivative.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nwp import checks
from nwp.loss import softmax


def gradient_wrt_probabilities(probabilities: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
    r"""Partial derivatives of :math:`-\log \hat y_w`: :math:`-1/\hat y_w` at w, else 0.

    They are partial derivatives in the space around the simplex: each moves one probability
    and holds the others. A step along them alone changes the sum; see `project_to_tangent`.

    Parameters
    ----------
    probabilities : (..., V) array, each row a distribution
    targets : (...) integers in [0, V), the right words w

    Returns
    -------
    (..., V) array, in nats per unit of probability, at most 0; ``-inf`` where
    :math:`1/\hat y_w` is beyond float64.

    Raises
    ------
    TypeError, ValueError
        Naming the argument; also where a right word has probability 0, outside the domain.

    References
    ----------
    The document, Lemma 2.1.
    """
    predicted, words = checks.predictions(probabilities, targets)
    at_word = words[..., None]
    right = np.take_along_axis(predicted, at_word, axis=-1)
    if np.any(right == 0):
        raise ValueError("probabilities must be positive at the targets, got 0.0")
    gradient = np.zeros_like(predicted)
    with np.errstate(over="ignore"):  # below 5.6e-309 the quotient is beyond float64: -inf
        np.put_along_axis(gradient, at_word, -1.0 / right, axis=-1)
    return gradient


def project_to_tangent(vectors: ArrayLike) -> NDArray[np.float64]:
    r"""Nearest vector whose entries sum to 0: :math:`v - \bar v`, the mean subtracted.

    Moving a distribution along the result keeps its sum. Large steps can still make an
    entry negative.

    Parameters
    ----------
    vectors : (..., V) array of finite numbers

    Returns
    -------
    (..., V) array, every row summing to 0.

    Raises
    ------
    TypeError, ValueError
        Where an entry is not a finite number.
    """
    ambient = checks.finite("vectors", vectors)
    checks.has_words("vectors", ambient)
    return ambient - ambient.mean(axis=-1, keepdims=True)


def gradient_wrt_logits(logits: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
    r"""Gradient of :math:`-z_w + \log \sum_j e^{z_j}`: the prediction minus the truth.

    .. math:: \hat y - y, \qquad \hat y = \operatorname{softmax}(z)

    The target's entry is computed as :math:`-\sum_{i \ne w} \hat y_i`, which equals
    :math:`\hat y_w - 1` and keeps its relative accuracy where :math:`\hat y_w` rounds to 1.

    Parameters
    ----------
    logits : (..., V) real scores; ``-inf`` masks a word
    targets : (...) integers in [0, V), the right words w

    Returns
    -------
    (..., V) array, in nats per unit of logit. To rounding: in [0, 1] at the other words, in
    [-1, 0] at w, every row summing to 0. Where w is masked the loss is ``inf``, and this is
    the limit of the gradient.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and what was expected.

    References
    ----------
    Bridle (1990); SLP3, chapter 5, for two words.
    """
    gradient = softmax(logits)
    words = checks.word_ids("targets", targets, gradient.shape[-1])
    checks.same_shape("targets", words, gradient.shape[:-1], "the rows of logits")
    at_word = words[..., None]
    np.put_along_axis(gradient, at_word, 0.0, axis=-1)
    others = gradient.sum(axis=-1, keepdims=True)
    np.put_along_axis(gradient, at_word, 0.0 - others, axis=-1)  # not -others: 0.0, never -0.0
    return gradient


def central_differences(
    function: Callable[[NDArray[np.float64]], ArrayLike], point: ArrayLike, step: float = 6e-6
) -> NDArray[np.float64]:
    r"""Gradient without calculus: :math:`\bigl(f(x + h e_i) - f(x - h e_i)\bigr) / 2h` for each i.

    Parameters
    ----------
    function : maps an array of the shape of `point` to a number
    point : (...) array of finite numbers x, around which the function is defined
    step : the distance h, positive; the default is near the best one for entries and values
        of size 1, the cube root of the float64 rounding unit. For entries beyond 10**5 it is too
        small: what rounding leaves of x + h and x - h is then another step.

    Returns
    -------
    (...) array of the shape of `point`.

    Raises
    ------
    TypeError, ValueError
        Where the point is not finite, the step not a positive number, or a value of the
        function not one finite number.
    """
    checks.function("function", function)
    x = checks.finite("point", point)
    h = checks.finite("step", step)
    if h.ndim or h <= 0:
        raise ValueError(f"step must be one positive number, got {step}")
    differences = np.empty_like(x)
    for index in np.ndindex(x.shape):
        ahead, behind = x.copy(), x.copy()
        ahead[index] += h
        behind[index] -= h
        values = [checks.finite("the values of function", function(at)) for at in (ahead, behind)]
        for value in values:
            checks.same_shape("the values of function", value, (), "a number")
        differences[index] = (values[0] - values[1]) / (2 * h)
    return differences
