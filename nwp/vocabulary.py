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

import math
from typing import Any

import torch
from torch import Tensor

from nwp import checks
from nwp.loss import REDUCTIONS

# Memory for a block of scores: bytes, or this share of the weight's bytes if that is more.
# A larger block reads the weight, and updates its gradient, less often.
BLOCK_MEMORY = {"cpu": (32 * 2**20, 1 / 2), "cuda": (256 * 2**20, 1 / 4)}
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
    float32 inputs are first cast to its dtype, which must be bfloat16: float16, the default on
    CUDA, is refused with a `TypeError`.

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
    inputs. bfloat16 is scored, exponentiated and summed in float32. On CUDA the gradient of the
    scores, and that of the weight between blocks, are bfloat16; on the CPU only the results are.

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
    kind = hidden.device.type
    if kind in BLOCK_MEMORY and torch.is_autocast_enabled(kind) and hidden.dtype != torch.float64:
        hidden, weight = (x.to(torch.get_autocast_dtype(kind)) for x in (hidden, weight))
    _check_layer(hidden, weight)
    checks.choice("reduction", reduction, REDUCTIONS)
    if softcap is not None:
        softcap = checks.number("softcap", softcap, above=0)
    ignore_index = checks.integer64("ignore_index", ignore_index)
    count: float = _check_targets(targets, len(hidden), len(weight), ignore_index)
    shares: Tensor | float = 1.0
    if weights is not None:
        shares = _checked_weights(weights, len(hidden))
        shares = shares.where(targets.to(shares.device) != ignore_index, 0.0)
        targets = targets.where((shares > 0).to(targets.device), ignore_index)
        count, shares = float(shares.sum()), shares.to(hidden.device, non_blocking=True)
    if reduction == "mean" and count == 0:
        raise ValueError(
            f"targets counts no word of {len(targets)}; expected, for a mean, one that is not"
            f' {ignore_index} and has a weight above 0 (reduction="sum" gives 0)'
        )
    targets = targets.to(hidden.device, torch.int64, non_blocking=True)
    share = None if reduction == "none" else shares / count if reduction == "mean" else shares
    wanted = [torch.is_grad_enabled() and x.requires_grad for x in (hidden, weight)]
    apply = _LinearCrossEntropy.apply
    if torch.compiler.is_compiling():  # shapes that depend on the targets: not for a graph
        apply = torch.compiler.disable(apply)
    loss: Tensor = apply(hidden, weight, targets, (ignore_index, softcap, wanted), share)
    return loss * shares.to(loss.dtype) if share is None and torch.is_tensor(shares) else loss


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod  # share: what a context counts, a number or (N,); None: one loss per context
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        hidden, weight, targets, ctx.options, ctx.share = arguments
        ctx.save_for_backward(hidden, weight, targets)
        losses, *ctx.gradients = _by_blocks(hidden, weight, targets, ctx.options, ctx.share)
        dtype = torch.promote_types(hidden.dtype, torch.float32)
        return (losses if ctx.share is None else (losses * ctx.share).sum()).to(dtype)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "linear_cross_entropy has no second derivative (create_graph=True); "
                "use torch.nn.functional.cross_entropy(hidden @ weight.T, targets) for that"
            )
        # Given away, not kept: autograd can then make them .grad without a copy.
        gradients, ctx.gradients = ctx.gradients, None
        if gradients is None or ctx.share is None:
            shares = upstream.double() * (1.0 if ctx.share is None else ctx.share)
            hidden, weight, targets = ctx.saved_tensors
            _, *gradients = _by_blocks(hidden, weight, targets, ctx.options, shares)
        elif upstream.is_cuda or upstream != 1:  # on CUDA, to ask for its value is to wait for it
            for gradient in filter(torch.is_tensor, gradients):
                gradient.mul_(upstream)
        return *gradients, None, None, None


def _by_blocks(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    options: tuple[int, float | None, list[bool]],
    shares: Tensor | float | None,
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Losses (N,) in float64 and, where wanted, the gradients of ``(shares * losses).sum()``."""
    device, on_cpu = hidden.device, not hidden.is_cuda
    ignore_index, softcap, wanted = options
    wanted = [shares is not None and gradient for gradient in wanted]
    exact = torch.promote_types(hidden.dtype, torch.float32)  # dtype of the scores
    narrow = exact if on_cpu else hidden.dtype  # of what is multiplied, and of the weight gradient
    words = weight.to(narrow)  # a copy only for bfloat16 on a CPU
    counted = targets != ignore_index
    # A CPU leaves ignored contexts out; for CUDA, to learn how many they are is to wait.
    order = counted.nonzero()[:, 0] if on_cpu else torch.arange(len(targets), device=device)
    targets = targets.where(counted, 0)
    counts_for = (counted.double() * (0.0 if shares is None else shares)).expand(len(targets))
    losses = torch.zeros(len(targets), dtype=torch.float64, device=device)
    grad_hidden = torch.zeros_like(hidden) if wanted[0] else None
    grad_weight = torch.zeros_like(words) if wanted[1] else None
    slope: Tensor | None = None  # of the softcap, where a gradient is wanted
    arrays = 2 if softcap is not None and any(wanted) else 1
    rows = _rows_of_a_block(weight, arrays * exact.itemsize)
    memory = torch.empty(min(rows, len(order)) * len(weight), dtype=exact, device=device)
    for block in filter(len, order.split(rows)):  # none at all, where no target is counted
        h = hidden[block].where(counted[block, None], 0).to(narrow)  # not even NaN passes
        w = targets[block, None]
        z = memory[: len(block) * len(weight)]
        # (rows, V) either way, laid out as the device multiplies it fastest
        z = z.view(len(weight), -1).T if on_cpu else z.view(-1, len(weight))
        _product(h, words.T, out=z)
        if softcap is not None:
            z.div_(softcap)
            slope = torch.cosh(z).pow_(-2) if any(wanted) else None  # 1 - tanh² cancels
            z.tanh_().mul_(softcap)
        right = z.gather(1, w).double()
        others, mass = _exponentials_(z.scatter_(1, w, -math.inf))
        d = others - right
        losses[block] = torch.logaddexp(d, torch.zeros_like(d))[:, 0]  # log(1 + e^d)
        if not any(wanted):
            continue
        z.scatter_(1, w, -mass)  # z is now mass * (q - e_w)
        if slope is not None:
            z.mul_(slope)
        scale = (counts_for[block, None] * torch.sigmoid(d) / mass.clamp(min=1)).to(exact)
        z = _narrowed(z, narrow)
        if grad_hidden is not None:
            step = _product(z, words, out=torch.empty_like(h, dtype=exact))
            grad_hidden[block] = step.mul_(scale).to(hidden.dtype)
        if grad_weight is not None:
            grad_weight.addmm_(z.T, (h * scale).to(narrow))
    grad_weight = None if grad_weight is None else grad_weight.to(weight.dtype)
    return losses * counted, grad_hidden, grad_weight


def _exponentials_(z: Tensor) -> tuple[Tensor, Tensor]:
    """Turn rows of scores into multiples of their softmax; return log-sum-exp and new sum."""
    top = z.amax(1, keepdim=True).clamp_(min=torch.finfo(z.dtype).min)  # finite if V = 1, too
    if z.is_cuda and z.shape[1] > 1:  # one kernel; its largest probability is 1 / sum
        torch.softmax(z, 1, out=z)
        return top.double() - z.amax(1, keepdim=True).double().log(), torch.ones_like(top)
    mass = z.sub_(top).exp_().sum(1, keepdim=True)
    return top.double() + mass.double().log(), mass


def _narrowed(z: Tensor, dtype: torch.dtype) -> Tensor:
    """``z.to(dtype)``, half as wide, within z's own memory."""
    if z.dtype == dtype:
        return z
    narrow = z.view(-1).view(dtype)[: z.numel()].view(z.shape)
    narrow[0], done = z[0].clone(), 1
    while done < len(z):  # rows [k, 2k) move to where [k/2, k) were
        narrow[done : 2 * done] = z[done : 2 * done]
        done *= 2
    return narrow


def _product(a: Tensor, b: Tensor, out: Tensor) -> Tensor:
    """``a @ b`` in the dtype of ``out``: the factors' own, or on CUDA float32 from bfloat16."""
    kept = {} if a.dtype == out.dtype else {"out_dtype": out.dtype}
    return torch.mm(a, b, out=out, **kept)  # into out: autocast leaves it alone


def _rows_of_a_block(weight: Tensor, itemsize: int) -> int:
    least, share = BLOCK_MEMORY[weight.device.type]
    rows = max(1, int(max(least, share * weight.nbytes)) // (len(weight) * itemsize))
    return rows if rows < ROW_MULTIPLE else rows - rows % ROW_MULTIPLE


def _check_layer(hidden: Tensor, weight: Tensor) -> None:
    if hidden.dtype not in (torch.float32, torch.bfloat16, torch.float64):
        raise TypeError(
            f"hidden is {hidden.dtype}; expected float32, bfloat16 or float64"
            " (under torch.autocast its dtype counts: choose torch.bfloat16)"
        )
    if weight.dtype != hidden.dtype:
        raise TypeError(f"weight is {weight.dtype}; expected {hidden.dtype}, as hidden")
    if hidden.device.type not in BLOCK_MEMORY:
        raise ValueError(f"hidden is on {hidden.device}; expected one of {list(BLOCK_MEMORY)}")
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
