"""The experiments: about twenty short runs, from which each parameter is read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from shrinkage.auditing.measuring._interpreting import Measured
from shrinkage.auditing.measuring._statistics import mean_log_shrink
from shrinkage.auditing.measuring._step_reading import Clock, Reading
from shrinkage.auditing.subjects._subject import Plan, Subject, Track, offset_pair

__all__ = ["read", "shrink_noise"]

_CLOCKS: dict[tuple[int, int], Clock] = {
    (1, 0): "lr",
    (1, -1): "schedule",
    (0, 0): "constant",
    (2, -1): "corrected",
    (2, 0): "lr squared",
}
"""Exponents of η and of η_max in the shrink."""


_STRONG = 0.02
"""A shrink that coarse arithmetic shows in every step, and that leaves little of an offset after many."""


def read(subject: Subject) -> list[Reading]:
    """One reading a parameter, from about twenty short runs of the subject."""
    eps, stride = _offsets(subject)
    steps = 30 if stride == 1 else 60
    if stride > 1 and (strong := _strongest(subject, eps)) > _STRONG:
        stride, steps = 1, max(6, min(30, int(3 / strong)))
    long, still = Plan(steps=steps), Plan(gradients=0.0)
    weights = _differences(subject, long, weights=eps)
    gradients = _differences(subject, long, gradients=eps)
    weak = _differences(subject, replace(long, steps=stride, gradients=0.1), gradients=eps)
    base, double = subject.run(Plan()), subject.run(Plan(weights=2.0))
    unaided = [subject.run(Plan(weights=size, strength="off")) for size in (1.0, 2.0)]
    pulls = [subject.run(replace(still, weights=size)) for size in (0.0, 1.0, 2.0)]
    idle = _run_without_gradients(subject)
    half_idle = subject.run(Plan(feed="every other row"))
    clocks = _clocks(subject, eps)
    entries = [subject.run(Plan(weights=0.0, strength=s)) for s in ("as set", "off")]
    off = _differences(subject, Plan(strength="off"), weights=eps)
    lived = (
        _differences(subject, replace(long, start="live", gradients=0.0), weights=eps)
        if subject.has_state
        else None
    )
    return [
        Measured(
            n=subject.sizes[i],
            eps=eps,
            stride=stride,
            noise=8 * subject.epsilon / (eps * math.sqrt(stride)),
            start=base[i][0],
            weights=weights[i],
            gradients=gradients[i],
            weak=weak[i],
            updates=(_moved(base[i]), _moved(double[i])),
            unaided=(_moved(unaided[0][i]), _moved(unaided[1][i])),
            pulls=tuple(_moved(run[i]) for run in pulls),
            idle=_moved(idle[i]) if idle else torch.zeros(subject.sizes[i]),
            idle_rows=_moved(half_idle[i]) * subject.idle_rows[i],
            clock=clocks[i],
            entry=tuple(_moved(run[i]) for run in entries),
            off=off[i],
            lived=None if lived is None else lived[i],
        ).reading()
        for i in range(len(subject.sizes))
    ]


def shrink_noise(subject: Subject) -> float:
    """The size of what rounding does to a shrink."""
    eps, stride = _offsets(subject)
    return 8 * subject.epsilon / (eps * math.sqrt(stride))


def _strongest(subject: Subject, eps: float) -> float:
    """The largest shrink of one step, as a logarithm."""
    return max(map(mean_log_shrink, _differences(subject, Plan(), weights=eps)), default=0.0)


def _offsets(subject: Subject) -> tuple[float, int]:
    """The relative offset of the weights, and the steps over which a shrink is averaged."""
    return (1e-3, 1) if subject.epsilon < 1e-10 else (0.25, 10)


def _differences(
    subject: Subject, plan: Plan, *, weights: float = 0.0, gradients: float = 0.0
) -> list[Track]:
    plus, minus = (subject.run(p) for p in offset_pair(plan, weights=weights, gradients=gradients))
    return [(a - b) / 2 for a, b in zip(plus, minus, strict=True)]


def _moved(track: Track) -> Tensor:
    return track[1] - track[0]


def _run_without_gradients(subject: Subject) -> list[Track] | None:
    """None where the step refuses: then nothing moves."""
    try:
        return subject.run(Plan(feed="none"))
    except Exception:  # a third party's step on an empty list
        return None


def _clocks(subject: Subject, eps: float) -> list[tuple[Clock, float]]:
    """How the shrink of three steps follows η and η_max."""
    if not subject.changes_lr:
        return [("unknown", 0.0)] * len(subject.sizes)
    settings = ((1.0, 1.0), (0.5, 1.0), (0.25, 1.0), (0.5, 0.5))
    runs = [
        _differences(subject, Plan(steps=3, lr=lr, reference_lr=top), weights=eps) for lr, top in settings
    ]
    return [_clock([mean_log_shrink(run[i]) for run in runs]) for i in range(len(subject.sizes))]


def _clock(shrinks: Sequence[float]) -> tuple[Clock, float]:
    whole, half, quarter, both = shrinks
    if min(abs(s) for s in shrinks) < 1e-12 or len({s > 0 for s in shrinks}) > 1:
        return "unknown", 0.0
    of_lr, of_top = math.log2(whole / half), math.log2(half / both)
    exponents = (round(of_lr), round(of_top))
    if abs(of_lr - exponents[0]) < 0.05 and abs(of_top - exponents[1]) < 0.05:
        return _CLOCKS.get(exponents, "other"), 0.0
    intercept = 2 * half - whole
    is_affine = abs((whole - half) - 2 * (half - quarter)) < 0.02 * abs(whole)
    return ("affine", intercept / 3) if is_affine else ("other", 0.0)
