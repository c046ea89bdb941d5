"""What telemetry reports is what the decay does, attached or not."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import shrinkage as sh
from attachment_cases import loss_at, make_model, train
from shrinkage._errors import RequestError
from shrinkage.strength import asymptotic_shrink

KINDS: dict[str, tuple[Any, float | None]] = {
    "AdamW": (lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.05), 0.005),
    "Adam": (lambda p: torch.optim.Adam(p, lr=0.1, weight_decay=0.05), None),
    "SGD": (lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.05), 0.005),
    "SGD momentum": (
        lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.05, momentum=0.9),
        asymptotic_shrink(0.05, 0.1, momentum=0.9),
    ),
    "none": (lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0), 0.0),
}


class Unknown(torch.optim.Optimizer):
    """Takes a constant fraction off, which no name tells."""

    def __init__(self, params: Any, lr: float = 0.1, weight_decay: float = 0.5):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.data.mul_(1 - group["lr"] * group["weight_decay"] / 5).sub_(p.grad, alpha=group["lr"])


@pytest.mark.parametrize("name", KINDS)
def test_an_optimizer_without_a_rule(name: str):
    build, shrink = KINDS[name]
    model = make_model()
    watch = sh.telemetry(build(model.parameters()), model, rows=160, batch_size=16)
    numbers = watch.numbers()
    norm = math.sqrt(sum(float(p.detach().square().sum()) for p in model.parameters()))
    assert numbers["norm/group0"] == pytest.approx(norm, rel=1e-12)
    assert numbers["lr/group0"] == 0.1
    assert numbers["lam/group0"] == (0.0 if name == "none" else 0.05)
    if shrink:
        assert numbers["shrink/group0"] == pytest.approx(shrink)
        assert numbers["timescale/group0"] == pytest.approx(1 / shrink)
        assert numbers["timescale_epochs/group0"] == pytest.approx(1 / shrink / 10)
    else:
        assert not any(key.startswith("timescale") for key in numbers)
        assert numbers.get("shrink/group0") == shrink


@pytest.mark.parametrize("lower", [True, False])
def test_a_rule_is_watched_whoever_carries_it_out(lower: bool):
    model = make_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0)
    watch = sh.telemetry(optimizer, model)
    sh.attach(optimizer, sh.Decoupled(rate=1e-3), model=model, lower=lower)
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    numbers = watch.numbers()
    assert numbers["shrink/group0"] == 1e-3
    assert numbers["rate/group0"] == 1e-3
    assert "lam/group0" not in numbers
    assert numbers["update_share/group0"] == pytest.approx(1.0)
    weights = [p for p in model.parameters() if p.ndim == 2]
    assert numbers["norm/group0"] == pytest.approx(
        math.sqrt(sum(float(p.detach().square().sum()) for p in weights))
    )


def test_the_share_of_the_update_is_that_of_the_step_looked_at():
    model = make_model(bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.5)
    watch = sh.telemetry(optimizer, model)
    before = [p.detach().clone() for p in model.parameters()]
    train(model, optimizer, 1)
    removed = math.sqrt(sum(float((0.05 * b).square().sum()) for b in before))
    moved = math.sqrt(
        sum(float((p.detach() - b).square().sum()) for p, b in zip(model.parameters(), before, strict=True))
    )
    train(model, optimizer, 2, start=1)  # no step after the first is looked at until the numbers are read
    assert watch.numbers()["update_share/group0"] == pytest.approx(removed / moved)
    train(model, optimizer, 1, start=3)
    assert watch.numbers()["update_share/group0"] != pytest.approx(removed / moved)


def test_the_share_pairs_the_measured_step_with_the_decay_of_that_step():
    shares = []
    for later_lr in (0.1, 0.001, 0.0):
        model = make_model(bias=False)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.5)
        watch = sh.telemetry(optimizer, model)
        train(model, optimizer, 1)
        optimizer.param_groups[0]["lr"] = (
            later_lr  # a scheduler's step between the measured step and the reading
        )
        numbers = watch.numbers()
        assert numbers["shrink/group0"] == pytest.approx(0.5 * later_lr)
        shares.append(numbers["update_share/group0"])
    assert shares == [pytest.approx(shares[0])] * 3


@pytest.mark.parametrize("build", [torch.optim.SGD, torch.optim.AdamW, Unknown], ids=lambda b: b.__name__)
@pytest.mark.parametrize("rule", [None, sh.L2(0.05), sh.Decoupled(0.05)], ids=["own", "L2", "Decoupled"])
def test_shrink_and_share_are_0_at_a_learning_rate_of_0(build: Any, rule: Any):
    model = make_model(bias=False)
    optimizer = build(model.parameters(), lr=0.1, weight_decay=0.05 if rule is None else 0.0)
    if rule is not None:
        sh.attach(optimizer, rule, model=model, lr_max=0.1)
    watch = sh.telemetry(optimizer, model)
    read = []
    for t, lr in enumerate((0.0, 0.1)):
        optimizer.param_groups[0]["lr"] = lr
        train(model, optimizer, 1, start=t)
        numbers = watch.numbers()
        assert numbers["lr/group0"] == lr
        read.append([numbers.get(f"{key}/group0") for key in ("shrink", "update_share")])
    at_zero, later = read
    is_measured = build is Unknown and rule is None  # an audit needs a learning rate to tell
    assert at_zero == [None if is_measured else 0.0, None if is_measured else 0.0]
    if build is torch.optim.SGD or rule is None or rule.name == "Decoupled":
        assert all(value > 0 for value in later), later


def test_multipliers_have_numbers_of_their_own():
    model = make_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0)
    sh.attach(optimizer, sh.Decoupled(0.05), model=model, multipliers={"0": 0.5})
    numbers = sh.telemetry(optimizer, model).numbers()
    assert numbers["lam/group0*0.5"] == 0.025
    assert numbers["lam/group0*1"] == 0.05


def test_two_rules_in_one_group_have_numbers_of_their_own():
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    sh.attach(optimizer, sh.Decoupled(rate=1e-3), model=model, only=["0.weight"])
    sh.attach(optimizer, sh.L2(0.2), model=model, only=["2.weight"])
    watch = sh.telemetry(optimizer, model)
    train(model, optimizer, 1)
    numbers = watch.numbers()
    assert [numbers[f"shrink/group0/rule{k}"] for k in range(2)] == pytest.approx([1e-3, 0.02])
    for k, weight in enumerate((model[0].weight, model[2].weight)):  # pyright: ignore[reportIndexIssue]
        assert numbers[f"norm/group0/rule{k}"] == pytest.approx(float(weight.detach().norm()))
        assert numbers[f"update_share/group0/rule{k}"] > 0
    assert "shrink/group0" not in numbers


def test_each_layer_of_a_controlled_rule_has_numbers_of_its_own():
    model = make_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0)
    control = sh.TargetNorm()
    sh.attach(optimizer, sh.Decoupled(0.05), model=model, control=control, strengths="layers")
    watch = sh.telemetry(optimizer, model)
    train(model, optimizer, 1)
    numbers = watch.numbers()
    assert {key for key in numbers if key.startswith("shrink/")} == {
        "shrink/group0/0.weight",
        "shrink/group0/2.weight",
    }


def test_an_optimizer_of_unknown_kind_is_measured():
    model = make_model()
    numbers = sh.telemetry(Unknown(model.parameters()), model).numbers()
    assert numbers["shrink/group0"] == pytest.approx(0.01, rel=1e-6)
    assert "shrink/group0" not in sh.telemetry(Unknown(model.parameters())).numbers()


def test_it_leaves_no_bit_changed_and_can_be_taken_off():
    ends = []
    for watched in (False, True):
        model = make_model(torch.float32)
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
        watch = sh.telemetry(optimizer, model) if watched else None
        for t in range(4):
            train(model, optimizer, 1, start=t)
            if watch is not None:
                assert all(isinstance(value, float) for value in watch.numbers().values())
        if watch is not None:
            watch.remove()
            assert not optimizer._optimizer_step_pre_hooks
        ends.append([p.detach().clone() for p in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_rows_and_batch_size_go_together():
    model = make_model()
    with pytest.raises(RequestError, match=r"give both, each >= 1, or neither; got 10 and None"):
        sh.telemetry(torch.optim.SGD(model.parameters(), lr=0.1), model, rows=10)
    loss_at(model, 0)


class Clocked(torch.optim.Optimizer):
    """Takes `weight_decay · lr^power` of each weight per step, and nothing else in common with torch's."""

    def __init__(self, params: Any, power: float, adapts: bool = False):
        super().__init__(params, {"lr": 0.1, "weight_decay": 0.02})
        self.power, self.adapts = power, adapts

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    shrink = group["weight_decay"] * group["lr"] ** self.power
                    p.mul_(1 - shrink).sub_(p.grad.sign() if self.adapts else p.grad, alpha=group["lr"])


@pytest.mark.parametrize("power", [0, 1, 2])
@pytest.mark.parametrize("strength", [0.02, 0.01])
def test_a_measured_shrink_keeps_to_its_own_clock_and_strength(power: int, strength: float):
    model = make_model(bias=False)
    optimizer = Clocked(model.parameters(), power)
    watch = sh.telemetry(optimizer, model)
    assert watch.numbers()["shrink/group0"] == pytest.approx(0.02 * 0.1**power, rel=1e-5)
    optimizer.param_groups[0].update(lr=0.05, weight_decay=strength)
    assert watch.numbers()["shrink/group0"] == pytest.approx(strength * 0.05**power, rel=1e-5)


def test_a_shrink_of_no_known_clock_is_left_out_at_another_learning_rate():
    model = make_model(bias=False)
    optimizer = Clocked(model.parameters(), 0.5)
    watch = sh.telemetry(optimizer, model)
    assert watch.numbers()["shrink/group0"] == pytest.approx(0.02 * 0.1**0.5, rel=1e-5)
    optimizer.param_groups[0]["lr"] = 0.05
    assert "shrink/group0" not in watch.numbers()


class CoupledAdam(torch.optim.Adam):
    """Of a kind that telemetry does not know, with a penalty in the gradient."""


def test_a_penalty_in_an_unknown_adaptive_step_has_no_single_shrink():
    model = make_model(bias=False)
    optimizer = CoupledAdam(model.parameters(), lr=0.1, weight_decay=0.05)
    train(model, optimizer, 3)
    assert "shrink/group0" not in sh.telemetry(optimizer, model).numbers()


def true_share(model: Any, optimizer: Any, rule: Any, watch: Any) -> float:
    """The decay's share of one SGD step from weights beside the start."""
    sh.attach(optimizer, rule, model=model, exempt=())
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p), alpha=0.1)
    before = [p.detach().clone() for p in model.parameters()]
    for p in model.parameters():
        p.grad = torch.randn_like(p)
    optimizer.step()
    decay = moved = 0.0
    for p, w in zip(model.parameters(), before, strict=True):
        assert p.grad is not None
        decay += float((w - 0.1 * p.grad - p.detach()).square().sum())
        moved += float((p.detach() - w).square().sum())
    return math.sqrt(decay / moved)


@pytest.mark.parametrize("rule", [sh.L2SP(0.5), sh.L2(0.5), sh.Decoupled(0.5)], ids=lambda r: r.name)
def test_the_share_is_that_of_the_distance_by_which_the_rule_pulls(rule: Any):
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watch = sh.telemetry(optimizer, model)
    share = true_share(model, optimizer, rule, watch)
    assert watch.numbers()["update_share/group0"] == pytest.approx(share, rel=1e-6)


def test_the_share_of_a_product_is_that_of_its_factors():
    model = torch.nn.ModuleDict(
        {name: torch.nn.Linear(3, 3, bias=False, dtype=torch.float64) for name in ("lora_A", "lora_B")}
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watch = sh.telemetry(optimizer, model)
    share = true_share(model, optimizer, sh.LowRankDecay(0.5), watch)
    numbers = watch.numbers()
    assert numbers["update_share/group0"] == pytest.approx(share, rel=1e-6)
    assert numbers["shrink/group0"] == pytest.approx(0.05)


UNEVEN = {
    "ElasticNet": sh.ElasticNet(0.1, 0.2),
    "Huber": sh.Huber(0.3, 0.01),
    "WeightElimination": sh.WeightElimination(0.3, 0.01),
    "Cautious": sh.Cautious(sh.Decoupled(0.05)),
    "ConditionalDecay": sh.ConditionalDecay(0.005, 0.1),
    "AdaptiveDecay": sh.AdaptiveDecay(0.05),
}


@pytest.mark.parametrize("rule", UNEVEN.values(), ids=UNEVEN)
def test_a_rule_that_takes_another_part_of_each_weight_has_no_shrink(rule: Any):
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watch = sh.telemetry(optimizer, model)
    handle = sh.attach(optimizer, rule, model=model)
    train(model, optimizer, 1)
    numbers = {**watch.numbers(), **handle.log()}
    assert not [key for key in numbers if "shrink/" in key[1:] or key.endswith("/shrink") or "share" in key]
    assert not [key for key in numbers if key.startswith("shrink/") or "timescale" in key]
