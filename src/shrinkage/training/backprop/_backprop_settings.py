"""The settings of training by back-propagation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from shrinkage._errors import RequestError, called, check_choice, shown
from shrinkage.training._recipe import Recipe

__all__ = ["BackpropSettings", "backprop_of", "learning_rate", "learning_rates"]


@dataclass(frozen=True, kw_only=True)
class BackpropSettings:
    """Settings of back-propagation, whatever the backend."""

    optimizer: str = "adam"
    """`adam` or `sgd`."""
    learning_rate: float = 1e-3
    """η, the largest of the schedule; > 0."""
    schedule: str = "constant"
    """`constant`, or `cosine` from η to 0 over all steps."""
    momentum: float = 0.0
    """μ of SGD, 0 ≤ μ < 1."""
    nesterov: bool = False
    """Nesterov's look-ahead in SGD."""
    batch_size: int
    """Rows per step, ≥ 1; the last batch of an epoch may be smaller. 1 is online training."""

    def __post_init__(self) -> None:
        check_choice("optimizer", self.optimizer, ("adam", "sgd"))
        check_choice("schedule", self.schedule, ("constant", "cosine"))
        if self.batch_size < 1:
            raise RequestError(f"{called('batch_size')}: must be >= 1, got {shown(self.batch_size)}.")
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise RequestError(
                f"{called('learning_rate')}: must be > 0 and finite, got {shown(self.learning_rate)}."
            )
        if not 0 <= self.momentum < 1:
            raise RequestError(f"{called('momentum')}: must be >= 0 and < 1, got {shown(self.momentum)}.")


def backprop_of(recipe: Recipe) -> BackpropSettings:
    """The settings of a recipe that trains by back-propagation."""
    assert isinstance(recipe.trainer, BackpropSettings)
    return recipe.trainer


def learning_rate(settings: BackpropSettings, step: int, steps: int) -> float:
    """η_t at step t = `step` (from 0) of T = `steps`: η, or `η ½(1 + cos(π t/T))` for the cosine schedule.

    Reference: Loshchilov and Hutter, ICLR 2017, eq. 5 (one period, down to 0).
    """
    if settings.schedule == "constant":
        return settings.learning_rate
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))


def learning_rates(settings: BackpropSettings, some: range, steps: int) -> list[float]:
    """η_t at each of some steps."""
    if settings.schedule == "constant":
        return [settings.learning_rate] * len(some)
    return [learning_rate(settings, step, steps) for step in some]
