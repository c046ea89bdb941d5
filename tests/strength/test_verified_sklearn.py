"""scikit-learn does with its numbers what the registry says: against torch step by step, or at the optimum."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import sklearn
import torch
from sklearn import linear_model, svm
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.fixes import parse_version

from strength_cases import STEPS, assert_same, converted, flat

LR, ALPHA, N, BATCH = 0.05, 2.0, 40, 10
rng = np.random.default_rng(1)
X = rng.normal(size=(N, 4))
CLASSES = rng.integers(0, 3, N)
SIDES = np.where(X[:, 0] + 0.3 * rng.normal(size=N) > 0, 1, -1)
TARGETS = np.tanh(X @ rng.normal(size=(4, 3))) + 0.1 * rng.normal(size=(N, 3))


def fitted(model: Any, y: np.ndarray, inputs: np.ndarray = X) -> Any:
    """The model, fitted however far its iterations reach."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(inputs, y)


def torch_twin(model: Any, y: np.ndarray, lr: float, number: float, adam: bool, batch: int) -> np.ndarray:
    """The same network, start and batches in torch; weights decayed, biases not."""
    start = fitted(model.__class__(**{**model.get_params(), "learning_rate_init": 1e-300, "max_iter": 1}), y)
    weights = [torch.nn.Parameter(torch.from_numpy(w.copy())) for w in start.coefs_]
    biases = [torch.nn.Parameter(torch.from_numpy(b.copy())) for b in start.intercepts_]
    groups = [{"params": weights, "weight_decay": number}, {"params": biases, "weight_decay": 0.0}]
    optimizer = (
        torch.optim.Adam(groups, lr=lr, eps=1e-16) if adam else torch.optim.SGD(groups, lr=lr, momentum=0.9)
    )
    loss = torch.nn.CrossEntropyLoss() if y.ndim == 1 else torch.nn.MSELoss()
    inputs, outputs = torch.from_numpy(X), torch.from_numpy(y)
    for _ in range(STEPS * batch // N):
        for rows in range(0, N, batch):
            hidden = torch.tanh(inputs[rows : rows + batch] @ weights[0] + biases[0])
            optimizer.zero_grad()
            loss(hidden @ weights[1] + biases[1], outputs[rows : rows + batch]).backward()
            optimizer.step()
    return flat([p.detach().numpy() for p in (*weights, *biases)])


@pytest.mark.parametrize("batch", [N, BATCH])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("kind, y", [(MLPClassifier, CLASSES), (MLPRegressor, TARGETS)])
def test_alpha_of_a_network_trains_as_its_converted_torch_weight_decay(kind, y, solver, batch):
    model = kind(
        hidden_layer_sizes=(5,), activation="tanh", solver=solver, alpha=ALPHA, learning_rate_init=LR, batch_size=batch,
        shuffle=False, max_iter=STEPS * batch // N, tol=0, nesterovs_momentum=False, epsilon=1e-16,
        n_iter_no_change=1000, random_state=0,
    )  # fmt: skip
    theirs = fitted(model, y)
    regression: dict[str, Any] = {"loss": "mse", "outputs": 3} if kind is MLPRegressor else {}
    source = f"sklearn.neural_network.{kind.__name__}:solver={solver}"
    target = "torch.optim.Adam" if solver == "adam" else "torch.optim.SGD"
    number = converted(ALPHA, source, target, rows=N, batch_size=batch, **regression)
    # Its gradient is that of ½ Σ r², MSELoss is 2/k = 2/3 of that, which SGD's rate makes up for; Adam does not mind.
    lr = LR * 3 / 2 if regression and solver == "sgd" else LR
    ours = torch_twin(model, y, lr, number, solver == "adam", batch)
    assert_same(flat([*theirs.coefs_, *theirs.intercepts_]), ours)


def at_optimum(lam: float) -> np.ndarray:
    """The minimiser of the mean logistic loss of ±1 with (λ/2) w², no intercept, by Newton's method."""
    w = np.zeros(X.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(SIDES * (X @ w)))
        gradient = -(X.T @ (SIDES * p)) / N + lam * w
        hessian = (X.T * (p * (1 - p))) @ X / N + lam * np.eye(len(w))
        w = w - np.linalg.solve(hessian, gradient)
    return w


def logistic(number: float) -> np.ndarray:
    model = linear_model.LogisticRegression(
        C=number, fit_intercept=False, solver="newton-cholesky", tol=1e-12
    )
    return fitted(model, SIDES).coef_.ravel()


def liblinear(number: float) -> np.ndarray:
    model = linear_model.LogisticRegression(
        C=number, fit_intercept=False, solver="liblinear", tol=1e-12, max_iter=100_000
    )
    return fitted(model, SIDES).coef_.ravel()


def network_without_layers(number: float) -> np.ndarray:
    model = MLPClassifier(
        (), alpha=number, solver="lbfgs", tol=1e-14, max_iter=10_000, random_state=0, warm_start=True
    )
    # Mirrored rows make the best intercept 0, and leave the mean loss as it is. One descent ends where the loss
    # has stopped changing at 2e-9, so it is started again from there.
    for _ in range(5):
        fitted(model, np.concatenate([SIDES, -SIDES]), np.vstack([X, -X]))
    return model.coefs_[0].ravel()


OPTIMA = {
    "sklearn.linear_model.LogisticRegression": (logistic, N),
    "sklearn.linear_model.LogisticRegression:solver=liblinear": (liblinear, N),
    "sklearn.neural_network.MLPClassifier:solver=lbfgs": (network_without_layers, 2 * N),
}


@pytest.mark.parametrize("lam", [0.01, 0.3])
@pytest.mark.parametrize("name, solve, rows", [(name, *case) for name, case in OPTIMA.items()])
def test_classifiers_reach_the_optimum_of_the_converted_lambda(name, solve, rows, lam):
    number = converted(lam, "lam", name, rows=rows)
    assert_same(solve(number), at_optimum(lam), rel=1e-6)


@pytest.mark.parametrize("loss, scale", [("half_squared_error", 1), ("mse", 2), ("squared_error", 2)])
def test_ridge_is_the_closed_form_of_the_converted_lambda(loss, scale):
    y, lam = TARGETS[:, 0], 0.3
    number = converted(lam, "lam", "sklearn.linear_model.Ridge", rows=N, loss=loss, outputs=1)
    closed = np.linalg.solve(scale * X.T @ X / N + lam * np.eye(4), scale * X.T @ y / N)
    assert_same(
        linear_model.Ridge(alpha=number, fit_intercept=False, solver="cholesky").fit(X, y).coef_, closed
    )


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
def test_elastic_net_obeys_the_optimality_conditions_of_both_converted_parts(l1_ratio):
    y, alpha = TARGETS[:, 0], 0.1
    run: dict[str, Any] = {"loss": "half_squared_error", "l1_ratio": l1_ratio}
    lam = converted(alpha, "sklearn.linear_model.ElasticNet", "shrinkage.L2", **run)
    lam1 = converted(alpha, "sklearn.linear_model.ElasticNet:part=l1", "shrinkage.L1", **run)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # l1_ratio=0 is solved by coordinate descent under protest
        model = linear_model.ElasticNet(
            alpha=alpha, l1_ratio=l1_ratio, fit_intercept=False, tol=1e-14, max_iter=10**6
        )
        w = model.fit(X, y).coef_
    pull = X.T @ (y - X @ w) / N - lam * w
    kept = w != 0
    assert kept.any()
    assert pull[kept] == pytest.approx(lam1 * np.sign(w[kept]), rel=1e-6, abs=1e-9)
    assert np.all(np.abs(pull[~kept]) <= lam1 + 1e-9)


def test_lasso_is_the_net_without_its_l2():
    y = TARGETS[:, 0]
    alpha = converted(
        0.1, "sklearn.linear_model.Lasso", "sklearn.linear_model.ElasticNet:part=l1", l1_ratio=0.5
    )
    w = linear_model.Lasso(alpha=0.1, fit_intercept=False, tol=1e-14).fit(X, y).coef_
    pull = X.T @ (y - X @ w) / N
    assert np.max(np.abs(pull)) == pytest.approx(0.1, rel=1e-6)
    assert alpha == pytest.approx(0.2)


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.8"),
    reason="an l1_ratio alone asks for L1 since 1.8",
)
def test_l1_of_logistic_regression_obeys_its_optimality_condition():
    number = converted(0.05, "shrinkage.L1", "sklearn.linear_model.LogisticRegression:penalty=l1", rows=N)
    model = linear_model.LogisticRegression(
        C=number, l1_ratio=1.0, solver="saga", fit_intercept=False, tol=1e-12, max_iter=10**6, random_state=0
    )
    w = fitted(model, SIDES).coef_.ravel()
    pull = X.T @ (SIDES / (1 + np.exp(SIDES * (X @ w)))) / N
    assert pull[w != 0] == pytest.approx(0.05 * np.sign(w[w != 0]), rel=1e-6)


@pytest.mark.parametrize("penalty, l1_ratio", [("l2", 0.0), ("elasticnet", 1e-9)])
@pytest.mark.parametrize("kind", ["SGDClassifier", "SGDRegressor"])
def test_sgd_row_by_row_is_the_rule_with_the_converted_shrink(kind, penalty, l1_ratio):
    y, alpha, eta = (SIDES if kind == "SGDClassifier" else TARGETS[:, 0]), 0.2, 0.05
    model = getattr(linear_model, kind)(
        loss="log_loss" if kind == "SGDClassifier" else "squared_error",
        penalty=penalty, l1_ratio=l1_ratio, alpha=alpha, learning_rate="constant", eta0=eta,
        fit_intercept=False, shuffle=False, max_iter=1, tol=None,
    )  # fmt: skip
    kappa = converted(
        alpha, f"sklearn.linear_model.{kind}", "shrink", lr=eta, l1_ratio=l1_ratio, rows=N, batch_size=1
    )
    w = np.zeros(4)
    for row, target in zip(X, y, strict=True):
        slope = -target / (1 + np.exp(target * (row @ w))) if kind == "SGDClassifier" else row @ w - target
        w = (1 - kappa) * w - eta * slope * row
    assert_same(model.fit(X, y).coef_.ravel(), w)


def hinge_optimality(w: np.ndarray, lam: float, squared: bool) -> np.ndarray:
    """λ w minus the mean pull of the rows, which is 0 at the optimum; for the hinge, as little as its corner allows."""
    margin = 1 - SIDES * (X @ w)
    weight = 2 * np.maximum(margin, 0) if squared else (margin > 0).astype(float)
    return lam * w - X.T @ (SIDES * weight) / N


def test_linear_svc_is_at_the_optimum_of_the_converted_lambda():
    number = converted(0.1, "lam", "sklearn.svm.LinearSVC", rows=N)
    model = svm.LinearSVC(C=number, fit_intercept=False, tol=1e-12, max_iter=10**6)
    assert np.max(np.abs(hinge_optimality(model.fit(X, SIDES).coef_.ravel(), 0.1, squared=True))) < 1e-8


def test_svc_weights_are_a_sum_over_rows_bounded_by_the_converted_lambda():
    number = converted(0.1, "lam", "sklearn.svm.SVC", rows=N)
    model = svm.SVC(C=number, kernel="linear", tol=1e-8).fit(X, SIDES)
    # λ n w = Σ aᵢ yᵢ xᵢ with 0 <= aᵢ <= 1: in C's units the dual coefficients reach C = 1/(λ n).
    assert np.max(np.abs(model.dual_coef_)) == pytest.approx(1 / (0.1 * N), rel=1e-6)
