"""The temperature, against data whose temperature is known and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, softmax
from sklearn.metrics import log_loss

from shrinkage.evaluation import calibrate, fitted_temperature, reliability


def drawn(classes: int, temperature: float, n: int = 6000, seed: int = 0):
    """Outputs z, and classes drawn with the probabilities of z/temperature; five folds."""
    rng = np.random.default_rng(seed)
    z = rng.normal(scale=4, size=(n, 1 if classes == 2 else classes))
    fold = rng.integers(5, size=n)
    if classes == 2:
        return z, (rng.random((n, 1)) < expit(z / temperature)).astype(float), fold
    p = softmax(z / temperature, axis=1)
    return z, np.eye(classes)[[rng.choice(classes, p=row) for row in p]], fold


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_drew_the_classes_is_found(classes: int, temperature: float) -> None:
    z, Y, fold = drawn(classes, temperature)
    assert calibrate(z, Y, fold).temperature == pytest.approx(temperature, rel=0.1)


@pytest.mark.parametrize("classes", [2, 3])
def test_it_is_applied_where_outputs_are_overconfident_and_not_where_they_are_right(classes: int) -> None:
    z, Y, fold = drawn(classes, 2.5)
    found = calibrate(z, Y, fold)
    assert found.applied
    assert found.gain > 10 * found.gain_se
    small = [calibrate(*drawn(classes, 1.0, n=200, seed=seed)).applied for seed in range(20)]
    assert np.mean(small) < 0.4


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("temperature", [0.2, 1.0, 6.0])
@pytest.mark.parametrize("doubt", [0.0, 0.03])
def test_the_root_of_the_slope_is_the_minimum_of_the_loss(
    classes: int, temperature: float, doubt: float
) -> None:
    z, Y, _ = drawn(classes, temperature, n=300)
    weight = np.random.default_rng(1).uniform(0, 2, size=300)
    right = Y[:, 0].astype(int) if classes == 2 else Y.argmax(axis=1)
    of_classes = np.hstack([0 * z, z]) if classes == 2 else z
    others = of_classes.copy()
    others[np.arange(300), right] = -np.inf
    wrong = others.argmax(axis=1)

    def loss(log_t: float) -> float:
        lost = -np.log(softmax(of_classes / np.exp(log_t), axis=1))
        rows = np.arange(300)
        return float(np.average((1 - doubt) * lost[rows, right] + doubt * lost[rows, wrong], weights=weight))

    found = minimize_scalar(
        loss, bounds=(np.log(0.05), np.log(20)), method="bounded", options={"xatol": 1e-8}
    )
    assert np.log(fitted_temperature(z, Y, weight, doubt=doubt)) == pytest.approx(found.x, abs=1e-5)  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("classes", [2, 3])
def test_where_the_loss_has_no_minimum_between_them_an_end_is_taken(classes: int) -> None:
    z, _, _ = drawn(classes, 1.0, n=50)
    right = (z > 0).astype(float) if classes == 2 else np.eye(3)[z.argmax(axis=1)]
    wrong = 1 - right if classes == 2 else np.eye(3)[z.argmin(axis=1)]
    assert fitted_temperature(z, right, np.ones(50)) == 0.05
    assert fitted_temperature(z, wrong, np.ones(50)) == 20
    assert fitted_temperature(np.full_like(z, np.nan), right, np.ones(50)) == 1


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("n", [20, 100, 2000])
def test_rows_that_are_all_right_do_not_make_probabilities_extreme(classes: int, n: int) -> None:
    rng = np.random.default_rng(0)
    own = rng.integers(classes, size=n)
    Y = (own[:, None] == 1).astype(float) if classes == 2 else np.eye(classes)[own]
    z = (2 * Y - 1) * rng.uniform(0.5, 3, size=Y.shape)
    found = calibrate(z, Y, np.arange(n) % 5)
    z = np.hstack([0 * z, z]) if classes == 2 else z
    sure = softmax(z / found.temperature, axis=1)[np.arange(n), own]
    assert 0.2 / n < 1 - sure.mean() < 5 / n


def test_losses_are_those_of_scikit_learn() -> None:
    z, Y, fold = drawn(3, 2.0, n=500)
    found = calibrate(z, Y, fold)
    assert found.loss_before == pytest.approx(log_loss(Y.argmax(1), softmax(z, axis=1)))
    p = np.empty_like(z)
    for number in range(5):
        own = fold == number
        doubt = 1 / (1 + (~own).sum())
        temperature = fitted_temperature(z[~own], Y[~own], np.ones((~own).sum()), doubt=doubt)
        p[own] = softmax(z[own] / temperature, axis=1)
    assert found.loss_after == pytest.approx(log_loss(Y.argmax(1), p))


def test_a_weight_of_two_is_the_row_twice() -> None:
    z, Y, fold = drawn(3, 2.0, n=400)
    weight = np.where(np.arange(400) < 100, 2.0, 1.0)
    twice = [*range(400), *range(100)]
    once, doubled = calibrate(z, Y, fold, weight), calibrate(z[twice], Y[twice], fold[twice])
    assert once.temperature == pytest.approx(doubled.temperature, rel=1e-4)
    assert once.gain == pytest.approx(doubled.gain, rel=1e-3)


def test_one_fold_cannot_show_that_it_helps() -> None:
    z, Y, fold = drawn(3, 3.0, n=200)
    found = calibrate(z, Y, 0 * fold)
    assert not found.applied
    assert "one fold can't show" in str(found)


def test_the_calibration_error_is_that_of_the_bins_and_falls_with_the_right_temperature() -> None:
    z, Y, _ = drawn(3, 2.5)
    raw, right = reliability(z, Y), reliability(z, Y, 2.5)
    assert raw.rows.sum() == len(z)
    assert right.error < 0.03 < raw.error
    assert raw.error == pytest.approx(np.average(abs(raw.predicted - raw.observed), weights=raw.rows))
    two, Y2, _ = drawn(2, 1.0)
    assert reliability(two, Y2).predicted[0] < 0.1 < 0.9 < reliability(two, Y2).predicted[-1]
