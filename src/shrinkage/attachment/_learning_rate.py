"""The learning rate that a clock is read from: what a step really moves by, where the optimizer tells it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from shrinkage._errors import RequestError, shown
from shrinkage.attachment._host import is_nonzero, number
from shrinkage.rules import Reading, Rule

__all__ = ["peak_of", "reading_of", "refuse_unknown"]

Group = Mapping[str, Any]

_ADAPTING = ("growth_rate", "d0", "fixed_decay", "numerator_weighted")
"""What stands beside d in a group whose steps are d·lr; torch's Adafactor calls something else d."""


def reading_of(group: Group, peaks: tuple[Any, ...]) -> Reading:
    """η_t and η_max of `group`; both NaN where it keeps no learning rate, which the clock `constant` does without.

    Args:
        group: a parameter group.
        peaks: candidates for η_max, the first that is neither None nor 0 counts.
    """
    if not _has_lr(group):
        return Reading(lr=math.nan, lr_max=math.nan)
    lr, peak = number(group["lr"]), next((number(peak) for peak in peaks if is_nonzero(peak)), 0.0)
    if "d" not in group or not any(key in group for key in _ADAPTING):
        return Reading(lr=lr, lr_max=peak)
    scale = _adaptation(group)
    return Reading(lr=lr * scale, lr_max=peak * scale)


def peak_of(group: Group) -> float:
    """η_max as `group` tells it now: a scheduler's peak or initial learning rate, else its own; 0 if none is known."""
    values = (group.get("max_lr"), group.get("initial_lr"), group.get("lr"))
    known = next((value for value in values if value is not None and is_nonzero(value)), 0.0)
    return float(known) if isinstance(known, (int, float, Tensor)) else 0.0


def refuse_unknown(optimizer: Optimizer, rule: Rule, group: Group) -> None:
    """Raise where the rule's clock needs a learning rate and `group` keeps none.

    Raises:
        RequestError: the optimizer's `lr` is None, missing or no number.
    """
    if _has_lr(group) or rule.entry in ("loss", "project") or rule.clock == "constant":
        return
    found = f"its lr is {shown(group['lr'])}" if "lr" in group else "its parameter groups have no lr"
    raise RequestError(
        f"attach({type(optimizer).__name__}, {rule.name}(…)): the clock {rule.clock!r} needs a learning "
        f'rate, but {found}. Give a rate, such as Decoupled(rate=…, clock="constant") or '
        "WeightDecay(rate); use a rule in the loss, such as L2; or build the optimizer with a number as "
        "lr."
    )


def _has_lr(group: Group) -> bool:
    lr = group.get("lr")
    return isinstance(lr, (int, float)) or (isinstance(lr, Tensor) and lr.numel() == 1)


def _adaptation(group: Group) -> float | Tensor:
    """By what the optimizer multiplies `lr`: d of Prodigy and D-Adaptation, with their bias correction; else 1.

    Mishchenko and Defazio, ICML 2024, algorithm 4; their packages keep d in the group. Defazio and Mishchenko, ICML
    2023, algorithm 4, divides by the norm of the first gradients, which the first step measures: 0 until then.
    """
    if not isinstance(group["d"], (int, float, Tensor)):
        return 1.0
    scale = number(group["d"])
    if _is_sgd(group):
        norm = group.get("g0_norm")
        return scale / norm if norm else 0.0
    if "betas" in group and (group.get("use_bias_correction") or group.get("bias_correction")):
        beta1, beta2 = (float(beta) for beta in group["betas"])
        step = _step_of(group)
        scale = scale * math.sqrt(1 - beta2**step) / (1 - beta1**step)
    return scale


def _is_sgd(group: Group) -> bool:
    return "momentum" in group and not {"betas", "eps"} & group.keys()


def _step_of(group: Group) -> int:
    """The number of the coming step, from 1: `step` of pytorch_optimizer's Prodigy counts that one already."""
    if "k" in group:
        return int(group["k"]) + 1
    return int(group.get("step", 0)) + (0 if "d0" in group else 1)
