"""Checking a table: every problem a sentence, all of them at once; and the split into features and target."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shrinkage._errors import RequestError
from shrinkage.tables import BUNDLED, Table, bundled_table, check_table, split_target
from tables_cases import in_memory, text_table

N = 30
X = np.random.default_rng(0).normal(size=N)
AB = ["a", "b"] * (N // 2)


@pytest.mark.parametrize(
    "table, target, options, message",
    [
        (in_memory(x=X, y=AB), "Y", {}, r"no column 'Y'; did you mean 'y'\?"),
        (in_memory(x=X, income=AB), "incme", {}, "did you mean 'income'"),
        (in_memory(x=X, income=X, tax=X), "income,tax", {}, "one by one: --target income --target tax"),
        (in_memory(x=X, y=AB), "quality", {}, r"no column 'quality'. The columns are 'x', 'y'\."),
        (in_memory(**{"a;b;y": ["1;2;3"] * N}), "y", {}, "separated by ';': --sep ';'"),
        (in_memory(**{"a\ty": ["1\t2"] * N}), "y", {}, r"separated by '\\t': --sep tab"),
        (in_memory(x=X, y=AB), [], {}, "no target column was named"),
        (in_memory(x=X, y=X), ["y", "y"], {}, "names 'y' more than once"),
        (in_memory(x=X, y=["a"] * N), "y", {}, r"one value \('a'\): there is nothing to learn"),
        (in_memory(x=X, y=[7] * N), "y", {}, r"one value \(7\)"),
        (in_memory(x=X, y=["a"] * 28 + ["b"] * 2), "y", {}, r"a class with .* the 5 folds: 'b' \(2\)"),
        (in_memory(x=X, y=X), "y", {"folds": 16}, r"need at least 32 rows, found 30"),
        (in_memory(x=X, y=AB), "y", {"folds": 1}, "folds=1: must be at least 2"),
        (in_memory(x=np.where(X > 1, -np.inf, X), y=AB), "y", {}, r"row 7: column 'x' is infinite.*\(3 such"),
        (in_memory(x=[1e39] + [0.0] * 29, y=AB), "y", {}, r"row 1: column 'x' is 1e\+39, beyond 3.4e38"),
        (in_memory(x=X, y=np.where(X > 1, np.inf, X)), "y", {}, "column 'y' is infinite"),
        (in_memory(x=X, y=[None, *AB[1:]]), "y", {}, r"missing in 1 of 30 rows \(row 1\)"),
        (in_memory(x=X, y=[None] * N), "y", {}, "target 'y' is missing in every row: name another column"),
        (
            in_memory(x=X, y=[f"p{i}" for i in range(N)]),
            "y",
            {},
            "30 different values, each in fewer than 5 rows",
        ),
        (
            in_memory(x=np.arange(6006.0), y=[f"hour {i // 6}" for i in range(6006)]),
            "y",
            {},
            "1,001 different values: more than 1,000 are not classes. Name another target",
        ),
        (
            in_memory(**{"a y": ["1 u", "2 v"] * 15}),
            "a y",
            {},
            r"nothing to learn from; if white space .*--sep '\\s\+'",
        ),
        (in_memory(y=AB), "y", {}, r"no column besides the target, so there is nothing to learn from\.$"),
        (
            in_memory(x=[*map(str, X[1:]), "1,234"], y=AB),
            "y",
            {},
            "row 30: column 'x' holds numbers, but .*'1,234'",
        ),
        (in_memory(x=X, y=X), "y", {"task": "classification"}, "30 different numbers.*--task regression"),
        (
            in_memory(x=X, y=["1", "b"] * 15),
            "y",
            {"task": "regression"},
            "row 2: target 'y' is 'b', not a number",
        ),
        (
            in_memory(x=X, y=AB, z=["a", "b", "c"] * 10),
            ["y", "z"],
            {"task": "classification"},
            "target 'z' has 3 different values; of several targets to classify, each must have two",
        ),
        (in_memory(x=X, y=AB, z=["a"] * N), ["y", "z"], {}, "target 'z' has one value"),
        (in_memory(x=X, y=X, z=AB), ["y", "z"], {}, "target 'z' is 'a', not a number"),
        (in_memory(x=X, y=AB), "y", {"task": "clustering"}, "task='clustering': must be"),
    ],
)
def test_a_problem_is_one_sentence(table: Table, target: str, options: dict[str, object], message: str):
    with pytest.raises(RequestError, match=message) as caught:
        check_table(table, target, **options)  # pyright: ignore[reportArgumentType] (a table of cases)
    assert len(caught.value.problems) == 1


def test_repeated_column_names_are_named():
    frame = pd.DataFrame(np.c_[X, X, X], columns=pd.Index(["x", "y", "y"]))
    with pytest.raises(RequestError, match="column name 'y' appears more than once"):
        check_table(Table(frame=frame, source="d.csv", sha256=""), "y")


def test_all_problems_come_together(tmp_path: Path):
    rows = "".join(f"{i},{'inf' if i == 3 else i},,{'' if i == 5 else 'a'}\n" for i in range(30))
    table = text_table(tmp_path / "t.csv", "i,x,e,y\n" + rows)
    with pytest.raises(RequestError) as caught:
        check_table(table, ["y", "Z"])
    said = "\n".join(caught.value.problems)
    for part in (
        "no column 'Z'",
        "line 5: column 'x' is infinite",
        "(line 7)",
        "one value ('a')",
    ):
        assert part in said
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize("name", list(BUNDLED))
def test_bundled_tables_pass(name: str):
    table = bundled_table(name)
    check_table(table, BUNDLED[name])
    problem = split_target(table, BUNDLED[name])
    assert len(problem.target) == len(problem.features) == len(table.frame)
    assert not set(BUNDLED[name]) & set(problem.features)
    assert bundled_table(name).sha256 == table.sha256


def test_there_is_no_other_bundled_table():
    with pytest.raises(RequestError, match=r"no table 'mnist'\. Known: breast_cancer, "):
        bundled_table("mnist")


@pytest.mark.parametrize(
    "columns, leaks",
    [
        ({"x": X, "copy": X, "y": X}, 2),
        ({"x": X, "code": [3, 9] * 15, "y": AB}, 1),
        ({"x": X, "near": ["p", "q"] * 14 + ["q", "p"], "y": AB}, 0),
    ],
)
def test_a_column_that_is_the_target_again_is_noted(columns: dict[str, list[object]], leaks: int):
    notes = check_table(in_memory(**columns), "y")
    assert sum("possible leak" in note for note in notes) == leaks


def test_a_constant_column_is_noted():
    assert "'c' has one value" in " ".join(check_table(in_memory(x=X, c=[1] * N, y=AB), "y"))


def test_an_empty_column_is_noted():
    assert "'e' has no value in any row and is left out" in " ".join(
        check_table(in_memory(x=X, e=[None] * N, y=AB), "y")
    )


def test_codes_with_letters_among_them_are_a_category():
    table = in_memory(x=X.repeat(4), code=(["250", "401", "428"] * 39 + ["V45", "E87", "E88"]), y=AB * 4)
    check_table(table, "y")


@pytest.mark.parametrize(
    "values, task, classes",
    [
        (AB, "classification", ["a", "b"]),
        ([True, False] * 15, "classification", [False, True]),
        ([0, 1] * 15, "classification", [0, 1]),
        ([0.0, 1.0, 2.0] * 10, "classification", [0, 1, 2]),
        (["01", "02"] * 15, "classification", ["01", "02"]),
        (pd.Categorical(AB), "classification", ["a", "b"]),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9] * 3, "regression", None),
        ([0.5, 1.5] * 15, "regression", None),
        (X, "regression", None),
        (range(N), "regression", None),
    ],
)
def test_the_task_is_inferred_from_the_target(values: object, task: str, classes: list[object] | None):
    problem = split_target(in_memory(x=X, y=values), "y")
    assert problem.task == task
    assert problem.reason.lower().startswith(task)
    can_be_either = pd.Series(values).dtype.kind in "if"  # of words there is no regression
    assert ("--task" in problem.reason) == can_be_either
    assert (None if problem.classes is None else problem.classes.tolist()) == classes


def test_the_task_can_be_given():
    regression = split_target(in_memory(x=X, y=[0, 1] * 15), "y", "regression")
    assert regression.target.dtype == np.float64
    assert regression.reason == "Regression, as requested."
    classification = split_target(in_memory(x=X, y=range(N)), "y", "classification")
    assert classification.target.tolist() == list(range(N))
    assert split_target(in_memory(x=X, y=["1", "2.5"] * 15), "y", "regression").target[1] == 2.5


def test_several_targets_are_a_regression():
    problem = split_target(in_memory(x=X, y=[0, 1] * 15, z=X), ["z", "y"])
    assert problem.target.shape == (N, 2)
    assert problem.target_names == ("z", "y")
    np.testing.assert_array_equal(problem.target[:, 0], X)
    assert list(problem.features) == ["x"]


@pytest.mark.parametrize(
    "first, second, pairs, words",
    [
        ([0, 1], [1, 0], ((0, 1), (0, 1)), "two values (--task regression overrides)."),
        ([False, True], ["yes", "no"], ((False, True), ("no", "yes")), "are those of 'yes' in 'q'."),
        ([2, 1], ["x", "y"], ((1, 2), ("x", "y")), "are those of 2 in 'p', 'y' in 'q'."),
    ],
)
def test_several_targets_of_two_values_are_labels(first: Any, second: Any, pairs: Any, words: str):
    table = in_memory(x=X, p=first * 15, q=second * 15)
    check_table(table, ["p", "q"])
    problem = split_target(table, ["p", "q"])
    assert (problem.task, problem.classes, problem.labels) == ("classification", None, pairs)
    for column, values, pair in zip(problem.target.T, (first, second), pairs, strict=True):
        np.testing.assert_array_equal(column, [pair.index(value) for value in values] * 15)
    assert problem.reason.startswith("Multilabel classification")
    assert problem.reason.endswith(words)


@pytest.mark.parametrize(
    "columns, target, task, message",
    [
        ({"x": X, "y": AB}, "z", "auto", "no column 'z'"),
        ({"x": X, "y": AB}, ["x", "y"], "classification", f"target 'x' has {N} different values; of several"),
        ({"x": X, "y": [None, *AB[1:]]}, "y", "auto", "missing"),
        ({"x": X, "y": ["a", "b\0"] * 15}, "y", "auto", "target 'y' holds a NUL character"),
        ({"x": X, "y": AB}, "y", "regression", "row 1: target 'y' is 'a', not a number"),
    ],
)
def test_a_target_that_cannot_be(columns: dict[str, object], target: str, task: str, message: str):
    with pytest.raises(RequestError, match=message):
        split_target(in_memory(**columns), target, task)


@pytest.mark.parametrize(
    "values, what",
    [
        (pd.date_range("2024-01-01", periods=20), "dates"),
        (pd.date_range("2024-01-01", periods=20).date, "dates"),
        (pd.date_range("2024-01-01", periods=20, freq="h").time, "times of day"),
        (pd.timedelta_range("1h", periods=20), "durations"),
        (pd.period_range("2024-01", periods=20, freq="M"), "dates"),
        ([f"2024-01-{1 + i:02d}" for i in range(20)], "dates"),
        ([f"{i:02d}:30" for i in range(20)], "times of day"),
    ],
    ids=lambda values: str(getattr(values, "dtype", "")),
)
def test_a_target_of_dates_is_refused_as_what_it_is(values, what, tmp_path):
    frame = pd.DataFrame({"a": range(20), "y": values})
    text = isinstance(values, list)
    table = text_table(tmp_path / "t.csv", frame.to_csv(index=False)) if text else in_memory(**frame)
    with pytest.raises(RequestError, match=f"target 'y' holds {what}.*neither numbers nor classes"):
        check_table(table, "y", folds=2)
