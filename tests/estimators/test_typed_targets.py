"""Targets of moments, durations, periods and intervals: refused with the expression that makes numbers of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from shrinkage import MLPClassifierCV, MLPRegressorCV
from shrinkage._errors import RequestError

N = 24
X = np.random.default_rng(0).normal(size=(N, 2))
FEW: dict[str, Any] = {"lambdas": [0.01], "cv": 2, "max_epochs": 2, "random_state": 0}
HOURS = pd.Series(pd.to_timedelta(0.5 * np.arange(N), unit="h"))
DAYS: Any = pd.Series(pd.date_range("2000-01-01", periods=N))
ZONED = DAYS.dt.tz_localize("Europe/Berlin")
CLOCKS = [moment.time() for moment in pd.date_range("2000-01-01", periods=N, freq="30min")]
TYPED: list[tuple[str, Any, str, np.ndarray]] = [
    ("series", HOURS, "durations", 0.5 * np.arange(N)),
    ("NumPy in seconds", HOURS.to_numpy().astype("m8[s]"), "durations", 0.5 * np.arange(N)),
    ("index", pd.TimedeltaIndex(HOURS), "durations", 0.5 * np.arange(N)),
    ("list", [cell.to_pytimedelta() for cell in HOURS], "durations", 0.5 * np.arange(N)),
    ("Arrow", HOURS.astype("duration[us][pyarrow]"), "durations", 0.5 * np.arange(N)),
    ("category", HOURS.astype("category"), "durations", 0.5 * np.arange(N)),
    ("polars", pl.Series(HOURS.to_numpy()), "durations", 0.5 * np.arange(N)),
    ("dates", DAYS, "dates", np.arange(N)),
    ("NumPy in days", DAYS.to_numpy().astype("M8[D]"), "dates", np.arange(N)),
    ("list of days", [cell.date() for cell in DAYS], "dates", np.arange(N)),
    ("zone", ZONED, "dates with a time zone", np.arange(N) - 1 / 24),
    ("zones", list(ZONED), "dates with a time zone", np.arange(N) - 1 / 24),
    ("clocks", CLOCKS, "times of day", 0.5 * np.arange(N)),
    ("periods", pd.Series(pd.period_range("2000-01-01", periods=N)), "periods", np.arange(N)),
    ("bins", pd.cut(np.arange(N), np.arange(-1, N)), "intervals", np.arange(N) - 0.5),
    ("a bin", pd.Series(pd.cut(np.arange(N), np.arange(-1, N))), "intervals", np.arange(N) - 0.5),
]


@pytest.mark.parametrize("y, what, numbers", [case[1:] for case in TYPED], ids=[case[0] for case in TYPED])
def test_the_expression_of_a_refusal_gives_numbers(y: Any, what: str, numbers: np.ndarray):
    with pytest.raises(RequestError, match=f"^y: must be numbers, got {what}") as refusal:
        MLPRegressorCV((2,), **FEW).fit(X, y)
    advice = str(refusal.value).rpartition(": y = ")[2].rstrip(".")
    np.testing.assert_allclose(eval(advice, {"pandas": pd, "y": y}), numbers)


@pytest.mark.parametrize(
    "y, message",
    [
        (
            pd.DataFrame({"a": X[:, 0], "t": HOURS}),
            r"^y, column 't': .* y\['t'\] = pandas\.to_timedelta\(y\['t'\]\)",
        ),
        (HOURS.replace(HOURS[0], pd.NaT), r"Leave out the rows without a value first\.$"),
    ],
)
def test_the_column_and_its_gaps_are_named(y: Any, message: str):
    with pytest.raises(RequestError, match=message):
        MLPRegressorCV((2,), **FEW).fit(X, y)


HALVES = np.arange(N) // (N // 2)


@pytest.mark.parametrize(
    "make",
    [
        lambda: pd.Series(pd.to_timedelta(HALVES, unit="h")),
        lambda: [DAYS[half].date() for half in HALVES],
        lambda: ZONED[HALVES].reset_index(drop=True),
        lambda: pd.Series(pd.cut(X[:, 0], 2)),
        lambda: pd.Series(pd.PeriodIndex(DAYS[HALVES], freq="D")),
    ],
    ids=["durations", "days", "zone", "bins", "periods"],
)
def test_classes_of_such_a_type_work_once_they_are_text(make: Callable[[], Any]):
    y = make()
    with pytest.raises(
        RequestError, match=r"y = pandas\.Series\(y\)\.astype\(str\), or predict them as values"
    ):
        MLPClassifierCV((2,), **FEW).fit(X, y)
    text = pd.Series(y).astype(str)
    assert set(MLPClassifierCV((2,), **FEW).fit(X, text).predict(X)) <= set(text)
    dates = DAYS[HALVES].to_numpy()
    assert set(MLPClassifierCV((2,), **FEW).fit(X, dates).predict(X)) <= set(dates)
