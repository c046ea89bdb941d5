"""Columns to inputs: exact values by hand, laws of the fit, and random frames."""

import copy
import pickle
import shlex
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shrinkage._errors import RequestError
from shrinkage.tables import Preprocessor
from tables_cases import every_kind, frames, state, text_table

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
left_out = pytest.mark.filterwarnings("ignore:Left out")


def inputs(frame: pd.DataFrame, new: pd.DataFrame | None = None, **options: Any) -> dict[str, list[float]]:
    """Each input by name, for the training rows or for `new` ones."""
    preprocessor = Preprocessor(**options).fit(frame)
    matrix = preprocessor.transform(frame if new is None else new)
    return dict(zip(preprocessor.feature_names_out, matrix.T.tolist(), strict=True))


def column(*cells: object) -> pd.DataFrame:
    return pd.DataFrame({"c": pd.Series(cells)})


def test_a_missing_number_becomes_the_median_and_is_marked():
    assert inputs(column(1.0, None, 5.0, 3.0)) == {"c": [1, 3, 5, 3], "c (missing)": [0, 1, 0, 0]}


def test_a_number_missing_for_the_first_time_becomes_the_median():
    assert inputs(column(1.0, 5.0, 3.0), column(None, 7.0)) == {"c": [3, 7]}


@pytest.mark.parametrize(
    "words", [("yes", "no"), ("True", "FALSE"), ("t", "f"), (True, False), ("on", "off")]
)
def test_a_boolean_is_one_input(words: tuple[object, object]):
    assert inputs(column(words[0], words[1], words[0])) == {"c": [1, 0, 1]}


def test_a_missing_boolean_is_marked():
    assert inputs(column("yes", None, "no", "yes")) == {"c": [1, 1, 0, 1], "c (missing)": [0, 1, 0, 0]}


def test_a_category_has_an_input_a_level():
    frame = column("b", "a", None, "b")
    assert inputs(frame) == {"c=b": [1, 0, 0, 1], "c=a": [0, 1, 0, 0], "c=(missing)": [0, 0, 1, 0]}


def test_an_unseen_level_is_none_of_the_known_and_the_word_na_is_a_level():
    assert inputs(column("NA", "US", "NA"), column("FR", "NA", None)) == {
        "c=NA": [0, 1, 0],
        "c=US": [0, 0, 0],
    }


def test_levels_beyond_the_cap_share_an_input():
    frame = column(*"aaabbcd")
    found = inputs(frame, column(*"abcz"), max_levels=2)
    assert found == {"c=a": [1, 0, 0, 0], "c=b": [0, 1, 0, 0], "c=(other)": [0, 0, 1, 1]}


@pytest.mark.parametrize("rows, levels", [(720, 120), (4_000, 500), (10_000, 200), (50_000, 50)])
def test_without_a_cap_small_tables_give_more_levels_an_input(rows: int, levels: int) -> None:
    frame = column(*(f"n{i % min(rows // 6, 600)}" for i in range(rows)))
    names = Preprocessor().fit(frame).feature_names_out
    assert len([name for name in names if name != "c=(other)"]) == levels
    assert ("c=(other)" in names) == (rows > 720)


CODES = ["store_id", "PatientID", "Subject", "firm", "patient no", "Customer-Code", "batch"]
NUMBERS = ["schooling", "rooms", "index", "paid", "humid", "no", "clients", "y2", "site visits"]


@pytest.mark.parametrize("name", CODES + NUMBERS)
def test_integers_under_the_name_of_a_code_are_levels(name: str) -> None:
    frame = pd.DataFrame({name: [12, 7, 30, 7, 12, 30, 7, 12], "x": np.arange(8) / 3})
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        fitted = Preprocessor().fit(frame)
    names = fitted.feature_names_out
    if name in NUMBERS:
        assert (names, seen) == ([name, "x"], [])
    else:
        assert names == ["x", *(f"{name}={code}" for code in (12, 7, 30))]
        (note,) = seen
        assert f"--keep-columns {shlex.quote(name)} keeps" in str(note.message)
        assert Preprocessor(keep_columns=[name]).fit(frame).feature_names_out == [name, "x"]


@pytest.mark.filterwarnings("ignore:Column 'firm'")
def test_codes_that_are_fractions_negative_or_hardly_repeat_stay_numbers() -> None:
    for cells in ([1.5, 2, 3, 3, 2, 1.5], [-1, 2, 3, 3, 2, -1], [1, 2, 3, 4, 5, 5], [0, 1, 1, 0, 1, 0]):
        assert Preprocessor().fit(pd.DataFrame({"firm": cells, "x": range(6)})).feature_names_out[0] == "firm"


@pytest.mark.filterwarnings("ignore:Column 'firm'")
def test_rows_of_a_fold_take_codes_as_all_rows_do() -> None:
    frame = pd.DataFrame({"firm": [3, 5, 9, 3, 5, 9, 3, 5], "x": np.arange(8.0)})
    whole = Preprocessor().fit(frame)
    fold = Preprocessor().fit(frame.iloc[:4], whole=whole)
    assert fold.feature_names_out == ["x", "firm=3", "firm=5", "firm=9"]
    new = pd.DataFrame({"firm": [5, 4, None], "x": [0.0, 0.0, 0.0]})
    assert fold.transform(new)[:, 1:].tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_leading_zeros_make_a_category_and_text_numbers_a_number():
    assert list(inputs(column("007", "010", "007"))) == ["c=007", "c=010"]
    assert inputs(column("7", "1.5", "7")) == {"c": [7, 1.5, 7]}


def test_a_level_is_the_same_as_text_integer_and_float():
    fitted = Preprocessor().fit(column("1", "2.0", "x", "1", "x"))
    expected = fitted.transform(column("1", "2.0"))
    for other in (column(1, 2), column(1.0, 2.0), column("1.0", "2")):
        np.testing.assert_array_equal(fitted.transform(other), expected)


@pytest.mark.parametrize(
    "cells",
    [
        ["2000-01-03", "2000-02-03", None],
        ["03/01/2000", "03/02/2000", None],
        list(pd.to_datetime(["2000-01-03", "2000-02-03", None])),
        list(pd.to_datetime(["2000-01-03", "2000-02-03", None]).date),
        list(pd.to_datetime(["2000-01-03 05:00", "2000-02-03 05:00", None]).tz_localize("Etc/GMT-5")),
    ],
)
def test_a_date_gives_the_parts_that_vary(cells: list[object]):
    ambiguous = ["25/03/2000", "2000-03-25"][0 if isinstance(cells[0], str) and "/" in cells[0] else 1]
    cells = [*cells, ambiguous if isinstance(cells[0], str) else cells[0]]
    found = inputs(column(*cells))
    assert found["c: day number"][:3] == [2, 33, 33 if isinstance(cells[0], str) else 2]
    assert found["c: month"][:2] == [1, 2]
    assert found["c: weekday"][:2] == [0, 3]
    assert found["c (missing)"] == [0, 0, 1, 0]
    assert "c: hour" not in found


def test_digits_far_from_zero_survive_float32():
    moments = 1.7e9 + np.array([0.0, 1.0, 2.0, 3.0])
    found = inputs(pd.DataFrame({"t": moments}))["t"]
    np.testing.assert_array_equal(np.diff(found), [1, 1, 1])


def test_numbers_are_not_scaled():
    values = [1e-30, 1e30, -3.25]
    assert inputs(column(*values))["c"] == [float(np.float32(value)) for value in values]


@left_out
def test_every_kind_is_recognized_and_reported():
    preprocessor = Preprocessor().fit(every_kind())
    kinds = {column.name: column.kind for column in preprocessor.columns}
    assert kinds == {
        "size": "number",
        "count": "number",
        "city": "category",
        "zip": "category",
        "smoker": "boolean",
        "member": "boolean",
        "since": "date",
        "seen": "date",
        "comment": "text",
        "id": "id",
        "same": "constant",
    }
    unused = {column.name for column in preprocessor.columns if not column.used}
    assert unused == {"comment", "id", "same"}
    assert all(bool(column.reason) != column.used for column in preprocessor.columns)
    assert {c.name: c.missing for c in preprocessor.columns if c.missing} == {
        "size": 9,
        "city": np.count_nonzero(every_kind()["city"].isin([None, "NA"])),
        "since": 9,
    }
    assert preprocessor.transform(every_kind()).shape == (60, len(preprocessor.feature_names_out))


def test_what_is_left_out_is_warned_of_by_name():
    with pytest.warns(
        UserWarning, match=r"Left out: 'comment' \(free text: 60 .*'id' \(it numbers the rows\)"
    ):
        Preprocessor().fit(every_kind())


def test_a_word_among_numbers_counts_as_missing_with_a_warning():
    fitted = Preprocessor().fit(column(1.0, 2.0, 4.0))
    with pytest.warns(
        UserWarning, match=r"'abc' in row 3 \(counted from 1\) is not a number and counts as missing"
    ):
        found = fitted.transform(column("8", "NA", "abc"))
    assert found[:, 0].tolist() == [8, 2, 2]


@left_out
def test_columns_in_any_order_and_more_of_them():
    frame = every_kind()
    fitted = Preprocessor().fit(frame)
    shuffled = frame[frame.columns[::-1]].assign(more=1)
    np.testing.assert_array_equal(fitted.transform(shuffled), fitted.transform(frame))


@pytest.mark.parametrize("dropped", [["size"], ["city", "size"]])
@left_out
def test_missing_columns_are_one_error_that_names_them(dropped: list[str]):
    fitted = Preprocessor().fit(every_kind())
    with pytest.raises(
        RequestError, match=", ".join(f"'{name}'" for name in sorted(dropped, key="size,city".find))
    ):
        fitted.transform(every_kind().drop(columns=dropped))


@left_out
def test_what_was_left_out_need_not_be_there():
    fitted = Preprocessor().fit(every_kind())
    fitted.transform(every_kind().drop(columns=["comment", "id", "same"]))


@left_out
def test_polars_and_arrow_frames_are_the_same():
    frame = every_kind()
    expected = Preprocessor().fit(frame).transform(frame)
    # A frame each: before pandas 3.1.1 the last one writes 1970 over the missing dates of what it converts.
    for other in (
        pl.from_pandas(frame),
        every_kind().convert_dtypes(),
        every_kind().convert_dtypes(dtype_backend="pyarrow"),
    ):
        np.testing.assert_array_equal(Preprocessor().fit(other).transform(other), expected)


@left_out
def test_the_matrix_is_float32_contiguous_and_finite():
    frame = every_kind()
    matrix = Preprocessor().fit(frame).transform(frame)
    assert matrix.dtype == np.float32
    assert matrix.flags.c_contiguous
    assert np.isfinite(matrix).all()
    assert Preprocessor().fit(frame).transform(frame[:0]).shape == (0, matrix.shape[1])


@left_out
def test_copies_and_pickles_are_equal(tmp_path: Path):
    fitted = Preprocessor().fit(every_kind())
    for other in (copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
        assert state(other, tmp_path) == state(fitted, tmp_path)


def test_weights_are_repetitions(tmp_path: Path):
    frame = every_kind()[["size", "city", "since", "smoker"]]
    weights = np.random.default_rng(1).integers(0, 4, len(frame))
    weighted = Preprocessor(max_levels=2).fit(frame, sample_weight=weights)
    repeated = Preprocessor(max_levels=2).fit(frame.loc[np.repeat(frame.index, weights)])
    assert weighted.feature_names_out == repeated.feature_names_out
    np.testing.assert_array_equal(weighted.transform(frame), repeated.transform(frame))


def test_a_row_of_weight_zero_is_no_row(tmp_path: Path):
    frame = every_kind()[["size", "city", "since", "smoker"]]
    weights = np.arange(len(frame)) % 3 > 0
    weighted = Preprocessor().fit(frame, sample_weight=weights.astype(float))
    assert state(weighted, tmp_path) == state(Preprocessor().fit(frame[weights]), tmp_path)


@pytest.mark.parametrize(
    "frame, options, message",
    [
        (column(1.0, np.inf), {}, r"Column 'c', row 2 \(counted from 1\): the number is infinite"),
        (column(0.0, 1e39), {}, r"row 2 \(counted from 1\): the number is 1e\+39, beyond 3.4e38"),
        (column("x", "x"), {}, "No column is left to learn from .*one value"),
        (column(None, None), {}, "no value in any training row"),
        (column(), {}, "there are no rows"),
        (pd.DataFrame(index=range(3)), {}, "the table has none"),
        (np.ones((2, 2)), {}, "pandas or polars data frame, got ndarray"),
        (pd.DataFrame([[1, 2]], columns=pd.Index(["a", "a"])), {}, "more than once: 'a'"),
        (column(1, 2), {"sample_weight": [0, 0]}, "no rows"),
        (column(1, 2), {"sample_weight": [1, -1]}, "2 finite numbers >= 0"),
        (column(1, 2), {"sample_weight": [1]}, "2 finite numbers >= 0"),
    ],
)
def test_a_fit_that_cannot_be(frame: pd.DataFrame, options: dict[str, Any], message: str):
    with pytest.raises(RequestError, match=message):
        Preprocessor().fit(frame, **options)


def test_a_number_that_is_infinite_later_is_an_error_with_its_place():
    fitted = Preprocessor().fit(column(1.0, 2.0))
    with pytest.raises(RequestError, match="Column 'c', row 2"):
        fitted.transform(column(1.0, -np.inf))


def test_misuse_is_reported():
    with pytest.raises(RequestError, match="call fit"):
        Preprocessor().transform(column(1))
    with pytest.raises(RequestError, match="max_levels"):
        Preprocessor(max_levels=0)


@settings(deadline=None, max_examples=120, derandomize=True, suppress_health_check=SLOW)
@given(st.data())
def test_random_frames_never_crash_and_rows_keep_their_order(data: st.DataObject):
    train = data.draw(frames(min_rows=3))
    new = data.draw(frames(names=list(train.columns[1:])))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Left out|Column")
        fitted = Preprocessor().fit(train)
        matrix = fitted.transform(train)
        assert matrix.shape == (len(train), len(fitted.feature_names_out))
        assert np.isfinite(matrix).all()
        np.testing.assert_array_equal(fitted.transform(train[::-1]), matrix[::-1])
        assert fitted.transform(new).shape == (len(new), matrix.shape[1])


@settings(deadline=None, max_examples=60, derandomize=True, suppress_health_check=SLOW)
@given(st.data())
def test_nothing_is_learned_from_rows_outside_the_training_rows(
    tmp_path_factory: pytest.TempPathFactory, data
):
    frame = data.draw(frames(min_rows=6))
    n = len(frame)
    other = data.draw(frames(min_rows=n, max_rows=n, names=list(frame.columns[1:])))
    train = np.asarray(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    train[:3] = True
    perturbed = pd.concat([frame.astype(object)[train], other.astype(object)[~train]]).sort_index()
    folder = tmp_path_factory.getbasetemp()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Left out|Column")
        kept = Preprocessor().fit(frame.astype(object)[train])
        assert state(kept, folder) == state(Preprocessor().fit(perturbed[train]), folder)
        weights = Preprocessor().fit(perturbed, sample_weight=train.astype(float))
        assert state(kept, folder) == state(weights, folder)


@left_out
def test_a_table_read_from_text_gives_what_the_frame_gives(tmp_path: Path):
    frame = every_kind()
    read = text_table(tmp_path / "t.csv", frame.to_csv(index=False)).frame
    np.testing.assert_allclose(
        Preprocessor().fit(read).transform(read), Preprocessor().fit(frame).transform(frame), rtol=1e-6
    )
