"""How the networks of a path are trained: everything but λ, the rows and the seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch

from shrinkage._errors import RequestError, shown
from shrinkage.networks import ACTIVATIONS, INITIALIZATIONS, LOSSES
from shrinkage.rules import Rule

__all__ = ["TrainingOptions", "learning_rate"]


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """The network and its training."""

    hidden_layer_sizes: tuple[int, ...]
    """Units of each hidden layer; empty for a linear model."""
    activation: str
    """`relu`, `tanh`, `logistic` or `identity`."""
    loss: str
    """`softmax`, `logistic` (two classes, one output) or `squared_error`."""
    rule: Rule
    """What pulls the weights; its strengths are set along the path."""
    initialization: str = "auto"
    """`glorot`, `he`, or `auto`: He for relu, Glorot otherwise."""
    optimizer: str = "adam"
    """`adam` or `sgd`."""
    learning_rate: float = 1e-3
    """η, the largest of the schedule; > 0."""
    schedule: str = "constant"
    """`constant`, or `cosine` from η to 0 over all steps."""
    momentum: float = 0.0
    """μ of SGD, 0 ≤ μ < 1."""
    nesterov: bool = False
    """Nesterov's look-ahead in SGD."""
    max_epochs: int
    """Passes over the training rows, ≥ 1."""
    batch_size: int
    """Rows a step, ≥ 1; the last batch of an epoch may be smaller. 1 is online training."""
    decay_biases: bool = False
    """Pull the biases as the weights."""
    dtype: Literal["float32", "float64"] = "float32"
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name, value, known in (
            ("activation", self.activation, ACTIVATIONS),
            ("loss", self.loss, LOSSES),
            ("optimizer", self.optimizer, ("adam", "sgd")),
            ("learning_rate_schedule", self.schedule, ("constant", "cosine")),
            ("initialization", self.initialization, INITIALIZATIONS),
        ):
            if value not in known:
                raise RequestError(f"{name}=…: must be one of {', '.join(known)}, got {shown(value)}.")
        for name, number in (("max_epochs", self.max_epochs), ("batch_size", self.batch_size)):
            if number < 1:
                raise RequestError(f"{name}=…: must be >= 1, got {shown(number)}.")
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise RequestError(
                f"learning_rate_init=…: must be > 0 and finite, got {shown(self.learning_rate)}."
            )
        if not 0 <= self.momentum < 1:
            raise RequestError(f"momentum=…: must be >= 0 and < 1, got {shown(self.momentum)}.")
        check_device(self.device)
        if any(units < 1 for units in self.hidden_layer_sizes):
            raise RequestError(
                f"hidden_layer_sizes=…: every layer needs at least 1 unit, got {shown(self.hidden_layer_sizes)}."
            )


def check_device(device: str) -> None:
    """Raise when torch has no such device on this machine."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise RequestError(f"device={shown(device)}: torch can't use it here: {reason}. Use device='cpu'.") from error


def learning_rate(options: TrainingOptions, step: int, steps: int) -> float:
    """η_t at step t = `step` (from 0) of T = `steps`: η, or `η ½(1 + cos(π t/T))` for the cosine schedule.

    Reference: Loshchilov and Hutter, ICLR 2017, eq. 5 (one period, down to 0).
    """
    if options.schedule == "constant":
        return options.learning_rate
    return options.learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
