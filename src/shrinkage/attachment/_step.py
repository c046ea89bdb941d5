"""One step of an optimizer as a rule sees it: when gradients are there, and when the weights have moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import torch
from torch import Tensor
from torch.optim import Optimizer

from shrinkage._errors import RequestError
from shrinkage.attachment._claims import Claim
from shrinkage.attachment._directions import direction_of, gradients_are_final
from shrinkage.attachment._host import is_zero, refuse_in_a_graph
from shrinkage.attachment._learning_rate import reading_of, warn_of_overshoot
from shrinkage.attachment._wrappers import refuse_restoring
from shrinkage.attachment.carriers._fitting import (
    can_wait,
    cannot_show,
    is_in_one_piece,
    is_plain_cautious,
    is_small,
)
from shrinkage.attachment.carriers._foreach import cautious_, cautious_ahead_, copy_, scale_, sums
from shrinkage.attachment.carriers._lending import Loan, give_back, lend
from shrinkage.attachment.repair._carry import apply_carrying, is_lost
from shrinkage.attachment.repair._debt import fits
from shrinkage.attachment.repair._moments import second_moment_sum
from shrinkage.rules import L2Force, Reading, Rule, View

__all__ = ["Bunch", "Rows", "Step"]

Rows = Literal["all", "touched"]
Tensors = list[Tensor]


@dataclass(eq=False)
class Bunch:
    """The claims that share a parameter group and a strength."""

    group: dict[str, Any]
    rule: Rule
    claims: list[Claim]
    native: bool
    """The optimizer carries the rule out itself."""
    lr_max: float | None
    """As given by the user; None: taken from the group, or from the learning rate when attached."""
    source: str = ""
    """Where `lr_max` is from, in words."""

    def now(self) -> Reading:
        """What the clock is read from at this step."""
        group, first = self.group, self.claims[0]
        peaks = (self.lr_max, group.get("max_lr"), group.get("initial_lr"), first.lr_max)
        reading = reading_of(group, peaks)
        if self.rule.clock not in ("schedule", "corrected"):
            return reading
        if is_zero(reading.lr_max) and not is_zero(reading.lr):
            raise RequestError(
                f"attach({self.rule.name}): the clock {self.rule.clock!r} compares the learning rate with "
                "its peak, which is unknown: it was 0 when the rule was attached. Give attach(…, "
                "lr_max=…): the peak, or the learning rate scheduler."
            )
        first.overshot = first.overshot or warn_of_overshoot(self.rule, reading)
        return reading

    def peak_in_words(self) -> str:
        """η_max and where it is from, for a clock that needs it; else nothing."""
        peak = self.now().lr_max if self.rule.clock in ("schedule", "corrected") else 0.0
        if isinstance(peak, Tensor) or not peak:
            return ""
        key = next((name for name in ("max_lr", "initial_lr") if self.group.get(name)), None)
        source = self.source or (f"of {key}" if key else "when attached")
        return f", lr_max {peak:g} {source}"

    def has_sparse_gradients(self) -> bool:
        """True where a kernel would refuse to decay."""
        return any(c.param.grad is not None and c.param.grad.is_sparse for c in self.claims)

    def active(self) -> list[Claim]:
        """The parameters that the optimizer is about to move: not frozen, and with a gradient."""
        return [c for c in self.claims if c.param.grad is not None and c.param.requires_grad]


class Step:
    """What a rule does within one call of `optimizer.step`.

    Args:
        optimizer: the optimizer.
        bunches: what is pulled.
        exempt: the other parameters of the optimizer, for a rule that looks at all of them.
        factor: the schedule's factor on the strength at this step.
        rows: decay all rows of a tensor, or those alone that have a gradient; None is all, and refuses sparse ones.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        bunches: Sequence[Bunch],
        exempt: Sequence[Claim],
        factor: float,
        rows: Rows | None,
    ) -> None:
        self.optimizer = optimizer
        self.bunches = bunches
        self.exempt = exempt
        self.factor = factor
        self.rows: Rows | None = rows
        # A fused optimizer unscales the gradient itself, and its hooks run on steps that it then skips.
        scale, overflow = getattr(optimizer, "grad_scale", None), getattr(optimizer, "found_inf", None)
        self.scale = 1.0 if scale is None else float(scale)
        self.skipped = overflow is not None and bool(overflow)
        self._started = False
        self._evaluations = 0
        self._loan: Loan | None = None
        self._gradients: dict[Tensor, tuple[Tensor, Tensor]] = {}
        self._late: list[tuple[Rule, Claim, View, Tensor | None]] = []
        self._late_bunches: list[tuple[Bunch, Rule, list[Claim]]] = []

    def on_gradients(self) -> None:
        """The loss gradients are there, and the weights have not moved."""
        if self.skipped:
            return
        self._evaluations += 1
        for bunch in self.bunches:
            refuse_restoring(self.optimizer, bunch.rule, evaluations=self._evaluations)
        views: list[tuple[Bunch, Rule, Claim, View]] = []
        for bunch in self.bunches:
            rule = self._now(bunch.rule)
            active = bunch.active()
            if bunch.native and not bunch.has_sparse_gradients():
                if not self._started:
                    self._hand_over(bunch, rule, active)
                continue
            if self._at_once(rule, active):
                self._pull_bunch(bunch, rule, active)
            else:
                now = bunch.now()
                rest = self._pull_ahead(bunch, rule, active, now)
                views += [
                    (bunch, self._fit_to_stack(rule, c), c, self._view(bunch, rule, c, now)) for c in rest
                ]
        if views:
            self._pull_views(views)
        self._started = True

    def on_done(self) -> None:
        """The optimizer has moved the weights."""
        self.restore_gradients()
        if self.skipped:
            return
        for bunch, rule, active in self._late_bunches:
            self._scale_weights(bunch, rule, active)
        for rule, claim, view, mask in self._late:
            self._apply(rule, claim, view, mask)

    def restore_gradients(self) -> None:
        """Give the user's gradients back where ours are still in their place."""
        for param, (own, ours) in self._gradients.items():
            if param.grad is ours:
                param.grad = own
        self._gradients.clear()

    def abandon(self) -> None:
        """The step did not come to its end: gradients and groups are the user's again."""
        self.restore_gradients()
        if self._loan is not None:
            give_back(self.optimizer, self._loan)

    def penalty(self) -> Tensor | float:
        """The penalty in the error at the weights as they are: what a closure's loss leaves out."""
        total: Tensor | float = 0.0
        for bunch in self.bunches:
            if not bunch.native and bunch.rule.has_objective:
                rule = self._now(bunch.rule)
                for claim in bunch.active():
                    part = self._fit_to_stack(rule, claim).penalty(_real(claim.param), claim.anchor)
                    total = total + part.sum()
        return total

    def _now(self, rule: Rule) -> Rule:
        return rule if self.factor == 1.0 else rule.with_strength(rule.strength * self.factor)

    @staticmethod
    def _fit_to_stack(rule: Rule, claim: Claim) -> Rule:
        """With a strength a model where the tensor stacks models."""
        if not claim.stacked:
            return rule
        real = claim.param.real
        # A pull added to the gradient has its format; one subtracted from the weights is rounded with them.
        dtype = torch.float32 if real.element_size() < 4 and rule.entry != "loss" else real.dtype
        if not isinstance(rule.strength, Tensor):
            values = torch.full((len(real),), rule.strength, device=real.device, dtype=dtype)
        else:
            if rule.strength.device != real.device:
                refuse_in_a_graph(
                    f"attach({rule.name})", "the strengths are on the CPU", "Move them to the GPU."
                )
            values = rule.strength.flatten().to(real.device, dtype).expand(len(real))
        return rule.with_checked(values.reshape(-1, *[1] * (claim.param.ndim - 1)))

    def _at_once(self, rule: Rule, active: Sequence[Claim]) -> bool:
        """True when one call on all tensors does what the rule does tensor by tensor."""
        if self.rows == "touched" or isinstance(rule.strength, Tensor):
            return False
        if any(cast(Tensor, c.param.grad).is_sparse for c in active):
            return False
        plain_l2 = isinstance(rule.force, L2Force) and rule.anchor == "zero" and rule.modulation is None
        return plain_l2 and rule.entry in ("loss", "before", "after")

    def _pull_bunch(self, bunch: Bunch, rule: Rule, active: list[Claim]) -> None:
        if not active:
            return
        if rule.entry == "loss":
            params = [c.param for c in active]
            grads = [cast(Tensor, p.grad) for p in params]
            alpha = float(rule.strength) * self.scale * self._sign(bunch)
            self._replace_gradients(params, sums(grads, params, alpha))
        elif self._started:
            return
        elif rule.entry == "before":
            self._scale_weights(bunch, rule, active)
        else:
            self._late_bunches.append((bunch, rule, active))

    def _pull_ahead(self, bunch: Bunch, rule: Rule, active: list[Claim], now: Reading) -> list[Claim]:
        """Pull cautiously before the step where its direction is known already; returns the claims where it is not."""
        shrink = rule.shrink(now)
        if self._started or self.rows == "touched" or isinstance(shrink, Tensor):
            return active
        if not is_plain_cautious(rule) or not gradients_are_final(self.optimizer):
            return active
        rest, scratch = [], None
        for claim in active:
            grad_factor = self._sign(bunch) / self.scale
            direction = direction_of(self.optimizer, bunch.group, claim.param, grad_factor)
            if direction is None or claim.stacked:
                rest.append(claim)
                continue
            w = _real(claim.param)
            part = shrink if fits(shrink, w.dtype) else claim.debt.due(shrink, w.dtype)
            if part:
                grad, buffer = _real(direction.grad), direction.buffer
                buffer = None if buffer is None else _real(buffer)
                scratch = cautious_ahead_(w, grad, direction.weight, buffer, part, scratch)
        return rest

    def _hand_over(self, bunch: Bunch, rule: Rule, active: list[Claim]) -> None:
        """Lend the optimizer's kernel its weight decay, or none where that could not show what the rule takes off."""
        own = float(rule.strength)
        if rule.entry == "before":
            now = bunch.now()
            shrink = rule.shrink(now)
            if cannot_show(rule, now, shrink, [claim.param for claim in active]):
                self._scale_weights(bunch, rule, active)
                own = 0.0
            elif rule.clock != "lr":
                own = float(shrink / now.lr) if shrink else 0.0
        if own:
            options: dict[str, Any] = {"weight_decay": own}
            if "decoupled_weight_decay" in bunch.group:
                options["decoupled_weight_decay"] = rule.entry == "before"
            self._loan = lend(self.optimizer, bunch.group, [claim.param for claim in active], options)

    @staticmethod
    def _scale_weights(bunch: Bunch, rule: Rule, active: list[Claim]) -> None:
        now = bunch.now()
        shrink = rule.shrink(now)
        if isinstance(shrink, Tensor):
            whole = [c.param for c in active if not is_small(c.param)]
            if whole:
                scale_(whole, 1 - shrink)
            for claim in active:
                if is_small(claim.param):
                    view = View(w=_real(claim.param), now=now, strength=rule.strength, state=claim.state)
                    apply_carrying(rule, view, None)
            return
        exact = [c.param for c in active if fits(shrink, c.param.dtype)]
        if exact:
            scale_(exact, 1 - shrink)
        for claim in active:
            if not fits(shrink, claim.param.dtype):
                claim.debt.shrink_(claim.param, shrink)

    def _view(self, bunch: Bunch, rule: Rule, claim: Claim, now: Reading) -> View:
        param, grad = claim.param, cast(Tensor, claim.param.grad)
        view = View(
            w=_real(param), now=now, strength=self._fit_to_stack(rule, claim).strength, state=claim.state
        )
        view.anchor = claim.anchor
        modulation = rule.modulation
        if grad.is_sparse:
            self._check_sparse(rule, claim)
        elif modulation is not None and modulation.needs_gradient:
            view.grad = _real(grad) * (self._sign(bunch) / self.scale)
        if modulation is not None and modulation.needs_second_moment:
            unscaled = grad if self.scale == 1 else grad / self.scale
            view.second_moment = second_moment_sum(self.optimizer, bunch.group, param, unscaled)
        if rule.needs_previous and not self._started:
            if claim.previous is None:
                claim.previous = torch.empty_like(param)
            view.previous = _real(claim.previous)
        return view

    def _pull_views(self, views: list[tuple[Bunch, Rule, Claim, View]]) -> None:
        rule = views[0][1]
        seen = [view for *_, view in views]
        if rule.modulation is not None and rule.modulation.reads_all:
            seen += self._views_of_exempt(rule)
        rule.read(seen)
        if rule.needs_previous and not self._started:
            copy_([cast(Tensor, v.previous) for v in seen], [v.w for v in seen])
        for bunch, rule, claim, view in views:
            mask = self._mask(claim)
            if rule.acts == "gradient":
                pull = rule.gradient(view) * (self._sign(bunch) * self.scale)
                pull = pull if mask is None else pull * mask
                grad = cast(Tensor, claim.param.grad)
                self._replace_gradients([claim.param], [grad + _as(pull, grad)])
            elif self._started:
                continue
            elif rule.acts == "before":
                self._apply(rule, claim, view, mask)
            else:
                self._late.append((rule, claim, view, mask))

    def _views_of_exempt(self, rule: Rule) -> list[View]:
        groups = {p: g for g in self.optimizer.param_groups for p in g["params"]}
        views = []
        for claim in self.exempt:
            if claim.param.grad is not None and claim.param.requires_grad:
                bunch = Bunch(groups[claim.param], rule, [claim], native=False, lr_max=None)
                views.append(self._view(bunch, rule, claim, bunch.now()))
        return views

    @staticmethod
    def _apply(rule: Rule, claim: Claim, view: View, mask: Tensor | None) -> None:
        shrink = rule.shrink(view.now)
        if mask is None and can_wait(rule, shrink, view.w.dtype):
            shrink = claim.debt.due(cast(float, shrink), view.w.dtype)
            rule = replace(rule, strength=shrink, clock="constant", factors=1)
        elif is_lost(rule, view):
            apply_carrying(rule, view, mask)
            return
        before = None if mask is None else view.w.clone()
        if is_plain_cautious(rule) and is_in_one_piece(view.w) and not isinstance(shrink, Tensor):
            cautious_(view.w, cast(Tensor, view.previous), shrink)
        else:
            rule.apply_(view)
        if mask is not None and before is not None:
            view.w.copy_(torch.where(mask, view.w, before))

    def _mask(self, claim: Claim) -> Tensor | None:
        """Which rows have a gradient, in a shape that broadcasts; None for all."""
        axis = 1 if claim.stacked else 0
        grad = cast(Tensor, claim.param.grad)
        if self.rows != "touched" or claim.param.ndim - axis < 2:
            return None
        if grad.is_sparse:
            touched = torch.zeros(len(claim.param), dtype=torch.bool, device=grad.device)
            touched[grad.coalesce().indices()[0]] = True
        else:
            touched = (grad != 0).flatten(axis + 1).any(-1)
        extra = claim.param.ndim - axis - 1 + (1 if claim.param.is_complex() else 0)
        return touched.reshape(*touched.shape, *[1] * extra)

    def _check_sparse(self, rule: Rule, claim: Claim) -> None:
        where = f"attach({rule.name}): {claim.name} has a sparse gradient, "
        reads = rule.modulation is not None and rule.modulation.needs_gradient
        if rule.entry == "loss" or reads:
            raise RequestError(f"{where}and the rule needs a dense one. Use sparse=False, or Decoupled(…).")
        if self.rows is None:
            raise RequestError(
                f'{where}so choose which rows decay: rows="all", or rows="touched" for those in the batch.'
            )

    def _replace_gradients(self, params: Sequence[Tensor], grads: Sequence[Tensor]) -> None:
        """Give the optimizer other gradients for this step; the user's own come back after it."""
        for param, grad in zip(params, grads, strict=True):
            self._gradients[param] = cast(Tensor, param.grad), grad
            param.grad = grad

    @staticmethod
    def _sign(bunch: Bunch) -> float:
        """With `maximize` the optimizer turns the gradient round: the pull is to stay a pull."""
        return -1.0 if bunch.group.get("maximize") else 1.0


def _real(x: Tensor) -> Tensor:
    """A complex tensor as two real ones: |w|² is the sum of both squares."""
    return torch.view_as_real(x) if x.is_complex() else x


def _as(x: Tensor, like: Tensor) -> Tensor:
    return torch.view_as_complex(x) if like.is_complex() else x
