"""The targets of a fit: what the networks learn, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

__all__ = ["Targets", "target_names"]


@dataclass(frozen=True)
class Targets:
    """The targets as the networks learn them."""

    Y: NDArray[Any]
    """(N, C)"""
    loss: str


def target_names(given: Any, y: NDArray[Any]) -> tuple[str, ...]:
    """What the targets are called: the names of a frame's columns or of a series, else `target`."""
    if hasattr(given, "columns"):
        return tuple(str(name) for name in given.columns)
    if getattr(given, "name", None) is not None:
        return (str(given.name),)
    count = y.shape[1] if y.ndim == 2 else 1
    return ("target",) if count == 1 else tuple(f"target {j + 1}" for j in range(count))
