"""torch.testing's own table of optimizers and their settings, as torch tests them."""

from __future__ import annotations

import sys
import types
import unittest
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from attachment_cases import loss_at, make_model

NAMES = (
    "Adadelta", "Adafactor", "Adagrad", "Adam", "Adamax", "AdamW", "ASGD", "LBFGS", "Muon", "NAdam", "RAdam", "RMSprop",
    "Rprop", "SGD",
)  # fmt: skip


@cache
def torch_table() -> dict[str, list[dict[str, Any]]]:
    """The settings of every optimizer on a CPU, without a weight decay of their own."""
    hollow: Any = types.ModuleType("expecttest")  # torch's test classes are built on it; none of them is used
    hollow.TestCase, hollow.assert_expected_inline = unittest.TestCase, None
    absent = sys.modules.setdefault("expecttest", hollow) is hollow
    try:  # not patch.dict, which would also forget the modules that this imports: torch registers them only once
        from torch.testing._internal.common_optimizers import optim_db
    finally:
        if absent:
            del sys.modules["expecttest"]
    table = {}
    for info in optim_db:
        settings = [dict(x.kwargs) for x in info.optim_inputs_func(torch.device("cpu"))]
        for options in settings:
            options.pop("weight_decay", None)
        optimizer: Any = info.optim_cls  # annotated as an instance; it is the class
        table[optimizer.__name__] = settings
    return table


def build(name: str, model: nn.Module, options: dict[str, Any]) -> Optimizer:
    """The optimizer over the model's parameters, of Muon over its matrices, with no weight decay."""
    kind = getattr(torch.optim, name)
    params = [p for p in model.parameters() if name != "Muon" or p.ndim == 2]
    copied = {key: value.clone() if isinstance(value, Tensor) else value for key, value in options.items()}
    off = {"weight_decay": 0.0} if name in ("AdamW", "Muon") else {}
    return kind(params, **off, **copied)


def steps(
    model: nn.Module,
    optimizer: Optimizer,
    ts: range,
    *,
    before: Callable[[], None] = lambda: None,
    penalty: Callable[[], Tensor | float] = lambda: 0.0,
) -> list[Tensor]:
    """Plain training with closures: `penalty` is part of the loss, `before` changes the weights ahead of the step."""
    for t in ts:

        def closure(t: int = t) -> Tensor:
            optimizer.zero_grad()
            loss = loss_at(model, t) + penalty()
            loss.backward()
            return loss

        if isinstance(optimizer, torch.optim.LBFGS):
            optimizer.step(closure)
        else:
            closure()
            with torch.no_grad():
                before()
            optimizer.step()
    return [p.detach().clone() for p in model.parameters()]


def fresh(dtype: torch.dtype = torch.float64) -> nn.Module:
    return make_model(dtype)
