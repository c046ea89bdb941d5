"""Checking new rows for a fitted network: all that is wrong with them, at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shrinkage._errors import RequestError, shown
from shrinkage.tables._source_table import Table, column_of
from shrinkage.tables.check._cells import too_large
from shrinkage.tables.learn._cell_values import (
    booleans,
    date_hint,
    dates,
    is_gap,
    level_texts,
    numbers,
    one_time,
    times,
)
from shrinkage.tables.learn._columns import Column, spelling_hint
from shrinkage.tables.learn._preprocessor import Preprocessor

__all__ = ["NewRows", "check_new_rows", "notes_on_new_rows"]

_MOST_NAMED = 3
MORE = "\0"
"""Where in a sentence the number of cells belongs: no sentence has a NUL."""


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
    seen = NewRows(preprocessor)
    seen.add(table)
    seen.check()


def notes_on_new_rows(table: Table, preprocessor: Preprocessor, targets: Collection[str]) -> list[str]:
    """Notes on how a fitted network treats new rows, one sentence each, for unseen levels and columns.

    Args:
        table: new rows that passed `check_new_rows`.
        preprocessor: of the fitted network.
        targets: names of the columns that it predicts, which may be there.
    """
    seen = NewRows(preprocessor, targets)
    seen.add(table)
    return seen.notes()


class NewRows:
    """Problems and notes of new rows, which may come in parts.

    Args:
        preprocessor: of the fitted network.
        known: names of further columns that may be there, such as those that it predicts.
    """

    def __init__(self, preprocessor: Preprocessor, known: Collection[str] = ()) -> None:
        self._columns = preprocessor.columns
        self._known = {column.name for column in preprocessor.columns} | set(known)
        self._wrong: dict[tuple[str, str], _Cells] = {}
        self._words: dict[str, dict[str, int]] = {}
        self._unseen: dict[str, _Cells] = {}
        self._further: list[str] = []
        self._absent: list[str] = []
        self._name = ""

    def add(self, table: Table) -> bool:
        """Look at further rows; whether nothing was wrong so far."""
        self._name = table.name
        used = [column for column in self._columns if column.used]
        self._absent = [column.name for column in used if column.name not in table.frame.columns]
        self._further = [str(name) for name in table.frame.columns if name not in self._known]
        for column in used:
            if column.name in self._absent:
                continue
            self._add_wrong(table, column)
            if column.kind == "category":
                self._add_unseen(table, column)
            elif column.kind != "boolean":
                self._add_words(table, column)
        return not (self._absent or self._wrong)

    def check(self) -> None:
        """Raise what was wrong, a sentence a column."""
        absent = [
            f"{self._name}: column {shown(name)} is missing{spelling_hint(name, self._further)}: the network was "
            "trained with it. Where a row has no value, leave the cell empty."
            for name in self._absent
        ]
        if absent or self._wrong:
            raise RequestError([*absent, *(cells.sentence for cells in self._wrong.values())])

    def notes(self) -> list[str]:
        """Notes on the rows."""
        notes = []
        if self._further:
            names = _some([shown(name) for name in self._further])
            notes.append(f"{self._name}: columns that are no inputs of the model are ignored: {names}.")
        for column in self._columns:
            if cells := self._unseen.get(column.name):
                rows = f"{cells.count:,} row{'s' * (cells.count > 1)}"
                was = (
                    "rare in or absent from training, read as (other)"
                    if column.rare
                    else "absent from training, read as none of the known levels"
                )
                what = _some([shown(level) for level in cells.texts])
                notes.append(
                    f"{self._name}: column {shown(column.name)} has {what} in {rows}, first in {cells.first}: {was}."
                )
            if words := self._words.get(column.name):
                most = sorted(words.items(), key=lambda pair: -pair[1])[:_MOST_NAMED]
                listed = ", ".join(
                    f"{shown(word)} in {count:,} cell{'s' * (count > 1)}" for word, count in most
                )
                notes.append(f"{self._name}: column {shown(column.name)} has {listed}: read as missing.")
        return notes

    def _add_wrong(self, table: Table, column: Column) -> None:
        for kind, first, count in _wrong_cells(table, column):
            cells = self._wrong.setdefault((column.name, kind), _Cells(first))
            cells.count += count

    def _add_unseen(self, table: Table, column: Column) -> None:
        texts = level_texts(column_of(table.frame, column.name), column)
        own = {*column.levels, None}
        rows = [row for row, text in enumerate(texts) if text not in own]
        if rows:
            cells = self._unseen.setdefault(column.name, _Cells(table.where(rows[0])))
            cells.count += len(rows)
            cells.texts |= dict.fromkeys(str(texts[row]) for row in rows)

    def _add_words(self, table: Table, column: Column) -> None:
        """What words were read as missing; of a column that is numbers already, the table has kept them."""
        values = column_of(table.frame, column.name)
        found: Mapping[Any, int] = table.words.get(column.name, {})
        if values.dtype == object:
            held = values.dropna().map(str).str.strip()
            found = held[held.map(lambda cell: is_gap(cell, column))].value_counts().to_dict()
        words = self._words.setdefault(column.name, {})
        for word, count in found.items():
            words[str(word)] = words.get(str(word), 0) + int(count)


@dataclass
class _Cells:
    """Cells of a column with the same problem."""

    first: str
    """The place of the first, or the sentence about it."""
    count: int = 0
    texts: dict[str, None] = field(default_factory=dict)
    """The different ones, in their order."""

    @property
    def sentence(self) -> str:
        return self.first.replace(MORE, f" ({self.count:,} such cells)" if self.count > 1 else "")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _wrong_cells(table: Table, column: Column) -> Iterator[tuple[str, str, int]]:
    """(kind, sentence about the first with `MORE` in it, how many) of cells that their column cannot hold."""
    values = column_of(table.frame, column.name)
    if column.kind == "number":
        found = numbers(values, column)
        for sentence in too_large(table, column.name, values.__class__(found, index=values.index)):
            yield "size", sentence, 1
        rule = column.reading
        lost, what = (
            np.isnan(found),
            "a number" if rule is None or not rule.unit else f"a number in {shown(rule.unit)}",
        )
    elif column.kind == "boolean":
        lost, what = np.isnan(booleans(values, column)), "true or false"
    elif column.kind == "date":
        lost = dates(values, column).isna().to_numpy()
        what = f"a date{date_hint(values.loc[lost], column)}"
    elif column.kind == "time":
        lost, what = np.isnan(times(values, column)), one_time(column)
    else:
        return
    rows = [
        int(row)
        for row in np.flatnonzero(lost & values.notna().to_numpy())
        if not is_gap(values.iloc[row], column)
    ]
    if rows:
        sentence = (
            f"{table.name}, {table.where(rows[0])}: column {shown(column.name)} is {shown(values.iloc[rows[0]])}, not "
            f"{what}{MORE}. Correct it, empty the cell, or name a word that means missing with --na."
        )
        ways = " Other ways to write numbers: --decimal, --thousands." if column.kind == "number" else ""
        yield "kind", sentence + ways, len(rows)
