"""Columns that say something of the rows: what they give, and all that can be wrong with them at once."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

from shrinkage._errors import RequestError
from shrinkage.estimators import time_folds
from shrinkage.tables import RowRoles, read_table, repeated_rows, set_apart
from tables_cases import in_memory

TEXT = """id,person,when,weight,x,y
00501,b,05.01.2024,1,0.5,1.5
00502,a,01.02.2024,2.5,1.5,2.5
00503,a,17.01.2024,0,2.5,3.5
00501,NA,05.01.2024,1,3.5,4.5
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "t.csv").write_text(TEXT)
    return tmp_path / "t.csv"


def test_the_columns_give_their_numbers_and_leave_the_table(path):
    roles = RowRoles(group="person", time="when", weight="weight", ids=("id",))
    apart = set_apart(read_table(path, verbatim=roles.verbatim), roles, targets=("y",))
    assert apart.table.frame.columns.tolist() == ["when", "x", "y"]
    assert apart.table.frame["x"].tolist() == [0.5, 3.5, 2.5, 1.5]  # in the order of days, not of their text
    assert [apart.table.where(row) for row in range(4)] == ["line 2", "line 5", "line 4", "line 3"]
    assert apart.table.readings["when"].day_first
    assert apart.groups is not None
    assert apart.ranks is not None
    assert apart.weight is not None
    assert apart.groups.tolist() == [0, 2, 1, 1]  # NA is a person, as it is written
    assert apart.ranks.tolist() == [0, 0, 1, 2]
    assert apart.weight.tolist() == [1, 1, 0, 2.5]


def test_ids_stay_as_they_are_written(path):
    assert read_table(path, verbatim=("id", "not there")).frame["id"].tolist() == [
        "00501",
        "00502",
        "00503",
        "00501",
    ]


@pytest.mark.parametrize(
    "roles, problems",
    [
        (RowRoles(group="persons"), ["group=.*no column 'persons'; did you mean 'person'"]),
        (RowRoles(weight="y"), ["weight='y': column 'y' is already the target"]),
        (RowRoles(group="id", weight="id"), ["weight=.*column 'id' is already the group"]),
        (
            RowRoles(weight="gap", time="word"),
            ["neither dates", "the weight is missing in 1 of 3 rows, first in row 2"],
        ),
        (RowRoles(weight="word"), ["not numbers, such as 'a' in row 1"]),
        (RowRoles(weight="negative"), ["row 3 has the weight -1; it must be finite"]),
        (RowRoles(weight="one"), ["fewer than two rows"]),
        (RowRoles(time="gap", group="word_gap"), ["the group is missing in 2", "the time is missing in 1"]),
    ],
)
def test_all_problems_are_reported_at_once(roles, problems):
    table = in_memory(
        id=["1", "2", "3"],
        person=["a", "a", "b"],
        gap=[1.0, None, 2.0],
        word=["a", "b", "c"],
        word_gap=["a", None, None],
        negative=[1.0, 0.0, -1.0],
        one=[1.0, 0.0, 0.0],
        y=[1.0, 2.0, 3.0],
    )
    with pytest.raises(RequestError) as error:
        set_apart(table, roles, targets=("y",))
    assert len(error.value.problems) == len(problems)
    for said, pattern in zip(error.value.problems, problems, strict=True):
        assert re.search(pattern, said), said


@pytest.mark.parametrize("folds", [1, 2, 5])
def test_folds_in_time_train_on_the_past_and_validate_on_what_follows(folds):
    ranks = np.sort(np.random.default_rng(0).integers(0, 30, 100))
    parts = time_folds(np.unique(ranks, return_inverse=True)[1], folds)
    assert len(parts) == folds
    for train, validation in parts:
        assert ranks[train].max() < ranks[validation].min()
        assert train.tolist() == list(range(len(train)))
        assert validation[0] == len(train)
        assert abs(len(validation) - 100 / (folds + 1)) < 10
    assert parts[-1][1][-1] == 99


def test_one_long_moment_leaves_every_fold_a_part():
    parts = time_folds(np.array([0] * 50 + [1, 2, 3]), 3)
    assert [(len(train), len(validation)) for train, validation in parts] == [(50, 1), (51, 1), (52, 1)]
    with pytest.raises(RequestError, match="need at least 5 different times, got 4"):
        time_folds(np.array([0] * 50 + [1, 2, 3]), 4)


def test_earlier_rows_of_a_group_that_is_validated_on_do_not_train():
    ranks, groups = np.arange(100), np.random.default_rng(0).integers(0, 40, 100)
    for (train, validation), (past, later) in zip(
        time_folds(ranks, 3, groups), time_folds(ranks, 3), strict=True
    ):
        np.testing.assert_array_equal(validation, later)
        assert train.tolist() == [row for row in past if groups[row] not in groups[validation]]
    with pytest.raises(
        RequestError, match=r"each of the 25 rows before a validation part of 25 .* nothing is left"
    ):
        time_folds(ranks, 3, ranks % 5)


def people(n: int = 40, size: int = 5) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    person, x = np.repeat(np.arange(n), size), rng.normal(size=n * size)
    frame = pd.DataFrame(
        {"patient": [f"p{i}" for i in person], "age": rng.integers(20, 70, n)[person], "x": x}
    )
    return frame, rng.normal(size=n)[person] * 3 + x


def test_repeated_groups_are_reported_with_their_effect_on_the_loss():
    frame, y = people()
    (found,) = repeated_rows(frame, y, "regression")
    assert (found.name, found.groups, found.rows) == ("patient", 40, 200)
    assert found.lower > 0.5
    assert f"by {100 * found.lower:.0f} % for a quick forest: --group patient" in str(found)
    named_else = frame.rename(columns={"patient": "unit code x"}).rename(columns={"unit code x": "whose"})
    (found,) = repeated_rows(named_else, (y > 0).astype(str), "classification")
    assert found.name == "whose"  # the age depends on it, and trees find the target by it


def test_repeated_groups_without_an_effect_are_reported_as_harmless():
    frame, _ = people()
    (found,) = repeated_rows(frame, frame["x"].to_numpy() * 2, "regression")
    assert found.lower < 0.1
    assert "a quick forest shows no difference here" in str(found)


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_diabetes])
def test_tables_of_single_rows_are_left_in_peace(load):
    X, y = load(return_X_y=True, as_frame=True)
    assert not repeated_rows(X, y.to_numpy(), "regression" if load is load_diabetes else "classification")


def test_categories_are_no_groups():
    rng = np.random.default_rng(0)
    city = rng.choice(["Paris", "Rome", "Oslo", "Bonn", "Nice"], 400)
    frame = pd.DataFrame({"city": city, "x": rng.normal(size=400), "smoker": rng.choice(["yes", "no"], 400)})
    assert not repeated_rows(frame, rng.normal(size=400), "regression")
