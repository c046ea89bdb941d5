"""What each column is: skrub says what a column of text holds, this module what becomes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from shrinkage.tables.read._typing import MISSING_WORDS, loses

__all__ = ["Column", "Kind", "described", "flat", "kinds_of", "left_out"]

Kind = Literal["number", "category", "boolean", "date", "text", "id", "constant", "empty"]

TRUE_WORDS = frozenset({"true", "t", "yes", "y", "on"})
FALSE_WORDS = frozenset({"false", "f", "no", "n", "off"})
_ID_NAME = re.compile(
    r"(.*[\W_])?(id|uuid|guid|index|idx|rowid|row|rownum|nr|no)|unnamed: \d+|column \d+", re.I
)


@dataclass(frozen=True, kw_only=True)
class Column:
    """What one column of the training rows is and what becomes of it."""

    name: str
    """Its name in the table."""
    kind: Kind
    """number, category, boolean, date, text, id, constant or empty."""
    used: bool
    """Whether the network sees it."""
    reason: str = ""
    """Why it was left out; empty for a used one."""
    missing: int = 0
    """Training rows without a value."""
    levels: tuple[str, ...] = ()
    """Of a category: the levels with an input of their own, most frequent first."""
    rare: int = 0
    """Of a category: how many further levels share the input `(other)`."""
    offset: float = 0.0
    """Subtracted before the number becomes a float32, where its distance from 0 would cost digits."""
    format: str = ""
    """Of a date written as text: its format, as `strptime` takes it."""
    parts: tuple[str, ...] = ()
    """Of a date: the parts that vary in the training rows."""


def flat(values: pd.Series) -> tuple[str, pd.Series]:
    """The form of a column (number, boolean, date, category, text, mixed, nested) and its values in that form."""
    dtype = values.dtype
    if isinstance(dtype, pd.ArrowDtype):
        return flat(values.astype(object))
    if isinstance(dtype, pd.CategoricalDtype):
        return "category", values.astype(object)
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean", values
    if pd.api.types.is_numeric_dtype(dtype):
        return ("nested" if dtype.kind == "c" else "number"), values
    if isinstance(dtype, pd.PeriodDtype):
        return "date", values.dt.to_timestamp()
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date", values
    if pd.api.types.is_timedelta64_dtype(dtype):
        return "number", values.dt.total_seconds()
    return _flat_objects(values)


def _flat_objects(values: pd.Series) -> tuple[str, pd.Series]:
    inferred = pd.api.types.infer_dtype(values, skipna=True)
    if inferred == "boolean":
        return "boolean", values
    if inferred in ("integer", "floating", "mixed-integer-float", "decimal"):
        return "number", pd.Series(pd.to_numeric(values.astype(object), errors="coerce"), index=values.index)
    if inferred in ("datetime", "datetime64", "date"):
        return "date", pd.to_datetime(values, errors="coerce", utc=True)
    if inferred == "complex" or (inferred == "mixed" and values.map(pd.api.types.is_list_like).any()):
        return "nested", values
    blank = [cell for cell in pd.unique(values) if isinstance(cell, str) and not cell.strip()]
    form = "text" if inferred in ("string", "empty") else "mixed"
    return form, values.mask(values.isin(blank), None) if blank else values


def kinds_of(texts: pd.DataFrame) -> dict[str, str]:
    """What skrub takes columns of text for: numeric, datetime, low_cardinality or high_cardinality."""
    if not texts.shape[1]:
        return {}
    # Loaded here for the second it takes: tables of numbers, and predictions, do without it.
    from skrub import TableVectorizer

    as_it_is: Any = "passthrough"  # skrub annotates these with the types of its defaults
    vectorizer = TableVectorizer(
        numeric=as_it_is, datetime=as_it_is, low_cardinality=as_it_is, high_cardinality=as_it_is
    ).fit(texts)
    return {column: kind for kind, columns in vectorizer.kind_to_columns_.items() for column in columns}


def described(name: str, form: str, values: pd.Series, kind: str) -> Column:
    """One column of the training rows: its kind and, where it is left out, why. `kind` is skrub's, for text."""
    missing = int(values.isna().sum())
    if form == "nested":
        return left_out(name, "text", "its cells are no single values", missing)
    present = values.dropna()
    if not len(present):
        return left_out(name, "empty", "no value in any training row", missing)
    different = int(present.map(str).nunique() if form == "mixed" else present.nunique())
    if different == 1 and not missing:
        return left_out(name, "constant", "one value in all training rows", missing)
    if form in ("text", "mixed") and _is_boolean(present):
        return Column(name=name, kind="boolean", used=True, missing=missing)
    if form == "boolean":
        return Column(name=name, kind="boolean", used=True, missing=missing)
    if form == "date" or kind == "datetime":
        format_ = "" if form == "date" else _date_format(name, values)
        return Column(name=name, kind="date", used=True, missing=missing, format=format_)
    if form == "number" or (kind == "numeric" and not loses(present.astype(str))):
        if _counts_rows(name, present, different):
            return left_out(name, "id", "it numbers the rows", missing)
        return Column(name=name, kind="number", used=True, missing=missing)
    return _category_or_text(name, present, different, missing)


def _category_or_text(name: str, present: pd.Series, different: int, missing: int) -> Column:
    words = np.mean([len(str(cell).split()) for cell in pd.unique(present)[:1000]])
    if different > max(10, len(present) / 2):
        if different == len(present) and words < 1.5:
            return left_out(name, "id", "each row has a value of its own", missing)
        return left_out(name, "text", f"free text: {different:,} different values", missing)
    if different > 10 and words >= 5:
        return left_out(name, "text", f"free text: {different:,} different values of several words", missing)
    return Column(name=name, kind="category", used=True, missing=missing)


def left_out(name: str, kind: Kind, reason: str, missing: int) -> Column:
    """A column that the network does not see, and why."""
    return Column(name=name, kind=kind, used=False, reason=reason, missing=missing)


def _is_boolean(present: pd.Series) -> bool:
    words = {str(value).strip().casefold() for value in present.unique()[:5]}
    return len(words) == 2 and len(words & TRUE_WORDS) == 1 and len(words & FALSE_WORDS) == 1


def _counts_rows(name: str, present: pd.Series, different: int) -> bool:
    """A column named like an identifier whose integers never repeat."""
    if different < len(present) or len(present) < 10 or not _ID_NAME.fullmatch(name):
        return False
    numbers = np.asarray(pd.to_numeric(present, errors="coerce"), dtype=np.float64)
    return bool((numbers == np.trunc(numbers)).all())


def _date_format(name: str, values: pd.Series) -> str:
    from skrub import ToDatetime

    texts = values.astype(object)
    present = texts.map(lambda cell: str(cell).strip().lower() not in MISSING_WORDS)
    converter = ToDatetime()
    converter.fit_transform(texts.where(present, None).rename(name))
    return str(converter.format_ or "")
