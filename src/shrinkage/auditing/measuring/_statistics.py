"""Statistics of shrinks and responses: tensors of (steps, elements)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from shrinkage.auditing.subjects._subject import Track

__all__ = [
    "CONSTANT",
    "is_switched",
    "limit",
    "mean_log_shrink",
    "per_step",
    "range_over_steps",
    "ratio",
    "spread",
    "varies_in_time",
]

CONSTANT = 0.005
"""Relative spread up to which numbers count as one."""


def per_step(kept: Tensor, steps: int) -> Tensor:
    """The shrink of one step where a part `kept` is left after several: they compound."""
    root = kept.clamp_min(0) ** (1 / steps)
    return torch.where(kept > 0, 1 - root, (1 - kept) / steps)


def ratio(s: Tensor, r: Tensor) -> Tensor:
    usable = r.abs() > 1e-3 * r.abs().median()
    return (s / torch.where(usable, r, torch.inf))[usable]


def spread(x: Tensor) -> float:
    """Distance of the 5 % and 95 % quantiles, relative to the median."""
    if not x.numel():
        return math.inf
    low, middle, high = torch.quantile(x.flatten(), torch.tensor([0.05, 0.5, 0.95], dtype=x.dtype))
    return float((high - low) / middle.abs()) if middle != 0 else math.inf


def varies_in_time(r: Tensor) -> bool:
    return bool(r.numel()) and range_over_steps(r) > CONSTANT


def range_over_steps(x: Tensor) -> float:
    """How much the medians over elements differ over the steps, relative to their own median."""
    medians = x.median(dim=1).values
    middle = abs(float(medians.median()))
    return float(medians.max() - medians.min()) / middle if middle else math.inf


def is_switched(s: Tensor, noise: float) -> bool:
    """Whether the shrinks are of two kinds, nothing and one size."""
    large = s.abs() > 0.5 * s.abs().max()
    nothing = s.abs() < max(1e-3 * float(s.abs().max()), noise)
    return (
        bool((large | nothing).float().mean() > 0.98 and 0.02 < large.float().mean() < 0.98)
        and spread(s[large]) < 0.02
    )


def limit(x: Tensor) -> float:
    """Where the medians over elements tend: the limit of a constant and one decaying exponential (Aitken)."""
    series = x.median(dim=1).values
    a, b, c = (
        (float(series[k]) for k in (-21, -11, -1)) if len(series) > 20 else (0.0, 0.0, float(series[-1]))
    )
    before, after = b - a, c - b
    if before and 1e-6 < after / before < 0.999:
        return c + after * after / (before - after)
    return float(series[-max(len(series) // 3, 1) :].mean())


def mean_log_shrink(delta: Track) -> float:
    kept = delta[0].abs() > 0
    if not bool(kept.any()):
        return 0.0
    return -float((delta[-1, kept] / delta[0, kept]).abs().clamp_min(1e-300).log().median())
