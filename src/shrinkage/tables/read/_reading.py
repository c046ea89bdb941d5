"""How the cells of one column of text are read, as a rule that is fixed once and applied to every later table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage.tables.read._missing_words import NO_DAY, is_missing_word
from shrinkage.tables.read._numerals import PLAIN, Numerals
from shrinkage.tables.read._written import parse_written
from shrinkage.tables.read._written_units import SHARES, factor_of, unit_key
from shrinkage.tables.read.dates._date_layouts import COUNTS, LAYOUTS, moment_in, moments_from_counts
from shrinkage.tables.read.dates._many_moments import moments_of
from shrinkage.tables.read.dates._times_of_day import DURATIONS, hours_of

__all__ = ["PLAINLY", "READINGS", "Form", "Reading", "as_read", "different", "readings_of", "with_readings"]

Form = Literal["number", "date", "time", "text"]
READINGS = "shrinkage.readings"
"""The key of a frame's `attrs` under which the readings of its columns travel."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The rule by which the cells of a column are read."""

    form: Form
    """What the cells are: number, date, time (of day) or text."""
    missing: tuple[str, ...] = ()
    """Words of the column that were read as missing; the usual ones are so in every column but one of text."""
    decimal: str = "."
    """The decimal point of its numbers."""
    thousands: str = ""
    """The mark between groups of three digits; empty for none."""
    unit: str = ""
    """The unit before or after its numbers."""
    factors: tuple[tuple[str, float], ...] = ()
    """Factors of further units, such as k, to the unit."""
    day_first: bool | None = None
    """Whether 01/02/2020 is February the first; None where no date is written so."""
    year_first: bool = False
    """Whether 24-02-01 is February the first of 2024."""
    layout: str = ""
    """How its dates or times are laid out, where a cell alone does not show it: one of those of the folder `dates`."""
    note: str = ""
    """The decision, as a sentence; empty if there was none."""
    asked: bool = False
    """Whether the user gave it; else it was found in the cells."""

    def to_dict(self) -> dict[str, Any]:
        """The rule in what JSON has."""
        entry = {
            **asdict(self),
            "missing": list(self.missing),
            "factors": [list(pair) for pair in self.factors],
        }
        for later in ("year_first", "layout"):
            if not entry[later]:
                del entry[later]  # as it was before there was one
        return entry

    @classmethod
    def from_dict(cls, entry: dict[str, Any]) -> Reading:
        """The rule from what `to_dict` gave.

        Raises:
            ValueError, TypeError: it is none.
        """
        types: dict[str, Any] = {"form": str, "missing": list, "decimal": str, "thousands": str, "unit": str}
        types |= {
            "factors": list,
            "day_first": (bool, type(None)),
            "note": str,
            "asked": bool,
            "year_first": bool,
            "layout": str,
        }
        entry = {"year_first": False, "layout": "", **entry}
        if set(entry) != set(types) or entry["form"] not in get_args(Form):
            raise ValueError("a reading is not described as expected")
        if entry["layout"] not in ("", *LAYOUTS, *COUNTS, *DURATIONS):
            raise ValueError("a reading is not described as expected")
        if not all(isinstance(entry[key], kind) for key, kind in types.items()):
            raise TypeError("a reading is not described as expected")
        factors = tuple((str(unit), float(factor)) for unit, factor in entry["factors"])
        return cls(**{**entry, "missing": tuple(map(str, entry["missing"])), "factors": factors})

    @property
    def of_feature(self) -> bool:
        """Whether the note is of the column as a feature: a target keeps its words, and is no date."""
        return self.form in ("date", "time") or (self.form == "text" and bool(self.missing))

    @property
    def described(self) -> str:
        """How its cells are read, in a few words; empty for plain cells."""
        parts = [f"unit {self.unit}"] if self.unit else []
        parts += [f"{unit} × {factor:g}" for unit, factor in self.factors if factor != 1.0]
        parts += ["decimal comma"] if self.decimal == "," else []
        parts += [f"thousands {self.thousands!r}"] if self.thousands else []
        parts += [] if self.day_first is None else [self.order]
        parts += [self.layout] if self.layout else []
        parts += [f"missing: {', '.join(map(repr, self.missing[:5]))}"] if self.missing else []
        return "; ".join(parts)

    @property
    def order(self) -> str:
        """What comes first in a date of three numbers."""
        return "year first" if self.year_first else "day first" if self.day_first else "month first"

    @property
    def numerals(self) -> Numerals:
        """How its numbers are written."""
        return Numerals(self.decimal, self.thousands)

    @property
    def is_share(self) -> bool:
        """Whether its numbers are percents, which a number without the sign is not."""
        return unit_key(self.unit) in SHARES

    def is_gap(self, cell: str) -> bool:
        """Whether a cell that is not empty stands for an empty one."""
        if cell in self.missing or (cell == NO_DAY and self.form == "date"):
            return True
        return self.form != "text" and is_missing_word(cell)

    def number(self, cell: str) -> float:
        """The number of a cell in the column's unit, NaN where it is none."""
        found = parse_written(cell)
        if found is None:
            return np.nan
        if (factor := factor_of(found.unit, self.unit, self.factors)) is None:
            return np.nan
        if factor == -1.0 and found.body.startswith("-"):
            return np.nan  # a minus and a letter that is one contradict each other
        try:
            return float(self.numerals.plain(found.body)) * factor
        except ValueError:
            return np.nan


PLAINLY: dict[str, Reading] = {
    "number": Reading(form="number"),
    "date": Reading(form="date"),
    "time": Reading(form="time"),
}
"""What text is read by where a column held none when the network was trained."""


def readings_of(frame: pd.DataFrame) -> dict[str, Reading]:
    """The rules that travel with a frame that was read from a file."""
    entries = json.loads(frame.attrs.get(READINGS, "{}"))
    return {name: Reading.from_dict(entry) for name, entry in entries.items()}


def with_readings(frame: pd.DataFrame, readings: Mapping[str, Reading]) -> pd.DataFrame:
    """The frame with the rules that travel with it: as text, which pandas copies with every column at no cost."""
    entries = {name: reading.to_dict() for name, reading in readings.items()}
    frame.attrs[READINGS] = json.dumps(entries, ensure_ascii=False)
    return frame


def different(values: pd.Series) -> tuple[NDArray[np.int64], list[str]]:
    """For each row the place of its text among the different ones, -1 for an empty cell; and these, without blanks."""
    places, cells = pd.factorize(values.astype(object))
    texts = [str(cell).strip() for cell in cells]
    if len(set(texts)) < len(texts) or "" in texts:
        known: dict[str, int] = {}
        moved = np.array([known.setdefault(text, len(known)) if text else -1 for text in texts] + [-1])
        return moved[places], list(known)
    return places.astype(np.int64), texts


def as_read(reading: Reading, values: pd.Series) -> tuple[pd.Series, NDArray[np.bool_]]:
    """A column of text by its rule, missing where a cell stands for none, and which cells hold something else.

    Returns:
        float64 for numbers and hours, datetime64 for dates, the text itself otherwise; (n,) True for what is lost.
    """
    places, texts = different(values)
    gaps = np.array([reading.is_gap(text) for text in texts] + [True])
    if reading.form == "text":
        gone = gaps[places]
        return (values.mask(gone & values.notna().to_numpy(), None) if gone.any() else values), np.zeros(
            len(values), dtype=bool
        )
    found = _read(reading, [None if gone else text for text, gone in zip(texts, gaps, strict=False)])
    nothing = np.datetime64("NaT") if reading.form == "date" else np.nan
    lost = np.append(pd.isna(found) & ~gaps[:-1], False)
    return pd.Series(np.append(found, nothing)[places], index=values.index, name=values.name), lost[places]


def _read(reading: Reading, cells: Sequence[str | None]) -> NDArray[Any]:
    if reading.form == "time":
        return np.array(
            [np.nan if (hour := hours_of(cell or "", reading.layout)) is None else hour for cell in cells],
            dtype=float,
        )
    if reading.form == "date" and reading.layout in COUNTS:
        return moments_from_counts(
            reading.layout, pd.to_numeric(np.array(cells, dtype=object), errors="coerce")
        )
    if reading.form == "date":
        if not reading.layout:
            return moments_of(cells, reading.day_first, reading.year_first)
        moments = [moment_in(reading.layout, cell or "") for cell in cells]
        return np.array([np.datetime64("NaT") if m is None else m for m in moments], dtype="datetime64[us]")
    if reading.numerals == PLAIN and not reading.is_share:
        found = np.asarray(
            pd.to_numeric(np.array(cells, dtype=object), errors="coerce"), dtype=np.float64
        ).copy()
    else:
        found = np.full(len(cells), np.nan)
    for i in np.flatnonzero(np.isnan(found)).tolist():
        if (cell := cells[i]) is not None:
            found[i] = reading.number(cell)
    return found
