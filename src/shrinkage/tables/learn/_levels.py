"""Which levels of a category have an input of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["levels_of", "most_levels"]

Floats = NDArray[np.float64]

RAREST = 0.001
"""A level of a category with a smaller share of the training rows has no input of its own."""
FEWEST, MOST, CELLS = 50, 500, 2_000_000
"""An input per level costs time and memory in proportion to rows × levels. With 142 levels of five rows each, inputs for
50 of them alone gave one and a half times the error (docs/generalization.md)."""


def most_levels(rows: int) -> int:
    """How many levels of a category have an input of their own in a table of so many rows, where nobody says."""
    return max(FEWEST, min(MOST, CELLS // max(rows, 1)))


def levels_of(texts: NDArray[np.object_], weights: Floats, most: int) -> tuple[tuple[str, ...], int]:
    """The levels with an input of their own, heaviest first (then by name), and the number of the others."""
    places, different = pd.factorize(texts)
    totals = np.bincount(places[places >= 0], weights=weights[places >= 0], minlength=len(different))
    ordered = sorted(zip(totals, different, strict=True), key=lambda pair: (-pair[0], pair[1]))
    kept = [level for total, level in ordered[:most] if total >= RAREST * weights.sum()]
    return tuple(kept), len(ordered) - len(kept)
