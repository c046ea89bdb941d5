"""Decay too weak for the arithmetic of a step to show: looked for again, made stronger.

Kernels that compute in float32 whatever the weights are do not show a shrink below 10⁻⁶, which a fine-tuning has. A
strength that is an option of the group can be raised until it shows; what then arrives is scaled back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from shrinkage.auditing.measuring._statistics import mean_log_shrink
from shrinkage.auditing.measuring._step_reading import Reading
from shrinkage.auditing.subjects._subject import Plan, Subject, offset_pair

__all__ = ["with_faint"]

_SHOWN = 0.05
"""The shrink of a step that is aimed at."""
_OFFSET = 0.25


def with_faint(subject: Subject, readings: Sequence[Reading], expected: Sequence[float]) -> list[Reading]:
    """The readings, with those of a decay that shows only where it is made stronger.

    Args:
        subject: what takes the steps.
        readings: what was measured of each parameter.
        expected: lr × strength of each parameter as its group says, 0 where it says none.
    """
    noise = 8 * subject.epsilon / _OFFSET
    wanted = [i for i, r in enumerate(readings) if not r.decays and expected[i] > 0]
    if noise < 1e-10 or not wanted:
        return list(readings)
    factor = max(1.0, _SHOWN / max(expected[i] for i in wanted))
    plus, minus = (subject.run(p) for p in offset_pair(Plan(factor=factor), weights=_OFFSET))
    found = list(readings)
    for i in wanted:
        shrink = mean_log_shrink((plus[i] - minus[i]) / 2)
        if shrink > 10 * noise:
            s = -math.expm1(-shrink) / factor
            found[i] = replace(readings[i], path="decoupled", shrink=s, first=s, lam=None)
    return found
