"""What a network uses: permutation importance on rows it had not seen, and partial dependence.

Axes: n rows, P columns of the table, D inputs that they became, F folds.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats.mstats import mquantiles
from sklearn.inspection import permutation_importance

__all__ = ["Dependence", "Effects", "Importance", "column_dependence", "fold_importance", "mean_importance"]

Floats = NDArray[np.float64]
GRID = 30
"""Values of a number at which partial dependence is taken."""


@dataclass(frozen=True, kw_only=True)
class Importance:
    """How much larger the loss on unseen rows becomes when the cells of one column are shuffled among the rows."""

    names: tuple[str, ...]
    """(P,) columns."""
    mean: Floats
    """(P,) over the folds."""
    se: Floats
    """(P,) standard error over the folds; NaN for one."""

    @property
    def order(self) -> NDArray[np.intp]:
        """(P,) places, the most important column first."""
        return np.argsort(-self.mean, kind="stable")


@dataclass(frozen=True, kw_only=True)
class Dependence:
    """The mean prediction when one column is set to a value in every row."""

    name: str
    values: tuple[float, ...] | tuple[str, ...]
    """(G,) of the column: numbers ascending, or levels."""
    predicted: Floats
    """(C, G) mean probabilities of the classes (of the second of two), or mean values of each target."""

    @property
    def is_number(self) -> bool:
        return not isinstance(self.values[0], str)


@dataclass(frozen=True, kw_only=True)
class Effects:
    """What the chapter on effects shows."""

    importance: Importance
    dependences: tuple[Dependence, ...]
    """Of the strongest columns, strongest first; dates have none."""


class _Gathered:
    """An estimator over row numbers: column p of its X says from which row the cell of column p is taken.

    Permuting a column of it permutes all inputs that a column of the table became, without encoding the table anew.
    """

    def __init__(
        self, inputs: NDArray[Any], groups: Sequence[NDArray[np.intp]], predict: Callable[[Any], Floats]
    ) -> None:
        self._inputs, self._groups, self._predict = inputs, groups, predict

    def fit(self, X: Any, y: Any) -> _Gathered:
        return self

    def predict(self, rows: NDArray[np.intp]) -> Floats:
        gathered = self._inputs.copy()
        for column, group in enumerate(self._groups):
            gathered[:, group] = self._inputs[np.ix_(rows[:, column], group)]
        return self._predict(gathered)


def fold_importance(
    inputs: NDArray[Any],
    groups: Sequence[NDArray[np.intp]],
    predict: Callable[[NDArray[Any]], Floats],
    loss: Callable[[Floats], float],
    *,
    repeats: int,
    seed: int,
) -> Floats:
    """(P,) increases of the loss of one fold's networks on the rows that it held out.

    Args:
        inputs: (n, D) these rows, encoded.
        groups: P arrays of the inputs that each column of the table became.
        predict: (n, D) ↦ (n, C) predictions.
        loss: of predictions for these rows.
        repeats: shuffles of each column.
        seed: of the shuffles.
    """
    n = len(inputs)
    rows = np.tile(np.arange(n)[:, None], len(groups))
    found = permutation_importance(
        _Gathered(inputs, groups, predict),
        rows,
        np.zeros(n),
        scoring=lambda estimator, X, y: -loss(estimator.predict(X)),
        n_repeats=repeats,
        random_state=seed,
    )
    return np.asarray(found["importances_mean"], dtype=np.float64)


def mean_importance(names: Sequence[str], by_fold: Sequence[Floats]) -> Importance:
    """Of P columns in F folds."""
    values = np.array(by_fold)
    se = values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.full(len(names), np.nan)
    return Importance(names=tuple(names), mean=values.mean(axis=0), se=se)


def column_dependence(
    predict: Callable[[Any], NDArray[Any]], frame: pd.DataFrame | NDArray[Any], column: int, name: str
) -> Dependence:
    """The partial dependence on one column, averaged over the given rows, as scikit-learn's `partial_dependence` has it.

    All values of the column go through the network in one call: encoding a table anew for each takes most of the time.

    Args:
        predict: rows ↦ (n,) or (n, C) values, or probabilities, of two classes the second's alone.
        frame: (n, P) rows without gaps in this column, as `predict` takes them.
        column: its place.
        name: what it is called.
    """
    table = isinstance(frame, pd.DataFrame)
    values = frame.iloc[:, column] if table else pd.Series(frame[:, column])
    number = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
    grid = np.unique(values.to_numpy() if number else values.to_numpy(object))
    if number and len(grid) > GRID:
        low, high = mquantiles(values.to_numpy(np.float64), prob=(0.05, 0.95))
        grid = np.linspace(float(low), float(high), GRID)
    rows, cells = np.tile(np.arange(len(frame)), len(grid)), np.repeat(grid, len(frame))
    if table:
        stacked: Any = frame.iloc[rows].reset_index(drop=True)
        stacked.isetitem(column, pd.Series(cells))
    else:
        stacked = frame[rows]
        stacked[:, column] = cells
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predicted = np.asarray(predict(stacked), np.float64).reshape(len(grid), len(frame), -1)
    shown = tuple(float(value) for value in grid) if number else tuple(str(value) for value in grid)
    return Dependence(name=name, values=shown, predicted=predicted.mean(axis=1).T)
