"""Linear models of values under another loss than squares: the rivals of networks under the same one.

Axes: n rows, D inputs, C outputs, M strengths.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shrinkage.networks import Loss, loss_named
from shrinkage.training import smooth_path

__all__ = ["OF_VALUES", "linear_values"]

Floats = NDArray[np.float64]

OF_VALUES = {
    "absolute_error": "median regression",
    "huber": "Huber regression",
    "quantile": "quantile regression",
    "poisson": "Poisson regression",
    "multilabel": "logistic regression of each label",
}
"""Their names, by the loss."""
ROUNDED_OVER = 0.01
"""Width, in standard deviations of the target, over which a kink is rounded: it costs at most half of that in loss."""


class _Rounded:
    """An absolute error or a pinball loss whose kink is rounded, so that descent finds the minimum of its mean.

    `w|r| + (½ − q)r` with |r| replaced by r²/(2ε) + ε/2 within ε; w is ½ for a quantile q, and 1, with q = ½, for the
    absolute error. Several quantiles have a q an output.
    """

    def __init__(self, loss: Loss) -> None:
        levels = loss.levels or ((loss.level,) if 0 < loss.level < 1 else ())
        self.w = 0.5 if levels else 1.0
        self.tilt = 0.5 - torch.tensor(levels or (0.5,), dtype=torch.float64)

    def of_rows(self, z: Tensor, Y: Tensor) -> Tensor:
        r = z - Y
        size = torch.where(
            r.abs() < ROUNDED_OVER, r.square() / (2 * ROUNDED_OVER) + ROUNDED_OVER / 2, r.abs()
        )
        return (self.w * size + self.tilt[:, None] * r).mean(-2)

    def slope_(self, out: Tensor, z: Tensor, Y: Tensor) -> None:
        r = z - Y
        out.copy_((self.w * (r / ROUNDED_OVER).clamp(-1, 1) + self.tilt) / Y.shape[-1])


def linear_values(loss: str, train: tuple[Floats, Floats, Floats], X: Floats, lambdas: Floats) -> Floats:
    """(M, m, C) what linear models predict for rows X (m, D), in the units of the training targets.

    Args:
        loss: its key; not the squared error, which ridge regression serves.
        train: inputs (n, D), targets (n, C) and weights (n,) of mean 1.
        X: standardized as the training rows are.
        lambdas: (M,) strengths, J = (1/n) Σ lossᵢ + (λ/2) Σ w², the intercept exempt.
    """
    of_rows = loss_named(loss)
    inputs, targets, weight = (torch.from_numpy(np.ascontiguousarray(each)) for each in train)
    descended = of_rows if of_rows.is_smooth else _Rounded(of_rows)
    W, b = smooth_path(inputs, targets, weight, list(lambdas), descended)
    return of_rows.predict(torch.from_numpy(X) @ W + b[:, None]).numpy()
