"""The λs of a path: 0 and a logarithmic grid, and its extension when the best λ lies on the edge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shrinkage._errors import RequestError, called, shown

__all__ = ["checked_lambdas", "default_lambdas", "extension"]

ADDED = 4
"""λs that one extension adds."""
WIDEST_RATIO = 10.0
"""Of two neighbours that an extension adds, whatever the grid's own ratio."""


def default_lambdas(n: int = 20) -> NDArray[np.float64]:
    """λ = 0 and n − 1 values from 1e-6 to 1, evenly spaced in log λ.

    0 belongs on the grid: on a good part of real tables the best decay is none. For standardized inputs and a loss
    of order 1, λ = 1 is a prior as strong as the data.
    """
    return np.concatenate([[0.0], np.logspace(-6, 0, n - 1)]) if n > 1 else np.zeros(1)


def checked_lambdas(lambdas: ArrayLike | str | int) -> NDArray[np.float64]:
    """`lambdas=` as an ascending array without repeats: `auto`, a number of λs, or the λs themselves."""
    if isinstance(lambdas, str):
        if lambdas != "auto":
            raise RequestError(
                f"{called('lambdas')}: must be 'auto', a count or a list of λs, got {shown(lambdas)}."
            )
        return default_lambdas()
    if isinstance(lambdas, int | np.integer):
        if lambdas < 1:
            raise RequestError(f"{called('lambdas')}: a count of λs must be >= 1, got {lambdas}.")
        return default_lambdas(int(lambdas))
    try:
        values = np.unique(np.asarray(lambdas, dtype=np.float64))
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all() or values[0] < 0:
        raise RequestError(
            f"{called('lambdas')}: must be 'auto', a count or at least one λ; every λ must be >= 0 and finite, got "
            f"{shown(lambdas)}."
        )
    return values


def extension(lambdas: Sequence[float] | NDArray[np.float64], index: int) -> NDArray[np.float64]:
    """New λs beyond the edge on which `index` lies, in the grid's own ratio, 10 at most; empty when it lies inside.

    λ = 0 is the end of the axis, so a best λ of 0, or the smallest positive one beside 0, is inside. A grid of one λ
    has no edge: there was nothing to choose.
    """
    positive = np.asarray([lam for lam in lambdas if lam > 0])
    if len(lambdas) < 2 or not len(positive):
        return np.empty(0)
    steps = np.arange(1, ADDED + 1)
    last, first = (
        (positive[-1] / positive[-2], positive[1] / positive[0]) if len(positive) > 1 else (np.inf, np.inf)
    )
    if index == len(lambdas) - 1:
        return positive[-1] * min(last, WIDEST_RATIO) ** steps
    if index == 0 and lambdas[0] > 0:
        return np.sort(positive[0] / min(first, WIDEST_RATIO) ** steps)
    return np.empty(0)
