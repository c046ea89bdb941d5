"""A rule at work on a stack of networks: which tensors it pulls, and when in a step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from shrinkage._errors import RequestError, called
from shrinkage.networks import Parameters, Stack
from shrinkage.rules import Reading, Rule

__all__ = ["Pull", "decayed", "penalty_of"]


class Pull:
    """Applies `rule`, its strengths one a network, to the decayed tensors of `stack`.

    Args:
        rule: the rule; its strength is of shape (K, 1, 1).
        stack: the networks.
        decay_biases: pull the biases too; otherwise they are exempt.
    """

    def __init__(self, rule: Rule, stack: Stack, *, decay_biases: bool = False) -> None:
        if not rule.stacks:
            raise RequestError(
                f"{called('rule')}: {rule.name} reads gradients or keeps a state, which stacked networks don't give it; "
                "use it with attach on an optimizer."
            )
        if rule.entry == "project":
            raise RequestError(
                f"{called('rule')}: the strength of {rule.name} is a radius, not a λ; use it with attach."
            )
        self.rule = rule
        self.decay_biases = decay_biases
        self._w = self._decayed(stack.parameters)
        self._grads = self._decayed(stack.gradients)
        initial = rule.anchor == "initial"
        self._anchors: list[Tensor | None] = [w.clone() if initial else None for w in self._w]
        self._previous: list[Tensor] = []

    def add_gradient(self) -> None:
        """After back-propagation: the penalty's gradient, for a rule in the loss."""
        if self.rule.acts == "gradient":
            for grad, w, anchor in zip(self._grads, self._w, self._anchors, strict=True):
                self.rule.add_gradient_(grad, w, anchor)

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
        return penalty_of(self.rule, self._w, self._anchors)

    def _shrink(self, now: Reading) -> None:
        for i, (w, anchor) in enumerate(zip(self._w, self._anchors, strict=True)):
            previous = self._previous[i] if self.rule.needs_previous else None
            self.rule.shrink_(w, now, anchor=anchor, previous=previous)

    def _decayed(self, parameters: Parameters) -> list[Tensor]:
        return decayed(parameters, self.decay_biases)


def decayed(parameters: Parameters, biases: bool) -> list[Tensor]:
    """The tensors that a rule pulls: the weights of every layer, and the biases when they are not exempt."""
    return parameters.weights + (parameters.biases if biases else [])


def penalty_of(rule: Rule, pulled: Sequence[Tensor], anchors: Sequence[Tensor | None]) -> Tensor:
    """(K,) the penalty in the error of networks whose decayed tensors are these; NaN for a rule that has none."""
    if not rule.has_objective:
        return pulled[0].new_full((len(pulled[0]),), torch.nan)
    parts = [
        rule.penalty(w, anchor).sum((1, 2), dtype=torch.float64)
        for w, anchor in zip(pulled, anchors, strict=True)
    ]
    return torch.stack(parts).sum(0)
