"""What a search is: it asks for rounds of networks until it has seen enough, and then chooses.

A search holds no state. What it asks for next, and what it chooses, are functions of the networks seen so far, so a
run that was stopped goes on to the same end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shrinkage.path._path_choice import choose
from shrinkage.path._path_result import Choice, Floats, PathResult
from shrinkage.path._places import STANDARD, Place
from shrinkage.path.search._race import judged_losses

__all__ = ["Outcome", "Plan", "PlannedSearch", "Round", "Search", "Seen"]


@dataclass(frozen=True, kw_only=True)
class Round:
    """Networks to train next: places × folds, in every restart."""

    places: tuple[Place, ...]
    folds: tuple[int, ...]
    """Their numbers."""
    epochs: tuple[int, ...] | None = None
    """For each place, the epoch after which its network is taken and kept; None for the curves alone."""
    ahead: int = 0
    """Networks per restart that are expected after this round, for the progress."""
    on_path: int = 1
    """Places that the path has so far."""


class Seen(Protocol):
    """The networks trained so far."""

    @property
    def folds(self) -> tuple[int, ...]:
        """The numbers of all folds of the path, in order."""
        ...

    @property
    def last_epoch(self) -> int:
        """Epochs of the training, counted from 1."""
        ...

    def covers(self, asked: Round) -> bool:
        """Whether all networks of a round are there."""
        ...

    def losses(self, places: Sequence[Place], folds: Sequence[int]) -> Floats:
        """(P, F, V) validation losses, restarts averaged; with a score (P, F, 1) what is minimized in its place."""
        ...

    def repeats(self, folds: Sequence[int]) -> float:
        """How often a row is held out by these folds, over the rows that are."""
        ...

    def result(self, places: Sequence[Place]) -> PathResult:
        """The curves of places that every fold has."""
        ...


class Search(Protocol):
    """Which networks to train, and which place to choose from them."""

    def ask(self, seen: Seen) -> Round | None:
        """The next round, or None when enough was seen."""
        ...

    def choose(self, seen: Seen) -> Choice:
        """The choice, once nothing more is asked for."""
        ...


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a plan leads to."""

    places: tuple[Place, ...]
    """Those of the path, λ ascending."""
    extended: int
    at_edge: bool
    dropped: dict[Place, int]
    """After how many folds a place was dropped."""
    skipped: tuple[float, ...] = ()
    """λs of the grid that were not asked for, ascending."""


Plan = Generator[Round, None, Outcome]


@dataclass(frozen=True, kw_only=True)
class PlannedSearch(ABC):
    """A search written as a plan: a generator of rounds that reads what it has asked for once it is there.

    `ask` walks the plan from its start and stops at the first round that isn't there yet.
    """

    lambdas: NDArray[np.float64]
    """(L,) ascending."""
    start: NDArray[np.float64] | None = None
    """Those of them to begin with, ascending, where a search begins with some; None for its own."""
    select: str
    """`min` or `1se`."""
    stop: str
    """`last` or `best`."""
    max_extensions: int
    """Maximum number of grid extensions."""
    fast: bool
    """Drop λs that the first folds find worse."""
    admits: Callable[[float], bool]
    """Whether the rule takes a λ."""
    form: str = STANDARD

    @abstractmethod
    def plan(self, seen: Seen) -> Plan:
        """The rounds in order; what a round asked for may be read from `seen` after it."""

    def ask(self, seen: Seen) -> Round | None:
        reached = self._walk(seen)
        return reached if isinstance(reached, Round) else None

    def choose(self, seen: Seen) -> Choice:
        outcome = self._walk(seen)
        assert isinstance(outcome, Outcome)
        found = choose(
            seen.result(outcome.places),
            self.select,
            self.stop,
            extended=outcome.extended,
            at_edge=outcome.at_edge,
        )
        return _add_dropped(replace(found, skipped=outcome.skipped), outcome.dropped, seen, self.stop)

    def places(self, lambdas: Sequence[float] | NDArray[np.float64]) -> tuple[Place, ...]:
        return tuple(Place(float(lam), self.form) for lam in lambdas)

    def _walk(self, seen: Seen) -> Round | Outcome:
        plan = self.plan(seen)
        while True:
            try:
                asked = next(plan)
            except StopIteration as end:
                return end.value
            if not seen.covers(asked):
                return asked


def _add_dropped(choice: Choice, dropped: dict[Place, int], seen: Seen, stop: str) -> Choice:
    """The choice with what was dropped before it, and what of that diverged."""
    places = sorted(dropped)
    blown = [
        place.lam
        for place in places
        if not np.isfinite(judged_losses(seen.losses([place], seen.folds[: dropped[place]]), stop)).all()
    ]
    return replace(
        choice,
        dropped=tuple(place.lam for place in places),
        dropped_after=tuple(dropped[place] for place in places),
        diverged=tuple(sorted({*choice.diverged, *blown})),
    )
