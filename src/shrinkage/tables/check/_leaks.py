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
from shrinkage.tables.check._quick_error import FOLDS, column_numbers, error_of, target_numbers, trees_error
from shrinkage.tables.read._reading import Reading, readings_of

__all__ = ["Leak", "possible_leaks"]

Floats = NDArray[np.float64]

ROWS = 4000
"""At most so many rows are looked at, drawn with a fixed seed."""
FEWEST = 20
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
    """The same for all other columns together."""

    def __str__(self) -> str:
        what = "of the classes right" if self.task == "classification" else "R²"
        reached = [
            f"{100 * x:.1f} %" if self.task == "classification" else f"{x:.3f}"
            for x in (self.alone, self.others)
        ]
        return (
            f"Possible leak: column {shown(self.name)} alone reaches {reached[0]} {what} for "
            f"{shown(self.target)} on unseen rows, all others together {reached[1]}. If it is known only "
            "once the target is known, leave it out."
        )


def possible_leaks(
    features: pd.DataFrame,
    target: NDArray[Any],
    task: str,
    name: str,
    rules: Mapping[str, Reading] | None = None,
) -> list[Leak]:
    """The columns that nearly determine the target where the others don't; what is equal to it included.

    Args:
        features: the columns.
        target: (n,) classes or numbers.
        task: `classification` or `regression`.
        name: of the target.
        rules: by which text is read; None for those that travel with the columns.
    """
    if len(target) < FEWEST or features.shape[1] < 2:
        return []
    rows = np.arange(len(target))
    if len(rows) > ROWS:
        rows = np.sort(np.random.default_rng(0).choice(rows, ROWS, replace=False))
    y = target_numbers(target[rows], task)
    if y is None:
        return []
    folds = np.random.default_rng(1).permutation(len(rows)) % FOLDS
    rules = readings_of(features) if rules is None else rules
    columns: dict[str, tuple[Floats, bool]] = {}
    for column in features.columns:
        if (found := column_numbers(column, column_of(features, column), rows, rules)) is not None:
            columns[column] = found
    base = error_of(np.full_like(y, np.nan), y, folds, task)
    if not columns or not base > 0:
        return []
    errors = {column: _alone(x, is_level, y, folds, task) / base for column, (x, is_level) in columns.items()}
    suspects = [column for column, error in errors.items() if 1 - error >= NEARLY[task]]
    if not suspects or (len(suspects) > 1 and 2 * len(suspects) >= len(columns)):
        return []  # half of the columns or more: the target is easy to predict
    rest = [x for column, (x, _) in columns.items() if column not in suspects]
    others = trees_error(np.column_stack(rest), y, folds, task) / base if rest else 1.0
    reached = _score(others, base, task)
    return [
        Leak(name=column, target=name, task=task, alone=_score(errors[column], base, task), others=reached)
        for column in suspects
        if others > max(0.05, 3 * errors[column])
    ]


def _score(error: float, base: float, task: str) -> float:
    """The share of right classes, or R², from an error in units of a constant guess's."""
    return 1 - error * base if task == "classification" else 1 - error


def _alone(x: Floats, is_level: bool, y: Floats, folds: NDArray[np.int64], task: str) -> float:
    if is_level:
        return error_of(_by_level(x, y, folds, task), y, folds, task)
    if len(np.unique(x[~np.isnan(x)])) < 2:
        return error_of(_by_level(np.isnan(x).astype(float), y, folds, task), y, folds, task)
    error = trees_error(x[:, None], y, folds, task)
    if task == "regression" and error < 0.2 * np.var(y):
        error = min(error, error_of(_between_neighbours(x, y, folds), y, folds, task))
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
