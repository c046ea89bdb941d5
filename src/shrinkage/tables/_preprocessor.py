"""From the columns of a table to the inputs of a network, fixed on the training rows alone."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from shrinkage._errors import RequestError, shown
from shrinkage.tables._columns import Column, described, flat, kinds_of
from shrinkage.tables._convert import as_matrix, booleans, codes, date_parts, dates, level_texts, numbers
from shrinkage.tables._table import column_of

__all__ = ["Preprocessor", "as_pandas"]

RAREST = 0.001
"""A level of a category with a smaller share of the training rows has no input of its own."""

FAR = 1000.0
"""A number whose median is so many standard deviations from 0 is shifted, or float32 would cut its digits."""


class Preprocessor:
    """Turn a frame into the float32 matrix of a network's inputs.

    Numbers: the missing ones become the median, and a further input says where. Categories: one input a level;
    levels beyond `max_levels` or with under 0.1 % of the rows share `(other)`, missing cells have `(missing)`.
    Booleans: 0 and 1. Dates: day number, month, day, weekday, hour, minute, as far as they vary. Free text and
    identifiers are left out with a warning. Nothing is scaled: a number that is far from 0 is only shifted.
    Kinds of text columns are skrub's decision; all is fixed on the frame given to `fit`.

    Args:
        max_levels: the most inputs that one category gets for its levels, >= 1.

    Attributes:
        columns: a `Column` for each column of the training frame, in its order.
        feature_names_out: the names of the D inputs, such as `age`, `age (missing)`, `city=Paris`.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"age": [20, None, 40], "smoker": ["no", "yes", "no"]})
        >>> preprocessor = Preprocessor().fit(frame)
        >>> preprocessor.feature_names_out
        ['age', 'smoker', 'age (missing)']
        >>> preprocessor.transform(frame).tolist()
        [[20.0, 0.0, 0.0], [30.0, 1.0, 1.0], [40.0, 0.0, 0.0]]
    """

    columns: tuple[Column, ...]
    feature_names_out: list[str]

    def __init__(self, *, max_levels: int = 50) -> None:
        if max_levels < 1:
            raise RequestError(f"Preprocessor(max_levels=…): must be >= 1, got {max_levels}.")
        self.max_levels = max_levels

    def fit(self, frame: Any, sample_weight: Any = None) -> Self:
        """Fix kinds, medians and levels on the rows of `frame`.

        Args:
            frame: a pandas or polars data frame, n >= 1 rows.
            sample_weight: (n,) weights >= 0; weight 2 counts as the row twice, weight 0 as no row.

        Raises:
            RequestError: infinite numbers, repeated column names, or no column left to use.
        """
        frame = as_pandas(frame)
        weights = _weights(sample_weight, len(frame))
        rows = weights > 0
        frame, weights = frame[rows], weights[rows]
        if not len(frame):
            raise RequestError("Preprocessor.fit: there are no rows (or none with a weight above 0).")
        columns = [
            self._learned(column, column_of(frame, column.name), weights) for column in _described(frame)
        ]
        self.columns = tuple(columns)
        if not any(column.used for column in columns):
            reasons = "; ".join(f"{shown(column.name)}: {column.reason}" for column in columns[:10])
            raise RequestError(f"No column is left to learn from ({reasons or 'the table has none'}).")
        self._encoder = self._fitted_encoder(frame, weights)
        self.feature_names_out = list(_feature_names(self.columns, self._encoder))
        _warn_of_left_out(self.columns)
        return self

    def transform(self, frame: Any) -> NDArray[np.float32]:
        """The inputs for the rows of `frame`, in their order.

        Args:
            frame: a data frame with the columns used, in any order; further ones are ignored. Unseen levels
                and missing cells are fine; a word among numbers counts as missing, with a warning.

        Returns:
            (n, D) float32, C-contiguous, finite.

        Raises:
            RequestError: a column is missing or appears twice, or a number is infinite.
        """
        if not hasattr(self, "_encoder"):
            raise RequestError("Preprocessor.transform: nothing was fitted yet; call fit(frame) first.")
        matrix = self._encoder.transform(self._matrix(as_pandas(frame)))
        return np.ascontiguousarray(matrix, dtype=np.float32)

    def _learned(self, column: Column, values: pd.Series, weights: NDArray[np.float64]) -> Column:
        """The column with what its training rows fix: offset, levels or parts."""
        if column.kind == "number":
            return replace(column, offset=_offset(numbers(values, column)))
        if column.kind == "category":
            kept, rare = _levels(level_texts(values), weights, self.max_levels)
            return replace(column, levels=kept, rare=rare)
        if column.kind == "date":
            parts = date_parts(dates(values, column))
            varying = tuple(name for name, part in parts.items() if len(np.unique(part[~np.isnan(part)])) > 1)
            if not varying and not column.missing:
                return replace(column, kind="constant", used=False, reason="one date in all training rows")
            return replace(column, parts=varying or ("day number",))
        return column

    def _matrix(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """(n, P) one column a number, boolean, date part or category, before imputing and encoding."""
        used = [column for column in self.columns if column.used]
        if absent := [shown(column.name) for column in used if column.name not in frame.columns]:
            raise RequestError(
                f"{'Column' if len(absent) == 1 else 'Columns'} {', '.join(absent)} missing: "
                "the network was trained with them. Rows without a value may leave the cell empty."
            )
        found: list[NDArray[np.float64]] = []
        for column in used:
            found += _converted(column_of(frame, column.name), column)
        return as_matrix(found, len(frame))

    def _fitted_encoder(self, frame: pd.DataFrame, weights: NDArray[np.float64]) -> ColumnTransformer:
        plain, parts, levels, categories = _layout(self.columns)
        matrix = self._matrix(frame)
        known: Any = categories or "auto"
        single: Any = np.float32
        encoder = ColumnTransformer(
            [
                ("numbers", SimpleImputer(strategy="median", add_indicator=True), plain),
                ("parts", SimpleImputer(strategy="median"), parts),
                (
                    "levels",
                    OneHotEncoder(
                        categories=known,
                        handle_unknown="ignore",
                        sparse_output=False,
                        dtype=single,
                    ),
                    levels,
                ),
            ]
        ).fit(matrix)
        if np.ptp(weights) > 0:
            for name, places in (("numbers", plain), ("parts", parts)):
                if places:
                    encoder.named_transformers_[name].statistics_ = np.asarray(
                        [_weighted_median(matrix[:, place], weights) for place in places]
                    )
        return encoder


def as_pandas(frame: Any) -> pd.DataFrame:
    """A pandas frame with text as column names, from pandas or polars; its index counts the rows."""
    if not isinstance(frame, pd.DataFrame):
        if not hasattr(frame, "to_pandas"):
            raise RequestError(f"A table must be a pandas or polars data frame, got {type(frame).__name__}.")
        frame = frame.to_pandas()
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1).reset_index(drop=True)
    if repeated := frame.columns[frame.columns.duplicated()].unique().tolist():
        names = ", ".join(shown(name) for name in repeated[:10])
        raise RequestError(f"Column names appear more than once: {names}. Rename or remove them.")
    return frame


def _weights(sample_weight: Any, n: int) -> NDArray[np.float64]:
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise RequestError(f"Preprocessor.fit(sample_weight=…): must be {n} finite numbers >= 0, one a row.")
    return weights


def _described(frame: pd.DataFrame) -> Iterator[Column]:
    forms = {name: flat(column_of(frame, name)) for name in frame.columns}
    texts = {
        name: values.astype(object)
        for name, (form, values) in forms.items()
        if form == "text" and values.notna().any()
    }
    kinds = kinds_of(pd.DataFrame(texts, index=frame.index))
    for name, (form, values) in forms.items():
        yield described(name, form, values, kinds.get(name, ""))


def _offset(values: NDArray[np.float64]) -> float:
    present = values[~np.isnan(values)]
    with np.errstate(over="ignore"):
        center, spread = float(np.median(present)), float(np.std(present))
    return center if abs(center) > FAR * spread else 0.0


def _levels(
    texts: NDArray[np.object_], weights: NDArray[np.float64], most: int
) -> tuple[tuple[str, ...], int]:
    """The levels with an input of their own, heaviest first (then by name), and the number of the others."""
    places, different = pd.factorize(texts)
    totals = np.bincount(places[places >= 0], weights=weights[places >= 0], minlength=len(different))
    ordered = sorted(zip(totals, different, strict=True), key=lambda pair: (-pair[0], pair[1]))
    kept = [level for total, level in ordered[:most] if total >= RAREST * weights.sum()]
    return tuple(kept), len(ordered) - len(kept)


def _converted(values: pd.Series, column: Column) -> list[NDArray[np.float64]]:
    if column.kind == "category":
        return [codes(level_texts(values), column)]
    if column.kind == "boolean":
        return [booleans(values, column)]
    if column.kind == "number":
        return [numbers(values, column)]
    parts = date_parts(dates(values, column))
    return [parts[part] for part in column.parts]


def _layout(columns: tuple[Column, ...]) -> tuple[list[int], list[int], list[int], list[NDArray[np.float64]]]:
    """The places in the matrix of numbers, of further date parts, and of categories with their codes."""
    plain: list[int] = []
    parts: list[int] = []
    levels: list[int] = []
    categories: list[NDArray[np.float64]] = []
    place = 0
    for column in columns:
        if not column.used:
            continue
        if column.kind == "category":
            levels.append(place)
            categories.append(_codes_in_use(column))
        elif column.kind == "date":
            plain.append(place)
            parts += range(place + 1, place + len(column.parts))
        else:
            plain.append(place)
        place += len(column.parts) if column.kind == "date" else 1
    return plain, parts, levels, categories


def _codes_in_use(column: Column) -> NDArray[np.float64]:
    k = len(column.levels)
    return np.asarray(
        [*range(k), *([k] if column.rare else []), *([k + 1] if column.missing else [])], dtype=float
    )


def _feature_names(columns: tuple[Column, ...], encoder: ColumnTransformer) -> Iterator[str]:
    """The names in the order of the encoder: numbers, their missing marks, date parts, levels."""
    used = [column for column in columns if column.used]
    first = [column for column in used if column.kind != "category"]
    names = [f"{c.name}: {c.parts[0]}" if c.kind == "date" else c.name for c in first]
    yield from names
    if first:
        marked = encoder.named_transformers_["numbers"].indicator_.features_
        yield from (f"{first[i].name} (missing)" for i in marked)
    for column in first:
        yield from (f"{column.name}: {part}" for part in column.parts[1:])
    for column in used:
        if column.kind == "category":
            yield from (f"{column.name}={level}" for level in column.levels)
            yield from [f"{column.name}=(other)"] * bool(column.rare)
            yield from [f"{column.name}=(missing)"] * bool(column.missing)


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The median of the values repeated as often as their weights say, NaN left out."""
    present = ~np.isnan(values)
    order = np.argsort(values[present], kind="stable")
    ordered, heaped = values[present][order], np.cumsum(weights[present][order])
    half = heaped[-1] / 2
    low = ordered[np.searchsorted(heaped, half, side="left")]
    high = ordered[min(np.searchsorted(heaped, half, side="right"), len(ordered) - 1)]
    return float((low + high) / 2)


def _warn_of_left_out(columns: tuple[Column, ...]) -> None:
    left_out = [f"{shown(c.name)} ({c.reason})" for c in columns if c.kind in ("text", "id")]
    if left_out:
        warnings.warn(f"Left out: {', '.join(left_out)}.", stacklevel=3)
