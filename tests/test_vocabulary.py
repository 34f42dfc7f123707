"""The large-vocabulary loss against float64, mpmath, autograd, and its own memory."""

import math
from dataclasses import replace
from unittest import mock

import mpmath
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from strategies import logits, with_word
from torch.utils._python_dispatch import TorchDispatchMode

from nwp import vocabulary
from nwp.loss import (
    cross_entropy,
    cross_entropy_from_logits,
    cross_entropy_one_hot,
    one_hot,
    softmax,
)
from nwp.vocabulary import linear_cross_entropy

cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
DEVICES = ["cpu", pytest.param("cuda", marks=cuda)]


def blocks_of(rows, itemsize, words):
    """Make the memory of a block hold ``rows`` rows of ``words`` scores."""
    plans = {
        device: replace(plan, least=rows * itemsize * words, share=0.0)
        for device, plan in vocabulary.PLANS.items()
    }
    return mock.patch.dict(vocabulary.PLANS, plans)


def layer(contexts, width, words, *, dtype=torch.float32, spread=1.0, seed=0, device="cpu"):
    """Random hidden states, weights whose scores have standard deviation ``spread``, targets."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(contexts, width, generator=generator)
    weight = torch.randn(words, width, generator=generator) * spread / math.sqrt(width)
    targets = torch.randint(words, (contexts,), generator=generator)
    leaves = (x.to(device, dtype).requires_grad_() for x in (hidden, weight))
    return *leaves, targets.to(device)


def reference(hidden, weight, targets, softcap=None, **options):
    """Loss and gradients from all the scores, in float64, by PyTorch's own loss and autograd."""
    hidden, weight = (x.detach().double().requires_grad_() for x in (hidden, weight))
    scores = hidden @ weight.T
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    loss = F.cross_entropy(scores, targets, **options)
    return loss, *torch.autograd.grad(loss.sum(), (hidden, weight))


def relative_errors(ours, exact):
    return [
        ((a.double() - b).norm() / b.norm().clamp(min=1e-300)).item()
        for a, b in zip(ours, exact, strict=True)
    ]


def ours(hidden, weight, targets, **options):
    loss = linear_cross_entropy(hidden, weight, targets, **options)
    return loss, *torch.autograd.grad(loss.sum(), (hidden, weight))


@st.composite
def problems(draw):
    contexts, width, words = (draw(st.integers(1, most)) for most in (9, 5, 12))
    seed = draw(st.integers(0, 2**31))
    hidden, weight, targets = layer(
        contexts, width, words, dtype=torch.float64, spread=draw(st.sampled_from([0.1, 1, 8])),
        seed=seed,
    )  # fmt: skip
    ignored = draw(st.lists(st.booleans(), min_size=contexts, max_size=contexts))
    ignored[draw(st.integers(0, contexts - 1))] = False
    ignore_index = draw(st.sampled_from([-100, -1, words + 3]))
    targets[torch.tensor(ignored)] = ignore_index
    options = {"ignore_index": ignore_index, "softcap": draw(st.sampled_from([None, 0.5, 30.0]))}
    return hidden, weight, targets, options


@pytest.mark.claim("prop-blocks")
@settings(max_examples=80)
@given(problems(), st.integers(1, 9), st.sampled_from(["mean", "sum", "none"]))
def test_equals_the_loss_on_all_scores(problem, rows, reduction):
    hidden, weight, targets, options = problem
    exact = reference(hidden, weight, targets, reduction=reduction, **options)
    with blocks_of(rows, 8, len(weight)):
        found = ours(hidden, weight, targets, reduction=reduction, **options)
    for a, b in zip(found, exact, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-13)


def test_the_mean_is_over_counted_targets_only():
    hidden, weight, targets = layer(10, 4, 7)
    targets[:4] = -100
    each = linear_cross_entropy(hidden, weight, targets, reduction="none")
    mean = linear_cross_entropy(hidden, weight, targets).item()
    assert torch.equal(each[:4], torch.zeros(4))
    assert mean == pytest.approx(each.sum().item() / 6, rel=1e-6)
    assert mean != pytest.approx(each.mean().item(), rel=1e-1)  # the wrong variant


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("softcap", [None, 2.0, 30.0])
@pytest.mark.parametrize("spread", [0.5, 3.0])
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-6), (torch.bfloat16, 1e-2)])
def test_accuracy_against_float64(dtype, bound, spread, softcap, device):
    hidden, weight, targets = layer(150, 32, 1501, dtype=dtype, spread=spread, device=device)
    targets[::7] = -100
    exact = reference(hidden, weight, targets, softcap=softcap)
    with blocks_of(64, 4, 1501):
        found = ours(hidden, weight, targets, softcap=softcap)
    assert max(relative_errors(found, exact)) <= bound
    assert [x.dtype for x in found] == [torch.float32, dtype, dtype]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("softcap", [None, 1.5])
def test_gradcheck(reduction, softcap):
    hidden, weight, targets = layer(5, 3, 6, dtype=torch.float64, spread=2.0)
    targets[1] = -100
    with blocks_of(2, 8, 6):
        assert torch.autograd.gradcheck(
            lambda h, w: linear_cross_entropy(h, w, targets, reduction=reduction, softcap=softcap),
            (hidden, weight),
        )


@settings(max_examples=60)
@given(problems(), st.integers(1, 9), st.sampled_from(["mean", "sum", "none"]), st.data())
def test_weights_count_each_context_as_by_hand(problem, rows, reduction, data):
    hidden, weight, targets, options = problem
    amounts = st.lists(
        st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=len(hidden), max_size=len(hidden)
    )
    weights = torch.tensor(data.draw(amounts), dtype=torch.float64)
    counted = weights * (targets != options["ignore_index"])
    assume(reduction != "mean" or counted.sum() > 0)
    h, w = (x.detach().clone().requires_grad_() for x in (hidden, weight))
    scores = h @ w.T
    if (cap := options["softcap"]) is not None:
        scores = cap * torch.tanh(scores / cap)
    known = targets.where(targets != options["ignore_index"], 0)
    by_hand = counted * F.cross_entropy(scores, known, reduction="none")
    if reduction != "none":
        by_hand = by_hand.sum() / (counted.sum() if reduction == "mean" else 1)
    exact = (by_hand, *torch.autograd.grad(by_hand.sum(), (h, w)))
    with blocks_of(rows, 8, len(weight)):
        found = ours(hidden, weight, targets, weights=weights, reduction=reduction, **options)
    for a, b in zip(found, exact, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-13)


def test_weights_of_one_change_nothing_and_their_scale_no_mean():
    hidden, weight, targets = layer(6, 4, 9)
    plain = ours(hidden, weight, targets)
    for amount in (1.0, 8.0):  # powers of 2: exact
        for a, b in zip(
            ours(hidden, weight, targets, weights=torch.full((6,), amount)), plain, strict=True
        ):
            assert torch.equal(a, b)


def test_what_has_no_weight_is_not_read():
    """Neither an infinite loss nor a hidden state that is not a number passes."""
    hidden, weight, targets = layer(3, 4, 9)
    with torch.no_grad():
        hidden[1] = math.nan
    weights = torch.tensor([1.0, 0.0, 2.0])
    loss, grad_hidden, grad_weight = ours(hidden, weight, targets, weights=weights)
    assert all(found.isfinite().all() for found in (loss, grad_hidden, grad_weight))
    assert torch.equal(grad_hidden[1], torch.zeros(4))


def test_weights_cost_no_further_product():
    class Products(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            self.count += function.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.addmm_)
            return function(*args, **(kwargs or {}))

    counts = []
    for weights in (None, torch.rand(6)):
        hidden, weight, targets = layer(6, 4, 9)
        with Products() as products:
            linear_cross_entropy(hidden, weight, targets, weights=weights).backward()
        counts.append(products.count)
    assert counts == [3, 3]


def test_none_weighs_each_loss_as_its_reader_does():
    hidden, weight, targets = layer(6, 4, 9, dtype=torch.float64)
    worth = torch.arange(6, dtype=torch.float64)
    loss = (worth * linear_cross_entropy(hidden, weight, targets, reduction="none")).sum()
    exact = (worth * F.cross_entropy(hidden @ weight.T, targets, reduction="none")).sum()
    gradients = [torch.autograd.grad(x, (hidden, weight)) for x in (loss, exact)]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)


def test_scaled_loss_and_second_backward():
    """Gradient accumulation divides the loss; a retained graph is read twice."""
    hidden, weight, targets = layer(6, 4, 9, dtype=torch.float64)
    loss = linear_cross_entropy(hidden, weight, targets) / 4
    once = torch.autograd.grad(loss, (hidden, weight), retain_graph=True)
    twice = torch.autograd.grad(loss, (hidden, weight))
    exact = torch.autograd.grad(F.cross_entropy(hidden @ weight.T, targets) / 4, (hidden, weight))
    for a, b, c in zip(once, twice, exact, strict=True):
        torch.testing.assert_close(a, c, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(b, c, rtol=1e-12, atol=1e-14)


# --- Confident predictions ------------------------------------------------------------------------


def exact_scores(columns, device="cpu"):
    """Hidden states that read the scores off the weight: row n scores ``columns[n]``, exactly.

    The weight's gradient is then the transposed gradient of the scores.
    """
    columns = torch.tensor(columns, dtype=torch.float32, device=device)
    hidden = torch.eye(len(columns), device=device).requires_grad_()
    return hidden, columns.T.contiguous().requires_grad_()


@pytest.mark.claim("prop-no-cancellation")
@pytest.mark.parametrize("device", DEVICES)
def test_a_confident_model_loses_no_digit(device):
    """float32; torch's loss is exactly 0 from a lead of 17 on, and so is its gradient."""
    others = [0.0, -3.5, -30.0, -7.0, -90.0]
    leads = range(81)
    hidden, weight = exact_scores([[*others, float(lead)] for lead in leads], device)
    targets = torch.full((81,), 5, device=device)
    losses, _, gradient = ours(hidden, weight, targets, reduction="none")
    theirs = F.cross_entropy(hidden @ weight.T, targets, reduction="none")
    mpmath.mp.dps = 50
    for lead in leads:
        odds = mpmath.fsum(mpmath.exp(other - lead) for other in others)
        loss, slope = mpmath.log1p(odds), -odds / (1 + odds)
        assert losses[lead].item() == pytest.approx(float(loss), rel=1e-6, abs=0)
        assert gradient[5, lead].item() == pytest.approx(float(slope), rel=1e-6, abs=0)
        assert gradient[:5, lead].sum().item() == pytest.approx(-float(slope), rel=1e-6, abs=0)
    assert theirs[17:].abs().max() == 0 < losses[80]


def test_saturated_softcap_loses_no_digit():
    """1 - tanh² would leave three digits of a slope of 2e-5."""
    hidden, weight = exact_scores([[6.0, 5.5, 5.75], [-6.0, -5.5, 6.25]])
    targets = torch.tensor([0, 2])
    found = ours(hidden, weight, targets, softcap=1.0)
    assert max(relative_errors(found, reference(hidden, weight, targets, softcap=1.0))) <= 1e-6


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.filterwarnings("error")
def test_ends_of_the_scale(device):
    hidden, weight = exact_scores([[3e38, 0.0, -3e38]] * 3, device)
    losses, _, gradient = ours(
        hidden, weight, torch.tensor([0, 1, 2], device=device), reduction="none"
    )
    assert str(losses[0].item()) == "0.0"
    assert losses[1].item() == pytest.approx(3e38)
    assert losses[2].item() == math.inf  # 6e38 is more than float32 holds
    assert gradient.T.tolist() == [[0, 0, 0], [1, -1, 0], [1, 0, -1]]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_a_vocabulary_of_one_word_is_certain(dtype, device):
    hidden, weight, targets = layer(3, 2, 1, dtype=dtype, device=device)
    for x in ours(hidden, weight, targets):
        assert str(x.abs().sum().item()) == "0.0"


# --- Memory, and work that is left out ------------------------------------------------------------


class Recorder(TorchDispatchMode):
    """The size of the largest result of any operation, and how many matrix products ran."""

    def __init__(self):
        super().__init__()
        self.largest, self.products = 0, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for x in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(x, torch.Tensor):
                self.largest = max(self.largest, x.numel())
        self.products += function.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.addmm_)
        return result


@pytest.mark.claim("prop-blocks")
@pytest.mark.parametrize("softcap", [None, 30.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_never_holds_all_scores(dtype, softcap):
    hidden, weight, targets = layer(512, 4, 1000, dtype=dtype)
    with blocks_of(64, 4, 1000), Recorder() as record:
        ours(hidden, weight, targets, softcap=softcap)
    assert record.largest <= 64 * 1000 / (1 if softcap is None else 2)  # two arrays of a block


def test_block_follows_the_budget():
    """All blocks are about as large: 1,000 rows in 8 of 128, 300 of at most 128 in 3 of 128."""
    weight = torch.empty(1000, 8)
    for least, share, n, rows in [
        (4_000 * 130, 0, 1000, 128), (4_000 * 130, 0, 130, 128), (4_000 * 200, 0, 200, 128),
        (4_000 * 63, 0, 1000, 63), (4_000 * 63, 0, 64, 32), (1, 0, 9, 1), (1, 80, 9999, 640),
        (4_000 * 1000, 0, 1030, 576), (1, 0, 0, 1),
    ]:  # fmt: skip
        plan = replace(vocabulary.PLANS["cpu"], least=least, share=share)
        assert vocabulary._rows_of_a_block(n, weight, 4, plan) == rows


@pytest.mark.parametrize(
    ("train_hidden", "train_weight", "products"),
    [(True, True, 3), (True, False, 2), (False, True, 2), (False, False, 1)],
)
def test_only_wanted_gradients_are_computed(train_hidden, train_weight, products):
    hidden, weight, targets = layer(8, 4, 10)
    exact = reference(hidden, weight, targets)[1:]
    hidden.requires_grad_(train_hidden)
    weight.requires_grad_(train_weight)
    with Recorder() as record:
        loss = linear_cross_entropy(hidden, weight, targets)
        if loss.requires_grad:
            loss.backward()
    assert record.products == products
    for leaf, trained, gradient in zip(
        (hidden, weight), (train_hidden, train_weight), exact, strict=True
    ):
        if trained:
            torch.testing.assert_close(leaf.grad.double(), gradient, rtol=1e-5, atol=1e-7)
        else:
            assert leaf.grad is None


def test_no_grad_computes_the_loss_only():
    hidden, weight, targets = layer(8, 4, 10)
    with torch.no_grad(), Recorder() as record:
        loss = linear_cross_entropy(hidden, weight, targets)
    assert not loss.requires_grad
    assert record.products == 1
    assert loss.item() == linear_cross_entropy(hidden, weight, targets).item()


@pytest.mark.parametrize("device", DEVICES)
def test_ignored_contexts_cannot_spoil_the_gradient(device):
    hidden, weight, targets = layer(4, 3, 5, device=device)
    hidden = hidden.detach().clone()
    hidden[2] = math.nan
    hidden.requires_grad_()
    targets[2] = -100
    loss, grad_hidden, grad_weight = ours(hidden, weight, targets)
    assert loss.isfinite()
    assert grad_weight.isfinite().all()
    assert grad_hidden[2].tolist() == [0, 0, 0]


# --- In the company of other tools ----------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
def test_autocast_is_honoured_and_then_left_outside(device):
    hidden, weight, targets = layer(16, 8, 40, device=device)
    exact = reference(hidden.bfloat16(), weight.bfloat16(), targets)
    with torch.autocast(device, dtype=torch.bfloat16):
        found = ours(hidden, weight, targets)
    assert [x.dtype for x in found] == [torch.float32] * 3
    assert max(relative_errors(found, exact)) <= 1e-2
    assert relative_errors(found, exact)[0] <= 1e-6  # the scores stayed in float32


def test_views_and_narrow_targets():
    hidden, weight, targets = layer(6, 4, 9, dtype=torch.float64)
    exact = linear_cross_entropy(hidden, weight, targets)
    turned = (x.detach().T.contiguous().T for x in (hidden, weight))
    assert linear_cross_entropy(*turned, targets.to(torch.uint8)).item() == pytest.approx(
        exact.item(), rel=1e-14
    )


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
def test_inside_compiled_code():
    hidden, weight, targets = layer(6, 4, 9)

    @torch.compile(backend="eager")
    def step(hidden, weight, targets):
        return linear_cross_entropy(2 * hidden, weight, targets, softcap=3.0) + 1

    compiled = torch.autograd.grad(step(hidden, weight, targets), (hidden, weight))
    exact = reference(2 * hidden.detach(), weight, targets, softcap=3.0)
    torch.testing.assert_close(compiled[0].double(), 2 * exact[1], rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(compiled[1].double(), exact[2], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_it_is_one_operation_of_a_graph(reduction, weighted):
    """`fullgraph` is an error where a trace breaks; the targets decide nothing before it runs."""
    hidden, weight, targets = layer(12, 4, 9, dtype=torch.float64)
    targets[3] = -100
    options = {"reduction": reduction, "softcap": 5.0}
    if weighted:
        options["weights"] = torch.arange(12.0)
    worth = torch.arange(12 if reduction == "none" else 1) - 3.5

    def step(hidden, weight, targets):
        return (worth * linear_cross_entropy(2 * hidden, weight, targets, **options)).sum()

    whole = torch.compile(step, backend="aot_eager", fullgraph=True)
    for function in (step, whole):  # the second time with what the first left
        results = function(hidden, weight, targets)
        found = results, *torch.autograd.grad(results, (hidden, weight))
        if function is step:
            exact = found
    for a, b in zip(found, exact, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)


def test_a_graph_computes_no_gradient_that_nobody_wants():
    hidden, weight, targets = layer(6, 4, 9)
    exact = reference(hidden, weight, targets)
    hidden.requires_grad_(False)
    step = torch.compile(linear_cross_entropy, backend="aot_eager", fullgraph=True)
    with mock.patch.object(vocabulary, "_product", wraps=vocabulary._product) as product:
        (gradient,) = torch.autograd.grad(step(hidden, weight, targets), weight)
    assert product.call_count == 2
    torch.testing.assert_close(gradient.double(), exact[2], rtol=1e-5, atol=1e-7)


def test_a_graph_refuses_a_word_that_is_none():
    hidden, weight, targets = layer(6, 4, 9)
    step = torch.compile(linear_cross_entropy, backend="aot_eager", fullgraph=True)
    targets[2] = 9
    with pytest.raises(ValueError, match="targets contains 9"):
        step(hidden, weight, targets)


# --- The plan of a GPU, on a CPU: all but its kernel ----------------------------------------------


def plan_of_a_gpu(rows, words):
    plan = replace(vocabulary.PLANS["cuda"], least=rows * 4 * words, share=0.0, fused=False)
    return mock.patch.dict(vocabulary.PLANS, cpu=plan)


@given(problems(), st.integers(1, 9))
def test_the_plan_of_a_gpu_gives_the_same_numbers(problem, rows):
    hidden, weight, targets, options = problem
    exact = ours(hidden, weight, targets, **options)
    with plan_of_a_gpu(2 * rows, len(weight)):  # numbers of 8 bytes, not 4
        found = ours(hidden, weight, targets, **options)
    for a, b in zip(found, exact, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-13)


def test_weights_of_float32_sum_their_gradient_in_float32():
    """However many blocks there are; in bfloat16 each block would round the sum once more."""
    errors = {}
    hidden, weight, targets = layer(256, 16, 300)
    rounded = hidden.bfloat16().detach(), weight.bfloat16().detach()
    exact = reference(*rounded, targets)[2]
    for rows in (256, 16):
        with plan_of_a_gpu(rows, 300):
            with torch.autocast("cpu", torch.bfloat16):
                errors["float32", rows] = relative_errors(
                    ours(hidden, weight, targets)[2:], [exact]
                )
            leaves = [x.clone().requires_grad_() for x in rounded]
            errors["bfloat16", rows] = relative_errors(ours(*leaves, targets)[2:], [exact])
    assert errors["float32", 16][0] <= 1.01 * errors["float32", 256][0]
    assert errors["bfloat16", 16][0] >= 1.5 * errors["float32", 16][0]


@cuda
def test_targets_on_the_cpu_need_no_wait():
    hidden, weight, targets = layer(32, 8, 50, device="cuda")
    exact = ours(hidden, weight, targets)
    pinned = targets.cpu().pin_memory()
    torch.cuda.set_sync_debug_mode("error")
    try:
        found = ours(hidden, weight, pinned)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert max(relative_errors(found, [x.double() for x in exact])) <= 1e-6


# --- Errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (10, r"targets contains 10; expected \[0, 10\) or ignore_index -100"),
        (-1, r"targets contains -1; expected \[0, 10\) or ignore_index -100"),
    ],
)
def test_unknown_word_is_named(wrong, message, device):
    hidden, weight, targets = layer(4, 3, 10, device=device)
    targets[2] = wrong
    with pytest.raises(ValueError, match=message):
        linear_cross_entropy(hidden, weight, targets)
    targets[2] = 9  # and the device still works
    assert linear_cross_entropy(hidden, weight, targets).isfinite()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("softcap", [None, 5.0])
@pytest.mark.parametrize("contexts", [0, 4])
@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_nothing_to_predict_costs_nothing_and_moves_nothing(contexts, softcap, reduction, device):
    hidden, weight, _ = layer(contexts, 3, 10, device=device)
    padding = torch.full((contexts,), 7, device=device)
    options = {"ignore_index": 7, "reduction": reduction}
    loss = linear_cross_entropy(hidden, weight, padding, softcap=softcap, **options)
    expected = F.cross_entropy(hidden @ weight.T, padding, **options)
    assert torch.equal(loss, expected)
    for gradient, x in zip(
        torch.autograd.grad(loss.sum(), (hidden, weight)), (hidden, weight), strict=True
    ):
        assert torch.equal(gradient, torch.zeros_like(x))


@pytest.mark.parametrize("contexts", [0, 4])
def test_the_mean_of_nothing_is_refused(contexts):
    hidden, weight, _ = layer(contexts, 3, 10)
    message = rf'targets counts no word of {contexts}; .* not 7 and .*\(reduction="sum" gives 0\)'
    with pytest.raises(ValueError, match=message):
        linear_cross_entropy(hidden, weight, torch.full((contexts,), 7), ignore_index=7)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"hidden": torch.ones(4, 3).half()}, TypeError, r"hidden is torch.float16; expected"),
        ({"weight": torch.ones(10, 3).double()}, TypeError, r"weight is torch.float64; .*float32"),
        ({"hidden": torch.ones(4, 3, 1)}, ValueError, r"hidden has shape \(4, 3, 1\); .*\(N, D\)"),
        ({"weight": torch.ones(10, 2)}, ValueError, r"weight has shape \(10, 2\); .*\(V, 3\)"),
        ({"weight": torch.ones(0, 3)}, ValueError, r"weight has shape \(0, 3\); .*at least 1"),
        ({"weight": torch.ones(10)}, ValueError, r"weight has shape \(10,\)"),
        ({"weight": torch.ones(10, 3, device="meta")}, ValueError, r"weight is on meta; .*cpu"),
        ({"hidden": torch.ones(4, 3, device="meta")}, ValueError, r"hidden is on meta; .*'cuda'"),
        ({"targets": torch.ones(4)}, TypeError, r"targets is torch.float32; .*integer"),
        ({"targets": torch.ones(4).bool()}, TypeError, r"targets is torch.bool; .*integer"),
        ({"targets": torch.ones(5).long()}, ValueError, r"targets has shape \(5,\); .*\(4,\)"),
        ({"reduction": "max"}, ValueError, r"reduction must be one of \('mean', .* got 'max'"),
        ({"reduction": None}, TypeError, r"reduction must be one of \('mean', .* got None"),
        ({"softcap": 0.0}, ValueError, r"softcap must be above 0 and finite, got 0\.0"),
        ({"softcap": math.inf}, ValueError, r"softcap must be above 0 and finite, got inf"),
        ({"softcap": math.nan}, ValueError, r"softcap must be above 0 and finite, got nan"),
        ({"softcap": "30"}, TypeError, r"softcap must be a number, got '30'"),
        ({"ignore_index": None}, TypeError, r"ignore_index must be an integer, got None"),
        ({"ignore_index": 2**63}, ValueError, r"ignore_index must be an integer of 64 bits, got 9"),
    ],
)
def test_bad_input_is_named(changes, error, message):
    arguments = dict(zip(("hidden", "weight", "targets"), layer(4, 3, 10), strict=True)) | changes
    with pytest.raises(error, match=message):
        linear_cross_entropy(**arguments)


def test_a_softcap_that_wants_a_gradient_is_refused():
    hidden, weight, targets = layer(4, 3, 10)
    softcap = torch.tensor(30.0, requires_grad=True)  # it was taken, and its .grad stayed None
    with pytest.raises(TypeError, match=r"softcap must be a number, .* wants a gradient: none is"):
        linear_cross_entropy(hidden, weight, targets, softcap=softcap)


def test_second_derivative_is_refused():
    hidden, weight, targets = layer(4, 3, 10)
    loss = linear_cross_entropy(hidden, weight, targets)
    with pytest.raises(RuntimeError, match=r"no second derivative .*cross_entropy"):
        torch.autograd.grad(loss, hidden, create_graph=True)


# --- What chapter 6 claims of the formulas --------------------------------------------------------


@pytest.mark.claim("obs-lookup")
def test_lookup_equals_inner_product_in_a_large_vocabulary():
    y_hat = softmax(np.random.default_rng(6).normal(size=262_144))
    assert cross_entropy(y_hat, 123_456) == cross_entropy_one_hot(y_hat, one_hot(123_456, 262_144))


@pytest.mark.claim("prop-normalizer")
@given(with_word(logits(bound=5)), st.data())
def test_every_logit_moves_the_loss(prediction, data):
    z, word = prediction
    j = data.draw(st.integers(0, z.size - 1))
    moved = z.copy()
    moved[j] += 0.5
    change = cross_entropy_from_logits(moved, word) - cross_entropy_from_logits(z, word)
    assert z.size == 1 or (change < 0 if j == word else change > 0)


@pytest.mark.claim("prop-few-logits")
@given(st.integers(2, 5), st.integers(0, 4), st.integers(0, 2**31), st.data())
def test_as_many_logits_as_the_hidden_state_has_numbers_fix_the_others(d, more, seed, data):
    random = np.random.default_rng(seed)
    weight, hidden = random.normal(size=(d + more, d)), random.normal(size=d)
    read = random.permutation(d + more)[:d]
    assume(np.linalg.cond(weight[read]) < 100)
    z = weight @ hidden
    assert_allclose(weight @ np.linalg.solve(weight[read], z[read]), z, atol=1e-11)
    # One logit fewer: along the direction that is left the same are read, and the loss is bent.
    word = data.draw(st.integers(0, d + more - 1))
    free = np.linalg.svd(weight[read[:-1]])[2][-1]
    moved = [weight @ (hidden + t * free) for t in (-1, 0, 1)]
    for row in moved:
        assert_allclose(row[read[:-1]], z[read[:-1]], atol=1e-12)
    before, here, after = (cross_entropy_from_logits(row, word) for row in moved)
    assert (before + after) / 2 - here > 1e-12


@pytest.mark.claim("prop-products")
@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 8), st.integers(0, 2**31))
def test_the_two_gradients_are_matrix_products(n, d, v, seed):
    random = np.random.default_rng(seed)
    hidden, weight = random.normal(size=(n, d)), random.normal(size=(v, d))
    targets = random.integers(0, v, size=n)
    g = (softmax(hidden @ weight.T) - one_hot(targets, v)) / n
    leaves = [torch.tensor(x, requires_grad=True) for x in (hidden, weight)]
    _, at_hidden, at_weight = ours(*leaves, torch.from_numpy(targets))
    assert_allclose(at_hidden, g @ weight, rtol=1e-10, atol=1e-14)
    assert_allclose(at_weight, g.T @ hidden, rtol=1e-10, atol=1e-14)


@pytest.mark.claim("prop-no-cancellation")
@given(logits(bound=20), st.data())
def test_loss_and_gradient_from_the_lead_of_the_others(z, data):
    if z.size == 1:
        return
    word = data.draw(st.integers(0, z.size - 1))
    others = np.delete(z, word)
    d = np.log(np.sum(np.exp(others))) - z[word]
    q = np.insert(softmax(others), word, 0.0)
    assert_allclose(np.logaddexp(0, d), cross_entropy_from_logits(z, word), rtol=1e-12)
    sigma = np.exp(-np.logaddexp(0, -d))
    expected = softmax(z) - one_hot(word, z.size)
    assert_allclose(sigma * (q - one_hot(word, z.size)), expected, rtol=1e-9, atol=1e-13)


def test_what_is_no_tensor_is_named():
    hidden, weight, _ = layer(3, 2, 5)
    with pytest.raises(TypeError, match="targets is a list; expected a tensor"):
        linear_cross_entropy(hidden, weight, [0, 1, 2])


def test_autocast_to_half_precision_is_told_from_the_callers_dtype():
    hidden, weight, targets = layer(3, 2, 5)
    with (
        torch.autocast("cpu", torch.float16),
        pytest.raises(TypeError, match=r"choose torch\.bfloat16"),
    ):
        linear_cross_entropy(hidden, weight, targets)
