"""Axis 4, the clock: by what a strength is multiplied at step t to give the fraction removed in that step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
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


def _share(part: float | Tensor, whole: float | Tensor) -> float | Tensor:
    """`part/whole`, and 0 of nothing; a tensor is not asked for its value, for which a GPU would have to wait."""
    if isinstance(whole, Tensor):
        return torch.where(whole != 0, part / whole, 0)
    return part / whole if whole else 0.0


CLOCKS: dict[Clock, Callable[[Reading], float | Tensor]] = {
    # PyTorch's AdamW, optax, Keras
    "lr": lambda now: now.lr,
    # Loshchilov and Hutter, ICLR 2019; Composer
    "schedule": lambda now: _share(now.lr, now.lr_max),
    # TensorFlow Addons; the articles' ×0.98
    "constant": lambda now: 1.0,
    # AdamC: Defazio, arXiv 2506.02285
    "corrected": lambda now: _share(now.lr * now.lr, now.lr_max),
}
assert set(CLOCKS) == set(get_args(Clock))


def tick(clock: Clock, now: Reading) -> float | Tensor:
    """The factor c_t in `s_t = strength · c_t`."""
    return CLOCKS[clock](now)
