"""What a strength means, in plain floats: λ, shrink, timescale and prior precision, each from the others; and the
number that means in one framework what another number means in another."""

from shrinkage.strength._convention import Convention
from shrinkage.strength._public import convert, rescale
from shrinkage.strength._quantities import Quantities
from shrinkage.strength._registry import Conventions, conventions
from shrinkage.strength._timescales import (
    epochs_from_shrink,
    half_life_from_shrink,
    remaining,
    shrink_from_epochs,
    shrink_from_half_life,
    shrink_from_steps,
    steps_from_shrink,
)
from shrinkage.strength._translation import Conversion
from shrinkage.strength._units import (
    asymptotic_shrink,
    effective_lr,
    lam_from_prior,
    lam_from_rate,
    lam_from_shrink,
    momentum_gain,
    prior_from_lam,
    rate_from_lam,
    shrink_from_lam,
)

__all__ = [
    "Convention",
    "Conventions",
    "Conversion",
    "Quantities",
    "asymptotic_shrink",
    "conventions",
    "convert",
    "effective_lr",
    "epochs_from_shrink",
    "half_life_from_shrink",
    "lam_from_prior",
    "lam_from_rate",
    "lam_from_shrink",
    "momentum_gain",
    "prior_from_lam",
    "rate_from_lam",
    "remaining",
    "rescale",
    "shrink_from_epochs",
    "shrink_from_half_life",
    "shrink_from_lam",
    "shrink_from_steps",
    "steps_from_shrink",
]
