"""The fast way through a regular CSV file: pyarrow's parser, wherever it must find what the careful one does.

Regular is a file whose rows are its lines: UTF-8, one separator, no blank line, quotes only around whole cells that
hold no line break. All others, and all that pyarrow refuses, go to the careful parser, whose messages name the line.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from typing import overload

import pyarrow as pa
import pyarrow.csv as pacsv

__all__ = ["ArrowColumns", "arrow_columns", "header_cells"]

LONGEST = 131_072
"""A longer cell is more likely a quote that was never closed."""
WHOLE, GROUPS = 1 << 22, 4
"""Rows of so many bytes are parsed in so many groups of columns, each of half of the columns that are left.

The columns that were read before stay in memory, so the later a group, the smaller it should be.
"""
_BLANK_LINE = re.compile(rb"\n[ \t]*\r?\n|\n[ \t]+\r?\Z")


class ArrowColumns(Sequence[pa.ChunkedArray]):
    """The columns of a regular CSV text, an empty cell as null, parsed a group at a time.

    The text of all columns together is larger than the file: only the group that was asked for last is held.
    """

    def __init__(self, rows: memoryview, sep: str, width: int, *, quoted: bool) -> None:
        """Parse the first group, which finds every row that has another number of cells.

        Args:
            rows: the text below the header.
            sep: one ASCII character.
            width: columns.
            quoted: whether any cell is in quotes.

        Raises:
            pyarrow.ArrowException: the rows don't all have `width` cells.
        """
        self._rows, self._sep, self._width, self._quoted = rows, sep, width, quoted
        self._starts = _halves(width, 1 if len(rows) < WHOLE else GROUPS)
        self._first, self._group = 0, self._parse(0)
        self.row_count: int = self._group.num_rows

    def __len__(self) -> int:
        return self._width

    @overload
    def __getitem__(self, index: int) -> pa.ChunkedArray: ...
    @overload
    def __getitem__(self, index: slice) -> list[pa.ChunkedArray]: ...
    def __getitem__(self, index: int | slice) -> pa.ChunkedArray | list[pa.ChunkedArray]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._width))]
        place = range(self._width)[index]
        pa.default_memory_pool().release_unused()  # what became of the column before
        if (first := max(start for start in self._starts if start <= place)) != self._first:
            del self._group  # before the next one is there
            pa.default_memory_pool().release_unused()
            self._first, self._group = first, self._parse(first)
        return self._group.column(place - first)

    def _parse(self, first: int) -> pa.Table:
        names = [str(i) for i in range(self._width)]
        wanted = names[first : min((start for start in self._starts if start > first), default=None)]
        # A reader of batches: the one of whole tables keeps all columns of the text until it is done.
        batches = pacsv.open_csv(
            pa.py_buffer(self._rows),
            read_options=pacsv.ReadOptions(column_names=names),
            parse_options=pacsv.ParseOptions(
                delimiter=self._sep,
                quote_char='"' if self._quoted else False,
                double_quote=True,
                ignore_empty_lines=False,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.string()),
                include_columns=wanted,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
        return pa.Table.from_batches(list(batches), schema=batches.schema)


def _halves(width: int, groups: int) -> list[int]:
    """Where so many groups of columns begin, each having half of those that are left."""
    starts = [0]
    for _ in range(groups - 1):
        if (rest := width - starts[-1]) > 1:
            starts.append(starts[-1] + (rest + 1) // 2)
    return starts


def arrow_columns(data: bytes, sep: str, width: int, first_line: int) -> ArrowColumns | None:
    """The columns of the rows below the header; None if the file is not regular.

    Args:
        data: the bytes of the file, without a byte-order mark.
        sep: one ASCII character.
        width: columns of the header.
        first_line: where the rows begin, in bytes.
    """
    rows = memoryview(data)[first_line:]
    if not len(rows) or not sep.isascii() or not _is_regular(data, rows, sep):
        return None
    lines = data.count(b"\n", first_line) + (not data.endswith(b"\n"))
    try:
        columns = ArrowColumns(rows, sep, width, quoted=b'"' in data)
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    return columns if columns.row_count == lines else None


def _is_regular(data: bytes, rows: memoryview, sep: str) -> bool:
    if b"\0" in data or data.count(b"\r") != data.count(b"\r\n"):
        return False
    if _BLANK_LINE.search(data, len(data) - len(rows) - 1, len(data) - data.endswith(b"\n")):
        return False
    if b'"' not in data:
        return True
    mark = re.escape(sep.encode())
    cell = re.compile(rb"(?<![^" + mark + rb'\n])"(?:[^"\r\n]|"")*+"(?=' + mark + rb"|\r?\n|\Z)")
    quotes = data.count(b'"', len(data) - len(rows))
    inside = 0
    for found in cell.finditer(rows):
        if found.end() - found.start() > LONGEST:
            return False
        inside += found[0].count(b'"')
    return quotes == inside


def header_cells(line: str, sep: str) -> list[str] | None:
    """The cells of a header of one line, or None where the careful parser is needed for it."""
    try:
        rows = list(csv.reader([line], delimiter=sep, skipinitialspace=sep != "\t", strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None
