"""What the rows determine of a finished network: the diagonal Gauss–Newton of its mean loss, and γ.

Axes: n rows, layers l with I inputs and O outputs, C outputs of the network, S columns of a root of the loss's Hessian.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, softmax

from shrinkage.networks import Layout, PerceptronKind, perceptron_layout
from shrinkage.path import STANDARD, Fold
from shrinkage.rules import determined
from shrinkage.training import Recipe

__all__ = ["effective_parameters", "gauss_newton_diagonal"]

Floats = NDArray[np.float64]
ROWS_AT_A_TIME = 512

_ACTIVATIONS: dict[str, tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]] = {
    "tanh": (np.tanh, lambda a: 1 - a**2),
    "logistic": (expit, lambda a: a * (1 - a)),
    "relu": (lambda z: np.maximum(z, 0), lambda a: (a > 0).astype(np.float64)),
    "identity": (lambda z: z, np.ones_like),
}
"""σ, and its slope in terms of σ itself."""


def effective_parameters(
    recipe: Recipe,
    layout: Layout,
    network: NDArray[Any],
    fold: Fold,
    rows: NDArray[np.int64],
    lam: float,
) -> float:
    """γ = Σ hᵢ/(hᵢ + λ) over the weights (biases are not pulled), h from these rows; see `rules.determined`."""
    curvature = gauss_newton_diagonal(recipe, layout, network, fold, rows)
    return float(determined(torch.from_numpy(curvature[layout.decayed_columns()]), lam).sum())


def gauss_newton_diagonal(
    recipe: Recipe, layout: Layout, network: NDArray[Any], fold: Fold, rows: NDArray[np.int64]
) -> Floats:
    """(D,) hᵢ = (1/n) Σ_rows (Jᵀ H J)ᵢᵢ, J the outputs' Jacobian and H the loss's Hessian at the outputs, exactly.

    H is written as S Sᵀ and the columns of S are sent back through the network, one layer at a time:
    `δ ← (δ Wᵀ)·σ′`, and a weight from input i to output o gets `Σ a_i² Σ_S δ_o²`.

    Reference: Schraudolph, Neural Computation 2002; Dangel, Kunstner and Hennig, ICLR 2020, for the diagonal.
    """
    weights, biases = zip(
        *perceptron_layout(layout).layers(np.asarray(network, dtype=np.float64)), strict=True
    )
    assert isinstance(recipe.kind, PerceptronKind)
    forward, slope = _ACTIVATIONS[recipe.kind.activation]
    found = [[np.zeros_like(W) for W in weights], [np.zeros_like(b) for b in biases]]
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        X = fold.inputs[STANDARD].standardized(rows[start : start + ROWS_AT_A_TIME])
        a = [X]
        for W, b in zip(weights[:-1], biases[:-1], strict=True):
            a.append(forward(a[-1] @ W + b))
        delta = _root(recipe.loss, a[-1] @ weights[-1] + biases[-1])
        for layer in range(len(weights) - 1, -1, -1):
            squares = np.square(delta).sum(1)
            found[0][layer] += np.square(a[layer]).T @ squares
            found[1][layer] += squares.sum(0)
            if layer:
                delta = (delta @ weights[layer].T) * slope(a[layer])[:, None]
    return np.concatenate([each.ravel() for part in found for each in part]) / len(rows)


def _root(loss: str, z: Floats) -> Floats:
    """(n, S, C) the columns of S, S Sᵀ being the Hessian of the loss at outputs z."""
    n, C = z.shape
    if loss == "squared_error":
        return np.broadcast_to(np.sqrt(2 / C) * np.eye(C), (n, C, C))
    if loss == "logistic":
        p = expit(z)
        return np.sqrt(p * (1 - p))[:, None]
    p = softmax(z, axis=-1)
    root = np.sqrt(p)
    # Row s holds √p_s (e_s − p): their outer products add up to diag(p) − p pᵀ.
    return root[:, :, None] * (np.eye(C) - p[:, None])
