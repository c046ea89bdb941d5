"""The units of numbers: which spellings are one unit, which units go together, and by which factor."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from shrinkage.tables.read._letter_signs import LetterSigns, are_sides, letter_signs
from shrinkage.tables.read._written import CURRENCY, Written

__all__ = ["SHARES", "Units", "factor_of", "has_point", "is_money", "unit_key", "units_of"]

SHARES = ("%", "‰")
_SPELLINGS = {
    "$": "usd us$ dollar us_dollar",
    "€": "eur euro",
    "£": "gbp",
    "¥": "jpy yen 円",
    "₹": "inr rs rupee",
    "₩": "krw won 원",
    "₽": "rub руб",
    "₺": "try tl",
    "r$": "brl reai",
    "chf": "fr sfr",
    "zł": "pln",
    "kč": "czk",
    "rp": "idr",
    "rm": "myr",
    "%": "percent pct prozent procent per_cent pour_cent por_ciento",
    "‰": "promille",
    "bps": "bp",
    "m²": "m2 m^2 qm sqm sq_m mq square_meter square_metre",
    "m³": "m3 m^3 cbm",
    "sqft": "sq_ft sq._ft sq.ft square_feet square_foot ft² ft2",
    "°c": "degc deg_c celsiu celsius",
    "°f": "degf deg_f fahrenheit",
    "kg": "kgs kilo",
    "µg": "ug mcg",
    "t": "tonne",
    "oz": "ounce",
    "lb": "lbs pound",
    "µm": "um",
    "in": "inch inche \" ''",
    "ft": "foot feet",
    "yd": "yard",
    "mi": "mile",
    "µs": "us",
    "sec": "s secs second",
    "min": "mins minute",
    "hour": "h hr hrs std stunde stunden heure hora ora ore uur час часа часов",
    "day": "d tag tage tagen jour día dia giorno giorni dag dagen dni день дня дней",
    "week": "wk woche wochen semaine semana settimana settimane",
    "month": "mo mos mth mths monat monate monaten moi mes mese mesi maand maanden месяц месяца месяцев",
    "year": "y yr yrs jahr jahre jahren an ans año anno anni ano jaar rok lata lat год года лет 歳 岁 세",
    "l": "liter litre",
}
_ALIAS = {other.replace("_", " "): one for one, others in _SPELLINGS.items() for other in others.split()}
"""Other spellings of a unit."""
_FURTHER_MONEY = "r$ chf zł kč rp rm r ₺ s/ bs ksh tk kr lei dm kn лв"
_LOCAL = frozenset(_FURTHER_MONEY.split())
"""Currencies that are no ISO code and no symbol."""
_POINT = "$£¥₹₩"
"""Currencies beside which the comma marks thousands."""

_MAGNITUDES = {
    **dict.fromkeys(("k", "tsd", "thousand", "тыс", "mil"), 1e3),
    **dict.fromkeys(("M", "mn", "mio", "mill", "mln", "million", "millione", "milhão", "milhõe", "млн"), 1e6),
    **dict.fromkeys(("millón", "millon", "millone"), 1e6),
    **dict.fromkeys(("B", "bn", "mrd", "mld", "milliard", "billion", "млрд"), 1e9),
    **dict.fromkeys(("T", "tn", "trillion"), 1e12),
    **dict.fromkeys(("lakh", "lac"), 1e5),
    **dict.fromkeys(("cr", "crore"), 1e7),
    **dict.fromkeys(("万", "萬", "만"), 1e4),
    **dict.fromkeys(("億", "亿", "억"), 1e8),
}
_FAMILIES: tuple[dict[str, float], ...] = (
    {"nm": 1e-9, "µm": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3},
    {"in": 1.0, "ft": 12.0, "yd": 36.0, "mi": 63360.0},
    {"ng": 1e-9, "µg": 1e-6, "mg": 1e-3, "g": 1.0, "kg": 1e3, "t": 1e6},
    {"oz": 1.0, "lb": 16.0},
    {
        "ns": 1e-9,
        "µs": 1e-6,
        "ms": 1e-3,
        "sec": 1.0,
        "min": 60.0,
        "hour": 3600.0,
        "day": 86400.0,
        "week": 604800.0,
    },
    {"month": 1.0, "year": 12.0},
    {"ml": 1e-3, "cl": 1e-2, "dl": 0.1, "l": 1.0},
    {"B": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12},
    {"kib": 1.0, "mib": 1024.0, "gib": 1024.0**2, "tib": 1024.0**3},
    {"hz": 1.0, "khz": 1e3, "mhz": 1e6, "ghz": 1e9},
    {"w": 1.0, "kw": 1e3, "mw": 1e6, "gw": 1e9},
    {"wh": 1.0, "kwh": 1e3, "mwh": 1e6, "gwh": 1e9},
    {"pa": 1.0, "mbar": 100.0, "hpa": 100.0, "kpa": 1e3, "bar": 1e5},
    {"cal": 1.0, "kcal": 1e3},
    {"kbps": 1.0, "mbps": 1e3, "gbps": 1e6},
)
"""Units that go together, each with its size."""
_FURTHER = (
    "% ‰ °c °f ° mph km/h kmh kph mpg kmpl km/l km/kg l/100km gal ha acre cc bhp hp ps kj psi v a m² m2 sqft"
    " m³ m3 mg/dl mmol/l mmhg bpm px pt"
)
_KNOWN = frozenset(_FURTHER.split()) | {unit.lower() for family in _FAMILIES for unit in family}


@lru_cache(maxsize=4096)
def unit_key(unit: str) -> str:
    """Spellings of one unit alike: `Years` and `year`, `USD` and `$`; a capital alone or
    behind what is counted keeps its size (`M`, `views M`)."""
    unit = unit.strip().rstrip(".")
    if len(unit) == 1:
        return "k" if unit == "K" else _ALIAS.get(unit, unit)
    if unit[-2:] in (" k", " K", " M", " B") and not is_money(unit[:-2]):
        return unit_key(unit[:-2]) + unit[-2:].replace("K", "k")
    unit = unit.casefold().replace("\u03bc", "µ")
    unit = unit[:-1] if len(unit) > 3 and unit.endswith("s") and unit.isalpha() else unit
    if unit in _ALIAS or " " not in unit:
        return _ALIAS.get(unit, unit)
    return " ".join(_ALIAS.get(word.rstrip("."), word) if len(word) > 1 else word for word in unit.split(" "))


@lru_cache(maxsize=4096)
def is_money(unit: str) -> bool:
    """Whether a unit begins with a currency: `€`, `R$`, `EUR/MWh`, `$ k`."""
    key = unit_key(unit)
    first = re.split(r"[\s/]", key, maxsplit=1)[0] if key[:2] != "s/" else "s/"
    return first in _LOCAL or re.fullmatch(CURRENCY, first, re.IGNORECASE) is not None


def has_point(unit: str) -> bool:
    """Whether the comma marks thousands beside this currency."""
    key = unit_key(unit).split(" ")[0]
    return bool(key) and (key[0] in _POINT or (key.endswith("$") and key != "r$"))


def factor_of(unit: str, to: str, known: Sequence[tuple[str, float]]) -> float | None:
    """What a number with a unit is multiplied by in a column of numbers; None where nothing is known.

    Args:
        unit: of the cell.
        to: the unit of the column.
        known: the factors that were found in the column.
    """
    key, main = unit_key(unit), unit_key(to)
    factors = {unit_key(other): factor for other, factor in known}
    if key in factors or key in ("", main):
        return factors.get(key, 1.0) if key or main not in SHARES else None
    for family in _FAMILIES:
        if (one := _in(family, key)) is not None and (other := _in(family, main)) is not None:
            return one / other
    scaled = [other for other, factor in factors.items() if factor != 1.0 and _last(other) in _MAGNITUDES]
    if scaled and _rest(scaled[0]) == _rest(key):
        return _MAGNITUDES.get("M" if _last(key) == "m" else _last(key))
    return None


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
    signs: LetterSigns | None = None
    """Letters among the units that say the sign."""
    are_sides: bool = False
    """Whether the units may be the two sides of an account."""


def units_of(
    cells: Sequence[Written], values: NDArray[np.float64], counts: NDArray[np.int64], name: str = ""
) -> Units:
    """Which units go together: one alone, one beside bare numbers, or several with a known factor.

    Args:
        cells: the different cells.
        values: their numbers, for telling fractions from percents.
        counts: in how many rows each stands.
        name: of the column.
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
    if are_sides(rows, values, np.array([not cell.unit for cell in cells])):
        return Units(odd=next(i for i, cell in enumerate(cells) if cell.unit), are_sides=True)
    if (signs := letter_signs(name, rows, values)) is not None:
        twice = next((i for i, cell in enumerate(cells) if cell.unit and values[i] < 0), None)
        if twice is not None:
            return Units(odd=twice, are_sides=True)
        far = next((i for i, cell in enumerate(cells) if not cell.unit and values[i] != 0), None)
        return Units(signs.unit, signs.factors, odd=far, signs=signs)
    if len(rows) > 1 and not bare and _are_events(rows, values):
        return Units(are_codes=True, kinds=99)
    main = max(rows, key=lambda key: rows[key])
    if factors := _magnitudes(rows):
        return Units(next(_rest(key) for key, factor in factors if factor != 1.0), factors, bare=bare)
    if len(rows) == 1 and main in SHARES and bare:
        return _fractions(cells, values, main, bare)
    if len(rows) == 1 and (_is_known(main) or not (bare or _has_digit(main))):
        return Units(spelled[main], bare=bare)
    for family in _FAMILIES:
        if not bare and all(_in(family, key) is not None for key in rows):
            scale = _in(family, main) or 1.0
            return Units(
                spelled[main], tuple((key, (_in(family, key) or 1.0) / scale) for key in sorted(rows))
            )
    total = sum(rows.values()) + bare
    other = next((i for i, cell in enumerate(cells) if unit_key(cell.unit) != main), None)
    a_unit = _is_known(main) or not _has_digit(main)
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
    return family.get(key, family.get(_small(key)))


def _is_known(key: str) -> bool:
    return _small(key) in _KNOWN or is_money(key)


def _small(key: str) -> str:
    """A unit in small letters: the litre of `L`; S, H, D and C also mark debit and credit."""
    return key if key in "SHDC" else _ALIAS.get(key.lower(), key.lower())


def _has_digit(key: str) -> bool:
    """Whether a unit looks like a part of a code; the 10 of `8/10`, `8 out of 10` and `6.2 x10^9/L` does not."""
    return (
        re.search(r"\d", re.sub(r"^(?:/|out of) ?\d{1,3}|^[x×*·]? ?10[\^*e]\d{1,2}(?=/)", "", key))
        is not None
    )


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


_BESIDE_MONEY = {"m": "M", "mm": "M", "mi": "M", "b": "B", "bi": "B", "t": "T"}


def _last(key: str) -> str:
    """The last word of a unit, as a magnitude is spelled; beside a currency its case does not matter."""
    last = key.split(" ")[-1]
    return _BESIDE_MONEY.get(last, last) if is_money(_rest(key)) else last


def _rest(key: str) -> str:
    """What is left of a unit without its magnitude: `$` of `$ m`."""
    return " ".join(key.split(" ")[:-1])
