"""Reading a table from a file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Protocol

import numpy as np
import pandas as pd

from shrinkage._errors import RequestError, shown
from shrinkage.tables._source_table import Table
from shrinkage.tables.read._column_cells import Hints
from shrinkage.tables.read._column_reader import Columns, read_text_columns
from shrinkage.tables.read._numerals import asked_numerals
from shrinkage.tables.read._reading import Reading, with_readings
from shrinkage.tables.read._typing import Decision
from shrinkage.tables.read.files._csv import (
    Cells,
    Dialect,
    parse_csv,
    regular_cells,
    rows_begin,
    without_empty_end,
)
from shrinkage.tables.read.files._decode import (
    bytes_of,
    decode,
    decompress,
    file_bytes,
    is_workbook,
    open_bytes,
    plain_utf8,
)
from shrinkage.tables.read.files._excel import workbook_frame
from shrinkage.tables.read.files._parquet import parquet_frame, parquet_parts

__all__ = ["HasReadings", "read_parts", "read_table"]

PARQUET = (".parquet", ".pq")
BINARY = (
    b"PAR1",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd",
    b"\xd0\xcf\x11\xe0",
)
"""First bytes of files that are not text."""
PART, PART_ROWS = 1 << 21, 25_000
"""Bytes of a CSV file, and rows of a Parquet file, that are read at a time."""


class HasReadings(Protocol):
    """An object that has learned a rule for each column: a fitted preprocessor."""

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
    columns: Sequence[str] = (),
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
        columns: names of columns that the table must have: of several sheets of an Excel file the first that has them
            is read.
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
    wanted = Columns(
        na=frozenset(na),
        hints=Hints(numerals=numerals, day_first=day_first),
        known=_fixed_rules(like, text, verbatim),
    )
    dialect = Dialect(sep=sep, escape=escape, header=header)
    asked = _Asked(source, wanted, dialect, encoding, tuple(text), tuple(columns))
    return asked.table(file_bytes(source))


def read_parts(
    path: str | os.PathLike[str],
    *,
    sep: str | None = None,
    encoding: str | None = None,
    na: Sequence[str] = (),
    decimal: str | None = None,
    thousands: str | None = None,
    escape: str | None = None,
    header: bool = True,
    verbatim: Sequence[str] = (),
    columns: Sequence[str] = (),
    like: HasReadings | None = None,
    size: int = PART,
) -> Iterator[Table]:
    """The rows of a file a part at a time, so that it may be larger than the memory; see `read_table`.

    A CSV file in UTF-8 whose rows are its lines and a Parquet file come in parts; any other file, and what follows a row
    that goes over several lines, as a whole. Lines are those of the whole file.

    Args:
        path: the file, or `-`.
        sep, encoding, na, decimal, thousands, escape, header, verbatim, columns, like: as in `read_table`.
        size: bytes of a CSV file that are read at a time.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.csv"
        >>> _ = path.write_text("a,b\\n" + "1,2\\n" * 9)
        >>> [len(part.frame) for part in read_parts(path, size=20)]
        [4, 5]
    """
    source = os.fspath(path)
    wanted = Columns(
        na=frozenset(na),
        hints=Hints(numerals=asked_numerals(decimal, thousands)),
        known=_fixed_rules(like, (), verbatim),
    )
    dialect = Dialect(sep=sep, escape=escape, header=header)
    asked = _Asked(source, wanted, dialect, encoding, columns=tuple(columns))
    with open_bytes(source) as stream:
        if source != "-" and source.lower().endswith(PARQUET):
            yield from asked.parquet_parts()
            return
        head = bytes_of(stream, source, size)
        start = None
        if encoding is None and len(head) == size and (text := plain_utf8(head[: head.rfind(b"\n") + 1])):
            head = text + head[head.rfind(b"\n") + 1 :]
            start = None if head.startswith(BINARY) else rows_begin(head, asked.dialect)
        if start is None:
            yield asked.table(head + stream.read())
            return
        yield from asked.csv_parts(head, stream, *start, size)


def _end_of_rows(rows: bytes, sep: str) -> int:
    """Where the last of some lines ends that holds a cell: empty ones at the end may be the end of the file."""
    full = rows.rfind(b"\n") + 1
    kept = len(without_empty_end(b"\n" + rows[:full], sep)[0]) - 1
    return full if kept == full else rows.find(b"\n", max(kept, 0)) + 1 if kept > 0 else 0


def _fixed_rules(
    like: HasReadings | None, text: Sequence[str], verbatim: Sequence[str]
) -> dict[str, Reading]:
    """The rules that are fixed before a file is read."""
    words = {
        name: Reading(form="text", note=f"Column {shown(name)} is read as text, as requested.", asked=True)
        for name in text
    }
    as_written = {name: Reading(form="text", asked=True) for name in verbatim}
    return {**({} if like is None else like.readings), **words, **as_written}


@dataclass(frozen=True)
class _Asked:
    """A file, and how it is asked to be read."""

    source: str
    wanted: Columns
    dialect: Dialect
    encoding: str | None
    text: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return "standard input" if self.source == "-" else shown(Path(self.source).name)

    def table(self, data: bytes) -> Table:
        """The table in the bytes of a file."""
        digest = hashlib.sha256(data).hexdigest()
        data = decompress(data, self.name)
        if data.startswith(b"PAR1") or self.source.lower().endswith(PARQUET):
            return self._of_frame(*parquet_frame(data, self.name), digest)
        if is_workbook(data):
            frame, rows, notes = workbook_frame(
                data, self.name, header=self.dialect.header, columns=self.columns
            )
            frame, decisions, more = self.wanted.read(frame, self.name, lambda row: f"row {rows[row]}")
            return replace(self._decide(frame, decisions, digest, [*notes, *more]), lines=rows, unit="row")
        notes: list[str] = []
        if self.encoding is not None or (content := plain_utf8(data)) is None:
            decoded_text, notes = decode(data, self.name, self.encoding)
            content = decoded_text.encode()
        del data
        cells = parse_csv(content, self.name, self.dialect)
        del content
        return self._of_cells(cells, digest, notes)

    def csv_parts(
        self, head: bytes, stream: IO[bytes], dialect: Dialect, begin: int, size: int
    ) -> Iterator[Table]:
        """The table of a CSV file a part at a time.

        Args:
            head: its first bytes.
            stream: the others.
            dialect: how it is written.
            begin: where its rows begin.
            size: bytes to read at a time.
        """
        asked = replace(self, dialect=dialect)
        start, rows, done = head[:begin], head[begin:], 0
        while rows:
            more = stream.read(size)
            cut = _end_of_rows(rows if more else rows + b"\n", dialect.sep or ",")
            if not cut and done and not more:
                return
            part = start + rows[:cut]
            cells = None
            if cut and plain_utf8(part) is not None:
                cells = regular_cells(part, self.name, dialect)
            if cells is None:
                # Replace finished lines by blank ones: they contain no row, and every line keeps its number.
                yield asked.table(start + b"\n" * done + rows + more + stream.read())
                return
            yield asked._of_cells(replace(cells, lines=cells.lines + done), "", [])
            done += len(cells.lines)
            rows = rows[cut:] + more

    def parquet_parts(self) -> Iterator[Table]:
        done = 0
        for frame, notes in parquet_parts(self.source, self.name, PART_ROWS):
            lines = np.arange(done, done + len(frame), dtype=np.int64) + 1
            yield replace(self._of_frame(frame, notes, ""), lines=lines, unit="row")
            done += len(frame)

    def _of_frame(self, frame: pd.DataFrame, notes: Sequence[str], digest: str) -> Table:
        """The table of a frame whose text is read as that of other files is."""
        frame, decisions, more = self.wanted.read(frame, self.name, lambda row: f"row {row + 1}")
        return self._decide(frame, decisions, digest, [*notes, *more])

    def _of_cells(self, cells: Cells, digest: str, notes: Sequence[str]) -> Table:
        lines, read = cells.lines, cells.notes
        frame, decisions, more = read_text_columns(self.wanted, cells, self.name)
        return replace(self._decide(frame, decisions, digest, [*notes, *read, *more]), lines=lines)

    def _decide(
        self, frame: pd.DataFrame, decisions: Mapping[str, Decision], digest: str, notes: Sequence[str]
    ) -> Table:
        readings = {name: decision.reading for name, decision in decisions.items()}
        words = {name: decision.words for name, decision in decisions.items() if decision.words}
        table = self._with(readings, frame, digest, notes)
        return replace(table, numerals=self.wanted.hints.numerals, words=words)

    def _with(
        self, readings: Mapping[str, Reading], frame: pd.DataFrame, digest: str, notes: Sequence[str]
    ) -> Table:
        if absent := [shown(name) for name in self.text if name not in frame.columns]:
            raise RequestError(f"{self.name}: no column {', '.join(absent)} to read as text.")
        with_readings(frame, readings)
        return Table(frame=frame, source=self.source, sha256=digest, notes=tuple(notes))
