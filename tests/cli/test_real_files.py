"""Files as people export them, through the real command line: fit, what is said, and predict on the same file."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cli_cases import QUICKEST, Forking
from real_table_cases import COLUMNS, N, Written

SOME = [case for case in COLUMNS if case.note or case.form == "time"]


def table(cells: list[str]) -> str:
    rows = [f"{cell}|{(37 * i) % 11}|{(53 * i) % 17 + 0.5}" for i, cell in enumerate(cells)]
    return "\n".join(["c|noise|y", *rows]) + "\n"


@pytest.mark.parametrize("case", SOME, ids=lambda case: case.id)
def test_the_reading_is_reported_in_terminal_report_and_model(
    shrinkage: Forking, case: Written, tmp_path: Path
):
    (tmp_path / "t.csv").write_text(table(list(case.cells)))
    done = shrinkage("fit", tmp_path / "t.csv", "-t", "y", "-o", tmp_path / "out", *QUICKEST)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Column 'c'") == bool(case.note)
    assert case.note in done.stderr
    model = json.loads((tmp_path / "out" / "model.json").read_text())
    (column,) = [column for column in model["columns"] if column["name"] == "c"]
    assert column["reading"]["form"] == case.form
    assert case.note in column["reading"]["note"]
    done = shrinkage("predict", tmp_path / "out", tmp_path / "t.csv", "-o", tmp_path / "p.csv")
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(tmp_path / "p.csv")) == len(case.cells)


def test_a_target_with_a_currency_is_a_regression(shrinkage: Forking, tmp_path: Path):
    rows = [f'{i % 7},{i % 5},"${1000 + 37 * i:,.2f}"' for i in range(N)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,price", *rows]) + "\n")
    done = shrinkage("fit", tmp_path / "t.csv", "-t", "price", "-o", tmp_path / "out", *QUICKEST)
    assert done.returncode == 0, done.stderr
    assert "Regression: 'price'" in done.stderr
    assert "their unit '$' was removed" in done.stderr
    done = shrinkage("predict", tmp_path / "out", tmp_path / "t.csv")
    assert np.isfinite([float(line) for line in done.stdout.split()[1:]]).all()


def test_a_row_number_is_left_out_and_can_be_kept(shrinkage: Forking, tmp_path: Path):
    rows = [f"{i + 1},{i % 5},{'abc'[i // 10]}" for i in range(N)]
    (tmp_path / "t.csv").write_text("\n".join(["rownames,size,species", *rows]) + "\n")
    fit = ["fit", tmp_path / "t.csv", "-t", "species", "-o", tmp_path / "out", "--overwrite", *QUICKEST]
    assert "Left out: 'rownames' (it numbers the rows)" in shrinkage(*fit).stderr
    done = shrinkage(*fit, "--keep-columns", "rownames")
    assert done.returncode == 0, done.stderr
    assert "Left out" not in done.stderr


def test_a_leak_is_named(shrinkage: Forking, tmp_path: Path):
    rows = [f"{['none', 'fees', 'service'][i % 3]},{i % 4},{'no' if i % 3 == 0 else 'yes'}" for i in range(N)]
    (tmp_path / "t.csv").write_text("\n".join(["reason,size,left", *rows]) + "\n")
    done = shrinkage("fit", tmp_path / "t.csv", "-t", "left", "-o", tmp_path / "out", *QUICKEST)
    assert done.returncode == 0, done.stderr
    assert "Possible leak: column 'reason' alone reaches 100.0 %" in done.stderr


@pytest.mark.parametrize(
    "option, day_first", [("--day-first", True), ("--month-first", False), (None, False)]
)
def test_the_order_of_a_date_is_chosen_once(
    shrinkage: Forking, tmp_path: Path, option: str | None, day_first: bool
):
    (tmp_path / "t.csv").write_text(table(["03/04/2020", "05/02/2021", "01/06/2020", "02/03/2021"] * 6))
    options = [] if option is None else [option]
    done = shrinkage("fit", tmp_path / "t.csv", "-t", "y", "-o", tmp_path / "out", *QUICKEST, *options)
    assert done.returncode == 0, done.stderr
    assert ("--day-first" in done.stderr) == (option is None)
    (tmp_path / "new.csv").write_text("c|noise\n15/07/2024|1\n")
    done = shrinkage("predict", tmp_path / "out", tmp_path / "new.csv")
    assert (done.returncode == 0) == day_first
    assert day_first or "'15/07/2024', not a date as the training rows hold them, month first" in done.stderr


def test_standard_input_and_a_file_without_a_header(shrinkage: Forking, tmp_path: Path):
    rows = [f"{i % 7} {i % 5} {(i * 3) % 11 + 0.5}" for i in range(N)]
    (tmp_path / "t.dat").write_text("\n".join(rows) + "\n")
    options = ["--sep", r"\s+", "--no-header"]
    fit = ["fit", tmp_path / "t.dat", "-t", "column 3", "-o", tmp_path / "out", *QUICKEST]
    assert "--no-header" in shrinkage(*fit, "--sep", " ").stderr
    assert shrinkage(*fit, *options).returncode == 0
    done = shrinkage("predict", tmp_path / "out", tmp_path / "t.dat", *options)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == N + 1


def test_durations_are_predicted_in_hours_where_that_is_asked_for(shrinkage: Forking, tmp_path: Path):
    rows = [f"{i % 7},{i % 5},{i % 9}:{(7 * i) % 60:02d}" for i in range(N)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,elapsed", *rows]) + "\n")
    fit = ["fit", tmp_path / "t.csv", "-t", "elapsed", "-o", tmp_path / "out", *QUICKEST]
    refused = shrinkage(*fit)
    assert refused.returncode == 2
    assert "Use --task regression to predict them in hours" in refused.stderr
    done = shrinkage(*fit, "--task", "regression")
    assert done.returncode == 0, done.stderr
    assert "Regression, as requested: 'elapsed' in hours." in done.stderr
    done = shrinkage("predict", tmp_path / "out", tmp_path / "t.csv")
    assert np.isfinite([float(line) for line in done.stdout.split()[1:]]).all()


def test_classes_in_two_cases_are_named_in_terminal_and_report(shrinkage: Forking, tmp_path: Path):
    rows = [f"{i % 7}|{['yes', 'no', 'Yes', 'no '][i % 4]}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["a|answer", *rows]) + "\n")
    done = shrinkage("fit", tmp_path / "t.csv", "-t", "answer", "-o", tmp_path / "out", *QUICKEST)
    assert done.returncode == 0, done.stderr
    assert (
        done.stderr.count("Target 'answer' has 'yes' in 10 and 'Yes' in 10 rows, which differ only by case")
        == 1
    )
    assert "which differ only by case" in (tmp_path / "out" / "report.html").read_text()
    assert "'answer' has 3 text values" in done.stderr
