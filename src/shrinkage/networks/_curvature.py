"""What the rows determine of a network: the Gauss–Newton matrix of its mean loss, its diagonal, and γ.

Axes: n rows, C outputs of the network, S columns of a root of the loss's Hessian, D parameters.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from shrinkage.networks._activations import ACTIVATIONS
from shrinkage.networks._kind import Kind
from shrinkage.networks._layout import Layout
from shrinkage.networks._losses import Loss
from shrinkage.networks.perceptron import PerceptronKind, perceptron_layout

__all__ = ["determined_parameters", "gauss_newton", "gauss_newton_diagonal"]

ROWS_AT_A_TIME = 512
JACOBIAN_NUMBERS = 1 << 24
"""Numbers of Jacobians that are held at a time."""


def gauss_newton(kind: Kind, layout: Layout, row: Tensor, X: Tensor, loss: Loss) -> Tensor:
    """(D, D) H = (1/n) Σ_rows Jᵀ H_loss J, J the outputs' Jacobian and H_loss the loss's Hessian at the outputs.

    For the squared error of a linear model it is the Hessian itself, for any model with a convex loss never indefinite.

    Args:
        kind: of the network.
        layout: of the network.
        row: (D,) the network, float64.
        X: (n, inputs) rows as the network sees them, float64.
        loss: whose mean over the rows it is.

    Reference: Schraudolph, Neural Computation 2002.
    """
    total = row.new_zeros(len(row), len(row))
    for roots in _rooted_jacobians(kind, layout, row, X, loss):
        total.addmm_(roots.mT, roots)
    return total / len(X)


def gauss_newton_diagonal(kind: Kind, layout: Layout, row: Tensor, X: Tensor, loss: Loss) -> Tensor:
    """(D,) the diagonal of `gauss_newton`, exactly; arguments as there."""
    if isinstance(kind, PerceptronKind):
        return _of_perceptron(kind, layout, row, X, loss)
    total = torch.zeros_like(row)
    for roots in _rooted_jacobians(kind, layout, row, X, loss):
        total += roots.square().sum(0)
    return total / len(X)


def determined_parameters(curvature: Tensor, lam: Tensor) -> Tensor:
    """(D,) γᵢ = 1 − λᵢ [(H + Λ)⁻¹]ᵢᵢ: how far the rows, and not the penalty, determine each parameter.

    Args:
        curvature: H, of shape (D, D), or its diagonal (D,), which takes parameters for independent.
        lam: (D,) the canonical λ of each parameter; 0 for one that isn't pulled, which is determined wholly if at all.

    Reference: MacKay, "Bayesian interpolation", Neural Computation 1992; by layers, Immer et al., ICML 2021.
    """
    if curvature.ndim == 1:
        total = curvature + lam
        return torch.where(total > 0, curvature / total, 0)
    inverse = torch.linalg.pinv(curvature + torch.diag(lam), hermitian=True)
    return (inverse * curvature.mT).sum(1)


def _rooted_jacobians(kind: Kind, layout: Layout, row: Tensor, X: Tensor, loss: Loss) -> Iterator[Tensor]:
    """Pieces (b·S, D) of Sᵀ J, whose squares add up to n times the Gauss–Newton matrix."""

    def outputs(parameters: Tensor, x: Tensor) -> Tensor:
        return kind.outputs(layout, parameters[None], x[None])[0, 0]

    jacobian = torch.func.vmap(torch.func.jacrev(outputs), in_dims=(None, 0))
    for part in X.split(max(1, JACOBIAN_NUMBERS // (len(row) * layout.outputs))):
        root = loss.hessian_root(kind.outputs(layout, row[None], part)[0])
        yield (root @ jacobian(row, part)).flatten(0, 1)


def _of_perceptron(kind: PerceptronKind, layout: Layout, row: Tensor, X: Tensor, loss: Loss) -> Tensor:
    """The columns of the root are sent back through the network, one layer at a time:
    `δ ← (δ Wᵀ)·σ′`, and a weight from input i to output o gets `Σ a_i² Σ_S δ_o²`.

    Reference: Dangel, Kunstner and Hennig, ICLR 2020.
    """
    act = ACTIVATIONS[kind.activation]
    layers = perceptron_layout(layout).layers(row)
    found = [(torch.zeros_like(W), torch.zeros_like(b)) for W, b in layers]
    for part in X.split(ROWS_AT_A_TIME):
        a = [part]
        for W, b in layers[:-1]:
            a.append(act.forward_(a[-1] @ W + b))
        W, b = layers[-1]
        delta = loss.hessian_root(a[-1] @ W + b)
        for layer in range(len(layers) - 1, -1, -1):
            squares = delta.square().sum(1)
            found[layer][0].add_(a[layer].square().mT @ squares)
            found[layer][1].add_(squares.sum(0))
            if layer:
                slope = a[layer][:, None].expand(-1, delta.shape[1], -1)
                delta = act.backward_(delta @ layers[layer][0].mT, slope)
    tensors = [W for W, _ in found] + [b for _, b in found]
    return torch.cat([tensor.flatten() for tensor in tensors]) / len(X)
