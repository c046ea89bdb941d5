"""The learning rate that a clock is read from: what a step really moves by, where the optimizer tells it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from shrinkage._errors import RequestError, shown
from shrinkage.attachment._host import is_nonzero, number
from shrinkage.rules import Reading, Rule

__all__ = [
    "Peaks",
    "check_schedule",
    "given_peaks",
    "peak_of",
    "reading_of",
    "refuse_unknown",
    "warn_of_overshoot",
]

Group = Mapping[str, Any]

_ADAPTING = ("growth_rate", "d0", "fixed_decay", "numerator_weighted")
"""What stands beside d in a group whose steps are d·lr; torch's Adafactor calls something else d."""


@dataclass(frozen=True)
class Peaks:
    """η_max as given: one number for all parameter groups, or a scheduler's for each."""

    values: tuple[float, ...] = ()
    source: str = ""
    """`as given`, or the scheduler's class."""

    def of(self, group: int) -> float | None:
        """η_max of the group of this number; None if it was not given."""
        if len(self.values) == 1:
            return self.values[0]
        return self.values[group] if group < len(self.values) else None


def given_peaks(lr_max: Any, optimizer: Optimizer) -> Peaks:
    """Read `attach(lr_max=…)`: a number, or a learning rate scheduler that knows its peak.

    Raises:
        RequestError: it is neither, belongs to another optimizer, or knows of no learning rate above 0.
    """
    if lr_max is None:
        return Peaks()
    if _is_number(lr_max):
        if not 0 < lr_max < math.inf:
            raise RequestError(f"attach(lr_max=…): must be > 0 and finite, got {float(lr_max):g}.")
        return Peaks((float(lr_max),), "as given")
    inner = getattr(lr_max, "scheduler", lr_max)  # accelerate wraps it
    kind, owner = type(inner).__name__, getattr(inner, "optimizer", None)
    if owner is None:
        raise RequestError(
            "attach(lr_max=…): must be the peak learning rate, a number > 0, or the optimizer's learning rate "
            f"scheduler, got {shown(lr_max)}."
        )
    peaks = _peaks_of_scheduler(inner)
    if len(peaks) != len(optimizer.param_groups) or not _same_groups(owner, optimizer):
        raise RequestError(
            f"attach(lr_max={kind}): the scheduler is of another optimizer. Give the one that steps this "
            f"{type(optimizer).__name__}, or the peak as a number."
        )
    if not all(0 < peak < math.inf for peak in peaks):
        raise RequestError(
            f"attach(lr_max={kind}): the scheduler knows of no learning rate above 0 for group "
            f"{next(i for i, peak in enumerate(peaks) if not 0 < peak < math.inf)}. Give the peak as a number."
        )
    return Peaks(peaks, f"of {kind}")


def _peaks_of_scheduler(scheduler: Any) -> tuple[float, ...]:
    """The largest learning rate of each group that a scheduler has a name for."""
    parts = getattr(scheduler, "_schedulers", None)
    if parts:
        return tuple(max(peaks) for peaks in zip(*map(_peaks_of_scheduler, parts), strict=True))
    groups = scheduler.optimizer.param_groups
    named = next(
        (
            list(values)
            for name in ("max_lrs", "base_values", "base_lrs")
            if isinstance(values := getattr(scheduler, name, None), (list, tuple))
        ),
        [0.0] * len(groups),
    )
    tops = [group.get("max_lr") or 0.0 for group in groups]
    return tuple(max(float(a), float(b)) for a, b in zip(named, tops, strict=True))


def _same_groups(owner: Any, optimizer: Optimizer) -> bool:
    theirs = [id(p) for group in owner.param_groups for p in group["params"]]
    return theirs == [id(p) for group in optimizer.param_groups for p in group["params"]]


def warn_of_overshoot(rule: Rule, reading: Reading) -> bool:
    """Warn where the learning rate exceeds what the rule takes for its peak; True where it does."""
    lr, peak = reading.lr, reading.lr_max
    if isinstance(lr, Tensor) or isinstance(peak, Tensor) or not lr > peak * (1 + 1e-6) or not peak:
        return False
    warnings.warn(
        f"attach({rule.name}, clock={rule.clock!r}): the learning rate, {lr:g}, is above the peak that the rule knows "
        f"of, {peak:g}, so the rule removes {lr / peak:.3g} times what it would there. Give attach(…, lr_max=…): the "
        "peak, or the scheduler.",
        stacklevel=8,
    )
    return True


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
    return float(known) if _is_number(known) else 0.0


def check_schedule(optimizer: Optimizer, schedule: Any) -> None:
    """Raise for a schedule that is no factor on the strength.

    Raises:
        RequestError: it is no function and no scheduler, or one of this optimizer's learning rate.
    """
    if schedule is None:
        return
    if not callable(schedule) and not hasattr(schedule, "get_last_lr"):
        raise RequestError(
            "attach(schedule=…): must be a function of the number of steps done, or one scheduler, got "
            f"{shown(schedule)}."
        )
    owner = getattr(schedule, "optimizer", None)
    if owner is not None and getattr(owner, "param_groups", None) is optimizer.param_groups:
        raise RequestError(
            f"attach(schedule={type(schedule).__name__}): its values are learning rates, but schedule=… takes factors "
            "on the strength. The clocks 'lr', 'schedule' and 'corrected' follow the learning rate by themselves: "
            "leave schedule out, or give lr_max=scheduler for its peak."
        )


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
    return _is_number(group.get("lr"))


def _is_number(value: Any) -> bool:
    """Whether it is a number, or a tensor or an array of one."""
    if isinstance(value, Tensor):
        return value.numel() == 1
    return (isinstance(value, Real) and not isinstance(value, bool)) or getattr(value, "shape", None) == ()


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
