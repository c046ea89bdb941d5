"""From the matrix of numbers and level codes to the inputs: gaps filled and marked, levels one-hot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from shrinkage.tables.learn._columns import Column
from shrinkage.tables.learn._scales import weighted_median

__all__ = ["feature_names", "fitted_encoder", "width"]

Floats = NDArray[np.float64]


def fitted_encoder(columns: tuple[Column, ...], matrix: Floats, weights: Floats) -> ColumnTransformer:
    """Median and missing mark for numbers, booleans and day numbers, median for date parts, one-hot for codes."""
    plain, parts, levels = _layout(columns)
    known: Any = [_codes_in_use(column) for column in columns if column.kind == "category"] or "auto"
    single: Any = np.float32
    one_hot = OneHotEncoder(categories=known, handle_unknown="ignore", sparse_output=False, dtype=single)
    encoder = ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="median", add_indicator=True), plain),
            ("parts", SimpleImputer(strategy="median"), parts),
            ("levels", one_hot, levels),
        ]
    ).fit(matrix)
    if np.ptp(weights) > 0:
        for name, places in (("numbers", plain), ("parts", parts)):
            if places:
                medians = [weighted_median(matrix[:, place], weights) for place in places]
                encoder.named_transformers_[name].statistics_ = np.asarray(medians)
    return encoder


def width(column: Column) -> int:
    """Number of columns that it takes in the matrix before encoding."""
    return 0 if not column.used else len(column.parts) or 1


def _layout(columns: tuple[Column, ...]) -> tuple[list[int], list[int], list[int]]:
    """The places in the matrix of numbers, of further date parts, and of categories."""
    plain: list[int] = []
    parts: list[int] = []
    levels: list[int] = []
    place = 0
    for column in columns:
        if column.used:
            (levels if column.kind == "category" else plain).append(place)
            parts += range(place + 1, place + width(column))
        place += width(column)
    return plain, parts, levels


def _codes_in_use(column: Column) -> Floats:
    k = len(column.levels)
    return np.asarray([*range(k), *([k] if column.rare else []), *([k + 1] if column.missing else [])], float)


def feature_names(columns: tuple[Column, ...], encoder: ColumnTransformer) -> Iterator[str]:
    """The names in the order of the encoder: numbers, their missing marks, date parts, levels."""
    plain = [column for column in columns if column.used and column.kind != "category"]
    names = [f"{column.name}: {column.parts[0]}" if column.parts else column.name for column in plain]
    yield from names
    if plain:
        yield from (
            f"{plain[i].name} (missing)" for i in encoder.named_transformers_["numbers"].indicator_.features_
        )
    for column in plain:
        yield from (f"{column.name}: {part}" for part in column.parts[1:])
    for column in columns:
        if column.kind == "category":
            yield from (f"{column.name}={level}" for level in column.levels)
            yield from [f"{column.name}=(other)"] * bool(column.rare)
            yield from [f"{column.name}=(missing)"] * bool(column.missing)
