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

_NORM_CLASS = re.compile(r"Norm(?![a-z])|GRN$|^(DyT|DynamicTanh)$")
_NORM_NAMES = {"weight", "bias", "scale", "shift", "gain", "alpha", "gamma", "beta", "g", "b", "a_2", "b_2"}
_SHIFTS = {"beta", "b", "shift", "b_2"}
_EPSILONS = ("eps", "epsilon", "variance_epsilon", "layer_norm_epsilon")
_BIAS = re.compile(r"(^|_)bias(es)?($|_)")
_SCALE = re.compile(
    r"^(logit_?scale|temperature|a_log|.*_?magnitude(_vector)?|(layer_?|res_?)?scales?(_\w+)?|\w+_scales?"
    r"|(\w+_)?(gain|gamma|alpha|beta|lambda)s?(_?\d+)?|ls_?\d*|ia3_l|vera_lambda_[bd]|boft_s"
    r"|s_?(qk|u|v|uv|z)|skip_weights"  # nGPT, modded-nanogpt
    r"|time_(decay|first|faaaa|mix|maa)(_\w+)?|x_[rwkvag]|k_[ka]|r_k"  # RWKV 4 to 7
    r"|recurrent_param|gru_rel_pos_const|grep_a)$"  # RG-LRU, WavLM, BEATs
)
_SINK = re.compile(r"^(\w+_)?sinks?$")
_MAGNITUDE = re.compile(r"(^|\.)(\w+_)?magnitude_vector\.")
_POSITION = r"(abs_|rel_|relative_|absolute_)?pos(ition)?(al)?s?"
_TOKEN = re.compile(
    rf"^(\w*_)?(cls|class|dist|distillation|mask|masked_spec|reg|register|storage|prompt|query|level|seg|segment)"
    rf"_?(tokens?|emb(ed(ding)?s?)?)_?\d*$"
    rf"|^(\w*_)?{_POSITION}(_?(emb(ed(ding)?s?)?|enc|encodings?|bias(es)?|tokens?)(_table)?|_[hw]|)$"
    rf"|^w[pt]?pe$|^(null|uncond)_(\w+_)?(token|emb(ed(ding)?)?)s?$|^image_newline$"
)
_LEARNED_QUERY = re.compile(r"^(latents?|probe|\w+_tokens?|\w+_queries)$")


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
    is_bias = bool(_BIAS.search(key))
    if _MAGNITUDE.search(prefix):
        return Role("scale", "magnitude of DoRA, by its name")
    if isinstance(module, _NORMS) or _looks_like_a_norm(module):
        return Role("norm", f"{'bias' if is_bias or key in _SHIFTS else 'gain'} of {kind}")
    if isinstance(module, _EMBEDDINGS) or (kind.endswith("Embedding") and key == "weight"):
        place = prefix.rstrip(".").rpartition(".")[2]
        if _TOKEN.match(place.lower()):
            return Role("token", f"{kind} of positions, by its name {place!r}")
        return Role("embedding", f"table of {kind}")
    if isinstance(module, _MIXERS):
        return Role("bias", f"bias of {kind}") if is_bias else Role("weight", f"weight of {kind}")
    if isinstance(module, nn.PReLU):
        return Role("scale", "slope of PReLU")
    return _role_by_name(module, key, tensor, is_bias=is_bias)


def _role_by_name(module: nn.Module, key: str, tensor: Tensor, *, is_bias: bool) -> Role:
    kind, lower = type(module).__name__, key.lower()
    if _TOKEN.match(lower):
        return Role("token", f"position or class token of {kind}, by its name")
    if _LEARNED_QUERY.match(lower):
        return Role("token", f"learned query of {kind}, by its name")
    if _SINK.match(lower):
        return Role("bias", f"attention sink of {kind}, by its name")
    if is_bias or (lower == "beta" and {"alpha", "gamma"} & module._parameters.keys()):
        return Role("bias", f"bias of {kind}, by its name")
    if _SCALE.match(lower) or (key == "D" and "A_log" in module._parameters):
        return Role("scale", f"scale of {kind}, by its name")
    if tensor.ndim == 0:
        return Role("scale", f"single number of {kind}")
    return Role("weight", f"parameter of {kind}")


def _looks_like_a_norm(module: nn.Module) -> bool:
    """A class that is called a norm, or keeps an epsilon, and owns nothing but a gain and a bias of one axis."""
    own = {key: tensor for key, tensor in module._parameters.items() if tensor is not None}
    if not own or isinstance(module, (*_MIXERS, *_EMBEDDINGS)) or not own.keys() <= _NORM_NAMES:
        return False
    if any(sum(size > 1 for size in tensor.shape) > 1 for tensor in own.values()):
        return False
    return bool(_NORM_CLASS.search(type(module).__name__)) or any(hasattr(module, e) for e in _EPSILONS)
