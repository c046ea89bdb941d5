"""From text to columns of text: separator, header, rows of one length, and the line at which each row starts.

The standard library's parser is the one that tells the line of every row, which all messages need.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shrinkage._errors import RequestError, called, shown
from shrinkage.tables.read.files._arrow_csv import arrow_columns, header_cells
from shrinkage.tables.read.files._stray_lines import command_for, is_number, refuse_ruler, titles_or_notes

__all__ = ["Cells", "Dialect", "parse_csv", "regular_cells", "rows_begin", "without_empty_end"]

SEPARATORS = (",", ";", "\t", "|")
HEAD = 200_000
"""So much of a file is looked at for its separator."""
_SEP_LINE = re.compile(r"\"?sep\s?=(?P<sep>[^\r\n\"])\"?(?:(?P=sep)|[,;])*[ \t]*\r?\n", re.IGNORECASE)
_UNSEEN = " \t\r\n\u00a0\u200b\u200e\u200f\u2060\ufeff"
"""Blanks and marks of no width, which don't belong to a column's name."""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """The requested dialect of a CSV file."""

    sep: str | None = None
    """The separator: one character, or a regular expression; None to find it in the file."""
    escape: str | None = None
    """The character that makes a quote a part of its cell; None where it is doubled for that."""
    header: bool = True
    """Whether the first row holds the names of the columns."""
    quote: str = '"'
    """The mark around a cell that holds a separator."""


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The cells of a CSV file by column, unnamed empty columns left out."""

    names: list[str]
    columns: Iterator[pa.ChunkedArray]
    """Text, an empty cell as null; each is parsed when it is asked for."""
    lines: NDArray[np.int64]
    notes: list[str]


def parse_csv(data: bytes, name: str, dialect: Dialect) -> Cells:
    """The columns of a CSV text; every reason why it has none is found in one pass and raised together.

    Args:
        data: the text as UTF-8, without a byte-order mark.
        name: of the file, for messages.
        dialect: how it is written.
    """
    if dialect.escape is not None and (len(dialect.escape) != 1 or dialect.escape in '\r\n"'):
        raise RequestError(f"{called('escape', dialect.escape)}: must be one character, such as \\.")
    dialect, first, head = _find_dialect(data, dialect)
    if dialect.header:
        refuse_ruler(head[first:], name, 1 + (first > 0))
    data, empty = without_empty_end(data, dialect.sep or ",")
    cells = _fast(data, name, dialect, first, head)
    if cells is None:
        cells = _careful(data.decode()[first:], name, dialect, 1 + (first > 0))
    if empty:
        rows = "1 row" if empty == 1 else f"{empty:,} rows"
        cells.notes.append(
            f"{rows} without any value at the end of the file {'was' if empty == 1 else 'were'} left out."
        )
    return cells


def without_empty_end(data: bytes, sep: str) -> tuple[bytes, int]:
    """The text without its last rows if these are nothing but separators, as Excel writes them, and how many they were.

    Blank lines there, and the mark that DOS puts at the end of a file, are left out too.
    """
    end, empty = len(data) - data.endswith(b"\x1a"), 0
    if len(sep) == 1:
        mark = sep.encode()
        while end:
            start = data.rfind(b"\n", 0, end) + 1
            line = data[start:end]
            if line.strip(mark + b' \t\r"') or not start:
                break
            empty += mark in line and bool(line.strip())
            end = start - 1
    if not empty and not data.endswith(b"\x1a") and data.count(b"\n", end) < 2:
        return data, 0
    cut = end < len(data) and data.endswith(b"\r", 0, end)
    return data[: end - cut], empty


def rows_begin(data: bytes, dialect: Dialect) -> tuple[Dialect, int] | None:
    """Start and dialect of the rows of a file; None if a part of it can't be read alone.

    Args:
        data: the first bytes of the file, as UTF-8 without a byte-order mark.
        dialect: how it is written, as far as that was given.
    """
    dialect, first, head = _find_dialect(data, dialect)
    if dialect.escape or dialect.quote != '"' or len(dialect.sep or "") != 1 or not head[:first].isascii():
        return None
    if not dialect.header:
        return dialect, first
    names = header_cells(head[first : head.find("\n", first)].rstrip("\r"), dialect.sep or ",")
    end = data.find(b"\n", first) + 1
    return (dialect, end) if end and names and all(name.strip() for name in names) else None


def regular_cells(data: bytes, name: str, dialect: Dialect) -> Cells | None:
    """The columns of a CSV text whose rows are its lines; None for any other."""
    dialect, first, head = _find_dialect(data, dialect)
    return _fast(data, name, dialect, first, head)


def _find_dialect(data: bytes, dialect: Dialect) -> tuple[Dialect, int, str]:
    """The dialect with its separator, where the text begins behind a `sep=` line, and the text's first part."""
    head = data[:HEAD].decode("utf-8", errors="ignore")
    line = _SEP_LINE.match(head)
    first = 0 if line is None else line.end()
    sep = dialect.sep or (line["sep"] if line else sniff(head[first:], cut=len(head) < len(data)))
    dialect = replace(dialect, sep=_check_separator(sep))
    names = re.split(r"[\r\n]", head[first:].lstrip(), maxsplit=1)[0].split(dialect.sep)
    if len(names) > 1 and all(re.fullmatch(r"\s*'[^']+'\s*", cell) for cell in names):
        dialect = replace(dialect, quote="'")
    return dialect, first, head


def _fast(data: bytes, name: str, dialect: Dialect, first: int, head: str) -> Cells | None:
    if dialect.escape or dialect.quote != '"' or len(dialect.sep or "") != 1 or not head[:first].isascii():
        return None
    end = data.find(b"\n", first) if dialect.header else first - 1
    text = head[first : head.find("\n", first)] if "\n" in head[first:] else ""
    header = header_cells(text.rstrip("\r"), dialect.sep or ",")
    if not header or not text.strip() or end < first - 1 or not any(cell.strip() for cell in header):
        return None
    columns = arrow_columns(data, dialect.sep or ",", len(header), end + 1)
    if columns is None:
        return None
    start = 1 + (first > 0) + dialect.header
    lines = np.arange(start, start + columns.row_count, dtype=np.int64)
    return _name_columns(header if dialect.header else [""] * len(header), columns, lines, name, dialect, [])


def _careful(text: str, name: str, dialect: Dialect, line: int) -> Cells:
    rows, lines = _rows(text, name, dialect, line)
    while len(rows) > 2 and not any(cell.strip() for cell in rows[0]):
        rows, lines = rows[1:], lines[1:]
    sep = dialect.sep or ","
    rows = _without_last_separators(rows)
    header = rows[0] if rows else []
    problems = _ragged_rows(header, rows[1:], lines[1:], name, sep)
    if dialect.header:
        rows, lines = rows[1:], lines[1:]
        if not rows:
            problems.append(f"{name} has a header but no data rows.")
    if problems:
        problems += _bad_names([cell.strip() for cell in header], name, dialect)
        raise RequestError(problems)
    columns = [
        pa.chunked_array([pa.array([cell or None for cell in column], pa.string())])
        for column in zip(*rows, strict=True)
    ]
    names = header if dialect.header else [""] * len(header)
    return _name_columns(names, columns, np.asarray(lines, dtype=np.int64), name, dialect, problems)


def _without_last_separators(rows: list[list[str]]) -> list[list[str]]:
    """Rows without the empty cell that a separator at their end makes, if either only the header or only it has none."""
    widths = {len(row) for row in rows[1:]}
    if len(widths) != 1 or not rows[0]:
        return rows
    width, header = widths.pop(), rows[0]
    if width == len(header) + 1 and not any(row[-1].strip() for row in rows[1:]):
        return [header, *(row[:-1] for row in rows[1:])]
    if 0 < width < len(header) and not any(cell.strip() for cell in header[width:]):
        return [header[:width], *rows[1:]]
    return rows


def _name_columns(
    header: list[str],
    columns: Sequence[pa.ChunkedArray],
    lines: NDArray[np.int64],
    name: str,
    dialect: Dialect,
    problems: list[str],
) -> Cells:
    names, notes = _names(header)
    if problems := [*problems, *_bad_names(names, name, dialect)]:
        raise RequestError(problems)
    keep = [i for i, named in enumerate(names) if named or not dialect.header or _holds_something(columns[i])]
    if len(keep) < len(names):
        notes.append(f"Columns without a name and values were left out: {len(names) - len(keep)}.")
    if dialect.header and (blank := [f"column {i + 1}" for i in keep if not names[i]]):
        notes.append(f"Columns without a name are named by position: {', '.join(blank[:5])}.")
    names = [names[i] or f"column {i + 1}" for i in keep]
    return Cells(names=names, columns=(columns[i] for i in keep), lines=lines, notes=notes)


def _holds_something(column: pa.ChunkedArray) -> bool:
    return any(cell and cell.strip() for cell in column.unique().to_pylist())


def sniff(sample: str, *, cut: bool) -> str:
    """The separator that cuts the first rows most evenly; a comma where none does. The last row may be `cut`."""

    def evenness(sep: str) -> tuple[float, int]:
        try:
            reader = csv.reader(io.StringIO(sample, newline=""), delimiter=sep, skipinitialspace=sep != "\t")
            rows = [row for row in islice(reader, 50) if row]
        except csv.Error:
            return 0.0, 0
        if len(rows) > 1 and cut:
            rows.pop()
        width = len(rows[0]) if rows else 0
        return (0.0, 0) if width < 2 else (sum(len(row) == width for row in rows) / len(rows), width)

    best = max(SEPARATORS, key=evenness)
    return best if evenness(best) > (0.0, 0) else ","


def _check_separator(sep: str) -> str:
    sep = {"\\t": "\t", "tab": "\t", "space": " "}.get(sep, sep)
    if len(sep) > 1 and set(sep) <= {"|", "^", "$", "."}:
        sep = re.escape(sep)
    if not sep or any(mark in sep for mark in '\r\n"'):
        raise RequestError(
            f"{called('sep', sep)}: must be a character, such as ',' ';' '|' or 'tab', or a regular expression, such "
            "as '\\s+'."
        )
    if len(sep) > 1:
        try:
            empty = re.compile(sep).fullmatch("")
        except re.error as error:
            raise RequestError(f"{called('sep', sep)}: is not a regular expression: {error}.") from error
        if empty:
            raise RequestError(
                f"{called('sep', sep)}: matches the empty string, so every character would be a cell."
            )
    return sep


def _rows(text: str, name: str, dialect: Dialect, line: int) -> tuple[list[list[str]], list[int]]:
    """The rows that hold something, and the line at which each starts; `line` is that of the first."""
    sep = dialect.sep or ","
    if len(sep) > 1:
        return _split(text, sep, name, line)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=sep,
        quotechar=dialect.quote,
        skipinitialspace=sep not in "\t ",
        escapechar=dialect.escape,
        strict=True,
    )
    rows: list[list[str]] = []
    lines: list[int] = []
    start = line
    try:
        for row in reader:
            if row and (len(row) > 1 or row[0].strip()):
                rows.append(row)
                lines.append(start)
            start = reader.line_num + line
    except csv.Error as error:
        where = text.split("\n")[start - line : start - line + 1]
        raise RequestError(f"{name}, line {start}: {_sentence(error, ''.join(where), dialect)}") from error
    return rows, lines


def _split(text: str, sep: str, name: str, line: int) -> tuple[list[list[str]], list[int]]:
    """The same by a regular expression; a quoted cell ends in the line in which it begins."""
    blanks = re.fullmatch(sep, " ") is not None
    cell = re.compile(rf'\s*"((?:[^"]|"")*)"\s*(?:(?P<next>{sep})|$)|(?P<plain>.*?)(?:(?P<more>{sep})|$)')
    rows: list[list[str]] = []
    lines: list[int] = []
    for number, whole in enumerate(re.split(r"\r\n|\n|\r", text), start=line):
        row = whole.strip() if blanks else whole
        if not row.strip():
            continue
        cells: list[str] = []
        place, more = 0, True
        while more:
            found = cell.match(row, place)
            if found is None:
                raise RequestError(f"{name}, line {number}: the cells cannot be separated by {sep!r}.")
            cells.append(found["plain"] if found[1] is None else found[1].replace('""', '"'))
            place, more = found.end(), bool(found["next"] or found["more"])
        rows.append(cells)
        lines.append(number)
    return rows, lines


def _sentence(error: csv.Error, text: str, dialect: Dialect) -> str:
    if "unexpected end" in str(error):
        return 'a quote " is opened in the row that starts here but never closed.'
    if "field larger" in str(error):
        return 'a cell of more than 131,072 characters: is a quote " not closed?'
    problem = 'text follows a closing quote "; a quote inside a quoted cell is written twice'
    if '\\"' in text and dialect.escape is None:
        return f"{problem}, or as \\\" with --escape '\\'."
    if (dialect.sep or ",") not in text and re.search(r'"\s+\S', text):
        return f"{problem}. If white space separates the cells, use --sep '\\s+'."
    return f"{problem}."


def _ragged_rows(
    header: list[str], rows: list[list[str]], lines: list[int], name: str, sep: str
) -> list[str]:
    width = len(header)
    wrong = [i for i, row in enumerate(rows) if len(row) != width]
    if not wrong:
        return []
    first = wrong[0]
    start = shown(sep.join(rows[first]))
    if header[0].startswith("#"):
        command = command_for("grep -v '^#'", name)
        return [
            f"{name}, line 1 starts with #: {shown(sep.join(header))}. Remove the comment lines above the header: "
            f"{command}."
        ]
    if any(row[0].lower().strip() == "@data" for row in rows[:1000]):
        command = command_for("sed '1,/^@[Dd][Aa][Tt][Aa]/d'", name)
        return [
            f"{name} is an ARFF file: remove all lines up to @data, then use --no-header, or add a line with the names: "
            f"{command}."
        ]
    if text := titles_or_notes(header, rows, lines, name):
        return [text]
    usual, count = Counter(len(row) for row in rows).most_common(1)[0]
    if width == 1 < usual and count > len(rows) / 2:
        return [
            f"{name}: line 1 is {shown(sep.join(header))}, without {sep!r}, but {count:,} of the {len(rows):,} rows "
            f"below have {usual} fields. Remove any title or comment above the line with the column names."
        ]
    fix = "add or quote what differs, or give another --sep"
    if len(wrong) == len(rows) and all(len(row) == width + 1 for row in rows):
        fix = "if each row starts with its own name, as R writes tables, add a name for it at the start of the header"
    more = "" if len(wrong) == 1 else f" ({len(wrong):,} such rows; next line {lines[wrong[1]]})"
    return [
        f"{name}, line {lines[first]}: {len(rows[first])} fields where the header has {width}{more}: {start}. "
        f"Fields are separated by {sep!r} here; {fix}."
    ]


def _names(header: list[str]) -> tuple[list[str], list[str]]:
    names = [cell.strip().strip(_UNSEEN) for cell in header]
    padded = [shown(cell) for cell, name in zip(header, names, strict=True) if name and cell != name]
    notes = [f"Blanks around column names were removed: {', '.join(padded[:5])}."] if padded else []
    return names, notes


def _bad_names(names: list[str], name: str, dialect: Dialect) -> list[str]:
    if not dialect.header:
        return []
    repeated = [shown(cell) for cell, count in Counter(names).items() if count > 1 and cell]
    numeric = all(map(is_number, names))
    counted = names in ([str(i + k) for i in range(len(names))] for k in (0, 1))
    if not any(names) or (numeric and not counted):
        return [
            f"{name}: the first line holds values, not column names: add a line with the names, or use "
            "--no-header and name columns by position, such as 'column 1'."
        ]
    if repeated:
        values = any(map(is_number, names))
        else_ = " If the first line holds values, use --no-header." if values else ""
        return [
            f"{name}: column names appear more than once: {', '.join(repeated[:10])}. Rename or remove them.{else_}"
        ]
    return []
