"""What the mean prediction of several members is worth on rows that none of them had seen, fold by fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from shrinkage.evaluation._out_of_fold import OutOfFold
from shrinkage.networks import loss_named
from shrinkage.path import Scale
from shrinkage.training import Score

__all__ = ["Blended", "blended_by_fold"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Blended:
    """The model that predicts, held against the folds as the path holds each network. F folds."""

    members: tuple[str, ...]
    """Those whose predictions are averaged."""
    losses: Floats
    """(F,) validation losses, in the units of the path."""
    metrics: Floats
    """(F,) accuracy, R² or share below, the same way."""


def blended_by_fold(members: Sequence[str], unseen: OutOfFold, y_scales: Sequence[Scale | None]) -> Blended:
    """Score the predictions of unseen rows as the networks of the path are scored.

    Args:
        members: their names.
        unseen: the predictions, before any temperature.
        y_scales: of each fold, what its targets were standardized by.
    """
    loss, losses, metrics = loss_named(unseen.loss), list[float](), list[float]()
    for number, y_scale in enumerate(y_scales):
        own = unseen.fold == number
        z, Y = unseen.z[own], unseen.Y[own]
        if not loss.of_classes:
            z, Y = (each if y_scale is None else y_scale.standardize(each) for each in (z, Y))
            z = loss.link(torch.from_numpy(z)).numpy()
        score = Score(loss)
        weight = None if unseen.weight is None else _batch(unseen.weight[own][:, None])
        score.add(_batch(z), _batch(Y), weight)
        losses.append(float(score.loss[0]))
        metrics.append(float(score.metric[0]))
    return Blended(members=tuple(members), losses=np.array(losses), metrics=np.array(metrics))


def _batch(array: Floats) -> torch.Tensor:
    """One piece of one network: (1, 1, B, C)."""
    return torch.from_numpy(np.ascontiguousarray(array, np.float64))[None, None]
