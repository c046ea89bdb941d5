"""Schedules of a strength: a factor on λ as a function of the number of steps already done."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

from shrinkage._errors import RequestError

__all__ = ["Schedule", "SchedulerLike", "constant", "cosine", "factor_at", "linear"]


@runtime_checkable
class SchedulerLike(Protocol):
    """What has a current value that somebody else steps: a torch scheduler over an optimizer of its own."""

    def get_last_lr(self) -> Sequence[float | Tensor]:
        """The current values, one per group; the first is the factor."""
        ...


Schedule = Callable[[int], float] | SchedulerLike


@dataclass(frozen=True)
class _Ramp:
    """From `start` to `end` over `steps` steps, then `end`; `bend` maps the share of the way, 0 to 1."""

    start: float
    end: float
    steps: int
    cosine: bool

    def __call__(self, step: int) -> float:
        share = min(step / self.steps, 1.0)
        if self.cosine:
            share = 0.5 * (1 - math.cos(math.pi * share))
        return self.start + (self.end - self.start) * share


def constant(factor: float = 1.0) -> Schedule:
    """`factor` at every step.

    >>> constant(2.0)(7)
    2.0
    """
    return linear(factor, factor, steps=1)


def linear(start: float, end: float, *, steps: int) -> Schedule:
    """From `start` to `end` in equal parts over `steps` steps, then `end`; rising or falling.

    >>> [linear(0, 1, steps=4)(t) for t in (0, 1, 4, 9)]
    [0.0, 0.25, 1.0, 1.0]
    """
    return _ramp("linear", start, end, steps, cosine=False)


def cosine(start: float, end: float, *, steps: int) -> Schedule:
    """From `start` to `end` along half a cosine over `steps` steps, then `end`; rising or falling.

    >>> [round(cosine(1, 0, steps=4)(t), 3) for t in (0, 1, 2, 4)]
    [1.0, 0.854, 0.5, 0.0]
    """
    return _ramp("cosine", start, end, steps, cosine=True)


def factor_at(schedule: Schedule | None, step: int) -> float:
    """The factor on λ of the step that has `step` steps before it; None is 1."""
    if schedule is None:
        return 1.0
    now = schedule.get_last_lr()[0] if isinstance(schedule, SchedulerLike) else schedule(step)
    factor = float(now)
    if not 0 <= factor < math.inf:
        raise RequestError(
            f"schedule=…: the factor on the strength must be >= 0 and finite, got {factor:g} at step {step}."
        )
    return factor


def _ramp(name: str, start: float, end: float, steps: int, *, cosine: bool) -> Schedule:
    if steps < 1 or not (0 <= start < math.inf and 0 <= end < math.inf):
        raise RequestError(
            f"{name}(start, end, steps=…): factors must be >= 0 and finite and steps >= 1, "
            f"got {start:g}, {end:g}, steps={steps}."
        )
    return _Ramp(float(start), float(end), steps, cosine)
