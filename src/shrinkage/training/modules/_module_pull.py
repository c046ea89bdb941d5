"""A rule at work on a stack of modules: every rule, those that keep a state or read gradients too.

Axes: K modules, P numbers of one parameter. Each parameter is one view (K, P), so that a rule's statistics are taken
over one parameter of one module; a rule that looks at each weight alone sees all decayed parameters as one view.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from shrinkage.networks.module import ModuleStack
from shrinkage.rules import Reading, Rule, View

__all__ = ["ModulePull"]


class ModulePull:
    """Applies a rule, its strengths one per module, to the decayed parameters of a stack.

    Args:
        rule: its strength is of shape (K, 1).
        stack: the modules.
        decay_biases: pull the biases too.
    """

    def __init__(self, rule: Rule, stack: ModuleStack, *, decay_biases: bool = False) -> None:
        self.rule = rule
        self._now = Reading(0.0, 0.0)
        self._views = [self._view(w, grad) for w, grad in self._pulled(stack, decay_biases)]
        for view in self._views:
            rule.start(view)

    def add_gradient(self, now: Reading) -> None:
        """After back-propagation: what the rule reads of the gradients, and its own gradient if it is in the loss."""
        for i, view in enumerate(self._views):
            self._views[i] = replace(view, now=now, state=view.state)
        self.rule.read(self._views)
        if self.rule.acts == "gradient":
            for view in self._views:
                assert view.grad is not None
                view.grad.add_(self.rule.gradient(view))

    def before_step(self) -> None:
        if self.rule.needs_previous:
            for view in self._views:
                view.previous = view.w.clone()
        if self.rule.acts == "before":
            self._apply()

    def after_step(self) -> None:
        if self.rule.acts == "after":
            self._apply()

    def penalty(self) -> Tensor:
        """(K,) the penalty in the error, strength included; NaN for a rule that has none."""
        if not self.rule.has_objective:
            return torch.full((len(self._views[0].w),), torch.nan, dtype=torch.float64)
        parts = [self.rule.penalty(view.w, view.anchor).sum(1, dtype=torch.float64) for view in self._views]
        return torch.stack(parts).sum(0)

    def _apply(self) -> None:
        for view in self._views:
            self.rule.apply_(view)

    def _view(self, w: Tensor, grad: Tensor) -> View:
        anchor = w.clone() if self.rule.anchor == "initial" else None
        return View(w=w, now=self._now, strength=self.rule.strength, grad=grad, anchor=anchor)

    def _pulled(self, stack: ModuleStack, biases: bool) -> list[tuple[Tensor, Tensor]]:
        """(w, gradient) (K, P) of the decayed parameters, next to each other in one piece where that is the same."""
        slots = stack.layout.decayed(biases)
        found = []
        for slot in slots:
            columns = slice(slot.flat, slot.flat + slot.size)
            found.append((slot.dtype, columns))
        dtypes = {slot.dtype for slot in slots}
        if self.rule.stateless and len(dtypes) == 1 and not biases:
            found = [(slots[0].dtype, slice(0, max(columns.stop for _, columns in found)))]
        return [
            (_real(stack.flats[dtype][:, columns]), _real(stack.flat_grads[dtype][:, columns]))
            for dtype, columns in found
        ]


def _real(x: Tensor) -> Tensor:
    """(K, P) as real numbers, a complex one as two: a view."""
    return torch.view_as_real(x).view(len(x), -1) if x.is_complex() else x
