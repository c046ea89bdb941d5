"""Axis 2, the force: a penalty Ω of the distance d = w − a to the anchor, its slope, and its proximal step.

All functions are elementwise and return new tensors of the shape of `d`. The strength is not part of a force:
`λ·Ω(d)` is the penalty, `λ·Ω′(d)` the pull, so one force serves a λ that is a number and a λ that is a tensor.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Force", "L1Force", "L2Force", "MixedForce"]


class Force(ABC):
    """The slope F = Ω′ of a penalty Ω(d), with what the entries of a rule need of it."""

    @abstractmethod
    def value(self, d: Tensor) -> Tensor:
        """Ω(d)."""

    @abstractmethod
    def pull(self, d: Tensor) -> Tensor:
        """Ω′(d): the direction in which the weight is pulled, per unit of strength."""

    @abstractmethod
    def prox(self, d: Tensor, t: Tensor | float) -> Tensor:
        """argmin over x of ½(x − d)² + t·Ω(x), with t ≥ 0 broadcasting against `d`."""


@dataclass(frozen=True)
class L2Force(Force):
    """Ω = ½d², F = d, prox = d/(1 + t)."""

    def value(self, d: Tensor) -> Tensor:
        return 0.5 * d.square()

    def pull(self, d: Tensor) -> Tensor:
        return d

    def prox(self, d: Tensor, t: Tensor | float) -> Tensor:
        return d / (1 + t)


@dataclass(frozen=True)
class L1Force(Force):
    """Ω = |d|, F = sgn d (0 at 0), prox = soft threshold at t."""

    def value(self, d: Tensor) -> Tensor:
        return d.abs()

    def pull(self, d: Tensor) -> Tensor:
        return d.sign()

    def prox(self, d: Tensor, t: Tensor | float) -> Tensor:
        return d.sign() * (d.abs() - t).clamp_min(0)


@dataclass(frozen=True)
class MixedForce(Force):
    """Ω = ratio·|d| + (1 − ratio)·½d²: the elastic net (Zou and Hastie, JRSS-B 2005)."""

    ratio: float
    """Share of the L1 part, 0 to 1."""

    def value(self, d: Tensor) -> Tensor:
        return self.ratio * d.abs() + (1 - self.ratio) * 0.5 * d.square()

    def pull(self, d: Tensor) -> Tensor:
        return self.ratio * d.sign() + (1 - self.ratio) * d

    def prox(self, d: Tensor, t: Tensor | float) -> Tensor:
        soft = d.sign() * (d.abs() - self.ratio * torch.as_tensor(t)).clamp_min(0)
        return soft / (1 + (1 - self.ratio) * t)
