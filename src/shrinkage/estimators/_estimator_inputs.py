"""The inputs of the networks: a matrix of numbers shared by all folds, or a table encoded anew for each."""

from __future__ import annotations

import hashlib
import warnings
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from shrinkage.tables import Preprocessor, as_pandas

__all__ = ["Inputs", "NumberInputs", "TableInputs", "hash_of", "inputs_for"]


class Inputs(ABC):
    """What the estimator was given as X, as matrices for the networks."""

    n_rows: int
    dtype: str
    preprocessor: Preprocessor | None
    """Fitted on all rows; None for a matrix of numbers, which needs none."""

    @abstractmethod
    def matrix(self, train: NDArray[np.int64] | None) -> NDArray[Any]:
        """(N, D) all rows as inputs, what must be fitted being fitted on the rows `train` alone (None for all)."""

    @abstractmethod
    def encoder(self, train: NDArray[np.int64]) -> Preprocessor | None:
        """What `matrix` encodes by, to encode other rows with; None for a matrix of numbers."""


class NumberInputs(Inputs):
    """A numeric array or data frame without gaps: the same matrix for every fold."""

    preprocessor = None

    def __init__(self, X: NDArray[Any]) -> None:
        self._X = X
        self.n_rows = len(X)
        self.dtype = str(X.dtype)

    def matrix(self, train: NDArray[np.int64] | None) -> NDArray[Any]:
        return self._X

    def encoder(self, train: NDArray[np.int64]) -> None:
        return None


class TableInputs(Inputs):
    """A data frame with categories, dates or gaps: encoded by what the training rows of each fold show."""

    dtype = "float32"

    def __init__(self, frame: pd.DataFrame, weight: NDArray[np.float64] | None) -> None:
        self._frame = frame
        self._weight = weight
        self.n_rows = len(frame)
        self.preprocessor = Preprocessor().fit(frame, weight)
        self._encoders: dict[bytes, Preprocessor] = {}

    def matrix(self, train: NDArray[np.int64] | None) -> NDArray[Any]:
        assert self.preprocessor is not None
        if train is None:
            return self.preprocessor.transform(self._frame)
        return self.encoder(train).transform(self._frame)

    def encoder(self, train: NDArray[np.int64]) -> Preprocessor:
        key = train.tobytes()
        if key not in self._encoders:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what it has to say was said when all rows were fitted
                weight = None if self._weight is None else self._weight[train]
                self._encoders[key] = Preprocessor().fit(self._frame.iloc[train], weight)
        return self._encoders[key]


def is_table(X: Any) -> bool:
    """True for a data frame with a column that is not numbers, or with gaps."""
    if not (hasattr(X, "columns") and hasattr(X, "dtypes")):
        return False
    frame = as_pandas(X)
    numeric = all(pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes)
    return not numeric or bool(frame.isna().to_numpy().any())


def inputs_for(
    estimator: BaseEstimator, X: Any, weight: NDArray[np.float64] | None, *, as_table: bool = False
) -> Inputs:
    """Check X and take it in the way its columns need; sets `n_features_in_` and `feature_names_in_`.

    Args:
        estimator: the one that is fitted.
        X: array or data frame.
        weight: (n,) row weights, or None.
        as_table: take a frame of plain numbers as a table too, so that later rows may have gaps.
    """
    if as_table or is_table(X):
        validate_data(estimator, X, skip_check_array=True)
        return TableInputs(as_pandas(X), weight)
    matrix: Any = validate_data(estimator, X, dtype=[np.float64, np.float32])
    return NumberInputs(matrix)


def hash_of(*arrays: NDArray[Any] | None) -> str:
    """SHA-256 of the arrays' shapes and values."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(b"none" if array is None else repr(array.shape).encode() + array.tobytes())
    return digest.hexdigest()
