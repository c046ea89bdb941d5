"""Each kind of column that people write: what it is read as, what is said of it, and how later rows are read."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from real_table_cases import COLUMNS, N, Written, days
from shrinkage._errors import RequestError
from shrinkage.tables import Preprocessor, Reading, check_table, read_table
from shrinkage.tables.read._dates import moment_of
from tables_cases import text_table

NUMBERS = [case for case in COLUMNS if case.form == "number"]
OTHERS = [case for case in COLUMNS if case.form != "number"]


def lines(cells: list[str], name: str = "c") -> str:
    """A file whose second column is noise, separated by a mark that no cell holds."""
    rows = [f"{cell}|{(37 * i) % 11}|{(53 * i) % 17 + 0.5}" for i, cell in enumerate(cells)]
    return "\n".join([f"{name}|noise|y", *rows]) + "\n"


@pytest.mark.parametrize("case", COLUMNS, ids=lambda case: case.id)
def test_each_kind_of_column_is_recognized_and_reported(case: Written, tmp_path: Path):
    table = text_table(tmp_path / "t.csv", lines(list(case.cells)), sep="|")
    reading = table.readings["c"]
    assert reading.form == case.form
    assert case.note in reading.note
    said = " ".join([*table.notes, *check_table(table, "y", folds=2)])
    assert case.note in said
    if case.values is not None:
        np.testing.assert_allclose(np.asarray(table.frame["c"][: len(case.values)], float), case.values)
    assert Reading.from_dict(reading.to_dict()) == reading


@pytest.mark.parametrize("case", COLUMNS, ids=lambda case: case.id)
@pytest.mark.filterwarnings("ignore:Column")
def test_a_frame_of_the_same_text_gives_the_same_inputs(case: Written, tmp_path: Path):
    table = text_table(tmp_path / "t.csv", lines(list(case.cells)), sep="|")
    read = Preprocessor().fit(table.frame[["c", "noise"]])
    raw = pd.read_csv(tmp_path / "t.csv", sep="|", dtype=str, keep_default_na=False)[["c", "noise"]]
    fitted = Preprocessor().fit(raw)
    assert fitted.feature_names_out == read.feature_names_out
    np.testing.assert_array_equal(fitted.transform(raw), read.transform(table.frame))
    assert read.columns[0].used


@pytest.mark.parametrize("case", [case for case in COLUMNS if case.new], ids=lambda case: case.id)
def test_later_rows_are_read_by_the_same_rule(case: Written, tmp_path: Path):
    table = text_table(tmp_path / "t.csv", lines(list(case.cells)), sep="|")
    fitted = Preprocessor().fit(table.frame[["c", "noise"]])
    new = text_table(tmp_path / "new.csv", lines(list(case.new)), sep="|", like=fitted)
    np.testing.assert_array_equal(
        fitted.transform(new.frame)[:, 0], fitted.transform(table.frame)[: len(case.new), 0]
    )


def test_another_unit_in_later_rows_stays_text_to_be_refused(tmp_path: Path):
    fitted = Preprocessor().fit(
        text_table(tmp_path / "t.csv", lines([f"{3 * i} kg" for i in range(N)]), sep="|").frame
    )
    new = text_table(tmp_path / "new.csv", lines(["3 kg", "5 lb"]), sep="|", like=fitted)
    assert new.frame["c"].tolist() == ["3 kg", "5 lb"]


def test_a_day_first_model_reads_every_later_date_so(tmp_path: Path):
    table = text_table(tmp_path / "t.csv", lines(days("%d/%m/%Y")), sep="|")
    fitted = Preprocessor().fit(table.frame[["c", "noise"]])
    new = text_table(tmp_path / "new.csv", lines(["02/01/2024"]), sep="|", like=fitted)
    assert fitted.transform(new.frame)[0, 0] == (pd.Timestamp("2024-01-02") - pd.Timestamp("2000-01-01")).days


def test_given_options_override_the_inferred_reading(tmp_path: Path):
    cells = ["03/04/2020", "05/02/2021", "01/06/2020", "02/03/2021"] * 6
    for first in (True, False):
        table = text_table(tmp_path / "t.csv", lines(cells), sep="|", day_first=first)
        assert table.readings["c"].day_first is first
    assert (
        text_table(tmp_path / "t.csv", lines(["1", "2"] * 9), sep="|", text=["c"]).readings["c"].form
        == "text"
    )
    with pytest.raises(RequestError, match="no column 'd' to read as text"):
        text_table(tmp_path / "t.csv", lines(["1", "2"] * 9), sep="|", text=["d"])


@pytest.mark.parametrize(
    "cell, expected",
    [
        ("2024-02-30", None),
        ("29 Feb 2024", "2024-02-29"),
        ("5th of March 2024", "2024-03-05"),
        ("Tue, 05 Mar 2024 13:05:00 +0200", "2024-03-05T11:05"),
        ("2024-W02", "2024-01-08"),
        ("Mar 5 13:05:07 2024", "2024-03-05T13:05:07"),
        ("1/5/24 1:05 pm", "2024-01-05T13:05"),
        ("31.12.1999", None),
        ("soon", None),
    ],
)
def test_one_date(cell: str, expected: str | None):
    found = moment_of(cell, day_first=False)
    assert found == (None if expected is None else pd.Timestamp(expected).to_pydatetime())


@pytest.mark.parametrize(
    "content, options, frame",
    [
        ("sep=;\na;b\n1;x\n2;y\n", {}, {"a": [1, 2], "b": ["x", "y"]}),
        ("a  b\n1   x\n  2 y\n", {"sep": r"\s+"}, {"a": [1, 2], "b": ["x", "y"]}),
        ('a::b\n1::x y\n2::"q::r"\n', {"sep": "::"}, {"a": [1, 2], "b": ["x y", "q::r"]}),
        ('a,b\n1,"x \\" q"\n2,y\n', {"escape": "\\"}, {"a": [1, 2], "b": ['x " q', "y"]}),
        ("1,x\n2,y\n", {"header": False}, {"column 1": [1, 2], "column 2": ["x", "y"]}),
    ],
)
def test_files_as_other_programs_write_them(tmp_path: Path, content: str, options: dict, frame: dict):
    assert text_table(tmp_path / "t.csv", content, **options).frame.to_dict("list") == frame


def test_the_line_of_a_row_counts_the_line_of_the_separator(tmp_path: Path):
    table = text_table(tmp_path / "t.csv", "sep=;\na;b\n1;x\n")
    assert table.where(0) == "line 3"


@pytest.mark.parametrize("quote", ["", '"'])
def test_the_fast_way_reads_what_the_careful_one_does(tmp_path: Path, quote: str):
    rows = [f"{i},{quote}w{i % 7}{quote},{i / 3:.3f},2024-01-{1 + i % 28:02d}" for i in range(300)]
    content = "n,w,x,d\n" + "\n".join(rows) + "\n"
    fast = text_table(tmp_path / "t.csv", content)
    careful = text_table(tmp_path / "t.csv", content.replace("299,", '"299",', 1) + "\n \n")
    pd.testing.assert_frame_equal(fast.frame, careful.frame)
    assert fast.where(250) == careful.where(250) == "line 252"


def test_a_sheet_of_excel_is_read_like_a_file(tmp_path: Path):
    pytest.importorskip("openpyxl", reason="needs the extra 'excel'")
    frame = pd.DataFrame(
        {"price": [f"${1000 + i:,}.50" for i in range(12)], "n": range(12), "day": days("%d/%m/%Y", 12)}
    )
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    table = read_table(tmp_path / "t.xlsx")
    assert table.frame["price"].tolist() == [1000.5 + i for i in range(12)]
    assert table.frame["n"].tolist() == list(range(12))
    assert table.readings["day"].form == "date"
    (tmp_path / "bad.xlsx").write_bytes((tmp_path / "t.xlsx").read_bytes()[:-300])
    with pytest.raises(RequestError, match=r"bad\.xlsx"):
        read_table(tmp_path / "bad.xlsx")
