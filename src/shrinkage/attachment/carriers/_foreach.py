"""One call for many tensors: torch's own optimizers are built on these, and bit for bit they equal the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from shrinkage.attachment.carriers._kernels import compiled_cautious_ahead_

__all__ = ["cautious_", "cautious_ahead_", "copy_", "scale_", "sums"]

_PIECE = 65_536
"""Weights at a time, so that what is between the operations stays in a core's cache."""
_PIECE_AHEAD = 4 * _PIECE
"""The same where four tensors are streamed: there what a call costs weighs more (measured from 2¹³ to 2²⁰)."""

_torch: Any = torch  # the functions are documented, but not in torch's list of public names
_keep_where = torch.ops.aten.leaky_relu_backward.grad_input


def scale_(tensors: Sequence[Tensor], factor: float | Tensor) -> None:
    """`w ← factor·w`, in place; sharded tensors apart from the others, as torch asks."""
    for part in _alike(tensors):
        _torch._foreach_mul_([tensors[i] for i in part], factor)


def sums(left: Sequence[Tensor], right: Sequence[Tensor], alpha: float) -> list[Tensor]:
    """`left + alpha·right`, as new tensors; sharded tensors apart from the others."""
    parts = _alike(left)
    if len(parts) == 1:
        return _torch._foreach_add(left, right, alpha=alpha)
    out: dict[int, Tensor] = {}
    for part in parts:
        made = _torch._foreach_add([left[i] for i in part], [right[i] for i in part], alpha=alpha)
        out |= dict(zip(part, made, strict=True))
    return [out[i] for i in range(len(left))]


def _alike(tensors: Sequence[Tensor]) -> list[list[int]]:
    """The positions of plain tensors, and those of tensors that are spread over a mesh."""
    spread = [hasattr(t, "device_mesh") for t in tensors]
    parts = ([i for i, s in enumerate(spread) if s is kind] for kind in (False, True))
    return [part for part in parts if part]


def copy_(targets: Sequence[Tensor], sources: Sequence[Tensor]) -> None:
    """`target ← source`, in place; sharded tensors one by one, as torch asks."""
    if all(type(source) in (Tensor, nn.Parameter) for source in sources):
        _torch._foreach_copy_(targets, sources)
    else:
        for target, source in zip(targets, sources, strict=True):
            target.copy_(source)


def cautious_(w: Tensor, previous: Tensor, shrink: float) -> None:
    """`w ← w − shrink·previous` where `(previous − w)·previous ≥ 0`, in place; both contiguous.

    The condition is `w/previous ≤ 1`, which takes one operation less; where `previous` is 0 there is nothing to take
    off. Piece by piece on a CPU, where the traffic between cache and memory is what costs; whole on a GPU.
    """
    size = _PIECE if w.device.type == "cpu" else w.numel()
    mask = torch.empty(min(size, w.numel()), dtype=w.dtype, device=w.device)
    for new, old in zip(w.view(-1).split(size), previous.view(-1).split(size), strict=True):
        agrees = mask[: new.numel()]
        torch.div(new, old, out=agrees).le_(1)
        new.addcmul_(old, agrees, value=-shrink)


def cautious_ahead_(
    w: Tensor,
    grad: Tensor,
    weight: float,
    buffer: Tensor | None,
    shrink: float,
    scratch: Tensor | None = None,
) -> Tensor | None:
    """`w ← w − shrink·w` where `(buffer + weight·grad)·w ≥ 0`, in place; all contiguous, no buffer is 0.

    One compiled pass where that can be had; else piece by piece on a CPU, whole on a GPU. Returns the scratch, for the
    next tensor of the same kind.

    The derivative of the leaky ReLU is the one operation of torch's that multiplies by a number where another tensor
    is not above 0 and leaves the rest alone, so that mask and pull are one pass.
    """
    if compiled_cautious_ahead_(w, grad, weight, buffer, 1 - shrink):
        return scratch
    size = min(w.numel(), _PIECE_AHEAD if w.device.type == "cpu" else w.numel())
    if scratch is None or scratch.numel() < size or scratch.dtype != w.dtype or scratch.device != w.device:
        scratch = torch.empty(size, dtype=w.dtype, device=w.device)
    zero, keep = torch.zeros((), dtype=w.dtype, device=w.device), 1 - shrink
    pieces = [x.view(-1).split(size) for x in (w, grad, grad if buffer is None else buffer)]
    for weights, newest, before in zip(*pieces, strict=True):
        against = scratch[: weights.numel()]
        if buffer is None:
            torch.addcmul(zero, weights, newest, value=-1 if weight > 0 else 1, out=against)
        else:
            torch.add(before, newest, alpha=weight, out=against)
            torch.addcmul(zero, weights, against, value=-1, out=against)
        _keep_where(weights, against, keep, False, grad_input=weights)
    return scratch
