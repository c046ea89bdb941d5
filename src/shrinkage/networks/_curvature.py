"""What the rows determine of a network: the Gauss–Newton matrix of its mean loss, its diagonal, and γ.

Axes: n rows, C outputs of the network, S columns of a root of the loss's Hessian, D parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from shrinkage.networks._activations import ACTIVATIONS
from shrinkage.networks._kind import Kind
from shrinkage.networks._layout import Layout
from shrinkage.networks._losses import Loss
from shrinkage.networks.perceptron import PerceptronKind, perceptron_layout

__all__ = [
    "determined_by_kernels",
    "determined_by_kronecker",
    "determined_parameters",
    "gauss_newton",
    "gauss_newton_diagonal",
    "kernels_of_perceptron",
    "kronecker_factors",
]

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
    if isinstance(kind, PerceptronKind) and kind.embedding == "none":
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


def determined_by_kronecker(factors: Sequence[tuple[Tensor, Tensor]], lam: Sequence[float]) -> list[float]:
    """γ of each layer's weights, `Σ_ij a_i g_j/(a_i g_j + λ)` of the eigenvalues of A and G."""
    found = []
    for (A, G), strength in zip(factors, lam, strict=True):
        h = torch.outer(torch.linalg.eigvalsh(A).clamp_min(0), torch.linalg.eigvalsh(G).clamp_min(0))
        found.append(float(torch.where(h > 0, h / (h + strength), 0).sum()))
    return found


def determined_by_kernels(kernels: Sequence[Tensor], lam: Sequence[float]) -> list[float]:
    """γ of each tensor by the matrix of the rows, which is the smaller one where there are fewer of them than parameters.

    With H = RᵀR and `M = 1 + RΛ⁻¹Rᵀ`, γₗ = tr(M⁻¹Kₗ)/λₗ.

    Args:
        kernels: Kₗ = RₗRₗᵀ (m, m) of the columns of each tensor, float64.
        lam: the canonical λ of each; 0 counts as one that can't be distinguished from 0.
    """
    free = 1e-8 * sum(float(K.diagonal().mean()) for K in kernels) + 1e-20
    each = [strength or free for strength in lam]
    M = torch.eye(len(kernels[0])).to(kernels[0])
    for K, strength in zip(kernels, each, strict=True):
        M.add_(K, alpha=1 / strength)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(M))
    return [float((inverse * K).sum()) / strength for K, strength in zip(kernels, each, strict=True)]


def kernels_of_perceptron(
    kind: PerceptronKind, layout: Layout, row: Tensor, X: Tensor, loss: Loss
) -> list[Tensor]:
    """RₗRₗᵀ (n·S, n·S) of each parameter, R the root of the Gauss–Newton matrix, in the order of the row.

    The column that a weight from i to o has in R is a_i δ_o, so that the products of its rows are `(aaᵀ)·(δδᵀ)`: no
    Jacobian is made. Arguments as for `gauss_newton`.
    """
    layers = perceptron_layout(layout).layers(row)
    pieces: list[list[tuple[Tensor, Tensor]]] = [[] for _ in layers]
    for layer, a, delta in _sent_back(kind, layers, X, loss):
        pieces[layer].append((a.repeat_interleave(delta.shape[1], 0), delta.flatten(0, 1)))
    weights, biases = [], []
    for of_layer in pieces:
        a, delta = (torch.cat(parts) for parts in zip(*of_layer, strict=True))
        slopes = delta @ delta.mT / len(X)
        weights.append((a @ a.mT) * slopes)
        biases.append(slopes)
    return [*weights, *biases]


def _rooted_jacobians(kind: Kind, layout: Layout, row: Tensor, X: Tensor, loss: Loss) -> Iterator[Tensor]:
    """Pieces (b·S, D) of Sᵀ J, whose squares add up to n times the Gauss–Newton matrix."""

    def outputs(parameters: Tensor, x: Tensor) -> Tensor:
        return kind.outputs(layout, parameters[None], x[None])[0, 0]

    jacobian = torch.func.vmap(torch.func.jacrev(outputs), in_dims=(None, 0))
    for part in X.split(max(1, JACOBIAN_NUMBERS // (len(row) * layout.outputs))):
        root = loss.hessian_root(kind.outputs(layout, row[None], part)[0])
        yield (root @ jacobian(row, part)).flatten(0, 1)


def _of_perceptron(kind: PerceptronKind, layout: Layout, row: Tensor, X: Tensor, loss: Loss) -> Tensor:
    """A weight from input i to output o gets `Σ a_i² Σ_S δ_o²`.

    Reference: Dangel, Kunstner and Hennig, ICLR 2020.
    """
    layers = perceptron_layout(layout).layers(row)
    found = [(torch.zeros_like(W), torch.zeros_like(b)) for W, b in layers]
    for layer, a, delta in _sent_back(kind, layers, X, loss):
        squares = delta.square().sum(1)
        found[layer][0].add_(a.square().mT @ squares)
        found[layer][1].add_(squares.sum(0))
    tensors = [W for W, _ in found] + [b for _, b in found]
    return torch.cat([tensor.flatten() for tensor in tensors]) / len(X)


def kronecker_factors(
    kind: PerceptronKind, layout: Layout, row: Tensor, X: Tensor, loss: Loss
) -> list[tuple[Tensor, Tensor]]:
    """A (I, I) and G (O, O) of each layer, whose Kronecker product stands for the curvature of its weights.

    A is the mean of aaᵀ over the rows, G that of Σ_S δδᵀ: exact for one layer of a single output or inputs that don't
    vary with the slopes. Arguments as for `gauss_newton`.

    Reference: Martens and Grosse, ICML 2015; Botev, Ritter and Barber, ICML 2017.
    """
    layers = perceptron_layout(layout).layers(row)
    found = [(row.new_zeros(len(W), len(W)), row.new_zeros(len(b), len(b))) for W, b in layers]
    for layer, a, delta in _sent_back(kind, layers, X, loss):
        found[layer][0].addmm_(a.mT, a)
        wide = delta.flatten(0, 1)
        found[layer][1].addmm_(wide.mT, wide)
    return [(A / len(X), G / len(X)) for A, G in found]


def _sent_back(
    kind: PerceptronKind, layers: Sequence[tuple[Tensor, Tensor]], X: Tensor, loss: Loss
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """(layer, inputs (b, I), columns of the loss's root at its outputs (b, S, O)), piece by piece.

    The columns go back through the network, one layer at a time: `δ ← (δ Wᵀ)·σ′`.
    """
    act = ACTIVATIONS[kind.activation]
    for part in X.split(ROWS_AT_A_TIME):
        a = [part]
        for W, b in layers[:-1]:
            a.append(act.forward_(a[-1] @ W + b))
        W, b = layers[-1]
        delta = loss.hessian_root(a[-1] @ W + b)
        for layer in range(len(layers) - 1, -1, -1):
            yield layer, a[layer], delta
            if layer:
                slope = a[layer][:, None].expand(-1, delta.shape[1], -1)
                delta = act.backward_(delta @ layers[layer][0].mT, slope)
