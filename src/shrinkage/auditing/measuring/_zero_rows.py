"""Rows that the data never reach: their gradient is zero, now or in all the optimizer remembers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from shrinkage.auditing.subjects._sampling import local

__all__ = ["Unreached", "has_taken_steps", "unreached_rows"]

_MOST_ROWS = 4096
"""Rows of a parameter that are looked at."""
_FEW_COLUMNS = 256
"""Columns of a row that are looked at first."""
_BLOCK = 2**20
"""Elements that are looked at at once."""


@dataclass(frozen=True)
class Unreached:
    """Number of checked rows with a gradient of zeros."""

    rows: int
    of: int
    by: str
    """The evidence: `gradient`, the present one; `state`, the accumulated past gradients."""

    @property
    def is_whole(self) -> bool:
        """Whether no element has a gradient."""
        return self.rows == self.of


def unreached_rows(
    parameters: Sequence[Tensor], state: Mapping[Any, Mapping[str, Any]]
) -> dict[int, Unreached]:
    """The parameters of which rows have an all-zero gradient, by their number.

    Gradients that are zero in all parameters say nothing (`zero_grad(set_to_none=False)`); then, and where there are
    none, the state tells: a row that is zero in all of it has never had a gradient.
    """
    by_gradient = {i: row for i, p in enumerate(parameters) if (row := _zero_rows([p.grad])) is not None}
    if all(bool(row.all()) for row in by_gradient.values()):
        by_gradient = {}
    has_stepped = has_taken_steps(state)
    found: dict[int, Unreached] = {}
    for i, p in enumerate(parameters):
        past = _zero_rows([t for t in state.get(p, {}).values() if _is_like(t, p)])
        rows, by = (by_gradient[i], "gradient") if i in by_gradient else (past, "state")
        if rows is None or not bool(rows.any()) or (bool(rows.all()) and not has_stepped):
            continue  # a first gradient is often zero, such as that of LoRA's A while B is zero
        found[i] = Unreached(int(rows.sum()), len(rows), by)
    return found


def has_taken_steps(state: Mapping[Any, Any]) -> bool:
    """Whether the state remembers a step: some optimizers, such as Adagrad, have one before the first."""
    entries = [entry for entry in state.values() if isinstance(entry, Mapping) and entry]
    counts = [entry["step"] for entry in entries if isinstance(entry.get("step"), int | float | Tensor)]
    if counts:
        return any(float(count) > 0 for count in counts)
    return bool(entries)


def _zero_rows(tensors: Sequence[Any]) -> Tensor | None:
    """Of the rows looked at, those that are zero in every tensor; None where there is nothing to look at."""
    parts = [local(t.detach()) for t in tensors if isinstance(t, Tensor) and t.layout == torch.strided]
    parts = [t for t in parts if t.dim() > 0 and t.numel() > 1]
    if not parts:
        return None
    step = max(1, len(parts[0]) // _MOST_ROWS)
    return torch.stack([_is_zero(t[::step]) if t.dim() > 1 else _is_zero(t[None]) for t in parts]).all(0)


def _is_zero(rows: Tensor) -> Tensor:
    """(rows,) whether all of a row is zero: some columns tell most that are not, the rest is read block by block.

    Whole tensors at once would be seconds and gigabytes in a large model, as `any` makes a mask of what it is given.
    """
    flat = rows.flatten(1)
    thin = flat[:, :: max(1, flat.shape[1] // _FEW_COLUMNS)]
    zero = ~torch.cat([part.any(1) for part in thin.split(max(1, _BLOCK // max(1, thin.shape[1])))])
    for some in zero.nonzero().flatten().split(max(1, _BLOCK // max(1, flat.shape[1]))):
        for columns in flat.split(_BLOCK, dim=1):
            zero[some] &= ~columns[some].any(1)
    return zero.cpu()


def _is_like(entry: Any, p: Tensor) -> bool:
    return isinstance(entry, Tensor) and entry.shape == p.shape and entry.dim() > 0
