"""The handle of a rule that is attached to an optimizer: its hooks, its table, its copies, its end."""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim import Optimizer

from shrinkage._errors import RequestError
from shrinkage.attachment import _resume
from shrinkage.attachment._claiming import Claimer
from shrinkage.attachment._claims import Claim
from shrinkage.attachment._handle import Keep
from shrinkage.attachment._hooks import install, uninstall
from shrinkage.attachment._host import is_captured, is_nonzero, refuse_in_a_graph
from shrinkage.attachment._learning_rate import Peaks, refuse_unknown
from shrinkage.attachment._step import Bunch, Rows, Step
from shrinkage.attachment._wrappers import refuse_valueless
from shrinkage.attachment.carriers._lending import give_back, is_lent
from shrinkage.attachment.carriers._native import clear_native, native_strength, runs_natively
from shrinkage.attachment.control._loop_control import LoopControl
from shrinkage.attachment.readings._log import group_names, measurements
from shrinkage.attachment.readings._parameter_table import ParameterTable, in_words, table_of
from shrinkage.rules import Rule, Schedule, factor_at

__all__ = ["Attachment"]


class Attachment:
    """A rule attached to an optimizer, made by `attach`. It is copied and pickled with the optimizer.

    Attributes:
        optimizer: the optimizer that the rule is attached to.
        rule: the rule.
        steps: number of steps since it was attached, over all resumptions; steps that GradScaler skips don't count.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        rule: Rule,
        claims: list[Claim],
        *,
        claimer: Claimer | None,
        schedule: Schedule | None,
        peaks: Peaks,
        rows: Rows | None,
        keep: Keep | None,
        lower: bool,
        outer: Optimizer | None = None,
        control: LoopControl | None = None,
    ) -> None:
        self.optimizer = optimizer
        self.outer = optimizer if outer is None else outer
        self.rule = rule
        self.schedule = schedule
        self.steps = 0
        self.keep: Keep | None = keep
        self.claims = {claim.param: claim for claim in claims}
        self._claimer = claimer
        self._peaks = peaks
        self._rows: Rows | None = rows
        self._lower = lower
        self._step: Step | None = None
        self._planned: list[tuple[dict[str, Any], list[Tensor]]] = []
        self._bunches: list[Bunch] = []
        self._incoming: dict[str, Any] = {}
        self._removed = False
        self.slot = 0
        self._may_hold_leftovers = True
        self.control = control
        if control is not None:
            control.begin(claims)
        self.plan()
        _resume.pick_up(self, list(dict.fromkeys((optimizer, self.outer))))
        _keep_uncompiled()
        install(optimizer, self)

    def __repr__(self) -> str:
        held = [claim for claim in self.claims.values() if claim.rule is not None]
        what = f"{in_words(self.rule)} on {type(self.optimizer).__name__}"
        if self._removed:
            return f"<{what}: removed>"
        how = sum(len(bunch.claims) for bunch in self._bunches if bunch.native)
        by = f", {how} by the optimizer itself" if how else ""
        moved = "" if self.control is None else f"; λ moved by {self.control.words or self.control.name}"
        return f"<{what}: {len(held)} of {len(self.claims)} parameters{by}; {self.steps} steps{moved}>"

    @property
    def names(self) -> list[str]:
        """Names of the optimizer's parameters."""
        return [claim.name for claim in self.claims.values()]

    def param_of(self, name: str) -> Tensor:
        """Return the parameter with this name."""
        return next(claim.param for claim in self.claims.values() if claim.name == name)

    def table(self) -> ParameterTable:
        """Tabulate every parameter of the optimizer: name, role, reason, rule, and what applies it; print the result."""
        self.plan()
        return table_of(self)

    def log(self) -> dict[str, float]:
        """Report what the rule does now, one set of numbers per parameter group, as a flat dict for any logger.

        Keys are `shrinkage/group<i>/` (with `multipliers`, `shrinkage/group<i>*<factor>/`) and: `lam`, λ, for rules whose
        strength is a λ (with SGD, the λ of the same stationary point, as `audit` measures it); `rate` for rules whose
        strength is a fraction per step, at the schedule's peak; `strength` for other rules; `shrink`, the fraction
        removed per step in the long run, if it is the same for all weights; `timescale`, its reciprocal in steps; `lr`;
        `norm` of the decayed weights; and, if theory gives one, `equilibrium_norm`, which scale-invariant weights
        approach (Kosson et al., arXiv 2305.17212).
        """
        self.plan()
        refuse_valueless("log()", self.optimizer)
        return measurements(self)

    def pulled(self) -> dict[str, list[Tensor]]:
        """The decayed parameters, by the name of their group in `log`, such as `group0` or `group0*0.5`."""
        self.plan()
        names = group_names(self)
        return {names[bunch]: [claim.param for claim in bunch.claims] for bunch in self._bunches}

    def trace(self) -> dict[str, list[float]]:
        """Record of a controller: the steps after which λ was set, `step`, and λ from then on.

        The key is `lam` if there is a single λ, or else the name of the group or the parameter; empty without a
        controller. The record is saved and resumed with the optimizer.
        """
        return {} if self.control is None else self.control.trace()

    def remove(self) -> None:
        """Remove the rule: the optimizer is as it was, without any weight decay."""
        if self._removed:
            return
        self._removed = True
        give_back(self.optimizer)
        uninstall(self.optimizer, self)

    @property
    def bunches(self) -> list[Bunch]:
        """The decayed parameters, one bunch for every parameter group and strength."""
        self.plan()
        return self._bunches

    @property
    def exempt(self) -> list[Claim]:
        """The optimizer's parameters that this rule does not decay."""
        return [claim for claim in self.claims.values() if claim.rule is None]

    def before_step(self, optimizer: Optimizer, args: Any, kwargs: dict[str, Any]) -> Any:
        """Pre-hook of `optimizer.step`: act on the gradients, or let the closure do it."""
        return _uncompiled(self._before_step, optimizer, args, kwargs, torch.compiler.is_compiling())

    def _before_step(self, optimizer: Optimizer, args: Any, kwargs: dict[str, Any], compiled: bool) -> Any:
        if self._step is not None:
            self._step.abandon()
            self._step = None
        self.plan()
        if self._may_hold_leftovers:
            _resume.refuse_leftovers(self)
            if self._claimer is not None:
                self._claimer.check_held(list(self.claims.values()))
            self._may_hold_leftovers = False
        if not self.steps and _only_makes_state(optimizer):
            return None
        if not compiled:  # a compiled capturable step may be on the CPU
            _check_can_step(optimizer, self.rule)
        if self.schedule is not None:
            refuse_in_a_graph(
                f"attach({self.rule.name}, schedule=…)",
                "the factor is computed by Python at every step",
                "Give the strength as a tensor on the GPU, and change it in place.",
            )
        if self.control is not None:
            self.control.before_step(list(self.claims.values()), self.steps)
        factor = factor_at(self.schedule, self.steps)
        self._step = step = Step(optimizer, self._bunches, self.exempt, factor, self._rows)
        closure = kwargs.get("closure") or (args[1] if len(args) > 1 else None)
        if closure is None:
            with torch.no_grad():
                step.on_gradients()
            return None
        wrapped = _with_rule(closure, step)
        if kwargs.get("closure") is not None:
            return args, {**kwargs, "closure": wrapped}
        return (args[0], wrapped, *args[2:]), kwargs

    def after_step(self, optimizer: Optimizer, args: Any, kwargs: dict[str, Any]) -> None:
        """Post-hook of `optimizer.step`: act on the updated weights."""
        _uncompiled(self._after_step, optimizer)

    @torch.no_grad()
    def _after_step(self, optimizer: Optimizer) -> None:
        give_back(optimizer)
        if self._step is not None:
            self._step.on_done()
            skipped, self._step = self._step.skipped, None
            self.steps += not skipped
            control = None if skipped else self.control
            if control is not None and control.after_step(list(self.claims.values()), self.steps):
                self.replan()

    def before_save(self, optimizer: Optimizer) -> None:
        """Pre-hook of `optimizer.state_dict`: restore the groups, even if a step was interrupted."""
        give_back(optimizer)

    def save(self, optimizer: Optimizer, state_dict: dict[str, Any]) -> None:
        """Post-hook of `optimizer.state_dict`: add the strengths and the rule's state, by parameter name."""
        self.plan()
        if self.control is not None:
            self.control.keep(list(self.claims.values()))
        _resume.save(self, state_dict)

    def save_shard(self, shard: Optimizer, state_dict: dict[str, Any]) -> None:
        """Post-hook of `state_dict` of the optimizer that holds this process's share of the parameters."""
        if self.control is not None:
            self.control.keep(list(self.claims.values()))
        _resume.save_shard(self, shard, state_dict)

    def check_load(self, optimizer: Optimizer, state_dict: dict[str, Any]) -> dict[str, Any] | None:
        """Pre-hook of `optimizer.load_state_dict`: match names, and refuse what does not fit before anything changes."""
        give_back(optimizer)
        self.plan()
        matched, self._incoming = _resume.check(self, state_dict)
        return matched

    def finish_load(self, optimizer: Optimizer) -> None:
        """Post-hook of `optimizer.load_state_dict`: restore the strengths and the state from the checkpoint."""
        for group in optimizer.param_groups:
            clear_native(group, optimizer.defaults)
        _resume.finish(self, self._incoming)
        self._incoming = {}
        self.replan()
        self.plan()

    def replan(self) -> None:
        """Make the next plan a new one, because the strengths have changed."""
        self._planned = []

    def plan(self) -> None:
        """Update the bunches to the optimizer's groups, which may have grown, been loaded or got other parameters."""
        if is_lent(self.optimizer):  # another rule is at work in this step
            return
        groups = self.optimizer.param_groups
        if len(groups) == len(self._planned) and all(
            group is known and len(group["params"]) == len(params) and all(map(is_, group["params"], params))
            for group, (known, params) in zip(groups, self._planned, strict=True)
        ):
            return
        for group in groups:
            for param in group["params"]:
                if param not in self.claims:
                    self._adopt_new(param, group)
        live = {param for group in groups for param in group["params"]}
        if len(live) < len(self.claims):  # a parameter was taken out, or replaced by another
            self.claims = {param: claim for param, claim in self.claims.items() if param in live}
        self._bunches = [bunch for i, group in enumerate(groups) for bunch in self._bunches_of(i, group)]
        self._planned = [(group, list(group["params"])) for group in groups]

    def _bunches_of(self, index: int, group: dict[str, Any]) -> list[Bunch]:
        """The decayed parameters of `group`, grouped by strength."""
        together: dict[Any, list[Claim]] = {}
        for param in group["params"]:
            claim = self.claims[param]
            if claim.rule is not None:
                strength = claim.rule.strength
                same = id(strength) if isinstance(strength, Tensor) else strength
                together.setdefault((claim.unit, same), []).append(claim)
        bunches = []
        for claims in together.values():
            rule = cast(Rule, claims[0].rule)
            refuse_unknown(self.optimizer, rule, group)
            can = self._lower and self._rows != "touched" and not any(claim.stacked for claim in claims)
            native = can and runs_natively(self.optimizer, group, rule)
            bunches.append(Bunch(group, rule, claims, native, self._peaks.of(index), self._peaks.source))
        return bunches

    def _adopt_new(self, param: Tensor, group: dict[str, Any]) -> None:
        """Take in a parameter that `add_param_group` added."""
        if self._claimer is None:
            raise RequestError(
                "attach(…): a parameter group was added to an optimizer that was copied or loaded with "
                "its rule, and its model is unknown here. Attach again: handle.remove(), then attach(…)."
            )
        claim = self._claimer.claim_new(param, group)
        if native_strength(group):
            raise RequestError(
                f"attach({self.rule.name}, strength {self.rule.strength}): the group added with "
                f"{claim.name} already has a weight_decay, {native_strength(group):g}. Add it with "
                "weight_decay=0."
            )
        if self.control is not None and not self.control.adopt(claim):
            raise RequestError(
                f"attach({self.rule.name}, strengths={self.control.strengths!r}): {claim.name} was added "
                "to the optimizer and has no λ yet. Attach again: handle.remove(), then attach(…)."
            )
        self.claims[param] = claim

    def __getstate__(self) -> dict[str, Any]:
        # What knows the model is not copied, nor is a step in progress.
        control = None if self.control is None else self.control.inert()
        left = {"_claimer": None, "_step": None, "control": control}
        return {**self.__dict__, **left, "claims": list(self.claims.values())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        claims = state.pop("claims")
        self.__dict__.update(state)
        self.claims = {claim.param: claim for claim in claims}
        _keep_uncompiled()


def _call(method: Callable[..., Any], *args: Any) -> Any:
    return method(*args)


_uncompiled: Callable[..., Any] = _call
"""Runs a method outside a compiled step. Set with the first rule: torch's compiler takes over a second to load."""


def _keep_uncompiled() -> None:
    global _uncompiled
    if _uncompiled is _call:
        _uncompiled = torch.compiler.disable(_call)


def _only_makes_state(optimizer: Optimizer) -> bool:
    """Whether a step is not a training step: every learning rate and every gradient is 0.

    `torch.distributed.checkpoint` takes such a step to make an optimizer create its state before loading one. A rule
    whose clock is not the learning rate would move the weights in it.
    """
    groups = optimizer.param_groups
    if (
        optimizer.state
        or not groups
        or any(group.get("lr") is None or is_nonzero(group["lr"]) for group in groups)
        or is_captured()
    ):
        return False
    grads = [p.grad for group in groups for p in group["params"] if p.grad is not None]
    return bool(grads) and not any(bool(_plain(grad).any()) for grad in grads)


def _check_can_step(optimizer: Optimizer, rule: Rule) -> None:
    """Refuse a step that torch would refuse, before the rule moves any weight."""
    if not type(optimizer).__module__.startswith("torch.optim."):
        return
    for i, group in enumerate(optimizer.param_groups):
        if group.get("capturable") and any(p.device.type == "cpu" for p in group["params"]):
            raise RequestError(
                f"attach({rule.name}): {type(optimizer).__name__} was built with capturable=True, which "
                f"needs a GPU, but group {i} is on the CPU. Build it with capturable=False, or move the "
                "model before the first step."
            )


def _plain(grad: Tensor) -> Tensor:
    part = getattr(grad, "to_local", lambda: grad)()
    return part.coalesce().values() if part.is_sparse else part


def _with_rule(closure: Callable[[], Any], step: Step) -> Callable[[], Any]:
    """Wrap the closure, so that the gradients include the rule's pull and the loss its penalty."""

    def evaluate() -> Any:
        try:
            loss = closure()
        except BaseException:
            step.abandon()
            raise
        with torch.no_grad():
            step.on_gradients()
            return loss if loss is None else loss + step.penalty()

    return evaluate
