"""The activation functions, each with its slope written in terms of its own output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["ACTIVATIONS", "Activation", "logistic_"]

_aten = torch.ops.aten


def logistic_(z: Tensor) -> Tensor:
    """1/(1 + exp(−z)) in place.

    Written out, because torch.sigmoid rounds the last few elements of a buffer differently from the others, and a
    network's numbers would depend on its place in the stack.
    """
    if z.requires_grad:  # autograd keeps tensors that the in-place steps would overwrite
        return torch.sigmoid(z)
    return z.neg_().exp_().add_(1).reciprocal_()


@dataclass(frozen=True)
class Activation:
    """`a = σ(z)` and `∂C/∂z = ∂C/∂a · σ′(z)`, both in place."""

    forward_: Callable[[Tensor], Tensor]
    """z ↦ σ(z), written over z."""
    backward_: Callable[[Tensor, Tensor], Tensor]
    """(∂C/∂a, a) ↦ ∂C/∂z, written over ∂C/∂a."""
    gain: float
    """Initial weights are Glorot's for gain 1 and He's for gain √2."""


ACTIVATIONS: dict[str, Activation] = {
    "relu": Activation(
        torch.relu_, lambda grad, a: _aten.threshold_backward.grad_input(grad, a, 0, grad_input=grad), 2**0.5
    ),
    "tanh": Activation(
        torch.tanh_, lambda grad, a: _aten.tanh_backward.grad_input(grad, a, grad_input=grad), 1.0
    ),
    "logistic": Activation(
        logistic_, lambda grad, a: _aten.sigmoid_backward.grad_input(grad, a, grad_input=grad), 1.0
    ),
    "identity": Activation(lambda z: z, lambda grad, a: grad, 1.0),
}
"""By the names that scikit-learn gives them."""
