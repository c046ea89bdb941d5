"""Rows of a table as the trainer reads them: chosen by position, standardized on the way, never copied whole.

Folds share one matrix: a fold is its row numbers and its own means and scales.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import pad

__all__ = ["Batch", "Rows", "Standardizer", "chunks"]

CONTIGUOUS_ELEMENTS = 1 << 22
"""A set of rows up to this many numbers is standardized once and kept; a larger one each time it is read."""


@dataclass(frozen=True)
class Standardizer:
    """x ↦ (x − shift)/scale, column by column."""

    shift: Tensor
    """(D,)"""
    scale: Tensor
    """(D,), > 0"""

    def __call__(self, x: Tensor) -> Tensor:
        return (x - self.shift).div_(self.scale)


@dataclass(frozen=True)
class Batch:
    """Rows ready for the network: X (…, B, D), Y (…, B, C), weight (…, B, 1) of mean 1 over the whole set, or None."""

    X: Tensor
    Y: Tensor
    weight: Tensor | None

    def part(self, start: int, stop: int) -> Batch:
        """Rows start to stop."""
        weight = None if self.weight is None else self.weight[..., start:stop, :]
        return Batch(self.X[..., start:stop, :], self.Y[..., start:stop, :], weight)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """n rows of a shared matrix.

    Args:
        X: (N, D) the matrix, and Y (N, C) the targets, of which these rows are a part.
        index: (n,) int64 row numbers, or None for all.
        weight: (n, 1) row weights of mean 1, or None.
        x_scale, y_scale: standardizers applied to what is read, or None.
    """

    X: Tensor
    Y: Tensor
    index: Tensor | None = None
    weight: Tensor | None = None
    x_scale: Standardizer | None = None
    y_scale: Standardizer | None = None
    width: int = 0
    """Columns that what is read is padded to with zeros; 0 for D."""

    def __len__(self) -> int:
        return len(self.X) if self.index is None else len(self.index)

    def read(self, positions: Tensor) -> Batch:
        """The rows at `positions` (b,), each from 0 to n − 1."""
        numbers = positions if self.index is None else self.index.index_select(0, positions)
        X, Y = self.X.index_select(0, numbers), self.Y.index_select(0, numbers)
        X = X if self.x_scale is None else self.x_scale(X)
        Y = Y if self.y_scale is None else self.y_scale(Y)
        if self.width > X.shape[1]:
            X = pad(X, (0, self.width - X.shape[1]))
        return Batch(X, Y, None if self.weight is None else self.weight.index_select(0, positions))

    def contiguous_rows(self, width: int = 0) -> Rows:
        """The same rows padded to `width` columns; selected and standardized once when they are few enough to keep."""
        rows = replace(self, width=width)
        if len(self) * max(width, self.X.shape[1]) > CONTIGUOUS_ELEMENTS:
            return rows
        batch = rows.read(torch.arange(len(self), device=self.X.device))
        return replace(rows, X=batch.X, Y=batch.Y, index=None, x_scale=None, y_scale=None)


def chunks(n: int, size: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of consecutive pieces of at most `size` of n."""
    for start in range(0, n, size):
        yield start, min(start + size, n)
