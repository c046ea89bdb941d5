"""Columns of dates, times of day and durations: how they are read, and the notes on that."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from shrinkage._errors import shown
from shrinkage.tables.read._column_cells import (
    ColumnCells,
    join_cells,
    missing_words_phrases,
    sentence,
    slip_sentence,
)
from shrinkage.tables.read._decision import Decision, text_with
from shrinkage.tables.read._missing_words import PANDAS_WORDS
from shrinkage.tables.read._reading import Form, Reading
from shrinkage.tables.read.dates._date_layouts import SIX_DIGITS, layout_of, moment_in
from shrinkage.tables.read.dates._dates import ZONES, are_days, is_utc, moment_of, order_of, zone_of
from shrinkage.tables.read.dates._many_moments import moments_of
from shrinkage.tables.read.dates._times_of_day import CLOCK_ZONE, clock_layout, hours_of

__all__ = ["as_dates", "as_laid_out", "as_times"]

_CLOCK = re.compile(r"\d:\d\d")
_PLACE = re.compile(rf"[A-Z][A-Za-z]{{2,12}}/[A-Z][A-Za-z_/]{{2,20}}|(?:\d|[AaPp]\.?[Mm]\.?)\s(?:{ZONES})$")
_OFFSET = re.compile(rf"[\dMm.](?:{CLOCK_ZONE})$", re.IGNORECASE)
_MAY_HAVE_ZONE = re.compile(r":\d\d.*(?:[+-]\d|[A-Z])")
MOST = 0.8
"""From this share of the cells on a column holds dates, and the others are mistakes."""


def as_laid_out(held: ColumnCells, words: ColumnCells) -> Decision | None:
    """Dates that the column shows to be some, not each cell alone: `24-Jan`, `2024-005`."""
    layout = layout_of(held.name, held.texts, held.hints.day_first)
    if layout is None:
        return None
    right = [moment_in(layout.name, text) is not None for text in held.texts]
    found = _mostly(held, words, right, "date", "dates", [layout.note] if layout.note else [])
    if found is None or found.reading.form == "text":
        return found
    notable = found.notable or layout.name in SIX_DIGITS
    return replace(found, reading=replace(found.reading, layout=layout.name), notable=notable)


def as_dates(held: ColumnCells, words: ColumnCells) -> Decision | None:
    """Dates of which each cell shows by itself that it is one, in the order given or shown by the column."""
    if not any(moment_of(text, first) for text in held.texts[:50] for first in (False, True)):
        return None
    order = order_of(held.texts, held.rows, held.hints.day_first)
    right = (~np.isnat(moments_of(held.texts, order.day_first, order.year_first))).tolist()
    phrases = []
    if order.alone:
        phrases.append(
            f"{shown(order.alone)} has the {order.first} first, {order.why} (--day-first or --month-first decides)"
        )
    elif order.shown_by:
        other = "--month-first" if order.day_first else "--day-first"
        phrases.append(
            f"read with the {order.first} first, as in {shown(order.shown_by)} ({other} changes that)"
        )
    if are_days(held.texts):
        phrases.append(
            f"written as numbers, such as {held.texts[0]} (--text {shlex.quote(held.name)} changes that)"
        )
    zones = _zone_phrases(held)
    found = _mostly(held, words, right, "date", "dates", [*phrases, *zones])
    if found is None or found.reading.form == "text":
        return found
    reading = replace(found.reading, day_first=order.day_first, year_first=order.year_first)
    unsure, notable = found.unsure or bool(order.alone), found.notable or bool(zones)
    return replace(found, reading=reading, unsure=unsure, notable=notable)


def _zone_phrases(held: ColumnCells) -> list[str]:
    """Notes on moments that name a zone other than UTC, and on those beside them that name none."""
    clocks = [(i, text) for i, text in enumerate(held.texts) if _CLOCK.search(text)]
    zones = {i: zone_of(text) if _MAY_HAVE_ZONE.search(text) else "" for i, text in clocks}
    if not any(zones.values()):
        place = next((text for _, text in clocks if _PLACE.search(text)), "")
        return [f"the zone behind {shown(place)} left out, the clock kept as written"] if place else []
    other = next((held.texts[i] for i, zone in zones.items() if zone and not is_utc(zone)), "")
    phrases = [f"moments with a time zone, such as {shown(other)}, converted to UTC"] if other else []
    bare = sum(int(held.rows[i]) for i, zone in zones.items() if not zone)
    return [*phrases, f"{bare:,} without a zone read as UTC"] if bare else phrases


def as_times(held: ColumnCells, words: ColumnCells) -> Decision | None:
    """Times of day, or durations."""
    if not any(hours_of(text) is not None for text in held.texts[:50]):
        return None
    clock = clock_layout(held.name, held.texts, held.rows.tolist())
    right = [hours_of(text, clock.layout) is not None for text in held.texts]
    what = "durations" if clock.layout else "times of day"
    zoned = next((text for text in held.texts if _OFFSET.search(text)), "")
    phrases = [f"the zone in {shown(zoned)} left out, the clock kept as written"] if zoned else []
    found = _mostly(held, words, right, "time", what, [*([clock.note] if clock.note else []), *phrases])
    if found is None or found.reading.form == "text":
        return found
    notable = found.notable or bool(clock.note or phrases)
    return replace(found, reading=replace(found.reading, layout=clock.layout), notable=notable)


def _mostly(
    held: ColumnCells, words: ColumnCells, right: Sequence[bool], form: Form, what: str, phrases: list[str]
) -> Decision | None:
    """Cells that are nearly all of a form: the others are one word for missing ones, or slips."""
    good, bad = held.only(lambda i: right[i]), held.only(lambda i: not right[i])
    gone, slips = words, None
    if bad.texts and bad.is_one_word:
        gone = join_cells(words, bad)
    elif good.total < MOST * held.total:
        note = (
            f"Column {shown(held.name)} is read as text: {good.total:,} cells hold {what}, but {bad.total:,} don't, such "
            f"as {shown(bad.texts[0])}."
        )
        return text_with(note, good, bad, words) if good.total >= 0.5 * held.total else None
    elif bad.texts:
        slips = bad
    phrases = [
        *phrases,
        *missing_words_phrases(gone),
        *([] if slips is None else [slip_sentence(slips, what)]),
    ]
    missing = (*gone.texts, *(() if slips is None else slips.texts))
    return Decision(
        Reading(form=form, missing=missing, note=sentence(held.name, what, phrases)),
        unsure=bool(bad.texts),
        notable=words.are_beyond(PANDAS_WORDS),
    )
