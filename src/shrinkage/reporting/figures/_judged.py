"""The path as it was judged: each λ after the epochs it is given, means and standard errors over folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shrinkage.path import Choice, PathResult

__all__ = ["Curve", "Judged", "judge"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """One number a λ, with its standard error over folds (NaN for one fold)."""

    mean: Floats
    se: Floats


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the page holds against each other, (L,) each."""

    train_loss: Curve
    validation_loss: Curve
    train_metric: Curve
    validation_metric: Curve
    gap: Curve
    """Validation loss minus training loss; its standard error is that of the folds' own differences."""


def judge(path: PathResult, choice: Choice) -> Judged:
    """Each λ after `choice.epochs`.

    Training is measured over all training rows once the last epoch is done; for a λ that stops earlier there is
    only the epoch's running mean, each row measured in the step that then used it.
    """
    place = (choice.epochs - 1)[:, None, None, None]
    last = (choice.epochs == path.n_epochs)[:, None, None]

    def at_epochs(final: Floats, curve: Floats) -> Floats:
        return np.where(last, final, np.take_along_axis(curve, place, axis=3)[..., 0])

    train_loss = at_epochs(path.final_train_loss, path.train_loss)
    train_metric = at_epochs(path.final_train_metric, path.train_metric)
    validation_loss = path.validation_at(path.validation_loss, choice.epochs)
    validation_metric = path.validation_at(path.validation_metric, choice.epochs)
    return Judged(
        train_loss=Curve(*path.over_folds(train_loss)),
        validation_loss=Curve(*path.over_folds(validation_loss)),
        train_metric=Curve(*path.over_folds(train_metric)),
        validation_metric=Curve(*path.over_folds(validation_metric)),
        gap=Curve(*path.over_folds(validation_loss - train_loss)),
    )
