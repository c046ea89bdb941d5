"""The compiled cautious pull against the torch form of the same line."""

import pytest
import torch
from torch.testing import assert_close

from shrinkage.attachment.carriers._foreach import cautious_ahead_
from shrinkage.attachment.carriers._kernels import compiled_cautious_ahead_


def numbers(n: int, dtype: torch.dtype) -> list[torch.Tensor]:
    """Weights, gradient and momentum, with zeros of either sign and what a run that went wrong leaves."""
    g = torch.Generator().manual_seed(n)
    made = [torch.randn(n, generator=g, dtype=torch.float64).to(dtype) for _ in range(3)]
    for x, place in zip(made, (0, 1, 2), strict=True):
        x[place::7] = 0.0
        x[place + 3 :: 11] = -0.0
        x[place + 5 :: 13] = torch.nan
    return made


@pytest.mark.parametrize("n", [40, 300_001], ids=["one thread", "several"])
@pytest.mark.parametrize("with_buffer", [True, False])
@pytest.mark.parametrize("weight", [0.25, -0.25])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_is_the_torch_form(dtype, weight, with_buffer, n, monkeypatch):
    w, grad, buffer = numbers(n, dtype)
    buffer = buffer if with_buffer else None
    monkeypatch.setenv("SHRINKAGE_ENGINE", "compiled")
    fast = w.clone()
    assert compiled_cautious_ahead_(fast, grad, weight, buffer, 1 - 0.125)
    monkeypatch.setenv("SHRINKAGE_ENGINE", "torch")
    plain = w.clone()
    assert cautious_ahead_(plain, grad, weight, buffer, 0.125) is not None
    assert_close(fast, plain, rtol=0, atol=0, equal_nan=True)
    assert (fast != w).any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_what_it_leaves_to_torch(dtype):
    w = torch.ones(8, dtype=dtype)
    assert not compiled_cautious_ahead_(w, w.clone(), 1.0, None, 0.5)
    assert (w == 1).all()
