"""Which carrier shows the whole of a pull: a kernel, one call on many tensors, or arithmetic that keeps what is lost."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from shrinkage.attachment.repair._debt import fits
from shrinkage.rules import CautiousMask, L2Force, Reading, Rule

__all__ = ["can_wait", "cannot_show", "is_in_one_piece", "is_plain_cautious", "is_small"]


def cannot_show(rule: Rule, now: Reading, shrink: float | Tensor, params: Sequence[Tensor]) -> bool:
    """True when a kernel that takes off lr·weight_decay would lose some of `shrink`, or has no lr to work with."""
    if isinstance(now.lr, Tensor) and rule.clock != "lr":
        return True
    if isinstance(shrink, Tensor):
        return any(is_small(p) for p in params)
    assert not isinstance(now.lr, Tensor)
    stands_still = now.lr == 0 and shrink != 0
    return stands_still or not all(fits(shrink, p.dtype) for p in params)


def can_wait(rule: Rule, shrink: float | Tensor, dtype: torch.dtype) -> bool:
    """True for a pull in proportion to the weight that `dtype` would lose, and that may come later in one piece."""
    proportional = isinstance(rule.force, L2Force) and rule.entry in ("before", "after")
    simple = rule.modulation is None or isinstance(rule.modulation, CautiousMask)
    return proportional and simple and not isinstance(shrink, Tensor) and not fits(shrink, dtype)


def is_plain_cautious(rule: Rule) -> bool:
    """The common cautious rule, which has faster ways."""
    plain = isinstance(rule.modulation, CautiousMask) and isinstance(rule.force, L2Force)
    return plain and rule.entry == "before" and rule.anchor == "zero"


def is_small(w: Tensor) -> bool:
    """True for a format in which any usual decay is lost."""
    return w.element_size() < 4


def is_in_one_piece(w: Tensor) -> bool:
    return type(w) in (Tensor, nn.Parameter) and w.is_contiguous() and w.numel() > 0
