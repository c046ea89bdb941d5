"""Logistic, softmax, Poisson and Huber regression under L2: one λ after the other, each from the minimum before it.

Axes: n rows, I inputs, C outputs, L λs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

__all__ = ["smooth_path"]

STEPS = 150
TOLERANCE = 1e-7
"""Largest slope of the mean error at which a minimum counts as reached."""
FARTHEST = 1e3
"""Largest |w| and |b|: where λ = 0 and the classes can be separated, the error has no minimum, only an infimum."""


class Smooth(Protocol):
    """A loss whose slope has no jumps."""

    def of_rows(self, z: Tensor, Y: Tensor) -> Tensor: ...
    def slope_(self, out: Tensor, z: Tensor, Y: Tensor) -> None: ...


def smooth_path(
    X: Tensor, Y: Tensor, s: Tensor, lambdas: Sequence[float], loss: Smooth
) -> tuple[Tensor, Tensor]:
    """The minima of `J = (1/n) Σ sᵢ lossᵢ + (λ/2) ‖W‖²`: W (L, I, C) and b (L, C), biases exempt.

    By L-BFGS with bounds, from the strongest λ to the weakest.

    Args:
        X: (n, I), float64.
        Y: (n, C), as the loss wants them.
        s: (n,) weights of mean 1.
        lambdas: (L,) ≥ 0.
        loss: with a slope that has no jumps.

    Reference: Zhu, Byrd, Lu and Nocedal, ACM TOMS 1997, algorithm 778.
    """
    (n, I), C = X.shape, Y.shape[1]  # noqa: E741
    slope = torch.zeros_like(Y)

    def objective(flat: np.ndarray, lam: float) -> tuple[float, np.ndarray]:
        W, b = _parts(torch.from_numpy(flat), I, C)
        z = X @ W + b
        loss.slope_(slope, z, Y)
        delta = slope * (s / n)[:, None]
        value = (s * loss.of_rows(z.mT, Y.mT)).sum() / n + lam / 2 * W.square().sum()
        grad = torch.cat([(X.T @ delta + lam * W).flatten(), delta.sum(0)])
        return float(value), grad.numpy()

    order = np.argsort(lambdas)[::-1]
    found = torch.zeros(len(lambdas), (I + 1) * C, dtype=torch.float64)
    start = np.zeros((I + 1) * C)
    for place in order:
        result = minimize(
            objective,
            start,
            args=(float(lambdas[place]),),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-FARTHEST, FARTHEST)] * len(start),
            options={"maxiter": STEPS, "gtol": TOLERANCE, "ftol": 0.0, "maxcor": 20},
        )
        start = result.x
        found[int(place)] = torch.from_numpy(result.x)
    return found[:, : I * C].view(-1, I, C), found[:, I * C :]


def _parts(flat: Tensor, inputs: int, outputs: int) -> tuple[Tensor, Tensor]:
    return flat[: inputs * outputs].view(inputs, outputs), flat[inputs * outputs :]
