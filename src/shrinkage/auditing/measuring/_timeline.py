"""The plan of a run: the learning rate and the set strength of each group at each step, from a copy of the scheduler."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from shrinkage._errors import RequestError, called, shown
from shrinkage.auditing.measuring._step_reading import Reading
from shrinkage.auditing.subjects._copying import Copier
from shrinkage.auditing.subjects._subject import STRENGTHS

__all__ = ["Timeline", "advance", "number", "timeline"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The planned learning rates of one optimizer group."""

    lrs: Floats
    """(steps,) learning rates."""
    strengths: Floats
    """(steps,) multiples of the strength that is set now."""

    def shrinks(self, reading: Reading, lr: float) -> Floats:
        """(steps,) the shrink of each step, from the one measured at `lr`."""
        assert reading.shrink is not None
        ratio = self.lrs / lr if lr else np.ones_like(self.lrs)
        if reading.clock == "affine":
            return self.strengths * (reading.intercept + (reading.shrink - reading.intercept) * ratio)
        power = {"constant": 0, "corrected": 2, "lr squared": 2}.get(reading.clock, 1)
        return self.strengths * reading.shrink * ratio**power


def timeline(optimizer: torch.optim.Optimizer, scheduler: Any, steps: int, every: int = 1) -> list[Timeline]:
    """Each group's plan for the next `steps` steps; the live scheduler and optimizer are not touched.

    Args:
        optimizer: the live optimizer.
        scheduler: its scheduler with a `step()` or, as timm's, a `step(count)`; several in a list, or None for what is
            set now.
        steps: optimizer steps to plan, >= 1.
        every: optimizer steps between two steps of the scheduler, >= 1.

    Raises:
        RequestError: the scheduler's `step()` asks for more than a copy can know, such as a metric.
    """
    copier = Copier(limit=1)
    planned: torch.optim.Optimizer = copier(optimizer)
    listed = [] if scheduler is None else scheduler if isinstance(scheduler, list | tuple) else [scheduler]
    for each in listed:
        if not callable(getattr(each, "step", None)) and not callable(each):
            raise RequestError(
                f"{called('scheduler', of='audit')}: must be a scheduler with a step(), or a function of the "
                f"number of steps done, got {shown(each)}."
            )
    functions = [s for s in listed if not callable(getattr(s, "step", None))]
    schedulers = [copier(s) for s in listed if s not in functions and _is_of(s, optimizer)]
    lrs, strengths = (
        np.empty((len(planned.param_groups), steps)),
        np.empty((len(planned.param_groups), steps)),
    )
    for t in range(steps if schedulers else 1):
        for g, group in enumerate(planned.param_groups):
            lrs[g, t], strengths[g, t] = number(group.get("lr", 0.0)), _strength(group)
        if (t + 1) % every == 0:
            advance(schedulers, (t + 1) // every)
    if not schedulers:
        lrs[:], strengths[:] = lrs[:, :1], strengths[:, :1]
    bases = np.array([_base_lr(group, optimizer.defaults) for group in planned.param_groups])
    for function in functions:
        _follow(lrs, bases, function, every)
    now = np.array([_strength(group) for group in optimizer.param_groups])[:, None]
    factors = np.where(now > 0, strengths / np.where(now > 0, now, 1), 1.0)
    return [Timeline(lrs=lr, strengths=factor) for lr, factor in zip(lrs, factors, strict=True)]


def _is_of(scheduler: Any, optimizer: torch.optim.Optimizer) -> bool:
    """Whether a scheduler moves this optimizer; one that says nothing of its own may."""
    own = getattr(scheduler, "optimizer", None)
    own = getattr(own, "optimizer", own)  # a trainer's wrapper
    return not isinstance(own, torch.optim.Optimizer) or own is optimizer


def _base_lr(group: dict[str, Any], defaults: dict[str, Any]) -> float:
    """What a factor multiplies: the initial learning rate of a scheduler, or else the present one."""
    known = (
        number(options.get(key)) for options, key in ((group, "initial_lr"), (group, "lr"), (defaults, "lr"))
    )
    return next((lr for lr in known if lr), 0.0)


def _follow(lrs: Floats, bases: Floats, function: Callable[[int], float], every: int) -> None:
    """Plan by a function of the steps done: the learning rate, or a factor on it, whichever its peak is nearer to."""
    try:
        values = np.array([float(function(t // every)) for t in range(lrs.shape[1])])
    except Exception as error:  # a user's function may raise anything
        raise RequestError(
            f"{called('scheduler', of='audit')}: the function must take the number of steps done and return the "
            f"learning rate or a factor on it; it raised {type(error).__name__}: {error}."
        ) from error
    peak, base = np.abs(values).max(), np.abs(bases).max()
    is_rate = peak > 0 and base > 0 and abs(np.log(peak / base)) < abs(np.log(peak))
    lrs[:] = values if is_rate else bases[:, None] * values


def number(value: Any) -> float:
    """A group's option as a float, be it a number or a tensor."""
    return float(value) if isinstance(value, float | int | torch.Tensor) else 0.0


def advance(schedulers: Sequence[Any], count: int) -> None:
    """Take the step number `count` of each scheduler, which is given the count if its step asks for it."""
    for scheduler in schedulers:
        step = scheduler.step
        if getattr(scheduler, "t_in_epochs", True) is False and hasattr(scheduler, "step_update"):
            step = scheduler.step_update  # timm's: `step` is for epochs alone
        try:
            step(count) if _is_told_the_count(step) else step()
        except TypeError as error:
            raise RequestError(
                f"{called('scheduler', of='audit')}: {type(scheduler).__name__}.step() must work without "
                f"arguments, or with the number of steps done, to be planned ahead, got {error}. Give a function of "
                "the number of steps done, or leave scheduler= out to assume the present learning rate."
            ) from error


def _is_told_the_count(step: Callable[..., Any]) -> bool:
    """Whether a scheduler's step needs one argument, and by its name that is a count."""
    needed = [p for p in inspect.signature(step).parameters.values() if p.default is p.empty]
    return len(needed) == 1 and needed[0].name in _COUNTS


_COUNTS = ("epoch", "num_updates", "iteration", "step", "t")


def _strength(group: dict[str, Any]) -> float:
    return next((number(group[key]) for key in STRENGTHS if key in group), 0.0)
