"""The three files of a model: nothing damaged, oversized, mismatched or hostile loads, nothing in them runs."""

import functools
import hashlib
import json
import os
import shutil
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import skops.io
from safetensors.numpy import load, save

from golden_cases import GOLDEN, GOLDEN_MODELS, golden_table
from shrinkage._errors import RequestError
from shrinkage.estimators import SavedModel, load_model
from shrinkage.estimators.saved._model_words import checksum_of

NAMES = ["model.json", "model.safetensors", "preprocessing.skops"]
FLIPS = 700
ROWS = golden_table().drop(columns="grade")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    shutil.copytree(GOLDEN, tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture(scope="module")
def expected():
    return expected_of(GOLDEN)


def expected_of(folder: Path) -> dict[float, np.ndarray]:
    words = json.loads((folder / "expected.json").read_text())
    return {float(lam): np.array(probabilities) for lam, probabilities in words.items()}


def resealed(folder: Path, **changes: object) -> None:
    """Change entries of model.json and make all checksums right again, as somebody who knows the format would."""
    words = json.loads((folder / "model.json").read_text())
    words |= {
        "sha256": {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in NAMES[1:]},
        **changes,
    }
    words = {name: value for name, value in words.items() if name != "checksum" and value is not ...}
    (folder / "model.json").write_text(json.dumps(words | {"checksum": checksum_of(words)}))


def damaged(data: bytes, random: np.random.Generator) -> bytes:
    """A bit flipped, a tail cut, a piece repeated, or a few bytes overwritten."""
    place, kind = int(random.integers(len(data))), int(random.integers(6))
    if kind == 0:
        return data[:place]
    if kind == 1:
        return data[:place] + data[place : place + 9] + data[place:]
    if kind == 2:
        return data[:place] + random.bytes(4) + data[place + 4 :]
    return data[:place] + bytes([data[place] ^ 1 << int(random.integers(8))]) + data[place + 1 :]


def read(folder: Path) -> tuple[SavedModel | None, tuple[str, ...]]:
    """The model, or what is wrong with it; anything but a RequestError fails the test."""
    try:
        return load_model(folder), ()
    except RequestError as error:
        return None, error.problems


@pytest.mark.parametrize("version", GOLDEN_MODELS)
def test_a_model_of_an_earlier_version_loads(version):
    loaded, expected = load_model(GOLDEN_MODELS[version]), expected_of(GOLDEN_MODELS[version])
    for lam, probabilities in expected.items():
        np.testing.assert_allclose(loaded.predict_proba(ROWS, lam), probabilities, rtol=1e-5)
    chosen = loaded.predict_proba(ROWS, loaded.networks.lambdas[loaded.networks.chosen])
    assert loaded.predict(ROWS).tolist() == [["high", "low", "middle"][i] for i in chosen.argmax(1)]


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_refused_or_changes_nothing(name: str, model: Path, expected):
    random, data = np.random.default_rng(0), (GOLDEN / name).read_bytes()
    for _ in range(FLIPS):
        (model / name).write_bytes(damaged(data, random))
        loaded, problems = read(model)
        assert all(problem.isprintable() for problem in problems)
        if loaded is not None:  # white space of the description, or no change at all
            np.testing.assert_allclose(loaded.predict_proba(ROWS, 0.01), expected[0.01], rtol=1e-5)


@pytest.mark.parametrize("name", NAMES[1:])
def test_damage_under_right_checksums_is_an_error_or_a_model(name: str, model: Path):
    random, data = np.random.default_rng(1), (GOLDEN / name).read_bytes()
    for _ in range(150):
        (model / name).write_bytes(damaged(data, random))
        resealed(model)
        loaded, problems = read(model)
        assert all(problem.isprintable() for problem in problems)
        if loaded is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # numbers near the largest overflow
                assert loaded.predict_proba(ROWS).shape == (len(ROWS), 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"sizes": [2, 3]},
        {"sizes": [10**9, 10**9, 3]},
        {"sizes": [0, 3]},
        {"sizes": [True, 3]},
        {"activation": "system"},
        {"activation": ["relu"]},
        {"loss": "squared_error"},
        {"lambdas": [0.0]},
        {"lambdas": [0.0, float("nan")]},
        {"lambdas": [0.0, -1.0]},
        {"chosen": 7},
        {"chosen": -1},
        {"chosen": "0"},
        {"targets": []},
        {"targets": ["a", "b"]},
        {"targets": "grade"},
        {"classes": None},
        {"classes": {"kind": "str", "values": ["a", "b"]}},
        {"classes": {"kind": "object", "values": ["a", "b", "c"]}},
        {"classes": {"kind": "int", "values": ["a", "b", "c"]}},
        {"classes": {"kind": "int", "values": [1, 2, 10**30]}},
        {"sha256": {}},
        {"sha256": None},
        {"version": 0},
        {"version": 99},
        {"version": True},
        {"format": "pickle"},
        {"extra": 1},
        {"targets": ...},
    ],
    ids=str,
)
def test_a_description_that_is_not_one_is_refused(changes: dict[str, object], model: Path):
    resealed(model, **changes)
    with pytest.raises(RequestError, match=r"model"):
        load_model(model)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"null", b"7", b'"a"', b"[" * 100_000, b'{"checksum": 1}', b"\xff\xfe"],
    ids=repr,
)
def test_a_description_that_is_no_object_is_refused(content: bytes, model: Path):
    (model / "model.json").write_bytes(content)
    with pytest.raises(RequestError, match="model"):
        load_model(model)


def test_a_header_of_any_size_is_refused_unread(model: Path):
    data = (model / "model.safetensors").read_bytes()
    for size in (2**21, 2**40, 2**63 - 1, 2**64 - 1):
        (model / "model.safetensors").write_bytes(struct.pack("<Q", size) + data[8:])
        resealed(model)
        with pytest.raises(RequestError, match="header"):
            load_model(model)


def test_files_larger_than_any_model_are_not_read(model: Path):
    for name, message in (
        ("model.safetensors", "too large for a model"),
        ("model.json", "too large for a model's"),
    ):
        os.truncate(model / name, 5 * 2**30)  # sparse: takes no room
        with pytest.raises(RequestError, match=message):
            load_model(model)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_network_of_no_numbers_is_refused(value: float, model: Path):
    tensors = load((model / "model.safetensors").read_bytes())
    tensors["networks"][:, 3] = value
    (model / "model.safetensors").write_bytes(save(tensors))
    resealed(model)
    with pytest.raises(RequestError, match="not finite numbers"):
        load_model(model)


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_an_invalid_scale_is_refused(value: float, model: Path):
    tensors = load((model / "model.safetensors").read_bytes())
    tensors["x_scale"][0] = value
    (model / "model.safetensors").write_bytes(save(tensors))
    resealed(model)
    with pytest.raises(RequestError, match="not positive and finite"):
        load_model(model)


def test_a_preprocessing_with_code_is_refused_and_nothing_runs(model: Path, tmp_path: Path):
    trap = functools.partial(os.mkdir, str(tmp_path / "pwned"))
    (model / "preprocessing.skops").write_bytes(skops.io.dumps({"format": trap}))
    resealed(model)
    with pytest.raises(RequestError, match="types that do not belong"):
        load_model(model)
    assert not (tmp_path / "pwned").exists()


def test_the_preprocessing_of_another_model_is_refused(model: Path):
    from shrinkage.tables import Preprocessor, save_preprocessor

    save_preprocessor(Preprocessor().fit(ROWS[["size"]]), model / "preprocessing.skops")
    with pytest.raises(RequestError, match="taken from another model"):
        load_model(model)
    resealed(model)
    with pytest.raises(RequestError, match="makes 2 inputs"):
        load_model(model)


def test_many_threads_predict_alike_with_one_model(expected):
    loaded = load_model(GOLDEN)
    alone = {lam: loaded.predict_proba(ROWS, lam) for lam in (0.0, 0.01)}
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda i: loaded.predict_proba(ROWS, (i % 2) / 100), range(200)))
    for i, probabilities in enumerate(found):
        np.testing.assert_array_equal(probabilities, alone[(i % 2) / 100])
