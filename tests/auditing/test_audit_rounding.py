"""The share of a penalty that rounding lets through, against the same share drawn with plain tensors."""

import pytest
import torch
from torch import nn

from shrinkage.auditing.measuring._experiments import read
from shrinkage.auditing.measuring._rounding_shared import SharedRounding
from shrinkage.auditing.subjects._live import OptimizerSubject
from shrinkage.auditing.subjects._subject import without_traces

LR, DRAWS = 0.1, 6000


def subjects(decay, gradient):
    torch.manual_seed(0)
    layer = nn.Linear(32, 16, bias=False, dtype=torch.bfloat16)
    layer.weight.grad = gradient * torch.randn_like(layer.weight)
    optimizer = torch.optim.SGD(layer.parameters(), lr=LR, weight_decay=decay)
    return [OptimizerSubject(optimizer, limit=512, lrs=[LR], native=native) for native in (False, True)]


def drawn(native, decay, lr):
    """Σ w·(step without − step with) / Σ w·(its exact size), every operation rounded to bfloat16."""
    w = native.starts[0].to(torch.bfloat16).expand(DRAWS, -1)
    gradients = (native.gradient_sizes[0] * torch.randn(w.shape, dtype=torch.float64)).to(torch.bfloat16)
    with_it = w.add(gradients.add(w, alpha=decay), alpha=-lr)
    moved = (w.add(gradients, alpha=-lr).double() - with_it.double()) * w.double()
    return float(moved.sum() / (lr * decay * w.double().square().sum()))


@pytest.mark.parametrize("is_later", [False, True])
@pytest.mark.parametrize("share_of_lr", [1.0, 0.2, 0.05, 0.02, 0.006])
def test_the_share_is_that_of_plain_tensors(share_of_lr, is_later):
    decay = 0.1
    exact, native = subjects(decay, gradient=5e-2)
    with without_traces():
        found = SharedRounding(exact, native, read(exact)).survivals(share_of_lr, is_later=is_later)
        assert found[0] == pytest.approx(drawn(native, decay, LR * share_of_lr), abs=0.08)


@pytest.mark.parametrize("decay", [1e-3, 3e-4, 1e-4, 3e-5])
def test_what_the_sum_with_the_gradient_loses_is_found_however_weak_the_penalty(decay):
    exact, native = subjects(decay, gradient=5e-2)
    with without_traces():
        shared = SharedRounding(exact, native, read(exact))
        assert shared.survivals()[0] == pytest.approx(drawn(native, decay, LR), abs=0.08)


def test_without_gradients_nothing_is_reported():
    exact, native = subjects(0.1, gradient=0.0)
    with without_traces():
        assert SharedRounding(exact, native, read(exact)).survivals() == {}
