"""Dates and times of day as people write them, each cell read by itself; day-first or month-first by the column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from shrinkage.tables.read.dates._date_words import MONTHS, SHORT_MONTHS, plain_date

__all__ = [
    "HALF",
    "SECOND",
    "ZONES",
    "Order",
    "are_days",
    "are_months",
    "clock_of",
    "has_order",
    "is_utc",
    "moment_of",
    "order_of",
    "zone_of",
]

FOREVER = 9999
"""The year that systems write for "no end": such a date is a gap."""
HALF = r"(?:\s?(?P<half>[AaPp])\.?\s?[Mm]\.?)?"
SECOND = r"\d{2}(?:[.,]\d{1,9})?"
_TIME = rf"(?P<h>\d{{1,2}})(?P<colon>[:.])(?P<mi>\d{{2}})(?:(?P=colon)(?P<s>{SECOND}))?{HALF}"
_ZONES = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
_ZONES |= {
    "WET": 0,
    "WEST": 1,
    "BST": 1,
    "CET": 1,
    "CEST": 2,
    "MEZ": 1,
    "MESZ": 2,
    "EET": 2,
    "EEST": 3,
    "MSK": 3,
    "JST": 9,
    "KST": 9,
}
_ZONES |= {
    "AKST": -9,
    "AKDT": -8,
    "HST": -10,
    "AEST": 10,
    "AEDT": 11,
    "NZST": 12,
    "NZDT": 13,
    "SGT": 8,
    "HKT": 8,
    "SAST": 2,
}
_LOCAL = "ET|CT|MT|PT|IST|AST"
"""Zones whose offset depends on the season, or that name several: the clock is kept as written."""
ZONES = "|".join([*_ZONES, *_LOCAL.split("|")])
"""The letters of zones, as a regular expression."""
_OFFSET = r"(?:UTC|GMT)?[+-]\d{2}(?::?\d{2})?|(?:UTC|GMT)[+-]\d(?::\d{2})?"
_ZONE = rf"(?:\s?(?P<zone>{_OFFSET}|Z|UTC|GMT|{'|'.join(_ZONES)})(?:\s(?:UTC|GMT|{'|'.join(_ZONES)}))?)?"
_PLACE = rf"(?:\s?\([^()]{{2,50}}\)|\[[\w/+-]{{3,40}}\]|\s[A-Z][A-Za-z]{{2,12}}/[A-Z][A-Za-z_/]{{2,20}}|\s(?:{_LOCAL}))?"
_CLOCK = rf"(?:(?:T|:|_|,?\s+|\s-\s|\sat\s|\s?@\s?){_TIME}{_ZONE}{_PLACE})?"
_DAY_NAME = r"(?:(?:mon|tue|tues|wed|wednes|thu|thur|thurs|fri|sat|satur|sun)(?:day)?\.?,?\s+)?"
_NAME = r"(?P<name>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_MONTH = rf"(?P<name>{MONTHS})\.?"
_TH = r"(?:st|nd|rd|th)?"
_YEAR = r"(?P<y>\d{4}|'?\d{2})"
_SHORT_YEAR, _LONG_YEAR = r"(?P<y>\d{4}|\d{2})", r"(?P<y>(?:19|20)\d{2})"
_WEEK = r"(?:KW|CW|WK|WEEK|SEMAINE|SEMANA|SETTIMANA|SEM|W|S(?=\d\d))\.?\s?"
_QUARTER = r"(?:Q|QTR\.?\s?|(?:QUARTER|QUARTAL|KVARTAL|TRIMESTRE|TRIM\.?)\s)"
_NTH = r"(?:\.|º|ª|°|er|e|ème|st|nd|rd|th)?\s?"

FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"(?P<y>\d{{4}})(?P<sep>[-/._])(?P<m>\d{{1,2}})(?P=sep)(?P<d>\d{{1,2}}){_CLOCK}",
        rf"{_DAY_NAME}(?P<a>\d{{1,2}})(?P<sep>[-/.]|[ _](?=\d{{1,2}}[ _]\d{{4}}))(?P<b>\d{{1,2}})(?P=sep)"
        rf"(?P<y>\d{{4}}|\d{{2}}){_CLOCK}",
        rf"{_LONG_YEAR}:(?P<m>\d{{2}}):(?P<d>\d{{2}}){_CLOCK}",
        rf"{_DAY_NAME}(?P<d>\d{{1,2}}){_TH}[-/.\s]\s?(?:of\s)?{_NAME}[-/,.\s]\s?{_YEAR}{_CLOCK}",
        rf"(?P<d>\d{{1,2}}){_NAME}{_SHORT_YEAR}{_CLOCK}",
        rf"{_DAY_NAME}{_NAME}[-/.\s]\s?(?P<d>\d{{1,2}}){_TH},?[-/\s]\s?(?P<y>\d{{4}}){_CLOCK}",
        rf"{_DAY_NAME}{_NAME}\s+(?P<d>\d{{1,2}})\s+{_TIME}{_ZONE}\s+(?P<y>\d{{4}})(?:\s(?P<end>[+-]\d{{4}}))?",
        rf"(?P<y>\d{{4}})[-/.\s]{_NAME}[-/.\s](?P<d>\d{{1,2}}){_CLOCK}",
        rf"(?:FY\s?)?(?P<y>\d{{4}})[-/.:,\s]{{0,2}}{_QUARTER}(?P<q>[1-4])",
        rf"{_QUARTER}(?P<q>[1-4])[-/.:,\s']{{0,2}}(?:FY\s?)?{_SHORT_YEAR}",
        rf"T(?P<q>[1-4])[-/\s]{{1,2}}{_LONG_YEAR}",
        rf"{_LONG_YEAR}[-/\s]?T(?P<q>[1-4])",
        rf"(?P<q>[1-4])[QT][-/\s']{{0,2}}{_SHORT_YEAR}",
        rf"{_LONG_YEAR}[-/\s]?(?P<q>[1-4])[QT]",
        rf"(?P<q>[1-4]){_NTH}(?:Q|QTR\.?|QUARTER|QUARTAL|KVARTAL|TRIMESTRE|TRIM\.?)[-/,\s]{{1,2}}(?:of\s|de\s)?{_LONG_YEAR}",
        rf"FY\s?{_SHORT_YEAR}(?:[-/\s]?Q(?P<q>[1-4]))?",
        rf"{_LONG_YEAR}[-/\s]?[HS](?P<half_year>[12])",
        rf"[HS](?P<half_year>[12])[-/\s]{{1,2}}{_LONG_YEAR}",
        r"(?P<y>\d{4})[-/](?P<m>\d{2})",
        r"(?P<y>\d{4})[-/\s]?M(?P<m>\d{1,2})",
        rf"M(?P<m>\d{{1,2}})[-/\s]{{1,2}}{_LONG_YEAR}",
        r"(?P<m>\d{1,2})[-/.](?P<y>\d{4})",
        rf"{_MONTH}[-/,.\s]?\s?(?P<y>\d{{4}}|'?\d{{2}})",
        rf"(?P<y>\d{{4}})[-/,.\s]?\s?{_MONTH}",
        r"(?P<y>\d{4})-?W(?P<w>\d{1,2})(?:-?(?P<wd>[1-7]))?",
        rf"(?P<y>\d{{4}})[-/,\s]{{1,2}}{_WEEK}(?P<w>\d{{1,2}})",
        rf"{_WEEK}(?P<w>\d{{1,2}})[-/,\s]{{1,2}}(?P<y>\d{{4}})",
        r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:[T _-]?(?P<h>\d{2}):?(?P<mi>\d{2}):?(?P<s>\d{2}(?:\.\d{1,9})?)?"
        r"(?P<zone>Z|[+-]\d{2}:?\d{2})?)?",
        r"(?P<y>\d{4})(?P<m>\d{2})",
        r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})[T ](?P<h>\d{2})",
        rf"{_LONG_YEAR}[-/:]?(?P<j>\d{{3}})(?:T|:|\s){_TIME}{_ZONE}",
        r"\\?/Date\((?P<ms>-?\d{1,15})(?:[+-]\d{4})?\)\\?/",
        rf"(?P<y>\d{{4}})\.?\s(?P<m>\d{{1,2}})\.?\s(?P<d>\d{{1,2}})\.?{_CLOCK}",
        rf"(?P<d>\d{{1,2}})\.\s(?P<m>\d{{1,2}})\.\s(?P<y>\d{{4}}){_CLOCK}",
    )
)
_YEAR_OR_NAME = re.compile(
    rf"\d{{4}}[-/.]|[^\d]{{0,12}}\d{{1,4}}[-/.\s]?{_NAME}|(?:{MONTHS})\.?\s\d", re.IGNORECASE
)
"""The beginning of a date that has no day and month as numbers side by side, so that their order is no question."""
_DAY_NUMBER = re.compile(r"(?:19|20)\d{4,12}")
_MONTH_NUMBER = re.compile(r"(?:0[1-9]|1[0-2])\.(?:19|20)\d{2}")


@dataclass(frozen=True)
class Order:
    """Whether the day or the month comes first in dates such as 01/02/2020, and why."""

    day_first: bool | None
    """None where no date of the column needs it."""
    why: str = ""
    """Empty where the dates themselves say it, or nothing needs it."""
    alone: str = ""
    """A date that can be read in both ways; empty where one of the column says it."""
    year_first: bool = False
    """Whether the year comes first in dates such as 24-02-01."""
    shown_by: str = ""
    """A date of the column that can be read in this order alone."""

    @property
    def first(self) -> str:
        """What comes first."""
        return "year" if self.year_first else "day" if self.day_first else "month"


def moment_of(cell: str, day_first: bool | None, year_first: bool = False) -> datetime | None:
    """The moment that a cell names, in UTC where it names a zone, or None.

    Args:
        cell: as written, also with the names of months in other languages.
        day_first: whether 01/02/2024 is February the first; None where that is not known: it is none then, while
            31/01/2024 is a date.
        year_first: whether 24-02-01 is.
    """
    if (found := _iso_moment(cell) or _moment_as_written(cell, day_first, year_first)) is not None:
        return found
    plain = plain_date(cell)
    return None if plain == cell else _moment_as_written(plain, day_first, year_first)


def _iso_moment(cell: str) -> datetime | None:
    """The moment of the commonest form, `2024-01-05` with or without `13:05` and `13:05:07`, by Python itself."""
    if len(cell) not in (10, 16, 19) or cell[4] != "-" or cell[7] != "-" or cell[10:11] not in ("", " ", "T"):
        return None
    if len(cell) == 19 and cell[16] != ":":
        return None
    try:
        found = datetime.fromisoformat(cell)
    except ValueError:
        return None
    return None if found.year == FOREVER or found.tzinfo is not None else found


def _moment_as_written(cell: str, day_first: bool | None, year_first: bool) -> datetime | None:
    for place, form in enumerate(FORMS):
        if (found := form.fullmatch(cell)) is not None:
            part = found.groupdict()
            if place == 1:
                return _of_three_numbers(part, day_first, year_first)
            return _moment(part, day_first)
    return None


def _of_three_numbers(
    part: dict[str, str | None], day_first: bool | None, year_first: bool
) -> datetime | None:
    """A date such as 01/02/2024; where its order is not known, the one date that it can be."""
    turned = part
    if len(part["y"] or "") == 2:
        turned = {**part, "y": f"{int(part['a'] or 0):02d}", "m": part["b"], "d": part["y"], "a": None}
    if year_first:
        return _moment(turned, None)
    if day_first is None and part["sep"] == ".":
        day_first = True
    if day_first is not None:
        return _moment(part, day_first)
    found = {_moment(part, True), _moment(part, False), _moment(turned, False)} - {None}
    return found.pop() if len(found) == 1 else None


def _moment(part: dict[str, str | None], day_first: bool | None) -> datetime | None:
    try:
        if part.get("ms"):
            return datetime(1970, 1, 1) + timedelta(milliseconds=int(part["ms"] or 0))
        year = _year(part["y"] or "")
        if year == FOREVER:
            return None
        if part.get("w"):
            return datetime.fromisocalendar(year, int(part["w"] or 1), int(part.get("wd") or 1))
        moment = datetime(year, *_month_and_day(part, day_first))
        if part.get("j"):
            moment += timedelta(days=int(part["j"] or 1) - 1)
            if moment.year != year:
                return None
        if part.get("h"):
            moment += clock_of(part, 24)
        return moment - _offset(part.get("zone") or part.get("end"))
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
    if part.get("half_year"):
        return 6 * int(part["half_year"] or 1) - 5, 1
    if part.get("a"):
        first, second = int(part["a"] or 0), int(part["b"] or 0)
        return (second, first) if day_first else (first, second)
    name = part.get("name")
    month = SHORT_MONTHS.index(name[:3].lower()) + 1 if name else int(part.get("m") or 1)
    return month, int(part.get("d") or 1)


def clock_of(part: dict[str, str | None], most: int) -> timedelta:
    """The time since midnight that the parts of a match name, up to `most` hours."""
    hour, minute = int(part["h"] or 0), int(part.get("mi") or 0)
    second = float((part.get("s") or "0").replace(",", "."))
    if half := part.get("half"):
        if not 1 <= hour <= 12:
            raise ValueError("no hour of half a day")
        hour = hour % 12 + (12 if half in "pP" else 0)
    ends_day = hour == most and minute == second == 0
    if (hour >= most and not ends_day) or minute >= 60 or second >= 61:
        raise ValueError("no time of day")
    return timedelta(hours=hour, minutes=minute, seconds=second)


def zone_of(cell: str) -> str:
    """The zone that a moment names, such as `+02:00`, `Z` or `CET`; empty for none."""
    for plainly in (False, True):
        text = plain_date(cell) if plainly else cell
        for form in FORMS:
            if (found := form.fullmatch(text)) is not None:
                part = found.groupdict()
                return part.get("zone") or part.get("end") or ""
    return ""


def is_utc(zone: str) -> bool:
    """Whether a zone is UTC, under any of its names."""
    return not _offset(zone)


def _offset(zone: str | None) -> timedelta:
    named = (zone or "").upper()
    if named in _ZONES:
        return timedelta(hours=_ZONES[named])
    offset = named.removeprefix("UTC").removeprefix("GMT").removeprefix("Z")
    if not offset:
        return timedelta(0)
    sign = -1 if offset[0] == "-" else 1
    hours, minutes = offset[1:].split(":") if ":" in offset else (offset[1:3], offset[3:])
    return sign * timedelta(hours=int(hours), minutes=int(minutes or 0))


def are_days(texts: Sequence[str]) -> bool:
    """Whether whole numbers are dates such as 20240105 or 202401, all of them."""
    size = len(texts[0]) if texts else 0
    fewest = {6: 12, 8: 5, 12: 5, 14: 5}.get(size)
    if fewest is None or len(texts) < fewest:
        return False
    return all(len(text) == size and _DAY_NUMBER.fullmatch(text) and moment_of(text, None) for text in texts)


def are_months(texts: Sequence[str]) -> bool:
    """Whether numbers with a point are months such as 01.2024, all of them."""
    return all(map(_MONTH_NUMBER.fullmatch, texts))


def has_order(cell: str) -> bool:
    """Whether a cell is a date of three numbers with the day and the month side by side, such as 01/02/2024."""
    return FORMS[1].fullmatch(_with_plain_words(cell)) is not None


def _with_plain_words(cell: str) -> str:
    return cell if _YEAR_OR_NAME.match(cell) or FORMS[1].fullmatch(cell) else plain_date(cell)


def order_of(cells: Sequence[str], counts: NDArray[np.int64], asked: bool | None) -> Order:
    """Whether the dates of a column name the day first: as given, as most say, or as they ascend row by row.

    Args:
        cells: the different cells in the order in which they first appear.
        counts: in how many rows each stands.
        asked: True, False, or None where nothing was given.
    """
    cells = list(map(_with_plain_words, cells))
    pairs = [(i, found) for i, cell in enumerate(cells) if (found := FORMS[1].fullmatch(cell)) is not None]
    if not pairs:
        return Order(None)
    day = sum(int(counts[i]) for i, found in pairs if int(found["a"]) > 12)
    month = sum(int(counts[i]) for i, found in pairs if int(found["b"]) > 12)
    if asked is not None:
        return Order(asked)
    dates = [cells[i] for i, _ in pairs]
    if (years := _years_first([found for _, found in pairs], dates)) is not None:
        return years
    if day or month:
        shows = "a" if day > month else "b"
        return Order(day > month, shown_by=next(cells[i] for i, found in pairs if int(found[shows]) > 12))
    example = next((cells[i] for i, found in pairs if found["a"] != found["b"]), "")
    if not example:
        return Order(False)
    firsts, seconds = ({int(found[key]) for _, found in pairs} for key in "ab")
    if (len(firsts) == 1) != (len(seconds) == 1) and len(pairs) > 2:
        return Order(len(firsts) == 1, "because the day is then the same in all of them", example)
    if len(pairs) > 2:
        ascends = [_ascends([moment_of(date, first) for date in dates]) for first in (False, True)]
        if ascends[0] != ascends[1]:
            return Order(ascends[1], "because they are then in order", example)
    if FORMS[1].fullmatch(example)["sep"] == ".":  # pyright: ignore[reportOptionalSubscript] (it is one of the pairs)
        return Order(True, "because dates with points are written that way", example)
    return Order(False, "because no date shows otherwise", example)


def _years_first(found: Sequence[re.Match[str]], dates: Sequence[str]) -> Order | None:
    """The order of dates such as 24-02-01, if these can't be read in another way or are in order only so."""
    if not all(len(part["y"]) == 2 == len(part["a"]) for part in found):
        return None
    years, months, days = ([int(part[key]) for part in found] for key in ("a", "b", "y"))
    if not all(1 <= month <= 12 for month in months) or not all(1 <= day <= 31 for day in days):
        return None
    if any(year == 0 or year > 31 for year in years):
        return Order(False, year_first=True, shown_by=dates[0])
    if len(found) < 3 or found[0]["sep"] == "." or max(days) <= 12:
        return None
    ascends = _ascends([moment_of(date, False, True) for date in dates])
    others = [[moment_of(date, first) for date in dates] for first in (False, True)]
    if ascends and not any(map(_ascends, others)):
        return Order(False, "because they are then in order", dates[0], year_first=True)
    if 2 * len(set(years)) <= len(set(days)):
        return Order(False, "because that part varies least", dates[0], year_first=True)
    return None


def _ascends(moments: Sequence[datetime | None]) -> bool:
    known = [moment for moment in moments if moment is not None]
    steps = list(pairwise(known))
    return len(known) == len(moments) and (all(a <= b for a, b in steps) or all(a >= b for a, b in steps))
