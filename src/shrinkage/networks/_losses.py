"""What a loss is, and those of classes: of a row, its slope at the linear outputs, and the metric people read.

Axes: n rows, C outputs, after any others. Training holds outputs row by row, (…, n, C), and scoring unit by unit,
(…, C, n): there the reductions over few outputs run along the many rows. Targets are one-hot
for the softmax cross-entropy, 0 or 1 for the logistic one, and values for those of `_value_losses`.
Objective: `J = (1/n) Σᵢ lossᵢ + (λ/2) Σ w²`, and with row weights s, `Σ sᵢ lossᵢ / Σ sᵢ` in place of the mean.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from shrinkage.networks._activations import logistic_

__all__ = ["LogisticCrossEntropy", "Loss", "MultilabelCrossEntropy", "SoftmaxCrossEntropy"]

SURE = 1e-15
"""Distance from 0 and 1 at which a probability's logit stops."""


class Loss(ABC):
    """What is minimized over rows, and the metric reported beside it."""

    name: str
    metric_name: str
    of_classes: bool = False
    """Whether a row has one class, and predictions are the classes' probabilities; else each output has a target."""
    of_labels: bool = False
    """Whether the targets are labels that a row has or lacks, each by itself, and predictions their probabilities."""
    constant: str
    """The constant prediction with the smallest loss, in words."""
    has_curvature: bool = True
    """Whether `hessian_root` is known from the outputs alone."""
    is_smooth: bool = True
    """Whether the slope has no jumps, so that a linear network's minimum can be found by descent."""
    level: float = 0.0
    """The number that the loss has of its own: the quantile's level, or Huber's δ."""
    levels: tuple[float, ...] = ()
    """Of several quantiles of one target, one an output; empty for every other loss."""

    @abstractmethod
    def of_rows(self, z: Tensor, Y: Tensor) -> Tensor:
        """lossᵢ of each row, (…, n), for z and Y (…, C, n)."""

    @abstractmethod
    def hits(self, z: Tensor, Y: Tensor) -> Tensor:
        """The rows' shares of the metric for z and Y (…, C, n): (…, 1, n), 1 for a correct class, or the share of
        outputs below their quantile; (…, C, n), the squared errors, for R²."""

    @abstractmethod
    def slope_(self, out: Tensor, z: Tensor, Y: Tensor) -> None:
        """Write ∂lossᵢ/∂z for targets Y (…, n, C).

        Args:
            out: (…, n, C′) receives the slopes; the C′ − C padded outputs have slope 0, and must have held it before.
            z: (…, n, C′).
            Y: (…, n, C).
        """

    @abstractmethod
    def hessian_root(self, z: Tensor) -> Tensor:
        """(n, S, C) whose rows' outer products add up to the Hessian of lossᵢ at the outputs z (n, C)."""

    @abstractmethod
    def predict(self, z: Tensor) -> Tensor:
        """What the outputs (…, n, C) stand for: probabilities, or the values themselves."""

    def link(self, predicted: Tensor) -> Tensor:
        """The outputs that stand for predicted values; of classes see `evaluation.log_odds`."""
        return predicted

    def output_names(self, targets: Sequence[str]) -> tuple[str, ...]:
        """What the columns of predicted values are called: as the targets, or `price quantile 0.9` for one of several."""
        return tuple(f"{name} quantile {level!r}" for name in targets for level in self.levels) or tuple(
            targets
        )

    @abstractmethod
    def best_constant(self, Y: Tensor, s: Tensor) -> Tensor:
        """(C,) the constant prediction of the smallest mean loss, for targets Y (n, C) of weights s (n,)."""


class SoftmaxCrossEntropy(Loss):
    """lossᵢ = log Σ_c exp z_c − Σ_c Y_c z_c: the negative log-likelihood of the class, in nats."""

    name = "cross-entropy"
    metric_name = "accuracy"
    of_classes = True
    constant = "the class shares"

    def of_rows(self, z: Tensor, Y: Tensor) -> Tensor:
        return torch.log_softmax(z, -2).mul_(Y).sum(-2).neg_()

    def hits(self, z: Tensor, Y: Tensor) -> Tensor:
        own = (z * Y).sum(-2, keepdim=True)
        others = z.sub(Y, alpha=torch.finfo(z.dtype).max).amax(-2, keepdim=True)
        if bool(
            (own == others).any()
        ):  # argmax takes the first of equals; it is slow, so it is used only then
            return (z.argmax(-2, keepdim=True) == Y.argmax(-2, keepdim=True)).to(z.dtype)
        return (own > others).to(z.dtype)

    def slope_(self, out: Tensor, z: Tensor, Y: Tensor) -> None:
        C = Y.shape[-1]
        # Unit by unit: along the last axis torch's softmax of a few numbers costs up to ten times as much.
        p = torch.softmax(z[..., :C].mT.contiguous(), -2)
        torch.sub(p.mT, Y, out=out[..., :C])

    def hessian_root(self, z: Tensor) -> Tensor:
        p = torch.softmax(z, -1)
        # Row s holds √p_s (e_s − p): their outer products add up to diag(p) − p pᵀ.
        return p.sqrt()[:, :, None] * (torch.eye(z.shape[1]).to(z) - p[:, None])

    def predict(self, z: Tensor) -> Tensor:
        return torch.softmax(z, -1)

    def best_constant(self, Y: Tensor, s: Tensor) -> Tensor:
        return s @ Y / s.sum()


class LogisticCrossEntropy(Loss):
    """lossᵢ = log(1 + exp z) − Y z with one output: the two-class case, in nats."""

    name = "cross-entropy"
    metric_name = "accuracy"
    of_classes = True
    constant = "the class shares"

    def of_rows(self, z: Tensor, Y: Tensor) -> Tensor:
        # log(1 + exp −z) of a row of class 1, which the difference of the docstring would round away for a sure z.
        # Written out, as `logistic_` is: torch's softplus, too, rounds the end of a buffer differently.
        t = z * (1 - 2 * Y)
        return t.clamp_min(0).add_(t.abs_().neg_().exp_().log1p_()).sum(-2)

    def hits(self, z: Tensor, Y: Tensor) -> Tensor:
        return ((z > 0) == (Y > 0.5)).to(z.dtype)

    def slope_(self, out: Tensor, z: Tensor, Y: Tensor) -> None:
        C = Y.shape[-1]
        torch.sub(logistic_(z[..., :C].clone()), Y, out=out[..., :C])

    def hessian_root(self, z: Tensor) -> Tensor:
        p = self.predict(z)
        return (p * (1 - p)).sqrt()[:, None]

    def predict(self, z: Tensor) -> Tensor:
        return logistic_(z.clone())

    def best_constant(self, Y: Tensor, s: Tensor) -> Tensor:
        return s @ Y / s.sum()


class MultilabelCrossEntropy(Loss):
    """lossᵢ = (1/L) Σ_l [log(1 + exp z_l) − Y_l z_l]: the log loss of L labels that a row has or lacks, in nats a label.

    The mean over labels, as the squared error has it over targets, so that λ means the same for few labels and many.
    A row counts as right where all its labels are.

    Differs from: `sklearn.neural_network.MLPClassifier`, which adds the labels up.
    """

    name = "mean cross-entropy of the labels"
    metric_name = "subset accuracy"
    of_labels = True
    constant = "the share of each label"

    def of_rows(self, z: Tensor, Y: Tensor) -> Tensor:
        t = z * (1 - 2 * Y)
        # Not in place: modules of the user's own are trained through it by autograd.
        return (t.clamp_min(0) + t.abs().neg().exp().log1p()).mean(-2)

    def hits(self, z: Tensor, Y: Tensor) -> Tensor:
        return ((z > 0) == (Y > 0.5)).all(-2, keepdim=True).to(z.dtype)

    def slope_(self, out: Tensor, z: Tensor, Y: Tensor) -> None:
        C = Y.shape[-1]
        torch.sub(logistic_(z[..., :C].clone()), Y, out=out[..., :C]).mul_(1 / C)

    def hessian_root(self, z: Tensor) -> Tensor:
        p = logistic_(z.clone())
        return torch.diag_embed((p * (1 - p) / z.shape[1]).sqrt())

    def predict(self, z: Tensor) -> Tensor:
        return logistic_(z.double())  # near 1 float32 has no digits

    def link(self, predicted: Tensor) -> Tensor:
        return torch.logit(predicted, SURE)

    def best_constant(self, Y: Tensor, s: Tensor) -> Tensor:
        return s @ Y / s.sum()
