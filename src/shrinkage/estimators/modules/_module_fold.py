"""A fold of samples of any shape, for modules: row numbers of shared samples, nothing standardized."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from shrinkage.networks import Kind
from shrinkage.networks.module import ModuleKind, ModuleLayout
from shrinkage.path import STANDARD, Fold, Inputs
from shrinkage.training.modules import ModuleMember, ModuleRows, Samples

__all__ = ["ModuleFold", "module_fold"]


@dataclass(frozen=True, kw_only=True)
class ModuleFold(Fold):
    """What a block needs of one fold of samples; these stand where a matrix stands otherwise."""

    floats: torch.dtype | None
    """The dtype that floating samples are converted to; None leaves them."""

    def shape(self, form: str = STANDARD) -> tuple[Any, ...]:
        return (len(self.train), 0 if self.validation is None else len(self.validation))

    def layout(self, kind: Kind, form: str = STANDARD) -> ModuleLayout:
        assert isinstance(kind, ModuleKind)
        return kind.module_layout

    def member(self, restart: int, dtype: str, device: str, form: str = STANDARD) -> ModuleMember:
        samples: Any = self.inputs[form].X

        def rows(index: NDArray[np.int64]) -> ModuleRows:
            weight = None
            if self.weight is not None:
                chosen = self.weight[index]
                weight = torch.from_numpy(chosen / chosen.mean()).to(device, self.floats or torch.float32)
            return ModuleRows(samples=samples, index=index, weight=weight, device=device, dtype=self.floats)

        validation = None if self.validation is None else rows(self.validation)
        return ModuleMember(self.number, restart, rows(self.train), validation)


def module_fold(
    number: int,
    samples: Samples,
    train: NDArray[np.int64],
    validation: NDArray[np.int64] | None,
    weight: NDArray[np.float64] | None,
    floats: torch.dtype | None,
) -> ModuleFold:
    """The fold of these rows."""
    instead: Any = samples
    return ModuleFold(
        number=number,
        inputs={STANDARD: Inputs(instead, None)},
        Y=np.empty((0, 0)),
        weight=weight,
        train=train,
        validation=validation,
        y_scale=None,
        floats=floats,
    )
