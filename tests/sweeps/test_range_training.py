"""Outside the range, the trained weights are those of strength 0 or nothing; inside they are neither."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso, LogisticRegression, Ridge

from shrinkage.sweeps import useful_range
from sweep_cases import STEPS, Training, distance, optimizer, plain

TOLERANCE = 0.01


@pytest.fixture(autouse=True)
def one_thread():
    """A second one only waits for the first on matrices this small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


EXACT = [
    Training(convention="torch.optim.SGD", build=optimizer("SGD"), lr=0.1),
    Training(
        convention="torch.optim.SGD",
        build=optimizer("SGD", momentum=0.9),
        lr=0.02,
        told={"momentum": 0.9},
    ),
    Training(convention="torch.optim.AdamW", build=optimizer("AdamW"), lr=2e-3),
    Training(
        convention="keras.regularizers.L2",
        build=plain,
        lr=0.1,
        penalty=lambda v, W: v * torch.stack([w.square().sum() for w in W]).sum(),
    ),
    Training(
        convention="keras.regularizers.L1",
        build=plain,
        lr=0.1,
        penalty=lambda v, W: v * torch.stack([w.abs().sum() for w in W]).sum(),
    ),
]
ADAPTIVE = [
    Training(convention=f"torch.optim.{name}", build=optimizer(name), lr=lr)
    for name, lr in (("Adam", 2e-3), ("NAdam", 2e-3), ("RMSprop", 2e-3), ("Adagrad", 2e-2))
]


def of(training, trained, gradient_rms, **options):
    told = dict(training.told)
    if training in ADAPTIVE:
        told["gradient_rms"] = gradient_rms
    if training.convention.endswith("L1"):
        told["weight_rms"] = float(trained.square().mean().sqrt())
    return useful_range(
        training.convention,
        lr=training.lr,
        steps=STEPS,
        schedule="cosine",
        tolerance=TOLERANCE,
        **told,
        **options,
    )


@pytest.mark.parametrize("training", EXACT, ids=lambda t: f"{t.convention}{t.told or ''}")
def test_outside_nothing_acts_or_nothing_is_left_and_inside_neither(training):
    free, _ = training.run(0.0)
    found = of(training, free, None)
    assert distance(training.run(found.weak / 2)[0], free) <= TOLERANCE
    for inside in (10 * found.weak, math.sqrt(found.weak * found.strong)):
        weights, _ = training.run(inside)
        assert distance(weights, free) > 5 * TOLERANCE
        assert weights.norm() > 0.1 * free.norm()
    for beyond in (found.strong, 1.5 * found.strong):
        assert training.run(beyond)[0].norm() <= TOLERANCE * free.norm()


@pytest.mark.parametrize("training", ADAPTIVE, ids=lambda t: t.convention)
def test_an_adaptive_step_moves_toward_0_at_its_own_pace_beyond_the_strong_end(training):
    """To within three times the tolerance, as the gradients are not all of one size."""
    free, gradient_rms = training.run(0.0)
    found = of(training, free, gradient_rms)
    assert not found.exact
    assert distance(training.run(found.weak / 2)[0], free) <= 3 * TOLERANCE
    for inside in (20 * found.weak, math.sqrt(found.weak * found.strong)):
        assert distance(training.run(inside)[0], free) > 10 * TOLERANCE
    strong = training.run(2 * found.strong)[0]
    assert distance(training.run(4 * found.strong)[0], strong) <= 3 * TOLERANCE


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_below_the_numbers_spacing_not_a_bit_differs_and_above_it_many_do(dtype):
    training = Training(
        convention="torch.optim.AdamW", build=optimizer("AdamW"), lr=2e-3, dtype=getattr(torch, dtype)
    )
    found = useful_range(
        "torch.optim.AdamW", lr=2e-3, steps=60, schedule="cosine", dtype=dtype, tolerance=1e-8
    )
    assert "rounding" in found.why
    free, _ = training.run(0.0, 60)
    assert torch.equal(training.run(0.99 * found.weak, 60)[0], free)
    assert not torch.equal(training.run(2.5 * found.weak, 60)[0], free)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(200, 5)) * [0.3, 0.6, 1, 1.5, 2]
    X -= X.mean(0)
    return X, X @ [1.0, -1.0, 0.5, 1.0, -0.5] + rng.normal(size=200)


def test_ridge_at_both_ends(table):
    X, y = table
    eigenvalues = np.linalg.eigvalsh(X.T @ X / len(X))
    found = useful_range(
        "sklearn.linear_model.Ridge",
        rows=len(X),
        curvature=(eigenvalues[0], eigenvalues[-1]),
        tolerance=TOLERANCE,
    )
    assert found.exact
    free = np.linalg.lstsq(X, y - y.mean(), rcond=None)[0]

    def away(alpha):
        return np.linalg.norm(Ridge(alpha).fit(X, y).coef_ - free) / np.linalg.norm(free)

    assert away(found.weak) <= TOLERANCE
    assert TOLERANCE < away(math.sqrt(found.weak * found.strong)) < 1 - TOLERANCE
    assert away(found.strong) >= 1 - TOLERANCE


def test_the_c_of_a_logistic_regression_falls_with_the_strength(table):
    X, y = table
    classes = y > 0
    a, b = np.linalg.eigvalsh(X.T @ X / len(X))[[0, -1]] / 4
    found = useful_range("sklearn.linear_model.LogisticRegression", rows=len(X), curvature=(a / 4, b))
    assert (found.weak, found.strong) == (found.high, found.low)

    def fitted(c):
        return LogisticRegression(C=c, tol=1e-10, max_iter=10_000).fit(X, classes).coef_.ravel()

    free = fitted(1e12)
    assert np.linalg.norm(fitted(2 * found.weak) - free) <= TOLERANCE * np.linalg.norm(free)
    assert np.linalg.norm(fitted(found.strong) - free) >= 0.9 * np.linalg.norm(free)


def test_a_lasso_has_nothing_left_beyond_its_strong_end(table):
    X, y = table
    a, b = np.linalg.eigvalsh(X.T @ X / len(X))[[0, -1]]
    free = np.linalg.lstsq(X, y - y.mean(), rcond=None)[0]
    size = float(np.sqrt(np.mean(free**2)))
    found = useful_range("sklearn.linear_model.Lasso", curvature=(a, b), weight_rms=size)
    assert not Lasso(found.strong).fit(X, y).coef_.any()
    assert np.linalg.norm(
        Lasso(found.weak / 2, tol=1e-12).fit(X, y).coef_ - free
    ) <= TOLERANCE * np.linalg.norm(free)
