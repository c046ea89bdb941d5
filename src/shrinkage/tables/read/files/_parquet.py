"""Parquet files, whole or a part at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shrinkage._errors import RequestError, shown
from shrinkage.tables._source_table import column_of
from shrinkage.tables.read._exact_numbers import EXACT

__all__ = ["parquet_frame", "parquet_parts"]


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
