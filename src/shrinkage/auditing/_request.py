"""What the user gave beside the optimizer, checked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from shrinkage._errors import RequestError, called, shown
from shrinkage.auditing._unchecked import WHY_MISSING, Need
from shrinkage.auditing.subjects._subject import parameters_of

__all__ = ["Request", "check_given", "counted", "list_optimizers", "unwrap_optimizer"]

_TRAINERS = {"accelerate", "lightning", "pytorch_lightning"}
"""Packages whose optimizers wrap a torch one and step by way of the trainer."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """The user's arguments besides the optimizer."""

    rows: int | None = None
    batch_size: int | None = None
    steps: int | None = None
    scheduler: Any = None
    scheduler_every: int = 1
    loss: Callable[[], Tensor] | None = None
    inputs: Any = None
    lacks: Mapping[Need, str] = field(default_factory=dict)
    """Needs that a file lacks, and why, in addition to arguments that were not given."""
    lacks_part: Mapping[Need, str] = field(default_factory=dict)
    """Needs that it lacks for some parameters, and why."""
    roles: Mapping[int, str] = field(default_factory=dict)
    """Roles of parameters, by their id, that no model tells."""
    shapeless: Collection[int] = ()
    """Parameters, by their id, whose shape is not known: another stands for it."""

    def missing(self, model: nn.Module | None) -> dict[Need, str]:
        """Needs that the user did not give, with the reasons."""
        is_nameless = model is None and "model" not in self.lacks
        absent: dict[Need, bool] = {
            "model": is_nameless,
            "biases": is_nameless,
            "roles": is_nameless,
            "matrices": is_nameless,
            "rows": self.rows is None or self.batch_size is None,
            "steps": self.steps is None,
            "scheduler": self.scheduler is None,
            "loss": self.loss is None,
            "inputs": self.inputs is None,
        }
        return {need: WHY_MISSING[need] for need, is_absent in absent.items() if is_absent}


def unwrap_optimizer(optimizer: Any) -> torch.optim.Optimizer:
    """The torch optimizer inside a trainer's wrapper, which steps by ways of its own."""
    inner = getattr(optimizer, "optimizer", None)
    homes = {kind.__module__.partition(".")[0] for kind in type(optimizer).__mro__}
    is_wrapper = not isinstance(optimizer, torch.optim.Optimizer) or bool(homes & _TRAINERS)
    return unwrap_optimizer(inner) if is_wrapper and isinstance(inner, torch.optim.Optimizer) else optimizer


def list_optimizers(optimizer: Any) -> list[Any]:
    """The optimizers in a list or dict, nested or not, each once."""
    if isinstance(optimizer, Mapping):
        optimizer = list(optimizer.values())
    if isinstance(optimizer, list | tuple):
        inside = [each for part in optimizer for each in list_optimizers(part)]
        return list({id(each): each for each in inside}.values())
    return [unwrap_optimizer(optimizer)]


def counted(**counts: int | None) -> dict[str, Any]:
    """The counts as whole numbers >= 1, or None where they were not given."""
    for name, value in counts.items():
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1
        ):
            raise RequestError(
                f"{called(name, of='audit')}: must be a whole number >= 1, got {shown(value)}."
            )
    return {name: None if value is None else int(value) for name, value in counts.items()}


def check_given(optimizer: Any, model: Any) -> None:
    """Refuse what can't be measured, in a sentence.

    Raises:
        RequestError: the optimizer or the model is something else, or has no values yet.
    """
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise RequestError(
            f"{called('optimizer', of='audit')}: must be a torch.optim.Optimizer, got {shown(optimizer)}. "
            f"{_way_to_measure(optimizer)}"
        )
    if model is not None and not isinstance(model, nn.Module):
        raise RequestError(f"{called('model', of='audit')}: must be a torch.nn.Module, got {shown(model)}.")
    held = list(parameters_of(optimizer))
    named = {id(p): name for name, p in model.named_parameters()} if model is not None else {}
    lazy = [p for p in (*held, *(model.parameters() if model is not None else ())) if is_lazy(p)]
    if lazy:
        name = named.get(id(lazy[0]), "a parameter")
        raise RequestError(
            f"{called('optimizer', of='audit')}: {name} belongs to a lazy module and has no shape yet. "
            "Run the model once on a batch, then build the optimizer and audit it."
        )
    if any(p.is_meta for p in held):
        raise RequestError(
            f"{called('optimizer', of='audit')}: its parameters are on the meta device and have no values. "
            "Give them values first: model.to_empty(device=…), then initialize or load them."
        )


def _way_to_measure(optimizer: Any) -> str:
    if type(optimizer).__module__.partition(".")[0] == "keras":
        return "Measure a Keras optimizer with shrinkage.integrations.keras.audit(model)."
    for name, inner in getattr(optimizer, "__dict__", {}).items():
        if isinstance(inner, torch.optim.Optimizer):
            return f"Give the optimizer inside it, its .{name}, of {type(inner).__name__}."
    return "Measure any other update with audit_step(step, parameters)."
