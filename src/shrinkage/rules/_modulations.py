"""Axis 5, the modulation: a factor m on the pull that a rule reads off the training, a tensor or a weight at a time.

A modulation has two moments in a step. `read` sees all tensors once their gradients are there and before the
optimizer moves them; `factor` is asked for each tensor when its pull is applied. What it keeps between steps is in
`View.state`, so it is saved and resumed with the optimizer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shrinkage.rules._forces import Force
from shrinkage.rules._views import View, keep, plain, wide

__all__ = [
    "CautiousMask",
    "GradientAboveNorm",
    "GradientWithinLayer",
    "InverseRootMoment",
    "Modulation",
    "SelectiveProjection",
    "Undetermined",
    "determined",
]


class Modulation(ABC):
    """The factor m in `w ← w − s·m·F(w − a)`, or in the gradient `λ·m·F(w − a)` of a rule in the loss."""

    needs_previous: ClassVar[bool] = False
    """Reads the weights from before the step; the pull is then applied after the step."""
    needs_gradient: ClassVar[bool] = False
    """Reads the loss gradient."""
    needs_second_moment: ClassVar[bool] = False
    """Reads the optimizer's second moment."""
    reads_all: ClassVar[bool] = False
    """`read` sees the exempt parameters too."""
    own_unit: ClassVar[bool] = False
    """The strength of a rule with this modulation is neither a λ nor a fraction per step."""

    def start(self, view: View) -> None:  # noqa: B027
        """Called once a tensor, when the rule is attached to it."""

    def read(self, views: Sequence[View]) -> None:  # noqa: B027
        """Called once per step with every tensor, before the optimizer changes them."""

    @abstractmethod
    def factor(self, view: View, force: Force) -> Tensor | float:
        """m, in a shape that broadcasts against the weights."""


@dataclass(frozen=True)
class CautiousMask(Modulation):
    """m = 1 where pull and step agree, `(w_old − w_new)·F(w_old − a) ≥ 0`, else 0 (Chen et al., 2510.12402)."""

    needs_previous = True

    def factor(self, view: View, force: Force) -> Tensor:
        assert view.previous is not None
        return (view.previous - view.w) * force.pull(view.previous_distance) >= 0


@dataclass(frozen=True)
class InverseRootMoment(Modulation):
    """m = v̄^(−½), v̄ the mean of v̂ over all parameters of the optimizer (Xie et al., NeurIPS 2023, algorithm 3)."""

    needs_second_moment = True
    reads_all = True

    def read(self, views: Sequence[View]) -> None:
        moments = [view.second_moment for view in views if view.second_moment is not None]
        if not moments:
            return
        total = torch.stack([_flat(m).to(moments[0].device) for m in moments]).sum(0)
        mean = total / sum(view.count() for view in views)
        for view in views:
            view.note = (mean.rsqrt().to(view.w.device),)

    def factor(self, view: View, force: Force) -> Tensor:
        # v̄ is 0 until the first gradient: until then neither the optimizer nor the decay acts.
        factor = torch.where(view.note[0].isfinite(), view.note[0], 0)
        return _against(view.w, factor)


@dataclass(frozen=True)
class GradientWithinLayer(Modulation):
    """m = 2/(1 + e^(−αz)), z the standardized size of a weight's gradient within its tensor (AdaDecay)."""

    alpha: float
    """Steepness; above 0 a weight with a large gradient decays more, below 0 less, 0 is no modulation."""
    needs_gradient = True

    def read(self, views: Sequence[View]) -> None:
        for view in views:
            assert view.grad is not None
            size = wide(view.grad).abs()
            mean = view.total(size) / view.count()
            spread = (view.total((size - mean).square()) / max(view.count() - 1, 1)).sqrt()
            z = torch.where(spread > 0, (size - mean) / spread, 0)
            view.note = (2 * torch.sigmoid(self.alpha * z),)

    def factor(self, view: View, force: Force) -> Tensor:
        return view.note[0].to(view.w.dtype)


@dataclass(frozen=True)
class GradientAboveNorm(Modulation):
    """m = running mean of (‖g‖/‖w‖)^exponent over all pulled tensors together, 0.9 on the newest (AWD)."""

    exponent: float
    """1 for adaptive weight decay; below 0 the decay falls as the gradient grows."""
    newest: float = 0.9
    """Weight of this step's ratio in the running mean."""
    needs_gradient = True

    def read(self, views: Sequence[View]) -> None:
        device = views[0].w.device
        grads = torch.stack([self._squares(view, view.grad).to(device) for view in views]).sum(0)
        weights = torch.stack([self._squares(view, view.w).to(device) for view in views]).sum(0)
        ratio = torch.where(weights > 0, (grads / weights).pow(self.exponent / 2), 0)
        for view in views:
            ratio = ratio.to(view.w.device)
            before = view.state.get("ratio", torch.zeros_like(ratio))
            keep(view.state, ratio=(1 - self.newest) * before + self.newest * ratio)

    def factor(self, view: View, force: Force) -> Tensor:
        return _against(view.w, view.state["ratio"])

    @staticmethod
    def _squares(view: View, x: Tensor | None) -> Tensor:
        assert x is not None
        return _flat(plain(view.total(wide(x).square())))


@dataclass(frozen=True)
class SelectiveProjection(Modulation):
    """m = clip((D(w_new) − D(w_old))/D(w_new), 0, 1) where ⟨g, w_old − a⟩ > 0, else 0; D the distance to the anchor."""

    needs_gradient = True
    own_unit = True

    def read(self, views: Sequence[View]) -> None:
        for view in views:
            assert view.grad is not None
            d = wide(view.distance)
            view.note = (view.total(wide(view.grad) * d) > 0, view.total(d.square()).sqrt())

    def factor(self, view: View, force: Force) -> Tensor:
        triggered, before = view.note
        now = view.total(wide(view.distance).square()).sqrt()
        ratio = torch.where(now > 0, ((now - before) / now).clamp(0, 1), 0)
        return (ratio * triggered).to(view.w.dtype)


@dataclass(frozen=True)
class Undetermined(Modulation):
    """m = 1 − γ = λ/(h + λ), h the running mean of batch·g² of each weight, λ the rule's strength (MacKay 1992)."""

    batch: int
    """Rows whose mean loss the gradient is of."""
    memory: float
    """Weight of the past in the running mean, 0 ≤ memory < 1; the mean is corrected for its start."""
    needs_gradient = True

    def read(self, views: Sequence[View]) -> None:
        for view in views:
            assert view.grad is not None
            squares, newest = wide(view.grad).square() * self.batch, 1 - self.memory
            total = view.state.get("curvature", torch.zeros_like(squares))
            weight = view.state.get("seen", torch.zeros((), dtype=squares.dtype, device=squares.device))
            keep(
                view.state,
                curvature=self.memory * total + newest * squares,
                seen=self.memory * weight + newest,
            )

    def factor(self, view: View, force: Force) -> Tensor:
        curvature = view.state["curvature"] / view.state["seen"]
        return (1 - determined(curvature, view.strength)).to(view.w.dtype)


def _flat(total: Tensor) -> Tensor:
    """A sum over one model as a number, or the sums over K stacked ones as (K,)."""
    return total.flatten() if total.ndim else total


def _against(w: Tensor, factor: Tensor) -> Tensor:
    """A factor, or one for each of K stacked models (K,), in a shape that broadcasts against their tensor `w`."""
    return factor.reshape(-1, *[1] * (w.ndim - 1)) if factor.ndim else factor


def determined(curvature: Tensor, lam: float | Tensor) -> Tensor:
    """γᵢ = hᵢ/(hᵢ + λ): how far the rows, and not the penalty, determine each weight; their sum is γ.

    0 for a weight that the rows say nothing about, near 1 for one that they fix. γ, the effective number of parameters,
    lies between 0 and the number of weights; the prior's share of weight i is 1 − γᵢ. For a diagonal curvature, which
    takes weights for independent, it is an estimate.

    Args:
        curvature: hᵢ ≥ 0, the second derivatives of the mean loss, of any shape; a diagonal Gauss–Newton gives them.
        lam: canonical λ ≥ 0; with 0 every weight that has a curvature is determined.

    Returns:
        γᵢ, of the shape of `curvature`.

    Reference: MacKay, "Bayesian interpolation", Neural Computation 1992, the number of well-determined parameters
    (there over eigenvalues).

    >>> determined(torch.tensor([0.0, 0.1, 0.9]), 0.1)
    tensor([0.0000, 0.5000, 0.9000])
    """
    total = curvature + lam
    return torch.where(total > 0, curvature / total, 0)
