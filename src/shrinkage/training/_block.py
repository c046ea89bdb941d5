"""A block as trainers take it and give it back: its members, and the curves and networks they leave behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shrinkage.training._rows import Rows

__all__ = ["BlockResult", "Member"]


@dataclass(frozen=True)
class Member:
    """One (fold, restart): its rows and the key of its random numbers."""

    fold: int
    """−1 for all rows."""
    restart: int
    train: Rows
    validation: Rows | None


@dataclass(frozen=True, kw_only=True)
class BlockResult:
    """What a block leaves behind. Axes: G members, L λs, E epochs, D parameters; NumPy float64 but the nets."""

    train_loss: np.ndarray
    """(G, L, E)"""
    train_metric: np.ndarray
    validation_loss: np.ndarray
    """(G, L, E), NaN without validation rows."""
    validation_metric: np.ndarray
    final_train_loss: np.ndarray
    """(G, L)"""
    final_train_metric: np.ndarray
    final_penalty: np.ndarray
    """(G, L), NaN for a rule without an objective."""
    networks: np.ndarray
    """(G, L, D) the parameters after each λ's last epoch, in the training dtype."""
