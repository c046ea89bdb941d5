"""Probabilities that mean what they say: one temperature, fitted to what networks say of rows they had not seen.

    p = softmax(z/T), or 1/(1 + exp(−z/T)) for two classes; T > 1 makes sure probabilities milder, and no class changes.

Reference: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017, §4.2.
Axes: m predictions of unseen rows, C outputs (1 for two classes).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, softmax

__all__ = [
    "Calibration",
    "Reliability",
    "apply_temperature",
    "calibrate",
    "fitted_temperature",
    "log_odds",
    "probabilities_of",
    "reliability",
]

Floats = NDArray[np.float64]
LOWEST, HIGHEST = 0.05, 20.0
"""Temperatures that are looked at."""
SMALLEST = 1e-300
"""Probability, before its logarithm is taken."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The temperature and what it is worth. Losses are cross-entropies of unseen rows, in nats."""

    temperature: float
    """T, fitted to all out-of-fold outputs."""
    applied: bool
    """Whether `predict_proba` uses it: it lowers the loss by more than the standard error of that gain."""
    loss_before: float
    """With T = 1."""
    loss_after: float
    """Each fold with the temperature of the other folds."""
    gain: float
    """`loss_before − loss_after`."""
    gain_se: float
    """Its standard error over rows; NaN where one fold leaves no others to fit on."""

    def __str__(self) -> str:
        done = "applied" if self.applied else "not applied"
        if not math.isfinite(self.gain_se):
            return f"temperature {self.temperature:.3g}, {done}: one fold can't show whether it helps"
        return (
            f"temperature {self.temperature:.3g}, {done}: out-of-fold loss {self.loss_before:.4g} → "
            f"{self.loss_after:.4g} (gain {self.gain:.2g} ± {self.gain_se:.1g})"
        )


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Rows by how sure the prediction was: B bins of equally many rows, the probability being that of the likeliest class
    (of the second class where there are two)."""

    predicted: Floats
    """(B,) mean probability."""
    observed: Floats
    """(B,) share of rows for which it came true."""
    rows: NDArray[np.intp]
    """(B,)"""

    @property
    def error(self) -> float:
        """Expected calibration error: the mean of |predicted − observed| over rows."""
        return (
            float(np.average(np.abs(self.predicted - self.observed), weights=self.rows))
            if len(self.rows)
            else math.nan
        )


def apply_temperature(p: Floats, temperature: float) -> Floats:
    """(n, C) probabilities p^(1/T) over their sum, which is softmax(z/T) for p = softmax(z); (n, 1) of two classes."""
    if temperature == 1:
        return p
    return probabilities_of(log_odds(p) / temperature)


def log_odds(p: Floats) -> Floats:
    """Outputs z with these probabilities: their logarithms, or log p/(1 − p) for two classes."""
    if p.shape[1] == 1:
        p = np.clip(p, SMALLEST, 1 - 1e-16)
        return np.log(p) - np.log1p(-p)
    return np.log(np.maximum(p, SMALLEST))


def probabilities_of(z: Floats) -> Floats:
    """(n, C) the probabilities of linear outputs."""
    return expit(z) if z.shape[1] == 1 else softmax(z, axis=1)


def calibrate(z: Floats, Y: Floats, fold: NDArray[np.intp], weight: Floats | None = None) -> Calibration:
    """Fit a temperature, and measure by cross-fitting whether it helps.

    Args:
        z: (m, C) linear outputs for rows that the network had not seen.
        Y: (m, C) one-hot classes, or (m, 1) of 0 and 1.
        fold: (m,) which fold each prediction is of.
        weight: (m,) row weights, None for equal ones.
    """
    s = np.ones(len(z)) if weight is None else weight
    before = _losses(z, Y, 1.0)
    temperature = _cautious_temperature(z, Y, s)
    after = np.full(len(z), np.nan)
    numbers = np.unique(fold)
    for number in numbers if len(numbers) > 1 else []:
        own = fold == number
        after[own] = _losses(z[own], Y[own], _cautious_temperature(z[~own], Y[~own], s[~own]))
    gains = before - after
    gain = float(np.average(gains, weights=s))
    se = float(np.sqrt(np.square(s * (gains - gain)).sum()) / s.sum())
    return Calibration(
        temperature=temperature,
        applied=bool(gain > se),
        loss_before=float(np.average(before, weights=s)),
        loss_after=float(np.average(after, weights=s)),
        gain=gain,
        gain_se=se,
    )


def _cautious_temperature(z: Floats, Y: Floats, weight: Floats) -> float:
    """The temperature if one more row like these were wrong.

    Without it, a few dozen rows that are all right ask for the lowest temperature, and a later row that is wrong pays
    with twenty times its log-odds.
    """
    return fitted_temperature(z, Y, weight, doubt=1 / (1 + max(len(z), weight.sum())))


def fitted_temperature(z: Floats, Y: Floats, weight: Floats, *, doubt: float = 0.0) -> float:
    """T of the smallest mean cross-entropy of outputs z/T, at most `HIGHEST` and at least `LOWEST`.

    The cross-entropy is convex in 1/T, so its slope has at most one root. Where it has none between the ends, as for rows
    that are all right, the end with the smaller loss is taken.

    Args:
        z: (m, C) linear outputs.
        Y: (m, C) one-hot classes, or (m, 1) of 0 and 1.
        weight: (m,)
        doubt: share of each row's weight that goes to its likeliest wrong class.
    """
    slope = (_slope_of_binary if z.shape[1] == 1 else _slope_of_classes)(z, Y, weight, doubt)
    weakest, strongest = -math.log(HIGHEST), -math.log(LOWEST)
    first, last = slope(weakest), slope(strongest)
    if not (math.isfinite(first) and math.isfinite(last)):  # of a diverged network
        return 1.0
    if first >= 0 or last <= 0:
        return HIGHEST if first >= 0 else LOWEST
    found: Any = brentq(slope, weakest, strongest, xtol=1e-9)
    return math.exp(-found)


def _slope_of_binary(z: Floats, Y: Floats, weight: Floats, doubt: float) -> Callable[[float], float]:
    """The derivative of the mean cross-entropy with respect to 1/T, as a function of log(1/T)."""
    share = weight / weight.sum()
    logit, chance = z[:, 0], Y[:, 0] + doubt * (1 - 2 * Y[:, 0])
    weighted = share * logit
    own = float(weighted @ chance)
    return lambda log_scale: float(weighted @ expit(math.exp(log_scale) * logit)) - own


def _slope_of_classes(z: Floats, Y: Floats, weight: Floats, doubt: float) -> Callable[[float], float]:
    """The same for one output per class."""
    share = weight / weight.sum()
    below = z - z.max(axis=1, keepdims=True)
    likeliest_wrong = np.where(Y > 0, -np.inf, below).max(axis=1)
    own = float(share @ ((1 - doubt) * (below * Y).sum(axis=1) + doubt * likeliest_wrong))

    def slope(log_scale: float) -> float:
        likely = np.exp(math.exp(log_scale) * below)
        return float(share @ ((likely * below).sum(axis=1) / likely.sum(axis=1))) - own

    return slope


def _losses(z: Floats, Y: Floats, temperature: float) -> Floats:
    """(m,) cross-entropies."""
    z = z / temperature
    if z.shape[1] == 1:
        return (np.logaddexp(0, z) - Y * z)[:, 0]
    z = z - z.max(axis=1, keepdims=True)
    return np.log(np.exp(z).sum(axis=1)) - (z * Y).sum(axis=1)


def reliability(z: Floats, Y: Floats, temperature: float = 1.0, bins: int = 10) -> Reliability:
    """How often a prediction with a probability came true; see `Reliability`."""
    if z.shape[1] == 1:
        predicted, observed = expit(z[:, 0] / temperature), Y[:, 0]
    else:
        probabilities = softmax(z / temperature, axis=1)
        predicted, observed = probabilities.max(axis=1), Y[np.arange(len(Y)), z.argmax(axis=1)]
    order = np.argsort(predicted, kind="stable")
    pieces = [piece for piece in np.array_split(order, bins) if len(piece)]
    return Reliability(
        predicted=np.array([predicted[piece].mean() for piece in pieces]),
        observed=np.array([observed[piece].mean() for piece in pieces]),
        rows=np.array([len(piece) for piece in pieces], dtype=np.intp),
    )
