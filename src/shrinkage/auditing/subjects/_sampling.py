"""A bounded part of a tensor: every k-th row, column, … of it, chosen by its shape alone.

A sub-grid rather than scattered elements: it keeps the number of dimensions, so an optimizer that works on
matrices, rows or whole tensors still does; and tensors of one shape (a weight and its moments) stay aligned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

__all__ = ["grid", "grid_like", "local", "sample"]


def grid(shape: Sequence[int], limit: int) -> tuple[slice, ...]:
    """The slices of a sub-grid with at most `limit` elements, the longest dimensions thinned first."""
    kept = list(shape)
    while math.prod(kept) > max(limit, 1):
        longest = max(range(len(kept)), key=kept.__getitem__)
        kept[longest] = (kept[longest] + 1) // 2
    return tuple(
        slice(0, k * (n // k), n // k) if k else slice(None) for n, k in zip(shape, kept, strict=True)
    )


def grid_like(shape: Sequence[int], parameter: Sequence[int], limit: int) -> tuple[slice, ...] | None:
    """The slices for a tensor of the optimizer's state that belongs to `parameter`; None where they do not align.

    Each dimension must be 1 or a dimension of the parameter, in their order: so do factored moments.
    """
    remaining = list(zip(parameter, grid(parameter, limit), strict=True))
    slices = []
    for size in shape:
        if size == 1:
            slices.append(slice(None))
            continue
        while remaining and remaining[0][0] != size:
            remaining.pop(0)
        if not remaining:
            return None
        slices.append(remaining.pop(0)[1])
    return tuple(slices)


def sample(tensor: Tensor, limit: int) -> Tensor:
    """A copy of at most `limit` elements of the tensor, or of this process's part of a distributed one."""
    part = local(tensor.detach())
    return part[grid(part.shape, limit)].clone()


def local(tensor: Tensor) -> Tensor:
    """The part of a distributed tensor that this process holds; any other tensor itself."""
    to_local = getattr(tensor, "to_local", None)
    return to_local() if to_local is not None else tensor
