"""What the training rows fix of each column: how it is read, its kind, offset, levels, date parts."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import shown
from shrinkage.tables._source_table import column_of
from shrinkage.tables.learn._cell_values import (
    TIME_PARTS,
    booleans,
    date_parts,
    dates,
    level_texts,
    numbers,
    refuse_too_large,
    times,
    whole_text,
)
from shrinkage.tables.learn._columns import NUMBERS_ROWS, Column, describe_column, flat, left_out
from shrinkage.tables.learn._levels import alike_levels, levels_of
from shrinkage.tables.learn._scales import offset_of
from shrinkage.tables.learn._text_advice import in_python
from shrinkage.tables.read._reading import Reading, as_read, readings_of
from shrinkage.tables.read._typing import decide
from shrinkage.tables.read.dates._date_layouts import COUNTS, WITHOUT_YEAR, count_of_time, moments_from_counts
from shrinkage.tables.read.dates._times_of_day import DURATIONS, is_called_duration

__all__ = ["KEPT", "learned_columns", "log_note"]

Floats = NDArray[np.float64]
KEPT = "shrinkage.kept"
"""The key of a frame's `attrs` for the columns that are used although they number the rows."""


def learned_columns(
    frame: pd.DataFrame,
    weights: Floats,
    max_levels: int,
    keep: Collection[str] = (),
    known: Mapping[str, Column] | None = None,
) -> tuple[tuple[Column, ...], list[str]]:
    """Each column of the training rows with all that is fixed on them, and what of it may be wrong.

    Args:
        frame: the rows; what their file fixed of how they are read travels with them.
        weights: (n,) of the rows.
        max_levels: the most levels with an input of their own.
        keep: columns that are used although they count the rows.
        known: columns as all rows of a table show them, of which these are some: how they are read, and which are
            left out as identifiers, is taken from there.
    """
    known, rules = known or {}, readings_of(frame)
    notes: list[str] = []
    forms: dict[str, tuple[str, pd.Series, Reading | None]] = {}
    kept_as_numbers = {name for name, column in known.items() if column.kind == "number"} | {
        *keep,
        *frame.attrs.get(KEPT, ()),
    }
    for name in frame.columns:
        rule = known[name].reading if name in known else rules.get(name)
        forms[name] = _read(name, column_of(frame, name), rule, notes)
        if name not in known and name not in kept_as_numbers:
            forms[name] = _as_time(name, *forms[name], notes)
    columns = {
        name: _outside(name, known)
        or _code(name, form, values, known)
        or describe_column(name, form, values, keep=name in kept_as_numbers)
        for name, (form, values, _) in forms.items()
    }
    notes += [
        f"Column {shown(name)} is named like a code, so {whole_text(values.dropna().iloc[0])} and the others are levels "
        f"of a category (keep_columns or --keep-columns {shlex.quote(name)} keeps them as numbers)."
        for name, (form, values, _) in forms.items()
        if form == "number" and columns[name].kind == "category" and name not in known
    ]
    for name, (_, values, _) in forms.items():
        if name not in rules and name not in known and columns[name].kind == "category":
            log_note(alike_levels(f"Column {shown(name)}", values), logging.WARNING)
    if not any(column.used for column in columns.values()):
        for name, (form, values, _) in forms.items():
            if columns[name].reason == NUMBERS_ROWS:
                columns[name] = describe_column(name, form, values, keep=True)
                notes.append(
                    f"Column {shown(name)} numbers the rows; it is used because there is no other column."
                )
    learned = tuple(
        _learn(replace(columns[name], reading=rule), values, weights, max_levels)
        for name, (_, values, rule) in forms.items()
    )
    return learned, notes


@lru_cache(maxsize=1024)
def log_note(note: str, level: int) -> None:
    """Log how a column of a frame is read, once: cross-validation would repeat it."""
    if note:
        logging.getLogger("shrinkage").log(level, note)


def _outside(name: str, known: Mapping[str, Column]) -> Column | None:
    column = known.get(name)
    return column if column is not None and column.kind == "id" else None


def _code(name: str, form: str, values: pd.Series, known: Mapping[str, Column]) -> Column | None:
    """A column of numbers that all rows of the table show to be codes, and some of them might not."""
    if form != "number" or name not in known or known[name].kind != "category":
        return None
    return Column(name=name, kind="category", used=True, missing=int(values.isna().sum()))


def _read(
    name: str, values: pd.Series, rule: Reading | None, notes: list[str]
) -> tuple[str, pd.Series, Reading | None]:
    """The form of a column, its values in that form, and the rule by which text was read."""
    form, values = flat(values)
    if form == "time" and rule is None and is_called_duration(name):
        note = f"Column {shown(name)} holds durations, as its name says: in hours, without a daily cycle."
        log_note(note, logging.WARNING)
        return form, values, Reading(form="time", layout=DURATIONS[0], note=note)
    if form == "number" and rule is not None and rule.layout in COUNTS:
        return "date", pd.Series(moments_from_counts(rule.layout, values), index=values.index), rule
    if form not in ("text", "mixed"):
        return form, values, rule
    texts = values.map(str, na_action="ignore")
    if rule is None:
        decision = decide(texts, name)
        rule = decision.reading
        if decision.odd is not None:
            odd = decision.odd
            notes.append(
                f"Column {shown(name)} holds numbers, but {shown(odd.cell)} in {odd.rows:,} cell"
                f"{'s' * (odd.rows > 1)}, so it is read as text."
            )
        elif decision.unsure:
            notes.append(in_python(rule.note))
        else:
            log_note(in_python(rule.note), logging.WARNING if decision.notable else logging.INFO)
    read = as_read(rule, texts)[0]
    if rule.form != "text":
        return rule.form, read, rule
    return form, values.mask(read.isna(), None), rule


def _as_time(
    name: str, form: str, values: pd.Series, rule: Reading | None, notes: list[str]
) -> tuple[str, pd.Series, Reading | None]:
    """A column as it was read; numbers that count time, in a column that is called so, as dates."""
    if form != "number" or (rule is not None and rule.unit):
        return form, values, rule
    layout = count_of_time(name, values.to_numpy(dtype=np.float64, na_value=np.nan))
    if not layout:
        return form, values, rule
    first = values.dropna().iloc[0]
    note = (
        f"Column {shown(name)} holds dates: {COUNTS[layout].what}, such as {whole_text(first)} (keep_columns or "
        f"--keep-columns {shlex.quote(name)} keeps them as numbers)."
    )
    notes.append(note)
    return (
        "date",
        pd.Series(moments_from_counts(layout, values), index=values.index),
        Reading(form="date", layout=layout, note=note),
    )


def _learn(column: Column, values: pd.Series, weights: Floats, max_levels: int) -> Column:
    if not column.used:
        return column
    if column.kind == "category":
        levels, rare = levels_of(level_texts(values), weights, max_levels)
        if not levels:
            return left_out(
                column.name, "text", f"{rare:,} values, each in under 0.1 % of the rows", column.missing
            )
        return replace(column, levels=levels, rare=rare)
    if column.kind == "boolean":
        return replace(column, missing=int(np.isnan(booleans(values, column)).sum()))
    if column.kind == "number":
        found = numbers(values, column)
        refuse_too_large(found, column)
        return replace(column, missing=int(np.isnan(found).sum()), offset=offset_of(found, weights))
    if column.kind == "time":
        hours = times(values, column)
        is_duration = (hours > 24).any() or (
            column.reading is not None and column.reading.layout in DURATIONS
        )
        parts = TIME_PARTS[:1] if is_duration else TIME_PARTS
        return replace(column, missing=int(np.isnan(hours).sum()), parts=parts)
    parts = date_parts(dates(values, column))
    missing = int(np.isnan(parts["day number"]).sum())
    if column.reading is not None and column.reading.layout in WITHOUT_YEAR:
        del parts["weekday"]  # a day without a year is none of a week
    varying = tuple(name for name, part in parts.items() if len(np.unique(part[~np.isnan(part)])) > 1)
    if not varying and not missing:
        return left_out(column.name, "constant", "one date in all training rows", 0)
    return replace(column, missing=missing, parts=varying or ("day number",))
