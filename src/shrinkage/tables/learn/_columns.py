"""What each column is and what becomes of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any, Literal

import numpy as np
import pandas as pd

from shrinkage._errors import shown
from shrinkage.tables.read._reading import Reading

__all__ = [
    "FALSE_WORDS",
    "NUMBERS_ROWS",
    "TRUE_WORDS",
    "Column",
    "Kind",
    "counts_rows",
    "describe_column",
    "flat",
    "is_code",
    "left_out",
    "spelling_hint",
]

Kind = Literal["number", "category", "boolean", "date", "time", "text", "id", "constant", "empty"]

TRUE_WORDS = frozenset({"true", "t", "yes", "y", "on"})
FALSE_WORDS = frozenset({"false", "f", "no", "n", "off"})
_ID_NAME = re.compile(
    r"(?i:(.*[\W_])?(id|uuid|guid|index|idx|rowid|row|rownum|nr|no|pk|key)\.?|id[\W_].+|unnamed: \d+|column 1|#"
    r"|.*(nummer|n[uú]m[eé]ro|matricule)|.*(ticket|order|invoice|customer|client|account|serial|record|case|policy|card"
    r"|employee|student|patient|member|reference|transaction)[\W_]*(number|num|code)|.*номер)|.*[a-z0-9]I[Dd]"
)
_CODE_NAME = re.compile(
    r"(?i:(.*[\W_])?(id|uuid|guid)|(subject|person|patient|participant|respondent|proband|student|pupil|teacher|worker|firm"
    r"|company|customer|client|user|member|player|animal|shop|store|branch|site|station|hospital|clinic|farm|plot|batch"
    r"|author|speaker|device|machine|sensor|driver|account)([\W_]*(id|no|nr|num|number|code))?)|.*[a-z0-9]I[Dd]"
)
NUMBERS_ROWS = "it numbers the rows"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the training rows and how it becomes inputs."""

    name: str
    """Its name in the table."""
    kind: Kind
    """number, category, boolean, date, time, text, id, constant or empty."""
    used: bool
    """Whether the network sees it."""
    reason: str = ""
    """Why it was left out; empty for a used one."""
    missing: int = 0
    """Training rows without a value."""
    levels: tuple[str, ...] = ()
    """For a category: the levels with their own input, most frequent first."""
    rare: int = 0
    """For a category: the number of further levels that share the input `(other)`."""
    offset: float = 0.0
    """Subtracted before the number becomes a float32, where its distance from 0 would cost digits."""
    format: str = ""
    """For a date in a model of version 0.1: its format, as in `strptime`."""
    parts: tuple[str, ...] = ()
    """For a date: the parts that vary in the training rows. For a time of day: its inputs."""
    reading: Reading | None = None
    """For a text column: the rule by which its cells are read."""


def spelling_hint(name: str, others: Iterable[object]) -> str:
    """What is added about a column that is missing, where another differs from it by case, white space or marks alone."""
    near = next((str(other) for other in others if _plain_name(str(other)) == _plain_name(name)), None)
    return "" if near is None else f" (the table has {shown(near)}: rename that to {shown(name)})"


def _plain_name(name: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name)).casefold()


def flat(values: pd.Series) -> tuple[str, pd.Series]:
    """The form of a column (number, boolean, date, time, category, text, mixed, nested) and its values in that form."""
    dtype = values.dtype
    if isinstance(dtype, pd.ArrowDtype):
        return flat(values.astype(object))
    if isinstance(dtype, pd.CategoricalDtype):
        return "category", _without_blanks(values.astype(object))
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean", values
    if pd.api.types.is_numeric_dtype(dtype):
        return ("nested" if dtype.kind == "c" else "number"), values
    if isinstance(dtype, pd.PeriodDtype):
        return "date", values.dt.to_timestamp()
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date", values
    if pd.api.types.is_timedelta64_dtype(dtype):
        return "time", values.dt.total_seconds() / 3600
    return _flat_objects(values)


def _flat_objects(values: pd.Series) -> tuple[str, pd.Series]:
    inferred = pd.api.types.infer_dtype(values, skipna=True)
    if inferred == "boolean":
        return "boolean", values
    if inferred in ("integer", "floating", "mixed-integer-float", "decimal"):
        return "number", pd.Series(pd.to_numeric(values.astype(object), errors="coerce"), index=values.index)
    if inferred in ("datetime", "datetime64", "date"):
        return "date", pd.to_datetime(values, errors="coerce", utc=True)
    if inferred == "time":
        hours = values.map(_hours, na_action="ignore").astype(object)
        return "time", hours.where(values.notna(), np.nan).astype(np.float64)
    if inferred in ("timedelta", "timedelta64"):
        return flat(pd.to_timedelta(values))
    if inferred in ("mixed", "mixed-integer") and (numbers := _exact_numbers(values)) is not None:
        return "number", numbers
    if inferred == "complex" or (inferred == "mixed" and values.map(pd.api.types.is_list_like).any()):
        return "nested", values
    blank = [cell for cell in pd.unique(values) if isinstance(cell, str) and not cell.strip()]
    form = "text" if inferred in ("string", "empty") else "mixed"
    values = values.mask(values.isin(blank), None) if blank else values
    return form, _without_blanks(values) if form == "text" else values


def _exact_numbers(values: pd.Series) -> pd.Series | None:
    """Fractions and decimals, also among other numbers, as floats; None where a cell is anything else."""
    held = values.dropna()
    if not len(held) or not all(
        isinstance(cell, Real | Decimal) and not isinstance(cell, bool) for cell in held
    ):
        return None
    return values.astype(object).where(values.notna(), np.nan).map(float).astype(np.float64)


def _without_blanks(values: pd.Series) -> pd.Series:
    """Text without white space around it, as a file's cells are read."""
    padded = {
        cell: cell.strip() for cell in pd.unique(values) if isinstance(cell, str) and cell != cell.strip()
    }
    return values.map(lambda cell: padded.get(cell, cell)) if padded else values


def describe_column(name: str, form: str, values: pd.Series, *, keep: bool = False) -> Column:
    """One column of the training rows as it is read: its kind and, where it is left out, why.

    `keep` it even if it numbers the rows.
    """
    missing = int(values.isna().sum())
    if form == "nested":
        return left_out(name, "text", "its cells are not single values", missing)
    present = values.dropna()
    if not len(present):
        return left_out(name, "empty", "no value in any training row", missing)
    different = int(present.map(str).nunique() if form == "mixed" else present.nunique())
    if different == 1 and not missing:
        return left_out(name, "constant", "one value in all training rows", missing)
    if form == "boolean" or (form in ("text", "mixed") and _is_boolean(present)):
        return Column(name=name, kind="boolean", used=True, missing=missing)
    if form == "date":
        return Column(name=name, kind="date", used=True, missing=missing)
    if form == "time":
        return Column(name=name, kind="time", used=True, missing=missing)
    if form == "number":
        if not keep and counts_rows(name, present):
            return left_out(name, "id", NUMBERS_ROWS, missing)
        if not keep and is_code(name, present):
            return Column(name=name, kind="category", used=True, missing=missing)
        return Column(name=name, kind="number", used=True, missing=missing)
    return _category_or_text(name, present, different, missing)


def _category_or_text(name: str, present: pd.Series, different: int, missing: int) -> Column:
    words = np.mean([len(str(cell).split()) for cell in pd.unique(present)[:1000]])
    if different > max(10, len(present) / 2):
        if different == len(present) and words < 1.5:
            return left_out(name, "id", "each row has its own value", missing)
        return left_out(name, "text", f"free text: {different:,} different values", missing)
    if different > 10 and words >= 5:
        return left_out(name, "text", f"free text: {different:,} different values of several words", missing)
    return Column(name=name, kind="category", used=True, missing=missing)


def _hours(time: Any) -> float:
    return time.hour + time.minute / 60 + (time.second + time.microsecond / 1e6) / 3600


def left_out(name: str, kind: Kind, reason: str, missing: int) -> Column:
    """A column that the network does not see, and why."""
    return Column(name=name, kind=kind, used=False, reason=reason, missing=missing)


def _is_boolean(present: pd.Series) -> bool:
    words = {str(value).strip().casefold() for value in present.unique()[:5]}
    return len(words) == 2 and len(words & TRUE_WORDS) == 1 and len(words & FALSE_WORDS) == 1


def is_code(name: str, present: pd.Series) -> bool:
    """Integers that repeat, in a column named like what they stand for: a store 12 is not twice a store 6."""
    if not _CODE_NAME.fullmatch(name.strip()) or not 3 <= present.nunique() <= len(present) / 2:
        return False
    numbers = np.asarray(pd.to_numeric(present, errors="coerce"), dtype=np.float64)
    return bool(np.isfinite(numbers).all() and (numbers == np.trunc(numbers)).all() and numbers.min() >= 0)


def counts_rows(name: str, present: pd.Series) -> bool:
    """Integers that never repeat, in a column named like an identifier or as close as the numbers of rows are."""
    n = len(present)
    if n < 10 or present.nunique() < n:
        return False
    numbers = np.asarray(pd.to_numeric(present, errors="coerce"), dtype=np.float64)
    if not np.isfinite(numbers).all() or (numbers != np.trunc(numbers)).any():
        return False
    least, most = numbers.min(), numbers.max()
    all_of_them = least in (0, 1) and most - least == n - 1
    part_of_them = n >= 20 and 0 <= least <= 1 + 0.1 * n and most <= 1.6 * n  # as a fold of the rows has them
    return bool(all_of_them or part_of_them or _ID_NAME.fullmatch(name.strip()))
