"""`attach`: any rule on any torch optimizer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, Literal

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from shrinkage._errors import RequestError, shown
from shrinkage.attachment._attachment import Attachment
from shrinkage.attachment._claiming import Claimer
from shrinkage.attachment._claims import Claim, Pattern, Selection
from shrinkage.attachment._handle import Keep
from shrinkage.attachment._hooks import handles_of
from shrinkage.attachment._learning_rate import Peaks, check_schedule, given_peaks, peak_of
from shrinkage.attachment._step import Rows
from shrinkage.attachment._wrappers import (
    refuse_restoring,
    refuse_sharded,
    refuse_valueless,
    refuse_wrapper,
    stepping_optimizer,
)
from shrinkage.attachment.carriers._native import (
    clear_native,
    native_meaning,
    native_strength,
    refuse_impossible,
)
from shrinkage.attachment.carriers._portable import record_of
from shrinkage.attachment.control._control_refusals import check_control, unwrap_model
from shrinkage.attachment.control._loop_control import LoopControl, Strengths
from shrinkage.attachment.readings._plausibility import warn_of_strengths
from shrinkage.networks import ROLES
from shrinkage.rules import Controller, Rule, Schedule

__all__ = ["attach"]


def attach(
    optimizer: Optimizer,
    rule: Rule,
    *,
    model: nn.Module | None = None,
    exempt: Sequence[Pattern] = ("bias", "norm"),
    only: Sequence[Pattern] | None = None,
    parameters: Mapping[str, Tensor] | None = None,
    schedule: Schedule | None = None,
    lr_max: float | LRScheduler | None = None,
    native: Literal["error", "adopt"] = "error",
    lower: bool = True,
    rows: Rows | None = None,
    keep: Keep | None = None,
    multipliers: Mapping[Pattern, float] | None = None,
    steps: int | None = None,
    control: Controller | None = None,
    strengths: Strengths = "network",
) -> Attachment:
    """Attach a rule to a live optimizer: every `optimizer.step()` then applies it.

    The rule acts once per step, wherever gradients came from. Parameters that are frozen or have no gradient are
    skipped, as the optimizer skips them. If a rule equals the optimizer's own `weight_decay`, the optimizer's kernel
    applies it: the group's number is set only during each step. Between steps the parameter groups are as you made
    them, without a weight decay.

    Args:
        optimizer: any subclass of `torch.optim.Optimizer`, or one that follows its interface.
        rule: the rule to apply; its docstring gives the unit of the strength.
        model: the source of roles and names; may be wrapped (DDP, FSDP, `torch.compile`).
        exempt: parameters without decay, by role (`bias`, which includes `token`; `norm`, which includes `scale`;
            `embedding`), name, glob or module type. `model.no_weight_decay()` and `_no_weight_decay` are honoured.
        only: if given, apply the rule only to these parameters, named in the same ways.
        parameters: tensors by name that replace the model's own, as made by `torch.func.stack_module_state`; a tensor
            with one more axis stacks models, each of which may have its own strength.
        schedule: a factor on the strength as a function of the number of steps done, or a scheduler-like object.
        lr_max: η_max of the clocks `schedule` and `corrected`: a number > 0, or the learning rate scheduler, which knows
            its peak. By default the `max_lr` or `initial_lr` that a scheduler left in the group, or else the learning
            rate when attached, or if that is 0 the one that the optimizer was built with. `table()` shows it.
        native: what to do if a `weight_decay` is already set: `error`, or `adopt` its numbers as the strengths.
        lower: let the optimizer's kernel apply the rule if they are equal.
        rows: decay `all` rows of a table, or only those `touched` by a gradient. None means all, but is an error if a
            gradient is sparse.
        keep: which strengths to use if a checkpoint has others: `new` or `checkpoint`; None makes it an error.
        multipliers: factors ≥ 0 on the strength by name, glob, role or module type, for layer-wise decay or scaling
            with width; a parameter that matches several patterns gets their product.
        steps: length of the run in steps, if known: warns if the strength empties the weights within the run, or never
            changes any.
        control: moves λ during training, starting from the rule's strength: `Hypergradient`, `Evidence`, `TargetNorm`
            or `Timescale`, all from `shrinkage`. A copy of the optimizer keeps λ as it was when copied.
        strengths: with `control`, one λ for the `network`, or one for each of its `groups` or `layers` (decayed tensors).

    Returns:
        The handle, with `table()`, `log()`, `trace()` and `remove()`.

    Raises:
        RequestError: the optimizer does not support the rule, a pattern matches nothing, a parameter is not the model's
            or already has a rule, the optimizer has its own weight decay, or the controller does not apply here.

    Warns:
        UserWarning: the rule removes over 1 % of every weight per step, or, with `steps`, all of it or none; in a step,
            the learning rate is above η_max.

    Example:
        >>> import torch
        >>> from shrinkage.rules import Decoupled
        >>> model = torch.nn.Linear(2, 1)
        >>> optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0)
        >>> handle = attach(optimizer, Decoupled(0.1), model=model)
        >>> [(row.name, row.rule, row.how) for row in handle.table()]
        [('weight', 'Decoupled 0.1 × lr', 'native'), ('bias', 'exempt: bias', '')]
    """
    _check_arguments(optimizer, rule, model, exempt, only, native, rows, keep)
    _check_factors(multipliers, steps, model)
    check_schedule(optimizer, schedule)
    if control is None and strengths != "network":
        raise RequestError(
            f"attach(strengths={strengths!r}): without a controller every parameter has the rule's strength. Give "
            "control=…, or factors on it by multipliers=…."
        )
    optimizer, outer = stepping_optimizer(optimizer), optimizer
    refuse_restoring(optimizer, rule)
    refuse_sharded(optimizer, rule)
    refuse_impossible(optimizer, rule)
    peaks = given_peaks(lr_max, optimizer)
    selection = Selection(tuple(exempt), None if only is None else tuple(only))
    loop = None
    if control is not None:
        given = {"schedule": schedule, "parameters": parameters, "native": native == "adopt"}
        given |= {"multipliers": multipliers, "strengths": strengths}
        loop = _loop_control(optimizer, rule, model, control, strengths, steps, peaks, given)
    claimer = Claimer(optimizer, rule, model, selection, parameters, multipliers or {}, strengths)
    claims = claimer.claims()
    _settle_native(optimizer, rule, claims, native)
    handle = Attachment(
        optimizer,
        rule,
        claims,
        claimer=claimer,
        schedule=schedule,
        peaks=peaks,
        rows=rows,
        keep=keep,
        lower=lower,
        outer=outer,
        control=loop,
    )
    warn_of_strengths(handle, steps, stacklevel=3)
    return handle


def _loop_control(
    optimizer: Optimizer,
    rule: Rule,
    model: nn.Module | None,
    control: Controller,
    strengths: Strengths,
    steps: int | None,
    peaks: Peaks,
    given: dict[str, Any],
) -> LoopControl:
    """What moves λ, once it is known to make sense."""
    lr = max(peaks.values, default=0.0) or max(
        (peak_of(group) for group in optimizer.param_groups), default=0.0
    )
    check_control(control, optimizer, rule, model, steps=steps, lr=lr, strengths=strengths, given=given)
    inner = None if model is None else unwrap_model(model)
    return LoopControl(control, optimizer, rule, inner, strengths=strengths, lr=lr, steps=steps or 0)


def _was_ours(optimizer: Optimizer, group: dict[str, Any], of: dict[Tensor, Claim]) -> bool:
    """Whether the weight decay of `group` was a rule's in a checkpoint of 0.1.0; then it goes."""
    params = [p for p in group["params"] if of[p].rule is not None]
    if not params or any(record_of(optimizer.state.get(p, {}), []) is None for p in params):
        return False
    clear_native(group, optimizer.defaults)
    return True


def _settle_native(optimizer: Optimizer, rule: Rule, claims: Sequence[Claim], native: str) -> None:
    """Deal with a weight decay that the optimizer has already."""
    of = {claim.param: claim for claim in claims}
    own = any(handles_of(optimizer))
    for i, group in enumerate(optimizer.param_groups):
        found = native_strength(group)
        if not found or own or _was_ours(optimizer, group, of):
            continue
        if native == "error":
            raise RequestError(
                f"attach({rule.name} {_strength(rule)}): group {i} of {type(optimizer).__name__} already "
                f"has a weight decay, {found:g}, so the weights would be decayed twice. Build the "
                'optimizer with weight_decay=0, or adopt its number with native="adopt".'
            )
        meaning = native_meaning(optimizer, group)
        if meaning != ("coupled" if rule.entry == "loss" else "decoupled") or rule.is_fraction:
            raise RequestError(
                f'attach({rule.name}, native="adopt"): the weight decay of {type(optimizer).__name__}, '
                f"{found:g}, is {meaning or 'of unknown meaning'} and cannot be used for this rule. "
                "Convert it (shrinkage.convert), build the optimizer with weight_decay=0 and give the "
                "strength to the rule."
            )
        for param in group["params"]:
            if of[param].rule is not None:
                of[param].rule = rule.with_strength(found)
    if native == "adopt":
        for group in [*optimizer.param_groups, optimizer.defaults]:
            if "weight_decay" in group:
                group["weight_decay"] = 0.0


def _check_arguments(
    optimizer: Any,
    rule: Any,
    model: Any,
    exempt: Any,
    only: Any,
    native: Any,
    rows: Any,
    keep: Any,
) -> None:
    refuse_wrapper(optimizer)
    refuse_valueless("attach(optimizer)", optimizer, meta=False)
    if model is not None and not isinstance(model, nn.Module):
        raise RequestError(f"attach(model=…): must be a torch.nn.Module, got {shown(model)}.")
    if not isinstance(rule, Rule):
        raise RequestError(f"attach(rule): must be a rule, such as Decoupled(0.1), got {shown(rule)}.")
    for where, words in (("exempt", exempt), ("only", only)):
        if isinstance(words, (str, type)):
            raise RequestError(
                f"attach({where}=…): must be a sequence, got {shown(words)}. Write ({shown(words)},)."
            )
        if model is None and any(word in ROLES for word in words or () if isinstance(word, str)):
            raise RequestError(
                f"attach({where}=…): roles are found in the model. Give model=…, or {where}=() to do without."
            )
    for where, value, known in (
        ("native", native, ("error", "adopt")),
        ("rows", rows, (None, "all", "touched")),
        ("keep", keep, (None, "new", "checkpoint")),
    ):
        if value not in known:
            words = ", ".join(map(repr, known))
            raise RequestError(f"attach({where}=…): must be one of {words}, got {shown(value)}.")


def _check_factors(multipliers: Any, steps: Any, model: Any) -> None:
    if multipliers is not None and not isinstance(multipliers, Mapping):
        raise RequestError(
            "attach(multipliers=…): must map patterns to factors, such as {'head': 0.1}, got "
            f"{shown(multipliers)}."
        )
    for pattern, factor in (multipliers or {}).items():
        if isinstance(factor, bool) or not isinstance(factor, Real) or not 0 <= float(factor) < math.inf:
            raise RequestError(
                f"attach(multipliers=…): factors must be >= 0 and finite, got {shown(factor)} for {shown(pattern)}."
            )
        if model is None and pattern in ROLES:
            raise RequestError("attach(multipliers=…): roles are found in the model. Give model=….")
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
        raise RequestError(f"attach(steps=…): must be a whole number >= 1, got {shown(steps)}.")


def _strength(rule: Rule) -> str:
    return f"{rule.strength:g}" if not isinstance(rule.strength, Tensor) else "per model"
