"""`y` with several labels per row, as scikit-learn's multilabel targets: how it is read, and what it doesn't go with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.multiclass import type_of_target

from shrinkage._errors import RequestError, called, shown

__all__ = ["check_goes_with_labels", "labels_like", "labels_of"]


def labels_of(y: Any) -> NDArray[np.int64] | None:
    """(n, L) of 0 and 1 if scikit-learn's `type_of_target` calls y multilabel; None otherwise.

    Raises:
        RequestError: the two values of a matrix of labels are not 0 and 1, or its cells are words.
    """
    if not issparse(y):
        if isinstance(y, list | tuple) and not all(isinstance(row, list | tuple | np.ndarray) for row in y):
            return None
        y = _as_numbers(np.asarray(y))
        if y.ndim != 2 or y.shape[1] < 2 or y.dtype.kind not in "biuf":
            return None
    if type_of_target(y, input_name="y") != "multilabel-indicator":
        return None
    Y = np.asarray(y.toarray() if issparse(y) else y)
    if wrong := [value for value in np.unique(Y).tolist() if value not in (0, 1)]:
        raise RequestError(
            f"y: a matrix of several labels per row must contain 1 for a label that the row has and 0 "
            f"otherwise, got {shown(wrong[0])}."
        )
    return Y.astype(np.int64)


def _as_numbers(y: NDArray[Any]) -> NDArray[Any]:
    """A matrix of objects, as frames of nullable or categorical columns give, as the numbers that it holds."""
    if y.ndim != 2 or y.shape[1] < 2 or y.dtype.kind not in "OUS":
        return y
    for column in y.T:
        if words := [cell for cell in column if isinstance(cell, str | bytes)]:
            raise RequestError(
                f"y: has {y.shape[1]} columns with words in them, such as {shown(words[0])}. Give one column of "
                f"classes, or, for several labels per row, 1 and 0, such as (y == {words[0]!r}).astype(int)."
            )
    try:
        return y.astype(np.float64)
    except (TypeError, ValueError):  # a gap, or what is no number: refused as scikit-learn does
        return y


def labels_like(y: NDArray[Any], count: int) -> NDArray[np.float64]:
    """(n, L) labels as the outputs of a fitted network learn them.

    Raises:
        ValueError: there are others than in the fit.
    """
    if y.ndim != 2 or y.shape[1] != count:
        raise ValueError(f"y must have {count} labels per row as in fit, shape (n, {count}), got {y.shape}.")
    return y.astype(np.float64)


def check_goes_with_labels(class_weight: Any, calibrate: bool | str) -> None:
    """Raise for what needs one class per row."""
    if class_weight is not None:
        raise RequestError(
            f"{called('class_weight')}: weights the one class of a row, but y has several labels per row. Leave "
            "it out; sample_weight weights the rows."
        )
    if calibrate is True:
        raise RequestError(
            f"{called('calibrate', True)}: the temperature is for one class per row, but y has several labels "
            f"per row. Leave {called('calibrate', 'auto')}, which leaves their probabilities as they are."
        )
