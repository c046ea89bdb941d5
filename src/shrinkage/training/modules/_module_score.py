"""Loss and metric of K modules, added up over batches in float64.

Axes: K modules, B rows of a batch, M numbers per row that the metric is made of.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from shrinkage.networks.module import ModuleLoss
from shrinkage.training._score import metric_of, spread_of

__all__ = ["ModuleScore"]


class ModuleScore:
    """Weighted means of losses and hits; R² is that of scikit-learn's r2_score, as for perceptrons.

    Args:
        loss: what is scored.
        K: modules.
    """

    def __init__(self, loss: ModuleLoss, K: int) -> None:
        self._loss, self._K = loss, K
        self._sums: dict[str, Tensor] = {}

    def add(self, losses: Tensor, hits: Tensor, targets: Any, weight: Tensor | None, *, shared: bool) -> None:
        """Add a batch.

        Args:
            losses: (K, B), and hits (K, B, M).
            targets: of the batch, or of K batches when it is not `shared`.
            weight: (B,) or (K, B), or None.
            shared: whether all modules saw the same rows.
        """
        B = losses.shape[1]
        s = losses.new_ones(1, B) if weight is None else weight.view(-1, B).to(losses.dtype)
        self._sum("weight", s[..., None])
        self._sum("loss", (losses * s)[..., None])
        self._sum("hits", hits * s[..., None])
        if self._loss.metric_name == "R²":
            y = targets.detach().reshape(1 if shared else self._K, B, -1).double()
            self._sum("targets", y * s[..., None])
            self._sum("squares", y.square() * s[..., None])

    def _sum(self, name: str, x: Tensor) -> None:
        total = x.sum(1, dtype=torch.float64)
        self._sums[name] = total + self._sums[name] if name in self._sums else total

    @property
    def loss(self) -> Tensor:
        """(K,) mean loss."""
        return (self._sums["loss"] / self._sums["weight"])[:, 0].expand(self._K)

    @property
    def metric(self) -> Tensor:
        """(K,) accuracy, R², or for a loss of the user's own the loss again."""
        spread = None
        if self._loss.metric_name == "R²":
            spread = spread_of(self._sums["targets"], self._sums["squares"], self._sums["weight"])
        return metric_of(self.loss, self._sums["hits"], self._sums["weight"], spread)
