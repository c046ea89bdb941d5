"""Columns that alone predict the target on rows not seen, while all others together do not: possible leaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import shown
from shrinkage.tables._source_table import column_of
from shrinkage.tables.learn._columns import counts_rows, flat
from shrinkage.tables.read._reading import Reading, as_read, readings_of

__all__ = ["Leak", "possible_leaks"]

Floats = NDArray[np.float64]

ROWS = 4000
"""At most so many rows are looked at, drawn with a fixed seed."""
FEWEST = 20
FOLDS = 3
LEAVES = 32
NEARLY = {"classification": 0.9, "regression": 0.98}
"""From this share of a constant guess's error on that it removes, a column predicts the target nearly perfectly."""


@dataclass(frozen=True, kw_only=True)
class Leak:
    """A column that alone predicts the target on rows not seen."""

    name: str
    target: str
    task: str
    alone: float
    """Share of right classes, or R², of the column alone."""
    others: float
    """The same of all other columns together."""

    def __str__(self) -> str:
        what = "of the classes right" if self.task == "classification" else "R²"
        reached = [
            f"{100 * x:.1f} %" if self.task == "classification" else f"{x:.3f}"
            for x in (self.alone, self.others)
        ]
        return (
            f"Possible leak: column {shown(self.name)} alone reaches {reached[0]} {what} for {shown(self.target)} on "
            f"rows not seen, all others together {reached[1]}. If it is known only once the target is, leave it out."
        )


def possible_leaks(features: pd.DataFrame, target: NDArray[Any], task: str, name: str) -> list[Leak]:
    """The columns that nearly determine the target where the others don't; what is equal to it included.

    Args:
        features: the columns, and the rules by which their text is read.
        target: (n,) classes or numbers.
        task: `classification` or `regression`.
        name: of the target.
    """
    if len(target) < FEWEST or features.shape[1] < 2:
        return []
    rows = np.arange(len(target))
    if len(rows) > ROWS:
        rows = np.sort(np.random.default_rng(0).choice(rows, ROWS, replace=False))
    y = _as_numbers(target[rows], task)
    if y is None:
        return []
    folds = np.random.default_rng(1).permutation(len(rows)) % FOLDS
    rules = readings_of(features)
    columns: dict[str, tuple[Floats, bool]] = {}
    for column in features.columns:
        if (found := _column(column, column_of(features, column), rows, rules)) is not None:
            columns[column] = found
    base = _error(np.full_like(y, np.nan), y, folds, task)
    if not columns or not base > 0:
        return []
    errors = {column: _alone(x, is_level, y, folds, task) / base for column, (x, is_level) in columns.items()}
    suspects = [column for column, error in errors.items() if 1 - error >= NEARLY[task]]
    if not suspects or (len(suspects) > 1 and 2 * len(suspects) >= len(columns)):
        return []  # half of the columns or more: the target is easy to predict
    rest = [x for column, (x, _) in columns.items() if column not in suspects]
    others = _together(np.column_stack(rest), y, folds, task) / base
    reached = _score(others, base, task)
    return [
        Leak(name=column, target=name, task=task, alone=_score(errors[column], base, task), others=reached)
        for column in suspects
        if others > max(0.05, 3 * errors[column])
    ]


def _score(error: float, base: float, task: str) -> float:
    """The share of right classes, or R², from an error in units of a constant guess's."""
    return 1 - error * base if task == "classification" else 1 - error


def _as_numbers(target: NDArray[Any], task: str) -> Floats | None:
    if task == "regression":
        return np.asarray(target, dtype=np.float64)
    codes, classes = pd.factorize(target)
    return codes.astype(np.float64) if 2 <= len(classes) <= 50 else None


def _column(
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


def _alone(x: Floats, is_level: bool, y: Floats, folds: NDArray[np.int64], task: str) -> float:
    if is_level:
        return _error(_by_level(x, y, folds, task), y, folds, task)
    if len(np.unique(x[~np.isnan(x)])) < 2:
        return _error(_by_level(np.isnan(x).astype(float), y, folds, task), y, folds, task)
    error = _together(x[:, None], y, folds, task)
    if task == "regression" and error < 0.2 * np.var(y):
        error = min(error, _error(_between_neighbours(x, y, folds), y, folds, task))
    return error


def _by_level(x: Floats, y: Floats, folds: NDArray[np.int64], task: str) -> Floats:
    """For each row what its level has in the other folds: the most frequent class, or the mean; NaN for a new level."""
    found = np.full(len(y), np.nan)
    places = x.astype(np.int64) + 1
    for fold in range(FOLDS):
        train, test = folds != fold, folds == fold
        if task == "regression":
            count = np.bincount(places[train], minlength=places.max() + 1)
            total = np.bincount(places[train], weights=y[train], minlength=places.max() + 1)
            means = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
            found[test] = means[places[test]]
        else:
            counts = np.zeros((places.max() + 1, int(y.max()) + 1))
            np.add.at(counts, (places[train], y[train].astype(np.int64)), 1)
            best = np.where(counts.sum(axis=1) > 0, counts.argmax(axis=1), np.nan)
            found[test] = best[places[test]]
    return found


def _between_neighbours(x: Floats, y: Floats, folds: NDArray[np.int64]) -> Floats:
    """For each row the target between those of its neighbours in the other folds: what a near copy shows best."""
    found = np.full(len(y), np.nan)
    for fold in range(FOLDS):
        train, test = (folds != fold) & ~np.isnan(x), (folds == fold) & ~np.isnan(x)
        order = np.argsort(x[train], kind="stable")
        found[test] = np.interp(x[test], x[train][order], y[train][order])
    return found


def _together(X: Floats, y: Floats, folds: NDArray[np.int64], task: str) -> float:
    """The error of trees on rows not seen: one small tree of one column, a forest of several."""
    # Loaded here for the half second it takes: most of what is said of a table needs no trees.
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
    return _error(found, y, folds, task)


def _error(predicted: Floats, y: Floats, folds: NDArray[np.int64], task: str) -> float:
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
