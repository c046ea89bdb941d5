"""The learning rate of a step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shrinkage.training._backprop import TrainingOptions

__all__ = ["learning_rate"]


def learning_rate(options: TrainingOptions, step: int, steps: int) -> float:
    """η_t at step t = `step` (from 0) of T = `steps`: η, or `η ½(1 + cos(π t/T))` for the cosine schedule.

    Reference: Loshchilov and Hutter, ICLR 2017, eq. 5 (one period, down to 0).
    """
    if options.schedule == "constant":
        return options.learning_rate
    return options.learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
