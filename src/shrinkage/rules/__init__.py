"""What pulls the weights: compositions along six axes, and the catalogue of the named ones."""

from shrinkage.rules._adaptive import (
    AdaptiveDecay,
    AdaptiveL2,
    Cautious,
    ConstrainedNorm,
    ScheduledDecay,
    SelectiveProjectionDecay,
    UncertainDecay,
)
from shrinkage.rules._catalogue import CATALOGUE, rule_named
from shrinkage.rules._clocks import CLOCKS, Clock, Reading, tick
from shrinkage.rules._constraint import NormConstraint, Target
from shrinkage.rules._decays import (
    ConditionalDecay,
    Decoupled,
    LowRankDecay,
    NormalizedDecay,
    Projection,
    Proximal,
    TimescaleDecay,
    WeightDecay,
)
from shrinkage.rules._forces import (
    EliminationForce,
    Force,
    HuberForce,
    L1Force,
    L2Force,
    MixedForce,
    ThresholdForce,
)
from shrinkage.rules._modulations import CautiousMask, Modulation, determined
from shrinkage.rules._penalties import L1, L2, L2SP, ElasticNet, Huber, WeightElimination
from shrinkage.rules._rule import Anchor, Entry, Moment, Rule
from shrinkage.rules._schedules import Schedule, constant, cosine, factor_at, linear
from shrinkage.rules._sets import Ball, Box, Sphere
from shrinkage.rules._views import View, plain, wide

__all__ = [
    "CATALOGUE",
    "CLOCKS",
    "L1",
    "L2",
    "L2SP",
    "AdaptiveDecay",
    "AdaptiveL2",
    "Anchor",
    "Ball",
    "Box",
    "Cautious",
    "CautiousMask",
    "Clock",
    "ConditionalDecay",
    "ConstrainedNorm",
    "Decoupled",
    "ElasticNet",
    "EliminationForce",
    "Entry",
    "Force",
    "Huber",
    "HuberForce",
    "L1Force",
    "L2Force",
    "LowRankDecay",
    "MixedForce",
    "Modulation",
    "Moment",
    "NormConstraint",
    "NormalizedDecay",
    "Projection",
    "Proximal",
    "Reading",
    "Rule",
    "Schedule",
    "ScheduledDecay",
    "SelectiveProjectionDecay",
    "Sphere",
    "Target",
    "ThresholdForce",
    "TimescaleDecay",
    "UncertainDecay",
    "View",
    "WeightDecay",
    "WeightElimination",
    "constant",
    "cosine",
    "determined",
    "factor_at",
    "linear",
    "plain",
    "rule_named",
    "tick",
    "wide",
]
