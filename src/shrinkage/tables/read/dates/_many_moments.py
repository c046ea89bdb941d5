"""Many dates at once: those laid out as the first one by pandas, all others cell by cell."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage.tables.read.dates._dates import FOREVER, moment_of

__all__ = ["moments_of"]

_MANY = 200
"""From so many cells on, finding a format costs less than it saves."""
_NAME = "(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_DAYS = (
    (r"[0-9]{4}(?P<sep>[-/.])[0-9]{2}(?P=sep)[0-9]{2}", "%Y{sep}%m{sep}%d"),
    (rf"[0-9]{{1,2}}(?P<sep>[-/. ]){_NAME}(?P=sep)[0-9]{{4}}", "%d{sep}%b{sep}%Y"),
    (rf"[0-9]{{1,2}}(?P<sep>[-/. ]){_NAME}(?P=sep)[0-9]{{2}}", "%d{sep}%b{sep}%y"),
    (rf"{_NAME} [0-9]{{1,2}}, [0-9]{{4}}", "%b %d, %Y"),
)
_THREE_NUMBERS = r"[0-9]{1,2}(?P<sep>[-/.])[0-9]{1,2}(?P=sep)[0-9]{4}"
_SHORT, _LONG = "[0-9]{1,2}:[0-5][0-9]", "[0-9]{1,2}:[0-5][0-9]:[0-5][0-9]"
_CLOCKS = (
    ("", ""),
    (rf"(?P<t>[ T]){_SHORT}(?P<zone>Z?)", "{t}%H:%M{zone}"),
    (rf"(?P<t>[ T]){_LONG}(?P<zone>Z?)", "{t}%H:%M:%S{zone}"),
    (rf" {_SHORT} (?i:[AP]M)", " %I:%M %p"),
    (rf" {_LONG} (?i:[AP]M)", " %I:%M:%S %p"),
)


def moments_of(
    cells: Sequence[str | None], day_first: bool | None, year_first: bool = False
) -> NDArray[np.datetime64]:
    """(n,) the moment that `moment_of` finds in each cell, NaT for none."""
    found = np.full(len(cells), np.datetime64("NaT"), dtype="datetime64[us]")
    layout = None if len(cells) < _MANY or year_first else _layout_of(cells, day_first)
    if layout is not None:
        pattern, form = layout
        alike = [cell if cell and pattern.fullmatch(cell) else None for cell in cells]
        read = pd.to_datetime(pd.Series(alike, dtype=object), format=form, errors="coerce", cache=False)
        found = np.where(read.dt.year == FOREVER, found, read.to_numpy().astype("datetime64[us]"))
    for i in np.flatnonzero(np.isnat(found)).tolist():
        if (moment := moment_of(cells[i] or "", day_first, year_first)) is not None:
            found[i] = moment
    return found


def _layout_of(cells: Sequence[str | None], day_first: bool | None) -> tuple[re.Pattern[str], str] | None:
    """What the first cell and those alike match, and their format as in `strptime`; None if it is no common one."""
    first = next((cell for cell in cells if cell), "")
    in_order = (_THREE_NUMBERS, "%d{sep}%m{sep}%Y" if day_first else "%m{sep}%d{sep}%Y")
    for day, days in _DAYS if day_first is None else (*_DAYS, in_order):
        for clock, times in _CLOCKS:
            pattern = re.compile(day + clock)
            if (found := pattern.fullmatch(first)) is not None:
                return pattern, (days + times).format(**found.groupdict())
    return None
