"""Frames as people have them: what appears only at prediction, and scikit-learn's tools that take frames apart."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score

from shrinkage import MLPClassifierCV, MLPRegressorCV
from shrinkage.tables import Preprocessor

N = 60
FEW: dict[str, Any] = {"lambdas": [0.01], "cv": 2, "max_epochs": 5, "random_state": 0}
RAISE: Any = "raise"  # scikit-learn does not annotate `error_score`, and its default is a number
RNG = np.random.default_rng(0)
NUMBERS = pd.DataFrame({"a": RNG.normal(size=N), "b": RNG.normal(size=N)})
MIXED = NUMBERS.assign(c=RNG.choice(["u", "v", "w"], N), price=[f"${1000 + 7 * i:,}.50" for i in range(N)])
Y = np.where(NUMBERS["a"] + NUMBERS["b"] + RNG.normal(size=N) > 0, "yes", "no")
TABLES = {"numbers": NUMBERS, "mixed": MIXED}


def net() -> MLPClassifierCV:
    return MLPClassifierCV((3,), **FEW)


def with_gap(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.copy()
    frame.iloc[N - 1, 0] = np.nan
    return frame


@pytest.mark.parametrize("kind", TABLES)
def test_a_gap_only_in_the_rows_to_predict_is_filled(kind: str):
    model = net().fit(TABLES[kind][:50], Y[:50])
    filled = TABLES[kind].copy()
    filled.iloc[N - 1, 0] = np.median(NUMBERS["a"].to_numpy()[:50])
    np.testing.assert_allclose(
        model.predict_proba(with_gap(TABLES[kind])), model.predict_proba(filled), rtol=1e-5
    )
    assert np.isfinite(cross_val_score(net(), with_gap(TABLES[kind]), Y, cv=3, error_score=RAISE)).all()


@pytest.mark.parametrize(
    "make", [np.asfortranarray, np.ascontiguousarray, lambda X: pd.DataFrame(X, columns=["a", "b"])]
)
def test_a_fit_leaves_the_given_numbers_as_they_are(make: Any):
    given = make(NUMBERS.to_numpy(copy=True))
    net().fit(given, Y)
    np.testing.assert_array_equal(given, NUMBERS)


def test_a_gap_in_an_array_of_numbers_is_filled_too():
    model = net().fit(NUMBERS.to_numpy()[:50], Y[:50])
    assert np.isfinite(model.predict_proba(with_gap(NUMBERS).to_numpy())).all()
    assert np.isfinite(net().fit(with_gap(NUMBERS).to_numpy(), Y).predict_proba(NUMBERS.to_numpy())).all()


@pytest.mark.parametrize(
    "change",
    [
        {"c": "never seen"},
        {"a": "1.5", "b": "unknown"},
        {"a": 1, "b": 2},
        {"price": 1200.5},
        {"price": "n/a"},
    ],
)
@pytest.mark.filterwarnings("ignore:Column")
def test_a_level_or_a_type_that_is_new_at_prediction(change: dict[str, object]):
    model = net().fit(MIXED, Y)
    new = MIXED.astype(object).assign(**change)
    assert np.isfinite(model.predict_proba(new)).all()


def test_text_for_a_number_reads_as_the_number():
    model = net().fit(NUMBERS, Y)
    np.testing.assert_array_equal(model.predict_proba(NUMBERS.astype(str)), model.predict_proba(NUMBERS))
    prices = net().fit(MIXED, Y)
    numeric = MIXED.assign(price=1000.5 + 7 * np.arange(N))
    np.testing.assert_array_equal(prices.predict_proba(numeric), prices.predict_proba(MIXED))


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize(
    "tool",
    [
        lambda: GridSearchCV(net(), {"hidden_layer_sizes": [(2,), (3,)]}, cv=2, error_score=RAISE),
        lambda: BaggingClassifier(net(), n_estimators=2, random_state=0),
        lambda: StackingClassifier([("net", net())], LogisticRegression(), cv=2),
    ],
    ids=["grid", "bagging", "stacking"],
)
@pytest.mark.filterwarnings("ignore:Column", "ignore:Left out", "ignore:Possible leak")
def test_tools_that_take_frames_apart(kind: str, tool: Any):
    frame = with_gap(TABLES[kind])
    fitted = tool().fit(frame, Y)
    assert len(fitted.predict(frame)) == N


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.filterwarnings("ignore:Column")
def test_a_selector_takes_numbers_with_gaps_and_the_inputs_of_a_mixed_frame(kind: str):
    """scikit-learn's selector turns a frame into numbers itself, so that words must be inputs before it sees them."""
    frame = with_gap(TABLES[kind])
    X = frame if kind == "numbers" else Preprocessor().fit(frame).transform(frame)
    one: Any = 1  # the default, "auto", is text
    selected = SequentialFeatureSelector(net(), n_features_to_select=one, cv=2).fit(X, Y)
    assert np.shape(selected.transform(X)) == (N, 1)


def test_boosting_takes_arrays_of_objects():

    fitted = AdaBoostClassifier(net(), n_estimators=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted.fit(MIXED.astype(object).to_numpy(), Y)
    assert len(fitted.predict(MIXED.astype(object).to_numpy())) == N


def test_a_row_number_is_left_out_of_a_frame_of_numbers_too():
    frame = NUMBERS.assign(rownames=np.arange(N))
    with pytest.warns(UserWarning, match="Left out: 'rownames'"):
        model = MLPRegressorCV((2,), **FEW).fit(frame, RNG.normal(size=N))
    assert model.preprocessor_ is not None
    assert model.preprocessor_.feature_names_out == ["a", "b"]
    kept = MLPRegressorCV((2,), keep_columns=["rownames"], **FEW).fit(frame, RNG.normal(size=N))
    assert kept.preprocessor_ is not None
    assert kept.preprocessor_.feature_names_out == ["a", "b", "rownames"]


@pytest.mark.parametrize(
    "told",
    [
        np.where(Y == "yes", "x", "z"),
        [f"${1000 * (cell == 'yes') + 7 * i:,.2f}" for i, cell in enumerate(Y)],
        [f"{1 + i % 28:02d}/0{3 if cell == 'yes' else 5}/2024" for i, cell in enumerate(Y)],
    ],
    ids=["levels", "money", "dates"],
)
def test_a_leak_is_warned_of(told: Any):
    with pytest.warns(UserWarning, match="Possible leak: column 'told'"):
        net().fit(NUMBERS.assign(told=told), Y)


@pytest.mark.filterwarnings("ignore:Left out", "ignore:Possible leak")
@pytest.mark.parametrize("cell", [[1, 2], {"a": 1}, (1, 2)])
def test_a_column_of_lists_beside_one_that_determines_the_target_is_left_out(cell: object):
    frame = pd.DataFrame({"a": np.where(Y == "yes", 1.0, 0.0), "c": pd.Series([cell] * N)})
    assert (net().fit(frame, Y).predict(frame) == Y).mean() >= 0.5


def test_complex_numbers_beside_real_ones_are_left_out():
    with pytest.warns(UserWarning, match="Left out: 'z'"):
        model = net().fit(NUMBERS.assign(z=NUMBERS["a"] + 1j), Y)
    assert model.preprocessor_ is not None
    assert model.preprocessor_.feature_names_out == ["a", "b"]


def test_times_of_arrow_are_times():
    pa = pytest.importorskip("pyarrow")
    times = pd.arrays.ArrowExtensionArray(pa.array([60 * i for i in range(N - 1)] + [None], pa.time32("s")))  # pyright: ignore[reportArgumentType]
    fitted = Preprocessor().fit(NUMBERS.assign(t=times))
    assert [column.kind for column in fitted.columns] == ["number", "number", "time"]
