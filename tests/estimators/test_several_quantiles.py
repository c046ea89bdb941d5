"""Several quantiles by one network: shares on unseen rows, no crossing, one level as before, files, report, refusals."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import d2_pinball_score
from torch import nn

from shrinkage import MLPRegressorCV
from shrinkage._errors import RequestError
from shrinkage.estimators import Runtime, export_onnx, load_model, save_model
from shrinkage.path import predictions
from weight_cases import check_a_weight_of_two

LEVELS = [0.1, 0.5, 0.9]


def rows(n: int = 150, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A target whose spread depends on the row."""
    g = np.random.default_rng(seed)
    X = g.normal(size=(n, 3))
    return X, X[:, 0] + np.exp(X[:, 1] / 2) * g.normal(size=n)


def model(**changes: Any) -> MLPRegressorCV:
    given = {
        "inputs": "standard",
        "lambdas": [0, 1e-2],
        "max_extensions": 0,
        "cv": 3,
        "max_epochs": 20,
        "random_state": 0,
        "loss": "quantile",
        "quantile": LEVELS,
    }
    return MLPRegressorCV((8,), **{**given, **changes})


def saved_in(folder: Path, fitted: MLPRegressorCV, y: np.ndarray) -> pd.DataFrame:
    """The frame that the model was fitted on, and its files in the folder."""
    frame = pd.DataFrame(rows(len(y))[0], columns=["a", "b", "c"])
    fitted._fit(frame, y, None, Runtime(as_table=True))
    assert fitted.preprocessor_ is not None
    save_model(fitted, fitted.preprocessor_, ("price",), folder)
    return frame


def test_each_quantile_has_its_share_below_on_unseen_rows():
    X, y = rows(1500)
    fitted = model(max_epochs=60).fit(X, y)
    assert_allclose((y[:, None] <= fitted.out_of_fold_).mean(axis=0), LEVELS, atol=0.03)
    new, truth = rows(4000, seed=1)
    assert_allclose((truth[:, None] <= fitted.predict(new)).mean(axis=0), LEVELS, atol=0.03)
    assert fitted.path_.metric_name == "mean share below"
    assert_allclose(fitted.path_.validation_metric.mean(), 0.5, atol=0.05)


@pytest.mark.parametrize("inputs", ["standard", ("standard", "bounded", "linear")])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_quantiles_cross_in_any_row(inputs: Any, dtype: Any):
    X, y = rows()
    weight = np.random.default_rng(2).uniform(0.5, 2, size=len(y))
    levels = np.linspace(0.05, 0.95, 19).tolist()
    fitted = model(quantile=levels, inputs=inputs, dtype=dtype, keep_path=True, restarts=2)
    fitted.fit(X, 1e3 + y / 3, sample_weight=weight)
    far = 6 * rows(3000, seed=3)[0]
    networks = fitted.networks_
    seen = networks.form(far)
    seen = seen if networks.x_scale is None else networks.x_scale.standardize(seen)
    row = networks.rows[[networks.chosen]]
    raw = predictions(networks.kind, networks.layout, "squared_error", row, seen)
    assert (np.diff(raw) < 0).any(axis=-1).mean() > 0.3  # the outputs themselves do cross
    shown = [fitted.predict(far), fitted.out_of_fold_, *(fitted.predict(far, lam) for lam in fitted.lambdas_)]
    for predicted in shown:
        assert predicted.shape[1] == 19
        assert (np.diff(predicted) >= 0).all()


@pytest.mark.parametrize("predict_by", ["restarts", "folds"])
def test_a_mean_over_networks_does_not_cross_either(predict_by: str):
    X, y = rows()
    levels = np.linspace(0.05, 0.95, 19).tolist()
    fitted = model(quantile=levels, restarts=2, predict_by=predict_by, max_epochs=5).fit(X, 1e3 + y / 3)
    assert (np.diff(fitted.predict(6 * rows(3000, seed=3)[0])) >= 0).all()


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_one_level_in_a_list_is_that_level_bit_for_bit(level: float):
    X, y = rows()
    one, listed = (model(quantile=quantile).fit(X, y) for quantile in (level, [level]))
    assert_array_equal(one.predict(X)[:, None], listed.predict(X))
    assert_array_equal(one.out_of_fold_[:, None], listed.out_of_fold_)
    assert_array_equal(one.path_.validation_loss, listed.path_.validation_loss)
    assert one.networks_.loss == listed.networks_.loss
    assert one.score(X, y) == listed.score(X, y)


def test_a_weight_of_two_is_the_row_twice():
    check_a_weight_of_two(model, *rows(60))


def test_the_score_is_the_mean_of_scikit_learns_d2():
    X, y = rows()
    fitted = model().fit(X, y)
    predicted = fitted.predict(X)
    expected = [d2_pinball_score(y, predicted[:, j], alpha=q) for j, q in enumerate(LEVELS)]
    assert fitted.score(X, y) == pytest.approx(np.mean(expected))


def test_a_saved_model_predicts_the_same(tmp_path: Path):
    fitted = model(inputs=("standard", "linear"), max_epochs=5)
    frame = saved_in(tmp_path, fitted, rows()[1])
    saved = load_model(tmp_path)
    assert_array_equal(saved.predict(frame), fitted.predict(frame))
    assert saved.outputs == ("price quantile 0.1", "price quantile 0.5", "price quantile 0.9")
    with pytest.raises(RequestError, match="several quantiles, which are intervals themselves"):
        saved.predict_interval(frame)


def test_a_model_of_other_outputs_than_levels_is_refused(tmp_path: Path):
    from shrinkage.estimators.saved._model_words import WORDS, checksum_of

    saved_in(tmp_path, model(max_epochs=2), rows()[1])
    words = json.loads((tmp_path / WORDS).read_text())
    del words["checksum"]
    words["loss"] = "quantile:0.1,0.9"
    (tmp_path / WORDS).write_text(json.dumps({**words, "checksum": checksum_of(words)}))
    with pytest.raises(RequestError, match="3 outputs for 1 targets"):
        load_model(tmp_path)


def test_the_graph_sorts_too(tmp_path: Path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra 'test'")
    saved_in(tmp_path, model(quantile=np.linspace(0.05, 0.95, 19).tolist(), max_epochs=5), rows()[1])
    saved = load_model(tmp_path)
    export_onnx(saved, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    far = pd.DataFrame(6 * rows(500, seed=3)[0], columns=["a", "b", "c"])
    found = session.run(["values"], {"inputs": saved.preprocessor.transform(far)})[0]
    assert_allclose(found, saved.predict(far), rtol=1e-4, atol=1e-5)
    assert (np.diff(found) >= 0).all()
    assert json.loads(session.get_modelmeta().custom_metadata_map["targets"])[0] == "price quantile 0.05"


def test_the_report_gives_the_share_below_each_level(tmp_path: Path):
    X, y = rows()
    fitted = model().fit(X, y)
    fitted.report(tmp_path / "r.html", X, y)
    page = (tmp_path / "r.html").read_text(encoding="utf-8").replace("\xa0", " ")
    low, middle, high = 100 * (y[:, None] <= fitted.out_of_fold_).mean(axis=0)
    assert (
        f"{low:.1f} % of the values lie at or below the 0.1 quantile, {middle:.1f} % at or below the 0.5 "
        f"quantile and {high:.1f} % at or below the 0.9 quantile" in page
    )
    assert "mean pinball loss at 0.1, 0.5 and 0.9" in page
    assert "quantile regression" in page
    assert "of new rows lie within" not in page


def test_training_goes_on_and_a_network_of_ones_own_takes_the_loss():
    X, y = rows(60)
    fitted = model(max_epochs=3).fit(X, y)
    before = fitted.predict(X)
    after = fitted.partial_fit(X, y).predict(X)
    assert after.shape == (60, 3)
    assert not np.array_equal(before, after)
    own = model(network=lambda i, o: nn.Linear(i, o), max_epochs=3, cv=2).fit(X, y)
    assert own.path_.loss_name == "mean pinball loss at 0.1, 0.5 and 0.9"
    assert (np.diff(own.predict(9 * X)) >= 0).all()


def test_a_score_of_ones_own_sees_all_levels():
    X, y = rows(60)

    def shares(estimator: Any, X: Any, y: Any) -> float:
        return -float(np.abs((y[:, None] <= estimator.predict(X)).mean(axis=0) - LEVELS).max())

    assert -1 <= model(scoring=shares, max_epochs=3).fit(X, y).best_score_ <= 0


def test_a_swarm_minimizes_it_too():
    X, y = rows(60)
    fitted = model(trainer="swarm", max_epochs=5).fit(X, y)
    assert (np.diff(fitted.predict(X)) >= 0).all()


@pytest.mark.parametrize(
    "quantile, message",
    [
        ([0.9, 0.1], r"several levels must be different and ascend"),
        ([0.5, 0.5], r"several levels must be different and ascend"),
        ([], r"several levels must be different and ascend"),
        ([0.1, 1.0], r"must be a number between 0 and 1, ends excluded, or a list of such numbers, got 1\.0"),
        ([0.1, "0.5"], r"a list of such numbers, got '0\.5'"),
    ],
)
def test_levels_that_make_no_sense_are_refused(quantile: Any, message: str):
    with pytest.raises(RequestError, match=message):
        model(quantile=quantile).fit(*rows())


def test_several_levels_of_several_targets_are_refused():
    X, y = rows()
    with pytest.raises(RequestError, match=r"several levels are possible for one target, got 2"):
        model().fit(X, np.stack([y, y], axis=1))


def test_intervals_of_several_quantiles_are_refused():
    X, y = rows()
    with pytest.raises(RequestError, match="about 90 % of the rows lie between"):
        model(max_epochs=2).fit(X, y).predict_interval(X)
