"""The propositions of chapter 8, on random inputs."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

seeds = st.integers(0, 2**31)
sizes = st.integers(1, 6)


@pytest.mark.claim("prop-global-mean")
@given(seeds, st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_parts_add_up_to_the_gradient_of_the_mean_and_means_of_means_do_not(seed, counts):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(4, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    inputs = torch.randn(sum(counts), 3, generator=generator, dtype=torch.float64)
    targets = torch.randint(4, (sum(counts),), generator=generator)

    def gradient(loss):
        return torch.autograd.grad(loss, weight)[0]

    whole = gradient(F.cross_entropy(inputs @ weight.T, targets))
    parts = [
        F.cross_entropy(x @ weight.T, w, reduction="sum")
        for x, w in zip(inputs.split(counts), targets.split(counts), strict=True)
    ]
    each = [gradient(part) for part in parts]
    assert_allclose(sum(each) / sum(counts), whole, rtol=0, atol=1e-13)
    means = sum(g / n for g, n in zip(each, counts, strict=True)) / len(counts)
    weights = [1 / len(counts) - n / sum(counts) for n in counts]
    gap = sum(a * g / n for a, g, n in zip(weights, each, counts, strict=True))
    assert_allclose(means - whole, gap, rtol=0, atol=1e-13)
    if len(set(counts)) == 1:
        assert_allclose(means, whole, rtol=0, atol=1e-13)


@pytest.mark.claim("prop-muon")
@given(seeds, sizes, sizes, st.integers(1, 3), st.floats(0.01, 10))
def test_no_matrix_of_that_spectral_norm_descends_faster(seed, rows, columns, rank, eta):
    random = np.random.default_rng(seed)
    gradient = random.normal(size=(rows, rank)) @ random.normal(size=(rank, columns))
    u, sigma, v = np.linalg.svd(gradient, full_matrices=False)
    kept = sigma > 1e-10 * sigma[0]
    step = -eta * u[:, kept] @ v[kept]
    assert_allclose(np.linalg.norm(step, 2), eta, rtol=1e-10)
    assert_allclose((gradient * step).sum(), -eta * sigma.sum(), rtol=1e-9)
    for other in random.normal(size=(20, rows, columns)):
        other *= eta / np.linalg.norm(other, 2)
        assert (gradient * other).sum() >= (gradient * step).sum() - 1e-9 * eta * sigma.sum()
    # the step of gradient descent, as long in this norm, is no better
    plain = -eta * gradient / sigma[0]
    assert (gradient * plain).sum() >= (gradient * step).sum() * (1 + 1e-9)


@pytest.mark.claim("prop-muon")
@given(seeds, st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), st.floats(0.01, 10))
def test_the_steepest_step_is_unique_exactly_at_full_rank(seed, rows, columns, rank, eta):
    random = np.random.default_rng(seed)
    rank, full = min(rank, rows, columns), min(rows, columns)
    gradient = random.normal(size=(rows, rank)) @ random.normal(size=(rank, columns))
    u, sigma, v = np.linalg.svd(gradient)
    assume(sigma[rank - 1] > 1e-3 * sigma[0])
    step = -eta * u[:, :rank] @ v[:rank]
    least = (gradient * step).sum()
    if rank < full:  # another step, as long and as good
        other = step + eta * np.outer(u[:, rank], v[rank])
        assert_allclose(np.linalg.norm(other, 2), eta, rtol=1e-10)
        assert_allclose((gradient * other).sum(), least, rtol=1e-9)
        assert_allclose(np.linalg.norm(other - step, 2), eta, rtol=1e-10)
    else:  # whatever is added makes the step longer, or worse
        added = random.normal(size=(rows, columns))
        for size in (1e-1, 1.0):
            other = step + size * eta * added / np.linalg.norm(added, 2)
            longer = np.linalg.norm(other, 2) > eta * (1 + 1e-9)
            assert longer or (gradient * other).sum() > least + 1e-9 * abs(least)


logits = hnp.arrays(np.float64, st.integers(2, 8), elements=st.floats(-50, 50))


@pytest.mark.claim("prop-softcap")
@given(logits, st.floats(0.5, 15), st.data())
def test_capped_losses_stay_between_their_bounds_and_come_close_to_them(z, cap, data):
    w = data.draw(st.integers(0, len(z) - 1))
    others = len(z) - 1
    least, most = np.log1p(others * np.exp(-2 * cap)), np.log1p(others * np.exp(2 * cap))

    def loss(z):
        capped = torch.from_numpy(cap * np.tanh(z / cap))
        return F.cross_entropy(capped, torch.tensor(w)).item()

    slack = 1e-12 * max(1.0, most)  # tanh and the sum round
    assert least - slack <= loss(z) <= most + slack
    if np.abs(z).max() <= 2 * cap:  # where tanh is not yet 1
        assert least < loss(z) + slack
    extreme = np.full(len(z), 40.0 * cap)
    extreme[w] *= -1
    assert_allclose([loss(extreme), loss(-extreme)], [most, least], rtol=1e-6, atol=1e-15)


@pytest.mark.claim("prop-softcap")
@given(st.floats(0.01, 100), st.integers(2, 50))
def test_capped_losses_are_not_convex_whatever_the_cap(cap, words):
    z = cap * np.array([-20.0, -10.0, 0.0])  # the right word's logit; all others are 0
    losses = np.log1p((words - 1) * np.exp(-cap * np.tanh(z / cap)))
    assert losses[1] > (losses[0] + losses[2]) / 2 + 0.1 * (losses[0] - losses[2])
    assert losses[0] > losses[2]


@pytest.mark.claim("prop-flops")
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
def test_a_layer_takes_two_operations_a_weight_forward_and_four_backward(tokens, reads, writes):
    weight = torch.ones(writes, reads, requires_grad=True)
    inputs = torch.ones(tokens, reads, requires_grad=True)
    with FlopCounterMode(display=False) as forward:
        outputs = inputs @ weight.T
    with FlopCounterMode(display=False) as backward:
        outputs.sum().backward()
    assert forward.get_total_flops() == 2 * tokens * weight.numel()
    assert backward.get_total_flops() == 4 * tokens * weight.numel()
