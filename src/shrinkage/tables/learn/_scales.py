"""Numbers before they are standardized: where they lie, by rows that weigh differently."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["offset_of", "weighted_median"]

Floats = NDArray[np.float64]

FAR = 1000.0
"""A number whose median is so many standard deviations from 0 is shifted, or float32 would cut its digits."""


def offset_of(values: Floats, weights: Floats) -> float:
    """Offset subtracted from the numbers: their median if they are far from 0, else 0."""
    present = np.isfinite(values)
    center = weighted_median(values, weights)
    mean = np.average(values[present], weights=weights[present])
    with np.errstate(over="ignore"):
        spread = np.sqrt(np.average((values[present] - mean) ** 2, weights=weights[present]))
    return center if abs(center) > FAR * spread else 0.0


def weighted_median(values: Floats, weights: Floats) -> float:
    """The median of the values repeated as often as their weights say, NaN left out."""
    present = ~np.isnan(values)
    order = np.argsort(values[present], kind="stable")
    ordered, heaped = values[present][order], np.cumsum(weights[present][order])
    half = heaped[-1] / 2
    low = ordered[np.searchsorted(heaped, half, side="left")]
    high = ordered[min(np.searchsorted(heaped, half, side="right"), len(ordered) - 1)]
    return float(low / 2 + high / 2)
