"""What a step does to a parameter, read off the fate of small offsets.

With δ an offset of the weights and c a lasting offset of the gradient, both to first order:

    s_i(t) = 1 − δ_i(t+1)/δ_i(t)                     the shrink of step t, element i                      (1)
    r_i(t) = −(ρ_i(t+1) − (1 − s_i(t)) ρ_i(t))/c_i   how far a unit of gradient carries the weight        (2)
    λ_i    = s_i/r_i                                  the L2 strength that pulls as much                   (3)

A penalty in the gradient makes s proportional to r whatever the optimizer does with gradients (momentum, moments); a
decay beside the gradient leaves s the same for all elements and steps. Where r is constant too, as in plain SGD, the
two are one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from shrinkage.auditing.measuring._statistics import (
    CONSTANT,
    is_switched,
    limit,
    mean_log_shrink,
    per_step,
    range_over_steps,
    ratio,
    spread,
    varies_in_time,
)
from shrinkage.auditing.measuring._step_reading import Clock, Path, Reading
from shrinkage.auditing.subjects._patterns import gradient_pattern, offset_signs, weight_pattern
from shrinkage.auditing.subjects._subject import Track

__all__ = ["Measured"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The measurements of one parameter."""

    n: int
    eps: float
    stride: int
    """Steps over which a shrink is averaged."""
    noise: float
    """Size of what rounding does to a shrink."""
    start: Tensor
    weights: Track
    gradients: Track
    weak: Track
    """Over one stride, with a gradient ten times as small."""
    updates: tuple[Tensor, Tensor]
    unaided: tuple[Tensor, Tensor]
    pulls: tuple[Tensor, ...]
    idle: Tensor
    """The move of a step in which every gradient is None."""
    idle_rows: Tensor
    """The move of the rows whose gradient is all zero, in a step in which the others have one."""
    clock: tuple[Clock, float]
    entry: tuple[Tensor, ...]
    off: Track
    lived: Track | None
    projects: bool
    """Whether the step takes the weights' direction out of the gradient; the tracks are those without gradients then."""

    def reading(self) -> Reading:
        s, r = self._shrinks(self.weights), self._responses()
        pulled = self.pulls[1] - self.pulls[0]
        path, cautious = self._path(s, r)
        if path == "none" and self._beyond(pulled):
            path = "mixed" if self._is_proportional() else "coupled"
        is_l1 = self._is_l1(path, s)
        path = "coupled" if is_l1 else path
        anchored = path != "none" and self._beyond(self.pulls[0])
        adaptive = self._is_adaptive(r[:1] if is_l1 else r)
        shrink, lam = (None, None) if is_l1 else self._strength(path, s, r, cautious)
        first = float(s[0].median()) if s.numel() else 0.0
        if first > 1 and (shrink or 0) >= 0 and (growth := self._growth()) > 0:
            shrink = -growth
        clock, intercept = self.clock if path != "none" else ("unknown", 0.0)
        return Reading(
            path=path,
            shrink=shrink,
            first=first,
            lam=lam,
            l1=self._reach(pulled, r) if is_l1 and not adaptive else None,
            adaptive=adaptive,
            momentum=varies_in_time(r) and not adaptive,
            clock=clock,
            intercept=intercept,
            entry="unknown" if anchored and path != "coupled" else self._entry(path, first),
            force=self._force(),
            anchored=anchored,
            cautious=cautious,
            trust=not (path == "coupled" and adaptive) and self._follows_norm(self.updates, first),
            trust_unaided=self._follows_norm(self.unaided, 0.0),
            outward=all(bool(((p - self.pulls[0]) * self.start).sum() > 0) for p in self.pulls[1:]),
            without_gradient=self._beyond(self.idle),
            rows_without_gradient=self._beyond(self.idle_rows),
            moves=self._beyond(self.updates[0]),
        )

    def _growth(self) -> float:
        """By how much the logarithm of the weights' size grows in a step."""
        return -mean_log_shrink(self.weights) / (len(self.weights) - 1)

    def _is_l1(self, path: Path, s: Tensor) -> bool:
        """Whether the pull is of constant size, so that no offset of the weights makes it another."""
        if self.projects and self._is_adaptive(self._responses()[:1]):
            return False  # without gradients an adaptive step makes every pull one of constant size
        is_flat = bool(s.numel()) and abs(float(s.median())) < self.noise
        return path in ("coupled", "mixed") and is_flat and self._force() == "constant"

    def _reach(self, pulled: Tensor, r: Tensor) -> float:
        """λ₁: the pull of one step, in units of what a gradient of 1 moves in it."""
        return float(pulled.abs().median()) / abs(float(r[0].median()))

    @property
    def _kept(self) -> Tensor:
        return (offset_signs(self.n) != 0) & (self.weights[0] != 0)

    def _shrinks(self, delta: Track) -> Tensor:
        stride = self.stride if len(delta) > self.stride else 1
        d = delta[::stride, self._kept]
        kept = d[1:] / torch.where(d[:-1] == 0, torch.inf, d[:-1])
        return 1 - kept if stride == 1 else per_step(kept, stride)

    def _responses(self) -> Tensor:
        kept = self._kept
        c = (self.eps * gradient_pattern(self.n).abs() * offset_signs(self.n))[kept]
        rho, s = self.gradients[:: self.stride, kept], self._shrinks(self.weights)
        left = (1 - s).abs() ** self.stride
        # Over a stride the effect of a lasting offset compounds too: Σ (1 − s)^k = (1 − (1 − s)^stride)/s.
        span = torch.where(s.abs() > 1e-6, (1 - left) / torch.where(s == 0, 1, s), self.stride)
        if self.stride == 1:
            left, span = 1 - s, torch.ones_like(s)
        return -(rho[1:] - left * rho[:-1]) / (c * span)

    def _is_adaptive(self, r: Tensor) -> bool:
        if not r.numel():
            return False
        if float(r.abs().median()) == 0 or spread(r[-1]) > 0.05:
            return True
        # Two elements form a single pair with one gradient, so its size has to change instead.
        grown = (self.weak[-1] / self.gradients[self.stride])[self._kept].median()
        return self.n < 4 and abs(float(grown) - 1) > 0.05

    def _beyond(self, moved: Tensor) -> bool:
        """Whether the weights moved, beyond what rounding explains."""
        scale = (
            float(weight_pattern(self.n, 1.0).abs().max()) * float(self.start.abs().max()) if self.n else 0.0
        )
        return bool((moved.abs() > self.noise * self.eps * max(scale, 1e-12)).any())

    def _is_proportional(self) -> bool:
        return self._force() == "proportional"

    def _path(self, s: Tensor, r: Tensor) -> tuple[Path, bool]:
        size = float(s.abs().max()) if s.numel() else 0.0
        middle = float(s.median()) if s.numel() else 0.0
        if (
            float(s.median(dim=1).values.abs().max() if s.numel() else 0.0) < self.noise
            and size < 10 * self.noise
        ):
            return "none", False
        slack = 4 * self.noise / abs(middle) if abs(middle) > 3 * self.noise else 0.0
        if spread(s) < CONSTANT + slack:
            if abs(float(s[0].median())) > 0.5 * abs(middle) and range_over_steps(s) > 0.1 + slack:
                return "averaged", False
            is_uniform = (
                spread(r) < CONSTANT + slack and not varies_in_time(r) and float(r.abs().median()) > 0
            )
            return ("plain" if is_uniform else "decoupled"), False
        if spread(ratio(s, r)) < 0.1 + slack:
            return "coupled", False
        if is_switched(s, self.noise):
            return "decoupled", True
        if max(spread(row) for row in s[::5]) < 0.05 + slack:
            return "averaged", False
        is_pulled = (
            self._beyond(self.pulls[1] - self.pulls[0]) or abs(float(s[-1].median())) > 10 * self.noise
        )
        return ("mixed" if is_pulled else "none"), False

    def _strength(
        self, path: Path, s: Tensor, r: Tensor, cautious: bool
    ) -> tuple[float | None, float | None]:
        if path == "none":
            return 0.0, 0.0
        if cautious:
            return float(s[s.abs() > 0.5 * s.abs().max()].median()), None
        if path == "coupled":
            lam = float(ratio(s, r.abs()).median()) if float(s.abs().max()) > self.noise else None
            return (self._live_shrink() if self._is_adaptive(r) else self._asymptotic(limit(s))), lam
        if path in ("averaged", "mixed"):
            return -self._growth(), None
        shrink = limit(s)
        reach = abs(limit(r)) if not self._is_adaptive(r) else 0.0
        return shrink, (shrink / reach if reach > 0 else None)

    def _asymptotic(self, estimate: float) -> float:
        """The slower root of δ(t+1) = a δ(t) + b δ(t−1), fitted (Prony): exact for momentum."""
        d = (self.weights[:, self._kept] / self.weights[0, self._kept]).median(dim=1).values
        pairs = torch.stack([d[1:-1], d[:-2]], dim=1)
        a, b = (float(x) for x in torch.linalg.lstsq(pairs, d[2:, None], driver="gelsd").solution[:, 0])
        inside = a * a / 4 + b
        shrink = 1 - (abs(a) / 2 + math.sqrt(inside)) if inside >= 0 else 1 - math.sqrt(-b)
        is_small = abs(estimate) < 0.02  # then the first order is right, and the fit may fit noise
        return estimate if is_small and abs(shrink - estimate) > 0.3 * abs(estimate) else shrink

    def _live_shrink(self) -> float | None:
        if self.lived is None:
            return None
        alive = self.lived[0, self._kept] != 0  # a zero has no fraction to remove
        return float(self._shrinks(self.lived)[-3:, alive].median()) if bool(alive.any()) else None

    def _entry(self, path: Path, first: float) -> Literal["loss", "before", "after", "unknown"]:
        if path == "coupled":
            return "loss"
        left = self._shrinks(self.off)
        with_it, without = self.entry
        moved = without.abs() > 0
        if path == "none" or abs(first) < 30 * self.noise or not bool(moved.any()):
            return "unknown"
        if float(left.abs().max()) > 0.01 * abs(first):
            return "unknown"
        lost = 1 - float((with_it[moved] / without[moved]).median())
        if abs(lost) < 0.01 * abs(first):
            return "before"
        return "after" if abs(lost - first) < 0.05 * abs(first) else "unknown"

    def _force(self) -> Literal["proportional", "constant", "other"]:
        one, two = (float((p - self.pulls[0]).abs().median()) if self.n else 0.0 for p in self.pulls[1:])
        if one <= 0 or two <= 0:
            return "proportional"
        growth = math.log2(two / one)
        return "proportional" if abs(growth - 1) < 0.02 else "constant" if abs(growth) < 0.02 else "other"

    def _follows_norm(self, updates: tuple[Tensor, Tensor], first: float) -> bool:
        """Whether the step of doubled weights is the double step."""
        own = updates[0] + first * self.start
        size = float(own.norm())
        grown = float((updates[1] - updates[0] + first * self.start).norm())
        return size > 0 and 0.5 < grown / size < 2
