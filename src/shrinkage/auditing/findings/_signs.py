"""Penalties that push the wrong way."""

from __future__ import annotations

from shrinkage.auditing._facts import Audited, Facts
from shrinkage.auditing._finding import Hits, finding, names
from shrinkage.auditing.measuring._timeline import number


@finding("grows", "Weights grow under the penalty", "error", partly=("loss",))
def grows(facts: Facts) -> Hits:
    """The pull is away from zero: without a gradient from the data, the weights grow at every step.

    Usually a sign is wrong: the gradient of a penalty, λw or λ₁·sgn w, is added to the weights instead of
    subtracted. Two widely read articles from 2017, one on L2 and one on L1, print such code. The other cause is an
    lr·λ above 2 (with momentum, above 2 (1 + momentum)), so that each step overshoots 0 further.
    """
    away = [p for p in facts.parameters if p.reading.grows or p.penalty.pushes]
    swung = [p for p in away if p.reading.swings and not p.penalty.pushes]
    signed = [p for p in away if p not in swung]
    if signed:
        yield (
            names(signed),
            f"the pull is away from 0{_size(signed[0])}",
            "weights without a gradient shrink",
            "Flip the sign of the penalty's term: the gradient of (λ/2)·w² is +λ·w, that of λ₁·|w| is +λ₁·sgn w; both "
            "are subtracted along with the loss's own.",
        )
    if swung:
        yield (
            names(swung),
            f"{swung[0].reading.first:.3g} of each weight is removed per step, so each step overshoots 0 further",
            "lr·λ below 2, or below 2 (1 + momentum) for a penalty",
            "Lower the learning rate or the strength.",
        )


def _size(p: Audited) -> str:
    """How strong the push is, where it is known."""
    if p.penalty.pushes:
        return f", with {p.penalty.words} in the loss"
    size = p.reading.l1 or p.reading.lam or p.reading.shrink
    return f", at a strength of {size:.3g}" if size else ""


@finding("negative-strength", "A strength below zero", "error", needs=("optimizer", "options"))
def negative_strength(facts: Facts) -> Hits:
    """A group's `weight_decay` is negative. PyTorch checks only the default, not the value in a group."""
    for g, options in enumerate(facts.groups):
        strength = number(options.get("weight_decay", 0.0))
        if strength < 0:
            yield (
                names(p for p in facts.parameters if p.group == g),
                f"group {g} has weight_decay={strength:g}",
                "weight_decay >= 0",
                f"Set weight_decay={-strength:g}, or 0 for no decay.",
            )
