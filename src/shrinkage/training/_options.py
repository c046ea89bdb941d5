"""How the networks of a path are trained: everything but λ, the rows and the seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Literal, Protocol

import torch

from shrinkage._errors import RequestError, shown
from shrinkage.networks import ACTIVATIONS, LOSSES, Layout
from shrinkage.rules import Rule
from shrinkage.training._block import BlockResult, Member
from shrinkage.training.engine import engine_build, engine_name

__all__ = ["NetworkOptions", "check_choice", "check_count", "check_device"]


SECONDS_A_STEP, FLOPS_A_SECOND = 2e-4, 3e10
"""A rough cost of a stack: the calls of a step, and how fast its arithmetic is."""


class Shaped(Protocol):
    """A matrix, of whatever library."""

    @property
    def shape(self) -> Sequence[int]: ...


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
    validate_every: int = 1
    """Epochs from one scoring of the validation rows to the next, ≥ 1; the last epoch is always followed by one."""
    decay_biases: bool = False
    """Pull the biases as the weights."""
    dtype: Literal["float32", "float64"] = "float32"
    device: str = "cpu"
    engine: str = field(default_factory=engine_name)
    """`compiled` or `torch`: who trains what both can; other bits, so a run keeps to one of them."""

    def __post_init__(self) -> None:
        check_choice("activation", self.activation, ACTIVATIONS)
        check_choice("loss", self.loss, LOSSES)
        check_count("max_epochs", self.max_epochs)
        check_count("validate_every", self.validate_every)
        if any(units < 1 for units in self.hidden_layer_sizes):
            raise RequestError(
                f"hidden_layer_sizes=…: every layer needs at least 1 unit, got {shown(self.hidden_layer_sizes)}."
            )
        check_choice("engine", self.engine, ("compiled", "torch"))
        check_device(self.device)

    @property
    def validated(self) -> list[int]:
        """The epochs, counted from 1, after which the validation rows are scored."""
        every = list(range(self.validate_every, self.max_epochs + 1, self.validate_every))
        return every if every and every[-1] == self.max_epochs else [*every, self.max_epochs]

    @property
    def error_name(self) -> str:
        """What the curves show: the name of the error that is minimized, penalty aside."""
        return LOSSES[self.loss].name

    def layout(self, X: Shaped, Y: Shaped) -> Layout:
        """The network for inputs X (·, D) and targets Y (·, C)."""
        return Layout((X.shape[1], *self.hidden_layer_sizes, Y.shape[1]))

    @property
    def in_threads(self) -> bool:
        """Whether blocks leave Python to other threads while they train, so that a core needs no process of its own."""
        return False

    def described(self) -> dict[str, str]:
        """Every setting as text that is the same in every process: what kept blocks are known by."""
        settings = {name: str(getattr(self, name)) for name in self.__dataclass_fields__}
        return settings | {"engine": f"compiled, {engine_build()}" if self.in_threads else "torch"}

    def admits(self, lam: float) -> bool:
        """False for a λ that is no strength of the rule, such as a fraction above 1."""
        return True

    @abstractmethod
    def train(
        self,
        lambdas: Sequence[float],
        members: Sequence[Member],
        *,
        seed: int,
        epochs: Sequence[int] | None = None,
        after_epochs: Callable[[int], object] | None = None,
    ) -> BlockResult:
        """Train L λs for each of G members as one stack; the arguments are those of `train_block`."""

    @abstractmethod
    def networks_a_block(self, layout: Layout, n: int) -> int:
        """How many (λ, member) make a block: few enough for the cache, many enough for the overhead."""

    def seconds_an_epoch(self, layout: Layout, n: int, networks: int) -> float:
        """A rough estimate of one core's time for an epoch of a block of `networks` over n rows."""
        steps, flops = self.work_an_epoch(layout, n)
        return steps * SECONDS_A_STEP + networks * flops / FLOPS_A_SECOND

    @abstractmethod
    def work_an_epoch(self, layout: Layout, n: int) -> tuple[float, float]:
        """(steps, floating-point operations a network) of one epoch over n rows: a rough estimate."""


def check_choice(name: str, value: object, known: Collection[str]) -> None:
    """Raise when an option is none of those known."""
    if value not in known:
        raise RequestError(f"{name}=…: must be one of {', '.join(known)}, got {shown(value)}.")


def check_count(name: str, value: object) -> None:
    """Raise when an option is no whole number from 1 on; True and 2.0 are none."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise RequestError(f"{name}=…: must be a whole number >= 1, got {shown(value)}.")


def check_device(device: str) -> None:
    """Raise when torch has no such device on this machine."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise RequestError(
            f"device={shown(device)}: torch can't use it here: {reason}. Use device='cpu'."
        ) from error
