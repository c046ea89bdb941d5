"""Copies and checkpoints: by name, bit for bit, and never with another strength in silence."""

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from attachment_cases import fitting, make_model, optimizer_for, train
from rules_cases import ROWS
from shrinkage._errors import RequestError
from shrinkage.attachment import Attachment, attach
from shrinkage.rules import L2, L2SP, Decoupled, WeightDecay

STEPS = 8


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def started(rule_name: str, optimizer_name: str, dtype: torch.dtype = torch.float32):
    model = make_model(dtype)
    optimizer = optimizer_for(optimizer_name, model)
    return model, optimizer, attach(optimizer, ROWS[rule_name].rule, model=model)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["f32", "bf16"])
@pytest.mark.parametrize(
    "rule_name, optimizer_name", fitting(ROWS, ["SGD momentum", "AdamW", "AdamW foreach", "Adam fused"])
)
def test_resumed_training_is_uninterrupted_training_bit_for_bit(rule_name, optimizer_name, dtype):
    model, optimizer, _ = started(rule_name, optimizer_name, dtype)
    middle: dict[int, Any] = {}
    for t in range(STEPS):
        middle[t] = through_a_file({"model": model.state_dict(), "optimizer": optimizer.state_dict()})
        train(model, optimizer, 1, start=t)
    for k in (1, 5):
        resumed, again, _ = started(rule_name, optimizer_name, dtype)
        train(resumed, again, 2)  # what is loaded replaces whatever was there
        resumed.load_state_dict(middle[k]["model"])
        again.load_state_dict(middle[k]["optimizer"])
        train(resumed, again, STEPS - k, start=k)
        for a, b in zip(model.parameters(), resumed.parameters(), strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["f32", "bf16"])
@pytest.mark.parametrize("rule_name, optimizer_name", fitting(ROWS, ["SGD momentum", "AdamW"]))
def test_attaching_to_a_loaded_optimizer_is_uninterrupted_training_too(rule_name, optimizer_name, dtype):
    model, optimizer, _ = started(rule_name, optimizer_name, dtype)
    train(model, optimizer, 5)
    saved = through_a_file({"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    resumed = make_model(dtype)
    again = optimizer_for(optimizer_name, resumed)
    again.load_state_dict(saved["optimizer"])
    resumed.load_state_dict(saved["model"])
    handle = attach(again, ROWS[rule_name].rule, model=resumed)
    assert handle.steps == 5
    expected, got = train(model, optimizer, 3, start=5), train(resumed, again, 3, start=5)
    assert all(torch.equal(a, b) for a, b in zip(expected, got, strict=True))


def loaded_before(model: nn.Module, saved: dict[str, Any], order: str = "ab") -> torch.optim.Optimizer:
    groups = [{"params": [*model.get_submodule(name).parameters()]} for name in order]
    optimizer = torch.optim.AdamW(groups, lr=0.1, weight_decay=0)
    optimizer.load_state_dict(saved)
    return optimizer


def test_what_a_loaded_optimizer_holds_is_taken_up_or_refused():
    model = Swapped("ab")
    optimizer, _ = optimizer_of(model, "ab", L2SP(0.3))
    optimizer.step()
    saved = through_a_file(optimizer.state_dict())
    with pytest.raises(RequestError, match=r"a.weight had strength 0.3 in the checkpoint and has 0.5 here"):
        attach(loaded_before(model, saved), L2SP(0.5), model=model)
    with pytest.raises(RequestError, match=r"a.weight has the rule L2SP in the checkpoint and L2 here"):
        attach(loaded_before(model, saved), L2(0.3), model=model)
    with pytest.raises(RequestError, match=r"has a.weight in place of b.weight"):
        attach(loaded_before(model, saved, "ba"), L2SP(0.3), model=model)
    optimizer = loaded_before(model, saved)
    handle = attach(optimizer, L2SP(0.5), model=model, keep="checkpoint")
    assert handle.table()["a.weight"].rule.startswith("L2SP 0.3")
    assert not any(str(key).startswith("shrinkage") for state in optimizer.state.values() for key in state)


@pytest.mark.parametrize("stepped", [(), ("a",)], ids=["no step", "a step of one layer"])
def test_what_has_not_stepped_loads_into_any_optimizer(stepped: tuple[str, ...]):
    model = Swapped("ab")
    optimizer, _ = optimizer_of(model, "ab", L2SP(0.3))
    for name, p in model.named_parameters():
        p.grad = torch.ones_like(p) if name[0] in stepped else None
    if stepped:
        optimizer.step()
    anchor = model.get_parameter("b.weight").detach().clone()
    again = loaded_before(model, through_a_file(optimizer.state_dict()))
    with torch.no_grad():
        model.get_parameter("b.weight").mul_(3)
    handle = attach(again, L2SP(0.3), model=model)
    (kept,) = [claim.anchor for claim in handle.claims.values() if claim.name == "b.weight"]
    assert kept is not None
    assert torch.equal(kept, anchor)
    assert set(again.state) <= set(model.parameters())
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    again.step()


def test_state_that_no_rule_takes_up_stops_the_first_step():
    model = Swapped("ab")
    optimizer, _ = optimizer_of(model, "ab", L2SP(0.3))
    optimizer.step()
    saved = through_a_file(optimizer.state_dict())
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer = loaded_before(model, saved)
    attach(optimizer, L2SP(0.3), model=model, only=("a",))
    with pytest.raises(
        RequestError, match=r"has the state of L2SP for b.weight, but no attached rule uses it"
    ):
        optimizer.step()
    optimizer = loaded_before(model, saved)
    attach(optimizer, L2SP(0.3), model=model, only=("a",))
    attach(optimizer, L2SP(0.3), model=model, only=("b",))
    optimizer.step()
    optimizer = loaded_before(model, saved)
    attach(optimizer, L2SP(0.3), model=model, only=("a",), keep="new")
    optimizer.step()


@pytest.mark.parametrize(
    "how", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"]
)
@pytest.mark.parametrize("rule_name, optimizer_name", fitting(ROWS, ["SGD momentum", "AdamW"]))
def test_a_copy_goes_on_alike_and_alone(rule_name: str, optimizer_name: str, how: Callable[[Any], Any]):
    model, optimizer, handle = started(rule_name, optimizer_name)
    train(model, optimizer, 4)
    before = [p.detach().clone() for p in model.parameters()]
    twin, twins_optimizer, twins_handle = how((model, optimizer, handle))
    assert isinstance(twins_handle, Attachment)
    assert twins_handle.optimizer is twins_optimizer
    result = train(twin, twins_optimizer, 3, start=4)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), before, strict=True))
    for a, b in zip(train(model, optimizer, 3, start=4), result, strict=True):
        assert torch.equal(a, b)


def test_a_copy_of_a_copy_can_be_taken_off():
    twin, twins_optimizer, handle = copy.deepcopy(copy.deepcopy(started("Decoupled schedule", "SGD")))
    handle.remove()
    bare = make_model(torch.float32)
    expected = train(bare, optimizer_for("SGD", bare), 3)
    assert all(torch.equal(a, b) for a, b in zip(train(twin, twins_optimizer, 3), expected, strict=True))


class Swapped(nn.Module):
    """Two layers of one shape, so that a mix-up would go unnoticed."""

    def __init__(self, order: str):
        super().__init__()
        for name in order:
            self.add_module(name, nn.Linear(3, 3))


def optimizer_of(model: nn.Module, order: str, rule=None, **options):
    groups = [{"params": [*model.get_submodule(name).parameters()]} for name in order]
    optimizer = torch.optim.AdamW(groups, lr=0.1, weight_decay=0)
    handle = attach(optimizer, rule or L2SP(0.3), model=model, **options)
    for name, p in model.named_parameters():
        p.grad = torch.full_like(p, float(ord(name[0])))
    return optimizer, handle


@pytest.mark.parametrize("rule", [L2SP(0.3), Decoupled(0.3)], ids=["hook", "native"])
def test_names_are_matched_not_positions(rule):
    model, other = Swapped("ab"), Swapped("ba")
    optimizer, _ = optimizer_of(model, "ab", rule)
    optimizer.step()
    other.load_state_dict(model.state_dict())
    resumed, _ = optimizer_of(other, "ba", rule)
    resumed.load_state_dict(through_a_file(optimizer.state_dict()))
    for name in ("a.weight", "b.weight", "a.bias"):
        mine, theirs = optimizer.state[model.get_parameter(name)], resumed.state[other.get_parameter(name)]
        assert torch.equal(mine["exp_avg"], theirs["exp_avg"])
    optimizer.step()
    resumed.step()
    assert all(torch.equal(p, other.get_parameter(n)) for n, p in model.named_parameters())


def test_groups_may_be_split_differently_if_their_options_agree():
    model = Swapped("ab")
    optimizer, _ = optimizer_of(model, "ab", Decoupled(0.3))
    optimizer.step()
    whole = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0)
    attach(whole, Decoupled(0.3), model=model, lower=False)
    whole.load_state_dict(optimizer.state_dict())
    assert len(whole.param_groups) == 1
    assert whole.param_groups[0]["weight_decay"] == 0
    a, b = model.get_parameter("a.weight"), model.get_parameter("b.weight")
    assert torch.equal(whole.state[a]["exp_avg"], optimizer.state[a]["exp_avg"])
    optimizer.param_groups[0]["lr"] = 0.5
    with pytest.raises(RequestError, match=r"were in groups with different options in the checkpoint"):
        whole.load_state_dict(optimizer.state_dict())
    assert torch.equal(whole.state[b]["exp_avg"], optimizer.state[b]["exp_avg"])


@pytest.mark.parametrize("keep, strength", [("new", 0.5), ("checkpoint", 0.3)])
@pytest.mark.parametrize("kind", [Decoupled, L2], ids=["native", "hook"])
def test_another_strength_needs_a_word(keep, strength, kind):
    model = Swapped("ab")
    saved = through_a_file(optimizer_of(model, "ab", kind(0.3))[0].state_dict())
    strict, _ = optimizer_of(model, "ab", kind(0.5))
    with pytest.raises(
        RequestError, match=r'a.weight had strength 0.3 in the checkpoint and has 0.5 here.*keep="new"'
    ):
        strict.load_state_dict(saved)
    told, handle = optimizer_of(model, "ab", kind(0.5), keep=keep)
    told.load_state_dict(saved)
    assert {row.rule.split()[1] for row in handle.table() if row.how} == {f"{strength:g}"}
    assert {g["weight_decay"] for g in told.param_groups} == {0}


def test_another_rule_or_another_exemption_needs_a_word():
    model = Swapped("ab")
    saved = optimizer_of(model, "ab", Decoupled(0.3))[0].state_dict()
    for rule, exempt in (
        (WeightDecay(0.3), ("bias", "norm")),
        (Decoupled(0.3), ("bias", "a")),
        (Decoupled(0.3), ()),
    ):
        strict, _ = optimizer_of(model, "ab", rule, exempt=exempt)
        with pytest.raises(RequestError, match=r"in the checkpoint and \w+ here"):
            strict.load_state_dict(saved)
        optimizer_of(model, "ab", rule, exempt=exempt, keep="new")[0].load_state_dict(saved)


def test_a_checkpoint_that_knows_no_rule():
    model = Swapped("ab")
    saved = torch.optim.AdamW(model.parameters(), weight_decay=0).state_dict()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0)
    attach(optimizer, L2(0.1), model=model)
    with pytest.warns(UserWarning, match="the checkpoint has no rule, so L2 starts from scratch"):
        optimizer.load_state_dict(saved)


def test_the_bare_optimizer_reads_a_checkpoint_with_a_rule():
    model = Swapped("ab")
    optimizer, _ = optimizer_of(model, "ab")
    optimizer.step()
    bare = torch.optim.AdamW(
        [{"params": [*model.get_submodule(n).parameters()]} for n in "ab"], weight_decay=0
    )
    bare.load_state_dict(optimizer.state_dict())
    p = model.get_parameter("a.weight")
    assert torch.equal(bare.state[p]["exp_avg"], optimizer.state[p]["exp_avg"])


def test_other_names_and_other_shapes_are_named():
    saved = optimizer_of(Swapped("ab"), "ab")[0].state_dict()
    other, _ = optimizer_of(Swapped("ac"), "ac")
    with pytest.raises(
        RequestError, match=r"Missing from it: c.bias, c.weight; unknown here: b.bias, b.weight"
    ):
        other.load_state_dict(saved)
    saved["shrinkage"]["parameters"]["a.weight"]["shape"] = [2, 3]
    same, _ = optimizer_of(Swapped("ab"), "ab")
    with pytest.raises(
        RequestError, match=r"a.weight has shape \[3, 3\] here and \[2, 3\] in the checkpoint"
    ):
        same.load_state_dict(saved)


def test_a_checkpoint_of_a_wrapped_model_fits_the_bare_one():
    model = Swapped("ab")
    saved = optimizer_of(model, "ab")[0].state_dict()
    wrapped = nn.DataParallel(model)
    optimizer = torch.optim.AdamW(wrapped.parameters(), lr=0.1, weight_decay=0)
    attach(optimizer, L2SP(0.3), model=wrapped)
    optimizer.load_state_dict(saved)


def test_two_rules_share_a_checkpoint():
    def build(first: float, second: float):
        model = Swapped("ab")
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        attach(optimizer, L2SP(first), model=model, only=("a",))
        attach(optimizer, Decoupled(second), model=model, only=("b",))
        return optimizer

    saved = through_a_file(build(0.1, 0.2).state_dict())
    build(0.1, 0.2).load_state_dict(saved)
    with pytest.raises(RequestError, match=r"b.weight had strength 0.2"):
        build(0.1, 0.3).load_state_dict(saved)
    with pytest.raises(RequestError, match=r"a.weight had strength 0.1"):
        build(0.2, 0.2).load_state_dict(saved)


def test_keep_new_starts_a_rule_from_scratch_without_a_warning():
    model = Swapped("ab")
    saved = torch.optim.AdamW(model.parameters(), lr=0.7, weight_decay=0).state_dict()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0)
    handle = attach(optimizer, L2(0.1), model=model, keep="new")
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["lr"] == 0.7
    assert handle.table()["a.weight"].rule.startswith("L2 0.1")


def test_a_checkpoint_of_another_format_is_not_guessed_at():
    model = Swapped("ab")
    optimizer, _ = optimizer_of(model, "ab")
    saved = through_a_file(optimizer.state_dict())
    saved["shrinkage"]["format"] = 99
    optimizer.param_groups[0]["lr"] = 0.7
    with pytest.raises(RequestError, match=r"rule has format 99, but this version reads \d+\. Load it with"):
        optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["lr"] == 0.7, "something of it was loaded"


def test_a_group_that_waits_for_parameters_keeps_its_options():
    """No name says which group of the checkpoint it was."""
    model = Swapped("ab")
    saved = through_a_file(optimizer_of(model, "ab", Decoupled(0.3))[0].state_dict())
    whole = torch.optim.AdamW(model.parameters(), lr=0.9, weight_decay=0)
    whole.add_param_group({"params": [], "lr": 0.5})
    attach(whole, Decoupled(0.3), model=model, lower=False)
    whole.load_state_dict(saved)
    assert [(len(g["params"]), g["lr"]) for g in whole.param_groups] == [(4, 0.1), (0, 0.5)]


def test_a_copied_optimizer_refuses_a_parameter_of_unknown_role():
    _, optimizer, _ = copy.deepcopy(started("Decoupled schedule", "SGD"))
    new = nn.Parameter(torch.ones(2, 2))
    new.grad = torch.zeros_like(new)
    optimizer.add_param_group({"params": [new]})
    with pytest.raises(RequestError, match=r"was copied or loaded with its rule.*Attach again"):
        optimizer.step()
    assert torch.equal(new.detach(), torch.ones(2, 2))
