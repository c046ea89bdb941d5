"""The audit of a live optimizer: measured on copies, judged, and shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from shrinkage._errors import RequestError, called, shown
from shrinkage.auditing._facts import Audited, Facts, audited
from shrinkage.auditing._judging import Audit, audit_of
from shrinkage.auditing._unchecked import TOLD, Need
from shrinkage.auditing.measuring._experiments import read
from shrinkage.auditing.measuring._invariance import equilibrium, invariant_names
from shrinkage.auditing.measuring._loss_penalty import penalties
from shrinkage.auditing.measuring._reading import Reading
from shrinkage.auditing.measuring._rounding import survivals
from shrinkage.auditing.measuring._rounding_shared import SharedRounding
from shrinkage.auditing.measuring._timeline import Timeline, number, timeline
from shrinkage.auditing.subjects._live import OptimizerSubject
from shrinkage.auditing.subjects._sampling import local
from shrinkage.auditing.subjects._subject import Subject, parameters_of, undisturbed
from shrinkage.auditing.subjects._untouched import untouched

__all__ = ["Request", "audit", "counted", "judged"]

_MOST_ELEMENTS = 512
"""Elements of a parameter that are stepped on."""
_TRAINERS = {"accelerate", "lightning", "pytorch_lightning"}
"""Packages whose optimizers wrap a torch one and step by way of the trainer."""
_LOOKS = 20
"""Places of a schedule at which rounding is looked at."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user told beside the optimizer."""

    rows: int | None = None
    batch_size: int | None = None
    steps: int | None = None
    scheduler: Any = None
    scheduler_every: int = 1
    loss: Callable[[], Tensor] | None = None
    inputs: Any = None
    lacks: Mapping[Need, str] = field(default_factory=dict)
    """What a file does not hold, and why, beside what the user did not tell."""
    lacks_part: Mapping[Need, str] = field(default_factory=dict)
    """What it holds for some parameters alone, and why."""
    roles: Mapping[int, str] = field(default_factory=dict)
    """Roles of parameters, by their id, that no model tells."""
    shapeless: Collection[int] = ()
    """Parameters, by their id, whose shape is not known: another stands for it."""

    def missing(self, model: nn.Module | None) -> dict[Need, str]:
        """What the user did not give, and the reasons."""
        is_nameless = model is None and "model" not in self.lacks
        absent: dict[Need, bool] = {
            "model": is_nameless,
            "biases": is_nameless,
            "roles": is_nameless,
            "matrices": is_nameless,
            "rows": self.rows is None or self.batch_size is None,
            "steps": self.steps is None,
            "scheduler": self.scheduler is None,
            "loss": self.loss is None,
            "inputs": self.inputs is None,
        }
        return {need: TOLD[need] for need, is_absent in absent.items() if is_absent}


def audit(
    optimizer: torch.optim.Optimizer,
    model: nn.Module | None = None,
    *,
    rows: int | None = None,
    batch_size: int | None = None,
    steps: int | None = None,
    scheduler: Any = None,
    scheduler_every: int = 1,
    loss: Callable[[], Tensor] | None = None,
    inputs: Any = None,
) -> Audit:
    """Measure what a live optimizer does to each weight, and judge it.

    Thinned copies of the parameters and of the optimizer's state take steps with zero and with known gradients; the
    shrink s, the strength λ of `J = (1/n) Σ lossᵢ + (λ/2) Σ w²`, its way and its clock are read off. Model,
    optimizer, state, gradients and random states stay as they are, bit for bit.

    Args:
        optimizer: any optimizer that keeps to torch's interface, hooks included.
        model: whose parameters they are, for names and roles.
        rows: training rows n, >= 1, for timescales in epochs.
        batch_size: rows per optimizer step, >= 1.
        steps: optimizer steps still to come, >= 1.
        scheduler: the learning rate's scheduler (or a list), planned ahead over `steps`.
        scheduler_every: optimizer steps between two steps of the scheduler, >= 1.
        loss: computes the loss of a batch, with its graph: a penalty inside it is found.
        inputs: a batch for `model` (a tensor, a tuple of arguments, a dict of keywords): finds the layers whose
            scale does not matter.

    Returns:
        Findings, the worst first, and a row for each kind of treatment; `print` it.

    Raises:
        RequestError: an argument is out of its range, or no copy of the optimizer can take a step.

    Example:
        >>> model = torch.nn.Linear(8, 2)
        >>> optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=0.01)
        >>> [finding.code for finding in audit(optimizer, model).findings]
        ['adam-l2', 'bias-decayed']
    """
    optimizer = unwrapped(optimizer)
    request = Request(
        **counted(rows=rows, batch_size=batch_size, steps=steps),
        scheduler=scheduler,
        scheduler_every=counted(scheduler_every=scheduler_every)["scheduler_every"] or 1,
        loss=loss,
        inputs=inputs,
    )
    _check(optimizer, model)
    return judged(optimizer, model, request)


def judged(optimizer: torch.optim.Optimizer, model: nn.Module | None, request: Request) -> Audit:
    """The audit of an optimizer that can take steps, on what was told of it."""
    with undisturbed(), untouched(optimizer):
        facts = _measure(optimizer, model, request)
    return audit_of(facts)


def unwrapped(optimizer: Any) -> torch.optim.Optimizer:
    """The torch optimizer inside a trainer's wrapper, which steps by ways of its own."""
    inner = getattr(optimizer, "optimizer", None)
    homes = {kind.__module__.partition(".")[0] for kind in type(optimizer).__mro__}
    is_wrapper = not isinstance(optimizer, torch.optim.Optimizer) or bool(homes & _TRAINERS)
    return unwrapped(inner) if is_wrapper and isinstance(inner, torch.optim.Optimizer) else optimizer


def counted(**counts: int | None) -> dict[str, Any]:
    """The counts as whole numbers >= 1, or None where they were not told."""
    for name, value in counts.items():
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1
        ):
            raise RequestError(
                f"{called(name, of='audit')}: must be a whole number >= 1, got {shown(value)}."
            )
    return {name: None if value is None else int(value) for name, value in counts.items()}


def _check(optimizer: Any, model: Any) -> None:
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise RequestError(
            f"{called('optimizer', of='audit')}: must be a torch.optim.Optimizer, got {shown(optimizer)}. "
            "Measure any other update with audit_step(step, parameters)."
        )
    if model is not None and not isinstance(model, nn.Module):
        raise RequestError(f"{called('model', of='audit')}: must be a torch.nn.Module, got {shown(model)}.")
    if any(p.is_meta for p in parameters_of(optimizer)):
        raise RequestError(
            f"{called('optimizer', of='audit')}: "
            "its parameters are on the meta device and have no values. Build them first."
        )


def _measure(optimizer: torch.optim.Optimizer, model: nn.Module | None, request: Request) -> Facts:
    plans = None
    if request.steps is not None:
        plans = timeline(optimizer, request.scheduler, request.steps, request.scheduler_every)
    lrs = [_reference_lr(optimizer, g, plans) for g in range(len(optimizer.param_groups))]
    subject = OptimizerSubject(optimizer, limit=_MOST_ELEMENTS, lrs=lrs)
    readings = read(subject)
    parameters, forgotten, aliases = audited(
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
    applied = survivals(native, readings, 1.0)
    shared = SharedRounding(subject, native, readings)
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
        defaults=dict(optimizer.defaults),
        forgotten=forgotten,
        aliases=aliases,
        timelines=plans,
        fading=fading,
        rows=request.rows,
        batch_size=request.batch_size,
        is_compiled=hasattr(optimizer.__dict__.get("step"), "_torchdynamo_orig_callable"),
        lacks={**_unfelt(optimizer, readings), **request.missing(model), **request.lacks},
        lacks_part={**_unfollowed(parameters, missed, missed_later - missed), **request.lacks_part},
    )


def _unfelt(optimizer: torch.optim.Optimizer, readings: Sequence[Reading]) -> dict[Need, str]:
    """What only gradients tell, where there are none."""
    live = list(parameters_of(optimizer))
    is_fed = any(p.grad is not None for p in live)
    is_summed = any(reading.path in ("coupled", "plain") and reading.first for reading in readings)
    absent: dict[Need, bool] = {
        "gradients": is_summed and not is_fed,
        "reached": not is_fed and not any(optimizer.state.values()),
    }
    return {need: TOLD[need] for need, is_absent in absent.items() if is_absent}


def _unfollowed(parameters: Sequence[Audited], now: Set[int], later: Set[int]) -> dict[Need, str]:
    """Penalties whose rounding was not judged, and why."""
    in_loss = [i for i, p in enumerate(parameters) if p.penalty.pulls or p.penalty.pushes]
    why = "is too weak to be followed, and what a hook adds can't be tried stronger"
    told: dict[Need, str] = {}
    if now:
        told["followed"] = f"the penalty of {_few(parameters, sorted(now))} {why}"
    elif in_loss:
        told["followed"] = "a penalty in the loss is rounded before the optimizer sees it"
    if later:
        told["followed later"] = (
            f"the penalty of {_few(parameters, sorted(later))}, at later learning rates, {why}"
        )
    return told


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
            "model with other weights, "
            "which a model cut into pieces (FSDP, tensor parallel) does not allow. Leave inputs out, or audit the whole."
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
