"""Modules built again from the names and shapes of saved weights, so that these have roles."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn

__all__ = ["rebuilt"]


class StoredNorm(nn.Module):
    """A module of which a checkpoint kept a gain, and perhaps a bias, of one axis."""


class StoredEmbedding(nn.Module):
    """A module of which a checkpoint kept a table, by its name."""


class Stored(nn.Module):
    """Any other module of which a checkpoint kept parameters."""


def rebuilt(weights: Mapping[str, Tensor]) -> nn.Module:
    """Modules with the names and shapes of the saved ones; both show what they were."""
    owners: dict[str, dict[str, Tensor]] = {}
    for name, value in weights.items():
        place, _, key = name.rpartition(".")
        owners.setdefault(place, {})[key] = value
    root = _owner("", owners.get("", {}))
    for place, own in sorted(owners.items()):
        module = root
        path = place.split(".") if place else []
        for depth, part in enumerate(path):
            if part not in module._modules:
                inner = ".".join(path[: depth + 1])
                module.add_module(part, _owner(part, owners.get(inner, {})))
            module = module._modules[part] or root
        for key, value in own.items():
            p = (
                value
                if isinstance(value, nn.Parameter)
                else nn.Parameter(value, requires_grad=value.is_floating_point())
            )
            module.register_parameter(key, p)
    return root


def _owner(name: str, own: Mapping[str, Tensor]) -> nn.Module:
    if own and own.keys() <= {"weight", "bias"} and "weight" in own and own["weight"].dim() == 1:
        return StoredNorm()
    if own.keys() == {"weight"} and re.search(r"emb|wte|wpe|token", name.lower()):
        return StoredEmbedding()
    return Stored()
