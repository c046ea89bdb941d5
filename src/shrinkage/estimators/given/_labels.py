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
        RequestError: the two values of a matrix of labels are not 0 and 1.
    """
    if not issparse(y):
        if isinstance(y, list | tuple) and not all(isinstance(row, list | tuple | np.ndarray) for row in y):
            return None
        y = np.asarray(y)
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
