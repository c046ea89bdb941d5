"""What a rule does now, in numbers for a logger."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import torch
from torch import Tensor

from shrinkage.attachment._handle import Handle
from shrinkage.attachment._step import Bunch
from shrinkage.rules import L2Force, Rule, factor_at, plain, wide
from shrinkage.strength import asymptotic_shrink, momentum_gain

__all__ = [
    "anchors_of",
    "canonical_lambda",
    "equilibrium_norm",
    "group_names",
    "measurements",
    "multiplier_of",
    "shrinks_now",
]


@torch.no_grad()
def measurements(handle: Handle) -> dict[str, float]:
    """The numbers of `Attachment.log`."""
    names = group_names(handle)
    numbers: dict[str, float] = {}
    for bunch, rule in _rules_now(handle):
        rule = replace(rule, factors=1)  # of a product, what it loses as a whole
        numbers |= {
            f"shrinkage/{names[bunch]}/{key}": value for key, value in _of_bunch(handle, bunch, rule).items()
        }
    return numbers


def shrinks_now(handle: Handle) -> dict[Tensor, float]:
    """The fraction that each parameter loses per step in the long run, at the next step's strength and learning rate.

    Of a rule that pulls toward the start, the fraction of the distance to it. Parameters without a single fraction are
    left out.
    """
    shrinks: dict[Tensor, float] = {}
    for bunch, rule in _rules_now(handle):
        shrink = None if _has_other_unit(rule) else _shrink(handle.optimizer, bunch, rule)
        if shrink is not None:
            shrinks |= {claim.param: shrink for claim in bunch.claims}
    return shrinks


def anchors_of(handle: Handle) -> dict[Tensor, Tensor]:
    """The weights toward which a rule such as `L2SP` pulls each parameter; without those that it pulls toward 0."""
    return {claim.param: claim.anchor for claim in handle.claims.values() if claim.anchor is not None}


def _rules_now(handle: Handle) -> list[tuple[Bunch, Rule]]:
    """Each bunch with its rule at the schedule's present factor."""
    factor = factor_at(handle.schedule, handle.steps)
    return [(bunch, bunch.rule.with_strength(bunch.rule.strength * factor)) for bunch in handle.bunches]


def group_names(handle: Handle) -> dict[Bunch, str]:
    """`group<i>`, with `*<factor>` where a group has several strengths, `/<parameter>` where each layer has its own."""
    index = {id(group): i for i, group in enumerate(handle.optimizer.param_groups)}
    count = Counter(id(bunch.group) for bunch in handle.bunches)
    names = {}
    for bunch in handle.bunches:
        several, group = count[id(bunch.group)] > 1, f"group{index[id(bunch.group)]}"
        if handle.control is not None and handle.control.strengths == "layers":
            names[bunch] = f"{group}/{bunch.claims[0].unit}"
        else:
            names[bunch] = f"{group}*{multiplier_of(handle, bunch):g}" if several else group
    return names


def multiplier_of(handle: Handle, bunch: Bunch) -> float:
    """The factor that `multipliers=` puts on the strength of `bunch`."""
    if handle.control is not None:
        return bunch.claims[0].factor
    own, whole = (
        torch.as_tensor(rule.strength, dtype=torch.float64).max() for rule in (bunch.rule, handle.rule)
    )
    return float(own / whole) if whole else 1.0


def _of_bunch(handle: Handle, bunch: Bunch, rule: Rule) -> dict[str, float]:
    now = bunch.now()
    lr = float(now.lr)
    numbers = {} if math.isnan(lr) else {"lr": lr}
    numbers |= {"norm": math.sqrt(sum(_square(c.param) for c in bunch.claims))}
    if isinstance(rule.strength, Tensor) and rule.strength.numel() > 1:
        return numbers
    if _has_other_unit(rule):
        return numbers | {"strength": float(rule.strength)}
    if rule.is_fraction:
        numbers["rate"] = float(rule.strength)
    if math.isnan(lr) and rule.entry == "loss":
        return numbers | {"lam": float(rule.strength)}
    lam = canonical_lambda(handle.optimizer, bunch, rule, lr)
    if lam is not None:
        numbers["lam"] = lam
    shrink = _shrink(handle.optimizer, bunch, rule)
    if shrink is not None:
        numbers |= {"shrink": shrink, "timescale": 1 / shrink if shrink else math.inf}
    first = lr * float(rule.strength) if rule.entry == "loss" else float(rule.shrink(now))
    expected = equilibrium_norm(handle.optimizer, bunch, rule, first)
    if expected is not None:
        numbers["equilibrium_norm"] = expected
    return numbers


def _has_other_unit(rule: Rule) -> bool:
    """Whether the strength is neither a λ nor a fraction of the weight per step."""
    return rule.entry == "project" or (rule.modulation is not None and rule.modulation.own_unit)


def _shrink(optimizer: torch.optim.Optimizer, bunch: Bunch, rule: Rule) -> float | None:
    """The fraction removed per step in the long run; None where each weight, or each stacked model, has another."""
    if isinstance(rule.strength, Tensor) and rule.strength.numel() > 1:
        return None
    if not isinstance(rule.force, L2Force) or rule.modulation is not None:
        return None
    now = bunch.now()
    if rule.entry == "loss":
        return _in_the_long_run(optimizer, bunch, float(rule.strength), float(now.lr))
    first = float(rule.shrink(now))
    return first / (1 + first) if rule.entry == "prox" else first


def canonical_lambda(optimizer: torch.optim.Optimizer, bunch: Bunch, rule: Rule, lr: float) -> float | None:
    """λ of the rule: its strength where that is one; of a rate that of the same stationary point, which SGD alone has."""
    if not rule.is_fraction:
        lam = float(rule.strength)
        return lam if rule.entry == "loss" or not lr else lam / _gain(optimizer, bunch)
    rate = float(rule.strength)
    if (
        not isinstance(optimizer, torch.optim.SGD)
        or not lr
        or rate >= 1
        or not isinstance(rule.force, L2Force)
    ):
        return None
    return float(rule.lambda_at(lr)) / _gain(optimizer, bunch)


def _gain(optimizer: torch.optim.Optimizer, bunch: Bunch) -> float:
    """How much further momentum carries a gradient: a decay beside it is a weaker λ by that."""
    if not isinstance(optimizer, torch.optim.SGD):
        return 1.0
    return momentum_gain(**_momentum(bunch)) if bunch.group["momentum"] else 1.0


def _in_the_long_run(optimizer: torch.optim.Optimizer, bunch: Bunch, lam: float, lr: float) -> float | None:
    """The shrink by a penalty in the gradient; None where the optimizer makes it another one for each weight."""
    if not lr:
        return 0.0
    if not isinstance(optimizer, torch.optim.SGD):
        return None
    return asymptotic_shrink(lam, lr, nesterov=bool(bunch.group["nesterov"]), **_momentum(bunch))


def _momentum(bunch: Bunch) -> dict[str, float]:
    momentum = float(bunch.group["momentum"])
    return {"momentum": momentum, "dampening": float(bunch.group["dampening"]) if momentum else 0.0}


def equilibrium_norm(
    optimizer: torch.optim.Optimizer, bunch: Bunch, rule: Rule, shrink: float
) -> float | None:
    """The norm at which the growth by steps and the decay of scale-invariant weights balance; None if not known.

    Adam with a decoupled rule: `‖w‖² = lr²·d/(2s)`. Plain SGD with momentum μ: a step's growth is that of
    `lr·g/(1 − μ)`-sized steps, `‖w‖⁴ = lr·‖g·‖w‖‖²/(2λ(1 − μ))`, from the gradient of now.

    Reference: Kosson, Messmer and Jaggi, ICML 2024, table 1.
    """
    lr = float(bunch.now().lr)
    if not shrink or not lr or math.isnan(lr) or (not rule.scales_weights and rule.name != "L2"):
        return None
    adam = (torch.optim.Adam, torch.optim.AdamW)
    if isinstance(optimizer, adam) and rule.scales_weights:
        size = sum(claim.param.numel() for claim in bunch.claims)
        return math.sqrt(lr * lr * size / (2 * shrink))
    if isinstance(optimizer, torch.optim.SGD) and all(c.param.grad is not None for c in bunch.claims):
        momentum, dampening = float(bunch.group["momentum"]), float(bunch.group["dampening"])
        slowness = (1 - momentum) / (1 - dampening) if momentum else 1.0
        lam = shrink / lr * (slowness if rule.scales_weights else 1.0)
        fourth = 0.0
        for claim in bunch.claims:
            grad = claim.param.grad
            assert grad is not None
            fourth += math.sqrt(lr * _square(grad) * _square(claim.param) / (2 * lam * slowness))
        return math.sqrt(fourth)
    return None


def _square(x: Tensor) -> float:
    return float(
        plain(wide(torch.view_as_real(x) if x.is_complex() else x).square().sum(dtype=torch.float64))
    )
