"""Letters that say the sign of a number: east and west, north and south, credit and debit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shrinkage.tables.read.dates._date_words import name_words

__all__ = ["LetterSigns", "are_sides", "degrees_of", "letter_behind", "letter_signs", "plain_letter"]

_NAMES = "lat latitude lon lng long longitude coord coords coordinate breite länge breitengrad längengrad"
_COORDINATES = frozenset(_NAMES.split())
_PAIRS = {("N", "S"): 90.0, ("E", "W"): 180.0, ("E", "O"): 180.0, ("O", "W"): 180.0, ("L", "O"): 180.0}
"""Letters of plus and minus, and the largest number of degrees; O is west beside E and L, east beside W."""
_ACCOUNTS = {
    "cr": "dr",
    "credit": "debit",
    "crédit": "débit",
    "haben": "soll",
    "haber": "debe",
    "crédito": "débito",
    "credito": "debito",
    "avere": "dare",
    "bij": "af",
}
"""Words behind what an account gets, each with the one behind what it gives."""
_SIDES = frozenset("SHDC")
"""Soll and Haben, debit and credit: which of two such letters is minus differs from bank to bank."""
_DEGREES = re.compile(
    r"(?P<sign>-)?(?P<d>\d{1,3})\s?[°º]\s?(?P<m>\d{1,2}(?:\.\d+)?)\s?'\s?(?:(?P<s>\d{1,2}(?:\.\d+)?)\s?(?:\"|''))?\s?(?P<l>[NSEWO])?"
)
_BEFORE = re.compile(
    r"(?P<l>[NSEW])(?:\s?(?=\d{1,3}\.\d{3})|\s?(?=\d{1,3}(?:\.\d+)?\s?[°º])|\s(?=\d{1,3}\.\d+\Z))"
)
_CREDIT_BEFORE = re.compile(r"(?P<l>[CcDd][Rr])\.?\s(?=[\d.,])")
_WORDS = "|".join(word for pair in _ACCOUNTS.items() for word in pair if len(word) > 2 or pair[0] == "bij")
_ACCOUNT_BEFORE = re.compile(rf"(?P<l>{_WORDS})[.:]?\s(?=\D{{0,5}}\d[\d.,' ]*[.,]\d\d\b)", re.IGNORECASE)
"""A word of an account before a sum with cents: `Credit 100` may be the name of a loan."""
_WITH_DEGREE = re.compile(
    r"(?:[°º]\s?|deg\.?\s?)(?P<l>[NSEWO])|(?:[°º]\s?)?(?P<word>north|south|east|west)", re.IGNORECASE
)


@dataclass(frozen=True)
class LetterSigns:
    """Which letters are minus, and which are plus."""

    minus: str
    plus: str
    unit: str = ""
    """What else stands around the numbers, such as a currency."""

    @property
    def factors(self) -> tuple[tuple[str, float], ...]:
        """The factor of each unit that is such a letter, by its key."""
        rest = f"{self.unit} " if self.unit else ""
        return ((f"{rest}{self.plus}", 1.0), (f"{rest}{self.minus}", -1.0))


def degrees_of(cell: str) -> tuple[str, str] | None:
    """(number, letter) of degrees with minutes and seconds, such as `51°30'26"N`; None for any other cell."""
    found = _DEGREES.fullmatch(cell)
    if found is None or float(found["m"]) >= 60 or float(found["s"] or 0) >= 60:
        return None
    value = int(found["d"]) + float(found["m"]) / 60 + float(found["s"] or 0) / 3600
    return f"{found['sign'] or ''}{value:.9f}", found["l"] or "°"


def letter_behind(cell: str) -> str:
    """The cell with the letter of a sign behind the number: `12.345 W` for `W 12.345`."""
    for form in (_BEFORE, _CREDIT_BEFORE, _ACCOUNT_BEFORE):
        if (found := form.match(cell)) is not None:
            return f"{cell[found.end() :]} {found['l']}"
    return cell


def plain_letter(unit: str) -> str:
    """The letter of the compass for a unit with it: `N` for `° N` and `North`."""
    found = _WITH_DEGREE.fullmatch(unit)
    return unit if found is None else (found["l"] or found["word"][0]).upper()


def letter_signs(name: str, rows: Mapping[str, int], values: NDArray[np.float64]) -> LetterSigns | None:
    """The letters that say the sign of a column's numbers; None where its units are no such letters.

    Args:
        name: of the column.
        rows: in how many rows each unit stands, by its key.
        values: the numbers.
    """
    if not rows:
        return None
    largest = float(np.abs(values).max())
    for (plus, minus), most in _PAIRS.items():
        named = bool(name_words(name) & _COORDINATES)
        if set(rows) <= {plus, minus} and (len(rows) == 2 or named) and largest <= most:
            return LetterSigns(minus, plus)
    last = {key: key.rpartition(" ") for key in rows}
    rests = {rest for rest, _, _ in last.values()}
    words = {word for _, _, word in last.values()}
    if len(rests) != 1:
        return None
    if words == {"dr"}:
        return LetterSigns("dr", "cr", rests.pop())
    return next(
        (LetterSigns(minus, plus, *rests) for plus, minus in _ACCOUNTS.items() if words == {plus, minus}),
        None,
    )


def are_sides(keys: Iterable[str], values: NDArray[np.float64], is_bare: NDArray[np.bool_]) -> bool:
    """Whether two letters behind sums of money, or `CR` behind some of them, may be the two sides of an account.

    Beside crores a bare number would be far larger.
    """
    keys = set(keys)
    if keys == {"cr"} and is_bare.any():
        return bool((values != values.round()).any()) and float(np.median(np.abs(values[is_bare]))) < 1e5
    return len(keys) == 2 and keys <= _SIDES and bool((values != values.round()).any())
