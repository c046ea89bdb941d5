"""Whether a step does the same to thinned copies as to parameters of their own shape, strides and number format.

An optimizer may read all of these: its step is scaled by the ratio of a matrix's sides, a decay is applied once per
number format, a kernel takes another path above some size. So one parameter of each kind (group, shape, strides, format,
device) takes a step at its own size and in its own format, with weights offset to both sides, and the fraction that is
left of the offset is held against that of the thinned copy. Where both agree, two sizes have shown that thinning changes
nothing; where they do not, what the parameter itself undergoes is what counts.

The optimizers of torch read none of it but Muon, and are not asked.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from shrinkage.auditing.measuring._experiments import read
from shrinkage.auditing.measuring._statistics import mean_log_shrink
from shrinkage.auditing.measuring._step_reading import Reading
from shrinkage.auditing.subjects._live import OptimizerSubject
from shrinkage.auditing.subjects._subject import Plan, Subject, offset_pair, parameters_of

__all__ = ["Confirmed", "confirm", "with_real_gradients"]

_OFFSET = 0.25
_SHOWN = 0.2
"""The shrink of a step that is aimed at, by a stronger decay, so that rounding does not hide it."""
_MOST_TOGETHER = 2**18
"""Elements of the parameters that take steps together."""
_MOST_ELEMENTS = 2**22
"""Elements of a parameter that takes a step at its own size."""
_MOST_SECONDS = 2.0
"""Seconds after which no further parameter is tried."""
_MOST_READ = 2**17
"""Elements of the parameters that go through all experiments at their own size."""


@dataclass(frozen=True)
class Confirmed:
    """The readings, as two sizes confirm them."""

    readings: list[Reading]
    unproven: list[int]
    """Parameters too large to take a step at their own size."""


def confirm(
    optimizer: torch.optim.Optimizer,
    thin: OptimizerSubject,
    readings: Sequence[Reading],
    expected: Sequence[float],
    *,
    limit: int,
) -> Confirmed:
    """The readings of thinned copies, with those put right that a parameter of its own size contradicts.

    Args:
        optimizer: the live optimizer.
        thin: the thinned copies that were measured.
        readings: what was measured of each parameter.
        expected: lr × strength of each parameter as its group says, 0 where it says none.
        limit: elements of a parameter that are looked at.
    """
    if _reads_no_shape(optimizer):
        return Confirmed(list(readings), [])
    live = list(parameters_of(optimizer))
    kinds = _kinds(live, thin)
    plan = Plan(factor=max(1.0, _SHOWN / max([*expected, 1e-12])) if any(expected) else 1.0)
    wanted = _shrinks(thin, plan)
    own: dict[int, float] = {}
    start, last = time.perf_counter(), 0.0
    for batch in _batches([members[0] for members in kinds], [p.numel() for p in live]):
        size = max(live[i].numel() for i in batch)
        if own and (size > _MOST_ELEMENTS or time.perf_counter() - start + last > _MOST_SECONDS):
            break
        before = time.perf_counter()
        subject = OptimizerSubject(optimizer, limit=limit, lrs=thin.lrs, native=True, whole=batch)
        found = _shrinks(subject, plan)
        own |= {i: found[i] for i in batch}
        last = 4 * (time.perf_counter() - before)
    contradicted = {
        i: own[i] / wanted[i] if wanted[i] else 0.0
        for i in own
        if abs(own[i] - wanted[i]) > _tolerance(live[i].dtype, wanted[i])
    }
    found = _put_right(optimizer, thin, readings, contradicted, own, plan, limit)
    changed = list(readings)
    for members in kinds:
        for i in members if members[0] in found else []:
            if abs(readings[i].first - readings[members[0]].first) <= 0.01 * abs(readings[i].first):
                changed[i] = found[members[0]]
    unproven = [i for members in kinds if members[0] not in own for i in members]
    return Confirmed(changed, unproven)


def with_real_gradients(
    optimizer: torch.optim.Optimizer, thin: OptimizerSubject, readings: Sequence[Reading]
) -> list[Reading]:
    """The readings, with the shrink that the next step has beside the live gradients, where that is another one.

    Some optimizers look at the gradients to decide how to decay: AdamP decays less where they are orthogonal to the
    weights, as ours nearly are.
    """
    if _reads_no_shape(optimizer) or all(p.grad is None for p in parameters_of(optimizer)):
        return list(readings)
    shrinks = [_shrinks(thin, plan) for plan in (Plan(start="live"), Plan(start="live", feed="real"))]
    noise = 4 * thin.epsilon / _OFFSET
    found = list(readings)
    for i, (ours, real) in enumerate(zip(*shrinks, strict=True)):
        r = readings[i]
        is_steady = r.path == "decoupled" and not r.cautious and thin.has_real(i)
        if is_steady and ours > noise and abs(real - ours) > max(0.05 * ours, noise):
            ratio = real / ours
            found[i] = replace(r, shrink=ratio * (r.shrink or 0.0), first=ratio * r.first)
    return found


def _reads_no_shape(optimizer: torch.optim.Optimizer) -> bool:
    """Whether it is one of torch's that treat all elements alike, with no hooks but those of shrinkage."""
    hooks = [
        *optimizer._optimizer_step_pre_hooks.values(),
        *optimizer._optimizer_step_post_hooks.values(),
    ]
    kind = type(optimizer)
    is_torchs = kind.__module__.startswith("torch.optim") and kind.__name__ != "Muon"
    return is_torchs and all(str(getattr(h, "__module__", "")).startswith("shrinkage.") for h in hooks)


def _kinds(live: Sequence[torch.Tensor], thin: OptimizerSubject) -> list[list[int]]:
    """The numbers of the parameters of each kind."""
    kinds: dict[object, list[int]] = {}
    for i, p in enumerate(live):
        if p.numel() and not thin.silent[i] and p.layout == torch.strided:
            kinds.setdefault((thin.groups[i], p.shape, p.stride(), p.dtype, p.device), []).append(i)
    return list(kinds.values())


def _batches(numbers: Sequence[int], sizes: Sequence[int]) -> list[list[int]]:
    """Small parameters together, each large one by itself, from the smallest on."""
    batches: list[list[int]] = [[]]
    for i in sorted(numbers, key=lambda i: sizes[i]):
        if batches[-1] and sum(sizes[k] for k in batches[-1]) + sizes[i] > _MOST_TOGETHER:
            batches.append([])
        batches[-1].append(i)
    return [batch for batch in batches if batch]


def _shrinks(subject: Subject, plan: Plan) -> list[float]:
    """What one step takes of an offset of each parameter."""
    plus, minus = (subject.run(p) for p in offset_pair(plan, weights=_OFFSET))
    return [-math.expm1(-mean_log_shrink((a - b) / 2)) for a, b in zip(plus, minus, strict=True)]


def _tolerance(dtype: torch.dtype, shrink: float) -> float:
    """How far two shrinks may differ for other reasons: rounding, and a whole that is not quite like its part."""
    eps = torch.finfo(dtype).eps if dtype.is_floating_point else torch.finfo(torch.float32).eps
    return max(0.05 * abs(shrink), 4 * eps) if eps < 1e-4 else max(0.3 * abs(shrink), 4 * eps)


def _put_right(
    optimizer: torch.optim.Optimizer,
    thin: OptimizerSubject,
    readings: Sequence[Reading],
    contradicted: Mapping[int, float],
    own: Mapping[int, float],
    plan: Plan,
    limit: int,
) -> dict[int, Reading]:
    """The readings at their own size: all experiments where that is small enough, else the shrink in proportion."""
    if not contradicted:
        return {}
    live = list(parameters_of(optimizer))
    small = [i for i in contradicted if live[i].numel() <= _MOST_READ and live[i].dtype.itemsize >= 4]
    found = {
        i: replace(readings[i], shrink=ratio * (readings[i].shrink or 0), first=ratio * readings[i].first)
        for i, ratio in contradicted.items()
        if readings[i].decays and ratio
    }
    for native in (False, True):
        left = [i for i in small if i not in found or found[i].shrink is not None]
        if not left or sum(live[i].numel() for i in left) > 8 * _MOST_READ:
            break
        subject = OptimizerSubject(optimizer, limit=limit, lrs=thin.lrs, native=native, whole=left)
        agreeing = _shrinks(subject, plan)
        if all(abs(agreeing[i] - own[i]) <= _tolerance(live[i].dtype, own[i]) for i in left):
            whole = read(subject)
            return found | {i: whole[i] for i in left}
    return found
