"""Training a block of nets by particle swarms: one swarm a net, all particles of all swarms evaluated at once.

Axes: G members, L λs, S = G·L swarms, member by member and λ by λ within it; P particles, D parameters; E epochs.
A swarm minimizes `error + penalty` of the whole training rows. Its random numbers are functions of (seed, restart,
step): the λs and folds of one restart see the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from shrinkage.networks import perceptron_layout
from shrinkage.rules import L1Force, L2Force, Reading, Rule
from shrinkage.training._recipe import Recipe
from shrinkage.training._strengths import Strengths
from shrinkage.training._trainee import EpochByEpoch, Member
from shrinkage.training.engine._engine_swarms import EngineSwarms, Objective, engine_moves
from shrinkage.training.swarm._swarm_rows import SwarmRows, rows_for_swarm, swarms_in_threads
from shrinkage.training.swarm._swarm_settings import swarms_of
from shrinkage.training.swarm._swarms import Box, Swarms

__all__ = ["SwarmBlock", "swarms_in_threads"]

NO_LEARNING_RATE = Reading(1.0, 1.0)
"""A swarm has none: a rule that shrinks positions takes off its strength itself, as at a learning rate of 1."""


class SwarmBlock(EpochByEpoch):
    """S swarms; arguments as in `Recipe.train`."""

    def __init__(
        self, recipe: Recipe, lambdas: Sequence[float], members: Sequence[Member], seed: int
    ) -> None:
        self.recipe, self.settings = recipe, swarms_of(recipe)
        settings, self.members, self.L = self.settings, members, len(lambdas)
        X = members[0].train.X
        self.layout = perceptron_layout(members[0].layout(recipe.kind))
        self.n_pulled = self.layout.decayed_columns(recipe.decay_biases).stop
        validation = [m.validation for m in members if m.validation is not None]
        self.train = [rows_for_swarm(recipe, self.layout, m.train, self.L) for m in members]
        self.validation = [rows_for_swarm(recipe, self.layout, rows, self.L) for rows in validation]
        self.strengths = Strengths(recipe.rule, lambdas, len(members), lr=1.0, like=X)
        ends = X.new_ones(self.layout.n_parameters)
        bound = settings.bound
        kind = EngineSwarms if swarms_in_threads(recipe) and engine_moves(settings.swarm) else Swarms
        self.swarms = kind(
            self._objective,
            Box(-settings.start_range * ends, settings.start_range * ends),
            [(seed, member.restart) for member in members for _ in lambdas],
            settings.swarm,
            bounds=None if bound is None else Box(-bound * ends, bound * ends),
            decay=None if self.rule.entry == "loss" else self._decay,
        )
        if isinstance(self.swarms, EngineSwarms):
            self.swarms.objective = self._engines_objective()

    @property
    def rule(self) -> Rule:
        return self.strengths.rule

    def _engines_objective(self) -> Objective | None:
        """`_objective` for the engine, where it knows the rule and holds the rows."""
        rows, force = [each.of_engine for each in self.train], self.rule.force
        if self.rule.entry != "loss" or not isinstance(force, L2Force | L1Force) or None in rows:
            return None
        assert isinstance(self.settings.error, str)
        return Objective(
            rows=[each for each in rows if each is not None],
            member=torch.arange(len(self.members)).repeat_interleave(self.L),
            error=self.settings.error,
            l1=isinstance(force, L1Force),
            strength=self.strengths.of_networks.contiguous(),
            n_pulled=self.n_pulled,
        )

    def train_epoch(self, epoch: int) -> np.ndarray:
        self.swarms.steps(self.settings.iterations_an_epoch)
        return self._score(self.train)

    def validate(self) -> np.ndarray | None:
        return self._score(self.validation) if self.validation else None

    def networks(self) -> np.ndarray:
        best = self.swarms.best.view(len(self.members), self.L, -1)
        return best.cpu().numpy().astype(self.recipe.dtype)

    def judge(self) -> np.ndarray:
        penalty = self._penalty().view(1, len(self.members), self.L).cpu().numpy()
        return np.concatenate([self._score(self.train), penalty])

    def _objective(self, x: Tensor) -> Tensor:
        """error + penalty of positions (S, P, D)."""
        networks = x.split(self.L)
        error = torch.cat([rows.error(few) for rows, few in zip(self.train, networks, strict=True)])
        if self.rule.entry != "loss":
            return error
        return error + self.rule.penalty(x[..., : self.n_pulled]).sum(-1)

    def _decay(self, x: Tensor, before: Tensor) -> None:
        each = self.strengths.of_networks.repeat_interleave(self.settings.swarm.particles).view(-1, 1, 1)
        rule = self.rule.with_checked(each)
        for w, previous in zip(self._pulled(x), self._pulled(before), strict=True):
            rule.shrink_(w, NO_LEARNING_RATE, previous=previous)

    def _pulled(self, x: Tensor) -> list[Tensor]:
        parameters = self.layout.from_rows(x.view(-1, self.layout.n_parameters))
        return parameters.weights + (parameters.biases if self.recipe.decay_biases else [])

    def _penalty(self) -> Tensor:
        """(S,) of the best networks, NaN for a rule without an objective."""
        if not self.rule.has_objective:
            return torch.full((len(self.swarms.best),), torch.nan)
        w = self.swarms.best[:, None, : self.n_pulled]
        return self.rule.penalty(w).sum((1, 2), dtype=torch.float64)

    def _score(self, watched: list[SwarmRows]) -> np.ndarray:
        """(2, G, L): error and metric of the best networks."""
        best = self.swarms.best.split(self.L)
        scored = [rows.score(networks) for rows, networks in zip(watched, best, strict=True)]
        return torch.stack(scored, 1).cpu().numpy()
