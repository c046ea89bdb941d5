"""Intervals and sets that hold the truth for a given share of rows, whatever the network: CV+.

With Rᵢ = |yᵢ − μ₋ₖ₍ᵢ₎(xᵢ)| of row i by the networks of the fold that held it out, the interval at x is

    [ the ⌊α(n + 1)⌋-th smallest of μ₋ₖ₍ᵢ₎(x) − Rᵢ,  the ⌈(1 − α)(n + 1)⌉-th smallest of μ₋ₖ₍ᵢ₎(x) + Rᵢ ],

which holds y with probability ≥ 1 − 2α for exchangeable rows, and about 1 − α in practice. A set of classes takes the
score 1 − p(y) for the residual: class y is in it unless at least ⌈(1 − α)(n + 1)⌉ rows have a smaller one than y would.

References: Barber, Candès, Ramdas and Tibshirani, Predictive inference with the jackknife+, Annals of Statistics 2021, §3
(CV+); Romano, Sesia and Candès, Classification with valid and adaptive coverage, NeurIPS 2020, §2.3.
Axes: F folds, n calibration rows, m new rows, C outputs or classes.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import RequestError, shown

__all__ = ["class_sets", "cv_plus_intervals"]

Floats = NDArray[np.float64]
_NUMBERS_AT_A_TIME = 1 << 23


def cv_plus_intervals(predicted: Floats, residuals: Floats, fold: NDArray[np.intp], alpha: float) -> Floats:
    """(m, 2) lower and upper ends for one target; infinite where so few rows can't vouch for so small an α.

    Args:
        predicted: (F, m) what the networks of each fold predict for the new rows.
        residuals: (n,) |error| of each calibration row by the networks of its fold.
        fold: (n,) the fold that held each row out, 0 … F − 1.
        alpha: the share of rows that may lie outside, between 0 and 1.
    """
    check_alpha(alpha)
    n, m = len(residuals), predicted.shape[1]
    upper, lower = math.ceil((1 - alpha) * (n + 1)), math.floor(alpha * (n + 1))
    ends = np.empty((m, 2))
    size = max(1, _NUMBERS_AT_A_TIME // max(n, 1))
    for start in range(0, m, size):
        here = predicted[fold, start : start + size]  # (n, size)
        ends[start : start + size, 0] = _smallest(here - residuals[:, None], lower)
        ends[start : start + size, 1] = _smallest(here + residuals[:, None], upper)
    return ends


def _smallest(values: Floats, k: int) -> Floats:
    """The k-th smallest of each column, counted from 1; −∞ for k = 0, ∞ for k > n."""
    if k < 1 or k > len(values):
        return np.full(values.shape[1], -np.inf if k < 1 else np.inf)
    return np.partition(values, k - 1, axis=0)[k - 1]


def class_sets(
    probabilities: Floats,
    scores: Floats,
    fold: NDArray[np.intp],
    alpha: float,
    predicted: NDArray[np.intp],
) -> NDArray[np.bool_]:
    """(m, C) which classes are in the set of each new row; the predicted one always is.

    Args:
        probabilities: (F, m, C) by the networks of each fold.
        scores: (n,) 1 − the probability of its own class, of each calibration row by the networks of its fold.
        fold: (n,) the fold that held each row out.
        alpha: the share of rows whose class may be missing.
        predicted: (m,) the class that is predicted for each new row, 0 … C − 1. That it is in the set only adds to the
            share of rows whose class is.
    """
    check_alpha(alpha)
    n, (n_folds, m, n_classes) = len(scores), probabilities.shape
    smaller = np.zeros((m, n_classes))
    for number in range(n_folds):
        own = np.sort(scores[fold == number])
        smaller += np.searchsorted(own, 1 - probabilities[number], side="left")
    held = smaller < (1 - alpha) * (n + 1)
    held[np.arange(m), predicted] = True
    return held


def check_alpha(alpha: object) -> None:
    """Raise unless α is a number between 0 and 1."""
    if isinstance(alpha, bool) or not isinstance(alpha, int | float | np.number) or not 0 < float(alpha) < 1:
        raise RequestError(
            f"alpha=…: must be a number between 0 and 1, the share of rows that may lie outside, got {shown(alpha)}."
        )
