"""The whole grid, extended while the best λ lies on its edge."""

from __future__ import annotations

import numpy as np

from shrinkage.path._path_choice import judge_path
from shrinkage.path._places import Place
from shrinkage.path.search._lambda_grid import extension
from shrinkage.path.search._over_folds import over_all_folds, racing
from shrinkage.path.search._searching import Outcome, Plan, PlannedSearch, Seen

__all__ = ["Grid"]


class Grid(PlannedSearch):
    """Every λ in every fold; `fast`, those that the first folds leave."""

    def plan(self, seen: Seen) -> Plan:
        lambdas, known = self.lambdas, set[Place]()
        dropped, extended = dict[Place, int](), 0
        while True:
            path = self.places(lambdas)
            new = [place for place in path if place not in known]
            known.update(new)
            if self.fast:
                yield from racing(seen, new, path, dropped, select=self.select, stop=self.stop)
            else:
                yield from over_all_folds(seen, new, path)
            left = tuple(place for place in path if place not in dropped)
            found = judge_path(seen.result(left), self.select, self.stop)
            # Of the whole grid: where the strongest λs were dropped, the strongest that is left lies on no edge.
            # Of the 1-SE rule both ends are followed: a minimum on the edge is no minimum to be within an error of.
            ends = [path.index(left[index]) for index in (found.index, found.index_min)]
            beyond = np.unique(np.concatenate([extension(lambdas, end) for end in ends]))
            added = np.array([lam for lam in beyond if self.admits(lam)])
            if not len(added) or extended == self.max_extensions:
                return Outcome(places=left, extended=extended, at_edge=len(beyond) > 0, dropped=dropped)
            lambdas, extended = np.sort(np.concatenate([lambdas, added])), extended + 1
