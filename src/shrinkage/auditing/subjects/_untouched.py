"""The last line of defence: a step of a copy that reaches the live weights after all is undone, or kept from it."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks
from torch.utils._python_dispatch import TorchDispatchMode

from shrinkage._errors import RequestError
from shrinkage.auditing.subjects._sampling import local
from shrinkage.auditing.subjects._subject import parameters_of

__all__ = ["preserve_weights"]

_SMALL = 2**26
"""Elements up to which a copy of the weights is kept; beyond, writing to them is forbidden instead."""
_REACHED = (
    "audit(optimizer=…): a step of a copy wrote to the live weights, through a hook or another reference "
    "to them; {}. Measure it with audit_step(step, parameters)."
)


@contextmanager
def preserve_weights(optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Leave the live weights as they are, whatever a step inside does.

    Copies are steps away from the live weights, but a hook, or the step of a class of the user's, can reach them by
    ways that no copy follows, such as a registry in a module. Up to 2²⁶ elements the weights are kept and put
    back; a larger model is not copied: there every operation is watched, and one that would write to it is refused.
    An optimizer of torch without hooks has no such ways.

    Raises:
        RequestError: something wrote, or wanted to write, to the live weights; they are as they were.
    """
    live = list(parameters_of(optimizer))
    is_large = sum(p.numel() for p in live) > _SMALL
    if is_large and _is_plain(optimizer):
        yield
        return
    if is_large:
        with _Watch(live) as watch:
            yield
        if watch.was_reached:
            raise RequestError(_REACHED.format("this was prevented"))
        return
    versions, kept = [p._version for p in live], [p.detach().clone() for p in live]
    try:
        yield
    finally:
        was_reached = versions != [p._version for p in live]
        if was_reached:
            with torch.no_grad():
                for p, value in zip(live, kept, strict=True):
                    p.copy_(value)
    if was_reached:
        raise RequestError(_REACHED.format("they were put back"))


def _is_plain(optimizer: torch.optim.Optimizer) -> bool:
    """Whether a step runs nobody's code but torch's."""
    hooks = (
        optimizer._optimizer_step_pre_hooks,
        optimizer._optimizer_step_post_hooks,
        _global_optimizer_pre_hooks,
        _global_optimizer_post_hooks,
    )
    return type(optimizer).__module__.startswith("torch.optim.") and not any(hooks)


class _Watch(TorchDispatchMode):
    """Refuses operations that write to the memory of certain tensors."""

    def __init__(self, forbidden: Sequence[Tensor]) -> None:
        super().__init__()
        self.forbidden = {local(t.detach()).untyped_storage().data_ptr() for t in forbidden}
        self.was_reached = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        for position, name in _written_arguments(func):
            value = args[position] if position < len(args) else kwargs.get(name)
            for tensor in value if isinstance(value, list | tuple) else (value,):
                if (
                    isinstance(tensor, Tensor)
                    and local(tensor).untyped_storage().data_ptr() in self.forbidden
                ):
                    self.was_reached = True
                    raise RequestError(_REACHED.format("this was prevented"))
        return func(*args, **kwargs)


@functools.cache
def _written_arguments(func: Any) -> tuple[tuple[int, str], ...]:
    """Places and names of the arguments that an operation writes to."""
    arguments = func._schema.arguments
    return tuple((i, a.name) for i, a in enumerate(arguments) if a.alias_info and a.alias_info.is_write)
