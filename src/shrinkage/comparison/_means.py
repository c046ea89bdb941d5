"""A mean with its standard error, and the number of digits worth showing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from shrinkage._paired import ROUNDING, corrected_se
from shrinkage.pages import ABSENT

__all__ = ["Mean", "corrected_mean", "decimals", "error_of_share", "mean_of", "with_sign"]


def decimals(se: float) -> int:
    """Number of decimals that show the second digit of a standard error; 3 if there is none."""
    return 3 if not ROUNDING < se < math.inf else min(max(0, 1 - math.floor(math.log10(se))), 8)


@dataclass(frozen=True)
class Mean:
    """A mean with its standard error."""

    value: float
    se: float

    def __str__(self) -> str:
        if not math.isfinite(self.value):
            return ABSENT
        digits = decimals(self.se)
        se = f"{self.se:.{digits}f}" if math.isfinite(self.se) else ABSENT
        return f"{self.value:.{digits}f} ± {se}"


def mean_of(values: ArrayLike) -> Mean:
    """Mean of n values and its standard error, s/√n."""
    array = np.asarray(values, dtype=np.float64)
    return Mean(float(array.mean()), float(array.std(ddof=1) / np.sqrt(len(array))))


def error_of_share(share: float, items: int) -> float:
    """Standard error of a share p of n items, `√(p(1 − p)/n)`.

    >>> error_of_share(0.5, 100)
    0.05
    """
    return math.sqrt(share * (1 - share) / items)


def corrected_mean(values: ArrayLike, test_share: float) -> Mean:
    """The mean of J splits with its corrected standard error."""
    values = np.asarray(values, dtype=np.float64)
    return Mean(float(values.mean()), corrected_se(values, test_share))


def with_sign(value: float, digits: int) -> str:
    """Format a difference with its sign and this many decimals; no sign if it rounds to 0, a dash for NaN.

    >>> with_sign(-0.0314, 2), with_sign(0.5, 1), with_sign(-1e-9, 2)
    ('−0.03', '+0.5', '0.00')
    """
    if math.isnan(value):
        return ABSENT
    rounded = round(value, digits) + 0.0
    text = f"{rounded:+.{digits}f}" if rounded else f"{0.0:.{digits}f}"
    return text.replace("-", "−")
