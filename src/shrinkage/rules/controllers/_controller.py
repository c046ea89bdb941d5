"""Axis 6, the controller: what moves λ while training.

A controller is given the run at its start and, between epochs, what it `needs`, and answers with other λs: pure
functions of tensors, the same for one network and for a block of them. Axes: G members (fold, restart), L λs that the
path started from, T pulled tensors; λ is (G, L), or (G, L, T) where every tensor has a strength of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar, Literal, Protocol

from torch import Tensor

from shrinkage._errors import check_count

__all__ = ["NEEDS", "Controller", "Need", "Paced", "Run", "State", "is_positive", "of_strengths"]

State = dict[str, Tensor]
Need = Literal[
    "norm", "determined", "loss", "slope_by_step", "slope_by_curvature", "slope_by_neumann", "slope_by_cg"
]
NEEDS: dict[Need, str] = {
    "norm": "(G, L, T) Σw² of each pulled tensor",
    "determined": "(G, L, T) γ of each pulled tensor, how many of its weights the rows determine at the present λ",
    "loss": "(G, L) mean training loss",
    "slope_by_step": "(G, L, T) −lr ∇Lᵥᵀw: the slope of the validation loss in λ, one step deep (T1–T2)",
    "slope_by_curvature": "(G, L, T) −∇Lᵥᵀ(H + Λ)⁻¹w: the same where training has converged",
    "slope_by_neumann": "(G, L, T) the same with the first terms of a Neumann series for the inverse",
    "slope_by_cg": "(G, L, T) the same by conjugate gradients",
}
"""What a controller can be shown, and its shape."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is known of a run before it starts."""

    lr: float
    """The largest learning rate, > 0."""
    steps: int
    """Optimizer steps of the whole run."""
    rows: int
    """n training rows."""
    outputs: int
    """C linear outputs."""
    regression: bool
    """The loss is the mean of squared errors, whose noise is unknown, and no negative log-likelihood."""
    sizes: tuple[int, ...]
    """(T,) numbers of each pulled tensor."""
    exempt: int
    """Parameters that aren't pulled."""


class Controller(Protocol):
    """Frozen and without a state of its own, so that it may stand in a recipe."""

    def interval(self, unit: Literal["epochs", "steps"]) -> int:
        """Epochs of a path, or steps of a training loop, from one update to the next, ≥ 1."""
        ...

    @property
    def needs(self) -> frozenset[Need]:
        """What `update` is shown."""
        ...

    def start(self, lam: Tensor, run: Run) -> tuple[Tensor, State]:
        """The λs to begin with, given those of the path, and a state."""
        ...

    def update(self, lam: Tensor, seen: Mapping[str, Tensor], state: State, run: Run) -> tuple[Tensor, State]:
        """The next λs, and the state after them."""
        ...


class Paced:
    """What has an `every` that counts epochs on a path and steps in a training loop; None for a default of each."""

    every: int | None
    epochs_between: ClassVar[int] = 1
    steps_between: ClassVar[int] = 10

    def interval(self, unit: Literal["epochs", "steps"]) -> int:
        """As of `Controller`."""
        return self.every or (self.epochs_between if unit == "epochs" else self.steps_between)

    def check_pace(self) -> None:
        """Raise where `every` is no count."""
        if self.every is not None:
            check_count("every", self.every, of=type(self).__name__)


def is_positive(value: object) -> bool:
    """Whether it is a number > 0 and finite."""
    return isinstance(value, Real) and not isinstance(value, bool) and 0 < float(value) < float("inf")


def of_strengths(lam: Tensor, of_tensors: Tensor) -> Tensor:
    """Numbers of each tensor (G, L, T) as there are strengths: as they are, or summed up to (G, L)."""
    return of_tensors if lam.ndim == 3 else of_tensors.sum(-1)
