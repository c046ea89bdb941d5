"""Axis 6, the controllers: what moves λ while training."""

from shrinkage.rules.controllers._controller import NEEDS, Controller, Need, Run, State
from shrinkage.rules.controllers._evidence import Evidence
from shrinkage.rules.controllers._hypergradient import Hypergradient
from shrinkage.rules.controllers._target_norm import NormConstraint, Target, TargetNorm
from shrinkage.rules.controllers._timescale import Timescale

__all__ = [
    "CONTROLLERS",
    "NEEDS",
    "Controller",
    "Evidence",
    "Hypergradient",
    "Need",
    "NormConstraint",
    "Run",
    "State",
    "Target",
    "TargetNorm",
    "Timescale",
]

CONTROLLERS: dict[str, type] = {
    "evidence": Evidence,
    "hypergradient": Hypergradient,
    "target_norm": TargetNorm,
    "timescale": Timescale,
}
"""The controllers by name, each with settings of its own that have defaults."""
