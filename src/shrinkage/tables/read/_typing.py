"""What a column of text holds (numbers, dates, times of day or text) and by which rule it is read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import shown
from shrinkage.tables.read._dates import hours_of, moment_of, order_of
from shrinkage.tables.read._missing_words import PANDAS_WORDS, is_missing_level, is_missing_word
from shrinkage.tables.read._numerals import PLAIN, Numerals, grouped, likeliest, unmistakable
from shrinkage.tables.read._reading import Form, Reading, different
from shrinkage.tables.read._written import POINT_CURRENCIES, Units, Written, units_of, written

__all__ = [
    "EXACT",
    "FEW_VERSIONS",
    "FLOAT32_MAX",
    "Decision",
    "Hints",
    "Odd",
    "decided",
    "is_versions",
    "loses",
]

EXACT = 2**53
"""From here on a float64, and so a network, cannot tell neighbouring integers apart."""

FLOAT32_MAX = float(np.finfo(np.float32).max)
"""The largest number of the network's arithmetic, 3.4e38."""

FEW_WORDS = 10
"""So many different words between numbers are mistakes; more of them are codes."""
FEW_NUMBERS = 20
"""So many different numbers, each twice on average, may be codes."""
FEW_VERSIONS = 50
MOST = 0.8
"""From this share of the cells on a column holds dates, and the others are mistakes."""

_LOSSY = re.compile(r"[+-]?(0\d|\d{16,}$)")
_POINT = re.compile(r"\d+\.(\d+)")


Where = Callable[[int], str]


def _row(row: int) -> str:
    return f"row {row + 1}"


@dataclass(frozen=True, kw_only=True)
class Hints:
    """Requests for all columns of a table."""

    numerals: Numerals | None = None
    """The number format; None if none was requested."""
    day_first: bool | None = None
    """Whether the day comes before the month; None where nothing was asked for."""


@dataclass(frozen=True)
class Odd:
    """A cell for which a column cannot be what its other cells are."""

    kind: Literal["word", "unit", "marks"]
    cell: str
    rows: int
    """Number of such cells."""
    way: Numerals = PLAIN


@dataclass(frozen=True)
class Decision:
    """The decision about a column."""

    reading: Reading
    odd: Odd | None = None
    """The cell that must be corrected first; None if there is none."""
    doubt: str = ""
    """A cell such as 1.500, when all its points may be marks of thousands."""
    unsure: bool = False
    """Whether the note says of a decision that may be wrong."""


@dataclass(frozen=True)
class _Cells:
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

    def only(self, keep: Callable[[int], bool]) -> _Cells:
        places = [i for i in range(len(self.texts)) if keep(i)]
        return replace(
            self, texts=[self.texts[i] for i in places], rows=self.rows[places], own=self.own[places]
        )


def decided(values: pd.Series, name: str, hints: Hints | None = None, where: Where = _row) -> Decision:
    """How a column of text is read.

    Numbers if each cell is one, beside words for missing ones; then dates; then times of day; else text. A number
    that would lose something by it (a leading zero, a digit beyond 2^53, a zero at the end of a version) is text.

    Args:
        values: the cells, missing ones as None or NaN; blanks around a cell do not count.
        name: of the column, for what is said of it.
        hints: what was asked for of the table.
        where: the place of a row as its owner finds it, such as `line 7`.
    """
    places, texts = different(values)
    rows = np.bincount(places[places >= 0], minlength=len(texts))
    cells = _Cells(name, texts, rows, hints or Hints(), places, where, np.arange(len(texts)))
    gaps = [is_missing_word(text) for text in texts]
    held = cells.only(lambda i: not gaps[i])
    words = cells.only(lambda i: gaps[i])
    if not held.texts:
        return _as_text(cells)
    for attempt in (_as_numbers, _as_dates, _as_times):
        if (found := attempt(held, words)) is not None:
            return found
    return _as_text(cells)


def _as_numbers(held: _Cells, words: _Cells) -> Decision | None:
    if not np.isnan([_simple(text) for text in held.texts]).any():
        return _read_plainly(held, words)
    parts = [written(text) for text in held.texts]
    is_number = np.array([part is not None for part in parts])
    if held.rows[is_number].sum() < 0.5 * held.total:
        return None
    way, values, sure = _way(parts, held)
    right = ~np.isnan(values)
    if not right.any():
        return None
    good, bad = held.only(lambda i: bool(right[i])), held.only(lambda i: not right[i])
    known = [part for part, fine in zip(parts, right, strict=True) if part is not None and fine]
    bodies = [part.body for part in known]
    units = units_of(known, values[right], good.rows)
    numbers = len(np.unique(values[right]))
    codes = numbers <= FEW_NUMBERS and 2 * numbers <= held.total
    if units.are_codes or loses(bodies) or is_versions(good.texts, good.total):
        return None
    if bad.texts and not (_is_one_word(bad) and not codes):
        return None if codes else _beside_words(good, bad, words)
    if units.odd is not None:
        odd = good.texts[units.odd]
        others = (
            sum(1 for part in known if bool(part.unit) == bool(known[units.odd].unit)) if units.is_word else 1
        )
        return Decision(Reading(form="text"), odd=Odd("word" if units.is_word else "unit", odd, others))
    if not sure:
        return (
            None
            if codes
            else Decision(Reading(form="text"), odd=Odd("marks", good.texts[0], good.total, way))
        )
    gone = _joined(words, bad)
    said = [*_marks_said(way, held.hints.numerals), *_units_said(units), *_gaps_said(gone)]
    reading = Reading(
        form="number",
        missing=tuple(gone.texts),
        decimal=way.decimal,
        thousands=way.thousands,
        unit=units.unit,
        factors=units.factors,
        note=_sentence(held.name, "numbers", said),
    )
    return Decision(reading, unsure=bool(bad.texts))


def _read_plainly(held: _Cells, words: _Cells) -> Decision | None:
    if reason := loses(held.texts):
        decision = _as_text(_joined(held, words))
        note = f"Column {shown(held.name)} was kept as text: {reason}."
        return replace(
            decision, reading=replace(decision.reading, note=f"{note} {decision.reading.note}".strip())
        )
    if is_versions(held.texts, held.total):
        return None
    asked = held.hints.numerals or PLAIN
    way = PLAIN if np.isnan(asked.numbers(held.texts)).any() else asked
    note = _sentence(held.name, "numbers", _gaps_said(words))
    reading = Reading(
        form="number", missing=tuple(words.texts), decimal=way.decimal, thousands=way.thousands, note=note
    )
    return Decision(reading, doubt=grouped(held.texts) if held.hints.numerals is None else "")


def _way(parts: Sequence[Written | None], held: _Cells) -> tuple[Numerals, NDArray[np.float64], bool]:
    """How the numbers are written, these numbers with NaN for other cells, and whether no other way is possible."""
    found = np.array([part.body if part else "none" for part in parts], dtype=object)
    bodies = found[[part is not None for part in parts]]
    asked = held.hints.numerals
    for way in (asked, PLAIN):
        if way is not None and not np.isnan(way.numbers(bodies)).any():
            return way, way.numbers(found), True
    if (way := unmistakable(bodies)) is not None:
        return way, way.numbers(found), True
    marked = Numerals(".", ",")
    if all(part is None or part.unit[:1] in POINT_CURRENCIES for part in parts) and all(
        map(marked.matches, bodies)
    ):
        return marked, marked.numbers(found), True
    way, values = likeliest(found, asked)
    right = found[~np.isnan(values)]
    return way, values, way in (PLAIN, asked) or unmistakable(right) == way


def _is_one_word(bad: _Cells) -> bool:
    """Whether all cells that are no number are the same word, so that it means something: one alone is a slip."""
    alike = len({text.casefold() for text in bad.texts}) == 1
    return alike and bad.total >= 2 and not re.search(r"\d", bad.texts[0])


def _beside_words(good: _Cells, bad: _Cells, words: _Cells) -> Decision | None:
    """Numbers with a few slips between them are refused, numbers among words are text."""
    if len({text.casefold() for text in bad.texts}) > FEW_WORDS:
        return None
    if bad.total < 0.1 * (good.total + bad.total):
        return Decision(Reading(form="text"), odd=Odd("word", bad.texts[0], bad.total))
    decision = _as_text(_joined(_joined(good, bad), words))
    said = ", ".join(shown(text) for text in bad.texts[:3])
    note = (
        f"Column {shown(good.name)} is read as text: {good.total:,} cells hold numbers, but {bad.total:,} hold words "
        f"({said}{', …' if len(bad.texts) > 3 else ''}). If these mean missing, name them with --na."
    )
    return replace(decision, reading=replace(decision.reading, note=note), unsure=True)


def _as_dates(held: _Cells, words: _Cells) -> Decision | None:
    if not any(moment_of(text, first) for text in held.texts[:50] for first in (False, True)):
        return None
    order = order_of(held.texts, held.rows, held.hints.day_first)
    right = [moment_of(text, order.day_first) is not None for text in held.texts]
    said = []
    if order.alone:
        first = "day" if order.day_first else "month"
        said.append(
            f"{shown(order.alone)} has the {first} first, {order.why} (--day-first or --month-first decides)"
        )
    found = _mostly(held, words, right, "date", "dates", said)
    if found is None:
        return None
    reading = replace(found.reading, day_first=order.day_first)
    return replace(found, reading=reading, unsure=found.unsure or bool(order.alone))


def _as_times(held: _Cells, words: _Cells) -> Decision | None:
    if not any(hours_of(text) is not None for text in held.texts[:50]):
        return None
    return _mostly(
        held, words, [hours_of(text) is not None for text in held.texts], "time", "times of day", []
    )


def _mostly(
    held: _Cells, words: _Cells, right: Sequence[bool], form: Form, what: str, said: list[str]
) -> Decision | None:
    """Cells that are nearly all of a form: the others are one word for missing ones, or slips."""
    good, bad = held.only(lambda i: right[i]), held.only(lambda i: not right[i])
    gone, slips = words, None
    if bad.texts and _is_one_word(bad):
        gone = _joined(words, bad)
    elif good.total < MOST * held.total:
        return None
    elif bad.texts:
        slips = bad
    said = [*said, *_gaps_said(gone), *([] if slips is None else [_slips_said(slips, what)])]
    missing = (*gone.texts, *(() if slips is None else slips.texts))
    return Decision(
        Reading(form=form, missing=missing, note=_sentence(held.name, what, said)), unsure=bool(bad.texts)
    )


def _as_text(cells: _Cells) -> Decision:
    """Words. Of a category, those that mean missing are read so; free text, and codes such as NA among them, stay."""
    few = len(cells.texts) <= max(10, cells.total / 2) and len(cells.texts) > 1
    if not few or np.mean([len(text.split()) for text in cells.texts[:1000]]) >= 5:
        return Decision(Reading(form="text"))
    empty = [text in PANDAS_WORDS for text in cells.texts]
    levels = [text for text, gone in zip(cells.texts, empty, strict=True) if not gone]
    if all(re.fullmatch(r"[A-Z]{1,3}", text) for text in levels):
        empty = [
            gone and not re.fullmatch(r"[A-Z]{1,3}", text)
            for text, gone in zip(cells.texts, empty, strict=True)
        ]
    other = [i for i, text in enumerate(cells.texts) if text not in PANDAS_WORDS and is_missing_level(text)]
    if len({cells.texts[i].casefold() for i in other}) == 1:
        empty = [gone or i in other for i, gone in enumerate(empty)]
    gone = cells.only(lambda i: empty[i])
    if len(gone.texts) == len(cells.texts):
        return Decision(Reading(form="text"))
    note = _sentence(cells.name, "words", _gaps_said(gone))
    return Decision(Reading(form="text", missing=tuple(gone.texts), note=note))


def is_versions(texts: Sequence[str], total: int) -> bool:
    """Whether zeros at the end tell numbers apart: 3.1 and 3.10, where a measurement has as many digits everywhere.

    Args:
        texts: the different cells.
        total: in how many rows they stand.
    """
    if len(texts) > FEW_VERSIONS or 2 * len(texts) > total:
        return False
    ends = [found[1] for text in texts if (found := _POINT.fullmatch(text))]
    padded = [end for end in ends if len(end) > 1 and end.endswith("0")]
    return any(len(end) < len(zero) for zero in padded for end in ends)


def _joined(one: _Cells, other: _Cells) -> _Cells:
    return replace(
        one,
        texts=[*one.texts, *other.texts],
        rows=np.append(one.rows, other.rows),
        own=np.append(one.own, other.own),
    )


def _sentence(name: str, what: str, said: Sequence[str]) -> str:
    return f"Column {shown(name)} holds {what}: {'; '.join(said)}." if said else ""


def _gaps_said(gone: _Cells) -> list[str]:
    if not gone.texts:
        return []
    order = sorted(range(len(gone.texts)), key=lambda i: (-gone.rows[i], gone.texts[i]))
    said = ", ".join(
        f"{shown(gone.texts[i])} in {gone.rows[i]:,} cell{'s' if gone.rows[i] > 1 else ''}" for i in order[:5]
    )
    more = f" and {len(order) - 5} more words" if len(order) > 5 else ""
    return [f"{said}{more} read as missing (--text {shlex.quote(gone.name)} keeps the column as text)"]


def _slips_said(slips: _Cells, what: str) -> str:
    places = [np.flatnonzero(slips.places == i) for i in slips.own]
    rows = sorted((int(row), text) for found, text in zip(places, slips.texts, strict=True) for row in found)
    said = ", ".join(f"{shown(text)} in {slips.where(row)}" for row, text in rows[:3])
    more = f" and {len(rows) - 3:,} more" if len(rows) > 3 else ""
    return f"{said}{more} {'are' if len(rows) > 1 else 'is'} none of these {what} and read as missing"


def _marks_said(way: Numerals, asked: Numerals | None) -> list[str]:
    said = ["the comma was read as the decimal point"] if way != asked and way.decimal == "," else []
    return said + (
        [f"{shown(way.thousands)} was read as the thousands separator"]
        if way != asked and way.thousands
        else []
    )


def _units_said(units: Units) -> list[str]:
    said = []
    if units.factors:
        scale = ", ".join(f"1 {unit} as {factor:g}" for unit, factor in units.factors if factor != 1.0)
        said.append(f"{scale}{f' {units.unit}' if units.unit else ''}")
    elif units.unit:
        said.append(f"their unit {shown(units.unit)} was removed")
    if units.unit and units.bare:
        said.append(f"{units.bare:,} cell{'s' * (units.bare > 1)} without it read the same way")
    return said


def _simple(text: str) -> float:
    try:
        return float(text) if "_" not in text else np.nan
    except ValueError:
        return np.nan


def loses(text: Iterable[str]) -> str:
    """Why a column of numbers must stay text, or '': leading zeros and integers beyond 2^53 would be lost."""
    for cell in filter(_LOSSY.match, text):
        if cell.lstrip("+-").startswith("0"):
            return f"leading zeros, as in {shown(cell)}, would be lost"
        if abs(int(cell)) >= EXACT:
            return f"integers such as {shown(cell)} are beyond 2^53, where neighbours become equal"
    return ""
