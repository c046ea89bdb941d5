"""Decay that one number a tensor cannot keep: the lost part of every weight, in a tensor beside it.

Where all weights shrink by one factor, what is lost is one logarithm (`_debt`). A strength a model, rows that
decay when they are touched, and rules that follow the training take off a fraction of its own from each weight. There
the pull is computed in float64, and what the rounding to the weight's format leaves is taken off with the next one.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from shrinkage.attachment._host import readable
from shrinkage.attachment.repair._debt import fits
from shrinkage.rules import Rule, View

__all__ = ["apply_carrying", "is_lost"]

_LOST = "lost"
"""The key in a parameter's state; saved and resumed with it."""


def is_lost(rule: Rule, view: View) -> bool:
    """True when the format of the weights would lose some of what `rule` takes off them.

    Always below float32. In float32 it is a question of size, which is not asked where a GPU would have to answer it,
    nor of rules that measure what they have reached and pull until it is there.
    """
    w, modulation = view.w, rule.modulation
    if rule.entry == "project" or w.element_size() > 4 or w.dtype is torch.float64:
        return False
    if w.element_size() < 4:
        return True
    if modulation is not None and modulation.own_unit:
        return False
    shrink = rule.shrink(view.now)
    if modulation is not None and modulation.needs_second_moment:
        shrink = shrink * view.note[0]
    if not isinstance(shrink, Tensor):
        return not fits(shrink, w.dtype)
    return readable(shrink) and not all(fits(s, w.dtype) for s in shrink.flatten().tolist())


def apply_carrying(rule: Rule, view: View, mask: Tensor | None) -> None:
    """`rule.apply_` to the weights where `mask`, with what earlier roundings have left to be taken off.

    A weight that the rule has brought to 0 owes nothing.
    """
    w, state = view.w, view.state
    previous = None if view.previous is None else view.previous.double()
    strength = rule.strength.double() if isinstance(rule.strength, Tensor) else rule.strength
    exact = replace(view, w=w.double(), previous=previous, strength=strength)
    rule.with_checked(strength).apply_(exact)
    lost = state.get(_LOST)
    wanted = exact.w if lost is None else torch.where(exact.w == 0, 0, exact.w - lost)
    rounded = wanted.to(w.dtype)
    left = (rounded - wanted).float()
    if mask is not None:
        rounded = torch.where(mask, rounded, w)
        left = torch.where(mask, left, 0 if lost is None else lost)
    w.copy_(rounded)
    if lost is None:
        state[_LOST] = left
    else:
        lost.copy_(left)
