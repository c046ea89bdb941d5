"""The training or validation rows of one fold, as modules read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shrinkage.networks import Kind
from shrinkage.networks.module import ModuleKind, ModuleLayout, with_seed
from shrinkage.training._rows import Rows
from shrinkage.training._trainee import Member
from shrinkage.training.modules._samples import Samples

__all__ = ["Chance", "ModuleMember", "ModuleRows", "read"]

Chance = tuple[int | str, ...]


@dataclass(frozen=True, kw_only=True)
class ModuleRows:
    """n rows of shared samples.

    Args:
        samples: all of them.
        index: (n,) the numbers of these.
        weight: (n,) row weights of mean 1, or None.
        device: where they are wanted.
        dtype: of what is floating in them, or None for as it is.
    """

    samples: Samples
    index: NDArray[np.int64]
    weight: Tensor | None
    device: str
    dtype: torch.dtype | None

    def __len__(self) -> int:
        return len(self.index)

    def read(self, positions: Tensor, chance: Chance) -> tuple[Any, Any, Tensor | None]:
        """Inputs, targets and weights (B,) of the rows at `positions`; what is random in them is a "
        "function of `chance`."""
        numbers = self.index[positions.cpu().numpy()]
        if self.samples.is_random:
            with with_seed(*chance):
                x, y = self.samples.take(numbers, self.device, self.dtype)
        else:
            x, y = self.samples.take(numbers, self.device, self.dtype)
        return x, y, None if self.weight is None else self.weight[positions.to(self.weight.device)]


@dataclass(frozen=True)
class ModuleMember(Member):
    """A (fold, restart) of samples."""

    train: ModuleRows  # pyright: ignore[reportIncompatibleVariableOverride] read by `read` alone
    validation: ModuleRows | None  # pyright: ignore[reportIncompatibleVariableOverride]

    def layout(self, kind: Kind) -> ModuleLayout:
        assert isinstance(kind, ModuleKind)
        return kind.module_layout


def read(rows: Rows | ModuleRows, positions: Tensor, chance: Chance) -> tuple[Any, Any, Tensor | None]:
    """Inputs, targets and weights (B,) of either kind of rows."""
    if isinstance(rows, ModuleRows):
        return rows.read(positions, chance)
    batch = rows.read(positions)
    return batch.X, batch.Y, None if batch.weight is None else batch.weight[:, 0]
