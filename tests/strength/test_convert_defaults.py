"""The defaults that the notes state are those of the installed torch, and no optimizer of it is missing."""

from __future__ import annotations

import inspect

import pytest
import torch

from shrinkage.strength import conventions

DECAYING = {
    name: inspect.signature(kind).parameters["weight_decay"].default
    for name, kind in vars(torch.optim).items()
    if isinstance(kind, type) and "weight_decay" in inspect.signature(kind).parameters
}


@pytest.mark.parametrize("name", DECAYING)
def test_every_optimizer_of_torch_is_there_with_its_default(name):
    rows = [c for c in conventions("torch.optim.") if c.name == f"torch.optim.{name}"]
    assert len(rows) == 1
    default = DECAYING[name]
    assert (f"Default {default:g}." in rows[0].note) == (default != 0)
