"""The networks of the folds as one file beside a saved model: a zip of skops and safetensors files, which run no code."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from shrinkage._errors import RequestError
from shrinkage.estimators._fitted_networks import FittedNetworks
from shrinkage.estimators.members._blend import Blend
from shrinkage.estimators.members._fold_models import FoldModels
from shrinkage.estimators.saved._model_tensors import layout_from, numbers_of
from shrinkage.path import Scale
from shrinkage.tables import Preprocessor, preprocessor_bytes, preprocessor_from
from shrinkage.tables.forms import form_from, name_of

__all__ = ["folds_from", "folds_in_bytes"]

NUMBERS = "folds.safetensors"
LARGEST = 4 * 2**30
MOST_FOLDS = 10_000
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every entry, so that equal folds give equal bytes."""


def folds_in_bytes(models: FoldModels, preprocessor: Preprocessor) -> bytes:
    """The file's bytes; equal folds give equal ones. Folds of a matrix share the model's preprocessor."""
    tensors = {"fold": models.fold.astype(np.int64), "scores": np.ascontiguousarray(models.scores)}
    for number, blend in enumerate(models.networks):
        for i, part in enumerate(blend.parts):
            tensors |= {f"{number}.{i}.{name}": array for name, array in _tensors(part).items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(NUMBERS, _EPOCH), save(tensors))
        for number, encoder in enumerate(models.encoders):
            data = preprocessor_bytes(preprocessor if encoder is None else encoder)
            archive.writestr(zipfile.ZipInfo(f"{number}.skops", _EPOCH), data)
    return buffer.getvalue()


def _tensors(part: FittedNetworks) -> dict[str, NDArray[Any]]:
    """The networks, their scales, and what the form of input has learned."""
    return numbers_of(part) | {
        f"form.{name}": np.ascontiguousarray(a) for name, a in part.form.arrays().items()
    }


def folds_from(data: bytes, model: Blend, name: str) -> FoldModels:
    """What `folds_in_bytes` wrote, beside a model's own blend; `name` is the file's, for messages.

    Raises:
        RequestError: the file is damaged or of another model.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > LARGEST:
                raise ValueError("it unpacks to more than a saved model can have")
            tensors = load(archive.read(NUMBERS))
            fold, scores = tensors["fold"], tensors["scores"]
            count = _checked_count(tensors, fold, scores, model)
            encoders = [
                preprocessor_from(archive.read(f"{f}.skops"), f"{name}, fold {f}") for f in range(count)
            ]
        networks = tuple(
            _blend(tensors, number, len(encoder.feature_names_out), model)
            for number, encoder in enumerate(encoders)
        )
    except (
        SafetensorError,
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        IndexError,
        TypeError,
        NotImplementedError,
    ) as error:
        if isinstance(error, RequestError):
            raise
        raise RequestError(f"{name}: damaged, or from another model: {error}. Fit again.") from error
    return FoldModels(networks=networks, encoders=tuple(encoders), fold=fold.astype(np.intp), scores=scores)


def _checked_count(
    tensors: dict[str, NDArray[Any]], fold: NDArray[Any], scores: NDArray[Any], model: Blend
) -> int:
    """How many folds there are, once their numbers and scores fit together."""
    count = sum(key.endswith(".0.networks") for key in tensors)
    main = model.parts[model.main]
    columns = 1 if main.of_classes else main.n_outputs
    if not 0 < count <= MOST_FOLDS or fold.ndim != 1 or not np.issubdtype(fold.dtype, np.integer):
        raise ValueError("no folds")
    if scores.shape != (len(fold), columns) or not np.isfinite(scores).all():
        raise ValueError(f"scores of shape {scores.shape} for {len(fold)} rows")
    if len(fold) == 0 or fold.min() < 0 or fold.max() >= count:
        raise ValueError("rows of a fold that is missing")
    return count


def _blend(tensors: dict[str, NDArray[Any]], number: int, columns: int, model: Blend) -> Blend:
    """The blend of one fold: the parts of the model, with its own networks, scales and forms."""
    parts = []
    for i, part in enumerate(model.parts):
        own = {
            name.removeprefix(f"{number}.{i}."): array
            for name, array in tensors.items()
            if name.startswith(f"{number}.{i}.")
        }
        parts.append(_part(own, columns, part))
    return replace(model, parts=tuple(parts))


def _part(tensors: dict[str, NDArray[Any]], columns: int, model: FittedNetworks) -> FittedNetworks:
    learned = {
        name.removeprefix("form."): array for name, array in tensors.items() if name.startswith("form.")
    }
    form = form_from(name_of(model.form), learned)
    n_inputs = form(np.zeros((1, columns))).shape[1]
    layout, rows = layout_from(model.kind, n_inputs, model.n_outputs, tensors), tensors["networks"]
    if (
        rows.ndim != 2
        or rows.shape[1] != layout.n_parameters
        or rows.dtype != model.rows.dtype
        or not len(rows)
    ):
        raise ValueError(f"networks of shape {rows.shape} for {layout.n_parameters} parameters")

    def scale(name: str, size: int) -> Scale | None:
        if f"{name}_shift" not in tensors:
            return None
        shift, factor = tensors[f"{name}_shift"], tensors[f"{name}_scale"]
        if shift.shape != (size,) or factor.shape != (size,) or not (factor > 0).all():
            raise ValueError(f"a scale of {shift.shape} for {size} columns")
        return Scale(shift, factor)

    return replace(
        model,
        layout=layout,
        lambdas=np.full(len(rows), model.lambdas[model.chosen]),
        rows=rows,
        chosen=0,
        restarts=None,
        form=form,
        x_scale=scale("x", n_inputs),
        y_scale=scale("y", layout.outputs),
    )
