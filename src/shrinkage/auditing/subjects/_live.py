"""What is measured: something that takes steps, on weights, gradients and learning rates of our choosing."""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from shrinkage._errors import RequestError
from shrinkage.auditing.subjects._copying import Copier
from shrinkage.auditing.subjects._patterns import (
    even_rows,
    gradient_pattern,
    offset_signs,
    time_sign,
    weight_pattern,
)
from shrinkage.auditing.subjects._sampling import sampled

__all__ = [
    "OptimizerSubject",
    "Plan",
    "Subject",
    "Track",
    "offset_pair",
    "parameters_of",
    "rms_or_usual",
    "set_lr",
    "undisturbed",
]

Track = Tensor
"""(steps + 1, elements) float64 on the CPU: a parameter's weights before the first step and after each; where a plan
asks for the ends alone, (2, elements)."""

STRENGTHS = ("weight_decay", "wd", "weight_decay_rate", "l2", "l1", "lambd", "decay_rate")
"""Group options that are set to 0 to see what a step does without its decay."""
REFERENCES = ("initial_lr", "max_lr", "lr_max", "base_lr", "peak_lr", "lr_peak", "lr_ref")
"""Group options that hold the reference learning rate η_max of a schedule."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One experiment: where to start, which gradients to feed, what to change."""

    steps: int = 1
    """Steps to take, >= 1."""
    weights: float = 1.0
    """Multiple of the pattern of weights to start from; 0 starts at zero."""
    weight_offset: float = 0.0
    """Relative offset of the starting weights, of alternating sign."""
    gradients: float = 1.0
    """Multiple of the pattern of gradients; 0 feeds zeros."""
    gradient_offset: float = 0.0
    """Relative offset of every gradient, constant in time, of alternating sign."""
    lr: float = 1.0
    """Multiple of the learning rate."""
    reference_lr: float | None = None
    """Multiple of the reference learning rate of a schedule; None leaves what there is of it untouched."""
    strength: Literal["as set", "off"] = "as set"
    """`off` sets every known option of strength to 0 and takes the step hooks away."""
    factor: float = 1.0
    """Multiple of every known option of strength."""
    start: Literal["pattern", "weights", "live"] = "pattern"
    """`weights` starts from the model's own weights, `live` also from the optimizer's own state."""
    only: frozenset[int] | None = None
    """Parameters that are fed gradients, by their number; None feeds all. The tracks of the others are empty."""
    ends: bool = False
    """Whether to keep the weights before the first step and after the last alone."""
    feed: Literal["as live", "none", "every other row", "noise"] = "as live"
    """`none` leaves every gradient None; otherwise only frozen parameters without a gradient have none. `every other
    row` feeds zeros to the rows of even number, `noise` normal numbers of the size that the live gradient has."""
    hold: bool = False
    """Whether the weights are put back before each step, so that every step starts where the first did."""


class Subject(Protocol):
    """Something that takes steps."""

    sizes: list[int]
    """Elements of each parameter."""
    groups: list[int]
    """The group that each parameter is in."""
    idle_rows: list[Tensor]
    """(elements,) for each parameter, true in the rows that have no gradient where every other row has none."""
    epsilon: float
    """Spacing of its arithmetic's numbers at 1: 2.2e-16 for float64."""
    changes_lr: bool
    """Whether its learning rate can be changed."""
    has_state: bool
    """Whether it has taken steps and kept something of them."""

    def run(self, plan: Plan) -> list[Track]:
        """Each parameter's weights over the plan's steps; the live object is not touched."""
        ...


class OptimizerSubject:
    """Thinned copies of a torch optimizer.

    Args:
        optimizer: the live optimizer.
        limit: most elements kept of a tensor, >= 2.
        lrs: learning rate of each group at which to measure.
        native: measure in the weights' own precision instead of float64.

    Raises:
        RequestError: no way was found to make the copy take a step.
    """

    changes_lr = True

    def __init__(
        self, optimizer: torch.optim.Optimizer, *, limit: int, lrs: Sequence[float], native: bool = False
    ) -> None:
        self.lrs = list(lrs)
        self._closure = self._sparse = self._curved = False
        self._fresh = True
        self._settle(optimizer, limit, native)
        self.epsilon = torch.finfo(self.dtype or torch.float32).eps

    def _settle(self, optimizer: torch.optim.Optimizer, limit: int, native: bool) -> None:
        """Find the precision and the way of calling in which steps work."""
        first: Exception | None = None
        for dtype in (None,) if native else (torch.float64, torch.float32, None):
            copier = Copier(limit=limit, dtype=dtype)
            self.original: torch.optim.Optimizer = copier(optimizer)
            self._copier, self.dtype = copier, dtype
            self._describe(optimizer, copier, limit)
            for self._closure, self._sparse, self._fresh, self._curved in _WAYS:
                try:
                    self.run(Plan(steps=8))
                except Exception as error:  # whatever a third party's step raises; the next way may do
                    first = first or error
                    continue
                if dtype is not torch.float64 or self._keeps_float64():
                    return
                break
        raise RequestError(
            f"audit(optimizer=…): no step of a copy of {type(optimizer).__name__} succeeded "
            f"({type(first).__name__}: {str(first).splitlines()[0] if str(first) else 'no message'}). "
            "Measure a step of your own with audit_step(step, parameters)."
        ) from first

    def _keeps_float64(self) -> bool:
        """Whether an offset that float32 cannot hold outlives a step; some kernels always compute in float32."""
        plus, minus = (self.run(p) for p in offset_pair(Plan(gradients=0.0), weights=1e-10))
        moved = torch.cat(
            [(a - b)[1] / (a - b)[0] for a, b in zip(plus, minus, strict=True) if a.shape[1] > 1]
            or [torch.ones(1)]
        )
        moved = moved[moved.isfinite()]
        middle = moved.median() if moved.numel() else torch.ones(())
        return bool((moved - middle).abs().median() < 0.5 * middle.abs())

    def _describe(self, optimizer: torch.optim.Optimizer, copier: Copier, limit: int) -> None:
        live = list(parameters_of(optimizer))
        probes = [copier(p) for p in live]
        self.sizes = [probe.numel() for probe in probes]
        self.has_state = any(_is_lived_in(entry) for entry in self.original.state.values())
        of = {
            id(p): g for g, group in reversed([*enumerate(optimizer.param_groups)]) for p in group["params"]
        }
        self.groups = [of[id(p)] for p in live]
        self.idle_rows = [even_rows(probe.shape) for probe in probes]
        self.silent = [not p.requires_grad and p.grad is None for p in live]
        self.starts = [probe.detach().double().cpu().flatten() for probe in probes]
        self._scales = [rms_or_usual(w) for w in self.starts]
        self.gradient_sizes = [_gradient_size(p, limit) for p in live]

    def run(self, plan: Plan) -> list[Track]:
        _seed()  # a step that draws random numbers draws the same ones in every run
        copier = Copier()
        optimizer = copier(self.original)
        probes = [copier(p) for p in parameters_of(self.original)]
        if callable(train := getattr(optimizer, "train", None)):
            train()  # schedule-free optimizers step in this mode alone
        self._prepare(optimizer, plan)
        self._place(optimizer, probes, plan)
        kept = [(i, p) for i, p in enumerate(probes) if plan.only is None or i in plan.only]
        rows: list[list[Tensor]] = [[] for _ in probes]
        for step in range(plan.steps):
            if step == 0 or not plan.ends:
                _append(rows, kept)
            if step > 0 and plan.hold:
                _put_back(kept, rows)
            self._step(optimizer, probes, self._gradients(plan, step))
        _append(rows, kept)
        return [_track(row) for row in rows]

    def _prepare(self, optimizer: torch.optim.Optimizer, plan: Plan) -> None:
        for group, lr in zip(optimizer.param_groups, self.lrs, strict=True):
            set_lr(group, lr * plan.lr)
            if plan.reference_lr is not None:
                _scale_references(group, lr, plan.reference_lr)
        if plan.reference_lr is not None and isinstance(reference := optimizer.defaults.get("lr"), float):
            optimizer.defaults["lr"] = reference * plan.reference_lr
        factor = 0 if plan.strength == "off" else plan.factor
        if factor != 1:
            for options in (optimizer.defaults, *optimizer.param_groups):
                options.update(
                    {key: factor * options[key] for key in STRENGTHS if _is_number(options.get(key))}
                )
        if plan.strength == "off":
            optimizer._optimizer_step_pre_hooks.clear()
            optimizer._optimizer_step_post_hooks.clear()

    def _place(self, optimizer: torch.optim.Optimizer, probes: list[nn.Parameter], plan: Plan) -> None:
        if self._fresh and plan.start != "live":
            optimizer.state.clear()
        for i, probe in enumerate(probes):
            base = (
                self.starts[i] if plan.start != "pattern" else weight_pattern(self.sizes[i], self._scales[i])
            )
            start = plan.weights * base
            offset = plan.weight_offset * start * offset_signs(self.sizes[i])
            with torch.no_grad():
                for entry in _weight_like(optimizer.state.get(probe), self.starts[i]):
                    entry.copy_(_shaped(start + offset, entry))
                probe.copy_(_shaped(start + offset, probe))

    def _gradients(self, plan: Plan, step: int) -> list[Tensor | None]:
        grads: list[Tensor | None] = [None] * len(self.sizes)
        for i in range(len(grads)) if plan.only is None else plan.only:
            if not self.silent[i] and plan.feed != "none":
                grads[i] = self._gradient(i, plan, step)
        return grads

    def _gradient(self, i: int, plan: Plan, step: int) -> Tensor:
        if plan.feed == "noise":
            generator = torch.Generator().manual_seed(step * len(self.sizes) + i)
            noise = torch.randn(self.sizes[i], dtype=torch.float64, generator=generator)
            return plan.gradients * self.gradient_sizes[i] * noise
        base = gradient_pattern(self.sizes[i])
        if plan.feed == "every other row":
            base = base * ~self.idle_rows[i]
        grad = plan.gradients * time_sign(step) * base
        if not plan.gradient_offset:
            return grad
        return grad + plan.gradient_offset * base.abs() * offset_signs(self.sizes[i])

    def _step(self, optimizer: Any, probes: list[nn.Parameter], grads: list[Tensor | None]) -> None:
        def feed() -> Tensor:
            for probe, grad in zip(probes, grads, strict=True):
                dense = None if grad is None else _shaped(grad, probe)
                if self._curved and dense is not None:
                    dense = _with_curvature(dense, probe)
                probe.grad = (
                    dense.to_sparse(1) if self._sparse and dense is not None and dense.dim() else dense
                )
            return torch.zeros(())

        feed()
        optimizer.step(feed) if self._closure else optimizer.step()


def _append(rows: list[list[Tensor]], kept: Sequence[tuple[int, Tensor]]) -> None:
    for i, probe in kept:
        rows[i].append(probe.detach().flatten().clone())


def _put_back(kept: Sequence[tuple[int, Tensor]], rows: Sequence[Sequence[Tensor]]) -> None:
    with torch.no_grad():
        for i, probe in kept:
            probe.copy_(rows[i][0].view(probe.shape))


def _track(row: Sequence[Tensor]) -> Track:
    if not row:
        return torch.empty(0, 0, dtype=torch.float64)
    return torch.stack(list(row)).cpu().to(torch.complex128 if row[0].is_complex() else torch.float64).real


_WAYS = [
    (closure, sparse, fresh, curved)
    for curved in (False, True)
    for fresh in (True, False)
    for closure in (False, True)
    for sparse in (False, True)
]
"""Whether a step wants a closure, sparse gradients, its own state kept, gradients that can be differentiated again."""


def parameters_of(optimizer: torch.optim.Optimizer) -> Iterator[nn.Parameter]:
    """Each parameter of the optimizer once, in the order of its groups."""
    seen: set[int] = set()
    for group in optimizer.param_groups:
        for p in group["params"]:
            if id(p) not in seen:
                seen.add(id(p))
                yield p


def set_lr(group: dict[str, Any], lr: float) -> None:
    """Set a group's learning rate in place where it is a tensor, as schedulers do."""
    if isinstance(group.get("lr"), Tensor):
        group["lr"].fill_(lr)
    elif "lr" in group:
        group["lr"] = lr


def _scale_references(group: dict[str, Any], lr: float, factor: float) -> None:
    group.setdefault("initial_lr", lr)
    group.update({key: group[key] * factor for key in REFERENCES if isinstance(group.get(key), float | int)})


def offset_pair(plan: Plan, *, weights: float = 0.0, gradients: float = 0.0) -> tuple[Plan, Plan]:
    """The plan with an offset, and with the opposite one: half their difference is free of second-order error."""
    plus = replace(plan, weight_offset=weights, gradient_offset=gradients)
    return plus, replace(plan, weight_offset=-weights, gradient_offset=-gradients)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Random states of torch, NumPy and Python as they were afterwards, and no warnings from a third party's step."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(), warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Tensor) and not isinstance(value, bool)


def _seed() -> None:
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def rms_or_usual(w: Tensor) -> float:
    """The size of weights, or a usual one where they are all 0 or out of all bounds."""
    rms = float(w.square().mean().sqrt()) if w.numel() else 0.0
    return rms if 1e-6 < rms < 1e6 else 0.05


def _shaped(flat: Tensor, like: Tensor) -> Tensor:
    return flat.to(device=like.device, dtype=like.dtype).view(like.shape)


@torch.enable_grad()
def _with_curvature(grad: Tensor, w: Tensor) -> Tensor:
    """The gradient as a function of the weights, of Hessian 1, for optimizers that estimate it (Sophia, AdaHessian)."""
    return grad + (w - w.detach())


def _gradient_size(p: Tensor, limit: int) -> float:
    """The root mean square of the live gradient, 0 where there is none."""
    if p.grad is None or p.grad.layout != torch.strided:
        return 0.0
    rms = float(sampled(p.grad, limit).abs().double().square().mean().sqrt())
    return rms if math.isfinite(rms) else 0.0


def _is_lived_in(entry: Any) -> bool:
    tensors = [t for t in entry.values() if isinstance(t, Tensor)] if isinstance(entry, dict) else []
    return any(t.numel() > 1 and bool(t.any()) for t in tensors)


def _weight_like(state: Any, live: Tensor) -> Iterator[Tensor]:
    """Tensors of the state that hold the weights themselves: a master copy, an average, a second sequence."""
    for entry in state.values() if isinstance(state, dict) else ():
        if isinstance(entry, Tensor) and entry.is_floating_point() and entry.numel() == live.numel() > 1:
            flat = entry.detach().double().cpu().flatten()
            if float(torch.cosine_similarity(flat, live, dim=0)) > 0.999:
                yield entry
