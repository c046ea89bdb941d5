"""Rows into folds: any splitter, groups, weights of rows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import GroupKFold, check_cv

from shrinkage._errors import RequestError, shown
from shrinkage.training.modules import ArraySamples, DatasetSamples, Samples

__all__ = ["row_weights", "split_rows", "targets_of"]


def row_weights(sample_weight: ArrayLike | None, n: int) -> NDArray[np.float64] | None:
    if sample_weight is None:
        return None
    try:
        weight = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError):
        raise RequestError(f"sample_weight=…: must be {n} numbers, got {shown(sample_weight)}.") from None
    if weight.shape != (n,):
        raise RequestError(
            f"sample_weight=…: must be {n} weights >= 0, one per row, got shape {weight.shape}."
        )
    if not np.isfinite(weight).all() or (weight < 0).any():
        row = int((~np.isfinite(weight) | (weight < 0)).argmax())
        raise RequestError(
            f"sample_weight=…: must be finite and >= 0, got {weight[row]:g} in row {row} (counted from 0)."
        )
    return weight


def split_rows(
    samples: Samples, cv: Any, groups: ArrayLike | None, weight: NDArray[np.float64] | None, loss: Any
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(train, validation) row numbers of each fold, rows of weight 0 left out."""
    n = len(samples)
    y = _labels(samples)
    try:
        if groups is not None and isinstance(cv, int):
            splitter: Any = GroupKFold(cv)
        else:
            splitter = check_cv(cv, y, classifier=loss == "cross_entropy" and y is not None)
        divided = list(splitter.split(np.empty((n, 0)), y, groups))
    except (TypeError, ValueError) as error:
        raise RequestError(
            f"cv=…: the rows can't be divided into folds: {error}.".replace("..", ".")
        ) from error
    if not divided:
        raise RequestError(
            "cv=…: it contains no fold. Give at least one (train, validation) pair of row numbers."
        )
    parts = []
    for number, part in enumerate(divided):
        rows = [np.flatnonzero(x) if x.dtype == bool else x for x in map(np.asarray, part)]
        _check_rows(number, rows, n)
        if weight is not None:
            rows = [x[weight[x] > 0] for x in rows]
        if not all(len(x) for x in rows):
            raise RequestError(
                f"cv=…: fold {number} has {len(rows[0])} training and {len(rows[1])} validation rows of positive weight; "
                "both need at least one."
            )
        parts.append((rows[0].astype(np.int64), rows[1].astype(np.int64)))
    return parts


def _check_rows(number: int, rows: list[NDArray[Any]], n: int) -> None:
    """Refuse row numbers that don't exist, and warn of rows that are validated and trained on."""
    for x in rows:
        if len(x) and (x.dtype.kind not in "iuf" or (x % 1).any() or x.min() < 0 or x.max() >= n):
            raise RequestError(
                f"cv=…: fold {number} must name rows 0 to {n - 1}, got {shown(x.tolist(), 60)}."
            )
    if both := len(np.intersect1d(rows[0], rows[1])):
        warnings.warn(
            f"cv=…: fold {number} validates on {both} rows that it also trains on, so its loss looks too good.",
            stacklevel=4,
        )


def targets_of(samples: Samples) -> Any:
    """y, or what a Dataset lists as its targets; None where it lists none."""
    if isinstance(samples, ArraySamples):
        return samples.y
    return getattr(samples.dataset, "targets", None) if isinstance(samples, DatasetSamples) else None


def _labels(samples: Samples) -> NDArray[Any] | None:
    """Class numbers to stratify by, where there are some."""
    y = targets_of(samples)
    if y is None or isinstance(y, dict | tuple):
        return None
    y = np.asarray(y)
    return y if y.ndim == 1 and len(y) == len(samples) and y.dtype.kind in "iub" else None
