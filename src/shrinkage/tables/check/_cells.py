"""Cells that a network cannot take, or that are not what their column is: one sentence for each column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from shrinkage._errors import shown
from shrinkage.tables._source_table import Table
from shrinkage.tables.read._numerals import PLAIN, Numerals, likeliest
from shrinkage.tables.read._typing import FLOAT32_MAX, numbers_in

__all__ = ["mixed", "not_numbers", "too_large", "wrong_values"]

FEW_WORDS = 10
"""So many different words between numbers are mistakes; more of them are codes."""
FEW_NUMBERS = 20
"""So many different numbers, each twice on average, may be codes."""


def wrong_values(table: Table, targets: Sequence[str]) -> Iterator[str]:
    """Infinite or too large numbers, columns without values, numbers with a few words between them."""
    for position, name in enumerate(table.frame.columns):
        column = table.frame.iloc[:, position]
        if column.isna().all() and name not in targets and len(column):
            yield (
                f"{table.name}: column {shown(name)} has no value in any row: remove it, or leave it out with "
                f"--ignore-columns {shown(name)}."
            )
        elif pd.api.types.is_numeric_dtype(column.dtype):
            yield from too_large(table, name, column)
        elif name not in targets:
            yield from mixed(table, name, column)


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


def mixed(table: Table, name: object, column: pd.Series) -> Iterator[str]:
    """A column of numbers that is read as text, for a few words in it or for how its numbers are written.

    A few repeated codes, or padded numbers, are categories and are left alone.
    """
    text = column.dropna()
    if not len(text) or not isinstance(text.iloc[0], str):
        return
    cells = text.astype(str).to_numpy(dtype=object)
    way, numbers = likeliest(cells, table.numerals)
    wrong = np.isnan(numbers)
    different, few = len(np.unique(numbers[~wrong])), len(set(cells[wrong])) <= FEW_WORDS
    codes = different <= FEW_NUMBERS and 2 * different <= len(cells)
    unclear = way not in (PLAIN, table.numerals)
    if wrong.mean() >= 0.1 or codes or not few or not (wrong.any() or unclear):
        return
    if not wrong.any():
        yield _unclear(table, name, str(cells[0]), way)
        return
    row = int(table.frame.index.get_indexer(text.index[wrong][:1])[0])
    yield (
        f"{table.name}, {table.where(row)}: column {shown(name)} holds numbers, but here {shown(cells[wrong][0])}"
        f"{_count(np.flatnonzero(wrong), 'such cells')}. Correct it, or name a word that means missing with --na."
    )


def _unclear(table: Table, name: object, cell: str, way: Numerals) -> str:
    return (
        f"{table.name}: column {shown(name)} holds numbers such as {shown(cell)}, whose marks may be decimal points or "
        f"thousands. Say which: --decimal ',' or {way.options if way.thousands else Numerals('.', ',').options}."
    )


def not_numbers(table: Table, name: str, column: pd.Series) -> Iterator[str]:
    """The first cell of a regression's target that is none."""
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        return
    wrong = column.notna().to_numpy() & numbers_in(column.astype(str)).isna().to_numpy()
    rows = np.flatnonzero(wrong)
    if len(rows):
        yield (
            f"{table.name}, {table.where(int(rows[0]))}: target {shown(name)} is {shown(column.iloc[rows[0]])}, not a "
            f"number{_count(rows, 'such rows')}, so this is no regression. Correct it or use --task classification."
        )


def _count(rows: np.ndarray, what: str) -> str:
    return f" ({len(rows):,} {what})" if len(rows) > 1 else ""
