"""Decay that a floating-point format cannot show in one step is kept, and applied when it can.

A factor `1 − s` rounds to 1 in float32 for s < 2⁻²⁵, and `w·(1 − s)` rounds back to w in bfloat16 for s up to 2⁻⁸.
What is owed is kept as a float64 logarithm a parameter. It is paid in parts of some ulps; their size varies along a
golden-ratio sequence, so that the rounding of the products averages out instead of adding up.
"""

from __future__ import annotations

import math
from ctypes import c_float
from dataclasses import dataclass

import torch
from torch import Tensor

from shrinkage.attachment._host import refuse_in_a_graph

__all__ = ["Debt", "fits"]

_GOLDEN = (math.sqrt(5) - 1) / 2
_EXACT_FROM = 64
"""A shrink of this many ulps is right within 1 % when applied at once."""


def fits(shrink: float, dtype: torch.dtype) -> bool:
    """True when `w·(1 − shrink)` is right within 1 % of the shrink in `dtype`, or there is none."""
    return shrink == 0 or shrink >= _EXACT_FROM * _ulp(dtype)


@dataclass
class Debt:
    """Decay of one parameter that is still to be applied."""

    owed: float = 0.0
    """−log of the factor still to be applied."""
    paid: int = 0
    """Number of parts that have been applied."""

    def shrink_(self, w: Tensor, shrink: float) -> None:
        """Owe `shrink` more, and take off what the format of `w` can show."""
        part = self.due(shrink, w.dtype)
        if part:
            w.mul_(1 - part)

    def due(self, shrink: float, dtype: torch.dtype) -> float:
        """Owe `shrink` more; the fraction to take off now so that it shows, 0 if it is to wait."""
        refuse_in_a_graph(
            "attach(…)",
            "the weights' format rounds the decay away, and the remainder is kept as a number on the host",
            "Give the strength as a tensor on the GPU: the remainder is then kept per weight, inside the "
            "graph.",
        )
        if shrink >= 1:
            self.owed = 0.0
            return 1.0
        self.owed -= math.log1p(-shrink)
        part = self._part(dtype)
        if self.owed < part / 2:
            return 0.0
        # As the multiplication will see it: torch computes bfloat16 and float16 in float32.
        factor = c_float(math.exp(-max(part, self.owed))).value
        self.owed += math.log(factor)
        self.paid += 1
        return 1 - factor

    def _part(self, dtype: torch.dtype) -> float:
        ulp = _ulp(dtype)
        least = 16 * ulp if ulp < 2**-20 else ulp
        return least * (1 + self.paid * _GOLDEN % 1)


def _ulp(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).eps if dtype not in (torch.float64, torch.complex128) else 0.0
