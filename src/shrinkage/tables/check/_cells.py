"""Cells that a network cannot take, or that are not what their column is: one sentence for each column."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from shrinkage._errors import called, shown
from shrinkage.tables._source_table import Table, column_of
from shrinkage.tables._target_moments import moment_target
from shrinkage.tables.read._column_cells import Hints
from shrinkage.tables.read._exact_numbers import FLOAT32_MAX
from shrinkage.tables.read._numerals import Numerals, numbers_in
from shrinkage.tables.read._typing import Odd, decide

__all__ = ["mixed_cells", "negative_counts", "not_numbers", "too_large", "wrong_values"]


def wrong_values(table: Table, targets: Sequence[str]) -> Iterator[str]:
    """Infinite or too large numbers, and numbers with a few words between them."""
    for position, name in enumerate(table.frame.columns):
        column = table.frame.iloc[:, position]
        if pd.api.types.is_numeric_dtype(column.dtype):
            yield from too_large(table, name, column)
        elif name not in targets:
            yield from mixed_cells(table, name, column)


def too_large(table: Table, name: object, column: pd.Series) -> Iterator[str]:
    """The first number that float32 cannot hold."""
    values = np.abs(column.to_numpy(dtype=np.float64, na_value=np.nan))
    rows = np.flatnonzero(values > FLOAT32_MAX)
    if len(rows):
        value = float(column.iloc[rows[0]])
        what = "infinite" if np.isinf(value) else f"{value:g}, beyond 3.4e38"
        yield (
            f"{table.name}, {table.where(int(rows[0]))}: column {shown(name)} is {what}, which a network cannot take"
            f"{_count(rows, 'such cells')}. Correct it or leave the cell empty."
        )


def mixed_cells(table: Table, name: object, column: pd.Series) -> Iterator[str]:
    """A column of numbers that is read as text, for a few cells in it or for how its numbers are written."""
    text = column.dropna()
    rule = table.readings.get(str(name))
    if (
        not len(text)
        or not isinstance(text.iloc[0], str)
        or (rule is not None and (rule.asked or rule.form != "text"))
    ):
        return
    decision = decide(column.map(str, na_action="ignore"), str(name), Hints(numerals=table.numerals))
    odd = decision.odd
    if odd is None:
        return
    row = int(np.flatnonzero((column.map(str, na_action="ignore").str.strip() == odd.cell).to_numpy())[0])
    where, cells = f"{table.name}, {table.where(row)}", _count(np.arange(odd.rows), "such cells")
    if odd.kind == "marks":
        yield _unclear(table, name, odd)
    elif odd.kind == "sides":
        yield (
            f"{where}: column {shown(name)} holds numbers with letters, as in {shown(odd.cell)}, of which one may stand "
            "for minus (as of debit and credit). Write signs in their place, or read the column as text with --text "
            f"{shlex.quote(str(name))}."
        )
    elif odd.kind == "unit":
        yield (
            f"{where}: column {shown(name)} holds numbers with a unit, but here {shown(odd.cell)}, whose "
            "unit does not match the others. Convert it, or read the column as text with --text "
            f"{shlex.quote(str(name))}."
        )
    else:
        yield (
            f"{where}: column {shown(name)} holds numbers, but here {shown(odd.cell)}{cells}. Correct it, name a word "
            f"that means missing with --na, or read the column as text with --text {shlex.quote(str(name))}."
        )


def _unclear(table: Table, name: object, odd: Odd) -> str:
    way = odd.way.options if odd.way.thousands else Numerals(".", ",").options
    return (
        f"{table.name}: column {shown(name)} holds numbers such as {shown(odd.cell)}, whose marks may be "
        f"decimal points or thousands separators. Choose: --decimal ',' or {way}."
    )


def not_numbers(table: Table, name: str, column: pd.Series) -> Iterator[str]:
    """The first cell of a regression's target that is none."""
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        return
    moments = moment_target(column, table.readings.get(name))
    numbers = numbers_in(column.astype(str)).to_numpy() if moments is None else moments.numbers
    rows = np.flatnonzero(column.notna().to_numpy() & np.isnan(numbers))
    if len(rows) and moments is not None:
        yield (
            f"{table.name}, {table.where(int(rows[0]))}: target {shown(name)} holds {moments.what}, but here "
            f"{shown(column.iloc[rows[0]])}{_count(rows, 'such rows')}. Correct it, or remove the row."
        )
    elif len(rows):
        yield (
            f"{table.name}, {table.where(int(rows[0]))}: target {shown(name)} is "
            f"{shown(column.iloc[rows[0]])}, not a number{_count(rows, 'such rows')}, so this is not a "
            "regression. Correct it or use --task classification."
        )


def negative_counts(table: Table, name: str) -> Iterator[str]:
    """The first cell of a target of counts that is below 0."""
    column = column_of(table.frame, name)
    if not pd.api.types.is_numeric_dtype(column.dtype):
        return
    rows = np.flatnonzero((column < 0).to_numpy(dtype=bool, na_value=False))
    if len(rows):
        yield (
            f"{table.name}, {table.where(int(rows[0]))}: target {shown(name)} is {column.iloc[rows[0]]:g}"
            f"{_count(rows, 'such cells')}, but {called('loss', 'poisson')} is of counts or rates, which must be >= 0. "
            "Use another loss, or correct the cell."
        )


def _count(rows: np.ndarray, what: str) -> str:
    return f" ({len(rows):,} {what})" if len(rows) > 1 else ""
