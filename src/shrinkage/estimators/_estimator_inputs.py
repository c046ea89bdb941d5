"""The inputs of the networks: a matrix of numbers shared by all folds, or a table encoded anew for each."""

from __future__ import annotations

import hashlib
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from shrinkage.tables import Preprocessor, as_numbers, as_pandas, counts_rows, is_code

__all__ = [
    "Inputs",
    "NumberInputs",
    "TableInputs",
    "filled_matrix",
    "hash_of",
    "inputs_for",
    "is_frame",
    "medians_of",
    "table_of",
]


class Inputs(ABC):
    """The estimator's X, as matrices for the networks."""

    n_rows: int
    preprocessor: Preprocessor | None
    """Fitted on all rows; None for a matrix of numbers, which needs none."""

    @abstractmethod
    def matrix(self, train: NDArray[np.int64] | None) -> NDArray[Any]:
        """(N, D) all rows as inputs, what must be fitted being fitted on the rows `train` alone (None for all)."""

    @abstractmethod
    def encoder(self, train: NDArray[np.int64]) -> Preprocessor | None:
        """The encoder of `matrix`, to encode other rows; None for a matrix of numbers."""


class NumberInputs(Inputs):
    """A numeric array or data frame without gaps: the same matrix for every fold."""

    preprocessor = None

    def __init__(self, X: NDArray[Any]) -> None:
        self._X = X
        self.n_rows = len(X)

    def matrix(self, train: NDArray[np.int64] | None) -> NDArray[Any]:
        return self._X

    def encoder(self, train: NDArray[np.int64]) -> None:
        return None


class TableInputs(Inputs):
    """A table with categories, dates or gaps: encoded by what the training rows of each fold show."""

    def __init__(
        self, frame: pd.DataFrame, weight: NDArray[np.float64] | None, keep_columns: Sequence[str] = ()
    ) -> None:
        self._frame = frame
        self._weight = weight
        self._keep = keep_columns
        self.n_rows = len(frame)
        self.preprocessor = Preprocessor(keep_columns=keep_columns).fit(frame, weight)
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
                warnings.simplefilter("ignore")  # its notes were given when all rows were fitted
                weight = None if self._weight is None else self._weight[train]
                fold = Preprocessor(keep_columns=self._keep)
                self._encoders[key] = fold.fit(self._frame.iloc[train], weight, whole=self.preprocessor)
        return self._encoders[key]


def is_frame(X: Any) -> bool:
    """True for a pandas or polars data frame."""
    return hasattr(X, "columns") and hasattr(X, "dtypes")


def is_table(X: Any) -> bool:
    """True for a data frame with a column that is not numbers, or with gaps, or that holds codes or numbers its rows."""
    if not is_frame(X):
        return False
    frame = as_pandas(X)
    numeric = all(pd.api.types.is_numeric_dtype(dtype) and dtype.kind != "c" for dtype in frame.dtypes)
    return (
        not numeric
        or bool(frame.isna().to_numpy().any())
        or any(counts_rows(str(n), x) or is_code(str(n), x) for n, x in frame.items())
    )


def array_table(X: Any) -> pd.DataFrame | None:
    """An array of objects, or one with gaps, as a frame, its columns called x0, x1, …; None for plain numbers."""
    if not isinstance(X, np.ndarray) or X.ndim != 2 or X.dtype.kind not in "OUf" or not X.size:
        return None
    if X.dtype.kind == "f" and not np.isnan(X).any():
        return None
    frame = pd.DataFrame(
        X.astype(object) if X.dtype.kind == "U" else X, columns=column_names(X.shape[1])
    ).infer_objects()
    plain = (
        all(pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes)
        and not frame.isna().to_numpy().any()
    )
    return None if plain else frame


def column_names(n: int) -> list[str]:
    """Names for the columns of an array."""
    return [f"x{i}" for i in range(n)]


def inputs_for(
    estimator: BaseEstimator,
    X: Any,
    weight: NDArray[np.float64] | None,
    *,
    as_table: bool = False,
    keep_columns: Sequence[str] = (),
) -> Inputs:
    """Check X and take it in the way its columns need; sets `n_features_in_` and `feature_names_in_`.

    Args:
        estimator: the one that is fitted.
        X: array or data frame.
        weight: (n,) row weights, or None.
        as_table: take a frame of plain numbers as a table too.
        keep_columns: columns that are used although they number the rows.
    """
    if as_table or is_table(X):
        validate_data(estimator, X, skip_check_array=True)
        return TableInputs(as_pandas(X), weight, keep_columns)
    if (frame := array_table(X)) is not None:
        validate_data(estimator, X, skip_check_array=True)
        return TableInputs(frame, weight, keep_columns)
    matrix: Any = validate_data(estimator, X, dtype=[np.float64, np.float32], accept_sparse="csr")
    return NumberInputs(dense(matrix))


def dense(matrix: Any) -> NDArray[Any]:
    """A sparse matrix as an array: the networks standardize their inputs, which leaves no zeros."""
    return matrix.toarray() if issparse(matrix) else matrix


def hash_of(*arrays: NDArray[Any] | None) -> str:
    """SHA-256 of the arrays' shapes and values."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(b"none" if array is None else repr(array.shape).encode() + array.tobytes())
    return digest.hexdigest()


def table_of(estimator: BaseEstimator, X: Any) -> Any:
    """New rows for an estimator that was fitted on a table: an array becomes a frame with the names of its columns."""
    if is_frame(X):
        return X
    validate_data(estimator, X, reset=False, skip_check_array=True)
    names = getattr(estimator, "feature_names_in_", None)
    cells = np.asarray(X)
    frame = pd.DataFrame(
        cells.astype(object) if cells.dtype.kind == "U" else cells, columns=column_names(cells.shape[1])
    )
    return (frame if names is None else frame.set_axis(list(names), axis=1)).infer_objects()


def medians_of(X: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """(D,) medians of some rows of X (N, D), a few columns at a time: a copy with a column a line is read in order."""
    seen = slice(None) if len(rows) == len(X) else rows
    medians = np.empty(X.shape[1])
    for start in range(0, len(medians), 8):
        columns = np.array(X[:, start : start + 8].T, order="C")  # always a copy: the median moves its cells
        medians[start : start + 8] = np.median(columns[:, seen], axis=1, overwrite_input=True)
    return medians


def filled_matrix(estimator: BaseEstimator, X: Any, fill: NDArray[np.float64]) -> NDArray[Any]:
    """New rows for an estimator that was fitted on numbers without gaps: gaps become `fill`, text is read as numbers."""
    if is_table(X) or array_table(X) is not None:
        validate_data(estimator, X, reset=False, skip_check_array=True)
        frame = as_pandas(X) if is_frame(X) else array_table(X)
        assert frame is not None
        X = np.column_stack([as_numbers(column, str(name)) for name, column in frame.items()])
        as_floats: Any = {"dtype": np.float64, "ensure_all_finite": "allow-nan"}
        matrix: Any = check_array(X, input_name="X", **as_floats)
    else:
        numbers = [np.float64, np.float32]
        matrix = dense(validate_data(estimator, X, dtype=numbers, accept_sparse="csr", reset=False))
    gaps = np.isnan(matrix)
    return np.where(gaps, fill, matrix) if gaps.any() else matrix
