"""Loss and metric of K networks, added up over pieces of the rows.

Axes: K networks, B rows of a piece, C outputs; pieces of one size may be stacked along a first axis S.
"""

from __future__ import annotations

import torch
from torch import Tensor

from shrinkage.networks import Loss

__all__ = ["Score"]


class Score:
    """Adds up weighted losses and hits in float64; `loss` and `metric` give their means.

    R² is the mean over outputs of `1 − Σ s r² / Σ s (y − ȳ)²`, as scikit-learn's r2_score; NaN for constant targets.

    Args:
        loss: what is scored.
        like: a tensor on the device of the networks.
    """

    def __init__(self, loss: Loss, like: Tensor) -> None:
        self._loss = loss
        zero = torch.zeros((), dtype=torch.float64, device=like.device)
        self._weight = self._losses = self._hits = self._targets = self._squares = zero

    def add(self, z: Tensor, Y: Tensor, weight: Tensor | None) -> None:
        """Add outputs z (S, K, B, C) for targets Y (S, 1 or K, B, C) with weights (S, 1 or K, B, 1)."""
        s = torch.ones_like(Y[..., :1]) if weight is None else weight
        self._weight = self._weight + s.double().sum((0, 2))
        self._losses = self._losses + (self._loss.of_rows(z, Y) * s[..., 0]).sum((0, 2), dtype=torch.float64)
        self._hits = self._hits + (self._loss.hits(z, Y) * s).sum((0, 2), dtype=torch.float64)
        if self._loss.metric_name == "R²":
            self._targets = self._targets + (Y * s).sum((0, 2), dtype=torch.float64)
            self._squares = self._squares + (Y.double().square() * s).sum((0, 2))

    @property
    def loss(self) -> Tensor:
        """(K,) mean loss."""
        return self._losses / self._weight[:, 0]

    @property
    def metric(self) -> Tensor:
        """(K,) accuracy or R²."""
        known = torch.where(torch.isfinite(self.loss), 0.0, torch.nan)  # a diverged net has no metric
        if self._loss.metric_name != "R²":
            return (self._hits / self._weight)[:, 0] + known
        spread = self._squares - self._targets.square() / self._weight
        rounding = 1e-12 * self._squares  # of constant targets the difference above is only that
        return (1 - self._hits / torch.where(spread > rounding, spread, torch.nan)).mean(-1) + known
