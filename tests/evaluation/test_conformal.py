"""CV+ intervals and class sets: their definition written out, and their coverage on generated data."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shrinkage import RequestError
from shrinkage.evaluation import class_sets, cv_plus_intervals

rng = np.random.default_rng(0)


def plain_interval(predicted, residuals, fold, alpha):
    """Barber et al. (2021), equation (CV+), for one new row."""
    n = len(residuals)
    low = sorted(predicted[k] - r for k, r in zip(fold, residuals, strict=True))
    high = sorted(predicted[k] + r for k, r in zip(fold, residuals, strict=True))
    j, k = math.floor(alpha * (n + 1)), math.ceil((1 - alpha) * (n + 1))
    return (low[j - 1] if j else -math.inf), (high[k - 1] if k <= n else math.inf)


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.25, 0.5])
@pytest.mark.parametrize("n", [7, 40])
def test_intervals_are_the_plain_ones(alpha: float, n: int) -> None:
    predicted, residuals = rng.normal(size=(4, 6)), rng.exponential(size=n)
    fold = rng.integers(4, size=n)
    found = cv_plus_intervals(predicted, residuals, fold, alpha)
    for row in range(6):
        assert found[row] == pytest.approx(plain_interval(predicted[:, row], residuals, fold, alpha))


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_sets_are_the_plain_ones(alpha: float) -> None:
    p = rng.dirichlet(np.ones(3), size=(4, 50))
    scores, fold = rng.random(30), rng.integers(4, size=30)
    predicted = rng.integers(3, size=50)
    found = class_sets(p, scores, fold, alpha, predicted)
    for row in range(50):
        for c in range(3):
            smaller = sum(s < 1 - p[k, row, c] for k, s in zip(fold, scores, strict=True))
            assert found[row, c] == (smaller < (1 - alpha) * 31 or predicted[row] == c)


def folds_of(n: int, generator):
    fold = np.arange(n) % 10
    generator.shuffle(fold)
    return fold


@pytest.mark.parametrize("alpha", [0.1, 0.2])
@pytest.mark.parametrize("noise", ["normal", "skewed", "wider with x"])
def test_intervals_of_linear_models_cover_what_they_promise(alpha: float, noise: str) -> None:
    """150 tables of 100 rows, 20 new rows each: within 2 points of 1 − α, and never under 1 − 2α."""
    generator = np.random.default_rng(1)
    inside = []
    for _ in range(150):
        x = generator.uniform(-1, 1, 120)
        e = {
            "normal": generator.normal(size=120),
            "skewed": generator.exponential(size=120),
            "wider with x": generator.normal(size=120) * (1.2 + x),
        }[noise]
        y = 2 * x + e
        X = np.column_stack([np.ones(120), x])
        fold, new = folds_of(100, generator), slice(100, 120)
        coefficients = [
            np.linalg.lstsq(X[:100][fold != k], y[:100][fold != k], rcond=None)[0] for k in range(10)
        ]
        residuals = np.array([abs(y[i] - X[i] @ coefficients[fold[i]]) for i in range(100)])
        predicted = np.array([X[new] @ c for c in coefficients])
        ends = cv_plus_intervals(predicted, residuals, fold, alpha)
        inside.append(((ends[:, 0] <= y[new]) & (y[new] <= ends[:, 1])).mean())
    assert np.mean(inside) == pytest.approx(1 - alpha, abs=0.02)
    assert np.mean(inside) >= 1 - 2 * alpha


def test_an_unstable_model_still_covers_one_minus_two_alpha() -> None:
    """Each fold's model predicts a constant of its own, far from the others': the bound must hold all the same."""
    generator, alpha, inside = np.random.default_rng(2), 0.2, []
    for _ in range(150):
        y, fold = generator.normal(size=60), folds_of(50, generator)
        constants = generator.normal(scale=5, size=10)
        residuals = abs(y[:50] - constants[fold])
        ends = cv_plus_intervals(np.tile(constants[:, None], (1, 10)), residuals, fold, alpha)
        inside.append(((ends[:, 0] <= y[50:]) & (y[50:] <= ends[:, 1])).mean())
    assert np.mean(inside) >= 1 - 2 * alpha


@pytest.mark.parametrize("alpha", [0.1, 0.2])
def test_sets_of_classes_cover_what_they_promise(alpha: float) -> None:
    """Probabilities that are wrong in a way of their own in each fold: sets hold the class as often as promised."""
    generator, inside, sizes = np.random.default_rng(3), [], []
    for _ in range(150):
        true = generator.dirichlet(np.full(4, 0.4), size=120)
        labels = np.array([generator.choice(4, p=p) for p in true])
        fold = folds_of(100, generator)
        said = np.stack([0.7 * true + 0.3 * generator.dirichlet(np.ones(4)) for _ in range(10)])
        scores = 1 - said[fold, np.arange(100), labels[:100]]
        held = class_sets(said[:, 100:], scores, fold, alpha, true[100:].argmax(axis=1))
        inside.append(held[np.arange(20), labels[100:]].mean())
        sizes.append(held.sum(axis=1).mean())
    assert 1 - alpha - 0.02 <= np.mean(inside) <= 1 - alpha + 0.04
    assert np.mean(sizes) < 4


@pytest.mark.parametrize("alpha", [0, 1, -0.1, True, "0.1", float("nan")])
def test_an_invalid_share_is_refused(alpha) -> None:
    with pytest.raises(RequestError, match=r"alpha=…: must be a number between 0 and 1"):
        cv_plus_intervals(np.zeros((1, 1)), np.ones(3), np.zeros(3, int), alpha)
