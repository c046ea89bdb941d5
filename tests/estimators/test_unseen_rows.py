"""What an estimator says of rows that its networks had not seen: out-of-fold predictions, temperature, intervals."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris, make_classification, make_regression
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, RepeatedKFold

from shrinkage import MLPClassifierCV, MLPRegressorCV, RequestError

QUICK: dict[str, Any] = {
    "inputs": "standard",
    "hidden_layer_sizes": (8,),
    "max_epochs": 30,
    "random_state": 0,
    "max_extensions": 0,
}


def iris() -> tuple[Any, Any]:
    return load_iris(return_X_y=True)  # pyright: ignore[reportReturnType]


def test_the_loss_of_out_of_fold_probabilities_is_that_of_the_path() -> None:
    X, y = iris()
    model = MLPClassifierCV(
        **QUICK, lambdas=[0, 1e-2], cv=KFold(5, shuffle=True, random_state=0), calibrate=False
    )
    model.fit(X, y)
    path, index = model.path_, model.choice_.index
    assert log_loss(y, model.out_of_fold_) == pytest.approx(path.validation_mean[index], rel=1e-4)
    assert (model.out_of_fold_.argmax(1) == y).mean() == pytest.approx(
        path.validation_metric[index, :, 0, -1].mean()
    )


def test_values_are_in_the_targets_units_and_rows_that_none_held_out_have_none() -> None:
    X, y = (np.asarray(part) for part in load_diabetes(return_X_y=True))
    one = MLPRegressorCV(**QUICK, lambdas=[1e-2], cv=[(np.arange(300), np.arange(300, 400))]).fit(X, y)
    assert one.out_of_fold_.shape == (442,)
    assert np.isnan(one.out_of_fold_[[0, 299, 400, 441]]).all()
    assert np.corrcoef(one.out_of_fold_[300:400], y[300:400])[0, 1] > 0.5
    two = MLPRegressorCV(**QUICK, lambdas=[1e-2]).fit(X, np.column_stack([y, -y]))
    assert two.out_of_fold_.shape == (442, 2)


def test_restarts_and_repeats_are_averaged() -> None:
    X, y = iris()
    model = MLPClassifierCV(
        **QUICK, lambdas=[1e-2], cv=RepeatedKFold(n_splits=3, n_repeats=2, random_state=0), restarts=2
    )
    model.fit(X, y)
    assert len(model.unseen_.z) == 150 * 2
    assert model.out_of_fold_.sum(axis=1) == pytest.approx(np.ones(150))


def test_a_temperature_changes_probabilities_and_no_class() -> None:
    X, y = make_classification(300, 12, n_informative=3, flip_y=0.3, random_state=0)
    overfit = QUICK | {"hidden_layer_sizes": (40,), "max_epochs": 150, "lambdas": [0], "dtype": "float64"}
    raw = MLPClassifierCV(**overfit, calibrate=False).fit(X, y)
    tempered = MLPClassifierCV(**overfit).fit(X, y)
    assert tempered.calibration_.applied
    assert tempered.calibration_.temperature > 1
    assert not raw.calibration_.applied
    assert raw.blend_.temperature == 1
    np.testing.assert_array_equal(raw.predict(X), tempered.predict(X))
    before, after = raw.predict_proba(X), tempered.predict_proba(X)
    logit = np.log(before[:, 1] / before[:, 0])
    assert np.log(after[:, 1] / after[:, 0]) == pytest.approx(
        logit / tempered.calibration_.temperature, rel=1e-3
    )
    assert log_loss(y, tempered.out_of_fold_) < log_loss(y, raw.out_of_fold_)
    np.testing.assert_array_equal(raw.coefs_[-1], tempered.coefs_[-1])


def test_intervals_hold_the_values_of_new_rows() -> None:
    """300 rows and 2,000 new ones of 4 tables: 90 % within 2 points.

    The networks are trained to the end: where those of the folds disagree, as early on, CV+ holds more than it promises.
    """
    long: dict[str, Any] = QUICK | {"max_epochs": 150}
    shares = []
    for seed in range(4):
        X, y = make_regression(2300, 3, noise=60, random_state=seed)[:2]
        model = MLPRegressorCV(**long, lambdas=[1e-2], cv=KFold(5, shuffle=True, random_state=0)).fit(
            X[:300], y[:300]
        )
        ends = model.predict_interval(X[300:], alpha=0.1)
        assert ends.shape == (2000, 2)
        assert (ends[:, 0] < ends[:, 1]).all()
        shares.append(((ends[:, 0] <= y[300:]) & (y[300:] <= ends[:, 1])).mean())
    assert min(shares) >= 0.8
    assert np.mean(shares) == pytest.approx(0.9, abs=0.02)


def test_sets_of_classes_hold_those_of_new_rows() -> None:
    X, y = make_classification(2400, 8, n_informative=5, n_classes=3, flip_y=0.2, random_state=0)
    model = MLPClassifierCV(**QUICK, lambdas=[1e-2], cv=KFold(5, shuffle=True, random_state=0)).fit(
        X[:400], y[:400]
    )
    held = model.predict_interval(X[400:], alpha=0.2)
    share = held[np.arange(2000), y[400:]].mean()
    assert held.dtype == bool
    assert 0.78 <= share <= 0.85
    assert held.any(axis=1).all()
    assert 1 < held.sum(axis=1).mean() < 2.5


def test_several_targets_have_an_interval_each_and_tables_are_encoded_fold_by_fold() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=90), "kind": rng.choice(list("xyz"), 90)})
    frame.loc[3, "a"] = np.nan
    Y = np.column_stack([rng.normal(size=90), rng.normal(size=90)])
    model = MLPRegressorCV(**QUICK, lambdas=[1e-2], cv=3).fit(frame, Y)
    assert model.predict_interval(frame[:7], 0.2).shape == (7, 2, 2)
    assert [encoder is not None for encoder in model.fold_models_.encoders] == [True] * 3


def test_several_forms_of_input_are_judged_as_one_model() -> None:
    X, y = load_iris(return_X_y=True)
    given = {**QUICK, "inputs": ("standard", "bounded")}
    model = MLPClassifierCV(**given, lambdas=[1e-2], calibrate=False, cv=3).fit(X, y)
    assert model.forms_.held_out is not None
    np.testing.assert_allclose(model.out_of_fold_, model.forms_.held_out, rtol=1e-3, atol=1e-6)
    assert model.predict_interval(X, 0.2).any(axis=1).all()


def test_an_interval_is_infinite_if_there_are_too_few_rows() -> None:
    X, y = load_diabetes(return_X_y=True)
    model = MLPRegressorCV(**QUICK, lambdas=[1e-2], cv=3).fit(X[:20], y[:20])
    assert np.isinf(model.predict_interval(X[:2], alpha=0.01)).all()
    assert np.isfinite(model.predict_interval(X[:2], alpha=0.2)).all()


def test_missing_networks_are_requested_in_a_sentence() -> None:
    X, y = iris()
    model = MLPClassifierCV(**QUICK, lambdas=[1e-2], out_of_fold=False).fit(X, y)
    assert not hasattr(model, "out_of_fold_")
    with pytest.raises(RequestError, match="out_of_fold=True"):
        model.predict_interval(X)


@pytest.mark.parametrize("calibrate", ["always", 1.5, None])
def test_a_word_that_calibrate_does_not_know_is_refused(calibrate: Any) -> None:
    X, y = iris()
    with (
        warnings.catch_warnings(),
        pytest.raises(RequestError, match=r"calibrate=…: must be 'auto', True or False"),
    ):
        MLPClassifierCV(**QUICK, calibrate=calibrate).fit(X, y)
