"""A strength that follows from the length of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from shrinkage._errors import RequestError, shown
from shrinkage.rules.controllers._controller import Need, Run, State, is_positive

__all__ = ["Timescale"]


@dataclass(frozen=True)
class Timescale:
    """λ = 1/(lr · share · steps): weights remember this share of the run.

    The timescale of decay is τ = 1/(lr·λ) steps. Across tuned runs τ stays nearly constant, but λ does not.

    Args:
        share: τ over the steps of the run, > 0; 0.6 is the median of 17 tuned tables.

    Reference: Wang and Aitchison, ICML 2025.

    >>> from shrinkage.rules import Run
    >>> run = Run(lr=0.1, steps=1000, rows=100, outputs=1, regression=True, sizes=(3,), exempt=1)
    >>> round(Timescale(0.5).lam(run), 9)
    0.02
    """

    share: float = 0.6

    def __post_init__(self) -> None:
        if not is_positive(self.share):
            raise RequestError(f"Timescale(share=…): must be > 0 and finite, got {shown(self.share)}.")

    @property
    def needs(self) -> frozenset[Need]:
        return frozenset()

    def lam(self, run: Run) -> float:
        """The canonical λ of a run."""
        return 1 / (run.lr * self.share * run.steps)

    def interval(self, unit: Literal["epochs", "steps"]) -> int:
        """As in `Controller`; an update changes nothing."""
        return 1

    def in_words(self, run: Run, carried: float = 1.0) -> str:
        """Describe the share in terms of lr and λ; `carried` is momentum's factor on a penalty in the loss."""
        steps = self.share * run.steps
        by_momentum = "" if carried == 1 else f" × {carried:g} by momentum"
        return (
            f"Timescale {self.share:g}: weights remember {self.share:g} × {run.steps:,} = {steps:,.0f} "
            f"steps, so at lr = {run.lr:g} λ = 1/({run.lr:g} × {steps:,.0f}{by_momentum}) = "
            f"{self.lam(run) / carried:.4g}"
        )

    def start(self, lam: Tensor, run: Run) -> tuple[Tensor, State]:
        return torch.full_like(lam, self.lam(run)), {}

    def update(self, lam: Tensor, seen: Mapping[str, Tensor], state: State, run: Run) -> tuple[Tensor, State]:
        return lam, state
