"""The strength that makes the training rows likeliest: no validation rows, one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from shrinkage._errors import RequestError, check_count, shown
from shrinkage.rules.controllers._controller import Need, Paced, Run, State, is_positive, of_strengths

__all__ = ["Evidence"]


@dataclass(frozen=True)
class Evidence(Paced):
    """MacKay's fixed point of the evidence: δ ← γ/‖w‖² and λ = δ/n, for all weights together or for each tensor.

    γ = Σ hᵢ/(hᵢ + λ) counts the weights that the rows determine. It uses the whole Gauss–Newton matrix if the network or
    the table is small. For larger ones, a path uses Kronecker factors, which overestimate γ, and a loop uses one random
    direction per row. Squared error is a likelihood only with a noise variance σ², which is estimated too: σ² = Σr²/(nC
    − γ), in which parameters without decay count as determined; then λ = 2δσ²/(nC). Biases and other exempt parameters
    have no strength.

    Args:
        batches: for `attach`: training batches `(inputs, …, targets)`, as an iterable or a function that returns the next
            one; a path uses its own rows.
        loss: for `attach`: `cross_entropy` or `squared_error`, the mean over the rows that the loop minimizes.
        rows: for `attach`: n training rows; None if `batches` has a length.
        sample: for `attach`: number of rows used per update, ≥ 1; all rows if there are fewer.
        every: number of epochs in a path, or steps in a loop, between updates, ≥ 1; by default 10 and 100.
        smallest, largest: bounds on λ.

    It is known to fail with normalization layers, and to over- or underfit if the posterior is far from Gaussian around
    its optimum. Check the result with folds.

    Reference: MacKay, Neural Computation 1992; Immer et al., ICML 2021 (online); 2202.11678 and 2206.08900 for where
    it fails.
    """

    batches: Any = None
    loss: str | None = None
    rows: int | None = None
    sample: int = 256
    every: int | None = None
    smallest: float = 1e-10
    largest: float = 1e4

    epochs_between: ClassVar[int] = 10
    steps_between: ClassVar[int] = 100

    def __post_init__(self) -> None:
        self.check_pace()
        check_count("sample", self.sample, of="Evidence")
        if self.rows is not None:
            check_count("rows", self.rows)
        bounds = self.smallest, self.largest
        if not all(map(is_positive, bounds)) or self.smallest > self.largest:
            raise RequestError(
                "Evidence(smallest=…, largest=…): must be > 0, finite and in order, got "
                f"{' and '.join(map(shown, bounds))}."
            )

    @property
    def needs(self) -> frozenset[Need]:
        return frozenset({"norm", "determined", "loss"})

    def start(self, lam: Tensor, run: Run) -> tuple[Tensor, State]:
        return lam.clamp(self.smallest, self.largest), {}

    def update(self, lam: Tensor, seen: Mapping[str, Tensor], state: State, run: Run) -> tuple[Tensor, State]:
        precision = of_strengths(lam, seen["determined"]) / of_strengths(lam, seen["norm"])
        if run.regression:
            free = (run.rows * run.outputs - seen["determined"].sum(-1) - run.exempt).clamp_min(1)
            scale = 2 * seen["loss"] / free
            precision = precision * (scale[..., None] if lam.ndim == 3 else scale)
        else:
            precision = precision / run.rows
        return precision.nan_to_num(nan=self.largest).clamp(self.smallest, self.largest), state
