"""Sheets of Excel files, by the library that pandas reads them with."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import RequestError, shown
from shrinkage.tables.read.files._decode import LARGEST

__all__ = ["workbook_frame"]


def workbook_frame(
    data: bytes, name: str, *, header: bool, columns: Sequence[str] = ()
) -> tuple[pd.DataFrame, NDArray[np.int64], list[str]]:
    """A sheet of an Excel file, the rows of the sheet from 1 in which its rows stand, and what was noticed.

    It is the first visible sheet with a table that has the wanted columns, or else the first with a table.

    Args:
        data: the bytes of the file.
        name: of the file, for messages.
        header: whether the first row of the table holds the names of its columns.
        columns: names of columns that the table must have, as far as they are known.
    """
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
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        shown_ones = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        sheets = {str(sheet.title): sheet for sheet in shown_ones or book.worksheets}
        found = {title: _Sheet.of(sheet, header) for title, sheet in sheets.items()}
    except Exception as error:  # whatever the reader raises, the file is damaged
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise RequestError(f"{name} is not a readable Excel file: {reason}.") from error
    title = _choose_sheet(found, columns, name)
    sheet = found[title]
    _refuse_formulas(data, name, title, sheet)
    notes = [f"The file has {len(found)} sheets; {shown(title)} was read."] if len(found) > 1 else []
    names = sheet.names
    if repeated := sorted({shown(column) for column in names if names.count(column) > 1}):
        raise RequestError(f"{name}: column names appear more than once: {', '.join(repeated)}.")
    typed: Any = sheet.cells.set_axis(names, axis=1).apply(_of_one_type)
    return typed, sheet.rows, [*notes, *sheet.notes]


@dataclass(frozen=True)
class _Sheet:
    """The table of a sheet: its rows and columns that hold something, below a title if it has one."""

    names: list[str]
    cells: pd.DataFrame
    """(n, p) objects, None for an empty cell."""
    rows: NDArray[np.int64]
    """(n,) where they stand in the sheet, from 1."""
    places: list[int]
    """(p,) where its columns stand in the sheet, from 0."""
    notes: list[str]

    @classmethod
    def of(cls, sheet: Any, header: bool) -> _Sheet:
        """The table of a sheet of openpyxl."""
        sheet.reset_dimensions()  # which some programs write wrongly
        read = [[_value(cell) for cell in row] for row in sheet.iter_rows()]
        held = [i for i, row in enumerate(read) if any(cell is not None for cell in row)]
        width = max((len(read[i]) for i in held), default=0)
        rows = [[*read[i], *[None] * (width - len(read[i]))] for i in held]
        top = _names_begin(rows) if header else 0
        notes = []
        if top:
            first = next(str(cell) for cell in rows[0] if cell is not None)
            what = "row above the names of the columns was" if top == 1 else "rows above the names were"
            notes.append(f"{top} {what} left out: {shown(first)}{', …' if top > 1 else ''}.")
        rows, held = rows[top:], held[top:]
        places = [j for j in range(width) if any(row[j] is not None for row in rows)]
        names = [f"column {i + 1}" for i in range(len(places))]
        if header and rows:
            names = [_name(rows[0][j]) or names[i] for i, j in enumerate(places)]
            rows, held = rows[1:], held[1:]
        table = {i: _percents_alike([row[j] for row in rows]) for i, j in enumerate(places)}
        return cls(
            names, pd.DataFrame(table, dtype=object), np.array(held, dtype=np.int64) + 1, places, notes
        )


class _Percent(float):
    """A number that the sheet shows as a percent."""


def _value(cell: Any) -> Any:
    """What a cell holds; a number that is shown as a percent as such, blanks as nothing."""
    value = cell.value
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, int | float) and not isinstance(value, bool) and "%" in (cell.number_format or ""):
        return _Percent(value)
    return value


def _percents_alike(cells: list[Any]) -> list[Any]:
    """Percents as a CSV file has them, `12%`, where no number of the column is shown in another way."""
    if any(isinstance(cell, int | float) and type(cell) is not _Percent for cell in cells):
        return [float(cell) if type(cell) is _Percent else cell for cell in cells]
    return [f"{100 * cell:.15g}%" if type(cell) is _Percent else cell for cell in cells]


def _names_begin(rows: list[list[Any]]) -> int:
    """The place of the row with the names of the columns: the first that is no title over a few of them."""
    for i, row in enumerate(rows[:20]):
        held = [cell for cell in row if cell is not None]
        if 2 * len(held) >= len(row) > 1 and not (len(held) == 1 and row[0] is not None):
            names = all(isinstance(cell, str | datetime) or cell in range(1800, 2200) for cell in held)
            return i if names else 0
    return 0


def _name(cell: Any) -> str:
    """The name of a column, a day without its hours."""
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    return "" if cell is None else str(cell).strip()


def _choose_sheet(found: dict[str, _Sheet], columns: Sequence[str], name: str) -> str:
    """The title of the sheet to read."""
    tables = {
        title: sheet for title, sheet in found.items() if len(sheet.cells) > 1 and len(sheet.names) > 1
    } or {title: sheet for title, sheet in found.items() if len(sheet.cells)}
    if not tables:
        only = f"the sheet {shown(next(iter(found)))} holds" if len(found) == 1 else "its sheets hold"
        raise RequestError(f"{name}: {only} no rows.")
    absent = {title: len(set(columns) - set(sheet.names)) for title, sheet in tables.items()}
    best = min(tables, key=lambda title: absent[title])
    if len(tables) > 1 and columns and absent[best] == len(set(columns)):
        named = f"column{'s' * (len(columns) > 1)} {', '.join(map(shown, columns))}"
        held = "; ".join(
            f"{shown(title)} has {', '.join(map(shown, sheet.names[:10]))}{', …' if sheet.names[10:] else ''}"
            for title, sheet in tables.items()
        )
        raise RequestError(f"{name}: no sheet has the {named}. Sheet {held}.")
    return best


def _refuse_formulas(data: bytes, name: str, title: str, sheet: _Sheet) -> None:
    """Refuse columns of formulas whose results the file doesn't hold: openpyxl and some exports write such."""
    import openpyxl  # pyright: ignore[reportMissingModuleSource] (an extra)

    held = sheet.cells.notna().sum().to_numpy()
    empty = {
        place: named for place, named, count in zip(sheet.places, sheet.names, held, strict=True) if not count
    }
    if not empty:
        return
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
    for row in book[title].iter_rows(min_row=int(sheet.rows[0]), max_row=int(sheet.rows[-1])):
        for place in empty:
            if place < len(row) and row[place].data_type == "f":
                raise RequestError(
                    f"{name}: column {shown(empty[place])} holds formulas without their results. Open the file in a "
                    "spreadsheet program and save it, or save the sheet as CSV."
                )


def _of_one_type(values: pd.Series) -> pd.Series:
    """A column as numbers, dates or truth values where all cells are such, else as text."""
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in ("integer", "floating", "mixed-integer-float", "boolean", "datetime", "date", "time", "empty"):
        typed = values.where(values.notna(), None)
        return typed if kind in ("boolean", "time", "empty") else typed.infer_objects()
    return values.map(_text, na_action="ignore").where(values.notna(), None)


def _text(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
