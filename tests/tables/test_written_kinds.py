"""Each kind of column that people write: what it is read as, the note on it, and how later rows are read."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from real_table_cases import COLUMNS, LATER, N, Written, days
from shrinkage._errors import RequestError
from shrinkage.tables import (
    Preprocessor,
    Reading,
    check_new_rows,
    check_table,
    notes_on_new_rows,
    read_parts,
    read_table,
)
from shrinkage.tables.read.dates._dates import moment_of
from tables_cases import text_table

NUMBERS = [case for case in COLUMNS if case.form == "number"]
OTHERS = [case for case in COLUMNS if case.form != "number"]


def lines(cells: list[str], name: str = "c") -> str:
    """A file whose second column is noise, separated by a mark that no cell holds."""
    rows = [f"{cell}|{(37 * i) % 11}|{(53 * i) % 17 + 0.5}" for i, cell in enumerate(cells)]
    return "\n".join([f"{name}|noise|y", *rows]) + "\n"


@pytest.mark.parametrize("case", [*COLUMNS, *LATER], ids=lambda case: case.id)
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


@pytest.mark.parametrize("case", [*COLUMNS, *LATER], ids=lambda case: case.id)
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


@pytest.mark.parametrize(
    "trained, cells",
    [
        ("{:,.2f}", ["12,34", "1,234"]),
        ("${:,.2f}", ["$12,34", "$1,234"]),
        ("{:,.2f}", ["1.234,00", "8,302.00"]),
        ("{:.2f}", ["12,5", "12.5"]),
    ],
)
def test_a_slip_among_later_numbers_does_not_decide_the_marks_of_the_others(
    trained: str, cells: list[str], tmp_path: Path
):
    fitted = Preprocessor().fit(
        text_table(
            tmp_path / "t.csv", lines([trained.format(1000.5 + 37 * i) for i in range(N)]), sep="|"
        ).frame
    )
    new = text_table(tmp_path / "new.csv", lines(cells), sep="|", like=fitted)
    assert new.frame["c"].tolist() == cells
    with pytest.raises(RequestError, match=r"line 2: column 'c' is"):
        check_new_rows(new, fitted)


def test_later_numbers_that_are_all_written_in_another_way_are_read_so_with_a_note(tmp_path: Path):
    fitted = Preprocessor().fit(
        text_table(tmp_path / "t.csv", lines([f"{1000.5 + 37 * i:,.2f}" for i in range(N)]), sep="|").frame
    )
    new = text_table(tmp_path / "new.csv", lines(["1.234,50", "12,34"]), sep="|", like=fitted)
    assert new.frame["c"].tolist() == [1234.5, 12.34]
    assert any("decimal" in note for note in new.notes)


def test_a_number_of_seconds_among_milliseconds_is_a_slip():
    counts = [1_700_000_000_000 + 60_000 * i for i in range(N)]
    with pytest.warns(UserWarning, match="milliseconds since 1970"):
        fitted = Preprocessor().fit(pd.DataFrame({"ts": counts, "noise": [0.5 * i for i in range(N)]}))
    with pytest.warns(UserWarning, match=r"1700500000 in row 2 \(counted from 1\) is not a date"):
        fitted.transform(pd.DataFrame({"ts": [1_700_000_000_000, 1_700_500_000], "noise": 0}))


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


@pytest.mark.parametrize("typed", [True, False], ids=["typed", "ISO text"])
def test_later_dates_take_an_order_that_rows_show_and_are_gaps_without_one(typed: bool, tmp_path: Path):
    dates = pd.Series(pd.date_range("2024-01-01", periods=N))
    frame = pd.DataFrame({"c": dates if typed else dates.astype(str), "noise": [0.5 * i for i in range(N)]})
    fitted = Preprocessor().fit(frame)
    day = fitted.feature_names_out.index("c: day")
    new = pd.DataFrame({"c": ["02/01/2024", "15/01/2024", "02.01.2024", "2024-01-02"], "noise": 0})
    assert fitted.transform(new)[:, day].tolist() == [2, 15, 2, 2]
    assert fitted.transform(new[1:])[:, day].tolist() == [15, 2, 2]
    with pytest.warns(UserWarning, match=r"in row 1 \(counted from 1\) is not a date of a known order"):
        fitted.transform(new[:1])
    new[:1].to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(RequestError, match="line 2: column 'c' is '02/01/2024', not a date of a known order"):
        check_new_rows(read_table(tmp_path / "new.csv", like=fitted), fitted)


def test_new_rows_that_contradict_each_other_show_no_order():
    fitted = Preprocessor().fit(
        pd.DataFrame({"c": pd.date_range("2024-01-01", periods=N), "noise": [0.5 * i for i in range(N)]})
    )
    new = pd.DataFrame({"c": ["02.01.2024", "31/01/2024", "01/15/2024", "05/06/2024"], "noise": 0})
    day = fitted.feature_names_out.index("c: day")
    with pytest.warns(UserWarning, match="of a known order"):
        found = fitted.transform(new)[:, day]
    assert found[1:3].tolist() == [31, 15]
    with pytest.warns(UserWarning, match="of a known order"):
        assert found[0] == fitted.transform(new[::3])[0, day]


@pytest.mark.parametrize("written", ["%d-%b", "%b %d", "%d/%m %H:%M"])
def test_typed_dates_are_days_of_any_year_where_the_training_text_had_none(written: str):
    days = pd.Series(pd.date_range("2023-02-20", periods=60))
    fitted = Preprocessor().fit(pd.DataFrame({"c": days.dt.strftime(written), "noise": 0.5 * np.arange(60)}))
    new = pd.Series(pd.to_datetime(["2024-02-29 00:00", "2023-03-01 00:00", "1999-12-31 13:00", None]))
    expected = pd.Series(pd.to_datetime(["2000-02-29 00:00", "2000-03-01 00:00", "2000-12-31 13:00", None]))
    number = fitted.feature_names_out.index("c: day number")
    found = fitted.transform(pd.DataFrame({"c": new, "noise": 0}))[:, number]
    offset = next(column.offset for column in fitted.columns if column.name == "c")
    since = (expected - pd.Timestamp("2000-01-01")) / pd.Timedelta(days=1)
    np.testing.assert_allclose(found[:3] + offset, since[:3])


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
        ("Mittwoch, 20. Dezember 2023", "2023-12-20"),
        ("le 5 août 2024", "2024-08-05"),
        ("2024年1月5日", "2024-01-05"),
        ("2024-01-05T08:05:00+01:00[Europe/Berlin]", "2024-01-05T07:05"),
        ("2024-01-05 24:00", "2024-01-06"),
        ("2024-01-05 24:01", None),
        ("2024/01/05 1:45:12 PM GMT+1", "2024-01-05T12:45:12"),
        ("2024/01/05 1:45:12 AM GMT-5:30", "2024-01-05T07:15:12"),
        ("2024-01-05 13:45 MEZ", "2024-01-05T12:45"),
        ("2024w2", "2024-01-08"),
        ("2024-01-05 13:45:07 +0100 CET", "2024-01-05T12:45:07"),
        ("Fri Jan 5 13:45:07 2024 +0100", "2024-01-05T12:45:07"),
        ("2024/1/5 下午 1:45:12", "2024-01-05T13:45:12"),
        ("2024-01-05 오전 1:45", "2024-01-05T01:45"),
        ("T499", None),
        ("S123", None),
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
        ('"sep=;"\na;b\n1;x\n2;y\n', {}, {"a": [1, 2], "b": ["x", "y"]}),
        ("sep=;;;\na;b\n1;x\n2;y\n", {}, {"a": [1, 2], "b": ["x", "y"]}),
        ("a||b\n1||x\n2||y\n", {"sep": "||"}, {"a": [1, 2], "b": ["x", "y"]}),
        ("a,b\n1,x,\n2,y,\n", {}, {"a": [1, 2], "b": ["x", "y"]}),
        ("a,b,\n1,x\n2,y\n", {}, {"a": [1, 2], "b": ["x", "y"]}),
        (",,\na,b\n1,x\n2,y\n", {}, {"a": [1, 2], "b": ["x", "y"]}),
        ("a,b\n1,x\n2,y\n\x1a", {}, {"a": [1, 2], "b": ["x", "y"]}),
        ("'a','b'\n'1','x,z'\n'2','y'\n", {}, {"a": [1, 2], "b": ["x,z", "y"]}),
        ("\u200ba,b\u00a0\n1,x\n2,y\n", {}, {"a": [1, 2], "b": ["x", "y"]}),
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


@pytest.mark.parametrize("end", ["", "\n"])
def test_rows_without_a_value_at_the_end_are_left_out_with_a_note(tmp_path: Path, end: str):
    table = text_table(tmp_path / "t.csv", "a,b\r\n1,x\r\n,\r\n2,y\r\n,\r\n, \r\n" + end)
    assert table.frame["b"].tolist() == ["x", None, "y"]
    assert table.notes[0] == "2 rows without any value at the end of the file were left out."


def test_units_that_have_nothing_to_do_with_each_other_are_refused_with_the_line(tmp_path: Path):
    cells = [f"{3 * i}.5 {'pears' if i % 2 else 'heads'}" for i in range(N)]
    table = text_table(tmp_path / "t.csv", lines(cells), sep="|")
    with pytest.raises(
        RequestError, match=r"line 3: column 'c' holds numbers with a unit, but here '3\.5 pears'"
    ):
        check_table(table, "y", folds=2)


def test_a_model_of_dates_written_as_numbers_takes_them_as_numbers_too(tmp_path: Path):
    table = text_table(tmp_path / "t.csv", lines(days("%Y%m%d")), sep="|")
    fitted = Preprocessor().fit(table.frame[["c", "noise"]])
    numbers = table.frame[["c", "noise"]].assign(c=table.frame["c"].astype(int))
    np.testing.assert_array_equal(fitted.transform(numbers), fitted.transform(table.frame))


@pytest.mark.parametrize("word", ["Total", "Grand total", "Summe", "合計"])
def test_a_last_row_that_sums_up_is_pointed_out(tmp_path: Path, word: str):
    rows = [f"{'ab'[i % 2]},{i % 7},{i % 5 + 0.5}" for i in range(N)]
    said = check_table(
        text_table(tmp_path / "t.csv", "\n".join(["shop,n,y", *rows, f"{word},90,75"]) + "\n"), "y", folds=2
    )
    assert any(f"t.csv, line {N + 2}: column 'shop' is {word!r}" in sentence for sentence in said)
    said = check_table(text_table(tmp_path / "t.csv", "\n".join(["shop,n,y", *rows]) + "\n"), "y", folds=2)
    assert not any("sums up" in sentence for sentence in said)


def test_words_for_missing_in_a_target_are_named(tmp_path: Path):
    table = text_table(
        tmp_path / "t.csv", "a,y\n" + "\n".join(f"{i % 7},{i}.5" for i in range(N)) + "\n3,unknown\n"
    )
    with pytest.raises(
        RequestError, match=r"missing in 1 of 31 rows \(line 32; 'unknown' read as missing\): fill"
    ):
        check_table(table, "y", folds=2)


def test_words_for_missing_in_later_numbers_are_reported(tmp_path: Path):
    fitted = Preprocessor().fit(
        text_table(tmp_path / "t.csv", lines([f"{i}.5" for i in range(N)]), sep="|").frame
    )
    new = text_table(tmp_path / "new.csv", lines(["1.5", "unknown", "-", "unknown"]), sep="|", like=fitted)
    notes = notes_on_new_rows(new, fitted, ["y"])
    assert "new.csv: column 'c' has 'unknown' in 2 cells, '-' in 1 cell: read as missing." in notes


def test_text_in_a_parquet_file_is_read_as_in_any_other(tmp_path: Path):
    frame = pd.DataFrame(
        {
            "lon": [f"{i / 7:.3f}{'EW'[i % 2]}" for i in range(N)],
            "day": days("%d/%m/%Y"),
            "zip": [["00501", "10001"][i % 2] for i in range(N)],
            "y": [f"{i}.5 kg" for i in range(N)],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.csv", index=False)
    tables = [read_table(tmp_path / name) for name in ("t.parquet", "t.csv")]
    pd.testing.assert_frame_equal(*(table.frame for table in tables), check_dtype=False)
    assert tables[0].readings == tables[1].readings
    assert tables[0].notes == tables[1].notes
    fitted = Preprocessor().fit(tables[1].frame[["lon", "day"]])
    parts = list(read_parts(tmp_path / "t.parquet", like=fitted))
    np.testing.assert_array_equal(fitted.transform(parts[0].frame), fitted.transform(tables[1].frame))


@pytest.mark.parametrize(
    "pattern, values",
    [
        ("{}½", [0.5, 1.5]),
        ("{} 1/4", [0.25, 1.25]),
        ('{}-3/4"', [0.75, 1.75]),
        ("{}y 6m", [0.5, 1.5]),
        ("{} years, 3 months", [0.25, 1.25]),
    ],
)
def test_a_fraction_is_part_of_its_number(pattern: str, values: list[float], tmp_path: Path):
    table = text_table(tmp_path / "t.csv", lines([pattern.format(i) for i in range(N)]), sep="|")
    np.testing.assert_allclose(table.frame["c"][:2], values)


@pytest.mark.parametrize(
    "cells", [["1-", "1", "2+", "2"], ["3-1/2/4", "a"], ["1/2", "3/4"], ["+", "-", "++"]]
)
def test_marks_of_a_school_are_words(cells: list[str], tmp_path: Path):
    table = text_table(tmp_path / "t.csv", lines((cells * N)[:N]), sep="|")
    assert table.readings["c"].form == "text"


def test_a_minus_before_a_letter_that_is_one_is_refused(tmp_path: Path):
    cells = [f"{i}.5{'EW'[i % 2]}" for i in range(N)]
    fitted = Preprocessor().fit(text_table(tmp_path / "t.csv", lines(cells), sep="|").frame)
    new = text_table(tmp_path / "new.csv", lines(["1.5W", "-2.5W"]), sep="|", like=fitted)
    with pytest.raises(RequestError, match=r"line 3: column 'c' is '-2\.5W', not a number"):
        check_new_rows(new, fitted)
    table = text_table(tmp_path / "t.csv", lines([*cells, "-2.5W"]), sep="|")
    with pytest.raises(RequestError, match=r"numbers with letters, as in '-2\.5W'"):
        check_table(table, "y", folds=2)
