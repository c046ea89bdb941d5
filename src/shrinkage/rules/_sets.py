"""Sets onto which weights are projected: forces whose penalty is 0 inside and infinite outside.

The proximal step of such a penalty is the projection, and `t` is the radius. A norm is taken over one model: see
`shrinkage.rules._views.total`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shrinkage.rules._forces import Force
from shrinkage.rules._views import total

__all__ = ["Ball", "Box", "Sphere"]


@dataclass(frozen=True)
class _Indicator(Force):
    """Ω = 0 inside the set, ∞ outside; there is no pull inside."""

    def value(self, d: Tensor) -> Tensor:
        return torch.zeros_like(d)

    def pull(self, d: Tensor) -> Tensor:
        return torch.zeros_like(d)


@dataclass(frozen=True)
class Box(_Indicator):
    """|dᵢ| ≤ t for every weight: clamping."""

    def prox(self, d: Tensor, t: Tensor | float) -> Tensor:
        return torch.minimum(torch.maximum(d, -t), t) if isinstance(t, Tensor) else d.clamp(-t, t)


@dataclass(frozen=True)
class Ball(_Indicator):
    """‖d‖ ≤ t for every tensor: what is inside stays, what is outside is scaled back."""

    def prox(self, d: Tensor, t: Tensor | float) -> Tensor:
        return d * (t / _norm(d, t)).nan_to_num(nan=1.0).clamp_max(1)


@dataclass(frozen=True)
class Sphere(_Indicator):
    """‖d‖ = t for every tensor; a tensor of zeros has no direction and stays."""

    def prox(self, d: Tensor, t: Tensor | float) -> Tensor:
        norm = _norm(d, t)
        return d * torch.where(norm > 0, t / norm, torch.ones_like(norm))


def _norm(d: Tensor, t: Tensor | float) -> Tensor:
    return total(d.square(), t).sqrt()
