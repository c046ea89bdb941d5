"""Folds of a small made table, for paths that take no time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shrinkage.path import ALL_ROWS, Fold, fitted_scale, standard_inputs
from stack_cases import problem

__all__ = ["EVERYTHING", "FOLDS", "X", "Y", "fold"]

X, Y = (array.numpy() for array in problem(40, 5, 2, "softmax"))


def fold(number: int, validation: NDArray[np.int64] | None) -> Fold:
    """A fold of `X` and `Y` that trains on the rows not held out."""
    train = np.setdiff1d(np.arange(len(X)), [] if validation is None else validation)
    return Fold(
        number=number,
        inputs=standard_inputs(X, fitted_scale(X, train, None)),
        Y=Y,
        weight=None,
        train=train,
        validation=validation,
        y_scale=None,
    )


FOLDS = [fold(f, np.arange(f * 10, f * 10 + 10)) for f in range(4)]
EVERYTHING = fold(ALL_ROWS, None)
