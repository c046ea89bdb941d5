"""How numbers are written: read where there is one reading, refused where there are two, never a silent text."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shrinkage._errors import RequestError
from shrinkage.tables import (
    Preprocessor,
    Table,
    check_new_rows,
    check_table,
    read_table,
    without_columns,
    without_missing_targets,
    without_rare_classes,
)
from tables_cases import in_memory, text_table

VALUES = [1223.91, -2.5, 1234567.25, 0.125]


def column(tmp_path: Path, cells: list[str], **options: str) -> Table:
    rows = "".join(f'"{cell}";0\n' for cell in cells)
    return text_table(tmp_path / "t.csv", "a;b\n" + rows, sep=";", **options)


@pytest.mark.parametrize(
    "cells, options, note",
    [
        (["1223,91", "-2,5", "1234567,25", "0,125"], {}, "the comma was read as the decimal point"),
        (["1.223,91", "-2,5", "1.234.567,25", "0,125"], {}, "'.' was read as the thousands separator"),
        (["1,223.91", "-2.5", "1,234,567.25", "0.125"], {}, "',' was read as the thousands separator"),
        (["1.223,91", "-2,5", "1.234.567,25", "0,125"], {"decimal": ",", "thousands": "."}, ""),
        (["1.223,91", "-2,5", "1.234.567,25", "0,125"], {"thousands": "."}, ""),
        (["1 223,91", "-2,5", "1 234 567,25", "0,125"], {"decimal": ",", "thousands": "space"}, ""),
        (["1'223.91", "-2.5", "1'234'567.25", "0.125"], {"thousands": "'"}, ""),
        (["1223.91", "-2.5", "1234567.25", "0.125"], {"decimal": ","}, ""),
    ],
)
def test_what_has_one_reading_is_read(tmp_path: Path, cells: list[str], options: dict[str, str], note: str):
    table = column(tmp_path, cells, **options)
    assert table.frame["a"].tolist() == VALUES
    assert note in " ".join(table.notes)
    assert bool(note) == bool(table.notes)


@pytest.mark.parametrize("cells", [["1,500", "2,750"], ["12.34,5", "1,0"], ["1,23,4", "5,0"], ["1.5", "1,5"]])
def test_what_has_two_readings_or_none_stays_text(tmp_path: Path, cells: list[str]):
    assert column(tmp_path, cells).frame["a"].tolist() == cells


@pytest.mark.parametrize(
    "options",
    [
        {"decimal": ";"},
        {"thousands": "x"},
        {"thousands": ",", "decimal": ","},
        {"thousands": ".", "decimal": "."},
    ],
)
def test_marks_that_cannot_be(tmp_path: Path, options: dict[str, str]):
    with pytest.raises(RequestError, match=r"(decimal|thousands)="):
        column(tmp_path, ["1", "2"], **options)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.lists(st.floats(-1e9, 1e9).map(lambda value: round(value, 2)), min_size=1, max_size=20))
def test_what_a_german_writes_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
):
    swap = str.maketrans(",.", ".,")
    cells = [f"{value:,.2f}".translate(swap) for value in values]
    table = column(tmp_path_factory.getbasetemp(), cells)
    np.testing.assert_array_equal(table.frame["a"], values)


def test_a_few_numbers_in_another_format_are_refused_with_their_line():
    cells = [f"{0.37 * i:.2f}" for i in range(29)]
    table = in_memory(x=[*cells, "1,5"], y=["a", "b"] * 15)
    with pytest.raises(RequestError, match=r"row 30: column .x. holds numbers, but here .1,5."):
        check_table(table, "y")


def new_rows(frame: pd.DataFrame) -> None:
    train = pd.DataFrame(
        {
            "n": np.arange(30) / 3,
            "flag": [True, False] * 15,
            "day": pd.date_range("2024-01-01", periods=30),
            "word": ["u", "v", "w"] * 10,
        }
    )
    check_new_rows(Table(frame=frame, source="new.csv", sha256=""), Preprocessor().fit(train))


GOOD = {"n": 1.5, "flag": True, "day": "2024-02-01", "word": "unseen"}


def test_new_rows_may_have_gaps_words_for_gaps_and_more_columns():
    new_rows(pd.DataFrame([GOOD, dict.fromkeys(GOOD), {**GOOD, "n": "NA", "more": 1}], dtype=object))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"n": "much"}, "row 2: column 'n' is 'much', not a number"),
        ({"n": "1,5"}, "row 2: column 'n' is '1,5'.*--decimal"),
        ({"n": np.inf}, "row 2: column 'n' is infinite"),
        ({"flag": "perhaps"}, "row 2: column 'flag' is 'perhaps', not true or false"),
        ({"day": "soon"}, "row 2: column 'day' is 'soon', not a date"),
    ],
)
def test_new_rows_that_hold_something_else_are_refused(changes: dict[str, object], message: str):
    with pytest.raises(RequestError, match=message):
        new_rows(pd.DataFrame([GOOD, {**GOOD, **changes}], dtype=object))


def test_rows_are_left_out_by_their_line_and_reported(tmp_path: Path):
    rows = "".join(f"{i},{'' if i == 3 else 'ab'[i % 2] if i != 6 else 'c'}\n" for i in range(14))
    table = text_table(tmp_path / "t.csv", "a,y\n" + rows)
    known = without_missing_targets(table, ["y", "none"])
    kept = without_rare_classes(known, ["y"], task="auto", folds=3)
    assert kept.frame["a"].tolist() == [i for i in range(14) if i not in (3, 6)]
    assert [kept.where(row) for row in (2, 3, 5)] == ["line 4", "line 6", "line 9"]
    assert kept.notes == (
        "1 row was left out as requested, whose target is missing.",
        "1 row was left out as requested, of the class 'c'.",
    )
    check_table(kept, "y", folds=3)


def test_rows_of_a_table_without_lines_keep_their_number():
    table = without_missing_targets(in_memory(x=[1.0, 2.0, 3.0], y=["a", None, "b"]), ["y"])
    assert [table.where(row) for row in range(2)] == ["row 1", "row 3"]


@pytest.mark.parametrize("targets, task", [(["y", "z"], "auto"), (["none"], "auto"), (["y"], "regression")])
def test_a_regression_has_no_rare_classes(targets: list[str], task: str):
    table = in_memory(x=[1.0, 2.0], y=[1, 2], z=[1, 2])
    assert without_rare_classes(table, targets, task=task, folds=5) is table


def test_columns_are_left_out_by_name():
    table = without_columns(in_memory(x=[1], y=[2]), ["x"])
    assert list(table.frame) == ["y"]
    assert "'x'" in table.notes[0]
    with pytest.raises(RequestError, match="no column 'X'; did you mean 'x'"):
        without_columns(in_memory(x=[1], y=[2]), ["X"])


def test_points_beside_decimal_commas_are_refused(tmp_path: Path):
    (tmp_path / "t.csv").write_text("a;b\n1,5;1.250\n2,5;3.500\n")
    with pytest.raises(
        RequestError, match=r"'b' holds '1.250', which, given the decimal commas of column 'a'"
    ):
        read_table(tmp_path / "t.csv")
    table = read_table(tmp_path / "t.csv", decimal=",", thousands=".")
    assert table.frame.to_dict("list") == {"a": [1.5, 2.5], "b": [1250, 3500]}
    assert read_table(tmp_path / "t.csv", decimal=".").frame["b"].tolist() == [1.25, 3.5]
