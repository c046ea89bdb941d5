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

from shrinkage.networks._layout import ParameterSlot
from shrinkage.networks._roles import places_of

__all__ = ["EXEMPT", "ModuleLayout", "Slot", "buffers_of", "layout_of", "parameters_of"]

EXEMPT = frozenset({"bias", "norm", "scale", "token"})
"""Roles that are not decayed, as `attach` has it."""
CACHE_LINE = 64


@dataclass(frozen=True)
class Slot(ParameterSlot):
    """One tensor of a module, tied ones once; its role is `buffer` where it is not trained."""

    dtype: torch.dtype
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
    """A module as a row of D numbers: the decayed parameters, the other trained ones, buffers that training changes.

    Frozen parameters and constant buffers are no part of it: the factory gives them again.
    """

    sizes: tuple[int, int]
    """Inputs and outputs where the network stands in for a perceptron, else 0."""
    parameters: tuple[Slot, ...]
    buffers: tuple[Slot, ...]

    @property
    def inputs(self) -> int:
        return self.sizes[0]

    @property
    def outputs(self) -> int:
        return self.sizes[1]

    @property
    def widest(self) -> int:
        """Unknown of a module; twice what is seen of it."""
        return 2 * max(1, *self.sizes)

    @property
    def slots(self) -> tuple[Slot, ...]:
        return (*self.parameters, *self.buffers)

    @property
    def n_parameters(self) -> int:
        """D: the length of its row."""
        return sum(slot.numbers for slot in self.slots)

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
        exempt = EXEMPT - {"bias"} if biases else EXEMPT
        return tuple(slot for slot in self.parameters if slot.role not in exempt)

    def decayed_columns(self, biases: bool = False) -> slice | Tensor:
        """Their columns in a row (D,): the weights lie first."""
        slots = self.decayed(biases)
        if not biases:
            return slice(0, sum(slot.numbers for slot in slots))
        return torch.cat([torch.arange(slot.start, slot.start + slot.numbers) for slot in slots])

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
            slot.name: flat[:, slot.flat : slot.flat + slot.size].view(len(flat), *slot.shape)
            for slot in self.parameters
            for flat in (flats[slot.dtype],)
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


def layout_of(module: nn.Module, changing: Collection[str], sizes: tuple[int, int] = (0, 0)) -> ModuleLayout:
    """The layout of modules like this one.

    Args:
        module: its parameters that require gradients are trained.
        changing: names of the buffers that training changes, and of frozen tensors that modules don't share.
        sizes: inputs and outputs, where they are known.
    """
    roles = {id(place.tensor): place.role.name for place in places_of(module)}
    trained = [(name, x, roles[id(x)]) for name, x in parameters_of(module).items() if x.requires_grad]
    trained.sort(key=lambda item: item[2] in EXEMPT)
    others = {
        name: x for name, x in (parameters_of(module) | buffers_of(module)).items() if not x.requires_grad
    }
    changed = [(name, x, "buffer") for name, x in others.items() if name in changing]
    start, ends, slots = 0, dict[torch.dtype, int](), []
    for name, tensor, role in (*trained, *changed):
        flat, line = ends.get(tensor.dtype, 0), CACHE_LINE // tensor.dtype.itemsize
        slots.append(
            Slot(name, tuple(tensor.shape), role, start, tensor.dtype, -1 if role == "buffer" else flat)
        )
        if role != "buffer":
            ends[tensor.dtype] = flat + -(-tensor.numel() // line) * line
        start += slots[-1].numbers
    return ModuleLayout(sizes, tuple(slots[: len(trained)]), tuple(slots[len(trained) :]))


def _real(x: Tensor) -> Tensor:
    """(n,) as real numbers, a complex one as two."""
    return torch.view_as_real(x).flatten() if x.is_complex() else x
