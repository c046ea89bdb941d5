"""Training by particle swarms: one swarm a network, all particles of all swarms evaluated at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from shrinkage.networks import Layout
from shrinkage.training._machine import one_thread_flushed
from shrinkage.training._recipe import Recipe, seconds_of_stack
from shrinkage.training._trainee import BlockResult, Member, recorded
from shrinkage.training.swarm._swarm_settings import SwarmSettings
from shrinkage.training.swarm._swarm_trainee import SwarmBlock, swarms_in_threads

__all__ = ["ParticleSwarms"]

SWARMS_A_BLOCK, SWARMS_A_THREAD = 64, 24
"""Many for the overhead of torch's calls; fewer where the engine leaves little of it, to share them out evenly."""
STATE_ELEMENTS = 1 << 22
"""Positions, velocities and best positions of a block, in numbers."""


@dataclass(frozen=True, kw_only=True)
class ParticleSwarms(SwarmSettings):
    """Training by particle swarms; the curves show the best network of each swarm so far."""

    def in_threads(self, recipe: Recipe) -> bool:
        return swarms_in_threads(recipe)

    def admits(self, recipe: Recipe, lam: float) -> bool:
        return True

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
        with one_thread_flushed(), torch.no_grad():
            taken = [recipe.max_epochs] * len(lambdas) if epochs is None else epochs
            block = SwarmBlock(recipe, lambdas, members, seed)
            return recorded(block, taken, len(members), recipe.validated, after_epochs)

    def networks_a_block(self, recipe: Recipe, layout: Layout, n: int) -> int:
        by_memory = STATE_ELEMENTS // (3 * self.swarm.particles * layout.n_parameters)
        return max(1, min(SWARMS_A_THREAD if self.in_threads(recipe) else SWARMS_A_BLOCK, by_memory))

    def seconds_an_epoch(self, recipe: Recipe, layout: Layout, n: int, networks: int) -> float:
        return seconds_of_stack(recipe, layout, n, networks)

    def work_an_epoch(self, recipe: Recipe, layout: Layout, n: int) -> tuple[float, float]:
        evaluated = self.iterations_an_epoch * self.swarm.particles
        return self.iterations_an_epoch, 2.0 * layout.n_parameters * n * evaluated
