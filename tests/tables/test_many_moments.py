"""Many dates at once are those that each cell has by itself, and only slips take the slow way."""

import numpy as np
import pandas as pd
import pytest

from shrinkage.tables.read.dates import _many_moments
from shrinkage.tables.read.dates._dates import moment_of
from shrinkage.tables.read.dates._many_moments import moments_of

DAYS = [pd.Timestamp("1969-01-05 00:30:15") + pd.Timedelta(days=67 * i, minutes=187 * i) for i in range(300)]
SLIPS = [
    "31/02/2024",
    "2024-13-01",
    "9999-12-31",
    "31-Dec-9999",
    "05-Jan-2024 24:00",
    "05-Jan-2024 9:5",
    "Jan  5, 2024",
    "5 janvier 2024",
    "2024-01-05T10:00:00+02:00",
    "2024-01-05 10:00:00.1234567",
    "soon",
    "",
]


@pytest.mark.parametrize("day_first", [True, False, None])
@pytest.mark.parametrize("clock", ["", " %H:%M", "T%H:%M:%S", " %H:%M:%SZ", " %I:%M %p", " %I:%M:%S %p"])
@pytest.mark.parametrize(
    "day", ["%Y-%m-%d", "%Y/%m/%d", "%d-%b-%Y", "%d %b %y", "%b %d, %Y", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y"]
)
def test_many_moments_are_those_of_each_cell(
    day: str, clock: str, day_first: bool | None, monkeypatch: pytest.MonkeyPatch
):
    cells = [moment.strftime(day + clock) for moment in DAYS] + SLIPS
    alone = [moment_of(cell, day_first) for cell in cells]
    slow: list[str] = []

    def count(cell: str, *order: bool | None) -> object:
        slow.append(cell)
        return moment_of(cell, order[0], bool(order[1]))

    monkeypatch.setattr(_many_moments, "moment_of", count)
    found = moments_of([cell or None for cell in cells], day_first)
    np.testing.assert_array_equal(found, np.array([np.datetime64(m or "NaT", "us") for m in alone]))
    if "%d/%m" not in day and "%m/%d/" not in day and "%d.%m" not in day:
        assert set(slow) <= set(SLIPS)
