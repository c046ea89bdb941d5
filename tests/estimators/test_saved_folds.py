"""The networks of the folds beside a saved model: intervals survive, damage is refused, nothing in the file runs."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from safetensors.numpy import load, save
from sklearn.datasets import load_diabetes, load_iris

from golden_cases import GOLDEN, GOLDEN_MODELS, golden_table
from shrinkage import MLPClassifierCV, MLPRegressorCV, RequestError
from shrinkage.estimators import Runtime, load_model, save_model
from shrinkage.estimators.saved._model_words import checksum_of
from shrinkage.estimators.saved._saved_folds import folds_from, folds_in_bytes


def fitted(kind: Any, loader: Any) -> tuple[Any, pd.DataFrame]:
    bunch = loader(as_frame=True)
    frame = bunch.data.assign(word=np.where(np.arange(len(bunch.data)) % 3, "a", "b"))
    frame.iloc[::7, 0] = np.nan
    model = kind((5,), inputs="standard", lambdas=[0, 1e-2], max_epochs=4, cv=3, restarts=2, random_state=0)
    return model._fit(frame, bunch.target.to_numpy(), None, Runtime(as_table=True)), frame


@pytest.fixture(scope="module", params=[(MLPClassifierCV, load_iris), (MLPRegressorCV, load_diabetes)])
def saved(request: Any, tmp_path_factory: Any) -> tuple[Any, pd.DataFrame, Path]:
    folder = tmp_path_factory.mktemp("model")
    model, frame = fitted(*request.param)
    save_model(model, model.preprocessor_, ("y",), folder)
    return model, frame, folder


@pytest.fixture
def copy(saved: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved[2], tmp_path / "model"))


def resealed(folder: Path) -> None:
    """Make the checksums right again, as somebody who knows the format would."""
    words = json.loads((folder / "model.json").read_text())
    words["sha256"]["folds.zip"] = hashlib.sha256((folder / "folds.zip").read_bytes()).hexdigest()
    del words["checksum"]
    (folder / "model.json").write_text(json.dumps(words | {"checksum": checksum_of(words)}))


def rewritten(folder: Path, **entries: bytes | None) -> None:
    """The file with some entries replaced, or left out."""
    with zipfile.ZipFile(folder / "folds.zip") as archive:
        held: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    held |= {name.replace("__", "."): data for name, data in entries.items()}
    with zipfile.ZipFile(folder / "folds.zip", "w") as archive:
        for name, data in held.items():
            if data is not None:
                archive.writestr(name, data)
    resealed(folder)


def test_intervals_survive(saved: Any) -> None:
    model, frame, folder = saved
    expected = model.predict_interval(frame, 0.2)
    found = load_model(folder).predict_interval(frame[frame.columns[::-1]], 0.2)
    np.testing.assert_array_equal(found.reshape(expected.shape), expected)


def test_the_temperature_survives(saved: Any) -> None:
    model, frame, folder = saved
    loaded = load_model(folder)
    assert loaded.blend.temperature == model.blend_.temperature
    if loaded.classes is not None:
        np.testing.assert_array_equal(loaded.predict_proba(frame), model.predict_proba(frame))


def test_several_forms_of_input_survive(tmp_path: Path) -> None:
    bunch: Any = load_diabetes(as_frame=True)
    model = MLPRegressorCV(
        (4,), lambdas=[1e-2], max_epochs=3, cv=2, random_state=0, inputs=("bounded", "piecewise")
    )
    model._fit(bunch.data, bunch.target.to_numpy(), None, Runtime(as_table=True))
    assert model.preprocessor_ is not None
    save_model(model, model.preprocessor_, ("y",), tmp_path)
    found = load_model(tmp_path).predict_interval(bunch.data, 0.2)
    np.testing.assert_array_equal(found[:, 0], model.predict_interval(bunch.data, 0.2))


def test_equal_folds_give_equal_bytes(saved: Any) -> None:
    model, _, folder = saved
    assert folds_in_bytes(model.fold_models_, model.preprocessor_) == (folder / "folds.zip").read_bytes()


def test_a_changed_byte_is_noticed_when_intervals_are_requested(saved: Any, copy: Path) -> None:
    data = bytearray((copy / "folds.zip").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "folds.zip").write_bytes(data)
    with pytest.raises(RequestError, match=r"folds\.zip: the file is not the one"):
        load_model(copy).predict_interval(saved[1])
    (copy / "folds.zip").unlink()
    with pytest.raises(RequestError, match=r"folds\.zip: the file is missing"):
        load_model(copy).predict_interval(saved[1])


@pytest.mark.parametrize("seed", range(60))
def test_damage_that_someone_sealed_again_is_a_sentence_or_changes_nothing(saved: Any, seed: int) -> None:
    model, frame, folder = saved
    data, random = (folder / "folds.zip").read_bytes(), np.random.default_rng(seed)
    place = int(random.integers(len(data)))
    changed = data[:place] if seed % 4 == 0 else data[:place] + random.bytes(3) + data[place + 3 :]
    try:
        found = folds_from(changed, model.blend_, "folds.zip")
    except RequestError:
        return
    assert found.predicted(frame[:3]).shape[1] == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t | {"scores": t["scores"][:-1]},
        lambda t: t | {"scores": t["scores"] * np.nan},
        lambda t: t | {"fold": t["fold"] + 9},
        lambda t: t | {"fold": t["fold"].astype(np.float64)},
        lambda t: t | {"0.0.networks": t["0.0.networks"][:, :-1].copy()},
        lambda t: t | {"0.0.x_shift": t["0.0.x_shift"][:-1].copy()},
        lambda t: t | {"0.0.x_scale": 0 * t["0.0.x_scale"]},
        lambda t: {name: value for name, value in t.items() if name != "fold"},
        lambda t: {"fold": t["fold"], "scores": t["scores"]},
    ],
)
def test_numbers_that_do_not_fit_together_are_refused(saved: Any, copy: Path, change: Any) -> None:
    with zipfile.ZipFile(copy / "folds.zip") as archive:
        tensors = change(load(archive.read("folds.safetensors")))
    rewritten(copy, folds__safetensors=save({name: np.ascontiguousarray(t) for name, t in tensors.items()}))
    with pytest.raises(RequestError, match="damaged, or from another model"):
        load_model(copy).predict_interval(saved[1])


class Trap:
    def __reduce__(self) -> Any:
        return (open, ("trapped", "w"))


def test_nothing_in_the_file_runs(saved: Any, copy: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    rewritten(copy, **{"0__skops": skops.io.dumps({"format": Trap()})})
    with pytest.raises(RequestError):
        load_model(copy).predict_interval(saved[1])
    assert not (tmp_path / "trapped").exists()


def test_a_file_that_unpacks_to_more_than_any_model_is_not_read(
    saved: Any, copy: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("shrinkage.estimators.saved._saved_folds.LARGEST", 2**20)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folds.safetensors", bytes(2**21))
    (copy / "folds.zip").write_bytes(buffer.getvalue())
    resealed(copy)
    with pytest.raises(RequestError, match="unpacks to more"):
        load_model(copy).predict_interval(saved[1])


def test_the_golden_model_of_version_0_2_predicts_intervals() -> None:
    sets = load_model(GOLDEN_MODELS["0.2"]).predict_interval(golden_table(), 0.1)
    labels = np.array(["high", "low", "middle"])
    inside = sets[np.arange(45), np.searchsorted(labels, golden_table()["grade"])]
    assert sets.shape == (45, 3)
    assert 0.85 <= inside.mean() <= 1


def test_a_model_of_version_0_1_has_no_intervals_and_says_so() -> None:
    loaded = load_model(GOLDEN)
    assert loaded.blend.temperature == 1
    with pytest.raises(RequestError, match="without the networks of its folds"):
        loaded.predict_interval(golden_table())
