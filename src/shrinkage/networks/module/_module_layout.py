"""Where the numbers of one module lie in a flat row: what is trained, and what training changes besides.

Axes: K modules, P trained numbers of one module (in one dtype), D numbers of its row.
A role says what a parameter is for; it comes from the module that owns it and never from the number of its axes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from shrinkage.networks._roles import places_of

__all__ = ["EXEMPT", "ModuleLayout", "Slot", "buffers_of", "layout_of", "parameters_of"]

EXEMPT = frozenset({"bias", "norm", "scale", "token"})
"""Roles that are not decayed, as `attach` has it."""
CACHE_LINE = 64


@dataclass(frozen=True)
class Slot:
    """One tensor of a module, tied ones once."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    role: str
    """`weight`, `bias`, `norm`, `scale`, `token` or `embedding`; `buffer` for what is not a parameter."""
    start: int
    """Its place in the row (D,)."""
    flat: int
    """Its place in the buffer (P,) of its dtype, on a cache line; −1 for a buffer."""

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def numbers(self) -> int:
        """Its share of a row: a complex number is two."""
        return self.size * (2 if self.dtype.is_complex else 1)


@dataclass(frozen=True)
class ModuleLayout:
    """A module as a row of D numbers: its trained parameters, then the buffers that training changes.

    Frozen parameters and constant buffers are no part of it: the factory gives them again.
    """

    parameters: tuple[Slot, ...]
    buffers: tuple[Slot, ...]
    exempt: frozenset[str] = EXEMPT
    """Roles that a rule doesn't pull."""

    @cached_property
    def n_parameters(self) -> int:
        """Trained numbers of one module."""
        return sum(slot.size for slot in self.parameters)

    @cached_property
    def length(self) -> int:
        """D: the length of its row."""
        return sum(slot.numbers for slot in (*self.parameters, *self.buffers))

    @cached_property
    def row_dtype(self) -> torch.dtype:
        """Holds every number of the module exactly: float32 for the usual dtypes."""
        wide = any(
            slot.dtype in (torch.float64, torch.complex128, torch.complex64)
            for slot in (*self.parameters, *self.buffers)
        )
        return torch.float64 if wide else torch.float32

    def decayed(self, biases: bool = False) -> tuple[Slot, ...]:
        """The parameters that a rule pulls; with `biases`, all but the gains and biases of normalizations."""
        exempt = self.exempt - {"bias"} if biases else self.exempt
        return tuple(slot for slot in self.parameters if slot.role not in exempt)

    def decayed_columns(self, biases: bool = False) -> Tensor:
        """(·,) the places of the decayed numbers in a row."""
        parts = [torch.arange(slot.start, slot.start + slot.numbers) for slot in self.decayed(biases)]
        return torch.cat(parts) if parts else torch.empty(0, dtype=torch.int64)

    def lengths(self) -> dict[torch.dtype, int]:
        """P of each dtype of trained parameters, in the order in which they are met."""
        lengths: dict[torch.dtype, int] = {}
        for slot in self.parameters:
            line = CACHE_LINE // slot.dtype.itemsize
            lengths[slot.dtype] = slot.flat + -(-slot.size // line) * line
        return lengths

    def views(self, flats: Mapping[torch.dtype, Tensor]) -> dict[str, Tensor]:
        """Each parameter as a view (K, *shape) into the flat buffers (K, P)."""
        return {
            slot.name: flats[slot.dtype][:, slot.flat : slot.flat + slot.size].view(-1, *slot.shape)
            for slot in self.parameters
        }

    def row(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """(D,) of one module, on the CPU: its tensors by name."""
        parts = [tensors[slot.name].detach().flatten() for slot in (*self.parameters, *self.buffers)]
        return (
            torch.cat([_real(part).to("cpu", self.row_dtype) for part in parts]) if parts else torch.empty(0)
        )

    def tensors(self, row: Tensor) -> Iterator[tuple[str, Tensor]]:
        """(name, tensor) of one row (D,), in the tensors' own shapes and dtypes; inverse of `row`."""
        for slot in (*self.parameters, *self.buffers):
            part = row[slot.start : slot.start + slot.numbers]
            part = torch.view_as_complex(part.view(-1, 2)) if slot.dtype.is_complex else part
            yield slot.name, part.view(slot.shape).to(slot.dtype)


def parameters_of(module: nn.Module) -> dict[str, Tensor]:
    """The parameters by name, tied ones once."""
    return dict(module.named_parameters())


def buffers_of(module: nn.Module) -> dict[str, Tensor]:
    """The buffers by name, one that is registered twice once."""
    return dict(module.named_buffers())


def layout_of(module: nn.Module, changing: Collection[str], exempt: frozenset[str] = EXEMPT) -> ModuleLayout:
    """The layout of modules like this one.

    Args:
        module: its parameters that require gradients are trained.
        changing: names of the buffers that training changes.
        exempt: roles that aren't decayed.
    """
    roles = {id(place.tensor): place.role.name for place in places_of(module)}
    start, ends = 0, dict[torch.dtype, int]()
    parameters, buffers = [], []
    for name, tensor in parameters_of(module).items():
        if not tensor.requires_grad:
            continue
        line = CACHE_LINE // tensor.dtype.itemsize
        flat = ends.get(tensor.dtype, 0)
        slots = parameters
        slots.append(Slot(name, tuple(tensor.shape), tensor.dtype, roles[id(tensor)], start, flat))
        ends[tensor.dtype] = flat + -(-tensor.numel() // line) * line
        start += slots[-1].numbers
    for name, tensor in buffers_of(module).items():
        if name in changing:
            slots = buffers
            slots.append(Slot(name, tuple(tensor.shape), tensor.dtype, "buffer", start, -1))
            start += slots[-1].numbers
    return ModuleLayout(tuple(parameters), tuple(buffers), exempt)


def _real(x: Tensor) -> Tensor:
    """(n,) as real numbers, a complex one as two."""
    return torch.view_as_real(x).flatten() if x.is_complex() else x
