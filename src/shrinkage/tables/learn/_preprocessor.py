"""From the columns of a table to the inputs of a network, fixed on the training rows alone."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer

from shrinkage._errors import RequestError, shown
from shrinkage.tables._source_table import column_of
from shrinkage.tables.learn._cell_values import convert_cells
from shrinkage.tables.learn._columns import NUMBERS_ROWS, Column, spelling_hint
from shrinkage.tables.learn._encoder import feature_names, fitted_encoder
from shrinkage.tables.learn._learned_columns import learned_columns
from shrinkage.tables.learn._levels import most_levels
from shrinkage.tables.learn._text_advice import in_python
from shrinkage.tables.read._reading import Reading

__all__ = ["Preprocessor", "as_numbers", "as_pandas"]


class Preprocessor:
    """Turn a frame into the float32 matrix of a network's inputs.

    Numbers: the missing ones become the median, and a further input says where. Categories: one input a level;
    levels beyond `max_levels` or with under 0.1 % of the rows share `(other)`, missing cells have `(missing)`.
    Booleans: 0 and 1. Dates: day number, month, day, weekday, hour, minute, as far as they vary. Times of day: the hour
    and its place in the cycle of a day. Free text and identifiers are left out with a warning.
    Nothing is scaled: a number that is far from 0 is only shifted.
    Text is read as numbers, dates or times of day where it holds these, by the rule that travels with the frame of a
    file or is decided on the frame given to `fit`, on which all else is fixed too.

    Args:
        max_levels: the most inputs that one category gets for its levels, >= 1; None for 500 up to 4,000 rows, down to 50
            from 40,000 rows on.
        keep_columns: names of columns that are used although they number the rows, or as numbers although they are named
            like codes.

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
    _encoder: ColumnTransformer

    def __init__(self, *, max_levels: int | None = None, keep_columns: Sequence[str] = ()) -> None:
        if max_levels is not None and max_levels < 1:
            raise RequestError(f"Preprocessor(max_levels=…): must be >= 1, got {max_levels}.")
        self.max_levels = max_levels
        self.keep_columns = tuple(keep_columns)

    @property
    def readings(self) -> dict[str, Reading]:
        """For each text column, the rule by which it is read; `read_table(…, like=…)` uses them."""
        return {column.name: column.reading for column in self.columns if column.reading is not None}

    @property
    def notes(self) -> list[str]:
        """How each text column of a frame is read, where there was something to decide: one sentence a column."""
        return [in_python(rule.note) for rule in self.readings.values() if rule.note]

    @property
    def marked(self) -> list[int]:
        """Which of the numbers, booleans, dates and times have an input that marks gaps."""
        if not hasattr(self._encoder.named_transformers_["numbers"], "indicator_"):
            return []
        return [int(place) for place in self._encoder.named_transformers_["numbers"].indicator_.features_]

    def fills(self, which: Literal["numbers", "parts"]) -> list[float]:
        """Value that replaces a missing cell, for each number and further part of a date."""
        return [float(fill) for fill in getattr(self._encoder.named_transformers_[which], "statistics_", [])]

    def fit(self, frame: Any, sample_weight: Any = None, *, whole: Preprocessor | None = None) -> Self:
        """Fix kinds, medians and levels on the rows of `frame`.

        Args:
            frame: a pandas or polars data frame, n >= 1 rows.
            sample_weight: (n,) weights >= 0; in medians, levels and offsets weight 2 counts as the row
                twice; weight 0 is no row at all.
            whole: fitted on all rows of a table of which `frame` is a part: what it found of how columns are read,
                and which are identifiers, holds here too.

        Raises:
            RequestError: infinite numbers, repeated column names, or no column left to use.
        """
        frame = as_pandas(frame)
        weights = _weights(sample_weight, len(frame))
        frame, weights = frame[weights > 0], weights[weights > 0]
        if not len(frame):
            raise RequestError("Preprocessor.fit: there are no rows (or none with a weight above 0).")
        if absent := [shown(name) for name in self.keep_columns if name not in frame.columns]:
            raise RequestError(f"There is no column {', '.join(absent)} to keep.")
        known = None if whole is None else {column.name: column for column in whole.columns}
        most = most_levels(len(frame)) if self.max_levels is None else self.max_levels
        columns, notes = learned_columns(frame, weights, most, self.keep_columns, known)
        if not any(column.used for column in columns):
            reasons = "; ".join(f"{shown(column.name)}: {column.reason}" for column in columns[:10])
            raise RequestError(f"No column is left to learn from ({reasons or 'the table has none'}).")
        encoder = fitted_encoder(columns, _matrix(frame, columns), weights)
        self.columns, self._encoder = columns, encoder
        self.feature_names_out = list(feature_names(columns, encoder))
        for sentence in notes:
            warnings.warn(sentence, stacklevel=2)
        _warn_of_left_out(columns)
        return self

    @classmethod
    def of_numbers(cls, names: Sequence[str], fill: NDArray[np.float64]) -> Self:
        """The preprocessor of columns of plain numbers, which takes them as they are.

        Args:
            names: of the columns.
            fill: (D,) what a gap becomes in each.
        """
        made, weights = cls(), np.ones(1)
        made.columns = tuple(Column(name=name, kind="number", used=True) for name in names)
        made._encoder = fitted_encoder(made.columns, np.asarray(fill, np.float64)[None], weights)
        made.feature_names_out = list(feature_names(made.columns, made._encoder))
        return made

    def transform(self, frame: Any) -> NDArray[np.float32]:
        """The inputs for the rows of `frame`, in their order.

        Args:
            frame: a data frame with the columns used, in any order; further ones are ignored. Unseen levels
                and missing cells are fine; a word among numbers counts as missing, with a warning. Or an array of all
                columns in the order of the training rows.

        Returns:
            (n, D) float32, C-contiguous, finite.

        Raises:
            RequestError: a column is missing or appears twice, or a number is infinite.
        """
        if not hasattr(self, "_encoder"):
            raise RequestError("Preprocessor.transform: nothing was fitted yet; call fit(frame) first.")
        matrix = _matrix(self._as_frame(frame), self.columns)
        if not len(matrix):
            return np.empty((0, len(self.feature_names_out)), dtype=np.float32)
        return np.ascontiguousarray(self._encoder.transform(matrix), dtype=np.float32)

    def _as_frame(self, frame: Any) -> pd.DataFrame:
        """Rows as a frame; the columns of an array are those of the training rows."""
        if not isinstance(frame, np.ndarray):
            return as_pandas(frame)
        names = [column.name for column in self.columns]
        if frame.ndim != 2 or frame.shape[1] != len(names):
            raise RequestError(
                f"The model takes {len(names)} columns, or a data frame with them, got an array of shape {frame.shape}."
            )
        return pd.DataFrame(frame, columns=names).infer_objects()


def as_pandas(frame: Any) -> pd.DataFrame:
    """A pandas frame with text as column names, from pandas or polars; its index counts the rows."""
    if not isinstance(frame, pd.DataFrame):
        if not hasattr(frame, "to_pandas"):
            raise RequestError(f"A table must be a pandas or polars data frame, got {type(frame).__name__}.")
        frame = frame.to_pandas()
    attrs = frame.attrs
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1).reset_index(drop=True)
    frame.attrs = attrs
    if repeated := frame.columns[frame.columns.duplicated()].unique().tolist():
        names = ", ".join(shown(name) for name in repeated[:10])
        raise RequestError(f"Column names appear more than once: {names}. Rename or remove them.")
    return frame


def as_numbers(values: pd.Series, name: str) -> NDArray[np.float64]:
    """A column of new rows for a network that was trained on numbers there: (n,) float64, NaN for a gap."""
    return convert_cells(values, Column(name=name, kind="number", used=True))[0]


def _weights(sample_weight: Any, n: int) -> NDArray[np.float64]:
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise RequestError(
            f"Preprocessor.fit(sample_weight=…): must be {n} finite numbers >= 0, one per row."
        )
    return weights


def _matrix(frame: pd.DataFrame, columns: tuple[Column, ...]) -> NDArray[np.float64]:
    """(n, P): a column for each number, boolean, date part and category, before imputing and encoding."""
    used = [column for column in columns if column.used]
    if absent := [column.name for column in used if column.name not in frame.columns]:
        named = ", ".join(f"{shown(name)}{spelling_hint(name, frame.columns)}" for name in absent)
        raise RequestError(
            f"{'Column' if len(absent) == 1 else 'Columns'} {named} missing: the network was "
            "trained with them. Where a row has no value, leave the cell empty."
        )
    return np.column_stack([part for c in used for part in convert_cells(column_of(frame, c.name), c)])


def _warn_of_left_out(columns: tuple[Column, ...]) -> None:
    left_out = [f"{shown(c.name)} ({c.reason})" for c in columns if c.kind in ("text", "id")]
    if left_out:
        kept = " keep_columns (--keep-columns) keeps row numbers." if NUMBERS_ROWS in str(left_out) else ""
        warnings.warn(f"Left out: {', '.join(left_out)}.{kept}", stacklevel=3)
