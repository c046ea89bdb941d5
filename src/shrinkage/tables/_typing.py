"""From columns of text to numbers, where nothing is lost by it: what is not a number in every row stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

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


_LOSSY = re.compile(r"[+-]?(0\d|\d{16,}$)")


def typed(cells: list[str], name: str, *, na: frozenset[str], decimal_comma: bool) -> tuple[pd.Series, str]:
    """A column as numbers if each of its cells is one or is missing, else as text; and a note or ''."""
    text = pd.Series([cell.strip() for cell in cells], dtype=object)
    missing = text.isin(na | {"", "NaN", "nan"})
    numbers = numbers_in(text.mask(missing) if missing.any() else text)
    wrong = ~missing & numbers.isna()
    note = ""
    if wrong.any():
        words = set(text.loc[wrong].unique())
        if {word.lower() for word in words} <= MISSING_WORDS and not (missing | wrong).all():
            missing |= wrong
            note = f"Column {shown(name)}: {int(wrong.sum())} cells {_listed(words)} were read as missing."
        elif decimal_comma and _all_decimal_commas(text.loc[~missing]):
            text = text.str.replace(",", ".", regex=False)
            numbers = numbers_in(text.mask(missing))
            note = f"Column {shown(name)}: the comma was read as the decimal point."
        wrong = ~missing & numbers.isna()
    if wrong.any() or missing.all():
        return _as_text(text, missing), ""
    if reason := loses(text.loc[~missing]):
        return _as_text(text, missing), f"Column {shown(name)} was kept as text: {reason}."
    return _as_numbers(numbers), note


def numbers_in(text: pd.Series) -> pd.Series:
    """Each cell as a float64, NaN where it is no number; no separators of thousands, no hexadecimals."""
    return pd.Series(pd.to_numeric(text, errors="coerce"), index=text.index).astype(np.float64)


def _as_text(text: pd.Series, missing: pd.Series) -> pd.Series:
    return text.astype(object).where(~missing, None)


def _as_numbers(numbers: pd.Series) -> pd.Series:
    values = numbers.to_numpy()
    whole = len(values) > 0 and np.isfinite(values).all() and (values == np.trunc(values)).all()
    return numbers.astype(np.int64) if whole and np.abs(values).max() < EXACT else numbers


def loses(text: Iterable[str]) -> str:
    """Why a column of numbers must stay text, or '': leading zeros and integers beyond 2^53 would be lost."""
    for cell in filter(_LOSSY.match, text):
        if cell.lstrip("+-").startswith("0"):
            return f"leading zeros, as in {shown(cell)}, would be lost"
        if abs(int(cell)) >= EXACT:
            return f"integers such as {shown(cell)} are beyond 2^53, where neighbours become equal"
    return ""


def _all_decimal_commas(text: pd.Series) -> bool:
    """Whether commas are decimal ones: never if each is followed by three digits, which may be thousands."""
    numeric = text.str.fullmatch(r"[+-]?\d*(,\d*)?(e[+-]?\d+)?", case=False)
    thousands = text.loc[text.str.contains(",", regex=False)].str.fullmatch(r"[+-]?\d{1,3}(,\d{3})+")
    return bool(numeric.all() and not thousands.all())


def _listed(words: set[str]) -> str:
    return ", ".join(shown(word) for word in sorted(words)[:5])
