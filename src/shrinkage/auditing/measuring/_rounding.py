"""How much of a decay survives the weights' own precision.

A factor 1 − s is 1 in float32 for s < 2⁻²⁵, and w·(1 − s) rounds back to w in bfloat16 for s up to 2⁻⁸, so a decay can
be set, scheduled and logged, and do nothing.

A penalty in the gradient is another matter: see `_rounding_shared`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from shrinkage.auditing.measuring._rounding_shared import spacing
from shrinkage.auditing.measuring._step_reading import Reading
from shrinkage.auditing.subjects._subject import Plan, Subject, Track

__all__ = ["survivals"]

_WHOLE = (0.5, 1.5)
"""Applied fractions between these count as the decay that was asked for."""
_MOST_STEPS = 1500
_SPACINGS = 64
"""How many spacings of the weights' numbers a decay that may be carried over is followed through."""
_MOST_TRIED = 3
"""Parameters, of different groups, that are followed over so many steps."""


def survivals(native: Subject, readings: Sequence[Reading], lr: float) -> list[float | None]:
    """The applied fraction of each parameter's shrink in the weights' own precision; None where it does not apply.

    Args:
        native: the subject in the weights' own precision.
        readings: what was measured in float64.
        lr: multiple of the measured learning rate at which to look.

    Returns:
        1 where the whole decay arrives, 0 where it is lost; 1 also where what one step loses is carried to later ones.
    """
    expected = [reading.first * _of_lr(reading, lr) for reading in readings]
    plan = Plan(start="weights", gradients=0.0, lr=lr)
    runs = native.run(plan)
    found = [_shrink_applied(run, s, r) for run, s, r in zip(runs, expected, readings, strict=True)]
    lost = [i for i, fraction in enumerate(found) if fraction is not None and not _is_whole(fraction)]
    for i in _one_of_each(lost, native.groups)[:_MOST_TRIED]:
        spacings = abs(expected[i]) / spacing(runs[i][0])
        steps = min(_MOST_STEPS, math.ceil(_SPACINGS / spacings))
        later = native.run(replace(plan, steps=steps, only=frozenset({i}), ends=True))[i]
        carried = _shrink_applied(later, expected[i] * steps, readings[i])
        # Accumulated decay is applied in parts of several spacings: over few of them the last part is visible.
        is_short = steps * spacings < _SPACINGS / 2
        if carried is not None and _WHOLE[0] <= carried <= (2 if is_short else _WHOLE[1]):
            return [1.0 if k in lost else fraction for k, fraction in enumerate(found)]
    return found


def _is_whole(fraction: float) -> bool:
    return _WHOLE[0] <= fraction <= _WHOLE[1]


def _one_of_each(numbers: Sequence[int], groups: Sequence[int]) -> list[int]:
    """The first number of each group."""
    return list({groups[i]: i for i in reversed(numbers)}.values())


def _shrink_applied(run: Track, shrink: float, reading: Reading) -> float | None:
    w = run[0]
    beside = reading.path == "decoupled" or (reading.path == "plain" and abs(shrink) >= spacing(w))
    is_simple = beside and reading.force == "proportional" and not reading.anchored
    if not is_simple or reading.cautious or shrink == 0 or not bool(w.any()):
        return None
    applied = float(((w - run[-1]) * w).sum() / w.square().sum()) / shrink
    return applied if math.isfinite(applied) else None


def _of_lr(reading: Reading, lr: float) -> float:
    if reading.clock == "affine" and reading.shrink:
        share = reading.intercept / reading.shrink
        return share + (1 - share) * lr
    return lr ** {"constant": 0, "corrected": 2, "lr squared": 2}.get(reading.clock, 1)
