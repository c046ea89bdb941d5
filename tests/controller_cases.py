"""Ridge regression, and its evidence in closed form."""

from __future__ import annotations

import torch

__all__ = ["evidence_of_ridge", "ridge_problem"]


def ridge_problem(n: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(1)
    X = torch.randn(n, 4, generator=g, dtype=torch.float64)
    noise = torch.randn(n, 1, generator=g, dtype=torch.float64)
    return X, X @ torch.tensor([[1.0], [-0.5], [0.2], [0.0]], dtype=torch.float64) + 0.3 + 0.5 * noise


def evidence_of_ridge(X: torch.Tensor, y: torch.Tensor) -> float:
    """MacKay's fixed point by its closed forms: w(λ), γ by eigenvalues, σ² and α; a free intercept."""
    n, lam = len(X), 1.0
    Xc, yc = X - X.mean(0), y - y.mean()
    for _ in range(500):
        A = Xc.T @ Xc
        w = torch.linalg.solve(2 * A / n + lam * torch.eye(4), 2 * Xc.T @ yc / n)
        h = torch.linalg.eigvalsh(2 * A / n)
        gamma = float((h / (h + lam)).sum())
        noise = float((yc - Xc @ w).square().sum()) / (n - gamma - 1)
        lam = 2 * gamma / float(w.square().sum()) * noise / n
    return lam
