"""How the decay spreads over the run."""

from __future__ import annotations

import math
from typing import Any

from shrinkage.auditing._facts import MOST_PER_STEP, Audited, Facts
from shrinkage.auditing._finding import Hits, Severity, finding, names
from shrinkage.strength import epochs_from_shrink, short
from shrinkage.sweeps import good_words

_MOST_LEFT = 0.98
"""Epochs, or timescales in the run, below this count as less than one: exactly one is none."""
_ROUNDING = 1e-4
"""A measured shrink above the limit by less than this is at the limit."""


@finding("vanishes", "Decay so strong that weights vanish", "warning")
def vanishes(facts: Facts) -> Hits:
    """Every step removes more than 1 % of each weight: without gradients a weight vanishes within a few hundred
    steps.

    The strength is usually in the wrong unit: a fraction per step instead of a paper's number, which the learning
    rate multiplies. AdamW's weight_decay=0.1 at lr 3e-4 removes 3e-5 per step; `Decoupled(rate=0.1)` removes 0.1.
    From 5 % per step it is an error.
    """
    fast = [p for p in _decaying(facts) if _is_fast(p)]
    for shrink in sorted({float(f"{p.reading.shrink:.2g}") for p in fast}, reverse=True):
        alike = [p for p in fast if float(f"{p.reading.shrink:.2g}") == shrink]
        left = 100 * (1 - shrink) ** 100 if shrink < 1 else 0.0
        severity: Severity = "error" if shrink >= 0.05 else "warning"
        yield (
            names(alike),
            f"{shrink:.3g} of each weight is removed per step: {left:.2g} % is left after 100 steps without a gradient",
            "less than 0.01 per step",
            _in_another_unit(alike[0], shrink) + _good(facts, alike[0]),
            severity,
        )


def _in_another_unit(p: Audited, shrink: float) -> str:
    """What to write, if a paper's strength was typed where a fraction per step is read."""
    if p.reading.clock in ("constant", "schedule") and 0 < p.lr < 1:
        return (
            f"If {shrink:.3g} is a paper's weight decay, the learning rate of {p.lr:.3g} still multiplies it: "
            f"the fraction per step is then {shrink * p.lr:.3g}. Otherwise lower it."
        )
    return "Lower the strength or the learning rate."


def _is_fast(p: Audited) -> bool:
    depends_on_gradients = p.reading.path == "coupled" and p.reading.adaptive
    is_steady = not p.reading.anchored and not depends_on_gradients
    return is_steady and (p.reading.shrink or 0) > MOST_PER_STEP * (1 + _ROUNDING)


@finding("timescale-short", "A timescale shorter than an epoch", "warning", needs=("optimizer", "rows"))
def timescale_short(facts: Facts) -> Hits:
    """Weights forget what they learned before they have seen all the rows once: 1/shrink steps are less than an epoch.

    With a pull toward the start, weights that forget are back at the start. Runs of one epoch or less are not checked,
    since no row is seen twice.
    """
    if facts.rows is None or facts.batch_size is None or _is_single_pass(facts):
        return
    brief = []
    for p in _decaying(facts):
        epochs = epochs_from_shrink(p.reading.shrink or 0.0, rows=facts.rows, batch_size=facts.batch_size)
        if epochs < _MOST_LEFT:
            brief.append((p, epochs))
    if brief:
        yield (
            names(p for p, _ in brief),
            f"a timescale of {brief[0][1]:.2g} epochs",
            "a few epochs or more",
            "Lower the strength or the learning rate." + _good(facts, brief[0][0]),
        )


@finding("timescale-long", "A timescale longer than the run", "note", needs=("optimizer", "steps"))
def timescale_long(facts: Facts) -> Hits:
    """All steps together remove less than 1 − 1/e of a weight. This is normal in fine-tuning, where decay has little
    effect."""
    long = [(p, float(plan.sum())) for p, plan in _plans(facts) if 0 < plan.sum() < _MOST_LEFT]
    if long:
        total, steps = long[0][1], len(_plans(facts)[0][1])
        yield (
            names(p for p, _ in long),
            f"{100 * (1 - math.exp(-total)):.2g} % {_of_what(long[0][0])}is removed over all {steps} steps",
            "a timescale within the run",
            f"Use a strength about {short(1 / total)} times as large, which acts within the run, or none."
            + _good(facts, long[0][0]),
        )


@finding("fades", "Decay that fades with the schedule", "note", needs=("optimizer", "steps", "scheduler"))
def fades(facts: Facts) -> Hits:
    """A shrink that follows the learning rate fades with it: under a cosine, 18 % of it falls in the second half."""
    fading = [
        (p, float(plan[len(plan) // 2 :].sum() / plan.sum())) for p, plan in _plans(facts) if plan.sum() > 0
    ]
    fading = [(p, share) for p, share in fading if share < 0.2]
    if fading:
        yield (
            names(p for p, _ in fading),
            f"{100 * fading[0][1]:.0f} % of the decay falls in the second half of the run",
            "50 % for a steady decay",
            "For a steady decay: shrinkage.attach(…, Decoupled(rate=…, clock='constant')).",
        )


def _of_what(p: Audited) -> str:
    return "of the distance to the weights that it is pulled to " if p.reading.anchored else ""


def _good(facts: Facts, p: Audited) -> str:
    """Where good values lie in this run, as one more sentence."""
    found = facts.ends(p)
    return f" In this run {good_words(found.good)}." if found and found.good else ""


def _is_single_pass(facts: Facts) -> bool:
    if facts.timelines is None or facts.rows is None or facts.batch_size is None:
        return False
    return len(facts.timelines[0].lrs) * facts.batch_size <= 1.5 * facts.rows


def _decaying(facts: Facts) -> list[Audited]:
    return [p for p in facts.parameters if p.decays and (p.reading.shrink or 0) > 0]


def _plans(facts: Facts) -> list[tuple[Audited, Any]]:
    plans = [(p, facts.shrinks(p)) for p in _decaying(facts)]
    return [(p, plan) for p, plan in plans if plan is not None]
