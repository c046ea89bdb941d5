"""`partial_fit`, `warm_start` and sparse rows, as scikit-learn means them."""

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix
from sklearn.datasets import make_classification, make_regression

from shrinkage import MLPClassifierCV, MLPRegressorCV
from shrinkage._errors import RequestError

QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (4,),
    "lambdas": [1e-3, 1e-2],
    "max_epochs": 5,
    "max_extensions": 0,
    "cv": 3,
}
QUICK |= {"random_state": 0, "inputs": "standard"}


def numbers(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    X, y = make_regression(rows, columns, noise=1.0, random_state=0)[:2]
    return np.asarray(X), np.asarray(y)


def classes(n: int = 90) -> tuple[np.ndarray, np.ndarray]:
    X, y = make_classification(n, 6, n_informative=4, n_classes=3, random_state=0)[:2]
    return np.asarray(X), np.array(["a", "b", "c"])[y]


def test_partial_fit_goes_on_at_the_lambda_of_the_path():
    X, y = numbers(120, 4)
    model = MLPRegressorCV(**QUICK).partial_fit(X[:80], y[:80])
    lam, scale, before = model.lambda_, model.networks_.x_scale, model.score(X[80:], y[80:])
    for _ in range(200):
        model.partial_fit(X[80:], y[80:])
    assert model.lambda_ == lam
    assert model.networks_.x_scale is scale
    assert model.score(X[80:], y[80:]) > max(before, 0.9)


@pytest.mark.parametrize("inputs", ["standard", ["bounded", "linear"]])
def test_one_step_over_all_rows_is_the_gradient_step_of_the_objective(inputs):
    X, y = numbers(40, 3)
    given = {**QUICK, "hidden_layer_sizes": (), "solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.1}
    given |= {"dtype": "float64", "batch_size": 40, "inputs": inputs}
    model = MLPRegressorCV(**given).fit(X, y)
    parts = model.blend_.parts
    model.partial_fit(X, y)
    for before, after in zip(parts, model.blend_.parts, strict=True):
        ((w, b),) = before.layers()
        Z = before.form(X) if before.x_scale is None else before.x_scale.standardize(before.form(X))
        assert before.y_scale is not None
        t = before.y_scale.standardize(y[:, None])
        error = Z @ w + b - t
        lam = before.lambdas[before.chosen]
        ((new_w, new_b),) = after.layers()
        np.testing.assert_allclose(new_w, w - 0.1 * (2 * Z.T @ error / 40 + lam * w), rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(new_b, b - 0.1 * 2 * error.mean(), rtol=1e-6, atol=1e-9)


def test_partial_fit_keeps_to_the_classes_of_the_first_call():
    X, y = classes()
    with pytest.raises(RequestError, match="needs rows of every class, got none of"):
        MLPClassifierCV(**QUICK).partial_fit(X, y, classes=["a", "b", "c", "d"])
    model = MLPClassifierCV(**QUICK).partial_fit(X, y, classes=["a", "b", "c"])
    model.partial_fit(X[y == "a"], y[y == "a"])
    assert model.predict_proba(X).shape == (90, 3)
    with pytest.raises(ValueError, match=r"y has the class .*'d'"):
        model.partial_fit(X[:2], ["a", "d"])
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(X[:, :2], y)


def test_warm_start_goes_on_where_the_fit_before_ended():
    X, y = classes()
    cold, warm = MLPClassifierCV(**QUICK), MLPClassifierCV(**QUICK, warm_start=True)
    first = cold.fit(X, y).coefs_[0].copy()
    np.testing.assert_array_equal(warm.fit(X, y).coefs_[0], first)
    np.testing.assert_array_equal(cold.fit(X, y).coefs_[0], first)
    path = warm.path_
    assert (warm.fit(X, y).coefs_[0] != first).any()
    assert warm.path_ is path


@pytest.mark.parametrize("engine", ["compiled", "torch"])
@pytest.mark.parametrize(
    "given",
    [
        {"solver": "adam"},
        {"solver": "adam", "batch_size": 7},
        {"solver": "sgd", "batch_size": 7},
        {"solver": "sgd", "momentum": 0.0, "batch_size": 7},
        {"solver": "adam", "batch_size": 7, "inputs": ["standard", "bounded"]},
    ],
    ids=str,
)
def test_epochs_one_by_one_are_the_epochs_of_one_long_run(
    given: dict[str, Any], engine: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SHRINKAGE_ENGINE", engine)
    X, y = numbers(60, 4)
    options = {**QUICK, **given, "learning_rate_init": 0.01}
    long = MLPRegressorCV(**options, warm_start=True).fit(X, y)
    before = long.predict(X)
    long.fit(X, y)  # five epochs at once
    parted = MLPRegressorCV(**options).fit(X, y)
    for _ in range(5):
        parted.partial_fit(X, y)
    assert np.abs(long.predict(X) - before).max() > 1e-3
    np.testing.assert_allclose(parted.predict(X), long.predict(X), rtol=1e-5)


def test_a_new_fit_forgets_the_state_of_the_optimizer():
    X, y = numbers(60, 4)
    once = MLPRegressorCV(**QUICK).fit(X, y).partial_fit(X, y)
    again = MLPRegressorCV(**QUICK).fit(X, y).partial_fit(X, y).fit(X, y).partial_fit(X, y)
    np.testing.assert_array_equal(again.predict(X), once.predict(X))


@pytest.mark.parametrize("kind", [csr_matrix, csr_array])
def test_sparse_rows_are_the_same_rows(kind):
    X, y = classes()
    X = np.where(np.abs(X) < 0.7, 0.0, X)
    model, sparse = MLPClassifierCV(**QUICK).fit(X, y), MLPClassifierCV(**QUICK).fit(kind(X), y)
    np.testing.assert_array_equal(sparse.predict_proba(kind(X)), model.predict_proba(X))
    np.testing.assert_array_equal(sparse.predict_interval(kind(X)), model.predict_interval(X))
    assert sparse.n_features_in_ == 6  # pyright: ignore[reportAttributeAccessIssue]
