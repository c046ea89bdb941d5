"""A fitted model as files that run no code: preprocessing.skops, model.safetensors, folds.zip, model.json.

`model.json` describes the numbers and contains the SHA-256 of the others and of itself, so a file that was changed,
truncated or taken from another model is refused. A model without the networks of its folds is written in version 1 of the
format if it is one network on standardized columns, else in version 2; with them, in version 3. A network built by the
user's own function is written in version 4: its tensors, under their own names, are in module.safetensors. A model that
embeds numbers is written in version 5. Where the mean over restarts (tensors `restarts`) or over the networks of the
folds predicts, `predict_by` says so.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from shrinkage._errors import RequestError, called
from shrinkage.estimators._fitted_networks import FittedNetworks
from shrinkage.estimators.members._blend import Blend
from shrinkage.estimators.members._fold_models import FoldModels
from shrinkage.estimators.modules import MakeNetwork
from shrinkage.estimators.saved._model_tensors import layout_from
from shrinkage.estimators.saved._model_words import (
    FOLDS,
    MODULE,
    NUMBERS,
    PREPROCESSING,
    WORDS,
    classes_from,
    labels_from,
    read_words,
)
from shrinkage.estimators.saved._saved_folds import folds_from
from shrinkage.estimators.saved._saved_network import check_outputs, kind_from
from shrinkage.networks import Kind, Layout, PerceptronKind, loss_named
from shrinkage.path import Scale
from shrinkage.tables import Preprocessor, preprocessor_from
from shrinkage.tables.forms import form_from

__all__ = ["SavedModel", "load_model"]

LARGEST_HEADER = 2**20
LARGEST = 4 * 2**30


@dataclass(frozen=True, kw_only=True)
class SavedModel:
    """A model read from files: the columns that it needs from a table, and its networks."""

    preprocessor: Preprocessor
    blend: Blend
    """The networks that predict."""
    targets: tuple[str, ...]
    """Names of the target columns."""
    classes: NDArray[Any] | None
    """The classes in order; None for a regression and for several labels per row."""
    ids: tuple[str, ...] = ()
    """Names of columns that are copied to predictions."""
    labels: tuple[tuple[Any, Any], ...] | None = None
    """(L) the two values that each column of labels had, the second for a label that the row has; None for 0 and 1."""
    folder: Path | None = None
    """The folder that it was read from."""
    predict_by: str = "refit"
    """`restarts` or `folds` where the mean over several networks predicts."""
    folds_sha256: str | None = None
    """SHA-256 of the file with the networks of the folds; None if there is none."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns that `predict` gives: the targets, or several quantiles of one."""
        return loss_named(self.networks.loss).output_names(self.targets)

    @property
    def has_labels(self) -> bool:
        """Whether each row has any number of labels, whose names are the targets."""
        return loss_named(self.networks.loss).of_labels

    @property
    def networks(self) -> FittedNetworks:
        """The best network that predicts."""
        return self.blend.parts[self.blend.main]

    def predict(self, frame: Any, lam: float | None = None) -> NDArray[Any]:
        """Predict classes, (n,), values, (n, k), quantiles, (n, Q), or labels, (n, L), for a frame or a matrix."""
        predicted = self._raw(frame, lam)
        if self.has_labels:
            return (predicted > 0.5).astype(np.int64)
        return predicted if self.classes is None else self.classes[_probabilities(predicted).argmax(axis=1)]

    def predict_proba(self, frame: Any, lam: float | None = None) -> NDArray[np.float64]:
        """Predict class probabilities, (n, C), or those of labels, (n, L)."""
        if self.has_labels:
            return self._raw(frame, lam)
        if self.classes is None:
            raise RequestError(
                "Probabilities were requested, but the model predicts numbers, not classes: leave out "
                "--proba."
            )
        return _probabilities(self._raw(frame, lam))

    def predict_interval(self, frame: Any, alpha: float = 0.1) -> NDArray[Any]:
        """Predict intervals, (n, k, 2), for the rows of a data frame, or sets of classes, (n, C) bool.

        They contain the truth for about 1 − alpha of new rows, and at least 1 − 2·alpha; see the estimators.
        """
        models = self._fold_models
        if self.classes is None:
            return models.intervals(frame, alpha)
        return models.class_sets(frame, alpha, self.predict_proba(frame).argmax(axis=1))

    @cached_property
    def _fold_models(self) -> FoldModels:
        if self.folder is None or self.folds_sha256 is None:
            raise RequestError(
                "Intervals were requested, but the model was saved without the networks of its folds. Fit "
                "again."
            )
        path = self.folder / FOLDS
        return folds_from(_part(path, self.folds_sha256), self.blend, str(path))

    def _raw(self, frame: Any, lam: float | None) -> NDArray[np.float64]:
        if lam is None and self.predict_by == "folds":
            return self._fold_models.mean_prediction(frame)
        return self.blend.predict(self.preprocessor.transform(frame), lam)


def load_model(folder: str | Path, network: MakeNetwork | None = None) -> SavedModel:
    """Read a model that `save_model` wrote.

    Args:
        folder: the model's folder.
        network: the function that built the network, if the estimator was given `network=`. It is called; no code
            from the folder is run.

    Raises:
        RequestError: a file is missing, damaged, from another model or in a newer format, or `network` is needed or
            builds a different network.
    """
    folder = Path(folder)
    words = read_words(folder)
    _check_network(folder, words, network)
    names = (NUMBERS, PREPROCESSING, *((MODULE,) if network is not None else ()))
    if missing := [name for name in names if name not in words["sha256"]]:
        raise RequestError(f"{folder / WORDS}: has no checksum for {missing[0]}. Fit again.")
    parts = {name: _part(folder / name, words["sha256"][name]) for name in names}
    try:
        tensors = _load_arrays(parts[NUMBERS])
        if network is None:
            blend = _blend(words, tensors)
        else:
            kind = kind_from(words["network"], parts[MODULE], network)
            blend = Blend(
                (_networks_of(words["network"], words["loss"], tensors, kind, kind.module_layout),), (1.0,)
            )
        classes = classes_from(words, blend.parts[0].loss, blend.parts[0].n_outputs)
        labels = labels_from(words, blend.parts[0].loss)
        _check_averages(words, blend)
    except RequestError:
        raise
    except (SafetensorError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise RequestError(f"{folder}: the model's files don't fit together: {error}.") from error
    if network is not None:
        check_outputs(blend.parts[0], words["network"])
    preprocessor = preprocessor_from(parts[PREPROCESSING], str(folder / PREPROCESSING))
    inputs = len(preprocessor.feature_names_out)
    for part in blend.parts:
        made = _inputs_made(part, inputs)
        if made != part.layout.inputs:
            raise RequestError(
                f"{folder}: the preprocessing makes {made} inputs, but the network takes "
                f"{part.layout.inputs}. Restore the folder, or fit again."
            )
    model = SavedModel(
        preprocessor=preprocessor,
        blend=replace(blend, temperature=float(words.get("temperature", 1.0))),
        targets=tuple(words["targets"]),
        ids=tuple(words.get("ids", ())),
        labels=labels,
        classes=classes,
        folder=folder,
        predict_by=words.get("predict_by", "refit"),
        folds_sha256=words["sha256"].get(FOLDS),
    )
    if model.predict_by == "folds":
        _ = model._fold_models  # what is wrong with them is raised here, not at the first prediction
    return model


def _check_averages(words: dict[str, Any], blend: Blend) -> None:
    """Whether the networks are there whose mean predicts."""
    predict_by = words.get("predict_by", "refit")
    if any((part.restarts is None) == (predict_by == "restarts") for part in blend.parts):
        raise ValueError(f"restarts that don't fit predict_by={predict_by}")
    if predict_by == "folds" and FOLDS not in words["sha256"]:
        raise ValueError("the networks of the folds are to predict, but are not there")


def _check_network(folder: Path, words: dict[str, Any], network: MakeNetwork | None) -> None:
    """Whether the function that builds the network is given, and is called for."""
    if words["version"] == 4 and network is None:
        raise RequestError(
            f"{folder}: the network was built by {words['network']['builder']}, and a saved model contains "
            f"no code. Give the function that builds it with {called('network')}."
        )
    if words["version"] != 4 and network is not None:
        raise RequestError(
            f"{called('network')}: this model is the package's own perceptron, which needs no function to build it."
        )


def _inputs_made(part: FittedNetworks, columns: int) -> int:
    """Inputs that a form makes of so many columns; −1 for a form that was fitted on others."""
    try:
        return part.form(np.zeros((1, columns))).shape[1]
    except (ValueError, IndexError):
        return -1


def _part(path: Path, expected: str) -> bytes:
    """The bytes of one of the files, if they match the checksum in `model.json`."""
    try:
        if path.stat().st_size > LARGEST:
            raise RequestError(f"{path}: too large for a model; it was not read.")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise RequestError(
            f"{path}: the file is missing; a model is the whole folder that fit wrote."
        ) from error
    except OSError as error:
        raise RequestError(f"{path}: cannot be read: {error.strerror or error}.") from error
    if hashlib.sha256(data).hexdigest() != expected:
        raise RequestError(
            f"{path}: the file is not the one that {WORDS} was written with: it was changed, truncated or "
            "taken from another model. Restore the folder, or fit again."
        )
    return data


def _load_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    if int.from_bytes(data[:8], "little") > LARGEST_HEADER:
        raise ValueError("the header of the numbers is larger than a saved model's can be")
    return load(data)


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
    inputs, *hidden, outputs = words["sizes"]
    kind = PerceptronKind(
        hidden_layer_sizes=tuple(hidden),
        activation=words["activation"],
        embedding=words.get("embedding", "none"),
    )
    return _networks_of(words, loss, tensors, kind, layout_from(kind, inputs, outputs, tensors))


def _networks_of(
    words: dict[str, Any], loss: str, tensors: dict[str, NDArray[Any]], kind: Kind, layout: Layout
) -> FittedNetworks:
    """The networks of this kind that the tensors hold."""
    lambdas = np.array(words["lambdas"], dtype=np.float64)
    rows, chosen = tensors["networks"], words["chosen"]
    if rows.shape != (len(lambdas), layout.n_parameters) or not 0 <= chosen < len(lambdas):
        raise ValueError(
            f"networks of shape {rows.shape} for {layout.n_parameters} parameters, number {chosen} chosen"
        )
    if rows.dtype not in (np.float32, np.float64) or not np.isfinite(rows[chosen]).all():
        raise ValueError("the chosen network's parameters are not finite numbers")
    restarts = tensors.get("restarts")
    if restarts is not None and (
        restarts.ndim != 2
        or restarts.shape[1] != layout.n_parameters
        or restarts.dtype != rows.dtype
        or not len(restarts)
        or not np.isfinite(restarts).all()
    ):
        raise ValueError(f"restarts of shape {restarts.shape} for {layout.n_parameters} parameters")

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
        kind=kind,
        loss=loss,
        lambdas=lambdas,
        rows=rows,
        chosen=chosen,
        restarts=restarts,
        x_scale=scale("x", layout.inputs),
        y_scale=scale("y", layout.outputs),
        form=form_from(
            words.get("form", "standard"),
            {name.removeprefix("form."): x for name, x in tensors.items() if name.startswith("form.")},
        ),
    )


def _probabilities(predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, C) from the outputs: the logistic output is the probability of the second of two classes."""
    return np.hstack([1 - predicted, predicted]) if predicted.shape[1] == 1 else predicted
