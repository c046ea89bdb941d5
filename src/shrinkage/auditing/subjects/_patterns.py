"""The known weights and gradients of a measurement, and the small offsets whose fate is read off.

Elements come in pairs (2j, 2j+1) of equal weight and equal gradient that are offset in opposite directions. So an
offset changes no norm of the tensor and no inner product with the gradient, to first order: an optimizer that scales
its step by ‖w‖ or ‖g‖ (LAMB, LARS, clipping) answers to it element by element as the others do.

The tensors are kept and handed out again: never change one in place.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["even_rows", "gradient_pattern", "offset_signs", "time_sign", "weight_pattern"]

_GOLDEN = 0.6180339887498949


_MOST_KEPT = 4096
"""Elements of the longest pattern that is kept."""


def _make_once(make: Callable[[int], Tensor]) -> Callable[[int], Tensor]:
    """Makes the same short pattern once."""
    cached = functools.lru_cache(maxsize=256)(make)
    return functools.wraps(make)(lambda n: cached(n) if n <= _MOST_KEPT else make(n))


def weight_pattern(n: int, scale: float) -> Tensor:
    """(n,) float64 weights of both signs, sizes spread over ½…1½ of `scale`."""
    pair = _pairs(n)
    return scale * _sign(pair, 0.7548776662466927) * (0.5 + torch.frac(pair * _GOLDEN))


@_make_once
def gradient_pattern(n: int) -> Tensor:
    """(n,) float64 gradients of both signs, sizes spread over 10⁻³…1, so that an adaptive step shows itself."""
    pair = _pairs(n)
    return _sign(pair, 0.5698402909980532) * 10 ** (-3 * torch.frac(pair * 0.4142135623730951))


@_make_once
def offset_signs(n: int) -> Tensor:
    """(n,) +1 and −1 in turn; the odd one out of an odd number is 0."""
    signs = 1.0 - 2.0 * (torch.arange(n, dtype=torch.float64) % 2)
    if n > 1 and n % 2:
        signs[-1] = 0.0
    return signs


def even_rows(shape: Sequence[int]) -> Tensor:
    """(n,) whether an element lies in a row of even number; false everywhere in a tensor of less than two axes."""
    if len(shape) < 2:
        return torch.zeros(math.prod(shape), dtype=torch.bool)
    rows = torch.arange(shape[0]) % 2 == 0
    return rows.repeat_interleave(math.prod(shape[1:]))


def time_sign(step: int) -> float:
    """The sign of the gradient in a step: irregular, about as often + as −."""
    return 1.0 if int(step * _GOLDEN * 2) % 2 == 0 else -1.0


def _pairs(n: int) -> Tensor:
    return torch.arange(n, dtype=torch.float64).div(2, rounding_mode="floor")


def _sign(pair: Tensor, ratio: float) -> Tensor:
    return torch.where(torch.frac(pair * ratio) < 0.5, 1.0, -1.0).double()
