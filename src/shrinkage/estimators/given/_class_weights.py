"""`class_weight=` as scikit-learn means it: a factor on the weights of the rows of each class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import RequestError, called, shown

__all__ = ["BALANCED", "checked_class_weight", "row_weights"]

Floats = NDArray[np.float64]
BALANCED = "balanced"


def checked_class_weight(class_weight: Any, classes: NDArray[Any]) -> Floats | str | None:
    """`balanced`, None, or (C,) the weight of each class; one that a dictionary leaves out weighs 1.

    Raises:
        RequestError: it is neither, names a class that isn't there, or has a weight that is not positive.
    """
    if class_weight is None or (isinstance(class_weight, str) and class_weight == BALANCED):
        return class_weight
    if not isinstance(class_weight, Mapping):
        raise RequestError(
            f"{called('class_weight')}: must be 'balanced', None, or a dictionary of weights by class, got "
            f"{shown(class_weight)}."
        )
    known = classes.tolist()
    if unknown := [label for label in class_weight if label not in known]:
        raise RequestError(
            f"{called('class_weight')}: there is no class {', '.join(map(shown, unknown))}. The classes are "
            f"{', '.join(map(shown, known))}."
        )
    weights = np.array([class_weight.get(label, 1) for label in known], dtype=np.float64)
    if not (np.isfinite(weights) & (weights > 0)).all():
        raise RequestError(
            f"{called('class_weight')}: every weight must be > 0 and finite, got {shown(dict(class_weight))}. To leave a "
            "class out, leave out its rows."
        )
    return weights


def row_weights(
    class_weight: Floats | str | None, Y: Floats, weight: Floats | None, train: NDArray[np.int64]
) -> Floats | None:
    """(N,) the weight of every row: its own times that of its class; None where all weigh 1.

    `balanced` gives the classes of the training rows equal weight in all: with C classes of summed weights n_c, of n in
    all, a row of class c gets n/(C·n_c). A class that no training row has keeps the weight of its rows.

    Args:
        class_weight: as `checked_class_weight` gives it.
        Y: (N, C) one-hot classes, or a column of 0 and 1.
        weight: (N,) of the rows, or None.
        train: (n,) training rows.
    """
    if class_weight is None:
        return weight
    labels = (Y[:, 0] > 0.5).astype(np.intp) if Y.shape[1] == 1 else Y.argmax(axis=1)
    own = np.ones(len(Y)) if weight is None else weight
    if isinstance(class_weight, str):
        counts = np.bincount(labels[train], own[train], minlength=max(2, Y.shape[1]))
        present = counts > 0
        class_weight = np.where(present, counts.sum() / (present.sum() * np.where(present, counts, 1)), 1.0)
    return own * class_weight[labels]
