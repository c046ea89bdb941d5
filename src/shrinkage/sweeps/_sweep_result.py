"""What a sweep says, as data."""

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
    """The best of a sweep and all that its scores do and don't tell from it."""

    best: dict[str, Any]
    """The setting with the best mean score."""
    score: float
    """Its mean score; the best of many flatters itself."""
    tied: tuple[dict[str, Any], ...]
    """The settings, `best` first, that these scores can't tell from it; all of them where the noise is unknown."""
    one_se: dict[str, Any] | None
    """The strongest setting whose mean is within one standard error of the best; None where no single column is a
    strength or no error is known."""
    at_edge: tuple[Edge, ...]
    """Columns in which the best lies at the end of what was tried."""
    known: bool
    """Whether there are folds, seeds or repeats to tell noise from."""
    noise: float
    """Standard deviation of one run beside its setting and its fold; NaN where unknown."""
    margin: float
    """The difference of two means that is more than noise; NaN where unknown."""
    range: UsefulRange | None
    """Where the strength can act at all, where the convention and the run were given."""
    strength: str | None
    """The column that is a strength."""
    next: str
    """What to type next, and why."""
    sweep: Sweep
    """The runs as they were read."""
    judged: Judged
    """Means, errors and ties by the place of a setting in `sweep`."""
