"""The errors of values: squared, absolute, Huber's, of a quantile, and Poisson's of counts.

Axes as in `_losses`: n rows, C outputs. r = z − y, of a target y that is standardized where the estimators do that, so
that a loss is in units of the standardized target.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from shrinkage._errors import RequestError
from shrinkage.networks._losses import Loss

__all__ = ["AbsoluteError", "Huber", "PoissonDeviance", "Quantile", "Quantiles", "SquaredError"]


SMALLEST = 1e-12
"""Mean count whose logarithm is taken for that of smaller ones: where all counts are 0."""


class _OfValues(Loss):
    """A loss whose outputs are the predicted values, and whose metric is R²."""

    metric_name = "R²"

    def hits(self, z: Tensor, Y: Tensor) -> Tensor:
        return (z - Y).square_()

    def predict(self, z: Tensor) -> Tensor:
        return z


class SquaredError(_OfValues):
    """lossᵢ = (1/C) Σ_c (z_c − Y_c)²: the mean squared error, without a ½, as torch.nn.MSELoss has it."""

    name = "mean squared error"
    constant = "the mean"

    def of_rows(self, z: Tensor, Y: Tensor) -> Tensor:
        return (z - Y).square_().mean(-2)

    def slope_(self, out: Tensor, z: Tensor, Y: Tensor) -> None:
        C = Y.shape[-1]
        torch.sub(z[..., :C], Y, out=out[..., :C]).mul_(2 / C)

    def hessian_root(self, z: Tensor) -> Tensor:
        n, C = z.shape
        return ((2 / C) ** 0.5 * torch.eye(C).to(z)).expand(n, C, C)

    def best_constant(self, Y: Tensor, s: Tensor) -> Tensor:
        return s @ Y / s.sum()


class _Kinked(_OfValues):
    """A loss whose second derivative is 0 wherever there is one, or depends on the target: it has no curvature here."""

    has_curvature = False
    is_smooth = False

    def hessian_root(self, z: Tensor) -> Tensor:
        raise NotImplementedError(f"the {self.name} has no curvature that depends on the outputs alone")


class AbsoluteError(_Kinked):
    """lossᵢ = (1/C) Σ_c |z_c − Y_c|, whose best constant is the median; its slope at 0 is taken for 0."""

    name = "mean absolute error"
    constant = "the median"

    def of_rows(self, z: Tensor, Y: Tensor) -> Tensor:
        return (z - Y).abs_().mean(-2)

    def slope_(self, out: Tensor, z: Tensor, Y: Tensor) -> None:
        C = Y.shape[-1]
        torch.sub(z[..., :C], Y, out=out[..., :C]).sign_().mul_(1 / C)

    def best_constant(self, Y: Tensor, s: Tensor) -> Tensor:
        return weighted_quantile(Y, s, 0.5)


class Huber(_Kinked):
    """lossᵢ = (1/C) Σ_c h(r_c): h = r² for |r| ≤ δ, else δ(2|r| − δ); twice torch.nn.HuberLoss, as r² has no ½.

    δ = 1: one standard deviation of the standardized target.

    Reference: Huber, Annals of Mathematical Statistics 1964.
    """

    name = "mean Huber loss"
    constant = "Huber's mean"
    is_smooth = True
    level = 1.0

    def of_rows(self, z: Tensor, Y: Tensor) -> Tensor:
        r = (z - Y).abs_()
        near = r.clamp_max(self.level)
        return (near * (2 * r - near)).mean(-2)

    def slope_(self, out: Tensor, z: Tensor, Y: Tensor) -> None:
        C = Y.shape[-1]
        torch.sub(z[..., :C], Y, out=out[..., :C]).clamp_(-self.level, self.level).mul_(2 / C)

    def best_constant(self, Y: Tensor, s: Tensor) -> Tensor:
        low, high = Y.amin(0), Y.amax(0)
        for _ in range(200):  # the slope grows with the constant: halve where it changes its sign
            middle = (low + high) / 2
            slope = s @ (middle - Y).clamp(-self.level, self.level)
            low, high = torch.where(slope < 0, middle, low), torch.where(slope < 0, high, middle)
        return (low + high) / 2


class Quantile(_Kinked):
    """lossᵢ = (1/C) Σ_c max(q (Y_c − z_c), (1 − q)(z_c − Y_c)): the pinball loss, whose best constant is the q-quantile.

    Its metric is the share of targets at or below the prediction, which is q where the quantile is right.

    Args:
        level: q, between 0 and 1.

    Reference: Koenker and Bassett, Econometrica 1978.
    """

    metric_name = "share below"

    def __init__(self, level: float) -> None:
        if not 0 < level < 1:
            raise RequestError(f"quantile={level:g}: must lie between 0 and 1, ends excluded.")
        self.level = level
        self.name = f"mean pinball loss at {level:g}"
        self.constant = "the median" if level == 0.5 else f"the {level:g} quantile"

    def of_rows(self, z: Tensor, Y: Tensor) -> Tensor:
        r = z - Y
        return torch.where(r < 0, -self.level * r, (1 - self.level) * r).mean(-2)

    def hits(self, z: Tensor, Y: Tensor) -> Tensor:
        return (z >= Y).to(z.dtype).mean(-2, keepdim=True)

    def slope_(self, out: Tensor, z: Tensor, Y: Tensor) -> None:
        C = Y.shape[-1]
        above = torch.sub(z[..., :C], Y).sign_()
        torch.add(above * (0.5 / C), above.abs(), alpha=(0.5 - self.level) / C, out=out[..., :C])

    def best_constant(self, Y: Tensor, s: Tensor) -> Tensor:
        return weighted_quantile(Y, s, self.level)


class Quantiles(_Kinked):
    """lossᵢ = (1/Q) Σ_q max(q (y − z_q), (1 − q)(z_q − y)): the pinball losses of Q quantiles of one target, averaged.

    The target is repeated in the Q columns of Y. Training does not order the outputs, so two of them may cross in a
    row; `predict` sorts each row. This never raises the loss: a level's pinball loss is max(z − y, 0) − q z + q y, and
    Σ q z is largest when both ascend. The metric is the share of targets at or below the prediction, averaged over the
    levels; sorting does not change it.

    Args:
        levels: Q different levels between 0 and 1, ascending.

    Reference: Chernozhukov, Fernández-Val and Galichon, Quantile and probability curves without crossing, Econometrica
    2010.
    """

    metric_name = "mean share below"

    def __init__(self, levels: Sequence[float]) -> None:
        if not all(low < high for low, high in pairwise((0.0, *levels, 1.0))):
            raise RequestError(
                f"quantile={list(levels)}: levels must be different, ascend, and lie between 0 and 1, ends excluded."
            )
        self.levels = tuple(levels)
        listed = ", ".join(f"{level:g}" for level in levels[:-1]) + f" and {levels[-1]:g}"
        self.name, self.constant = f"mean pinball loss at {listed}", f"the quantiles {listed}"

    def of_rows(self, z: Tensor, Y: Tensor) -> Tensor:
        r, q = z - Y, self._column(z)[:, None]
        return torch.where(r < 0, -q * r, (1 - q) * r).mean(-2)

    def hits(self, z: Tensor, Y: Tensor) -> Tensor:
        return (z >= Y).to(z.dtype).mean(-2, keepdim=True)

    def slope_(self, out: Tensor, z: Tensor, Y: Tensor) -> None:
        C = Y.shape[-1]
        above = torch.sub(z[..., :C], Y).sign_()
        torch.add(above * (0.5 / C), above.abs() * ((0.5 - self._column(z)) / C), out=out[..., :C])

    def predict(self, z: Tensor) -> Tensor:
        return z.sort(-1).values

    def best_constant(self, Y: Tensor, s: Tensor) -> Tensor:
        return torch.cat([weighted_quantile(Y[:, [j]], s, q) for j, q in enumerate(self.levels)])

    def _column(self, like: Tensor) -> Tensor:
        return like.new_tensor(self.levels)


class PoissonDeviance(Loss):
    """lossᵢ = (1/C) Σ_c 2 (Y_c log(Y_c/μ_c) − Y_c + μ_c), μ = exp z: the deviance of counts Y ≥ 0.

    Its best constant is the mean. A count divided by m divides the loss by m, and shifts z by log m.

    Reference: McCullagh and Nelder, Generalized Linear Models, 1989, §2.3.
    """

    name = "mean Poisson deviance"
    metric_name = "R²"
    constant = "the mean"

    def of_rows(self, z: Tensor, Y: Tensor) -> Tensor:
        return (torch.xlogy(Y, Y) - Y * z - Y + z.exp()).mul_(2).mean(-2)

    def hits(self, z: Tensor, Y: Tensor) -> Tensor:
        return (z.exp() - Y).square_()

    def slope_(self, out: Tensor, z: Tensor, Y: Tensor) -> None:
        C = Y.shape[-1]
        torch.sub(z[..., :C].exp(), Y, out=out[..., :C]).mul_(2 / C)

    def hessian_root(self, z: Tensor) -> Tensor:
        return torch.diag_embed((2 / z.shape[1] * z.exp()).sqrt())

    def predict(self, z: Tensor) -> Tensor:
        return z.exp()

    def link(self, predicted: Tensor) -> Tensor:
        return predicted.clamp_min(SMALLEST).log()

    def best_constant(self, Y: Tensor, s: Tensor) -> Tensor:
        return s @ Y / s.sum()


def weighted_quantile(Y: Tensor, s: Tensor, q: float) -> Tensor:
    """(C,) the smallest value at or below which lies a share q of the weight, a column."""
    order = Y.argsort(0)
    shares = s[order].cumsum(0) / s.sum()
    first = (shares < q - 1e-12).sum(0, keepdim=True).clamp_max(len(Y) - 1)
    return Y.gather(0, order.gather(0, first))[0]
