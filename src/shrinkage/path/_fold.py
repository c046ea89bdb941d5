"""A fold: row numbers of a matrix, and the scales fitted on its training rows alone."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from shrinkage.networks import Kind, Layout
from shrinkage.path._places import STANDARD
from shrinkage.training import Member, Rows, Standardizer, chunks

__all__ = ["ALL_ROWS", "Fold", "Inputs", "Scale", "fitted_scale", "standard_inputs"]

ALL_ROWS = -1
"""The fold number of the refit, whose training rows are all rows."""

_ROWS_AT_A_TIME = 1 << 16


@dataclass(frozen=True)
class Scale:
    """x ↦ (x − shift)/scale a column; what was fitted, as plain arrays."""

    shift: NDArray[np.float64]
    scale: NDArray[np.float64]

    def on(self, like: torch.Tensor) -> Standardizer:
        return Standardizer(torch.from_numpy(self.shift).to(like), torch.from_numpy(self.scale).to(like))

    def standardize(self, array: NDArray[Any]) -> NDArray[np.float64]:
        """(x − shift)/scale, in float64."""
        return (array - self.shift) / self.scale

    def restore(self, array: NDArray[Any]) -> NDArray[np.float64]:
        """The inverse of `standardize`."""
        return array * self.scale + self.shift


@dataclass(frozen=True)
class Inputs:
    """One form of input: a matrix of all rows, and the scale that its training rows fitted."""

    X: NDArray[Any]
    """(N, D)"""
    scale: Scale | None
    numbers: tuple[int, ...] = ()
    """The columns that are numbers, which an embedding may take; those of a network without one don't matter."""
    pieces: tuple[int, ...] = ()
    """The number of codes of each coded number, in order: the codes are the last columns. Empty without codes."""

    def standardize(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n, D) some rows as the networks see them, in float64."""
        X = self.X[rows].astype(np.float64, copy=False)
        if self.scale is not None:  # in place: the rows picked are a copy
            X -= self.scale.shift
            X /= self.scale.scale
        return X


def standard_inputs(X: NDArray[Any], scale: Scale | None, numbers: tuple[int, ...] = ()) -> dict[str, Inputs]:
    """The inputs of a fold that has the standard form alone."""
    return {STANDARD: Inputs(X, scale, numbers)}


@dataclass(frozen=True, kw_only=True)
class Fold:
    """What a block needs of one fold; matrices, `Y` and `weight` are shared by the folds, never copied for one."""

    number: int
    inputs: Mapping[str, Inputs]
    """By form."""
    Y: NDArray[Any]
    """(N, C) values, one-hot classes, or a column of 0 and 1."""
    weight: NDArray[np.float64] | None
    """(N,) row weights ≥ 0, or None."""
    train: NDArray[np.int64]
    """Row numbers; rows of weight 0 are left out."""
    validation: NDArray[np.int64] | None
    y_scale: Scale | None

    def shape(self, form: str = STANDARD) -> tuple[Any, ...]:
        """Folds of one shape can share a stack: training rows, validation rows, columns, which are numbers or codes."""
        seen = self.inputs[form]
        validation = 0 if self.validation is None else len(self.validation)
        return (len(self.train), validation, seen.X.shape[1], seen.numbers, seen.pieces)

    def layout(self, kind: Kind, form: str = STANDARD) -> Layout:
        """Of a network of this kind that sees this form of input."""
        return kind.layout(self.inputs[form].X.shape[1], self.Y.shape[1], self.inputs[form].numbers)

    def member(self, restart: int, dtype: str, device: str, form: str = STANDARD) -> Member:
        """The fold as the trainer reads it, in one form of input.

        What loses digits in the dtype of the training is standardized before it is converted.
        """
        seen = self.inputs[form]
        X, x_scale = _narrow(seen.X, seen.scale, dtype)
        Y, y_scale = _narrow(self.Y, self.y_scale, dtype)
        X, Y = _tensor(X, dtype, device), _tensor(Y, dtype, device)

        def rows(index: NDArray[np.int64]) -> Rows:
            on_x, on_y = x_scale and x_scale.on(X), y_scale and y_scale.on(Y)
            return self._rows(X, Y, index, on_x, on_y)

        validation = None if self.validation is None else rows(self.validation)
        return Member(self.number, restart, rows(self.train), validation, seen.numbers, seen.pieces)

    def _rows(
        self,
        X: torch.Tensor,
        Y: torch.Tensor,
        index: NDArray[np.int64],
        x_scale: Standardizer | None,
        y_scale: Standardizer | None,
    ) -> Rows:
        weight = None
        if self.weight is not None:
            chosen = self.weight[index]
            weight = torch.from_numpy(chosen / chosen.mean())[:, None].to(X)
        return Rows(
            X=X,
            Y=Y,
            index=torch.tensor(index, device=X.device),
            weight=weight,
            x_scale=x_scale,
            y_scale=y_scale,
        )


def fitted_scale(X: NDArray[Any], rows: NDArray[np.int64], weight: NDArray[np.float64] | None) -> Scale:
    """Weighted means and standard deviations of some rows, read a piece at a time; a constant column keeps scale 1."""
    scaler = StandardScaler()
    for start, stop in chunks(len(rows), _ROWS_AT_A_TIME):
        index = rows[start:stop]
        scaler.partial_fit(
            X[index].astype(np.float64), sample_weight=None if weight is None else weight[index]
        )
    return Scale(np.asarray(scaler.mean_, np.float64), np.asarray(scaler.scale_, np.float64))


def _narrow(array: NDArray[Any], scale: Scale | None, dtype: str) -> tuple[NDArray[Any], Scale | None]:
    """The array, already standardized if `dtype` is narrower than its own, and the scale that is still to be used."""
    if scale is None or np.dtype(dtype).itemsize >= array.dtype.itemsize:
        return array, scale
    with np.errstate(over="ignore"):  # what the dtype cannot hold is infinite, and so the error of that row
        return scale.standardize(array).astype(dtype), None


def _tensor(array: NDArray[Any], dtype: str, device: str) -> torch.Tensor:
    array = np.ascontiguousarray(array, dtype=dtype)
    with warnings.catch_warnings():
        # The memory-mapped matrix of a worker is read-only; nothing here writes to it.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array).to(device)
