"""Which settings the scores of a sweep can tell apart: all pairs judged together.

Axes: m settings, J shared blocks (folds or seeds). Scores are turned so that higher is better.

With x_ij the score of setting i on block j, the block's own level cancels in a difference of two settings, and what is
left of x_ij beside both levels, r_ij, has the variance σ². Two settings differ by more than noise if

    |x̄_i − x̄_b| > q(m, ν)/√2 · √(2 σ² (1/J + c)),

q a quantile (97 %) of the studentized range of m means (Tukey), c = n_test/n_train the correction for folds that share
training rows (Nadeau and Bengio), 0 for seeds. The best of m is picked after seeing them all: a plain t-test of the best
against the rest would call noise a difference in most sweeps, q does so in at most 5 % of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Judged", "judge_settings"]

Floats = NDArray[np.float64]
SURE = 0.97
"""The quantile of the range, a little above 95 % so that wrong claims stay below 5 % where variances differ, too."""
NOISY = 9.0
"""Times the median variance, above which a setting is no part of the pooled variance: it diverged on some blocks."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Settings with their means, errors and whether each can be distinguished from the best."""

    means: Floats
    """(m,) mean scores; −∞ where one is not finite."""
    errors: Floats
    """(m,) standard errors of the means, for the chart and the one-standard-error rule; NaN where unknown."""
    best: int
    tied: tuple[int, ...]
    """Settings, the best among them, that can't be distinguished from it; all, if the noise is unknown."""
    noise: float
    """σ, the standard deviation of a single run beside its setting's and its block's level; NaN where unknown."""
    margin: float
    """The difference of two means that exceeds noise; NaN if unknown."""
    known: bool
    """Whether there are runs to tell the noise from."""

    @property
    def all_equal(self) -> bool:
        """Whether several settings have one mean, and there is no noise."""
        return len(self.means) > 1 and self.noise == 0 and float(np.ptp(self.means)) == 0


def judge_settings(scores: Sequence[Floats], *, paired: bool, test_share: float) -> Judged:
    """The best of m settings, and those that these scores can't tell from it.

    Args:
        scores: m arrays of scores, higher being better; of equal length and in the order of the blocks if `paired`, NaN
            for a run that is missing.
        paired: whether block j is the same for all settings.
        test_share: n_test/n_train, 0 where the blocks are independent.
    """
    from shrinkage._paired import corrected_se

    scores, present = list(scores), np.array([np.isfinite(x).sum() for x in scores])
    if paired and not all(np.isfinite(x).all() for x in scores):
        scores = _fill_missing(scores)
    means = np.array([x.mean() if np.isfinite(x).all() else -math.inf for x in scores])
    best = int(means.argmax())
    sound = [int(i) for i in np.flatnonzero(np.isfinite(means))]
    counts = np.minimum(present, [len(x) for x in scores]).clip(1)
    if paired:
        variances, freedom = _within_blocks(np.array([scores[i] for i in sound]), counts[sound])
    else:
        variances = np.array([x.var(ddof=1) if len(x) > 1 else math.nan for x in (scores[i] for i in sound)])
        freedom = np.maximum(counts[sound] - 1.0, 0.0)
    errors = np.full(len(scores), math.nan)
    for i in sound:
        errors[i] = corrected_se(scores[i], 0.0) * math.sqrt(len(scores[i]) / counts[i])
    pooled, ν = _pool(variances, freedom)
    if not ν > 0:
        every = tuple(sound)
        return Judged(
            means=means, errors=errors, best=best, tied=every, noise=math.nan, margin=math.nan, known=False
        )
    q = _quantile(len(sound), ν)
    own = np.fmax(variances, pooled)
    at_best = own[sound.index(best)]
    spread = (own + at_best) / 2 * (1 / counts[sound] + 1 / counts[best] + 2 * test_share)
    gaps = means[best] - means[sound]
    scale = float(np.abs(means[sound]).max()) or 1.0
    tied = tuple(
        i
        for i, gap, v in zip(sound, gaps, spread, strict=True)
        if gap <= q / math.sqrt(2) * math.sqrt(v) + 1e-12 * scale
    )
    margin = q * math.sqrt(pooled * (1 / counts[best] + test_share))
    return Judged(
        means=means, errors=errors, best=best, tied=tied, noise=math.sqrt(pooled), margin=margin, known=True
    )


def _fill_missing(scores: list[Floats]) -> list[Floats]:
    """Scores in which a run that is missing has the level of its setting and its block, without noise of its own."""
    x = np.array(scores)
    a, b = np.zeros(len(x)), np.zeros(x.shape[1])
    diverged = np.array([bool(np.isinf(row).any()) for row in x])
    weight = np.isfinite(x) & ~diverged[:, None]
    there = np.where(weight, x, 0.0)
    for _ in range(100):
        a = np.where(weight, there - b, 0.0).sum(1) / weight.sum(1).clip(1)
        b = np.where(weight, there - a[:, None], 0.0).sum(0) / weight.sum(0).clip(1)
    return list(np.where(np.isnan(x), a[:, None] + b, x))


def _within_blocks(x: Floats, present: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """(m,) variances beside the levels of settings and blocks, and the degrees of freedom of each."""
    m, J = x.shape
    if m < 2 or J < 2:
        return np.full(m, math.nan), np.zeros(m)
    level = (
        np.median(x, axis=0) if m > 2 else x.mean(0)
    )  # one diverged setting must not shake the others' level
    rest = x - level
    r = rest - rest.mean(1, keepdims=True)
    freedom = (present - 1) * (1 - 1 / m)
    return (r**2).sum(1) / freedom.clip(1e-9), freedom


def _pool(variances: Floats, freedom: Floats) -> tuple[float, float]:
    """One variance from those that look alike, and its degrees of freedom."""
    known = freedom > 0
    if not known.any():
        return math.nan, 0.0
    ordinary = known & (variances <= NOISY * np.median(variances[known]))
    ν = float(freedom[ordinary].sum())
    return float((variances[ordinary] * freedom[ordinary]).sum() / ν), ν


@lru_cache(maxsize=64)
def _quantile(m: int, ν: float) -> float:
    if m < 2:
        return 0.0
    from scipy.stats import studentized_range  # takes a second to load

    return float(studentized_range.ppf(SURE, m, min(ν, 1000.0)))
