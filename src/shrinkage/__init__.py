"""The regularization strength of neural networks: exact, visible and automatic.

Names are loaded when they are first used, so `import shrinkage` is light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shrinkage._errors import JobError, RequestError
    from shrinkage.attachment import attach
    from shrinkage.auditing import audit, audit_step
    from shrinkage.comparison import compare
    from shrinkage.estimators import MLPClassifierCV, MLPRegressorCV, lambda_path
    from shrinkage.monitoring import telemetry
    from shrinkage.rules import (
        L1,
        L2,
        L2SP,
        AdaptiveDecay,
        AdaptiveL2,
        Cautious,
        ConditionalDecay,
        ConstrainedNorm,
        Decoupled,
        ElasticNet,
        Evidence,
        Huber,
        Hypergradient,
        LowRankDecay,
        NormalizedDecay,
        Projection,
        Proximal,
        ScheduledDecay,
        SelectiveProjectionDecay,
        TargetNorm,
        Timescale,
        TimescaleDecay,
        WeightDecay,
        WeightElimination,
    )
    from shrinkage.strength import conventions
    from shrinkage.sweeps import choose, convert, rescale, transfer, useful_range

__version__ = "0.2.0"

__all__ = [  # noqa: RUF022  (grouped by what they are for)
    # rules: what pulls the weights
    "L1",
    "L2",
    "L2SP",
    "ElasticNet",
    "Huber",
    "WeightElimination",
    "WeightDecay",
    "Decoupled",
    "ConditionalDecay",
    "LowRankDecay",
    "NormalizedDecay",
    "TimescaleDecay",
    "Proximal",
    "Projection",
    "Cautious",
    "ScheduledDecay",
    "AdaptiveDecay",
    "AdaptiveL2",
    "SelectiveProjectionDecay",
    "ConstrainedNorm",
    # controllers: what moves λ while training
    "Hypergradient",
    "Evidence",
    "TargetNorm",
    "Timescale",
    # rules on a live optimizer, and audits of what it does
    "attach",
    "audit",
    "audit_step",
    "telemetry",
    # a comparison of all methods
    "compare",
    # strengths between frameworks
    "conventions",
    "convert",
    "rescale",
    # advice on a sweep
    "useful_range",
    "choose",
    "transfer",
    # the λ path for scikit-learn
    "MLPClassifierCV",
    "MLPRegressorCV",
    # and for any torch.nn.Module
    "lambda_path",
    # errors
    "JobError",
    "RequestError",
]

_HOMES = {
    "_errors": ("JobError", "RequestError"),
    "attachment": ("attach",),
    "auditing": ("audit", "audit_step"),
    "comparison": ("compare",),
    "estimators": ("MLPClassifierCV", "MLPRegressorCV", "lambda_path"),
    "monitoring": ("telemetry",),
    "rules": (
        "L1",
        "L2",
        "L2SP",
        "ElasticNet",
        "Huber",
        "WeightElimination",
        "WeightDecay",
        "Decoupled",
        "ConditionalDecay",
        "LowRankDecay",
        "NormalizedDecay",
        "TimescaleDecay",
        "Proximal",
        "Projection",
        "Cautious",
        "ScheduledDecay",
        "AdaptiveDecay",
        "AdaptiveL2",
        "SelectiveProjectionDecay",
        "ConstrainedNorm",
        "Hypergradient",
        "Evidence",
        "TargetNorm",
        "Timescale",
    ),
    "strength": ("conventions",),
    "sweeps": ("choose", "convert", "rescale", "transfer", "useful_range"),
}
_HOME = {name: f"shrinkage.{home}" for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'shrinkage' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
