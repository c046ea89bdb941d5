"""Dates that a cell alone does not show to be dates: without a year, as a year and a day of it, or as a count of time."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import shown
from shrinkage.tables.read.dates._date_words import MONTHS, SHORT_MONTHS, name_words, plain_date
from shrinkage.tables.read.dates._dates import are_days, moment_of

__all__ = [
    "COUNTS",
    "LAYOUTS",
    "SIX_DIGITS",
    "Layout",
    "count_of_time",
    "example_without_order",
    "layout_of",
    "may_be_six_digits",
    "moment_in",
    "moments_from_counts",
]

_NAME = rf"(?P<name>{MONTHS})\.?"
_CLOCK = r"(?P<clock>[,\s]\s?(?:at\s)?\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:\s?[AaPp]\.?[Mm]\.?)?)?"
_NUMBER_FIRST = re.compile(
    rf"(?P<n>\d{{1,2}})(?P<th>st|nd|rd|th)?(?:\.\s?|[-/\s])(?:of\s)?{_NAME}{_CLOCK}", re.IGNORECASE
)
_NAME_FIRST = re.compile(rf"{_NAME}[-/\s]\s?(?P<n>\d{{1,2}})(?P<th>st|nd|rd|th)?{_CLOCK}", re.IGNORECASE)
_DAY_POINT_MONTH = re.compile(rf"(?P<d>\d{{1,2}})\.\s?(?P<m>\d{{1,2}})\.{_CLOCK}")
_TWO_NUMBERS = re.compile(rf"(?P<a>\d{{1,2}})[/-](?P<b>\d{{1,2}}){_CLOCK}")
_YEAR_AND_DAY = re.compile(r"(?P<y>(?:19|20)\d{2})(?P<sep>[-/.:]?)(?P<day>\d{3})")
_DATE_NAMES = (
    "date datetime day days doy julian yyyyddd yyyydoy ordinal timestamp time datum fecha data tag jour dia"
)
_COUNT_NAMES = (
    "date datetime time timestamp times ts epoch unix unixtime utc posix created updated modified started ended seen"
    " datum fecha zeit zeitstempel"
)
_SIX_DIGITS = re.compile(r"\d{5,6}")
_DAY_WORDS = frozenset(
    ["date", "day", "datum", "fecha", "data", "tag", "jour", "dia", "dob", "birthdate", "birthday"]
)
_DATE_WORDS, _COUNT_WORDS = frozenset(_DATE_NAMES.split()), frozenset(_COUNT_NAMES.split())
"""Words in the names of columns of dates, and of columns that count time."""
_FEWEST = 5
"""So many different cells are enough to show a layout."""
_MANY = 20
"""From so many different cells on, a few that do not fit are slips, and how far their numbers spread is telling."""
LEAP = 2000
"""The year in which a date without one is counted: one that has February 29."""
SIX_DIGITS = ("yymmdd", "ddmmyy", "mmddyy")
"""Layouts of days of six digits."""
WITHOUT_YEAR = ("day and month", "day and named month", "month and day")
"""Layouts of days of any year."""
_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "seconds"),
    **dict.fromkeys(("ms", "msec", "millis", "millisecond", "milliseconds"), "milliseconds"),
    **dict.fromkeys(("us", "µs", "usec", "micros", "microsecond", "microseconds"), "microseconds"),
    **dict.fromkeys(("ns", "nsec", "nanos", "nanosecond", "nanoseconds"), "nanoseconds"),
    **dict.fromkeys(("min", "mins", "minute", "minutes", "h", "hr", "hrs", "hour", "hours"), ""),
    **dict.fromkeys(("elapsed", "duration", "delay", "latency", "runtime"), ""),
}
"""Words of a name by the layout that they allow; a duration is none."""


class Count(NamedTuple):
    """A way to count time: moments as numbers of a unit since a beginning."""

    begin: datetime
    seconds: float
    """In one unit."""
    years: tuple[int, int]
    """Years in which a count must lie to be one for sure, the last one excluded."""
    what: str


_UNIX_START, _SPREADSHEET_START = datetime(1970, 1, 1), datetime(1899, 12, 30)
COUNTS = {
    "seconds": Count(_UNIX_START, 1.0, (2000, 2040), "seconds since 1970"),
    "milliseconds": Count(_UNIX_START, 1e-3, (2000, 2040), "milliseconds since 1970"),
    "microseconds": Count(_UNIX_START, 1e-6, (2000, 2040), "microseconds since 1970"),
    "nanoseconds": Count(_UNIX_START, 1e-9, (2000, 2040), "nanoseconds since 1970"),
    "spreadsheet days": Count(
        _SPREADSHEET_START, 86400.0, (2000, 2050), "days since 1899-12-30, as spreadsheets count them"
    ),
}
SPAN = (datetime(1980, 1, 1), datetime(2100, 1, 1))
"""Between these a further number counts time: 1700500000 among milliseconds, which is in 1970, is a slip."""


class Layout(NamedTuple):
    """How the dates of a column are laid out, and a note on it."""

    name: str
    note: str


def moment_in(layout: str, cell: str) -> datetime | None:
    """The moment that a cell names in one of `LAYOUTS`, or None."""
    return LAYOUTS[layout](cell)


def moments_from_counts(layout: str, numbers: Any) -> NDArray[np.datetime64]:
    """(n,) moments of numbers in one of `COUNTS`, NaT for a gap or a number outside `SPAN`."""
    count = COUNTS[layout]
    found = np.asarray(numbers, dtype=np.float64) * count.seconds * 1e6
    with np.errstate(invalid="ignore"):
        first, last = ((end - count.begin) / timedelta(microseconds=1) for end in SPAN)
        within = (first <= found) & (found < last)
        return np.where(
            within,
            np.datetime64(count.begin, "us") + np.where(within, found, 0).round().astype("timedelta64[us]"),
            np.datetime64("NaT"),
        )


def in_leap_year(moments: pd.Series) -> pd.Series:
    """(n,) moments moved into the year 2000, in which days of any year are counted."""
    year = pd.to_timedelta(moments.dt.day_of_year - 1, unit="D")
    after = ~moments.dt.is_leap_year & (moments.dt.month > 2)
    start = pd.Timestamp(LEAP, 1, 1) + year + pd.to_timedelta(after.astype("int64"), unit="D")
    return start + (moments - moments.dt.normalize())


def layout_of(name: str, texts: Sequence[str], day_first: bool | None = None) -> Layout | None:
    """The layout that nearly all cells of a column have and no cell shows alone; None where there is none.

    Args:
        name: of the column.
        texts: its different cells in the order in which they first appear.
        day_first: whether the day comes before the month; None to decide it on the cells.
    """
    if len(texts) < _FEWEST:
        return None
    if may_be_six_digits(name, texts):
        return _six_digits(name, texts)
    for read in (_year_and_day, _two_numbers, _day_and_month):
        if any(read(text) is not None for text in texts[:50]):
            fits = [text for text in texts if read(text) is not None]
            if len(fits) < 0.8 * len(texts) or (len(fits) < len(texts) and len(texts) < _MANY):
                return None
            if read is _two_numbers:
                return _day_or_month_first(name, fits, day_first)
            return _years_of_days(name, fits) if read is _year_and_day else _named_months(fits)
    return None


def example_without_order(name: str, texts: Sequence[str]) -> str:
    """The first of days of any year such as `3/4`, in a column that is called so, whose order none shows; else empty."""
    if len(texts) < _FEWEST or not name_words(name) & _DAY_WORDS:
        return ""
    found = [part for text in texts if (part := _TWO_NUMBERS.fullmatch(text)) is not None]
    if len(found) < len(texts) or not all(_two_numbers(text) for text in texts):
        return ""
    shows = [any(int(part[key]) > 12 for part in found) for key in "ab"]
    return "" if any(shows) else texts[0]


def may_be_six_digits(name: str, texts: Sequence[str]) -> bool:
    """Whether the cells of a column that is called a date may be days of six digits, such as 240105."""
    return bool(name_words(name) & _DAY_WORDS) and all(map(_SIX_DIGITS.fullmatch, texts))


def _six_digits(name: str, texts: Sequence[str]) -> Layout | None:
    """The order of days of six digits: one in which they are in order, else the one whose years vary least."""
    if are_days(texts):
        return None
    found = {
        order: moments
        for order in SIX_DIGITS
        if all(moments := [LAYOUTS[order](text) for text in texts]) and _varies_by_day(moments)
    }
    if not found:
        return None
    ordered = [order for order, moments in found.items() if _in_order(moments)]
    years = {order: len({each.year for each in moments if each}) for order, moments in found.items()}
    best = ordered[0] if ordered else min(found, key=lambda order: years[order])
    return Layout(
        best, f"of six digits, such as {texts[0]}, read as {best} (--text {shlex.quote(name)} changes that)"
    )


def _varies_by_day(moments: Sequence[datetime | None]) -> bool:
    """Whether there are more days than years among moments, unlike in numbers that count on."""
    known = [moment for moment in moments if moment is not None]
    return len({(each.month, each.day) for each in known}) >= len({each.year for each in known})


def _in_order(moments: Sequence[datetime | None]) -> bool:
    known = [moment for moment in moments if moment is not None]
    return known in (sorted(known), sorted(known, reverse=True))


def count_of_time(name: str, values: NDArray[np.float64]) -> str:
    """The layout of numbers that count time, in a column that is called so; empty where that is not sure.

    Args:
        name: of the column.
        values: (n,) its numbers, NaN for a gap.
    """
    words = name_words(name)
    if not words & _COUNT_WORDS:
        return ""
    held = np.unique(values[~np.isnan(values)])
    if len(held) < _FEWEST:
        return ""
    units = {_UNITS[word] for word in words if word in _UNITS}
    for layout, count in COUNTS.items():
        if units and units != {layout}:
            continue
        if layout == "spreadsheet days" and not words & {"date", "datetime", "datum", "fecha"}:
            continue
        first, last = (
            (datetime(year, 1, 1) - count.begin) / timedelta(seconds=1) / count.seconds
            for year in count.years
        )
        if first <= held[0] and held[-1] < last:
            return layout
    return ""


def _day_and_month(cell: str) -> datetime | None:
    """A day of any year: `24-Jan`, `January 24`, `24.01.`, `Jan 24 13:05:07`."""
    if (found := _DAY_POINT_MONTH.fullmatch(cell)) is not None:
        return _in_leap_year(found["d"], found["m"], found["clock"])
    if (found := _TWO_NUMBERS.fullmatch(cell)) is not None:
        return _in_leap_year(found["a"], found["b"], found["clock"])
    found = _named(cell)
    return (
        None
        if found is None
        else moment_of(f"{found['n']} {found['name'][:3]} {LEAP}{found['clock'] or ''}", None)
    )


def _month_and_day(cell: str) -> datetime | None:
    """A day of any year as the month and the day: `01/24` and `01/24 13:05`."""
    found = _TWO_NUMBERS.fullmatch(cell)
    return None if found is None else _in_leap_year(found["b"], found["a"], found["clock"])


def _two_numbers(cell: str) -> datetime | None:
    found = _TWO_NUMBERS.fullmatch(cell)
    return None if found is None else _day_and_month(cell) or _month_and_day(cell)


def _in_leap_year(day: str, month: str, clock: str | None) -> datetime | None:
    return moment_of(f"{LEAP}-{int(month):02d}-{int(day):02d}{clock or ''}", None)


def _day_and_named_month(cell: str) -> datetime | None:
    """The same where the day comes first: beside `20-Jul` a `Jan-24` may be a month of 2024."""
    return None if _may_be_month_of_year(cell) else _day_and_month(cell)


def _named_month_and_year(cell: str) -> datetime | None:
    """The first day of a month where its name comes first: beside `Jan-24` a `20-Jul` may be a day."""
    return None if _NUMBER_FIRST.fullmatch(plain_date(cell)) else _month_of_year(cell)


def _may_be_month_of_year(cell: str) -> bool:
    found = _NAME_FIRST.fullmatch(plain_date(cell))
    return found is not None and len(found["n"]) == 2 and not (found["th"] or found["clock"])


def _month_of_year(cell: str) -> datetime | None:
    """The first day of a month: `24-Jan` and `Jan-24` of 2024."""
    found = _named(cell)
    return (
        None
        if found is None or len(found["n"]) < 2
        else moment_of(f"{found['name'][:3]} '{found['n']}", None)
    )


def _year_and_day(cell: str) -> datetime | None:
    """A year and the number of a day in it: `2024-005` and `2024005`."""
    found = _YEAR_AND_DAY.fullmatch(cell)
    if found is None or int(found["day"]) == 0:
        return None
    moment = datetime(int(found["y"]), 1, 1) + timedelta(days=int(found["day"]) - 1)
    return moment if moment.year == int(found["y"]) else None


def _of_six_digits(order: str) -> Callable[[str], datetime | None]:
    """How six digits are read in an order such as `ymd`; a zero at their beginning may be lost."""

    def moment(cell: str) -> datetime | None:
        if not _SIX_DIGITS.fullmatch(cell):
            return None
        digits = cell.zfill(6)
        part = {key: digits[2 * i : 2 * i + 2] for i, key in enumerate(order)}
        century = "20" if int(part["y"]) < 69 else "19"
        return moment_of(f"{century}{part['y']}-{part['m']}-{part['d']}", None)

    return moment


LAYOUTS: dict[str, Callable[[str], datetime | None]] = {
    "day and month": _day_and_month,
    "day and named month": _day_and_named_month,
    "month and day": _month_and_day,
    "named month and year": _named_month_and_year,
    "month and year": _month_of_year,
    "year and day": _year_and_day,
    "yymmdd": _of_six_digits("ymd"),
    "ddmmyy": _of_six_digits("dmy"),
    "mmddyy": _of_six_digits("mdy"),
}


def _named(cell: str) -> re.Match[str] | None:
    plain = plain_date(cell)
    return _NUMBER_FIRST.fullmatch(plain) or _NAME_FIRST.fullmatch(plain)


def _named_months(texts: Sequence[str]) -> Layout | None:
    """Whether the numbers beside the names of months are days or years."""
    found = [part for text in texts if (part := _named(text)) is not None]
    named = [text for text in texts if _named(text) is not None]
    firsts = [text for text in named if _may_be_month_of_year(text)]
    numbers_first = [_NUMBER_FIRST.fullmatch(plain_date(text)) is not None for text in named]
    day_layout = "day and named month" if named and all(numbers_first) else "day and month"
    mixed = f"; {shown(firsts[0])} may also name a month of a year" if firsts and any(numbers_first) else ""
    days = Layout(day_layout, f"without a year, such as {texts[0]}: read as days of any year{mixed}")
    if len(found) < len(texts) / 2 or any(
        part["clock"] or part["th"] or len(part["n"]) < 2 for part in found
    ):
        return days
    numbers = [int(part["n"]) for part in found]
    months = Layout("month and year" if any(numbers_first) else "named month and year", "")
    if any(number == 0 or number > 31 for number in numbers):
        return months
    order = [SHORT_MONTHS.index(part["name"][:3].lower()) for part in found]
    pairs = list(zip(numbers, order, strict=True))
    as_months, as_days = _ascends(pairs), _ascends([(month, number) for number, month in pairs])
    if as_months != as_days:
        return months if as_months else days
    if len(texts) >= _MANY and max(numbers) - min(numbers) <= 12:
        return months
    if len(texts) >= _MANY and len(set(numbers)) > 12 and max(numbers) >= 28:
        return days
    if _NUMBER_FIRST.fullmatch(plain_date(texts[0])):
        note = f"{shown(texts[0])} is read as a day of any year, which may also name a month of a year"
        return Layout(day_layout, note + mixed)
    moment = _month_of_year(texts[0])
    return Layout(
        months.name,
        f"{shown(texts[0])} is read as {moment:%B %Y}, but may also name a day" if moment else "",
    )


def _day_or_month_first(name: str, texts: Sequence[str], asked: bool | None) -> Layout | None:
    """Days of any year as two numbers, if the column is called so or has times too, and a number shows their order."""
    found = [part for text in texts if (part := _TWO_NUMBERS.fullmatch(text)) is not None]
    if not (name_words(name) & _DATE_WORDS or all(part["clock"] for part in found)):
        return None
    day, month = (any(int(part[key]) > 12 for part in found) for key in "ab")
    if day == month and (day or asked is None):
        return None
    first = day if asked is None else asked
    order = "" if asked is not None else f", with the {'day' if first else 'month'} first"
    return Layout(
        "day and month" if first else "month and day",
        f"without a year, such as {texts[0]}: read as days of any year{order}",
    )


def _ascends(pairs: Sequence[tuple[int, int]]) -> bool:
    steps = list(pairwise(pairs))
    return all(a < b for a, b in steps) or all(a > b for a, b in steps)


def _years_of_days(name: str, texts: Sequence[str]) -> Layout | None:
    """Dates as a year and a day, if the column is called so, or if its numbers run through whole years."""
    note = f"a year and the number of a day in it, such as {texts[0]}"
    if name_words(name) & _DATE_WORDS:
        return Layout("year and day", note)
    last: dict[str, list[int]] = {}
    for text in texts:
        if (found := _YEAR_AND_DAY.fullmatch(text)) is not None and found["sep"]:
            last.setdefault(found["y"], []).append(int(found["day"]))
    years = sorted(last)
    whole = [max(last[year]) > 345 for year in years[:-1]] + [min(last[year]) < 20 for year in years[1:]]
    sure = len(years) > 1 and len(texts) >= 50 and all(whole) and max(map(max, last.values())) <= 366
    return Layout("year and day", note) if sure else None
