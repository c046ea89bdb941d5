"""Rows of a table that hold names: a second line of a header, or the header below a title."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from shrinkage._errors import shown
from shrinkage.tables._source_table import Table
from shrinkage.tables.read._written import parse_written
from shrinkage.tables.read.files._stray_lines import command_for

__all__ = ["names_below", "second_header"]

_FIRST = 40
"""Rows in which the names are looked for."""
_LOOKED_AT = 200
"""Rows that show what the columns hold."""


def second_header(table: Table) -> str:
    """The sentence about first rows that hold words in columns of numbers, as survey tools export them, or empty."""
    frame = table.frame
    numeric = [pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes]
    if len(frame) < 10 or frame.iloc[:1, np.flatnonzero(numeric)].notna().to_numpy().any():
        return ""
    texts = [frame.iloc[:, i] for i, number in enumerate(numeric) if not number]
    of_numbers = [column for column in texts if _are_numbers(column.iloc[3:_LOOKED_AT])]
    if len(of_numbers) < 2:
        return ""
    words = [
        all(
            isinstance(column.iloc[row], str) and parse_written(column.iloc[row]) is None
            for column in of_numbers
        )
        for row in range(3)
    ]
    count = words.index(False) if False in words else 3
    if not count:
        return ""
    first, last = table.where(0), table.where(count - 1).split()[-1]
    rows = first if count == 1 else f"{first.split()[0]}s {first.split()[-1]} to {last}"
    begin, end = int(first.split()[-1]), int(table.where(count).split()[-1]) - 1
    names = ", ".join(shown(column.iloc[0], 40) for column in of_numbers[:2])
    remove = _removal(table, f"sed '{begin}{f',{end}' if end > begin else ''}d'")
    return (
        f"{table.name}, {rows}: words such as {names} in columns whose other cells "
        f"are numbers: this looks like a further line of the header. Remove it{remove}."
    )


def names_below(table: Table, name: str) -> str:
    """What is added about a column that is missing, where a row below the first line holds its name."""
    cells = table.frame.iloc[:_FIRST].astype(object)
    for row in range(len(cells)):
        held = [str(cell) for cell in cells.iloc[row] if isinstance(cell, str)]
        parts = {part.strip().strip("\"'") for cell in held for part in (cell, *re.split(r"[,;\t|]", cell))}
        if name in parts and len(parts) > 1:
            place = table.where(row)
            line = place.split()[-1]
            command = f"tail -n +{line}" if place.startswith("line") else ""
            return (
                f"; {place} holds it among others, so that the names seem to stand there: remove what is above"
                f"{_removal(table, command)}."
            )
    return ""


def _removal(table: Table, command: str) -> str:
    return f": {command_for(command, shown(table.name))}" if command and table.lines is not None else ""


def _are_numbers(cells: pd.Series) -> bool:
    held = cells.dropna().map(str)
    return len(held) > 0 and float(np.mean([parse_written(cell) is not None for cell in held])) >= 0.9
