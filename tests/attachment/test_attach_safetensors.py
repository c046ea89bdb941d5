"""A rule's state in files that hold tensors alone: the state of each parameter and its options, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.optim import Optimizer

from attachment_cases import fitting, make_model, optimizer_for, train
from rules_cases import ROWS
from shrinkage.attachment import attach


def through_safetensors(optimizer: Optimizer, path: Path) -> dict[str, Any]:
    """The state as a trainer without pickles keeps it; options go through its own text file."""
    saved: Any = optimizer.state_dict()
    flat = {
        f"{at} {key}": value.contiguous()
        for at, entry in saved["state"].items()
        for key, value in entry.items()
    }
    save_file(flat, path)
    state: dict[Any, dict[str, Any]] = {}
    for name, value in load_file(path).items():
        at, _, key = name.partition(" ")
        state.setdefault(int(at) if at.isdigit() else at, {})[key] = value
    return {"state": state, "param_groups": saved["param_groups"]}


@pytest.mark.parametrize("attach_first", [True, False], ids=["attach, load", "load, attach"])
@pytest.mark.parametrize("rule_name, optimizer_name", fitting(ROWS, ["SGD", "AdamW"]))
def test_a_rule_goes_on_from_safetensors_in_either_order(
    rule_name: str, optimizer_name: str, attach_first: bool, tmp_path: Path
):
    rule = ROWS[rule_name].rule
    model = make_model(torch.float32)
    optimizer = optimizer_for(optimizer_name, model)
    attach(optimizer, rule, model=model)
    train(model, optimizer, 4)
    weights = {name: w.clone() for name, w in model.state_dict().items()}
    kept = through_safetensors(optimizer, tmp_path / "optimizer.safetensors")
    expected = train(model, optimizer, 3, start=4)
    resumed = make_model(torch.float32, seed=1)
    again = optimizer_for(optimizer_name, resumed)
    if attach_first:  # at other weights, from which a rule must not start
        attach(again, rule, model=resumed)
    resumed.load_state_dict(weights)
    again.load_state_dict(kept)
    if not attach_first:
        attach(again, rule, model=resumed)
    for a, b in zip(expected, train(resumed, again, 3, start=4), strict=True):
        assert torch.equal(a, b)
