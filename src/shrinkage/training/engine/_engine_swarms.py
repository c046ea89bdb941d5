"""Swarms whose particles the compiled engine moves: the same law as `Swarms`, one pass over the positions.

Axes: S swarms, P particles, D dimensions; G members.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from shrinkage._random import generator
from shrinkage.training.engine import _engine_library as c
from shrinkage.training.engine._engine_rows import EvaluatedRows
from shrinkage.training.swarm._swarms import Swarm, Swarms

__all__ = ["EngineSwarms", "Objective", "engine_moves"]


def engine_moves(swarm: Swarm) -> bool:
    """Whether the engine moves such a swarm: one whose pull is drawn in a box."""
    return swarm.moves.shape == "box"


NUMBERS_AT_ONCE = 1 << 20
"""Random numbers drawn for one call."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """Error of networks plus penalty: what S swarms of G members minimize."""

    rows: Sequence[EvaluatedRows]
    """(G,)"""
    member: Tensor
    """(S,) whose rows, int64."""
    error: str
    """`loss` or `accuracy`."""
    l1: bool
    """The penalty is Σ|w|, not ½Σw²."""
    strength: Tensor
    """(S,) what it is multiplied by."""
    n_pulled: int
    """It is that of the first dimensions."""

    @cached_property
    def row_weight(self) -> Tensor:
        """(G,) Σ s"""
        return torch.stack([each.weight for each in self.rows])


class EngineSwarms(Swarms):
    """`Swarms` on the CPU of a variant that `engine_moves`."""

    objective: Objective | None = None
    """What `error` computes, where the engine can compute it too."""

    def steps(self, count: int) -> None:
        if self.objective is None or not _plain(self.swarm):
            super().steps(count)
            return
        P, D = self._size
        at_once = max(1, NUMBERS_AT_ONCE // (2 * len(self._keys) * P * D))
        for start in range(0, count, at_once):
            self._iterate(min(at_once, count - start), self.objective)

    def _iterate(self, count: int, objective: Objective) -> None:
        drawn = self._numbers(range(self.iteration + 1, self.iteration + 1 + count))
        weights, keep = objective.row_weight, objective  # what the job points to must outlive it
        rows = (c.Evaluation * len(keep.rows))(*(each.for_c for each in keep.rows))
        job = c.Training(
            flight=self._flight(drawn),
            iterations=count,
            keys=len(self._keys),
            ring=self.moves.informants == "ring",
            best=c.place(self.best),
            best_error=c.place(self.best_error),
            rows=rows,
            row_weight=c.place(weights),
            member=c.place(keep.member),
            of_hits=keep.error == "accuracy",
            force=c.FORCES.index("l1" if keep.l1 else "l2"),
            pulled=keep.n_pulled,
            strength=c.place(keep.strength),
        )
        c.run("fly", job, self.x.dtype)
        self.iteration += count
        self.iterations += count

    def _fly(self) -> None:
        known = self._best_known().contiguous()
        drawn = self._numbers([self.iteration])
        flight = self._flight(drawn)
        flight.known, flight.known_by_all = c.place(known), known.shape[1] == 1
        c.run("move", flight, self.x.dtype)

    def _numbers(self, iterations: Sequence[int]) -> Tensor:
        """(iterations, keys, 2, P, D) r₁ and r₂ of each."""
        numbers = self.x.new_empty(len(iterations), len(self._keys), 2, *self._size)
        for of_iteration, iteration in zip(numbers, iterations, strict=True):
            for of_key, key in zip(of_iteration, self._keys, strict=True):
                torch.rand(of_key.shape, generator=generator(*key, "move", iteration), out=of_key)
        return numbers

    def _remember(self, fx: Tensor) -> None:
        flight, found = self._flight(), fx.contiguous()
        flight.found = c.place(found)
        c.run("remember", flight, self.x.dtype)

    def _flight(self, drawn: Tensor | None = None) -> c.Flight:
        """The swarms as they are; what came from a `torch.where` lies one number after another."""
        P, D = self._size
        low, high = (None, None) if self.bounds is None else (self.bounds.low, self.bounds.high)
        return c.Flight(
            swarms=len(self._place),
            particles=P,
            dimensions=D,
            x=c.place(self.x),
            v=c.place(self.v),
            p=c.place(self.p),
            drawn=c.place(drawn),
            key=c.place(self._place),
            inertia=self.moves.inertia,
            attraction=self.moves.attraction,
            limit=math.inf if self.swarm.max_velocity is None else self.swarm.max_velocity,
            low=c.place(low),
            high=c.place(high),
            rebound=self.moves.rebound,
            error=c.place(self.fp),
        )


def _plain(swarm: Swarm) -> bool:
    """Whether whole iterations can be left to the engine: nobody dies, none stops early, informants stay."""
    stops = swarm.stop_error is not None or swarm.patience is not None
    return not stops and not swarm.death and swarm.moves.informants in ("all", "ring")
