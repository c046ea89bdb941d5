"""Every optimizer and setting that torch tests itself with: strength 0, a decay by hand, and a state that is loaded."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from shrinkage._errors import RequestError
from shrinkage.attachment import attach
from shrinkage.rules import L2, Decoupled, Rule
from torch_table_cases import NAMES, build, fresh, steps, torch_table

LAM = 0.05


def rules_for(name: str, strength: float) -> list[Rule]:
    return [L2(strength)] if name == "LBFGS" else [L2(strength), Decoupled(strength)]


def test_the_table_is_the_whole_of_torch():
    assert set(torch_table()) == {*NAMES, "SparseAdam"}
    with pytest.raises(RequestError, match="SparseAdam accepts only sparse gradients"):
        attach(torch.optim.SparseAdam(fresh().parameters()), L2(0.1), model=fresh())


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_strength_zero_changes_no_bit(name: str, lower: bool):
    for options in torch_table()[name]:
        bare = fresh(torch.float32)
        expected = steps(bare, build(name, bare, options), range(3))
        for rule in rules_for(name, 0.0):
            model = fresh(torch.float32)
            optimizer = build(name, model, options)
            attach(optimizer, rule, model=model, lower=lower)
            got = steps(model, optimizer, range(3))
            assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True)), options


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_decay_is_the_loop_by_hand(name: str, lower: bool):
    # L-BFGS divides by differences of gradients, 80 times in these steps: the order of a sum's last bit shows.
    bound = 1e-6 if name == "LBFGS" else 1e-12
    for options in torch_table()[name]:
        for rule in rules_for(name, LAM):
            ours, theirs = fresh(), fresh()
            optimizer, by_hand = build(name, ours, options), build(name, theirs, options)
            attach(optimizer, rule, model=ours, lower=lower)
            pulled: list[torch.Tensor] = [p for p in theirs.parameters() if p.ndim > 1]
            sign = -1.0 if options.get("maximize") else 1.0

            def penalty(pulled: list[torch.Tensor] = pulled, sign: float = sign) -> torch.Tensor:
                return torch.stack([p.square().sum() for p in pulled]).sum() * (sign * LAM / 2)

            def before(pulled: list[torch.Tensor] = pulled, by_hand: torch.optim.Optimizer = by_hand) -> None:
                for p in pulled:
                    p.mul_(1 - float(by_hand.param_groups[0]["lr"]) * LAM)

            got = steps(ours, optimizer, range(4))
            how: dict[str, Any] = {"penalty": penalty} if rule.entry == "loss" else {"before": before}
            expected = steps(theirs, by_hand, range(4), **how)
            for a, b in zip(got, expected, strict=True):
                torch.testing.assert_close(a, b, rtol=bound, atol=bound, msg=f"{options}")


@pytest.mark.parametrize("name", NAMES)
def test_a_state_that_is_saved_and_loaded_goes_on_with_the_same_bits(name: str):
    for options in torch_table()[name]:
        for rule in rules_for(name, LAM):
            model = fresh(torch.float32)
            optimizer = build(name, model, options)
            attach(optimizer, rule, model=model)
            steps(model, optimizer, range(2))
            weights = {key: value.clone() for key, value in model.state_dict().items()}
            saved = copy.deepcopy(optimizer.state_dict())
            expected = None
            for order in ("whole", "attach, load", "load, attach"):
                again, resumed = fresh(torch.float32), None
                if order == "whole":
                    again, resumed = model, optimizer
                else:
                    again.load_state_dict(weights)
                    resumed = build(name, again, options)
                    if order == "attach, load":
                        attach(resumed, rule, model=again)
                    resumed.load_state_dict(copy.deepcopy(saved))  # torch shares its tensors
                    if order == "load, attach":
                        attach(resumed, rule, model=again)
                got = steps(again, resumed, range(2, 4))
                if expected is not None:
                    assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True)), (
                        order,
                        options,
                    )
                expected = got
