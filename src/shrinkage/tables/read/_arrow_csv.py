"""The fast way through a regular CSV file: pyarrow's parser, wherever it must find what the careful one does.

Regular is a file whose rows are its lines: UTF-8, one separator, no blank line, quotes only around whole cells that
hold no line break. All others, and all that pyarrow refuses, go to the careful parser, whose messages name the line.
"""

from __future__ import annotations

import csv
import re

import pyarrow as pa
import pyarrow.csv as pacsv

__all__ = ["arrow_columns", "header_cells"]

LONGEST = 131_072
"""A longer cell is more likely a quote that was never closed."""
_BLANK_LINE = re.compile(rb"\n[ \t]*\r?\n|\n[ \t]+\r?\Z")


def arrow_columns(data: bytes, sep: str, names: list[str], first_line: int) -> list[pa.ChunkedArray] | None:
    """The columns of the rows below the header as text, an empty cell as null; None if the file is not regular.

    Args:
        data: the bytes of the file, without a byte-order mark.
        sep: one ASCII character.
        names: of the columns, as many as the header has.
        first_line: where the rows begin, in bytes.
    """
    rows = memoryview(data)[first_line:]
    if not len(rows) or not sep.isascii() or not _is_regular(data, rows, sep):
        return None
    quoted = b'"' in data
    lines = data.count(b"\n", first_line) + (not data.endswith(b"\n"))
    try:
        table = pacsv.read_csv(
            pa.py_buffer(rows),
            read_options=pacsv.ReadOptions(column_names=[str(i) for i in range(len(names))]),
            parse_options=pacsv.ParseOptions(
                delimiter=sep,
                quote_char='"' if quoted else False,
                double_quote=True,
                ignore_empty_lines=False,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types={str(i): pa.string() for i in range(len(names))},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    if table.num_rows != lines or table.num_columns != len(names):
        return None
    return list(table.columns)


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
