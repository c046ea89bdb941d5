"""The named rules by name: each is one composition along the axes."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from shrinkage._errors import RequestError, called, shown
from shrinkage.rules._adaptive import (
    AdaptiveDecay,
    AdaptiveL2,
    Cautious,
    ConstrainedNorm,
    ScheduledDecay,
    SelectiveProjectionDecay,
)
from shrinkage.rules._decays import ConditionalDecay, Decoupled, WeightDecay
from shrinkage.rules._penalties import L1, L2, L2SP, ElasticNet, Huber, WeightElimination
from shrinkage.rules._rule import Rule

__all__ = ["CATALOGUE", "rule_named"]

CATALOGUE: dict[str, Callable[[float], Rule]] = {
    "l2": L2,
    "l1": L1,
    "elastic_net": lambda lam: ElasticNet(lam / 2, lam / 2),
    "l2_sp": L2SP,
    "huber": Huber,
    "weight_elimination": WeightElimination,
    "weight_decay": WeightDecay,
    "weight_decay_original": lambda rate: WeightDecay(rate, of="original"),
    "conditional": ConditionalDecay,
    "decoupled": Decoupled,
    "decoupled_schedule": lambda rate: Decoupled(rate=rate, clock="schedule"),
    "decoupled_constant": lambda rate: Decoupled(rate=rate, clock="constant"),
    "decoupled_corrected": lambda lam: Decoupled(lam, clock="corrected"),
    "cautious": lambda lam: Cautious(Decoupled(lam)),
    "adaptive_decay": AdaptiveDecay,
    "adaptive_l2": AdaptiveL2,
    "scheduled_decay": ScheduledDecay,
    "selective_projection": SelectiveProjectionDecay,
    "constrained_norm": lambda rate: ConstrainedNorm(1.0, rate=rate),
}
"""The rules of a λ path by the name that `rule=` takes, as functions of their strength; all work on a stack."""


def rule_named(name: str) -> Rule:
    """The rule called `name` in the catalogue, with strength 0; a λ path sets the strengths."""
    key = name.lower()
    if key not in CATALOGUE:
        near = difflib.get_close_matches(key, CATALOGUE, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise RequestError(
            f"{called('rule')}: there is no rule {shown(name)}{hint} Known: {', '.join(CATALOGUE)}."
        )
    return CATALOGUE[key](0.0)
