"""How fast this machine multiplies float32 matrices: the limit that a path is held against, measured in the same run."""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

import torch

__all__ = ["product_rates"]

_mkldnn: Any = torch.backends.mkldnn  # a module class missing from the annotations


def product_rates(
    threads: int = os.cpu_count() or 1, *, side: int = 2048, times: int = 7
) -> dict[str, float]:
    """10⁹ floating-point operations a second of a side³ float32 product, median of `times`, by each routine of torch.

    "torch.mm" is what torch does when asked for nothing; "widest" the faster of that and oneDNN's routine, where the
    latter keeps float32 on this machine.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    a, b = (torch.randn(side, side, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    exact = a[:64].double() @ b.double()
    default, permitted = _mkldnn.matmul.fp32_precision, "bf16"
    try:
        rates = {"torch.mm": _rate(a, b, times)}
        _mkldnn.matmul.fp32_precision = permitted
        kept = float(((a @ b)[:64] - exact).abs().max() / exact.abs().max()) < 1e-5
        rates["widest"] = max(rates["torch.mm"], _rate(a, b, times) if kept else 0.0)
    finally:
        _mkldnn.matmul.fp32_precision = default
        torch.set_num_threads(before)
    return rates


def _rate(a: torch.Tensor, b: torch.Tensor, times: int) -> float:
    out, seconds = a @ b, []
    for _ in range(times):
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        seconds.append(time.perf_counter() - start)
    return 2 * len(a) ** 3 / statistics.median(seconds) / 1e9
