"""What a column of text holds (numbers, dates, times of day or text) and by which rule it is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import shown
from shrinkage.tables.read._column_cells import (
    ColumnCells,
    Hints,
    Where,
    in_row,
    join_cells,
    mark_phrases,
    missing_words_phrases,
    sentence,
    separator_phrases,
    text_sentence,
    unit_phrases,
)
from shrinkage.tables.read._decision import Decision, Odd, as_text, text_with
from shrinkage.tables.read._exact_numbers import is_versions, loses
from shrinkage.tables.read._missing_words import NO_DAY, PANDAS_WORDS, is_missing_word
from shrinkage.tables.read._numerals import (
    PLAIN,
    Numerals,
    ambiguous_cell,
    groups_for_sure,
    likeliest,
    unmistakable,
)
from shrinkage.tables.read._reading import Reading, different
from shrinkage.tables.read._written import Written, parse_written
from shrinkage.tables.read._written_units import Units, has_point, is_money, units_of
from shrinkage.tables.read.dates._date_columns import as_dates, as_laid_out, as_times
from shrinkage.tables.read.dates._date_layouts import example_without_order
from shrinkage.tables.read.dates._dates import are_days, are_months

__all__ = ["Decision", "Hints", "Odd", "decide"]

FEW_WORDS = 10
"""So many different words between numbers are mistakes; more of them are codes."""
FEW_NUMBERS = 20
"""So many different numbers, each twice on average, may be codes."""
FEW_CODES = 5
"""From so many different numbers on, a few words among them are worth a note even if the numbers repeat."""
FEW_UNITS = 5
"""So many different units may be mixed by mistake; more of them are words."""
_GRADE = re.compile(r"\d{1,2}[+-]")
_GROUPS = re.compile(r"-?[1-9]\d{0,2}(?:[.,]\d{3})+")


def decide(values: pd.Series, name: str, hints: Hints | None = None, where: Where = in_row) -> Decision:
    """How a column of text is read.

    Numbers if each cell is one, beside words for missing ones; then dates; then times of day; else text. A number
    that would lose something by it (a leading zero, a digit beyond 2^53, a zero at the end of a version) is text.

    Args:
        values: the cells, missing ones as None or NaN; blanks around a cell do not count.
        name: of the column, for notes on it.
        hints: how the user says the table is written.
        where: the place of a row as its owner finds it, such as `line 7`.
    """
    places, texts = different(values)
    rows = np.bincount(places[places >= 0], minlength=len(texts))
    cells = ColumnCells(name, texts, rows, hints or Hints(), places, where, np.arange(len(texts)))
    gaps = [is_missing_word(text) for text in texts]
    if NO_DAY in texts and are_days([text for text in texts if text != NO_DAY]):
        gaps[texts.index(NO_DAY)] = True
    held = cells.only(lambda i: not gaps[i])
    words = cells.only(lambda i: gaps[i])
    if not held.texts:
        return as_text(cells)
    for attempt in (as_laid_out, _as_numbers, as_dates, as_times):
        if (found := attempt(held, words)) is not None:
            return found
    return _days_or_text(held, as_text(cells))


def _days_or_text(held: ColumnCells, decision: Decision) -> Decision:
    """The decision for words, with a note where they may be days without a year."""
    example = example_without_order(held.name, held.texts)
    if not example or decision.reading.note:
        return decision
    note = (
        f"Column {shown(held.name)} is read as text: cells such as {shown(example)} may be days without a year, but none "
        "shows whether the day or the month comes first. --day-first or --month-first reads them as dates."
    )
    return replace(decision, reading=replace(decision.reading, note=note))


def _as_numbers(held: ColumnCells, words: ColumnCells) -> Decision | None:
    if not np.isnan([_simple(text) for text in held.texts]).any():
        return _read_plainly(held, words)
    parts = [parse_written(text) for text in held.texts]
    is_number = np.array([part is not None for part in parts])
    if held.rows[is_number].sum() < 0.5 * held.total and not _are_few_words(
        held.only(lambda i: not is_number[i])
    ):
        return None
    way, values, sure = _way(parts, held)
    right = ~np.isnan(values)
    if not right.any():
        return None
    good, bad = held.only(lambda i: bool(right[i])), held.only(lambda i: not right[i])
    known = [part for part, fine in zip(parts, right, strict=True) if part is not None and fine]
    if _are_sides(known) or _are_grades(good.texts):
        return None
    units = units_of(known, values[right], good.rows, held.name)
    numbers = len(np.unique(values[right]))
    among = held if numbers < FEW_CODES else good
    codes = numbers <= FEW_NUMBERS and 2 * numbers <= among.total
    if (units.are_codes and (codes or units.kinds > FEW_UNITS)) or loses([part.body for part in known]):
        return None
    if is_versions(good.texts, good.total):
        return None
    if bad.texts and (codes or not bad.is_one_word):
        return _among_words(good, bad, words, numbers) if codes else _beside_words(good, bad, words)
    if units.odd is not None:
        return Decision(Reading(form="text"), odd=_odd_unit(units, units.odd, good, known))
    if not sure:
        odd = Odd("marks", good.texts[0], good.total, way)
        return None if codes else Decision(Reading(form="text"), odd=odd)
    gone = join_cells(words, bad)
    phrases = [
        *separator_phrases(way, held.hints.numerals),
        *unit_phrases(units),
        *mark_phrases(known, good.rows),
    ]
    reading = Reading(
        form="number",
        missing=tuple(gone.texts),
        decimal=way.decimal,
        thousands=way.thousands,
        unit=units.unit,
        factors=units.factors,
        note=sentence(held.name, "numbers", [*phrases, *missing_words_phrases(gone)]),
    )
    unmarked = way == PLAIN and held.hints.numerals is None
    return Decision(
        reading,
        doubt=ambiguous_cell([part.body for part in known]) if unmarked else "",
        unsure=bool(bad.texts),
        notable=gone.are_beyond(PANDAS_WORDS)
        or units.signs is not None
        or any(part.is_dash for part in known),
    )


def _odd_unit(units: Units, place: int, good: ColumnCells, known: Sequence[Written]) -> Odd:
    """The cell at `place` of `good`, whose unit does not go with those of the others."""
    odd = good.texts[place]
    if units.are_sides:
        return Odd("sides", odd, good.total)
    if not units.is_word:
        return Odd("unit", odd, 1)
    return Odd("word", odd, sum(bool(part.unit) == bool(known[place].unit) for part in known))


def _read_plainly(held: ColumnCells, words: ColumnCells) -> Decision | None:
    if (reason := loses(held.texts)) and are_months(held.texts):
        return None
    if reason:
        decision = as_text(join_cells(held, words))
        note = f"Column {shown(held.name)} was kept as text: {reason}."
        return replace(
            decision, reading=replace(decision.reading, note=f"{note} {decision.reading.note}".strip())
        )
    if is_versions(held.texts, held.total) or are_days(held.texts):
        return None
    asked = held.hints.numerals or groups_for_sure(held.texts) or PLAIN
    way = PLAIN if np.isnan(asked.numbers(held.texts)).any() else asked
    phrases = [*separator_phrases(way, held.hints.numerals or PLAIN), *missing_words_phrases(words)]
    reading = Reading(
        form="number",
        missing=tuple(words.texts),
        decimal=way.decimal,
        thousands=way.thousands,
        note=sentence(held.name, "numbers", phrases),
    )
    unmarked = held.hints.numerals is None and way == PLAIN
    return Decision(
        reading,
        doubt=ambiguous_cell(held.texts) if unmarked else "",
        notable=words.are_beyond(PANDAS_WORDS),
    )


def _way(parts: Sequence[Written | None], held: ColumnCells) -> tuple[Numerals, NDArray[np.float64], bool]:
    """How the numbers are written, these numbers with NaN for other cells, and whether no other way is possible."""
    found = np.array([part.body if part else "none" for part in parts], dtype=object)
    bodies = found[[part is not None for part in parts]]
    asked = held.hints.numerals
    if asked is None and (money := _money(parts, bodies)) is not None:
        way, sure = money
        return way, way.numbers(found), sure
    for way in (asked, PLAIN):
        if way is not None and not np.isnan(way.numbers(bodies)).any():
            return way, way.numbers(found), True
    if (way := unmistakable(bodies) or groups_for_sure(bodies)) is not None:
        return way, way.numbers(found), True
    marked = Numerals(".", ",")
    if all(part is None or has_point(part.unit) for part in parts) and all(map(marked.matches, bodies)):
        return marked, marked.numbers(found), True
    way, values = likeliest(found, asked)
    right = found[~np.isnan(values)]
    return way, values, way in (PLAIN, asked) or unmistakable(right) == way


def _are_sides(parts: Sequence[Written]) -> bool:
    """Whether signs tell equal numbers apart, as in `<50` and `>50`."""
    signs: dict[str, set[str]] = {}
    for part in parts:
        signs.setdefault(part.body, set()).add(part.sign)
    return any(len(found - {""}) > 1 for found in signs.values())


def _are_grades(texts: Sequence[str]) -> bool:
    """Whether a plus and a minus behind the numbers are parts of a mark, as in `1-` and `2+`."""
    ends = {text[-1] for text in texts if _GRADE.fullmatch(text)}
    return ends == {"+", "-"}


def _money(parts: Sequence[Written | None], bodies: NDArray[np.object_]) -> tuple[Numerals, bool] | None:
    """How sums of money are written of which every mark has three digits behind it, and whether that is sure.

    `1.234 €` beside `345 €` is more than a thousand: cents would have two digits. A sum with `,-` has no cents.
    """
    known = [part for part in parts if part is not None]
    if not all(part.is_whole or is_money(part.unit) for part in known):
        return None
    marked = [body for body in bodies if "." in body or "," in body]
    marks = {mark for mark in ".," for body in marked if mark in body}
    if len(marks) != 1:
        return None
    mark = marks.pop()
    way = Numerals("," if mark == "." else ".", mark)
    if not all(map(_GROUPS.fullmatch, marked)) or not all(map(way.matches, bodies)):
        return None
    if (
        len(marked) < len(bodies)
        or any(part.is_whole for part in known)
        or any(b.count(mark) > 1 for b in marked)
    ):
        return way, True
    pointed = all(has_point(part.unit) for part in known)
    return (PLAIN if pointed and mark == "." else way), pointed


def _are_few_words(rest: ColumnCells) -> bool:
    """Whether the cells that are no numbers, most of a column, are a few words without a digit."""
    return len({text.casefold() for text in rest.texts}) <= 3 and not any(
        re.search(r"\d", text) for text in rest.texts
    )


def _beside_words(good: ColumnCells, bad: ColumnCells, words: ColumnCells) -> Decision | None:
    """Numbers with a few slips between them are refused, numbers among words are text."""
    if len({text.casefold() for text in bad.texts}) > FEW_WORDS:
        return None
    if bad.total < 0.1 * (good.total + bad.total):
        return Decision(Reading(form="text"), odd=Odd("word", bad.texts[0], bad.total))
    return text_with(text_sentence(good, bad), good, bad, words)


def _among_words(good: ColumnCells, bad: ColumnCells, words: ColumnCells, numbers: int) -> Decision | None:
    """Few numbers that repeat, and words: codes, unless the words are few and rare."""
    if numbers < FEW_CODES or good.total < 0.5 * (good.total + bad.total) or not _are_few_words(bad):
        return None
    return text_with(text_sentence(good, bad), good, bad, words)


def _simple(text: str) -> float:
    try:
        return float(text) if "_" not in text else np.nan
    except ValueError:
        return np.nan
