"""Parameter groups as a kernel must see them for one step, and as their owner made them before and after it.

A kernel knows one weight decay per group. Where a group also holds exempt parameters, the others are lent to a group of
their own for the length of one step, so schedulers, wrappers and checkpoints that count the groups never see the cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

__all__ = ["Loan", "give_back", "is_lent", "lend"]

_LOAN = "_shrinkage_loan"
_ABSENT = object()

Group = dict[str, Any]


class Loan:
    """Changes to undo after the step."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.groups = len(optimizer.param_groups)
        self.options: list[tuple[Group, str, Any]] = []

    def set(self, group: Group, key: str, value: Any) -> None:
        self.options.append((group, key, group.get(key, _ABSENT)))
        group[key] = value


def lend(optimizer: Optimizer, group: Group, params: Sequence[Tensor], options: Group) -> Loan:
    """Give `params`, some or all of `group`, other `options` until `give_back`."""
    loan = optimizer.__dict__.setdefault(_LOAN, Loan(optimizer))
    chosen = set(params)
    rest = [p for p in group["params"] if p not in chosen]
    if not rest:
        for key, value in options.items():
            loan.set(group, key, value)
        return loan
    part = {**group, "params": list(params), **options}
    part.pop("param_names", None)
    loan.set(group, "params", rest)
    optimizer.param_groups.append(part)
    return loan


def give_back(optimizer: Optimizer, only: Loan | None = None) -> None:
    """Undo every `lend` since the step began; with `only` given, nothing if that one has been undone already."""
    loan = optimizer.__dict__.get(_LOAN)
    if loan is None or (only is not None and only is not loan):
        return
    del optimizer.__dict__[_LOAN]
    del optimizer.param_groups[loan.groups :]
    for group, key, value in reversed(loan.options):
        if value is _ABSENT:
            group.pop(key, None)
        else:
            group[key] = value


def is_lent(optimizer: Optimizer) -> bool:
    """True between the first `lend` of a step and its end."""
    return _LOAN in optimizer.__dict__
