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

An embedding of numbers has its weights behind those of the layers, and all else behind the biases.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor

from shrinkage.networks._layout import ParameterSlot
from shrinkage.networks.perceptron._periodic_embedding import Embedded, Embedding, embedded_from

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
    embedded: Embedded | None = None
    """Of numbers, in front of the first layer."""

    @property
    def n_networks(self) -> int:
        return self.weights[0].shape[0]

    @property
    def inputs(self) -> int:
        """Inputs of a network."""
        return self.sizes[0] - (0 if self.embedded is None else self.embedded.embedding.width)

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
        embedded = [] if self.embedded is None else self.embedded.padded_tensors()
        return [*self.weights, *embedded[:1], *self.biases, *embedded[1:]]

    def tensors(self) -> list[Tensor]:
        """Weights, then biases, without padding."""
        weights = [W[:, :i, :o] for W, (i, o) in zip(self.weights, pairwise(self.sizes), strict=True)]
        biases = [b[:, :, :o] for b, o in zip(self.biases, self.sizes[1:], strict=True)]
        embedded = [] if self.embedded is None else self.embedded.tensors()
        return [*weights, *embedded[:1], *biases, *embedded[1:]]


@dataclass(frozen=True)
class PerceptronLayout:
    """The shapes of a multilayer perceptron and their places in a buffer.

    Args:
        sizes: units a layer, inputs first and outputs last, e.g. (64, 32, 10). The inputs are those of the first layer,
            embedded ones included.
        embedding: of numbers, in front of the first layer.
    """

    sizes: tuple[int, ...]
    embedding: Embedding | None = None

    @property
    def inputs(self) -> int:
        return self.sizes[0] - (0 if self.embedding is None else self.embedding.width)

    @property
    def outputs(self) -> int:
        return self.sizes[-1]

    @property
    def widest(self) -> int:
        cosines = 0 if self.embedding is None else len(self.embedding.columns) * self.embedding.frequencies
        return max(cosines, *self.sizes)

    @property
    def slots(self) -> tuple[ParameterSlot, ...]:
        """The weights (I, O) of every layer, then the biases (O,), in the order of a row; see `Embedding.shapes`."""
        found, start = [], 0
        weights = [(f"layer_{i}.weight", shape) for i, shape in enumerate(self.shapes)]
        biases = [(f"layer_{i}.bias", (units,)) for i, units in enumerate(self.sizes[1:])]
        of_numbers = {} if self.embedding is None else self.embedding.shapes
        embedding = [(f"embedding.{name}", shape) for name, shape in of_numbers.items()]
        for name, shape in [*weights, *embedding[:1], *biases, *embedding[1:]]:
            role = "weight" if name.endswith(".weight") else "bias"
            found.append(ParameterSlot(name, shape, role, start))
            start += math.prod(shape)
        return tuple(found)

    def decayed(self, biases: bool = False) -> tuple[ParameterSlot, ...]:
        """The parameters that a rule pulls: the weights, and all others where biases are not exempt."""
        return tuple(slot for slot in self.slots if biases or slot.role == "weight")

    def layers(self, row: Row) -> list[tuple[Row, Row]]:
        """(weights (I, O), biases (O,)) of each layer as views of one row (D,), a tensor or an array."""
        named = self.by_name(row)
        count = len(self.shapes)
        return [(named[f"layer_{i}.weight"], named[f"layer_{i}.bias"]) for i in range(count)]

    def by_name(self, row: Row) -> dict[str, Row]:
        """The parameters by name as views of one row (D,), a tensor or an array."""
        return {slot.name: row[slot.columns].reshape(slot.shape) for slot in self.slots}

    @cached_property
    def shapes(self) -> list[tuple[int, int]]:
        """(I, O) a layer."""
        return list(pairwise(self.sizes))

    @cached_property
    def n_weights(self) -> int:
        """Weights of one network: the columns [0, n_weights) of its row."""
        return sum(fan_in * fan_out for fan_in, fan_out in self.shapes) + sum(self._of_embedding[:1])

    @property
    def n_parameters(self) -> int:
        """D: weights and biases of one network."""
        return self.n_weights + sum(self.sizes[1:]) + sum(self._of_embedding[1:])

    @property
    def _of_embedding(self) -> list[int]:
        return [] if self.embedding is None else self.embedding.sizes

    def decayed_columns(self, biases: bool = False) -> slice:
        """Their columns in a row (D,)."""
        return slice(0, self.n_parameters if biases else self.n_weights)

    def padded(self, dtype: torch.dtype) -> PerceptronLayout:
        """The layout in a stack: the units of each layer, and of an embedded number, fill whole cache lines."""
        line = CACHE_LINE // dtype.itemsize
        sizes = tuple(-(-units // line) * line for units in self.sizes)
        if self.embedding is None:
            return PerceptronLayout(sizes)
        return PerceptronLayout(sizes, replace(self.embedding, units=-(-self.embedding.units // line) * line))

    def buffer(self, K: int, like: Tensor) -> Tensor:
        """Zeros for K padded networks, of the dtype and on the device of `like`."""
        return like.new_zeros(K * self.padded(like.dtype).n_parameters)

    def views_of_stack(self, buffer: Tensor, K: int) -> Parameters:
        """Views into a `buffer` of K networks with padding."""
        padded = self.padded(buffer.dtype)
        shapes, counts = padded._shapes(K), [K * count for count in padded._of_embedding]
        parts = buffer.split(_in_order([math.prod(shape) for shape in shapes], counts))
        return self._parameters(parts, shapes, padded.embedding)

    def from_rows(self, rows: Tensor) -> Parameters:
        """Views into networks that lie row by row, (K, D), without padding."""
        shapes = self._shapes(len(rows))
        parts = rows.split(_in_order([i * o for _, i, o in shapes], self._of_embedding), dim=1)
        return self._parameters(parts, shapes, self.embedding)

    def engine_length(self, dtype: torch.dtype) -> int:
        """Numbers of one network as the compiled engine holds it; see `of_engine`."""
        of_layers, of_embedding = self._of_engine(dtype)
        return sum(rows * columns for rows, columns in of_layers) + sum(of_embedding)

    def of_engine(self, buffer: Tensor) -> Parameters:
        """Views into a `buffer` (K, P) of networks one after another, as the compiled engine holds them.

        The outputs of each layer are padded, the inputs not; of the last layer, which has few outputs, the inputs.
        """
        shapes, of_embedding = self._of_engine(buffer.dtype)
        parts = list(buffer.split(_in_order([i * o for i, o in shapes], of_embedding), dim=1))
        L, embedded = len(self.shapes), None
        if self.embedding is not None:
            own = [parts.pop(L), *(parts.pop(2 * L) for _ in range(3))]
            own = [part[:, :size] for part, size in zip(own, self.embedding.sizes, strict=True)]
            embedded = embedded_from(self.embedding, self.embedding, own)
        views = [part.unflatten(1, shape) for part, shape in zip(parts, shapes, strict=True)]
        return Parameters([*views[: L - 1], views[L - 1].mT], views[L:], self.sizes, embedded)

    def _of_engine(self, dtype: torch.dtype) -> tuple[list[tuple[int, int]], list[int]]:
        """Lines and their length: (I, O′) a layer but (C, I′) of the last, then (1, O′) a layer; of an embedding."""
        padded, line = self.padded(dtype).sizes, CACHE_LINE // dtype.itemsize
        hidden = list(zip(self.sizes[:-2], padded[1:-1], strict=True))
        shapes = [*hidden, (self.sizes[-1], padded[-2]), *((1, units) for units in padded[1:])]
        return shapes, [-(-size // line) * line for size in self._of_embedding]

    def _shapes(self, K: int) -> list[tuple[int, int, int]]:
        return [(K, i, o) for i, o in self.shapes] + [(K, 1, o) for o in self.sizes[1:]]

    def _parameters(
        self, parts: Sequence[Tensor], shapes: list[tuple[int, int, int]], held: Embedding | None
    ) -> Parameters:
        """Views of the parts, whose embedding is held as `held`."""
        L, K = len(self.shapes), shapes[0][0]
        embedded = None
        if self.embedding is not None and held is not None:
            own = [part.view(K, -1) for part in (parts[L], *parts[2 * L + 1 :])]
            embedded = embedded_from(self.embedding, held, own)
            parts = [*parts[:L], *parts[L + 1 : 2 * L + 1]]
        views = [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]
        return Parameters(views[:L], views[L:], self.sizes, embedded)


def _in_order(layers: Sequence[int], embedding: Sequence[int]) -> list[int]:
    """Numbers of each parameter in the order of a row: of weights and biases, and of an embedding's between them."""
    L = len(layers) // 2
    return [*layers[:L], *embedding[:1], *layers[L:], *embedding[1:]]
