r"""How a loss moves a model: one gradient step, backpropagation, the step size, the floor.

Chapter 4. A softmax model small enough to print: a table with one row of logits for each
context word. The same model with two factors, an embedding and a linear map, has enough
nodes to show backpropagation. NumPy, float64, nats; all gradients are written out.

Source: the document, "Impacto da distribuição de probabilidade prevista" and "O papel dos
pesos do modelo"; Jurafsky & Martin, SLP3, draft of 3 February 2024, chapter 10.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nwp import checks
from nwp.derivative import gradient_wrt_logits
from nwp.loss import cross_entropy_from_logits, log_softmax, one_hot, softmax


class Weights(NamedTuple):
    """The two matrices of the model, or the gradient of the mean loss in each."""

    embedding: NDArray[np.float64]  # (C, D): a row for each context word
    linear: NDArray[np.float64]  # (V, D): a row for each next word


class Nodes(NamedTuple):
    """The values at the nodes for N examples, or the gradient of the mean loss at each."""

    hidden: NDArray[np.float64]  # (N, D)
    logits: NDArray[np.float64]  # (N, V)
    probabilities: NDArray[np.float64]  # (N, V)
    losses: NDArray[np.float64]  # (N,), in nats


def logit_step(
    logits: ArrayLike, targets: ArrayLike, learning_rate: ArrayLike
) -> NDArray[np.float64]:
    r"""Take one step of gradient descent on the logits, :math:`z - \eta (\hat y - y)`.

    Parameters
    ----------
    logits : (..., V) finite scores
    targets : (...) integers in [0, V), the right words
    learning_rate : positive number, or an array that broadcasts against `targets`

    Returns
    -------
    (..., V) array, the new logits.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and what was expected.
    """
    scores = checks.logits("logits", checks.finite("logits", logits))
    words = checks.word_ids("targets", targets, scores.shape[-1])
    checks.same_shape("targets", words, scores.shape[:-1], "the rows of logits")
    rate = _rate(learning_rate)
    try:
        np.broadcast_shapes(rate.shape, words.shape)
    except ValueError:
        raise ValueError(
            f"learning_rate must have a shape that goes with targets {words.shape},"
            f" got {rate.shape}"
        ) from None
    return scores - rate[..., None] * gradient_wrt_logits(scores, words)


def turning_rates(logits: ArrayLike, target: int) -> NDArray[np.float64]:
    r"""Return the learning rate below which `logit_step` raises a word, above which it lowers it.

    A wrong word i turns where the convex function

    .. math:: f_i(\eta) = \log \sum_k \hat y_k e^{\eta (y_k - \hat y_k)} + \eta \hat y_i
              = \log \hat y_i - \log \hat y'_i

    is 0 again after :math:`\eta = 0`. It starts downwards only where
    :math:`\hat y_w + \hat y_i < \sum_k \hat y_k^2`, and is positive from
    :math:`-\log \hat y_w / (1 - \hat y_w + \hat y_i)` on: between them lies the root.

    Parameters
    ----------
    logits : (V,) finite scores
    target : integer in [0, V), the right word w

    Returns
    -------
    (V,) array: 0 for a wrong word that every step lowers, ``inf`` for the right word.

    Raises
    ------
    TypeError, ValueError
        Naming the argument; also for more than one row of logits.
    """
    scores = checks.logits("logits", checks.finite("logits", logits))
    word = checks.word_ids("target", target, scores.shape[-1])
    checks.same_shape("target", word, scores.shape[:-1], "the rows of logits")
    if scores.ndim != 1:
        raise ValueError(f"logits must be one row, got shape {scores.shape}")
    y_hat, log_y_hat = softmax(scores), log_softmax(scores)
    error = gradient_wrt_logits(scores, word)
    rises = y_hat[word] + y_hat < np.sum(y_hat**2)
    low = np.zeros(scores.size)
    high = np.divide(-log_y_hat[word], y_hat - error[word], out=np.zeros_like(low), where=rises)
    for _ in range(100):  # halving the interval leaves the last digit
        rate = (low + high) / 2
        moved = log_softmax(scores - rate[:, None] * error)
        raised = np.diagonal(moved) > log_y_hat
        low, high = np.where(raised, rate, low), np.where(raised, high, rate)
    high[word] = np.inf
    return high


def forward(weights: Weights, contexts: ArrayLike, targets: ArrayLike) -> Nodes:
    r"""Compute the model node by node: :math:`h = E[x],\ z = U h,\ \hat y,\ -\log \hat y[w]`.

    Parameters
    ----------
    weights : `Weights`, the embedding E (C, D) and the linear map U (V, D)
    contexts : (N,) integers in [0, C), the context words x
    targets : (N,) integers in [0, V), the right next words w

    Returns
    -------
    `Nodes`, the values at the nodes; the mean of `losses` is what training makes small.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value or shape, and what was expected.
    """
    embedding, linear, x, w = _checked(weights, contexts, targets)
    hidden = embedding[x]
    with np.errstate(over="ignore", invalid="ignore"):
        logits = hidden @ linear.T
    if not np.isfinite(logits).all():
        raise ValueError("weights must give finite logits, got an overflow in their product")
    losses = cross_entropy_from_logits(logits, w, reduction="none")
    return Nodes(hidden, logits, softmax(logits), losses)


def backward(weights: Weights, contexts: ArrayLike, targets: ArrayLike) -> tuple[Weights, Nodes]:
    r"""Compute the gradient of the mean loss in the weights and at every node, from the last on.

    Parameters
    ----------
    weights, contexts, targets : as in `forward`

    Returns
    -------
    `Weights` and `Nodes` that hold gradients, each of the shape of what it belongs to. The
    one at `probabilities` is ``-inf`` where a right word's probability is below float64;
    the others do not use it, since softmax and loss together have the gradient
    :math:`\hat y - y`.

    Raises
    ------
    TypeError, ValueError
        As `forward`.
    """
    embedding, linear, x, w = _checked(weights, contexts, targets)
    hidden, logits, y_hat, losses = forward(weights, x, w)
    y = one_hot(w, y_hat.shape[-1])
    at_losses = np.full_like(losses, 1 / losses.size)
    with np.errstate(divide="ignore", over="ignore"):  # at and below 5.6e-309: -inf
        at_probabilities = np.divide(-at_losses[:, None], y_hat, out=0 * y_hat, where=y > 0)
    at_logits = at_losses[:, None] * gradient_wrt_logits(logits, w)
    at_hidden = at_logits @ linear
    at_embedding = np.zeros_like(embedding)
    np.add.at(at_embedding, x, at_hidden)  # adds up where a context word repeats; += would not
    at_weights = Weights(at_embedding, at_logits.T @ hidden)
    return at_weights, Nodes(at_hidden, at_logits, at_probabilities, at_losses)


def descend(
    table: ArrayLike,
    contexts: ArrayLike,
    targets: ArrayLike,
    learning_rate: float,
    steps: int,
) -> NDArray[np.float64]:
    """Train a table of logits by gradient descent on the mean loss of all examples.

    The table is an embedding whose linear map is the identity and stays fixed.

    Parameters
    ----------
    table : (C, V) finite logits to start from, a row for each context word
    contexts, targets : (N,) integers in [0, C) and in [0, V)
    learning_rate : positive number; below `safe_learning_rate` no step raises the loss
    steps : how many, at least 0

    Returns
    -------
    (steps + 1, C, V) array: the table before the first step and after each.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value or shape, and what was expected.
    """
    start = checks.finite("table", table)
    if start.ndim != 2:
        raise ValueError(f"table must have the shape (C, V), got {start.shape}")
    rate = _rate(learning_rate)
    if rate.ndim:
        raise ValueError(f"learning_rate must be one number, got shape {rate.shape}")
    identity = np.eye(start.shape[1])
    _checked(Weights(start, identity), contexts, targets)  # also for no step
    tables = [start]
    for _ in range(checks.integer("steps", steps, at_least=0)):
        gradient, _ = backward(Weights(tables[-1], identity), contexts, targets)
        tables.append(tables[-1] - rate * gradient.embedding)
    return np.stack(tables)


def safe_learning_rate(contexts: ArrayLike) -> float:
    r"""Below this rate no step of `descend` raises the loss: :math:`4 N / \max_c n_c`.

    It is 2 over the bound :math:`\max_c n_c / 2N` of the Hessian's norm, where context word c
    comes :math:`n_c` times among the N examples.

    Parameters
    ----------
    contexts : (N,) integers, at least 0, at least one

    Returns
    -------
    Number of at least 4.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value or shape, and what was expected.
    """
    x = checks.word_ids("contexts", contexts, np.iinfo(np.int64).max)
    _one_or_more("contexts", x)
    return 4 * x.size / int(np.unique(x, return_counts=True)[1].max())


def _rate(learning_rate: ArrayLike) -> NDArray[np.float64]:
    rate = checks.finite("learning_rate", learning_rate)
    if not np.all(rate > 0):
        raise ValueError(f"learning_rate must be positive, got {rate.min()}")
    return rate


def _one_or_more(name: str, array: NDArray[Any]) -> None:
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be a list of at least one word, got shape {array.shape}")


def _checked(
    weights: Weights, contexts: ArrayLike, targets: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    if not isinstance(weights, tuple | list) or len(weights) != 2:
        raise TypeError(f"weights must be Weights(embedding, linear), got {weights!r}")
    embedding = checks.finite("weights.embedding", weights[0])
    linear = checks.finite("weights.linear", weights[1])
    if embedding.ndim != 2 or linear.ndim != 2 or embedding.shape[1] != linear.shape[1]:
        raise ValueError(
            "weights must hold an embedding (C, D) and a linear map (V, D) of the same D, "
            f"got shapes {embedding.shape} and {linear.shape}"
        )
    x = checks.word_ids("contexts", contexts, embedding.shape[0])
    w = checks.word_ids("targets", targets, linear.shape[0])
    _one_or_more("contexts", x)
    checks.same_shape("targets", w, x.shape, "contexts")
    return embedding, linear, x, w
