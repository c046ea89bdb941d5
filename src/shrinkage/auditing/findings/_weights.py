"""Weights whose size the decay will be busy with."""

from __future__ import annotations

import math

from shrinkage.auditing._facts import Facts
from shrinkage.auditing._finding import Hits, finding, names

_OUTSIZED = 6.0
"""rms·√fan_in of usual initializations is 0.6 (PyTorch's own) to 1.4 (He)."""


@finding("outsized", "Weights outsized against their fan-in", "warning", needs=("values", "matrices"))
def outsized(facts: Facts) -> Hits:
    """A layer multiplies the size of what it is fed by about rms(w)·√fan_in; usual starts have 0.6 to 1.4.

    Weights drawn from N(0, 1) without regard to their number saturate their units, and decay spends the run on
    undoing that: what looks like the benefit of regularization is a repaired start.
    """
    large = [
        (p, p.rms * math.sqrt(p.fan_in))
        for p in facts.parameters
        if p.role == "weight" and p.tensor.dim() > 1
    ]
    large = [(p, gain) for p, gain in large if gain > _OUTSIZED]
    if large:
        yield (
            names(p for p, _ in large),
            f"rms(w)·√fan_in = {max(gain for _, gain in large):.3g}",
            "about 1",
            "Start from weights of size 1/√fan_in (torch.nn.init.kaiming_uniform_, xavier_uniform_).",
        )


@finding(
    "scale-invariant",
    "Decay acts through the learning rate alone",
    "note",
    needs=("optimizer", "model", "inputs"),
)
def scale_invariant(facts: Facts) -> Hits:
    """A normalization follows: no output changes when the weight is halved or doubled.

    Decay does not regularize such a layer's function; it sets the angle by which a step turns the weight, √(2s), and
    the norm at which updates and decay balance. Only the product of lr and strength matters.
    """
    for p in facts.parameters:
        if p.invariance is not None and p.decays:
            rest = p.invariance.norm_at_rest
            yield (
                [p.name],
                f"‖w‖ = {p.invariance.norm:.3g}" + ("" if rest is None else f", at rest {rest:.3g}"),
                f"a turn of {p.invariance.angle:.2g} rad a step at rest",
                "Tune lr × strength as one number here.",
            )
