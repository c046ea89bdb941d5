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
from torch.utils.data import IterableDataset, TensorDataset

from shrinkage._errors import JobError, RequestError, shown
from shrinkage.networks.module import first_line, leaves, map_tree, with_seed

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

    def extremes(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], str]:
        """Row numbers that hold the extremes of whole numbers or a number that is not finite, and where that is."""
        return np.empty(0, np.int64), ""


class ArraySamples(Samples):
    """Arrays with one row per example.

    Args:
        X: an array or a tensor, or tuples and dicts of them; held as arrays where NumPy has the dtype.
        y: the same for the targets.
    """

    def __init__(self, X: Any, y: Any) -> None:
        self.X, self.y = map_tree(_hold, X), map_tree(_hold, y)
        self._n = len(next(leaves(self.X)))
        self._tensors: dict[str, tuple[Any, Any]] = {}

    def __len__(self) -> int:
        return self._n

    def take(self, numbers: NDArray[np.int64], device: str, dtype: torch.dtype | None) -> tuple[Any, Any]:
        X, y = self._on(device)
        index = torch.from_numpy(numbers)

        def take(x: Tensor) -> Tensor:
            part = _select(x, index.to(x.device)).to(device)
            return part.to(dtype) if dtype is not None and part.is_floating_point() else part

        return map_tree(take, X), map_tree(take, y)

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

    def extremes(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], str]:
        found, where = [], ""
        for name, tree in (("X", self.X), ("y", self.y)):
            for leaf in leaves(tree):
                numbers, bad = _extremes(leaf, rows)
                found += numbers
                if bad is not None and not where:
                    where = f"{name} holds NaN or infinite numbers, first in row {bad} (counted from 0)"
        return np.array(sorted(set(found)), np.int64), where

    def _on(self, device: str) -> tuple[Any, Any]:
        """X and y as tensors: on a GPU when they are small enough to stay there."""
        if device not in self._tensors:
            everything = (*leaves(self.X), *leaves(self.y))
            where = device if sum(x.nbytes for x in everything) <= ON_DEVICE else "cpu"
            self._tensors[device] = (
                map_tree(lambda x: _tensor(x).to(where), self.X),
                map_tree(lambda x: _tensor(x).to(where), self.y),
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
        X, y = self._collate([self._item(int(i)) for i in numbers])

        def send(x: Any) -> Any:
            if not isinstance(x, Tensor):
                raise RequestError(
                    f"X=…: items of the Dataset {type(self.dataset).__name__} must hold numbers, got {shown(x)}. Encode "
                    "words as class numbers."
                )
            return x.to(device, dtype) if dtype is not None and x.is_floating_point() else x.to(device)

        return map_tree(send, X), map_tree(send, y)

    def _item(self, number: int) -> Any:
        try:
            return self.dataset[number]
        except Exception as error:  # whatever the user's Dataset raises
            raise JobError(
                f"X=…: item {number} of the Dataset {type(self.dataset).__name__} raised {type(error).__name__}: "
                f"{first_line(error)}."
            ) from error

    def _collate(self, items: list[Any]) -> tuple[Any, Any]:
        from torch.utils.data import default_collate

        try:
            X, y = default_collate(items)
        except (RuntimeError, TypeError, ValueError) as error:
            raise RequestError(
                f"X=…: items of the Dataset {type(self.dataset).__name__} make no batch: {first_line(error)}. All "
                "must have the same shapes: pad sequences, crop images."
            ) from error
        return X, y

    def digest(self) -> str:
        """Of the length and of a few examples: reading all might take long."""
        digest = hashlib.sha256(f"{type(self.dataset).__qualname__} {self._n}".encode())
        some = np.unique(np.linspace(0, self._n - 1, min(self._n, 16)).astype(np.int64))
        with with_seed("digest"):
            for x in leaves(list(self.take(some, "cpu", None))):
                digest.update(np.ascontiguousarray(x.float().numpy()).tobytes())
        return digest.hexdigest()


def samples_of(X: Any, y: Any = None) -> Samples:
    """The examples of `X` and `y`; checked, so that a mistake is reported before anything is trained.

    Args:
        X: arrays, tensors, tuples or dicts of them, or a map-style data set of (inputs, target).
        y: targets with one row per example; None for a data set.
    """
    _check_kind(X)
    if y is None and type(X) is TensorDataset and len(X.tensors) == 2:
        X, y = X.tensors
    if (hasattr(X, "__getitem__") and not _is_arrays(X)) or (y is None and _is_pairs(X)):
        return _dataset(X, y)
    if not _is_arrays(X):
        raise RequestError(
            f"X=…: must be an array, a tensor, a tuple or dict of them, or a Dataset, got {type(X).__name__}."
            + _iterable_hint(X)
        )
    if y is None:
        raise RequestError("y=…: is needed with arrays X; only a Dataset has its own targets.")
    n = len(y) if hasattr(y, "__len__") and getattr(y, "ndim", 1) else 0
    samples = ArraySamples(_rows_stacked(X, n), _rows_stacked(y, n))
    lengths = [len(x) for x in (*leaves(samples.X), *leaves(samples.y))]
    if len(set(lengths)) > 1:
        raise RequestError(
            f"X and y must all have one row per example, got {' and '.join(map(str, dict.fromkeys(lengths)))} rows."
        )
    if not lengths[0]:
        raise RequestError("X and y must have one row per example, got none.")
    return samples


def _check_kind(X: Any) -> None:
    """Refuse what can be indexed and is yet no data set."""
    if isinstance(X, str | bytes) or X is None or (isinstance(X, list | tuple | dict) and not len(X)):
        raise RequestError(
            "X=…: must be an array, a tensor, a tuple or dict of them, or a Dataset, got "
            f"{shown(X) if X is not None else 'None'}."
        )
    if hasattr(X, "tocsr") or (isinstance(X, Tensor) and X.layout != torch.strided):
        raise RequestError("X=…: is sparse; modules are given dense rows: X.toarray() or X.to_dense().")


def _is_pairs(X: Any) -> bool:
    """A list of (inputs, target), which is a data set when no y is given."""
    return isinstance(X, list) and all(isinstance(item, tuple) and len(item) == 2 for item in X)


def _rows_stacked(x: Any, n: int) -> Any:
    """Lists of numbers, or of a tensor or array for each of n rows, as one array."""
    if isinstance(x, dict):
        return {key: _rows_stacked(value, n) for key, value in x.items()}
    if isinstance(x, list | tuple) and _of_numbers(x):
        return np.asarray(x)
    if isinstance(x, list) and len(x) == n and all(isinstance(row, Tensor | np.ndarray) for row in x):
        shapes = {tuple(row.shape) for row in x}
        several_inputs = n == len(x) and next(iter(shapes))[:1] == (
            n,
        )  # a row of n numbers each would look the same
        if len(shapes) == 1 and not several_inputs:
            return torch.stack(x) if isinstance(x[0], Tensor) else np.stack(x)
    return x


def _of_numbers(x: Any) -> bool:
    """Whether it is a list of numbers, or of such lists."""
    if isinstance(x, list | tuple):
        return bool(x) and all(map(_of_numbers, x))
    return isinstance(x, bool | int | float | np.number | np.bool_)


def _dataset(X: Any, y: Any) -> Samples:
    name = type(X).__name__
    if y is not None:
        raise RequestError(
            f"y=…: a {name} has its own targets, so leave y out. Its items must be (inputs, target)."
        )
    try:
        n = len(X)
    except (TypeError, NotImplementedError):
        raise RequestError(
            f"X=…: the Dataset {name} has no length, so its rows can't be divided into folds. Give it __len__."
        ) from None
    if isinstance(X, IterableDataset):
        raise RequestError(f"X=…: must be a map-style Dataset, got {name}.{_iterable_hint(X)}")
    if not n:
        raise RequestError(f"X=…: the Dataset {name} has no rows.")
    found = DatasetSamples(X)
    with with_seed("first example"):
        item = found._item(0)
    if not isinstance(item, tuple | list) or len(item) != 2:
        many = isinstance(item, tuple | list) and len(item) > 2
        raise RequestError(
            f"X=…: items of the Dataset {name} must be (inputs, target), got {type(item).__name__}"
            f"{f' of {len(item)}' if isinstance(item, tuple | list) else ''}."
            f"{' Several inputs go in a tuple or a dict.' if many else ''}"
            f"{' Let it return ({…}, target).' if isinstance(item, dict) else ''}"
        )
    with with_seed("first example"):
        again = found._item(0)
    if not _alike(item, again):
        warnings.warn(
            f"X=…: an item of the Dataset {name} is another one if it is read again with the same seeds, so networks of "
            "different λ see different rows, and a run can't be repeated or resumed. Draw its random numbers from the "
            "global generators of torch, NumPy or Python, which are seeded for each batch.",
            stacklevel=4,
        )
    return found


def _alike(one: Any, other: Any) -> bool:
    """Whether two readings of an item hold the same numbers."""
    pairs = list(zip(leaves(one), leaves(other), strict=False))
    return all(np.array_equal(np.asarray(a), np.asarray(b), equal_nan=_is_numbers(a)) for a, b in pairs)


def _iterable_hint(X: Any) -> str:
    if hasattr(X, "dataset"):
        return " Give its .dataset; batches are made here."
    iterable = hasattr(X, "__iter__")
    return (
        " It can only be iterated; folds need to read rows by number (`__getitem__`, `__len__`)."
        if iterable
        else ""
    )


def _is_arrays(x: Any) -> bool:
    if isinstance(x, dict | tuple | list):  # None stands for an argument that is left out
        parts = [part for part in (x.values() if isinstance(x, dict) else x) if part is not None]
        return bool(parts) and (all(map(_is_arrays, parts)) or (not isinstance(x, dict) and _is_numbers(x)))
    return isinstance(x, Tensor | np.ndarray) or hasattr(x, "to_numpy")


def _is_numbers(x: Any) -> bool:
    try:
        return np.asarray(x).dtype.kind in "biuf"
    except ValueError:
        return False


def _hold(x: Any) -> Any:
    """An array where NumPy has the dtype, which other processes can map into memory; else a tensor."""
    if isinstance(x, Tensor):
        if x.ndim == 0:
            raise RequestError("X and y must have one row per example, got a tensor of a single number.")
        if x.layout != torch.strided:
            raise RequestError("X and y must be dense tensors; use to_dense().")
        x = x.detach().resolve_conj().resolve_neg()
        return x.numpy() if x.device.type == "cpu" and x.dtype not in (torch.bfloat16,) else x
    array = x if isinstance(x, np.ndarray) else np.asarray(x.to_numpy() if hasattr(x, "to_numpy") else x)
    if array.dtype.kind not in "biufc":
        raise RequestError(
            f"X and y must be numbers, got {array.dtype}. Encode words as class numbers, such as "
            "np.unique(y, return_inverse=True)[1], and fit columns "
            "of a table with MLPClassifierCV(network=…)."
        )
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    for kind, widest in (("f", np.float64), ("c", np.complex128)):
        if array.dtype.kind == kind and array.dtype.itemsize > np.dtype(widest).itemsize:
            array = array.astype(widest)  # the widest that torch has
    if any(stride < 0 for stride in array.strides):
        array = np.ascontiguousarray(array)
    if array.ndim == 0:
        raise RequestError("X and y must have one row per example, got a single number.")
    if np.ma.is_masked(array):
        raise RequestError(
            "X and y must not be masked arrays; fill what is missing, or give the mask as an input."
        )
    return array


_UNSIGNED = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}
"""Unsigned dtypes, for which torch has few operations, and signed ones of the same size."""


def _select(x: Tensor, index: Tensor) -> Tensor:
    """The rows of these numbers; unsigned ones of several bytes as int64."""
    if x.dtype not in _UNSIGNED:
        return x.index_select(0, index)
    return x.view(_UNSIGNED[x.dtype]).index_select(0, index).view(x.dtype).to(torch.int64)


def _tensor(x: Any) -> Tensor:
    if isinstance(x, Tensor):
        return x
    with warnings.catch_warnings():
        # A memory-mapped array is read-only; nothing here writes to it.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(x)


def _extremes(x: Any, rows: NDArray[np.int64]) -> tuple[list[int], int | None]:
    """Rows with the least and the largest of whole numbers, or the first row that is not finite; read in parts."""
    is_tensor = isinstance(x, Tensor)
    kind = ("f" if x.is_floating_point() else "i") if is_tensor else x.dtype.kind
    if kind not in "iuf" or not len(rows):
        return [], None
    size = max(1, (x.nbytes if is_tensor else int(x.nbytes)) // max(1, len(x)))
    at_a_time, ends = max(1, HASHED_AT_A_TIME // size), list[tuple[float, int]]()
    for start in range(0, len(rows), at_a_time):
        some = rows[start : start + at_a_time]
        part = x[torch.from_numpy(some)].float().numpy() if is_tensor else x[some]
        part = part.reshape(len(part), -1)
        if not part.shape[1]:
            return [], None
        if kind == "f":
            bad = ~np.isfinite(part).all(1)
            if bad.any():
                first = int(some[bad.argmax()])
                return [first], first
        else:
            low, high = part.min(1), part.max(1)
            ends += [(int(low.min()), int(some[low.argmin()])), (int(high.max()), int(some[high.argmax()]))]
    return ([min(ends)[1], max(ends)[1]] if ends else []), None
