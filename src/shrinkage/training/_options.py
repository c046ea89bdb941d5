"""How the networks of a path are trained: everything but λ, the rows and the seed."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from shrinkage._errors import RequestError, shown
from shrinkage.networks import ACTIVATIONS, INITIALIZATIONS, LOSSES, Layout
from shrinkage.rules import Rule

if TYPE_CHECKING:
    from shrinkage.training._backprop import BlockResult, Member

__all__ = ["NetworkOptions", "TrainingOptions", "learning_rate"]

CACHED_PARAMETERS = 1 << 17
"""Parameters of a stack whose weights, gradients and moments stay in a core's cache (2 MB in float32)."""
HELD_ACTIVATIONS = 1 << 22
"""Numbers of one layer and batch that a stack may hold."""


@dataclass(frozen=True, kw_only=True)
class NetworkOptions(ABC):
    """The network and what every trainer needs to know; a subclass is a trainer with its settings."""

    hidden_layer_sizes: tuple[int, ...]
    """Units of each hidden layer; empty for a linear model."""
    activation: str
    """`relu`, `tanh`, `logistic` or `identity`."""
    loss: str
    """`softmax`, `logistic` (two classes, one output) or `squared_error`."""
    rule: Rule
    """What pulls the weights; its strengths are set along the path."""
    max_epochs: int
    """Passes over the training rows, ≥ 1."""
    decay_biases: bool = False
    """Pull the biases as the weights."""
    dtype: Literal["float32", "float64"] = "float32"
    device: str = "cpu"

    def __post_init__(self) -> None:
        check_choice("activation", self.activation, ACTIVATIONS)
        check_choice("loss", self.loss, LOSSES)
        if self.max_epochs < 1:
            raise RequestError(f"max_epochs=…: must be >= 1, got {shown(self.max_epochs)}.")
        if any(units < 1 for units in self.hidden_layer_sizes):
            raise RequestError(
                f"hidden_layer_sizes=…: every layer needs at least 1 unit, got {shown(self.hidden_layer_sizes)}."
            )
        check_device(self.device)

    @property
    def error_name(self) -> str:
        """What the curves show: the name of the error that is minimized, penalty aside."""
        return LOSSES[self.loss].name

    def described(self) -> dict[str, str]:
        """Every setting as text that is the same in every process: what kept blocks are known by."""
        return {name: str(getattr(self, name)) for name in self.__dataclass_fields__}

    @abstractmethod
    def train(
        self,
        lambdas: Sequence[float],
        members: Sequence[Member],
        *,
        seed: int,
        epochs: Sequence[int] | None = None,
        after_epoch: Callable[[], object] | None = None,
    ) -> BlockResult:
        """Train L λs for each of G members as one stack; the arguments are those of `train_block`."""

    @abstractmethod
    def networks_a_block(self, layout: Layout, n: int) -> int:
        """How many (λ, member) make a block: few enough for the cache, many enough for the overhead."""

    @abstractmethod
    def work_an_epoch(self, layout: Layout, n: int) -> tuple[float, float]:
        """(steps, floating-point operations a network) of one epoch over n rows: a rough estimate."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(NetworkOptions):
    """Training by back-propagation."""

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
    batch_size: int
    """Rows a step, ≥ 1; the last batch of an epoch may be smaller. 1 is online training."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("optimizer", self.optimizer, ("adam", "sgd"))
        check_choice("learning_rate_schedule", self.schedule, ("constant", "cosine"))
        check_choice("initialization", self.initialization, INITIALIZATIONS)
        if self.batch_size < 1:
            raise RequestError(f"batch_size=…: must be >= 1, got {shown(self.batch_size)}.")
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise RequestError(
                f"learning_rate_init=…: must be > 0 and finite, got {shown(self.learning_rate)}."
            )
        if not 0 <= self.momentum < 1:
            raise RequestError(f"momentum=…: must be >= 0 and < 1, got {shown(self.momentum)}.")

    def train(
        self,
        lambdas: Sequence[float],
        members: Sequence[Member],
        *,
        seed: int,
        epochs: Sequence[int] | None = None,
        after_epoch: Callable[[], object] | None = None,
    ) -> BlockResult:
        from shrinkage.training._backprop import train_block

        return train_block(self, lambdas, members, seed=seed, epochs=epochs, after_epoch=after_epoch)

    def networks_a_block(self, layout: Layout, n: int) -> int:
        by_cache = min(256, max(4, CACHED_PARAMETERS // layout.n_parameters))
        by_memory = HELD_ACTIVATIONS // (min(self.batch_size, n) * max(layout.sizes))
        return max(1, min(by_cache, by_memory))

    def work_an_epoch(self, layout: Layout, n: int) -> tuple[float, float]:
        return -(-n // self.batch_size), 6.0 * layout.n_parameters * n


def check_choice(name: str, value: object, known: Collection[str]) -> None:
    """Raise when an option is none of those known."""
    if value not in known:
        raise RequestError(f"{name}=…: must be one of {', '.join(known)}, got {shown(value)}.")


def check_device(device: str) -> None:
    """Raise when torch has no such device on this machine."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise RequestError(
            f"device={shown(device)}: torch can't use it here: {reason}. Use device='cpu'."
        ) from error


def learning_rate(options: TrainingOptions, step: int, steps: int) -> float:
    """η_t at step t = `step` (from 0) of T = `steps`: η, or `η ½(1 + cos(π t/T))` for the cosine schedule.

    Reference: Loshchilov and Hutter, ICLR 2017, eq. 5 (one period, down to 0).
    """
    if options.schedule == "constant":
        return options.learning_rate
    return options.learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
