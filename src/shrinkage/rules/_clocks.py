"""Axis 4, the clock: by what a strength is multiplied at step t to give the fraction removed in that step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

__all__ = ["CLOCKS", "Clock", "Reading", "tick"]

Clock = Literal["lr", "schedule", "constant", "corrected"]


@dataclass(frozen=True)
class Reading:
    """What a clock can be read from, at one step."""

    lr: float | Tensor
    """Learning rate η_t of this step."""
    lr_max: float | Tensor
    """Reference learning rate η_max: the peak of the schedule."""


CLOCKS: dict[Clock, Callable[[Reading], float | Tensor]] = {
    # PyTorch's AdamW, optax, Keras
    "lr": lambda now: now.lr,
    # Loshchilov and Hutter, ICLR 2019; Composer
    "schedule": lambda now: now.lr / now.lr_max if now.lr_max else 0.0,
    # TensorFlow Addons; the articles' ×0.98
    "constant": lambda now: 1.0,
    # AdamC: Defazio, arXiv 2506.02285
    "corrected": lambda now: now.lr * now.lr / now.lr_max if now.lr_max else 0.0,
}
assert set(CLOCKS) == set(get_args(Clock))


def tick(clock: Clock, now: Reading) -> float | Tensor:
    """The factor c_t in `s_t = strength · c_t`."""
    return CLOCKS[clock](now)
