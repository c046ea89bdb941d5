"""What a strength means: λ, shrink, timescale, prior precision, each from the others, in plain floats."""

from shrinkage.strength._timescales import (
    epochs_from_shrink,
    half_life_from_shrink,
    remaining,
    shrink_from_epochs,
    shrink_from_half_life,
    shrink_from_steps,
    steps_from_shrink,
)
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
    "asymptotic_shrink",
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
    "shrink_from_epochs",
    "shrink_from_half_life",
    "shrink_from_lam",
    "shrink_from_steps",
    "steps_from_shrink",
]
