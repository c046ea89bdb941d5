"""Where the weights and biases of K stacked networks lie.

Axes: K networks, I fan-in, O fan-out of a layer, D all parameters of one network.

Stacked, one flat buffer holds every layer's weights of all K networks, then every layer's biases:

    W1 (K, I, O) | W2 (K, O, ·) | … | b1 (K, 1, O) | b2 | …

so that each layer is one contiguous batch of matrices and the optimizer one call. Alone, a network is a row of
D numbers in the same order. The decayed set is known by its place, the weights before the biases, and never by the
number of dimensions: a stacked bias is a matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

__all__ = ["Layout", "Parameters"]


@dataclass(frozen=True)
class Parameters:
    """Views of the parameters of K networks, layer by layer."""

    weights: list[Tensor]
    """(K, I, O) a layer."""
    biases: list[Tensor]
    """(K, 1, O) a layer."""

    @property
    def n_networks(self) -> int:
        return self.weights[0].shape[0]

    def rows(self) -> Tensor:
        """(K, D): each network as a row, weights first; a copy."""
        return torch.cat([tensor.flatten(1) for tensor in (*self.weights, *self.biases)], dim=1)

    def copy_rows_(self, rows: Tensor) -> None:
        """Set the parameters from rows (K, D), or one row (1, D) for all."""
        start = 0
        for tensor in (*self.weights, *self.biases):
            size = tensor[0].numel()
            tensor.copy_(rows[:, start : start + size].view(-1, *tensor.shape[1:]))
            start += size


@dataclass(frozen=True)
class Layout:
    """The shapes of a multilayer perceptron and their places in a buffer.

    Args:
        sizes: units a layer, inputs first and outputs last, e.g. (64, 32, 10).
    """

    sizes: tuple[int, ...]

    @cached_property
    def shapes(self) -> list[tuple[int, int]]:
        """(I, O) a layer."""
        return list(pairwise(self.sizes))

    @cached_property
    def n_weights(self) -> int:
        """Weights of one network: the columns [0, n_weights) of its row."""
        return sum(fan_in * fan_out for fan_in, fan_out in self.shapes)

    @cached_property
    def n_parameters(self) -> int:
        """D: weights and biases of one network."""
        return self.n_weights + sum(self.sizes[1:])

    def stacked(self, buffer: Tensor) -> Parameters:
        """Views into a flat buffer of K·D numbers."""
        K = buffer.numel() // self.n_parameters
        shapes = [(K, i, o) for i, o in self.shapes] + [(K, 1, o) for o in self.sizes[1:]]
        return self._split(buffer.split([K * i * o for _, i, o in shapes]), shapes)

    def from_rows(self, rows: Tensor) -> Parameters:
        """Views into networks that lie row by row, (K, D)."""
        K = rows.shape[0]
        shapes = [(K, i, o) for i, o in self.shapes] + [(K, 1, o) for o in self.sizes[1:]]
        return self._split(rows.split([i * o for _, i, o in shapes], dim=1), shapes)

    def _split(self, parts: Sequence[Tensor], shapes: list[tuple[int, int, int]]) -> Parameters:
        views = [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]
        return Parameters(views[: len(self.shapes)], views[len(self.shapes) :])
