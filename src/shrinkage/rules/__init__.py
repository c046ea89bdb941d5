"""What pulls the weights: compositions along six axes, and the catalogue of the named ones."""

from shrinkage.rules._catalogue import (
    CATALOGUE,
    L1,
    L2,
    L2SP,
    Cautious,
    Decoupled,
    ElasticNet,
    WeightDecay,
    rule_named,
)
from shrinkage.rules._clocks import CLOCKS, Clock, Reading, tick
from shrinkage.rules._forces import Force, L1Force, L2Force, MixedForce
from shrinkage.rules._rule import Anchor, Entry, Modulation, Rule

__all__ = [
    "CATALOGUE",
    "CLOCKS",
    "L1",
    "L2",
    "L2SP",
    "Anchor",
    "Cautious",
    "Clock",
    "Decoupled",
    "ElasticNet",
    "Entry",
    "Force",
    "L1Force",
    "L2Force",
    "MixedForce",
    "Modulation",
    "Reading",
    "Rule",
    "WeightDecay",
    "rule_named",
    "tick",
]
