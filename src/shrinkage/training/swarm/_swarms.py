"""Particle swarms, many at once: the minimum of any function of a position, without a gradient.

Axes: S swarms, P particles, D dimensions. Random numbers are functions of (key, step), a key being what the swarms that
share them have in common: what a swarm does depends neither on the others in its batch nor on its place among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from shrinkage._errors import RequestError, called, shown
from shrinkage._random import generator
from shrinkage.training.swarm._swarm_moves import K_INFORMED, Draw, SwarmVariant, variant_named

__all__ = ["Box", "Swarm", "SwarmResult", "Swarms", "minimize"]

Key = tuple[int | str, ...]
Error = Callable[[Tensor], Tensor]
Decay = Callable[[Tensor, Tensor], None]


@dataclass(frozen=True, kw_only=True)
class Swarm:
    """A swarm's size, its way to move, and when it stops before its budget is spent."""

    variant: str | SwarmVariant = "constriction"
    """`inertia`, `constriction`, `ring`, `spso2011`, or constants of your own."""
    particles: int = 30
    """P ≥ 2."""
    initial_velocity: float | Literal["half-difference"] = 0.1
    """v₀ uniform in ± this share of the start box's half width; or half the way to another random point of it."""
    max_velocity: float | None = None
    """|v| of a dimension is at most this, > 0; None for no limit."""
    death: float = 0.0
    """Probability that a particle dies in an iteration and is reborn at random in the start box, 0 to 1."""
    rebirth: Literal["remember", "forget"] = "remember"
    """A reborn particle remembers its best position, or starts over; the swarm's best is never lost."""
    stop_error: float | None = None
    """Stop when the best error is at most this."""
    patience: int | None = None
    """Stop after this many iterations without a better error, ≥ 1."""

    def __post_init__(self) -> None:
        _ = self.moves
        for name, good, wanted in (
            ("particles", self.particles >= 2, ">= 2"),
            ("max_velocity", self.max_velocity is None or self.max_velocity > 0, "> 0, or None for no limit"),
            ("death", 0 <= self.death <= 1, "a probability, 0 to 1"),
            ("rebirth", self.rebirth in ("remember", "forget"), "'remember' or 'forget'"),
            ("patience", self.patience is None or self.patience >= 1, ">= 1, or None for no limit"),
            (
                "initial_velocity",
                self.initial_velocity >= 0
                if not isinstance(self.initial_velocity, str)
                else self.initial_velocity == "half-difference",
                ">= 0 or 'half-difference'",
            ),
        ):
            if not good:
                raise RequestError(
                    f"{called(name, of='Swarm')}: must be {wanted}, got {shown(getattr(self, name))}."
                )

    @property
    def moves(self) -> SwarmVariant:
        return variant_named(self.variant) if isinstance(self.variant, str) else self.variant


@dataclass(frozen=True)
class Box:
    """Lower and upper ends of every dimension, (D,) each."""

    low: Tensor
    high: Tensor

    def __post_init__(self) -> None:
        if self.low.shape != self.high.shape or self.low.ndim != 1 or not bool((self.low < self.high).all()):
            raise RequestError(
                "Box(low, high): both must be of shape (D,) with low < high, "
                f"got shapes {tuple(self.low.shape)} and {tuple(self.high.shape)}."
            )

    def at(self, share: Tensor) -> Tensor:
        """The point at a share, 0 to 1, of the way from low to high in each dimension."""
        return self.low + (self.high - self.low) * share


@dataclass(frozen=True, kw_only=True)
class SwarmResult:
    """The results of S swarms."""

    positions: Tensor
    """(S, D) the best position of each."""
    errors: Tensor
    """(S,) its error; ∞ where no finite error was seen."""
    iterations: Tensor
    """(S,) iterations until the swarm stopped, int64."""


def minimize(
    error: Error,
    start: Box,
    *,
    keys: Sequence[Key],
    swarm: Swarm | None = None,
    iterations: int = 1000,
    bounds: Box | None = None,
    decay: Decay | None = None,
) -> SwarmResult:
    """Minimize `error` with one swarm a key, all at once.

    Args:
        error: (S, P, D) positions ↦ (S, P) errors; an error that is not finite counts as ∞.
        start: where particles start, and are reborn, uniformly; its dtype and device are the swarm's.
        keys: (S,) of each swarm, what its random numbers are a function of, such as `(seed, restart)`. Swarms of one
            key see the same numbers, so that only their errors tell them apart.
        swarm: its size and movement.
        iterations: the budget: P evaluations each, after those of the start.
        bounds: particles are put back onto it and lose their velocity, dimension by dimension; None for none.
        decay: called with (positions, positions before the move) before every evaluation, that of the start too, to
            change the positions in place.

    Returns:
        The best position of each swarm, its error, and when the swarm stopped.

    Raises:
        RequestError: a setting is out of range, or the errors are of another shape.

    >>> box = Box(torch.full((2,), -5.0), torch.full((2,), 5.0))
    >>> found = minimize(lambda x: (x - 1).square().sum(-1), box, keys=[(0,)], iterations=200)
    >>> found.positions.round(decimals=3)
    tensor([[1., 1.]])

    Reference: Kennedy and Eberhart, ICNN 1995; the variants' own are beside their constants.
    """
    if iterations < 0:
        raise RequestError(f"{called('iterations', of='minimize')}: must be >= 0, got {iterations}.")
    with torch.no_grad():
        swarms = Swarms(error, start, keys, swarm or Swarm(), bounds=bounds, decay=decay)
        while swarms.iteration < iterations and bool(swarms.running.any()):
            swarms.step()
    return SwarmResult(positions=swarms.best, errors=swarms.best_error, iterations=swarms.iterations)


class Swarms:
    """S swarms in flight; `step` moves all of them once. Arguments as in `minimize`."""

    def __init__(
        self,
        error: Error,
        start: Box,
        keys: Sequence[Key],
        swarm: Swarm,
        *,
        bounds: Box | None = None,
        decay: Decay | None = None,
    ) -> None:
        self.error, self.start, self.swarm = error, start, swarm
        self.bounds, self.decay, self.moves = bounds, decay, swarm.moves
        self._keys = list(dict.fromkeys(keys))
        places = {key: i for i, key in enumerate(self._keys)}
        self._place = torch.tensor([places[key] for key in keys], device=start.low.device)
        self._size = (swarm.particles, len(start.low))
        self.iteration = 0
        self.x = start.at(self._uniform("position", *self._size))
        self.v = self._first_velocity()
        if decay is not None:
            decay(self.x, self.x.clone())
        self.p, self.fp = self.x.clone(), self._errors()
        self.best_error, who = self.fp.min(1)
        self.best = self._take(self.p, who)
        self.stalled = torch.zeros_like(self._place)
        self.running = torch.ones_like(self._place, dtype=torch.bool)
        self.iterations = torch.zeros_like(self._place)
        self._informs = self._informants() if self.moves.informants == "random" else None
        self._stop()

    def steps(self, count: int) -> None:
        """Up to `count` iterations; none once all swarms have stopped."""
        for _ in range(count):
            if bool(self.running.any()):
                self.step()

    def step(self) -> None:
        """Move, keep within bounds, let die, decay, evaluate, remember: one iteration of every swarm."""
        self.iteration += 1
        before = self.x.clone() if self.decay is not None else self.x
        self._fly()
        if self.swarm.death:
            self._let_die()
        if self.decay is not None:
            self.decay(self.x, before)
        self._remember(self._errors())
        self._follow()

    def _fly(self) -> None:
        """New velocities and positions, within the bounds."""
        self.moves.move_(self.x, self.v, self.p, self._best_known(), self._draw())
        limit = self.swarm.max_velocity
        if limit is not None:
            self.v.clamp_(-limit, limit)
        self.x = self.x.add_(self.v)
        if self.bounds is not None:
            self._put_back(self.bounds)

    def _remember(self, fx: Tensor) -> None:
        """Each particle's best position so far, by its errors (S, P)."""
        better = fx < self.fp
        self.p = torch.where(better[..., None], self.x, self.p)
        self.fp = torch.where(better, fx, self.fp)

    def _follow(self) -> None:
        """The swarm's best so far; a swarm that has stopped keeps the one it stopped with."""
        error, who = self.fp.min(1)
        better = (error < self.best_error) & self.running
        self.best = torch.where(better[:, None], self._take(self.p, who), self.best)
        self.best_error = torch.where(better, error, self.best_error)
        self.stalled = torch.where(better, 0, self.stalled + 1)
        self.iterations += self.running
        if self._informs is not None:
            redrawn = (self.stalled > 0)[:, None, None]
            self._informs = torch.where(redrawn, self._informants(), self._informs)
        self._stop()

    def _stop(self) -> None:
        if self.swarm.stop_error is not None:
            self.running &= self.best_error > self.swarm.stop_error
        if self.swarm.patience is not None:
            self.running &= self.stalled < self.swarm.patience

    def _best_known(self) -> Tensor:
        """l, (S, P, D) or (S, 1, D): the best position among those that a particle knows of."""
        if self.moves.informants == "all":
            return self.best[:, None]
        if self._informs is not None:
            who = self.fp[:, None, :].masked_fill(~self._informs, torch.inf).argmin(-1)
        else:
            near = torch.stack([self.fp, self.fp.roll(1, 1), self.fp.roll(-1, 1)], -1).argmin(-1)
            offset = torch.tensor([0, -1, 1], device=near.device)[near]
            who = (torch.arange(self._size[0], device=near.device) + offset) % self._size[0]
        return self.p.gather(1, who[..., None].expand_as(self.p))

    def _put_back(self, bounds: Box) -> None:
        outside = (self.x < bounds.low) | (self.x > bounds.high)
        self.x.clamp_(bounds.low, bounds.high)
        self.v = torch.where(outside, -self.moves.rebound * self.v, self.v)

    def _let_die(self) -> None:
        dead = self._uniform("death", self._size[0]) < self.swarm.death
        self.x = torch.where(dead[..., None], self.start.at(self._uniform("rebirth", *self._size)), self.x)
        if self.swarm.rebirth == "forget":
            self.fp = self.fp.masked_fill(dead, torch.inf)

    def _errors(self) -> Tensor:
        fx = self.error(self.x)
        if fx.shape != self.x.shape[:2]:
            raise RequestError(
                f"{called('error')}: must return one number per particle, shape {tuple(self.x.shape[:2])}, "
                f"got {tuple(fx.shape)}."
            )
        return torch.where(fx.isfinite(), fx, torch.inf)

    def _first_velocity(self) -> Tensor:
        share = self._uniform("velocity", *self._size)
        if isinstance(self.swarm.initial_velocity, str):
            return (self.start.at(share) - self.x) / 2
        width = (self.start.high - self.start.low) / 2
        return (2 * share - 1) * width * self.swarm.initial_velocity

    def _informants(self) -> Tensor:
        """(S, P, P): whether the particle of axis 2 informs that of axis 1: itself, and K drawn with repetition."""
        P = self._size[0]
        informed = (self._uniform("informants", P, K_INFORMED) * P).long()
        knows = torch.eye(P, dtype=torch.bool, device=informed.device).repeat(len(informed), 1, 1)
        return knows.scatter_(2, informed, True).mT

    def _draw(self) -> Draw:
        if self.moves.shape == "sphere":
            return Draw(
                self._each(lambda g: torch.randn(self._size, generator=g, dtype=self.x.dtype), "direction"),
                self._uniform("radius", self._size[0], 1),
            )
        both = self._uniform("move", 2, *self._size)
        return Draw(both[:, 0], both[:, 1])

    def _uniform(self, purpose: str, *shape: int) -> Tensor:
        dtype = self.start.low.dtype
        return self._each(lambda g: torch.rand(shape, generator=g, dtype=dtype), purpose)

    def _each(self, draw: Callable[[torch.Generator], Tensor], purpose: str) -> Tensor:
        """(S, …) a draw a key, handed to the key's swarms."""
        return self._each_key(draw, purpose, self.iteration).index_select(0, self._place)

    def _each_key(self, draw: Callable[[torch.Generator], Tensor], purpose: str, iteration: int) -> Tensor:
        """(keys, …) a draw a key."""
        draws = torch.stack([draw(generator(*key, purpose, iteration)) for key in self._keys])
        return draws.to(self._place.device)

    def _take(self, positions: Tensor, who: Tensor) -> Tensor:
        return positions.gather(1, who[:, None, None].expand(-1, 1, self._size[1])).squeeze(1)
