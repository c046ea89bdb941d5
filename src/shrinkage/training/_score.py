"""Loss and metric of K networks, added up over pieces of the rows.

Axes: K networks, B rows of a piece, C outputs; pieces of one size may be stacked along a first axis S.
"""

from __future__ import annotations

import torch
from torch import Tensor

from shrinkage.networks import Loss

__all__ = ["Score", "metric_of", "spread_of"]


class Score:
    """Adds up weighted losses and hits in float64; `loss` and `metric` give their means.

    Each piece is summed by itself and the pieces in their order, one network at a time: the sums don't depend on how
    many networks there are, nor on how many pieces came together.
    R² is the mean over outputs of `1 − Σ s r² / Σ s (y − ȳ)²`, as scikit-learn's r2_score; NaN for constant targets.

    Args:
        loss: what is scored.
    """

    def __init__(self, loss: Loss) -> None:
        self._loss = loss
        self._pieces: dict[str, list[Tensor]] = {}

    def add(self, z: Tensor, Y: Tensor, weight: Tensor | None) -> None:
        """Add outputs z (S, K, B, C) for targets Y (S, 1 or K, B, C) with weights (S, 1 or K, B, 1)."""
        z, Y = z.mT.contiguous(), Y.mT.contiguous()
        s = None if weight is None else weight.mT
        self._sum("weight", torch.ones_like(Y[..., :1, :]), s)
        self._sum("loss", self._loss.of_rows(z, Y)[..., None, :], s)
        self._sum("hits", self._loss.hits(z, Y), s)
        if self._loss.metric_name == "R²":
            self._sum("targets", Y, s)
            self._sum("squares", Y.double().square(), s)

    def _sum(self, name: str, x: Tensor, s: Tensor | None) -> None:
        """Keep the sums over the rows of x (S, ·, ·, B) with weights s."""
        self._pieces.setdefault(name, []).append((x if s is None else x * s).sum(-1, dtype=torch.float64))

    def _total(self, name: str) -> Tensor:
        """(K or 1, C or 1)"""
        return torch.cat(self._pieces[name]).permute(1, 2, 0).contiguous().sum(-1)

    @property
    def loss(self) -> Tensor:
        """(K,) mean loss."""
        return (self._total("loss") / self._total("weight"))[:, 0]

    @property
    def metric(self) -> Tensor:
        """(K,) accuracy or R²."""
        spread = None
        if self._loss.metric_name == "R²":
            spread = spread_of(self._total("targets"), self._total("squares"), self._total("weight"))
        return metric_of(self.loss, self._total("hits"), self._total("weight"), spread)


def metric_of(loss: Tensor, hits: Tensor, weight: Tensor, spread: Tensor | None) -> Tensor:
    """The metric (…,) of networks from sums over the rows.

    Args:
        loss: (…,) of the networks: one that diverged has no metric, NaN.
        hits: (…, C) summed squared errors, or (…, 1) the weight of rows that are right.
        weight: (…, 1) of all rows.
        spread: (…, C) of the targets, for R²; None for the accuracy.
    """
    known = 0 * loss
    if spread is None:
        return (hits / weight)[..., 0] + known
    return (1 - hits / spread).mean(-1) + known


def spread_of(targets: Tensor, squares: Tensor, weight: Tensor) -> Tensor:
    """`Σ s (y − ȳ)²` (…, C) from `Σ s y`, `Σ s y²` and `Σ s`; NaN for constant targets, where it is only rounding."""
    spread = squares - targets.square() / weight
    return torch.where(spread > 1e-12 * squares, spread, torch.nan)
