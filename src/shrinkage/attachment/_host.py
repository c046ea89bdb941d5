"""What a step may ask of numbers that are on a GPU: nothing, so that none waits and a CUDA graph can hold the step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from shrinkage._errors import RequestError

__all__ = ["is_captured", "is_nonzero", "is_zero", "number", "readable", "refuse_in_a_graph"]


def readable(x: Tensor) -> bool:
    """True where reading a number of `x` makes no device wait."""
    return x.device.type == "cpu"


def number(value: Any) -> float | Tensor:
    """A number, unless that would make a device wait."""
    return float(value) if not isinstance(value, Tensor) or readable(value) else value


def is_nonzero(value: Any) -> bool:
    """True where `value` is a number that is not 0, or one that cannot be asked."""
    return bool(value) if not isinstance(value, Tensor) or readable(value) else True


def is_zero(value: Any) -> bool:
    """True where `value` is known to be 0."""
    return not is_nonzero(value)


def is_captured() -> bool:
    """True while a CUDA graph records what is done."""
    return torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing()


def refuse_in_a_graph(where: str, what: str, fix: str) -> None:
    """Raise where a graph is being captured and would repeat a number that is kept on the host."""
    if is_captured():
        raise RequestError(
            f"{where}: {what}, but a captured CUDA graph would repeat the same at every replay. {fix}"
        )
