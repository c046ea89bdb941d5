"""What predicts: the network refitted on all rows, the mean over its restarts, or over the networks of the folds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from torch import nn

import shrinkage as sh
from cli_cases import shrinkage
from shrinkage import RequestError
from shrinkage.estimators import Runtime, export_onnx, load_model, save_model
from shrinkage.estimators.saved._model_words import checksum_of

QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (6,),
    "lambdas": [1e-3, 1e-2],
    "max_extensions": 0,
    "max_epochs": 20,
    "batch_size": 16,
    "learning_rate_init": 0.02,
    "random_state": 0,
    "cv": 3,
    "restarts": 2,
}
KINDS = [sh.MLPClassifierCV, sh.MLPRegressorCV]
INPUTS = ["standard", ("standard", "bounded", "linear")]


def table(kind: Any, n: int = 90) -> tuple[pd.DataFrame, Any]:
    g = np.random.default_rng(0)
    X = pd.DataFrame({"a": g.normal(size=n), "b": g.normal(size=n), "word": g.choice(["x", "y"], n)})
    X.iloc[::9, 0] = np.nan
    latent = np.sin(2 * X["a"].fillna(0)) + X["b"] + (X["word"] == "x") + 0.5 * g.normal(size=n)
    y = np.asarray(latent)
    return X, (np.digitize(y, np.quantile(y, [1 / 3, 2 / 3])) if kind is sh.MLPClassifierCV else y)


def fitted(kind: Any, predict_by: str, **given: Any) -> tuple[Any, pd.DataFrame]:
    X, y = table(kind)
    model = kind(**{**QUICK, "predict_by": predict_by, **given})
    return model._fit(X, y, None, Runtime(as_table=True)), X


def predicted(model: Any, X: Any, lam: float | None = None) -> Any:
    if hasattr(model, "predict_proba") and getattr(model, "classes", ...) is not None:
        return model.predict_proba(X, lam)
    return model.predict(X, lam).reshape(len(X), -1)


@pytest.mark.parametrize("inputs", INPUTS, ids=["one", "several"])
@pytest.mark.parametrize("kind", KINDS)
def test_folds_is_the_mean_of_what_each_fold_predicts(kind: Any, inputs: Any) -> None:
    model, X = fitted(kind, "folds", inputs=inputs)
    models = model.fold_models_
    each = [
        blend.mean_prediction(encoder.transform(X))
        for blend, encoder in zip(models.networks, models.encoders, strict=True)
    ]
    assert len(each) == 3
    assert_allclose(predicted(model, X), np.mean(each, axis=0), rtol=1e-12)
    assert not np.allclose(predicted(model, X), predicted(fitted(kind, "refit", inputs=inputs)[0], X))


@pytest.mark.parametrize("inputs", INPUTS, ids=["one", "several"])
@pytest.mark.parametrize("kind", KINDS)
def test_restarts_is_the_mean_of_fits_of_one_restart_each(kind: Any, inputs: Any) -> None:
    model, X = fitted(kind, "restarts", inputs=inputs, calibrate=False, dtype="float64")
    assert len(model.blend_.parts) > 1 or inputs == "standard"
    columns = model.preprocessor_.transform(X)
    total = 0.0
    for weight, part in zip(model.blend_.weights, model.blend_.parts, strict=True):
        assert len(part.restarts) == 2
        total += weight * np.mean([part.mean_prediction(columns, row[None]) for row in part.restarts], axis=0)
    assert_allclose(predicted(model, X), total, rtol=1e-12)
    main = model.networks_
    assert any((row == main.rows[main.chosen]).all() for row in main.restarts)
    assert any(not np.array_equal(*part.restarts) for part in model.blend_.parts)


@pytest.mark.parametrize("kind", KINDS)
def test_one_restart_is_the_refit(kind: Any) -> None:
    one, X = fitted(kind, "restarts", restarts=1)
    refit, _ = fitted(kind, "refit", restarts=1)
    assert_allclose(predicted(one, X), predicted(refit, X), rtol=1e-5)


@pytest.mark.parametrize("predict_by", ["restarts", "folds"])
def test_only_the_prediction_differs(predict_by: str) -> None:
    refit, X = fitted(sh.MLPRegressorCV, "refit")
    other, _ = fitted(sh.MLPRegressorCV, predict_by)
    assert other.lambda_ == refit.lambda_
    assert_array_equal(other.out_of_fold_, refit.out_of_fold_)
    assert_array_equal(other.predict_interval(X), refit.predict_interval(X))
    assert_array_equal(other.networks_.rows, refit.networks_.rows)
    assert_array_equal(other.predict(X, lam=other.lambda_), refit.predict(X, lam=refit.lambda_))


@pytest.mark.parametrize("inputs", INPUTS, ids=["one", "several"])
@pytest.mark.parametrize("predict_by", ["restarts", "folds"])
@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded_bit_for_bit(kind: Any, predict_by: str, inputs: Any, tmp_path: Path) -> None:
    model, X = fitted(kind, predict_by, inputs=inputs)
    save_model(model, model.preprocessor_, ("y",), tmp_path)
    loaded = load_model(tmp_path)
    assert loaded.predict_by == predict_by
    assert_array_equal(predicted(loaded, X), predicted(model, X))
    lam = model.lambda_
    assert_array_equal(predicted(loaded, X, lam), predicted(model, X, lam))


def test_restarts_are_saved_without_the_folds(tmp_path: Path) -> None:
    model, X = fitted(sh.MLPRegressorCV, "restarts", inputs="standard", out_of_fold=False)
    save_model(model, model.preprocessor_, ("y",), tmp_path)
    assert_array_equal(load_model(tmp_path).predict(X)[:, 0], model.predict(X))


@pytest.mark.parametrize("predict_by", ["restarts", "folds"])
def test_a_network_of_ones_own(predict_by: str, tmp_path: Path) -> None:
    def make(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(inputs, 4), nn.Tanh(), nn.Linear(4, outputs))

    model, X = fitted(sh.MLPRegressorCV, predict_by, network=make, hidden_layer_sizes=(64,))
    save_model(model, model.preprocessor_, ("y",), tmp_path)
    assert_array_equal(load_model(tmp_path, make).predict(X)[:, 0], model.predict(X))
    assert not np.allclose(model.predict(X), model.predict(X, lam=model.lambda_))


@pytest.mark.parametrize("change", [{"predict_by": "folds"}, {"predict_by": "refit"}, {}])
def test_what_does_not_fit_the_networks_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    model, _ = fitted(sh.MLPRegressorCV, "restarts", out_of_fold=False)
    save_model(model, model.preprocessor_, ("y",), tmp_path)
    words = json.loads((tmp_path / "model.json").read_text())
    del words["checksum"], words["predict_by"]
    words |= change
    (tmp_path / "model.json").write_text(json.dumps(words | {"checksum": checksum_of(words)}))
    with pytest.raises(RequestError, match=r"predict_by|restarts"):
        load_model(tmp_path)


def test_damaged_folds_are_refused_when_the_model_is_loaded(tmp_path: Path) -> None:
    model, _ = fitted(sh.MLPRegressorCV, "folds")
    save_model(model, model.preprocessor_, ("y",), tmp_path)
    (tmp_path / "folds.zip").write_bytes(b"nothing")
    with pytest.raises(RequestError, match="changed, truncated"):
        load_model(tmp_path)
    words = json.loads((tmp_path / "model.json").read_text())
    words["sha256"]["folds.zip"] = hashlib.sha256(b"nothing").hexdigest()
    del words["checksum"]
    (tmp_path / "model.json").write_text(json.dumps(words | {"checksum": checksum_of(words)}))
    with pytest.raises(RequestError, match="damaged"):
        load_model(tmp_path)


@pytest.mark.parametrize("inputs", INPUTS, ids=["one", "several"])
@pytest.mark.parametrize("kind", KINDS)
def test_restarts_are_exported(kind: Any, inputs: Any, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra 'test'")
    model, X = fitted(kind, "restarts", inputs=inputs, calibrate=True)
    save_model(model, model.preprocessor_, ("y",), tmp_path)
    export_onnx(load_model(tmp_path), tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    found = session.run(None, {"inputs": model.preprocessor_.transform(X)})[0]
    assert_allclose(found, predicted(model, X), rtol=1e-4, atol=1e-5)


def test_folds_are_not_exported_but_the_refit_is(tmp_path: Path) -> None:
    model, _ = fitted(sh.MLPRegressorCV, "folds", inputs="standard")
    save_model(model, model.preprocessor_, ("y",), tmp_path)
    with pytest.raises(RequestError, match="networks of its folds"):
        export_onnx(load_model(tmp_path), tmp_path / "m.onnx")
    export_onnx(load_model(tmp_path), tmp_path / "m.onnx", model.lambda_)
    assert (tmp_path / "m.onnx").is_file()


REFUSED = {
    "name": ({"predict_by": "median"}, "must be one of refit, restarts, folds, got 'median'"),
    "no folds": ({"predict_by": "folds", "out_of_fold": False}, "out_of_fold=False does not keep"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    given, words = REFUSED[name]
    with pytest.raises(RequestError, match=words):
        sh.MLPRegressorCV(**{**QUICK, **given}).fit(*table(sh.MLPRegressorCV))


@pytest.mark.parametrize("predict_by", ["restarts", "folds"])
def test_training_does_not_go_on_from_a_mean(predict_by: str) -> None:
    model = sh.MLPRegressorCV(**QUICK, predict_by=predict_by)
    copied: Any = clone(model)
    assert copied.get_params()["predict_by"] == predict_by
    X, y = table(sh.MLPRegressorCV)
    with pytest.raises(RequestError, match="predict_by='refit'"):
        model.fit(X, y).partial_fit(X, y)


def test_the_command_says_what_predicts(tmp_path: Path) -> None:
    X, y = table(sh.MLPRegressorCV)
    X.assign(y=y).to_csv(tmp_path / "t.csv", index=False)
    common = (
        "--target",
        "y",
        "--epochs",
        5,
        "--lambdas",
        "0.001,0.01",
        "--folds",
        3,
        "--inputs",
        "standard",
        "-q",
    )
    done = shrinkage("fit", tmp_path / "t.csv", *common, "--predict-by", "folds", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "the mean over the networks of the 3 folds" in done.stdout
    assert json.loads((tmp_path / "out" / "run.json").read_text())["predict_by"] == "folds"
    assert "the mean over the networks of the 3 folds" in (tmp_path / "out" / "report.html").read_text()
    loaded = load_model(tmp_path / "out")
    found = loaded.predict(X)
    assert not np.allclose(
        found, loaded.predict(X, lam=float(loaded.networks.lambdas[loaded.networks.chosen]))
    )
    refused = shrinkage("fit", tmp_path / "t.csv", *common, "--predict-by", "median", "-o", tmp_path / "no")
    assert refused.returncode == 2
    assert "--predict-by" in refused.stderr
