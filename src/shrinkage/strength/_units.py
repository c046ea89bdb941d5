"""The algebra of strengths: λ, shrink, momentum, prior precision, the engineer's rate.

Canonical λ (`lam`) is that of `J = (1/n) Σ lossᵢ + (λ/2) Σ w²`. `shrink` is the fraction of a weight removed in
one step, `w ← w − shrink·w`. Reference for the momentum formulas: the characteristic equation of the heavy ball,
Polyak, USSR Comp. Math. 4 (1964), with torch's placement of dampening.
"""

from __future__ import annotations

import math
from typing import Literal

from shrinkage._errors import RequestError, shown
from shrinkage.strength._checks import checked

__all__ = [
    "asymptotic_shrink",
    "effective_lr",
    "lam_from_prior",
    "lam_from_rate",
    "lam_from_shrink",
    "momentum_gain",
    "prior_from_lam",
    "rate_from_lam",
    "shrink_from_lam",
]

Of = Literal["updated", "original"]


def momentum_gain(momentum: float = 0.0, dampening: float = 0.0) -> float:
    """How much further a constant gradient carries the weights with momentum: `(1 − d)/(1 − μ)`.

    Args:
        momentum: μ, in [0, 1).
        dampening: d, in [0, 1); torch's `dampening`, without effect where μ = 0.

    Returns:
        The factor, 1 without momentum.

    Raises:
        RequestError: a value is out of its range.

    Example:
        >>> round(momentum_gain(0.9), 9)
        10.0
    """
    return _gain("momentum_gain", momentum, dampening)


def shrink_from_lam(lam: float, lr: float, *, momentum: float = 0.0, dampening: float = 0.0) -> float:
    """The shrink that an L2 term λ gives in one step of SGD: `s = η λ (1 − d)/(1 − μ)`.

    Exact for μ = 0; with momentum the first order in η λ (see `asymptotic_shrink`).

    Args:
        lam: canonical λ, >= 0.
        lr: learning rate η, > 0.
        momentum: μ, in [0, 1).
        dampening: d, in [0, 1).

    Returns:
        The fraction of a weight removed in one step; above 1 the weight changes its sign.

    Raises:
        RequestError: a value is out of its range.

    Example:
        >>> round(shrink_from_lam(1e-4, 0.1, momentum=0.9), 12)
        0.0001

    Differs from: AdamW and every decoupled optimizer, where μ does not enter: `s = η·weight_decay`.
    """
    lam = checked("shrink_from_lam", "lam", lam, ">= 0 and finite")
    lr = checked("shrink_from_lam", "lr", lr, "> 0 and finite")
    return lr * lam * _gain("shrink_from_lam", momentum, dampening)


def lam_from_shrink(shrink: float, lr: float, *, momentum: float = 0.0, dampening: float = 0.0) -> float:
    """The λ whose L2 term gives this shrink in SGD: `λ = s (1 − μ)/(η (1 − d))`.

    Args:
        shrink: fraction removed per step, >= 0.
        lr: learning rate η, > 0.
        momentum: μ, in [0, 1).
        dampening: d, in [0, 1).

    Returns:
        Canonical λ.

    Raises:
        RequestError: a value is out of its range.

    Example:
        >>> round(lam_from_shrink(1e-4, 0.1), 12)
        0.001
    """
    shrink = checked("lam_from_shrink", "shrink", shrink, ">= 0 and finite")
    lr = checked("lam_from_shrink", "lr", lr, "> 0 and finite")
    return shrink / (lr * _gain("lam_from_shrink", momentum, dampening))


def asymptotic_shrink(
    lam: float, lr: float, *, momentum: float = 0.0, dampening: float = 0.0, nesterov: bool = False
) -> float:
    """The exact shrink of SGD with momentum where the data's gradient is zero: `1 − |r|`, r the slower root.

    With a = η λ (1 − d): `r² − (1 + μ − a) r + μ = 0`; Nesterov's form: `r² − (1 + μ)(1 − a) r + μ (1 − a) = 0`.

    Args:
        lam: canonical λ, >= 0.
        lr: learning rate η, > 0.
        momentum: μ, in [0, 1).
        dampening: d, in [0, 1); 0 for Nesterov's form.
        nesterov: whether the momentum is Nesterov's.

    Returns:
        The fraction removed per step once the first steps are forgotten; negative where the weights grow.

    Raises:
        RequestError: a value is out of its range.

    Example:
        >>> round(asymptotic_shrink(1e-2, 0.1, momentum=0.9), 5)
        0.01113
    """
    lam = checked("asymptotic_shrink", "lam", lam, ">= 0 and finite")
    lr = checked("asymptotic_shrink", "lr", lr, "> 0 and finite")
    mu = checked("asymptotic_shrink", "momentum", momentum, "in [0, 1)")
    d = checked("asymptotic_shrink", "dampening", dampening, "in [0, 1)")
    a = lr * lam * (1 - d) if mu else lr * lam
    total, product = ((1 + mu) * (1 - a), mu * (1 - a)) if nesterov else (1 + mu - a, mu)
    inside = total * total / 4 - product
    slower = abs(total) / 2 + math.sqrt(inside) if inside >= 0 else math.sqrt(abs(product))
    return 1 - slower


def prior_from_lam(lam: float, *, rows: float) -> float:
    """The Gaussian prior's precision, where the loss is a mean negative log-likelihood: `δ = n λ`.

    Args:
        lam: canonical λ, >= 0.
        rows: training rows n, >= 1.

    Returns:
        Prior precision δ, 1/variance of a weight; it is also the textbook's λ in `(1 − η λ/n) w`.

    Raises:
        RequestError: a value is out of its range.

    Example:
        >>> prior_from_lam(1e-4, rows=50_000)
        5.0

    Differs from: AdamW and Lion, whose stationary points are no maximum a posteriori: no prior there.
    """
    lam = checked("prior_from_lam", "lam", lam, ">= 0 and finite")
    return lam * checked("prior_from_lam", "rows", rows, ">= 1 and finite")


def lam_from_prior(precision: float, *, rows: float) -> float:
    """The λ of a Gaussian prior: `λ = δ/n`, for a mean negative log-likelihood.

    Args:
        precision: prior precision δ, >= 0.
        rows: training rows n, >= 1.

    Returns:
        Canonical λ.

    Raises:
        RequestError: a value is out of its range.

    Example:
        >>> lam_from_prior(5, rows=50_000)
        0.0001
    """
    precision = checked("lam_from_prior", "precision", precision, ">= 0 and finite")
    return precision / checked("lam_from_prior", "rows", rows, ">= 1 and finite")


def effective_lr(rate: float, lr: float, *, of: Of = "updated") -> float:
    """The learning rate an engineer's rate hides: `η (1 − rate)` of the updated weight, η of the original.

    `(w + Δ)(1 − rate)` shrinks the step Δ too: plain SGD with it is decay before the step at this smaller η.

    Args:
        rate: fraction taken off after the step, in [0, 1).
        lr: learning rate η of the step Δ, > 0.
        of: what the fraction is taken of, the weight after its update or before it.

    Returns:
        The learning rate of the equal rule that decays before the step.

    Raises:
        RequestError: a value is out of its range.

    Example:
        >>> effective_lr(0.02, 0.1)
        0.098
    """
    _check_of("effective_lr", of)
    rate = checked("effective_lr", "rate", rate, "in [0, 1)")
    lr = checked("effective_lr", "lr", lr, "> 0 and finite")
    return lr * (1 - rate) if of == "updated" else lr


def lam_from_rate(rate: float, lr: float, *, of: Of = "updated") -> float:
    """The λ of the engineer's rule in plain SGD: updated `rate/(η (1 − rate))`, original `rate/η`.

    Exact, at the learning rate that `effective_lr` gives.

    Args:
        rate: fraction taken off after the step, in [0, 1); 0.02 for "times 0.98".
        lr: learning rate η, > 0.
        of: what the fraction is taken of, the weight after its update or before it.

    Returns:
        Canonical λ.

    Raises:
        RequestError: a value is out of its range.

    Example:
        >>> lam_from_rate(0.25, 0.5, of="original")
        0.5
    """
    return rate / effective_lr(rate, lr, of=of)


def rate_from_lam(lam: float, lr: float, *, of: Of = "updated") -> float:
    """The engineer's rate for λ in plain SGD: updated `η λ/(1 + η λ)`, original `η λ`.

    Args:
        lam: canonical λ, >= 0.
        lr: learning rate η of the step, > 0.
        of: what the fraction is taken of, the weight after its update or before it.

    Returns:
        The rate, the inverse of `lam_from_rate`.

    Raises:
        RequestError: a value is out of its range.

    Example:
        >>> rate_from_lam(2.5, 0.1, of="updated")
        0.2
    """
    _check_of("rate_from_lam", of)
    shrink = shrink_from_lam(lam, lr)
    return shrink / (1 + shrink) if of == "updated" else shrink


def _gain(where: str, momentum: float, dampening: float) -> float:
    mu = checked(where, "momentum", momentum, "in [0, 1)")
    d = checked(where, "dampening", dampening, "in [0, 1)")
    return (1 - d) / (1 - mu) if mu else 1.0


def _check_of(where: str, of: object) -> None:
    if of not in ("updated", "original"):
        raise RequestError(f'{where}(of=…): must be "updated" or "original", got {shown(of)}.')
