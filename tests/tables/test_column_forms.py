"""Columns of every form that pandas knows, and the limits of what is read."""

import decimal
import gzip
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shrinkage._errors import RequestError
from shrinkage.tables import Preprocessor, read_table, without_missing_targets
from shrinkage.tables.read.files import _decode
from tables_cases import in_memory

N = 30
NUMBERS = np.arange(N) % 7 * 1.5


def column(values: Any) -> Any:
    """What a preprocessor makes of one column beside a column of numbers."""
    fitted = Preprocessor().fit(pd.DataFrame({"x": NUMBERS, "c": values}))
    return next(c for c in fitted.columns if c.name == "c")


def matrix(values: Any) -> np.ndarray:
    return Preprocessor().fit(frame := pd.DataFrame({"c": values})).transform(frame)


def test_pandas_own_categories_are_levels():
    assert column(pd.Categorical(["b", "a", "a"] * 10)).levels == ("a", "b")


@pytest.mark.parametrize("step", ["37min", "5h"], ids=["below a day", "over days"])
@pytest.mark.parametrize("kind", ["typed", "objects", "arrow", "text"])
def test_durations_are_the_same_numbers_in_every_type(step: str, kind: str):
    typed = pd.Series(pd.to_timedelta(NUMBERS * pd.Timedelta(step).total_seconds(), unit="s"))
    given = {
        "typed": typed,
        "objects": pd.Series([cell.to_pytimedelta() for cell in typed], dtype=object),
        "arrow": typed.astype("duration[us][pyarrow]"),
        "text": typed.map(str).astype(object),
    }[kind]
    hours = typed.dt.total_seconds() / 3600
    inputs = matrix(given)
    np.testing.assert_allclose(inputs[:, 0], hours, rtol=1e-6)
    assert inputs.shape[1] == (3 if hours.max() < 24 else 1)


MOMENTS = pd.Series(pd.date_range("2023-11-14 22:13:20", periods=N, freq="31h"))
SINCE = (MOMENTS - pd.Timestamp(1970, 1, 1)) / pd.Timedelta(seconds=1)
COUNTS = {
    "timestamp": SINCE.astype(int),
    "createdAtTime": (1000 * SINCE).astype("Int64"),
    "time_us": 1_000_000 * SINCE,
    "Date": SINCE / 86400 + 25569,
    "event_ts": SINCE.map("{:.1f}".format).astype(object),
}


@pytest.mark.parametrize("name", COUNTS)
def test_numbers_that_count_time_under_such_a_name_are_dates(name: str, tmp_path: Path):
    frame = pd.DataFrame({name: COUNTS[name], "x": NUMBERS})
    with pytest.warns(UserWarning, match=rf"'{name}' holds dates: \S+ since .*--keep-columns {name} keeps"):
        fitted = Preprocessor().fit(frame)
    typed = Preprocessor().fit(frame.assign(**{name: MOMENTS}))
    assert fitted.feature_names_out == typed.feature_names_out
    expected = typed.transform(frame.assign(**{name: MOMENTS}))
    hour = fitted.feature_names_out.index(f"{name}: hour")
    np.testing.assert_allclose(fitted.transform(frame)[:, :hour], expected[:, :hour], atol=1e-2)
    frame.to_csv(tmp_path / "t.csv", index=False)
    np.testing.assert_array_equal(
        fitted.transform(read_table(tmp_path / "t.csv", like=fitted).frame), fitted.transform(frame)
    )
    with pytest.warns(UserWarning, match="holds dates"):
        again = Preprocessor().fit(read_table(tmp_path / "t.csv").frame)
    np.testing.assert_array_equal(again.transform(frame), fitted.transform(frame))
    part = Preprocessor().fit(frame[:4], whole=fitted)
    assert next(column.kind for column in part.columns if column.name == name) == "date"
    kept = Preprocessor(keep_columns=[name]).fit(frame)
    assert next(column.kind for column in kept.columns if column.name == name) == "number"


@pytest.mark.parametrize(
    "name, values", [("phone", SINCE), ("timestamp", SINCE - 1.6e9), ("day", SINCE / 86400)]
)
def test_numbers_that_may_count_something_else_stay_numbers(name: str, values: pd.Series):
    assert Preprocessor().fit(pd.DataFrame({name: values})).columns[0].kind == "number"


def test_months_are_the_dates_they_begin_with():
    months = pd.period_range("2020-01", periods=N, freq="M")
    np.testing.assert_array_equal(matrix(months), matrix(months.to_timestamp()))


def test_complex_numbers_are_nothing_a_network_reads():
    with pytest.warns(UserWarning, match="Left out: 'c'"):
        assert not column(NUMBERS + 1j).used


def test_fractions_and_decimals_are_numbers_also_beside_others():
    exact = [Fraction(i % 5, 4) if i % 2 else decimal.Decimal("0.5") for i in range(N)]
    cells = pd.Series([None, 3, *exact[2:]], dtype=object)
    inputs = [np.median([3.0, *map(float, exact[2:])]), 3.0, *map(float, exact[2:])]
    np.testing.assert_allclose(matrix(cells)[:, 0], inputs)


def test_a_few_sentences_are_free_text():
    sentences = [f"these are words of sentence number {i % 12}" for i in range(N)]
    with pytest.warns(UserWarning, match="12 different values of several words"):
        assert column(sentences).kind == "text"


def test_words_that_are_all_rare_are_left_out():
    words = [f"w{i // 2}" for i in range(20_000)]
    frame = pd.DataFrame({"x": np.arange(20_000) % 7, "c": words})
    with pytest.warns(UserWarning, match="Left out: 'c'"):
        assert not next(c for c in Preprocessor().fit(frame).columns if c.name == "c").used


def test_one_moment_written_in_two_zones_is_constant():
    assert (
        column(["2020-02-02T12:00:00+00:00", "2020-02-02T13:00:00+01:00"] * (N // 2)).reason
        == "one value in all training rows"
    )


def test_nothing_is_left_out_where_every_target_is_known():
    table = in_memory(x=NUMBERS, y=NUMBERS)
    assert without_missing_targets(table, ["y"]) is table
    assert len(without_missing_targets(in_memory(y=[1.0, None]), ["y"]).frame) == 1


def test_decimals_of_a_parquet_file_are_numbers(tmp_path: Path):
    file = tmp_path / "d.parquet"
    pq.write_table(pa.table({"price": [decimal.Decimal("1.25"), None, decimal.Decimal("3.50")]}), file)
    values = read_table(file).frame["price"]
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, [1.25, np.nan, 3.5])


def test_what_grows_too_large_when_decompressed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "bomb.csv.gz"
    file.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 1000))
    assert len(read_table(file).frame) == 1000
    monkeypatch.setattr(_decode, "LARGEST", 2000)
    with pytest.raises(RequestError, match=r"bomb\.csv\.gz.*grows beyond"):
        read_table(file)


@pytest.mark.parametrize("encoding", [None, "utf-8", "UTF_8"])
def test_the_mark_at_the_start_is_no_part_of_a_name(encoding: str | None, tmp_path: Path):
    file = tmp_path / "marked.csv"
    file.write_bytes("\ufeffé,b\n1,2\n".encode())
    assert list(read_table(file, encoding=encoding).frame) == ["é", "b"]


@pytest.mark.parametrize(
    "word", ["NA", "N/A", "null", "None", "?", "#N/A", "<NA>", "-", "unknown", "nan", ""]
)
def test_a_missing_word_among_dates_is_a_gap(word: str):
    days = pd.Series(pd.date_range("2024-01-01", periods=12, freq="9D").strftime("%Y-%m-%d"), dtype=object)
    days[3] = word
    fitted = Preprocessor().fit(frame := pd.DataFrame({"day": days}))
    assert fitted.columns[0].kind == "date"
    assert fitted.transform(frame)[:, fitted.feature_names_out.index("day (missing)")].nonzero()[
        0
    ].tolist() == [3]
