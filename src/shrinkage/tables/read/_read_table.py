"""Reading a table from a file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pandas as pd

from shrinkage._errors import RequestError, shown
from shrinkage.tables._source_table import Table
from shrinkage.tables.read._column_reader import Columns, read_text_columns
from shrinkage.tables.read._csv import Dialect, parsed
from shrinkage.tables.read._decode import decoded, expanded, file_bytes, plain_utf8
from shrinkage.tables.read._numerals import asked_numerals
from shrinkage.tables.read._other_files import is_workbook, parquet_frame, workbook_frame
from shrinkage.tables.read._reading import Reading, with_readings
from shrinkage.tables.read._typing import Hints

__all__ = ["HasReadings", "read_table"]


class HasReadings(Protocol):
    """What has learned a rule for each column: a fitted preprocessor."""

    @property
    def readings(self) -> Mapping[str, Reading]: ...


def read_table(
    path: str | os.PathLike[str],
    *,
    sep: str | None = None,
    encoding: str | None = None,
    na: Sequence[str] = (),
    decimal: str | None = None,
    thousands: str | None = None,
    day_first: bool | None = None,
    text: Sequence[str] = (),
    escape: str | None = None,
    header: bool = True,
    verbatim: Sequence[str] = (),
    like: HasReadings | None = None,
) -> Table:
    """Read a CSV (also gzip, bzip2, xz or zip), Excel (.xlsx) or Parquet file; rows keep their order.

    A column of text becomes numbers only if every cell is one or stands for a missing one and nothing is lost by it:
    leading zeros, integers beyond 2^53 and words keep it text. Currencies, percents, units, marks of thousands and
    decimal commas are read where they have one reading, with a note. What is a date or a time of day stays text here
    and is read as one by the preprocessor, by the rule in `Table.readings`.

    Args:
        path: the file, or `-` for standard input; Parquet and Excel files are known by their first bytes.
        sep: the character between fields, or a regular expression such as `\\s+`; sniffed from the first rows when None.
        encoding: of a text file; when None a byte-order mark decides, else it must be UTF-8.
        na: further words that mean 'missing' in every column.
        decimal: the decimal point of a text file, `.` or `,`; when None it is `.`, or `,` in a column whose cells
            can be read in no other way, with a note.
        thousands: the mark between groups of three digits, one of `, . ' _` or `space`; likewise when None.
        day_first: whether 01/02/2020 is February the first; when None each column decides, with a note.
        text: names of columns that are words, whatever they look like.
        escape: the character before a quote that belongs to its cell, such as `\\`; when None such quotes are doubled.
        header: whether the first row holds the names; else these are `column 1`, `column 2`, …
        verbatim: names of columns, which need not be there, that are kept as they are written: ids.
        like: a fitted preprocessor, whose rules for its columns are used instead of new ones.

    Returns:
        The table with its notes; `Table.where(row)` gives the line of a row.

    Raises:
        RequestError: the file cannot be read as a table; all that was found, with line numbers.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.csv"
        >>> _ = path.write_text("size;zip\\n1,5;00501\\n2;10001\\n")
        >>> read_table(path).frame["size"].tolist()
        [1.5, 2.0]
    """
    source = os.fspath(path)
    numerals = asked_numerals(decimal, thousands)
    known = {} if like is None else dict(like.readings)
    known |= {
        name: Reading(form="text", note=f"Column {shown(name)} is read as text, as asked.", asked=True)
        for name in text
    }
    known |= {name: Reading(form="text", asked=True) for name in verbatim}
    wanted = Columns(na=frozenset(na), hints=Hints(numerals=numerals, day_first=day_first), known=known)
    data = file_bytes(source)
    name = "standard input" if source == "-" else shown(Path(source).name)
    digest = hashlib.sha256(data).hexdigest()
    if data.startswith(b"PAR1") or source.lower().endswith((".parquet", ".pq")):
        frame, notes = parquet_frame(data, name)
        return _table(frame, {}, source, digest, notes, text=text)
    if is_workbook(data):
        frame, notes = workbook_frame(data, name, header=header)
        frame, readings, more = wanted.read(frame, name, lambda row: f"row {row + 1}")
        return _table(frame, readings, source, digest, [*notes, *more], text=text)
    data = expanded(data, name)
    notes: list[str] = []
    if encoding is not None or (content := plain_utf8(data)) is None:
        decoded_text, notes = decoded(data, name, encoding)
        content = decoded_text.encode()
    del data
    cells = parsed(content, name, Dialect(sep=sep, escape=escape, header=header))
    del content
    lines = cells.lines
    frame, readings, more = read_text_columns(wanted, cells, name)
    found = _table(frame, readings, source, digest, [*notes, *cells.notes, *more], text=text)
    return Table(**{**vars(found), "lines": lines, "numerals": numerals})


def _table(
    frame: pd.DataFrame,
    readings: Mapping[str, Reading],
    source: str,
    digest: str,
    notes: Sequence[str],
    *,
    text: Sequence[str],
) -> Table:
    if absent := [shown(name) for name in text if name not in frame.columns]:
        raise RequestError(f"{shown(Path(source).name)}: no column {', '.join(absent)} to read as text.")
    with_readings(frame, readings)
    return Table(frame=frame, source=source, sha256=digest, notes=tuple(notes))
