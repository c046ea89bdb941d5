"""An audit of a run: real steps on the user's batches, with what the decay does in each."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from rich.console import Group
from rich.text import Text
from torch import Tensor, nn

from shrinkage._errors import RequestError, called, shown
from shrinkage._files import write_atomic
from shrinkage.auditing._audit_optimizer import facts_of
from shrinkage.auditing._judging import Audit, audit_of, treatments
from shrinkage.auditing._merged import merge_facts
from shrinkage.auditing._request import Request, check_given, counted, list_optimizers
from shrinkage.auditing.measuring._timeline import advance
from shrinkage.auditing.running._course import Course, Watch
from shrinkage.auditing.running._run_page import render_run_audit

__all__ = ["RunAudit", "audit_run"]

_MOST_LOOKS = 400
"""Number of steps to record."""


@dataclass(frozen=True, kw_only=True)
class RunAudit:
    """The effect of a run on the weights; `print` shows it."""

    audit: Audit
    """What was measured before the first step."""
    courses: list[Course]
    """One for each kind of treatment."""
    losses: list[float]
    """The losses at the recorded steps."""

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write everything as a page that opens offline, whole or not at all."""
        write_atomic(path, render_run_audit(self.audit, self.courses, self.losses).encode())

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON."""
        courses = [{**vars(course), "sentence": course.sentence} for course in self.courses]
        return {"audit": self.audit.to_dict(), "courses": courses, "losses": self.losses}

    def __rich__(self) -> Any:
        return Group(self.audit, Text(f"\n{self._words}"))

    def __str__(self) -> str:
        return f"{self.audit}\n\n{self._words}"

    @property
    def _words(self) -> str:
        lines = [f"{course.label}: {course.sentence}" for course in self.courses]
        return "\n".join([f"what {self.courses[0].steps[-1]} real steps did", *lines])


def audit_run(
    optimizer: torch.optim.Optimizer | Sequence[Any] | Mapping[str, Any],
    model: nn.Module,
    batches: Iterable[Any] | Callable[[], Iterable[Any]],
    *,
    steps: int,
    rows: int | None = None,
    batch_size: int | None = None,
    scheduler: Any = None,
    scheduler_every: int = 1,
    loss: Callable[..., Any] | None = None,
) -> RunAudit:
    """Train for some steps and record what the decay does in each; the model, optimizer and scheduler change.

    Args:
        optimizer: any optimizer that follows torch's interface, or a list of those that train one model.
        model: the model that owns the parameters.
        batches: yields the loss of a batch for each step: as a tensor with its graph, as a function that computes it, or
            as `(inputs, loss)`, where `loss` is one of these or a function of `model(inputs)`; or a batch, as
            `(inputs, targets)` for `loss`, or as a dict for a model that returns its loss. An iterable, or a function
            that returns one, as a generator function does.
        steps: number of optimizer steps, >= 1; fewer if the batches run out.
        rows: training rows n, for timescales in epochs.
        batch_size: rows per step.
        scheduler: the learning rate scheduler (or a list); its `step()` is called after each optimizer step.
        scheduler_every: optimizer steps between two steps of the scheduler, >= 1.
        loss: a function of outputs and targets, if batches are `(inputs, targets)`.

    Returns:
        The audit before the first step, and the course of each kind of treatment.

    Raises:
        RequestError: an argument is out of range, or a batch gives no loss with a graph.

    Example:
        >>> model = torch.nn.Linear(4, 1, bias=False)
        >>> optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
        >>> batches = (model(torch.randn(8, 4)).square().mean() for _ in range(20))
        >>> round(audit_run(optimizer, model, batches, steps=20).courses[0].removed[-1], 4)  # 1 − (1 − 0.001)²⁰
        0.0198
    """
    counts = counted(rows=rows, batch_size=batch_size, steps=steps)
    owners = list_optimizers(optimizer)
    for owner in owners:
        check_given(owner, model)
    schedulers = (
        [] if scheduler is None else scheduler if isinstance(scheduler, list | tuple) else [scheduler]
    )
    request = Request(**counts, scheduler=scheduler, scheduler_every=scheduler_every)
    facts = merge_facts([facts_of(owner, model, request) for owner in owners])
    watches = [
        Watch(facts=facts, members=members, label=label, rule=rule)
        for label, rule, members in treatments(facts)
    ]
    groups = [group for owner in owners for group in owner.param_groups]
    losses, given = [], _iterator(batches)
    looked_at = {max(1, round(k * steps / _MOST_LOOKS)) for k in range(1, _MOST_LOOKS + 1)} | {1, steps}
    for step in range(1, steps + 1):
        item = next(given, None)
        if item is None:
            break
        backward = partial(_backward, owners, model, item, loss, step)
        value = float(backward().detach())
        for watch in watches:
            watch.before(step in looked_at)
        by_group = [
            dict(group) for group in groups
        ]  # the learning rate of this step, before a scheduler moves it
        for owner in owners:
            _step(owner, backward)
        for watch in watches:
            watch.after(step, by_group[watch.members[0].group])
        if step in looked_at:
            losses.append(value)
        if step % scheduler_every == 0:
            advance([s for s in schedulers if callable(getattr(s, "step", None))], step // scheduler_every)
    if not losses:
        raise RequestError(f"{called('batches', of='audit_run')}: gave no batches.")
    return RunAudit(audit=audit_of(facts), courses=[watch.course() for watch in watches], losses=losses)


def _step(owner: Any, backward: Callable[[], Tensor]) -> None:
    """A step, with a closure for optimizers that evaluate the loss themselves (L-BFGS, sharpness-aware ones)."""
    closure = inspect.signature(owner.step).parameters.get("closure")
    asks = closure is not None and closure.default is closure.empty
    if asks or hasattr(owner, "second_step"):
        owner.step(torch.enable_grad()(backward))
    else:
        owner.step()


def _iterator(batches: Any) -> Iterator[Any]:
    given: Any = batches() if callable(batches) and not hasattr(batches, "__iter__") else batches
    if not hasattr(given, "__iter__"):
        raise RequestError(
            f"{called('batches', of='audit_run')}: must be an iterable of losses, or a function that returns one, got "
            f"{shown(batches)}."
        )
    return iter(given)


def _backward(
    owners: Sequence[torch.optim.Optimizer],
    model: nn.Module,
    item: Any,
    of_outputs: Callable[..., Any] | None,
    step: int,
) -> Tensor:
    for owner in owners:
        owner.zero_grad()
    loss = _loss(model, item, of_outputs)
    if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
        raise RequestError(
            f"{called('batches', of='audit_run')}: batch {step} must be a loss with its graph, or (inputs, "
            f"loss), got {shown(item, 60)}. A generator such as `for x, y in loader: yield "
            "loss_function(model(x), y)` does; or give batches of (inputs, targets) and loss=…."
        )
    try:
        loss.backward()
    except RuntimeError as error:
        if not isinstance(item, Tensor) or "second time" not in str(error):
            raise
        raise RequestError(
            f"{called('batches', of='audit_run')}: the loss of batch {step} can be differentiated once, but the "
            "optimizer evaluates it several times per step. Yield a function that computes it: "
            "`lambda: loss_function(model(x), y)`."
        ) from error
    return loss


def _loss(model: nn.Module, item: Any, of_outputs: Callable[..., Any] | None) -> Any:
    if isinstance(item, Mapping):
        outputs = model(**item)
        return outputs["loss"] if isinstance(outputs, Mapping) else getattr(outputs, "loss", None)
    if of_outputs is not None and isinstance(item, tuple | list) and len(item) == 2:
        inputs, targets = item
        return of_outputs(model(**inputs) if isinstance(inputs, Mapping) else model(inputs), targets)
    if isinstance(item, tuple) and len(item) == 2:
        inputs, item = item
        if callable(item) and not isinstance(item, Tensor) and _takes_outputs(item):
            return item(model(**inputs) if isinstance(inputs, dict) else model(inputs))
    return item() if callable(item) and not isinstance(item, Tensor) else item


def _takes_outputs(function: Any) -> bool:
    return any(p.default is p.empty for p in inspect.signature(function).parameters.values())
