"""The targets of a fit: what the networks learn, and what they are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import RequestError, called, shown
from shrinkage.estimators._estimator_inputs import is_frame
from shrinkage.estimators.given._class_weights import row_weights
from shrinkage.networks import loss_named, quantile_key
from shrinkage.path import Scale, fitted_scale
from shrinkage.tables import Reading, Task, alike_levels, as_pandas, number_advice, possible_leaks

__all__ = [
    "OF_VALUES",
    "Targets",
    "check_counts",
    "loss_key",
    "notes_on_target",
    "outputs_learned",
    "target_names",
    "target_scale",
    "text_target",
]

OF_VALUES = ("squared_error", "absolute_error", "huber", "poisson", "quantile")
"""Valid values of a regressor's `loss=`."""


@dataclass(frozen=True)
class Targets:
    """The targets as the networks learn them."""

    Y: NDArray[Any]
    """(N, C)"""
    loss: str
    class_weight: NDArray[np.float64] | str | None = None
    """As returned by `checked_class_weight`."""

    def weights(
        self, weight: NDArray[np.float64] | None, train: NDArray[np.int64]
    ) -> NDArray[np.float64] | None:
        """(N,) of the rows, those of their classes among the training rows included."""
        return row_weights(self.class_weight, self.Y, weight, train)


def loss_key(loss: str, quantile: Any) -> str:
    """The key of a regressor's loss, which has the levels of its quantiles in it."""
    if loss not in OF_VALUES:
        raise RequestError(f"{called('loss')}: must be one of {', '.join(OF_VALUES)}, got {shown(loss)}.")
    if loss != "quantile":
        return loss
    levels = [quantile] if np.ndim(quantile) == 0 else list(quantile)
    for level in levels:
        if isinstance(level, bool) or not isinstance(level, int | float | np.number) or not 0 < level < 1:
            raise RequestError(
                f"{called('quantile')}: must be a number between 0 and 1, ends excluded, or a list of such "
                f"numbers, got {shown(level)}."
            )
    if not levels or any(low >= high for low, high in pairwise(levels)):
        raise RequestError(
            f"{called('quantile')}: several levels must be different and ascend, as the columns of the "
            f"predictions do, got {shown(quantile)}."
        )
    return quantile_key(*map(float, levels))


def outputs_learned(Y: NDArray[Any], loss: str) -> NDArray[Any]:
    """(N, C) what the outputs learn of values Y (N, k): the values, or for several quantiles one target Q times."""
    levels = loss_named(loss).levels
    if not levels:
        return Y
    if Y.shape[1] != 1:
        raise RequestError(
            f"{called('quantile')}: several levels are possible for one target, got {Y.shape[1]}. Give one "
            "level, or fit each target by itself."
        )
    return np.repeat(Y, len(levels), axis=1)


def check_counts(Y: NDArray[Any], seen: NDArray[np.int64]) -> None:
    """Raise for targets (N, C) that no Poisson mean could have, in rows of positive weight."""
    wrong = seen[(Y[seen] < 0).any(axis=1)]
    if len(wrong):
        row = int(wrong[0])
        raise RequestError(
            f"y: {called('loss', 'poisson')} is of counts or rates, which must be >= 0; {len(wrong):,} of "
            f"{len(seen):,} rows are not, the first being row {row} (counted from 0) with {float(Y[row].min()):g}. Use "
            "another loss, or correct the rows."
        )


def target_scale(
    loss: str, Y: NDArray[Any], rows: NDArray[np.int64], weight: NDArray[np.float64] | None
) -> Scale | None:
    """What the networks' targets are standardized by: mean and standard deviation of some rows, of counts the mean.

    None for classes and labels.
    """
    if loss_named(loss).of_classes or loss_named(loss).of_labels:
        return None
    if (
        loss == "poisson"
    ):  # a count's zero can't move: the loss of y/m is that of y divided by m, with log m added to the outputs
        mean = np.average(Y[rows], axis=0, weights=None if weight is None else weight[rows])
        return Scale(np.zeros_like(mean), np.where(mean > 0, mean, 1.0))
    if levels := loss_named(loss).levels:
        # One scale to the last bit: else rounding could make quantiles cross.
        one = fitted_scale(Y[:, :1], rows, weight)
        return Scale(np.repeat(one.shift, len(levels)), np.repeat(one.scale, len(levels)))
    return fitted_scale(Y, rows, weight)


def notes_on_target(X: Any, y: Any, task: Task, rules: Mapping[str, Reading] | None) -> Iterator[str]:
    """What the rows show of the target: columns that may leak it, and classes that differ by their spelling alone.

    Args:
        X: as given to `fit`.
        y: the targets.
        task: `classification` or `regression`.
        rules: by which the columns of a frame were read.
    """
    if np.ndim(y) != 1:
        return
    name = getattr(y, "name", None)
    if is_frame(X):
        yield from map(str, possible_leaks(as_pandas(X), np.asarray(y), task, name or "y", rules))
    if task == "classification" and np.asarray(y).dtype.kind in "OUT":
        yield from filter(None, [alike_levels("y" if name is None else f"Target {shown(name)}", y)])


def text_target(y: Any) -> str:
    """The sentence that refuses text as values, with what turns it into the numbers that it stands for."""
    values: Any = pd.Series(np.ravel(np.asarray(y, dtype=object)), name=getattr(y, "name", None))
    numbers: Any = pd.to_numeric(values, errors="coerce")
    text = shown(str(values[numbers.isna() & values.notna()].iloc[0]))
    if way := number_advice(values):
        return f"y: must be numbers, got text such as {text}. Convert it: y = {way}."
    return f"y: must be numbers, got text such as {text}. For classes use MLPClassifierCV."


def target_names(given: Any, y: NDArray[Any]) -> tuple[str, ...]:
    """What the targets are called: the names of a frame's columns or of a series, else `target`."""
    if hasattr(given, "columns"):
        return tuple(str(name) for name in given.columns)
    if getattr(given, "name", None) is not None:
        return (str(given.name),)
    count = y.shape[1] if y.ndim == 2 else 1
    return ("target",) if count == 1 else tuple(f"target {j + 1}" for j in range(count))
