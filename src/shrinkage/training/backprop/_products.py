"""Which routine multiplies the matrices of a block: the widest of this machine that keeps float32.

torch multiplies float32 matrices with MKL, which uses half the width of some processors (measured on a Zen 5: 92
billion operations a second on one core, and 200 with oneDNN). torch carries oneDNN too, but hands it float32 products
only under the permission to round them to bfloat16. Whether they are then rounded is measured here, shape by shape,
and not believed: where they are, as on processors with bfloat16 tiles, the permission is not given.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from itertools import product

import torch
from torch import Tensor

from shrinkage.networks import Layout, PerceptronLayout
from shrinkage.training._machine import EXACT, ROUNDING, rounding_permission

__all__ = ["permission_for"]

WORTHWHILE = 1 << 19
"""Multiplications of one network's widest product above which oneDNN's cost a call is small."""
KEPT = 1e-5
"""The largest error, relative to the largest number, of a product that keeps float32; bfloat16's is above 1e-4."""


def permission_for(
    layout: Layout,
    batches: Collection[int],
    scored: Collection[int],
    dtype: torch.dtype,
    device: torch.device,
) -> str:
    """What to permit: rounding, where it makes products faster and no less exact.

    Args:
        layout: the network.
        batches: the numbers of rows that its batches have.
        scored: the numbers of rows that are scored at a time.
        dtype, device: where it is trained.
    """
    if dtype != torch.float32 or device.type != "cpu" or not isinstance(layout, PerceptronLayout):
        return EXACT
    shapes = layout.padded(dtype).shapes
    if max(batches) * max(fan_in * fan_out for fan_in, fan_out in shapes) < WORTHWHILE:
        return EXACT
    sizes: set[tuple[int, int, int]] = set()
    for I, O in shapes:  # noqa: E741
        sizes |= {(rows, I, O) for rows in (*batches, *scored)}
        sizes |= {each for rows in batches for each in ((I, rows, O), (rows, O, I))}
    return ROUNDING if all(_keeps_float32(*each) for each in sorted(sizes)) else EXACT


@lru_cache(maxsize=256)
def _keeps_float32(B: int, I: int, O: int) -> bool:  # noqa: E741
    """Whether products of (B, I) and (I, O), each lying either way, keep float32 when bfloat16 is permitted."""
    g = torch.Generator().manual_seed(0)
    a, W = torch.randn(1, B, I, generator=g).expand(2, B, I), torch.randn(2, I, O, generator=g)
    exact = torch.bmm(a.double(), W.double())
    b = W.new_zeros(2, 1, O)
    with rounding_permission(ROUNDING):
        products = [torch.bmm(x, y) for x, y in product((a, _column_major(a)), (W, _column_major(W)))]
        products.append(torch.baddbmm(b, a, W))
    return all(float((p - exact).abs().max()) <= KEPT * float(exact.abs().max()) for p in products)


def _column_major(x: Tensor) -> Tensor:
    """The same matrices with their columns one after another in memory."""
    return x.mT.contiguous().mT
