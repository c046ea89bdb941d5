"""What the networks of each fold say of the rows that it held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shrinkage.evaluation._calibration import log_odds, probabilities_of
from shrinkage.networks import loss_named
from shrinkage.path import Fold

__all__ = ["OutOfFold", "out_of_fold"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class OutOfFold:
    """m predictions of unseen rows, one per (fold, held-out row). N rows, C outputs, F folds."""

    z: Floats
    """(m, C) linear outputs, probabilities being softmax(z) or 1/(1 + exp(−z)); values for a regression."""
    Y: Floats
    """(m, C) targets, a regression's in their own units."""
    row: NDArray[np.intp]
    """(m,) which of the N rows."""
    fold: NDArray[np.intp]
    """(m,) which fold held it out, 0 … F − 1."""
    weight: Floats | None
    """(m,) row weights, or None."""
    n_rows: int
    """N"""
    loss: str
    """Key of the loss."""

    @property
    def of_classes(self) -> bool:
        return loss_named(self.loss).of_classes

    def predictions(self, temperature: float = 1.0) -> Floats:
        """(m, C) probabilities, with the outputs divided by a temperature, or values."""
        return probabilities_of(self.z / temperature) if self.of_classes else self.z

    def of_rows(self, temperature: float = 1.0) -> Floats:
        """(N, C) the mean of the predictions of each row, over repeated folds; NaN where there is none."""
        predicted = self.predictions(temperature)
        total, count = np.zeros((self.n_rows, predicted.shape[1])), np.zeros(self.n_rows)
        np.add.at(total, self.row, predicted)
        np.add.at(count, self.row, 1)
        with np.errstate(invalid="ignore"):
            return total / count[:, None]

    def first_fold(self) -> NDArray[np.intp]:
        """(N,) the first fold that held each row out; −1 where none did."""
        first = np.full(self.n_rows, np.iinfo(np.intp).max)
        np.minimum.at(first, self.row, self.fold)
        return np.where(first == np.iinfo(np.intp).max, -1, first)


def out_of_fold(folds: Sequence[Fold], predicted: Sequence[Floats], loss: str) -> OutOfFold:
    """Put together what the networks of each fold predict for the rows that it held out.

    Args:
        folds: F folds.
        predicted: for each fold (n, C) probabilities, or values in the targets' units, of its validation rows.
        loss: its key.
    """
    held = [(number, f.validation) for number, f in enumerate(folds) if f.validation is not None]
    row = np.concatenate([rows for _, rows in held]).astype(np.intp)
    p = np.concatenate([predicted[number] for number, _ in held])
    weights = [f.weight[f.validation] for f in folds if f.weight is not None and f.validation is not None]
    return OutOfFold(
        z=log_odds(p) if loss_named(loss).of_classes else p,
        Y=folds[0].Y[row].astype(np.float64),
        row=row,
        fold=np.concatenate([np.full(len(rows), number) for number, rows in held]),
        weight=np.concatenate(weights) if weights else None,
        n_rows=len(folds[0].Y),
        loss=loss,
    )
