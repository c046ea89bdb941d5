"""No search: one network a fold, whose λ a controller moves."""

from __future__ import annotations

from shrinkage.path.search._searching import Outcome, Plan, PlannedSearch, Round, Seen

__all__ = ["Controlled"]


class Controlled(PlannedSearch):
    """The λ to begin with, in every fold; where each is judged after its last epoch, the networks are kept at once."""

    def plan(self, seen: Seen) -> Plan:
        places = self.places(self.lambdas[:1])
        last = seen.last_epoch if self.stop == "last" else None
        yield Round(places=places, folds=seen.folds, epochs=None if last is None else (last,))
        return Outcome(places=places, extended=0, at_edge=False, dropped={})
