"""The losses of `MLPRegressorCV`: closed forms of constant models, laws of predictions, files, refusals."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from torch import nn

from shrinkage import MLPRegressorCV
from shrinkage._errors import RequestError
from shrinkage.estimators import Runtime, load_model, save_model

LOSSES = ("squared_error", "absolute_error", "huber", "poisson", "quantile")


def counts(n=151, seed=0):
    g = np.random.default_rng(seed)
    X = g.normal(size=(n, 3))
    return X, g.poisson(np.exp(1 + X[:, 0])).astype(float)


def model(**changes):
    given = {"inputs": "standard", "lambdas": [0, 1e-2], "cv": 3, "max_epochs": 30, "random_state": 0}
    return MLPRegressorCV((5,), **{**given, **changes})


CONSTANTS = {
    "squared_error": np.mean,
    "absolute_error": np.median,
    "quantile": lambda y: np.sort(y)[int(np.ceil(0.8 * len(y))) - 1],
    "poisson": np.mean,
}


@pytest.mark.parametrize("loss", CONSTANTS)
def test_a_network_that_sees_nothing_learns_the_best_constant(loss: str):
    X, y = np.zeros((151, 1)), counts()[1] + np.random.default_rng(1).uniform(size=151)
    fitted = model(
        loss=loss, quantile=0.8, max_epochs=2000, lambdas=[0.0], learning_rate_init=0.02, batch_size=151
    )
    found = fitted.set_params(hidden_layer_sizes=()).fit(X, y).predict(X[:1])[0]
    assert found == pytest.approx(CONSTANTS[loss](y), abs=0.02 * y.std())


def test_hubers_mean_has_no_slope():
    X, (_, y) = np.zeros((151, 1)), counts()
    found = model(loss="huber", inputs="linear").fit(X, y).predict(X[:1])[0]
    r = (found - y) / y.std()
    assert abs(np.clip(r, -1, 1).sum()) < 1e-4
    assert np.median(y) < found < y.mean()


@pytest.mark.parametrize("quantile", [0.1, 0.9])
def test_a_quantile_has_its_share_below(quantile: float):
    g = np.random.default_rng(0)
    X = g.normal(size=(800, 2))
    y = X[:, 0] + np.exp(X[:, 1] / 2) * g.normal(size=800)
    fitted = model(loss="quantile", quantile=quantile, lambdas=[1e-2], max_epochs=60).fit(X, y)
    assert (y <= fitted.out_of_fold_).mean() == pytest.approx(quantile, abs=0.04)
    assert fitted.path_.metric_name == "share below"
    assert fitted.path_.validation_metric.mean() == pytest.approx(quantile, abs=0.04)


def test_counts_have_their_mean_and_no_negative_prediction():
    X, y = counts(600)
    fitted = model(loss="poisson", max_epochs=60).fit(X, y)
    assert fitted.predict(X).mean() == pytest.approx(y.mean(), rel=0.05)
    far = 9 * np.random.default_rng(0).normal(size=(200, 3))
    assert (fitted.predict(far) >= 0).all()
    assert (fitted.predict_interval(far)[:, 0] >= 0).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_target_in_other_units_is_predicted_in_those(loss: str):
    X, y = counts()
    one, other = (model(loss=loss, dtype="float64").fit(X, unit * y) for unit in (1, 8))
    np.testing.assert_allclose(8 * one.predict(X), other.predict(X), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(one.path_.validation_mean, other.path_.validation_mean, rtol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_weight_of_two_is_the_row_twice(loss: str):
    X, y = counts(60)
    twice = np.repeat(np.arange(60), 1 + np.arange(60) % 2)
    weight = 1.0 + np.arange(60) % 2
    folds = [(np.arange(40), np.arange(40, 60))]
    of_rows = [(np.flatnonzero(np.isin(twice, a)), np.flatnonzero(np.isin(twice, b))) for a, b in folds]
    given = {"loss": loss, "quantile": 0.7, "dtype": "float64", "batch_size": 200, "learning_rate_init": 0.01}
    one = model(**given, cv=folds).fit(X, y, sample_weight=weight)
    other = model(**given, cv=of_rows).fit(X[twice], y[twice])
    np.testing.assert_allclose(one.path_.validation_loss, other.path_.validation_loss, rtol=1e-7)
    assert one.constant_losses_ is not None
    assert other.constant_losses_ is not None
    np.testing.assert_allclose(one.constant_losses_, other.constant_losses_, rtol=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_saved_model_predicts_the_same(loss: str, tmp_path: Path):
    X, y = counts()
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    fitted = model(loss=loss, quantile=0.9, inputs=("standard", "linear"), max_epochs=5)
    fitted._fit(frame, y, None, Runtime(as_table=True))
    assert fitted.preprocessor_ is not None
    save_model(fitted, fitted.preprocessor_, ("y",), tmp_path)
    saved = load_model(tmp_path)
    np.testing.assert_array_equal(saved.predict(frame)[:, 0], fitted.predict(frame))
    np.testing.assert_array_equal(saved.predict_interval(frame)[:, 0], fitted.predict_interval(frame))


def test_a_poisson_graph_has_the_exponential(tmp_path: Path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra 'test'")
    from shrinkage.estimators import export_onnx

    X, y = counts()
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    fitted = model(loss="poisson", max_epochs=5)
    fitted._fit(frame, y, None, Runtime(as_table=True))
    assert fitted.preprocessor_ is not None
    save_model(fitted, fitted.preprocessor_, ("y",), tmp_path)
    saved = load_model(tmp_path)
    export_onnx(saved, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    found = session.run(["values"], {"inputs": saved.preprocessor.transform(frame)})[0]
    np.testing.assert_allclose(found, saved.predict(frame), rtol=1e-4)


def test_the_report_names_the_constant_and_the_linear_model(tmp_path: Path):
    X, y = counts()
    fitted = model(loss="absolute_error", max_epochs=5).fit(X, y)
    fitted.report(tmp_path / "r.html", X, y)
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "median of the target" in page
    assert "median regression" in page
    assert "mean absolute error" in page


def test_the_report_of_a_quantile_gives_the_share_below_it(tmp_path: Path):
    X, y = counts()
    fitted = model(loss="quantile", quantile=0.9, max_epochs=30).fit(X, y)
    fitted.report(tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8").replace("\xa0", " ")
    share = 100 * (y <= fitted.out_of_fold_).mean()
    assert f"{share:.1f} % of the values lie at or below the predicted quantile" in page
    assert "RMSE on unseen rows" not in page


def test_a_network_of_ones_own_takes_the_loss():
    X, y = counts(60)
    fitted = model(
        loss="quantile", quantile=0.9, network=lambda i, o: nn.Linear(i, o), max_epochs=3, cv=2
    ).fit(X, y)
    assert fitted.path_.loss_name == "mean pinball loss at 0.9"
    assert np.isfinite(fitted.predict(X)).all()


def test_clones_keep_the_loss():
    copied = clone(model(loss="quantile", quantile=0.3))
    assert isinstance(copied, MLPRegressorCV)
    assert copied.get_params()["quantile"] == 0.3
    assert "loss" in MLPRegressorCV().get_params()


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"loss": "mse"}, r"loss='?mse|loss=…: must be one of squared_error, absolute_error, huber"),
        ({"loss": "quantile", "quantile": 1}, r"quantile=…: must be a number between 0 and 1"),
        (
            {"loss": "poisson"},
            r"which must be >= 0; 1 of 151 rows are not, the first being row 7 \(counted from 0\) with -2",
        ),
    ],
)
def test_what_no_loss_can_take_is_refused(changes, message: str):
    X, y = counts()
    y[7] = -2
    with pytest.raises(RequestError, match=message):
        model(**changes).fit(X, y)


@pytest.mark.parametrize("kind", [list, np.array, pd.Series])
def test_a_regressor_of_text_names_it_and_what_to_use(kind):
    with pytest.raises(RequestError, match=r"y: must be numbers, got text such as 'no'\. .*MLPClassifierCV"):
        MLPRegressorCV().fit(np.zeros((4, 1)), kind(["1", "no", "yes", "no"]))
