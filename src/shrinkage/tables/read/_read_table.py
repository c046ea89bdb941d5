"""Reading a table from a file."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shrinkage._errors import RequestError, shown
from shrinkage.tables._source_table import Table, column_of
from shrinkage.tables.read._csv import parsed, sniffed
from shrinkage.tables.read._decode import decoded, expanded, file_bytes
from shrinkage.tables.read._numerals import asked_numerals
from shrinkage.tables.read._typing import EXACT, Typed, typed

__all__ = ["read_table"]


def read_table(
    path: str | os.PathLike[str],
    *,
    sep: str | None = None,
    encoding: str | None = None,
    na: Sequence[str] = (),
    decimal: str | None = None,
    thousands: str | None = None,
) -> Table:
    """Read a CSV (also gzip, bzip2, xz or zip) or Parquet file; rows keep their order.

    A CSV column becomes numbers only if every cell is one or is missing and nothing is lost by it: leading
    zeros, integers beyond 2^53 and words keep it text. An empty cell or NaN is missing everywhere; words
    such as NA or ? only between numbers, with a note.

    Args:
        path: the file; a Parquet file is known by its first bytes.
        sep: the character between fields; sniffed from the first rows when None.
        encoding: of a text file; when None a byte-order mark decides, else it must be UTF-8.
        na: further words that mean 'missing' in every column.
        decimal: the decimal point of a text file, `.` or `,`; when None it is `.`, or `,` in a column whose cells
            can be read in no other way, with a note.
        thousands: the mark between groups of three digits, one of `, . ' _` or `space`; likewise when None.

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
    data = file_bytes(source)
    name = shown(os.path.basename(source))  # noqa: PTH119
    digest = hashlib.sha256(data).hexdigest()
    if data.startswith(b"PAR1") or source.lower().endswith((".parquet", ".pq")):
        frame, notes = _parquet(data, name)
        return Table(frame=frame, source=source, sha256=digest, notes=tuple(notes))
    text, notes = decoded(expanded(data, name), name, encoding)
    separator = sniffed(text) if sep is None else sep
    cells = parsed(text, name, separator)
    columns = {
        column: typed(values, column, na=frozenset(na), numerals=numerals)
        for column, values in zip(cells.names, cells.columns, strict=True)
    }
    _refuse_doubt(columns, name)
    return Table(
        frame=pd.DataFrame({column: found.values for column, found in columns.items()}),
        source=source,
        sha256=digest,
        notes=(*notes, *cells.notes, *(found.note for found in columns.values() if found.note)),
        lines=cells.lines,
        numerals=numerals,
    )


def _refuse_doubt(columns: Mapping[str, Typed], name: str) -> None:
    """Beside a column with decimal commas, 1.500 is more likely a thousand and a half than one and a half."""
    commas = [column for column, found in columns.items() if found.numerals and found.numerals.decimal == ","]
    doubted = [(column, found.doubt) for column, found in columns.items() if found.doubt]
    if commas and doubted:
        raise RequestError(
            [
                f"{name}: column {shown(column)} holds {shown(cell)}, which beside the decimal commas of column "
                f"{shown(commas[0])} may be a number above a thousand. Say which: --decimal ',' --thousands '.', or "
                "--decimal '.'."
                for column, cell in doubted
            ]
        )


def _parquet(data: bytes, name: str) -> tuple[pd.DataFrame, list[str]]:
    try:
        table = pq.read_table(io.BytesIO(data))
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise RequestError(f"{name} is not a readable Parquet file: {reason}.") from error
    names = [str(column).strip() for column in table.column_names]
    problems = [
        f"{name}: column {shown(column)} has the extension type {type_}, which is not read: store it plainly."
        for column, type_ in zip(names, table.schema.types, strict=True)
        if isinstance(type_, pa.BaseExtensionType)
    ]
    if repeated := sorted({shown(column) for column in names if names.count(column) > 1}):
        problems.append(f"{name}: column names appear more than once: {', '.join(repeated)}.")
    if not table.num_rows:
        problems.append(f"{name} has columns but no rows.")
    if problems:
        raise RequestError(problems)
    table, notes = _exact(table.rename_columns(names))
    frame = table.to_pandas(ignore_metadata=True, date_as_object=False)
    for column in names:
        values = column_of(frame, column)
        if values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) == "decimal":
            frame[column] = values.astype(np.float64)
    return frame, notes


def _exact(table: pa.Table) -> tuple[pa.Table, list[str]]:
    """Integers beyond 2^53 as text, as from a CSV: pandas would round them where one is missing."""
    notes: list[str] = []
    for place, field in enumerate(table.schema):
        if not pa.types.is_integer(field.type):
            continue
        least, most = pc.min_max(table.column(place)).as_py().values()  # pyright: ignore[reportAttributeAccessIssue] (made at import)
        if most is not None and max(-least, most) >= EXACT:
            table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
            notes.append(f"Column {shown(field.name)} was kept as text: it holds integers beyond 2^53.")
    return table, notes
