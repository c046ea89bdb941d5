"""From columns of text to numbers, where nothing is lost by it: what is not a number in every row stays text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import shown
from shrinkage.tables.read._numerals import PLAIN, Numerals, grouped, unmistakable

__all__ = ["EXACT", "FLOAT32_MAX", "MISSING_WORDS", "Typed", "loses", "numbers_in", "typed"]

EXACT = 2**53
"""From here on a float64, and so a network, cannot tell neighbouring integers apart."""

FLOAT32_MAX = float(np.finfo(np.float32).max)
"""The largest number of the network's arithmetic, 3.4e38."""

MISSING_WORDS = frozenset(
    {"", "na", "n/a", "nan", "null", "none", "nil", "missing", "<na>", "#n/a", "?", "-", "--", ".", "*"}
    | {"...", "#n/a n/a", "#na", "-nan", "-1.#ind", "-1.#qnan", "1.#ind", "1.#qnan"}
)
"""Words that mean 'missing' between numbers. In a text column only the empty cell and NaN do: NA is Namibia."""


Texts = NDArray[np.object_]

_LOSSY = re.compile(r"[+-]?(0\d|\d{16,}$)")


@dataclass(frozen=True)
class Typed:
    """A column as it was read."""

    values: pd.Series
    note: str = ""
    """What was decided about it, or ''."""
    numerals: Numerals | None = None
    """How its numbers are written; None for text."""
    doubt: str = ""
    """A cell such as 1.500, when all its points may be marks of thousands."""


def typed(cells: list[str], name: str, *, na: frozenset[str], numerals: Numerals | None = None) -> Typed:
    """A column as numbers if each of its cells is one or is missing, else as text.

    Numbers are written as `numerals` say, or plainly; where nothing is asked for, also with a comma as the decimal
    point or with marked thousands, if all cells of the column can be read in no other way.
    """
    text = np.array([cell.strip() for cell in cells], dtype=object)
    missing = _among(text, na | {"", "NaN", "nan"})
    words = {cell for cell in text if cell.lower() in MISSING_WORDS} - set(text[missing])
    without = missing | _among(text, words)
    way, plain = _written(text, without, numerals)
    if without.all() or way is None:
        return Typed(_as_text(text, missing))
    if reason := loses(plain[~without]):
        return Typed(_as_text(text, missing), f"Column {shown(name)} was kept as text: {reason}.")
    notes = []
    if words:
        notes.append(f"{int((without & ~missing).sum())} cells {_listed(words)} were read as missing")
    if way != numerals and way.decimal == ",":
        notes.append("the comma was read as the decimal point")
    if way != numerals and way.thousands:
        notes.append(f"{shown(way.thousands)} was read as the mark of thousands")
    note = f"Column {shown(name)}: {', '.join(notes)}." if notes else ""
    doubt = grouped(plain[~without]) if numerals is None and way == PLAIN else ""
    return Typed(_as_numbers(_parsed(plain, without)), note, way, doubt)


def _among(text: Texts, words: Collection[str]) -> NDArray[np.bool_]:
    return np.fromiter((cell in words for cell in text), dtype=bool, count=len(text))


def _written(
    text: Texts, missing: NDArray[np.bool_], numerals: Numerals | None
) -> tuple[Numerals | None, Texts]:
    """How the numbers of a column are written, and its cells written plainly; None where one is no number."""
    if numerals not in (None, PLAIN) and (plain := _plainly(text, missing, numerals)) is not None:
        return numerals, plain
    if not np.isnan(_parsed(text, missing)[~missing]).any():
        return PLAIN, text
    way = unmistakable(text[~missing])
    plain = None if way is None else _plainly(text, missing, way)
    return (None, text) if plain is None else (way, plain)


def _plainly(text: Texts, missing: NDArray[np.bool_], way: Numerals) -> Texts | None:
    """The cells written plainly, or None where one is no number."""
    plain = np.array(
        [c if gone else way.plain(c) for c, gone in zip(text, missing, strict=True)], dtype=object
    )
    return None if np.isnan(_parsed(plain, missing)[~missing]).any() else plain


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


def _listed(words: set[str]) -> str:
    return ", ".join(shown(word) for word in sorted(words)[:5])
