"""The rivals of the network, against scikit-learn's own estimators and closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, PoissonRegressor, QuantileRegressor, Ridge
from sklearn.metrics import (
    log_loss,
    mean_absolute_error,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
)
from sklearn.model_selection import KFold

from shrinkage.evaluation import constant_losses, linear_path
from shrinkage.path import STANDARD, Fold, fitted_scale, standard_inputs


def folds_of(X: Any, Y: Any, *, weight: Any = None, regression: bool = False, cut: int = 3) -> list[Fold]:
    parts = KFold(cut, shuffle=True, random_state=0).split(X)
    return [
        Fold(
            number=number,
            inputs=standard_inputs(X, fitted_scale(X, train, weight)),
            Y=Y,
            weight=weight,
            train=train,
            validation=validation,
            y_scale=fitted_scale(Y, train, weight) if regression else None,
        )
        for number, (train, validation) in enumerate(parts)
    ]


def standardized(fold: Fold, rows: Any) -> tuple[Any, Any]:
    Y = fold.Y[rows] if fold.y_scale is None else fold.y_scale.standardize(fold.Y[rows])
    return fold.inputs[STANDARD].standardize(rows), Y


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_is_scikit_learns_at_the_converted_strength(targets: int, weighted: bool) -> None:
    """J = (1/n) Σ (1/C) Σ r² + (λ/2) Σ w² is Ridge's Σ r² + α Σ w² at α = λ·C·n/2."""
    X, y = (np.asarray(part) for part in load_diabetes(return_X_y=True))
    Y = np.column_stack([y, y**2])[:, :targets]
    weight = np.random.default_rng(0).integers(1, 4, len(Y)).astype(float) if weighted else None
    (fold, *_) = folds = folds_of(X, Y, weight=weight, regression=True)
    found = linear_path(folds, "squared_error")
    X_train, Y_train = standardized(fold, fold.train)
    X_val, Y_val = standardized(fold, fold.validation)
    s_train, s_val = (None, None) if weight is None else (weight[fold.train], weight[fold.validation])
    for place in (0, found.index, len(found.lambdas) - 1):
        n = len(X_train) if s_train is None else s_train.sum()
        model = Ridge(alpha=found.lambdas[place] * targets * n / 2).fit(X_train, Y_train, s_train)
        expected = mean_squared_error(Y_val, model.predict(X_val).reshape(Y_val.shape), sample_weight=s_val)
        assert found.losses[place, 0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_is_scikit_learns_started_cold(classes: int) -> None:
    X, y = (np.asarray(part) for part in load_iris(return_X_y=True))
    X, y = X[y < classes], y[y < classes]
    X = X + np.random.default_rng(0).normal(size=X.shape)
    Y = y[:, None].astype(float) if classes == 2 else np.eye(3)[y]
    (fold, *_) = folds = folds_of(X, Y)
    found = linear_path(folds, "logistic" if classes == 2 else "softmax")
    X_train, _ = standardized(fold, fold.train)
    X_val, _ = standardized(fold, fold.validation)
    place = found.index
    model = LogisticRegression(C=1 / (len(X_train) * found.lam), tol=1e-8).fit(X_train, y[fold.train])
    expected = log_loss(y[fold.validation], model.predict_proba(X_val))
    assert found.losses[place, 0] == pytest.approx(expected, rel=1e-4)


def test_the_strength_is_that_of_the_smallest_mean_loss() -> None:
    X, y = (np.asarray(part) for part in load_diabetes(return_X_y=True))
    found = linear_path(folds_of(X, y[:, None], regression=True), "squared_error")
    assert found.fold_losses.mean() == found.losses.mean(axis=1).min()
    assert 0 < found.index < len(found.lambdas) - 1


def test_a_constant_guess_of_a_regression_costs_one_variance_of_the_training_rows() -> None:
    X, y = (np.asarray(part) for part in load_diabetes(return_X_y=True))
    folds = folds_of(X, y[:, None], regression=True)
    expected = [np.mean((y[f.validation] - y[f.train].mean()) ** 2) / y[f.train].var() for f in folds]
    assert constant_losses(folds, "squared_error") == pytest.approx(expected)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_constant_guess_of_classes_costs_the_cross_entropy_with_their_shares(classes: int) -> None:
    X, y = (np.asarray(part) for part in load_iris(return_X_y=True))
    X, y = X[y < classes], y[y < classes]
    Y = y[:, None].astype(float) if classes == 2 else np.eye(3)[y]
    folds = folds_of(X, Y)
    expected = []
    for fold in folds:
        shares = np.bincount(y[fold.train]) / len(fold.train)
        expected.append(-np.log(shares[y[fold.validation]]).mean())
    assert constant_losses(folds, "logistic" if classes == 2 else "softmax") == pytest.approx(expected)


def test_a_class_that_training_never_saw_costs_an_infinite_loss() -> None:
    X = np.random.default_rng(0).normal(size=(9, 2))
    Y = np.eye(3)[[0, 1, 0, 1, 0, 1, 0, 1, 2]]
    (fold,) = folds_of(X, Y, cut=3)[:1]
    fold = Fold(**{**vars(fold), "train": np.arange(8), "validation": np.array([8])})
    assert np.isinf(constant_losses([fold], "softmax")).all()
    assert np.isinf(linear_path([fold], "softmax").losses).all()


@pytest.mark.parametrize("loss", ["poisson", "quantile:0.8", "absolute_error"])
def test_linear_models_of_other_losses_are_scikit_learns(loss: str) -> None:
    g = np.random.default_rng(0)
    X = g.normal(size=(150, 3))
    y = g.poisson(np.exp(X[:, 0])).astype(float) + (0 if loss == "poisson" else g.uniform(size=150))
    (fold, *_) = folds = folds_of(X, y[:, None])
    found = linear_path(folds, loss)
    X_train, _ = standardized(fold, fold.train)
    X_val, _ = standardized(fold, fold.validation)
    lam = found.lambdas[0]
    if loss == "poisson":
        model: Any = PoissonRegressor(alpha=lam / 2, tol=1e-10, max_iter=10_000)
        score: Any = mean_poisson_deviance
    else:
        q = 0.8 if "0.8" in loss else 0.5
        model, share = QuantileRegressor(alpha=0, quantile=q), 1 if loss != "absolute_error" else 2
        score = lambda y, p: share * mean_pinball_loss(y, p, alpha=q)  # noqa: E731
    model.fit(X_train, y[fold.train])
    # The kink is rounded over 0.01, which may cost half of that.
    tolerance = 1e-6 if loss == "poisson" else 0.02
    assert found.losses[0, 0] == pytest.approx(score(y[fold.validation], model.predict(X_val)), abs=tolerance)


def test_several_quantile_regressions_are_scikit_learns_level_by_level() -> None:
    g, levels = np.random.default_rng(0), (0.2, 0.5, 0.8)
    X = g.normal(size=(150, 3))
    y = X[:, 0] + g.normal(size=150)
    (fold, *_) = folds = folds_of(X, np.repeat(y[:, None], 3, axis=1))
    found = linear_path(folds, "quantile:0.2,0.5,0.8")
    assert found.name == "quantile regression"
    X_train, _ = standardized(fold, fold.train)
    X_val, _ = standardized(fold, fold.validation)
    assert fold.validation is not None
    expected = [
        mean_pinball_loss(
            y[fold.validation],
            QuantileRegressor(alpha=0, quantile=q).fit(X_train, y[fold.train]).predict(X_val),
            alpha=q,
        )
        for q in levels
    ]
    assert found.losses[0, 0] == pytest.approx(np.mean(expected), abs=0.01)


@pytest.mark.parametrize(
    "loss, constant", [("absolute_error", np.median), ("poisson", np.mean), ("squared_error", np.mean)]
)
def test_the_constant_is_that_of_the_loss(loss: str, constant: Any) -> None:
    y = np.random.default_rng(0).poisson(3, size=45).astype(float)
    folds = folds_of(np.zeros((45, 1)), y[:, None])
    score = {
        "absolute_error": mean_absolute_error,
        "poisson": mean_poisson_deviance,
        "squared_error": mean_squared_error,
    }[loss]
    expected = []
    for fold in folds:
        assert fold.validation is not None
        held = y[fold.validation]
        expected.append(score(held, np.full(len(held), constant(y[fold.train]))))
    np.testing.assert_allclose(constant_losses(folds, loss), expected)
