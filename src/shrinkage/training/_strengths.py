"""The strengths of a block's networks, bound to their rule in one place for all trainers.

Axes: G members, L λs, K = G·L networks, member by member and λ by λ within it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from shrinkage.rules import Rule

__all__ = ["Strengths"]


class Strengths:
    """λ of every network, and the rule with what those λs are in its own unit. Both can move between epochs.

    Args:
        rule: of any strength.
        lambdas: (L,) the λs that training starts from, the same for every member.
        members: G.
        lr: the learning rate at which a rule whose strength is a fraction equals λ.
        like: of the dtype and on the device of the networks.
    """

    def __init__(
        self, rule: Rule, lambdas: Sequence[float], members: int, *, lr: float, like: Tensor
    ) -> None:
        self._unbound, self._lr, self._like = rule, lr, like
        self.set(torch.tensor(list(lambdas), dtype=torch.float64).repeat(members, 1))

    def set(self, lam: Tensor) -> None:
        """Go on with other λs, float64: (G, L), or (G, L, T) for T pulled tensors with a strength each.

        Raises:
            RequestError: one of them is no strength of the rule.
        """
        each = lam[..., None] if lam.ndim == 2 else lam
        self._rules = [self._bound(one.reshape(-1, 1, 1)) for one in each.unbind(-1)]
        self.lam = lam

    @property
    def rule(self) -> Rule:
        """With strengths (K, 1, 1), those of the first tensor where each has its own."""
        return self._rules[0]

    @property
    def of_networks(self) -> Tensor:
        """(K,) the strengths in the rule's own unit."""
        return torch.as_tensor(self.rule.strength).flatten()

    def rule_for(self, w: Tensor, place: int) -> Rule:
        """The rule for the pulled tensor (K, …) at `place`, its strengths in a shape that broadcasts against it."""
        rule = self._rules[place if len(self._rules) > 1 else 0]
        if w.ndim == 3:
            return rule
        return rule.with_checked(torch.as_tensor(rule.strength).view(-1, *[1] * (w.ndim - 1)))

    def _bound(self, lam: Tensor) -> Rule:
        bound = self._unbound.at_lambda(lam, self._lr)
        return bound.with_strength(torch.as_tensor(bound.strength).to(self._like))
