"""Numbers centred by their median, scaled by quantiles and bounded smoothly; levels at 0 and 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shrinkage.tables.forms._form import Floats, register
from shrinkage.tables.forms._quantiles import quantiles

__all__ = ["BOUND", "Bounded", "levels_of"]

BOUND = 3.0
"""Inputs stay within ± this many robust standard deviations."""
_SCALES = ((0.25, 0.75, 1.349), (0.05, 0.95, 3.290))
"""Pairs of quantiles, and their distance in standard deviations of a normal distribution, tried in turn."""


@register("bounded")
@dataclass(frozen=True, eq=False)
class Bounded:
    """x ↦ z/√(1 + (z/3)²) with z = (x − median)/scale, within ±3; a column of two values ↦ 0 and 1.

    The scale is that of the middle half of the rows; where this is 0, of the middle nine tenths; then the standard
    deviation. A rare level stays at 1 instead of many standard deviations, and far values keep their order.

    References: Holzmüller, Grinsztajn and Steinwart, NeurIPS 2024 (robust scaling and smooth clipping).
    """

    standardize = False
    pieces = ()

    centre: Floats
    """(D,)"""
    scale: Floats
    """(D,), > 0"""
    is_level: Floats
    """(D,) 1 for a column of at most two values in the training rows, else 0."""

    @classmethod
    def fit(cls, X: NDArray[Any], weight: Floats | None) -> Self:
        seen = X if weight is None else X[weight > 0]
        x = seen.astype(np.float64)
        weight = None if weight is None else weight[weight > 0]
        low, high, level = x.min(axis=0), x.max(axis=0), levels_of(x)
        shares = sorted({0.5, *(share for pair in _SCALES for share in pair[:2])})
        at = dict(zip(shares, quantiles(x, shares, weight), strict=True))
        scale = np.zeros(x.shape[1])
        for lower, upper, distance in _SCALES:
            scale = np.where(scale > 0, scale, (at[upper] - at[lower]) / distance)
        spread = np.sqrt(np.average((x - np.average(x, axis=0, weights=weight)) ** 2, axis=0, weights=weight))
        # In a nearly constant column, the rounding of the mean is not spread.
        scale = np.where(scale > 1e-12 * np.abs(at[0.5]), scale, spread)
        centre, scale = np.where(level, low, at[0.5]), np.where(level, high - low, scale)
        return cls(centre, np.where(scale > 0, scale, 1.0), level.astype(np.float64))

    def __call__(self, X: NDArray[Any]) -> NDArray[Any]:
        with np.errstate(over="ignore", invalid="ignore"):
            z = (X.astype(np.float64) - self.centre) / self.scale
            smooth = np.where(np.isinf(z), np.copysign(BOUND, z), BOUND * z / np.hypot(BOUND, z))
        bounded = np.where(self.is_level > 0, np.clip(z, -1, 2), np.clip(smooth, -BOUND, BOUND))
        return bounded.astype(X.dtype if X.dtype.kind == "f" else np.float64)

    def names(self, columns: list[str]) -> list[str]:
        return columns

    def arrays(self) -> dict[str, Floats]:
        return asdict(self)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        return cls(**{name: np.asarray(arrays[name], np.float64) for name in cls.__dataclass_fields__})


def levels_of(x: Floats) -> NDArray[np.bool_]:
    """(D,) which columns hold at most two different values: those made of levels, gaps and truth values."""
    low, high = x.min(axis=0), x.max(axis=0)
    return np.asarray(((x == low) | (x == high)).all(axis=0))
