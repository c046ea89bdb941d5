"""What a strength means, in plain floats: λ, shrink, timescale and prior precision, each from the others; and the
number that means in one framework what another number means in another."""

from shrinkage.strength._checks import checked
from shrinkage.strength._convention import Convention
from shrinkage.strength._numbers import short
from shrinkage.strength._quantities import Loss, Options, Quantities, ScheduleName, asked_for
from shrinkage.strength._registry import Conventions, conventions, find
from shrinkage.strength._schedule import CLOCKS, relative_rates
from shrinkage.strength._timescales import (
    epochs_from_shrink,
    half_life_from_shrink,
    remaining,
    shrink_from_epochs,
    shrink_from_half_life,
    shrink_from_steps,
    steps_from_shrink,
)
from shrinkage.strength._translation import Conversion, translate
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
    "CLOCKS",
    "Convention",
    "Conventions",
    "Conversion",
    "Loss",
    "Options",
    "Quantities",
    "ScheduleName",
    "asked_for",
    "asymptotic_shrink",
    "checked",
    "conventions",
    "effective_lr",
    "epochs_from_shrink",
    "find",
    "half_life_from_shrink",
    "lam_from_prior",
    "lam_from_rate",
    "lam_from_shrink",
    "momentum_gain",
    "prior_from_lam",
    "rate_from_lam",
    "relative_rates",
    "remaining",
    "short",
    "shrink_from_epochs",
    "shrink_from_half_life",
    "shrink_from_lam",
    "shrink_from_steps",
    "steps_from_shrink",
    "translate",
]
