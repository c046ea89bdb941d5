"""A rule: one choice on each axis, and a strength that is a number or a tensor that broadcasts.

The same functions pull the weights of one user's model (the strength a number) and of K stacked networks
(the strength of shape (K, 1, 1)), so a rule means the same thing wherever it is used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from shrinkage._errors import RequestError, shown
from shrinkage.rules._clocks import CLOCKS, Clock, Reading, tick
from shrinkage.rules._forces import Force, L2Force

__all__ = ["Anchor", "Entry", "Modulation", "Rule"]

Anchor = Literal["zero", "initial"]
Entry = Literal["loss", "before", "after"]
Modulation = Literal["none", "cautious"]

_L2 = L2Force()


@dataclass(frozen=True, kw_only=True, eq=False)
class Rule:
    """What pulls a weight, from where, how hard and when.

    Entries, with `F` the force, `a` the anchor and `s_t = strength · clock_t`:

    - `loss`: `g ← g + strength·F(w − a)`, so the pull goes through the optimizer as any gradient does;
    - `before`: `w ← w − s_t·F(w − a)`, evaluated at the weights before the step (the loss gradient too);
    - `after`: the same, evaluated at the weights that the step has produced.

    Build one with the names of the catalogue (`L2`, `WeightDecay`, `Decoupled`, …).
    """

    name: str
    """As the catalogue calls it."""
    strength: float | Tensor
    """λ for the entry `loss` and the clocks `lr` and `corrected`; a fraction a step for the others."""
    force: Force = _L2
    entry: Entry = "loss"
    clock: Clock = "lr"
    anchor: Anchor = "zero"
    modulation: Modulation = "none"

    def __post_init__(self) -> None:
        check_strength(self.name, self.strength, is_fraction=self.is_fraction)
        if self.clock not in CLOCKS:
            raise RequestError(
                f"{self.name}(clock=…): must be one of {', '.join(CLOCKS)}, got {shown(self.clock)}."
            )

    @property
    def is_fraction(self) -> bool:
        """True when the strength is a fraction of the weight a step, False when it is a λ."""
        return self.entry != "loss" and self.clock in ("constant", "schedule")

    @property
    def has_objective(self) -> bool:
        """True when the rule minimizes a penalized error, so that `penalty` is part of what is minimized."""
        return self.entry == "loss" and self.modulation == "none"

    @property
    def needs_previous(self) -> bool:
        """True when the rule reads the weights from before the step once the step is done."""
        return self.modulation == "cautious"

    def with_strength(self, strength: float | Tensor) -> Rule:
        """The same rule with another strength, in its own unit."""
        return replace(self, strength=strength)

    def at_lambda(self, lam: float | Tensor, lr: float) -> Rule:
        """The same rule with the strength that equals the canonical λ `lam` for plain SGD at learning rate `lr`.

        A rule whose strength is a λ takes `lam` itself. A fraction of the weight from before the step is
        `lr·lam`; a fraction r of the weight that the step has produced also shortens the step, to `lr(1 − r)`,
        so it is `r = lr·lam/(1 + lr·lam)`.
        """
        if not self.is_fraction:
            return self.with_strength(lam)
        shrink = lr * lam
        return self.with_strength(shrink / (1 + shrink) if self.entry == "after" else shrink)

    def lambda_at(self, lr: float) -> float | Tensor:
        """The canonical λ that the rule's strength equals for plain SGD at learning rate `lr`; inverse of `at_lambda`."""
        if not self.is_fraction:
            return self.strength
        return self.strength / (lr * (1 - self.strength)) if self.entry == "after" else self.strength / lr

    def shrink(self, now: Reading) -> float | Tensor:
        """`s_t`, the fraction removed in the step described by `now` (entries `before` and `after`)."""
        return self.strength * tick(self.clock, now)

    def penalty(self, w: Tensor, anchor: Tensor | None = None) -> Tensor:
        """`strength · Ω(w − a)`, elementwise: the penalty in the error (its sum is what is minimized)."""
        return self.strength * self.force.value(_distance(w, anchor))

    def add_gradient_(self, grad: Tensor, w: Tensor, anchor: Tensor | None = None) -> None:
        """Entry `loss`, in place: `grad ← grad + strength·F(w − a)`."""
        _add_scaled_(grad, self.force.pull(_distance(w, anchor)), self.strength)

    def shrink_(
        self, w: Tensor, now: Reading, *, anchor: Tensor | None = None, previous: Tensor | None = None
    ) -> None:
        """Entries `before` and `after`, in place: `w ← w − s_t·m·F(w − a)`.

        Args:
            w: the weights; call it before the step for `before`, after it for `after` and for a modulated rule.
            now: the clock's reading.
            anchor: `a`, of the shape of `w`; None is 0.
            previous: the weights from before the step, for a modulated rule. Its mask keeps the pull where the
                step went the same way, `(w_old − w_new)·F(w_old − a) ≥ 0`, and the pull is evaluated at `w_old`
                for the entry `before`.
        """
        shrink = self.shrink(now)
        if self.modulation == "cautious":
            assert previous is not None
            agrees = (previous - w) * self.force.pull(_distance(previous, anchor)) >= 0
            origin = previous if self.entry == "before" else w
            _add_scaled_(w, self.force.pull(_distance(origin, anchor)) * agrees, -shrink)
        elif anchor is None and isinstance(self.force, L2Force):
            w.mul_(1 - shrink)
        else:
            _add_scaled_(w, self.force.pull(_distance(w, anchor)), -shrink)


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
