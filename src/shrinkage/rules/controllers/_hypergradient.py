"""The strength that a validation loss asks for, moved while training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from shrinkage._errors import RequestError, check_choice, check_count, shown
from shrinkage.rules.controllers._controller import Need, Paced, Run, State, is_positive, of_strengths

__all__ = ["Hypergradient"]

_SLOPES: dict[str, Need] = {
    "step": "slope_by_step",
    "curvature": "slope_by_curvature",
    "neumann": "slope_by_neumann",
    "cg": "slope_by_cg",
}


@dataclass(frozen=True)
class Hypergradient(Paced):
    """Gradient descent of the validation loss in log λ: `dLᵥ/dλ = −∇Lᵥᵀ (H + Λ)⁻¹ w`.

    The size of this gradient says little far from the optimum, so it is divided by its running root mean square, as in
    RMSProp: an update changes a strength by a factor of about exp(rate).

    Args:
        batches: for `attach`: validation batches `(inputs, …, targets)`, as an iterable or a function that returns the
            next one; a path uses the fold's validation rows.
        loss: for `attach`: `cross_entropy`, `squared_error`, or a function of outputs and targets.
        rate: step size of log λ per update, > 0.
        inverse: how (H + Λ)⁻¹ is approximated: `step` by lr (T1–T2), one gradient per update; `curvature` by the
            Gauss–Newton matrix; in a loop also `neumann` and `cg`, by products with the training loss's Hessian.
        training: for `attach`: training batches, which every `inverse` but `step` needs.
        terms: number of terms of the Neumann series, or of conjugate gradient iterations, ≥ 1.
        shared: use one λ for all folds and restarts that train together, moved by their mean slope, which is the slope of
            the cross-validated loss; otherwise each has its own.
        every: number of epochs in a path, or steps in a loop, between updates, ≥ 1; by default 1 and 10.
        smallest, largest: bounds on λ.

    Many strengths overfit the validation rows: use one, or one per layer if there are thousands of rows.

    Reference: Luketina et al., ICML 2016 (T1–T2); Lorraine, Vicol and Duvenaud, AISTATS 2020.
    """

    batches: Any = None
    loss: Any = None
    rate: float = 0.2
    inverse: str = "step"
    training: Any = None
    terms: int = 20
    shared: bool = False
    every: int | None = None
    smallest: float = 1e-8
    largest: float = 1e2

    epochs_between: ClassVar[int] = 1
    steps_between: ClassVar[int] = 10

    def __post_init__(self) -> None:
        self.check_pace()
        check_count("terms", self.terms, of="Hypergradient")
        check_choice("inverse", self.inverse, _SLOPES, of="Hypergradient")
        if not is_positive(self.rate):
            raise RequestError(f"Hypergradient(rate=…): must be > 0 and finite, got {shown(self.rate)}.")
        bounds = self.smallest, self.largest
        if not all(map(is_positive, bounds)) or self.smallest > self.largest:
            raise RequestError(
                "Hypergradient(smallest=…, largest=…): must be > 0, finite and in order, got "
                f"{' and '.join(map(shown, bounds))}."
            )

    @property
    def needs(self) -> frozenset[Need]:
        return frozenset({_SLOPES[self.inverse]})

    def start(self, lam: Tensor, run: Run) -> tuple[Tensor, State]:
        return lam.clamp(self.smallest, self.largest), {
            "square": torch.zeros_like(lam),
            "updates": torch.zeros((), dtype=lam.dtype),
        }

    def update(self, lam: Tensor, seen: Mapping[str, Tensor], state: State, run: Run) -> tuple[Tensor, State]:
        slope = lam * of_strengths(lam, seen[_SLOPES[self.inverse]])
        if self.shared:
            slope = slope.mean(0, keepdim=True).expand_as(lam)
        updates = state["updates"] + 1
        square = 0.9 * state["square"] + 0.1 * slope.square()
        size = (square / (1 - 0.9**updates)).sqrt()
        step = torch.where(size > 0, slope / size, 0)
        moved = (lam * torch.exp(-self.rate * step)).clamp(self.smallest, self.largest)
        return torch.where(moved.isfinite(), moved, lam), {"square": square, "updates": updates}
