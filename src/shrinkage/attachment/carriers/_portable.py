"""The records of a rule once more, as tensors in each parameter's own state.

`torch.distributed.checkpoint.state_dict.get_optimizer_state_dict` keeps `state` and `param_groups` of a state dict and
drops the rest, renames parameters, and cuts and moves tensors as it does the moments. So what a rule keeps rides there
too: then it is sharded, broadcast and loaded with the moments. Read only where the entry of its own is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import torch
from torch import Tensor

__all__ = ["put", "taken"]

_MARK = "shrinkage."
_NUMBERS = ("lr_max", "owed", "paid", "step")


def put(state: dict[Any, Any], position: Any, record: Mapping[str, Any], like: Tensor) -> None:
    """Add one parameter's record to its state, under keys with a mark."""
    numbers = {key: torch.tensor(float(record[key]), dtype=torch.float64) for key in _NUMBERS}
    texts = torch.tensor(list(record["rule"].encode()), dtype=torch.uint8, device=like.device)
    tensors = {
        **numbers,
        "rule": texts,
        # Of one axis at least: torch loses scalars that a fresh optimizer does not have yet.
        **{f"{_kind(value)}.{key}": torch.atleast_1d(value) for key, value in record["state"].items()},
    }
    if record["strength"] is not None:
        tensors["strength"] = torch.as_tensor(record["strength"], dtype=torch.float64)
    if record["anchor"] is not None:
        tensors["anchor"] = record["anchor"]
    own = state.get(position, {})
    state[position] = {**own, **{_MARK + key: value for key, value in tensors.items()}}


def taken(
    state_dict: dict[str, Any], names: list[list[str]], shapes: Mapping[str, list[int]]
) -> tuple[Any, Any]:
    """The state dict without the marked keys, and the records by parameter name, empty where there are none.

    Args:
        state_dict: of an optimizer, its groups in the order of `names`.
        names: the parameters' names, group by group.
        shapes: their shapes.
    """
    state, records = dict(state_dict["state"]), {}
    saved = [p for group in state_dict["param_groups"] for p in group["params"]]
    flat = list(chain(*names))
    for i, position in enumerate(saved):
        entry = state.get(position, {})
        ours = {key.removeprefix(_MARK): value for key, value in entry.items() if _is_ours(key)}
        if not ours:
            continue
        state[position] = {key: value for key, value in entry.items() if not _is_ours(key)}
        if not state[position]:
            del state[position]
        if i < len(flat):
            records[flat[i]] = _record(ours, shapes[flat[i]])
    return {**state_dict, "state": state}, records


def _kind(value: Tensor) -> str:
    return "state" if value.dim() else "scalar"


def _is_ours(key: Any) -> bool:
    return isinstance(key, str) and key.startswith(_MARK)


def _record(ours: Mapping[str, Any], shape: list[int]) -> dict[str, Any]:
    strength = ours.get("strength")
    if isinstance(strength, Tensor) and strength.dim() == 0:
        strength = float(strength)
    return {
        **{key: float(ours[key]) for key in ("lr_max", "owed")},
        **{key: int(ours[key]) for key in ("paid", "step")},
        "rule": bytes(ours["rule"].tolist()).decode(),
        "strength": strength,
        "shape": shape,
        "anchor": ours.get("anchor"),
        "state": {
            key.partition(".")[2]: value if key.startswith("state.") else value[0]
            for key, value in ours.items()
            if key.startswith(("state.", "scalar."))
        },
    }
