"""A saved model predicts as the fitted one, and refuses what was changed."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris

from shrinkage import MLPClassifierCV, MLPRegressorCV, RequestError
from shrinkage.estimators import Runtime, load_model, save_model


def fitted(estimator, load):
    bunch = load(as_frame=True)
    model = estimator((6,), lambdas=[0, 1e-2], max_epochs=3, cv=2, keep_path=True, random_state=0)
    return model._fit(bunch.data, bunch.target.to_numpy(), None, Runtime(as_table=True)), bunch.data


@pytest.fixture(scope="module", params=[(MLPClassifierCV, load_iris), (MLPRegressorCV, load_diabetes)])
def saved(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    model, frame = fitted(*request.param)
    save_model(model, model.preprocessor_, ("y",), folder)
    return model, frame, folder


def test_predictions_survive_for_every_lambda(saved):
    model, frame, folder = saved
    loaded = load_model(folder)
    shuffled = frame[frame.columns[::-1]].assign(further=1)
    for lam in (None, *model.lambdas_):
        np.testing.assert_array_equal(np.ravel(loaded.predict(shuffled, lam)), model.predict(frame, lam))


def test_missing_cells_and_columns(saved):
    _, frame, folder = saved
    gaps = frame.astype(float)
    gaps.iloc[0, :] = np.nan
    assert pd.notna(load_model(folder).predict(gaps)).all()
    with pytest.raises(RequestError, match=re.escape(f"Column '{frame.columns[1]}'")):
        load_model(folder).predict(frame.drop(columns=frame.columns[1]))


@pytest.mark.parametrize("name", ["model.safetensors", "model.json", "preprocessing.skops"])
def test_every_changed_byte_is_noticed(saved, name, tmp_path):
    _, _, folder = saved
    copy = tmp_path / "model"
    data = (folder / name).read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(data), 40):
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        changed = bytearray(data)
        changed[place] ^= 1 << int(rng.integers(0, 8))
        (copy / name).write_bytes(changed)
        if name == "model.json" and _same_words(changed, data):
            continue
        with pytest.raises(RequestError):
            load_model(copy)


def _same_words(changed, data):
    """White space, or another way to write the same number, is no change."""
    try:
        return json.loads(bytes(changed)) == json.loads(data)
    except ValueError:
        return False


@pytest.mark.parametrize("name", ["model.safetensors", "model.json", "preprocessing.skops"])
def test_a_missing_or_cut_file_is_named(saved, name, tmp_path):
    _, _, folder = saved
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    (copy / name).write_bytes((folder / name).read_bytes()[:-20])
    with pytest.raises(RequestError, match=name):
        load_model(copy)
    (copy / name).unlink()
    with pytest.raises(RequestError, match=r"missing"):
        load_model(copy)


def test_a_newer_format_is_recognized(saved, tmp_path):
    from shrinkage.estimators.saved._model_words import checksum_of

    _, _, folder = saved
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    words = json.loads((copy / "model.json").read_text())
    del words["checksum"]
    words["version"] = 99
    (copy / "model.json").write_text(json.dumps({**words, "checksum": checksum_of(words)}))
    with pytest.raises(RequestError, match="format 99"):
        load_model(copy)
