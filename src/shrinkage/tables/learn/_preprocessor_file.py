"""The preprocessing as a file that nobody can hide code in: skops with a fixed list of allowed types."""

from __future__ import annotations

import io
import json
import os
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import InconsistentVersionWarning

from shrinkage._errors import RequestError, shown
from shrinkage._files import write_atomic
from shrinkage.tables.learn._columns import Column, Kind
from shrinkage.tables.learn._encoder import width
from shrinkage.tables.learn._preprocessor import Preprocessor
from shrinkage.tables.read._reading import Reading

__all__ = ["load_preprocessor", "preprocessor_bytes", "preprocessor_from", "save_preprocessor"]

FORMAT = "shrinkage.preprocessor"
VERSION = 2
LARGEST = 64 * 2**20
"""Bytes that a file may unpack to."""

ALLOWED = frozenset(
    {
        ("DTypeNode", "numpy.dtype"),
        ("DictNode", "builtins.dict"),
        ("JsonNode", "builtins.str"),
        ("ListNode", "builtins.list"),
        ("NdArrayNode", "numpy.ndarray"),
        ("ObjectNode", "sklearn.compose._column_transformer.ColumnTransformer"),
        ("ObjectNode", "sklearn.impute._base.MissingIndicator"),
        ("ObjectNode", "sklearn.impute._base.SimpleImputer"),
        ("ObjectNode", "sklearn.preprocessing._encoders.OneHotEncoder"),
        ("SliceNode", "builtins.slice"),
        ("TupleNode", "builtins.tuple"),
        ("TypeNode", "builtins.str"),
        ("TypeNode", "numpy.float32"),
    }
)
"""What a file may be built of: skops' kind of node with the type in it. skops itself would allow far more."""

TRUSTED = ["numpy.dtype"]
"""The one of them that skops does not trust by itself."""


def save_preprocessor(preprocessor: Preprocessor, path: str | os.PathLike[str]) -> None:
    """Write a fitted preprocessor atomically, as `load_preprocessor` reads it; equal ones give equal bytes."""
    write_atomic(path, preprocessor_bytes(preprocessor))


def preprocessor_bytes(preprocessor: Preprocessor) -> bytes:
    """The bytes that `save_preprocessor` writes."""
    if not hasattr(preprocessor, "_encoder"):
        raise RequestError("save_preprocessor: nothing was fitted yet; call fit(frame) first.")
    import skops.io  # loaded here, since it takes two seconds and most checks of a table need no model

    state = {
        "format": FORMAT,
        "version": VERSION,
        "max_levels": preprocessor.max_levels,
        "columns": json.dumps([_entry(column) for column in preprocessor.columns]),
        "names": json.dumps(preprocessor.feature_names_out),
        "encoder": preprocessor._encoder,
        "probe": (probe := _probe(preprocessor.columns)),
        "probe inputs": np.asarray(preprocessor._encoder.transform(probe)),
    }
    return _reproducible(skops.io.dumps(state))


def load_preprocessor(path: str | os.PathLike[str]) -> Preprocessor:
    """Read what `save_preprocessor` wrote; runs no code of the file.

    Raises:
        RequestError: the file is missing, damaged, too large, of another version, or holds any type that is
            not on the list.
    """
    name = shown(os.fspath(path))
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise RequestError(f"{name} cannot be read: {error.strerror or error}.") from error
    return preprocessor_from(data, name)


def preprocessor_from(data: bytes, name: str) -> Preprocessor:
    """The preprocessor in the bytes of a file, called `name` in messages; see `load_preprocessor`."""
    _check_types(data, name)
    import skops.io

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # Another scikit-learn may have written it: the probe shows whether this one gives the same inputs.
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            return _restore(skops.io.loads(data, trusted=TRUSTED))
    except RequestError as error:
        raise RequestError(f"{name}: {error}") from error
    except Exception as error:  # whatever the reader raises, the file is damaged
        reason = shown(str(error).splitlines()[0]) if str(error) else type(error).__name__
        raise RequestError(
            f"{name} is damaged, or from another version of scikit-learn: {reason}."
        ) from error


def _check_types(data: bytes, name: str) -> None:
    """Refuse the file before anything of it is built, unless each node is on the list and the sizes are sane."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > LARGEST:
                raise RequestError(
                    f"{name} unpacks to more than {LARGEST // 2**20} MiB, so it was not written by shrinkage."
                )
            schema = json.loads(archive.read("schema.json"))
        unknown = sorted({pair[1] for node in _nodes(schema) if (pair := _type_of(node)) not in ALLOWED})
    except RequestError:
        raise
    except Exception as error:
        raise RequestError(f"{name} is damaged or not a preprocessing file.") from error
    if unknown:
        raise RequestError(
            f"{name} holds types that do not belong in it ({', '.join(map(shown, unknown[:3]))}): it was not loaded."
        )


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "__loader__" in value:
            yield value
        for inner in value.values():
            yield from _nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _nodes(inner)


def _type_of(node: dict[str, Any]) -> tuple[str, str]:
    return str(node["__loader__"]), f"{node['__module__']}.{node['__class__']}"


def _restore(state: Any) -> Preprocessor:
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise RequestError("this is not a preprocessing file.")
    if state["version"] not in range(1, VERSION + 1):
        raise RequestError(
            f"it has version {state['version']}, known is {VERSION}: install a newer shrinkage."
        )
    encoder = state["encoder"]
    if not isinstance(encoder, ColumnTransformer):
        raise TypeError("the encoder is none")
    preprocessor = Preprocessor(max_levels=state["max_levels"])
    preprocessor.columns = tuple(_column(entry) for entry in json.loads(state["columns"]))
    preprocessor.feature_names_out = [str(name) for name in json.loads(state["names"])]
    preprocessor._encoder = encoder
    probe = _probe(preprocessor.columns)
    inputs, expected = np.asarray(encoder.transform(probe)), state["probe inputs"]
    if not np.array_equal(probe, state["probe"], equal_nan=True) or not np.array_equal(inputs, expected):
        raise ValueError("the encoder gives other inputs for its probe rows than when it was written")
    if inputs.shape[1] != len(preprocessor.feature_names_out):
        raise ValueError("columns and encoder do not fit together")
    return preprocessor


def _probe(columns: tuple[Column, ...]) -> NDArray[np.float64]:
    """Rows before encoding that show all of an encoder: every code of a category, numbers, and gaps in them."""
    n = 3 + max(len(column.levels) for column in columns)
    parts = []
    for column in columns:
        numbers = np.arange(n) * 0.5
        if column.kind == "category":
            parts.append(np.minimum(np.arange(n), len(column.levels) + 1.0))
            continue
        numbers[0] = np.nan
        parts += [numbers] * width(column)
    return np.column_stack(parts)


def _entry(column: Column) -> dict[str, Any]:
    return {**asdict(column), "reading": None if column.reading is None else column.reading.to_dict()}


def _column(entry: dict[str, Any]) -> Column:
    entry = {"reading": None, **entry}  # version 1 had none
    types = {
        "name": str,
        "kind": str,
        "used": bool,
        "reason": str,
        "missing": int,
        "levels": list,
        "rare": int,
    }
    types |= {"offset": float, "format": str, "parts": list}
    if set(entry) != {field.name for field in fields(Column)} or entry["kind"] not in get_args(Kind):
        raise ValueError("a column is not described as expected")
    if any(type(entry[key]) is not type_ for key, type_ in types.items()):
        raise TypeError("a column is not described as expected")
    texts = {key: tuple(str(text) for text in entry[key]) for key in ("levels", "parts")}
    reading = None if entry["reading"] is None else Reading.from_dict(entry["reading"])
    return Column(**{**entry, **texts, "reading": reading})


def _reproducible(data: bytes) -> bytes:
    """The same archive without what differs from run to run: addresses as identifiers, and times."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = json.loads(archive.read("schema.json"))
        numbers: dict[object, int] = {}
        files: dict[str, str] = {}
        for node in _nodes(schema):
            if "__id__" in node:  # whether equal texts are one object is arbitrary
                key = len(numbers) if node["__loader__"] == "JsonNode" else str(node["__id__"])
                node["__id__"] = numbers.setdefault(key, len(numbers))
            if "file" in node:
                node["file"] = files.setdefault(node["file"], f"{len(files)}.npy")
        content = {files[name]: archive.read(name) for name in files}
    content["schema.json"] = json.dumps(schema).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in content.items():
            info = zipfile.ZipInfo(name)  # dated 1980, like all entries
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, part)
    return buffer.getvalue()
