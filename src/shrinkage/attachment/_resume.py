"""Saving and resuming by parameter name: the strengths and the state of a rule ride in the optimizer's state dict.

A trainer may load before or after the rule is attached. Afterwards the hooks of `load_state_dict` match names; before,
torch leaves the records in each parameter's state, where `pick_up` finds them.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from shrinkage._errors import RequestError, shown
from shrinkage.attachment._claims import Claim
from shrinkage.attachment._handle import Handle
from shrinkage.attachment._wrappers import shards_of
from shrinkage.attachment.carriers import _portable
from shrinkage.attachment.control._loop_control import is_moved
from shrinkage.rules import Rule

__all__ = ["KEY", "check", "finish", "pick_up", "refuse_leftovers", "save", "save_shard"]

KEY = "shrinkage"
"""The entry of the state dict. It holds numbers, strings and tensors, so `weights_only=True` loads it."""

_FORMAT = 1
_EXEMPT = "exempt"
_OURS = {"params", "param_names", "weight_decay"}


def save(handle: Handle, state_dict: dict[str, Any]) -> None:
    """Add what `handle` keeps to `state_dict`."""
    names = _names(handle)
    entry = state_dict.setdefault(KEY, {"format": _FORMAT, "names": names, "parameters": {}})
    for claim in handle.claims.values():
        if claim.rule is not None or claim.name not in entry["parameters"]:
            entry["parameters"][claim.name] = _record(handle, claim)
    state_dict["state"] = state = dict(state_dict["state"])
    places = (p for group in state_dict["param_groups"] for p in group["params"])
    for name, position in zip(chain(*names), places, strict=True):
        record = entry["parameters"][name]
        if record["rule"] == _EXEMPT:
            continue
        if _portable.may_ride(state, position, record):
            _portable.put(state, position, record, name, handle.param_of(name))
        elif record["anchor"] is not None:  # the rule's whole state of a parameter before its first step
            unstepped = state[_portable.UNSTEPPED] = dict(state.get(_portable.UNSTEPPED, {}))
            _portable.put(unstepped, name, record, name, handle.param_of(name))


def save_shard(handle: Handle, shard: Optimizer, state_dict: dict[str, Any]) -> None:
    """Add the records of the parameters of `shard` to its state, from which a sharded optimizer builds its own."""
    state_dict["state"] = state = dict(state_dict["state"])
    params = (p for group in shard.param_groups for p in group["params"])
    places = (p for group in state_dict["param_groups"] for p in group["params"])
    for param, position in zip(params, places, strict=True):
        claim = handle.claims[param]
        if claim.rule is not None and _portable.may_ride(state, position, record := _record(handle, claim)):
            _portable.put(state, position, record, claim.name, param)


def check(handle: Handle, state_dict: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The state dict in the order of this optimizer, and the saved records by parameter name.

    Raises:
        RequestError: names, shapes, rules or strengths do not fit; nothing has been loaded then.
    """
    state_dict, portable = _portable.take_records(state_dict, _names(handle), _shapes(handle))
    entry = state_dict.get(KEY)
    if entry is None and portable:
        exempt = {name: _exempt(handle, name) for name in handle.names if name not in portable}
        entry = {"format": _FORMAT, "names": _names(handle), "parameters": {**exempt, **portable}}
    if entry is None:
        if handle.keep != "new":
            warnings.warn(
                f"load_state_dict: the checkpoint has no rule, so {handle.rule.name} starts from scratch. "
                'If that is intended, use attach(…, keep="new").',
                stacklevel=4,
            )
        return state_dict, {}
    if entry.get("format") != _FORMAT:
        raise RequestError(
            f"load_state_dict: the checkpoint's rule has format {shown(entry.get('format'))}, but this "
            f"version reads {_FORMAT}. Load it with the version that saved it."
        )
    matched = _reorder(handle, state_dict, entry["names"])
    records = entry["parameters"]
    for claim in handle.claims.values():
        _check_claim(handle, claim, records[claim.name], "load_state_dict")
    return matched, records


def pick_up(handle: Handle, optimizers: Sequence[Optimizer]) -> None:
    """Take up what `optimizers` hold of the rule, if they were loaded before it was attached.

    Raises:
        RequestError: names, shapes, rules or strengths do not fit; nothing has been taken up then.
    """
    records: dict[str, Any] = {}
    for claim in handle.claims.values():
        entries = [entry for o in optimizers for entry in _entries(o, claim)]
        found = (_portable.record_of(entry, list(claim.param.shape)) for entry in entries)
        record = next((r for r in found if r is not None), None)
        if record is not None and claim.rule is not None:
            records[claim.name] = record
    if not records:
        return
    for claim in handle.claims.values():
        if claim.rule is None or not any(entry for o in optimizers for entry in _entries(o, claim)):
            continue
        record = records.get(claim.name, _exempt(handle, claim.name))
        if record.get("name", claim.name) != claim.name:
            raise RequestError(
                f"attach(…): the loaded checkpoint has {record['name']} in place of {claim.name}. Build "
                "the optimizer as it was saved, or attach before loading, which then matches names."
            )
        _check_claim(handle, claim, record, "attach(…), to a loaded optimizer")
    for claim in handle.claims.values():
        for optimizer in optimizers:
            if claim.name in records:
                _discard(optimizer, claim)
    finish(handle, records)


def _entries(optimizer: Optimizer, claim: Claim) -> list[dict[Any, Any]]:
    """Where a loaded optimizer may hold the record of a parameter."""
    state: Any = optimizer.state
    return [state.get(claim.param, {}), state.get(_portable.UNSTEPPED, {}).get(claim.name, {})]


def _discard(optimizer: Optimizer, claim: Claim) -> None:
    state: Any = optimizer.state
    if claim.param in state:
        _portable.discard(state[claim.param])
    unstepped = state.get(_portable.UNSTEPPED, {})
    unstepped.pop(claim.name, None)
    if not unstepped:
        state.pop(_portable.UNSTEPPED, None)


def refuse_leftovers(handle: Handle) -> None:
    """Raise where a checkpoint was loaded whose rule nothing has taken up; `keep="new"` drops it.

    Raises:
        RequestError: names the parameter and the rule.
    """
    for claim in handle.claims.values():
        found = (_portable.record_of(entry, []) for entry in _entries(handle.optimizer, claim))
        record = next((r for r in found if r is not None), None)
        if record is None:
            continue
        if handle.keep != "new":
            raise RequestError(
                f"optimizer.step(): the loaded checkpoint has the state of {record['rule'].split()[0]} for "
                f"{claim.name}, but no attached rule uses it. Attach the rule that was saved, or use "
                'attach(…, keep="new") to continue without it.'
            )
        _discard(handle.optimizer, claim)


def finish(handle: Handle, records: dict[str, Any]) -> None:
    """Take up the saved records."""
    for shard in shards_of(handle.optimizer):  # it was given the state before the records were taken out
        for claim in handle.claims.values():
            _discard(shard, claim)
    for claim in handle.claims.values():
        record = records.get(claim.name)
        if record is None or claim.rule is None or record["rule"] != signature(claim.rule):
            continue
        if handle.keep == "checkpoint":
            claim.rule = claim.rule.with_strength(_in_shape_of(record["strength"], claim.rule.strength))
        claim.lr_max = record["lr_max"]
        claim.debt.owed, claim.debt.paid = record["owed"], record["paid"]
        # A copy: the rule changes it in place, and the checkpoint is the user's.
        claim.state = {key: _like(value, claim.param).clone() for key, value in record["state"].items()}
        if record["anchor"] is not None:
            claim.anchor = _like(record["anchor"], claim.param)
        handle.steps = record["step"]
    if handle.control is not None and handle.keep != "new" and records:
        handle.control.take_up(list(handle.claims.values()))
        handle.replan()


def signature(rule: Rule | None) -> str:
    """Identity of a rule, without its strength."""
    if rule is None:
        return _EXEMPT
    return f"{rule.name} {rule.force} {rule.entry} {rule.clock} {rule.anchor} {rule.modulation}"


def _record(handle: Handle, claim: Claim) -> dict[str, Any]:
    return {
        "rule": signature(claim.rule),
        "strength": None if claim.rule is None else claim.rule.strength,
        "shape": list(claim.param.shape),
        "lr_max": float(claim.lr_max),
        "owed": claim.debt.owed,
        "paid": claim.debt.paid,
        "step": handle.steps,
        "anchor": claim.anchor,
        "state": dict(claim.state),
    }


def _exempt(handle: Handle, name: str) -> dict[str, Any]:
    """The record of a parameter that no rule pulled."""
    return {"rule": _EXEMPT, "strength": None, "shape": list(handle.param_of(name).shape)}


def _shapes(handle: Handle) -> dict[str, list[int]]:
    return {claim.name: list(claim.param.shape) for claim in handle.claims.values()}


def _names(handle: Handle) -> list[list[str]]:
    return [[handle.claims[p].name for p in group["params"]] for group in handle.optimizer.param_groups]


def _in_shape_of(strength: Any, like: Any) -> Any:
    """A saved strength in the shape of the one at work; it may have been saved flat."""
    same_size = isinstance(strength, Tensor) and isinstance(like, Tensor) and strength.numel() == like.numel()
    return strength.reshape(like.shape).to(like.dtype) if same_size else strength


def _check_claim(handle: Handle, claim: Claim, record: dict[str, Any], doing: str) -> None:
    where = f"{doing}: {claim.name}"
    if list(claim.param.shape) != record["shape"]:
        raise RequestError(
            f"{where} has shape {list(claim.param.shape)} here and {record['shape']} in the checkpoint."
        )
    if handle.keep == "new":
        return
    here, there = signature(claim.rule), record["rule"]
    if here != there and (claim.rule is not None or not _claimed_elsewhere(handle, claim)):
        raise RequestError(
            f"{where} has the rule {there.split()[0]} in the checkpoint and {here.split()[0]} here. Attach "
            'the rule of the checkpoint, or use attach(…, keep="new") to continue with the present one.'
        )
    strengths = record["strength"], None if claim.rule is None else claim.rule.strength
    moves = handle.control is not None and is_moved(record["state"])
    if claim.rule is not None and handle.keep is None and not moves and not _same(*strengths):
        raise RequestError(
            f"{where} had strength {shown(strengths[0])} in the checkpoint and has {shown(strengths[1])} "
            'here. Choose one: attach(…, keep="new") or attach(…, keep="checkpoint").'
        )


def _claimed_elsewhere(handle: Handle, claim: Claim) -> bool:
    """Another rule on the same optimizer pulls this parameter, and checks it."""
    others = handle.optimizer.__dict__["_shrinkage_handles"]
    return any(o is not handle and o.claims[claim.param].rule is not None for o in others)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        a, b = torch.as_tensor(a).cpu(), torch.as_tensor(b).cpu()
        return a.numel() == b.numel() and bool((a.flatten() == b.flatten()).all())
    return a == b


def _like(value: Tensor, param: Tensor) -> Tensor:
    """On the parameter's device, and cut as it is where it comes whole."""
    value = value.to(param.device)
    if hasattr(param, "device_mesh") and not hasattr(value, "device_mesh") and value.shape == param.shape:
        from torch.distributed.tensor import DTensor, distribute_tensor

        assert isinstance(param, DTensor)
        return distribute_tensor(value, param.device_mesh, param.placements, src_data_rank=None)
    return value


def _reorder(handle: Handle, state_dict: dict[str, Any], saved: list[list[str]]) -> dict[str, Any]:
    """`state_dict` with its positions in the order of this optimizer's parameters."""
    names = _names(handle)
    if names == saved:
        return state_dict
    here, there = list(chain(*names)), list(chain(*saved))
    if sorted(here) != sorted(there):
        missing, unknown = sorted(set(here) - set(there)), sorted(set(there) - set(here))
        raise RequestError(
            "load_state_dict: the checkpoint has other parameters. Missing from it: "
            f"{', '.join(missing) or 'none'}; unknown here: {', '.join(unknown) or 'none'}."
        )
    position = {
        name: index
        for group, ns in zip(state_dict["param_groups"], saved, strict=True)
        for name, index in zip(ns, group["params"], strict=True)
    }
    order = {position[name]: new for new, name in enumerate(here)}
    state = {order.get(key, key): value for key, value in state_dict["state"].items()}
    groups = [_group(handle, i, ns, state_dict["param_groups"], saved, here) for i, ns in enumerate(names)]
    entry = {**state_dict[KEY], "names": names}
    return {**state_dict, "state": state, "param_groups": groups, KEY: entry}


def _group(
    handle: Handle,
    index: int,
    names: list[str],
    groups: list[dict[str, Any]],
    saved: list[list[str]],
    order: list[str],
) -> dict[str, Any]:
    """The options of the group that holds `names`, which in the checkpoint may be spread over several."""
    sources = [group for group, ns in zip(groups, saved, strict=True) if set(ns) & set(names)]
    current = handle.optimizer.param_groups[index]
    if not sources:
        return {**current, "params": []}
    options = [{k: v for k, v in source.items() if k not in _OURS} for source in sources]
    if any(not _equal(options[0], other) for other in options[1:]):
        raise RequestError(
            f"load_state_dict: group {index} has {names[0]} and others, which were in groups with "
            "different options in the checkpoint. Build the optimizer with the groups with which it was "
            "saved."
        )
    mine = {key: current[key] for key in ("param_names", "weight_decay") if key in current}
    return {**options[0], **mine, "params": [order.index(name) for name in names]}


def _equal(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
