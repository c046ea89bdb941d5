"""Tables as people export them: the cells of one column, what they are, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

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
    """A part of the note on it; empty where there is none."""
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
        note=f"'{word}' in 4 cells read as missing",
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
    Written(
        id="ISO with a zone",
        cells=days("%Y-%m-%dT%H:%M:%S+02:00"),
        form="date",
        note="with a time zone, such as '2024-01-01T08:05:00+02:00', converted to UTC",
    ),
    Written(
        id="east and west",
        cells=[f"{x / 30:.3f}{' ' * (i % 3)}{'EW'[i % 2]}" for i, x in enumerate(NUMBERS)],
        values=[33.35, -34.583, 35.817],
        note="'W' was read as a minus sign, 'E' as plus",
        new=["33.35 East", "W 34.583", "35.817° E"],
    ),
    Written(
        id="minutes of arc",
        cells=[f"{i}°{30 + i % 2}'{(15 * i) % 60}\"{'NS'[i % 2]}" for i in range(N)],
        values=[0.5, -(1 + 31 / 60 + 15 / 3600), 2.5 + 30 / 3600],
        note="'S' was read as a minus sign, 'N' as plus",
        new=["0°30′0″N", "1° 31' 15\" S", "2.508333333 N"],
    ),
    Written(
        id="credit and debit",
        cells=[f"{x:,.2f} {('Cr', 'Dr')[i % 2]}" for i, x in enumerate(NUMBERS)],
        values=[1000.5, -1037.5, 1074.5],
        note="'Dr' was read as a minus sign, 'Cr' as plus",
        new=["1000.50 CR", "1,037.50 dr.", "Cr 1,074.50"],
    ),
    Written(
        id="Jira",
        cells=["6d", "1w 2d", "3h 20m", "45m", "2w"] * 6,
        form="time",
        note="holds durations: in hours, a day as 24 and a week as 168",
        new=["144h", "9d", "200m"],
    ),
    Written(
        id="times that may be durations",
        cells=[f"{i % 12}:{(7 * i) % 60:02d}" for i in range(N)],
        form="time",
        note="such as '0:00'; if they are durations, put that word into the column's name",
    ),
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
    Written(
        id="day first for sure",
        cells=days("%d/%m/%Y"),
        form="date",
        note="read with the day first, as in '13/01/2024' (--month-first changes that)",
    ),
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
    Written(
        id="versions alone",
        cells=["3.8", "3.9", "3.10", "3.11"] * 8,
        form="text",
        note="versions or codes: such as '3.10'",
    ),
    Written(
        id="versions of three parts",
        cells=["1.10.2", "1.9.0", "2.0.1-rc1"] * 10,
        form="text",
        note="holds versions or codes: such as '1.10.2', kept as text",
    ),
    Written(id="leading zeros", cells=["00501", "10001", "94105"] * 10, form="text", note="leading zeros"),
    Written(id="codes with an e", cells=["1e5", "7b2", "3c1"] * 10, form="text"),
    Written(id="flats", cells=["12", "12A", "13", "14B"] * 8, form="text"),
)


def same(id: str, cells: Sequence[str], values: Sequence[float], note: str = "") -> Written:
    """Numbers that are written in several ways in one column."""
    return Written(id=id, cells=[*cells] * (N // len(cells)), values=values, note=note)


def dates(id: str, cells: Sequence[str], note: str = "") -> Written:
    return Written(id=id, cells=cells, form="date", note=note)


def months(names: str, pattern: str) -> list[str]:
    """The fifth day of each month of some years."""
    return [pattern.format(d=5, m=names.split()[i % 12], y=2020 + i // 12) for i in range(N)]


GERMAN = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
SHORT_GERMAN = "Jan Feb Mrz Apr Mai Jun Jul Aug Sep Okt Nov Dez"
FRENCH = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
SPANISH = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
FULL_WIDTH = {**{str(i): chr(0xFF10 + i) for i in range(10)}, ",": "，", ".": "．"}
FURTHER_WORDS = (
    "did not answer",
    "don\u2019t know",
    "keine Angaben",
    "DK/REF",
    "not_available",
    "#WERT!",
    "不明",
    ".a",
)
LATER = (
    *(replace(missing(word), id=f"missing {word}") for word in FURTHER_WORDS),
    Written(
        id="one word in most cells",
        cells=[*PLAIN[:12], *["see note"] * 18],
        values=FIRST,
        note="'see note' in 18 cells read as missing",
    ),
    Written(
        id="a word among few numbers",
        cells=[*[str(i % 7) for i in range(27)], *["lost"] * 3],
        form="text",
        note="27 cells hold numbers, but 3 hold words ('lost')",
    ),
    Written(
        id="words in half of the cells",
        cells=[*PLAIN[:12], *PLAIN[:2], *["lost", "broken"] * 8],
        form="text",
        note="14 cells hold numbers, but 16 hold words ('lost', 'broken')",
    ),
    Written(
        id="full width",
        cells=["\uffe5" + swapped([f"{x:,.2f}"], FULL_WIDTH)[0] for x in NUMBERS],
        values=FIRST,
        note="'¥'",
    ),
    number("no cents in Swiss", "Fr. {:.0f}.\u2013", [1000.0, 1038.0, 1074.0], note="'Fr.'"),
    number("no cents in Indian", "₹{:,.0f}/-", [1000.0, 1038.0, 1074.0], note="'₹'"),
    number("percent before", "%{:.1f}", note="'%'"),
    number("a power of ten", "{:.2f} × 10³", [1000 * x for x in FIRST]),
    number("as Excel keeps text", '="{:.2f}"'),
    number("about", "~{:.1f}", note="the sign '~' was removed"),
    same(
        "whole numbers with groups",
        ["24", "1.250", "980", "2.347", "12", "31.999"],
        [24, 1250, 980],
        "thousands separator",
    ),
    same(
        "whole numbers with commas",
        ["24", "1,250", "980", "2,347", "12", "31,999"],
        [24, 1250, 980],
        "thousands separator",
    ),
    same(
        "commas in the largest alone",
        ["25", "66,537,512", "5000", "812", "1,419", "90211"],
        [25, 66_537_512, 5000],
        "thousands separator",
    ),
    same(
        "footnotes",
        ["12.5", "13.5*", "14.5 [1]", "15.25", "16.125"],
        [12.5, 13.5, 14.5],
        "'[1]' in 6 cells removed",
    ),
    same("lakh and crore", ["2 lakh", "1.5 crore"], [2e5, 1.5e7], "1 crore as 10000000"),
    same("Japanese magnitudes", ["3万", "2億"], [3e4, 2e8], "1 万 as 10000"),
    same("thousands of a currency", ["2 k€", "500 €"], [2000, 500], "1 € k as 1000 €"),
    same("micrograms", ["3 mg", "500 µg"], [3, 0.5], "1 µg as 0.001 mg"),
    same("months and years", ["2 years", "6 months", "3 years"], [2, 0.5, 3], "1 month as 0.0833333 year"),
    dates("German months", months(GERMAN, "{d}. {m} {y}")),
    dates("short German months", months(SHORT_GERMAN, "{d:02d}-{m}-{y}")),
    dates("French months", months(FRENCH, "{d} {m} {y}")),
    dates("Spanish months", months(SPANISH, "{d} de {m} de {y}")),
    dates("Japanese", days("%Y年%m月%d日")),
    dates("Korean", days("%Y. %m. %d.")),
    dates("SAS", [cell.upper() for cell in days("%d%b%Y:%H:%M:%S")]),
    dates("Oracle", days("%d-%b-%y %I.%M.%S.000000000 %p")),
    dates("JavaScript", days("%a %b %d %Y %H:%M:%S GMT+0100 (Central European Standard Time)")),
    dates("whole numbers", days("%Y%m%d"), "written as numbers, such as 20240101"),
    dates("months as numbers", [f"{2020 + i // 12}{1 + i % 12:02d}" for i in range(N)], "written as numbers"),
    dates("months with a point", [f"{1 + i % 12:02d}.{2020 + i // 12}" for i in range(N)]),
    dates("two digits of the year first", days("%y-%m-%d"), "has the year first"),
    dates("weeks", [f"KW {1 + i:02d}/2024" for i in range(N)]),
    dates("half years", [f"H{1 + i % 2} {2000 + i // 2}" for i in range(N)]),
    dates("end of the day", [*days("%Y-%m-%d %H:%M")[:29], "2024-03-01 24:00"]),
    dates("without an end", [*days("%Y-%m-%d")[:29], "9999-12-31"], "'9999-12-31' in line 31"),
    Written(id="o'clock", cells=days("%H.%M Uhr"), form="time"),
    Written(id="French times", cells=days("%Hh%M"), form="time"),
    Written(id="durations", cells=[f"{i} days {i % 24:02d}:30:00" for i in range(N)], form="time"),
    Written(id="spelled durations", cells=[f"{1 + i % 3}h {i:02d}m" for i in range(N)], form="time"),
    Written(id="long durations", cells=[f"{5 * i}:30:00" for i in range(N)], form="time"),
    Written(
        id="years with seasons",
        cells=[f"{1924 + 4 * (i % 4)} {('Winter', 'Summer')[i % 2]}" for i in range(N)],
        form="text",
    ),
    Written(id="codes with T", cells=[f"T{100 + 7 * i % 400}" for i in range(10)] * 3, form="text"),
    Written(id="numbers of bills", cells=[f"2023-{i:03d}" for i in range(10)] * 3, form="text"),
    Written(
        id="flats among many",
        cells=[f"{3 * i}{'AB'[i % 2] if i % 3 else ''}" for i in range(15)] * 2,
        form="text",
    ),
)
