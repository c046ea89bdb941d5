"""The numbers of a model by name: each part's networks, scales, and what its form of input has learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage.estimators._fitted_networks import FittedNetworks
from shrinkage.estimators.members._blend import Blend
from shrinkage.networks import Kind, Layout, PerceptronKind, perceptron_layout

__all__ = ["COLUMNS", "all_tensors", "layout_from", "numbers_of", "tensors_of"]

COLUMNS = "embedding.columns"


def layout_from(kind: Kind, inputs: int, outputs: int, tensors: Mapping[str, NDArray[Any]]) -> Layout:
    """The layout of networks; the tensors of perceptrons say which inputs they embed.

    Raises:
        ValueError: they can't be inputs of such a network.
    """
    if not isinstance(kind, PerceptronKind):
        return kind.layout(inputs, outputs)
    columns = tensors.get(COLUMNS, np.empty(0, np.int64))
    known = columns.ndim == 1 and columns.dtype == np.int64 and (np.diff(columns) > 0).all()
    if not known or (len(columns) and not 0 <= columns[0] <= columns[-1] < inputs):
        raise ValueError(f"columns to embed that {inputs} inputs don't have")
    if len(columns) and kind.embedding == "none":
        raise ValueError("columns to embed for a network without an embedding")
    return kind.layout(inputs, outputs, columns.tolist())


def tensors_of(networks: FittedNetworks) -> dict[str, NDArray[Any]]:
    """The chosen network layer by layer, for any reader; every kept network as a row; the scales."""
    tensors = numbers_of(networks)
    named = perceptron_layout(networks.layout).by_name(networks.rows[networks.chosen])
    return tensors | {name: np.ascontiguousarray(array) for name, array in named.items()}


def numbers_of(networks: FittedNetworks) -> dict[str, NDArray[Any]]:
    """Every kept network as a row, the restarts if their mean predicts, the scales, and which inputs are embedded."""
    tensors = {"networks": np.ascontiguousarray(networks.rows)}
    if networks.restarts is not None:
        tensors["restarts"] = np.ascontiguousarray(networks.restarts)
    if networks.embedded_columns:
        tensors[COLUMNS] = np.array(networks.embedded_columns, np.int64)
    for name, scale in (("x", networks.x_scale), ("y", networks.y_scale)):
        if scale is not None:
            tensors |= {f"{name}_shift": scale.shift, f"{name}_scale": scale.scale}
    return tensors


def all_tensors(blend: Blend) -> dict[str, NDArray[Any]]:
    """The tensors of every part under its number, and what its form of input has learned."""
    tensors = {}
    for i, part in enumerate(blend.parts):
        forms = {f"form.{name}": np.ascontiguousarray(array) for name, array in part.form.arrays().items()}
        tensors |= {f"part_{i}.{name}": array for name, array in (tensors_of(part) | forms).items()}
    return tensors
