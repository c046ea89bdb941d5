"""What a strength means where it is typed: λ or rate, factors per layer, and slips that are warned of."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

import shrinkage.rules
from attachment_cases import make_model
from shrinkage._errors import RequestError
from shrinkage.attachment import attach
from shrinkage.rules import (
    L2,
    Cautious,
    Decoupled,
    LowRankDecay,
    Proximal,
    Reading,
    TimescaleDecay,
    WeightDecay,
)

UNTYPED: Any = shrinkage.rules


def adamw(model: torch.nn.Module, lr: float = 3e-4) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0)


@pytest.mark.parametrize("kind", [Decoupled, Proximal])
@pytest.mark.parametrize("clock", ["schedule", "constant"])
def test_a_rate_that_is_called_lam_is_warned_of_with_what_was_meant(kind, clock):
    with pytest.warns(UserWarning, match=r"\(0.1, clock=.*write \w+\(rate=0.1, clock=.*\w+\(rate=3e-05"):
        old = kind(0.1, clock=clock)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        new = kind(rate=0.1, clock=clock)
        assert kind(0.0, clock=clock).strength == 0
    now = Reading(lr=0.1, lr_max=0.2)
    assert old.shrink(now) == new.shrink(now)
    assert old.is_fraction or kind is Proximal


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: UNTYPED.Decoupled(), "give lam, .* or rate=…, a fraction per step; got neither"),
        (lambda: UNTYPED.Decoupled(0.1, rate=0.1), "got both"),
        (lambda: UNTYPED.Decoupled(rate=0.1, clock="lr"), r"With the clock 'lr' the strength is a λ"),
        (
            lambda: UNTYPED.Decoupled(rate=0.1, clock="week"),
            "must be one of lr, schedule, constant, corrected",
        ),
    ],
)
def test_lam_and_rate_are_not_mixed_up(make, message):
    with pytest.raises(RequestError, match=message):
        make()


@pytest.mark.parametrize(
    "rule, lr, message",
    [
        (
            Decoupled(rate=0.1, clock="schedule"),
            3e-4,
            r"removes 10 % of every weight per step, so half of it is gone after 7 steps. If 0.1 is a weight_decay in "
            r"AdamW's sense, write Decoupled\(0.1\), which at the learning rate 0.0003 is Decoupled\(rate=3e-05,",
        ),
        (Decoupled(0.3), 0.1, "removes 3 % of every weight per step, so half of it is gone after 23 steps"),
        (
            WeightDecay(1.0),
            0.1,
            "removes 100 % of every weight per step, so half of it is gone after 1 steps",
        ),
        (Cautious(Decoupled(rate=0.02)), 0.1, "removes 2 %"),
        (TimescaleDecay(1, batch=32, rows=320), 0.1, "removes 10 %"),
    ],
)
def test_over_one_percent_per_step_is_warned_of(rule, lr, message):
    model = make_model()
    with pytest.warns(UserWarning, match=message):
        attach(adamw(model, lr), rule, model=model)


def test_a_penalty_on_sgd_is_judged_with_its_momentum():
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    with pytest.warns(UserWarning, match=r"attach\(L2 0.5\): removes 5 % of every weight per step"):
        attach(optimizer, L2(0.5), model=model)


@pytest.mark.parametrize(
    "rule, steps, message",
    [
        (
            Decoupled(rate=0.005),
            20_000,
            r"forgets every weight within 200 steps, 100 times over in a run of 20,000 steps.* "
            r"In this run good values lie between 5e-05 and 0.0005\.$",
        ),
        (Decoupled(1e-4), 100, r"removes 0.0003 % of a weight in a run of 100 steps, which has no effect"),
    ],
)
def test_a_run_of_known_length_that_is_emptied_or_never_touched_is_warned_of(rule, steps, message):
    model = make_model()
    with pytest.warns(UserWarning, match=message):
        attach(adamw(model), rule, model=model, steps=steps)


@pytest.mark.parametrize(
    "lam, lr, steps",
    [
        (0.1, 6e-4, 600_000),
        (0.05, 1e-3, 375_000),
        (0.3, 1e-3, 94_000),
        (0.01, 2e-5, 500),
        (0.0, 1e-3, 10),
        (0.1, 0.1, 100),
    ],
    ids=["GPT-2", "ConvNeXt", "AugReg", "BERT, fine-tuned", "none", "one percent"],
)
def test_strengths_in_use_are_not_warned_of(lam: float, lr: float, steps: int):
    model = make_model()
    attach(adamw(model, lr), Decoupled(lam), model=model, steps=steps)


def test_a_log_calls_no_rate_lam():
    model = make_model()
    numbers = attach(adamw(model, 0.1), Decoupled(rate=1e-3, clock="schedule"), model=model).log()
    assert numbers["shrinkage/group0/rate"] == 1e-3
    assert not any(key.endswith(("lam", "strength")) for key in numbers)
    numbers = attach(adamw(model, 0.1), Decoupled(1e-3), model=model).log()
    assert numbers["shrinkage/group0/lam"] == 1e-3
    assert not any(key.endswith(("rate", "strength")) for key in numbers)


@pytest.mark.parametrize("lower", [True, False])
def test_multipliers_are_factors_on_the_strength_of_each_parameter(lower: bool):
    model = make_model()
    optimizer = adamw(model, 0.1)
    multipliers: Any = {"0": 0.5, "*.weight": np.float32(0.5), "bias": 9.0}
    handle = attach(optimizer, Decoupled(0.05), model=model, lower=lower, multipliers=multipliers)
    assert {row.name: row.rule for row in handle.table() if row.how} == {
        "0.weight": "Decoupled 0.0125 × lr",
        "2.weight": "Decoupled 0.025 × lr",
    }
    assert handle.log()["shrinkage/group0*0.25/lam"] == pytest.approx(0.0125)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    for name, s in {"0.weight": 0.00125, "2.weight": 0.0025, "0.bias": 0.0, "2.bias": 0.0}.items():
        torch.testing.assert_close(
            model.get_parameter(name).detach(), (1 - s) * before[name], rtol=1e-14, atol=0
        )
    again = adamw(model, 0.1)
    attach(again, Decoupled(0.05), model=model, multipliers={"0": 0.25, "2": 0.5}, lower=lower)
    again.load_state_dict(optimizer.state_dict())


@pytest.mark.parametrize(
    "multipliers, message",
    [
        ({"head": 0.5}, r"attach\(multipliers=…\): 'head' matches no parameter"),
        ({"0": -1}, r"factors must be >= 0 and finite, got -1 for '0'"),
        ([("0", 1)], r"must map patterns to factors"),
    ],
)
def test_multipliers_that_fit_nothing_are_refused(multipliers, message):
    model = make_model()
    with pytest.raises(RequestError, match=message):
        attach(adamw(model), Decoupled(0.1), model=model, multipliers=multipliers)


class Adapted(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.base = torch.nn.Linear(4, 4)
        self.lora_A = torch.nn.ModuleDict({"default": torch.nn.Linear(4, 2, bias=False)})
        self.lora_B = torch.nn.ModuleDict({"default": torch.nn.Linear(2, 4, bias=False)})


@pytest.mark.parametrize(
    "rule", [LowRankDecay(0.5), LowRankDecay(rate=0.05, clock="schedule")], ids=["λ", "rate"]
)
def test_low_rank_decay_is_decay_of_the_product(rule):
    model = Adapted().double()
    optimizer = adamw(model, 0.1)
    handle = attach(optimizer, rule, model=model)
    assert {row.name for row in handle.table() if row.how} == {
        "lora_A.default.weight",
        "lora_B.default.weight",
    }
    a, b = model.get_parameter("lora_A.default.weight"), model.get_parameter("lora_B.default.weight")
    before = (b @ a).detach().clone()
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    torch.testing.assert_close((b @ a).detach(), 0.95 * before, rtol=1e-13, atol=0)
    assert handle.log()["shrinkage/group0/shrink"] == pytest.approx(0.05)


def test_half_a_product_is_refused():
    model = Adapted()
    with pytest.raises(
        RequestError, match=r"lora_A.default.weight is one factor of a product, and its other factor, lora_B"
    ):
        attach(adamw(model), LowRankDecay(0.5), model=model, exempt=("lora_B",))
    with pytest.raises(RequestError, match=r"the optimizer has no low-rank pair to decay"):
        attach(adamw(model), LowRankDecay(0.5), model=model, only=("base",))
