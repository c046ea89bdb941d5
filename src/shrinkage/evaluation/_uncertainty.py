"""How sure predictions are, in figures for a report: reliability, widths of intervals, sizes of sets."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shrinkage.evaluation._calibration import Calibration, Reliability, reliability
from shrinkage.evaluation._out_of_fold import OutOfFold

__all__ = ["Level", "Uncertainty", "uncertainty"]

Floats = NDArray[np.float64]
ALPHAS = (0.2, 0.1, 0.05)


@dataclass(frozen=True, kw_only=True)
class Level:
    """Intervals or sets that hold the truth for about 1 − α of new rows."""

    alpha: float
    widths: Floats | None = None
    """(k,) half the width around the prediction, in each target's units; ∞ where the rows are too few."""
    mean_size: float = math.nan
    """Classes in a set, in the mean over unseen rows."""
    single: float = math.nan
    """Share of rows with one class in their set."""


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """What is known of the errors on unseen rows."""

    levels: tuple[Level, ...]
    calibration: Calibration | None = None
    """The temperature; None for a regression."""
    raw: Reliability | None = None
    """Of the networks' own probabilities."""
    tempered: Reliability | None = None
    """With the temperature, where it is applied."""


def uncertainty(unseen: OutOfFold, scores: Floats, calibration: Calibration | None) -> Uncertainty:
    """From what networks say of unseen rows, and the scores of these rows (`FoldModels.scores`).

    Args:
        unseen: the predictions.
        scores: (n, k) |error|, or (n, 1) 1 − the probability of the own class.
        calibration: of a classifier.
    """
    if calibration is None:
        levels = tuple(
            Level(alpha=alpha, widths=np.array([_bound(column, alpha) for column in scores.T]))
            for alpha in ALPHAS
        )
        return Uncertainty(levels=levels)
    temperature = calibration.temperature if calibration.applied else 1.0
    shares = unseen.of_rows(temperature)
    shares = shares[np.isfinite(shares).all(axis=1)]
    shares = np.hstack([1 - shares, shares]) if shares.shape[1] == 1 else shares
    return Uncertainty(
        levels=tuple(_sets(shares, scores[:, 0], alpha) for alpha in ALPHAS),
        calibration=calibration,
        raw=reliability(unseen.z, unseen.Y),
        tempered=reliability(unseen.z, unseen.Y, temperature) if calibration.applied else None,
    )


def _bound(scores: Floats, alpha: float) -> float:
    """The ⌈(1 − α)(n + 1)⌉-th smallest score."""
    k = math.ceil((1 - alpha) * (len(scores) + 1))
    return float(np.sort(scores)[k - 1]) if k <= len(scores) else math.inf


def _sets(shares: Floats, scores: Floats, alpha: float) -> Level:
    held = 1 - shares <= _bound(scores, alpha)
    held[np.arange(len(held)), shares.argmax(axis=1)] = True
    sizes = held.sum(axis=1)
    return Level(alpha=alpha, mean_size=float(sizes.mean()), single=float((sizes == 1).mean()))
