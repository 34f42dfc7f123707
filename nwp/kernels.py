r"""Chapter 6 on a GPU: what a row of scores gives, read twice and overwritten once.

`nwp.vocabulary` needs the same from each row on every device: the log-sum-exp of the other words,
the score of the right one, and the gradient of the loss in the scores. PyTorch's own operations
read and write the row about eight times for that, which takes a GPU as long as half of the matrix
products. This kernel reads it twice: once for the sum, once to write the gradient over it. One
program of the GPU has one row.

Source: Tillet, Kung & Cox (2019), "Triton: an intermediate language and compiler for tiled neural
network computations"; the running sum under a running maximum is that of Milakov & Gimelshein
(2018), "Online normalizer calculation for softmax", arXiv:1805.02867.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

TILE, WARPS = 4096, 8  # entries of a row that are read at a time, and by how many warps

LEAST = tl.constexpr(torch.finfo(torch.float32).min)


@triton.jit
def _capped(x, cap, CAPPED: tl.constexpr):  # type: ignore[no-untyped-def]
    """``cap * tanh(x / cap)`` and its slope, both from exp(-2 |x| / cap): no digit cancels."""
    slope = tl.full(x.shape, 1.0, tl.float32)
    if CAPPED:
        e = tl.exp(-2.0 * tl.abs(x) / cap)
        slope = 4.0 * e / ((1.0 + e) * (1.0 + e))
        x = tl.where(x < 0, -cap, cap) * ((1.0 - e) / (1.0 + e))
    return x, slope


@triton.jit
def _rows(  # type: ignore[no-untyped-def]
    z, gradient, targets, others, right, words, step, cap,
    CAPPED: tl.constexpr, GRADIENT: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    z, gradient = z + row * words, gradient + row * step
    target = tl.load(targets + row)
    lane = tl.arange(0, TILE)
    top, total = tl.full([TILE], LEAST, tl.float32), tl.zeros([TILE], tl.float32)
    for first in range(0, words, TILE):
        at = first + lane
        x, _ = _capped(tl.load(z + at, mask=at < words, other=0.0), cap, CAPPED)
        x = tl.where((at == target) | (at >= words), -float("inf"), x)
        higher = tl.maximum(top, x)
        total = total * tl.exp(top - higher) + tl.exp(x - higher)
        top = higher
    highest = tl.max(top, 0)
    total_of_all = tl.sum(total * tl.exp(top - highest), 0)
    score, _ = _capped(tl.load(z + target + tl.zeros([1], tl.int64)), cap, CAPPED)
    tl.store(others + row, highest.to(tl.float64) + tl.log(total_of_all.to(tl.float64)))
    tl.store(right + row + tl.zeros([1], tl.int64), score)
    if GRADIENT:
        share = 1.0 / total_of_all
        for first in range(0, words, TILE):
            at = first + lane
            x, slope = _capped(tl.load(z + at, mask=at < words, other=0.0), cap, CAPPED)
            x = tl.where(at == target, -1.0, tl.exp(x - highest) * share) * slope
            tl.debug_barrier()  # a narrower gradient lies where the first tile is still being read
            tl.store(gradient + at, x.to(gradient.dtype.element_ty), mask=at < words)


def others_and_gradient_(
    z: Tensor, targets: Tensor, softcap: float | None, narrow: torch.dtype, wanted: bool
) -> tuple[Tensor, Tensor, float, Tensor]:
    """As `nwp.vocabulary._others_and_gradient_`; z (n, V) is float32, and contiguous.

    What it leaves is ``q - e_w`` itself, so that the -1 of the right word, the largest entry for
    most words that a model has yet to learn, is exact in bfloat16, too.
    """
    n, words = z.shape
    gradient = z.view(narrow)[:, :words]  # its rows begin where those of z do
    others = torch.empty(n, 1, dtype=torch.float64, device=z.device)
    right = torch.empty(n, 1, dtype=torch.float32, device=z.device)
    _rows[(n,)](
        z, gradient, targets, others, right, words, gradient.stride(0), softcap or 1.0,
        CAPPED=softcap is not None, GRADIENT=wanted, TILE=TILE, num_warps=WARPS,
    )  # fmt: skip
    return others, right.double(), 1.0, gradient


@triton.jit
def _scaled(x, factor, count, TILE: tl.constexpr):  # type: ignore[no-untyped-def]
    by = tl.load(factor)
    if by != 1.0:
        at = tl.program_id(0).to(tl.int64) * TILE + tl.arange(0, TILE)
        product = tl.load(x + at, mask=at < count, other=0.0).to(tl.float32) * by
        tl.store(x + at, product.to(x.dtype.element_ty), mask=at < count)


def scale_(x: Tensor, factor: Tensor) -> None:
    """``x *= factor``, which lies on the device; nothing is read or written where it is 1.

    It is 1 in ``loss.backward()``, but to learn that, the host would have to wait.
    """
    _scaled[(triton.cdiv(x.numel(), TILE),)](x, factor, x.numel(), TILE=TILE, num_warps=WARPS)
