"""Tables that come with types: Parquet, and Excel by the library that pandas reads it with."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shrinkage._errors import RequestError, shown
from shrinkage.tables._source_table import column_of
from shrinkage.tables.read._decode import LARGEST
from shrinkage.tables.read._typing import EXACT

__all__ = ["is_workbook", "parquet_frame", "parquet_parts", "workbook_frame"]


def is_workbook(data: bytes) -> bool:
    """Whether the bytes are those of an Excel file (.xlsx)."""
    if not data.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def workbook_frame(data: bytes, name: str, *, header: bool) -> tuple[pd.DataFrame, list[str]]:
    """The first sheet of an Excel file, and what was noticed."""
    try:
        import openpyxl  # pyright: ignore[reportMissingModuleSource] (an extra)
    except ImportError as error:
        raise RequestError(
            f"{name} is an Excel file, which the package openpyxl reads: pip install 'shrinkage[excel]', or save the "
            "sheet as CSV."
        ) from error
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(info.file_size for info in archive.infolist()) > LARGEST:
            raise RequestError(
                f"{name} grows beyond {LARGEST // 2**30} GiB when unpacked: save the sheet as CSV."
            )
    try:
        sheets = [str(sheet) for sheet in openpyxl.load_workbook(io.BytesIO(data), read_only=True).sheetnames]
        cells = pd.read_excel(
            io.BytesIO(data),
            engine="openpyxl",
            header=None,
            dtype=object,
            keep_default_na=False,
            na_values=[""],
        )
    except Exception as error:  # whatever the reader raises, the file is damaged
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise RequestError(f"{name} is not a readable Excel file: {reason}.") from error
    notes = (
        [f"The file has {len(sheets)} sheets; the first, {shown(sheets[0])}, was read."] if sheets[1:] else []
    )
    cells = cells.dropna(how="all").dropna(how="all", axis=1)
    if cells.empty or (header and len(cells) < 2):
        raise RequestError(f"{name}: the sheet {shown(sheets[0])} holds no rows.")
    if header:
        names = ["" if pd.isna(cell) else str(cell).strip() for cell in cells.iloc[0]]
        names = [cell or f"column {i + 1}" for i, cell in enumerate(names)]
        cells = cells.iloc[1:]
    else:
        names = [f"column {i + 1}" for i in range(cells.shape[1])]
    if repeated := sorted({shown(column) for column in names if names.count(column) > 1}):
        raise RequestError(f"{name}: column names appear more than once: {', '.join(repeated)}.")
    typed: Any = cells.set_axis(names, axis=1).reset_index(drop=True).apply(_of_one_type)
    return typed, notes


def _of_one_type(values: pd.Series) -> pd.Series:
    """A column as numbers, dates or truth values where all cells are such, else as text."""
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in ("integer", "floating", "mixed-integer-float", "boolean", "datetime", "date", "time", "empty"):
        typed = values.where(values.notna(), None)
        return typed if kind in ("boolean", "time", "empty") else typed.infer_objects()
    return values.map(_text, na_action="ignore").where(values.notna(), None)


def _text(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def parquet_frame(data: bytes, name: str) -> tuple[pd.DataFrame, list[str]]:
    """The frame of a Parquet file, and what was noticed."""
    with _readable(name):
        table = pq.read_table(io.BytesIO(data))
    return _frame_of(table, name)


def parquet_parts(path: str, name: str, rows: int) -> Iterator[tuple[pd.DataFrame, list[str]]]:
    """The same, so many rows at a time."""
    with _readable(name):
        file = pq.ParquetFile(path)
        if not file.metadata.num_rows:
            yield _frame_of(file.read(), name)
        batches = file.iter_batches(batch_size=rows)
    while True:
        with _readable(name):
            batch = next(batches, None)
        if batch is None:
            return
        yield _frame_of(pa.Table.from_batches([batch]), name)


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, RequestError):
            raise
        reason = str(error).splitlines()[0].rstrip(".")
        raise RequestError(f"{name} is not a readable Parquet file: {reason}.") from error


def _frame_of(table: pa.Table, name: str) -> tuple[pd.DataFrame, list[str]]:
    names = [str(column).strip() for column in table.column_names]
    problems = [
        (
            f"{name}: column {shown(column)} has the extension type {type_}, which can't be read: store it as "
            "a plain type."
        )
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
