"""What a conversion may need to know about the run beside the number itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict, get_args

from shrinkage._errors import RequestError, called, shown
from shrinkage.strength._checks import checked

__all__ = ["Loss", "Options", "Quantities", "ScheduleName", "asked_for"]

Loss = Literal["cross_entropy", "bce", "half_squared_error", "mse", "squared_error"]
ScheduleName = Literal["constant", "linear", "cosine", "one-cycle"]


class Options(TypedDict, total=False):
    """The keywords of `Quantities`, for functions that hand them on."""

    lr: float | None
    momentum: float
    dampening: float
    nesterov: bool
    rows: float | None
    batch_size: float | None
    outputs: int | None
    loss: Loss | None
    noise_variance: float
    schedule: ScheduleName | Sequence[float]
    steps: int | None
    epochs: float | None
    l1_ratio: float
    beta1: float
    gradient_rms: float
    start_share: float | None


@dataclass(frozen=True, kw_only=True)
class Quantities:
    """The run a strength belongs to; None means that it was not given."""

    lr: float | None = None
    """Learning rate η, the peak of the schedule: > 0."""
    momentum: float = 0.0
    """Momentum μ of SGD: in [0, 1)."""
    dampening: float = 0.0
    """torch's dampening d of the momentum: in [0, 1)."""
    nesterov: bool = False
    """Whether the momentum is Nesterov's; the first order of the shrink does not depend on it."""
    rows: float | None = None
    """Training rows n, or the sum of their sample weights: >= 1."""
    batch_size: float | None = None
    """Rows per optimizer step: >= 1."""
    outputs: int | None = None
    """Outputs k over which a loss such as MSELoss takes its mean: >= 1."""
    loss: Loss | None = None
    """The loss beside which the number is typed, and to which `lr` belongs."""
    noise_variance: float = 1.0
    """Variance of the targets' noise, for prior precisions in regression: > 0."""
    schedule: ScheduleName | Sequence[float] = "constant"
    """How the learning rate runs, by name or as its value at each step: >= 0."""
    steps: int | None = None
    """Optimizer steps of the run: >= 1."""
    epochs: float | None = None
    """Passes over the data in the run: > 0."""
    l1_ratio: float = 0.0
    """scikit-learn's share of L1 in an elastic net: in [0, 1]."""
    beta1: float = 0.9
    """The first-moment coefficient of optimizers that decay through it: in [0, 1)."""
    gradient_rms: float = 1.0
    """√v̂ of an Adam-type optimizer, for approximate conversions: > 0."""
    start_share: float | None = None
    """Megatron's start weight decay as a share a of the end one: in [0, 1]."""

    def __post_init__(self) -> None:
        for name, rule in _RULES.items():
            value = getattr(self, name)
            if value is not None:
                checked("convert", name, value, rule)
        if self.loss is not None and self.loss not in get_args(Loss):
            known = ", ".join(get_args(Loss))
            raise RequestError(
                f"{called('loss', of='convert')}: must be one of {known}; got {shown(self.loss)}."
            )
        if self.nesterov and (self.dampening or not self.momentum):
            raise RequestError(
                f"{called('nesterov', True, of='convert')}: needs momentum > 0 and dampening = 0, as in torch."
            )

    def get(self, name: str) -> float:
        """The quantity, or the sentence that asks for it."""
        value = getattr(self, name)
        if value is None:
            raise RequestError(asked_for([name], "this conversion"))
        return float(value)

    def batch(self) -> float:
        """Rows of a full mini-batch: never more than there are rows."""
        batch = self.get("batch_size")
        return batch if self.rows is None else min(batch, self.rows)

    def loss_scale(self) -> float:
        """c in `loss = c · L0`, L0 the likelihood's own loss: cross-entropy, or ½ Σⱼ rⱼ² of a row."""
        if self.loss in ("mse", "bce"):
            return (2 if self.loss == "mse" else 1) / self.get("outputs")
        return 2.0 if self.loss == "squared_error" else 1.0


_RULES = {
    "lr": "> 0 and finite",
    "momentum": "in [0, 1)",
    "dampening": "in [0, 1)",
    "rows": ">= 1 and finite",
    "batch_size": ">= 1 and finite",
    "outputs": ">= 1 and finite",
    "noise_variance": "> 0 and finite",
    "steps": ">= 1 and finite",
    "epochs": "> 0 and finite",
    "l1_ratio": "in [0, 1]",
    "beta1": "in [0, 1)",
    "gradient_rms": "> 0 and finite",
    "start_share": "in [0, 1]",
}

_MEANINGS = {
    "lr": "the learning rate, at its peak",
    "rows": "the number of training rows",
    "batch_size": "the rows of one optimizer step",
    "outputs": "the outputs over which the loss takes its mean",
    "loss": "the loss that the number belongs to: half_squared_error, mse or squared_error",
    "epochs": "the passes over the data in the run",
    "start_share": "the start weight decay as a share of the end value, 0 for a ramp from 0",
    "steps": "the number of optimizer steps of the run, or epochs, rows and batch_size",
    "gradient_rms": "the root mean square of the gradient's entries, which divides an adaptive step",
    "weight_rms": "the root mean square of the weights",
    "curvature": "the smallest and largest eigenvalue of the loss's Hessian: for least squares those of "
    "XᵀX/n, for a logistic loss a quarter of them",
}


def asked_for(names: Sequence[str], what: str, of: str = "convert") -> str:
    """The sentence that asks for quantities by name."""
    options = ", ".join(f"{called(name)} ({_MEANINGS[name]})" for name in names)
    return f"{called(f'{of}(…)')}: {what} needs {options}. Give {'it' if len(names) == 1 else 'them'} too."
