"""Every rule on every optimizer, step by step against the rule written out by hand, in float64."""

import math

import pytest
import torch

from attachment_cases import (
    OPTIMIZERS,
    fitting,
    loss_at,
    make_model,
    optimizer_for,
    through_zero,
    train,
    train_twin,
)
from rules_cases import ROWS
from shrinkage.attachment import attach
from shrinkage.rules import L2, Decoupled

STEPS = 12
BY_HOOK = ["L2 by hook", "Decoupled lr by hook", "Decoupled schedule by hook", "Decoupled constant by hook"]


@pytest.mark.parametrize("rule_name, optimizer_name", fitting([*ROWS, *BY_HOOK], OPTIMIZERS))
def test_a_rule_is_what_its_formula_says(rule_name: str, optimizer_name: str):
    row, lower = ROWS[rule_name.removesuffix(" by hook")], not rule_name.endswith("by hook")
    ours, theirs = make_model(), make_model()
    optimizer = optimizer_for(optimizer_name, ours)
    attach(optimizer, row.rule, model=ours, lower=lower)
    got = train(ours, optimizer, STEPS)
    expected = train_twin(theirs, optimizer_for(optimizer_name, theirs), row, STEPS)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    "rule_name, optimizer_name", fitting([*ROWS, *BY_HOOK, "Decoupled corrected by hook"], OPTIMIZERS)
)
def test_a_schedule_may_start_pass_and_end_at_learning_rate_0(rule_name: str, optimizer_name: str):
    row, lower = ROWS[rule_name.removesuffix(" by hook")], not rule_name.endswith("by hook")
    ours, theirs = make_model(), make_model()
    optimizer, twin = optimizer_for(optimizer_name, ours), optimizer_for(optimizer_name, theirs)
    set_lr = through_zero(float(twin.param_groups[0]["lr"]))
    handle = attach(optimizer, row.rule, model=ours, lower=lower)
    got = train(ours, optimizer, 6, set_lr=set_lr)
    expected = train_twin(theirs, twin, row, 6, set_lr=set_lr)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)
    assert all(not math.isnan(value) for value in handle.log().values())


@pytest.mark.parametrize("rule_name", ROWS)
def test_a_rule_changes_something(rule_name: str):
    ours, bare = make_model(size=0.1), make_model(size=0.1)
    optimizer, without = (torch.optim.Adam(m.parameters(), lr=0.05) for m in (ours, bare))
    attach(optimizer, ROWS[rule_name].rule, model=ours)
    pairs = zip(train(ours, optimizer, 30), train(bare, without, 30), strict=True)
    assert max(float((a - b).abs().max()) for a, b in pairs) > 1e-4


@pytest.mark.parametrize("optimizer_name", OPTIMIZERS)
@pytest.mark.parametrize("rule", [L2(0.0), Decoupled(rate=0.0, clock="constant")], ids=["loss", "before"])
def test_strength_zero_is_the_bare_optimizer_bit_for_bit(optimizer_name: str, rule):
    ours, bare = make_model(torch.float32), make_model(torch.float32)
    optimizer = optimizer_for(optimizer_name, ours)
    attach(optimizer, rule, model=ours)
    for a, b in zip(
        train(ours, optimizer, 5), train(bare, optimizer_for(optimizer_name, bare), 5), strict=True
    ):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    "rule, how, native",
    [
        (Decoupled(0.1), "native", lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1)),
        (L2(0.1), "native", lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=0.1)),
        (L2(0.1), "native", lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1)),
        (L2(0.1), "native", lambda p: torch.optim.RMSprop(p, lr=0.01, weight_decay=0.1)),
        (L2(0.1), "native", lambda p: torch.optim.Adadelta(p, lr=0.5, weight_decay=0.1)),
    ],
    ids=["AdamW", "SGD", "Adam", "RMSprop", "Adadelta"],
)
@pytest.mark.parametrize("lower", [True, False])
def test_native_and_hook_are_torch_bit_for_bit(rule, how, native, lower):
    ours, theirs = make_model(torch.float32, bias=False), make_model(torch.float32, bias=False)
    optimizer, reference = native(ours.parameters()), native(theirs.parameters())
    for group in optimizer.param_groups:
        group["weight_decay"] = 0.0
    handle = attach(optimizer, rule, model=ours, lower=lower)
    assert {row.how for row in handle.table()} == {how if lower else "hook"}
    for a, b in zip(train(ours, optimizer, 10), train(theirs, reference, 10), strict=True):
        assert torch.equal(a, b)


def test_the_users_gradients_come_back():
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    attach(optimizer, L2(0.5), model=model, lower=False)
    loss_at(model, 0).backward()
    before = [p.grad for p in model.parameters()]
    values = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    optimizer.step()
    for p, grad, value in zip(model.parameters(), before, values, strict=True):
        assert p.grad is grad
        assert grad is not None
        assert torch.equal(value, grad)
