"""Back-propagation of a block: λs × members, a member being one (fold, restart).

Axes: K = G·L networks, member by member and λ by λ within it; B rows of a batch; C outputs; E epochs.
Initial weights and batches are functions of (seed, fold, restart, epoch): neighbours on the path differ by λ alone,
and a network's numbers don't depend on which others are in its block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from shrinkage.networks import Layout, StackedKind
from shrinkage.training._controlled import control_of
from shrinkage.training._machine import one_thread_flushed
from shrinkage.training._recipe import Recipe, check_rule, seconds_of_stack
from shrinkage.training._trainee import BlockResult, Member, recorded
from shrinkage.training.backprop._backprop_settings import BackpropSettings
from shrinkage.training.backprop._stacked_trainee import StackedBlock, permission, stacked_networks
from shrinkage.training.engine._engine_trainee import (
    EngineBlock,
    engine_networks,
    engine_seconds,
    engine_takes,
)

__all__ = ["Backprop"]


@dataclass(frozen=True, kw_only=True)
class Backprop(BackpropSettings):
    """Training by back-propagation: by the compiled engine where it takes the recipe, else as one stack of torch's."""

    def check(self, recipe: Recipe) -> None:
        if not isinstance(recipe.kind, StackedKind):
            raise TypeError(
                f"{type(recipe.kind).__name__} has no gradients written by hand; use its own trainer"
            )
        check_rule(recipe.rule)

    def described(self) -> dict[str, str]:
        return {name: str(getattr(self, name)) for name in self.__dataclass_fields__}

    def error_name(self, recipe: Recipe) -> str:
        return recipe.loss_name

    def in_threads(self, recipe: Recipe) -> bool:
        return recipe.engine == "compiled" and recipe.strengths == "network" and engine_takes(recipe)

    def admits(self, recipe: Recipe, lam: float) -> bool:
        return recipe.rule.admits(lam, self.learning_rate)

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
        taken = [recipe.max_epochs] * len(lambdas) if epochs is None else epochs
        if self.in_threads(recipe):
            with one_thread_flushed(), torch.no_grad():
                block = EngineBlock(recipe, lambdas, members, seed)
                return self._record(recipe, block, taken, after_epochs)
        if len(lambdas) == len(members) == 1:
            # The product of a single matrix uses another routine with other rounding, so it gets a twin.
            twice = None if epochs is None else [*epochs, *epochs]
            pair = self.train(
                recipe, [*lambdas, *lambdas], members, seed=seed, epochs=twice, after_epochs=after_epochs
            )
            return BlockResult(**{name: array[:, :1] for name, array in pair.arrays.items()})
        with one_thread_flushed(permission(recipe, members[0])), torch.no_grad():
            block = StackedBlock(recipe, lambdas, members, seed)
            return self._record(recipe, block, taken, after_epochs)

    def _record(
        self,
        recipe: Recipe,
        block: EngineBlock | StackedBlock,
        taken: Sequence[int],
        after_epochs: Callable[[int], object] | None,
    ) -> BlockResult:
        steps = block.steps * recipe.max_epochs
        control = control_of(recipe, block, lr=self.learning_rate, steps=steps)
        return recorded(block, taken, len(block.members), recipe.validated, after_epochs, control)

    def networks_a_block(self, recipe: Recipe, layout: Layout, n: int) -> int:
        sized = engine_networks if self.in_threads(recipe) else stacked_networks
        return sized(recipe, layout, n)

    def seconds_an_epoch(self, recipe: Recipe, layout: Layout, n: int, networks: int) -> float:
        if self.in_threads(recipe):
            return networks * engine_seconds(recipe, layout, n)
        return seconds_of_stack(recipe, layout, n, networks)

    def work_an_epoch(self, recipe: Recipe, layout: Layout, n: int) -> tuple[float, float]:
        return -(-n // self.batch_size), recipe.kind.work(layout) * n
