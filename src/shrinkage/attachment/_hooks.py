"""How a handle hangs in an optimizer: its hooks, and what copies and pickles of the optimizer take along."""

from __future__ import annotations

import types
from collections import OrderedDict
from typing import Any

from torch.optim import Optimizer

from shrinkage.attachment._wrappers import shards_of

__all__ = ["handles_of", "install", "uninstall"]

_HANDLES = "_shrinkage_handles"
_HOOKS = {
    "_optimizer_step_pre_hooks": "before_step",
    "_optimizer_step_post_hooks": "after_step",
    "_optimizer_state_dict_pre_hooks": "before_save",
    "_optimizer_state_dict_post_hooks": "save",
    "_optimizer_load_state_dict_pre_hooks": "check_load",
    "_optimizer_load_state_dict_post_hooks": "finish_load",
}
_STATE_HOOKS = tuple(hooks for hooks in _HOOKS if "state_dict" in hooks)


def handles_of(optimizer: Optimizer) -> list[Any]:
    """The rules attached to `optimizer`."""
    return list(optimizer.__dict__.get(_HANDLES, []))


def install(optimizer: Optimizer, handle: Any) -> None:
    """Hang the handle's methods into the optimizer's hooks, under a number that torch never gives out."""
    others = optimizer.__dict__.setdefault(_HANDLES, [])
    handle.slot = slot = min((h.slot for h in others), default=0) - 1
    others.append(handle)
    for hooks, method in _HOOKS.items():
        getattr(optimizer, hooks)[slot] = getattr(handle, method)
    # Changes to the groups by the user's post-step hooks must stay, so the groups are restored before.
    hooks_after: Any = optimizer._optimizer_step_post_hooks  # an OrderedDict, annotated as a dict
    hooks_after.move_to_end(slot, last=False)
    optimizer.__dict__["__reduce_ex__"] = types.MethodType(_reduce, optimizer)
    for shard in shards_of(optimizer):
        shard._optimizer_state_dict_post_hooks[slot] = handle.save_shard
    outer = handle.outer
    if outer is not optimizer and _parameters(outer) == _parameters(optimizer):
        for hooks in _STATE_HOOKS:
            getattr(outer, hooks)[slot] = getattr(handle, _HOOKS[hooks])


def uninstall(optimizer: Optimizer, handle: Any) -> None:
    """Take the handle's methods out again."""
    for hooks in _HOOKS:
        getattr(optimizer, hooks).pop(handle.slot, None)
    if handle.outer is not optimizer:
        for hooks in _STATE_HOOKS:
            getattr(handle.outer, hooks).pop(handle.slot, None)
    for shard in shards_of(optimizer):
        shard._optimizer_state_dict_post_hooks.pop(handle.slot, None)
    optimizer.__dict__[_HANDLES].remove(handle)
    if not optimizer.__dict__[_HANDLES]:
        del optimizer.__dict__[_HANDLES], optimizer.__dict__["__reduce_ex__"]


def _parameters(optimizer: Optimizer) -> list[int]:
    return [id(p) for group in optimizer.param_groups for p in group["params"]]


def _reduce(optimizer: Optimizer, protocol: Any) -> tuple[Any, ...]:
    """How an optimizer with rules is copied and pickled: torch leaves hooks out, ours go along.

    Schedulers, scalers and the user's own hooks stay behind, as they do without a rule.
    """
    state = dict(optimizer.__getstate__())
    for hooks, method in _HOOKS.items():
        state[hooks] = OrderedDict((h.slot, getattr(h, method)) for h in handles_of(optimizer))
    state[_HANDLES] = handles_of(optimizer)
    return _blank, (type(optimizer),), state


def _blank(kind: type[Optimizer]) -> Optimizer:
    optimizer = kind.__new__(kind)
    optimizer.__dict__["__reduce_ex__"] = types.MethodType(_reduce, optimizer)
    return optimizer
