"""Timescales: the shrink of one step as steps, epochs, half-life, and what is left after many."""

from __future__ import annotations

import math
from collections.abc import Iterable

from shrinkage.strength._checks import checked

__all__ = [
    "epochs_from_shrink",
    "half_life_from_shrink",
    "remaining",
    "shrink_from_epochs",
    "shrink_from_half_life",
    "shrink_from_steps",
    "steps_from_shrink",
]


def steps_from_shrink(shrink: float) -> float:
    """The timescale in steps: `τ = 1/s`, infinite for s = 0.

    Args:
        shrink: fraction removed per step, >= 0.

    Returns:
        Steps after which a weight that nothing feeds has fallen to about 1/e.

    Raises:
        RequestError: `shrink` is negative or not a number.

    Example:
        >>> steps_from_shrink(0.001)
        1000.0
    """
    shrink = checked("steps_from_shrink", "shrink", shrink, ">= 0 and finite")
    return 1 / shrink if shrink else math.inf


def shrink_from_steps(steps: float) -> float:
    """The shrink with this timescale in steps: `s = 1/τ`.

    Args:
        steps: timescale τ, > 0; infinity gives no shrink.

    Returns:
        The fraction removed per step.

    Raises:
        RequestError: `steps` is not positive.

    Example:
        >>> shrink_from_steps(1000)
        0.001
    """
    return 1 / checked("shrink_from_steps", "steps", steps, "> 0")


def epochs_from_shrink(shrink: float, *, rows: float, batch_size: float) -> float:
    """The timescale in epochs: `τ = batch/(n s)` (Wang and Aitchison, arXiv 2405.13698).

    Args:
        shrink: fraction removed per step, >= 0.
        rows: training rows n, >= 1.
        batch_size: rows per optimizer step, >= 1.

    Returns:
        Passes over the data in one timescale.

    Raises:
        RequestError: a value is out of its range.

    Example:
        >>> round(epochs_from_shrink(1e-4, rows=50_000, batch_size=128), 9)
        25.6
    """
    rows = checked("epochs_from_shrink", "rows", rows, ">= 1 and finite")
    batch = checked("epochs_from_shrink", "batch_size", batch_size, ">= 1 and finite")
    return steps_from_shrink(shrink) * batch / rows


def shrink_from_epochs(epochs: float, *, rows: float, batch_size: float) -> float:
    """The shrink with this timescale in epochs: `s = batch/(n τ)`.

    Args:
        epochs: timescale τ in passes over the data, > 0.
        rows: training rows n, >= 1.
        batch_size: rows per optimizer step, >= 1.

    Returns:
        The fraction removed per step.

    Raises:
        RequestError: a value is out of its range.

    Example:
        >>> round(shrink_from_epochs(25.6, rows=50_000, batch_size=128), 12)
        0.0001
    """
    epochs = checked("shrink_from_epochs", "epochs", epochs, "> 0")
    rows = checked("shrink_from_epochs", "rows", rows, ">= 1 and finite")
    batch = checked("shrink_from_epochs", "batch_size", batch_size, ">= 1 and finite")
    return batch / (rows * epochs)


def half_life_from_shrink(shrink: float) -> float:
    """Steps until half of a weight is left: `ln(1/2)/ln(1 − s)`, exact.

    Args:
        shrink: fraction removed per step, in [0, 1).

    Returns:
        The half-life in steps, infinite for s = 0.

    Raises:
        RequestError: `shrink` is out of its range.

    Example:
        >>> half_life_from_shrink(0.5)
        1.0
    """
    shrink = checked("half_life_from_shrink", "shrink", shrink, "in [0, 1)")
    return -math.log(2) / math.log1p(-shrink) if shrink else math.inf


def shrink_from_half_life(steps: float) -> float:
    """The shrink that leaves half of a weight after so many steps: `1 − 2^(−1/h)`.

    Args:
        steps: half-life h in steps, > 0.

    Returns:
        The fraction removed per step.

    Raises:
        RequestError: `steps` is not positive.

    Example:
        >>> shrink_from_half_life(1)
        0.5
    """
    return -math.expm1(-math.log(2) / checked("shrink_from_half_life", "steps", steps, "> 0"))


def remaining(shrinks: Iterable[float]) -> float:
    """What is left of a weight that only decays: `Π (1 − s_t)`, summed as logarithms so that small shrinks count.

    Args:
        shrinks: the shrink of each step, in [0, 1).

    Returns:
        The fraction left.

    Raises:
        RequestError: a shrink is out of its range.

    Example:
        >>> remaining([0.5, 0.5])
        0.25
    """
    logs = (math.log1p(-checked("remaining", "shrinks", s, "in [0, 1)")) for s in shrinks)
    return math.exp(math.fsum(logs))
