"""What the findings are judged on: the measurements beside what the model and the optimizer's groups say."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from shrinkage.attachment import Place, places_of
from shrinkage.auditing._unchecked import Need
from shrinkage.auditing.measuring._invariance import Invariance
from shrinkage.auditing.measuring._loss_penalty import Penalty
from shrinkage.auditing.measuring._step_reading import AT_REST, Reading
from shrinkage.auditing.measuring._timeline import Timeline
from shrinkage.auditing.measuring._zero_rows import Unreached, unreached_rows
from shrinkage.auditing.subjects._sampling import local, sample
from shrinkage.auditing.subjects._subject import parameters_of
from shrinkage.sweeps import Ends, ends_of_shrinks

__all__ = [
    "BY_AXES",
    "MOST_PER_STEP",
    "Audited",
    "Facts",
    "Owner",
    "audited_parameters",
    "configured_strength",
    "weights_of",
]

BY_AXES = "one-dimensional, like biases and norm gains"
"""The reason of a role that nothing but the shape tells."""
_CONFIGURED = ("weight_decay", "wd", "weight_decay_rate", "l2")
"""Options that set a decay of the weights."""
MOST_PER_STEP = 0.01
"""A shrink that leaves e⁻¹⁰ of a weight after 1,000 steps."""
_STATISTIC = 65_536
"""Most elements that a norm or a size is estimated from."""


@dataclass(frozen=True, kw_only=True)
class Audited:
    """One parameter that the optimizer holds."""

    name: str
    """Its name in the model, or `group 0, parameter 3 (16×8)` where the model does not know it."""
    role: str
    """What it is for: weight, bias, norm, scale, token, embedding; `unknown` without a model."""
    reason: str
    """How the role was recognized."""
    group: int
    """The group it is in; the first where there are several."""
    groups: tuple[int, ...]
    """Every place in the groups where it is listed."""
    tied: tuple[str, ...]
    """Further names in the model."""
    tensor: Tensor
    """The live parameter, for its shape, kind and flags; never written."""
    reading: Reading
    """What was measured."""
    lr: float
    """The learning rate at which it was measured."""
    trainable: bool = True
    """False where `requires_grad` is."""
    has_past: bool = False
    """Whether it has a gradient other than zeros, or a state."""
    applied: float | None = None
    """Fraction of the decay that the weights' precision lets through now."""
    penalty: Penalty = field(default_factory=Penalty)
    """The penalty on it in the loss itself."""
    unreached: Unreached | None = None
    """Set where rows of it have a gradient of zeros while others have one."""
    invariance: Invariance | None = None
    """Set where the loss does not change with the weight's scale."""

    @property
    def fan_in(self) -> int:
        """Number of inputs per output."""
        shape = self.tensor.shape
        return int(torch.Size(shape[1:]).numel()) if len(shape) > 1 else 1

    @property
    def rms(self) -> float:
        """Root of the mean square of its elements, of a part of them where there are many."""
        part = sample(self.tensor, _STATISTIC).abs().double()
        return float(part.square().mean().sqrt()) if part.numel() else 0.0

    @property
    def decays(self) -> bool:
        """Whether a step pulls it."""
        return self.reading.decays

    @property
    def moves_though_frozen(self) -> bool:
        """Whether it is frozen, and a step moves it all the same: a stale gradient or a momentum does that."""
        return not self.trainable and (self.decays or (self.reading.moves and self.has_past))


@dataclass(frozen=True, kw_only=True)
class Owner:
    """One of the optimizers that were audited together."""

    name: str
    """The name of its class."""
    groups: range
    """The numbers of its groups."""
    kind: type | None = None
    """Its class."""
    defaults: dict[str, Any] = field(default_factory=dict)
    """The options it was built with."""
    is_compiled: bool = False
    """Whether `step` was compiled."""
    has_hooks: bool = False
    """Whether something acts before or after its steps."""
    noise: float = 0.0
    """The shrink that its arithmetic can't show."""
    options_read: frozenset[str] = frozenset()
    """The options of its groups that a step looks at."""
    is_still: bool = False
    """Whether its steps move no parameter, whatever the gradients."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything known about one optimizer."""

    optimizer: str
    """The name of its class."""
    parameters: list[Audited]
    """Its parameters, in the order of its groups."""
    groups: list[dict[str, Any]] = field(default_factory=list)
    """The options of each group, without the parameters."""
    owners: list[Owner] = field(default_factory=list)
    """The optimizers; empty where there is none."""
    forgotten: list[str] = field(default_factory=list)
    """Trainable parameters of the model that it does not hold."""
    aliases: list[tuple[str, str]] = field(default_factory=list)
    """Pairs of parameters that share memory without being one."""
    timelines: list[Timeline] | None = None
    """Each group's plan for the rest of the run, where its length is known."""
    fading: Mapping[int, tuple[int, float]] = field(default_factory=dict)
    """By parameter number: the step from which its decay is rounded away, and the remaining share of the run."""
    rows: int | None = None
    """Training rows."""
    batch_size: int | None = None
    """Rows per optimizer step."""
    lacks: Mapping[Need, str] = field(default_factory=dict)
    """Missing needs of checks, and why they are missing."""
    lacks_part: Mapping[Need, str] = field(default_factory=dict)
    """Needs that only some parameters lack, and why."""

    def held_by(self, owner: Owner) -> list[Audited]:
        """The parameters of one of the optimizers."""
        return [p for p in self.parameters if p.group in owner.groups]

    def shrinks(self, parameter: Audited) -> Any:
        """The planned shrink of each remaining step, or None where it is not known."""
        if self.timelines is None or parameter.reading.shrink is None or not parameter.decays:
            return None
        return self.timelines[parameter.group].shrinks(parameter.reading, parameter.lr)

    def ends(self, parameter: Audited) -> Ends | None:
        """The range of strengths that act in the run, and of good ones, in the unit of the group's number.

        None where the length of the run or the shrink is not known. A penalty that an adaptive step divides by its
        gradients' size is taken at the present gradients.
        """
        shrinks = self.shrinks(parameter)
        if shrinks is None and self.timelines is not None and (like := self.felt(parameter)):
            timeline = self.timelines[parameter.group]
            shrinks = like * timeline.strengths * (timeline.lrs / parameter.lr)
        if shrinks is None or not shrinks.max() > 0:
            return None
        strength = (
            configured_strength(self.groups[parameter.group])
            or parameter.reading.lam
            or parameter.reading.shrink
        )
        if not strength or strength < 0:
            return None
        is_lost = parameter.applied is not None and parameter.applied < 0.5
        counted = self.rows is not None and self.batch_size is not None
        return ends_of_shrinks(
            strength,
            mean=float(shrinks.mean()),
            peak=float(shrinks.max()),
            steps=len(shrinks),
            epochs=len(shrinks) * (self.batch_size or 1) / (self.rows or 1) if counted else None,
            dtype=str(parameter.tensor.dtype).removeprefix("torch.") if is_lost else None,
            most=MOST_PER_STEP,
        )

    def felt(self, parameter: Audited) -> float | None:
        """The shrink per step that a penalty in an adaptive step comes to at the present gradients: lr·λ over their size.

        None where there is no gradient, and for steps that divide by all gradients so far.
        """
        reading, grad = parameter.reading, parameter.tensor.grad
        if reading.path != "coupled" or not reading.adaptive or not reading.lam or grad is None:
            return None
        sums = any(
            o.kind and issubclass(o.kind, torch.optim.Adagrad)
            for o in self.owners
            if parameter.group in o.groups
        )
        if sums or grad.layout != torch.strided or parameter.lr <= 0 or reading.lam < 0:
            return None
        rms = float(sample(grad, _STATISTIC).abs().double().square().mean().sqrt())
        return parameter.lr * reading.lam / rms if rms > 0 and math.isfinite(rms) else None


def configured_strength(options: Mapping[str, Any]) -> float | None:
    """The strength that a group's options say; None where they have no such option."""
    values = [options[key] for key in _CONFIGURED if isinstance(options.get(key), int | float | Tensor)]
    return float(values[0]) if values else None


def audited_parameters(
    optimizer: torch.optim.Optimizer,
    model: nn.Module | None,
    readings: Sequence[Reading],
    lrs: Sequence[float],
    roles: Mapping[int, str],
    shapeless: Collection[int] = (),
) -> tuple[list[Audited], list[str], list[tuple[str, str]]]:
    """Each parameter with its place in the model; the names that no group holds; pairs that share memory.

    `roles` and `shapeless` are by a parameter's id: roles that no model tells, and shapes that are none of its own.
    """
    places = {id(place.tensor): place for place in places_of(model)} if model is not None else {}
    listed: dict[int, list[int]] = defaultdict(list)
    for g, group in enumerate(optimizer.param_groups):
        for p in group["params"]:
            listed[id(p)].append(g)
    parameters, live = [], list(parameters_of(optimizer))
    rows = unreached_rows(live, optimizer.state)
    for i, (p, reading) in enumerate(zip(live, readings, strict=True)):
        place, groups = places.get(id(p)), listed[id(p)]
        parameters.append(
            Audited(
                name=place.name if place else _position(optimizer, p, shapeless),
                role=place.role.name if place else roles.get(id(p), "unknown"),
                reason=place.role.reason if place else BY_AXES if id(p) in roles else "not in the model",
                group=groups[0],
                groups=tuple(groups),
                tied=tuple(place.tied) if place else (),
                tensor=p,
                reading=reading,
                lr=lrs[groups[0]],
                trainable=p.requires_grad,
                has_past=p.requires_grad or _has_past(p, optimizer.state.get(p)),
                unreached=rows.get(i),
            )
        )
    forgotten = [
        place.name for key, place in places.items() if key not in listed and place.tensor.requires_grad
    ]
    return parameters, forgotten, _aliases(places.values())


def _has_past(p: Tensor, state: Mapping[str, Any] | None) -> bool:
    if state:
        return True
    return p.grad is not None and bool(sample(p.grad, _STATISTIC).any())


def weights_of(model: nn.Module) -> list[Audited]:
    """The parameters of a model without an optimizer: nothing acts on them."""
    return [
        Audited(
            name=place.name,
            role=place.role.name,
            reason=place.role.reason,
            group=0,
            groups=(0,),
            tied=tuple(place.tied),
            tensor=place.tensor,
            reading=AT_REST,
            lr=0.0,
            trainable=place.tensor.requires_grad,
        )
        for place in places_of(model)
    ]


def _position(optimizer: torch.optim.Optimizer, p: Tensor, shapeless: Collection[int]) -> str:
    for g, group in enumerate(optimizer.param_groups):
        for k, candidate in enumerate(group["params"]):
            if candidate is p:
                names = group.get("param_names")
                shape = "" if id(p) in shapeless else f" ({'×'.join(map(str, p.shape)) or '1'})"
                return str(names[k]) if names else f"group {g}, parameter {k}{shape}"
    raise AssertionError("not in the optimizer")


def _aliases(places: Any) -> list[tuple[str, str]]:
    first: dict[tuple[int, int], Place] = {}
    pairs = []
    for place in places:
        part = local(place.tensor)
        if not part.numel() or part.is_meta:
            continue
        key = (part.data_ptr(), part.numel())
        if key in first:
            pairs.append((first[key].name, place.name))
        first.setdefault(key, place)
    return pairs
