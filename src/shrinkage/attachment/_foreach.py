"""One call for many tensors: torch's own optimizers are built on these, and bit for bit they equal the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["scale_", "sums"]

_torch: Any = torch  # the functions are documented, but not in torch's list of public names


def scale_(tensors: Sequence[Tensor], factor: float | Tensor) -> None:
    """`w ← factor·w`, in place."""
    _torch._foreach_mul_(tensors, factor)


def sums(left: Sequence[Tensor], right: Sequence[Tensor], alpha: float) -> list[Tensor]:
    """`left + alpha·right`, as new tensors."""
    return _torch._foreach_add(left, right, alpha=alpha)
