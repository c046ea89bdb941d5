"""Columns that tell the target: named with what they reach alone, and silence where there is none."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

from shrinkage.tables import Preprocessor, check_table, possible_leaks
from tables_cases import in_memory

N = 120
RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=N)
CLASS = RNG.permutation(["no", "yes"] * (N // 2))
NUMBER = RNG.normal(size=N)

LEAKING = {
    "levels, many to one": (np.where(CLASS == "yes", RNG.choice(["fees", "service"], N), "none"), CLASS),
    "a threshold": (np.where(CLASS == "yes", 50, 10) + RNG.uniform(0, 20, N), CLASS),
    "missing in one class": (
        np.where(CLASS == "yes", RNG.integers(1, 20, N).astype(str), np.array(None)),
        CLASS,
    ),
    "a near copy": (NUMBER * 2.54 + 1e-3 * NOISE, NUMBER),
    "a near copy that bends": (np.exp(NUMBER) + 1e-4 * NOISE, NUMBER),
}


@pytest.mark.parametrize("kind", LEAKING)
def test_a_column_that_tells_the_target_is_named(kind: str):
    column, target = LEAKING[kind]
    task = "regression" if target.dtype.kind == "f" else "classification"
    (leak,) = possible_leaks(pd.DataFrame({"size": NOISE, "told": column}), target, task, "y")
    assert leak.name == "told"
    assert leak.alone > 0.97 > leak.others
    assert "'told'" in " ".join(check_table(in_memory(size=NOISE, told=column, y=target), "y"))


def test_two_columns_that_tell_the_same_do_not_hide_each_other():
    told = np.where(CLASS == "yes", "x", "z")
    frame = pd.DataFrame({"a": NOISE, "b": NOISE[::-1], "c": NOISE**2, "one": told, "two": told})
    assert [leak.name for leak in possible_leaks(frame, CLASS, "classification", "y")] == ["one", "two"]


@pytest.mark.parametrize("load", [load_breast_cancer, load_iris, load_wine, load_diabetes])
def test_honest_tables_have_none(load):
    bunch = load(as_frame=True)
    task = "regression" if load is load_diabetes else "classification"
    assert possible_leaks(bunch.data, bunch.target.to_numpy(), task, "target") == []


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("name", ["rownames", "whatever"])
def test_numbers_of_rows_are_left_out_under_any_name(first: int, name: str):
    frame = pd.DataFrame({name: RNG.permutation(N) + first, "size": NOISE})
    with pytest.warns(UserWarning, match=rf"Left out: '{name}' \(it numbers the rows\).*--keep-columns"):
        assert Preprocessor().fit(frame).feature_names_out == ["size"]
    assert Preprocessor(keep_columns=[name]).fit(frame).feature_names_out == [name, "size"]


@pytest.mark.parametrize(
    "name",
    [
        "PassengerId",
        "CustomerID",
        "order_id",
        "id",
        "ID_client",
        "id.cliente",
        "Kundennummer",
        "Ticket Number",
        "#",
        "pk",
    ],
)
def test_unique_identifiers_are_left_out(name: str):
    frame = pd.DataFrame({name: RNG.permutation(np.arange(N) * 7 + 10_000), "size": NOISE})
    with pytest.warns(UserWarning, match=f"Left out: '{name}'"):
        assert Preprocessor().fit(frame).feature_names_out == ["size"]


@pytest.mark.parametrize(
    "values", [np.arange(N) % 40, np.arange(N) + 1950, np.arange(N) * 0.5, np.arange(N) * 10]
)
def test_other_numbers_are_used(values: np.ndarray):
    assert Preprocessor().fit(pd.DataFrame({"x": values, "size": NOISE})).feature_names_out == ["x", "size"]


def test_measurements_of_a_file_without_a_header_are_used():
    frame = pd.DataFrame({"column 1": NOISE, "column 2": RNG.permutation(np.arange(N) * 7 + 10_000)})
    assert Preprocessor().fit(frame).feature_names_out == ["column 1", "column 2"]


def test_numbers_of_rows_are_used_where_there_is_nothing_else():
    with pytest.warns(UserWarning, match="'t' numbers the rows; it is used"):
        assert Preprocessor().fit(pd.DataFrame({"t": np.arange(N)})).feature_names_out == ["t"]
