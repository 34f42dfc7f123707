r"""Why the logarithm: costs of a prediction, their regrets, calibration, label smoothing.

Chapter 10. A cost S(q, w) charges a prediction q for the word w that came, and is to be made
small; the literature on *scoring rules* often takes its negative, to be made large. A cost is
proper if, whatever p the words are drawn from, no report costs less in the mean than p itself.
NumPy, float64, nats.

Source: Savage (1971), Gneiting & Raftery (2007) for proper costs; Brier (1950); Bregman (1967);
Guo et al. (2017) for temperature; Szegedy et al. (2016), section 7, for label smoothing.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nwp import checks
from nwp.derivative import gradient_wrt_logits


def log_cost(probabilities: ArrayLike) -> NDArray[np.float64]:
    r"""What each word would cost if it came: :math:`-\log q_w`.

    Parameters
    ----------
    probabilities : (..., V) array, each row a distribution q

    Returns
    -------
    (..., V) array, in nats: entry w is the cost where w comes; ``inf`` where q is 0.

    Raises
    ------
    TypeError, ValueError
        Where a row is no distribution.
    """
    predicted = checks.distributions("probabilities", probabilities)
    with np.errstate(divide="ignore"):  # -log 0 is inf, by definition
        return 0.0 - np.log(predicted)  # not -log: certainty costs 0.0, not -0.0


def brier_cost(probabilities: ArrayLike) -> NDArray[np.float64]:
    r"""What each word would cost if it came: :math:`\sum_i (q_i - e_w[i])^2`.

    Parameters
    ----------
    probabilities : (..., V) array, each row a distribution q

    Returns
    -------
    (..., V) array of numbers from 0 to 2.

    Raises
    ------
    TypeError, ValueError
        Where a row is no distribution.
    """
    predicted = checks.distributions("probabilities", probabilities)
    squares = np.sum(predicted**2, axis=-1, keepdims=True)
    return squares - predicted**2 + (1.0 - predicted) ** 2


def linear_cost(probabilities: ArrayLike) -> NDArray[np.float64]:
    r"""What each word would cost if it came: :math:`1 - q_w`. It is not proper.

    Parameters
    ----------
    probabilities : (..., V) array, each row a distribution q

    Returns
    -------
    (..., V) array of numbers from 0 to 1.

    Raises
    ------
    TypeError, ValueError
        Where a row is no distribution.
    """
    return 1.0 - checks.distributions("probabilities", probabilities)


def mean_cost(costs: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
    r"""Mean of a cost where the words are drawn from p: :math:`\sum_w p_w S(q, w)`.

    Parameters
    ----------
    costs : (..., V) array, S(q, w) for every word w, such as `log_cost` gives; ``inf`` may occur
    truth : (..., V) array that broadcasts against `costs`, each row a distribution p

    Returns
    -------
    (...) array, in the unit of the cost; a word that never comes costs 0, even if it is ``inf``.

    Raises
    ------
    TypeError, ValueError
        Where a cost is NaN, a row of `truth` no distribution, or the shapes do not go together.
    """
    each = checks.numbers("costs", costs)
    p = checks.distributions("truth", truth)
    if each.shape[-1:] != p.shape[-1:]:
        raise ValueError(f"truth must have the words of costs {each.shape}, got shape {p.shape}")
    try:
        shape = np.broadcast_shapes(each.shape, p.shape)
    except ValueError:
        raise ValueError(f"truth must go with costs {each.shape}, got shape {p.shape}") from None
    return np.multiply(p, each, out=np.zeros(shape), where=p > 0).sum(axis=-1)


def bregman_divergence(
    function: Callable[[NDArray[np.float64]], ArrayLike],
    gradient: Callable[[NDArray[np.float64]], ArrayLike],
    point: ArrayLike,
    base: ArrayLike,
) -> np.float64:
    r"""How far a function lies above its tangent: :math:`F(x) - F(b) - \nabla F(b) \cdot (x - b)`.

    At least 0 where F is convex. The tangent touches at the *second* point.

    Parameters
    ----------
    function : F, maps an array of the shape of `base` to a number
    gradient : maps such an array to the gradient, or a subgradient, of F there
    point : x, finite numbers
    base : b, of the same shape, where the tangent touches

    Returns
    -------
    Number, in the unit of the function.

    Raises
    ------
    TypeError, ValueError
        Where a point, a value of the function or the gradient is not finite, or of another shape.
    """
    checks.function("function", function)
    checks.function("gradient", gradient)
    b = checks.finite("base", base)
    x = checks.finite("point", point)
    checks.same_shape("point", x, b.shape, "base")
    values = [checks.finite("the values of function", function(at)) for at in (x, b)]
    for value in values:
        checks.same_shape("the values of function", value, (), "a number")
    slope = checks.finite("the value of gradient", gradient(b))
    checks.same_shape("the value of gradient", slope, b.shape, "base")
    return np.float64(values[0] - values[1] - np.sum(slope * (x - b)))


class Reliability(NamedTuple):
    """The points of a reliability diagram, one for each interval; NaN where it is empty.

    Attributes
    ----------
    size : (B,) integers, how many probabilities lie in the interval
    predicted, observed : (B,) their mean, and the share of those whose word came
    error : (B,) standard error of `observed`, if the model is right
    """

    size: NDArray[np.int64]
    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]
    error: NDArray[np.float64]


def reliability(probabilities: ArrayLike, targets: ArrayLike, edges: ArrayLike) -> Reliability:
    r"""Compare how probable words were called with how often they came.

    All N · V probabilities are sorted into intervals. Of one prediction's words in an interval
    one comes with probability s, their sum, if the model is right. So the number that came has
    the variance :math:`\sum_n s_n (1 - s_n)`, less than that of independent events.

    Parameters
    ----------
    probabilities : (N, V) array, each row a distribution
    targets : (N,) integers in [0, V), the words that came
    edges : (B + 1,) rising numbers from 0 to 1; an interval has its lower edge, the last both

    Returns
    -------
    `Reliability`, with B entries each.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value or shape, and what was expected.
    """
    predicted, words = checks.predictions(probabilities, targets)
    if predicted.ndim != 2:
        raise ValueError(f"probabilities must have the shape (N, V), got {predicted.shape}")
    bounds = checks.finite("edges", edges)
    rising = bounds.ndim == 1 and bounds.size > 1 and np.all(np.diff(bounds) > 0)
    if not rising or bounds[0] != 0 or bounds[-1] != 1:
        raise ValueError(f"edges must be a list of numbers that rise from 0 to 1, got {edges!r}")
    interval = np.searchsorted(bounds[1:-1], predicted, side="right")
    came = words[:, None] == np.arange(predicted.shape[1])
    points = []
    for number in range(bounds.size - 1):
        inside = interval == number
        shares = np.sum(predicted, axis=1, where=inside)
        variance = np.maximum(shares * (1 - shares), 0.0).sum()  # a sum may exceed 1 by rounding
        n = inside.sum()
        sums = np.array([shares.sum(), came[inside].sum(), np.sqrt(variance)])
        points.append((n, *sums / (n or np.nan)))
    sizes, *others = (np.array(column) for column in zip(*points, strict=True))
    return Reliability(sizes, *others)


def surprise_gap(logits: ArrayLike, targets: ArrayLike) -> np.float64:
    r"""By how much the mean loss exceeds the mean entropy of the predictions.

    .. math:: \frac1N \sum_n (\hat y_n - y_n) \cdot z_n

    Positive for a model that is more surprised than it expects; 0 at the best temperature.

    Parameters
    ----------
    logits : (N, V) finite scores
    targets : (N,) integers in [0, V), the words that came, at least one

    Returns
    -------
    Number, in nats.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value or shape, and what was expected.
    """
    scores = checks.finite("logits", logits)
    errors = gradient_wrt_logits(scores, targets)
    if scores.ndim != 2 or scores.size == 0:
        raise ValueError(f"logits must have the shape (N, V), N at least 1, got {scores.shape}")
    return np.float64(np.mean(np.sum(errors * scores, axis=-1)))


def fit_temperature(logits: ArrayLike, targets: ArrayLike) -> float:
    r"""Return the temperature T for which the mean loss of z / T is least.

    In :math:`\beta = 1/T` the mean loss is convex, and its derivative times :math:`\beta` is the
    `surprise_gap` of :math:`\beta z`. An interval around its root is halved.

    Parameters
    ----------
    logits : (N, V) finite scores z
    targets : (N,) integers in [0, V), the words that came, at least one

    Returns
    -------
    Positive number: above 1 for a model that is too sure of itself.

    Raises
    ------
    TypeError, ValueError
        Naming the argument; also where no temperature is best.
    """
    scores = checks.finite("logits", logits)
    surprise_gap(scores, targets)  # refuses what does not go together
    right = np.take_along_axis(scores, np.asarray(targets)[..., None], axis=-1)
    if right.mean() <= scores.mean():
        raise ValueError(
            f"the targets' logits must have a mean above that of all, {scores.mean():.4g}, got"
            f" {right.mean():.4g}: the loss is least for infinite T"
        )
    if np.all(right == scores.max(axis=-1, keepdims=True)):
        raise ValueError(
            "some target must have less than the largest logit: the loss falls as T goes to 0"
        )
    low = high = 1 / np.ptp(scores, axis=-1).max()  # where the logits differ by 1
    while surprise_gap(low * scores, targets) > 0:
        low /= 2
    while surprise_gap(high * scores, targets) < 0:
        high *= 2
    for _ in range(100):  # halving the interval leaves the last digit
        middle = (low + high) / 2
        below = surprise_gap(middle * scores, targets) < 0
        low, high = (middle, high) if below else (low, middle)
    return float(2 / (low + high))


def smoothed_target(target: ArrayLike, epsilon: float) -> NDArray[np.float64]:
    r"""Mix a target with the uniform distribution: :math:`(1 - \varepsilon) p + \varepsilon / V`.

    Parameters
    ----------
    target : (..., V) array, each row a distribution p: one-hot, or relative frequencies
    epsilon : number from 0 to 1, the share of the uniform distribution

    Returns
    -------
    (..., V) array, each row a distribution; positive for a positive `epsilon`.

    Raises
    ------
    TypeError, ValueError
        Where a row is no distribution, or `epsilon` not in [0, 1].
    """
    p = checks.distributions("target", target)
    share = checks.number("epsilon", epsilon, at_least=0, at_most=1)
    return (1 - share) * p + share / p.shape[-1]
