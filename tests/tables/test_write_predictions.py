"""Writing results: what a spreadsheet would run is made harmless, numbers are untouched, a failure loses nothing."""

import csv
import errno
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shrinkage._errors import JobError, RequestError
from shrinkage.tables import write_predictions


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_formula_is_made_text(tmp_path: Path, start: str):
    write_predictions(pd.DataFrame({f"{start}name": [f"{start}cmd", "plain"]}), tmp_path / "out.csv")
    assert rows_of(tmp_path / "out.csv") == [[f"'{start}name"], [f"'{start}cmd"], ["plain"]]


def test_formulas_in_categories_are_found_too(tmp_path: Path):
    write_predictions(pd.DataFrame({"c": pd.Categorical(["=1", "b"])}), tmp_path / "out.csv")
    assert rows_of(tmp_path / "out.csv")[1:] == [["'=1"], ["b"]]


def test_numbers_are_never_altered(tmp_path: Path):
    frame = pd.DataFrame({"p": [-1.5, np.nan, 1e-300], "n": [-1, 0, 2**60], "flag": [True, False, True]})
    write_predictions(frame, tmp_path / "out.csv")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out.csv"), frame)


def test_parquet_keeps_every_cell(tmp_path: Path):
    frame = pd.DataFrame({"c": ["=1+1", None], "p": [0.25, -1.0]})
    write_predictions(frame, tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), frame)


def test_a_missing_folder_is_the_request_and_a_full_disk_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(RequestError, match="cannot be written: No such file"):
        write_predictions(frame, tmp_path / "missing" / "out.csv")
    (tmp_path / "out.csv").write_text("earlier")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(JobError, match="No space left"):
        write_predictions(frame, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "earlier"


@settings(deadline=None, max_examples=100, derandomize=True)
@given(st.lists(st.text(max_size=5), min_size=1, max_size=5))
def test_any_text_is_written_in_its_row(tmp_path_factory: pytest.TempPathFactory, cells: list[str]):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    write_predictions(pd.DataFrame({"c": cells, "i": range(len(cells))}), path)
    found = rows_of(path)[1:]
    assert [row[1] for row in found] == [str(i) for i in range(len(cells))]
    assert [row[0].removeprefix("'") for row in found] == [cell.removeprefix("'") for cell in cells]
