"""The experiments: about twenty short runs, from which each parameter is read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
_VIOLENT = 1.0
"""A shrink, as a logarithm, that leaves nothing of an offset after many steps in any arithmetic."""


def read(subject: Subject) -> list[Reading]:
    """One reading a parameter, from about twenty short runs of the subject."""
    eps, stride = _offsets(subject)
    steps = 30 if stride == 1 else 60
    strong = _strongest(subject, eps)
    if strong > _VIOLENT:  # momentum shrinks more in the first step than in later ones
        strong = min(strong, _strongest(subject, eps, steps=6))
    if strong > (_STRONG if stride > 1 else _VIOLENT):
        stride, steps = 1, max(6 if strong < 2 else 3, min(30, int(3 / strong)))
    noise = 8 * subject.epsilon / (eps * math.sqrt(stride))
    fates = _fates(subject, eps, stride, Plan(steps=steps))
    projects = _projects_out(subject, eps, noise, fates.off)
    still = _fates(subject, eps, stride, Plan(steps=steps, gradients=0.0)) if any(projects) else fates
    base, double = subject.run(Plan()), subject.run(Plan(weights=2.0))
    unaided = [subject.run(Plan(weights=size, strength="off")) for size in (1.0, 2.0)]
    pulls = [subject.run(Plan(gradients=0.0, weights=size)) for size in (0.0, 1.0, 2.0)]
    idle = _run_without_gradients(subject)
    half_idle = subject.run(Plan(feed="every other row"))
    entries = [subject.run(Plan(weights=0.0, strength=s)) for s in ("as set", "off")]
    lived = (
        _differences(subject, Plan(steps=steps, start="live", gradients=0.0), weights=eps)
        if subject.has_state
        else None
    )
    return [
        Measured(
            n=subject.sizes[i],
            eps=eps,
            stride=stride,
            noise=noise,
            start=base[i][0],
            weights=seen.weights[i],
            gradients=seen.gradients[i],
            weak=seen.weak[i],
            updates=(_movement(base[i]), _movement(double[i])),
            unaided=(_movement(unaided[0][i]), _movement(unaided[1][i])),
            pulls=tuple(_movement(run[i]) for run in pulls),
            idle=_movement(idle[i]) if idle else torch.zeros(subject.sizes[i]),
            idle_rows=_movement(half_idle[i]) * subject.idle_rows[i] * (not projects[i]),
            clock=seen.clocks[i],
            entry=tuple(_movement(run[i]) for run in entries),
            off=seen.off[i][:2],
            lived=None if lived is None else lived[i],
            projects=projects[i],
        ).reading()
        for i, seen in enumerate(still if each else fates for each in projects)
    ]


@dataclass(frozen=True, kw_only=True)
class _Fates:
    """What becomes of small offsets, parameter by parameter."""

    weights: list[Track]
    gradients: list[Track]
    weak: list[Track]
    off: list[Track]
    clocks: list[tuple[Clock, float]]


def _fates(subject: Subject, eps: float, stride: int, plan: Plan) -> _Fates:
    """The fates of offsets beside the gradients that `plan` feeds."""
    return _Fates(
        weights=_differences(subject, plan, weights=eps),
        gradients=_differences(subject, plan, gradients=eps),
        weak=_differences(subject, replace(plan, steps=stride, gradients=0.1), gradients=eps),
        off=_differences(subject, replace(plan, steps=3, strength="off"), weights=eps),
        clocks=_clocks(subject, eps, plan.gradients),
    )


def _projects_out(subject: Subject, eps: float, noise: float, seen: list[Track]) -> list[bool]:
    """Whether a step takes the weights' direction out of the gradient, parameter by parameter.

    Turning the gradient round turns round what that does to an offset, and without gradients it does nothing; a decay
    that cannot be switched off stays as it is in both.

    Args:
        subject: what is measured.
        eps: the relative offset of the weights.
        noise: what rounding does to a shrink.
        seen: the fate of the offset over three steps, with every known strength switched off.
    """
    shrinks = [1 - track[1:, track[0] != 0] / track[0, track[0] != 0] for track in seen]
    if not any(bool((s.abs() > 10 * noise).any()) for s in shrinks):
        return [False] * len(seen)
    turned = _differences(subject, Plan(steps=3, gradients=-1.0, strength="off"), weights=eps)
    still = subject.run(Plan(gradients=0.0, strength="off"))
    rests = [
        not run.numel() or bool((_movement(run).abs() <= noise * eps * run[0].abs().max()).all())
        for run in still
    ]
    return [
        rest and _is_turned(one, other, noise) for one, other, rest in zip(seen, turned, rests, strict=True)
    ]


def _is_turned(one: Track, other: Track, noise: float) -> bool:
    """Whether what a step does to an offset has a part that changes sign with the gradient.

    The first step of an adaptive optimizer has nothing of the gradient but its signs, so three count.
    """
    kept = one[0] != 0
    if not bool(kept.any()):
        return False
    shrinks = [[1 - track[t, kept] / track[0, kept] for track in (one, other)] for t in (1, 3)]
    odd = [(s - back).abs() / 2 for s, back in shrinks]
    even = [(s + back).abs() / 2 for s, back in shrinks]
    either = torch.minimum(*(s.abs() for s in shrinks[0]))
    is_choice = float(odd[0].max()) > noise and bool((either < 1e-3 * (odd[0] + even[0]) + noise).all())
    largest_odd, largest_even = (max(float(x.max()) for x in xs) for xs in (odd, even))
    return not is_choice and largest_odd > max(10 * noise, 0.01 * largest_even)


def shrink_noise(subject: Subject) -> float:
    """The size of what rounding does to a shrink."""
    eps, stride = _offsets(subject)
    return 8 * subject.epsilon / (eps * math.sqrt(stride))


def _strongest(subject: Subject, eps: float, steps: int = 1) -> float:
    """The largest shrink per step, as a logarithm."""
    found = map(mean_log_shrink, _differences(subject, Plan(steps=steps), weights=eps))
    return max(found, default=0.0) / steps


def _offsets(subject: Subject) -> tuple[float, int]:
    """The relative offset of the weights, and the steps over which a shrink is averaged."""
    return (1e-3, 1) if subject.epsilon < 1e-10 else (0.25, 10)


def _differences(
    subject: Subject, plan: Plan, *, weights: float = 0.0, gradients: float = 0.0
) -> list[Track]:
    plus, minus = (subject.run(p) for p in offset_pair(plan, weights=weights, gradients=gradients))
    return [(a - b) / 2 for a, b in zip(plus, minus, strict=True)]


def _movement(track: Track) -> Tensor:
    return track[1] - track[0]


def _run_without_gradients(subject: Subject) -> list[Track] | None:
    """None where the step refuses: then nothing moves."""
    try:
        return subject.run(Plan(feed="none"))
    except Exception:  # a third party's step on an empty list
        return None


def _clocks(subject: Subject, eps: float, gradients: float) -> list[tuple[Clock, float]]:
    """How the shrink of three steps beside `gradients` follows η and η_max."""
    if not subject.changes_lr:
        return [("unknown", 0.0)] * len(subject.sizes)
    settings = ((1.0, 1.0), (0.5, 1.0), (0.25, 1.0), (0.5, 0.5))
    plans = [Plan(steps=3, lr=lr, reference_lr=top, gradients=gradients) for lr, top in settings]
    runs = [_differences(subject, plan, weights=eps) for plan in plans]
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
