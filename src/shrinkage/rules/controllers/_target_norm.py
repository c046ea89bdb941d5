"""A strength that is driven until the weights have a chosen size: between epochs, or a multiplier in every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from shrinkage._errors import RequestError, shown
from shrinkage.rules._forces import Force
from shrinkage.rules._modulations import Modulation
from shrinkage.rules._views import View, keep, wide
from shrinkage.rules.controllers._controller import Need, Paced, Run, State, is_positive, of_strengths

__all__ = ["NormConstraint", "Target", "TargetNorm"]

Target = Literal["uniform", "relative", "at_step", "inflection"]


@dataclass(frozen=True)
class NormConstraint(Modulation):
    """m = 2ℓ, with ℓ ← max(0, ℓ + R − κ) after every step and R the mean square of a tensor's weights.

    The multiplier of an augmented Lagrangian for `R ≤ κ` (Franke et al., arXiv 2311.09058). The multiplier rises
    while the weights are too large, falls while they are smaller, and never below 0. Until κ is set there is none.
    """

    target: Target
    """How κ is set: `uniform` it is `value`; `relative` it is value·R at attach; `at_step` it is R after `value`
    steps; `inflection` it is R when its smoothed growth first slows down."""
    value: float
    """κ, the share of R, or the number of steps; not used by `inflection`."""
    smoothing: float = 0.9
    """Weight of the past in the running mean of R that `inflection` looks at, 0 to below 1."""
    own_unit = True

    def __post_init__(self) -> None:
        if self.target not in get_args(Target):
            raise RequestError(
                f"ConstrainedNorm(target=…): must be one of {', '.join(get_args(Target))}, "
                f"got {shown(self.target)}."
            )
        if not 0 <= self.value < float("inf"):
            raise RequestError(f"ConstrainedNorm(value=…): must be >= 0 and finite, got {self.value:g}.")

    def start(self, view: View) -> None:
        """Called when the rule is attached: what κ needs to know of the weights at the start."""
        size = self._size(view)
        none = torch.full_like(size, torch.nan)
        kappa = {"uniform": torch.full_like(size, self.value), "relative": self.value * size}
        view.state["kappa"] = kappa.get(self.target, none)
        view.state["multiplier"] = torch.zeros_like(size)
        if self.target == "at_step":
            view.state["step"] = torch.zeros_like(size)
        if self.target == "inflection":
            view.state |= {"mean": size.clone(), "growth": torch.zeros_like(size)}

    def factor(self, view: View, force: Force) -> Tensor:
        size, state = self._size(view), view.state
        if self.target == "at_step":
            keep(state, step=state["step"] + 1)
            keep(state, kappa=torch.where(state["step"] == max(self.value, 1), size, state["kappa"]))
        if self.target == "inflection":
            self._look_for_inflection(size, state)
        multiplier = (state["multiplier"] + size - state["kappa"]).clamp_min(0)
        keep(state, multiplier=multiplier.nan_to_num(nan=0.0))
        return (2 * state["multiplier"]).to(view.w.dtype)

    def _look_for_inflection(self, size: Tensor, state: dict[str, Tensor]) -> None:
        mean = self.smoothing * state["mean"] + (1 - self.smoothing) * size
        growth = mean - state["mean"]
        slows = state["kappa"].isnan() & (growth < state["growth"])
        keep(state, kappa=torch.where(slows, size, state["kappa"]), mean=mean, growth=growth)

    @staticmethod
    def _size(view: View) -> Tensor:
        return view.total(wide(view.distance).square()) / view.count()


@dataclass(frozen=True)
class TargetNorm(Paced):
    """λ ← max(0, λ + rate·(R/κ − 1)) between epochs: an augmented Lagrangian for R ≤ κ, R the mean square of the weights.

    `ConstrainedNorm` has one multiplier per tensor and acts at every step; this moves the strength of any rule.

    Args:
        value: κ, > 0; if `relative`, as a share of R after the first interval.
        relative: whether κ is relative.
        rate: change of λ when R is twice κ, > 0.
        every: number of epochs in a path, or steps in a loop, between updates, ≥ 1; by default 1 and 10.

    Reference: Franke, Hefenbrock, Koehler and Hutter, arXiv 2311.09058.
    """

    value: float = 0.5
    relative: bool = True
    rate: float = 1e-3
    every: int | None = None

    def __post_init__(self) -> None:
        self.check_pace()
        for name in ("value", "rate"):
            if not is_positive(number := getattr(self, name)):
                raise RequestError(f"TargetNorm({name}=…): must be > 0 and finite, got {shown(number)}.")
        if not isinstance(self.relative, bool):
            raise RequestError(f"TargetNorm(relative=…): must be True or False, got {shown(self.relative)}.")

    @property
    def needs(self) -> frozenset[Need]:
        return frozenset({"norm"})

    def start(self, lam: Tensor, run: Run) -> tuple[Tensor, State]:
        return lam, {"kappa": torch.full_like(lam, torch.nan if self.relative else self.value)}

    def update(self, lam: Tensor, seen: Mapping[str, Tensor], state: State, run: Run) -> tuple[Tensor, State]:
        sizes = torch.tensor(run.sizes, dtype=lam.dtype)
        size = of_strengths(lam, seen["norm"]) / (sizes if lam.ndim == 3 else sizes.sum())
        kappa = torch.where(state["kappa"].isnan(), self.value * size, state["kappa"])
        moved = (lam + self.rate * (size / kappa - 1)).clamp_min(0)
        return torch.where(moved.isfinite(), moved, lam), {"kappa": kappa}
