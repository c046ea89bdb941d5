"""Which levels of a category have an input of their own, and which differ by their spelling alone."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import shown

__all__ = ["alike_levels", "levels_of", "most_levels"]

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


def alike_levels(what: str, cells: Any) -> str:
    """The sentence about texts that differ only by case, white space or Unicode form; empty without any.

    Args:
        what: what holds them, such as `Column 'answer'`.
        cells: (n,) the texts, and whatever else is there.
    """
    counts = pd.Series(np.asarray(cells, dtype=object)).dropna().value_counts()
    groups: dict[str, list[str]] = {}
    for text in counts.index:
        if isinstance(text, str):
            groups.setdefault(_folded(text).casefold(), []).append(text)
    alike = [group for group in groups.values() if len(group) > 1]
    if not alike:
        return ""
    listed = "; ".join(
        " and ".join(f"{shown(text)} in {counts[text]:,}" for text in group[:4]) for group in alike[:3]
    )
    only_case = all(len({text.casefold() for text in group}) == 1 for group in alike)
    how = "case" if only_case else "white space or case"
    more = f" and {len(alike) - 3} more" if len(alike) > 3 else ""
    return (
        f"{what} has {listed} rows{more}, which differ only by {how}: write them alike if they mean the same."
    )


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())
