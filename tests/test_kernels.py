"""The kernels of a GPU beside PyTorch's own operations.

Without a GPU, Triton's interpreter runs them: ``TRITON_INTERPRET=1 pytest tests/test_kernels.py``.
"""

import os

import pytest
import torch

from nwp import vocabulary

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
pytestmark = pytest.mark.skipif(
    not vocabulary.HAS_TRITON or (DEVICE == "cpu" and os.environ.get("TRITON_INTERPRET") != "1"),
    reason="needs Triton, and a GPU or TRITON_INTERPRET=1",
)


def rows(n, words, spread=4.0):
    generator = torch.Generator().manual_seed(n * words)
    scores = spread * torch.randn(n, words, generator=generator)
    targets = torch.randint(words, (n, 1), generator=generator)
    return scores.to(DEVICE), targets.to(DEVICE)


@pytest.mark.parametrize("narrow", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("softcap", [None, 3.0])
@pytest.mark.parametrize(("n", "words"), [(5, 37), (2, 4096), (3, 9001), (4, 1)])
def test_cuda_kernel_gives_what_the_operations_give(n, words, softcap, narrow):
    """One tile, exactly one, several and a part of one, and a word that has no other."""
    scores, targets = rows(n, words)
    exact = vocabulary._others_and_gradient_(scores.double(), targets, softcap, torch.float64, True)
    found = vocabulary.kernels.others_and_gradient_(scores, targets, softcap, narrow, True)
    torch.testing.assert_close(found[0], exact[0], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(found[1], exact[1], rtol=1e-6, atol=1e-6)
    assert (found[2], found[3].dtype) == (1.0, narrow)
    if words > 1:  # else the slope counts nothing: sigmoid(d) is 0
        slopes = exact[3] / exact[2]
        digits = 1e-5 if narrow == torch.float32 else 2**-7
        assert (found[3].double() - slopes).norm() <= digits * slopes.norm()
    if softcap is None:
        assert (found[3].gather(1, targets) == -1).all()


def test_cuda_kernel_leaves_scores_alone_where_no_gradient_is_wanted():
    scores, targets = rows(3, 500)
    before = scores.clone()
    vocabulary.kernels.others_and_gradient_(scores, targets, None, torch.bfloat16, False)
    assert torch.equal(scores, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("factor", [1.0, 0.125])
def test_cuda_kernel_scales_in_place(factor, dtype):
    values = torch.randn(5000, generator=torch.Generator().manual_seed(0)).to(DEVICE, dtype)
    expected = values * factor
    vocabulary.kernels.scale_(values, torch.tensor(factor, device=DEVICE))
    assert torch.equal(values, expected)
