"""From text to columns of text: separator, header, rows of one length, and the line at which each row starts.

The standard library's parser is the one that tells the line of every row, which all messages need.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import RequestError, called, shown

__all__ = ["Cells", "parsed", "sniffed"]

SEPARATORS = (",", ";", "\t", "|")
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*", re.IGNORECASE)


class Cells:
    """The cells of a CSV file by column, unnamed empty columns left out."""

    def __init__(
        self, names: list[str], columns: list[list[str]], lines: NDArray[np.int64], notes: list[str]
    ):
        self.names = names
        self.columns = columns
        self.lines = lines
        self.notes = notes


def parsed(text: str, name: str, sep: str | None) -> Cells:
    """The columns of a CSV text; every reason why it has none is found in one pass and raised together."""
    sep = sniffed(text) if sep is None else _checked(sep)
    rows, lines = _rows(text, name, sep)
    header, rows, lines = rows[0], rows[1:], lines[1:]
    problems = _ragged(header, rows, lines, name, sep)
    if not rows:
        problems.append(f"{name} has a header but no data rows.")
    names, notes = _names(header)
    problems += _bad_names(names, name)
    if problems:
        raise RequestError(problems)
    columns = [list(column) for column in zip(*rows, strict=True)]
    keep = [i for i, column in enumerate(columns) if names[i] or any(cell.strip() for cell in column)]
    if len(keep) < len(names):
        notes.append(f"Columns without name and values were left out: {len(names) - len(keep)}.")
    if blank := [f"column {i + 1}" for i in keep if not names[i]]:
        notes.append(f"Columns without a name go by their place: {', '.join(blank[:5])}.")
    names = [names[i] or f"column {i + 1}" for i in keep]
    return Cells(names, [columns[i] for i in keep], np.asarray(lines, dtype=np.int64), notes)


def sniffed(text: str) -> str:
    """The separator that cuts the first rows most evenly; a comma where none does."""
    sample = text[:200_000]

    def evenness(sep: str) -> tuple[float, int]:
        try:
            reader = csv.reader(io.StringIO(sample, newline=""), delimiter=sep, skipinitialspace=sep != "\t")
            rows = [row for row in islice(reader, 50) if row]
        except csv.Error:
            return 0.0, 0
        if len(rows) > 1 and len(sample) < len(text):
            rows.pop()  # the sample may end within it
        width = len(rows[0]) if rows else 0
        return (0.0, 0) if width < 2 else (sum(len(row) == width for row in rows) / len(rows), width)

    best = max(SEPARATORS, key=evenness)
    return best if evenness(best) > (0.0, 0) else ","


def _checked(sep: str) -> str:
    sep = {"\\t": "\t", "tab": "\t"}.get(sep, sep)
    if len(sep) != 1 or sep in '\r\n"':
        raise RequestError(f"{called('sep', sep)}: must be one character, such as ',' ';' '|' or 'tab'.")
    return sep


def _rows(text: str, name: str, sep: str) -> tuple[list[list[str]], list[int]]:
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=sep, skipinitialspace=sep != "\t", strict=True
    )
    rows: list[list[str]] = []
    lines: list[int] = []
    start = 1
    try:
        for row in reader:
            if row and (len(row) > 1 or row[0].strip()):
                rows.append(row)
                lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        raise RequestError(f"{name}, line {start}: {_said(error)}") from error
    return rows, lines


def _said(error: csv.Error) -> str:
    if "unexpected end" in str(error):
        return 'a quote " is opened in the row that starts here and never closed.'
    if "field larger" in str(error):
        return 'a cell of more than 131,072 characters: is a quote " not closed?'
    return 'text follows a closing quote "; a quote inside a quoted cell is written twice.'


def _ragged(header: list[str], rows: list[list[str]], lines: list[int], name: str, sep: str) -> list[str]:
    width = len(header)
    wrong = [i for i, row in enumerate(rows) if len(row) != width]
    if not wrong:
        return []
    first = wrong[0]
    start = shown(sep.join(rows[first]))
    if header[0].startswith("#"):
        return [
            f"{name}, line 1 starts with #: {shown(sep.join(header))}. Remove the comment lines above the header."
        ]
    more = "" if len(wrong) == 1 else f" ({len(wrong):,} such rows; next line {lines[wrong[1]]})"
    return [
        f"{name}, line {lines[first]}: {len(rows[first])} fields where the header has {width}{more}: {start}. "
        f"Fields are separated by {sep!r} here; add or quote what differs, or give another --sep."
    ]


def _names(header: list[str]) -> tuple[list[str], list[str]]:
    names = [cell.strip() for cell in header]
    padded = [shown(cell) for cell in header if cell != cell.strip() and cell.strip()]
    notes = [f"Blanks around column names were removed: {', '.join(padded[:5])}."] if padded else []
    return names, notes


def _bad_names(names: list[str], name: str) -> list[str]:
    repeated = [shown(cell) for cell, count in Counter(names).items() if count > 1 and cell]
    numeric = all(_NUMBER.fullmatch(cell) for cell in names)
    counted = names in ([str(i + k) for i in range(len(names))] for k in (0, 1))
    if not any(names) or (numeric and not counted):
        return [f"{name}: the first line holds values, not column names: add a line with the names."]
    if repeated:
        return [
            f"{name}: column names appear more than once: {', '.join(repeated[:10])}. Rename or remove them."
        ]
    return []
