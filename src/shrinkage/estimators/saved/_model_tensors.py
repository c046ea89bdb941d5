"""The numbers of a model by name: each part's networks, scales, and what its form of input has learned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage.estimators._blend import Blend
from shrinkage.estimators._fitted_networks import FittedNetworks

__all__ = ["all_tensors", "numbers_of", "tensors_of"]


def tensors_of(networks: FittedNetworks) -> dict[str, NDArray[Any]]:
    """The chosen network layer by layer, for any reader; every kept network as a row; the scales."""
    tensors = numbers_of(networks)
    for i, (weights, biases) in enumerate(networks.layers()):
        tensors[f"layer_{i}.weight"] = np.ascontiguousarray(weights)
        tensors[f"layer_{i}.bias"] = np.ascontiguousarray(biases)
    return tensors


def numbers_of(networks: FittedNetworks) -> dict[str, NDArray[Any]]:
    """Every kept network as a row, the restarts if their mean predicts, and the scales."""
    tensors = {"networks": np.ascontiguousarray(networks.rows)}
    if networks.restarts is not None:
        tensors["restarts"] = np.ascontiguousarray(networks.restarts)
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
