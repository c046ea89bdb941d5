"""A live optimizer as something that can be measured: copies that take steps."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from shrinkage._errors import RequestError, called
from shrinkage.auditing.subjects._copying import Copier
from shrinkage.auditing.subjects._patterns import (
    even_rows,
    gradient_pattern,
    offset_signs,
    time_sign,
    weight_pattern,
)
from shrinkage.auditing.subjects._sampling import sample
from shrinkage.auditing.subjects._subject import (
    STRENGTHS,
    Plan,
    Track,
    offset_pair,
    parameters_of,
    rms_or_usual,
)

__all__ = ["OptimizerSubject", "set_lr"]

REFERENCES = ("initial_lr", "max_lr", "lr_max", "base_lr", "peak_lr", "lr_peak", "lr_ref")
"""Group options that hold the reference learning rate η_max of a schedule."""


class OptimizerSubject:
    """Thinned copies of a torch optimizer.

    Args:
        optimizer: the live optimizer.
        limit: most elements kept of a tensor, >= 2.
        lrs: learning rate of each group at which to measure.
        native: measure in the weights' own precision instead of float64.
        whole: parameters, by their number, that are kept at their own size; their first `limit` elements are looked at.

    Raises:
        RequestError: no way was found to make the copy take a step.
    """

    changes_lr = True

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        limit: int,
        lrs: Sequence[float],
        native: bool = False,
        whole: Collection[int] = (),
    ) -> None:
        self.lrs = list(lrs)
        self._whole = {id(p) for i, p in enumerate(parameters_of(optimizer)) if i in whole}
        self._looked_at = limit if whole else None
        self._patterns: dict[int, Tensor] = {}
        self._closure = self._sparse = self._curved = False
        self._fresh = True
        self._settle(optimizer, limit, native)
        self.epsilon = torch.finfo(self.dtype or torch.float32).eps

    def _settle(self, optimizer: torch.optim.Optimizer, limit: int, native: bool) -> None:
        """Find the precision and the way of calling in which steps work."""
        first: Exception | None = None
        for dtype in (None,) if native else (torch.float64, torch.float32, None):
            copier = Copier(limit=limit, dtype=dtype, whole=self._whole)
            self.original: torch.optim.Optimizer = copier(optimizer)
            _step_eagerly(self.original)
            self._copier, self.dtype = copier, dtype
            self._describe(optimizer, copier, limit)
            for self._closure, self._sparse, self._fresh, self._curved in _WAYS:
                try:
                    self.run(Plan(steps=8))
                except Exception as error:  # a third party's step may raise anything; the next way may work
                    first = first or error
                    continue
                if dtype is not torch.float64 or self._keeps_float64():
                    return
                break
        raise RequestError(
            f"{called('optimizer', of='audit')}: no step of a copy of {type(optimizer).__name__} succeeded "
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
        self._elements = [probe.numel() for probe in probes]
        self.sizes = [min(n, self._looked_at or n) for n in self._elements]
        self.has_state = any(_is_lived_in(entry) for entry in self.original.state.values())
        of = {
            id(p): g for g, group in reversed([*enumerate(optimizer.param_groups)]) for p in group["params"]
        }
        self.groups = [of[id(p)] for p in live]
        self._even_rows = [even_rows(probe.shape) for probe in probes]
        self.idle_rows = [rows[: self._looked_at] for rows in self._even_rows]
        self.silent = [not p.requires_grad and p.grad is None for p in live]
        self.starts = [probe.detach().double().cpu().flatten() for probe in probes]
        self._scales = [rms_or_usual(w) for w in self.starts]
        self._real = [_real_gradient(p, probe, limit) for p, probe in zip(live, probes, strict=True)]
        self.gradient_sizes = [_gradient_size(p, limit) for p in live]

    def run(self, plan: Plan) -> list[Track]:
        _seed()  # a step that draws random numbers draws the same ones in every run
        copier = Copier()
        optimizer = copier(self.original)
        probes = [copier(p) for p in parameters_of(self.original)]
        if callable(train := getattr(optimizer, "train", None)):
            train()  # schedule-free optimizers step only in this mode
        self._prepare(optimizer, plan)
        self._place(optimizer, probes, plan)
        kept = [(i, p) for i, p in enumerate(probes) if plan.only is None or i in plan.only]
        rows: list[list[Tensor]] = [[] for _ in probes]
        for step in range(plan.steps):
            if step == 0 or not plan.ends:
                _append(rows, kept, self._looked_at)
            if step > 0 and plan.hold:
                _put_back(kept, rows)
            estimated = [_own_step_size(group) for group in optimizer.param_groups]
            try:
                self._step(optimizer, probes, self._gradients(plan, step))
            except ZeroDivisionError:  # D-Adaptation's SGD divides by the gradients' norm
                if plan.gradients or plan.gradient_offset:
                    raise
            for group, held in zip(optimizer.param_groups, estimated, strict=True):
                group.update(held)
        _append(rows, kept, self._looked_at)
        return [_track(row) for row in rows]

    def has_real(self, i: int) -> bool:
        """Whether a parameter has a live gradient that can be fed to its copy."""
        return self._real[i] is not None

    def options_read(self) -> frozenset[str]:
        """The options of its groups that a step looks at; all of them where that can't be noted."""
        keys = frozenset(key for group in self.original.param_groups for key in group)
        optimizer: torch.optim.Optimizer = Copier()(self.original)
        noted: set[str] = set()
        groups = optimizer.param_groups
        groups[:] = [_Noting(group, noted) for group in groups]
        probes = list(parameters_of(optimizer))
        noted.clear()
        try:
            self._step(optimizer, probes, self._gradients(Plan(), 0))
        except Exception:  # a third party's step may want plain dicts
            return keys
        return frozenset(noted)

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
                self.starts[i]
                if plan.start != "pattern"
                else weight_pattern(self._elements[i], self._scales[i])
            )
            start = plan.weights * base
            offset = plan.weight_offset * start * offset_signs(self._elements[i])
            with torch.no_grad():
                for entry in _weight_like(optimizer.state.get(probe), self.starts[i]):
                    entry.copy_(_in_shape_of(start + offset, entry))
                probe.copy_(_in_shape_of(start + offset, probe))

    def _gradients(self, plan: Plan, step: int) -> list[Tensor | None]:
        grads: list[Tensor | None] = [None] * len(self.sizes)
        for i in range(len(grads)) if plan.only is None else plan.only:
            if not self.silent[i] and plan.feed != "none":
                grads[i] = self._gradient(i, plan, step)
        return grads

    def _gradient(self, i: int, plan: Plan, step: int) -> Tensor:
        if plan.feed == "real":
            real = self._real[i]
            return (
                torch.zeros(self._elements[i], dtype=torch.float64) if real is None else plan.gradients * real
            )
        if plan.feed == "noise":
            generator = torch.Generator().manual_seed(step * len(self.sizes) + i)
            noise = torch.randn(self._elements[i], dtype=torch.float64, generator=generator)
            return plan.gradients * self.gradient_sizes[i] * noise
        n = self._elements[i]
        base = self._patterns[n] if n in self._patterns else gradient_pattern(n)
        if self._looked_at is not None:
            self._patterns[n] = base
        if plan.feed == "every other row":
            base = base * ~self._even_rows[i]
        grad = plan.gradients * time_sign(step) * base
        if not plan.gradient_offset:
            return grad
        return grad + plan.gradient_offset * base.abs() * offset_signs(n)

    def _step(self, optimizer: Any, probes: list[nn.Parameter], grads: list[Tensor | None]) -> None:
        def feed() -> Tensor:
            for probe, grad in zip(probes, grads, strict=True):
                dense = None if grad is None else _in_shape_of(grad, probe)
                if self._curved and dense is not None:
                    dense = _with_curvature(dense, probe)
                probe.grad = (
                    dense.to_sparse(1) if self._sparse and dense is not None and dense.dim() else dense
                )
            return torch.zeros(())

        feed()
        optimizer.step(feed) if self._closure else optimizer.step()


class _Noting(dict[str, Any]):
    """A group's options that notes which are read."""

    def __init__(self, options: dict[str, Any], noted: set[str]) -> None:
        super().__init__(options)
        self.noted = noted

    def __getitem__(self, key: str) -> Any:
        self.noted.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.noted.add(key)
        return super().get(key, default)

    def items(self) -> Any:
        self.noted.update(self)
        return super().items()


def _append(rows: list[list[Tensor]], kept: Sequence[tuple[int, Tensor]], most: int | None) -> None:
    for i, probe in kept:
        rows[i].append(probe.detach().flatten()[:most].clone())


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


def _step_eagerly(optimizer: torch.optim.Optimizer) -> None:
    """Let copies step eagerly and outside a graph: what an option of that kind changes is never the arithmetic.

    torch steps with `capturable` on accelerators alone, though compiled such a step runs on a CPU too, and with
    `differentiable` on weights that are no leaves.
    """
    for options in (optimizer.defaults, *optimizer.param_groups):
        if options.get("differentiable"):
            options["differentiable"] = False
    for group in optimizer.param_groups:
        if group.get("capturable") and all(p.device.type == "cpu" for p in group["params"]):
            group.update(capturable=False, foreach=False)


def set_lr(group: dict[str, Any], lr: float) -> None:
    """Set a group's learning rate in place where it is a tensor, as schedulers do."""
    if isinstance(group.get("lr"), Tensor):
        group["lr"].fill_(lr)
    elif "lr" in group:
        group["lr"] = lr


def _scale_references(group: dict[str, Any], lr: float, factor: float) -> None:
    group.setdefault("initial_lr", lr)
    group.update({key: group[key] * factor for key in REFERENCES if isinstance(group.get(key), float | int)})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Tensor) and not isinstance(value, bool)


def _seed() -> None:
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def _in_shape_of(flat: Tensor, like: Tensor) -> Tensor:
    return flat.to(device=like.device, dtype=like.dtype).view(like.shape)


@torch.enable_grad()
def _with_curvature(grad: Tensor, w: Tensor) -> Tensor:
    """The gradient as a function of the weights, of Hessian 1, for optimizers that estimate it (Sophia, AdaHessian)."""
    return grad + (w - w.detach())


_ESTIMATED = ("d", "d_max")
"""Step sizes that an optimizer estimates from its gradients (Prodigy, D-Adaptation), and so from ours: they are held."""


def _own_step_size(group: dict[str, Any]) -> dict[str, float]:
    return {key: group[key] for key in _ESTIMATED if isinstance(group.get(key), float)}


def _real_gradient(p: Tensor, probe: Tensor, limit: int) -> Tensor | None:
    """The part of the live gradient that belongs to the copy; None where there is none."""
    if p.grad is None or p.grad.layout != torch.strided:
        return None
    part = sample(p.grad, limit).double().cpu().flatten() if not p.grad.is_complex() else torch.empty(0)
    return part if part.numel() == probe.numel() and bool(part.any()) else None


def _gradient_size(p: Tensor, limit: int) -> float:
    """The root mean square of the live gradient, 0 where there is none."""
    if p.grad is None or p.grad.layout != torch.strided:
        return 0.0
    rms = float(sample(p.grad, limit).abs().double().square().mean().sqrt())
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
