"""What is measured of one parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["AT_REST", "Clock", "Path", "Reading"]

Path = Literal["none", "plain", "coupled", "decoupled", "averaged", "mixed"]
Clock = Literal["lr", "schedule", "constant", "corrected", "lr squared", "affine", "other", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The measured decay of one parameter."""

    path: Path
    """Through which door the decay comes: `coupled` through the gradient, `decoupled` beside it, `plain` where the two
    are one, `averaged` beside it but spread over steps, `mixed` none of these, `none` no decay."""
    shrink: float | None
    """Fraction removed per step in the long run at the measured learning rate; negative where weights grow; None
    where it depends on the size of the gradients and no live state tells it."""
    first: float
    """Fraction removed in the first step, before momentum has built up."""
    lam: float | None
    """The L2 strength of equal pull (3); None where each element has its own."""
    l1: float | None = None
    """The strength λ₁ of a penalty λ₁ Σ |w| of equal pull; None where the pull is not of constant size, or where an
    adaptive step takes its size away."""
    adaptive: bool
    """Whether equal gradients carry different weights differently far: the step is normalized."""
    momentum: bool
    """Whether a gradient acts in later steps too."""
    clock: Clock
    """How the shrink follows the learning rate."""
    intercept: float
    """For the clock `affine`: the shrink at learning rate 0."""
    entry: Literal["loss", "before", "after", "unknown"]
    """Where the decay is applied: to the gradient, or to the weights before or after their update."""
    force: Literal["proportional", "constant", "other"]
    """How the pull grows with the weight, where the gradient is zero."""
    anchored: bool
    """Whether the pull is toward other weights than 0."""
    cautious: bool
    """Whether only weights whose update agrees are pulled."""
    trust: bool
    """Whether the step's size follows the norm of the weights (LAMB, LARS, Adafactor)."""
    trust_unaided: bool
    """Whether it still does with the decay switched off."""
    outward: bool
    """Whether a step with zero gradient makes the weights larger, whatever their size."""
    without_gradient: bool
    """Whether the weights move though their gradient is None."""
    rows_without_gradient: bool
    """Whether rows move whose gradient is all zero, while other rows have one."""
    moves: bool = False
    """Whether a step moves the weights at all."""

    @property
    def decays(self) -> bool:
        """Whether the weights are pulled at all."""
        return self.path != "none"

    @property
    def is_constant(self) -> bool:
        """Whether the pull is that of an L1 penalty, as strong on small weights as on large ones.

        An L2 penalty in an adaptive step looks like it while no gradient comes; with gradients it shows its λ.
        """
        return self.force == "constant" and self.lam is None and self.path in ("coupled", "mixed")

    @property
    def grows(self) -> bool:
        """Whether the pull is away from the anchor."""
        if self.is_constant:
            return self.outward
        if self.path == "coupled" and self.adaptive and self.lam is not None:
            return self.lam < 0
        # A pull toward 0 that is too strong makes weights overshoot 0, further at every step.
        may_swing = self.path in ("plain", "coupled") or self.first > 1
        return self.decays and (self.shrink or 0) < 0 and (may_swing or self.outward)

    @property
    def swings(self) -> bool:
        """Whether it is a pull toward 0 that throws the weights beyond it, further at every step."""
        return self.grows and self.first > 1

    @property
    def is_turned(self) -> bool:
        """Whether an adaptive step turns a penalty round for now, so that it pushes weights away from 0.

        The penalty is in the gradient's running size too, by which the step is divided: where gradients are falling
        that can take more off the step than the pull adds.
        """
        pulls = self.path == "coupled" and self.adaptive and not self.grows
        return pulls and (self.shrink or 0) < 0


AT_REST = Reading(
    path="none",
    shrink=0.0,
    first=0.0,
    lam=0.0,
    adaptive=False,
    momentum=False,
    clock="unknown",
    intercept=0.0,
    entry="unknown",
    force="proportional",
    anchored=False,
    cautious=False,
    trust=False,
    trust_unaided=False,
    outward=False,
    without_gradient=False,
    rows_without_gradient=False,
)
"""The reading of weights without decay."""
