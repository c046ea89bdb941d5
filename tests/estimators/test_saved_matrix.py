"""A model of a matrix of numbers as files: its columns are x0, x1, …, and it predicts what the estimator predicts."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris

from cli_cases import shrinkage
from shrinkage import MLPClassifierCV, MLPRegressorCV
from shrinkage._errors import RequestError
from shrinkage.estimators import load_model

QUICK = {"lambdas": [1e-2], "max_epochs": 4, "cv": 3, "random_state": 0}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("inputs", ["standard", ("bounded", "piecewise", "linear")], ids=str)
def test_it_predicts_the_same(inputs, dtype, tmp_path: Path):
    X, y = load_iris(return_X_y=True)
    X = X.astype(dtype)
    model = MLPClassifierCV((4,), inputs=inputs, **QUICK).fit(X, y)
    model.save(tmp_path / "m")
    saved = load_model(tmp_path / "m")
    new = X[::-1] * np.array([1, 0.9, 1.1, 1], dtype)
    np.testing.assert_allclose(saved.predict_proba(new), model.predict_proba(new), rtol=1e-4, atol=1e-6)
    frame = pd.DataFrame(new, columns=["x0", "x1", "x2", "x3"])
    np.testing.assert_array_equal(saved.predict_proba(frame), saved.predict_proba(new))
    assert (saved.predict_interval(new, 0.2) == model.predict_interval(new, 0.2)).mean() > 0.99


def test_a_frame_of_numbers_keeps_its_names_and_gaps_are_filled_alike(tmp_path: Path):
    bunch: Any = load_diabetes(as_frame=True)
    X, y = bunch.data, bunch.target
    model = MLPRegressorCV((4,), **QUICK).fit(X, y)
    model.save(tmp_path / "m")
    saved = load_model(tmp_path / "m")
    new = X.iloc[:20].copy()
    new.iloc[3, 2] = np.nan
    np.testing.assert_allclose(saved.predict(new[X.columns[::-1]])[:, 0], model.predict(new), rtol=1e-4)
    np.testing.assert_allclose(
        saved.predict_interval(X[:20])[:, 0], model.predict_interval(X[:20]), rtol=1e-4
    )


def test_the_command_predicts_with_it(tmp_path: Path):
    X, y = load_iris(return_X_y=True)
    model = MLPClassifierCV((4,), **QUICK).fit(X, y)
    model.save(tmp_path / "m")
    pd.DataFrame(X, columns=["x0", "x1", "x2", "x3"]).to_csv(tmp_path / "t.csv", index=False)
    done = shrinkage("predict", tmp_path / "m", tmp_path / "t.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1:] == [str(label) for label in model.predict(X)]


def test_a_column_far_from_zero_is_refused_as_its_digits_would_be_lost(tmp_path: Path):
    X, y = load_iris(return_X_y=True)
    model = MLPClassifierCV((4,), **QUICK).fit(X + np.array([0, 1e6, 0, 0]), y)
    with pytest.raises(RequestError, match=r"save: column 'x1' lies .* times its spread from 0"):
        model.save(tmp_path / "m")


def test_another_number_of_columns_is_refused(tmp_path: Path):
    X, y = load_iris(return_X_y=True)
    MLPClassifierCV((4,), **QUICK).fit(X, y).save(tmp_path / "m")
    with pytest.raises(RequestError, match=r"takes 4 columns, .* got an array of shape \(150, 3\)"):
        load_model(tmp_path / "m").predict(X[:, :3])


@pytest.mark.parametrize("estimator, load", [(MLPClassifierCV, load_iris), (MLPRegressorCV, load_diabetes)])
def test_plot_and_report_work_on_a_matrix(estimator, load, tmp_path: Path):
    X, y = load(return_X_y=True)
    model = estimator((4,), **QUICK).fit(X, y)
    assert model.plot().data
    model.report(tmp_path / "r.html", X, y)
    assert "x1" in (tmp_path / "r.html").read_text(encoding="utf-8")
