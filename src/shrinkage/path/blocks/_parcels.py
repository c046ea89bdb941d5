"""Folds on their way to other processes: their arrays travel beside them, each once a worker, whoever needs it.

A cluster sends a large argument of a call to a worker once and keeps it there; joblib's own processes map it into
memory. Neither looks inside other objects, and a fold would take its matrices along with every block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib.parallel import get_active_backend
from numpy.typing import NDArray

from shrinkage.path._fold import Fold

__all__ = ["Parcel", "Sender", "pack", "unpack"]

_ARRAYS = ("Y", "weight", "train", "validation")
_NOTHING = np.empty((0, 0), np.int64)


@dataclass(frozen=True)
class Parcel:
    """A fold without its arrays."""

    fold: Fold
    places: tuple[int | None, ...]
    """Where each array lies among those sent along; None for one that the fold doesn't have."""
    matrices: Mapping[str, int]
    """Where the matrix of each form lies."""


def pack(folds: Mapping[int, Fold]) -> tuple[dict[int, Parcel], list[NDArray[Any]]]:
    """The folds as parcels, and their arrays: one that several folds share stands there once."""
    arrays: list[NDArray[Any]] = []
    places: dict[int, int] = {}

    def place(array: NDArray[Any]) -> int:
        if id(array) not in places:
            places[id(array)] = len(arrays)
            arrays.append(array)
        return places[id(array)]

    def optional(array: NDArray[Any] | None) -> int | None:
        return None if array is None else place(array)

    parcels = {
        number: Parcel(
            replace(
                fold,
                inputs={form: replace(inputs, X=_NOTHING) for form, inputs in fold.inputs.items()},
                Y=_NOTHING,
                weight=None,
                train=_NOTHING,
                validation=None,
            ),
            tuple(optional(getattr(fold, name)) for name in _ARRAYS),
            {form: place(inputs.X) for form, inputs in fold.inputs.items()},
        )
        for number, fold in folds.items()
    }
    return parcels, arrays


def unpack(parcels: Mapping[int, Parcel], arrays: Sequence[NDArray[Any]]) -> dict[int, Fold]:
    """The folds again; inverse of `pack`."""

    def fold_of(parcel: Parcel) -> Fold:
        named = {
            name: None if at is None else arrays[at] for name, at in zip(_ARRAYS, parcel.places, strict=True)
        }
        inputs = {
            form: replace(of_form, X=arrays[parcel.matrices[form]])
            for form, of_form in parcel.fold.inputs.items()
        }
        changed: Any = {**named, "inputs": inputs}
        return replace(parcel.fold, **changed)

    return {number: fold_of(parcel) for number, parcel in parcels.items()}


class Sender:
    """What stands for an array in the calls that joblib sends away, the same in all of them.

    On a dask cluster that is a task of its own that returns the array: the scheduler keeps its argument and runs it
    again when the worker that held the result is lost. What joblib itself would do, to put the array on a worker, is
    lost with that worker, and a run waits for it forever (joblib 1.5).
    """

    def __init__(self) -> None:
        backend, _ = get_active_backend()
        self._client: Any = getattr(backend, "client", None)
        self._sent: dict[int, tuple[NDArray[Any], Any]] = {}

    def __call__(self, array: NDArray[Any]) -> Any:
        if self._client is None:
            return array
        if id(array) not in self._sent:
            self._sent[id(array)] = array, self._client.submit(_itself, array, pure=False)
        return self._sent[id(array)][1]


def _itself(array: NDArray[Any]) -> NDArray[Any]:
    return array
