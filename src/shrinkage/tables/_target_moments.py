"""Dates, times and durations as the values of a regression."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage.tables.learn._columns import flat
from shrinkage.tables.read._reading import Reading, as_read

__all__ = ["MomentTarget", "moment_target"]

_START = pd.Timestamp(2000, 1, 1)


class MomentTarget(NamedTuple):
    """A target that holds dates, times of day or durations."""

    what: str
    """`dates`, `times of day` or `durations`."""
    unit: str
    """Of the numbers: `hours`, or `days since 2000-01-01`."""
    numbers: NDArray[np.float64]
    """(n,) NaN where a cell holds none."""


def moment_target(column: pd.Series, rule: Reading | None) -> MomentTarget | None:
    """A column of moments as numbers; None for any other column.

    Args:
        column: as the table has it.
        rule: by which its text is read.
    """
    form, values = flat(column)
    typed = form in ("date", "time")
    if form in ("text", "mixed") and rule is not None and rule.form in ("date", "time"):
        form, values = rule.form, as_read(rule, values.map(str, na_action="ignore"))[0]
    if form == "date":
        values = values if values.dt.tz is None else values.dt.tz_convert("UTC").dt.tz_localize(None)
        return MomentTarget(
            "dates", "days since 2000-01-01", _floats((values - _START) / pd.Timedelta(days=1))
        )
    if form != "time":
        return None
    is_duration = pd.api.types.is_timedelta64_dtype(column.dtype) or (
        typed and pd.api.types.infer_dtype(column, skipna=True).startswith("timedelta")
    )
    is_duration = is_duration or bool(rule is not None and rule.layout)
    return MomentTarget("durations" if is_duration else "times of day", "hours", _floats(values))


def _floats(values: pd.Series) -> NDArray[np.float64]:
    return values.to_numpy(dtype=np.float64, na_value=np.nan)
