"""Dates and times of day as people write them, each cell read by itself; day-first or month-first by the column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["Order", "hours_of", "moment_of", "order_of"]

_TIME = r"(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2}(?:[.,]\d{1,9})?))?(?:\s?(?P<half>[AaPp])\.?\s?[Mm]\.?)?"
_ZONE = r"(?:\s?(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2}|EST|EDT|CST|CDT|MST|MDT|PST|PDT|CET|CEST))?"
_CLOCK = rf"(?:(?:T|,?\s+|\s-\s|\sat\s){_TIME}{_ZONE}(?:\s\([A-Z]{{2,5}}\))?)?"
_DAY_NAME = r"(?:(?:mon|tue|tues|wed|wednes|thu|thur|thurs|fri|sat|satur|sun)(?:day)?\.?,?\s+)?"
_NAME = r"(?P<name>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_TH = r"(?:st|nd|rd|th)?"
_YEAR = r"(?P<y>\d{4}|'?\d{2})"

FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"(?P<y>\d{{4}})(?P<sep>[-/.])(?P<m>\d{{1,2}})(?P=sep)(?P<d>\d{{1,2}}){_CLOCK}",
        rf"{_DAY_NAME}(?P<a>\d{{1,2}})(?P<sep>[-/.])(?P<b>\d{{1,2}})(?P=sep)(?P<y>\d{{4}}|\d{{2}}){_CLOCK}",
        rf"{_DAY_NAME}(?P<d>\d{{1,2}}){_TH}[-/.\s]\s?(?:of\s)?{_NAME}[-/,.\s]\s?{_YEAR}{_CLOCK}",
        rf"(?P<d>\d{{1,2}}){_NAME}(?P<y>\d{{4}}|\d{{2}}){_CLOCK}",
        rf"{_DAY_NAME}{_NAME}[-/.\s]\s?(?P<d>\d{{1,2}}){_TH},?[-/\s]\s?(?P<y>\d{{4}}){_CLOCK}",
        rf"{_DAY_NAME}{_NAME}\s+(?P<d>\d{{1,2}})\s+{_TIME}{_ZONE}\s+(?P<y>\d{{4}})",
        rf"(?P<y>\d{{4}})[-/.\s]{_NAME}[-/.\s](?P<d>\d{{1,2}}){_CLOCK}",
        r"(?P<y>\d{4})[-/\s]?Q(?P<q>[1-4])",
        r"Q(?P<q>[1-4])[-/\s']{0,2}(?P<y>\d{4}|\d{2})",
        r"(?P<q>[1-4])Q[-/\s']{0,2}(?P<y>\d{4}|\d{2})",
        r"(?P<y>\d{4})[-/](?P<m>\d{2})",
        r"(?P<y>\d{4})M(?P<m>\d{1,2})",
        r"(?P<m>\d{1,2})[-/](?P<y>\d{4})",
        rf"{_NAME}[-/,.\s]?\s?(?P<y>\d{{4}}|'?\d{{2}})",
        rf"(?P<y>\d{{4}})[-/,.\s]?\s?{_NAME}",
        r"(?P<y>\d{4})-?W(?P<w>\d{2})(?:-?(?P<wd>[1-7]))?",
        r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})T(?P<h>\d{2})(?P<mi>\d{2})(?P<s>\d{2}(?:\.\d{1,9})?)?(?P<zone>Z)?",
        rf"(?P<y>\d{{4}})(?P<sep>[-/.])(?P<m>\d{{1,2}})(?P=sep)(?P<d>\d{{1,2}}):{_TIME}{_ZONE}",
    )
)
_TIME_OF_DAY = re.compile(rf"{_TIME}", re.IGNORECASE)
_HALF_DAY = re.compile(r"(?P<h>\d{1,2})\s?(?P<half>[AaPp])\.?\s?[Mm]\.?")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONES = {
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "CET": 1,
    "CEST": 2,
}


@dataclass(frozen=True)
class Order:
    """Whether the day or the month comes first in dates such as 01/02/2020, and why."""

    day_first: bool | None
    """None where no date of the column needs it."""
    why: str = ""
    """Empty where the dates themselves say it, or nothing needs it."""
    alone: str = ""
    """A date that can be read in both ways; empty where one of the column says it."""


def moment_of(cell: str, day_first: bool | None) -> datetime | None:
    """The moment that a cell names, in UTC where it names a zone, or None; 01/02 is February the first if `day_first`."""
    for form in FORMS:
        if (found := form.fullmatch(cell)) is not None:
            return _moment(found.groupdict(), day_first)
    return None


def _moment(part: dict[str, str | None], day_first: bool | None) -> datetime | None:
    try:
        year = _year(part["y"] or "")
        if "w" in part:
            return datetime.fromisocalendar(year, int(part["w"] or 1), int(part["wd"] or 1))
        moment = datetime(year, *_month_and_day(part, day_first))
        if part.get("h"):
            moment += _clock(part, 24)
        return moment - _offset(part.get("zone"))
    except (ValueError, OverflowError):
        return None


def _year(text: str) -> int:
    digits = text.lstrip("'")
    if len(digits) == 4:
        return int(digits)
    return int(digits) + (2000 if int(digits) < 69 else 1900)


def _month_and_day(part: dict[str, str | None], day_first: bool | None) -> tuple[int, int]:
    if part.get("q"):
        return 3 * int(part["q"] or 1) - 2, 1
    if part.get("a"):
        first, second = int(part["a"] or 0), int(part["b"] or 0)
        return (second, first) if day_first else (first, second)
    name = part.get("name")
    month = _MONTHS.index(name.lower()) + 1 if name else int(part.get("m") or 1)
    return month, int(part.get("d") or 1)


def _clock(part: dict[str, str | None], most: int) -> timedelta:
    hour, minute = int(part["h"] or 0), int(part.get("mi") or 0)
    second = float((part.get("s") or "0").replace(",", "."))
    if half := part.get("half"):
        if not 1 <= hour <= 12:
            raise ValueError("no hour of half a day")
        hour = hour % 12 + (12 if half in "pP" else 0)
    if hour >= most or minute >= 60 or second >= 61:
        raise ValueError("no time of day")
    return timedelta(hours=hour, minutes=minute, seconds=second)


def _offset(zone: str | None) -> timedelta:
    if not zone or zone.upper() in ("Z", "UTC", "GMT"):
        return timedelta(0)
    if zone.upper() in _ZONES:
        return timedelta(hours=_ZONES[zone.upper()])
    sign, digits = (-1 if zone[0] == "-" else 1), zone[1:].replace(":", "")
    return sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))


def order_of(cells: Sequence[str], counts: NDArray[np.int64], asked: bool | None) -> Order:
    """Whether the dates of a column name the day first: as asked for, as most say, or as they ascend row by row.

    Args:
        cells: the different cells in the order in which they first appear.
        counts: in how many rows each stands.
        asked: True, False, or None where nothing was asked for.
    """
    pairs = [(i, found) for i, cell in enumerate(cells) if (found := FORMS[1].fullmatch(cell)) is not None]
    if not pairs:
        return Order(None)
    day = sum(int(counts[i]) for i, found in pairs if int(found["a"]) > 12)
    month = sum(int(counts[i]) for i, found in pairs if int(found["b"]) > 12)
    if asked is not None:
        return Order(asked)
    if day or month:
        return Order(day > month)
    example = next((cells[i] for i, found in pairs if found["a"] != found["b"]), "")
    if not example:
        return Order(False)
    firsts, seconds = ({int(found[key]) for _, found in pairs} for key in "ab")
    if (len(firsts) == 1) != (len(seconds) == 1) and len(pairs) > 2:
        return Order(len(firsts) == 1, "because the day is then the same in all of them", example)
    if len(pairs) > 2:
        moments = [[moment_of(cells[i], first) for i, _ in pairs] for first in (False, True)]
        ascends = [_ascends(found) for found in moments]
        if ascends[0] != ascends[1]:
            return Order(ascends[1], "because they are then in order", example)
    if FORMS[1].fullmatch(example)["sep"] == ".":  # pyright: ignore[reportOptionalSubscript] (it is one of the pairs)
        return Order(True, "because dates with points are written that way", example)
    return Order(False, "because no date shows otherwise", example)


def _ascends(moments: Sequence[datetime | None]) -> bool:
    known = [moment for moment in moments if moment is not None]
    steps = list(pairwise(known))
    return len(known) == len(moments) and (all(a <= b for a, b in steps) or all(a >= b for a, b in steps))


def hours_of(cell: str) -> float | None:
    """A time such as 08:45 or 1:05 pm in hours since midnight; from 24:00 on it is a duration."""
    found = _TIME_OF_DAY.fullmatch(cell) or _HALF_DAY.fullmatch(cell)
    if found is None:
        return None
    try:
        return _clock(found.groupdict(), 100) / timedelta(hours=1)
    except ValueError:
        return None
