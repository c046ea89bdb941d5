"""Clocks of optimizers whose learning rate is no plain number: the effective one where it is told, else a sentence."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from attachment_cases import loss_at, make_model, train
from shrinkage._errors import RequestError
from shrinkage.attachment import attach
from shrinkage.rules import L2, Decoupled, Proximal, WeightDecay


class NoRate(torch.optim.Optimizer):
    """Its groups hold what `options` say, and no learning rate unless that is among it."""

    def __init__(self, params: Any, **options: Any):
        super().__init__(params, {"momentum": 0.0, **options})

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for p in group["params"]:
                p.data.add_(p.grad, alpha=-0.1)


@pytest.mark.parametrize("options", [{}, {"lr": None}, {"lr": "auto"}], ids=["missing", "None", "a word"])
def test_without_a_learning_rate_a_rate_and_a_penalty_work_and_the_rest_is_refused(options: dict[str, Any]):
    for rule in (
        Decoupled(0.1),
        Decoupled(rate=0.1, clock="schedule"),
        Decoupled(0.1, clock="corrected"),
        Proximal(0.1),
    ):
        model = make_model()
        with pytest.raises(
            RequestError, match=r"needs a learning rate, but .*Give a rate, such as Decoupled\(rate=…"
        ):
            attach(NoRate(model.parameters(), **options), rule, model=model)
    for rule in (Decoupled(rate=0.1), WeightDecay(0.1), L2(0.5)):
        model = make_model()
        optimizer = NoRate(model.parameters(), **options)
        handle = attach(optimizer, rule, model=model)
        before = model.get_parameter("0.weight").detach().clone()
        for p in model.parameters():
            p.grad = torch.zeros_like(p)
        optimizer.step()
        s = 0.05 if rule.name == "L2" else 0.1
        torch.testing.assert_close(model.get_parameter("0.weight").detach(), (1 - s) * before)
        assert "shrinkage/group0/lr" not in handle.log()


def test_an_unknown_peak_is_requested_at_the_first_step_that_needs_it():
    for rule in (Decoupled(rate=0.1, clock="schedule"), Decoupled(0.1, clock="corrected")):
        model = make_model()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        attach(optimizer, rule, model=model)
        loss_at(model, 0).backward()
        optimizer.step()
        optimizer.param_groups[0]["lr"] = 0.1
        with pytest.raises(
            RequestError, match=r"compares the learning rate with its peak, which is unknown.*lr_max=…"
        ):
            optimizer.step()


class Adapting(torch.optim.Optimizer):
    """Moves by d·lr, as Prodigy and D-Adaptation do, and keeps d in the group."""

    def __init__(self, params: Any, **options: Any):
        super().__init__(params, {"lr": 1.0, "d": 1e-6, "betas": (0.9, 0.99), "k": 0, "d0": 1e-6, **options})

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            group["d"], group["k"] = 2 * group["d"], group["k"] + 1


@pytest.mark.parametrize(
    "rule, per_d",
    [
        (Decoupled(0.1), 0.1),
        (Decoupled(0.1, clock="corrected"), 0.1),
        (Decoupled(rate=0.1, clock="schedule"), None),
    ],
    ids=["lr", "corrected", "schedule"],
)
def test_the_clock_is_that_of_the_effective_learning_rate(rule, per_d: float | None):
    model = make_model()
    optimizer = Adapting(model.parameters())
    handle = attach(optimizer, rule, model=model)
    expected = model.get_parameter("0.weight").detach().clone()
    for d in (1e-6, 2e-6, 4e-6):
        for p in model.parameters():
            p.grad = torch.zeros_like(p)
        assert handle.log()["shrinkage/group0/lr"] == pytest.approx(d)
        optimizer.step()
        expected = expected * (1 - (0.1 if per_d is None else per_d * d))
    torch.testing.assert_close(model.get_parameter("0.weight").detach(), expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    "options, scale",
    [
        ({"betas": (0.9, 0.99), "k": 3, "numerator_weighted": 0.0}, 1.0),  # Lion's
        ({"betas": (0.9, 0.99), "k": 3, "d0": 1e-6, "use_bias_correction": True}, "step 4"),
        ({"betas": (0.9, 0.99), "step": 4, "d0": 1e-6, "bias_correction": True}, "step 4"),
        ({"betas": (0.9, 0.99), "step": 3, "growth_rate": 2.0, "bias_correction": True}, "step 4"),
        ({"momentum": 0.9, "k": 3, "growth_rate": 2.0, "g0_norm": 4.0}, 0.25),  # SGD's
        ({"momentum": 0.9, "k": 0, "growth_rate": 2.0}, 0.0),  # before it has seen a gradient
        ({"momentum": 0.9, "k": 3, "growth_rate": 2.0, "eps": 1e-6}, 1.0),  # AdaGrad's
    ],
)
def test_the_effective_learning_rate_of_every_kind_of_d(options: dict[str, Any], scale: Any):
    model = make_model()
    optimizer = NoRate(model.parameters(), lr=2.0, d=1e-3, **options)
    if "betas" in options and "momentum" not in options:
        for group in optimizer.param_groups:
            del group["momentum"]
    if scale == "step 4":
        scale = (1 - 0.99**4) ** 0.5 / (1 - 0.9**4)
    log = attach(optimizer, Decoupled(0.1), model=model).log()
    assert log["shrinkage/group0/shrink"] == pytest.approx(2.0 * 1e-3 * scale * 0.1)


@pytest.mark.parametrize("clock", ["schedule", "corrected"])
def test_a_group_that_starts_at_zero_has_the_peak_that_the_optimizer_was_built_with(clock: Any):
    model = make_model()
    optimizer = torch.optim.SGD([{"params": [*model.parameters()], "lr": 0.0}], lr=0.2)
    rule = Decoupled(rate=0.1, clock=clock) if clock == "schedule" else Decoupled(0.1, clock=clock)
    attach(optimizer, rule, model=model)
    weight = model.get_parameter("0.weight")
    for lr in (0.0, 0.1, 0.0, 0.2):
        optimizer.param_groups[0]["lr"] = lr
        before = weight.detach().clone()
        for p in model.parameters():
            p.grad = torch.zeros_like(p)
        optimizer.step()
        shrink = 0.1 * lr / 0.2 * (1 if clock == "schedule" else lr)
        torch.testing.assert_close(weight.detach(), (1 - shrink) * before, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    "lr", [np.float32(0.1), np.array(0.1), torch.tensor(0.1)], ids=["scalar", "array", "tensor"]
)
def test_a_learning_rate_may_be_any_number(lr: Any):
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    handle = attach(optimizer, Decoupled(rate=1e-3, clock="schedule"), model=model, lr_max=lr)
    assert handle.log()["shrinkage/group0/shrink"] == pytest.approx(1e-3)
    assert "lr_max 0.1 as given" in handle.table()["0.weight"].rule


def cyclic(optimizer: Any) -> Any:
    return torch.optim.lr_scheduler.CyclicLR(optimizer, base_lr=0.0, max_lr=0.2, step_size_up=4)


def one_cycle(optimizer: Any) -> Any:
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.2, total_steps=20)


def warmed_up(optimizer: Any) -> Any:
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 1e-9, 1.0, 4)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    return torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, cosine], [4])


@pytest.mark.parametrize("clock", ["schedule", "corrected"])
@pytest.mark.parametrize("make", [cyclic, one_cycle, warmed_up])
def test_a_scheduler_tells_the_peak_that_the_learning_rate_when_attached_does_not(make: Any, clock: Any):
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    scheduler = make(optimizer)
    rule = Decoupled(rate=0.01, clock=clock) if clock == "schedule" else Decoupled(0.01, clock=clock)
    handle = attach(optimizer, rule, model=model, lr_max=scheduler)
    assert f"lr_max 0.2 of {type(scheduler).__name__}" in handle.table()["0.weight"].rule
    weight, largest = model.get_parameter("0.weight"), 0.0
    for _ in range(12):
        lr, before = optimizer.param_groups[0]["lr"], weight.detach().clone()
        for p in model.parameters():
            p.grad = torch.zeros_like(p)
        optimizer.step()
        scheduler.step()
        shrink = 0.01 * lr / 0.2 * (1 if clock == "schedule" else lr)
        torch.testing.assert_close(weight.detach(), (1 - shrink) * before, rtol=1e-12, atol=0)
        largest = max(largest, lr / 0.2)
    assert largest == pytest.approx(1.0, abs=0.05)


def test_each_group_has_the_peak_that_the_scheduler_tells_of_it():
    model = make_model()
    groups = [{"params": [model.get_parameter(f"{i}.weight")]} for i in (0, 2)]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.CyclicLR(optimizer, base_lr=[0.0, 0.01], max_lr=[0.2, 0.5])
    table = attach(optimizer, Decoupled(rate=1e-3, clock="schedule"), model=model, lr_max=scheduler).table()
    assert [row.rule.rpartition("lr_max ")[2] for row in table] == ["0.2 of CyclicLR", "0.5 of CyclicLR"]


def test_a_learning_rate_above_the_known_peak_is_warned_of_once():
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    attach(optimizer, Decoupled(rate=1e-3, clock="schedule"), model=model)
    for lr, warns in ((0.01, False), (0.005, False), (0.04, True), (0.05, False)):
        optimizer.param_groups[0]["lr"] = lr
        for p in model.parameters():
            p.grad = torch.zeros_like(p)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            optimizer.step()
        assert bool(caught) == warns
        assert (
            not caught
            or "0.04, is above the peak that the rule knows of, 0.01, so the rule removes 4 times"
            in str(caught[0].message)
        )


def test_what_adafactor_calls_d_is_no_learning_rate():
    model = make_model()
    optimizer = torch.optim.Adafactor(model.parameters(), lr=0.01, d=2.0)
    assert attach(optimizer, Decoupled(0.1), model=model).log()["shrinkage/group0/shrink"] == pytest.approx(
        0.001
    )


@pytest.mark.frameworks
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("options", [{}, {"use_bias_correction": True}], ids=["plain", "bias correction"])
def test_on_prodigy_a_rule_is_its_own_decay(options: dict[str, Any]):
    """At a fixed d: its estimate reads how far the weights have come, ahead of its own decay and after ours."""
    package = pytest.importorskip("prodigyopt")

    def run(attached: bool) -> list[Tensor]:
        model = make_model(bias=False)
        own = 0.0 if attached else 0.1
        optimizer = package.Prodigy(
            model.parameters(), lr=1.0, weight_decay=own, d0=1e-2, d_coef=1e-9, **options
        )
        if attached:
            attach(optimizer, Decoupled(0.1), model=model)
        return train(model, optimizer, 20)

    for a, b in zip(run(True), run(False), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.frameworks
@pytest.mark.filterwarnings("ignore")
def test_transformers_adafactor_without_a_learning_rate():
    package = pytest.importorskip("transformers")
    model = make_model(torch.float32)
    with pytest.raises(RequestError, match=r"the clock 'lr' needs a learning rate, but its lr is None"):
        attach(package.Adafactor(model.parameters()), Decoupled(0.1), model=model)
    optimizer = package.Adafactor(model.parameters())
    attach(optimizer, WeightDecay(0.01), model=model)
    train_once = loss_at(model, 0)
    train_once.backward()
    optimizer.step()
