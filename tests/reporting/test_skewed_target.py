"""A skewed positive target gets a note where its logarithm is predicted better, with figures that hold."""

import re
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error

from shrinkage import MLPClassifierCV, MLPRegressorCV
from shrinkage.reporting import note_on_skew

RMSE = r"the RMSE ([\d.]*\d) instead of ([\d.]*\d)"
QUICK = {"inputs": "standard", "lambdas": [1e-3], "max_epochs": 80, "cv": 3, "random_state": 0}


def rows(noise: float = 0.2) -> tuple[Any, Any]:
    g = np.random.default_rng(0)
    X = g.normal(size=(240, 3))
    return X, np.exp(1.2 * X[:, 0] + 0.6 * X[:, 1] + noise * g.normal(size=240))


def test_a_multiplicative_truth_asks_for_the_logarithm():
    X, y = rows()
    model = MLPRegressorCV((6,), **QUICK).fit(X, y)
    text = note_on_skew(model, X, y)
    assert "is positive and skewed" in text
    log_mae, mae = map(float, re.findall(r"error on unseen rows is ([\d.]+) instead of ([\d.]+)", text)[0])
    own = MLPRegressorCV((6,), **{**QUICK, "cv": model.fold_rows_}).fit(X, np.log(y))
    assert log_mae == pytest.approx(mean_absolute_error(y, np.exp(own.out_of_fold_)), rel=0.01)
    assert mae == pytest.approx(mean_absolute_error(y, model.out_of_fold_), rel=0.01)
    assert log_mae < mae


def test_the_advice_follows_the_figures():
    X, y = rows()
    model = MLPRegressorCV((6,), **QUICK).fit(X, y)
    log_rmse, rmse = map(float, re.findall(RMSE, text := note_on_skew(model, X, y, name="price"))[0])
    assert log_rmse < rmse
    assert text.startswith("The target “price” is")
    assert text.endswith("Both are lower: fit the logarithm.")
    g = np.random.default_rng(1)
    X = g.normal(size=(240, 3))
    y = np.exp(X[:, 0] + X[:, 1] + 0.7 * g.normal(size=240))
    model = MLPRegressorCV((6,), **QUICK).fit(X, y)
    log_rmse, rmse = map(float, re.findall(RMSE, text := note_on_skew(model, X, y))[0])
    assert log_rmse > 1.1 * rmse
    assert "Typical errors are smaller, large ones larger" in text
    assert "only if a few large errors matter little" in text


def test_a_target_without_a_name_is_called_that_once():
    X, y = rows()
    assert note_on_skew(MLPRegressorCV((6,), **QUICK).fit(X, y), X, y).startswith("The target is positive")


def test_it_is_in_the_report_of_the_rows(tmp_path: Any):
    X, y = rows()
    MLPRegressorCV((6,), **QUICK).fit(X, y).report(tmp_path / "r.html", X, y)
    assert "is positive and skewed" in (tmp_path / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "y, changes",
    [
        (rows()[0][:, 0] + 9, {}),
        (rows()[1] - 1, {}),
        (rows()[1], {"loss": "absolute_error"}),
        (np.column_stack([rows()[1], rows()[1]]), {}),
    ],
    ids=["not skewed", "not positive", "another loss", "two targets"],
)
def test_others_get_no_note(y: Any, changes: Any):
    model = MLPRegressorCV((6,), **{**QUICK, "max_epochs": 5, **changes}).fit(rows()[0], y)
    assert not note_on_skew(model, rows()[0], y)


def test_a_classifier_gets_no_note():
    X, y = rows()
    assert not note_on_skew(MLPClassifierCV((6,), **{**QUICK, "max_epochs": 2}).fit(X, y > 1), X, y > 1)
