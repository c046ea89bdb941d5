"""The records of a rule once more, as tensors in each parameter's own state.

`torch.distributed.checkpoint.state_dict.get_optimizer_state_dict` keeps `state` and `param_groups` of a state dict and
drops the rest, renames parameters, and cuts and moves tensors as it does the moments. An optimizer that is loaded before
a rule is attached keeps no more. So what a rule keeps rides there too.

Loading casts every tensor to the parameter's dtype, which keeps whole numbers up to 255: what is of another dtype rides
as its bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import torch
from torch import Tensor

__all__ = ["UNSTEPPED", "discard", "may_ride", "put", "record_of", "take_records"]

_MARK = "shrinkage."
UNSTEPPED = _MARK + "unstepped"
"""The key of the state, beside those of parameters, under which records of parameters without a state ride by name."""
_NUMBERS = ("lr_max", "owed", "paid", "step")
_DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in (torch.float32, torch.float64)}


def may_ride(state: Mapping[Any, Any], position: Any, record: Mapping[str, Any]) -> bool:
    """Whether a parameter's state may hold a record.

    One that an optimizer with a state has not stepped yet must stay empty: Adam and its kin ask an entry for its "step".
    """
    if any(not _is_ours(key) for key in state.get(position, {})):
        return True
    return record["step"] > 0 and all(_is_ours(key) for entry in state.values() for key in entry)


def put(state: dict[Any, Any], position: Any, record: Mapping[str, Any], name: str, like: Tensor) -> None:
    """Add one parameter's record to its state, under keys with a mark."""
    strength = record["strength"]
    tensors = {
        "numbers": _bytes_of([float(record[key]) for key in _NUMBERS], like),
        "rule": _text(record["rule"], like),
        "name": _text(name, like),
        "strength": _bytes_of(torch.as_tensor(strength, dtype=torch.float64).flatten().tolist(), like),
        **dict(_pack(key, value, like) for key, value in record["state"].items()),
    }
    if record["anchor"] is not None:
        tensors["anchor"] = record["anchor"]
    own = state.get(position, {})
    state[position] = {**own, **{_MARK + key: value for key, value in tensors.items()}}


def take_records(
    state_dict: dict[str, Any], names: list[list[str]], shapes: Mapping[str, list[int]]
) -> tuple[Any, Any]:
    """The state dict without the marked keys, and the records by parameter name, empty where there are none.

    Args:
        state_dict: of an optimizer, its groups in the order of `names`.
        names: the parameters' names, group by group.
        shapes: their shapes.
    """
    state = dict(state_dict["state"])
    unstepped = state.pop(UNSTEPPED, {})
    records = {name: record_of(entry, shapes[name]) for name, entry in unstepped.items() if name in shapes}
    saved = [p for group in state_dict["param_groups"] for p in group["params"]]
    flat = list(chain(*names))
    for i, position in enumerate(saved):
        entry = state.get(position) or {}
        record = record_of(entry, shapes[flat[i]] if i < len(flat) else [])
        if record is None:
            continue
        state[position] = {key: value for key, value in entry.items() if not _is_ours(key)}
        if not state[position]:
            del state[position]
        if i < len(flat):
            records[flat[i]] = record
    return {**state_dict, "state": state}, records


def record_of(entry: Mapping[Any, Any] | None, shape: list[int]) -> dict[str, Any] | None:
    """The record that rides in one parameter's state; None where there is none or another process has it."""
    ours = {key.removeprefix(_MARK): value for key, value in (entry or {}).items() if _is_ours(key)}
    if not ours:
        return None
    if "numbers" in ours:
        numbers = dict(zip(_NUMBERS, _floats(ours["numbers"]), strict=True))
        strength = _floats(ours["strength"])
    else:  # saved by 0.1.0: each number in a tensor of its own
        numbers = {key: float(ours[key]) for key in _NUMBERS}
        strength = ours["strength"].flatten().tolist()
    return {
        **{key: numbers[key] for key in ("lr_max", "owed")},
        **{key: int(numbers[key]) for key in ("paid", "step")},
        "rule": _string(ours["rule"]),
        **({"name": _string(ours["name"])} if "name" in ours else {}),
        "strength": strength[0] if len(strength) == 1 else torch.tensor(strength, dtype=torch.float64),
        "shape": shape,
        "anchor": ours.get("anchor"),
        "state": dict(_unpack(key, value) for key, value in ours.items() if "." in key),
    }


def discard(entry: dict[Any, Any]) -> None:
    """Take the record out of one parameter's state."""
    for key in [key for key in entry if _is_ours(key)]:
        del entry[key]


def _pack(key: str, value: Tensor, like: Tensor) -> tuple[str, Tensor]:
    """A tensor of a rule's state under a key that says how it rides.

    Of one axis at least: torch loses scalars that a fresh optimizer does not have yet.
    """
    kind = "state" if value.dim() else "scalar"
    value = torch.atleast_1d(value)
    if value.dtype == like.dtype or like.is_complex() or hasattr(value, "device_mesh"):
        return f"{kind}.{key}", value
    # Memory of its own: torch.save refuses a state that holds one memory as two types, as it would where a rule keeps
    # a tensor that the optimizer's state holds too.
    octets = value.clone(memory_format=torch.contiguous_format).view(torch.uint8)
    return f"{kind}-{str(value.dtype).removeprefix('torch.')}.{key}", octets


def _unpack(key: str, value: Tensor) -> tuple[str, Tensor]:
    kind, _, name = key.partition(".")
    kind, _, dtype = kind.partition("-")
    if dtype:
        value = value.to(torch.uint8).contiguous().view(_DTYPES[dtype])
    return name, value if kind == "state" else value[0]


def _bytes_of(numbers: list[float], like: Tensor) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64).view(torch.uint8).to(like.device)


def _floats(octets: Tensor) -> list[float]:
    return octets.cpu().to(torch.uint8).contiguous().view(torch.float64).tolist()


def _text(text: str, like: Tensor) -> Tensor:
    return torch.tensor(list(text.encode()), dtype=torch.uint8, device=like.device)


def _string(octets: Tensor) -> str:
    return bytes(octets.cpu().to(torch.uint8).tolist()).decode()


def _is_ours(key: Any) -> bool:
    return isinstance(key, str) and key.startswith(_MARK)
