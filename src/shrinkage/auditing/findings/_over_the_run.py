"""How the decay spreads over the run."""

from __future__ import annotations

import math
from typing import Any

from shrinkage.auditing._facts import Audited, Facts
from shrinkage.auditing._finding import Hits, finding, names
from shrinkage.strength import epochs_from_shrink


@finding("timescale-short", "A timescale shorter than an epoch", "warning", needs=("optimizer", "rows"))
def timescale_short(facts: Facts) -> Hits:
    """Weights forget what they learned before they have seen all the rows once: 1/shrink steps are less than an epoch."""
    if facts.rows is None or facts.batch_size is None:
        return
    short = []
    for p in _decaying(facts):
        epochs = epochs_from_shrink(p.reading.shrink or 0.0, rows=facts.rows, batch_size=facts.batch_size)
        if epochs < 1:
            short.append((p, epochs))
    if short:
        yield (
            names(p for p, _ in short),
            f"a timescale of {short[0][1]:.2g} epochs",
            "some epochs or more",
            "Lower the strength or the learning rate.",
        )


@finding("timescale-long", "A timescale longer than the run", "warning", needs=("optimizer", "steps"))
def timescale_long(facts: Facts) -> Hits:
    """All steps together take off less than 1 − 1/e of a weight: the decay hardly acts before the run is over."""
    long = [(p, float(plan.sum())) for p, plan in _plans(facts) if 0 < plan.sum() < 1]
    if long:
        total, steps = long[0][1], len(_plans(facts)[0][1])
        yield (
            names(p for p, _ in long),
            f"{100 * (1 - math.exp(-total)):.2g} % comes off in all {steps} steps",
            "a timescale within the run",
            f"A strength about {1 / total:.3g} times as large would act once over the run; or leave the decay out.",
        )


@finding("fades", "Decay that fades with the schedule", "note", needs=("optimizer", "steps", "scheduler"))
def fades(facts: Facts) -> Hits:
    """A shrink that follows the learning rate fades with it: under a cosine 18 % of it falls in the last half."""
    fading = [
        (p, float(plan[len(plan) // 2 :].sum() / plan.sum())) for p, plan in _plans(facts) if plan.sum() > 0
    ]
    fading = [(p, share) for p, share in fading if share < 0.2]
    if fading:
        yield (
            names(p for p, _ in fading),
            f"{100 * fading[0][1]:.0f} % of the decay falls in the last half of the run",
            "50 % for a steady decay",
            "If a steady decay is meant: shrinkage.attach(…, Decoupled(rate=…, clock='constant')).",
        )


def _decaying(facts: Facts) -> list[Audited]:
    return [p for p in facts.parameters if p.decays and (p.reading.shrink or 0) > 0]


def _plans(facts: Facts) -> list[tuple[Audited, Any]]:
    plans = [(p, facts.shrinks(p)) for p in _decaying(facts)]
    return [(p, plan) for p, plan in plans if plan is not None]
