"""Sheets of Excel as people make them: titles, several sheets, cells with a format, formulas, errors."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from shrinkage import RequestError
from shrinkage.tables import Preprocessor, Table, check_new_rows, check_table, read_table
from tables_cases import text_table

openpyxl = pytest.importorskip("openpyxl", reason="needs the extra 'excel'")
N = 12
NAMES = ("size", "share", "when", "y")


def cells(i: int) -> list[Any]:
    return [1.5 * i, (7 * i % 10) / 10, datetime(2024, 1, 1) + timedelta(days=9 * i), i % 5 + 0.5]


def put(sheet: Any, *, top: int = 1, left: int = 1) -> None:
    """A table in a sheet: the column `share` is shown as percents."""
    for i, row in enumerate([NAMES, *map(cells, range(N))]):
        for j, cell in enumerate(row):
            sheet.cell(top + i, left + j, cell)
        if i:
            sheet.cell(top + i, left + 1).number_format = "0%"


def read(folder: Path, fill: Callable[[Any], None], *, columns: Sequence[str] = (), **options: Any) -> Table:
    book = openpyxl.Workbook()
    fill(book)
    book.save(folder / "t.xlsx")
    return read_table(folder / "t.xlsx", columns=columns, **options)


def titled(book: Any) -> None:
    book.active["A1"] = "Sales of 2024"
    put(book.active, top=3)


def under_groups(book: Any) -> None:
    book.active["B2"] = "what it is"
    book.active["D2"] = "what it makes"
    book.active.merge_cells("B2:C2")
    put(book.active, top=3, left=2)


def behind_a_cover(book: Any) -> None:
    book.active.title = "Cover"
    book.active["A1"] = "All data of 2024"
    put(book.create_sheet("Data"))


def behind_a_hidden_list(book: Any) -> None:
    book.active.sheet_state = "hidden"
    put(book.active)
    book.active["A1"] = "hidden size"
    put(book.create_sheet("Data"))
    book.active = 1


def behind_the_meaning_of_columns(book: Any) -> None:
    for row in [("column", "meaning"), *((name, f"the {name}") for name in NAMES)]:
        book.active.append(row)
    put(book.create_sheet("Data"))


@pytest.mark.parametrize(
    "fill, said",
    [
        (titled, "1 row above the names of the columns was left out: 'Sales of 2024'."),
        (under_groups, "1 row above the names of the columns was left out: 'what it is'."),
        (behind_a_cover, "The file has 2 sheets; 'Data' was read."),
        (behind_a_hidden_list, ""),
        (behind_the_meaning_of_columns, "The file has 2 sheets; 'Data' was read."),
    ],
)
def test_the_table_is_found_in_the_sheets(tmp_path: Path, fill: Callable[[Any], None], said: str):
    table = read(tmp_path, fill, columns=["y"])
    assert list(table.frame.columns) == list(NAMES)
    assert table.frame["y"].tolist() == [i % 5 + 0.5 for i in range(N)]
    assert said in table.notes or not said


def test_a_column_in_no_sheet_is_refused_with_the_columns_of_each(tmp_path: Path):
    with pytest.raises(
        RequestError, match=r"no sheet has the column 'z'\. Sheet 'Sheet' has 'column', 'mean"
    ):
        read(tmp_path, behind_the_meaning_of_columns, columns=["z"])


def test_rows_are_numbered_as_the_sheet_does(tmp_path: Path):
    def fill(book: Any) -> None:
        titled(book)
        book.active.cell(8, 4).value = None

    with pytest.raises(RequestError, match=r"target 'y' is missing in 1 of 12 rows \(row 8\)"):
        check_table(read(tmp_path, fill), "y", folds=2)


def test_a_cell_shown_as_a_percent_is_what_a_csv_file_holds(tmp_path: Path):
    table = read(tmp_path, lambda book: put(book.active))
    assert table.frame["share"].tolist() == [7 * i % 10 * 10 for i in range(N)]
    fitted = Preprocessor().fit(table.frame)
    rows = "\n".join(f"{x},{share:.0%},{day:%d/%m/%Y},{y}" for x, share, day, y in map(cells, range(N)))
    new = text_table(tmp_path / "t.csv", ",".join(NAMES) + "\n" + rows + "\n", like=fitted)
    check_new_rows(new, fitted)
    assert (fitted.transform(new.frame) == fitted.transform(table.frame)).all()


def test_percents_beside_plain_numbers_keep_the_values_of_the_sheet(tmp_path: Path):
    def fill(book: Any) -> None:
        put(book.active)
        book.active.cell(2, 2, 3.5).number_format = "General"

    assert read(tmp_path, fill).frame["share"].tolist()[:2] == [3.5, 0.7]


def test_an_error_in_a_cell_is_missing_and_said(tmp_path: Path):
    def fill(book: Any) -> None:
        put(book.active)
        book.active["A3"] = "#DIV/0!"

    table = read(tmp_path, fill)
    assert table.frame["size"].isna().tolist() == [False, True, *[False] * (N - 2)]
    assert any("'#DIV/0!' in 1 cell read as missing" in note for note in table.notes)


def test_formulas_without_results_are_refused(tmp_path: Path):
    def fill(book: Any) -> None:
        put(book.active)
        book.active["E1"] = "double"
        for i in range(2, N + 2):
            book.active.cell(i, 5, f"=A{i}*2")

    with pytest.raises(RequestError, match="column 'double' holds formulas without their results"):
        read(tmp_path, fill)


def test_a_day_as_the_name_of_a_column_has_no_hours(tmp_path: Path):
    def fill(book: Any) -> None:
        put(book.active)
        book.active["A1"] = datetime(2024, 5, 1)

    assert read(tmp_path, fill).frame.columns[0] == "2024-05-01"


def test_later_sheets_may_write_numbers_in_another_way(tmp_path: Path):
    """As in a CSV file: a decimal comma in text has one reading."""
    fitted = Preprocessor().fit(read(tmp_path, lambda book: put(book.active)).frame)

    def fill(book: Any) -> None:
        put(book.active)
        for i in range(2, N + 2):
            book.active.cell(i, 1, f"{i},25")

    table = read(tmp_path, fill, like=fitted)
    check_new_rows(table, fitted)
    assert fitted.transform(table.frame)[0, 0] == 2.25


def test_a_later_table_is_not_said_to_hold_the_words_of_the_first(tmp_path: Path):
    rows = "\n".join(f"{'unknown' if i == 4 else i + 0.5}|{i % 3}" for i in range(N))
    table = text_table(tmp_path / "t.csv", f"a|b\n{rows}\n", sep="|")
    assert any("'unknown' in 1 cell" in note for note in table.notes)
    fitted = Preprocessor().fit(table.frame)
    assert not text_table(
        tmp_path / "n.csv", f"a|b\n{rows.replace('unknown', '1.5')}\n", sep="|", like=fitted
    ).notes


def test_text_is_read_as_dates_by_all_its_rows_where_training_had_cells_of_dates(tmp_path: Path):
    fitted = Preprocessor().fit(read(tmp_path, lambda book: put(book.active)).frame[["when"]])
    moments = [cells(i)[2] for i in range(N)]
    for pattern in ("%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d"):
        new = pd.DataFrame({"when": [moment.strftime(pattern) for moment in moments]})
        assert (fitted.transform(new) == fitted.transform(pd.DataFrame({"when": moments}))).all()
    with pytest.warns(UserWarning, match="2 cells are not dates of a known order"):
        fitted.transform(pd.DataFrame({"when": ["01/02/2024", "03/04/2024"]}))
