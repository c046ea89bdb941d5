"""The bounded form with piecewise-linear codes of every number beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shrinkage.tables.forms._bounded_form import Bounded
from shrinkage.tables.forms._form import Floats, register
from shrinkage.tables.forms._quantiles import quantiles

__all__ = ["PIECES", "Piecewise"]

PIECES = 16
"""Codes of a number, fewer where its quantiles coincide."""
ROWS_AT_A_TIME = 512
"""Coded at once, so that what lies in between stays in the cache."""


@register("piecewise")
@dataclass(frozen=True, eq=False)
class Piecewise:
    """The bounded inputs, then for every number x its codes cⱼ = clip((x − eⱼ)/(eⱼ₊₁ − eⱼ), 0, 1).

    The edges e₀ < e₁ < … are quantiles of the training rows, so that every piece holds about as many rows: a network may
    give each piece its own slope, and with it follow a step or a kink of a single column.

    Reference: Gorishniy, Rubachev and Babenko, NeurIPS 2022, §3.2.1 (piecewise-linear encoding, quantile bins).
    """

    standardize = False

    bounded: Bounded
    column: NDArray[np.int64]
    """(P,) which column each code is of."""
    left: Floats
    """(P,) where its piece begins."""
    right: Floats
    """(P,) where it ends, > left."""

    @classmethod
    def fit(cls, X: NDArray[Any], weight: Floats | None) -> Self:
        bounded = Bounded.fit(X, weight)
        columns, left, right = [], [], []
        numbers = np.flatnonzero(bounded.is_level == 0)
        edges = quantiles(X[:, numbers].astype(np.float64), np.linspace(0, 1, PIECES + 1).tolist(), weight)
        for column, its in zip(numbers, edges.T, strict=True):
            different = np.unique(its)
            if len(different) > 2:
                columns += [column] * (len(different) - 1)
                left += different[:-1].tolist()
                right += different[1:].tolist()
        return cls(bounded, np.array(columns, np.int64), np.array(left), np.array(right))

    def __call__(self, X: NDArray[Any]) -> NDArray[Any]:
        bounded = self.bounded(X)
        inputs = np.empty((len(X), X.shape[1] + len(self.column)), bounded.dtype)
        inputs[:, : X.shape[1]] = bounded
        for some in range(0, len(X), ROWS_AT_A_TIME):
            rows = slice(some, some + ROWS_AT_A_TIME)
            # What is infinitely far counts as 0 or 1, as all that lies outside.
            with np.errstate(over="ignore"):
                codes = (X[rows, self.column].astype(np.float64) - self.left) / (self.right - self.left)
            inputs[rows, X.shape[1] :] = np.clip(codes, 0, 1)
        return inputs

    @property
    def pieces(self) -> tuple[int, ...]:
        return tuple(np.unique(self.column, return_counts=True)[1].tolist())

    def names(self, columns: list[str]) -> list[str]:
        codes = [
            f"{columns[column]} from {left:.4g} to {right:.4g}"
            for column, left, right in zip(self.column, self.left, self.right, strict=True)
        ]
        return [*columns, *codes]

    def arrays(self) -> dict[str, Floats]:
        own = {name: np.asarray(getattr(self, name), np.float64) for name in ("column", "left", "right")}
        return self.bounded.arrays() | own

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        left, right = (np.asarray(arrays[name], np.float64) for name in ("left", "right"))
        return cls(Bounded.from_arrays(arrays), np.asarray(arrays["column"]).astype(np.int64), left, right)
