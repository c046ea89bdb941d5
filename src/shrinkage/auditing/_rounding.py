"""How much of a decay survives the weights' own precision.

A factor 1 − s is 1 in float32 for s < 2⁻²⁵, and w·(1 − s) rounds back to w in bfloat16 for s up to 2⁻⁸, so a decay can
be set, scheduled and logged, and do nothing.

A penalty in the gradient is another matter: it shares the rounding of the step with the gradient, and where that is of
usual size the decay arrives on the average. It is lost where λw is less than half the spacing of numbers at g, so that
g + λw is g again. So it is judged on steps with gradients of the live size, with and without the penalty, all from the
same weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch

from shrinkage.auditing._reading import Reading
from shrinkage.auditing._subjects import OptimizerSubject, Plan, Subject, Track

__all__ = ["shared_survivals", "survivals"]

_WHOLE = (0.5, 1.5)
"""Applied fractions between these count as the decay that was asked for."""
_MOST_STEPS = 1500
_SPACINGS = 64
"""How many spacings of the weights' numbers a decay that may be carried over is followed through."""
_EVENTS = 200
"""Roundings that the decay should turn, of which the share that arrives is judged."""
_MOST_SHARED = 8
"""Parameters whose steps are taken with and without the penalty."""
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
    found = [_applied(run, s, r) for run, s, r in zip(runs, expected, readings, strict=True)]
    lost = [i for i, fraction in enumerate(found) if fraction is not None and not _is_whole(fraction)]
    for i in _one_of_each(lost, native.groups)[:_MOST_TRIED]:
        spacings = abs(expected[i]) / _epsilon(runs[i])
        steps = min(_MOST_STEPS, math.ceil(_SPACINGS / spacings))
        later = native.run(replace(plan, steps=steps, only=frozenset({i}), ends=True))[i]
        carried = _applied(later, expected[i] * steps, readings[i])
        # What is carried over is paid in parts of several spacings: over few of them the last part still shows.
        is_short = steps * spacings < _SPACINGS / 2
        if carried is not None and _WHOLE[0] <= carried <= (2 if is_short else _WHOLE[1]):
            return [1.0 if k in lost else fraction for k, fraction in enumerate(found)]
    return found


def shared_survivals(
    exact: OptimizerSubject, native: OptimizerSubject, readings: Sequence[Reading]
) -> dict[int, float]:
    """The applied fraction of a penalty in a gradient that is not normalized, by number, where it can be judged.

    Args:
        exact: the subject in float64.
        native: the same in the weights' own precision.
        readings: what was measured in float64.
    """
    steps = {
        i: math.ceil(_EVENTS * _epsilon(start[None]) / (abs(reading.first) * max(len(start), 1)))
        for i, (reading, start) in enumerate(zip(readings, native.starts, strict=True))
        if _is_summed(reading) and native.gradient_sizes[i] > 0 and bool(start.any())
        if abs(reading.first) < _epsilon(start[None])
    }
    tried = [i for i, count in steps.items() if count <= _MOST_STEPS][:_MOST_SHARED]
    if not tried or exact.dtype is not torch.float64:
        return {}
    plan = Plan(
        start="weights",
        feed="noise",
        hold=True,
        only=frozenset(tried),
        steps=max(16, *(steps[i] for i in tried)),
    )
    wanted, got = (_pulled(subject, plan, tried) for subject in (exact, native))
    return {i: g / w for i, w, g in zip(tried, wanted, got, strict=True) if w}


def _pulled(subject: Subject, plan: Plan, numbers: Sequence[int]) -> list[float]:
    """How far the penalty alone moves each parameter along itself: the difference to the same steps without it."""
    with_it, without = (subject.run(replace(plan, strength=s)) for s in ("as set", "off"))
    return [float(((without[i] - with_it[i])[1:] * with_it[i][0]).sum()) for i in numbers]


def _is_whole(fraction: float) -> bool:
    return _WHOLE[0] <= fraction <= _WHOLE[1]


def _is_summed(reading: Reading) -> bool:
    """Whether it is an L2 penalty that joins the gradient, or might."""
    is_plain = reading.path in ("coupled", "plain") and not reading.adaptive
    return is_plain and reading.force == "proportional" and reading.first != 0 and not reading.anchored


def _one_of_each(numbers: Sequence[int], groups: Sequence[int]) -> list[int]:
    """The first number of each group."""
    return list({groups[i]: i for i in reversed(numbers)}.values())


def _applied(run: Track, shrink: float, reading: Reading) -> float | None:
    w = run[0]
    is_simple = reading.path == "decoupled" and reading.force == "proportional" and not reading.anchored
    if not is_simple or reading.cautious or shrink == 0 or not bool(w.any()):
        return None
    applied = float(((w - run[-1]) * w).sum() / w.square().sum()) / shrink
    return applied if math.isfinite(applied) else None


def _of_lr(reading: Reading, lr: float) -> float:
    if reading.clock == "affine" and reading.shrink:
        share = reading.intercept / reading.shrink
        return share + (1 - share) * lr
    return lr ** {"constant": 0, "corrected": 2, "lr squared": 2}.get(reading.clock, 1)


def _epsilon(run: Track) -> float:
    """The spacing at 1 of the format that the weights came in, as their own digits tell."""
    w = run[0][run[0] != 0]
    for dtype in (torch.bfloat16, torch.float16, torch.float32):
        if bool((w.to(dtype).double() == w).all()):
            return torch.finfo(dtype).eps
    return torch.finfo(torch.float64).eps
