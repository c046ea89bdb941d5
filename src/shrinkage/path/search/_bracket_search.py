"""A few λs over the whole grid, then finer where it matters: around the minimum and toward the one-standard-error λ."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence

import numpy as np
from numpy.typing import NDArray

from shrinkage.path._path_choice import judge_path
from shrinkage.path._path_result import Floats
from shrinkage.path._places import Place
from shrinkage.path.search._lambda_grid import extension
from shrinkage.path.search._over_folds import over_all_folds, racing
from shrinkage.path.search._race import judged_losses, laps, leading
from shrinkage.path.search._searching import Outcome, Plan, PlannedSearch, Round, Seen

__all__ = ["Bracket"]

FIRST_SHARES = (0.0, 0.5, 0.75, 1.0)
"""Where the first λs lie on the grid. Its weak half is nearly flat on most tables: one λ says what it has to say."""
WIDEST = {"min": (1, 2), "1se": (2, 2)}
"""Grid steps from the best λ to its neighbours, on the side of the parabola's minimum and on the other, by `select`."""
BEHIND = 0.5
"""Standard errors of the paired difference by which a λ is behind the leading one when `fast` leaves it there."""


class Bracket(PlannedSearch):
    """Trains λs of the grid until the best one lies between trained neighbours.

    The first four λs span the grid, unless `start` says where to begin. Of the two gaps beside the smallest mean
    validation loss, the one that holds the minimum of the parabola through the three λs is then halved, again and again
    until no λ of the grid is left in it; the other gap is halved until it is two steps wide. With `select="1se"` both may
    be two steps wide, and the gap beyond the strongest λ within one standard error is halved until its neighbour is
    trained. A curve that falls and rises once has its minimum found as the whole grid would find it, or beside it; of
    several minima it may be another. On an edge the grid is extended as the whole one is. `fast` looks for the minimum on
    the folds of the first lap, leaves there what is neither beside it nor as good, and races the others over the other
    folds.
    """

    def plan(self, seen: Seen) -> Plan:
        lambdas, extended = self.lambdas, 0
        known, dropped = tuple[Place, ...](), dict[Place, int]()
        new = [
            float(lam) for lam in (lambdas[first_indices(len(lambdas))] if self.start is None else self.start)
        ]
        while True:
            known = yield from self._train(seen, new, known, lambdas, dropped)
            left = tuple(place for place in known if place not in dropped)
            found = judge_path(seen.result(left), self.select, self.stop)
            best, chosen = left[found.index_min], left[found.index]
            new = self._middles(seen, known, lambdas, best, chosen)
            if new:
                continue
            beyond = np.unique(
                np.concatenate([extension(lambdas, at(lambdas, end)) for end in (best, chosen)])
            )
            added = np.array([lam for lam in beyond if self.admits(lam)])
            if not len(added) or extended == self.max_extensions:
                trained = {place.lam for place in known}
                return Outcome(
                    places=left,
                    extended=extended,
                    at_edge=len(beyond) > 0,
                    dropped=dropped,
                    skipped=tuple(float(lam) for lam in lambdas if lam not in trained),
                )
            lambdas, extended = np.sort(np.concatenate([lambdas, added])), extended + 1
            new = [float(lam) for lam in (lambdas[0], lambdas[-1]) if lam in added]

    def _train(
        self,
        seen: Seen,
        new: Sequence[float],
        known: tuple[Place, ...],
        lambdas: NDArray[np.float64],
        dropped: dict[Place, int],
    ) -> Generator[Round, None, tuple[Place, ...]]:
        """Train new λs; returns all places known then, ascending."""
        first, added = tuple(laps(seen.folds)[0]), self.places(new)
        known = tuple(sorted({*known, *added}))
        ahead = len(seen.folds) * _rounds_left(lambdas, known)
        if not self.fast or len(first) == len(seen.folds):
            yield from over_all_folds(seen, added, known, ahead=ahead)
            return known
        while True:
            yield Round(places=self.places(new), folds=first, ahead=ahead, on_path=len(known))
            best, chosen = self._ends(seen, known, first)
            new = self._middles(seen, known, lambdas, best, chosen)
            if not new:
                break
            added = (*added, *self.places(new))
            known = tuple(sorted({*known, *added}))
        aside = self._behind(seen, known, first, best, chosen) & {*added}
        dropped |= {place: len(first) for place in sorted(aside)}
        running = [place for place in added if place not in aside]
        yield from racing(seen, running, known, dropped, select=self.select, stop=self.stop, ahead=ahead)
        return known

    def _behind(
        self, seen: Seen, known: Sequence[Place], folds: Sequence[int], best: Place, chosen: Place
    ) -> set[Place]:
        """The places that are neither beside the best or the chosen one nor as good as the best by these folds."""
        near = {known.index(end) + step for end in (best, chosen) for step in (-1, 0, 1)}
        losses = self._losses(seen, known, folds)
        with np.errstate(invalid="ignore", over="ignore"):  # of a diverged net
            more = losses - losses[known.index(best)]
            error = more.std(axis=1, ddof=1) / np.sqrt(len(folds) / seen.repeats(folds))
            level = more.mean(axis=1) <= BEHIND * error
        return {place for i, place in enumerate(known) if i and i not in near and not level[i]}

    def _losses(self, seen: Seen, places: Sequence[Place], folds: Sequence[int]) -> Floats:
        return judged_losses(seen.losses(places, folds), self.stop)

    def _ends(self, seen: Seen, known: Sequence[Place], folds: Sequence[int]) -> tuple[Place, Place]:
        """The place of the smallest mean loss over some folds, and the one that `select` takes."""
        losses = self._losses(seen, known, folds)
        best = leading(losses)
        if best is None:
            return known[0], known[0]
        strongest = best
        if self.select == "1se":
            with np.errstate(invalid="ignore", over="ignore"):  # of a diverged net
                mean, independent = losses.mean(axis=1), len(folds) / seen.repeats(folds)
                within = mean <= mean[best] + losses[best].std(ddof=1) / np.sqrt(independent)
            strongest = int(np.flatnonzero(within).max())
        return known[best], known[strongest]

    def _middles(
        self, seen: Seen, known: Sequence[Place], lambdas: NDArray[np.float64], best: Place, chosen: Place
    ) -> list[float]:
        """The λs in the middle of those gaps that are still too wide."""
        folds = laps(seen.folds)[0] if self.fast else seen.folds
        grid = [at(lambdas, place) for place in known]
        near = [i for i in range(known.index(best) - 1, known.index(best) + 2) if 0 <= i < len(known)]
        losses = self._losses(seen, [known[i] for i in near], folds).mean(axis=1)
        middles = middle_beside(at(lambdas, best), [grid[i] for i in near], losses, WIDEST[self.select])
        if self.select == "1se" and known.index(chosen) + 1 < len(known):
            here, there = grid[known.index(chosen)], grid[known.index(chosen) + 1]
            middles |= {(here + there) // 2} if there - here > 1 else set()
        return [float(lambdas[i]) for i in sorted(middles)]


def first_indices(count: int) -> list[int]:
    """Which of so many λs are trained first."""
    return sorted({math.ceil(share * (count - 1)) for share in FIRST_SHARES})


def at(lambdas: NDArray[np.float64], place: Place) -> int:
    """Where a place lies on the grid."""
    return int(np.flatnonzero(lambdas == place.lam)[0])


def middle_beside(best: int, near: Sequence[int], losses: Floats, widest: tuple[int, int]) -> set[int]:
    """The middle of the gap beside `best` that is to be halved; empty when there is none.

    Args:
        best: where the best λ lies on the grid.
        near: where it and its trained neighbours lie, ascending.
        losses: of these.
        widest: gaps that may stay, on the side of the parabola's minimum and on the other.
    """
    gaps = {-1: best - near[0], 1: near[-1] - best}
    sides = [side for side in (-1, 1) if gaps[side]]
    if len(sides) == 2:
        below, above = losses[0] - losses[1], losses[2] - losses[1]
        # Of the parabola through the three, the minimum lies on the side where the loss rises less for the distance
        # squared; where that is undecided, on the stronger one.
        weaker = below * gaps[1] ** 2 < above * gaps[-1] ** 2
        sides = [-1, 1] if weaker else [1, -1]
    for side, wide in zip(sides, widest, strict=False):
        if gaps[side] > wide:
            return {best + side * (gaps[side] // 2)}
    return set()


def _rounds_left(lambdas: NDArray[np.float64], known: Sequence[Place]) -> int:
    """Roughly how many λs will follow, each halving a gap."""
    gaps = np.diff([at(lambdas, place) for place in known])
    return math.ceil(math.log2(gaps.max())) + 1 if len(gaps) and gaps.max() > 1 else 0
