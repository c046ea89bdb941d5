"""Writing predictions so that a spreadsheet that opens them runs nothing."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow
import pyarrow.parquet

from shrinkage._errors import JobError, RequestError, shown
from shrinkage._files import atomic_file

__all__ = ["as_csv", "has_columns", "predictions_file", "write_predictions"]

PARQUET = (".parquet", ".pq")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_predictions(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table of results as CSV or, where the name ends in `.parquet`, as Parquet; atomically.

    In a CSV a text cell or column name that a spreadsheet would run as a formula (it starts with = + - @,
    a tab or a line break) gets an apostrophe before it; numbers, such as -1.5, are never altered.

    Args:
        frame: the rows, in their order; the index is not written.
        path: the file; an existing one is replaced.

    Raises:
        RequestError: the folder is missing or may not be written to.
        JobError: the disk is full or fails; an earlier file is intact.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "out.csv"
        >>> write_predictions(pd.DataFrame({"class": ["=1+1", "b"], "p": [-1.5, 2.0]}), path)
        >>> path.read_text().splitlines()
        ['class,p', "'=1+1,-1.5", 'b,2.0']
    """
    with predictions_file(path) as add:
        add(frame)


@contextmanager
def predictions_file(path: str | os.PathLike[str]) -> Iterator[Callable[[pd.DataFrame], None]]:
    """The same for a table that comes in parts: returns a function that adds one. All parts have the same columns.

    Nothing is at `path` until the block has ended well.
    """
    target = Path(path)
    if target.suffix.lower() in (".xlsx", ".xls", ".ods", ".json", ".feather") or target.is_dir():
        raise RequestError(
            f"{shown(str(target))}: results are written as CSV (.csv) or Parquet (.parquet): name such a file."
        )
    try:
        with atomic_file(target) as file:
            if target.suffix.lower() in PARQUET:
                yield from _as_parquet(file)
            else:
                yield lambda frame: _add_csv(file, frame)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise RequestError(f"{shown(str(target))} cannot be written: {error.strerror}.") from error
    except OSError as error:
        raise JobError(f"{shown(str(target))} cannot be written: {error.strerror or error}.") from error


def _add_csv(file: BinaryIO, frame: pd.DataFrame) -> None:
    file.write(as_csv(frame, header=not file.tell()).encode())


def _as_parquet(file: BinaryIO) -> Iterator[Callable[[pd.DataFrame], None]]:
    writer: pyarrow.parquet.ParquetWriter | None = None

    def add(frame: pd.DataFrame) -> None:
        nonlocal writer
        schema = None if writer is None else writer.schema
        table = pyarrow.Table.from_pandas(frame, schema=schema, preserve_index=False)
        if writer is None:
            writer = pyarrow.parquet.ParquetWriter(file, table.schema)
        writer.write_table(table)

    yield add
    if writer is not None:
        writer.close()


def has_columns(path: Path, columns: Sequence[str]) -> bool:
    """Whether the file is one that `write_predictions` may have written of a table with these columns."""
    if path.suffix.lower() in PARQUET:
        try:
            return pyarrow.parquet.read_schema(path).names == list(columns)
        except pyarrow.ArrowException:
            return False
    header = as_csv(pd.DataFrame(columns=list(columns))).encode()
    with path.open("rb") as file:
        return file.read(len(header)) == header


def as_csv(frame: pd.DataFrame, *, header: bool = True) -> str:
    """The rows as CSV text in which a spreadsheet finds no formula, as `write_predictions` writes it.

    Example:
        >>> as_csv(pd.DataFrame({"@name": ["-x"], "n": [-1]}))
        "'@name,n\\n'-x,-1\\n"
    """
    harmless = frame.set_axis([_harmless(str(name)) for name in frame.columns], axis=1)
    for place, (_, values) in enumerate(harmless.items()):
        if not pd.api.types.is_numeric_dtype(values.dtype):
            harmless.isetitem(place, values.astype(object).map(_harmless))
    # Python's writer leaves a lone carriage return unquoted, which other readers take for the end of a row
    text = [*harmless.columns, *harmless.select_dtypes(exclude="number").to_numpy(dtype=object).ravel()]
    returns = any(isinstance(cell, str) and "\r" in cell for cell in text)
    quoting = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    return harmless.to_csv(index=False, header=header, lineterminator="\n", quoting=quoting)


def _harmless(value: object) -> object:
    return "'" + value if isinstance(value, str) and value.startswith(_FORMULA) else value
