"""Targets of moments, durations, periods or intervals, and the expressions that turn them into numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import issparse

from shrinkage._errors import RequestError, shown

__all__ = ["check_typed_classes", "check_typed_values"]


class _Typed(NamedTuple):
    """A type of targets."""

    what: str
    numbers: str
    """The expression in `y` that turns them into numbers."""
    unit: str
    """Of these numbers."""


_DAYS = "pandas.Timestamp(2000, 1, 1)) / pandas.Timedelta(days=1)"
_DURATIONS = _Typed("durations", "pandas.to_timedelta({y}) / pandas.Timedelta(hours=1)", "hours")
_DATES = _Typed("dates", f"(pandas.to_datetime({{y}}) - {_DAYS}", "days since 2000-01-01")
_WITH_ZONE = _Typed(
    "dates with a time zone",
    "(pandas.to_datetime({y}, utc=True) - pandas.Timestamp(2000, 1, 1, tz='UTC')) / pandas.Timedelta(days=1)",
    "days since 2000-01-01 in UTC",
)
_CLOCK = "t.hour + t.minute / 60 + t.second / 3600"
_TYPES = {
    **dict.fromkeys(("timedelta", "timedelta64"), _DURATIONS),
    **dict.fromkeys(("datetime", "datetime64", "date"), _DATES),
    "time": _Typed("times of day", f"[{_CLOCK} for t in {{y}}]", "hours"),
    "period": _Typed(
        "periods", f"(pandas.PeriodIndex({{y}}).to_timestamp() - {_DAYS}", "days since 2000-01-01"
    ),
    "interval": _Typed("intervals", "pandas.IntervalIndex({y}).mid", "the middle of each"),
}
"""By the names that pandas' `infer_dtype` gives."""


def check_typed_values(y: Any) -> None:
    """Raise for values of a regression that NumPy would count in nanoseconds or in whatever unit their type has."""
    for name, values in _columns(y):
        if (typed := _type_of(values)) is not None:
            held = "y" if name is None else f"y[{name!r}]"
            place = "y" if name is None else f"y, column {shown(str(name))}"
            drop = " Leave out the rows without a value first." if values.isna().any() else ""
            raise RequestError(
                f"{place}: must be numbers, got {typed.what}. Convert them, here to {typed.unit}: "
                f"{held} = {typed.numbers.format(y=held)}.{drop}"
            )


def check_typed_classes(y: Any) -> None:
    """Raise for classes that are durations, periods or intervals; dates of NumPy are classes like words."""
    if not isinstance(y, list | tuple) and not issparse(y) and np.asarray(y).dtype.kind == "M":
        return
    for _, values in _columns(y):
        if (typed := _type_of(values)) is not None:
            raise RequestError(
                f"y: classes must be text, booleans or whole numbers, got {typed.what}. Convert them to text, y = "
                "pandas.Series(y).astype(str), or predict them as values: MLPRegressorCV with y = "
                f"{typed.numbers.format(y='y')}."
            )


def _columns(y: Any) -> Iterator[tuple[Any, pd.Series]]:
    """The columns of targets with their names, which are None where `y` is the only one."""
    if issparse(y):
        return
    if not isinstance(y, pd.DataFrame | pd.Series | pd.Index) and hasattr(y, "to_pandas"):
        y = y.to_pandas()
    if isinstance(y, pd.DataFrame):
        yield from ((name, y.iloc[:, j]) for j, name in enumerate(y.columns))
    elif isinstance(y, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        yield None, pd.Series(y)
    elif isinstance(y, np.ndarray):
        yield None, pd.Series(y.ravel())
    elif isinstance(y, list | tuple):
        yield None, pd.Series(list(y), dtype=object)


def _type_of(values: pd.Series) -> _Typed | None:
    if not isinstance(values.dtype, pd.ArrowDtype) and pd.api.types.is_numeric_dtype(values.dtype):
        return None
    values = values.astype(object).infer_objects()
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return _WITH_ZONE
    return _TYPES.get(pd.api.types.infer_dtype(values, skipna=True))
