"""What torch.distributed.checkpoint makes of an optimizer with a rule."""

import copy

import pytest
import torch
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)

from attachment_cases import fitting, make_model, optimizer_for, train
from rules_cases import ROWS
from shrinkage._errors import RequestError
from shrinkage.attachment import attach
from shrinkage.rules import L2SP, WeightDecay

STEPS = 6


def started(rule_name, optimizer_name, dtype=torch.float32, **options):
    model = make_model(dtype)
    optimizer = optimizer_for(optimizer_name, model)
    return model, optimizer, attach(optimizer, ROWS[rule_name].rule, model=model, **options)


@pytest.mark.parametrize("full", [False, True], ids=["sharded", "full"])
@pytest.mark.parametrize("rule_name, optimizer_name", fitting(ROWS, ["SGD momentum", "AdamW"]))
def test_resuming_through_it_is_uninterrupted_training(rule_name, optimizer_name, full):
    options = StateDictOptions(full_state_dict=full)
    model, optimizer, handle = started(rule_name, optimizer_name)
    train(model, optimizer, 3)
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    saved = copy.deepcopy(get_optimizer_state_dict(model, optimizer, options=options))
    assert "shrinkage" not in saved  # it keeps state and param_groups alone
    expected = train(model, optimizer, STEPS - 3, start=3)
    resumed, again, twin = started(rule_name, optimizer_name)
    resumed.load_state_dict(weights)
    set_optimizer_state_dict(resumed, again, saved, options=options)
    assert twin.steps == handle.steps - (STEPS - 3) == 3
    for a, b in zip(train(resumed, again, STEPS - 3, start=3), expected, strict=True):
        assert torch.equal(a, b)


def test_another_strength_needs_a_word_there_too():
    model, optimizer, _ = started("L2SP", "AdamW")
    train(model, optimizer, 2)
    saved = get_optimizer_state_dict(model, optimizer)
    other = optimizer_for("AdamW", model)
    attach(other, L2SP(0.7), model=model)
    with pytest.raises(RequestError, match=r"had strength 0.1 in the checkpoint and has 0.7 here"):
        set_optimizer_state_dict(model, other, saved)


@pytest.mark.parametrize("lr", [0.1, torch.tensor(0.1)], ids=["number", "tensor"])
def test_the_step_that_only_makes_state_pulls_nothing(lr):
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    handle = attach(optimizer, WeightDecay(0.5), model=model)
    before = [p.detach().clone() for p in model.parameters()]
    get_optimizer_state_dict(model, optimizer)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert handle.steps == 0


def test_without_the_rule_the_optimizer_keeps_nothing_of_it_after_our_own_loading():
    model, optimizer, _ = started("L2SP", "AdamW")
    train(model, optimizer, 2)
    _, again, _ = started("L2SP", "AdamW")
    again.load_state_dict(optimizer.state_dict())
    assert {key for entry in again.state.values() for key in entry} == {"step", "exp_avg", "exp_avg_sq"}


def test_a_flattened_state_loses_the_rule_with_a_warning():
    model, optimizer, _ = started("L2SP", "AdamW")
    train(model, optimizer, 2)
    flat = StateDictOptions(flatten_optimizer_state_dict=True)
    saved = get_optimizer_state_dict(model, optimizer, options=flat)
    resumed, again, _ = started("L2SP", "AdamW")
    with pytest.warns(UserWarning, match="the checkpoint has no rule, so L2SP starts from scratch"):
        set_optimizer_state_dict(resumed, again, saved, options=flat)
