"""Tables as people export them: the cells of one column, what they are, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

NAN = float("nan")
N = 30


@dataclass(frozen=True, kw_only=True)
class Written:
    """One column of text."""

    id: str
    cells: Sequence[str]
    form: str = "number"
    values: Sequence[float] | None = None
    """Its first values; None not to look at them."""
    note: str = ""
    """A part of what is said of it; empty where nothing is."""
    new: Sequence[str] = field(default_factory=tuple)
    """Cells of a later table that mean what the first cells do."""


def days(written: str, n: int = N) -> list[str]:
    """Days from 2024-01-01 on in a format of strftime."""
    start = np.datetime64("2024-01-01T08:05:00").astype(object)
    step = np.timedelta64(26, "h").astype(object)
    return [(start + i * step).strftime(written) for i in range(n)]


NUMBERS = [1000.5 + 37 * i for i in range(N)]
PLAIN = [f"{x:.2f}" for x in NUMBERS]
FIRST = NUMBERS[:3]


def number(
    id: str, pattern: str, values: Sequence[float] = FIRST, note: str = "", new: Sequence[str] = ()
) -> Written:
    cells = [pattern.format(x) for x in NUMBERS]
    return Written(id=id, cells=cells, values=values, note=note, new=new)


def swapped(cells: Sequence[str], marks: dict[str, str]) -> list[str]:
    return ["".join(marks.get(c, c) for c in cell) for cell in cells]


GROUPED = [f"{x:,.2f}" for x in NUMBERS]
MISSING = [*PLAIN[:2], "WORD", *PLAIN[3:20], "WORD", "WORD", "WORD", *PLAIN[23:]]


def missing(word: str) -> Written:
    cells = [cell if cell != "WORD" else word for cell in MISSING]
    return Written(
        id=f"missing {word}",
        cells=cells,
        values=[*FIRST[:2], NAN],
        note=f"{word!r} in 4 cells read as missing",
    )


WORDS = (
    "unknown",
    "..",
    "\\N",
    "-",
    "prefer not to say",
    "n/a (2)",
    "NA",
    "None",
    "?",
    "withheld",
    "Not Reported",
    "(blank)",
)
COLUMNS = (
    *map(missing, WORDS),
    number(
        "dollars", "${:,.2f}", note="their unit '$' was removed", new=["$1,000.50", "1,037.50", "$ 1,074.50"]
    ),
    number("euros behind", "{:.2f} €", note="'€'", new=["1000.50€", "1037.50 €"]),
    number("codes of currencies", "USD {:,.2f}", note="'USD'"),
    number("percent", "{:.1f}%", note="'%'", new=["1000.5 %"]),
    number("kilograms", "{:.1f} kg", note="'kg'", new=["1000.5kg", "1037.5 KG"]),
    number("consumption", "{:.1f} km/l", note="'km/l'"),
    number("accountants", "({:,.2f})", [-x for x in FIRST], note="','", new=["(1,000.50)"]),
    number("trailing minus", "{:.2f}-", [-x for x in FIRST], new=["1000.50-", "-1037.50"]),
    number("typographic minus", "\u2212{:.2f}", [-x for x in FIRST]),
    Written(
        id="no-break space",
        cells=swapped(GROUPED, {",": "\u00a0", ".": ","}),
        values=FIRST,
        note="decimal point",
    ),
    Written(
        id="narrow space",
        cells=swapped(GROUPED, {",": "\u202f", ".": ","}),
        values=FIRST,
        note="decimal point",
    ),
    Written(id="Swiss", cells=swapped(GROUPED, {",": "'"}), values=FIRST, note="thousands separator"),
    Written(id="exponents", cells=[f"{x / 1000:.4f}e3" for x in NUMBERS], values=FIRST),
    Written(
        id="decimal comma below 1",
        cells=[f"0,{100 + i}" for i in range(N)],
        values=[0.1, 0.101],
        note="comma",
    ),
    Written(
        id="thousands and millions",
        cells=["1.2k", "3M", "500"] * 10,
        values=[1200.0, 3e6, 500.0],
        note="1 k as 1000",
    ),
    Written(
        id="percents and fractions",
        cells=["12%", "0.5", "7%"] * 10,
        values=[0.12, 0.5, 0.07],
        note="1 % as 0.01",
    ),
    Written(id="days of one month", cells=[f"{1 + i % 28:02d}/01/2024" for i in range(N)], form="date"),
    Written(id="codes with one end", cells=[f"{i}x2b" for i in range(10)] * 3, form="text"),
    Written(id="ISO", cells=days("%Y-%m-%d"), form="date"),
    Written(
        id="ISO with some fractions",
        cells=[*days("%Y-%m-%dT%H:%M:%S.25")[:20], *days("%Y-%m-%dT%H:%M:%S")[20:]],
        form="date",
    ),
    Written(id="ISO with a zone", cells=days("%Y-%m-%dT%H:%M:%S+02:00"), form="date"),
    Written(id="half days", cells=days("%m/%d/%Y %I:%M %p"), form="date"),
    Written(id="named months", cells=days("%d-%b-%y"), form="date"),
    Written(id="short", cells=days("%-m/%-d/%y %H:%M"), form="date"),
    Written(id="RFC 2822", cells=days("%a, %d %b %Y %H:%M:%S +0000"), form="date"),
    Written(id="American", cells=days("%B %-d, %Y"), form="date"),
    Written(id="quarters", cells=[f"{2000 + i // 4}Q{1 + i % 4}" for i in range(N)], form="date"),
    Written(
        id="months",
        cells=[
            f"{1979 + i // 12} {m}"
            for i in range(N)
            for m in ["JanFebMarAprMayJunJulAugSepOctNovDec"[i % 12 * 3 :][:3]]
        ],
        form="date",
    ),
    Written(id="times of day", cells=days("%H:%M"), form="time"),
    Written(id="half-day times", cells=days("%-I:%M %p"), form="time"),
    Written(
        id="a date with a gap",
        cells=[*days("%Y-%m-%d")[:28], "NA", "2024-05-05"],
        form="date",
        note="'NA' in 1 cell read as missing",
    ),
    Written(
        id="a mistyped date",
        cells=[*days("%Y-%m-%d")[:28], "2024-13-05", "2024-05-05"],
        form="date",
        note="'2024-13-05' in line 30",
    ),
    Written(id="day first for sure", cells=days("%d/%m/%Y"), form="date"),
    Written(
        id="day first by its order",
        cells=[f"01/{m:02d}/{y}" for y in (2020, 2021) for m in range(1, 13)] + ["01/01/2022"],
        form="date",
        note="has the day first",
    ),
    Written(
        id="either first",
        cells=["03/04/2020", "05/02/2021", "01/06/2020", "02/03/2021"] * 6,
        form="date",
        note="--day-first",
    ),
    Written(id="versions", cells=["3.1", "3.10", "pypy"] * 10, form="text"),
    Written(id="versions alone", cells=["3.8", "3.9", "3.10", "3.11"] * 8, form="text"),
    Written(id="leading zeros", cells=["00501", "10001", "94105"] * 10, form="text", note="leading zeros"),
    Written(id="codes with an e", cells=["1e5", "7b2", "3c1"] * 10, form="text"),
    Written(id="flats", cells=["12", "12A", "13", "14B"] * 8, form="text"),
)
