"""What the training rows fix of each column (offset, levels, date parts), and the encoder built from that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from shrinkage.tables._source_table import column_of
from shrinkage.tables.learn._cell_values import (
    booleans,
    date_parts,
    dates,
    level_texts,
    numbers,
    refuse_too_large,
)
from shrinkage.tables.learn._columns import Column, described, flat, kinds_of, left_out

__all__ = ["feature_names", "fitted_encoder", "learned_columns", "width"]

Floats = NDArray[np.float64]

RAREST = 0.001
"""A level of a category with a smaller share of the training rows has no input of its own."""

FAR = 1000.0
"""A number whose median is so many standard deviations from 0 is shifted, or float32 would cut its digits."""


def learned_columns(frame: pd.DataFrame, weights: Floats, max_levels: int) -> Iterator[Column]:
    """Each column of the training rows with all that is fixed on them."""
    forms = {name: flat(column_of(frame, name)) for name in frame.columns}
    texts = {
        name: values if form == "text" else values.map(str, na_action="ignore")
        for name, (form, values) in forms.items()
        if form in ("text", "mixed") and values.notna().any()
    }
    kinds = kinds_of(pd.DataFrame(texts, index=frame.index))
    for name, (form, values) in forms.items():
        yield _learned(described(name, form, values, kinds.get(name, "")), values, weights, max_levels)


def _learned(column: Column, values: pd.Series, weights: Floats, max_levels: int) -> Column:
    if not column.used:
        return column
    if column.kind == "category":
        levels, rare = _levels(level_texts(values), weights, max_levels)
        if not levels:
            return left_out(
                column.name, "text", f"{rare:,} values, each in under 0.1 % of the rows", column.missing
            )
        return replace(column, levels=levels, rare=rare)
    if column.kind == "boolean":
        return replace(column, missing=int(np.isnan(booleans(values)).sum()))
    if column.kind == "number":
        found = numbers(values)
        refuse_too_large(found, column)
        return replace(column, missing=int(np.isnan(found).sum()), offset=_offset(found, weights))
    parts = date_parts(dates(values, column.format))
    missing = int(np.isnan(parts["day number"]).sum())
    varying = tuple(name for name, part in parts.items() if len(np.unique(part[~np.isnan(part)])) > 1)
    if not varying and not missing:
        return left_out(column.name, "constant", "one date in all training rows", 0)
    return replace(column, missing=missing, parts=varying or ("day number",))


def _offset(values: Floats, weights: Floats) -> float:
    present = np.isfinite(values)
    center = _weighted_median(values, weights)
    mean = np.average(values[present], weights=weights[present])
    with np.errstate(over="ignore"):
        spread = np.sqrt(np.average((values[present] - mean) ** 2, weights=weights[present]))
    return center if abs(center) > FAR * spread else 0.0


def _levels(texts: NDArray[np.object_], weights: Floats, most: int) -> tuple[tuple[str, ...], int]:
    """The levels with an input of their own, heaviest first (then by name), and the number of the others."""
    places, different = pd.factorize(texts)
    totals = np.bincount(places[places >= 0], weights=weights[places >= 0], minlength=len(different))
    ordered = sorted(zip(totals, different, strict=True), key=lambda pair: (-pair[0], pair[1]))
    kept = [level for total, level in ordered[:most] if total >= RAREST * weights.sum()]
    return tuple(kept), len(ordered) - len(kept)


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
                medians = [_weighted_median(matrix[:, place], weights) for place in places]
                encoder.named_transformers_[name].statistics_ = np.asarray(medians)
    return encoder


def width(column: Column) -> int:
    """How many places a column takes in the matrix before it is encoded."""
    return 0 if not column.used else len(column.parts) if column.kind == "date" else 1


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


def _weighted_median(values: Floats, weights: Floats) -> float:
    """The median of the values repeated as often as their weights say, NaN left out."""
    present = ~np.isnan(values)
    order = np.argsort(values[present], kind="stable")
    ordered, heaped = values[present][order], np.cumsum(weights[present][order])
    half = heaped[-1] / 2
    low = ordered[np.searchsorted(heaped, half, side="left")]
    high = ordered[min(np.searchsorted(heaped, half, side="right"), len(ordered) - 1)]
    return float(low / 2 + high / 2)
