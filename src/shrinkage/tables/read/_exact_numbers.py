"""Numbers whose text says more than a float64 holds: codes with leading zeros, long integers, versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from shrinkage._errors import shown

__all__ = ["EXACT", "FEW_VERSIONS", "FLOAT32_MAX", "is_versions", "loses", "version_among"]

EXACT = 2**53
"""From here on a float64, and so a network, cannot tell neighbouring integers apart."""

FLOAT32_MAX = float(np.finfo(np.float32).max)
"""The largest number of the network's arithmetic, 3.4e38."""

FEW_VERSIONS = 50
"""More different numbers than these are no versions."""

_LOSSY = re.compile(r"[+-]?(0\d|\d{16,}$)")
_VERSION = re.compile(r"v?\d{1,4}(?:\.\d{1,5}){2,4}(?:[-+.]?[a-z][\w.+-]{0,12})?", re.IGNORECASE)
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_POINT = re.compile(r"\d+\.(\d+)")


def is_versions(texts: Sequence[str], total: int) -> bool:
    """Whether zeros at the end tell numbers apart: 3.1 and 3.10, where a measurement has as many digits everywhere.

    Args:
        texts: the different cells.
        total: in how many rows they stand.
    """
    if len(texts) > FEW_VERSIONS or 2 * len(texts) > total:
        return False
    ends = [found[1] for text in texts if (found := _POINT.fullmatch(text))]
    padded = [end for end in ends if len(end) > 1 and end.endswith("0")]
    return any(len(end) < len(zero) for zero in padded for end in ends)


def version_among(texts: Sequence[str], total: int) -> str:
    """A version such as 1.10.2 or 3.10, if the texts of a column are versions; '' if they are not.

    Args:
        texts: the different cells.
        total: in how many rows they stand.
    """
    long = [text for text in texts if _VERSION.fullmatch(text) and not _ADDRESS.fullmatch(text)]
    if long and 2 * len(long) >= len(texts):
        return long[0]
    if is_versions(texts, total):
        return next(text for text in texts if (found := _POINT.fullmatch(text)) and found[1].endswith("0"))
    return ""


def loses(text: Iterable[str]) -> str:
    """Why a column of numbers must stay text, or '': leading zeros and integers beyond 2^53 would be lost."""
    for cell in filter(_LOSSY.match, text):
        if cell.lstrip("+-").startswith("0"):
            return f"leading zeros, as in {shown(cell)}, would be lost"
        if abs(int(cell)) >= EXACT:
            return f"integers such as {shown(cell)} are beyond 2^53, where neighbours become equal"
    return ""
