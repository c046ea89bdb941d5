"""A number as people write it: sign, body and unit of a cell, and which units go together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["POINT_CURRENCIES", "SIGNS", "Units", "Written", "unit_key", "units_of", "written"]

_ALIKE = str.maketrans(
    {
        **dict.fromkeys("\u00a0\u202f\u2009\u2007\u2008\u2002\u2003\u200a\u3000", " "),  # non-breaking spaces
        **dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d", "-"),
        **dict.fromkeys("\u2019\u02bc\u00b4`", "'"),
        **dict.fromkeys("\ufe6a\u066a", "%"),
        **dict.fromkeys("\u200b\u200e\u200f\u202a\u202c\u2060\ufeff", None),  # marks of no width
        "\u066b": ".",
        "\u066c": ",",
        **{chr(0xFF01 + i): chr(0x21 + i) for i in range(94) if i != 0xFF0D - 0xFF01},  # of full width
        **{chr(zero + i): str(i) for zero in (0x660, 0x6F0, 0x966) for i in range(10)},
        "\uffe5": "¥",
        "\uffe1": "£",
        "\uffe6": "₩",
    }
)
_AROUND = re.compile(r"""="(?P<kept>[^"]*)"|'(?P<quoted>[^']*)'|'(?P<open>[^']*)""")
"""Excel's ways to write a number as text."""
_POWER = re.compile(r"\s*[x×·*]\s*10(?:\^|\*\*)?(?P<power>[+-]?\d+|[⁻⁺]?[⁰¹²³⁴-⁹]+)$", re.IGNORECASE)
_RAISED = str.maketrans("⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹", "-+0123456789")
_NO_CENTS = re.compile(r"(?<=\d)(?:[.,]-{1,2}|,?/-|=/=)(?=\s|$|[^\d\s])")
"""What stands for no cents: `12.-`, `12,--` and, in India, `12/-`."""
_FOOTNOTE = re.compile(
    r"(?<=[\d%)])(?:\s?(?P<mark>\*{1,3}|[†‡§¹²³⁴-⁹]+|\[[a-z0-9]{1,2}\]|\^)|\s(?P<number>\(\d\)))$",
    re.IGNORECASE,
)
_SYMBOLS = "$€£¥₹₽₩₪₺฿₫₴₦₱₿¢"
_CODES = (
    "USD|EUR|GBP|JPY|CNY|RMB|INR|CHF|CAD|AUD|NZD|SGD|HKD|SEK|NOK|DKK|PLN|CZK|HUF|RON|BGN|TRY|RUB|UAH|BRL|MXN|ZAR"
    "|KRW|THB|IDR|MYR|PHP|VND|ILS|AED|SAR|EGP|NGN|KES|PKR|BDT|LKR|ARS|CLP|COP|PEN|TWD|Rs\\.?|kr\\.?|zł|Fr\\.?|DM"
)
_CURRENCY = rf"(?:[A-Z]{{0,3}}[{_SYMBOLS}]|{_CODES})"
_CELL = re.compile(
    rf"""
    (?P<open>\()?\s*
    (?P<sign>[+-])?\s*
    (?P<before>{_CURRENCY}|%|[~≈<>≤≥]=?)?\s*
    (?P<second_open>\()?(?P<second>[+-])?\s*
    (?P<body>(?:\d+(?:[.,'_\ ]\d+)*[.,]?|[.,]\d+)(?:[eE][+-]?\d+)?)
    (?P<trail>\ ?-)?
    (?:\s*(?P<after>\+|(?:/(?=[^\W\d]))?[^\d\s()+\-/.,;:'"_=<>][^\s();:"=<>]{{0,14}}
        (?:\ [^\s\d();:"=<>]{{1,10}}){{0,2}}))?
    (?P<late>\ ?-)?
    \s*(?P<close>\)\)?)?
    """,
    re.VERBOSE,
)

POINT_CURRENCIES = frozenset("$£¥₹₩")
"""Where these stand before a number, the comma marks thousands."""

_MAGNITUDES = {
    **dict.fromkeys(("k", "tsd", "thousand", "тыс", "mil"), 1e3),
    **dict.fromkeys(("M", "mn", "mio", "mill", "mln", "million", "millione", "milhão", "milhõe", "млн"), 1e6),
    **dict.fromkeys(("B", "bn", "mrd", "mld", "milliard", "billion", "млрд"), 1e9),
    **dict.fromkeys(("T", "tn", "trillion"), 1e12),
    **dict.fromkeys(("lakh", "lac"), 1e5),
    **dict.fromkeys(("cr", "crore"), 1e7),
    **dict.fromkeys(("万", "萬", "만"), 1e4),
    **dict.fromkeys(("億", "亿", "억"), 1e8),
}
_SCALED = re.compile(
    rf"(?:(?P<scale>[kKM]|[Mm]io\.?|[Mm]rd\.?|[Tt]sd\.?|mn|bn|млн|млрд|тыс\.?)\s?(?P<money>{_CURRENCY})"
    r"|(?P<big>[万萬만億亿억])(?P<rest>\D*))"
)
"""A magnitude before a currency: `k€`, `Mio. €`, `億円`."""
_FAMILIES: tuple[dict[str, float], ...] = (
    {"nm": 1e-9, "µm": 1e-6, "um": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3},
    {"in": 1.0, "inch": 1.0, "inche": 1.0, "ft": 12.0, "foot": 12.0, "feet": 12.0, "yd": 36.0, "yard": 36.0}
    | {"mi": 63360.0, "mile": 63360.0},
    {"ng": 1e-9, "µg": 1e-6, "ug": 1e-6, "mcg": 1e-6, "mg": 1e-3, "g": 1.0, "kg": 1e3, "kgs": 1e3, "t": 1e6}
    | {"tonne": 1e6},
    {"oz": 1.0, "ounce": 1.0, "lb": 16.0, "lbs": 16.0, "pound": 16.0},
    {
        "ns": 1e-9,
        "µs": 1e-6,
        "us": 1e-6,
        "ms": 1e-3,
        "s": 1.0,
        "sec": 1.0,
        "second": 1.0,
        "min": 60.0,
        "minute": 60.0,
    }
    | {
        "h": 3600.0,
        "hr": 3600.0,
        "hrs": 3600.0,
        "hour": 3600.0,
        "d": 86400.0,
        "day": 86400.0,
        "week": 604800.0,
    },
    {"mo": 1.0, "month": 1.0, "yr": 12.0, "yrs": 12.0, "year": 12.0},
    {"ml": 1e-3, "cl": 1e-2, "dl": 0.1, "l": 1.0, "liter": 1.0, "litre": 1.0},
    {"B": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12},
    {"hz": 1.0, "khz": 1e3, "mhz": 1e6, "ghz": 1e9},
    {"w": 1.0, "kw": 1e3, "mw": 1e6, "gw": 1e9},
    {"wh": 1.0, "kwh": 1e3, "mwh": 1e6, "gwh": 1e9},
    {"pa": 1.0, "mbar": 100.0, "hpa": 100.0, "kpa": 1e3, "bar": 1e5},
    {"cal": 1.0, "kcal": 1e3},
    {"kbps": 1.0, "mbps": 1e3, "gbps": 1e6},
)
_FURTHER = (
    "% ‰ °c °f ° mph km/h kmh kph mpg kmpl km/l km/kg l/100km gal ha acre cc bhp hp ps kj psi v a m² m2 sqft"
    " m³ m3 mg/dl mmol/l mmhg bpm px pt"
)
SIGNS = frozenset({"~", "≈", "+", "<", ">", "≤", "≥", "<=", ">="})
"""What says of a number that it is not exact; they are removed like a unit."""
_KNOWN = (
    frozenset(_FURTHER.split())
    | SIGNS
    | {"sq ft", *(unit.lower() for family in _FAMILIES for unit in family)}
)


@dataclass(frozen=True)
class Written:
    """A cell taken apart."""

    body: str
    """The number with its sign and exponent, its marks as written."""
    unit: str
    """What stands before and after it; empty for nothing."""
    mark: str = ""
    """The sign of a footnote that follows it."""


@lru_cache(maxsize=4096)
def unit_key(unit: str) -> str:
    """Spellings of one unit alike: `Years` and `year`, `KG` and `kg`; a lone capital keeps its size (M, m)."""
    unit = unit.strip().rstrip(".")
    if len(unit) == 1:
        return "k" if unit == "K" else unit
    unit = unit.casefold().replace("\u03bc", "µ")
    return unit[:-1] if len(unit) > 3 and unit.endswith("s") and unit.isalpha() else unit


def written(cell: str) -> Written | None:
    """The cell as a number with a unit, or None where it is none: `(12.30)`, `$1,037.50`, `70 kg`, `100-`."""
    text = cell.translate(_ALIKE).strip()
    if (around := _AROUND.fullmatch(text)) is not None:
        text = next(part for part in around.groups() if part is not None)
    text = _POWER.sub(lambda found: "e" + found["power"].translate(_RAISED), text)
    mark = ""
    if (note := _FOOTNOTE.search(text)) is not None:
        mark, text = note[0].strip(), text[: note.start()]
    found = _CELL.fullmatch(_NO_CENTS.sub("", text))
    if found is None:
        return None
    opened = bool(found["open"]) + bool(found["second_open"])
    if opened != len(found["close"] or ""):
        return None
    signs = [sign for sign in (found["sign"], found["second"], found["trail"], found["late"]) if sign]
    if len(signs) + opened > 1:
        return None
    negative = opened or any("-" in sign for sign in signs)
    parts = [found["before"], found["after"]]
    if (scaled := _SCALED.fullmatch(found["after"] or "")) is not None:
        parts = [found["before"], scaled["money"] or scaled["rest"].strip(), scaled["scale"] or scaled["big"]]
    return Written(("-" if negative else "") + found["body"], " ".join(part for part in parts if part), mark)


@dataclass(frozen=True)
class Units:
    """Which units the cells of a column have and what becomes of them."""

    unit: str = ""
    """The unit of the numbers as they are read."""
    factors: tuple[tuple[str, float], ...] = ()
    """For each further unit the factor to it."""
    odd: int | None = None
    """The place of a cell whose unit does not go with the others."""
    is_word: bool = False
    """Whether that cell is rather a word than a number with another unit."""
    are_codes: bool = False
    """What stands around the numbers is no unit, or the units have nothing to do with each other."""
    kinds: int = 0
    """Different units, where these do not go together."""
    bare: int = 0
    """Rows with a number alone, beside others with a unit."""


def units_of(cells: Sequence[Written], values: NDArray[np.float64], counts: NDArray[np.int64]) -> Units:
    """Which units go together: one alone, one beside bare numbers, or several with a known factor.

    Args:
        cells: the different cells.
        values: their numbers, for telling fractions from percents.
        counts: in how many rows each stands.
    """
    rows: dict[str, int] = {}
    spelled: dict[str, str] = {}
    for cell, count in zip(cells, counts, strict=True):
        key = unit_key(cell.unit)
        rows[key] = rows.get(key, 0) + int(count)
        spelled.setdefault(key, cell.unit)
    bare = rows.pop("", 0)
    if not rows:
        return Units()
    if len(rows) > 1 and not bare and _are_events(rows, values):
        return Units(are_codes=True, kinds=99)
    main = max(rows, key=lambda key: rows[key])
    if factors := _magnitudes(rows):
        return Units(next(_rest(key) for key, factor in factors if factor != 1.0), factors, bare=bare)
    if len(rows) == 1 and main in ("%", "‰") and bare:
        return _fractions(cells, values, main, bare)
    if len(rows) == 1 and (_is_known(main) or not (bare or re.search(r"\d", main))):
        return Units(spelled[main], bare=bare)
    for family in _FAMILIES:
        if not bare and all(_in(family, key) is not None for key in rows):
            scale = _in(family, main) or 1.0
            return Units(
                spelled[main], tuple((key, (_in(family, key) or 1.0) / scale) for key in sorted(rows))
            )
    total = sum(rows.values()) + bare
    other = next((i for i, cell in enumerate(cells) if unit_key(cell.unit) != main), None)
    a_unit = _is_known(main) or not re.search(r"\d", main)
    if (
        other is not None
        and a_unit
        and (rows[main] >= 0.9 * total or (all(map(_is_known, rows)) and rows[main] >= 0.5 * total))
    ):
        return Units(odd=other)
    if bare >= 0.9 * total:
        return Units(odd=next(i for i, cell in enumerate(cells) if cell.unit), is_word=True)
    letters = all(len(key) == 1 and key.isalpha() for key in rows)
    return Units(are_codes=True, odd=other, kinds=99 if letters or not a_unit else len(rows) + (bare > 0))


def _are_events(keys: Iterable[str], values: NDArray[np.float64]) -> bool:
    """Whether the cells are years with words, as in `1924 Winter` and `1928 Summer`."""
    years = ((values == values.round()) & (values >= 1500) & (values <= 2100)).all()
    return bool(years) and all(len(key) > 2 and key.isalpha() and not _is_known(key) for key in keys)


def _in(family: dict[str, float], key: str) -> float | None:
    return family.get(key, family.get(key.lower()))


def _is_known(key: str) -> bool:
    return key.lower() in _KNOWN or re.fullmatch(_CURRENCY, key, re.IGNORECASE) is not None


def _fractions(cells: Sequence[Written], values: NDArray[np.float64], mark: str, bare: int) -> Units:
    """Percents beside bare numbers: these are fractions if none is beyond 1."""
    far = next((i for i, cell in enumerate(cells) if not cell.unit and abs(values[i]) > 1), None)
    if far is not None:
        return Units(odd=far)
    return Units(factors=((mark, 0.01 if mark == "%" else 0.001),), bare=bare)


def _magnitudes(rows: dict[str, int]) -> tuple[tuple[str, float], ...]:
    """Factors of `1.2k` and `$3M` where the rest of all units is alike; none where it is not."""
    thousands = bool({_last(key) for key in rows} & {"k", "B", "bn"})  # with these, m means million
    found = {
        key: _MAGNITUDES["M"] if _last(key) == "m" and thousands else _MAGNITUDES.get(_last(key))
        for key in rows
    }
    scaled = {key: factor for key, factor in found.items() if factor is not None}
    rests = {_rest(key) for key in scaled}
    if len(rests) != 1 or not found.keys() - scaled.keys() <= rests:
        return ()
    return tuple((key, scaled.get(key, 1.0)) for key in sorted(rows))


def _last(key: str) -> str:
    """The last word of a unit, as a magnitude is spelled; beside a currency its case does not matter."""
    parts = key.split(" ")
    return parts[0] if len(parts) == 1 else {"m": "M", "b": "B", "t": "T"}.get(parts[-1], parts[-1])


def _rest(key: str) -> str:
    """What is left of a unit without its magnitude: `$` of `$ m`."""
    return " ".join(key.split(" ")[:-1])
