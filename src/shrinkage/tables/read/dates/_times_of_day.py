"""Times of day and durations as people write them, each cell read by itself; which of them a column holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from shrinkage._errors import shown
from shrinkage.tables.read.dates._date_words import name_words, without_oclock
from shrinkage.tables.read.dates._dates import SECOND, ZONES, clock_of

__all__ = ["CLOCK_ZONE", "DURATIONS", "Clock", "clock_layout", "hours_of", "is_called_duration"]

DURATIONS = ("duration", "minutes:seconds")
"""Layouts of times that lie in no day: in hours, without a daily cycle."""
_DURATION_NAMES = (
    "duration durations elapsed runtime length spent taken took wait waiting delay lap laps pace uptime downtime overtime"
    " effort lasted dauer laufzeit durée duree duración duracion duração duracao durata varaktighet duur"
)
_OF_DURATIONS = frozenset(_DURATION_NAMES.split())
"""Words in the names of columns of durations."""
_EARLY = 6
"""If no time of day is as late as this hour, they may be durations."""
_UNPADDED = re.compile(r"0:\d\d")
_TWO_PARTS, _THREE_PARTS = re.compile(r"\d{1,3}:\d\d"), re.compile(r"\d{1,3}:\d\d:\d\d(?:[.,]\d{1,9})?")
_NAMED_HOURS = {
    "noon": 12.0,
    "midday": 12.0,
    "mittag": 12.0,
    "midi": 12.0,
    "midnight": 0.0,
    "mitternacht": 0.0,
    "minuit": 0.0,
}
CLOCK_ZONE = rf"\s?[+-]\d{{2}}:?\d{{2}}|\s?(?:UTC|GMT)(?:[+-]\d{{1,2}}(?::?\d{{2}})?)?|\s(?:{ZONES})"
"""A zone behind a time of day: it is left out."""
_TIME_OF_DAY = re.compile(
    rf"T?(?P<sign>[+-])?(?:(?P<days>\d{{1,6}})(?:\s?d(?:ays?)?,?\s(?P<plus>\+)?|\s|\.(?=\d\d:\d\d:)))?(?P<h>\d{{1,4}}):(?P<mi>\d{{2}})"
    rf"(?::(?P<s>{SECOND}))?(?:\s?(?P<half>[AaPp])\.?(?:\s?[Mm]\.?)?)?(?:Z|{CLOCK_ZONE})?",
    re.IGNORECASE,
)
_HALF_DAY = re.compile(r"(?P<h>\d{1,2})(?:\.(?P<mi>\d{2}))?\s?(?P<half>[AaPp])\.?\s?[Mm]\.?")
_LAP = re.compile(r"(?P<mi>\d{1,3}):(?P<s>\d{2}[.,]\d{1,9})")
_SPELLED = re.compile(
    r"(?=\d)(?:(?P<weeks>\d+)\s?w(?:ks?|eeks?)?\.?,?\s*)?(?:(?P<days>\d+)\s?d(?:ays?)?\.?,?\s*)?(?:(?P<h>\d+)\s?(?:h|hrs?|hours?|std)\.?,?\s*)?"
    r"(?:(?P<mi>\d+)\s?(?:m|mins?|minutes?)\.?,?\s*)?(?:(?P<s>\d+(?:\.\d+)?)\s?(?:s|secs?|seconds?)\.?)?",
    re.IGNORECASE,
)
_NUMBER = r"\d+(?:[.,]\d+)?"
_ISO = re.compile(
    rf"(?P<sign>[+-])?P(?=\d|T\d)(?:(?P<years>{_NUMBER})Y)?(?:(?P<months>{_NUMBER})M)?(?:(?P<weeks>{_NUMBER})W)?"
    rf"(?:(?P<days>{_NUMBER})D)?(?:T(?:(?P<h>{_NUMBER})H)?(?:(?P<mi>{_NUMBER})M)?(?:(?P<s>{_NUMBER})S)?)?",
    re.IGNORECASE,
)
"""A duration of ISO 8601: `P1Y2M10DT2H30M`."""
_ISO_HOURS = {
    "years": 8766.0,
    "months": 730.5,
    "weeks": 168.0,
    "days": 24.0,
    "h": 1.0,
    "mi": 1 / 60,
    "s": 1 / 3600,
}
"""Hours in each part, a year having 365.25 days and a month a twelfth of them."""


class Clock(NamedTuple):
    """What the times of a column are, and a note on it."""

    layout: str
    """One of `DURATIONS`; empty for times of day."""
    note: str


def clock_layout(name: str, texts: Sequence[str], counts: Sequence[int]) -> Clock:
    """Whether the times of a column are times of day or durations, and in which unit.

    Durations if the column is called so, if one of them is negative or of more than 24 hours, or if most are spelled out
    (`3h 20m`). Among durations such as `1:02:03` a `45:10` is of minutes and seconds.

    Args:
        name: of the column.
        texts: its different cells.
        counts: in how many rows each stands.
    """
    hours = [hours_of(text) for text in texts]
    known = [(text, hour) for text, hour in zip(texts, hours, strict=True) if hour is not None]
    spelled = sum(count for text, count in zip(texts, counts, strict=True) if _is_spelled(text))
    half_days = any(re.search(r"[ap]\.?\s?m", text, re.IGNORECASE) for text, _ in known)
    named = not half_days and is_called_duration(name)
    beyond = any(hour > 24 or hour < 0 for _, hour in known)
    if not (named or beyond or spelled > 0.5 * sum(counts)):
        early = known[0][0] if max(hour for _, hour in known) < _EARLY and not half_days else ""
        zero = next((text for text, _ in known if _UNPADDED.fullmatch(text)), early)
        if not zero:
            return Clock("", "")
        return Clock(
            "", f"such as {shown(zero)}; if they are durations, put that word into the column's name"
        )
    rename = (
        "" if beyond or spelled else " (the column's name says durations: rename it if they are times of day)"
    )
    parts = [text for text, hour in known if hour and _TWO_PARTS.fullmatch(text)]
    short = parts[0] if parts else ""
    if short and any(_THREE_PARTS.fullmatch(text) for text, _ in known):
        return Clock("minutes:seconds", f"in hours, {shown(short)} being minutes and seconds{rename}")
    if short:
        long = next((text for text, hour in known if hour >= 24 and _TWO_PARTS.fullmatch(text)), short)
        return Clock("duration", f"in hours, {shown(long)} being hours and minutes{rename}")
    iso = [found for text, _ in known if (found := _ISO.fullmatch(text)) is not None]
    if any(found["years"] or found["months"] for found in iso):
        return Clock("duration", "in hours, a day as 24, a month as 730.5 and a year as 8,766")
    days = next((text for text, _ in known if re.search(r"\d\s?[dw]", text, re.IGNORECASE)), "")
    return Clock("duration", "in hours, a day as 24 and a week as 168" if days else f"in hours{rename}")


def is_called_duration(name: str) -> bool:
    """Whether a column's name says that it holds durations."""
    return bool(name_words(name) & _OF_DURATIONS)


def _is_spelled(cell: str) -> bool:
    if _ISO.fullmatch(cell):
        return True
    found = None if without_oclock(cell) != cell else _SPELLED.fullmatch(cell)
    if found is None:
        return _LAP.fullmatch(cell) is not None
    return any(found[part] for part in ("weeks", "days", "mi", "s"))


def hours_of(cell: str, layout: str = "") -> float | None:
    """A time such as 08:45 or 1:05 pm in hours since midnight; from 24:00 on it is a duration.

    Durations may also be written as `2 days 03:04:05`, `1w 2d 1h 30min`, or minutes and seconds, `1:23.45`.

    Args:
        cell: as written.
        layout: one of `DURATIONS`; by default a time of day.
    """
    if layout == "minutes:seconds" and _TWO_PARTS.fullmatch(cell):
        minutes = int(cell[:-3])
        cell = f"{minutes // 60}:{minutes % 60:02d}{cell[-3:]}"
    if (hour := _NAMED_HOURS.get(cell.casefold())) is not None:
        return hour
    if (iso := _ISO.fullmatch(cell)) is not None:
        parts = {key: float((iso[key] or "0").replace(",", ".")) for key in _ISO_HOURS}
        return (-1 if iso["sign"] == "-" else 1) * sum(
            _ISO_HOURS[key] * value for key, value in parts.items()
        )
    text = without_oclock(cell)
    found = _TIME_OF_DAY.fullmatch(text) or _HALF_DAY.fullmatch(text)
    try:
        if found is not None:
            part = found.groupdict()
            hours = clock_of(part, 10_000) / timedelta(hours=1)
            sign = -1 if part.get("sign") == "-" else 1
            # pandas' `-1 days +02:00:00` are -22 hours, the `-1.02:00:00` of others -26.
            return sign * 24.0 * int(part.get("days") or 0) + (hours if part.get("plus") else sign * hours)
        if (found := _LAP.fullmatch(text) or _SPELLED.fullmatch(text)) is not None:
            part = found.groupdict()
            second = float((part.get("s") or "0").replace(",", "."))
            if second >= 60 and ":" in text:
                return None
            minutes = 60 * (24 * _days(part) + int(part.get("h") or 0)) + int(part.get("mi") or 0)
            return minutes / 60 + second / 3600
    except ValueError:
        return None
    return None


def _days(part: dict[str, str | None]) -> int:
    return 7 * int(part.get("weeks") or 0) + int(part.get("days") or 0)
