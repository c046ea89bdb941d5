"""From the cells of a frame to float64 and level codes, by the kinds fixed on the training rows."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import RequestError, shown
from shrinkage.tables.learn._columns import FALSE_WORDS, TRUE_WORDS, Column, flat
from shrinkage.tables.read._exact_numbers import EXACT, FLOAT32_MAX
from shrinkage.tables.read._missing_words import is_missing_word
from shrinkage.tables.read._reading import PLAINLY, Reading, as_read, different
from shrinkage.tables.read.dates._date_layouts import COUNTS, LAYOUTS, WITHOUT_YEAR, in_leap_year
from shrinkage.tables.read.dates._dates import moment_of, order_of
from shrinkage.tables.read.dates._times_of_day import DURATIONS

__all__ = [
    "DATE_PARTS",
    "TIME_PARTS",
    "booleans",
    "convert_cells",
    "date_hint",
    "date_parts",
    "dates",
    "is_gap",
    "level_texts",
    "numbers",
    "one_time",
    "refuse_too_large",
    "time_parts",
    "times",
    "whole_text",
]

Floats = NDArray[np.float64]

DATE_PARTS = ("day number", "month", "day", "weekday", "hour", "minute")
TIME_PARTS = ("hour", "daily cosine", "daily sine")
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?")
_ONE = {"numbers": "a number", "dates": "a date", "times of day": "a time of day", "durations": "a duration"}
_SEVERAL = {one: several for several, one in _ONE.items()}
_EPOCH = pd.Timestamp("2000-01-01")


def convert_cells(values: pd.Series, column: Column) -> list[Floats]:
    """The columns of the matrix that one column of a frame becomes; what is lost on the way is warned of."""
    if column.kind == "category":
        return [_codes(level_texts(values, column), column)]
    if column.kind == "boolean":
        found = booleans(values, column)
        _warn_of_lost(values, np.isnan(found), column, "true or false")
        return [found]
    if column.kind == "number":
        found = numbers(values, column)
        _warn_of_lost(values, np.isnan(found), column, "numbers")
        refuse_too_large(found, column)
        return [found - column.offset]
    if column.kind == "time":
        hours = times(values, column)
        _warn_of_lost(values, np.isnan(hours), column, _SEVERAL[one_time(column)])
        parts = time_parts(hours)
    else:
        moments = dates(values, column)
        lost = moments.isna().to_numpy()
        _warn_of_lost(values, lost, column, "dates", date_hint(values.loc[lost], column))
        parts = date_parts(moments)
    return [parts[part] for part in column.parts]


def _read(values: pd.Series, column: Column) -> tuple[str, pd.Series]:
    """A column in its form, text being read by the rule that was fixed in training."""
    form, values = flat(values)
    rule = column.reading or PLAINLY.get(column.kind)
    if form == "number" and column.kind == "date":  # 20240105, which pandas reads as a number
        form, values = "text", values.map(whole_text, na_action="ignore").astype(object)
    if form not in ("text", "mixed", "category") or rule is None or (column.format and column.kind == "date"):
        return form, values
    texts = values.astype(object).map(str, na_action="ignore")
    if rule.form == "text":
        return form, values.mask(as_read(rule, texts)[0].isna(), None)
    found, lost = as_read(rule, texts)
    if rule.form == "date" and rule.day_first is None and lost.any():
        ordered, sure = as_read(_ordered(rule, texts), texts)[0], found.notna()
        if (ordered[sure] == found[sure]).all():  # rows that contradict each other show no order
            found = ordered
    return rule.form, found


def _ordered(rule: Reading, texts: pd.Series) -> Reading:
    """The rule with the order of day and month that further rows show for sure, where no training row shows one."""
    cells = different(texts.dropna())[1]
    order = order_of(cells, np.ones(len(cells), dtype=np.int64), None)
    return rule if order.alone else replace(rule, day_first=order.day_first, year_first=order.year_first)


def numbers(values: pd.Series, column: Column) -> Floats:
    """Numbers as float64, NaN for what is none; typed durations in seconds, as older models took them."""
    is_duration = pd.api.types.is_timedelta64_dtype(values.dtype)
    form, values = _read(values, column)
    if is_duration:
        return 3600 * values.to_numpy(dtype=np.float64, na_value=np.nan)
    if form in ("number", "boolean", "time"):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.full(len(values), np.nan)


def times(values: pd.Series, column: Column) -> Floats:
    """Hours since midnight as float64, NaN for what is no time of day."""
    form, values = _read(values, column)
    if form == "date":
        return ((values - values.dt.normalize()) / pd.Timedelta(hours=1)).to_numpy(
            dtype=np.float64, na_value=np.nan
        )
    if form in ("number", "time"):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.full(len(values), np.nan)


def booleans(values: pd.Series, column: Column) -> Floats:
    """1, 0, or NaN for what is neither; the words true, yes, on, t, y and their opposites are understood."""
    form, values = _read(values, column)
    if form in ("number", "boolean"):
        found = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isin(found, (0.0, 1.0)), found, np.nan)
    words = values.astype(object).map(lambda value: str(value).strip().casefold())
    return np.where(
        words.isin(TRUE_WORDS | {"1"}), 1.0, np.where(words.isin(FALSE_WORDS | {"0"}), 0.0, np.nan)
    )


def dates(values: pd.Series, column: Column) -> pd.Series:
    """Moments without time zone (UTC where one was given), NaT for what is none."""
    form, values = _read(values, column)
    if form == "date":
        found = values
    elif column.format and form in ("text", "mixed", "category") and values.notna().any():
        texts = values.map(str, na_action="ignore").astype(object)
        found = pd.to_datetime(texts, format=column.format, errors="coerce", utc="%z" in column.format)
    else:
        found = pd.Series(pd.NaT, index=values.index, dtype="datetime64[us]")
    found = found if found.dt.tz is None else found.dt.tz_convert("UTC").dt.tz_localize(None)
    if column.reading is not None and column.reading.layout in WITHOUT_YEAR:
        return in_leap_year(found)  # typed dates have their own years, and text has none
    return found


def time_parts(hours: Floats) -> dict[str, Floats]:
    """The hour with its fraction, and where it lies in the cycle of a day."""
    angle = 2 * np.pi * hours / 24
    return dict(zip(TIME_PARTS, (hours, np.cos(angle), np.sin(angle)), strict=True))


def date_parts(moments: pd.Series) -> dict[str, Floats]:
    """Days since 2000-01-01 with their fraction, month, day of the month, weekday (Monday 0), hour, minute."""
    since = (moments - _EPOCH) / pd.Timedelta(days=1)
    fields = moments.dt
    found = (since, fields.month, fields.day, fields.day_of_week, fields.hour, fields.minute)
    return {
        part: values.to_numpy(dtype=np.float64, na_value=np.nan)
        for part, values in zip(DATE_PARTS, found, strict=True)
    }


def level_texts(values: pd.Series, column: Column | None = None) -> NDArray[np.object_]:
    """Each cell as the text of its level, None where missing; numbers are written alike: 2 and 2.0 as 2.

    Text is its own level. A cell that is none of the levels of `column` is the one that it equals as a number, if it
    equals one alone: so a category keeps its levels whether a file was typed as text, integers or floats.
    """
    if column is not None:
        values = _read(values, column)[1]
    form, values = flat(values)
    cells = values.astype(object)
    if form in ("mixed", "nested"):
        cells = cells.map(_level_text, na_action="ignore")
    places, different = pd.factorize(cells)
    texts = np.asarray([*map(_level_text, different), None], dtype=object)
    if column is not None:
        alike: dict[str, set[str]] = {}
        for level in column.levels:
            alike.setdefault(_plainly(level.strip()), set()).add(level)
        own = set(column.levels)
        for i, text in enumerate(texts[:-1]):
            if text not in own and len(same := alike.get(_plainly(text), set())) == 1:
                texts[i] = next(iter(same))
    return texts[places]


def _codes(texts: NDArray[np.object_], column: Column) -> Floats:
    """The place of each text among the levels; then one for rare or unseen ones and one for missing ones."""
    missing = np.asarray([text is None for text in texts], dtype=bool)
    levels = pd.Index(column.levels, dtype=object)
    found = levels.get_indexer(pd.Index(texts, dtype=object)).astype(np.float64)
    found[found < 0] = len(levels)
    found[missing] = len(levels) + 1
    return found


def _level_text(value: object) -> str:
    return value if isinstance(value, str) else _plainly(str(value))


def whole_text(number: float) -> str:
    """A whole number without a point; any other as it is."""
    return str(int(number)) if np.isfinite(number) and number == int(number) else repr(float(number))


def _plainly(text: str) -> str:
    """A number as it is written most shortly; any other text as it is."""
    if not _PLAIN_NUMBER.fullmatch(text) or not abs(number := float(text)) < EXACT:
        return text
    return str(int(number)) if number.is_integer() else repr(number)


def _warn_of_lost(
    values: pd.Series, lost: NDArray[np.bool_], column: Column, what: str, hint: str = ""
) -> None:
    """Warn of cells that hold something, but nothing of this kind, nor a word that means missing."""
    rows = np.flatnonzero(lost & values.notna().to_numpy())
    rows = [row for row in rows if not is_gap(values.iloc[row], column)]
    if rows:
        cell = values.iloc[rows[0]]
        first = f"{shown(cell.item() if isinstance(cell, np.generic) else cell)} in row {rows[0] + 1} (counted from 1)"
        cells = (
            f"{first} is not {_ONE.get(what, what)}{hint} and counts as missing."
            if len(rows) == 1
            else f"{len(rows):,} cells are not {what}{hint} and count as missing; the first is {first}."
        )
        warnings.warn(f"Column {shown(column.name)}: {cells}", stacklevel=2)


def one_time(column: Column) -> str:
    """What a cell of a column of times is called."""
    is_duration = column.reading is not None and column.reading.layout in DURATIONS
    return _ONE["durations" if is_duration else "times of day"]


def date_hint(lost: pd.Series, column: Column) -> str:
    """What a message adds about cells that are not dates: how the training rows hold them."""
    rule = column.reading or PLAINLY["date"]
    if column.format:
        return f" written as {column.format}"
    if rule.layout:
        what = rule.layout if rule.layout in LAYOUTS else COUNTS[rule.layout].what
        return f" written as in the training rows ({what})"
    if rule.day_first is not None:
        return f" as the training rows hold them, {rule.order}"
    if any(moment_of(str(cell).strip(), True) for cell in lost.dropna()[:1000]):
        return (
            " of a known order (neither the training rows nor these show whether the day or the month comes first: "
            "write the year first)"
        )
    return ""


def is_gap(cell: object, column: Column) -> bool:
    """Whether a cell that holds something stands for an empty one."""
    text = str(cell).strip()
    return is_missing_word(text) or (column.reading is not None and column.reading.is_gap(text))


def refuse_too_large(values: Floats, column: Column) -> None:
    """Raise for the first number that float32 cannot hold."""
    rows = np.flatnonzero(np.abs(values) > FLOAT32_MAX)
    if len(rows):
        what = "infinite" if np.isinf(values[rows[0]]) else f"{values[rows[0]]:g}, beyond 3.4e38"
        raise RequestError(
            f"Column {shown(column.name)}, row {rows[0] + 1} (counted from 1): the number is {what}, which a "
            "network cannot take. Correct it or leave the cell empty."
        )
