"""A rule: one choice on each axis, and a strength that is a number or a tensor that broadcasts.

The same functions pull the weights of one user's model (the strength a number) and of K stacked networks
(the strength of shape (K, 1, 1)), so a rule means the same thing wherever it is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from shrinkage._errors import RequestError, shown
from shrinkage.rules._clocks import CLOCKS, Clock, Reading, tick
from shrinkage.rules._forces import Force, L2Force
from shrinkage.rules._modulations import CautiousMask, Modulation
from shrinkage.rules._views import View

__all__ = ["Anchor", "Entry", "Moment", "Rule"]

Anchor = Literal["zero", "initial"]
Entry = Literal["loss", "before", "after", "prox", "project"]
Moment = Literal["gradient", "before", "after"]

_L2 = L2Force()


@dataclass(frozen=True, kw_only=True, eq=False)
class Rule:
    """What pulls a weight, from where, how hard and when.

    Entries, with `F = Ω′` the force, `a` the anchor, `s_t = strength · clock_t` and m the modulation (1 if none):

    - `loss`: `g ← g + strength·m·F(w − a)`, so the pull goes through the optimizer as any gradient does;
    - `before`: `w ← w − s_t·m·F(w − a)`, evaluated at the weights before the step (the loss gradient too);
    - `after`: the same, evaluated at the weights that the step has produced;
    - `prox`: `w ← a + argmin over x of ½‖x − (w − a)‖² + s_t·Ω(x)`, after the step;
    - `project`: `w ← a + the point nearest to w − a` in a set whose radius is the strength, after the step.

    Build one with the names of the catalogue (`L2`, `WeightDecay`, `Decoupled`, …).
    """

    name: str
    """As the catalogue calls it."""
    strength: float | Tensor
    """λ for the entry `loss` and the clocks `lr` and `corrected`; a fraction per step for the others."""
    force: Force = _L2
    entry: Entry = "loss"
    clock: Clock = "lr"
    anchor: Anchor = "zero"
    modulation: Modulation | None = None
    factors: int = 1
    """How many tensors the decayed weight is a product of: each is scaled by `(1 − s_t)^(1/factors)`."""

    def __post_init__(self) -> None:
        check_strength(self.name, self.strength, is_fraction=self._at_most_one)
        if self.clock not in CLOCKS:
            raise RequestError(
                f"{self.name}(clock=…): must be one of {', '.join(CLOCKS)}, got {shown(self.clock)}."
            )

    @property
    def is_fraction(self) -> bool:
        """True when the strength is a fraction of the weight per step, False when it is a λ or a unit of its own."""
        own_unit = self.modulation is not None and self.modulation.own_unit
        return self.entry in ("before", "after", "prox") and self.clock in _FRACTIONS and not own_unit

    @property
    def has_objective(self) -> bool:
        """True when the rule minimizes a penalized error, so that `penalty` is part of what is minimized."""
        return self.entry == "loss" and self.modulation is None

    @property
    def needs_previous(self) -> bool:
        """True when the rule reads the weights from before the step once the step is done."""
        return self.modulation is not None and self.modulation.needs_previous

    @property
    def needs_second_moment(self) -> bool:
        """True when the rule reads the optimizer's second moment."""
        return self.modulation is not None and self.modulation.needs_second_moment

    @property
    def reads_all(self) -> bool:
        """True when `read` must see the exempt parameters too."""
        return self.modulation is not None and self.modulation.reads_all

    @property
    def stateless(self) -> bool:
        """True when `add_gradient_` and `shrink_` are the whole rule: it reads no gradient and keeps no state."""
        return self.modulation is None or isinstance(self.modulation, CautiousMask)

    @property
    def acts(self) -> Moment:
        """When in a step the rule acts: on the `gradient`, on the weights `before` the step, or `after` it."""
        if self.entry == "loss":
            return "gradient"
        return "before" if self.entry == "before" and not self.needs_previous else "after"

    @property
    def scales_weights(self) -> bool:
        """True when the pull is `w ← (1 − s_t) w` and nothing else."""
        plain_l2 = isinstance(self.force, L2Force) and self.anchor == "zero" and self.modulation is None
        return plain_l2 and self.entry in ("before", "after")

    def with_strength(self, strength: float | Tensor) -> Rule:
        """The same rule with another strength, in its own unit."""
        return replace(self, strength=strength)

    def with_checked(self, strength: float | Tensor) -> Rule:
        """`with_strength` for values that are checked already, in another shape or format: no GPU is asked again."""
        other = copy(self)
        object.__setattr__(other, "strength", strength)
        return other

    def at_lambda(self, lam: float | Tensor, lr: float) -> Rule:
        """The same rule with the strength that equals the canonical λ `lam` for plain SGD at learning rate `lr`.

        A rule whose strength is a λ takes `lam` itself. A fraction of the weight from before the step is
        `lr·lam`, and so is the t of a proximal step `w/(1 + t)`; a fraction r of the weight that the step has
        produced also shortens the step, to `lr(1 − r)`, so it is `r = lr·lam/(1 + lr·lam)`.
        """
        if not self.is_fraction:
            return self.with_strength(lam)
        shrink = lr * lam
        return self.with_strength(shrink / (1 + shrink) if self.entry == "after" else shrink)

    def admits(self, lam: float, lr: float) -> bool:
        """False for a λ that is no strength of the rule, or takes off more than the whole weight in a step at `lr`."""
        try:
            placed = self.at_lambda(lam, lr)
        except RequestError:
            return False
        return not self.scales_weights or float(placed.shrink(Reading(lr=lr, lr_max=lr))) <= 1

    def lambda_at(self, lr: float) -> float | Tensor:
        """The canonical λ that the rule's strength equals for plain SGD at learning rate `lr`; inverse of `at_lambda`."""
        if not self.is_fraction:
            return self.strength
        return self.strength / (lr * (1 - self.strength)) if self.entry == "after" else self.strength / lr

    def shrink(self, now: Reading) -> float | Tensor:
        """`s_t`, the fraction removed in the step described by `now` (entries `before`, `after` and `prox`)."""
        share = self.strength * tick(self.clock, now)
        return share if self.factors == 1 else 1 - (1 - share) ** (1 / self.factors)

    def penalty(self, w: Tensor, anchor: Tensor | None = None) -> Tensor:
        """`strength · Ω(w − a)`, elementwise: the penalty in the error (its sum is what is minimized)."""
        return self.strength * self.force.value(_distance(w, anchor))

    def add_gradient_(self, grad: Tensor, w: Tensor, anchor: Tensor | None = None) -> None:
        """Entry `loss`, in place: `grad ← grad + strength·F(w − a)`."""
        _add_scaled_(grad, self.force.pull(_distance(w, anchor)), self.strength)

    def shrink_(
        self, w: Tensor, now: Reading, *, anchor: Tensor | None = None, previous: Tensor | None = None
    ) -> None:
        """Every entry but `loss`, in place: `w ← w − s_t·m·F(w − a)`, the proximal step or the projection.

        Args:
            w: the weights; call it when `acts` says.
            now: the clock's reading.
            anchor: `a`, of the shape of `w`; None is 0.
            previous: the weights from before the step, where `needs_previous`. A cautious mask keeps the pull where
                the step went the same way, `(w_old − w_new)·F(w_old − a) ≥ 0`, and the pull is evaluated at `w_old`
                for the entry `before`.
        """
        self.apply_(View(w=w, now=now, strength=self.strength, anchor=anchor, previous=previous))

    def start(self, view: View) -> None:
        """Set up what the rule keeps of this tensor from step to step."""
        if self.modulation is not None:
            self.modulation.start(view)

    def read(self, views: Sequence[View]) -> None:
        """Let the rule read all its tensors, once per step, with gradients present and before weights change."""
        if self.modulation is not None:
            self.modulation.read(views)

    def gradient(self, view: View) -> Tensor:
        """Entry `loss`: `strength·m·F(w − a)`, what is added to the gradient."""
        pull = self.force.pull(view.distance) * self.strength
        return pull if self.modulation is None else pull * self.modulation.factor(view, self.force)

    def apply_(self, view: View) -> None:
        """`shrink_`, for a rule that has `read` the view."""
        if self.entry in ("prox", "project"):
            moved = self.force.prox(
                view.distance, self.strength if self.entry == "project" else self.shrink(view.now)
            )
            view.w.copy_(moved if view.anchor is None else moved + view.anchor)
        elif self.scales_weights:
            view.w.mul_(1 - self.shrink(view.now))
        elif self.modulation is None:
            _add_scaled_(view.w, self.force.pull(view.distance), -self.shrink(view.now))
        else:
            at_old = self.entry == "before" and self.modulation.needs_previous
            pull = self.force.pull(view.previous_distance if at_old else view.distance)
            _add_scaled_(view.w, pull * self.modulation.factor(view, self.force), -self.shrink(view.now))

    @property
    def _at_most_one(self) -> bool:
        return self.is_fraction and self.entry != "prox"


_FRACTIONS: tuple[Clock, ...] = ("constant", "schedule")


def check_strength(name: str, strength: float | Tensor, *, is_fraction: bool) -> None:
    """Raise when a strength is negative or not finite, or a fraction above 1."""
    values = strength.detach() if isinstance(strength, Tensor) else torch.tensor(float(strength))
    low, high = float(values.min()), float(values.max())
    if not (math.isfinite(low) and math.isfinite(high)) or low < 0 or (is_fraction and high > 1):
        wanted = (
            "between 0 and 1, the fraction of a weight removed in a step"
            if is_fraction
            else ">= 0 and finite"
        )
        got = low if not math.isfinite(low) or low < 0 else high
        raise RequestError(f"{name}: the strength must be {wanted}, got {got:g}.")


def _distance(w: Tensor, anchor: Tensor | None) -> Tensor:
    return w if anchor is None else w - anchor


def _add_scaled_(target: Tensor, direction: Tensor, scale: float | Tensor) -> None:
    if isinstance(scale, Tensor):
        target.addcmul_(direction, scale)
    else:
        target.add_(direction, alpha=scale)
