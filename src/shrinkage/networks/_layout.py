"""Where the numbers of one network lie in a flat row (D,), and what each of them is for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

__all__ = ["Layout", "ParameterSlot"]


@dataclass(frozen=True)
class ParameterSlot:
    """One parameter of a network: its name, shape and role, and where it begins in the row."""

    name: str
    shape: tuple[int, ...]
    role: str
    """`weight`, `bias`, … as `places_of` has it."""
    start: int

    @property
    def columns(self) -> slice:
        """Its place in a row (D,)."""
        return slice(self.start, self.start + math.prod(self.shape))


class Layout(Protocol):
    """The parameters of one network; built once for all blocks of a shape, and asked what is decayed."""

    @property
    def n_parameters(self) -> int:
        """D."""
        ...

    @property
    def inputs(self) -> int: ...

    @property
    def outputs(self) -> int:
        """Linear outputs."""
        ...

    @property
    def widest(self) -> int:
        """Numbers that a row of data is at most turned into within the network."""
        ...

    @property
    def slots(self) -> Sequence[ParameterSlot]:
        """The parameters in the order of the row."""
        ...

    def decayed(self, biases: bool = False) -> Sequence[ParameterSlot]:
        """The parameters that a rule pulls, in the order of `Stack.pulled`."""
        ...

    def decayed_columns(self, biases: bool = False) -> slice | Tensor:
        """Their columns in a row (D,)."""
        ...
