"""A number as people write it: sign, body and unit of a cell, and which units go together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["POINT_CURRENCIES", "Units", "Written", "unit_key", "units_of", "written"]

_ALIKE = str.maketrans(
    {
        **dict.fromkeys("\u00a0\u202f\u2009\u2007\u2008\u2002\u2003\u200a", " "),  # non-breaking spaces
        **dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d", "-"),
        **dict.fromkeys("\u2019\u02bc\u00b4`", "'"),
        **dict.fromkeys("\ufe6a\uff05", "%"),
    }
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
    (?P<before>{_CURRENCY})?\s*
    (?P<second_open>\()?(?P<second>[+-])?\s*
    (?P<body>(?:\d+(?:[.,'_\ ]\d+)*[.,]?|[.,]\d+)(?:[eE][+-]?\d+)?)
    (?P<trail>\ ?-)?
    (?:\s*(?P<after>[^\d\s()+\-/.,;:'"_=<>][^\s();:"=<>]{{0,14}}(?:\ [^\s\d();:"=<>]{{1,10}}){{0,2}}))?
    (?P<late>\ ?-)?
    \s*(?P<close>\)\)?)?
    """,
    re.VERBOSE,
)

POINT_CURRENCIES = frozenset("$£¥₹₩")
"""Where these stand before a number, the comma marks thousands."""

_MAGNITUDES = {"k": 1e3, "tsd": 1e3, "thousand": 1e3, "M": 1e6, "mn": 1e6, "mio": 1e6, "million": 1e6} | {
    "B": 1e9,
    "bn": 1e9,
    "mrd": 1e9,
    "billion": 1e9,
    "T": 1e12,
    "tn": 1e12,
    "trillion": 1e12,
}
_FAMILIES: tuple[dict[str, float], ...] = (
    {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3},
    {"mg": 1e-3, "g": 1.0, "kg": 1e3},
    {"ms": 1e-3, "s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0, "hour": 3600.0},
    {"ml": 1e-3, "cl": 1e-2, "l": 1.0},
    {"B": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12},
    {"hz": 1.0, "khz": 1e3, "mhz": 1e6, "ghz": 1e9},
    {"w": 1.0, "kw": 1e3, "mw": 1e6},
)
_KNOWN = frozenset(
    {
        "%",
        "‰",
        "°c",
        "°f",
        "°",
        "lb",
        "lbs",
        "oz",
        "ft",
        "in",
        "mi",
        "mile",
        "yd",
        "mph",
        "km/h",
        "kmh",
        "kph",
        "mpg",
    }
    | {
        "kmpl",
        "km/l",
        "km/kg",
        "l/100km",
        "gal",
        "year",
        "yr",
        "month",
        "week",
        "day",
        "hr",
        "t",
        "ha",
        "acre",
        "cc",
    }
    | {
        "bhp",
        "hp",
        "ps",
        "kwh",
        "cal",
        "kcal",
        "kj",
        "pa",
        "hpa",
        "bar",
        "psi",
        "v",
        "a",
        "m²",
        "m2",
        "sqft",
        "sq ft",
    }
    | {"kgs", "hrs", "mins", "m³", "m3", "mg/dl", "mmol/l", "mmhg", "bpm", "px", "pt"}
    | {unit.lower() for family in _FAMILIES for unit in family}
)


@dataclass(frozen=True)
class Written:
    """A cell taken apart."""

    body: str
    """The number with its sign and exponent, its marks as written."""
    unit: str
    """What stands before and after it; empty for nothing."""


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
    found = _CELL.fullmatch(cell.translate(_ALIKE))
    if found is None:
        return None
    opened = bool(found["open"]) + bool(found["second_open"])
    if opened != len(found["close"] or ""):
        return None
    signs = [sign for sign in (found["sign"], found["second"], found["trail"], found["late"]) if sign]
    if len(signs) + opened > 1:
        return None
    negative = opened or any("-" in sign for sign in signs)
    unit = " ".join(part for part in (found["before"], found["after"]) if part)
    return Written(("-" if negative else "") + found["body"], unit)


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
    """What stands around the numbers is no unit."""
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
    return Units(are_codes=True)


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
