"""The losses of predicted values, as the networks count them: in units of the standardized target."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from shrinkage.networks import loss_named
from shrinkage.path import Scale

__all__ = ["best_constant", "losses_of_values"]

Floats = NDArray[np.float64]


def losses_of_values(loss: str, predicted: Floats, Y: Floats, y_scale: Scale | None) -> Floats:
    """(n,) the loss of each row.

    Args:
        loss: its key.
        predicted: (n, C) values in the targets' units.
        Y: (n, C) the targets.
        y_scale: what the networks' targets are standardized by, or None.
    """
    if y_scale is not None:
        predicted, Y = y_scale.standardize(predicted), y_scale.standardize(Y)
    of_rows = loss_named(loss)
    z = of_rows.link(_tensor(predicted))
    return of_rows.of_rows(z.mT, _tensor(Y).mT).numpy()


def best_constant(loss: str, Y: Floats, weight: Floats, y_scale: Scale | None) -> Floats:
    """(C,) the constant of the smallest mean loss on rows Y (n, C) of these weights (n,), in the targets' units."""
    Y = Y if y_scale is None else y_scale.standardize(Y)
    found = loss_named(loss).best_constant(_tensor(Y), _tensor(weight)).numpy()
    return found if y_scale is None else y_scale.restore(found)


def _tensor(array: Floats) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float64))
