"""CUDA without a GPU: what is laid there has a shape, a type and a device, and no numbers.

A program that test_fake_cuda.py starts. It must load `fake_cuda.cpp` before PyTorch, and what that
changes ends with the process: ``python -c "… fake_cuda.main()"`` runs all `CASES` and all that must
be `REFUSED`, and prints as JSON what each raised, "" for nothing.
"""

import contextlib
import itertools
import json
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from lab import training
from lab.presets import PRESETS, Preset
from lab.training import Objective, Trainer, evaluate
from nwp.model import Cache, Transformer
from nwp.vocabulary import linear_cross_entropy

aten = torch.ops.aten
UPLOADS = {aten._to_copy.default, aten.copy_.default}
PRODUCTS = {"mm", "bmm", "addmm", "baddbmm"}


# ---------------------------------------------------------------- the device


class FakeCuda(TorchDispatchMode):
    """Within it, what is made on CUDA or from what is there is fake, and stays there.

    Tensors on the CPU are what they always are. An error is raised where the two are mixed, where
    the host would have to wait for the device, and where a product's factors differ in their type.

    Attributes
    ----------
    largest : how many numbers the largest tensor holds that was made there
    waits : how often numbers were asked for, and 0 given; None: that is refused, as it always is
        while a graph is recorded
    recording : whether a CUDA graph is, which would read the same old numbers of the CPU each time
    """

    recording = False

    def __init__(self) -> None:
        super().__init__()
        self.fake, self.largest = FakeTensorMode(), 0
        self.waits: int | None = None

    def __torch_dispatch__(
        self, operator: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        real = [x for x in tensors if not isinstance(x, FakeTensor)]
        device = torch.device(kwargs.get("device") or "cpu")
        if len(real) == len(tensors) and device.type == "cpu":
            return operator(*args, **kwargs)
        if operator.namespace not in ("prim", "prims"):  # step by step, where it has steps
            on_cuda = torch._C.DispatchKeySet(torch._C.DispatchKey.CUDA)
            with self:
                if operator.namespace != "aten":  # one of our own
                    return operator.redispatch(on_cuda, *args, **kwargs)
                result = operator.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        if (
            operator is aten._local_scalar_dense.default
            and self.waits is not None
            and not self.recording
        ):
            self.waits += 1
            return torch.zeros((), dtype=args[0].dtype).item()
        down = operator is aten._to_copy.default and kwargs.get("device") == torch.device("cpu")
        if down and self.waits is not None and not self.recording:
            self.waits += 1
            return torch.zeros(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
        name = operator.overloadpacket.__name__
        of_its_shape = name.endswith("_like") or name.startswith("new_")
        for x in real:  # a single number of the CPU goes along with a call; an array does not
            alone = not x.ndim or operator in UPLOADS
            if not of_its_shape and (self.recording or not alone):
                raise RuntimeError(f"{operator} reads {tuple(x.shape)} on the CPU beside CUDA")
        if name.rstrip("_") in PRODUCTS:
            dtypes = [x.dtype for x in args if isinstance(x, Tensor)]
            if len(set(dtypes[-2:] if "dtype" in operator._overloadname else dtypes)) > 1:
                raise RuntimeError(f"{operator} multiplies {dtypes}")
        with self.fake:
            args, kwargs = tree_map_only(Tensor, without_numbers, (args, kwargs))
            result = operator(*args, **kwargs)
        for x in tree_leaves(result):
            if isinstance(x, Tensor):
                if x.device.type != "cuda":
                    raise RuntimeError(f"{operator} brings {tuple(x.shape)} to the {x.device}")
                self.largest = max(self.largest, x.numel())
        return result


def without_numbers(x: Tensor) -> Tensor:
    if isinstance(x, FakeTensor):
        return x
    return torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device)


def moved(model: Transformer, *where: Any) -> Transformer:
    """`Transformer.to`: of a weight that is two layers', PyTorch would make two fakes."""
    tied = model.head.weight is model.embedding.weight
    nn.Module.to(model, *where)
    if tied:
        model.head.weight = model.embedding.weight
    return model


class Traced(nn.Module):
    """For `torch.compile`: runs what would be compiled, which is told that it is."""

    def __init__(self, module: nn.Module, **_: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        with mock.patch.object(torch.compiler, "is_compiling", return_value=True):
            return self.module(*args, **kwargs)


@contextlib.contextmanager
def recorded(*_: Any, **__: Any) -> Iterator[None]:
    with mock.patch.object(FakeCuda, "recording", True):
        yield


@contextlib.contextmanager
def without_a_gpu() -> Iterator[None]:
    """Let PyTorch believe that there is a GPU, for what it asks before it makes a tensor.

    Streams are of no account, and what is recorded to be played again is done once.
    """
    there = {
        "is_available": lambda: True, "is_bf16_supported": lambda *_: True,
        "_lazy_init": lambda: None, "is_current_stream_capturing": lambda: FakeCuda.recording,
        "Stream": mock.MagicMock(), "stream": mock.MagicMock(), "current_stream": mock.MagicMock(),
        "CUDAGraph": mock.MagicMock(), "graph": recorded,
    }  # fmt: skip
    library = torch.library.Library("aten", "IMPL", "Meta")
    # PyTorch has this step for fake tensors only where the rate is a number.
    library.impl("_fused_adamw_.tensor_lr", lambda *_, **__: None)
    with (
        mock.patch.multiple(torch.cuda, **there),
        mock.patch.object(torch, "compile", Traced),
        mock.patch.object(Transformer, "to", moved),
    ):
        yield


def is_there(x: Tensor | None, shape: Iterable[int], dtype: torch.dtype) -> bool:
    """Whether a tensor is fake, on CUDA, and of this shape and type."""
    assert isinstance(x, FakeTensor), type(x)
    assert x.device == torch.device("cuda", 0), x.device
    assert x.shape == torch.Size(shape), x.shape
    assert x.dtype == dtype, x.dtype
    return True


# ---------------------------------------------------------------- the loss

WIDTH = 64
SMALL = (40, 50)  # contexts and words
LARGE = (4500, 32_768)  # more scores than one block holds
SIZES = {"small": SMALL, "large": LARGE}


def loss_case(
    mode: FakeCuda,
    *,
    size: tuple[int, int],
    dtype: torch.dtype = torch.float32,
    softcap: float | None = None,
    weighted: bool = False,
    reduction: str = "mean",
    wanted: tuple[bool, bool] = (True, True),
    autocast: bool = False,
    times: int = 1,
) -> None:
    """Take the loss and its gradients on CUDA, from targets on the CPU."""
    contexts, words = size
    hidden = torch.zeros(contexts, WIDTH, dtype=dtype, device="cuda", requires_grad=wanted[0])
    weight = torch.zeros(words, WIDTH, dtype=dtype, device="cuda", requires_grad=wanted[1])
    targets = torch.arange(contexts) % words
    targets[::3] = -100
    shares = torch.ones(contexts) if weighted else None
    with torch.autocast("cuda", torch.bfloat16, enabled=autocast):
        loss = linear_cross_entropy(
            hidden, weight, targets, weights=shares, reduction=reduction, softcap=softcap
        )
    shape = (contexts,) if reduction == "none" else ()
    assert is_there(loss, shape, torch.promote_types(dtype, torch.float32))
    assert loss.requires_grad == any(wanted)
    for _ in range(times if any(wanted) else 0):
        loss.sum().backward(retain_graph=times > 1)
    for x, asked in zip((hidden, weight), wanted, strict=True):
        assert is_there(x.grad, x.shape, dtype) if asked else x.grad is None
    if size == LARGE:
        assert mode.largest < contexts * words, "all scores at once"


def loss_cases() -> dict[str, Callable[[FakeCuda], None]]:
    cases: dict[str, Callable[[FakeCuda], None]] = {}
    for (name, size), dtype, softcap, weighted, reduction in itertools.product(
        SIZES.items(),
        (torch.float32, torch.bfloat16),
        (None, 15.0),
        (False, True),
        ("mean", "none"),
    ):
        told = [name, str(dtype).removeprefix("torch."), reduction]
        told += ["softcap"] * (softcap is not None) + ["weights"] * weighted
        cases[f"loss: {', '.join(told)}"] = partial(
            loss_case, size=size, dtype=dtype, softcap=softcap, weighted=weighted,
            reduction=reduction,
        )  # fmt: skip
    for name, size in SIZES.items():
        others: dict[str, dict[str, Any]] = {
            "float64": {"dtype": torch.float64},
            "sum": {"reduction": "sum"},
            "autocast": {"autocast": True},
            "autocast, softcap": {"autocast": True, "softcap": 15.0},
            "hidden alone": {"wanted": (True, False)},
            "weight alone": {"wanted": (False, True)},
            "no gradient": {"wanted": (False, False)},
            "two backward passes": {"times": 2},
        }
        for what, options in others.items():
            cases[f"loss: {name}, {what}"] = partial(loss_case, size=size, **options)
    return cases


# ---------------------------------------------------------------- the model and its training

ONE_LAYER = replace(PRESETS["cpu"], layers=1)
WORDS = {"character": 65, "word": 15_000}  # the loss is taken block by block from 4,096 on


def text_for(preset: Preset) -> Any:
    length = 3 * preset.rows * preset.context
    return np.random.default_rng(0).integers(WORDS[preset.unit], size=length)


def trained(preset: Preset, boundary: int | None, device: str) -> Trainer:
    return Trainer(preset, text_for(preset), WORDS[preset.unit], boundary=boundary, device=device)


def all_there(trainer: Trainer) -> bool:
    """Whether weights, gradients and the state of both optimizers are on CUDA, in float32."""
    weights = list(trainer.model.parameters())
    assert all(is_there(x, x.shape, torch.float32) for x in [*weights, *trainer.model.buffers()])
    assert all(is_there(x.grad, x.shape, torch.float32) for x in weights)
    for optimizer in (trainer.muon, trainer.adamw):
        state = [x for x in tree_leaves(optimizer.state_dict()["state"]) if isinstance(x, Tensor)]
        assert state
        assert all(is_there(x, x.shape, torch.float32) for x in state)
    return True


def update_case(mode: FakeCuda, preset: Preset, boundary: int | None = None) -> None:
    """Take five steps; in the first three the host may wait."""
    trainer = trained(preset, boundary, "cuda")
    tied = trainer.model.head.weight is trainer.model.embedding.weight
    assert tied == preset.tied
    for step in range(5):
        mode.waits = 0 if step < 3 else None
        assert is_there(trainer.update(step / 5), (), torch.float64)
        assert is_there(trainer._left_out, (), torch.int64)
    assert all_there(trainer)
    mode.waits = 0
    assert trainer.broken is None
    assert mode.waits == 1


def resume_case(mode: FakeCuda, preset: Preset, boundary: int | None = None) -> None:
    """Go on from a checkpoint, which is read to the CPU."""
    before = trained(preset, boundary, "cpu")
    before.update(0.0)
    after = trained(preset, boundary, "cuda")
    after.restore(before.state())
    mode.waits = 0
    after.update(0.5)
    assert all_there(after)
    assert after.step == 2


def reading_case(mode: FakeCuda, boundary: int | None) -> None:
    """Read words in two parts, the second beside the cache of the first."""
    model = Transformer(50, width=16, layers=2, heads=2, context=9, boundary=boundary).to("cuda")
    cache = Cache()
    for part in torch.zeros(3, 9, dtype=torch.int64).split([5, 4], dim=1):
        logits = model(part.to("cuda"), cache)
        assert is_there(logits, (*part.shape, 50), torch.float32)
    assert all(isinstance(x, FakeTensor) for x in tree_leaves([cache.layers, cache.text]))


def evaluation_case(mode: FakeCuda, words: int, as_trained: bool) -> None:
    """Evaluate exactly, or in the types and the precision of a training step."""
    model = Transformer(words, width=16, heads=2, context=9, softcap=15.0).to("cuda")
    seen: list[tuple[object, ...]] = []

    def look(module: nn.Module, given: Any, hidden: Tensor) -> None:
        precision = torch.get_float32_matmul_precision()
        seen.append((hidden.dtype, torch.is_autocast_enabled("cuda"), precision))

    model.blocks[0].up.register_forward_hook(look)
    mode.waits = 0
    with mock.patch.object(training, "TOKENS_AT_ONCE", 27):
        result = evaluate(model, np.arange(64) % words, as_trained=as_trained)
    assert result.tokens == 63
    assert mode.waits == 3  # once for three rows
    exact, fast = (torch.float32, False, "highest"), (torch.bfloat16, True, "high")
    assert seen == 3 * [fast if as_trained else exact], seen


def objective_case(mode: FakeCuda, words: int, reduction: str) -> None:
    """Take the losses of a batch without its gradients, as a validation does."""
    model = Transformer(words, width=16, heads=2, context=9, softcap=15.0).to("cuda")
    inputs = torch.zeros(3, 9, dtype=torch.int64)
    with torch.no_grad(), torch.autocast("cuda", torch.bfloat16):
        losses = Objective(model)(inputs.to("cuda"), inputs, reduction)
    assert is_there(losses, (27,) if reduction == "none" else (), torch.float32)


CASES: dict[str, Callable[[FakeCuda], None]] = {
    **loss_cases(),
    **{
        f"update: {name}": partial(
            update_case,
            preset=replace(preset, layers=min(preset.layers, 2)),
            boundary=None if preset.boundary is None else 0,
        )
        for name, preset in PRESETS.items()
    },
    "update: in parts": partial(update_case, preset=replace(ONE_LAYER, rows_at_once=4)),
    "update: machado, many texts": partial(update_case, preset=PRESETS["machado"], boundary=0),
    "resume": partial(resume_case, preset=ONE_LAYER),
    "reading: one text": partial(reading_case, boundary=None),
    "reading: many texts": partial(reading_case, boundary=0),
    **{
        f"evaluation: {words} words, {'as trained' if as_trained else 'exact'}": partial(
            evaluation_case, words=words, as_trained=as_trained
        )
        for words, as_trained in itertools.product(WORDS.values(), (False, True))
    },
    **{
        f"objective: {words} words, {reduction}": partial(
            objective_case, words=words, reduction=reduction
        )
        for words, reduction in itertools.product(WORDS.values(), ("sum", "none"))
    },
}


# ---------------------------------------------------------------- what must be refused


def there(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.zeros(shape, dtype=dtype, device="cuda", requires_grad=True)


def added_up_on_the_cpu() -> None:
    total = torch.zeros(())
    total += there().detach()


def uploaded_while_recording() -> None:
    numbers = torch.zeros(4)
    with torch.cuda.graph(torch.cuda.CUDAGraph()):
        numbers.to("cuda")


# What it is → how it is made, and words of the error.
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "a mask of the CPU": (
        lambda: there(4).masked_fill(torch.ones(4, dtype=torch.bool), 0),
        "masked_fill.Scalar reads (4,) on the CPU",
    ),
    "a mask of the CPU in the attention": (
        lambda: F.scaled_dot_product_attention(
            *[there(1, 1, 4, 4)] * 3, attn_mask=torch.ones(4, 4, dtype=torch.bool)
        ),
        "reads (4, 4) on the CPU",
    ),
    "an index of the CPU": (
        lambda: there(4)[torch.arange(2)],
        "index.Tensor reads (2,) on the CPU",
    ),
    "targets of the CPU": (
        lambda: F.cross_entropy(there(4, 3), torch.zeros(4).long()),
        "nll_loss_forward.default reads (4,) on the CPU",
    ),
    "numbers of the CPU in a graph": (
        uploaded_while_recording,
        "_to_copy.default reads (4,) on the CPU",
    ),
    "a copy to the CPU": (lambda: there(4).cpu(), "_to_copy.default brings (4,) to the cpu"),
    "a sum on the CPU": (added_up_on_the_cpu, "wrapped to wrong device, found cpu"),
    "item": (lambda: there().item(), "DataDependentOutput"),
    "tolist": (lambda: there(4).tolist(), "DataDependentOutput"),
    "a condition": (lambda: bool((there(4) > 0).all()), "DataDependentOutput"),
    "a mask as an index": (lambda: there(4)[there(4) > 0], "DynamicOutputShape"),
    "factors of two types": (
        lambda: there(4, 4) @ there(4, 4, dtype=torch.bfloat16),
        "mm.default multiplies [torch.float32, torch.bfloat16]",
    ),
    "an addend of another type": (
        lambda: torch.addmm(there(4, 4), *[there(4, 4, dtype=torch.bfloat16)] * 2),
        "addmm.default multiplies [torch.float32, torch.bfloat16, torch.bfloat16]",
    ),
    "a product of another type": (
        lambda: torch.mm(
            *[there(4, 4).detach()] * 2, out=there(4, 4, dtype=torch.bfloat16).detach()
        ),
        "Expected out tensor to have dtype torch.float32",
    ),
}


def what_is_raised(call: Callable[[FakeCuda], object]) -> str:
    try:
        with FakeCuda() as mode:
            call(mode)
    except Exception:
        return traceback.format_exc()
    return ""


def main() -> None:
    with without_a_gpu():
        cases = {name: what_is_raised(case) for name, case in CASES.items()}
        refused = {name: what_is_raised(lambda _, c=c: c()) for name, (c, _) in REFUSED.items()}
    print(json.dumps({"cases": cases, "refused": refused}))
