"""Muon: the singular value decomposition and PyTorch's own say the same; wrong steps are others."""

import copy
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import Parameter
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

from lab.muon import Muon, orthogonalized
from lab.presets import PRESETS
from lab.training import Trainer

TALL, WIDE, SQUARE = (12, 4), (4, 12), (6, 6)
SEVERAL = [TALL, WIDE, SQUARE, TALL, WIDE, TALL]
OPTIONS = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2}
exact = {"rtol": 1e-9, "atol": 1e-11}


def numbers(*shape, seed=0, dtype=torch.float64):
    """Random entries, drawn in float64 and rounded: the same ones in every type."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def with_singular_values(seed, rows, columns, values):
    left, _, right = torch.linalg.svd(numbers(rows, columns, seed=seed), full_matrices=False)
    return left * values @ right


def polynomial(x):
    for _ in range(5):
        x = 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5
    return x


def by_decomposition(matrix):
    """What becomes of a matrix, number by number."""
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    return left * polynomial(values / values.square().sum().sqrt()) @ right


def parameters(shapes, dtype=torch.float64, device="cpu"):
    drawn = [numbers(*shape, seed=100 + i, dtype=dtype) for i, shape in enumerate(shapes)]
    return [Parameter(weight.to(device)) for weight in drawn]


def take(optimizer, weights, steps, first=0):
    """Step against gradients that depend on the weight's place and the step alone."""
    for step in range(first, first + steps):
        for i, weight in enumerate(weights):
            gradient = numbers(*weight.shape, seed=1000 * step + i, dtype=weight.dtype)
            weight.grad = gradient.to(weight.device)
        optimizer.step()
    return [weight.detach().clone() for weight in weights]


def moved(shapes, steps=4, dtype=torch.float64, optimizer=Muon, **options):
    weights = parameters(shapes, dtype)
    return take(optimizer(weights, **OPTIONS | options), weights, steps)


def apart(ours, theirs, shapes):
    """How far two ends lie apart, as a share of the way: the largest of all matrices."""
    begin = parameters(shapes)
    return max(
        float((a.double() - b.double()).norm() / (b.double() - w.detach()).norm())
        for a, b, w in zip(ours, theirs, begin, strict=True)
    )


# ---- one matrix ------------------------------------------------------------------------


@given(st.integers(0, 2**31), st.integers(1, 9), st.integers(1, 9), st.data())
def test_singular_values_end_near_one_and_their_vectors_stay(seed, rows, columns, data):
    powers = st.floats(-4, 1)
    count = min(rows, columns)
    drawn = data.draw(st.lists(powers, min_size=count, max_size=count))
    matrix = with_singular_values(seed, rows, columns, 10 ** torch.tensor(drawn).double())
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    (result,) = orthogonalized(matrix[None])
    core = left.mT @ result @ right.mT
    assert_close(left @ core @ right, result, **exact)  # nothing beside these directions
    assert_close(core, torch.diag(core.diagonal()), rtol=0, atol=1e-8)
    shares = values / values.square().sum().sqrt()
    assert_close(core.diagonal(), polynomial(shares), rtol=1e-6, atol=1e-8)
    assert (core.diagonal()[shares >= 0.003] > 0.65).all()
    assert (core.diagonal() < 1.25).all()


def test_from_a_share_of_three_thousandths_on_the_values_end_between_these():
    ends = polynomial(torch.from_numpy(np.geomspace(0.003, 1, 100_000)))
    assert 0.65 < ends.min() < 0.7
    assert 1.15 < ends.max() < 1.25


@pytest.mark.parametrize("shape", [TALL, WIDE, SQUARE, (1, 1), (1, 5), (5, 1)])
@pytest.mark.parametrize("size", [1e-5, 1.0, 1e10])
def test_the_size_of_a_gradient_does_not_matter(shape, size):
    matrices = numbers(3, *shape)
    results = orthogonalized(size * matrices)
    assert (results.shape, results.dtype) == (matrices.shape, matrices.dtype)
    for matrix, result in zip(matrices, results, strict=True):
        assert_close(result, by_decomposition(matrix), **exact)


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf])
@pytest.mark.parametrize("shape", [TALL, WIDE])
def test_a_matrix_is_none_of_the_others_business(shape, wrong):
    good = numbers(3, *shape)
    bad = good.clone()
    bad[1, 2, 3] = wrong
    result = orthogonalized(bad)
    assert result[1].isnan().all()
    assert torch.equal(result[[0, 2]], orthogonalized(good)[[0, 2]])


def test_zeros_stay_zeros():
    assert torch.equal(orthogonalized(torch.zeros(2, 3, 4)), torch.zeros(2, 3, 4))
    assert orthogonalized(torch.zeros(0, 3, 4)).shape == (0, 3, 4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_products_are_computed_in_the_type_of_the_matrices(dtype):
    matrices = numbers(2, *TALL, dtype=dtype)
    result = orthogonalized(matrices)
    assert result.dtype == dtype
    error = (result.double() - orthogonalized(matrices.double())).abs().max()
    assert error < 8 * torch.finfo(dtype).eps
    assert error > torch.finfo(dtype).eps / 8  # no finer than that


# ---- the step --------------------------------------------------------------------------


def plain_steps(shapes, steps=4, parts=1, *, ahead=True, longer=True, fused=False):
    """The definition, with a decomposition in the place of products; or not quite it."""
    lr, momentum, decay = OPTIONS.values()
    ends = []
    for i, weight in enumerate(parameters(shapes)):
        mean, end = torch.zeros_like(weight), weight.detach().clone()
        for step in range(steps):
            gradient = numbers(*weight.shape, seed=1000 * step + i)
            mean = momentum * mean + (1 - momentum) * gradient
            seen = momentum * mean + (1 - momentum) * gradient if ahead else mean
            pieces = seen.chunk(1 if fused else parts)
            rows, columns = pieces[0].shape
            factor = max(1, rows / columns) ** 0.5 if longer else 1
            whole = torch.cat([by_decomposition(piece) for piece in pieces])
            end = (1 - lr * decay) * end - lr * factor * whole
        ends.append(end)
    return ends


STACKED = [(12, 4), (12, 2), (12, 9)]  # three square ones, three tall, three wide


def moved_stacked(shapes=STACKED, steps=4):
    weights = parameters(shapes)
    return take(Muon([], weights, **OPTIONS), weights, steps)


def test_the_step_is_that_of_the_definition():
    for end, expected in zip(moved(SEVERAL), plain_steps(SEVERAL), strict=True):
        assert_close(end, expected, **exact)
    for end, expected in zip(moved_stacked(), plain_steps(STACKED, parts=3), strict=True):
        assert_close(end, expected, **exact)


@pytest.mark.parametrize("wrong", [{"ahead": False}, {"longer": False}])
def test_steps_that_are_not_quite_it_are_noticed(wrong):
    assert apart(moved([TALL]), plain_steps([TALL], **wrong), [TALL]) > 0.01


def test_three_matrices_moved_as_one_are_noticed():
    for shape in STACKED:
        right, wrong = plain_steps([shape], parts=3), plain_steps([shape], parts=3, fused=True)
        assert apart(moved_stacked([shape]), right, [shape]) < 1e-9
        assert apart(moved_stacked([shape]), wrong, [shape]) > 0.1


@pytest.mark.parametrize("shapes", [[TALL], [WIDE], [SQUARE], SEVERAL])
@pytest.mark.parametrize("options", [{}, {"momentum": 0.0}, {"weight_decay": 0.0}])
def test_pytorchs_own_takes_the_same_step(monkeypatch, shapes, options):
    ours = moved(shapes, **options)
    theirs = moved(shapes, optimizer=torch.optim.Muon, **options)
    assert apart(ours, theirs, shapes) < 0.03  # it multiplies in bfloat16
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)  # not any more
    for end, expected in zip(
        ours, moved(shapes, optimizer=torch.optim.Muon, **options), strict=True
    ):
        assert_close(end, expected, **exact)


def test_on_a_gpu_products_are_in_bfloat16(monkeypatch):
    """Without one: PyTorch is told that there is one, and multiplies here as it would there."""
    monkeypatch.setattr(torch.Tensor, "is_cuda", True, raising=False)
    ours = moved(SEVERAL, dtype=torch.float32)
    monkeypatch.undo()
    exactly = moved(SEVERAL)
    assert all(weight.dtype == torch.float32 for weight in ours)
    assert 1e-4 < apart(ours, exactly, SEVERAL) < 0.03
    assert apart(moved(SEVERAL, dtype=torch.float32), exactly, SEVERAL) < 1e-5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="where there is a GPU")
def test_a_gpu_takes_the_same_step():
    weights = [Parameter(weight.detach().float().cuda()) for weight in parameters(SEVERAL)]
    ends = take(Muon(weights, **OPTIONS), weights, 4)
    assert apart([end.cpu() for end in ends], moved(SEVERAL), SEVERAL) < 0.03


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_stacked_weight_is_three(dtype):
    (weight,) = parameters([TALL], dtype)
    three = [Parameter(piece.clone()) for piece in weight.detach().chunk(3)]
    as_one, as_three = Muon([], [weight], **OPTIONS), Muon(three, **OPTIONS)
    for step in range(4):
        weight.grad = numbers(*TALL, seed=step, dtype=dtype)
        for piece, gradient in zip(three, weight.grad.chunk(3), strict=True):
            piece.grad = gradient
        as_one.step()
        as_three.step()
    assert torch.equal(weight, torch.cat([piece.detach() for piece in three]))


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-6), (torch.float64, 1e-13)])
def test_together_is_one_by_one(dtype, error):
    weights = parameters(SEVERAL, dtype)
    optimizers = [Muon([weight], **OPTIONS) for weight in weights]

    class OneByOne:
        def step(self):
            for optimizer in optimizers:
                optimizer.step()

    ends = take(OneByOne(), weights, 4)
    assert apart(ends, moved(SEVERAL, dtype=dtype), SEVERAL) < error


def test_weights_of_several_types_and_devices_are_moved_each_with_its_like():
    ours = parameters([SQUARE, TALL])
    others = parameters([SQUARE, TALL], torch.float32) + parameters([SQUARE], device="meta")
    ends = take(Muon([*ours, *others], **OPTIONS), [*ours, *others], 2)
    assert [end.dtype for end in ends] == [weight.dtype for weight in (*ours, *others)]
    for end, expected in zip(ends, plain_steps([SQUARE, TALL], steps=2), strict=False):
        assert_close(end, expected, **exact)


def test_a_gradient_of_zeros_moves_nothing_and_one_that_is_not_there_nothing_at_all():
    moving, resting = parameters([SQUARE, SQUARE])
    before = [moving.detach().clone(), resting.detach().clone()]
    optimizer = Muon([moving, resting], **OPTIONS)
    moving.grad = torch.zeros(SQUARE, dtype=torch.float64)
    optimizer.step()
    assert torch.equal(moving, before[0] * (1 - 0.1 * 0.2))  # but for the decay
    assert torch.equal(resting, before[1])
    assert list(optimizer.state) == [moving]
    moving.grad = None
    optimizer.step()
    assert torch.equal(moving, before[0] * (1 - 0.1 * 0.2))


def test_a_gradient_that_is_no_number_spoils_its_own_weight_alone():
    weights, good = parameters([SQUARE, SQUARE]), parameters([SQUARE, SQUARE])
    for w, spoilt in ((weights, True), (good, False)):
        for i, weight in enumerate(w):
            weight.grad = numbers(*SQUARE, seed=i)
        if spoilt:
            w[0].grad[1, 2] = torch.nan
        Muon(w, **OPTIONS).step()
    assert weights[0].isnan().all()
    assert torch.equal(weights[1], good[1])


def test_where_inf_was_found_there_is_no_step_and_elsewhere_it_is_the_same():
    usual, flagged = parameters(SEVERAL), parameters(SEVERAL)
    one, other = Muon(usual, **OPTIONS), Muon(flagged, **OPTIONS)
    none, found = torch.tensor([0.0, 1.0], dtype=torch.float64)
    for _ in range(4):
        take(one, usual, 1)
        other.found_inf = none
        take(other, flagged, 1)
        before = copy.deepcopy((flagged, other.state_dict()["state"]))
        flagged[0].grad.fill_(torch.nan)
        flagged[1].grad.fill_(torch.inf)
        other.found_inf = found
        other.step()
        assert_close((flagged, other.state_dict()["state"]), before, rtol=0, atol=0)
        assert_close(flagged, usual, rtol=1e-12, atol=1e-12)


def test_gradients_stay_what_they_are():
    weights = parameters(SEVERAL)
    take(Muon(weights, **OPTIONS), weights, 2)
    for i, weight in enumerate(weights):
        assert torch.equal(weight.grad, numbers(*weight.shape, seed=1000 + i))


# ---- its state -------------------------------------------------------------------------


def test_a_state_goes_to_a_file_and_back_and_the_steps_are_the_same_bits():
    def fresh():
        weights = parameters([*SEVERAL, *STACKED], torch.float32)
        options = OPTIONS | {"lr": np.float64(0.1)}  # of NumPy: not in the file
        return Muon(weights[: len(SEVERAL)], weights[len(SEVERAL) :], **options), weights

    straight, expected = fresh()
    take(straight, expected, 7)
    first, weights = fresh()
    take(first, weights, 3)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    for state in (torch.load(file, weights_only=True), None):
        second, again = fresh()
        with torch.no_grad():
            for weight, saved in zip(again, weights, strict=True):
                weight.copy_(saved)
        if state is not None:
            second.load_state_dict(state)
        take(second, again, 4, first=3)
        same = [torch.equal(a, b) for a, b in zip(again, expected, strict=True)]
        assert all(same) if state is not None else not any(same)


def test_the_state_of_pytorchs_own_is_refused():
    """As in checkpoints from before; the model in them can be read."""
    matrices, stacked = parameters([SQUARE]), parameters([TALL])
    theirs = torch.optim.Muon([*matrices, *stacked])
    with pytest.raises(ValueError, match="different number of parameter groups"):
        Muon(matrices, stacked, **OPTIONS).load_state_dict(theirs.state_dict())


# ---- what is asked of the device -------------------------------------------------------


class Seen(TorchDispatchMode):
    """Every operator that is called, and what it is given."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.calls.append((func, args))
        return func(*args, **kwargs or {})

    def computing(self):
        """All but views of what is there."""
        calls = [func for func, _ in self.calls if func.namespace == "aten"]
        return [str(func) for func in calls if not func.is_view]


def seen_in_a_step(layers, found=None):
    preset = replace(PRESETS["cpu"], layers=layers, width=16, context=6, rows=1)
    trainer = Trainer(preset, np.arange(200) % 7, 7)
    trainer.update(0.5)  # means are made at the first
    trainer.muon.found_inf = found
    seen = Seen()
    with seen:
        trainer.muon.step()
    return seen


@pytest.mark.parametrize(("found", "more"), [(None, 0), (torch.tensor(0.0), 12)])
def test_a_step_is_as_many_calls_for_twelve_layers_as_for_one(found, more):
    one, twelve = seen_in_a_step(1, found), seen_in_a_step(12, found)
    assert one.computing() == twelve.computing()
    # For four shapes: queries to values, out, up, down.
    assert len(one.computing()) <= 4 * (24 + more)


@pytest.mark.parametrize("found", [None, torch.tensor(0.0)])
def test_steps_are_laid_out_like_the_weights(found):
    """Where they are not, a GPU moves one weight after the other, in launches of their own."""
    together = [args for func, args in seen_in_a_step(2, found).calls if "_foreach" in str(func)]
    assert len(together) == 4 * 4
    for args in together:
        lists = [given for given in args if isinstance(given, list | tuple)]
        for tensors in zip(*lists, strict=True):
            assert len({tensor.stride() for tensor in tensors}) == 1


# ---- what it is not given --------------------------------------------------------------


@pytest.mark.parametrize(
    ("matrices", "stacked", "message"),
    [
        ([[[1.0]]], [], r"matrices\[0\] must be a Tensor, got \[\[1.0\]\]"),
        (Parameter(torch.ones(2, 2)), [], r"matrices\[0\] must be \(m, n\), .* shape \(2,\)"),
        (5, [], "matrices must be a Iterable, got 5"),
        ([Parameter(torch.ones(3))], [], r"matrices\[0\] must be \(m, n\), .* shape \(3,\)"),
        ([Parameter(torch.ones(2, 0))], [], r"m and n at least 1, got the shape \(2, 0\)"),
        ([], [Parameter(torch.ones(4, 2))], r"stacked\[0\] must be \(3m, n\), .* \(4, 2\)"),
        ([], [], "empty parameter list"),
    ],
)
def test_what_cannot_be_moved_is_named(matrices, stacked, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Muon(matrices, stacked, **OPTIONS)


def test_a_weight_is_one_or_the_other():
    (weight,) = parameters([TALL])
    with pytest.raises(ValueError, match="more than one parameter group"):
        Muon([weight], [weight], **OPTIONS)


def test_generators_are_read_once():
    weights = parameters(SEVERAL)
    ends = take(Muon((weight for weight in weights), **OPTIONS), weights, 4)
    for end, expected in zip(ends, moved(SEVERAL), strict=True):
        assert torch.equal(end, expected)
