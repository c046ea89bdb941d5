"""A trained periodic embedding of numbers, in front of the first dense layer.

Of every number x that is embedded, a network sees x itself and U further inputs

    e_u = c_u + Σ_f V_fu cos(ω_f x + φ_f)

whose frequencies ω, phases φ, weights V and biases c are trained, and are each number's own. Inputs that aren't embedded,
such as levels of 0 and 1, stay as they are. V is decayed as the weights of the layers are; the others are exempt as
biases are.

Axes: K networks, B rows, I inputs of a network, N numbers that are embedded, F frequencies, U units.

References: Gorishniy, Rubachev and Babenko, NeurIPS 2022, §3.3 (periodic embeddings); Holzmüller, Grinsztajn and
Steinwart, NeurIPS 2024 (the cosine with a bias, and x beside it).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Embedded", "Embedding", "initial_embedding"]

SIGMA = 0.2
"""Standard deviation of the frequencies that training begins with, in cycles per unit of the scaled number."""


@dataclass(frozen=True)
class Embedding:
    """Which inputs a network embeds, and by how many cosines: its part of a layout."""

    columns: tuple[int, ...]
    """(N,) numbers of inputs, ascending, at least one."""
    frequencies: int = 16
    """F, a multiple of 16: what fills cache lines, so that no number depends on its place in a stack."""
    units: int = 3
    """U"""

    @property
    def width(self) -> int:
        """Inputs that the first layer has besides those of the network."""
        return len(self.columns) * self.units

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The parameters in the order of a row: V, which is decayed, then those that are exempt."""
        N = len(self.columns)
        return {
            "weight": (N, self.frequencies, self.units),
            "bias": (N, self.units),
            "phase": (N, self.frequencies),
            "frequency": (N, self.frequencies),
        }

    @property
    def sizes(self) -> list[int]:
        """Numbers of each parameter."""
        return [math.prod(shape) for shape in self.shapes.values()]


def initial_embedding(embedding: Embedding, generator: torch.Generator) -> list[Tensor]:
    """Untrained parameters: V uniform with variance 1/F, biases 0, phases uniform in ±π, ω normal; float64."""

    def uniform(name: str, limit: float) -> Tensor:
        draw = torch.rand(embedding.shapes[name], generator=generator, dtype=torch.float64)
        return draw.mul_(2 * limit).sub_(limit)

    weight = uniform("weight", math.sqrt(3 / embedding.frequencies))
    phase = uniform("phase", math.pi)
    normal = torch.randn(embedding.shapes["frequency"], generator=generator, dtype=torch.float64)
    bias = torch.zeros(embedding.shapes["bias"], dtype=torch.float64)
    return [weight, bias, phase, normal.mul_(2 * math.pi * SIGMA)]


@dataclass(frozen=True)
class Embedded:
    """Views of the embeddings of K networks; in a stack the last axis of weights and biases is padded to U′."""

    embedding: Embedding
    """Without padding."""
    weight: Tensor
    """V, (K, N, F, U′)"""
    bias: Tensor
    """c, (K, N, U′)"""
    phase: Tensor
    """φ, (K, N, F)"""
    frequency: Tensor
    """ω, (K, N, F)"""

    def padded_tensors(self) -> list[Tensor]:
        """In the order of a row, as they are held."""
        return [self.weight, self.bias, self.phase, self.frequency]

    def tensors(self) -> list[Tensor]:
        """The same without padding."""
        units = self.embedding.units
        return [self.weight[..., :units], self.bias[..., :units], self.phase, self.frequency]

    def angles(self, X: Tensor) -> Tensor:
        """ω x + φ, (K·N, B, F), for inputs (K, B, ·)."""
        return torch.addcmul(_of_rows(self.phase), self._numbers(X), _of_rows(self.frequency))

    def first_layer_inputs(self, X: Tensor, angles: Tensor, inputs: int, width: int) -> Tensor:
        """(K, B, width) what the first layer sees: the inputs, the units of every number, zeros.

        Args:
            X: (K, B, ·) inputs of the networks, then any padding.
            angles: of `angles`.
            inputs: I.
            width: of the result.
        """
        K, B = X.shape[:2]
        e = torch.baddbmm(_of_rows(self.bias), angles.cos(), self.weight.flatten(0, 1))
        e = e.view(K, -1, B, e.shape[-1])[..., : self.embedding.units].transpose(1, 2).flatten(2)
        rest = X.new_zeros(K, B, width - inputs - self.embedding.width)
        return torch.cat([X[..., :inputs], e, rest], dim=2)

    def gradient_(self, gradients: Embedded, X: Tensor, angles: Tensor, delta: Tensor) -> None:
        """Back-propagation from the slopes (K, B, N·U) at its units into the gradients of its parameters."""
        K, B = X.shape[:2]
        N, _, padded = self.weight.shape[1:]
        sent = X.new_zeros(K, N, B, padded)
        sent[..., : self.embedding.units] = delta.view(K, B, N, -1).transpose(1, 2)
        sent = sent.flatten(0, 1)
        torch.bmm(angles.cos().transpose(1, 2), sent, out=gradients.weight.flatten(0, 1))
        torch.sum(sent, 1, out=gradients.bias.flatten(0, 1))
        slopes = torch.bmm(sent, self.weight.flatten(0, 1).transpose(1, 2)).mul_(angles.sin()).neg_()
        torch.sum(slopes, 1, out=gradients.phase.flatten(0, 1))
        torch.sum(slopes.mul_(self._numbers(X)), 1, out=gradients.frequency.flatten(0, 1))

    def _numbers(self, X: Tensor) -> Tensor:
        """(K·N, B, 1) the numbers that are embedded."""
        return X[..., list(self.embedding.columns)].transpose(1, 2).flatten(0, 1)[..., None]


def embedded_from(embedding: Embedding, padded: Embedding, parts: Sequence[Tensor]) -> Embedded:
    """Views of the embeddings of K networks.

    Args:
        embedding: without padding.
        padded: as it is held.
        parts: (K, ·) the numbers of each parameter.
    """
    views = [part.unflatten(1, shape) for part, shape in zip(parts, padded.shapes.values(), strict=True)]
    return Embedded(embedding, *views)


def _of_rows(parameter: Tensor) -> Tensor:
    """(K·N, 1, ·) of a parameter (K, N, ·)."""
    return parameter.flatten(0, 1)[:, None]
