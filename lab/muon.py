r"""Muon: a step for matrices that treats rare directions like frequent ones.

Chapter 8. Of all steps :math:`\Delta` with :math:`\lVert \Delta \rVert_2 \le \eta`, the one that
lowers the loss most, to first order, is :math:`-\eta U V^T`, with :math:`G = U \Sigma V^T` the
gradient. Muon averages gradients over steps and approaches :math:`U V^T` by matrix products alone.

`torch.optim.Muon` takes the same step, one matrix after the other, and always in bfloat16. Here
matrices of one shape are multiplied together: a GPU is told a few times a step what to do, whatever
the number of layers. And the precision suits the device: bfloat16 on CUDA, elsewhere that of the
weights, for a processor without instructions for bfloat16 multiplies it several times slower than
float32.

Source: Jordan et al. (2024), "Muon: An optimizer for hidden layers in neural networks".
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor

from nwp import checks

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # chosen by Jordan et al.: steep at 0
ITERATIONS = 5
LEAST_NORM = 1e-7  # matrices of zeros stay what they are


def orthogonalized(matrices: Tensor) -> Tensor:
    r"""Bring the singular values of each matrix near to 1, and keep its singular vectors.

    With :math:`X_0 = G / \lVert G \rVert_F` five times
    :math:`X \leftarrow a X + b\,(X X^T) X + c\,(X X^T)^2 X`. A singular value of at least 0.003 of
    the Frobenius norm ends between 0.65 and 1.25; a smaller one may end below.

    Parameters
    ----------
    matrices : (k, m, n), of a floating-point type, in which the products are computed

    Returns
    -------
    Of the same shape and type. A matrix with an entry that is no finite number is NaN, and the
    others are what they are without it.

    Raises
    ------
    TypeError, ValueError
        Where `matrices` is no such tensor.
    """
    checks.instance("matrices", matrices, Tensor)
    if not matrices.is_floating_point():
        raise TypeError(f"matrices must be of a floating-point type, got {matrices.dtype}")
    if matrices.ndim != 3:
        raise ValueError(f"matrices must be (k, m, n), got the shape {tuple(matrices.shape)}")
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices  # so that X Xᵀ is the smaller of the two products
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=LEAST_NORM)
    for _ in range(ITERATIONS):
        gram = torch.bmm(x, x.mT)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Move matrices by the orthogonalized mean of their gradients, looking one step ahead.

    The mean is exponential, with the weight 1 − `momentum` for the newest gradient; Nesterov's look
    ahead mixes it with the newest once more, in the same shares. A matrix that has more rows than
    columns takes a step longer by the root of their ratio, as Jordan et al. do.

    Parameters
    ----------
    matrices : weights (m, n); one without a gradient stays where it is
    stacked : weights (3m, n) that are three matrices (m, n), one above the other, such as those of
        queries, keys and values: each of the three is moved by itself
    lr : the learning rate η
    momentum : in [0, 1)
    weight_decay : a step first takes the share ``lr * weight_decay`` off each weight

    Attributes
    ----------
    found_inf : a number on the weights' device, or None. Where it is 1, a step changes neither the
        weights nor the means; where it is 0 or None, it is a step. The host need not know which.
        Fused AdamW has this, too.

    Raises
    ------
    TypeError, ValueError
        Where a weight is no matrix or an empty one, the rows of a stacked one are no multiple of 3,
        or a number is not as above.
    """

    def __init__(
        self,
        matrices: Iterable[Tensor],
        stacked: Iterable[Tensor] = (),
        *,
        lr: float,
        momentum: float,
        weight_decay: float,
    ) -> None:
        defaults = {
            "lr": checks.number("lr", lr, at_least=0),
            "momentum": checks.number("momentum", momentum, at_least=0, below=1),
            "weight_decay": checks.number("weight_decay", weight_decay, at_least=0),
        }
        groups: list[dict[str, Any]] = []
        for name, given, parts in (("matrices", matrices, 1), ("stacked", stacked, 3)):
            checks.instance(name, given, Iterable)
            weights = list(given)
            for i, weight in enumerate(weights):
                checks.instance(f"{name}[{i}]", weight, Tensor)
                if weight.ndim != 2 or len(weight) % parts or not weight.numel():
                    rows = "m" if parts == 1 else f"{parts}m"
                    raise ValueError(
                        f"{name}[{i}] must be ({rows}, n), m and n at least 1, got the shape"
                        f" {tuple(weight.shape)}"
                    )
            if weights:
                groups.append({"params": weights, "parts": parts})
        super().__init__(groups, defaults)
        self.found_inf: Tensor | None = None

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # no closure: the gradients are there
        """Take one step against the gradients that the weights hold."""
        for group in self.param_groups:
            alike: dict[tuple[Any, ...], list[Tensor]] = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is not None:
                    alike[weight.shape, weight.dtype, weight.device].append(weight)
            for weights in alike.values():
                self._move(group, weights)

    def _move(self, group: dict[str, Any], weights: list[Tensor]) -> None:
        """Move weights of one shape, type and device together."""
        momentum, parts = group["momentum"], group["parts"]
        for weight in weights:
            if not self.state[weight]:
                self.state[weight]["mean"] = torch.zeros_like(weight)
        means = [self.state[weight]["mean"] for weight in weights]
        gradients = [cast(Tensor, weight.grad) for weight in weights]
        rate = group["lr"]
        if self.found_inf is not None:
            # Averaged with itself a mean stays as it is, and what it leads to is a finite number.
            both = torch.stack(means), torch.stack(gradients)
            gradients = list(torch.where(self.found_inf > 0, *both).unbind())
            rate = rate * (1 - self.found_inf)
        torch._foreach_lerp_(means, gradients, 1 - momentum)
        ahead = torch.stack(torch._foreach_lerp(gradients, means, momentum))
        k, rows, columns = ahead.shape
        each = ahead.view(k * parts, rows // parts, columns)
        # Written back in place: laid out like the weights, or they would be moved one by one.
        each.copy_(orthogonalized(each.bfloat16() if each.is_cuda else each))
        longer = max(1.0, rows / parts / columns) ** 0.5
        torch._foreach_mul_(weights, 1 - rate * group["weight_decay"])
        step = -rate * longer
        if isinstance(step, Tensor):  # a rate that lies on the device
            torch._foreach_add_(weights, ahead.mul_(step).unbind())
        else:
            torch._foreach_add_(weights, ahead.unbind(), alpha=step)
