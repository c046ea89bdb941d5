"""What torch has no single operation for, as compiled loops over tensors of the CPU."""

from __future__ import annotations

import ctypes
from ctypes import c_double, c_int64, c_void_p
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from shrinkage._compiled import engine_choice, library

__all__ = ["compiled_cautious_ahead_"]

SOURCE = Path(__file__).parent / "kernels" / "cautious.c"
_NAMES = {torch.float32: "cautious_f32", torch.float64: "cautious_f64"}


def compiled_cautious_ahead_(
    w: Tensor, grad: Tensor, weight: float, buffer: Tensor | None, keep: float
) -> bool:
    """`w ← keep·w` where `(buffer + weight·grad)·w ≥ 0`, in place, in as many threads as torch uses.

    All are contiguous and of one dtype and device, no buffer is 0. False where it can't be done here: nothing has
    changed then.
    """
    if w.device.type != "cpu" or w.dtype not in _NAMES or (kernels := _kernels(engine_choice())) is None:
        return False
    kernel = getattr(kernels, _NAMES[w.dtype])
    places = [None if x is None else x.data_ptr() for x in (w, grad, buffer)]
    kernel(w.numel(), torch.get_num_threads(), *places, weight, keep)
    return True


@cache
def _kernels(choice: str) -> ctypes.CDLL | None:
    built = library(SOURCE, openmp=True)
    if built is not None:
        for name in _NAMES.values():
            kernel = getattr(built, name)
            kernel.argtypes = [c_int64, c_int64, *[c_void_p] * 3, c_double, c_double]
            kernel.restype = None
    return built
