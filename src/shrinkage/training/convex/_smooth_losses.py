"""Logistic, softmax, Poisson and Huber regression under L2: one λ after the other, each from the minimum before it.

Axes: n rows, I inputs, C outputs, L λs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from scipy.optimize import Bounds, minimize
from torch import Tensor

from shrinkage.networks import Loss

__all__ = ["smooth_path"]

LARGEST_HESSIAN, LARGEST_ROOT = 300, 1 << 23
"""Parameters, and numbers in the Hessian's root, up to which Newton's steps are taken."""
NEWTON_STEPS, LBFGS_STEPS = 40, 150
TOLERANCE, COARSE_TOLERANCE = 1e-8, 1e-4
"""Largest slope at which a minimum counts as reached, in units in which the curvature is about 1: the mean error is then
within about half its square of the smallest. The coarse one is for more parameters than Newton's steps are taken for."""
FARTHEST = 1e3
"""Largest weight along a direction: where λ = 0 and the classes can be separated, the error has no minimum."""
FLAT = 1e-4
"""Share of the largest curvature below which directions count as equally flat: at λ = 0 rows leave some quite open."""
DAMPING = 1e-10
"""Added to the Hessian's diagonal, as a share of its largest entry: all biases of a softmax together change nothing."""


Root = Callable[[Tensor], Tensor]


class Smooth(Protocol):
    """A loss whose slope has no jumps."""

    def of_rows(self, z: Tensor, Y: Tensor) -> Tensor: ...
    def slope_(self, out: Tensor, z: Tensor, Y: Tensor) -> None: ...


def smooth_path(
    X: Tensor, Y: Tensor, s: Tensor, lambdas: Sequence[float], loss: Smooth
) -> tuple[Tensor, Tensor]:
    """The minima of `J = (1/n) Σ sᵢ lossᵢ + (λ/2) ‖W‖²`: W (L, I, C) and b (L, C), biases exempt.

    With x̄ the weighted mean and `(1/n) Σ sᵢ (xᵢ − x̄)(xᵢ − x̄)ᵀ = V diag(e) Vᵀ` the penalty of W = VU is that of U. In
    units of `1/√(κe + λ)`, κ the loss's curvature at outputs of 0, all directions of U curve alike. From the strongest λ
    to the weakest, by Newton's steps where the Hessian is small; by L-BFGS with bounds where it isn't, or is singular.

    Args:
        X: (n, I), float64.
        Y: (n, C), as the loss wants them.
        s: (n,) weights of mean 1.
        lambdas: (L,) ≥ 0.
        loss: with a slope that has no jumps.

    Reference: Nocedal and Wright, Numerical Optimization, 2006; Zhu, Byrd, Lu and Nocedal, ACM TOMS 1997, algorithm 778.
    """
    n, C = Y.shape
    share = s / n
    x_mean = share @ X
    V, e = _directions(X - x_mean, share)
    Z = (X - x_mean) @ V
    root = loss.hessian_root if isinstance(loss, Loss) and loss.has_curvature else None
    curvature = float(root(Y.new_zeros(1, C)).square().sum()) / C if root else 1.0
    curves = curvature * e.clamp_min(0)
    flat = FLAT * float(curves.max()) or 1.0
    size = (len(e) + 1) * C
    small = size <= LARGEST_HESSIAN and n * C * size <= LARGEST_ROOT
    U, b = X.new_zeros(len(lambdas), len(e), C), X.new_zeros(len(lambdas), C)
    before = X.new_zeros(len(e) + 1, C)
    for place in np.argsort(lambdas)[::-1]:
        lam = float(lambdas[place])
        units = torch.cat([(curves + max(lam, flat)).rsqrt(), curves.new_ones(1)])[:, None]
        error = _Error(Z, Y, share, lam, units, loss)
        M, reached = before / units, False
        if small and root is not None:
            M, reached = _newton(error, M, root)
        if not reached:
            M = _lbfgs(error, M, TOLERANCE if small else COARSE_TOLERANCE)
        before = units * M
        U[int(place)], b[int(place)] = before[:-1], before[-1]
    W = V @ U
    return W, b - x_mean @ W


class _Error:
    """J of parameters M (r + 1, C) in `units` (r + 1, 1), the last row the bias; with its slope and its Hessian."""

    def __init__(self, Z: Tensor, Y: Tensor, share: Tensor, lam: float, units: Tensor, loss: Smooth) -> None:
        self.X1 = torch.cat([Z, Z.new_ones(len(Z), 1)], 1) * units.T
        self.Y, self.share, self.loss = Y, share, loss
        self.penalty = lam * units.square()
        self.penalty[-1] = 0
        self.farthest = FARTHEST / units
        self._slope = torch.zeros_like(Y)

    def __call__(self, M: Tensor) -> tuple[float, Tensor]:
        """J and its slope (r + 1, C)."""
        z, pull = self.X1 @ M, self.penalty * M
        self.loss.slope_(self._slope, z, self.Y)
        value = self.share @ self.loss.of_rows(z.mT, self.Y.mT) + (pull * M).sum() / 2
        return float(value), self.X1.T @ (self._slope * self.share[:, None]) + pull

    def hessian(self, M: Tensor, root: Root) -> Tensor:
        """(D, D) of the D parameters laid flat, by the loss's `hessian_root`."""
        roots = root(self.X1 @ M) * self.share.sqrt()[:, None, None]
        flat = (roots[:, :, None] * self.X1[:, None, :, None]).view(-1, M.numel())
        H = flat.T @ flat
        diagonal = H.diagonal()
        diagonal += self.penalty.expand_as(M).flatten()
        diagonal += DAMPING * float(diagonal.max())
        return H


def _newton(error: _Error, M: Tensor, root: Root) -> tuple[Tensor, bool]:
    """Newton's steps, each halved until it descends; and whether they came to the minimum."""
    value, slope = error(M)
    for _ in range(NEWTON_STEPS):
        if float(slope.abs().max()) <= TOLERANCE:
            return M, True
        factor, failed = torch.linalg.cholesky_ex(error.hessian(M, root))
        if failed:
            break
        step = torch.cholesky_solve(slope.reshape(-1, 1), factor).view_as(M)
        expected, share = float((slope * step).sum()), 1.0
        while share > 1e-4:
            new = torch.clamp(M - share * step, -error.farthest, error.farthest)
            new_value, new_slope = error(new)
            if new_value <= value - 1e-4 * share * expected:
                break
            share /= 2
        else:
            break
        M, value, slope = new, new_value, new_slope
    return M, False


def _lbfgs(error: _Error, M: Tensor, tolerance: float) -> Tensor:
    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = error(torch.from_numpy(flat).view_as(M))
        return value, slope.flatten().numpy()

    far: Any = error.farthest.expand_as(M).flatten().numpy()  # annotated as a number in SciPy
    result = minimize(
        objective,
        M.flatten().numpy(),
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(-far, far),
        options={"maxiter": LBFGS_STEPS, "gtol": tolerance, "ftol": 0.0, "maxcor": 20},
    )
    return torch.from_numpy(result.x).view_as(M)


def _directions(centred: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """V (I, r), orthonormal, and e (r,) with `Σ shareᵢ xᵢ xᵢᵀ = V diag(e) Vᵀ`, r the smaller of n and I."""
    n, inputs = centred.shape
    if inputs <= n:
        e, V = torch.linalg.eigh((centred.T * share) @ centred)
        return V, e
    Q = torch.linalg.qr(centred.T)[0]
    seen = centred @ Q
    e, V = torch.linalg.eigh((seen.T * share) @ seen)
    return Q @ V, e
