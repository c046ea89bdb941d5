"""Linear networks at their minimum: closed forms, scikit-learn's solvers, and the slope that vanishes there."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge

from shrinkage._errors import RequestError
from shrinkage.networks import LOSSES, PerceptronKind
from shrinkage.rules import L2, Decoupled
from shrinkage.training import ConvexOptimum, Member, Recipe, Rows

LAMBDAS = [0.0, 1e-3, 0.1, 10.0]


def recipe(loss, **changes):
    given = {
        "kind": PerceptronKind(hidden_layer_sizes=(), activation="relu"),
        "rule": L2(0.0),
        "dtype": "float64",
    }
    return Recipe(**{**given, "loss": loss, "trainer": ConvexOptimum(), "max_epochs": 1, **changes})


def problem(outputs, seed=0, n=90, inputs=5):
    g = torch.Generator().manual_seed(seed)
    X = torch.randn(n, inputs, generator=g, dtype=torch.float64) * torch.arange(1, inputs + 1)
    z = X @ torch.randn(inputs, outputs, generator=g, dtype=torch.float64) + torch.randn(
        n, outputs, generator=g, dtype=torch.float64
    ).mul(3)
    return X, z


def trained(loss, X, Y, weight=None, lambdas=LAMBDAS):
    n = len(X) * 2 // 3
    some = None if weight is None else (weight[:n] / weight[:n].mean())[:, None]
    rows = Rows(X=X, Y=Y, index=torch.arange(n), weight=some)
    member = Member(0, 0, rows, Rows(X=X, Y=Y, index=torch.arange(n, len(X))))
    return ConvexOptimum().train(recipe(loss), lambdas, [member], seed=0), n


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_squares_are_ridge_regression(outputs, weighted):
    X, Y = problem(outputs)
    weight = torch.rand(len(X), dtype=torch.float64) + 0.1 if weighted else None
    result, n = trained("squared_error", X, Y, weight)
    for i, lam in enumerate(LAMBDAS):
        s = None if weight is None else (weight[:n] / weight[:n].mean()).numpy()
        ridge = Ridge(alpha=lam * n * outputs / 2).fit(X[:n], Y[:n], sample_weight=s)
        net = result.networks[0, i]
        assert_allclose(
            net[: 5 * outputs].reshape(5, outputs).T, np.atleast_2d(ridge.coef_), rtol=1e-8, atol=1e-10
        )
        assert_allclose(net[5 * outputs :], np.atleast_1d(ridge.intercept_), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("loss, outputs", [("logistic", 1), ("softmax", 3)])
def test_classes_are_logistic_regression(loss, outputs):
    X, z = problem(outputs)
    y = (z[:, 0] > 0).long() if outputs == 1 else z.argmax(1)
    Y = y[:, None].double() if outputs == 1 else torch.nn.functional.one_hot(y, outputs).double()
    result, n = trained(loss, X, Y, lambdas=[1e-3, 0.1])
    for i, lam in enumerate([1e-3, 0.1]):
        peer = LogisticRegression(C=1 / (lam * n), tol=1e-10, max_iter=10_000).fit(X[:n], y[:n])
        new = result.networks[0, i]
        W, b = new[: 5 * outputs].reshape(5, outputs), new[5 * outputs :]
        z_new = X.numpy() @ W + b
        p = (
            1 / (1 + np.exp(-z_new[:, 0]))
            if outputs == 1
            else np.exp(z_new) / np.exp(z_new).sum(1, keepdims=True)
        )
        theirs = peer.predict_proba(X)
        assert_allclose(p, theirs[:, 1] if outputs == 1 else theirs, atol=1e-5)


@pytest.mark.parametrize("loss", [name for name in LOSSES if LOSSES[name].is_smooth])
def test_a_weight_of_two_is_the_row_twice(loss):
    X, z = problem(3 if loss == "softmax" else 1)
    values = {"squared_error": z, "huber": z / 10, "poisson": (z / 10).exp(), "logistic": (z > 0).double()}
    Y = values.get(loss, torch.nn.functional.one_hot(z.argmax(1), z.shape[1]).double())
    weight = torch.randint(1, 3, (len(X),), generator=torch.Generator().manual_seed(0)).double()
    weighted, n = trained(loss, X, Y, weight, lambdas=[0.05])
    twice = torch.repeat_interleave(torch.arange(n), weight[:n].long())
    rows = Rows(X=X, Y=Y, index=twice)
    repeated = ConvexOptimum().train(recipe(loss), [0.05], [Member(0, 0, rows, None)], seed=0)
    assert_allclose(weighted.networks, repeated.networks, atol=1e-6)


def test_counts_are_poisson_regression():
    X, z = problem(1)
    Y = torch.poisson((z / 20).exp(), generator=torch.Generator().manual_seed(0))
    result, n = trained("poisson", X, Y, lambdas=[1e-2, 0.1])
    for i, lam in enumerate([1e-2, 0.1]):
        # Its objective is half the mean deviance plus (alpha/2) Σw²: ours is twice it.
        peer = PoissonRegressor(alpha=lam / 2, tol=1e-10, max_iter=10_000).fit(X[:n], Y[:n, 0])
        new = result.networks[0, i]
        assert_allclose(np.append(peer.coef_, peer.intercept_), new, atol=1e-5)


def test_huber_regression_ends_where_its_slope_vanishes():
    X, z = problem(2)
    Y = z / z.std() + 8 * (torch.arange(len(z)) % 9 == 0)[:, None]
    result, n = trained("huber", X, Y, lambdas=[0.1])
    row = torch.tensor(result.networks[0, 0], requires_grad=True)
    W, b = row[:10].view(5, 2), row[10:]
    loss = 2 * torch.nn.functional.huber_loss(X[:n] @ W + b, Y[:n]) + 0.05 * W.square().sum()
    (slope,) = torch.autograd.grad(loss, row)
    assert slope.abs().max() < 1e-7


def test_columns_that_say_the_same_share_the_weight_at_zero():
    X, Y = problem(1)
    result, _ = trained("squared_error", torch.cat([X, X[:, :1]], 1), Y, lambdas=[0.0])
    w = result.networks[0, 0]
    assert w[0] == pytest.approx(w[5], rel=1e-6)


def test_classes_that_can_be_separated_end_at_the_bound():
    X = torch.tensor([[-1.0], [-2.0], [1.0], [2.0]], dtype=torch.float64)
    rows = Rows(X=X, Y=(X > 0).double())
    result = ConvexOptimum().train(recipe("logistic"), [0.0], [Member(0, 0, rows, None)], seed=0)
    assert np.isfinite(result.networks).all()
    assert result.final_train_loss[0, 0] < 1e-6


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"kind": PerceptronKind(hidden_layer_sizes=(3,), activation="relu")}, "no single minimum to find"),
        ({"rule": Decoupled(0.0)}, "under Decoupled or with mean squared error"),
        ({"max_epochs": 2}, "found in 1 epoch, got 2"),
        ({"loss": "absolute_error"}, "mean absolute error as its loss has no single minimum"),
    ],
)
def test_what_has_no_single_minimum_is_refused(changes, message):
    with pytest.raises(RequestError, match=message):
        recipe(**{"loss": "squared_error", **changes})
