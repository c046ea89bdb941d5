"""The different cells of one column of text, and notes on how they are read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import shown
from shrinkage.tables.read._numerals import Numerals
from shrinkage.tables.read._written import Written
from shrinkage.tables.read._written_units import Units

__all__ = [
    "ColumnCells",
    "Hints",
    "Where",
    "in_row",
    "join_cells",
    "mark_phrases",
    "missing_words_phrases",
    "sentence",
    "separator_phrases",
    "slip_sentence",
    "text_sentence",
    "unit_phrases",
]

Where = Callable[[int], str]


def in_row(row: int) -> str:
    return f"row {row + 1} (counted from 1)"


@dataclass(frozen=True, kw_only=True)
class Hints:
    """Requests for all columns of a table."""

    numerals: Numerals | None = None
    """The number format; None if none was requested."""
    day_first: bool | None = None
    """Whether the day comes before the month; None where nothing was given."""


@dataclass(frozen=True)
class ColumnCells:
    """The different cells of a column that hold something, and how often."""

    name: str
    texts: list[str]
    rows: NDArray[np.int64]
    hints: Hints
    places: NDArray[np.int64]
    """For each row the place of its cell among all different ones."""
    where: Where
    own: NDArray[np.int64]
    """The places of these cells among all different ones."""

    @property
    def total(self) -> int:
        return int(self.rows.sum())

    @property
    def is_one_word(self) -> bool:
        """Whether all cells are the same word without a digit, so that it means something: one alone is a slip."""
        alike = len({text.casefold() for text in self.texts}) == 1
        return alike and self.total >= 2 and not re.search(r"\d", self.texts[0])

    def are_beyond(self, words: Collection[str]) -> bool:
        """Whether one of the cells is none of these words."""
        return any(text not in words for text in self.texts)

    def only(self, keep: Callable[[int], bool]) -> ColumnCells:
        places = [i for i in range(len(self.texts)) if keep(i)]
        return replace(
            self, texts=[self.texts[i] for i in places], rows=self.rows[places], own=self.own[places]
        )


def join_cells(one: ColumnCells, *others: ColumnCells) -> ColumnCells:
    """Cells of the same column together."""
    for other in others:
        one = replace(
            one,
            texts=[*one.texts, *other.texts],
            rows=np.append(one.rows, other.rows),
            own=np.append(one.own, other.own),
        )
    return one


def sentence(name: str, what: str, phrases: Sequence[str]) -> str:
    return f"Column {shown(name)} holds {what}: {'; '.join(phrases)}." if phrases else ""


def missing_words_phrases(gone: ColumnCells) -> list[str]:
    if not gone.texts:
        return []
    order = sorted(range(len(gone.texts)), key=lambda i: (-gone.rows[i], gone.texts[i]))
    listed = ", ".join(
        f"{shown(gone.texts[i])} in {gone.rows[i]:,} cell{'s' if gone.rows[i] > 1 else ''}" for i in order[:5]
    )
    more = f" and {len(order) - 5} more words" if len(order) > 5 else ""
    return [f"{listed}{more} read as missing (--text {shlex.quote(gone.name)} keeps the column as text)"]


def slip_sentence(slips: ColumnCells, what: str) -> str:
    places = [np.flatnonzero(slips.places == i) for i in slips.own]
    rows = sorted((int(row), text) for found, text in zip(places, slips.texts, strict=True) for row in found)
    listed = ", ".join(f"{shown(text)} in {slips.where(row)}" for row, text in rows[:3])
    more = f" and {len(rows) - 3:,} more" if len(rows) > 3 else ""
    return f"{listed}{more} {'are' if len(rows) > 1 else 'is'} none of these {what} and read as missing"


def separator_phrases(way: Numerals, asked: Numerals | None) -> list[str]:
    phrases = ["the comma was read as the decimal point"] if way != asked and way.decimal == "," else []
    return phrases + (
        [f"{shown(way.thousands)} was read as the thousands separator"]
        if way != asked and way.thousands
        else []
    )


def unit_phrases(units: Units) -> list[str]:
    if units.signs is not None:
        minus, plus = shown(units.signs.minus.title()), shown(units.signs.plus.title())
        removed = [f"their unit {shown(units.unit)} was removed"] if units.unit else []
        return [f"{minus} was read as a minus sign, {plus} as plus", *removed]
    phrases = []
    if units.factors:
        scale = ", ".join(
            f"1 {unit} as {factor:.0f}" if factor.is_integer() else f"1 {unit} as {factor:g}"
            for unit, factor in units.factors
            if factor != 1.0
        )
        phrases.append(f"{scale}{f' {units.unit}' if units.unit else ''}")
    elif units.unit:
        phrases.append(f"their unit {shown(units.unit)} was removed")
    if units.unit and units.bare:
        phrases.append(f"{units.bare:,} cell{'s' * (units.bare > 1)} without it read the same way")
    return phrases


def mark_phrases(parts: Sequence[Written], rows: NDArray[np.int64]) -> list[str]:
    """The signs that were removed around numbers, and dashes that were read as 0."""
    phrases = [
        f"the sign {shown(sign)} was removed in {_cells(count)}"
        for sign, count in _count_rows([part.sign for part in parts], rows)
    ]
    if marks := _count_rows([part.mark for part in parts], rows):
        removed = ", ".join(f"{shown(mark)} in {_cells(count)}" for mark, count in marks)
        phrases.append(f"{removed} removed behind the number")
    if dashes := _count_rows(["-" * part.is_dash for part in parts], rows):
        phrases.append(f"a dash beside the currency in {_cells(dashes[0][1])} read as 0")
    return phrases


def _count_rows(marks: Sequence[str], rows: NDArray[np.int64]) -> list[tuple[str, int]]:
    """In how many rows each mark stands, for the first five of them."""
    counts: dict[str, int] = {}
    for mark, count in zip(marks, rows, strict=True):
        if mark:
            counts[mark] = counts.get(mark, 0) + int(count)
    return list(counts.items())[:5]


def _cells(count: int) -> str:
    return f"{count:,} cell{'s' * (count > 1)}"


def text_sentence(good: ColumnCells, bad: ColumnCells) -> str:
    """Why a column that also holds numbers is text."""
    listed = ", ".join(shown(text) for text in bad.texts[:3])
    words = "1 holds a word" if bad.total == 1 else f"{bad.total:,} hold words"
    mean = "it means" if len(bad.texts) == 1 else "these mean"
    return (
        f"Column {shown(good.name)} is read as text: {good.total:,} cells hold numbers, but {words} "
        f"({listed}{', …' if len(bad.texts) > 3 else ''}). If {mean} missing, use --na."
    )
