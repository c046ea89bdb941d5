"""From a live optimizer to facts: every measurement, in turn."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence, Set
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from shrinkage._errors import RequestError, called
from shrinkage.auditing._facts import Audited, Facts, Owner, audited_parameters, configured_strength
from shrinkage.auditing._request import Request
from shrinkage.auditing._unchecked import WHY_MISSING, Need
from shrinkage.auditing.measuring._experiments import read, shrink_noise
from shrinkage.auditing.measuring._faint import with_faint
from shrinkage.auditing.measuring._invariance import equilibrium, invariant_names
from shrinkage.auditing.measuring._loss_penalty import penalties
from shrinkage.auditing.measuring._rounding import survivals
from shrinkage.auditing.measuring._rounding_shared import SharedRounding
from shrinkage.auditing.measuring._starts import with_starts
from shrinkage.auditing.measuring._step_reading import Reading
from shrinkage.auditing.measuring._timeline import Timeline, number, timeline
from shrinkage.auditing.measuring._true_size import confirm, with_real_gradients
from shrinkage.auditing.measuring._zero_rows import has_taken_steps
from shrinkage.auditing.subjects._live import OptimizerSubject
from shrinkage.auditing.subjects._sampling import local
from shrinkage.auditing.subjects._subject import Plan, Subject, parameters_of

__all__ = ["measure_facts"]

_MOST_ELEMENTS = 512
"""Elements of a parameter that are stepped on."""
_PATIENCE = 64
"""Steps after which an optimizer that has moved nothing, because it accumulates or waits, is taken to move nothing."""
_LOOKS = 20
"""Places of a schedule at which rounding is looked at."""


def measure_facts(optimizer: torch.optim.Optimizer, model: nn.Module | None, request: Request) -> Facts:
    """Measure everything about one optimizer."""
    plans = None
    if request.steps is not None:
        plans = timeline(optimizer, request.scheduler, request.steps, request.scheduler_every)
    lrs = [_reference_lr(optimizer, g, plans) for g in range(len(optimizer.param_groups))]
    subject = OptimizerSubject(optimizer, limit=_MOST_ELEMENTS, lrs=lrs)
    expected = _expected_shrinks(optimizer, lrs)
    readings = with_faint(subject, read(subject), expected)
    sizes = confirm(optimizer, subject, readings, expected, limit=_MOST_ELEMENTS)
    readings = with_real_gradients(optimizer, subject, sizes.readings)
    readings = with_starts(optimizer, subject, readings, expected)
    parameters, forgotten, aliases = audited_parameters(
        optimizer, model, readings, lrs, request.roles, request.shapeless
    )
    if request.loss is not None:
        strengths = penalties(request.loss, [p.tensor for p in parameters])
        parameters = [
            dataclasses.replace(p, penalty=lam) for p, lam in zip(parameters, strengths, strict=True)
        ]
    if request.inputs is not None and model is not None:
        parameters = _with_invariance(parameters, model, request.inputs, optimizer)
    native = OptimizerSubject(optimizer, limit=_MOST_ELEMENTS, lrs=lrs, native=True)
    applied, idle = _lost_by_rounding(subject, survivals(native, readings, 1.0))
    shared = SharedRounding(subject, native, readings, idle=idle)
    for i, share in shared.survivals().items():
        applied[i] = share
    missed = frozenset(shared.missed)
    parameters = [dataclasses.replace(p, applied=share) for p, share in zip(parameters, applied, strict=True)]
    fading, missed_later = (
        _fading(native, shared, readings, applied, plans, lrs) if plans else ({}, frozenset())
    )
    return Facts(
        optimizer=type(optimizer).__name__,
        parameters=parameters,
        groups=[
            {key: value for key, value in group.items() if key != "params"}
            for group in optimizer.param_groups
        ],
        owners=[_owner(optimizer, subject, readings)],
        forgotten=forgotten,
        aliases=aliases,
        timelines=plans,
        fading=fading,
        rows=request.rows,
        batch_size=request.batch_size,
        lacks={**_unfelt(optimizer, readings, idle), **request.missing(model), **request.lacks},
        lacks_part={
            **_unproven(parameters, sizes.unproven),
            **_penalties_not_judged(parameters, missed, missed_later - missed),
            **request.lacks_part,
        },
    )


def _lost_by_rounding(
    exact: OptimizerSubject, applied: Sequence[float | None]
) -> tuple[list[float | None], frozenset[int]]:
    """The shares that arrive, and the parameters that a step of zero gradients does not move at all (Prodigy)."""
    lost = [i for i, share in enumerate(applied) if share is not None and share < 0.5]
    judged = list(applied)
    idle: set[int] = set()
    if lost and exact.epsilon < 1e-10:
        tracks = exact.run(Plan(start="weights", gradients=0.0))
        idle = {i for i in lost if bool((tracks[i][1] == tracks[i][0]).all())}
        for i in idle:
            judged[i] = None
    return judged, frozenset(idle)


def _owner(optimizer: torch.optim.Optimizer, subject: OptimizerSubject, readings: Sequence[Reading]) -> Owner:
    keys = {key for group in optimizer.param_groups for key in group}
    return Owner(
        name=type(optimizer).__name__,
        kind=type(optimizer),
        groups=range(len(optimizer.param_groups)),
        defaults=dict(optimizer.defaults),
        is_compiled=hasattr(optimizer.__dict__.get("step"), "_torchdynamo_orig_callable"),
        has_hooks=bool(optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks),
        noise=shrink_noise(subject),
        is_still=not any(reading.moves or reading.decays for reading in readings) and _rests(subject),
        options_read=subject.options_read() if keys - optimizer.defaults.keys() - {"params"} else frozenset(),
    )


def _rests(subject: OptimizerSubject) -> bool:
    """Whether nothing moves in many steps, nor at a learning rate so large that no rounding hides it."""
    plans = [Plan(steps=_PATIENCE, start=start, lr=lr) for start in ("pattern", "live") for lr in (1.0, 1e4)]
    return not any(bool((track != track[0]).any()) for plan in plans for track in subject.run(plan))


def _expected_shrinks(optimizer: torch.optim.Optimizer, lrs: Sequence[float]) -> list[float]:
    """For each parameter lr × the strength that its group says, 0 where it says none."""
    of: dict[int, float] = {}
    for group, lr in zip(optimizer.param_groups, lrs, strict=True):
        for p in group["params"]:
            of.setdefault(id(p), lr * (configured_strength(group) or 0.0) if p.requires_grad else 0.0)
    return [of[id(p)] for p in parameters_of(optimizer)]


def _unfelt(optimizer: torch.optim.Optimizer, readings: Sequence[Reading], idle: Set[int]) -> dict[Need, str]:
    """What only gradients tell, where there are none."""
    live = list(parameters_of(optimizer))
    is_fed = any(p.grad is not None for p in live)
    is_summed = any(reading.path in ("coupled", "plain") and reading.first for reading in readings)
    absent: dict[Need, bool] = {
        "gradients": (is_summed or bool(idle)) and not is_fed,
        "reached": not is_fed and not has_taken_steps(optimizer.state),
    }
    return {need: WHY_MISSING[need] for need, is_absent in absent.items() if is_absent}


def _penalties_not_judged(parameters: Sequence[Audited], now: Set[int], later: Set[int]) -> dict[Need, str]:
    """Penalties whose rounding was not judged, and why."""
    in_loss = [i for i, p in enumerate(parameters) if p.penalty.pulls or p.penalty.pushes]
    why = "is too weak to measure, and a hook's penalty can't be tested at a larger strength"
    reasons: dict[Need, str] = {}
    if now:
        reasons["followed"] = f"the penalty of {_few(parameters, sorted(now))} {why}"
    elif in_loss:
        reasons["followed"] = "a penalty in the loss is rounded before the optimizer sees it"
    if later:
        reasons["followed later"] = (
            f"the penalty of {_few(parameters, sorted(later))}, at later learning rates, {why}"
        )
    return reasons


def _unproven(parameters: Sequence[Audited], numbers: Sequence[int]) -> dict[Need, str]:
    """Parameters that were measured on smaller copies alone."""
    if not numbers:
        return {}
    why = "could not take a full-size step within two seconds, so it was measured on smaller copies"
    return {"size": f"{_few(parameters, numbers)} {why}"}


def _few(parameters: Sequence[Audited], numbers: Sequence[int]) -> str:
    names = [parameters[i].name for i in numbers[:2]]
    return ", ".join(names) + (f" and {len(numbers) - 2} more" if len(numbers) > 2 else "")


def _reference_lr(optimizer: torch.optim.Optimizer, group: int, plans: Sequence[Timeline] | None) -> float:
    """The peak of the plan; without one the learning rate now; where that is 0, what it was set to be."""
    options = optimizer.param_groups[group]
    candidates = [
        float(plans[group].lrs.max()) if plans else 0.0,
        number(options.get("lr")),
        number(options.get("initial_lr")),
        number(optimizer.defaults.get("lr")),
    ]
    return next((lr for lr in candidates if lr), 1e-3)


def _fading(
    native: Subject,
    shared: SharedRounding,
    readings: list[Reading],
    applied: Sequence[float | None],
    plans: Sequence[Timeline],
    lrs: Sequence[float],
) -> tuple[dict[int, tuple[int, float]], frozenset[int]]:
    """The parameters whose decay arrives now and is lost at a later place of the schedule; those that can't be judged."""
    course = plans[0].lrs / lrs[0]
    places = np.unique(np.linspace(0, len(course) * (1 - 1 / _LOOKS), _LOOKS).astype(int))
    if np.ptp(course) == 0:
        return {}, frozenset()
    fading: dict[int, tuple[int, float]] = {}
    missed: set[int] = set()
    arriving = {i for i, share in enumerate(applied) if share is not None and share >= 0.5}
    for step in places[::-1]:
        if course[step] <= 0 or not arriving:
            continue
        shares = survivals(native, readings, float(course[step]))
        for i, share in shared.survivals(float(course[step]), is_later=True).items():
            shares[i] = share
        missed |= arriving & shared.missed
        judged_here = {i: share for i in arriving if (share := shares[i]) is not None}
        fading.update(
            {i: (int(step), 1 - step / len(course)) for i, share in judged_here.items() if share < 0.5}
        )
        arriving -= {i for i, share in judged_here.items() if share >= 0.5}
    return fading, frozenset(missed - fading.keys())


def _with_invariance(
    parameters: list[Audited], model: nn.Module, inputs: Any, optimizer: torch.optim.Optimizer
) -> list[Audited]:
    if any(local(p.tensor) is not p.tensor for p in parameters):
        raise RequestError(
            f"{called('inputs', of='audit')}: layers whose scale does not matter are found by running the "
            "model with changed weights, which a sharded model (FSDP, tensor parallel) does not allow. "
            "Leave inputs out, or audit the unsharded model."
        )
    names = set(invariant_names(model, inputs, [p.name for p in parameters]))
    return [
        _at_rest(p, optimizer) if p.name in names and (p.reading.shrink or 0) > 0 else p for p in parameters
    ]


def _norm(x: Tensor) -> float:
    """‖x‖; of a distributed tensor judged by this process's part, without a word to the others."""
    part = local(x.detach())
    return float(part.norm()) * (x.numel() / max(part.numel(), 1)) ** 0.5


def _at_rest(p: Audited, optimizer: torch.optim.Optimizer) -> Audited:
    options, s = optimizer.param_groups[p.group], p.reading.shrink or 0.0
    beta = number(options.get("momentum")) or number((options.get("betas") or (0.0,))[0])
    norm = p.rms * p.tensor.numel() ** 0.5
    reach = None
    if not p.reading.adaptive:
        carried = s / p.reading.lam if p.reading.lam else 0.0  # equation (3): r = s/λ
        reach = _norm(p.tensor.grad) * carried if p.tensor.grad is not None and carried else float("nan")
    found_at = equilibrium(norm, s, p.tensor.numel(), lr=p.lr, beta=beta, reach=reach)
    return dataclasses.replace(p, invariance=found_at)
