"""The ridge path: linear least squares under L2, for many λs from one decomposition.

Axes: n rows, I inputs, C outputs, L λs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["ridge_path"]


def ridge_path(X: Tensor, Y: Tensor, s: Tensor, lambdas: Sequence[float]) -> tuple[Tensor, Tensor]:
    """The minima of `J = (1/n) Σ sᵢ (1/C) ‖Wᵀxᵢ + b − yᵢ‖² + (λ/2) ‖W‖²`: W (L, I, C) and b (L, C).

    With x̄ and ȳ the weighted means and `A = (2/(nC)) Σ sᵢ (xᵢ − x̄)(xᵢ − x̄)ᵀ = V diag(e) Vᵀ`,
    `W = V diag(1/(e + λ)) Vᵀ (2/(nC)) Σ sᵢ (xᵢ − x̄)(yᵢ − ȳ)ᵀ` and `b = ȳ − Wᵀx̄`. At λ = 0 directions in which the rows
    don't vary get no weight: of all minima it is the one of smallest norm.

    Args:
        X: (n, I), float64.
        Y: (n, C).
        s: (n,) weights of mean 1.
        lambdas: (L,) ≥ 0.

    Reference: Hoerl and Kennard, Technometrics 1970.
    """
    factor = 2 / Y.numel()
    x_mean, y_mean = s @ X / len(X), s @ Y / len(X)
    Xc, Yc = X - x_mean, Y - y_mean
    weighted = Xc.T * s
    e, V = torch.linalg.eigh(factor * (weighted @ Xc))
    right = V.T @ (factor * (weighted @ Yc))
    floor = torch.finfo(X.dtype).eps * max(X.shape) * e.abs().max()
    inverse = torch.stack([torch.where(e + lam > floor, 1 / (e + lam), 0.0) for lam in lambdas])
    W = V @ (inverse[:, :, None] * right)
    return W, y_mean - x_mean @ W
