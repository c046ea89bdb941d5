"""Checking new rows for a fitted network: all that is wrong with them, at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from shrinkage._errors import RequestError, shown
from shrinkage.tables._source_table import Table, column_of
from shrinkage.tables.check._cells import too_large
from shrinkage.tables.learn._cell_values import booleans, dates, is_gap, level_texts, numbers, times
from shrinkage.tables.learn._columns import Column
from shrinkage.tables.learn._preprocessor import Preprocessor

__all__ = ["check_new_rows", "notes_on_new_rows"]

_MOST_NAMED = 3


def check_new_rows(table: Table, preprocessor: Preprocessor) -> None:
    """Find all that keeps a fitted network from predicting the rows of a table, and say it at once.

    A cell that holds something else than its column did in training is refused here with its place. The library's
    `Preprocessor.transform` takes it as missing, with a warning; of a file nobody reads the warnings of every run.

    Args:
        table: new rows; further columns are ignored.
        preprocessor: of the fitted network.

    Raises:
        RequestError: with one sentence a column: it is missing, appears twice, or holds what it cannot.
    """
    frame = table.frame
    used = [column for column in preprocessor.columns if column.used]
    problems = [
        f"{table.name}: column {shown(column.name)} is missing: the network was trained with it. Where a row has no "
        "value, leave the cell empty."
        for column in used
        if column.name not in frame.columns
    ]
    for column in used:
        if column.name in frame.columns:
            problems += _wrong_cells(table, column)
    if problems:
        raise RequestError(problems)


def notes_on_new_rows(table: Table, preprocessor: Preprocessor, targets: Collection[str]) -> list[str]:
    """What a fitted network makes of new rows without being told: a sentence each, for levels and columns it never saw.

    Args:
        table: new rows that passed `check_new_rows`.
        preprocessor: of the fitted network.
        targets: names of the columns that it predicts, which may be there.
    """
    known = {column.name for column in preprocessor.columns} | set(targets)
    further = [shown(name) for name in table.frame.columns if name not in known]
    notes = []
    if further:
        more = f" and {len(further) - _MOST_NAMED} more" if len(further) > _MOST_NAMED else ""
        notes.append(
            f"{table.name}: columns unknown from training are ignored: {', '.join(further[:_MOST_NAMED])}{more}."
        )
    for column in preprocessor.columns:
        if column.used and column.kind == "category":
            notes += _unseen(table, column)
        elif column.used and column.kind != "boolean" and (words := _words(table, column)):
            notes.append(words)
    return notes


def _words(table: Table, column: Column) -> str:
    """What words were read as missing, '' for none; of a column that is numbers already, none is left."""
    values = column_of(table.frame, column.name)
    if values.dtype != object:
        return ""
    held = values.dropna().map(str).str.strip()
    counts = held[held.map(lambda cell: is_gap(cell, column))].value_counts()
    said = ", ".join(
        f"{shown(word)} in {count:,} cell{'s' * (count > 1)}" for word, count in counts.head(3).items()
    )
    return f"{table.name}: column {shown(column.name)} has {said}: read as missing." if said else ""


def _unseen(table: Table, column: Column) -> Iterator[str]:
    texts = level_texts(column_of(table.frame, column.name), column)
    own = {*column.levels, None}
    rows = [row for row, text in enumerate(texts) if text not in own]
    if not rows:
        return
    levels = list(dict.fromkeys(str(texts[row]) for row in rows))
    more = f" and {len(levels) - _MOST_NAMED} more" if len(levels) > _MOST_NAMED else ""
    what = ", ".join(shown(level) for level in levels[:_MOST_NAMED]) + more
    was = (
        "rare in training or not there, and taken as (other)"
        if column.rare
        else "not there in training, and taken as no level"
    )
    yield (
        f"{table.name}: column {shown(column.name)} has {what} in {len(rows):,} row{'s' if len(rows) > 1 else ''}, "
        f"first in {table.where(rows[0])}: {was}."
    )


def _wrong_cells(table: Table, column: Column) -> Iterator[str]:
    values = column_of(table.frame, column.name)
    if column.kind == "number":
        found = numbers(values, column)
        yield from too_large(table, column.name, values.__class__(found, index=values.index))
        lost, what = np.isnan(found), "a number"
    elif column.kind == "boolean":
        lost, what = np.isnan(booleans(values, column)), "true or false"
    elif column.kind == "date":
        lost, what = dates(values, column).isna().to_numpy(), "a date"
        what += f" written as {column.format}" if column.format else ""
        rule = column.reading
        if rule is not None and rule.day_first is not None:
            what += f" as the training rows hold them, {'day' if rule.day_first else 'month'} first"
    elif column.kind == "time":
        lost, what = np.isnan(times(values, column)), "a time of day"
    else:
        return
    rows = [
        int(row)
        for row in np.flatnonzero(lost & values.notna().to_numpy())
        if not is_gap(values.iloc[row], column)
    ]
    if rows:
        more = f" ({len(rows):,} such cells)" if len(rows) > 1 else ""
        yield (
            f"{table.name}, {table.where(rows[0])}: column {shown(column.name)} is {shown(values.iloc[rows[0]])}, not "
            f"{what}{more}. Correct it, empty the cell, or name a word that means missing with --na."
            + (" Other ways to write numbers: --decimal, --thousands." if column.kind == "number" else "")
        )
