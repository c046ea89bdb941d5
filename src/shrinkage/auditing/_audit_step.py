"""Steps written by hand: no optimizer, no options, only weights and gradients before and weights after."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shrinkage._errors import RequestError, shown
from shrinkage.auditing._facts import Audited, Facts
from shrinkage.auditing._judging import Audit, audit_of
from shrinkage.auditing._unchecked import WHY_MISSING, Need, lacking
from shrinkage.auditing.measuring._experiments import read
from shrinkage.auditing.subjects._patterns import (
    even_rows,
    gradient_pattern,
    offset_signs,
    time_sign,
    weight_pattern,
)
from shrinkage.auditing.subjects._subject import Plan, Track, rms_or_usual, without_traces

__all__ = ["audit_step"]

_MOST_ELEMENTS = 512
"""Elements of a parameter whose fate is read."""
_MISSING_IN_STEP: dict[Need, str] = {
    **lacking("a step has no options and no roles", "options", "live", "model", "biases", "roles"),
    **lacking("a step is measured in float64, with artificial gradients", "format", "reached"),
    **lacking("a step has no schedule, no loss and no model", "steps", "scheduler", "loss", "inputs"),
}
"""What is not known of a step."""
Weights = Any
"""A tensor or a NumPy array."""


def audit_step(
    step: Callable[..., Any],
    parameters: Sequence[Weights] | Mapping[str, Weights],
    *,
    lr: float | None = None,
    reset: Callable[[], object] | None = None,
    rows: int | None = None,
    batch_size: int | None = None,
) -> Audit:
    """Measure what an update written by hand does to each weight, and flag what is probably unintended.

    Args:
        step: either `step(weights, gradients)`, which returns the new weights or changes the given ones in place
            (both have the form of `parameters`: a list or a dict, of tensors or arrays); or `step()`, which changes the
            given torch parameters in place by their `.grad`. With `lr` it is also passed `lr=`.
        parameters: the weights; they and their gradients are restored afterwards, bit for bit.
        lr: the learning rate, > 0, if `step` takes it as a keyword: shows how the shrink depends on it.
        reset: clears what `step` remembers between calls, such as a velocity; needed if it remembers anything.
        rows: training rows n, for timescales in epochs.
        batch_size: rows per step.

    Returns:
        The findings, the worst first, and a row for each kind of treatment.

    Raises:
        RequestError: `step` cannot be called in either form, or does not return the weights.

    Example:
        >>> def step(weights, gradients):
        ...     return [w - 0.1 * (g - 0.005 * w) for w, g in zip(weights, gradients)]  # the sign is wrong
        >>> audit_step(step, [torch.randn(4, 3)]).findings[0].code
        'grows'
    """
    subject = StepSubject(step, parameters, lr=lr, reset=reset)
    with without_traces():
        readings = subject.restore_after(lambda: read(subject))
    audited = [
        Audited(
            name=name,
            role="weight" if value.dim() > 1 else "unknown",
            reason="its number of axes" if value.dim() > 1 else "a step says nothing about roles",
            group=0,
            groups=(0,),
            tied=(),
            tensor=value,
            reading=reading,
            lr=lr or 0.0,
        )
        for name, value, reading in zip(subject.names, subject.tensors, readings, strict=True)
    ]
    called = getattr(step, "__name__", type(step).__name__)
    facts = Facts(
        optimizer=called,
        parameters=audited,
        groups=[{}],
        rows=rows,
        batch_size=batch_size,
        lacks=_MISSING_IN_STEP
        if rows is not None and batch_size is not None
        else {**_MISSING_IN_STEP, "rows": WHY_MISSING["rows"]},
    )
    return audit_of(facts)


class StepSubject:
    """A step function as something that can be measured."""

    has_state = False

    def __init__(
        self,
        step: Callable[..., Any],
        parameters: Sequence[Weights] | Mapping[str, Weights],
        *,
        lr: float | None,
        reset: Callable[[], object] | None,
    ) -> None:
        self.step, self.lr, self.reset = step, lr, reset
        self.changes_lr = lr is not None
        self.is_mapping = isinstance(parameters, Mapping)
        self.names = (
            [str(k) for k in parameters]
            if self.is_mapping
            else [f"weights[{i}]" for i in range(len(parameters))]
        )
        self.keys = list(parameters) if self.is_mapping else []
        given = list(parameters.values()) if isinstance(parameters, Mapping) else list(parameters)
        self.is_numpy = all(isinstance(value, np.ndarray) for value in given)
        if not given or not (self.is_numpy or all(isinstance(value, Tensor) for value in given)):
            raise RequestError(
                "audit_step(parameters=…): must be tensors, or NumPy arrays, in a list or a dict, "
                f"got {shown(parameters, 60)}."
            )
        self.live: list[Any] = given
        self.tensors = [torch.as_tensor(value).detach() for value in given]
        self.in_place = _takes_nothing(step)
        if self.in_place and self.is_numpy:
            raise RequestError(
                "audit_step(step=…): a step() without arguments needs torch parameters with .grad, got arrays."
            )
        self.sizes = [min(value.numel(), _MOST_ELEMENTS) for value in self.tensors]
        self.groups = [0] * len(given)
        self.idle_rows = [even_rows(value.shape)[:_MOST_ELEMENTS] for value in self.tensors]
        is_exact = not self.in_place or all(value.dtype == torch.float64 for value in self.tensors)
        self.epsilon = torch.finfo(torch.float64 if is_exact else torch.float32).eps

    def restore_after(self, job: Callable[[], Any]) -> Any:
        """Do the job, then put back what the steps may have changed in place."""
        kept = (
            [(value.clone(), live.grad) for value, live in zip(self.tensors, self.live, strict=True)]
            if self.in_place
            else []
        )
        try:
            return job()
        finally:
            for value, live, (old, grad) in zip(self.tensors, self.live, kept, strict=False):
                value.copy_(old)
                live.grad = grad
            if self.reset is not None:
                self.reset()

    def run(self, plan: Plan) -> list[Track]:
        if plan.feed == "none" and not self.in_place:
            raise RequestError(
                "audit_step(step=…): a step of weights and gradients always has every gradient."
            )
        if self.reset is not None:
            self.reset()
        weights = [self._start(value, plan) for value in self.tensors]
        rows = [[_head(w)] for w in weights]
        for t in range(plan.steps):
            grads = [self._gradient(value, plan, t) for value in self.tensors]
            weights = self._step(weights, grads, plan)
            for row, w in zip(rows, weights, strict=True):
                row.append(_head(w))
        return [torch.stack(row) for row in rows]

    def _start(self, value: Tensor, plan: Plan) -> Tensor:
        n = value.numel()
        flat = value.double().flatten()
        base = flat if plan.start != "pattern" else weight_pattern(n, rms_or_usual(flat))
        return (plan.weights * base * (1 + plan.weight_offset * offset_signs(n))).view(value.shape)

    def _gradient(self, value: Tensor, plan: Plan, t: int) -> Tensor:
        base = gradient_pattern(value.numel())
        if plan.feed == "every other row":
            base = base * ~even_rows(value.shape)
        offset = plan.gradient_offset * base.abs() * offset_signs(value.numel())
        return (plan.gradients * time_sign(t) * base + offset).view(value.shape)

    def _step(self, weights: list[Tensor], grads: list[Tensor], plan: Plan) -> list[Tensor]:
        if not self.in_place:
            given = self._as_given(weights)
            returned = self._call(plan, given, self._as_given(grads))
            return self._as_tensors(given if returned is None else returned)
        for value, live, w, grad in zip(self.tensors, self.live, weights, grads, strict=True):
            value.copy_(w)
            live.grad = None if plan.feed == "none" else grad.to(value)
        self._call(plan)
        return [value.double() for value in self.tensors]

    def _call(self, plan: Plan, *arguments: Any) -> Any:
        keywords = {} if self.lr is None else {"lr": self.lr * plan.lr}
        try:
            return self.step(*arguments, **keywords)
        except Exception as error:
            raise RequestError(
                f"audit_step(step=…): step({'weights, gradients' if arguments else ''}) raised "
                f"{type(error).__name__}: {error}. It gets weights and gradients in the form of "
                "`parameters`."
            ) from error

    def _as_given(self, values: list[Tensor]) -> Any:
        kind = [value.clone().numpy() if self.is_numpy else value.clone() for value in values]
        return dict(zip(self.keys, kind, strict=True)) if self.is_mapping else kind

    def _as_tensors(self, returned: Any) -> list[Tensor]:
        values = [returned[key] for key in self.keys] if self.is_mapping else list(returned)
        tensors = [torch.as_tensor(value).detach().double() for value in values]
        if [t.shape for t in tensors] != [t.shape for t in self.tensors]:
            raise RequestError(
                "audit_step(step=…): must return the new weights, in the order and shapes of the given ones, or None "
                f"after changing them in place; got shapes {shown([tuple(t.shape) for t in tensors])}."
            )
        return tensors


def _takes_nothing(step: Callable[..., Any]) -> bool:
    parameters = inspect.signature(step).parameters.values()
    needed = [
        p
        for p in parameters
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty
    ]
    return not [p for p in needed if p.name != "lr"] and not any(
        p.kind is p.VAR_POSITIONAL for p in parameters
    )


def _head(w: Tensor) -> Tensor:
    return w.detach().flatten()[:_MOST_ELEMENTS].double().clone()
