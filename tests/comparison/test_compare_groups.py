"""Groups: rows of one patient stay together in outer and inner folds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from comparison_cases import table_of
from shrinkage import compare
from shrinkage._errors import RequestError
from shrinkage.cli import app
from shrinkage.comparison import Splitting
from shrinkage.comparison._splits import check_groups, splits
from shrinkage.tables import split_target

FAST = [
    "--methods",
    "l2",
    "--lambdas",
    "0,0.01",
    "--folds",
    "3",
    "--repeats",
    "1",
    "--inner-folds",
    "2",
    "--epochs",
    "2",
]
OPTIONS: Any = {
    "methods": ["l2"],
    "lambdas": [0, 0.01],
    "folds": 3,
    "repeats": 1,
    "inner_folds": 2,
    "epochs": 2,
}
SAID = "The rows of each 'patient' stay together in outer and inner folds: 12 groups."


def visits(task: str = "classification") -> tuple[pd.DataFrame, np.ndarray]:
    """(n, 4) rows, 2 to 9 of each of 12 patients, and the patient of each."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(12), rng.integers(2, 10, 12))
    rng.shuffle(patients)
    frame = pd.DataFrame(rng.standard_normal((len(patients), 3)), columns=list("abc"))
    frame["y"] = np.where(frame["a"] > 0, "yes", "no") if task == "classification" else frame["a"] ** 2
    return frame, patients


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_no_group_is_on_both_sides_of_a_fold(task: str):
    frame, patients = visits(task)
    problem = split_target(table_of(frame), "y")
    found = list(splits(problem, Splitting(folds=3, repeats=2, inner_folds=2), patients))
    assert (np.bincount(np.concatenate([split.test for split in found])) == 2).all()
    assert {tuple(split.test) for split in found[:3]} != {tuple(split.test) for split in found[3:]}
    for split in found:
        assert not np.intersect1d(patients[split.train], patients[split.test]).size
        for fold in split.folds:
            assert fold.validation is not None
            assert not np.intersect1d(patients[fold.train], patients[fold.validation]).size
            assert np.array_equal(np.sort(np.concatenate([fold.train, fold.validation])), split.train)


def test_a_group_for_each_row_leaves_folds_of_about_one_size():
    frame, _ = visits("regression")
    problem = split_target(table_of(frame), "y")
    found = list(splits(problem, Splitting(folds=3, repeats=1), np.arange(len(frame))))
    sizes = [len(split.test) for split in found]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    "groups, message",
    [
        ([0, 1], "3 outer and 2 inner folds need at least 3 groups, got 2"),
        ([0, 1, 2], "class 'yes' is in 1 of 3 groups, too few for every training set"),
    ],
)
def test_too_few_groups_are_refused(groups: list[int], message: str):
    frame, patients = visits()
    own = np.array(groups)[patients % len(groups)]
    frame["y"] = np.where(own == 0, "yes", "no")
    problem = split_target(table_of(frame), "y")
    with pytest.raises(RequestError, match=message):
        check_groups(problem, Splitting(folds=3, inner_folds=2), own)


def test_training_rows_with_fewer_groups_than_inner_folds_are_refused():
    frame, patients = visits("regression")
    problem = split_target(table_of(frame), "y")
    with pytest.raises(RequestError, match="outer split 0 trains on 2"):
        check_groups(problem, Splitting(folds=3, inner_folds=3), patients % 3)


def test_the_function_takes_groups():
    frame, patients = visits()
    named = pd.Series(patients, name="patient")
    grouped = compare(frame[list("abc")], frame["y"], groups=named, **OPTIONS)
    plain = compare(frame[list("abc")], frame["y"], **OPTIONS)
    assert SAID in grouped.notes
    assert "in whole groups by 'patient'" in str(grouped)
    assert grouped.runs[1].test_loss.tolist() != plain.runs[1].test_loss.tolist()


@pytest.mark.parametrize(
    "groups, message", [([1, 2], "one group per row"), ([None] + [1] * 200, "missing in 1 of")]
)
def test_wrong_groups_are_refused(groups: list, message: str):
    frame, patients = visits()
    own = groups if len(groups) == 2 else groups[: len(patients)]
    with pytest.raises(RequestError, match=message):
        compare(frame[list("abc")], frame["y"], groups=own)


def test_the_command_takes_a_column_and_resumes_with_the_same(tmp_path: Path):
    frame, patients = visits()
    frame.assign(patient=[f"p{i}" for i in patients]).to_csv(tmp_path / "t.csv", index=False)
    command = ["compare", str(tmp_path / "t.csv"), "--target", "y", *FAST, "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*command, "--group", "patient"])
    assert result.exit_code == 0, result.output
    kept = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert SAID in kept["notes"]
    assert kept["splitting"]["group"] == "patient"
    assert kept["inputs"] == 3
    direct = compare(
        frame[list("abc")],
        frame["y"],
        groups=pd.Series(patients, name="patient"),
        **OPTIONS,
    )
    assert (
        kept["methods"][1]["test_loss"] == json.loads(json.dumps(direct.to_dict()))["methods"][1]["test_loss"]
    )


def test_time_is_refused_with_the_command_that_has_it():
    result = CliRunner().invoke(app, ["compare", "--time", "day"])
    assert "Use shrinkage fit --time" in " ".join(result.output.split())
