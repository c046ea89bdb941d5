"""The file of the preprocessing: the same after loading, small, reproducible, and nothing in it runs."""

import functools
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import FunctionTransformer

from shrinkage._errors import RequestError
from shrinkage.tables import Preprocessor, load_preprocessor, save_preprocessor
from tables_cases import every_kind, state

pytestmark = pytest.mark.filterwarnings("ignore:Left out")

PARTS = (
    ["size"],
    ["count"],
    ["city"],
    ["smoker", "member"],
    ["since"],
    ["seen", "zip"],
    list(every_kind().columns),
)


def stored(path: Path) -> dict[str, Any]:
    return skops.io.loads(path.read_bytes(), trusted=["numpy.dtype"])


@pytest.mark.parametrize("columns", PARTS)
def test_it_is_the_same_after_loading(tmp_path: Path, columns: list[str]):
    frame = every_kind()[columns]
    fitted = Preprocessor(max_levels=2).fit(frame)
    save_preprocessor(fitted, tmp_path / "p.skops")
    loaded = load_preprocessor(tmp_path / "p.skops")
    new = every_kind(40, seed=1)[columns]
    np.testing.assert_array_equal(loaded.transform(new), fitted.transform(new))
    assert loaded.columns == fitted.columns
    assert loaded.feature_names_out == fitted.feature_names_out
    assert (
        state(loaded, tmp_path)
        == state(fitted, tmp_path)
        == state(Preprocessor(max_levels=2).fit(frame), tmp_path)
    )


def test_the_file_is_small(tmp_path: Path):
    assert len(state(Preprocessor().fit(every_kind()), tmp_path)) < 20_000


def test_nothing_fitted_is_not_saved(tmp_path: Path):
    with pytest.raises(RequestError, match="call fit"):
        save_preprocessor(Preprocessor(), tmp_path / "p.skops")
    assert not (tmp_path / "p.skops").exists()


def with_code(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "encoder": ColumnTransformer([("f", FunctionTransformer(np.exp), [0])])}


@pytest.mark.parametrize(
    "change, message",
    [
        (with_code, "types that do not belong in it .*FunctionTransformer"),
        (
            lambda content: {**content, "encoder": functools.partial(print, "hello")},
            "types that do not belong",
        ),
        (lambda content: {**content, "encoder": io.BytesIO}, "types that do not belong"),
        (lambda content: {**content, "encoder": np.random.default_rng(0)}, "types that do not belong"),
        (lambda content: {**content, "encoder": "none"}, "damaged"),
        (lambda content: {**content, "version": 3}, "version 3, known is 2"),
        (lambda content: {**content, "format": "other"}, "not a preprocessing file"),
        (lambda content: ["other"], "not a preprocessing file"),
        (lambda content: {**content, "columns": "[]"}, "damaged"),
        (lambda content: {**content, "columns": '[{"name": 1}]'}, "damaged"),
        (lambda content: {**content, "columns": content["columns"].replace('"number"', '"code"')}, "damaged"),
        (lambda content: {**content, "columns": content["columns"].replace("false", "0")}, "damaged"),
        (lambda content: {**content, "names": '["a"]'}, "damaged"),
    ],
)
def test_a_file_with_anything_else_in_it_is_refused(tmp_path: Path, change: Any, message: str):
    path = tmp_path / "p.skops"
    save_preprocessor(Preprocessor().fit(every_kind()), path)
    path.write_bytes(skops.io.dumps(change(stored(path))))
    with pytest.raises(RequestError, match=f"p.skops.*{message}"):
        load_preprocessor(path)


def test_a_type_hidden_in_the_schema_is_refused_before_anything_is_built(tmp_path: Path):
    path = tmp_path / "p.skops"
    save_preprocessor(Preprocessor().fit(every_kind()), path)
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(content["schema.json"])
    schema["content"]["encoder"] |= {"__loader__": "FunctionNode", "__module__": "os", "__class__": "system"}
    content["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in content.items():
            archive.writestr(name, part)
    with pytest.raises(RequestError, match=r"os\.system"):
        load_preprocessor(path)


def test_a_bomb_is_refused_unopened(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "p.skops", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b" " * (65 * 2**20))
    with pytest.raises(RequestError, match="more than 64 MiB"):
        load_preprocessor(tmp_path / "p.skops")


@pytest.mark.parametrize("name, message", [("missing", "No such file"), (".", "directory")])
def test_no_file(tmp_path: Path, name: str, message: str):
    with pytest.raises(RequestError, match=message):
        load_preprocessor(tmp_path / name)


def test_flipped_and_missing_bytes_are_an_error_or_change_nothing(tmp_path: Path):
    fitted = Preprocessor().fit(every_kind()[["size", "city"]])
    data = bytearray(state(fitted, tmp_path))
    expected = fitted.transform(every_kind())
    random = np.random.default_rng(0)
    refused = 0
    for place in random.integers(0, len(data), 300):
        damaged = (
            bytes(data[:place])
            if place % 3 == 0
            else bytes([*data[:place], data[place] ^ 255, *data[place + 1 :]])
        )
        (tmp_path / "p.skops").write_bytes(damaged)
        try:
            found = load_preprocessor(tmp_path / "p.skops").transform(every_kind())
        except RequestError:
            refused += 1
        else:
            np.testing.assert_array_equal(found, expected)
    assert refused > 200
