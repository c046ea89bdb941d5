"""Leaving out columns and rows because somebody asked for it; each function says what it left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import RequestError, shown
from shrinkage.tables._source_table import Table, column_of
from shrinkage.tables._target import inferred_task
from shrinkage.tables.check._check_table import hint
from shrinkage.tables.learn._learned_columns import KEPT

__all__ = ["keeping_columns", "without_columns", "without_missing_targets", "without_rare_classes"]


def without_columns(table: Table, names: Sequence[str]) -> Table:
    """The table without these columns.

    Raises:
        RequestError: there is no such column.

    Example:
        >>> from shrinkage.tables import bundled_table
        >>> without_columns(bundled_table("iris"), ["petal width (cm)"]).frame.shape
        (150, 4)
    """
    columns = list(table.frame.columns)
    if absent := [name for name in names if name not in columns]:
        raise RequestError([f"{table.name}: no column {shown(name)}{hint(name, columns)}" for name in absent])
    note = f"Left out as requested: {', '.join(map(shown, names))}."
    return replace(table, frame=table.frame.drop(columns=list(names)), notes=(*table.notes, note))


def keeping_columns(table: Table, names: Sequence[str]) -> Table:
    """The table with the wish that these columns are used although they number the rows.

    Raises:
        RequestError: there is no such column.
    """
    columns = list(table.frame.columns)
    if absent := [name for name in names if name not in columns]:
        raise RequestError([f"{table.name}: no column {shown(name)}{hint(name, columns)}" for name in absent])
    frame = table.frame.copy(deep=False)
    frame.attrs = {**table.frame.attrs, KEPT: list(names)}
    return replace(table, frame=frame)


def without_missing_targets(table: Table, targets: Sequence[str]) -> Table:
    """The table without the rows in which a target is missing; columns that are not there are left to the check."""
    known = np.ones(len(table.frame), dtype=bool)
    for name in targets:
        if name in table.frame.columns:
            known &= column_of(table.frame, name).notna().to_numpy()
    return _rows(table, known, "whose target is missing")


def without_rare_classes(table: Table, targets: Sequence[str], *, task: str, folds: int) -> Table:
    """The table without the rows of classes that have fewer rows than there are folds; of a regression, all."""
    if len(targets) != 1 or targets[0] not in table.frame.columns:
        return table
    column = column_of(table.frame, targets[0])
    if inferred_task([column], task)[0] == "regression":
        return table
    counts = column.map(column.value_counts()).to_numpy(dtype=float, na_value=np.inf)
    rare = sorted({str(label) for label, few in zip(column, counts < folds, strict=True) if few})
    which = f"of the class {', '.join(map(shown, rare[:5]))}{', …' if len(rare) > 5 else ''}"
    return _rows(table, counts >= folds, which)


def _rows(table: Table, kept: NDArray[np.bool_], which: str) -> Table:
    left_out = int((~kept).sum())
    if left_out in (0, len(kept)):
        return table  # nothing would be left: the check says why
    rows = "1 row was" if left_out == 1 else f"{left_out:,} rows were"
    return replace(
        table,
        frame=table.frame[kept].reset_index(drop=True),
        lines=np.flatnonzero(kept) + 1 if table.lines is None else table.lines[kept],
        unit="row" if table.lines is None else table.unit,
        notes=(*table.notes, f"{rows} left out as requested, {which}."),
    )
