"""`model.json`: what it may hold in each version of the format, and how it is read and vouched for."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import RequestError, shown
from shrinkage.estimators.members._members import MEMBERS
from shrinkage.networks import ACTIVATIONS, is_loss, loss_named
from shrinkage.tables.forms import FORMS

__all__ = [
    "FOLDS",
    "FORMAT",
    "MODULE",
    "NUMBERS",
    "PREPROCESSING",
    "SCHEMAS",
    "WORDS",
    "checksum_of",
    "class_kind",
    "classes_from",
    "labels_from",
    "read_words",
]

FORMAT, VERSION = "shrinkage.model", 5
NUMBERS, WORDS, PREPROCESSING = "model.safetensors", "model.json", "preprocessing.skops"
FOLDS, MODULE = "folds.zip", "module.safetensors"
LARGEST_JSON = 16 * 2**20
CLASS_KINDS = {"str": np.str_, "int": np.int64, "bool": np.bool_, "float": np.float64}


def _list_of(*types: type) -> Callable[[Any], bool]:
    return lambda value: type(value) is list and len(value) > 0 and all(type(item) in types for item in value)


def _are_classes(value: Any) -> bool:
    if value is None:
        return True
    known = type(value) is dict and value.keys() == {"kind", "values"} and value["kind"] in CLASS_KINDS
    return known and _list_of(str, int, bool, float)(value["values"])


def _are_parts(value: Any) -> bool:
    return (
        type(value) is list
        and 0 < len(value) <= len(MEMBERS)
        and all(
            type(part) is dict
            and part.keys() - {"embedding"} == PART.keys()
            and all(is_right(part[name]) for name, is_right in PART.items())
            and part.get("embedding", "periodic") == "periodic"
            for part in value
        )
    )


def _are_labels(value: Any) -> bool:
    return type(value) is list and all(_list_of(str, int, bool)(pair) and len(pair) == 2 for pair in value)


def _is_temperature(value: Any) -> bool:
    return type(value) in (float, int) and 0 < value < math.inf


PART: dict[str, Callable[[Any], bool]] = {
    "sizes": lambda value: _list_of(int)(value) and len(value) > 1 and min(value) > 0,
    "activation": lambda value: value in tuple(ACTIVATIONS),
    "lambdas": lambda value: _list_of(float, int)(value) and all(0 <= lam < math.inf for lam in value),
    "chosen": lambda value: type(value) is int,
    "form": lambda value: value in tuple(FORMS),
    "weight": lambda value: type(value) is float and 0 < value <= 1,
}
"""One network of a model."""

NETWORK: dict[str, Callable[[Any], bool]] = {
    "builder": lambda value: type(value) is str,
    "sizes": lambda value: _list_of(int)(value) and len(value) == 2 and min(value) > 0,
    "dtype": lambda value: value in ("float32", "float64"),
    "changing": lambda value: type(value) is list and all(type(name) is str for name in value),
    "outputs": lambda value: type(value) is list and all(map(_list_of(float), value)),
    "lambdas": PART["lambdas"],
    "chosen": PART["chosen"],
}
"""The network of a model that the user's own function builds."""

SHARED: dict[str, Callable[[Any], bool]] = {
    "format": lambda value: value == FORMAT,
    "version": lambda value: type(value) is int and 1 <= value <= VERSION,
    "loss": is_loss,
    "targets": _list_of(str),
    "classes": _are_classes,
    "sha256": lambda value: (
        type(value) is dict and value.keys() - {FOLDS, MODULE} == {NUMBERS, PREPROCESSING}
    ),
}
SCHEMAS: dict[int, dict[str, Callable[[Any], bool]]] = {
    1: SHARED | {name: is_right for name, is_right in PART.items() if name not in ("form", "weight")},
    2: SHARED | {"parts": _are_parts, "main": lambda value: type(value) is int},
    3: SHARED
    | {
        "parts": _are_parts,
        "main": lambda value: type(value) is int,
        "temperature": _is_temperature,
    },
    4: SHARED
    | {
        "network": lambda value: (
            type(value) is dict
            and value.keys() == NETWORK.keys()
            and all(is_right(value[name]) for name, is_right in NETWORK.items())
        ),
        "temperature": _is_temperature,
    },
}
SCHEMAS[5] = SCHEMAS[3]
"""What `model.json` holds in each version, besides its checksum and what is optional."""
OPTIONAL: dict[str, Callable[[Any], bool]] = {
    "columns": lambda value: type(value) is list,
    "ids": _list_of(str),
    "labels": _are_labels,
    "predict_by": lambda value: value in ("restarts", "folds"),
}
"""How columns are read, for readers; which are carried into predictions; the two values of each column of labels; what
predicts in place of the refit."""


def read_words(folder: Path) -> dict[str, Any]:
    """What `model.json` says, if it is whole and says what a model has.

    Raises:
        RequestError: it is missing, damaged, or of a newer format.
    """
    path = folder / WORDS
    if not path.is_file():
        raise RequestError(f"{folder}: no model here ({WORDS} is missing). Name the folder that fit wrote.")
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise RequestError(f"{path}: too large for a model's description; it was not read.")
        words = json.loads(path.read_bytes())
        checksum = words.pop("checksum")
    except OSError as error:
        raise RequestError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        if isinstance(error, RequestError):
            raise
        raise RequestError(f"{path}: not a model's description. Restore the folder, or fit again.") from error
    if words.get("format") != FORMAT or type(words.get("version")) is not int:
        raise RequestError(f"{path}: not a model of shrinkage (format {shown(words.get('format'))}).")
    if words["version"] > VERSION:
        raise RequestError(
            f"{path}: written in format {words['version']}, this version reads up to {VERSION}: update shrinkage."
        )
    if checksum_of(words) != checksum:
        raise RequestError(
            f"{path}: the file was changed after it was written. Restore the folder, or fit again."
        )
    if wrong := sorted(_unlike_schema(words)):
        raise RequestError(f"{path}: {', '.join(map(shown, wrong[:5]))} can't belong to a model. Fit again.")
    return words


def _unlike_schema(words: dict[str, Any]) -> Iterator[str]:
    """The entries that are missing, too many, or of another type than this version of the format has."""
    schema = SCHEMAS.get(words["version"], SCHEMAS[1])
    schema = schema | {name: OPTIONAL[name] for name in words.keys() & OPTIONAL.keys()}
    yield from words.keys() ^ schema.keys()
    for name in words.keys() & schema.keys():
        if not schema[name](words[name]):
            yield name


def checksum_of(words: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(words, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def class_kind(classes: NDArray[Any]) -> str:
    """The type of the classes, as `model.json` names it."""
    return {"b": "bool", "i": "int", "u": "int", "f": "float"}.get(classes.dtype.kind, "str")


def classes_from(words: dict[str, Any], loss: str, outputs: int) -> NDArray[Any] | None:
    """The classes that `model.json` lists; None for values and for several labels per row.

    Raises:
        ValueError: they don't fit the loss, or the targets don't fit the outputs.
    """
    of_rows = loss_named(loss)
    if (words["classes"] is None) == of_rows.of_classes:
        raise ValueError(f"a loss of {loss} does not fit these classes")
    if words["classes"] is None:
        if len(of_rows.output_names(words["targets"])) != outputs:
            raise ValueError(f"{outputs} outputs for {len(words['targets'])} targets")
        return None
    classes = np.array(words["classes"]["values"], dtype=CLASS_KINDS[words["classes"]["kind"]])
    if classes.shape != (2 if loss == "logistic" else outputs,) or len(words["targets"]) != 1:
        raise ValueError(f"{outputs} outputs for {len(classes)} classes")
    return classes


def labels_from(words: dict[str, Any], loss: str) -> tuple[tuple[Any, Any], ...] | None:
    """The two values of each column of labels; None where `model.json` lists none.

    Raises:
        ValueError: they don't fit the loss or the targets.
    """
    if "labels" not in words:
        return None
    if not loss_named(loss).of_labels or len(words["labels"]) != len(words["targets"]):
        raise ValueError(f"labels that don't fit a loss of {loss} and {len(words['targets'])} targets")
    return tuple((pair[0], pair[1]) for pair in words["labels"])
