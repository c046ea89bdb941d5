"""The weight decay that an optimizer has without a rule, in the same units as a rule's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim import Optimizer

from shrinkage.attachment._learning_rate import peak_of, reading_of
from shrinkage.attachment.carriers._native import native_meaning, native_strength
from shrinkage.strength import asymptotic_shrink, momentum_gain

__all__ = ["OwnDecay", "own_decay"]


@dataclass(frozen=True)
class OwnDecay:
    """What one parameter group's `weight_decay` does."""

    lr: float | None
    """The learning rate; None where the optimizer keeps none."""
    lam: float | None
    """λ; None where it is not known."""
    shrink: float | None
    """Fraction removed per step in the long run; None where it is not known, or another one for each weight."""
    is_known: bool
    """False where only a measurement can tell what the optimizer does with its `weight_decay`."""
    strength: float = 0.0
    """The group's number, whatever it means."""


def own_decay(optimizer: Optimizer, group: dict[str, Any]) -> OwnDecay:
    """The decay of `group` by the optimizer itself: torch's own by what they are documented to do."""
    lr = float(reading_of(group, (peak_of(group),)).lr)
    lr = None if math.isnan(lr) else lr
    strength, meaning = native_strength(group), native_meaning(optimizer, group)
    if not strength and type(optimizer).__module__.startswith("torch.optim."):
        return OwnDecay(lr, 0.0, 0.0, is_known=True)
    if lr is None or meaning is None:
        return OwnDecay(lr, None, None, is_known=False, strength=strength)
    momentum = {}
    if isinstance(optimizer, torch.optim.SGD) and group["momentum"]:
        momentum = {"momentum": float(group["momentum"]), "dampening": float(group["dampening"])}
    if meaning == "decoupled":
        return OwnDecay(lr, strength / momentum_gain(**momentum), lr * strength, is_known=True)
    shrink = None if lr else 0.0
    if isinstance(optimizer, torch.optim.SGD) and lr:
        shrink = asymptotic_shrink(strength, lr, nesterov=bool(group["nesterov"]), **momentum)
    return OwnDecay(lr, strength, shrink, is_known=True)
