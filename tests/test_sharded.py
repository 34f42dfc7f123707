"""The loss with the vocabulary divided between processes, by PyTorch's own `loss_parallel`."""

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
from torch.distributed.tensor.parallel import loss_parallel

from nwp.loss import log_softmax
from nwp.vocabulary import linear_cross_entropy

PROCESSES = 2


def a_layer():
    """Hidden states, a weight of ten words, and targets of which one is ignored."""
    generator = torch.Generator().manual_seed(7)
    hidden = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    weight = torch.randn(10, 4, generator=generator, dtype=torch.float64)
    targets = torch.randint(10, (6,), generator=generator)
    targets[2] = -100
    return hidden, weight, targets


def one_shard(rank, meeting_place, results):
    """Run as one of the processes: hold half of the words, compute the common loss."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{meeting_place}", rank=rank, world_size=PROCESSES
    )
    mesh = init_device_mesh("cpu", (PROCESSES,))
    hidden, weight, targets = a_layer()
    hidden = distribute_tensor(hidden, mesh, [Replicate()]).requires_grad_()
    weight = distribute_tensor(weight, mesh, [Shard(0)]).requires_grad_()
    with loss_parallel():
        loss = torch.nn.functional.cross_entropy(hidden @ weight.T, targets)
        loss.backward()
    outcome = {
        "words held": torch.tensor(len(weight.to_local())),
        "loss": loss.full_tensor().detach(),
        "hidden": hidden.grad.full_tensor(),
        "weight": weight.grad.full_tensor(),
    }
    if rank == 0:
        torch.save(outcome, results)
    dist.destroy_process_group()


@pytest.mark.claim("prop-shards")
def test_two_processes_with_half_of_the_words_each_agree_with_one(tmp_path):
    results = tmp_path / "results.pt"
    arguments = (str(tmp_path / "meeting_place"), str(results))
    multiprocessing.spawn(one_shard, args=arguments, nprocs=PROCESSES)
    sharded = torch.load(results, weights_only=True)
    assert sharded["words held"] == 5
    hidden, weight, targets = a_layer()
    loss = linear_cross_entropy(hidden.requires_grad_(), weight.requires_grad_(), targets)
    loss.backward()
    torch.testing.assert_close(sharded["loss"], loss.detach(), rtol=1e-13, atol=0)
    torch.testing.assert_close(sharded["hidden"], hidden.grad, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(sharded["weight"], weight.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.claim("prop-shards")
@given(st.integers(0, 2**31), st.lists(st.integers(1, 30), min_size=1, max_size=5))
def test_log_sum_exp_comes_together_from_its_shards(seed, sizes):
    z = np.random.default_rng(seed).normal(scale=50, size=sum(sizes))

    def log_sum_exp(logits):
        return logits[0] - log_softmax(logits)[0]

    pieces = [log_sum_exp(shard) for shard in np.split(z, np.cumsum(sizes)[:-1])]
    assert_allclose(log_sum_exp(np.array(pieces)), log_sum_exp(z), rtol=1e-12, atol=1e-12)
