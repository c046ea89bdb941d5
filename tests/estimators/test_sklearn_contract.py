"""What scikit-learn asks of an estimator: its own checks, and what they leave out."""

import os
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn import datasets
from sklearn.base import clone
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_inplace_ensure_writeable,
    estimator_checks_generator,
)
from sklearn.utils.fixes import parse_version

from shrinkage import ElasticNet, MLPClassifierCV, MLPRegressorCV, RequestError

ESTIMATORS = [MLPClassifierCV, MLPRegressorCV]
ARRAY_API = (
    "check_array_api_input"  # needs an environment variable from before the first import: own process below
)


def name_of(check: Any) -> str:
    return getattr(check, "func", check).__name__


def checks() -> Any:
    for estimator in ESTIMATORS:
        generated: Any = estimator_checks_generator(
            estimator(lambdas=[0, 1e-2], dtype="float64", inputs="standard")
        )
        for one, check in generated:
            if name_of(check) != ARRAY_API:
                yield pytest.param(one, check, id=f"{estimator.__name__}-{name_of(check)}")


@pytest.mark.parametrize("estimator, check", list(checks()))
@pytest.mark.filterwarnings("ignore")  # the checks provoke scikit-learn's own warnings
def test_scikit_learns_check(estimator, check):
    check(estimator)


ARRAY_API_RUN = """
from sklearn.utils.estimator_checks import estimator_checks_generator
from shrinkage import {estimator} as E
ran = 0
for one, check in estimator_checks_generator(E(max_epochs=2)):
    if check.func.__name__ == "check_array_api_input":
        check(one)
        ran += 1
assert ran == 1, ran
"""


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"), reason="not yet among the checks of 1.6"
)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_array_api_check_in_its_own_process(estimator):
    environment = {**os.environ, "SCIPY_ARRAY_API": "1"}
    code = ARRAY_API_RUN.format(estimator=estimator.__name__)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.filterwarnings("ignore")
def test_checks_that_check_estimator_leaves_out(estimator):
    left_out: Any = (check_dataframe_column_names_consistency, check_inplace_ensure_writeable)
    for check in left_out:
        check(estimator.__name__, estimator(max_epochs=2))


def small(estimator: Any, **changes: Any) -> Any:
    given = {
        "inputs": "standard",
        "search": "grid",
        "hidden_layer_sizes": (8,),
        "lambdas": [0, 1e-2],
        "max_epochs": 5,
        "random_state": 0,
        "cv": 3,
    }
    return estimator(**{**given, **changes})


LOAD: Any = datasets  # whose functions' types don't tell what return_X_y makes of them
IRIS_X, IRIS_Y = LOAD.load_iris(return_X_y=True)
make_classification, make_regression = LOAD.make_classification, LOAD.make_regression


@pytest.mark.parametrize("kind", [np.asarray, pd.DataFrame, lambda X: pl.DataFrame(np.asarray(X))])
def test_numpy_pandas_and_polars_give_the_same_model(kind: Any):
    expected = small(MLPClassifierCV).fit(IRIS_X, IRIS_Y).predict_proba(IRIS_X)
    model = small(MLPClassifierCV).fit(kind(IRIS_X), IRIS_Y)
    np.testing.assert_array_equal(model.predict_proba(kind(IRIS_X)), expected)


def mixed_frame(n=90, seed=0):
    rng = np.random.default_rng(seed)
    colour = rng.choice(["red", "green", "blue"], n)
    size = rng.normal(size=n)
    size[::7] = np.nan
    y = np.where((colour == "red") ^ (np.nan_to_num(size) > 0), "yes", "no")
    return pd.DataFrame({"size": size, "colour": colour}), y


@pytest.mark.parametrize("kind", [lambda f: f, pl.from_pandas], ids=["pandas", "polars"])
def test_frames_with_categories_and_gaps_are_learned(kind: Any):
    frame, y = mixed_frame()
    model = small(MLPClassifierCV, max_epochs=200).fit(kind(frame), y)
    assert model.score(kind(frame), y) > 0.9  # an exclusive or: a guess has one half
    unseen = pd.DataFrame({"colour": ["violet", None], "size": [np.nan, 0.2]})
    assert np.isfinite(model.predict_proba(kind(unseen[["size", "colour"]]))).all()


def test_preprocessing_of_a_fold_does_not_see_its_validation_rows():
    """A level that only one fold's validation rows have changes no number of that fold's training."""
    frame, y = mixed_frame()
    splits = list(KFold(3).split(frame))
    other = frame.copy()
    other.loc[splits[0][1], "colour"] = "never elsewhere"
    other.loc[splits[0][1], "size"] = 1e3
    models = [small(MLPClassifierCV, cv=splits, max_extensions=0) for _ in range(2)]
    losses = [m.fit(f, y).path_.train_loss[:, 0] for m, f in zip(models, (frame, other), strict=True)]
    np.testing.assert_array_equal(losses[0], losses[1])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_clone_pickle_and_pipeline_keep_the_predictions(estimator):
    X, y = make_classification(60, random_state=0) if estimator is MLPClassifierCV else make_regression(60, 5)
    model = small(estimator).fit(X, y)
    again: Any = clone(model)
    again.fit(X, y)
    revived = pickle.loads(pickle.dumps(model))
    for other in (again, revived):
        np.testing.assert_array_equal(other.predict(X), model.predict(X))
    piped: Any = make_pipeline(StandardScaler(), small(estimator)).set_output(transform="pandas").fit(X, y)
    assert piped[-1].feature_names_in_[0] == "x0"
    assert cross_val_score(small(estimator), X, y, cv=2).shape == (2,)


def test_a_function_of_the_strength_keeps_what_it_makes():
    """An elastic net of nine parts L1: its weights are not those of half and half."""
    given = {"hidden_layer_sizes": (), "lambdas": [0.05], "solver": "sgd", "momentum": 0.0}
    mine = small(MLPClassifierCV, rule=lambda lam: ElasticNet(0.9 * lam, 0.1 * lam), **given).fit(
        IRIS_X, IRIS_Y
    )
    same = small(MLPClassifierCV, rule=ElasticNet(0.9, 0.1), **given).fit(IRIS_X, IRIS_Y)
    half = small(MLPClassifierCV, rule="elastic_net", **given).fit(IRIS_X, IRIS_Y)
    np.testing.assert_array_equal(mine.coefs_[0], same.coefs_[0])
    assert np.abs(mine.coefs_[0] - half.coefs_[0]).max() > 1e-4
    with pytest.raises(RequestError, match="with that strength"):
        small(MLPClassifierCV, rule=lambda lam: ElasticNet(lam, lam)).fit(IRIS_X, IRIS_Y)


def test_validation_masks_are_row_numbers():
    splits = list(KFold(3, shuffle=True, random_state=0).split(IRIS_X))
    masks = [tuple(np.isin(np.arange(150), part) for part in split) for split in splits]
    a, b = (small(MLPClassifierCV, cv=cv).fit(IRIS_X, IRIS_Y).coefs_[0] for cv in (splits, masks))
    np.testing.assert_array_equal(a, b)


def test_targets_scale_of_a_fold_does_not_see_its_validation_rows():
    X, y = make_regression(60, 4, random_state=0)
    splits = list(KFold(3).split(X))
    moved = y.copy()
    moved[splits[0][1]] += 1e4
    losses = [small(MLPRegressorCV, cv=splits).fit(X, t).path_.train_loss[:, 0] for t in (y, moved)]
    np.testing.assert_array_equal(losses[0], losses[1])


def test_weights_equal_repeated_rows_and_zero_weights_no_rows():
    X, y = make_regression(30, 4, random_state=1)
    s = np.arange(30) % 3
    rows = np.repeat(np.arange(30), s)
    cv = [(np.flatnonzero(np.arange(30) % 2 == f), np.flatnonzero(np.arange(30) % 2 != f)) for f in range(2)]
    repeated_cv = [tuple(np.flatnonzero(np.isin(rows, part)) for part in fold) for fold in cv]
    weighted = small(MLPRegressorCV, cv=cv, dtype="float64").fit(X, y, sample_weight=s)
    repeated = small(MLPRegressorCV, cv=repeated_cv, dtype="float64").fit(X[rows], y[rows])
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-9)
    np.testing.assert_allclose(weighted.path_.validation_mean, repeated.path_.validation_mean, rtol=1e-9)


def test_any_lambda_of_a_kept_path_predicts():
    # Uncalibrated: a temperature is that of the chosen λ alone.
    given = {"keep_path": True, "lambdas": [0, 1e-3, 10.0], "max_extensions": 0, "calibrate": False}
    model = small(MLPClassifierCV, **given).fit(IRIS_X, IRIS_Y)
    chosen = model.predict_proba(IRIS_X)
    np.testing.assert_array_equal(model.predict_proba(IRIS_X, lam=model.lambda_), chosen)
    spread = [np.ptp(model.predict_proba(IRIS_X, lam=lam)) for lam in model.lambdas_]
    assert spread[2] < spread[0]
    with pytest.raises(RequestError, match=r"lam=0\.5.*Kept: 0, 0\.001, 10"):
        model.predict(IRIS_X, lam=0.5)


def test_several_targets_keep_their_units():
    X, Y = make_regression(80, 5, n_targets=3, random_state=0)
    Y = Y * [1, 100, 1e4] + [0, 7, -1e5]
    model = small(MLPRegressorCV, hidden_layer_sizes=(), max_epochs=300, learning_rate_init=0.05).fit(X, Y)
    assert model.predict(X).shape == (80, 3)
    assert model.score(X, Y) > 0.99


def test_networks_are_float32_whatever_x_is_and_float64_on_request():
    for dtype in (np.float32, np.float64):
        X = IRIS_X.astype(dtype)
        assert small(MLPClassifierCV).fit(X, IRIS_Y).coefs_[0].dtype == np.float32
        assert small(MLPClassifierCV, dtype="float64").fit(X, IRIS_Y).coefs_[0].dtype == np.float64


def test_the_number_of_processes_changes_nothing():
    one, two = (small(MLPClassifierCV, n_jobs=n).fit(IRIS_X, IRIS_Y) for n in (1, 2))
    np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"select": "best"}, "select=…: must be one of min, 1se, got 'best'"),
        ({"stop": "early"}, "stop=…: must be one of last, best"),
        ({"rule": "ridge"}, "there is no rule 'ridge'. Known: l2"),
        ({"rule": 3}, "a name, a rule or a function"),
        ({"restarts": 0}, "restarts=…: must be a whole number >= 1, got 0"),
        ({"fast": "no"}, "fast=…: must be True or False, got 'no'"),
        ({"decay_biases": "no"}, "decay_biases=…: must be True or False, got 'no'"),
        ({"max_epochs": 0}, "max_epochs=…: must be a whole number >= 1"),
        ({"max_epochs": 2.0}, "max_epochs=…: must be a whole number"),
        ({"batch_size": 2.5}, "batch_size=…: must be a whole number"),
        ({"batch_size": True}, "batch_size=…: must be a whole number"),
        ({"batch_size": 0}, "batch_size=…: must be a whole number >= 1"),
        ({"learning_rate_init": -1.0}, "learning_rate_init=…: must be auto, or > 0"),
        ({"momentum": 1.0, "solver": "sgd"}, "momentum=…: must be >= 0 and < 1"),
        ({"hidden_layer_sizes": (0,)}, "at least 1 unit"),
        ({"activation": "gelu"}, "activation=…: must be one of relu, tanh, logistic, identity, got 'gelu'"),
        ({"dtype": "auto"}, "dtype=…: must be one of float32, float64, got 'auto'"),
        ({"device": "cuda:9"}, "device='cuda:9'"),
        ({"lambdas": [-1]}, ">= 0 and finite"),
    ],
)
def test_wrong_parameters_are_named(changes, message):
    with pytest.raises(RequestError) as caught:
        small(MLPClassifierCV, **changes).fit(IRIS_X, IRIS_Y)
    assert message in str(caught.value)
