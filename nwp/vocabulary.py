r"""Chapter 6: the cross-entropy of a large vocabulary, without its scores in memory.

A model's last layer scores every word, ``z = weight @ h``, and the loss reads the scores:
:math:`\ell = \log \sum_v e^{z_v} - z_w`. For N contexts and V words that is an (N, V) array, often
larger than all the rest of the model. Here a block of contexts is scored, gives its losses and its
part of both gradients, and is overwritten by the next block: each score is computed once (for
"none", twice), and never held with all the others. The document's Observation, made exact: the
lookup ``z[w]`` is free, the sum over the vocabulary is what costs.

**No digit lost.** Let :math:`d = \log\sum_{v \ne w} e^{z_v} - z_w`, by how much the *other* words
together lead the right one, and :math:`q` the softmax over the other words alone. Then

.. math:: \ell = \log(1 + e^d), \qquad \partial\ell/\partial z = \sigma(d)\,(q - e_w).

Both keep their digits for a confident model, where the difference above and :math:`\hat y_w - 1`
round to 0 (in float32, for :math:`d` below about -17).

Sources: SLP3, chapter 10 (the loss); Hsu et al., "Liger Kernel: Efficient Triton Kernels for LLM
Training", arXiv:2410.10989 (blocks of contexts, gradients computed with the loss); Wijmans et al.,
"Cut Your Losses in Large-Vocabulary Language Models", arXiv:2411.09009 (the problem, and kernels
that hold no block at all).
"""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nwp import checks
from nwp.loss import REDUCTIONS

HAS_TRITON = (
    importlib.util.find_spec("triton") is not None
)  # it comes with PyTorch for CUDA on Linux
if HAS_TRITON:
    from nwp import kernels


@dataclass(frozen=True)
class _Plan:
    """How the blocks are computed on a device; every plan gives the same numbers, up to rounding.

    Attributes
    ----------
    least, share : memory of a block of scores: bytes, or this share of the factor's bytes if that
        is more. A larger block reads the weight, and updates its gradient, less often
    by_word : whether the scores of one word lie side by side, not those of one context
    compact : whether ignored contexts are left out: to learn how many they are is to wait
    narrow : whether bfloat16 stays what is multiplied, with sums in float32
    fused : whether rows are read by a kernel of `nwp.kernels`, where Triton is installed
    """

    least: int
    share: float
    by_word: bool
    compact: bool
    narrow: bool
    fused: bool


PLANS = {
    "cpu": _Plan(32 * 2**20, 1 / 2, by_word=True, compact=True, narrow=False, fused=False),
    "cuda": _Plan(256 * 2**20, 1.25, by_word=False, compact=False, narrow=True, fused=True),
}
# Matrix products are fastest when the number of rows is a multiple of this.
ROW_MULTIPLE = 64


def linear_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    *,
    ignore_index: int = -100,
    weights: Tensor | None = None,
    reduction: str = "mean",
    softcap: float | None = None,
) -> Tensor:
    r"""Cross-entropy of ``softmax(hidden @ weight.T)`` at the targets, in nats, block by block.

    The gradients are computed with the loss, from the same scores, and wait for ``backward``; those
    that nobody asked for (``torch.no_grad``, a frozen input) are left out. Backward through "none"
    computes the scores again, because what each loss counts is only known by then; so does a
    second backward pass, because the first gave its gradients away. Under ``torch.autocast``
    float32 inputs are multiplied in its dtype, which must be bfloat16, and their gradients are
    float32: float16, the default on CUDA, is refused with a `TypeError`.

    Parameters
    ----------
    hidden : (N, D) float32, bfloat16 or float64; one row per context
    weight : (V, D) of the same dtype and device; one row per word
    targets : (N,) integers in [0, V), the right words, or ``ignore_index``; may stay on the CPU
    ignore_index : marks a target that is not counted, such as padding
    weights : (N,) finite numbers of at least 0, what each context counts, on any device; None: 1
        each. No gradient is computed in them
    reduction : "mean", ``(weights * losses).sum() / weights.sum()`` over the counted targets;
        "sum", or "none", each loss times its weight
    softcap : if given, the scores are ``softcap * tanh(scores / softcap)``; a number, in which no
        gradient is computed

    Returns
    -------
    Scalar, or (N,) for "none" with 0 where ignored or of weight 0; float32, or float64 for float64
    inputs. bfloat16 is scored, exponentiated and summed in float32. On CUDA the scores' gradient is
    bfloat16, the weight's is added up in the weight's dtype; on the CPU only results are rounded.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and what was expected; also for the mean of no counted
        target, where the sum is 0, as in `nwp.loss` and in PyTorch.
        To read targets that lie on a CUDA device, the host waits for it. Targets on the CPU are
        checked there and follow without a wait: a training loop leaves them there, pinned.
    RuntimeError
        If a second derivative is asked for (``create_graph=True``), or a transform of `torch.func`.
    """
    for name, value in (("hidden", hidden), ("weight", weight), ("targets", targets)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} is a {type(value).__name__}; expected a tensor")
    kind, cast = hidden.device.type, None
    if kind in PLANS and torch.is_autocast_enabled(kind) and hidden.dtype != torch.float64:
        cast = torch.get_autocast_dtype(kind)
    _check_layer(hidden, weight, cast)
    checks.choice("reduction", reduction, REDUCTIONS)
    if softcap is not None:
        softcap = checks.number("softcap", softcap, above=0)
    ignore_index = checks.integer64("ignore_index", ignore_index)
    wanted = [torch.is_grad_enabled() and x.requires_grad for x in (hidden, weight)]
    options = _Options(reduction, ignore_index, softcap, cast or hidden.dtype, *wanted)
    if torch.compiler.is_compiling():  # shapes that depend on the targets: not for a graph
        return _in_graph(hidden, weight, targets, weights, *options)[0]
    loss: Tensor = _LinearCrossEntropy.apply(hidden, weight, targets, weights, options)
    return loss


class _Options(NamedTuple):
    reduction: str
    ignore_index: int
    softcap: float | None
    factors: torch.dtype  #: what is multiplied
    want_hidden: bool  #: whether its gradient is
    want_weight: bool


# The loss, what each context counts (a number or (N,), in float64), the gradients of the loss.
Results = tuple[Tensor, Tensor, Tensor | None, Tensor | None]


def _evaluate(
    hidden: Tensor, weight: Tensor, targets: Tensor, weights: Tensor | None, options: _Options
) -> Results:
    reduction, ignore_index = options.reduction, options.ignore_index
    count: float | Tensor
    recorded = hidden.is_cuda and torch.cuda.is_current_stream_capturing()
    if recorded:  # in a CUDA graph nothing can be read back
        count = (targets != ignore_index).sum()
    else:
        count = _check_targets(targets, len(hidden), len(weight), ignore_index)
    shares = torch.ones((), dtype=torch.float64, device=hidden.device)
    if weights is not None:
        shares = _checked_weights(weights, len(hidden))
        shares = shares.where(targets.to(shares.device) != ignore_index, 0.0)
        targets = targets.where((shares > 0).to(targets.device), ignore_index)
        count = float(shares.sum())
    if reduction == "mean" and not recorded and count == 0:
        raise ValueError(
            f"targets counts no word of {len(targets)}; expected, for a mean, one that is not"
            f' {ignore_index} and has a weight above 0 (reduction="sum" gives 0)'
        )
    if reduction == "mean":
        shares = shares / count
    shares = shares.to(hidden.device, non_blocking=True)
    # For "none" what each loss counts is only known by the backward pass.
    known = None if reduction == "none" else shares
    losses, for_hidden, for_weight = _by_blocks(hidden, weight, targets, known, options)
    dtype = torch.promote_types(options.factors, torch.float32)
    losses = losses * shares
    loss = losses if known is None else losses.sum()
    return loss.to(dtype), shares, for_hidden, for_weight


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        hidden, weight, targets, weights, ctx.options = arguments
        ctx.save_for_backward(hidden, weight, targets)
        loss, ctx.shares, *ctx.gradients = _evaluate(hidden, weight, targets, weights, ctx.options)
        return loss

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "linear_cross_entropy has no second derivative (create_graph=True); "
                "use torch.nn.functional.cross_entropy(hidden @ weight.T, targets) for that"
            )
        # Given away, not kept: autograd can then make them .grad without a copy.
        gradients, ctx.gradients = ctx.gradients, None
        if gradients is None or ctx.options.reduction == "none":
            shares = upstream.double() * ctx.shares
            hidden, weight, targets = ctx.saved_tensors
            _, *gradients = _by_blocks(hidden, weight, targets, shares, ctx.options)
        elif upstream.is_cuda or upstream != 1:  # on CUDA, to ask for its value is to wait for it
            for gradient in filter(torch.is_tensor, gradients):
                if HAS_TRITON and gradient.is_cuda and gradient.dtype != torch.float64:
                    kernels.scale_(gradient, upstream)
                else:
                    gradient.mul_(upstream)
        return *gradients, None, None, None


# The same for a graph of `torch.compile`: one operation, which nothing is traced through.


@torch.library.custom_op("nwp::linear_cross_entropy", mutates_args=())
def _in_graph(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    weights: Tensor | None,
    reduction: str,
    ignore_index: int,
    softcap: float | None,
    factors: torch.dtype,
    want_hidden: bool,
    want_weight: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    options = _Options(reduction, ignore_index, softcap, factors, want_hidden, want_weight)
    loss, shares, *gradients = _evaluate(hidden, weight, targets, weights, options)
    first, second = (hidden.new_empty(0) if g is None else g for g in gradients)
    return loss, shares, first, second


@_in_graph.register_fake
def _(hidden, weight, targets, weights, *options):  # type: ignore[no-untyped-def]
    reduction, _, _, factors, want_hidden, want_weight = options
    shape = () if reduction != "none" else (len(hidden),)
    return (
        hidden.new_empty(shape, dtype=torch.promote_types(factors, torch.float32)),
        hidden.new_empty(() if weights is None else (len(hidden),), dtype=torch.float64),
        hidden.new_empty(hidden.shape if want_hidden and shape == () else 0),
        weight.new_empty(weight.shape if want_weight and shape == () else 0),
    )


@torch.library.custom_op("nwp::linear_cross_entropy_gradients", mutates_args=())
def _gradients_in_graph(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    shares: Tensor,
    ignore_index: int,
    softcap: float | None,
    factors: torch.dtype,
    want_hidden: bool,
    want_weight: bool,
) -> tuple[Tensor, Tensor]:
    options = _Options("none", ignore_index, softcap, factors, want_hidden, want_weight)
    _, *gradients = _by_blocks(hidden, weight, targets, shares, options)
    first, second = (hidden.new_empty(0) if g is None else g for g in gradients)
    return first, second


@_gradients_in_graph.register_fake
def _(hidden, weight, targets, shares, *options):  # type: ignore[no-untyped-def]
    *_, want_hidden, want_weight = options
    return (
        hidden.new_empty(hidden.shape if want_hidden else 0),
        weight.new_empty(weight.shape if want_weight else 0),
    )


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    hidden, weight, targets, _, *options = inputs
    ctx.options = _Options(*options)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(hidden, weight, targets, *output[1:])


def _give(ctx: Any, upstream: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
    hidden, weight, targets, shares, *gradients = ctx.saved_tensors
    reduction, *options = ctx.options
    if reduction == "none":
        shares = upstream.double() * shares
        gradients = _gradients_in_graph(hidden, weight, targets, shares, *options)
    else:
        gradients = [gradient * upstream for gradient in gradients]
    for_hidden, for_weight = gradients
    return (
        for_hidden if ctx.options.want_hidden else None,
        for_weight if ctx.options.want_weight else None,
        *[None] * 8,
    )


_in_graph.register_autograd(_give, setup_context=_keep)


# ---------------------------------------------------------------- the blocks


def _by_blocks(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    shares: Tensor | None,
    options: _Options,
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Losses (N,) in float64 and, where wanted, the gradients of ``(shares * losses).sum()``."""
    device, plan, softcap = hidden.device, PLANS[hidden.device.type], options.softcap
    targets = targets.to(device, torch.int64, non_blocking=True)
    wanted = [shares is not None and want for want in options[-2:]]
    exact = torch.promote_types(options.factors, torch.float32)  # dtype of the scores
    narrow = options.factors if plan.narrow else exact
    words = weight.to(options.factors).to(narrow)  # a copy only where that is another dtype
    counted = targets != options.ignore_index
    order = counted.nonzero()[:, 0] if plan.compact else None
    n = len(hidden) if order is None else len(order)
    targets = targets.where(counted, 0)
    counts_for = (counted.double() * (0.0 if shares is None else shares)).expand(len(targets))
    losses = torch.zeros(len(targets), dtype=torch.float64, device=device)
    grad_hidden = torch.zeros_like(hidden) if wanted[0] else None  # 0 where it is not counted
    # Summed over the blocks as exactly as the weight is held, on a CPU as its scores are.
    sums = weight.dtype if plan.narrow else exact
    new = torch.empty_like if n else torch.zeros_like
    grad_weight = new(weight, dtype=sums) if wanted[1] else None
    read, arrays = _others_and_gradient_, 2 if softcap is not None and any(wanted) else 1
    if plan.fused and exact == torch.float32 and HAS_TRITON:
        read, arrays = kernels.others_and_gradient_, 1
    rows = _rows_of_a_block(n, weight, arrays * exact.itemsize, plan)
    memory = torch.empty(min(rows, n) * len(weight), dtype=exact, device=device)
    for first in range(0, n, rows):  # no block, where no target is counted
        block = slice(first, first + rows) if order is None else order[first : first + rows]
        h = hidden[block].where(counted[block, None], 0)  # not even NaN passes
        h = h.to(options.factors).to(narrow)
        z = memory[: len(h) * len(weight)]
        # (rows, V) either way, laid out as the device multiplies it fastest
        z = z.view(len(weight), -1).T if plan.by_word else z.view(-1, len(weight))
        _product(h, words.T, z)
        others, right, mass, z = read(z, targets[block, None], softcap, narrow, any(wanted))
        d = others - right
        losses[block] = torch.logaddexp(d, torch.zeros_like(d))[:, 0]  # log(1 + e^d)
        if not any(wanted):
            continue
        scale = (counts_for[block, None] * torch.sigmoid(d) / mass).to(exact)
        if grad_hidden is not None:
            step = _product(z, words, torch.empty_like(h, dtype=exact))
            grad_hidden[block] = step.mul_(scale).to(hidden.dtype)
        if grad_weight is not None:
            _product(z.T, (h * scale).to(narrow), grad_weight, add=first > 0)
    grad_weight = None if grad_weight is None else grad_weight.to(weight.dtype)
    return losses * counted, grad_hidden, grad_weight


def _others_and_gradient_(
    z: Tensor, targets: Tensor, softcap: float | None, narrow: torch.dtype, wanted: bool
) -> tuple[Tensor, Tensor, Tensor | float, Tensor]:
    """Read scores z (n, V); where `wanted`, put the gradient of the losses in their place.

    Returns, for targets (n, 1): the log-sum-exp of the other words and the score of the right one,
    both (n, 1) in float64, and (n, V) multiples, by `mass` (n, 1), of the slope of the softcap
    times :math:`q - e_w`, in the dtype `narrow`.
    """
    slope: Tensor | None = None
    if softcap is not None:
        z.div_(softcap)
        slope = torch.cosh(z).pow_(-2) if wanted else None  # 1 - tanh² cancels
        z.tanh_().mul_(softcap)
    right = z.gather(1, targets).double()
    z.scatter_(1, targets, -math.inf)
    top = z.amax(1, keepdim=True).clamp_(min=torch.finfo(z.dtype).min)  # finite if V = 1, too
    mass = z.sub_(top).exp_().sum(1, keepdim=True)
    z.scatter_(1, targets, -mass)
    if slope is not None:
        z.mul_(slope)
    return top.double() + mass.double().log(), right, mass.clamp(min=1), z.to(narrow)


def _product(a: Tensor, b: Tensor, out: Tensor, *, add: bool = False) -> Tensor:
    """Put ``a @ b`` into `out`, or add it there; sums are of the dtype of `out`."""
    kept: dict[str, Any] = {"out": out}  # a place, so that autocast leaves the product alone
    if a.dtype != out.dtype and a.is_cuda:
        kept["out_dtype"] = out.dtype
    elif a.dtype != out.dtype:
        a, b = a.to(out.dtype), b.to(out.dtype)
    return torch.addmm(out, a, b, **kept) if add else torch.mm(a, b, **kept)


def _rows_of_a_block(n: int, weight: Tensor, itemsize: int, plan: _Plan) -> int:
    """As many of n rows as the plan has memory for; all blocks are about as large."""
    memory = max(plan.least, plan.share * weight.nbytes)
    most = max(1, int(memory) // (len(weight) * itemsize))
    multiple = ROW_MULTIPLE if most >= ROW_MULTIPLE else 1
    most -= most % multiple
    rows = -(-n // max(1, -(-n // most)))
    return max(1, -(-rows // multiple) * multiple)


# ---------------------------------------------------------------- what is let in


def _check_layer(hidden: Tensor, weight: Tensor, cast: torch.dtype | None) -> None:
    if (cast or hidden.dtype) not in (torch.float32, torch.bfloat16, torch.float64):
        raise TypeError(
            f"hidden is {cast or hidden.dtype}; expected float32, bfloat16 or float64"
            " (under torch.autocast its dtype counts: choose torch.bfloat16)"
        )
    if cast is None and weight.dtype != hidden.dtype:
        raise TypeError(f"weight is {weight.dtype}; expected {hidden.dtype}, as hidden")
    if hidden.device.type not in PLANS:
        raise ValueError(f"hidden is on {hidden.device}; expected one of {list(PLANS)}")
    if weight.device != hidden.device:
        raise ValueError(f"weight is on {weight.device}; expected {hidden.device}, as hidden")
    if hidden.ndim != 2:
        raise ValueError(f"hidden has shape {tuple(hidden.shape)}; expected (N, D)")
    if weight.ndim != 2 or weight.shape[1] != hidden.shape[1] or len(weight) == 0:
        shape, width = tuple(weight.shape), hidden.shape[1]
        raise ValueError(f"weight has shape {shape}; expected (V, {width}) with V at least 1")


def _checked_weights(weights: Tensor, n: int) -> Tensor:
    """What contexts count, in float64 and without a gradient; the device is asked once."""
    if not isinstance(weights, Tensor):
        raise TypeError(f"weights is a {type(weights).__name__}; expected a tensor")
    if weights.is_complex() or weights.dtype == torch.bool:
        raise TypeError(f"weights is {weights.dtype}; expected a real dtype")
    if weights.shape != (n,):
        raise ValueError(f"weights has shape {tuple(weights.shape)}; expected ({n},), as hidden")
    shares = weights.detach().double()
    good = (shares >= 0) & shares.isfinite()
    if not good.all():
        wrong = shares[~good][0].item()
        raise ValueError(f"weights contains {wrong}; expected finite numbers of at least 0")
    return shares


def _check_targets(targets: Tensor, n: int, vocabulary: int, ignore_index: int) -> int:
    """How many targets are counted, learned in one read of the device where they lie."""
    if targets.is_floating_point() or targets.is_complex() or targets.dtype == torch.bool:
        raise TypeError(f"targets is {targets.dtype}; expected an integer dtype")
    if targets.dtype == torch.uint64:  # as int64, 2**64 - 100 would be ignore_index
        raise TypeError("targets is torch.uint64; expected an integer dtype that int64 can hold")
    if targets.shape != (n,):
        raise ValueError(f"targets has shape {tuple(targets.shape)}; expected ({n},), as hidden")
    targets = targets.long()
    counted = targets != ignore_index
    read = torch.stack([counted.sum(), *targets.where(counted, 0).aminmax()]).tolist() if n else [0]
    wrong = next((target for target in read[1:] if not 0 <= target < vocabulary), None)
    if wrong is not None:
        raise ValueError(
            f"targets contains {wrong}; expected [0, {vocabulary}) or ignore_index {ignore_index}"
        )
    return read[0]
