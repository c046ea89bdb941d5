"""Quantiles of weighted rows, such that a row of weight 2 counts as the row twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["quantiles"]


def quantiles(
    x: NDArray[np.float64], at: Sequence[float], weight: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """(Q, D) the quantiles of each column of x (n, D): the smallest value at which the share of weight is reached.

    Args:
        x: the rows.
        at: Q shares from 0 to 1.
        weight: (n,) of the rows, or None for equal ones.

    Reference: Hyndman and Fan, The American Statistician 1996, definition 1.
    """
    if weight is None:
        return np.asarray(np.quantile(x, at, axis=0, method="inverted_cdf"))
    each = [np.quantile(column, at, method="inverted_cdf", weights=weight) for column in x.T]
    return np.stack(each, axis=1) if each else np.empty((len(at), 0))
