"""The result of a sweep, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from shrinkage.sweeps._sweep_runs import Sweep
from shrinkage.sweeps._sweep_ties import Judged
from shrinkage.sweeps._useful_range import UsefulRange

__all__ = ["Edge", "SweepResult"]

Edge = tuple[str, Literal["low", "high"]]


@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """The best setting of a sweep, and which others its scores can and can't distinguish from it."""

    best: dict[str, Any]
    """The setting with the best mean score."""
    score: float
    """Its mean score; the best of many looks slightly better than it is."""
    tied: tuple[dict[str, Any], ...]
    """The settings, `best` first, that these scores can't distinguish from it; all of them if the noise is unknown."""
    one_se: dict[str, Any] | None
    """The strongest setting whose mean is within one standard error of the best; None if no single column is a
    strength or no error is known."""
    at_edge: tuple[Edge, ...]
    """Columns in which the best value is at the end of the tried range."""
    known: bool
    """Whether there are folds, seeds or repeats to estimate noise."""
    noise: float
    """Standard deviation of one run given its setting and fold; NaN if unknown."""
    margin: float
    """The difference of two means that exceeds noise; NaN if unknown."""
    range: UsefulRange | None
    """The range in which the strength can act, if the convention and the run were given."""
    strength: str | None
    """The column that is a strength."""
    next: str
    """What to try next, and why."""
    sweep: Sweep
    """The runs as they were read."""
    judged: Judged
    """Means, errors and ties, by the index of a setting in `sweep`."""
