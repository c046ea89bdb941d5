"""The targets of a fit: what the networks learn, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import RequestError, called, shown
from shrinkage.estimators.given._class_weights import row_weights
from shrinkage.networks import loss_named, quantile_key
from shrinkage.path import Scale, fitted_scale

__all__ = ["OF_VALUES", "Targets", "check_counts", "loss_key", "target_names", "target_scale"]

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


def loss_key(loss: str, quantile: float) -> str:
    """The key of a regressor's loss, which has the quantile's level in it."""
    if loss not in OF_VALUES:
        raise RequestError(f"{called('loss')}: must be one of {', '.join(OF_VALUES)}, got {shown(loss)}.")
    if loss != "quantile":
        return loss
    if (
        isinstance(quantile, bool)
        or not isinstance(quantile, int | float | np.number)
        or not 0 < quantile < 1
    ):
        raise RequestError(
            f"{called('quantile')}: must be a number between 0 and 1, ends excluded, got {shown(quantile)}."
        )
    return quantile_key(float(quantile))


def check_counts(Y: NDArray[Any], seen: NDArray[np.int64]) -> None:
    """Raise for targets (N, C) that no Poisson mean could have, in rows of positive weight."""
    wrong = seen[(Y[seen] < 0).any(axis=1)]
    if len(wrong):
        row = int(wrong[0])
        raise RequestError(
            f"y: {called('loss', 'poisson')} is of counts or rates, which must be >= 0; {len(wrong):,} of "
            f"{len(seen):,} rows are not, the first being row {row} with {float(Y[row].min()):g}. Use "
            "another loss, or correct the rows."
        )


def target_scale(
    loss: str, Y: NDArray[Any], rows: NDArray[np.int64], weight: NDArray[np.float64] | None
) -> Scale | None:
    """What the networks' targets are standardized by: mean and standard deviation of some rows, of counts the mean.

    None for classes.
    """
    if loss_named(loss).of_classes:
        return None
    if (
        loss == "poisson"
    ):  # a count's zero can't move: the loss of y/m is that of y divided by m, with log m added to the outputs
        mean = np.average(Y[rows], axis=0, weights=None if weight is None else weight[rows])
        return Scale(np.zeros_like(mean), np.where(mean > 0, mean, 1.0))
    return fitted_scale(Y, rows, weight)


def target_names(given: Any, y: NDArray[Any]) -> tuple[str, ...]:
    """What the targets are called: the names of a frame's columns or of a series, else `target`."""
    if hasattr(given, "columns"):
        return tuple(str(name) for name in given.columns)
    if getattr(given, "name", None) is not None:
        return (str(given.name),)
    count = y.shape[1] if y.ndim == 2 else 1
    return ("target",) if count == 1 else tuple(f"target {j + 1}" for j in range(count))
