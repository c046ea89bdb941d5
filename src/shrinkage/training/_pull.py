"""A rule applied to a stack of networks: to which tensors, and when in a step.

A rule that neither reads gradients nor keeps a state works on the whole buffers, their padding of zeros included. Any
other gets a view of each tensor, without padding, and finds there what it kept from the step before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from shrinkage._errors import RequestError, called
from shrinkage.networks import Stack
from shrinkage.rules import Reading, Rule, View
from shrinkage.training._strengths import Strengths

__all__ = ["Pull", "penalty_of"]

NOTHING_READ = Reading(0.0, 0.0)


class Pull:
    """Applies a rule, with one strength per network, to the decayed tensors of `stack`.

    Args:
        strengths: of the networks, bound to the rule.
        stack: the networks.
        decay_biases: pull the biases too; otherwise they are exempt.
        second_moments: gives, before the optimizer's step, its bias-corrected second moment of that step, (K, …) for
            each tensor of `stack.tensors`; None for an optimizer that has none.
    """

    def __init__(
        self,
        strengths: Strengths,
        stack: Stack,
        *,
        decay_biases: bool = False,
        second_moments: Callable[[], list[Tensor]] | None = None,
    ) -> None:
        rule = strengths.rule
        if rule.needs_second_moment and second_moments is None:
            raise RequestError(
                f"{called('rule')}: {rule.name} is scaled by Adam's second moment, which plain SGD doesn't keep. "
                f"Use {called('optimizer', 'adam')}, or another rule."
            )
        self._strengths, self._moments = strengths, second_moments
        pulled = stack.pulled(decay_biases, padded=rule.stateless)
        self._w, self._grads = [w for w, _ in pulled], [grad for _, grad in pulled]
        initial = rule.anchor == "initial"
        self._anchors: list[Tensor | None] = [w.clone() if initial else None for w in self._w]
        self._previous: list[Tensor] = []
        self._views = [] if rule.stateless else self._start_views(stack)

    @property
    def rule(self) -> Rule:
        return self._strengths.rule

    def add_gradient(self) -> None:
        """After back-propagation: what the rule reads of it, and the penalty's gradient for a rule in the loss."""
        if self._views:
            self._read()
        if self.rule.acts != "gradient":
            return
        for i, (grad, w) in enumerate(zip(self._grads, self._w, strict=True)):
            rule = self._strengths.rule_for(w, i)
            if self._views:
                grad.add_(rule.gradient(self._views[i]))
            else:
                rule.add_gradient_(grad, w, self._anchors[i])

    def before_step(self, now: Reading) -> None:
        if self.rule.needs_previous:
            self._previous = [w.clone() for w in self._w]
        if self.rule.acts == "before":
            self._shrink(now)

    def after_step(self, now: Reading) -> None:
        if self.rule.acts == "after":
            self._shrink(now)

    def penalty(self) -> Tensor:
        """(K,) the penalty in the error, strength included; NaN for a rule that has none."""
        return penalty_of(self._strengths, self._w, self._anchors)

    def _shrink(self, now: Reading) -> None:
        for i, w in enumerate(self._w):
            rule, previous = self._strengths.rule_for(w, i), self._previous[i] if self._previous else None
            if self._views:
                view = self._views[i]
                view.now, view.previous = now, previous
                rule.apply_(view)
            else:
                rule.shrink_(w, now, anchor=self._anchors[i], previous=previous)

    def _start_views(self, stack: Stack) -> list[View]:
        """A view of every pulled tensor, and, behind them, of those that the rule only reads."""
        views = [
            View(w=w, grad=grad, now=NOTHING_READ, anchor=anchor)
            for w, grad, anchor in zip(self._w, self._grads, self._anchors, strict=True)
        ]
        for i, view in enumerate(views):
            view.strength = self._strengths.rule_for(view.w, i).strength
            self.rule.start(view)
        known = {view.w.data_ptr(): view for view in views}
        self._all = [
            known[w.data_ptr()]
            if w.data_ptr() in known
            else View(w=w, grad=grad, now=NOTHING_READ, strength=_like_models(w))
            for w, grad in stack.pulled(True)
        ]
        return views

    def _read(self) -> None:
        for i, view in enumerate(self._views):
            view.strength = self._strengths.rule_for(view.w, i).strength
        if self._moments is not None and self.rule.needs_second_moment:
            for view, moment in zip(self._all, self._moments(), strict=True):
                view.second_moment = view.total(moment)
        self.rule.read(self._all if self.rule.reads_all else self._views)


def penalty_of(strengths: Strengths, pulled: Sequence[Tensor], anchors: Sequence[Tensor | None]) -> Tensor:
    """(K,) the penalty in the error of networks whose decayed tensors are these; NaN for a rule that has none."""
    if not strengths.rule.has_objective:
        return pulled[0].new_full((len(pulled[0]),), torch.nan)
    parts = [
        strengths.rule_for(w, i).penalty(w, anchor).sum(tuple(range(1, w.ndim)), dtype=torch.float64)
        for i, (w, anchor) in enumerate(zip(pulled, anchors, strict=True))
    ]
    return torch.stack(parts).sum(0)


def _like_models(w: Tensor) -> Tensor:
    """A strength of 0 in the shape that says that axis 0 of `w` counts models."""
    return w.new_zeros(len(w), *[1] * (w.ndim - 1))
