"""What a kind of treatment means for the run, in one sentence."""

from __future__ import annotations

import math

import numpy as np

from shrinkage.auditing._facts import Audited, Facts, configured_strength
from shrinkage.strength import short
from shrinkage.sweeps import acting_words

__all__ = ["group_sentence"]


def group_sentence(facts: Facts, p: Audited, epochs: float | None, steps: float | None) -> str:
    """What happens to a parameter, as a sentence with numbers to act on.

    Args:
        facts: of the audit.
        p: one of the parameters that are treated alike.
        epochs: timescale in epochs, None where it is not known.
        steps: timescale in steps, None where it is not known.
    """
    if p.moves_though_frozen:
        return "Frozen, yet a step moves it."
    if not p.trainable:
        return "Frozen: it stays as it is."
    reading = p.reading
    if not p.decays:
        return "No decay: only gradients move it."
    if reading.grows:
        if reading.anchored:
            return "Its pull is away from the weights that it should be toward."
        return "Its pull is away from 0: without a gradient the weights grow."
    if reading.is_constant:
        return "A pull of constant size, as from an L1 penalty: small weights reach 0 first."
    if reading.shrink is None or reading.shrink <= 0 or steps is None:
        return _of_gradients(facts, p)
    if reading.anchored:
        head = f"A pull of {reading.shrink:.3g} per step toward weights other than 0, such as the start, undoes what was"
        return f"{head} learned within {_span(epochs, steps)}{_over_the_run(facts, p)}."
    return f"{_strength(facts, p)} forgets over {_span(epochs, steps)}{_over_the_run(facts, p)}."


def _of_gradients(facts: Facts, p: Audited) -> str:
    lam = "A penalty" if p.reading.lam is None else f"A penalty of λ = {short(p.reading.lam)}"
    head = f"{lam} is added to the gradient and divided by its running size"
    if not (felt := facts.felt(p)):
        return f"{head}: how much is removed depends on the gradients."
    found = facts.ends(p)
    tail = f"; {acting_words(found)}" if found else ""
    return f"{head}: at the present gradients about {short(felt, 2)} of a weight is removed per step{tail}."


def _strength(facts: Facts, p: Audited) -> str:
    """The number that the user set, or else what was measured."""
    strength = configured_strength(facts.groups[p.group])
    if strength:
        return f"{strength:g} at lr {short(p.lr)}"
    return f"A shrink of {p.reading.shrink:.3g} per step"


def _span(epochs: float | None, steps: float) -> str:
    return f"{_count(steps)} steps" if epochs is None else f"{short(epochs)} epochs"


def _over_the_run(facts: Facts, p: Audited) -> str:
    """How long the run is, what it removes in all, and which strengths would act in it."""
    plan = facts.shrinks(p)
    if plan is None or not plan.max() > 0:
        return ""
    removed = -float(np.log1p(-np.minimum(plan, 1 - 1e-12)).sum())
    length = f"{_count(len(plan))} steps"
    if facts.rows is not None and facts.batch_size is not None:
        length = short(len(plan) * facts.batch_size / facts.rows)
    what = " of the distance to them" if p.reading.anchored else ""
    total = f"; your run has {length}: it removes {_percent(1 - math.exp(-removed))}{what} in all"
    found = facts.ends(p)
    unit = "strengths" if configured_strength(facts.groups[p.group]) else "shrinks"
    return total + (f"; {acting_words(found, unit)}" if found else "")


def _percent(share: float) -> str:
    return f"{short(100 * share, 2)} %" if share < 0.995 else "nearly all"


def _count(steps: float) -> str:
    return f"{steps:,.0f}" if steps >= 1 else short(steps, 2)
