"""How particles move and of whom they learn: the published variants, their constants, and the law they are held to.

Axes: S swarms, P particles, D dimensions. x positions, v velocities, p the best position of each particle so far, l the
best position that a particle knows of (`best`), all (S, P, D).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from shrinkage._errors import RequestError, called, shown

__all__ = ["SWARM_VARIANTS", "Draw", "SwarmVariant", "variant_named"]

Informants = Literal["all", "ring", "random"]
Shape = Literal["box", "sphere"]

K_INFORMED = 3
"""Particles that one particle informs, at most, where informants are random (SPSO-2011)."""


@dataclass(frozen=True)
class Draw:
    """The random numbers of one step, each broadcasting against its use."""

    first: Tensor
    """(S, P, D): r₁, uniform in [0, 1); for the shape `sphere` the standard normal numbers of a direction."""
    second: Tensor
    """(S, P, D): r₂, uniform in [0, 1); for the shape `sphere` (S, P, 1), the share of the radius."""


@dataclass(frozen=True, kw_only=True)
class SwarmVariant:
    """One way to move: the weight of the past, the pull of the best positions, who informs whom.

    `box`: `v ← w v + c r₁∘(p − x) + c r₂∘(l − x)`, r₁ and r₂ drawn anew for every particle and dimension.
    `sphere`: `v ← w v + x′ − x`, x′ a random point of the ball around `G = (x + p′ + l′)/3` through x, where
    `p′ = x + c (p − x)`, `l′ = x + c (l − x)`, and `G = (x + p′)/2` for a particle that is its own best informant.
    """

    inertia: float
    """w, the share of the velocity that is kept, 0 to 1."""
    attraction: float
    """c = c₁ = c₂, the pull of either best position, > 0."""
    informants: Informants = "all"
    """`all` particles; the two neighbours on a `ring`; or `random` ones, redrawn when the best does not improve."""
    shape: Shape = "box"
    """Of the set in which the next pull is drawn."""
    rebound: float = 0.0
    """Share of the velocity that a particle keeps, turned round, where it hits a bound."""

    def __post_init__(self) -> None:
        if self.informants not in get_args(Informants) or self.shape not in get_args(Shape):
            raise RequestError(
                f"SwarmVariant(informants=…, shape=…): must be one of {', '.join(get_args(Informants))} and of "
                f"{', '.join(get_args(Shape))}, got {shown(self.informants)} and {shown(self.shape)}."
            )
        if not (0 <= self.inertia <= 1 and 0 < self.attraction < math.inf):
            raise RequestError(
                "SwarmVariant(inertia=…, attraction=…): inertia must be 0 to 1 and attraction > 0, "
                f"got {self.inertia:g} and {self.attraction:g}."
            )
        if math.isinf(self.stationary_sd):
            warnings.warn(
                f"A swarm of inertia {self.inertia:g} and attraction {self.attraction:g} diverges: "
                f"2·attraction must be below {_stable_sum(self.inertia):.3f}.",
                stacklevel=3,
            )

    @property
    def stationary_sd(self) -> float:
        """Standard deviation of x while p = 0 and l = 1 stay, ∞ where it grows without end; NaN for `sphere`.

        `½ √(c (w + 1) / (c (5w − 7) − 12w² + 12))`, around the mean ½, for every dimension by itself.

        Reference: Poli, IEEE Transactions on Evolutionary Computation 2009, section IV; the bound on `2c` is
        `24 (1 − w²)/(7 − 5w)`.
        """
        w, c = self.inertia, self.attraction
        if self.shape == "sphere":
            return math.nan
        if 2 * c >= _stable_sum(w):
            return math.inf
        return 0.5 * math.sqrt(c * (w + 1) / (c * (5 * w - 7) - 12 * w * w + 12))

    def move_(self, x: Tensor, v: Tensor, p: Tensor, best: Tensor, draw: Draw) -> None:
        """The new velocity, in place of v; x is not moved yet."""
        if self.shape == "sphere":
            v.mul_(self.inertia).add_(self._point_in_ball(x, p, best, draw)).sub_(x)
        else:
            # One rounding per call: a fused multiply-add rounds differently at the odd end of a buffer.
            v.mul_(self.inertia)
            v.add_((p - x).mul_(self.attraction).mul_(draw.first))
            v.add_((best - x).mul_(self.attraction).mul_(draw.second))

    def _point_in_ball(self, x: Tensor, p: Tensor, best: Tensor, draw: Draw) -> Tensor:
        to_p, to_l = self.attraction * (p - x), self.attraction * (best - x)
        alone = (p == best).all(-1, keepdim=True)
        offset = torch.where(alone, to_p / 2, (to_p + to_l) / 3)
        length = draw.first.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(x.dtype).tiny)
        radius = offset.norm(dim=-1, keepdim=True) * draw.second
        return x + offset + draw.first / length * radius


def _stable_sum(w: float) -> float:
    return 24 * (1 - w * w) / (7 - 5 * w)


PHI = 4.1
CHI = 2 / abs(2 - PHI - math.sqrt(PHI * PHI - 4 * PHI))

SWARM_VARIANTS: dict[str, SwarmVariant] = {
    # Eberhart and Shi, CEC 2000
    "inertia": SwarmVariant(inertia=0.729, attraction=1.49445),
    # Clerc and Kennedy, IEEE Transactions on Evolutionary Computation 2002, φ = 4.1
    "constriction": SwarmVariant(inertia=CHI, attraction=CHI * PHI / 2),
    # Bratton and Kennedy, IEEE SIS 2007
    "ring": SwarmVariant(inertia=CHI, attraction=CHI * PHI / 2, informants="ring"),
    # Clerc, "Standard particle swarm optimisation", 2012
    "spso2011": SwarmVariant(
        inertia=1 / (2 * math.log(2)),
        attraction=0.5 + math.log(2),
        informants="random",
        shape="sphere",
        rebound=0.5,
    ),
}
"""By name: the inertia weight, Clerc's constriction (both global-best), the local-best ring, and SPSO-2011."""


def variant_named(name: str) -> SwarmVariant:
    """The published variant called `name`."""
    if name not in SWARM_VARIANTS:
        raise RequestError(
            f"{called('variant')}: must be one of {', '.join(SWARM_VARIANTS)}, got {shown(name)}."
        )
    return SWARM_VARIANTS[name]
