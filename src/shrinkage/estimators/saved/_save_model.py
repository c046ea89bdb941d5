"""Writing a fitted model as files that run no code; `_saved_model` says what they hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors.numpy import save

from shrinkage._files import sha256_of, write_atomic
from shrinkage.estimators._fitted_networks import FittedNetworks
from shrinkage.estimators._path_estimator import MLPCV
from shrinkage.estimators.members._blend import Blend
from shrinkage.estimators.saved._model_tensors import all_tensors, numbers_of, tensors_of
from shrinkage.estimators.saved._model_words import (
    FOLDS,
    FORMAT,
    MODULE,
    NUMBERS,
    PREPROCESSING,
    SCHEMAS,
    WORDS,
    checksum_of,
    class_kind,
)
from shrinkage.estimators.saved._saved_folds import folds_in_bytes
from shrinkage.estimators.saved._saved_network import network_words, state_in_bytes
from shrinkage.networks import loss_named, perceptron_layout
from shrinkage.networks.module import ModuleKind
from shrinkage.tables import Preprocessor, column_rules, save_preprocessor
from shrinkage.tables.forms import StandardInputs, name_of

__all__ = ["save_model"]


def save_model(
    model: MLPCV,
    preprocessor: Preprocessor,
    targets: tuple[str, ...],
    folder: Path,
    *,
    ids: tuple[str, ...] = (),
    labels: tuple[tuple[Any, Any], ...] | None = None,
) -> None:
    """Write the model's files, `model.json` with their checksums last.

    Args:
        model: the fitted estimator.
        preprocessor: of the table's columns.
        targets: names of the target columns.
        folder: an existing one.
        ids: names of columns to copy to predictions.
        labels: (L) the two values of each target column, if the rows have several labels that weren't 0 and 1.
    """
    blend, classes = model.blend_, getattr(model, "classes_", None)
    classes = None if loss_named(model.networks_.loss).of_labels else classes
    save_preprocessor(preprocessor, folder / PREPROCESSING)
    version, numbers, about = _describe(blend, with_folds=bool(model.out_of_fold))
    write_atomic(folder / NUMBERS, save(numbers))
    files = [NUMBERS, PREPROCESSING]
    if version == 4:
        write_atomic(folder / MODULE, state_in_bytes(model.networks_))
        files.append(MODULE)
    if model.out_of_fold:
        write_atomic(folder / FOLDS, folds_in_bytes(model.fold_models_, preprocessor))
        files.append(FOLDS)
    words = {
        "format": FORMAT,
        "version": version,
        **about,
        **({} if version == 1 else {"columns": column_rules(preprocessor)}),
        **({} if version < 3 else {"temperature": float(blend.temperature)}),
        "loss": model.networks_.loss,
        "targets": list(targets),
        **({"ids": list(ids)} if ids else {}),
        **({"labels": [list(pair) for pair in labels]} if labels else {}),
        **({} if model.predict_by_ == "refit" else {"predict_by": model.predict_by_}),
        "classes": None if classes is None else {"kind": class_kind(classes), "values": classes.tolist()},
        "sha256": {name: sha256_of(folder / name) for name in files},
    }
    write_atomic(folder / WORDS, json.dumps({**words, "checksum": checksum_of(words)}, indent=1).encode())


def _describe(blend: Blend, *, with_folds: bool) -> tuple[int, dict[str, NDArray[Any]], dict[str, Any]]:
    """The version of the format that holds this model, its numbers, and the description of its networks."""
    first = blend.parts[0]
    if isinstance(first.kind, ModuleKind):
        return 4, numbers_of(first), {"network": network_words(first)}
    parts = [_words_of(part, weight) for part, weight in zip(blend.parts, blend.weights, strict=True)]
    if (
        len(blend.parts) == 1
        and isinstance(first.form, StandardInputs)
        and first.perceptron.embedding == "none"
        and not with_folds
        and first.restarts is None
    ):
        own = {name: word for name, word in parts[0].items() if name in SCHEMAS[1]}
        return 1, tensors_of(first), own
    version = 5 if any("embedding" in part for part in parts) else 3 if with_folds else 2
    return version, all_tensors(blend), {"parts": parts, "main": blend.main}


def _words_of(part: FittedNetworks, weight: float) -> dict[str, Any]:
    return {
        "sizes": [part.layout.inputs, *perceptron_layout(part.layout).sizes[1:]],
        "activation": part.perceptron.activation,
        "lambdas": part.lambdas.tolist(),
        "chosen": part.chosen,
        "form": name_of(part.form),
        "weight": float(weight),
        **({} if part.perceptron.embedding == "none" else {"embedding": part.perceptron.embedding}),
    }
