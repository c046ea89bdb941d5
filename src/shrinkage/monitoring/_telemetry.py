"""`telemetry`: shrink, timescale, λ, norms and the decay's share of the update, by parameter group."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from shrinkage._errors import RequestError
from shrinkage.attachment import (
    Attachment,
    OwnDecay,
    anchors_of,
    attachments_of,
    own_decay,
    refuse_valueless,
    shrinks_now,
    stepping_optimizer,
)
from shrinkage.monitoring._measured import Measured, measure_once, shrink_at
from shrinkage.rules import plain, wide

__all__ = ["Telemetry", "telemetry"]

_SAMPLE = 16_384
"""Number of weights per tensor whose movement is measured: the share is a ratio, so a sample is enough."""


def telemetry(
    optimizer: Optimizer,
    model: nn.Module | None = None,
    *,
    rows: int | None = None,
    batch_size: int | None = None,
) -> Telemetry:
    """Measure what the decay of `optimizer` does while it trains, whether or not a rule is attached.

    Read it every 50 steps or so. It measures only the first step after each reading, and costs less than 1 % of the
    training time.

    Args:
        optimizer: any optimizer that follows the interface of `torch.optim.Optimizer`.
        model: the model that it trains; needed to measure the decay of an optimizer that is not torch's own.
        rows: training rows n; with `batch_size`, timescales are also given in epochs.
        batch_size: rows per step.

    Returns:
        The telemetry, with `numbers()` and `remove()`.

    Raises:
        RequestError: the optimizer is a wrapper without hooks, or one of `rows` and `batch_size` is missing or below 1.

    Example:
        >>> model = torch.nn.Linear(2, 1)
        >>> optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
        >>> numbers = telemetry(optimizer, model, rows=100, batch_size=10).numbers()
        >>> numbers["shrink/group0"], numbers["timescale_epochs/group0"], numbers["lam/group0"]
        (0.05, 2.0, 0.5)
    """
    if (rows is None) != (batch_size is None) or min(rows or 1, batch_size or 1) < 1:
        raise RequestError(
            f"telemetry(rows=…, batch_size=…): give both, each >= 1, or neither; got {rows} and {batch_size}."
        )
    per_epoch = rows / batch_size if rows is not None and batch_size is not None else None
    return Telemetry(stepping_optimizer(optimizer), model, per_epoch)


class Telemetry:
    """The result of `telemetry`: reads the optimizer on request, and one step after each reading."""

    def __init__(self, optimizer: Optimizer, model: nn.Module | None, steps_per_epoch: float | None) -> None:
        self._optimizer, self._model, self._steps_per_epoch = optimizer, model, steps_per_epoch
        self._measured: dict[Tensor, Measured | None] = {}
        self._armed = True
        self._before: dict[Tensor, Tensor] = {}
        self._pulled_to: dict[Tensor, Tensor] = {}
        self._moved: dict[Tensor, tuple[float, float]] = {}
        self._decays: dict[Tensor, float | OwnDecay | None] = {}
        before, after = (
            optimizer.register_step_pre_hook(self._look),
            optimizer.register_step_post_hook(self._compare),
        )
        # The measured step starts before a rule acts, and ends after.
        hooks_before: Any = optimizer._optimizer_step_pre_hooks  # an OrderedDict, annotated as a dict
        hooks_before.move_to_end(before.id, last=False)
        self._hooks = (before, after)

    def numbers(self) -> dict[str, float]:
        """Return what the decay does now, as a flat dict for any logger.

        Keys end in `/group<i>`; under `multipliers` in `/group<i>*<factor>`; where several rules share a group, each has
        its own, `/group<i>/rule<k>`, in the order in which they were attached; where each layer has its own strength,
        `/group<i>/<parameter>`:

        - `lr`: the learning rate;
        - `shrink`: fraction of a weight removed per step, if it is the same for all weights; with `L2SP`, fraction of
          its distance to the start;
        - `timescale`: 1/shrink in steps, and `timescale_epochs` in epochs; absent if nothing is removed;
        - `lam`, λ, or `rate`, the fraction per step, if the strength is one of these;
        - `norm`: of the group's decayed weights, or of all its weights if none are decayed;
        - `update_share`: ‖change by the decay‖/‖total change of the weights‖, both in the last measured step.
        """
        refuse_valueless("telemetry(…).numbers()", self._optimizer)
        self._armed = True
        handles = attachments_of(self._optimizer)
        numbers: dict[str, float] = {}
        seen: set[Tensor] = set()
        names = Counter(name for handle in handles for name in handle.pulled())
        for i, handle in enumerate(handles):
            shared = {name for name in handle.pulled() if names[name] > 1}
            numbers |= self._of_rule(handle, dict.fromkeys(shared, f"rule{i}"), seen)
        for i, group in enumerate(self._optimizer.param_groups):
            params = [p for p in group["params"] if p not in seen]
            if params and not any(p in seen for p in group["params"]):
                numbers |= self._of_group(i, group, params)
        return numbers

    def remove(self) -> None:
        """Remove the telemetry."""
        for hook in self._hooks:
            hook.remove()

    def _of_rule(self, handle: Attachment, suffixes: dict[str, str], seen: set[Tensor]) -> dict[str, float]:
        """The numbers of the handle's log under telemetry's names, with the share; `suffixes` tell rules apart."""

        def key_of(group: str) -> str:
            return f"{group}/{suffixes[group]}" if group in suffixes else group

        numbers: dict[str, float] = {}
        for key, value in handle.log().items():
            group, _, name = key.partition("/")[2].rpartition("/")
            group = key_of(group)
            numbers[f"{name}/{group}"] = value
            if name == "shrink":
                numbers |= self._in_epochs(group, value)
        for group, params in handle.pulled().items():
            seen |= set(params)
            numbers |= self._share(key_of(group), params)
        return {key: value for key, value in numbers.items() if math.isfinite(value)}

    def _of_group(self, index: int, group: dict[str, Any], params: list[Tensor]) -> dict[str, float]:
        """The numbers of a group that no rule pulls: its own weight decay, by its meaning or as measured."""
        name, own = f"group{index}", own_decay(self._optimizer, group)
        numbers = {f"norm/{name}": _norm(params)}
        if own.lr is not None:
            numbers[f"lr/{name}"] = own.lr
        if own.lam is not None:
            numbers[f"lam/{name}"] = own.lam
        shrinks = {self._shrink(p, own) for p in params}
        if len(shrinks) == 1 and (shrink := shrinks.pop()) is not None:
            numbers |= {f"shrink/{name}": shrink} | self._in_epochs(name, shrink)
            if shrink:
                numbers[f"timescale/{name}"] = 1 / shrink
        return numbers | self._share(name, params)

    def _shrink(self, p: Tensor, own: OwnDecay) -> float | None:
        """What the optimizer removes from `p` by itself: what one audit found, at the present settings."""
        if own.is_known:
            return own.shrink
        if p not in self._measured and self._model is not None and own.lr:
            held = [q for group in self._optimizer.param_groups for q in group["params"]]
            self._measured |= dict.fromkeys(held) | measure_once(self._optimizer, self._model)
        measured = self._measured.get(p)
        return None if measured is None else shrink_at(measured, own)

    def _in_epochs(self, group: str, shrink: float) -> dict[str, float]:
        if self._steps_per_epoch is None or not shrink:
            return {}
        return {f"timescale_epochs/{group}": 1 / shrink / self._steps_per_epoch}

    def _share(self, group: str, params: list[Tensor]) -> dict[str, float]:
        """The decay's share of the measured step, by what the decay was in that step; 0 where it was 0."""
        removed = moved = 0.0
        known = False
        for p in params:
            if (looked_at := self._moved.get(p)) is None or (shrink := self._shrink_then(p)) is None:
                continue
            known = True
            removed += (shrink * looked_at[0]) ** 2
            moved += looked_at[1] ** 2
        if not known or (removed and not moved):  # rounding kept the weights where they were
            return {}
        return {f"update_share/{group}": math.sqrt(removed / moved) if removed else 0.0}

    def _shrink_then(self, p: Tensor) -> float | None:
        """The fraction that `p` loses per step in the long run, as of the measured step; None where it is not known."""
        decay = self._decays.get(p)
        if not isinstance(decay, OwnDecay):
            return decay
        shrink, measured = self._shrink(p, decay), self._measured.get(p)
        is_elsewhere = measured is not None and measured[0].anchored  # the distance to it is not known
        return None if is_elsewhere and not decay.is_known else shrink

    @torch.no_grad()
    def _look(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if not self._armed:
            return
        self._before = {p: _part(p).clone() for group in optimizer.param_groups for p in group["params"]}
        self._decays = _decays_now(optimizer)
        self._pulled_to = {
            p: a
            for handle in attachments_of(optimizer)
            for p, a in anchors_of(handle).items()
            if p in self._before
        }

    @torch.no_grad()
    def _compare(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if not self._before:
            return
        self._moved = {
            p: (self._distance(p, old), float((wide(_part(p)) - wide(old)).norm()))
            for p, old in self._before.items()
        }
        self._armed, self._before = False, {}

    def _distance(self, p: Tensor, old: Tensor) -> float:
        """‖w − a‖ before the step, of the part that is measured."""
        anchor = self._pulled_to.get(p)
        if anchor is None:
            return float(wide(old).norm())
        start = torch.view_as_complex(anchor) if p.is_complex() else anchor
        return float((wide(old) - wide(_part(start))).norm())


def _decays_now(optimizer: Optimizer) -> dict[Tensor, float | OwnDecay | None]:
    """What each parameter loses per step in the long run, at the next step's settings: by a rule, or by the optimizer."""
    decays: dict[Tensor, float | OwnDecay | None] = {}
    for group in optimizer.param_groups:
        decays |= dict.fromkeys(group["params"], own_decay(optimizer, group))
    for handle in attachments_of(optimizer):
        pulled = [p for params in handle.pulled().values() for p in params]
        decays |= dict.fromkeys(pulled) | shrinks_now(handle)
    return decays


def _part(p: Tensor) -> Tensor:
    """The first weights of a tensor, of this process's part where it is spread over several."""
    local = getattr(p.detach(), "to_local", p.detach)()
    return local.flatten()[:_SAMPLE]


def _norm(params: list[Tensor]) -> float:
    total = 0.0
    for p in params:
        real = torch.view_as_real(p.detach()) if p.is_complex() else p.detach()
        total += float(plain(wide(real).square().sum(dtype=torch.float64)))
    return math.sqrt(total)
