"""From columns of text to numbers, where nothing is lost by it: what is not a number in every row stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import shown

__all__ = ["EXACT", "FLOAT32_MAX", "MISSING_WORDS", "loses", "numbers_in", "typed"]

EXACT = 2**53
"""From here on a float64, and so a network, cannot tell neighbouring integers apart."""

FLOAT32_MAX = float(np.finfo(np.float32).max)
"""The largest number of the network's arithmetic, 3.4e38."""

MISSING_WORDS = frozenset(
    {"", "na", "n/a", "nan", "null", "none", "nil", "missing", "<na>", "#n/a", "?", "-", "--", ".", "*"}
)
"""Words that mean 'missing' between numbers. In a text column only the empty cell and NaN do: NA is Namibia."""


Texts = NDArray[np.object_]

_WITH_COMMA = re.compile(r"[+-]?\d*(,\d*)?(e[+-]?\d+)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
_LOSSY = re.compile(r"[+-]?(0\d|\d{16,}$)")


def typed(cells: list[str], name: str, *, na: frozenset[str], decimal_comma: bool) -> tuple[pd.Series, str]:
    """A column as numbers if each of its cells is one or is missing, else as text; and a note or ''."""
    text = np.array([cell.strip() for cell in cells], dtype=object)
    empty = na | {"", "NaN", "nan"}
    missing = np.fromiter((cell in empty for cell in text), dtype=bool, count=len(text))
    numbers = _parsed(text, missing)
    wrong = ~missing & np.isnan(numbers)
    note = ""
    if wrong.any():
        words = set(text[wrong])
        if {word.lower() for word in words} <= MISSING_WORDS and not (missing | wrong).all():
            missing |= wrong
            note = f"Column {shown(name)}: {int(wrong.sum())} cells {_listed(words)} were read as missing."
        elif decimal_comma and _all_decimal_commas(text[~missing]):
            text = np.array([cell.replace(",", ".") for cell in text], dtype=object)
            numbers = _parsed(text, missing)
            note = f"Column {shown(name)}: the comma was read as the decimal point."
        wrong = ~missing & np.isnan(numbers)
    if wrong.any() or missing.all():
        return _as_text(text, missing), ""
    if reason := loses(text[~missing]):
        return _as_text(text, missing), f"Column {shown(name)} was kept as text: {reason}."
    return _as_numbers(numbers), note


def numbers_in(text: pd.Series) -> pd.Series:
    """Each cell as a float64, NaN where it is no number; no separators of thousands, no hexadecimals."""
    return pd.Series(pd.to_numeric(text, errors="coerce"), index=text.index).astype(np.float64)


def _parsed(text: Texts, missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(pd.to_numeric(_emptied(text, missing), errors="coerce"), dtype=np.float64)


def _emptied(text: Texts, missing: NDArray[np.bool_]) -> Texts:
    cells = text.copy()
    cells[missing] = None
    return cells


def _as_text(text: Texts, missing: NDArray[np.bool_]) -> pd.Series:
    return pd.Series(_emptied(text, missing), dtype=object)


def _as_numbers(values: NDArray[np.float64]) -> pd.Series:
    whole = bool(np.isfinite(values).all()) and bool((values == np.trunc(values)).all())
    return pd.Series(values.astype(np.int64) if whole and np.abs(values).max() < EXACT else values)


def loses(text: Iterable[str]) -> str:
    """Why a column of numbers must stay text, or '': leading zeros and integers beyond 2^53 would be lost."""
    for cell in filter(_LOSSY.match, text):
        if cell.lstrip("+-").startswith("0"):
            return f"leading zeros, as in {shown(cell)}, would be lost"
        if abs(int(cell)) >= EXACT:
            return f"integers such as {shown(cell)} are beyond 2^53, where neighbours become equal"
    return ""


def _all_decimal_commas(text: Texts) -> bool:
    """Whether commas are decimal ones: never if each is followed by three digits, which may be thousands."""
    if not all(map(_WITH_COMMA.fullmatch, text)):
        return False
    return not all(map(_THOUSANDS.fullmatch, (cell for cell in text if "," in cell)))


def _listed(words: set[str]) -> str:
    return ", ".join(shown(word) for word in sorted(words)[:5])
