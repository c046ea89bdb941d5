"""Predictions of files that come in parts, with ids: those of the whole file, every line by its own number."""

import functools
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cli_cases import QUICK, command, mixed_table, shrinkage
from shrinkage import tables
from shrinkage._errors import RequestError
from shrinkage.cli.commands._predict import predict
from shrinkage.tables import read_parts, read_table


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    frame = mixed_table().drop(columns=["price", "weight"]).assign(key=[f"{i:04d}" for i in range(80)])
    frame.to_csv(folder / "train.csv", index=False)
    done = shrinkage(
        "fit", folder / "train.csv", "-t", "three", "-o", folder / "m", "--id", "key", "--id", "id", *QUICK
    )
    assert done.returncode == 0, done.stderr
    return folder


def in_parts(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(tables, "read_parts", functools.partial(read_parts, size=size))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "sep=,\n", "\ufeff"])
@pytest.mark.parametrize("size", [70, 150, 10**6])
def test_parts_are_the_rows_of_the_whole_file(tmp_path, size, start, end):
    rows = "".join(f'{i},"a, {i % 3}",{i / 4}{end}' for i in range(40))
    (tmp_path / "t.csv").write_text(f"{start}n,word,x{end}{rows}", newline="")
    whole, parts = read_table(tmp_path / "t.csv"), list(read_parts(tmp_path / "t.csv", size=size))
    pd.testing.assert_frame_equal(
        pd.concat([part.frame for part in parts], ignore_index=True), whole.frame, check_dtype=False
    )
    where = [part.where(row) for part in parts for row in range(len(part.frame))]
    assert where == [whole.where(row) for row in range(40)]
    assert (len(parts) > 2) == (size < 10**6)


@pytest.mark.parametrize(
    "odd, message",
    [
        ('30,"two\nlines",1\n', ""),
        ("30,a\n", "line 32: 2 fields where the header has 3"),
        ('30,"a,1\n', "line 32"),
    ],
)
def test_a_row_that_is_no_line_ends_the_parts_with_the_right_line(tmp_path, odd, message):
    text = "n,word,x\n" + "".join(f"{i},a,1\n" for i in range(30)) + odd + "31,b,2\n"
    (tmp_path / "t.csv").write_text(text)
    parts = read_parts(tmp_path / "t.csv", size=60)
    if message:
        with pytest.raises(RequestError, match=message):
            list(parts)
        return
    found = list(parts)
    assert sum(len(table.frame) for table in found) == 32
    assert len(found) > 2
    assert found[-1].where(len(found[-1].frame) - 1) == "line 34"


def test_bytes_that_are_no_utf8_are_named_by_their_line(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"n,word\n" + b"1,a\n" * 40 + "2,é\n".encode("latin-1") + b"3,b\n")
    with pytest.raises(RequestError, match=r"line 42, byte 3: 0xE9 is not UTF-8"):
        list(read_parts(tmp_path / "t.csv", size=50))


@pytest.mark.parametrize("name", ["new.csv", "new.parquet"])
def test_predictions_of_parts_are_those_of_the_whole(folder, tmp_path, monkeypatch, capsys, name):
    frame = pd.read_csv(folder / "train.csv", dtype={"key": str}).drop(columns="three")
    frame.loc[[5, 60], "colour"] = "pink"
    frame.to_csv(tmp_path / name, index=False) if name.endswith("csv") else frame.to_parquet(tmp_path / name)
    predict(folder / "m", str(tmp_path / name), out=tmp_path / "whole.csv", proba=True, interval=0.2)
    whole, told = pd.read_csv(tmp_path / "whole.csv", dtype={"key": str}), capsys.readouterr().err
    in_parts(monkeypatch, 2000)
    monkeypatch.setattr("shrinkage.tables.read._read_table.PART_ROWS", 30)
    for out in ("parts.csv", "parts.parquet"):
        predict(folder / "m", str(tmp_path / name), out=tmp_path / out, proba=True, interval=0.2)
        parts = (
            pd.read_csv(tmp_path / out, dtype={"key": str})
            if out.endswith("csv")
            else pd.read_parquet(tmp_path / out)
        )
        pd.testing.assert_frame_equal(parts, whole, check_dtype=False, rtol=1e-6)
        assert capsys.readouterr().err == told
    assert whole.columns[:3].tolist() == ["key", "id", "three"]
    assert whole["key"].tolist() == frame["key"].tolist()
    where = "line 7" if name.endswith("csv") else "row 6"
    assert f"'pink' in 2 rows, first in {where}" in told
    shares = whole.filter(like="probability of")
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    predict(folder / "m", str(tmp_path / name), out=tmp_path / "whole.csv", interval=0.2, proba=True)  # again


def test_a_wrong_cell_of_a_late_part_leaves_no_predictions(folder, tmp_path, monkeypatch):
    text = (folder / "train.csv").read_text().splitlines()
    text[70] = "wide" + text[70][text[70].index(",") :]
    text[75] = "tall" + text[75][text[75].index(",") :]
    (tmp_path / "new.csv").write_text("\n".join(text) + "\n")
    in_parts(monkeypatch, 1500)
    with pytest.raises(
        RequestError, match=r"line 71: column 'size' is 'wide', not a number \(2 such cells\)"
    ):
        predict(folder / "m", str(tmp_path / "new.csv"), out=tmp_path / "p.csv")
    assert not (tmp_path / "p.csv").exists()


def test_standard_input_and_output(folder, tmp_path, monkeypatch, capsys):
    text = (folder / "train.csv").read_text()
    predict(folder / "m", str(folder / "train.csv"))
    expected = capsys.readouterr().out
    done = subprocess.run(command("predict", folder / "m", "-"), input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == expected
    in_parts(monkeypatch, 1500)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    predict(folder / "m", "-")
    printed = pd.read_csv(io.StringIO(capsys.readouterr().out), dtype=str)
    pd.testing.assert_frame_equal(printed, pd.read_csv(io.StringIO(expected), dtype=str))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"id": ["nothing"]}, "--id nothing: train.csv has no such column"),
        ({"id": ["three"]}, "what the model predicts"),
    ],
)
def test_ids_that_cannot_be_carried_are_refused(folder, options, message):
    with pytest.raises(RequestError, match=message):
        predict(folder / "m", str(folder / "train.csv"), **options)


def test_a_file_without_the_ids_of_the_model_is_predicted_with_a_word(folder, tmp_path, capsys):
    pd.read_csv(folder / "train.csv").drop(columns=["key"]).to_csv(tmp_path / "new.csv", index=False)
    predict(folder / "m", str(tmp_path / "new.csv"), id=["smoker"])
    said = capsys.readouterr()
    assert "new.csv has no column 'key' to carry into the predictions" in said.err
    assert said.out.startswith("id,smoker,three\n")


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of dates with the year first."""
    folder = tmp_path_factory.mktemp("dated")
    days = pd.date_range("2024-01-01", periods=60).astype(str)
    pd.DataFrame({"day": days, "n": range(60), "y": [i % 7 + 0.5 for i in range(60)]}).to_csv(
        folder / "train.csv", index=False
    )
    fit = ["fit", folder / "train.csv", "-t", "y", "-o", folder / "m", "--keep-columns", "n", *QUICK]
    assert shrinkage(*fit).returncode == 0
    return folder / "m"


@pytest.mark.parametrize("last, first", [("25/01/2024", "2024-02-01"), ("01/25/2024", "2024-01-02")])
def test_the_order_of_a_date_is_that_of_all_parts(dated, tmp_path, monkeypatch, capsys, last, first):
    rows = ["01/02/2024", *["2024-03-05"] * 80, last]
    plain = [first, *["2024-03-05"] * 80, "2024-01-25"]
    for name, days in (("t.csv", rows), ("plain.csv", plain)):
        (tmp_path / name).write_text("day,n\n" + "".join(f"{day},{i}\n" for i, day in enumerate(days)))
    found = []
    for name, size in (("plain.csv", 10**6), ("t.csv", 200), ("t.csv", 10**6)):
        in_parts(monkeypatch, size)
        predict(dated, str(tmp_path / name))
        found.append([float(line) for line in capsys.readouterr().out.split()[1:]])
    np.testing.assert_allclose(found[1:], found[:1] * 2, rtol=1e-5)


def test_dates_without_an_order_are_refused_in_any_part(dated, tmp_path, monkeypatch):
    rows = ["2024-03-05", *["01/02/2024", "03/04/2024"] * 40]
    (tmp_path / "t.csv").write_text("day,n\n" + "".join(f"{day},{i}\n" for i, day in enumerate(rows)))
    in_parts(monkeypatch, 200)
    with pytest.raises(
        RequestError, match="line 3: column 'day' is '01/02/2024', not a date of a known order"
    ):
        predict(dated, str(tmp_path / "t.csv"))


def test_dates_of_standard_input_take_no_order_from_their_part(dated, monkeypatch):
    rows = ["2024-03-05", *["2024-03-06"] * 40, "01/02/2024", "25/01/2024"]
    text = "day,n\n" + "".join(f"{day},{i}\n" for i, day in enumerate(rows))
    in_parts(monkeypatch, 200)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    with pytest.raises(
        RequestError, match="line 43: column 'day' is '01/02/2024', not a date of a known order"
    ):
        predict(dated, "-")
