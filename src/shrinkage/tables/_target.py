"""Splitting a table into features and target, and telling classification from regression."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import RequestError, called, shown
from shrinkage.tables._source_table import Table, column_of
from shrinkage.tables._target_moments import moment_target
from shrinkage.tables.read._numerals import numbers_in

__all__ = ["Problem", "Task", "inferred_task", "split_target", "wrong_labels"]

Task = Literal["classification", "regression"]

FEW = 20
"""Integers with at most so many different values, each five times on average, are taken for classes."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """The learning problem: features, target, and the task with the reason for it."""

    features: pd.DataFrame
    """All columns but the targets, rows in the order of the file."""
    target: NDArray[Any]
    """Classification: (n,) classes as the file has them (text, int64 or bool), or (n, L) of 0 and 1 with L target
    columns. Regression: (n,) float64, or (n, m) with m target columns."""
    target_names: tuple[str, ...]
    """The names of the target columns."""
    task: Task
    """`classification` or `regression`."""
    reason: str
    """One sentence: the task and why, or that it was given."""
    classes: NDArray[Any] | None
    """The different classes of one target column, sorted; None for regression and for several labels per row."""
    labels: tuple[tuple[Any, Any], ...] | None = None
    """(L) of each target column that is classified beside others, its two values, of which the second is 1."""


def split_target(table: Table, target: str | Sequence[str], task: str = "auto") -> Problem:
    """Split off the target columns of a table that `check_table` let pass.

    Args:
        table: the table.
        target: the name of the target column; several names for a regression with several outputs, or for the
            classification of several labels per row, one of two values in each column.
        task: `classification`, `regression`, or `auto` to tell it from the target's values.

    Returns:
        Features, target, task and classes.

    Raises:
        RequestError: a target that the task cannot have.

    Example:
        >>> from shrinkage.tables import bundled_table
        >>> problem = split_target(bundled_table(), "target")
        >>> problem.task, problem.classes.tolist(), problem.features.shape
        ('classification', ['benign', 'malignant'], (569, 30))
    """
    names = target_names(target)
    if absent := [shown(name) for name in names if name not in table.frame.columns]:
        raise RequestError(f"{table.name}: no column {', '.join(absent)}.")
    columns = [column_of(table.frame, name) for name in names]
    if any(column.isna().any() for column in columns):
        raise RequestError(f"{table.name}: a target value is missing; check_table tells where.")
    chosen, reason = inferred_task(columns, task)
    features = table.frame.drop(columns=list(names))
    if chosen == "classification":
        if len(names) > 1:
            return _labelled(table, columns, features, reason)
        classes = _classes_of(columns[0], table)
        return Problem(
            features=features,
            target=classes,
            target_names=names,
            task="classification",
            reason=reason,
            classes=np.unique(classes),
        )
    values = np.column_stack([numbers_of(column, table) for column in columns])
    moments = {
        name: moment_target(column, table.readings.get(name))
        for name, column in zip(names, columns, strict=True)
    }
    units = [f"{shown(name)} in {found.unit}" for name, found in moments.items() if found is not None]
    reason = f"{reason.rstrip('.')}: {', '.join(units)}." if units else reason
    return Problem(
        features=features,
        target=values[:, 0] if len(names) == 1 else values,
        target_names=names,
        task="regression",
        reason=reason,
        classes=None,
    )


def _labelled(table: Table, columns: Sequence[pd.Series], features: pd.DataFrame, reason: str) -> Problem:
    """The problem of several labels per row."""
    if wrong := list(wrong_labels(table, columns)):
        raise RequestError(wrong)
    names = tuple(str(column.name) for column in columns)
    values = [_classes_of(column, table) for column in columns]
    pairs = [np.unique(each) for each in values]
    labels: tuple[tuple[Any, Any], ...] = tuple((low, high) for low, high in map(np.ndarray.tolist, pairs))
    named = [
        f"{shown(pair[1])} in {shown(name)}"
        for name, pair in zip(names, labels, strict=True)
        if pair != (0, 1)
    ]
    return Problem(
        features=features,
        target=np.column_stack([each == pair[1] for each, pair in zip(values, pairs, strict=True)]).astype(
            np.int64
        ),
        target_names=names,
        task="classification",
        reason=f"{reason} The probabilities are those of {', '.join(named)}." if named else reason,
        classes=None,
        labels=labels,
    )


def wrong_labels(table: Table, columns: Sequence[pd.Series]) -> Iterator[str]:
    """A sentence for each of several columns to classify that has more than two values."""
    for column in columns:
        if (different := column.nunique()) > 2:
            yield (
                f"{table.name}: target {shown(column.name)} has {different:,} different values; of several targets to "
                "classify, each must have two, such as yes and no. Name one target, or use --task regression for numbers."
            )


def target_names(target: str | Sequence[str]) -> tuple[str, ...]:
    """The names as a tuple, whether one or several were given."""
    return (target,) if isinstance(target, str) else tuple(target)


def inferred_task(columns: Sequence[pd.Series], task: str) -> tuple[Task, str]:
    """The task and a sentence that states it with its reason."""
    if task in ("classification", "regression"):
        return task, f"{task.capitalize()}, as requested."
    if task != "auto":
        raise RequestError(f"{called('task', task)}: must be 'auto', 'classification' or 'regression'.")
    if len(columns) > 1:
        if all(column.nunique() <= 2 for column in columns):
            return (
                "classification",
                f"Multilabel classification: each of the {len(columns)} target columns has two values "
                "(--task regression overrides).",
            )
        return "regression", f"Regression: there are {len(columns)} target columns."
    name, values = shown(columns[0].name), columns[0].dropna()
    different = values.nunique()
    if not _numeric(values):
        return (
            "classification",
            f"Classification: {name} has {different} text values.",
        )
    if not (values == np.trunc(values)).all():
        return (
            "regression",
            f"Regression: {name} holds numbers with fractions (--task classification overrides).",
        )
    if different <= 2 or (different <= FEW and different * 5 <= len(values)):
        return (
            "classification",
            f"Classification: {name} holds {different} different integers (--task regression overrides).",
        )
    return (
        "regression",
        f"Regression: {name} holds {different:,} different integers (--task classification overrides).",
    )


def _classes_of(column: pd.Series, table: Table) -> NDArray[Any]:
    """Classes: integers and booleans as such, all else as text."""
    classes = _as_classes(column)
    if classes.dtype == object and any("\0" in label for label in classes):
        raise RequestError(
            f"{table.name}: target {shown(column.name)} holds a NUL character, so that predictions could not be "
            "written as text. Replace it."
        )
    return classes


def _as_classes(column: pd.Series) -> NDArray[Any]:
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.to_numpy(dtype=bool)
    if _numeric(column):
        values = column.to_numpy(dtype=np.float64)
        return values.astype(np.int64) if (values == np.trunc(values)).all() else values
    return np.asarray([str(value) for value in column], dtype=object)


def numbers_of(column: pd.Series, table: Table) -> NDArray[np.float64]:
    """Regression targets as float64; dates in days since 2000-01-01, times and durations in hours."""
    if (moments := moment_target(column, table.readings.get(str(column.name)))) is not None:
        return moments.numbers
    if not _numeric(column) and not pd.api.types.is_bool_dtype(column.dtype):
        numbers = numbers_in(column.astype(str)).to_numpy()
        rows = np.flatnonzero(np.isnan(numbers))
        if len(rows):
            row = int(rows[0])
            raise RequestError(
                f"{table.name}, {table.where(row)}: target {shown(column.name)} is {shown(column.iloc[row])}, "
                "not a number, so it cannot be a regression. Use --task classification or correct the cell."
            )
        return numbers
    return column.to_numpy(dtype=np.float64)


def _numeric(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
