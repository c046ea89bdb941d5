"""Which controllers go with which rules and optimizers, and why others don't."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from shrinkage._errors import RequestError, shown
from shrinkage.attachment.carriers._native import LBFGSLike
from shrinkage.attachment.control._loop_batches import number_of_rows
from shrinkage.networks import places_of
from shrinkage.networks.module import MODULE_LOSSES
from shrinkage.rules import CONTROLLERS, Evidence, Hypergradient, L2Force, Rule, Timescale

__all__ = ["check_control", "unwrap_model"]


def check_control(
    control: Any,
    optimizer: Optimizer,
    rule: Rule,
    model: nn.Module | None,
    *,
    steps: int | None,
    lr: float,
    strengths: str,
    given: dict[str, Any],
) -> None:
    """Raise where λ can't be moved by this controller here, with the reason.

    Args:
        control: the controller.
        optimizer: the optimizer.
        rule: whose strength would move.
        model: as the user gave it.
        steps: of the run, if known.
        lr: the peak learning rate, 0 or NaN where it isn't known.
        strengths: what has a strength of its own.
        given: other arguments of `attach` by name, None where they weren't given.
    """
    if not isinstance(control, tuple(CONTROLLERS.values())):
        names = ", ".join(kind.__name__ for kind in CONTROLLERS.values())
        raise RequestError(f"attach(control=…): must be one of {names}, got {shown(control)}.")
    if strengths not in ("network", "groups", "layers"):
        raise RequestError(
            f"attach(strengths=…): must be one of network, groups, layers, got {shown(strengths)}."
        )
    where = f"attach({type(optimizer).__name__}, {rule.name}(…), control={type(control).__name__}(…))"
    _check_together(where, optimizer, rule, lr, given)
    check: dict[type, Callable[[], None]] = {
        Hypergradient: lambda: _check_hypergradient(where, control, rule, model),
        Evidence: lambda: _check_evidence(where, control, rule, model, given),
        Timescale: lambda: _check_timescale(where, optimizer, rule, steps, lr),
    }
    check.get(type(control), lambda: None)()


def unwrap_model(model: nn.Module) -> nn.Module:
    """The module inside DDP, DataParallel and `torch.compile`."""
    while True:
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            model = model.module
        elif isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        else:
            return model


def _check_together(where: str, optimizer: Optimizer, rule: Rule, lr: float, given: dict[str, Any]) -> None:
    reasons = {
        "schedule": "a schedule changes the strength too. Leave one of them out",
        "parameters": (
            "stacked models have one strength each. Use lambda_path for many λs, or control one model"
        ),
        "native": (
            "there is only one λ to move, and it starts at the rule's strength. Build the optimizer "
            "with weight_decay=0"
        ),
    }
    for name, why in reasons.items():
        if given.get(name):
            raise RequestError(f"{where}: {name}=… can't be combined with control=…: {why}.")
    if isinstance(rule.strength, Tensor):
        raise RequestError(f"{where}: the strength must be a number, from which λ starts; got a tensor.")
    if isinstance(optimizer, LBFGSLike):
        raise RequestError(
            f"{where}: the line search and the curvature of {type(optimizer).__name__} need an objective that stays the "
            "same. Use another optimizer, or a fixed λ."
        )
    own_unit = rule.modulation is not None and rule.modulation.own_unit
    if own_unit or rule.entry == "project":
        raise RequestError(
            f"{where}: the strength of {rule.name} is not a λ but "
            f"{'has its own unit' if own_unit else 'a radius'}. Use L2, L1 or Decoupled."
        )
    if rule.is_fraction and not 0 < lr < math.inf:
        raise RequestError(
            f"{where}: the strength is a fraction per step, which corresponds to a λ only at a known "
            "learning rate. Give attach(…, lr_max=…)."
        )
    if given.get("multipliers") and given.get("strengths") != "network":
        raise RequestError(
            f"{where}: with strengths={given['strengths']!r} each has its own λ, so the first update would "
            "override multipliers=…. Leave them out."
        )


def _check_data(where: str, control: Any, model: nn.Module | None) -> None:
    if model is None:
        raise RequestError(f"{where}: it runs the model on its own batches. Give model=….")
    if control.batches is None or control.loss is None:
        rows = "validation" if isinstance(control, Hypergradient) else "training"
        raise RequestError(
            f"{where}: in a training loop it needs {rows} batches and their loss. Write "
            f"{type(control).__name__}(batches, 'cross_entropy')."
        )
    shared = torch.distributed.is_available() and torch.distributed.is_initialized()
    if shared and torch.distributed.get_world_size() > 1:
        raise RequestError(
            f"{where}: each process would move λ by its own rows. Choose λ in one process, or use "
            "TargetNorm or Timescale."
        )


def _check_hypergradient(where: str, control: Hypergradient, rule: Rule, model: nn.Module | None) -> None:
    _check_data(where, control, model)
    if not (callable(control.loss) or control.loss in MODULE_LOSSES):
        raise RequestError(
            f"{where}: loss must be {', '.join(MODULE_LOSSES)}, or a function of outputs and targets, got "
            f"{shown(control.loss)}."
        )
    if not rule.stateless:
        raise RequestError(
            f"{where}: how the weights respond to the strength of {rule.name} depends on its state. Use "
            "L2, L1 or Decoupled."
        )
    if control.inverse != "step" and control.training is None:
        raise RequestError(
            f"{where}: inverse={control.inverse!r} needs the curvature of the training loss. Give "
            "Hypergradient(…, training=batches)."
        )
    if control.inverse != "step" and (not isinstance(rule.force, L2Force) or rule.modulation is not None):
        raise RequestError(
            f"{where}: inverse={control.inverse!r} assumes the minimum of a loss with an L2 penalty. Use "
            "L2 or inverse='step'."
        )
    if control.inverse == "curvature" and not isinstance(control.loss, str):
        raise RequestError(
            f"{where}: inverse='curvature' knows the curvature of {', '.join(MODULE_LOSSES)}. Use one of these, or "
            "inverse='cg'."
        )


def _check_evidence(
    where: str, control: Evidence, rule: Rule, model: nn.Module | None, given: dict[str, Any]
) -> None:
    if rule.entry != "loss" or not isinstance(rule.force, L2Force) or rule.modulation is not None:
        raise RequestError(
            f"{where}: the evidence assumes a Gaussian prior, which is an L2 penalty in the loss; "
            f"{rule.name} is not one. Use L2."
        )
    if rule.anchor != "zero":
        raise RequestError(f"{where}: the prior is centred at 0, but {rule.name} pulls elsewhere. Use L2.")
    _check_data(where, control, model)
    if control.loss not in MODULE_LOSSES:
        raise RequestError(
            f"{where}: the loss must be a likelihood, {' or '.join(MODULE_LOSSES)}, got "
            f"{shown(control.loss)}."
        )
    if control.rows is None and not number_of_rows(control.batches):
        raise RequestError(f"{where}: λ = δ/n needs the number of training rows. Give Evidence(…, rows=n).")
    if given.get("multipliers"):
        raise RequestError(
            f"{where}: the evidence sets the strengths, so multipliers=… would no longer hold. Leave them "
            "out, or use strengths='layers'."
        )
    assert model is not None
    if any(place.role.name == "norm" for place in places_of(model)):
        warnings.warn(
            f"{where}: in front of normalization layers the size of a weight does not change the output, "
            "so the evidence finds no finite λ for it (arXiv 2206.08900). Watch handle.trace(), or use "
            "Hypergradient.",
            stacklevel=6,  # the caller of attach
        )


def _check_timescale(where: str, optimizer: Optimizer, rule: Rule, steps: int | None, lr: float) -> None:
    if steps is None:
        raise RequestError(f"{where}: a share of the run needs its length. Give attach(…, steps=…).")
    if not 0 < lr < math.inf:
        raise RequestError(
            f"{where}: the timescale is 1/(lr·λ), but the learning rate is unknown. Give attach(…, lr_max=…)."
        )
    if not isinstance(rule.force, L2Force):
        raise RequestError(
            f"{where}: {rule.name} does not remove a fraction of each weight, so it has no timescale. Use "
            "Decoupled."
        )
    if rule.entry == "loss" and not isinstance(optimizer, torch.optim.SGD):
        raise RequestError(
            f"{where}: a penalty in the loss passes through the optimizer's scaling, so each weight has "
            "its own timescale. Use Decoupled."
        )
