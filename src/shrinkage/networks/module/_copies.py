"""Copies of modules and of batches, what a module keeps in attributes, and whether two of these are equal."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from shrinkage.networks.module._trees import leaves, map_tree

__all__ = ["are_far", "are_same", "clones", "copy_modules", "kept_attributes", "versions"]

KEPT = {torch.float64: 1e-10, torch.float32: 1e-5}
"""The largest difference, relative to the largest number of the tensor; half precisions get a hundredth."""


def copy_modules(modules: list[nn.Module]) -> list[nn.Module]:
    """Deep copies of modules, also of those that hold a computed tensor, as the old `weight_norm` does."""
    memo: dict[int, Any] = {}
    for module in modules:
        for part in module.modules():
            for value in vars(part).values():
                if isinstance(value, Tensor) and value.grad_fn is not None:
                    memo[id(value)] = value.detach().clone()
    with torch.enable_grad():  # a ScriptModule's copy would lose requires_grad without
        return copy.deepcopy(modules, memo)


def kept_attributes(module: nn.Module) -> dict[str, Any]:
    """Numbers, tensors and collections that a module and its parts hold as plain attributes, as they are now."""
    return {
        f"{prefix}.{key}".lstrip("."): value.detach().clone()
        if isinstance(value, Tensor)
        else copy.copy(value)
        for prefix, part in module.named_modules()
        for key, value in vars(part).items()
        if isinstance(value, Tensor | int | float | list | dict | set) and key[0] != "_" and key != "training"
    }


def versions(tree: Any) -> list[int]:
    """How often each tensor of a batch was written into."""
    return [leaf._version for leaf in leaves(tree)]


def clones(tree: Any) -> Any:
    """A batch of its own for one module."""
    return map_tree(lambda tensor: tensor.clone(), tree)


def are_far(a: Tensor, b: Tensor, largest: float = 0.0, slack: float = 1.0) -> bool:
    """Whether two tensors differ by more than rounding, relative to the largest number."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return True
    if not (a.is_floating_point() or a.is_complex()):
        return not torch.equal(a, b)
    if not a.numel():
        return False
    a, b = a.detach(), b.detach()
    scale = max(float(b.abs().max()), largest)
    return not float((a - b).abs().max()) <= slack * KEPT.get(a.dtype, 1e-2) * scale + 1e-300


def are_same(a: Any, b: Any) -> bool:
    """Whether two states are equal: of generators, or of what a module keeps."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return a.shape == b.shape and torch.equal(a, b)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(are_same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(are_same(value, b[key]) for key, value in a.items())
    return bool((a == b) if not hasattr(a, "all") else (a == b).all())
