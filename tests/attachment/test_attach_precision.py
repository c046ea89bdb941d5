"""Decay below what a format can show in a step: lost by the optimizers, kept and applied here."""

import math

import pytest
import torch
from torch import Tensor, nn

from shrinkage.attachment import attach
from shrinkage.rules import Cautious, Decoupled, WeightDecay

STEPS = 10_000
F32, BF16 = torch.float32, torch.bfloat16


def table(dtype: torch.dtype) -> nn.Linear:
    model = nn.Linear(50, 100, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.randn(100, 50, generator=torch.Generator().manual_seed(0)))
    return model.to(dtype)


def run(model: nn.Linear, optimizer: torch.optim.Optimizer, steps: int = STEPS) -> Tensor:
    """Weight after over weight before, after `steps` steps without gradient."""
    start = model.weight.detach().double()
    model.weight.grad = torch.zeros_like(model.weight)
    for _ in range(steps):
        optimizer.step()
    return model.weight.detach().double() / start


@pytest.mark.parametrize("lower", [True, False], ids=["native", "hook"])
@pytest.mark.parametrize(
    "dtype, shrink",
    [
        *((F32, s) for s in (1e-8, 2.9e-8, 3.1e-8, 1e-7, 1e-6, 7e-6, 1e-4)),
        *((BF16, s) for s in (1e-5, 1e-4, 3e-4, 1e-3)),
    ],
)
def test_the_product_is_right_within_one_percent(dtype: torch.dtype, shrink: float, lower: bool):
    model = table(dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    if lower:
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0, foreach=True)
    attach(optimizer, Decoupled(shrink / 1e-3), model=model, lower=lower)
    ratio = run(model, optimizer)
    exact = math.exp(STEPS * math.log1p(-shrink))
    assert float(ratio.mean()) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("shrink", [1e-8, 2.9e-8, 1e-7, 1e-6])
def test_what_is_not_applied_yet_is_still_owed(shrink: float):
    """The decay itself, not the product, is right within 1 % once what is owed is counted."""
    model = table(F32)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    attach(optimizer, WeightDecay(shrink), model=model)
    applied = -float(run(model, optimizer).log().mean())
    owed = optimizer.state_dict()["shrinkage"]["parameters"]["weight"]["owed"]
    assert applied + owed == pytest.approx(-STEPS * math.log1p(-shrink), rel=0.01)
    assert abs(owed) < 32 * 2**-23


@pytest.mark.parametrize("dtype, shrink", [(F32, 2.9e-8), (BF16, 1e-3)])
def test_without_it_the_decay_is_lost(dtype: torch.dtype, shrink: float):
    model = table(dtype)
    ratio = run(model, torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=shrink / 1e-3), steps=100)
    assert (ratio == 1).all()


def test_float64_and_large_shrinks_are_applied_at_once():
    for dtype, shrink in ((torch.float64, 1e-12), (F32, 1e-4)):
        model = table(dtype)
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        attach(optimizer, WeightDecay(shrink), model=model)
        before = model.weight.detach().clone()
        run(model, optimizer, steps=1)
        assert torch.equal(model.weight.detach(), before * (1 - shrink))
        assert optimizer.state_dict()["shrinkage"]["parameters"]["weight"]["owed"] == 0


def test_the_tail_of_a_cosine_schedule_decays():
    model = table(BF16)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0)
    attach(optimizer, Decoupled(0.1), model=model)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2000)
    model.weight.grad = torch.zeros_like(model.weight)
    start, exact = model.weight.detach().double(), 0.0
    for _ in range(2000):
        exact += math.log1p(-0.1 * optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert float((model.weight.detach().double() / start).mean()) == pytest.approx(math.exp(exact), rel=0.01)


def test_a_whole_shrink_leaves_nothing():
    model = table(BF16)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    attach(optimizer, WeightDecay(1.0), model=model)
    run(model, optimizer, steps=1)
    assert not model.weight.any()


@pytest.mark.parametrize("dtype, shrink", [(F32, 1e-7), (BF16, 1e-4)])
def test_cautious_decay_is_kept_too(dtype: torch.dtype, shrink: float):
    """Without gradient nothing speaks against the pull, so it is the whole product."""
    model = table(dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    attach(optimizer, Cautious(Decoupled(shrink / 1e-3)), model=model)
    exact = math.exp(STEPS * math.log1p(-shrink))
    assert float(run(model, optimizer).mean()) == pytest.approx(exact, rel=0.01)
