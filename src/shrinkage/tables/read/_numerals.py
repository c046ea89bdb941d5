"""How numbers are written: which mark is the decimal point and which, if any, sets off thousands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import RequestError, called, shown

__all__ = [
    "PLAIN",
    "Numerals",
    "ambiguous_cell",
    "asked_numerals",
    "groups_for_sure",
    "likeliest",
    "numbers_in",
    "unmistakable",
]

Texts = NDArray[np.object_]
DECIMALS, THOUSANDS = (".", ","), (",", ".", " ", "'", "_")


@dataclass(frozen=True)
class Numerals:
    """One way to write a number."""

    decimal: str = "."
    thousands: str = ""
    """Empty for none; where there is one, its groups are of three digits."""

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        whole, mark = r"\d*", re.escape(self.thousands)
        if self.thousands:
            lakhs = rf"|[1-9]\d?(?:{mark}\d{{2}})*{mark}\d{{3}}" if self.thousands == "," else ""
            whole = rf"(?:[1-9]\d{{0,2}}(?:{mark}\d{{3}})+{lakhs}|\d*)"
        return re.compile(rf"[+-]?{whole}(?:{re.escape(self.decimal)}\d*)?(?:e[+-]?\d+)?", re.IGNORECASE)

    def matches(self, cell: str) -> bool:
        """Whether the cell may be a number of this way; what is read as one may say more of it."""
        return self._pattern.fullmatch(cell) is not None

    def plain(self, cell: str) -> str:
        """The cell as Python writes a number; "none" where it is none of this way."""
        if self == PLAIN:
            return cell
        if not self.matches(cell):
            return "none"
        return (cell.replace(self.thousands, "") if self.thousands else cell).replace(self.decimal, ".")

    def numbers(self, cells: Iterable[str]) -> NDArray[np.float64]:
        """Each cell as a float64, NaN where it is none of this way."""
        plain = np.array([self.plain(cell) for cell in cells], dtype=object)
        return np.asarray(pd.to_numeric(plain, errors="coerce"), dtype=np.float64)

    @property
    def options(self) -> str:
        """The command line options for it."""
        words = [f"--thousands {shown(self.thousands)}"] if self.thousands else []
        return " ".join([*words, f"--decimal {shown(self.decimal)}"] if self.decimal == "," else words)


PLAIN = Numerals()
USUAL = 0.9
"""From this share on, what the cells of a column are written like is what is meant."""
_OTHERS = (
    Numerals(","),
    Numerals(".", ","),
    Numerals(",", "."),
    *(Numerals(decimal, thousands) for thousands in (" ", "'") for decimal in ".,"),
)
_THREE = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}")
_BELOW_THOUSAND = re.compile(r"[+-]?(0|[1-9]\d{0,2})")


def asked_numerals(decimal: str | None, thousands: str | None) -> Numerals | None:
    """The given way; None where none was given."""
    if decimal is None and thousands is None:
        return None
    thousands = {"space": " ", "none": ""}.get(thousands or "", thousands or "")
    if decimal is None:
        decimal = "," if thousands == "." else "."
    if decimal not in DECIMALS:
        raise RequestError(f"{called('decimal', decimal)}: must be '.' or ','.")
    if thousands not in ("", *THOUSANDS) or thousands == decimal:
        raise RequestError(
            f"{called('thousands', thousands)}: must be one of {' '.join(map(shown, THOUSANDS))}, and not "
            "the decimal point."
        )
    return Numerals(decimal, thousands)


def unmistakable(cells: Texts) -> Numerals | None:
    """The one way other than the plain one in which all cells are written, if they can be read in no other way.

    1,5 is one and a half and 1.223,91 is more than a thousand; 1,500 may be either, and so is left alone. So is a
    column of plain numbers in which a few are written otherwise: these are mistakes.
    """
    if np.isfinite(PLAIN.numbers(cells)).mean() >= USUAL:
        return None
    read = [way for way in _OTHERS if all(map(way.matches, cells))]
    values = [way.numbers(cells) for way in read]
    if (
        not read
        or np.isnan(values[0]).any()
        or any(not np.array_equal(values[0], other) for other in values[1:])
    ):
        return None
    return read[0]


def ambiguous_cell(cells: Iterable[str]) -> str:
    """A cell such as 1.500 if every cell with a point has three digits after it, else ''."""
    dotted = [cell for cell in cells if "." in cell]
    return dotted[0] if dotted and all(map(_THREE.fullmatch, dotted)) else ""


def groups_for_sure(cells: Iterable[str]) -> Numerals | None:
    """How numbers are written of which only large ones have marks of thousands, as in 24 and 1.250; None if unsure.

    A second mark, as in 66,537,512, is none of decimals. A zero at the end of 1.250 beside numbers without a mark rules
    out that it is the decimal point.
    """
    cells = list(cells)
    for way in (Numerals(".", ","), Numerals(",", ".")):
        if any(cell.count(way.thousands) > 1 for cell in cells) and all(map(way.matches, cells)):
            return way
    marked = [cell for cell in cells if "." in cell or "," in cell]
    marks = {mark for mark in ".," for cell in marked if mark in cell}
    bare = [cell for cell in cells if _BELOW_THOUSAND.fullmatch(cell)]
    if len(marks) != 1 or min(len(marked), len(bare)) < 3 or len(marked) + len(bare) < len(cells):
        return None
    mark = next(iter(marks))
    if not all(_THREE.fullmatch(cell.replace(",", ".")) for cell in marked):
        return None
    if not any(cell.endswith("0") for cell in marked):
        return None
    return Numerals("," if mark == "." else ".", mark)


def likeliest(cells: Texts, asked: Numerals | None = None) -> tuple[Numerals, NDArray[np.float64]]:
    """How the numbers of a column are written, and these numbers, NaN for other cells.

    The given way or the plain one if most cells are written so, else the one in which most are.
    """
    ways = (*([asked] if asked else []), PLAIN, *_OTHERS)
    read = [way.numbers(cells) for way in ways]
    shares = [np.isfinite(values).mean() for values in read]
    usual = next((i for i in range(len(ways) - len(_OTHERS)) if shares[i] >= USUAL), None)
    best = int(np.argmax(shares)) if usual is None else usual
    return ways[best], read[best]


def numbers_in(text: pd.Series) -> pd.Series:
    """Each cell as a float64, NaN where it is no number; no separators of thousands, no hexadecimals."""
    return pd.Series(pd.to_numeric(text, errors="coerce"), index=text.index).astype(np.float64)
