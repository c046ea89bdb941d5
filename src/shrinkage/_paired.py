"""Means over resampled splits with errors that know how much the training sets overlap."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

__all__ = ["CONFIDENCE", "ROUNDING", "Interval", "corrected_se", "paired_difference"]

CONFIDENCE = 0.95
ROUNDING = 1e-9
"""Of means of losses and metrics, which are of order 1."""


@dataclass(frozen=True)
class Interval:
    """A mean difference with its standard error and its confidence interval."""

    value: float
    se: float
    low: float
    high: float

    @property
    def is_known(self) -> bool:
        """False where one of the two diverged on a split, or there is one split only."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of 0 by more than rounding."""
        return abs(self.value) > ROUNDING and (self.low > 0 or self.high < 0)


def corrected_se(values: ArrayLike, test_share: float) -> float:
    """`√((1/J + n_test/n_train)·s²)` of J values from resampled splits, s² their variance (J − 1).

    Splits of one table share training rows, so s/√J is too small, and more repeats would make it as small as one
    likes. The second term is the correction.

    Args:
        values: (J,) one per split.
        test_share: n_test/n_train, > 0.

    Reference: Nadeau and Bengio, Machine Learning 2003; for repeated folds Bouckaert and Frank, PAKDD 2004.

    >>> round(corrected_se([1.0, 2.0, 3.0], test_share=0.25), 4)
    0.7638
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2:
        return math.nan
    return float(np.sqrt((1 / len(values) + test_share) * values.var(ddof=1)))


def paired_difference(values: ArrayLike, others: ArrayLike, test_share: float) -> Interval:
    """The mean of `values − others`, split by split, with its 95 % interval: the corrected resampled t-test's.

    >>> paired_difference([1.0, 2.0, 3.0], [1.0, 1.0, 1.0], test_share=0.25).excludes_zero
    False
    """
    difference = np.asarray(values, dtype=np.float64) - np.asarray(others, dtype=np.float64)
    mean, se = float(difference.mean()), corrected_se(difference, test_share)
    reach = (
        float(student.ppf(0.5 + CONFIDENCE / 2, len(difference) - 1)) * se
        if len(difference) > 1
        else math.nan
    )
    return Interval(mean, se, mean - reach, mean + reach)
