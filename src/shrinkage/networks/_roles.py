"""What a parameter is for: a weight, a bias, a norm's gain, a scale, a token, an embedding.

The role comes from the module that owns the parameter and the name it has there, never from the number of its axes:
a stacked bias has two, a LayerNorm of shape (3, 4) too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils.parametrize import ParametrizationList

from shrinkage.networks._role_names import BIAS, TOKEN, role_of_name

__all__ = ["ROLES", "Place", "Role", "places_of"]

RoleName = Literal["weight", "bias", "norm", "scale", "token", "embedding"]
ROLES = get_args(RoleName)


@dataclass(frozen=True)
class Role:
    """What a parameter is for, and how that was found."""

    name: RoleName
    """`weight` mixes features; `norm` is of a normalization; `scale` multiplies; `bias` and `token` are added."""
    reason: str
    """What it was recognized by."""

    @property
    def answers_to(self) -> frozenset[str]:
        """The words in `exempt=` that mean this parameter: a scale is a gain as a norm's is, a token is a bias."""
        family = {"scale": "norm", "token": "bias"}.get(self.name, self.name)
        bias_of_norm = {"bias"} if self.name == "norm" and "bias" in self.reason else set()
        return frozenset({self.name, family} | bias_of_norm)


@dataclass
class Place:
    """One parameter tensor, where it was first met, and what it is for."""

    name: str
    """Its name without what DDP, FSDP, checkpointing and `torch.compile` put in front."""
    tensor: Tensor
    role: Role
    module: nn.Module
    """The module that owns it; of a parametrized weight the module that uses it."""
    tied: list[str]
    """Further names of the same tensor."""


_TRANSPARENT = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_fpw_module"}
_WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)
_NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.CrossMapLRN2d)
_EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
_MIXERS = (nn.Linear, nn.Bilinear, nn.modules.conv._ConvNd, nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention)

_NORM_CLASS = re.compile(r"Norm(?![a-z])|GRN$|^(DyT|DynamicTanh|Derf|DynamicErf|Aff|Affine|AffineTransform)$")
_NORM_NAMES = {
    "weight", "bias", "scale", "shift", "gain", "alpha", "gamma", "beta", "g", "b", "s", "loc", "tau", "a_2", "b_2",
}  # fmt: skip
_SHIFTS = {"beta", "b", "shift", "loc", "b_2"}
_EPSILONS = ("eps", "epsilon", "variance_epsilon", "layer_norm_epsilon")
_MAGNITUDE = re.compile(r"(^|\.)(\w+_)?magnitude_vector\.")
_TOKEN_CLASS = re.compile(r"(Position(al)?|CLS|Cls|Class)Embedding$")
_CONTAINERS = (nn.ParameterList, nn.ParameterDict)


def places_of(model: nn.Module) -> list[Place]:
    """Every parameter of `model` once, in the order of its modules, with its role; tied tensors under one name."""
    places: dict[int, Place] = {}
    for name, tensor, role, module in _walk(model, "", [], set()):
        if id(tensor) in places:
            places[id(tensor)].tied.append(name)
        else:
            places[id(tensor)] = Place(name, tensor, role, module, [])
    return list(places.values())


def _walk(
    module: nn.Module, prefix: str, above: list[nn.Module], seen: set[nn.Module]
) -> Iterator[tuple[str, Tensor, Role, nn.Module]]:
    if module in seen:
        return
    seen.add(module)
    for key, tensor in module._parameters.items():
        if tensor is not None:
            role, owner = _role(module, key, tensor, prefix, above)
            yield f"{prefix}{key}", tensor, role, owner
    for key, child in module._modules.items():
        if child is not None:
            hidden = key in _TRANSPARENT or (key == "module" and isinstance(module, _WRAPPERS))
            yield from _walk(child, prefix if hidden else f"{prefix}{key}.", [*above, module], seen)


def _role(
    module: nn.Module, key: str, tensor: Tensor, prefix: str, above: list[nn.Module]
) -> tuple[Role, nn.Module]:
    """The role of the parameter `key` of `module`, and the module that uses it."""
    if isinstance(module, ParametrizationList):
        return _parametrized_role(module, key, tensor, prefix, above)
    if isinstance(module, _CONTAINERS):
        return _contained_role(module, key, tensor, prefix, above)
    if _is_half_of_a_weight_norm(module, key):
        if key.endswith("_g"):
            return Role("scale", "magnitude of weight_norm"), module
        key = key[:-2]
    return _plain_role(module, key, tensor, prefix), module


def _is_half_of_a_weight_norm(module: nn.Module, key: str) -> bool:
    """True for `w_g` and `w_v` beside each other, where `w` itself is no parameter any more."""
    name = key[:-2]
    own = dict(module._parameters.items())  # a ScriptModule's has no `get`
    both = all(own.get(name + half) is not None for half in ("_g", "_v"))
    return key.endswith(("_g", "_v")) and both and name not in own


def _parametrized_role(
    module: ParametrizationList, key: str, tensor: Tensor, prefix: str, above: list[nn.Module]
) -> tuple[Role, nn.Module]:
    owner = above[-2]
    if key == "original0" and type(module[0]).__name__ == "_WeightNorm":
        return Role("scale", "magnitude of weight_norm"), owner
    attribute = prefix.rstrip(".").rpartition(".")[2]
    return _plain_role(owner, attribute, tensor, prefix.removesuffix(f"parametrizations.{attribute}.")), owner


def _plain_role(module: nn.Module, key: str, tensor: Tensor, prefix: str) -> Role:
    kind = type(module).__name__
    is_bias = bool(BIAS.search(key))
    if _MAGNITUDE.search(prefix):
        return Role("scale", "magnitude of DoRA, by its name")
    if isinstance(module, _NORMS) or _looks_like_a_norm(module):
        return Role("norm", f"{'bias' if is_bias or key in _SHIFTS else 'gain'} of {kind}")
    if _TOKEN_CLASS.search(kind) and key in ("weight", "embedding"):
        return Role("token", f"{key} of {kind}, by the module's name")
    if isinstance(module, _EMBEDDINGS) or (kind.endswith("Embedding") and key == "weight"):
        place = prefix.rstrip(".").rpartition(".")[2]
        if TOKEN.match(place.lower()):
            return Role("token", f"{kind} of positions, by its name {place!r}")
        return Role("embedding", f"table of {kind}")
    if isinstance(module, _MIXERS):
        return Role("bias", f"bias of {kind}") if is_bias else Role("weight", f"weight of {kind}")
    if isinstance(module, nn.PReLU):
        return Role("scale", "slope of PReLU")
    return _role_by_name(module, key, tensor)


def _role_by_name(module: nn.Module, key: str, tensor: Tensor) -> Role:
    is_flat = sum(size > 1 for size in tensor.shape) < 2
    name, reason = role_of_name(key, module._parameters.keys(), is_flat=is_flat)
    kind = type(module).__name__
    if name == "weight" and tensor.numel() == 1:
        return Role("scale", f"single number of {kind}")
    return Role(name, reason.format(kind))


def _contained_role(
    module: nn.Module, key: str, tensor: Tensor, prefix: str, above: list[nn.Module]
) -> tuple[Role, nn.Module]:
    """The role of an entry of a ParameterList or ParameterDict: by its own name, or else by that of the container."""
    own = _plain_role(module, key, tensor, prefix)
    if own.name != "weight" or not above:
        return own, module
    path, _, attribute = prefix.rstrip(".").rpartition(".")
    owner = above[-1]
    if isinstance(owner, _CONTAINERS):
        return _contained_role(owner, attribute, tensor, f"{path}.", above[:-1])
    return _plain_role(owner, attribute, tensor, f"{path}." if path else ""), owner


def _looks_like_a_norm(module: nn.Module) -> bool:
    """A class that is called a norm, or keeps an epsilon, and owns nothing but a gain and a bias of one axis."""
    own = {key: tensor for key, tensor in module._parameters.items() if tensor is not None}
    if not own or isinstance(module, (*_MIXERS, *_EMBEDDINGS)) or not own.keys() <= _NORM_NAMES:
        return False
    if any(sum(size > 1 for size in tensor.shape) > 1 for tensor in own.values()):
        return False
    return bool(_NORM_CLASS.search(type(module).__name__)) or any(hasattr(module, e) for e in _EPSILONS)
