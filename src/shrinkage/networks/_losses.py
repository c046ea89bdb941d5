"""The errors: the loss of a row, its slope at the network's linear outputs, and the metric people read.

Axes: K networks, n rows, C outputs. `z_KnC` are the linear outputs, `Y` the targets: values (·, n, C) for the squared
error, one-hot rows for the softmax cross-entropy, a column of 0 and 1 for the logistic one.
Objective: `J = (1/n) Σᵢ lossᵢ + (λ/2) Σ w²`, and with row weights s, `Σ sᵢ lossᵢ / Σ sᵢ` in place of the mean.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from shrinkage.networks._activations import logistic_

__all__ = ["LOSSES", "Loss"]


class Loss(ABC):
    """What is minimized over rows, and the metric reported beside it."""

    name: str
    metric_name: str

    @abstractmethod
    def of_rows(self, z: Tensor, Y: Tensor) -> Tensor:
        """lossᵢ of each row, (…, n)."""

    @abstractmethod
    def slope(self, z: Tensor, Y: Tensor) -> Tensor:
        """∂lossᵢ/∂z, (…, n, C), a new tensor."""

    @abstractmethod
    def predict(self, z: Tensor) -> Tensor:
        """What the outputs stand for: probabilities, or the values themselves."""

    @abstractmethod
    def hits(self, z: Tensor, Y: Tensor) -> Tensor:
        """The row's share of the metric: (…, n, 1), 1 for a correct class; (…, n, C), the squared errors, for R²."""


class SoftmaxCrossEntropy(Loss):
    """lossᵢ = log Σ_c exp z_c − Σ_c Y_c z_c: the negative log-likelihood of the class, in nats."""

    name = "cross-entropy"
    metric_name = "accuracy"

    def of_rows(self, z: Tensor, Y: Tensor) -> Tensor:
        return torch.logsumexp(z, -1) - (z * Y).sum(-1)

    def slope(self, z: Tensor, Y: Tensor) -> Tensor:
        # Written out: on a few outputs torch.softmax costs several times these calls.
        e = (z - z.amax(-1, keepdim=True)).exp_()
        return e.div_(e.sum(-1, keepdim=True)).sub_(Y)

    def predict(self, z: Tensor) -> Tensor:
        return torch.softmax(z, -1)

    def hits(self, z: Tensor, Y: Tensor) -> Tensor:
        return (z.argmax(-1, keepdim=True) == Y.argmax(-1, keepdim=True)).to(z.dtype)


class LogisticCrossEntropy(Loss):
    """lossᵢ = log(1 + exp z) − Y z with one output: the two-class case, in nats.

    `log(1 + exp z) = max(z, 0) + log(1 + exp(−|z|))`, written out as `logistic_` is, for the same reason.
    """

    name = "cross-entropy"
    metric_name = "accuracy"

    def of_rows(self, z: Tensor, Y: Tensor) -> Tensor:
        return (z.clamp_min(0) + z.abs().neg_().exp_().log1p_() - z * Y).sum(-1)

    def slope(self, z: Tensor, Y: Tensor) -> Tensor:
        return logistic_(z.clone()).sub_(Y)

    def predict(self, z: Tensor) -> Tensor:
        return logistic_(z.clone())

    def hits(self, z: Tensor, Y: Tensor) -> Tensor:
        return ((z > 0) == (Y > 0.5)).to(z.dtype)


class SquaredError(Loss):
    """lossᵢ = (1/C) Σ_c (z_c − Y_c)²: the mean squared error, without a ½, as torch.nn.MSELoss has it."""

    name = "mean squared error"
    metric_name = "R²"

    def of_rows(self, z: Tensor, Y: Tensor) -> Tensor:
        return (z - Y).square_().mean(-1)

    def slope(self, z: Tensor, Y: Tensor) -> Tensor:
        return (z - Y).mul_(2 / z.shape[-1])

    def predict(self, z: Tensor) -> Tensor:
        return z

    def hits(self, z: Tensor, Y: Tensor) -> Tensor:
        return (z - Y).square_()


LOSSES: dict[str, Loss] = {
    "softmax": SoftmaxCrossEntropy(),
    "logistic": LogisticCrossEntropy(),
    "squared_error": SquaredError(),
}
