"""A fitted model as four files that run no code: preprocessing.skops, model.safetensors, folds.zip, model.json.

`model.json` says what the numbers are and holds the SHA-256 of the others and of itself, so a part that was
changed, cut or taken from another model is refused. A model without the networks of its folds is written in version 1 of
the format where it is one network that sees standardized columns, else in version 2; with them in version 3.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from shrinkage._errors import RequestError, shown
from shrinkage._files import sha256_of, write_atomic
from shrinkage.estimators._blend import Blend
from shrinkage.estimators._fitted_networks import FittedNetworks
from shrinkage.estimators._members import MEMBERS
from shrinkage.estimators._path_estimator import MLPCV
from shrinkage.estimators.saved._model_tensors import all_tensors, tensors_of
from shrinkage.estimators.saved._saved_folds import folds_from, folds_in_bytes
from shrinkage.networks import ACTIVATIONS, PerceptronKind, PerceptronLayout, is_loss, perceptron_layout
from shrinkage.path import Scale
from shrinkage.tables import Preprocessor, column_rules, preprocessor_from, save_preprocessor
from shrinkage.tables.forms import FORMS, StandardInputs, form_from, name_of

__all__ = ["SavedModel", "load_model", "save_model"]

FORMAT, VERSION = "shrinkage.model", 3
NUMBERS, WORDS, PREPROCESSING = "model.safetensors", "model.json", "preprocessing.skops"
FOLDS = "folds.zip"
LARGEST_JSON = 16 * 2**20
LARGEST_HEADER = 2**20
LARGEST = 4 * 2**30
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
            and part.keys() == PART.keys()
            and all(is_right(part[name]) for name, is_right in PART.items())
            for part in value
        )
    )


PART: dict[str, Callable[[Any], bool]] = {
    "sizes": lambda value: _list_of(int)(value) and len(value) > 1 and min(value) > 0,
    "activation": lambda value: value in tuple(ACTIVATIONS),
    "lambdas": lambda value: _list_of(float, int)(value) and all(0 <= lam < math.inf for lam in value),
    "chosen": lambda value: type(value) is int,
    "form": lambda value: value in tuple(FORMS),
    "weight": lambda value: type(value) is float and 0 < value <= 1,
}
"""One network of a model."""

SHARED: dict[str, Callable[[Any], bool]] = {
    "format": lambda value: value == FORMAT,
    "version": lambda value: type(value) is int and 1 <= value <= VERSION,
    "loss": is_loss,
    "targets": _list_of(str),
    "classes": _are_classes,
    "sha256": lambda value: type(value) is dict and value.keys() - {FOLDS} == {NUMBERS, PREPROCESSING},
}
SCHEMAS: dict[int, dict[str, Callable[[Any], bool]]] = {
    1: SHARED | {name: is_right for name, is_right in PART.items() if name not in ("form", "weight")},
    2: SHARED | {"parts": _are_parts, "main": lambda value: type(value) is int},
    3: SHARED
    | {
        "parts": _are_parts,
        "main": lambda value: type(value) is int,
        "temperature": lambda value: type(value) in (float, int) and 0 < value < math.inf,
    },
}
"""What `model.json` holds in each version, besides its checksum and what is optional."""
OPTIONAL: dict[str, Callable[[Any], bool]] = {
    "columns": lambda value: type(value) is list,
    "ids": _list_of(str),
}
"""How columns are read, for readers; which are carried into predictions."""


@dataclass(frozen=True, kw_only=True)
class SavedModel:
    """A model as it is read back: what it needs of a table, and its networks."""

    preprocessor: Preprocessor
    blend: Blend
    """The networks that predict."""
    targets: tuple[str, ...]
    """Names of the target columns."""
    classes: NDArray[Any] | None
    """The classes in order; None for a regression."""
    ids: tuple[str, ...] = ()
    """Names of columns that are carried into predictions."""
    folder: Path | None = None
    """Where it was read from."""
    folds_sha256: str | None = None
    """Of the file with the networks of the folds; None where there is none."""

    @property
    def networks(self) -> FittedNetworks:
        """The best of the networks that predict."""
        return self.blend.parts[self.blend.main]

    def predict(self, frame: Any, lam: float | None = None) -> NDArray[Any]:
        """(n,) classes or (n, k) values for rows: a data frame, or an array of the columns in their order."""
        predicted = self._raw(frame, lam)
        return predicted if self.classes is None else self.classes[_probabilities(predicted).argmax(axis=1)]

    def predict_proba(self, frame: Any, lam: float | None = None) -> NDArray[np.float64]:
        """(n, C) class probabilities."""
        if self.classes is None:
            raise RequestError(
                "Probabilities were asked for, but the model predicts numbers, not classes: leave out --proba."
            )
        return _probabilities(self._raw(frame, lam))

    def predict_interval(self, frame: Any, alpha: float = 0.1) -> NDArray[Any]:
        """(n, k, 2) intervals for the rows of a data frame, or (n, C) which classes are in the set of each.

        They hold the truth for about 1 − alpha of new rows, at least 1 − 2·alpha; see the estimators.
        """
        if self.folder is None or self.folds_sha256 is None:
            raise RequestError(
                "Intervals were asked for, but the model was saved without the networks of its folds. Fit again."
            )
        path = self.folder / FOLDS
        models = folds_from(_part(path, self.folds_sha256), self.blend, str(path))
        if self.classes is None:
            return models.intervals(frame, alpha)
        return models.class_sets(frame, alpha, self.predict_proba(frame).argmax(axis=1))

    def _raw(self, frame: Any, lam: float | None) -> NDArray[np.float64]:
        return self.blend.predict(self.preprocessor.transform(frame), lam)


def save_model(
    model: MLPCV,
    preprocessor: Preprocessor,
    targets: tuple[str, ...],
    folder: Path,
    *,
    ids: tuple[str, ...] = (),
) -> None:
    """Write the files; `model.json`, which vouches for the others, last. `ids` name columns to carry into predictions."""
    blend, classes = model.blend_, getattr(model, "classes_", None)
    plain = (
        len(blend.parts) == 1 and isinstance(blend.parts[0].form, StandardInputs) and not model.out_of_fold
    )
    save_preprocessor(preprocessor, folder / PREPROCESSING)
    write_atomic(folder / NUMBERS, save(tensors_of(blend.parts[0]) if plain else all_tensors(blend)))
    files = [NUMBERS, PREPROCESSING]
    if model.out_of_fold:
        write_atomic(folder / FOLDS, folds_in_bytes(model.fold_models_, preprocessor))
        files.append(FOLDS)
    parts = [_words_of(part, weight) for part, weight in zip(blend.parts, blend.weights, strict=True)]
    own = {name: word for name, word in parts[0].items() if name in SCHEMAS[1]}
    words = {
        "format": FORMAT,
        "version": 3 if model.out_of_fold else 1 if plain else 2,
        **(own if plain else {"parts": parts, "main": blend.main}),
        **({} if plain else {"columns": column_rules(preprocessor)}),
        **({"temperature": float(blend.temperature)} if model.out_of_fold else {}),
        "loss": model.networks_.loss,
        "targets": list(targets),
        **({"ids": list(ids)} if ids else {}),
        "classes": None if classes is None else {"kind": _kind(classes), "values": classes.tolist()},
        "sha256": {name: sha256_of(folder / name) for name in files},
    }
    write_atomic(folder / WORDS, json.dumps({**words, "checksum": _checksum(words)}, indent=1).encode())


def load_model(folder: str | Path) -> SavedModel:
    """Read a model that `save_model` wrote.

    Raises:
        RequestError: a file is missing, damaged, of another model or of a newer format. Nothing of it is run.
    """
    folder = Path(folder)
    words = _read_words(folder)
    parts = {name: _part(folder / name, words["sha256"][name]) for name in (NUMBERS, PREPROCESSING)}
    try:
        blend = _blend(words, _loaded(parts[NUMBERS]))
        classes = _classes(words, blend.parts[0])
    except (SafetensorError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise RequestError(f"{folder}: the model's files don't fit together: {error}.") from error
    preprocessor = preprocessor_from(parts[PREPROCESSING], str(folder / PREPROCESSING))
    inputs = len(preprocessor.feature_names_out)
    for part in blend.parts:
        made = _inputs_made(part, inputs)
        if made != part.layout.inputs:
            raise RequestError(
                f"{folder}: the preprocessing makes {made} inputs, the network takes {part.layout.inputs}. "
                "Restore the folder, or fit again."
            )
    return SavedModel(
        preprocessor=preprocessor,
        blend=replace(blend, temperature=float(words.get("temperature", 1.0))),
        targets=tuple(words["targets"]),
        ids=tuple(words.get("ids", ())),
        classes=classes,
        folder=folder,
        folds_sha256=words["sha256"].get(FOLDS),
    )


def _inputs_made(part: FittedNetworks, columns: int) -> int:
    """Inputs that a form makes of so many columns; −1 for a form that was fitted on others."""
    try:
        return part.form(np.zeros((1, columns))).shape[1]
    except (ValueError, IndexError):
        return -1


def _part(path: Path, expected: str) -> bytes:
    """The bytes of one of the files, if they are those that `model.json` vouches for."""
    try:
        if path.stat().st_size > LARGEST:
            raise RequestError(f"{path}: larger than any model; it was not read.")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise RequestError(
            f"{path}: the file is missing; a model is the whole folder that fit wrote."
        ) from error
    except OSError as error:
        raise RequestError(f"{path}: cannot be read: {error.strerror or error}.") from error
    if hashlib.sha256(data).hexdigest() != expected:
        raise RequestError(
            f"{path}: the file is not the one that {WORDS} was written with: it was changed, cut or taken from "
            "another model. Restore the folder, or fit again."
        )
    return data


def _loaded(data: bytes) -> dict[str, NDArray[Any]]:
    if int.from_bytes(data[:8], "little") > LARGEST_HEADER:
        raise ValueError("the header of the numbers is larger than any of ours")
    return load(data)


def _classes(words: dict[str, Any], networks: FittedNetworks) -> NDArray[Any] | None:
    outputs = networks.layout.outputs
    if (words["classes"] is None) == networks.of_classes:
        raise ValueError(f"a loss of {networks.loss} does not go with these classes")
    if words["classes"] is None:
        if len(words["targets"]) != outputs:
            raise ValueError(f"{outputs} outputs for {len(words['targets'])} targets")
        return None
    classes = np.array(words["classes"]["values"], dtype=CLASS_KINDS[words["classes"]["kind"]])
    if classes.shape != (2 if networks.loss == "logistic" else outputs,) or len(words["targets"]) != 1:
        raise ValueError(f"{outputs} outputs for {len(classes)} classes")
    return classes


def _words_of(part: FittedNetworks, weight: float) -> dict[str, Any]:
    return {
        "sizes": list(perceptron_layout(part.layout).sizes),
        "activation": part.perceptron.activation,
        "lambdas": part.lambdas.tolist(),
        "chosen": part.chosen,
        "form": name_of(part.form),
        "weight": float(weight),
    }


def _blend(words: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> Blend:
    if words["version"] == 1:
        return Blend((_networks(words, words["loss"], tensors),), (1.0,))
    parts = []
    for i, about in enumerate(words["parts"]):
        own = {
            name.removeprefix(f"part_{i}."): x for name, x in tensors.items() if name.startswith(f"part_{i}.")
        }
        parts.append(_networks(about, words["loss"], own))
    weights = tuple(part["weight"] for part in words["parts"])
    if not 0 <= words["main"] < len(parts) or abs(sum(weights) - 1) > 1e-9:
        raise ValueError("the weights of its networks don't add up to 1, or the best of them isn't there")
    return Blend(tuple(parts), weights, words["main"])


def _networks(words: dict[str, Any], loss: str, tensors: dict[str, NDArray[Any]]) -> FittedNetworks:
    layout = PerceptronLayout(tuple(int(size) for size in words["sizes"]))
    lambdas = np.array(words["lambdas"], dtype=np.float64)
    rows, chosen = tensors["networks"], words["chosen"]
    if rows.shape != (len(lambdas), layout.n_parameters) or not 0 <= chosen < len(lambdas):
        raise ValueError(
            f"networks of shape {rows.shape} for layers of {layout.sizes}, number {chosen} chosen"
        )
    if rows.dtype not in (np.float32, np.float64) or not np.isfinite(rows[chosen]).all():
        raise ValueError("the chosen network's parameters are no finite numbers")

    def scale(name: str, size: int) -> Scale | None:
        if f"{name}_shift" not in tensors:
            return None
        shift, factor = tensors[f"{name}_shift"], tensors[f"{name}_scale"]
        if shift.shape != (size,) or factor.shape != (size,):
            raise ValueError(f"a scale of {shift.shape} for {size} columns")
        if not (np.isfinite(shift).all() and np.isfinite(factor).all() and (factor > 0).all()):
            raise ValueError("a scale that is not positive and finite")
        return Scale(shift, factor)

    return FittedNetworks(
        layout=layout,
        kind=PerceptronKind(hidden_layer_sizes=layout.sizes[1:-1], activation=words["activation"]),
        loss=loss,
        lambdas=lambdas,
        rows=rows,
        chosen=chosen,
        x_scale=scale("x", layout.inputs),
        y_scale=scale("y", layout.outputs),
        form=form_from(
            words.get("form", "standard"),
            {name.removeprefix("form."): x for name, x in tensors.items() if name.startswith("form.")},
        ),
    )


def _read_words(folder: Path) -> dict[str, Any]:
    path = folder / WORDS
    if not path.is_file():
        raise RequestError(f"{folder}: no model here ({WORDS} is missing). Name the folder that fit wrote.")
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise RequestError(f"{path}: larger than any model's description; it was not read.")
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
    if _checksum(words) != checksum:
        raise RequestError(
            f"{path}: the file was changed after it was written. Restore the folder, or fit again."
        )
    if wrong := sorted(_unlike_schema(words)):
        raise RequestError(
            f"{path}: {', '.join(map(shown, wrong[:5]))} can't be what a model has. Fit again."
        )
    return words


def _unlike_schema(words: dict[str, Any]) -> Iterator[str]:
    """The entries that are missing, too many, or of another type than this version of the format has."""
    schema = SCHEMAS.get(words["version"], SCHEMAS[1])
    schema = schema | {name: OPTIONAL[name] for name in words.keys() & OPTIONAL.keys()}
    yield from words.keys() ^ schema.keys()
    for name in words.keys() & schema.keys():
        if not schema[name](words[name]):
            yield name


def _checksum(words: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(words, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _kind(classes: NDArray[Any]) -> str:
    return {"b": "bool", "i": "int", "u": "int", "f": "float"}.get(classes.dtype.kind, "str")


def _probabilities(predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, C) from the outputs: the logistic output is the probability of the second of two classes."""
    return np.hstack([1 - predicted, predicted]) if predicted.shape[1] == 1 else predicted
