"""The slope of the validation loss in each parameter's λ: `−∇Lᵥᵀ A F(w)`, with A what stands for (H + Λ)⁻¹."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from shrinkage.attachment._claims import Claim

__all__ = [
    "as_real",
    "conjugate_gradients",
    "distance_of",
    "dot",
    "hessian_product",
    "neumann",
    "one_step",
    "pull_of",
]

Tensors = list[Tensor]
Product = Callable[[Tensors], Tensors]


def pull_of(claim: Claim) -> Tensor:
    """F(w − a), by which a strength of 1 pulls the parameter."""
    assert claim.rule is not None
    return claim.rule.force.pull(distance_of(claim)).clone()


def distance_of(claim: Claim) -> Tensor:
    """w − a, of a complex parameter as two real ones."""
    w = as_real(claim.param.detach())
    return w if claim.anchor is None else w - claim.anchor


def as_real(x: Tensor) -> Tensor:
    """A gradient or a weight as a dense tensor of real numbers."""
    x = x.to_dense() if x.is_sparse else x
    return torch.view_as_real(x) if x.is_complex() else x


def one_step(optimizer: Optimizer, group: Mapping[str, Any], claim: Claim, pull: Tensor) -> Tensor:
    """Change of the weights by the last step, per unit of λ: −lr·F(w).

    A penalty in the loss goes through Adam's scaling as the gradient does, which is `1/(√v̂ + ε)`.
    """
    moved = -float(group["lr"]) * pull
    second = optimizer.state.get(claim.param, {}).get("exp_avg_sq")
    if claim.rule is None or claim.rule.entry != "loss" or not isinstance(second, Tensor):
        return moved
    if second.shape != pull.shape or "betas" not in group:
        return moved
    step = float(optimizer.state[claim.param].get("step", 1))
    correction = 1 - float(group["betas"][1]) ** max(step, 1.0)
    return moved / ((second / correction).sqrt() + float(group.get("eps", 1e-8)))


def hessian_product(loss: Tensor, params: Sequence[Tensor], lam: Sequence[float]) -> Product:
    """v ↦ (H + Λ)v of a loss whose graph is kept; λ is 0 for what isn't pulled."""
    gradients = torch.autograd.grad(loss, params, create_graph=True, materialize_grads=True)

    def product(vector: Tensors) -> Tensors:
        along = sum((g * v).sum() for g, v in zip(gradients, vector, strict=True))
        found: Sequence[Tensor] = [torch.zeros_like(v) for v in vector]
        if isinstance(along, Tensor) and along.requires_grad:
            found = torch.autograd.grad(along, params, retain_graph=True, materialize_grads=True)
        return [h.detach() + strength * v for h, strength, v in zip(found, lam, vector, strict=True)]

    return product


def neumann(product: Product, vector: Tensors, terms: int, lr: float) -> Tensors:
    """`lr Σ_{j ≤ terms} (1 − lr(H + Λ))ʲ v`: what so many steps more would do (Lorraine et al., algorithm 3)."""
    power, total = vector, [v.clone() for v in vector]
    for _ in range(terms):
        power = [v - lr * h for v, h in zip(power, product(power), strict=True)]
        total = [t + v for t, v in zip(total, power, strict=True)]
    return [lr * t for t in total]


def conjugate_gradients(product: Product, vector: Tensors, terms: int) -> Tensors:
    """x of (H + Λ)x = v after so many iterations, stopped where H + Λ has a direction that curves down."""
    x, residual = [torch.zeros_like(v) for v in vector], [v.clone() for v in vector]
    direction, size = residual, dot(residual, residual)
    enough = size * 1e-20
    for _ in range(terms):
        if not size > enough:
            break
        curved = product(direction)
        curvature = dot(direction, curved)
        if not 0 < curvature < math.inf:
            break
        step = size / curvature
        x = [a + step * d for a, d in zip(x, direction, strict=True)]
        residual = [r - step * c for r, c in zip(residual, curved, strict=True)]
        before, size = size, dot(residual, residual)
        direction = [r + (size / before) * d for r, d in zip(residual, direction, strict=True)]
    return x


def dot(a: Sequence[Tensor], b: Sequence[Tensor]) -> float:
    """Σ a·b in float64."""
    return sum(float((x.double() * y.double()).sum()) for x, y in zip(a, b, strict=True))
