"""How the networks of a path are trained: everything but λ, the rows and the seed, as separate values put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import torch

from shrinkage._errors import RequestError, called, check_choice, check_count
from shrinkage.networks import Kind, Layout, loss_named
from shrinkage.rules import Controller, Need, Rule
from shrinkage.training._trainee import BlockResult, Member
from shrinkage.training.engine import engine_build, engine_name

__all__ = ["Recipe", "Trainer", "check_device", "check_rule", "seconds_of_stack"]

SECONDS_A_STEP, FLOPS_A_SECOND = 2e-4, 3e10
"""A rough cost of a stack: the calls of a step, and how fast its arithmetic is."""
OF_CURVATURE: frozenset[Need] = frozenset({"determined", "slope_by_curvature"})
"""Needs of a controller that only a loss with a second derivative can meet."""


class Trainer(Protocol):
    """How a block of networks is trained: a frozen value with its own settings, given the rest as a recipe."""

    def check(self, recipe: Recipe) -> None:
        """Raise a `RequestError` for what this trainer can't go with."""
        ...

    def described(self) -> dict[str, str]:
        """Every setting as text that is the same in every process."""
        ...

    def error_name(self, recipe: Recipe) -> str:
        """The name of the error that is minimized, penalty aside."""
        ...

    def in_threads(self, recipe: Recipe) -> bool:
        """Whether blocks leave Python to other threads while they train, so that a core needs no process of its own."""
        ...

    def admits(self, recipe: Recipe, lam: float) -> bool:
        """False for a λ that is no strength of the rule, such as a fraction above 1."""
        ...

    def train(
        self,
        recipe: Recipe,
        lambdas: Sequence[float],
        members: Sequence[Member],
        *,
        seed: int,
        epochs: Sequence[int] | None = None,
        after_epochs: Callable[[int], object] | None = None,
    ) -> BlockResult:
        """As `Recipe.train`."""
        ...

    def networks_a_block(self, recipe: Recipe, layout: Layout, n: int) -> int:
        """Number of (λ, member) pairs per block: few enough for the cache, enough to amortize the overhead."""
        ...

    def seconds_an_epoch(self, recipe: Recipe, layout: Layout, n: int, networks: int) -> float:
        """A rough estimate of one core's time for an epoch of a block of `networks` over n rows."""
        ...

    def work_an_epoch(self, recipe: Recipe, layout: Layout, n: int) -> tuple[float, float]:
        """(steps, floating-point operations a network) of one epoch over n rows: a rough estimate."""
        ...


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A network, its loss, the rule that pulls it and the trainer, with what all trainers need to know."""

    kind: Kind
    """The kind of network to train."""
    loss: str
    """A key of `LOSSES`, such as `softmax`, `logistic` (two classes, one output) or `squared_error`."""
    rule: Rule
    """The rule that decays the weights; its strengths are set along the path."""
    trainer: Trainer
    """How it is trained: `Backprop` or `ParticleSwarms`."""
    max_epochs: int
    """Passes over the training rows, ≥ 1."""
    validate_every: int = 1
    """Epochs from one scoring of the validation rows to the next, ≥ 1; the last epoch is always followed by one."""
    decay_biases: bool = False
    """Pull the biases as the weights."""
    controller: Controller | None = None
    """The controller that moves the strengths during training, or None."""
    strengths: str = "network"
    """Under a controller: one strength for a `network`, or one for each of its `layers`."""
    dtype: Literal["float32", "float64"] = "float32"
    device: str = "cpu"
    engine: str = field(default_factory=engine_name)
    """`compiled` or `torch`: who trains what both can; other bits, so a run keeps to one of them."""

    def __post_init__(self) -> None:
        loss = loss_named(self.loss)
        check_count("max_epochs", self.max_epochs)
        check_count("validate_every", self.validate_every)
        check_choice("engine", self.engine, ("compiled", "torch"))
        check_choice("strengths", self.strengths, ("network", "layers"))
        if self.strengths == "layers" and self.controller is None:
            raise RequestError(
                f"{called('strengths', 'layers')}: a λ of the path is one strength for the whole network. "
                "Use a controller that moves one strength per layer."
            )
        if self.controller is not None and self.controller.needs & OF_CURVATURE and not loss.has_curvature:
            raise RequestError(
                f"{called('loss', self.loss)}: the {loss.name} has no curvature that depends on the "
                "outputs alone, which this controller of λ needs. Use squared_error or poisson, or let "
                "the folds choose λ."
            )
        check_device(self.device)
        _check_factors(self.rule)
        self.trainer.check(self)

    @property
    def validated(self) -> list[int]:
        """The epochs, counted from 1, after which the validation rows are scored."""
        every = list(range(self.validate_every, self.max_epochs + 1, self.validate_every))
        return every if every and every[-1] == self.max_epochs else [*every, self.max_epochs]

    @property
    def loss_name(self) -> str:
        """`cross-entropy`, `mean squared error`, …"""
        return loss_named(self.loss).name

    @property
    def error_name(self) -> str:
        """Name of the error in the curves: what is minimized, without the penalty."""
        return self.trainer.error_name(self)

    @property
    def metric_name(self) -> str:
        """`accuracy`, of labels `subset accuracy`, `R²` or, of quantiles, `share below`."""
        return loss_named(self.loss).metric_name

    @property
    def in_threads(self) -> bool:
        """Whether blocks leave Python to other threads while they train, so that a core needs no process of its own."""
        return self.trainer.in_threads(self)

    def layout(self, inputs: int, outputs: int) -> Layout:
        """The parameters of a network with so many inputs and linear outputs."""
        return self.kind.layout(inputs, outputs)

    def described(self) -> dict[str, str]:
        """Every setting as text that is the same in every process: what kept blocks are known by."""
        own = self.__dataclass_fields__.keys() - {"kind", "trainer"}
        return {
            **self.kind.described(),
            **self.trainer.described(),
            **{name: str(getattr(self, name)) for name in own},
            "engine": f"compiled, {engine_build()}" if self.in_threads else "torch",
        }

    def admits(self, lam: float) -> bool:
        """False for a λ that is no strength of the rule, such as a fraction above 1."""
        return self.trainer.admits(self, lam)

    def train(
        self,
        lambdas: Sequence[float],
        members: Sequence[Member],
        *,
        seed: int,
        epochs: Sequence[int] | None = None,
        after_epochs: Callable[[int], object] | None = None,
    ) -> BlockResult:
        """Train L λs for each of G members as one block: K = G·L networks.

        Args:
            lambdas: (L,) canonical strengths.
            members: their training sets are of one shape, and so are their validation sets.
            seed: of the run.
            epochs: (L,) after how many epochs each λ's network is taken; by default after the last.
            after_epochs: called, as epochs are done, with how many more.
        """
        return self.trainer.train(self, lambdas, members, seed=seed, epochs=epochs, after_epochs=after_epochs)

    def networks_a_block(self, layout: Layout, n: int) -> int:
        """Number of (λ, member) pairs per block when training on n rows."""
        return self.trainer.networks_a_block(self, layout, n)

    def seconds_an_epoch(self, layout: Layout, n: int, networks: int) -> float:
        """A rough estimate of one core's time for an epoch of a block of `networks` over n rows."""
        return self.trainer.seconds_an_epoch(self, layout, n, networks)

    def work_an_epoch(self, layout: Layout, n: int) -> tuple[float, float]:
        """(steps, floating-point operations a network) of one epoch over n rows: a rough estimate."""
        return self.trainer.work_an_epoch(self, layout, n)


def seconds_of_stack(recipe: Recipe, layout: Layout, n: int, networks: int) -> float:
    """A rough estimate of one core's time for an epoch of a stack of torch tensors."""
    steps, flops = recipe.work_an_epoch(layout, n)
    return steps * SECONDS_A_STEP + networks * flops / FLOPS_A_SECOND


def check_device(device: str) -> None:
    """Raise when torch has no such device on this machine."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise RequestError(
            f"{called('device', device)}: torch can't use it here: {reason}. Use {called('device', 'cpu')}."
        ) from error


def check_rule(rule: Rule) -> None:
    """Raise for a rule whose strength is no λ of a path that follows the gradient."""
    if rule.entry == "project":
        raise RequestError(
            f"{called('rule')}: the strength of {rule.name} is a radius, not a λ; use it with attach."
        )
    _check_factors(rule)


def _check_factors(rule: Rule) -> None:
    if rule.factors > 1:
        raise RequestError(
            f"{called('rule')}: {rule.name} decays a product of two factors, such as lora_A and lora_B, and a path "
            "decays each weight by itself; use it with attach."
        )
