"""Weights whose size the decay will be busy with."""

from __future__ import annotations

import math

from shrinkage.auditing._facts import Facts
from shrinkage.auditing._finding import Hits, finding, names

_OUTSIZED = 6.0
"""rms·√fan_in of usual initializations is 0.6 (PyTorch's own) to 1.4 (He)."""


@finding("outsized", "Weights too large for their fan-in", "warning", needs=("values", "matrices"))
def outsized(facts: Facts) -> Hits:
    """A layer scales its input by about rms(w)·√fan_in; usual initializations give 0.6 to 1.4.

    Weights drawn from N(0, 1) regardless of fan-in saturate their units, and decay spends the run undoing that: what
    looks like a benefit of regularization is the repair of a bad initialization.
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
    "Decay acts only through the learning rate",
    "note",
    needs=("optimizer", "model", "inputs"),
)
def scale_invariant(facts: Facts) -> Hits:
    """A normalization follows, so no output changes when the weight is halved or doubled.

    Decay does not regularize such a layer's function. It sets the angle by which a step rotates the weight, √(2s), and
    the norm at which updates and decay balance. Only the product of lr and strength matters.
    """
    for p in facts.parameters:
        if p.invariance is not None and p.decays and not p.reading.anchored:
            rest = p.invariance.norm_at_rest
            yield (
                [p.name],
                f"‖w‖ = {p.invariance.norm:.3g}" + ("" if rest is None else f", at equilibrium {rest:.3g}"),
                f"a rotation of {p.invariance.angle:.2g} rad per step at equilibrium",
                "Tune the product lr × strength as one number.",
            )
