"""Axis 2, the force: a penalty Ω of the distance d = w − a to the anchor, its slope, and its proximal step.

All functions are elementwise and return new tensors of the shape of `d`. The strength is not part of a force:
`λ·Ω(d)` is the penalty, `λ·Ω′(d)` the pull, so one force serves a λ that is a number and a λ that is a tensor.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = [
    "EliminationForce",
    "Force",
    "HuberForce",
    "L1Force",
    "L2Force",
    "MixedForce",
    "ThresholdForce",
]


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
        soft = d.sign() * (d.abs() - self.ratio * t).clamp_min(0)
        return soft / (1 + (1 - self.ratio) * t)


@dataclass(frozen=True)
class HuberForce(Force):
    """Ω = ½d² up to |d| = delta and delta·|d| − ½delta² beyond; F = d clipped to ±delta (Huber, 1964)."""

    delta: float
    """Where the pull stops growing, > 0."""

    def value(self, d: Tensor) -> Tensor:
        near = d.abs().clamp_max(self.delta)
        return near * (d.abs() - 0.5 * near)

    def pull(self, d: Tensor) -> Tensor:
        return d.clamp(-self.delta, self.delta)

    def prox(self, d: Tensor, t: Tensor | float) -> Tensor:
        # d/(1 + t) while that is within delta, d − t·delta·sgn d beyond: the pull never exceeds t·delta.
        excess = (d / (1 + t)).clamp(-self.delta, self.delta)
        return d - t * excess


@dataclass(frozen=True)
class EliminationForce(Force):
    """Ω = ½d²/(1 + (d/scale)²), F = d/(1 + (d/scale)²)²: weight elimination (Weigend et al., NIPS 1990).

    Small weights are pulled as by L2 of the same strength, large ones hardly. Ω is not convex, so there is no
    single proximal step.
    """

    scale: float
    """w₀: the size from which a weight counts as large, > 0."""

    def value(self, d: Tensor) -> Tensor:
        return 0.5 * d.square() / (1 + (d / self.scale).square())

    def pull(self, d: Tensor) -> Tensor:
        return d / (1 + (d / self.scale).square()).square()

    def prox(self, d: Tensor, t: Tensor | float) -> Tensor:
        raise NotImplementedError("weight elimination is not convex: its proximal step is not unique")


@dataclass(frozen=True)
class ThresholdForce(Force):
    """Ω = ½(d² − T²) beyond |d| = T and 0 within; F = d where |d| > T: conditional decay."""

    threshold: float
    """T ≥ 0: weights up to this size are left alone."""

    def value(self, d: Tensor) -> Tensor:
        return 0.5 * (d.square() - self.threshold**2).clamp_min(0)

    def pull(self, d: Tensor) -> Tensor:
        return d * (d.abs() > self.threshold)

    def prox(self, d: Tensor, t: Tensor | float) -> Tensor:
        size = d.abs()
        return d.sign() * torch.maximum(size / (1 + t), size.clamp_max(self.threshold))
