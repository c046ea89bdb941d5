"""The last line of defence: live weights that a step of a copy has reached after all are put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

from shrinkage._errors import RequestError
from shrinkage.auditing._subjects import parameters_of

__all__ = ["untouched"]

_SMALL = 2**26
"""Elements up to which the weights are kept in any case."""


@contextmanager
def untouched(optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Keep the weights, and put them back if something inside has written to them.

    Copies are steps away from the live weights, but a hook, or the step of a class of the user's, can reach them by
    ways that no copy follows, such as a registry in a module. Where that cannot be (no hooks) and the weights are
    many, they are not kept.

    Raises:
        RequestError: the live weights were written to; they are as they were.
    """
    live = list(parameters_of(optimizer))
    versions = [p._version for p in live]
    is_kept = sum(p.numel() for p in live) <= _SMALL or _has_hooks(optimizer)
    kept = [p.detach().clone() for p in live] if is_kept else []
    try:
        yield
    finally:
        was_reached = versions != [p._version for p in live]
        if was_reached:
            with torch.no_grad():
                for p, value in zip(live, kept, strict=False):
                    p.copy_(value)
    if was_reached:
        raise RequestError(
            "audit(optimizer=…): a step of a copy wrote to the live weights, through a hook or a name that reaches "
            f"them from elsewhere{'; they were put back' if kept else ''}. "
            "Measure it with audit_step(step, parameters)."
        )


def _has_hooks(optimizer: torch.optim.Optimizer) -> bool:
    return bool(
        optimizer._optimizer_step_pre_hooks
        or optimizer._optimizer_step_post_hooks
        or _global_optimizer_pre_hooks
        or _global_optimizer_post_hooks
    )
