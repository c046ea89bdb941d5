"""Quick predictions of a target on rows not seen: columns as numbers, and the error that trees leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage.tables.learn._columns import counts_rows, flat
from shrinkage.tables.read._reading import Reading, as_read

__all__ = ["FOLDS", "column_numbers", "error_of", "target_numbers", "trees_error"]

Floats = NDArray[np.float64]

FOLDS = 3
LEAVES = 32


def target_numbers(target: NDArray[Any], task: str) -> Floats | None:
    if task == "regression":
        return np.asarray(target, dtype=np.float64)
    codes, classes = pd.factorize(target)
    return codes.astype(np.float64) if 2 <= len(classes) <= 50 else None


def column_numbers(
    name: str, values: pd.Series, rows: NDArray[np.int64], rules: Mapping[str, Reading]
) -> tuple[Floats, bool] | None:
    """A column as numbers, and whether these are codes of levels; None for one that is no use."""
    form, values = flat(values)
    if form == "number" and counts_rows(name, values.dropna()):
        return None
    values = values.iloc[rows]
    if form in ("text", "mixed", "category"):
        texts = values.astype(object).map(str, na_action="ignore")
        rule = rules.get(name)
        if rule is not None:
            form, values = rule.form, as_read(rule, texts)[0]
        else:
            form, values = "text", texts
    if form == "nested":
        return None
    if form == "date":
        moments = pd.to_datetime(values, utc=True)
        return ((moments - moments.min()) / pd.Timedelta(days=1)).to_numpy(np.float64, na_value=np.nan), False
    if form in ("number", "time", "boolean"):
        found = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return (found, False) if np.isfinite(found[~np.isnan(found)]).all() else None
    codes, _ = pd.factorize(values.astype(object), use_na_sentinel=True)
    return codes.astype(np.float64), True


def trees_error(X: Floats, y: Floats, folds: NDArray[np.int64], task: str) -> float:
    """The error of trees on rows not seen: one small tree of one column, a forest of several."""
    # Loaded here, since it takes half a second and most checks of a table need no trees.
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    X = np.where(np.isnan(X), -1e30, X).astype(np.float64)
    X = np.clip(X, -1e30, 1e30)
    found = np.full(len(y), np.nan)
    for fold in range(FOLDS):
        train, test = folds != fold, folds == fold
        if X.shape[1] == 1:
            kind: Any = DecisionTreeClassifier if task == "classification" else DecisionTreeRegressor
            model = kind(max_leaf_nodes=LEAVES, random_state=0)
        else:
            kind = ExtraTreesClassifier if task == "classification" else ExtraTreesRegressor
            model = kind(n_estimators=40, random_state=0)
        if len(np.unique(y[train])) < 2:
            continue
        found[test] = model.fit(X[train], y[train]).predict(X[test])
    return error_of(found, y, folds, task)


def error_of(predicted: Floats, y: Floats, folds: NDArray[np.int64], task: str) -> float:
    """The share of wrong classes, or the mean squared error, a constant standing in where nothing is predicted."""
    filled = predicted.copy()
    for fold in range(FOLDS):
        train = folds != fold
        if task == "classification":
            constant = float(np.bincount(y[train].astype(np.int64)).argmax())
        else:
            constant = float(y[train].mean())
        filled[(folds == fold) & np.isnan(predicted)] = constant
    return float((filled != y).mean() if task == "classification" else ((filled - y) ** 2).mean())
