"""Partial dependence against scikit-learn's, on numbers, levels and matrices."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.inspection import partial_dependence

from shrinkage import MLPClassifierCV, MLPRegressorCV
from shrinkage.evaluation import column_dependence

QUICK = {"lambdas": [1e-2], "max_epochs": 3, "cv": 2, "random_state": 0, "inputs": "standard"}


def table(n: int = 60) -> tuple[pd.DataFrame, np.ndarray]:
    g = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"x": g.normal(size=n), "few": g.integers(0, 5, n), "level": g.choice(["a", "b", "c"], n)}
    )
    return frame, frame["x"].to_numpy() + (frame["level"] == "a").to_numpy() + frame["few"].to_numpy()


@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_is_that_of_scikit_learn(column: int, classes: int) -> None:
    frame, y = table()
    if classes:
        y = np.digitize(y, np.quantile(y, np.arange(1, classes) / classes))
    kind = MLPClassifierCV if classes else MLPRegressorCV
    model = kind((4,), **QUICK).fit(frame, y)

    def predict(X: pd.DataFrame) -> np.ndarray:
        p = model.predict_proba(X) if isinstance(model, MLPClassifierCV) else model.predict(X)
        return p[:, 1] if classes == 2 else p

    rows = frame.astype({"few": float})
    found = column_dependence(predict, rows, column, "any")
    levels = [column] if column == 2 else None
    expected = partial_dependence(
        model, rows, [column], categorical_features=levels, grid_resolution=30, kind="average", method="brute"
    )
    assert list(found.values) == [float(v) if found.is_number else str(v) for v in expected["grid_values"][0]]
    assert_allclose(found.predicted, np.atleast_2d(expected["average"]), atol=1e-6)


def test_a_matrix_is_left_as_it_was() -> None:
    X = np.arange(12.0).reshape(6, 2)
    before = X.copy()
    found = column_dependence(lambda rows: rows[:, 0] + 2 * rows[:, 1], X, 0, "x0")
    assert_allclose(found.predicted[0], np.array(found.values) + 2 * X[:, 1].mean())
    assert (before == X).all()
