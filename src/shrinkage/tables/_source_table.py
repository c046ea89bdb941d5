"""A table that was read: its frame, where it came from, and what was noticed while reading."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import RequestError, called, shown
from shrinkage.tables.read._numerals import Numerals
from shrinkage.tables.read._reading import Reading, readings_of

__all__ = ["BUNDLED", "Table", "bundled_table", "column_of"]

BUNDLED: dict[str, tuple[str, ...]] = {
    "breast_cancer": ("target",),
    "diabetes": ("target",),
    "digits": ("target",),
    "iris": ("target",),
    "linnerud": ("Weight", "Waist", "Pulse"),
    "wine": ("target",),
}
"""The tables that come with scikit-learn, by name, each with the names of its target columns."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table as it was read: rows in the order of the file, columns typed where nothing is lost by it."""

    frame: pd.DataFrame
    """The rows. Numbers are int64 or float64; what is not a number in every row is text, missing as None."""
    source: str
    """The path as it was given, or `bundled:NAME`."""
    sha256: str
    """Hash of the file's bytes (of a bundled table: of its rows)."""
    notes: tuple[str, ...] = ()
    """Notes and decisions from reading, one sentence each."""
    lines: NDArray[np.int64] | None = field(default=None, repr=False)
    """For each row, the line of the file at which it starts, from 1; None if the file has no lines."""
    unit: str = "line"
    """The unit of `lines`: `row` if rows were left out of a file without lines."""
    numerals: Numerals | None = None
    """The requested number format; None if none was requested."""
    words: Mapping[str, Mapping[str, int]] = field(default_factory=dict, repr=False)
    """For a column of numbers that was read by a known rule: words that were read as missing, and their cells."""

    def where(self, row: int) -> str:
        """The place of a row as its owner finds it: `line 7` of a text file, `row 7` otherwise, from 1."""
        return f"row {row + 1}" if self.lines is None else f"{self.unit} {self.lines[row]}"

    @property
    def name(self) -> str:
        """The file's own name, for messages."""
        if self.source == "-":
            return "standard input"
        return self.source if self.source.startswith("bundled:") else Path(self.source).name

    @property
    def readings(self) -> dict[str, Reading]:
        """For each text column of the file, the rule by which it is read."""
        return readings_of(self.frame)


def column_of(frame: pd.DataFrame, name: object) -> pd.Series:
    """One column of a frame whose names are unique."""
    return cast(pd.Series, frame[name])


def bundled_table(name: str = "breast_cancer") -> Table:
    """One of scikit-learn's tables, offline; `BUNDLED` names them with their target columns.

    Args:
        name: `breast_cancer`, `diabetes`, `digits`, `iris`, `linnerud` or `wine`.

    Returns:
        The table; a class target holds the class names as text.

    Raises:
        RequestError: there is no such table.

    Example:
        >>> sorted(set(bundled_table().frame["target"]))
        ['benign', 'malignant']
    """
    if name not in BUNDLED:
        raise RequestError(
            f"{called('bundled')}: there is no table {shown(name)}. Known: {', '.join(BUNDLED)}."
        )
    from sklearn import datasets

    data: Any = getattr(datasets, f"load_{name}")(as_frame=True)
    frame: pd.DataFrame = data.frame.copy()
    if name in ("breast_cancer", "iris", "wine", "digits"):
        names = [str(label) for label in data.target_names]
        frame["target"] = pd.Series([names[code] for code in frame["target"]], dtype=object)
    content = frame.to_csv(index=False).encode()
    return Table(frame=frame, source=f"bundled:{name}", sha256=hashlib.sha256(content).hexdigest())
