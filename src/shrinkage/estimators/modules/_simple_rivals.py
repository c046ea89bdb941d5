"""Models that a path of modules should beat, on its own folds: a constant guess, and a linear model of flat numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from shrinkage.evaluation import LinearPath, constant_losses, linear_path
from shrinkage.path import Fold, fitted_scale, standard_inputs

__all__ = ["constant_of", "linear_of"]

Rows = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""(training, validation) row numbers of each fold."""
LOSSES = {"cross_entropy": "softmax", "squared_error": "squared_error"}
"""Losses that a constant and a linear model can minimize, by what evaluation calls them."""


def constant_of(
    y: Any, loss: Any, rows: Rows, weight: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    """(F,) validation losses of the best constant; None where targets are neither classes nor values."""
    Y = _targets(y, loss)
    if Y is None:
        return None
    return constant_losses(_folds(np.empty((len(Y), 0)), Y, rows, weight), LOSSES[loss])


def linear_of(X: Any, y: Any, loss: Any, rows: Rows, weight: NDArray[np.float64] | None) -> LinearPath | None:
    """A linear model at a range of strengths; None where rows are no flat numbers or targets are something else."""
    Y, matrix = _targets(y, loss), _array(X)
    if Y is None or matrix is None or matrix.ndim != 2 or len(matrix) != len(Y):
        return None
    return linear_path(_folds(matrix, Y, rows, weight), LOSSES[loss])


def _folds(
    X: NDArray[Any], Y: NDArray[np.float64], rows: Rows, weight: NDArray[np.float64] | None
) -> list[Fold]:
    return [
        Fold(
            number=number,
            inputs=standard_inputs(X, fitted_scale(X, train, weight) if X.shape[1] else None),
            Y=Y,
            weight=weight,
            train=train,
            validation=validation,
            y_scale=None,
        )
        for number, (train, validation) in enumerate(rows)
    ]


def _targets(y: Any, loss: Any) -> NDArray[np.float64] | None:
    """(N, C) one-hot classes, or values."""
    array = _array(y)
    if not isinstance(loss, str) or array is None or array.ndim == 0:
        return None
    if loss == "squared_error":
        return array.reshape(len(array), -1).astype(np.float64)
    if array.size != len(array) or array.dtype.kind == "f":  # pixels, words, or probabilities
        return None
    classes = array.reshape(-1).astype(np.int64)
    return np.eye(int(classes.max()) + 1)[classes]


def _array(x: Any) -> NDArray[Any] | None:
    """x as an array of numbers on the CPU; None for a tuple, a dict, a Dataset."""
    if isinstance(x, torch.Tensor):
        x = x.detach().cpu()
        x = (x.float() if x.dtype in (torch.bfloat16, torch.float16) else x).numpy()
    return x if isinstance(x, np.ndarray) and x.dtype.kind in "biuf" else None
