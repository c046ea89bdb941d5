"""The flat optimizers against torch.optim, step by step, and the fused one against its plain twin."""

import pytest
import torch
from torch.testing import assert_close

from shrinkage.training import SGD, Adam, PlainAdam


def gradients():
    g = torch.Generator().manual_seed(1)
    return [(torch.randn(30, generator=g, dtype=torch.float64), 0.1 / (t + 1)) for t in range(50)]


@pytest.mark.parametrize(
    "ours, theirs",
    [
        (lambda w, g: SGD(w, g), lambda p: torch.optim.SGD(p, lr=0.1)),
        (lambda w, g: SGD(w, g, momentum=0.9), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
        (
            lambda w, g: SGD(w, g, momentum=0.9, nesterov=True),
            lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
        ),
        (lambda w, g: Adam(w, g), lambda p: torch.optim.Adam(p, lr=0.1)),
        (lambda w, g: PlainAdam(w, g), lambda p: torch.optim.Adam(p, lr=0.1)),
    ],
    ids=["sgd", "momentum", "nesterov", "adam", "plain adam"],
)
def test_steps_are_torchs(ours, theirs):
    w, grad = torch.ones(30, dtype=torch.float64), torch.zeros(30, dtype=torch.float64)
    optimizer = ours(w, grad)
    p = torch.ones(30, dtype=torch.float64, requires_grad=True)
    reference = theirs([p])
    for g, lr in gradients():
        grad.copy_(g)
        optimizer.step(lr)
        p.grad = g
        reference.param_groups[0]["lr"] = lr
        reference.step()
        assert_close(w, p.detach(), rtol=1e-12, atol=1e-13)
