"""Where the weights and biases of K stacked networks lie.

Axes: K networks, I fan-in, O fan-out of a layer, D all parameters of one network.

Stacked, one flat buffer holds every layer's weights of all K networks, then every layer's biases:

    W1 (K, I, O) | W2 (K, O, ·) | … | b1 (K, 1, O) | b2 | …

so that each layer is one contiguous batch of matrices and the optimizer one call. Alone, a network is a row of
D numbers in the same order. The decayed set is known by its place, the weights before the biases, and never by the
number of dimensions: a stacked bias is a matrix.

In a stack the units of every layer are padded with zeros, so that each matrix begins on a cache line: a matrix
product rounds differently where its operands don't, and a network's numbers would depend on its place in the stack.
It is also the faster way: a product with 10 columns takes three times as long as one with 16. Padded weights and
biases have no input, no gradient and no pull: they stay 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor

from shrinkage.networks._layout import ParameterSlot

__all__ = ["Parameters", "PerceptronLayout"]

Row = TypeVar("Row", Tensor, NDArray[Any])


CACHE_LINE = 64


@dataclass(frozen=True)
class Parameters:
    """Views of the parameters of K networks, layer by layer; with the padding of a stack, I and O are padded."""

    weights: list[Tensor]
    """(K, I, O) a layer."""
    biases: list[Tensor]
    """(K, 1, O) a layer."""
    sizes: tuple[int, ...]
    """Units a layer without padding."""

    @property
    def n_networks(self) -> int:
        return self.weights[0].shape[0]

    def rows(self) -> Tensor:
        """(K, D): each network as a row, weights first; a copy."""
        return torch.cat([tensor.flatten(1) for tensor in self.tensors()], dim=1)

    def copy_rows_(self, rows: Tensor) -> None:
        """Set the parameters from rows (K, D), or one row (1, D) for all."""
        start = 0
        for tensor in self.tensors():
            size = tensor[0].numel()
            tensor.copy_(rows[:, start : start + size].view(-1, *tensor.shape[1:]))
            start += size

    def padded_tensors(self) -> list[Tensor]:
        """Weights, then biases, as they are held."""
        return self.weights + self.biases

    def tensors(self) -> list[Tensor]:
        """Weights, then biases, without padding."""
        weights = [W[:, :i, :o] for W, (i, o) in zip(self.weights, pairwise(self.sizes), strict=True)]
        return weights + [b[:, :, :o] for b, o in zip(self.biases, self.sizes[1:], strict=True)]


@dataclass(frozen=True)
class PerceptronLayout:
    """The shapes of a multilayer perceptron and their places in a buffer.

    Args:
        sizes: units a layer, inputs first and outputs last, e.g. (64, 32, 10).
    """

    sizes: tuple[int, ...]

    @property
    def inputs(self) -> int:
        return self.sizes[0]

    @property
    def outputs(self) -> int:
        return self.sizes[-1]

    @property
    def widest(self) -> int:
        return max(self.sizes)

    @property
    def slots(self) -> tuple[ParameterSlot, ...]:
        """The weights (I, O) of every layer, then the biases (O,), in the order of a row."""
        found, start = [], 0
        weights = [(f"layer_{i}.weight", shape) for i, shape in enumerate(self.shapes)]
        biases = [(f"layer_{i}.bias", (units,)) for i, units in enumerate(self.sizes[1:])]
        for name, shape in weights + biases:
            found.append(ParameterSlot(name, shape, name.split(".")[1], start))
            start += math.prod(shape)
        return tuple(found)

    def decayed(self, biases: bool = False) -> tuple[ParameterSlot, ...]:
        """The parameters that a rule pulls: the weights, and the biases where they are not exempt."""
        return self.slots if biases else self.slots[: len(self.shapes)]

    def layers(self, row: Row) -> list[tuple[Row, Row]]:
        """(weights (I, O), biases (O,)) of each layer as views of one row (D,), a tensor or an array."""
        parts = [row[slot.columns].reshape(slot.shape) for slot in self.slots]
        return list(zip(parts[: len(self.shapes)], parts[len(self.shapes) :], strict=True))

    @cached_property
    def shapes(self) -> list[tuple[int, int]]:
        """(I, O) a layer."""
        return list(pairwise(self.sizes))

    @cached_property
    def n_weights(self) -> int:
        """Weights of one network: the columns [0, n_weights) of its row."""
        return sum(fan_in * fan_out for fan_in, fan_out in self.shapes)

    @property
    def n_parameters(self) -> int:
        """D: weights and biases of one network."""
        return self.n_weights + sum(self.sizes[1:])

    def decayed_columns(self, biases: bool = False) -> slice:
        """Their columns in a row (D,)."""
        return slice(0, self.n_parameters if biases else self.n_weights)

    def padded(self, dtype: torch.dtype) -> PerceptronLayout:
        """The layout in a stack: the units of each layer fill whole cache lines."""
        line = CACHE_LINE // dtype.itemsize
        return PerceptronLayout(tuple(-(-units // line) * line for units in self.sizes))

    def buffer(self, K: int, like: Tensor) -> Tensor:
        """Zeros for K padded networks, of the dtype and on the device of `like`."""
        return like.new_zeros(K * self.padded(like.dtype).n_parameters)

    def stacked(self, buffer: Tensor, K: int) -> Parameters:
        """Views into a `buffer` of K networks with padding."""
        shapes = self.padded(buffer.dtype)._shapes(K)
        sizes = [math.prod(shape) for shape in shapes]
        return self._parameters(buffer[: sum(sizes)].split(sizes), shapes)

    def from_rows(self, rows: Tensor) -> Parameters:
        """Views into networks that lie row by row, (K, D), without padding."""
        shapes = self._shapes(len(rows))
        return self._parameters(rows.split([i * o for _, i, o in shapes], dim=1), shapes)

    def engine_length(self, dtype: torch.dtype) -> int:
        """Numbers of one network as the compiled engine holds it; see `of_engine`."""
        return sum(rows * columns for rows, columns in self._of_engine(dtype))

    def of_engine(self, buffer: Tensor) -> Parameters:
        """Views into a `buffer` (K, P) of networks one after another, as the compiled engine holds them.

        The outputs of each layer are padded, the inputs not; of the last layer, which has few outputs, the inputs.
        """
        shapes = self._of_engine(buffer.dtype)
        parts = buffer.split([rows * columns for rows, columns in shapes], dim=1)
        views = [part.unflatten(1, shape) for part, shape in zip(parts, shapes, strict=True)]
        L = len(self.shapes)
        return Parameters([*views[: L - 1], views[L - 1].mT], views[L:], self.sizes)

    def _of_engine(self, dtype: torch.dtype) -> list[tuple[int, int]]:
        """Lines and their length: (I, O′) a layer but (C, I′) of the last, then (1, O′) a layer."""
        padded = self.padded(dtype).sizes
        hidden = list(zip(self.sizes[:-2], padded[1:-1], strict=True))
        return [*hidden, (self.sizes[-1], padded[-2]), *((1, units) for units in padded[1:])]

    def _shapes(self, K: int) -> list[tuple[int, int, int]]:
        return [(K, i, o) for i, o in self.shapes] + [(K, 1, o) for o in self.sizes[1:]]

    def _parameters(self, parts: Sequence[Tensor], shapes: list[tuple[int, int, int]]) -> Parameters:
        views = [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]
        layers = len(self.shapes)
        return Parameters(views[:layers], views[layers:], self.sizes)
