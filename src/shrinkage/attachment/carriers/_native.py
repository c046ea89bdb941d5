"""What a torch optimizer's own `weight_decay` means, and which rules it can carry out itself."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch.optim import Optimizer

from shrinkage._errors import RequestError
from shrinkage.rules import L2Force, Rule

__all__ = [
    "LBFGSLike",
    "clear_native",
    "native_meaning",
    "native_strength",
    "refuse_impossible",
    "runs_natively",
]

Group = dict[str, Any]
Meaning = Literal["coupled", "decoupled"]

_COUPLED = (
    torch.optim.SGD,
    torch.optim.Adam,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.RMSprop,
    torch.optim.Adagrad,
    torch.optim.Adadelta,
    torch.optim.Adamax,
    torch.optim.ASGD,
)
_DECOUPLED = (torch.optim.AdamW, torch.optim.Adafactor, torch.optim.Muon)
_NO_MOMENT = (
    torch.optim.Adamax,
    torch.optim.SGD,
    torch.optim.LBFGS,
    torch.optim.Rprop,
    torch.optim.Adafactor,
)
_RECOMPUTES_WEIGHTS = ("FTRL", "MADGRAD", "MirrorMADGRAD", "DAdaptAdaGrad", "DAdaptSGD", "SRMM")
"""Classes of several packages that keep a start, a dual sum or a mean, and compute the weights from it in each step."""
_STRENGTHS = ("weight_decay", "wd")
LBFGSLike = (torch.optim.LBFGS,)


def native_meaning(optimizer: Optimizer, group: Group) -> Meaning | None:
    """Meaning of `weight_decay` in `group`: λw in the gradient, η·λ·w off the weight, or unknown."""
    if type(optimizer) in _DECOUPLED:
        return "decoupled"
    if type(optimizer) in _COUPLED:
        return "decoupled" if group.get("decoupled_weight_decay") else "coupled"
    return None


def native_strength(group: Group) -> float:
    """The weight decay that the optimizer applies to `group` itself; 0 if it has none."""
    return max((float(group[key]) for key in _STRENGTHS if group.get(key)), default=0.0)


def clear_native(group: Group, defaults: Group) -> None:
    """Leave `group` without a weight decay of its own, with the meaning that the optimizer was built with."""
    for key in _STRENGTHS:
        if group.get(key):
            group[key] = 0.0
    if "decoupled_weight_decay" in group and "decoupled_weight_decay" in defaults:
        group["decoupled_weight_decay"] = defaults["decoupled_weight_decay"]


def runs_natively(optimizer: Optimizer, group: Group, rule: Rule) -> bool:
    """True when `rule` is what the optimizer's own `weight_decay`, set anew every step, does in `group`.

    A kernel that takes off `lr·weight_decay` follows any clock: it is given `s_t/lr`. Adam, NAdam and RAdam do so with
    a switch. A tensor as learning rate keeps to the clock that needs no division.
    """
    plain = isinstance(rule.force, L2Force) and rule.anchor == "zero" and rule.modulation is None
    if rule.factors != 1 and rule.clock == "lr":
        return False  # the kernel would remove lr·λ of each factor
    if not plain or isinstance(rule.strength, torch.Tensor) or isinstance(optimizer, torch.optim.Adafactor):
        return False  # Adafactor computes its step size from the weights before it decays them
    if isinstance(optimizer, torch.optim.Muon) and isinstance(group.get("lr"), torch.Tensor):
        return False  # Muon's kernel would round 1 − lr·λ to the float32 of that tensor
    if rule.entry == "loss":
        return native_meaning(optimizer, group) == "coupled"
    clock_fits = rule.clock == "lr" or not isinstance(group.get("lr"), torch.Tensor)
    can_decouple = type(optimizer) in _DECOUPLED or "decoupled_weight_decay" in group
    return (
        rule.entry == "before" and clock_fits and can_decouple and type(optimizer) in (*_COUPLED, *_DECOUPLED)
    )


def refuse_impossible(optimizer: Optimizer, rule: Rule) -> None:
    """Raise where the optimizer cannot carry the rule, with the reason."""
    kind, where = type(optimizer).__name__, f"attach({type(optimizer).__name__}, {rule.name}(…))"
    if isinstance(optimizer, torch.optim.SparseAdam):
        raise RequestError(
            f"{where}: SparseAdam accepts only sparse gradients, but a decay is dense. Use Adam with dense "
            'embeddings, or SGD with rows="touched".'
        )
    if any(group.get("differentiable") for group in optimizer.param_groups):
        raise RequestError(
            f"{where}: with differentiable=True the steps are part of the graph, but the rule's would not "
            "be. Build the optimizer without it, or put the decay in the loss."
        )
    if isinstance(optimizer, LBFGSLike) and not rule.has_objective:
        raise RequestError(
            f"{where}: the line search and the curvature of {kind} need an objective, but this rule has "
            "none. Use a penalty in the error: L2, L1, ElasticNet, L2SP, Huber or WeightElimination."
        )
    averages = any("train_mode" in group for group in optimizer.param_groups)
    if averages and rule.entry != "loss":
        raise RequestError(
            f"{where}: a schedule-free optimizer keeps a point between two sequences; moving that point "
            "alone would break their relation. Use a rule in the loss (L2, L1, …), or the optimizer's own "
            "weight_decay."
        )
    if kind in _RECOMPUTES_WEIGHTS and rule.entry != "loss":
        raise RequestError(
            f"{where}: {kind} recomputes the weights in each step from a stored point that the rule does not change, so "
            "most of the decay would be undone. Use a rule in the loss (L2, L1, …)."
        )
    no_moment = isinstance(optimizer, _NO_MOMENT) or any("betas" not in g for g in optimizer.param_groups)
    if rule.modulation is not None and rule.modulation.needs_second_moment and no_moment:
        raise RequestError(
            f"{where}: the rule is scaled by Adam's second moment, which {kind} does not keep. "
            "Use Adam, AdamW, NAdam or RAdam."
        )
