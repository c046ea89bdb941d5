"""From the cells of a frame to float64 and level codes, by the kinds fixed on the training rows."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import RequestError, shown
from shrinkage.tables._columns import FALSE_WORDS, TRUE_WORDS, Column, flat
from shrinkage.tables._typing import EXACT

__all__ = ["DATE_PARTS", "as_matrix", "booleans", "codes", "date_parts", "dates", "level_texts", "numbers"]

Floats = NDArray[np.float64]

DATE_PARTS = ("day number", "month", "day", "weekday", "hour", "minute")
FLOAT32_MAX = float(np.finfo(np.float32).max)
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?")
_EPOCH = pd.Timestamp("2000-01-01")


def numbers(values: pd.Series, column: Column) -> Floats:
    """Numbers less the column's offset, NaN where missing; words count as missing, with a warning."""
    form, values = flat(values)
    if form in ("number", "boolean"):
        found = values.to_numpy(dtype=np.float64, na_value=np.nan)
    elif form == "date" or form == "nested":
        found = np.full(len(values), np.nan)
    else:
        found = np.asarray(pd.to_numeric(values.astype(object), errors="coerce"), dtype=np.float64)
    _warn_of_lost(values, np.isnan(found), column, "numbers")
    _refuse_too_large(found - column.offset, column.name)
    return found - column.offset


def booleans(values: pd.Series, column: Column) -> Floats:
    """1, 0, or NaN where missing; also reads the words true, yes, on, t and y with their opposites."""
    form, values = flat(values)
    if form in ("number", "boolean"):
        found = values.to_numpy(dtype=np.float64, na_value=np.nan)
        found = np.where(np.isin(found, (0.0, 1.0)), found, np.nan)
    else:
        words = values.astype(object).map(lambda value: str(value).strip().casefold())
        found = np.where(words.isin(TRUE_WORDS), 1.0, np.where(words.isin(FALSE_WORDS), 0.0, np.nan))
    _warn_of_lost(values, np.isnan(found), column, "true or false")
    return found


def dates(values: pd.Series, column: Column) -> pd.Series:
    """Moments without time zone (UTC where one was given), NaT where missing."""
    form, values = flat(values)
    if form in ("text", "category"):
        found = _parsed_dates(values.astype(object), column)
    elif form == "date":
        found = values
    else:
        found = pd.Series(pd.NaT, index=values.index, dtype="datetime64[us]")
    if getattr(found.dt, "tz", None) is not None:
        found = found.dt.tz_convert("UTC").dt.tz_localize(None)
    _warn_of_lost(values, found.isna().to_numpy(), column, "dates")
    return found


def _parsed_dates(values: pd.Series, column: Column) -> pd.Series:
    utc = "%z" in column.format
    found = pd.to_datetime(values, format=column.format or None, errors="coerce", utc=utc)
    return found if isinstance(found, pd.Series) else pd.Series(found, index=values.index)


def date_parts(moments: pd.Series) -> dict[str, Floats]:
    """Days since 2000-01-01 with their fraction, month, day of the month, weekday (Monday 0), hour, minute."""
    since = (moments - _EPOCH) / pd.Timedelta(days=1)
    fields = moments.dt
    found = (since, fields.month, fields.day, fields.day_of_week, fields.hour, fields.minute)
    return {
        part: values.to_numpy(dtype=np.float64, na_value=np.nan)
        for part, values in zip(DATE_PARTS, found, strict=True)
    }


def level_texts(values: pd.Series) -> NDArray[np.object_]:
    """Each cell as the text of its level, None where missing; numbers are written alike: 2, 2.0 and "2.0" as 2.

    So a category keeps its levels whether a file was typed as text, integers or floats.
    """
    _, values = flat(values)
    places, different = pd.factorize(values.astype(object).map(_hashable))
    texts = np.asarray([*map(_level_text, different), None], dtype=object)
    return texts[places]


def codes(texts: NDArray[np.object_], column: Column) -> Floats:
    """The place of each text among the levels; then one for rare or unseen ones and one for missing ones."""
    missing = np.asarray([text is None for text in texts], dtype=bool)
    found = (
        pd.Index(column.levels, dtype=object).get_indexer(pd.Index(texts, dtype=object)).astype(np.float64)
    )
    found[found < 0] = len(column.levels)
    found[missing] = len(column.levels) + 1
    return found


def _hashable(value: object) -> object:
    return value if isinstance(value, (str, int, float, np.generic, type(None), type(pd.NA))) else str(value)


def _level_text(value: object) -> str:
    text = str(value)
    if not _PLAIN_NUMBER.fullmatch(text) or not abs(number := float(text)) < EXACT:
        return text
    return str(int(number)) if number.is_integer() else repr(number)


def _warn_of_lost(values: pd.Series, lost: NDArray[np.bool_], column: Column, what: str) -> None:
    rows = np.flatnonzero(lost & values.notna().to_numpy())
    rows = rows[[str(values.iloc[row]).strip() != "" for row in rows]] if len(rows) else rows
    if len(rows):
        first = f"the first is {shown(values.iloc[rows[0]])} in row {rows[0] + 1}"
        warnings.warn(
            f"Column {shown(column.name)}: {len(rows):,} cells are not {what} and count as missing; {first}.",
            stacklevel=4,
        )


def _refuse_too_large(values: Floats, name: str) -> None:
    rows = np.flatnonzero(np.abs(values) > FLOAT32_MAX)
    if len(rows):
        raise RequestError(
            f"Column {shown(name)}, row {rows[0] + 1}: {values[rows[0]]:g} is infinite or beyond 3.4e38, the largest "
            "number of the network's arithmetic. Correct it or leave the cell empty."
        )


def as_matrix(parts: Sequence[Floats], n: int) -> Floats:
    """Columns side by side; (n, 0) where there are none."""
    return np.column_stack(parts) if parts else np.empty((n, 0))
