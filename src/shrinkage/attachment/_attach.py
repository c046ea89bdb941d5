"""`attach`: any rule on any torch optimizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from shrinkage._errors import RequestError, shown
from shrinkage.attachment._attachment import Attachment, Keep, handles_of
from shrinkage.attachment._claims import Claim, Pattern, Selection, named_parameters
from shrinkage.attachment._step import Rows
from shrinkage.attachment.carriers._native import (
    LBFGSLike,
    native_meaning,
    native_strength,
    refuse_impossible,
    runs_natively,
)
from shrinkage.networks import ROLES, Place
from shrinkage.rules import Reading, Rule, Schedule, View

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
    lr_max: float | None = None,
    native: Literal["error", "adopt"] = "error",
    lower: bool = True,
    rows: Rows | None = None,
    keep: Keep | None = None,
) -> Attachment:
    """Attach a rule to a live optimizer: from now on every `optimizer.step()` carries it out.

    The rule acts once a step, wherever gradients came from. Parameters that are frozen or have no gradient are left
    alone, as the optimizer leaves them. Where a rule equals the optimizer's own `weight_decay` it is handed to
    its kernel; a parameter group that holds exempt parameters too is split for that, the exempt ones going to a new
    group at the end, unless a scheduler counts the groups already.

    Args:
        optimizer: any that keeps to `torch.optim.Optimizer`.
        rule: what pulls; its docstring says the strength's unit.
        model: where roles and names come from; may be wrapped (DDP, FSDP, `torch.compile`).
        exempt: what is not pulled: roles (`bias`, which covers `token`; `norm`, which covers `scale`;
            `embedding`), names, globs, module types. `model.no_weight_decay()` and `_no_weight_decay` are honoured.
        only: if given, what is pulled at all, in the same words.
        parameters: tensors by name that stand for the model's own, as `torch.func.stack_module_state` makes them;
            one with an axis more stacks models, each of which may have its strength.
        schedule: a factor on the strength as a function of the steps done, or a scheduler-like object.
        lr_max: η_max of the clocks `schedule` and `corrected`, > 0; by default a scheduler's peak or initial learning
            rate, else the learning rate at attach.
        native: a `weight_decay` that is set already is an `error`, or `adopt`: its numbers become the strengths.
        lower: hand the rule to the optimizer's kernel where they are equal.
        rows: decay `all` rows of a table, or only those `touched` by a gradient. None is all, and asks where a
            gradient is sparse.
        keep: which strengths hold when a checkpoint has others: `new`, `checkpoint`; None makes it an error.

    Returns:
        The handle, with `table()`, `log()` and `remove()`.

    Raises:
        RequestError: the optimizer cannot carry the rule, a pattern matches nothing, a parameter is not the
            model's or has a rule already, or the optimizer has a weight decay of its own.

    Example:
        >>> import torch
        >>> from shrinkage.rules import Decoupled
        >>> model = torch.nn.Linear(2, 1)
        >>> optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0)
        >>> handle = attach(optimizer, Decoupled(0.1), model=model)
        >>> [(row.name, row.rule, row.how) for row in handle.table()]
        [('weight', 'Decoupled 0.1 × lr', 'native'), ('bias', 'exempt: bias', '')]
    """
    _check_arguments(optimizer, rule, model, exempt, only, lr_max, native, rows, keep)
    refuse_impossible(optimizer, rule)
    selection = Selection(tuple(exempt), None if only is None else tuple(only))
    claimer = _Claimer(optimizer, rule, model, selection, parameters)
    claims = claimer.claims()
    _settle_native(optimizer, rule, claims, native)
    if lower and rows != "touched":
        _split_groups(optimizer, claims)
    return Attachment(
        optimizer,
        rule,
        claims,
        claim_new=claimer.claim_new,
        schedule=schedule,
        lr_max=lr_max,
        rows=rows,
        keep=keep,
        lower=lower,
    )


class _Claimer:
    """Makes the claims, also for parameters that are added later."""

    def __init__(
        self,
        optimizer: Optimizer,
        rule: Rule,
        model: nn.Module | None,
        selection: Selection,
        parameters: Mapping[str, Tensor] | None,
    ) -> None:
        self._optimizer, self._rule, self._model = optimizer, rule, model
        self._selection, self._parameters = selection, parameters

    def claims(self) -> list[Claim]:
        places, listed, stacked = named_parameters(self._optimizer, self._model, self._parameters)
        self._selection.check_used(places)
        known = {id(place.tensor): place for place in places}
        claims = []
        for i, group in enumerate(self._optimizer.param_groups):
            for j, param in enumerate(group["params"]):
                if id(param) not in known:
                    raise RequestError(
                        f"attach(model=…): parameter {j} of group {i}, of shape {list(param.shape)}, is not one of "
                        "the model's. Give the model that it belongs to, or parameters={name: tensor}."
                    )
                place = known[id(param)]
                claims.append(self._claim(place, param, group, listed, place.name in stacked))
        self._check_strengths(claims)
        return claims

    def claim_new(self, param: Tensor, group: dict[str, Any]) -> Claim:
        places, listed, stacked = named_parameters(self._optimizer, self._model, self._parameters)
        for place in places:
            if place.tensor is param:
                return self._claim(place, param, group, listed, place.name in stacked)
        raise RequestError(
            f"attach(…): a parameter of shape {list(param.shape)} was added to the optimizer and is not one of the "
            "model's, so its role is not known. Add it to the model first."
        )

    def _claim(
        self, place: Place, param: Tensor, group: dict[str, Any], listed: frozenset[str], stacked: bool
    ) -> Claim:
        reason = self._selection.why_exempt(place, listed)
        lr_max = group.get("max_lr") or group.get("initial_lr") or group.get("lr", 1.0)
        claim = Claim(place.name, param, place.role, reason or "pulled", None, stacked, float(lr_max))
        if reason is not None:
            return claim
        for other in handles_of(self._optimizer):
            if param in other.claims and other.claims[param].rule is not None:
                raise RequestError(
                    f"attach({self._rule.name}): {place.name} is under {other.rule.name} already. "
                    "Remove that rule first, or divide the parameters with only=… and exempt=…."
                )
        claim.rule = self._rule
        real = torch.view_as_real(param.detach()) if param.is_complex() else param.detach()
        claim.anchor = real.clone() if self._rule.anchor == "initial" else None
        self._start(claim, real)
        return claim

    def _start(self, claim: Claim, w: Tensor) -> None:
        strength = w.new_ones(len(w), *[1] * (w.ndim - 1)) if claim.stacked else self._rule.strength
        view = View(w=w, now=Reading(0.0, 0.0), strength=strength, anchor=claim.anchor, state=claim.state)
        self._rule.start(view)

    def _check_strengths(self, claims: Sequence[Claim]) -> None:
        strength = self._rule.strength
        if not isinstance(strength, Tensor) or strength.numel() == 1:
            return
        for claim in claims:
            models = len(claim.param) if claim.stacked else 1
            if claim.rule is not None and strength.numel() != models:
                raise RequestError(
                    f"attach({self._rule.name}): {strength.numel()} strengths do not fit {claim.name}, which holds "
                    f"{models} model(s). Several strengths need stacked tensors: parameters={{name: tensor}}."
                )


def _settle_native(optimizer: Optimizer, rule: Rule, claims: Sequence[Claim], native: str) -> None:
    """Deal with a weight decay that the optimizer has already."""
    of = {claim.param: claim for claim in claims}
    own = any(handles_of(optimizer))
    for i, group in enumerate(optimizer.param_groups):
        found = native_strength(group)
        if not found or own:
            continue
        if native == "error":
            raise RequestError(
                f"attach({rule.name} {_strength(rule)}): group {i} of {type(optimizer).__name__} has a weight decay "
                f"of its own, {found:g}, so the weights would be pulled twice. Build the optimizer with "
                'weight_decay=0, or take its number over with native="adopt".'
            )
        meaning = native_meaning(optimizer, group)
        if meaning != ("coupled" if rule.entry == "loss" else "decoupled") or rule.is_fraction:
            raise RequestError(
                f'attach({rule.name}, native="adopt"): the weight decay of {type(optimizer).__name__}, {found:g}, is '
                f"{meaning or 'of unknown meaning'} and does not carry over to this rule. "
                "Convert it (shrinkage.convert), build the optimizer with weight_decay=0 and give the strength."
            )
        for param in group["params"]:
            if of[param].rule is not None:
                of[param].rule = rule.with_strength(found)
    if native == "adopt":
        for group in [*optimizer.param_groups, optimizer.defaults]:
            if "weight_decay" in group:
                group["weight_decay"] = 0.0


def _split_groups(optimizer: Optimizer, claims: Sequence[Claim]) -> None:
    """Give exempt parameters a group of their own where the kernel is to decay the others."""
    counted = hasattr(optimizer.step, "_wrapped_by_lr_sched") or isinstance(optimizer, LBFGSLike)
    if counted or handles_of(optimizer):
        return
    of = {claim.param: claim for claim in claims}
    for group in list(optimizer.param_groups):
        pulled = [p for p in group["params"] if of[p].rule is not None]
        rest = [p for p in group["params"] if of[p].rule is None]
        if not pulled or not rest:
            continue
        claim_rule = of[pulled[0]].rule
        if claim_rule is None or not runs_natively(optimizer, group, claim_rule):
            continue
        other = {**group, "params": rest}
        if "param_names" in group:
            names = dict(zip(map(id, group["params"]), group["param_names"], strict=True))
            group["param_names"] = [names[id(p)] for p in pulled]
            other["param_names"] = [names[id(p)] for p in rest]
        group["params"] = pulled
        optimizer.param_groups.append(other)


def _check_arguments(
    optimizer: Any,
    rule: Any,
    model: Any,
    exempt: Any,
    only: Any,
    lr_max: Any,
    native: Any,
    rows: Any,
    keep: Any,
) -> None:
    # A wrapper may call itself an optimizer without being one: it has no hooks of its own.
    if not isinstance(optimizer, Optimizer) or "_optimizer_step_pre_hooks" not in optimizer.__dict__:
        inner = getattr(optimizer, "optimizer", None)
        hint = " Give the optimizer inside it." if isinstance(inner, Optimizer) else ""
        raise RequestError(
            f"attach(optimizer): must be a torch.optim.Optimizer, got {shown(type(optimizer))}.{hint}"
        )
    if not isinstance(rule, Rule):
        raise RequestError(f"attach(rule): must be a rule, as Decoupled(0.1), got {shown(rule)}.")
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
    if lr_max is not None and not 0 < lr_max < float("inf"):
        raise RequestError(f"attach(lr_max=…): must be > 0 and finite, got {lr_max:g}.")


def _strength(rule: Rule) -> str:
    return f"{rule.strength:g}" if not isinstance(rule.strength, Tensor) else "per model"
