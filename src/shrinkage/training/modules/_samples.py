"""Rows of anything that a module takes: read by number, where they are; no fold has a copy.

Tensors and arrays of any shape, memory-mapped ones included, tuples and dicts of them, and map-style data sets.
"""

from __future__ import annotations

import hashlib
import warnings
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shrinkage._errors import RequestError, shown
from shrinkage.networks.module import leaves, mapped, seeded

__all__ = ["ArraySamples", "DatasetSamples", "Samples", "samples_of"]

ON_DEVICE = 1 << 31
"""Bytes of a data set that are moved to a GPU once and for all; a larger one goes there batch by batch."""
HASHED_AT_A_TIME = 1 << 24


class Samples(ABC):
    """n examples with their targets."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def take(self, numbers: NDArray[np.int64], device: str, dtype: torch.dtype | None) -> tuple[Any, Any]:
        """Inputs and targets of the examples with these numbers, as tensors on the device.

        Args:
            numbers: (B,) from 0 to n − 1.
            device: where they are wanted.
            dtype: of what is floating in them; None leaves it as it is.
        """

    @abstractmethod
    def digest(self) -> str:
        """A hash of the data: what kept blocks know it by."""

    @property
    def is_random(self) -> bool:
        """Whether reading an example may draw random numbers."""
        return False


class ArraySamples(Samples):
    """Arrays with one row per example.

    Args:
        X: an array or a tensor, or tuples and dicts of them; held as arrays where NumPy has the dtype.
        y: the same for the targets.
    """

    def __init__(self, X: Any, y: Any) -> None:
        self.X, self.y = mapped(_held, X), mapped(_held, y)
        self._n = len(next(leaves(self.X)))
        self._tensors: dict[str, tuple[Any, Any]] = {}

    def __len__(self) -> int:
        return self._n

    def take(self, numbers: NDArray[np.int64], device: str, dtype: torch.dtype | None) -> tuple[Any, Any]:
        X, y = self._on(device)
        index = torch.from_numpy(numbers)

        def taken(x: Tensor) -> Tensor:
            part = x.index_select(0, index.to(x.device)).to(device)
            return part.to(dtype) if dtype is not None and part.is_floating_point() else part

        return mapped(taken, X), mapped(taken, y)

    def digest(self) -> str:
        digest = hashlib.sha256()
        for x in (*leaves(self.X), *leaves(self.y)):
            array = x.view(torch.uint8).numpy() if isinstance(x, Tensor) else x
            digest.update(f"{array.shape} {array.dtype}".encode())
            rows = max(1, HASHED_AT_A_TIME // max(1, array.nbytes // max(1, len(array))))
            for start in range(0, len(array), rows):
                digest.update(np.ascontiguousarray(array[start : start + rows]).tobytes())
        return digest.hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_tensors": {}}

    def _on(self, device: str) -> tuple[Any, Any]:
        """X and y as tensors: on a GPU when they are small enough to stay there."""
        if device not in self._tensors:
            everything = (*leaves(self.X), *leaves(self.y))
            where = device if sum(x.nbytes for x in everything) <= ON_DEVICE else "cpu"
            self._tensors[device] = (
                mapped(lambda x: _tensor(x).to(where), self.X),
                mapped(lambda x: _tensor(x).to(where), self.y),
            )
        return self._tensors[device]


class DatasetSamples(Samples):
    """A map-style data set of (inputs, target), its own random augmentation included.

    Args:
        dataset: has `__getitem__` and `__len__`.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self._n = len(dataset)

    def __len__(self) -> int:
        return self._n

    @property
    def is_random(self) -> bool:
        return True

    def take(self, numbers: NDArray[np.int64], device: str, dtype: torch.dtype | None) -> tuple[Any, Any]:
        from torch.utils.data import default_collate

        X, y = default_collate([self.dataset[int(i)] for i in numbers])

        def sent(x: Any) -> Any:
            return x.to(device, dtype) if dtype is not None and x.is_floating_point() else x.to(device)

        return mapped(sent, X), mapped(sent, y)

    def digest(self) -> str:
        """Of the length and of a few examples: reading all might take long."""
        digest = hashlib.sha256(f"{type(self.dataset).__qualname__} {self._n}".encode())
        some = np.unique(np.linspace(0, self._n - 1, min(self._n, 16)).astype(np.int64))
        with seeded("digest"):
            for x in leaves(list(self.take(some, "cpu", None))):
                digest.update(np.ascontiguousarray(x.float().numpy()).tobytes())
        return digest.hexdigest()


def samples_of(X: Any, y: Any = None) -> Samples:
    """The examples of `X` and `y`; checked, so that a mistake is said before anything is trained.

    Args:
        X: arrays, tensors, tuples or dicts of them, or a map-style data set of (inputs, target).
        y: targets with one row per example; None for a data set.
    """
    if hasattr(X, "__getitem__") and not _is_arrays(X):
        return _dataset(X, y)
    if not _is_arrays(X):
        raise RequestError(
            f"X=…: must be an array, a tensor, a tuple or dict of them, or a Dataset, got {type(X).__name__}."
            + _iterable_hint(X)
        )
    if y is None:
        raise RequestError("y=…: is needed with arrays X; only a Dataset has its own targets.")
    samples = ArraySamples(X, y)
    lengths = [len(x) for x in (*leaves(samples.X), *leaves(samples.y))]
    if len(set(lengths)) > 1:
        raise RequestError(f"X and y must all have one row per example, got {shown(lengths)} rows.")
    return samples


def _dataset(X: Any, y: Any) -> Samples:
    if y is not None:
        raise RequestError(
            f"y=…: a {type(X).__name__} has its own targets, so leave y out. Its items must be (inputs, "
            "target)."
        )
    try:
        n = len(X)
    except (TypeError, NotImplementedError):
        raise RequestError(
            f"X=…: the Dataset {type(X).__name__} has no length, so its rows can't be divided into "
            "folds. Give it __len__."
        ) from None
    with seeded("first example"):
        item = X[0] if n else None
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise RequestError(
            f"X=…: items of the Dataset {type(X).__name__} must be (inputs, target), got {type(item).__name__}"
            f"{f' of {len(item)}' if isinstance(item, tuple | list) else ''}. Several inputs go in a tuple or a dict."
        )
    return DatasetSamples(X)


def _iterable_hint(X: Any) -> str:
    iterable = hasattr(X, "__iter__")
    return (
        " It can only be iterated; folds need to read rows by number (`__getitem__`, `__len__`)."
        if iterable
        else ""
    )


def _is_arrays(x: Any) -> bool:
    if isinstance(x, dict):
        return bool(x) and all(map(_is_arrays, x.values()))
    if isinstance(x, tuple | list):
        return bool(x) and (all(map(_is_arrays, x)) or _is_numbers(x))
    return isinstance(x, Tensor | np.ndarray) or hasattr(x, "to_numpy")


def _is_numbers(x: Any) -> bool:
    try:
        return np.asarray(x).dtype.kind in "biuf"
    except ValueError:
        return False


def _held(x: Any) -> Any:
    """An array where NumPy has the dtype, which other processes can map into memory; else a tensor."""
    if isinstance(x, Tensor):
        if x.ndim == 0:
            raise RequestError("X and y must have one row per example, got a tensor of a single number.")
        x = x.detach()
        return x.numpy() if x.device.type == "cpu" and x.dtype not in (torch.bfloat16,) else x
    array = x if isinstance(x, np.ndarray) else np.asarray(x.to_numpy() if hasattr(x, "to_numpy") else x)
    if array.dtype.kind not in "biufc":
        raise RequestError(
            f"X and y must be numbers, got {array.dtype}. Encode words as class numbers, and fit columns "
            "of a table with MLPClassifierCV(network=…)."
        )
    if array.ndim == 0:
        raise RequestError("X and y must have one row per example, got a single number.")
    return array


def _tensor(x: Any) -> Tensor:
    if isinstance(x, Tensor):
        return x
    with warnings.catch_warnings():
        # A memory-mapped array is read-only; nothing here writes to it.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(x)
