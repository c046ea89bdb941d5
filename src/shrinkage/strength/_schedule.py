"""Learning-rate schedules as relative rates, and what each clock of a decay reads from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from shrinkage._errors import RequestError, called, shown
from shrinkage.strength._checks import checked
from shrinkage.strength._quantities import Quantities

__all__ = ["CLOCKS", "Clock", "ratio_of_totals", "relative_rates"]

GRID = 4096
"""Midpoints that stand for a run whose number of steps is not known; even a square is then right to 1e-8."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """What a strength is multiplied by at each step: `strength · η^power · shape(s, u)`."""

    power: int
    """The power of the peak learning rate η."""
    shape: Callable[[float, float, Quantities], float]
    """The factor of one step from its relative rate s = η_t/η, its place u in the run, in [0, 1], and the run."""
    words: str
    """The factor in symbols."""


def _ramp(s: float, done: float, q: Quantities) -> float:
    """Megatron's increment: from the start strength to the end one, `start_share` of it, as `done` goes from 0 to 1."""
    share = q.get("start_share")
    return s * (share + (1 - share) * done)


def _flat_then_cosine(u: float) -> float:
    return 1.0 if u < 0.5 else (1 + math.cos(math.pi * (2 * u - 1))) / 2


CLOCKS = {
    "lr": Clock(power=1, shape=lambda s, u, q: s, words="η_t"),
    "schedule": Clock(power=0, shape=lambda s, u, q: s, words="η_t/η_ref"),
    "constant": Clock(power=0, shape=lambda s, u, q: 1.0, words="1"),
    "corrected": Clock(power=1, shape=lambda s, u, q: s * s, words="η_t²/η_max"),
    "lr_squared": Clock(power=2, shape=lambda s, u, q: s * s, words="η_t²"),
    "lr_linear_ramp": Clock(
        power=1, shape=lambda s, u, q: _ramp(s, u, q), words="η_t·(a + (1 − a)·c_t), c_t = t/T,"
    ),
    "lr_cosine_ramp": Clock(
        power=1,
        shape=lambda s, u, q: _ramp(s, (1 - math.cos(math.pi * u)) / 2, q),
        words="η_t·(a + (1 − a)·c_t), c_t = (1 − cos(π t/T))/2,",
    ),
    "lr_flat_cosine": Clock(
        power=1,
        shape=lambda s, u, q: s * _flat_then_cosine(u),
        words="η_t·f_t, f_t = 1 in the first half of the run, then a cosine to 0,",
    ),
}


def ratio_of_totals(source: Clock, target: Clock, q: Quantities) -> tuple[float, bool]:
    """`Σ_t source.shape / Σ_t target.shape` over the run, and whether the two agree at every step.

    Raises:
        RequestError: the schedule is unknown, or one of its clocks never ticks.
    """
    if source is target:
        return 1.0, True
    steps = relative_rates(q)
    ours = [source.shape(s, u, q) for s, u in steps]
    theirs = [target.shape(s, u, q) for s, u in steps]
    if not (math.fsum(ours) > 0 and math.fsum(theirs) > 0):
        if any(s > 0 for s, _ in steps):
            raise RequestError(
                f"{called('steps', of='convert')}: the decay's ramp is 0 at every step. Give the steps of a run."
            )
        raise RequestError(
            f"{called('schedule', of='convert')}: the learning rate is 0 at every step. Give the rates of a run."
        )
    ratio = math.fsum(ours) / math.fsum(theirs)
    same = all(
        math.isclose(a, ratio * b, rel_tol=1e-9, abs_tol=1e-15) for a, b in zip(ours, theirs, strict=True)
    )
    return ratio, same


def relative_rates(q: Quantities) -> list[tuple[float, float]]:
    """(η_t/η, t/T) of every step, or of `GRID` midpoints where the number of steps is not known."""
    if isinstance(q.schedule, Iterable) and not isinstance(q.schedule, str):
        return _from_list(q.schedule, q)
    if q.schedule not in _SHAPES:
        known = ", ".join(_SHAPES)
        raise RequestError(
            f"{called('schedule', of='convert')}: must be one of {known}, or a list of learning rates; got "
            f"{shown(q.schedule)}."
        )
    count = q.steps or GRID
    at = [(t if q.steps else t + 0.5) / count for t in range(count)]
    last = (count - 1) / count if q.steps else 1.0
    return [(_SHAPES[q.schedule](u, last), u) for u in at]


def _from_list(rates: Sequence[float], q: Quantities) -> list[tuple[float, float]]:
    values = [checked("convert", "schedule", rate, ">= 0 and finite") for rate in rates]
    peak = q.lr or max(values, default=0.0)
    if not peak:
        raise RequestError(
            f"{called('schedule', of='convert')}: the list has no learning rate above 0. Give one rate per "
            "step."
        )
    return [(rate / peak, t / len(values)) for t, rate in enumerate(values)]


def _one_cycle(u: float, last: float) -> float:
    # torch's OneCycleLR with its defaults: up for 30 % from η/25 to η, then down to η/250 000.
    start, end = 1 / 25, 1 / 250_000
    top = 0.3 - (1 - last)
    if u <= top:
        return _between(start, 1.0, u / top)
    return _between(1.0, end, (u - top) / (last - top))


def _between(a: float, b: float, part: float) -> float:
    return b + (a - b) * (1 + math.cos(math.pi * part)) / 2


_SHAPES: dict[str, Callable[[float, float], float]] = {
    "constant": lambda u, last: 1.0,
    "linear": lambda u, last: 1 - u,
    "cosine": lambda u, last: (1 + math.cos(math.pi * u)) / 2,
    "one-cycle": _one_cycle,
}
