"""Decay below what a format can show in a step: lost by the optimizers, kept and applied here."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from shrinkage.attachment import attach
from shrinkage.rules import AdaptiveDecay, Cautious, Decoupled, Proximal, Rule, UncertainDecay, WeightDecay

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
        *((F32, s) for s in (1e-8, 3.1e-8, 1e-6)),
        (BF16, 3e-4),
        *(pytest.param(F32, s, marks=pytest.mark.long) for s in (2.9e-8, 1e-7, 7e-6, 1e-4)),
        *(pytest.param(BF16, s, marks=pytest.mark.long) for s in (1e-5, 1e-4, 1e-3)),
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
def test_decay_not_yet_applied_is_accumulated(shrink: float):
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


def stack_run(
    dtype: torch.dtype, rule: Rule, steps: int, *, saved_at: int | None = None
) -> tuple[Tensor, Tensor]:
    """Three models of one table each, by their own strengths: weight after over weight before, and the weights."""
    models = [table(dtype) for _ in range(3)]
    stacked = {"weight": torch.stack([m.weight.detach() for m in models]).requires_grad_()}
    optimizer = torch.optim.SGD([*stacked.values()], lr=1e-3)
    attach(optimizer, rule, model=models[0], parameters=stacked)
    start = stacked["weight"].detach().double()
    for t in range(steps):
        if t == saved_at:
            state = optimizer.state_dict()
            optimizer = torch.optim.SGD([*stacked.values()], lr=1e-3)
            attach(optimizer, rule, model=models[0], parameters=stacked)
            optimizer.load_state_dict(state)
        stacked["weight"].grad = torch.zeros_like(stacked["weight"])
        optimizer.step()
    return stacked["weight"].detach().double() / start, stacked["weight"].detach()


@pytest.mark.parametrize("cautious", [False, True])
@pytest.mark.parametrize("dtype, shrinks", [(F32, (1e-8, 1e-7, 1e-6)), (BF16, (1e-5, 1e-4, 3e-4))])
def test_a_strength_a_model_is_right_within_one_percent(
    dtype: torch.dtype, shrinks: tuple[float, ...], cautious: bool
):
    rule = Decoupled(torch.tensor([s / 1e-3 for s in shrinks], dtype=torch.float64))
    ratio, _ = stack_run(dtype, Cautious(rule) if cautious else rule, 1_500)
    for k, shrink in enumerate(shrinks):
        assert float(ratio[k].mean()) == pytest.approx(math.exp(1_500 * math.log1p(-shrink)), rel=0.01)
    total = -float(ratio[1].log().mean()) / (1_500 * shrinks[1])
    assert total == pytest.approx(1, rel=0.01)  # the decay itself, not the product


def test_accumulated_decay_is_resumed_bit_for_bit():
    rule = Decoupled(torch.tensor([0.01, 0.1, 0.3], dtype=torch.float64))
    assert torch.equal(stack_run(BF16, rule, 40)[1], stack_run(BF16, rule, 40, saved_at=17)[1])


@pytest.mark.parametrize("dtype, shrink", [(F32, 1e-7), (BF16, 1e-4)])
@pytest.mark.parametrize(
    "of_strength",
    [AdaptiveDecay, lambda lam: UncertainDecay(lam, batch=1), Proximal],
    ids=["AdaptiveDecay", "UncertainDecay", "Proximal"],
)
def test_rules_that_follow_the_training_keep_it_too(of_strength, dtype: torch.dtype, shrink: float):
    """A gradient of zeros is no reason for any weight to decay more or less than another."""
    model = table(dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    attach(optimizer, of_strength(shrink / 1e-3), model=model)
    ratio = run(model, optimizer, steps=1_500)
    assert -float(ratio.log().mean()) / (1_500 * shrink) == pytest.approx(1, rel=0.01)


@pytest.mark.parametrize("dtype, shrink", [(F32, 1e-7), (BF16, 1e-4)])
def test_rows_accumulate_only_for_the_steps_that_touched_them(dtype: torch.dtype, shrink: float):
    model = table(dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    attach(optimizer, Decoupled(shrink / 1e-3), model=model, rows="touched")
    start = model.weight.detach().double()
    for t in range(2_000):
        model.weight.grad = torch.zeros_like(model.weight)
        model.weight.grad[: 50 if t % 2 else 75] = 1e-30
        optimizer.step()
    decay = -(model.weight.detach().double() / start).log().mean(1) / shrink
    assert float(decay[:50].mean()) == pytest.approx(2_000, rel=0.01)
    assert float(decay[50:75].mean()) == pytest.approx(1_000, rel=0.02)
    assert not decay[75:].any()


def test_a_soft_threshold_leaves_exact_zeros():
    model = table(BF16)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    attach(optimizer, Proximal(1.0, penalty="l1"), model=model)
    start = model.weight.detach().double()
    run(model, optimizer, steps=500)
    left = model.weight.detach().double()
    assert (left[start.abs() < 0.49] == 0).all()
    torch.testing.assert_close(left, start.sign() * (start.abs() - 0.5).clamp_min(0), rtol=0.01, atol=3e-3)


class Toward0(torch.optim.Optimizer):
    """Of no known direction; each step is exact in float32."""

    def __init__(self, params):
        super().__init__(params, {"lr": 1.0})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for p in self.param_groups[0]["params"]:
            p.sub_(2.0**-10 * p.grad)


def test_a_cautious_decay_that_no_step_can_show_adds_up_after_steps_of_unknown_direction():
    steps, shrink = 1_000, 2e-9
    ends = {}
    for dtype in (F32, torch.float64):
        model = nn.Linear(1, 2, bias=False).to(dtype)
        nn.init.constant_(model.weight, 2.0)
        optimizer = Toward0(model.parameters())
        attach(optimizer, Cautious(Decoupled(shrink)), model=model)
        for _ in range(steps):
            model.weight.grad = torch.tensor([[1.0], [-1.0]], dtype=dtype)
            optimizer.step()
        ends[dtype] = model.weight.detach().double().flatten()
    for toward, away in ends.values():
        assert away == 2 + steps / 1024  # away from 0 there is nothing to agree with
        taken = 2 - steps / 1024 - toward
        assert taken == pytest.approx(1.51 * steps * shrink, rel=0.1)
