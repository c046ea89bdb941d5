"""Numbers at their limits: extreme scales, few rows, many columns, and learning rates that are too large."""

import warnings

import numpy as np
import pandas as pd
import pytest

from shrinkage import MLPClassifierCV, MLPRegressorCV
from shrinkage._errors import JobError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
SIGNAL = X[:, 0] + 0.5 * X[:, 1]
QUICK = {
    "search": "grid",
    "inputs": "standard",
    "hidden_layer_sizes": (4,),
    "lambdas": [0, 1e-3, 1e-1],
    "cv": 3,
    "max_epochs": 200,
    "random_state": 0,
    "learning_rate_init": 0.05,
}


def regressor(**changes) -> MLPRegressorCV:
    return MLPRegressorCV(**{**QUICK, **changes})


def classifier(**changes) -> MLPClassifierCV:
    return MLPClassifierCV(**{**QUICK, **changes})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e30], ids=str)
def test_the_unit_of_a_feature_changes_nothing(scale: float, dtype: str):
    usual = regressor(dtype=dtype).fit(X, SIGNAL)
    found = regressor(dtype=dtype).fit(X * [scale, 1, 1], SIGNAL)
    np.testing.assert_allclose(found.predict(X * [scale, 1, 1]), usual.predict(X), rtol=2e-2, atol=2e-2)
    assert found.score(X * [scale, 1, 1], SIGNAL) > 0.9


@pytest.mark.parametrize("unit", [1e-25, 1e25], ids=str)
def test_the_unit_of_the_target_changes_nothing(unit: float):
    found = regressor().fit(X, SIGNAL * unit)
    np.testing.assert_allclose(
        found.predict(X) / unit, regressor().fit(X, SIGNAL).predict(X), rtol=1e-3, atol=1e-3
    )


def test_small_differences_far_from_zero_survive_float32():
    far = regressor(dtype="float32").fit(X + 1e9, SIGNAL + 1e9)
    assert far.score(X + 1e9, SIGNAL + 1e9) > 0.9
    near = regressor(dtype="float32").fit(X, SIGNAL)
    np.testing.assert_allclose(far.predict(X + 1e9) - 1e9, near.predict(X), atol=1e-3)


def test_a_table_with_both_extremes():
    frame = pd.DataFrame({"tiny": X[:, 0] * 1e-30, "huge": X[:, 1] * 1e30, "word": ["a", "b"] * 30})
    found = regressor(keep_path=True).fit(frame, SIGNAL)
    assert found.score(frame, SIGNAL) > 0.9
    assert np.isfinite(found.path_.to_frame().to_numpy()).all()


@pytest.mark.parametrize("columns", [1, 200, 10_000])
def test_any_number_of_columns(columns: int):
    wide = np.concatenate([X[:30, :1], RNG.normal(size=(30, columns - 1))], axis=1)
    found = classifier(max_epochs=3).fit(wide, wide[:, 0] > 0)
    shares = found.predict_proba(wide)
    assert np.isfinite(shares).all()
    assert shares.sum(axis=1) == pytest.approx(np.ones(30), abs=1e-6)


def test_one_row_a_class_and_fold():
    few = classifier(cv=2).fit(X[:6], ["a", "b", "c"] * 2)
    assert np.isfinite(few.predict_proba(X)).all()
    assert np.isfinite(few.path_.validation_mean).all()


def test_two_rows():
    found = regressor(cv=2).fit(X[:2], [1.0, 2.0])
    assert np.isfinite(found.predict(X)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("stop", ["last", "best"])
def test_steps_that_are_too_long_are_an_error_and_no_nan(dtype: str, solver: str, stop: str):
    wild = regressor(learning_rate_init=1e8, learning_rate="constant", solver=solver, dtype=dtype, stop=stop)
    with pytest.raises(JobError, match=r"diverged.*Lower the learning rate"):
        wild.fit(X, SIGNAL)


def test_a_target_too_far_from_those_of_the_other_folds_is_an_error_and_no_warning():
    """A fold whose targets are all about 1e-94 has that for a unit: 1e5 is beyond float32 in it."""
    far = np.where(np.arange(60) < 20, 1e5, 1e-94) * SIGNAL
    folds = [(np.arange(20, 60), np.arange(20)), (np.arange(40), np.arange(40, 60))]
    with pytest.raises(JobError, match=r"diverged.*extreme values in the data"):
        regressor(cv=folds, dtype="float32").fit(X, far)


def test_a_lambda_that_diverges_is_marked_and_left_out():
    # In the error, a pull of λ·lr > 2 on a weight overshoots and grows with every step.
    found = regressor(
        lambdas=[0, 1e-3, 1e3],
        solver="sgd",
        momentum=0.0,
        learning_rate="constant",
        learning_rate_init=0.05,
        max_extensions=0,
    ).fit(X, SIGNAL)
    assert found.choice_.diverged == (1e3,)
    assert found.lambda_ < 1
    assert np.isfinite(found.predict(X)).all()


def test_a_finite_blow_up_is_marked_too():
    # Two steps overshoot by 1e6 each: far beyond use, and far from infinite.
    found = regressor(
        lambdas=[0, 1e8],
        solver="sgd",
        momentum=0.0,
        learning_rate="constant",
        learning_rate_init=0.01,
        max_epochs=2,
        max_extensions=0,
        dtype="float64",
        batch_size=60,
    ).fit(X, SIGNAL)
    assert np.isfinite(found.path_.validation_loss).all()
    assert found.choice_.diverged == (1e8,)


def test_nothing_is_nan_without_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = classifier(keep_path=True).fit(X, SIGNAL > 0)
    for values in (
        found.path_.validation_loss,
        found.path_.train_loss,
        found.path_.max_weight,
        found.networks_.rows,
    ):
        assert np.isfinite(values).all()
