"""Loss and metric of finished networks on any rows, written out in float64.

Axes: M networks, n rows, C outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.metrics import r2_score

from shrinkage.networks import Layout
from shrinkage.path import STANDARD, Fold
from shrinkage.training import Recipe

__all__ = ["score_networks"]

Floats = NDArray[np.float64]


def score_networks(
    recipe: Recipe, layout: Layout, networks: NDArray[Any], fold: Fold, rows: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """(M,) loss and metric of M networks, (M, D), on some rows of the fold's matrix, scaled as the fold says.

    The loss is the one that was trained, penalty aside; the metric is accuracy or R².
    """
    X, Y = fold.inputs[STANDARD].standardize(rows), fold.Y[rows].astype(np.float64)
    Y = Y if fold.y_scale is None else fold.y_scale.standardize(Y)
    nets = torch.from_numpy(np.ascontiguousarray(networks, dtype=np.float64))
    with torch.no_grad():
        z = recipe.kind.outputs(layout, nets, torch.from_numpy(X)).numpy()
    if recipe.loss == "squared_error":
        return np.square(z - Y).mean((1, 2)), np.array([_r2(Y, each) for each in z])
    if recipe.loss == "logistic":
        return (np.logaddexp(0, z) - Y * z).mean((1, 2)), ((z > 0) == (Y > 0.5)).mean((1, 2))
    loss = (logsumexp(z, axis=-1) - (z * Y).sum(-1)).mean(-1)
    return loss, (z.argmax(-1) == Y.argmax(-1)).mean(-1)


def _r2(Y: Floats, z: Floats) -> float:
    """R² in the mean over targets; NaN where it has none, of constant targets or a diverged network."""
    if not np.isfinite(z).all() or (np.ptp(Y, axis=0) == 0).any():
        return np.nan
    return float(r2_score(Y, z))
