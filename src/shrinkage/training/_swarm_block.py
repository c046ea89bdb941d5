"""Training a block of nets by particle swarms: one swarm a net, all particles of all swarms evaluated at once.

Axes: G members, L λs, S = G·L swarms, member by member and λ by λ within it; P particles, D parameters; E epochs.
A swarm minimizes `error + penalty` of the whole training rows. Its random numbers are functions of (seed, restart,
step): the λs and folds of one restart see the same ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from shrinkage._errors import RequestError, shown
from shrinkage.networks import LOSSES, Layout
from shrinkage.rules import Reading
from shrinkage.rules._forces import L1Force, L2Force
from shrinkage.training._block import BlockResult, EpochByEpoch, Member, recorded
from shrinkage.training._machine import one_thread_flushed
from shrinkage.training._options import NetworkOptions, check_choice
from shrinkage.training._swarm import Box, Swarm, Swarms
from shrinkage.training._swarm_error import ErrorOfNetworks
from shrinkage.training._swarm_rows import WatchedRows, watched
from shrinkage.training.engine._swarm import EngineSwarms, Objective, engine_moves

__all__ = ["SwarmOptions", "train_swarm_block"]

SWARMS_A_BLOCK, SWARMS_A_THREAD = 64, 24
"""Many for the overhead of torch's calls; fewer where the engine leaves little of it, to share them out evenly."""
STATE_ELEMENTS = 1 << 22
"""Positions, velocities and best positions of a block, in numbers."""
NO_LEARNING_RATE = Reading(1.0, 1.0)
"""A swarm has none: a rule that shrinks positions takes off its strength itself, as at a learning rate of 1."""


@dataclass(frozen=True, kw_only=True)
class SwarmOptions(NetworkOptions):
    """Training by particle swarms. An epoch is `iterations_an_epoch` iterations, each of which reads all rows.

    A rule in the error adds its penalty to the error of every particle. A rule that shrinks acts on the positions,
    between the move and the evaluation, with the learning rate 1.
    """

    swarm: Swarm = field(default_factory=lambda: Swarm(max_velocity=0.1))
    """Size, movement and stopping of each swarm."""
    error: str | ErrorOfNetworks = "loss"
    """What is minimized besides the penalty: the `loss`; `accuracy` (as the share of wrong rows); or a function of
    predictions (K, n, C) and targets (n, C) that gives the errors (K,) of K networks."""
    start_range: float = 1.0
    """Particles start uniformly in ± this, > 0."""
    bound: float | None = 10.0
    """Positions are clamped to ± this, > 0; None for no bound."""
    iterations_an_epoch: int = 5
    """Iterations after which the curves get a point, ≥ 1."""

    ERRORS: ClassVar[tuple[str, ...]] = ("loss", "accuracy")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not callable(self.error):
            check_choice("error", self.error, self.ERRORS)
        if self.error == "accuracy" and LOSSES[self.loss].metric_name != "accuracy":
            raise RequestError("error='accuracy': a regression has none. Use 'loss' or a function.")
        for name, number in (("start_range", self.start_range), ("bound", self.bound)):
            if number is not None and not 0 < number < float("inf"):
                raise RequestError(f"{name}=…: must be > 0 and finite, got {shown(number)}.")
        if self.iterations_an_epoch < 1:
            raise RequestError(f"iterations_an_epoch=…: must be >= 1, got {shown(self.iterations_an_epoch)}.")
        if self.rule.anchor == "initial":
            raise RequestError(
                f"rule={self.rule.name}: it pulls toward the weights that training starts from, and each particle "
                "of a swarm starts elsewhere. Use a rule that pulls toward 0."
            )
        if not self.rule.stacks:
            raise RequestError(
                f"rule={self.rule.name}: it reads the gradient, and a swarm has none. Use rule='l2' or another penalty."
            )

    @property
    def error_name(self) -> str:
        if callable(self.error):
            return getattr(self.error, "__name__", type(self.error).__name__).replace("_", " ")
        return super().error_name if self.error == "loss" else "share of wrong rows"

    @property
    def in_threads(self) -> bool:
        return self.engine == "compiled" and self.device == "cpu" and not callable(self.error)

    def described(self) -> dict[str, str]:
        if not callable(self.error):
            return super().described()
        code = getattr(self.error, "__code__", None)
        text = "" if code is None else hashlib.sha256(_written(code).encode()).hexdigest()
        return super().described() | {"error": f"{self.error_name}, {text}"}

    def train(
        self,
        lambdas: Sequence[float],
        members: Sequence[Member],
        *,
        seed: int,
        epochs: Sequence[int] | None = None,
        after_epochs: Callable[[int], object] | None = None,
    ) -> BlockResult:
        return train_swarm_block(self, lambdas, members, seed=seed, epochs=epochs, after_epochs=after_epochs)

    def networks_a_block(self, layout: Layout, n: int) -> int:
        by_memory = STATE_ELEMENTS // (3 * self.swarm.particles * layout.n_parameters)
        return max(1, min(SWARMS_A_THREAD if self.in_threads else SWARMS_A_BLOCK, by_memory))

    def work_an_epoch(self, layout: Layout, n: int) -> tuple[float, float]:
        evaluated = self.iterations_an_epoch * self.swarm.particles
        return self.iterations_an_epoch, 2.0 * layout.n_parameters * n * evaluated


def _written(code: CodeType) -> str:
    """A function as text: its instructions, and the names and constants that they refer to by position."""
    constants = []
    for each in code.co_consts:
        if isinstance(each, CodeType):
            constants.append(_written(each))
        else:
            # A set's order changes from process to process.
            constants.append(repr(sorted(each, key=repr) if isinstance(each, frozenset) else each))
    return repr((code.co_code, code.co_names, constants))


def train_swarm_block(
    options: SwarmOptions,
    lambdas: Sequence[float],
    members: Sequence[Member],
    *,
    seed: int,
    epochs: Sequence[int] | None = None,
    after_epochs: Callable[[int], object] | None = None,
) -> BlockResult:
    """Train L λs for each of G members, a swarm each; the curves show the best network of each swarm so far.

    Args:
        options: the network and the swarms.
        lambdas: (L,) canonical strengths.
        members: their training sets are of one shape, and so are their validation sets.
        seed: of the run.
        epochs: (L,) after how many epochs each λ's network is taken; by default after the last.
        after_epochs: told, as epochs are done, how many more.
    """
    with one_thread_flushed(), torch.no_grad():
        taken = [options.max_epochs] * len(lambdas) if epochs is None else epochs
        block = _Block(options, lambdas, members, seed)
        return recorded(block, taken, len(members), options.validated, after_epochs)


class _Block(EpochByEpoch):
    def __init__(
        self, options: SwarmOptions, lambdas: Sequence[float], members: Sequence[Member], seed: int
    ) -> None:
        self.options, self.members, self.L = options, members, len(lambdas)
        X = members[0].train.X
        self.layout = options.layout(X, members[0].train.Y)
        self.n_pulled = self.layout.n_parameters if options.decay_biases else self.layout.n_weights
        validation = [m.validation for m in members if m.validation is not None]
        self.train = [watched(options, self.layout, m.train, self.L) for m in members]
        self.validation = [watched(options, self.layout, rows, self.L) for rows in validation]
        # The rule of each swarm, and of each particle for what shrinks positions as networks.
        strengths = torch.tensor(list(lambdas), dtype=torch.float64).repeat(len(members)).view(-1, 1, 1)
        rule = options.rule.at_lambda(strengths, 1.0)
        self.rule = rule.with_strength(torch.as_tensor(rule.strength).to(X))
        each = torch.as_tensor(self.rule.strength).repeat_interleave(options.swarm.particles, 0)
        self.rule_of_particles = self.rule.with_strength(each)
        ends = X.new_ones(self.layout.n_parameters)
        bound = options.bound
        kind = EngineSwarms if options.in_threads and engine_moves(options.swarm) else Swarms
        self.swarms = kind(
            self._objective,
            Box(-options.start_range * ends, options.start_range * ends),
            [(seed, member.restart) for member in members for _ in lambdas],
            options.swarm,
            bounds=None if bound is None else Box(-bound * ends, bound * ends),
            decay=None if self.rule.entry == "loss" else self._decay,
        )
        if isinstance(self.swarms, EngineSwarms):
            self.swarms.objective = self._engines_objective()

    def _engines_objective(self) -> Objective | None:
        """`_objective` for the engine, where it knows the rule and holds the rows."""
        rows, force = [each.of_engine for each in self.train], self.rule.force
        if self.rule.entry != "loss" or not isinstance(force, L2Force | L1Force) or None in rows:
            return None
        assert isinstance(self.options.error, str)
        return Objective(
            rows=[each for each in rows if each is not None],
            member=torch.arange(len(self.members)).repeat_interleave(self.L),
            error=self.options.error,
            l1=isinstance(force, L1Force),
            strength=torch.as_tensor(self.rule.strength).flatten().contiguous(),
            n_pulled=self.n_pulled,
        )

    def train_epoch(self, epoch: int) -> np.ndarray:
        self.swarms.steps(self.options.iterations_an_epoch)
        return self._scored(self.train)

    def validate(self) -> np.ndarray | None:
        return self._scored(self.validation) if self.validation else None

    def networks(self) -> np.ndarray:
        best = self.swarms.best.view(len(self.members), self.L, -1)
        return best.cpu().numpy().astype(self.options.dtype)

    def judge(self) -> np.ndarray:
        penalty = self._penalty().view(1, len(self.members), self.L).cpu().numpy()
        return np.concatenate([self._scored(self.train), penalty])

    def _objective(self, x: Tensor) -> Tensor:
        """error + penalty of positions (S, P, D)."""
        networks = x.split(self.L)
        error = torch.cat([rows.error(few) for rows, few in zip(self.train, networks, strict=True)])
        if self.rule.entry != "loss":
            return error
        return error + self.rule.penalty(x[..., : self.n_pulled]).sum(-1)

    def _decay(self, x: Tensor, before: Tensor) -> None:
        for w, previous in zip(self._pulled(x), self._pulled(before), strict=True):
            self.rule_of_particles.shrink_(w, NO_LEARNING_RATE, previous=previous)

    def _pulled(self, x: Tensor) -> list[Tensor]:
        parameters = self.layout.from_rows(x.view(-1, self.layout.n_parameters))
        return parameters.weights + (parameters.biases if self.options.decay_biases else [])

    def _penalty(self) -> Tensor:
        """(S,) of the best networks, NaN for a rule without an objective."""
        if not self.rule.has_objective:
            return torch.full((len(self.swarms.best),), torch.nan)
        w = self.swarms.best[:, None, : self.n_pulled]
        return self.rule.penalty(w).sum((1, 2), dtype=torch.float64)

    def _scored(self, watched: list[WatchedRows]) -> np.ndarray:
        """(2, G, L): error and metric of the best networks."""
        best = self.swarms.best.split(self.L)
        scored = [rows.score(networks) for rows, networks in zip(watched, best, strict=True)]
        return torch.stack(scored, 1).cpu().numpy()
