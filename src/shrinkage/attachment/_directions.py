"""Which way an optimizer is about to move each weight, where its state and the gradient tell before the step."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import dropwhile
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from shrinkage.attachment._host import readable

__all__ = ["Direction", "direction_of", "gradients_are_final"]

_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.complex64, torch.complex128)
"""Whose products of a weight and a momentum do not underflow, as float16's do."""


@dataclass(frozen=True)
class Direction:
    """The update `w_old − w_new` of every weight has the sign of `buffer + weight·grad`, and is 0 where that is."""

    grad: Tensor
    weight: float
    """Weight of the gradient relative to the buffer; without a buffer only its sign matters."""
    buffer: Tensor | None
    """The momentum that the optimizer keeps; None: it has none, or this is its first step."""


def direction_of(
    optimizer: Optimizer, group: dict[str, Any], param: Tensor, grad_factor: float
) -> Direction | None:
    """The direction of the step that is about to be made; None where it takes more than this to know.

    Adam divides its first moment by something positive, whatever its variant; SGD moves along its buffer.

    Args:
        optimizer: only torch's own Adam, AdamW and SGD are known.
        group: the parameter group of `param`.
        param: dense and contiguous, as must be its gradient and its momentum.
        grad_factor: what `param.grad` is to be multiplied with for the gradient of what is minimized.
    """
    kind, grad = type(optimizer), param.grad
    if kind not in (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD) or grad is None:
        return None
    if any(isinstance(beta, Tensor) and not readable(beta) for beta in group.get("betas", ())):
        return None
    keep, new = _sgd(group) if kind is torch.optim.SGD else _adam(group)
    state = optimizer.state.get(param, {})
    buffer = state.get("momentum_buffer" if kind is torch.optim.SGD else "exp_avg") if keep else None
    tensors = [param, grad] if buffer is None else [param, grad, buffer]
    if group.get("weight_decay") or not all(_is_ordinary(x, like=param) for x in tensors):
        return None
    return Direction(grad, grad_factor * (new / keep if buffer is not None else 1.0), buffer)


def gradients_are_final(optimizer: Optimizer) -> bool:
    """False where a hook of the user's, which may change the gradients, comes between a rule's and the step."""
    hooks = dropwhile(lambda slot: slot >= 0, optimizer._optimizer_step_pre_hooks)
    return all(slot < 0 for slot in hooks)


def _adam(group: dict[str, Any]) -> tuple[float, float]:
    """`m ← β₁ m + (1 − β₁) g`."""
    beta1 = float(group["betas"][0])
    return beta1, 1 - beta1


def _sgd(group: dict[str, Any]) -> tuple[float, float]:
    """`b ← μ b + (1 − d) g`, and with Nesterov's look ahead, which has no d, the step goes along `g + μ b`."""
    momentum = float(group["momentum"])
    if group["nesterov"]:
        return momentum**2, 1 + momentum
    return momentum, 1 - float(group["dampening"])


def _is_ordinary(x: Tensor, *, like: Tensor) -> bool:
    """True for a plain dense tensor in one piece, of the weights' own format."""
    plain = type(x) in (Tensor, nn.Parameter) and x.layout is torch.strided and x.is_contiguous()
    same = x.dtype == like.dtype and x.device == like.device and x.shape == like.shape
    return plain and same and x.dtype in _DTYPES and not x.is_conj() and not x.is_neg() and x.numel() > 0
