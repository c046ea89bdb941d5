"""What a step does to each parameter, read off the fate of small offsets.

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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from shrinkage.auditing._patterns import gradient_pattern, offset_signs, weight_pattern
from shrinkage.auditing._subjects import Plan, Subject, Track, offset_pair

__all__ = ["AT_REST", "Clock", "Path", "Reading", "read"]

Path = Literal["none", "plain", "coupled", "decoupled", "averaged", "mixed"]
Clock = Literal["lr", "schedule", "constant", "corrected", "lr squared", "affine", "other", "unknown"]

_CLOCKS: dict[tuple[int, int], Clock] = {
    (1, 0): "lr",
    (1, -1): "schedule",
    (0, 0): "constant",
    (2, -1): "corrected",
    (2, 0): "lr squared",
}
"""Exponents of η and of η_max in the shrink."""


_CONSTANT = 0.005
"""Relative spread up to which numbers count as one."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one parameter's weights undergo."""

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
    outward: bool
    """Whether a step with zero gradient makes the weights larger."""
    without_gradient: bool
    """Whether the weights move though their gradient is None."""

    @property
    def decays(self) -> bool:
        """Whether the weights are pulled at all."""
        return self.path != "none"

    @property
    def grows(self) -> bool:
        """Whether the pull is away from the anchor."""
        if self.path == "coupled" and self.lam is not None:
            return self.lam < 0
        return self.decays and (self.shrink or 0) < 0 and (self.path != "mixed" or self.outward)


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
    outward=False,
    without_gradient=False,
)
"""Of weights that nothing acts on."""


def read(subject: Subject) -> list[Reading]:
    """One reading a parameter, from about twenty short runs of the subject."""
    is_exact = subject.epsilon < 1e-10
    eps, stride = (1e-3, 1) if is_exact else (0.25, 10)
    long, still = Plan(steps=30 if is_exact else 60), Plan(gradients=0.0)
    weights = _differences(subject, long, weights=eps)
    gradients = _differences(subject, long, gradients=eps)
    weak = _differences(subject, replace(long, steps=stride, gradients=0.1), gradients=eps)
    base, double = subject.run(Plan()), subject.run(Plan(weights=2.0))
    pulls = [subject.run(replace(still, weights=size)) for size in (0.0, 1.0, 2.0)]
    idle = _run_without_gradients(subject)
    clocks = _clocks(subject, eps)
    entries = [subject.run(Plan(weights=0.0, strength=s)) for s in ("as set", "off")]
    off = _differences(subject, Plan(strength="off"), weights=eps)
    lived = (
        _differences(subject, replace(long, start="live", gradients=0.0), weights=eps)
        if subject.has_state
        else None
    )
    return [
        _Parameter(
            n=subject.sizes[i],
            eps=eps,
            stride=stride,
            noise=8 * subject.epsilon / (eps * math.sqrt(stride)),
            start=base[i][0],
            weights=weights[i],
            gradients=gradients[i],
            weak=weak[i],
            updates=(_moved(base[i]), _moved(double[i])),
            pulls=tuple(_moved(run[i]) for run in pulls),
            idle=_moved(idle[i]) if idle else torch.zeros(subject.sizes[i]),
            clock=clocks[i],
            entry=tuple(_moved(run[i]) for run in entries),
            off=off[i],
            lived=None if lived is None else lived[i],
        ).reading()
        for i in range(len(subject.sizes))
    ]


def _differences(
    subject: Subject, plan: Plan, *, weights: float = 0.0, gradients: float = 0.0
) -> list[Track]:
    plus, minus = (subject.run(p) for p in offset_pair(plan, weights=weights, gradients=gradients))
    return [(a - b) / 2 for a, b in zip(plus, minus, strict=True)]


def _moved(track: Track) -> Tensor:
    return track[1] - track[0]


def _run_without_gradients(subject: Subject) -> list[Track] | None:
    """None where the step refuses: then nothing moves."""
    try:
        return subject.run(Plan(feed="none"))
    except Exception:  # a third party's step on an empty list
        return None


def _clocks(subject: Subject, eps: float) -> list[tuple[Clock, float]]:
    """How the shrink of three steps follows η and η_max."""
    if not subject.changes_lr:
        return [("unknown", 0.0)] * len(subject.sizes)
    settings = ((1.0, 1.0), (0.5, 1.0), (0.25, 1.0), (0.5, 0.5))
    runs = [
        _differences(subject, Plan(steps=3, lr=lr, reference_lr=top), weights=eps) for lr, top in settings
    ]
    return [_clock([_total_shrink(run[i]) for run in runs]) for i in range(len(subject.sizes))]


def _total_shrink(delta: Track) -> float:
    kept = delta[0].abs() > 0
    if not bool(kept.any()):
        return 0.0
    return -float((delta[-1, kept] / delta[0, kept]).abs().clamp_min(1e-300).log().median())


def _clock(shrinks: Sequence[float]) -> tuple[Clock, float]:
    whole, half, quarter, both = shrinks
    if min(abs(s) for s in shrinks) < 1e-12 or len({s > 0 for s in shrinks}) > 1:
        return "unknown", 0.0
    of_lr, of_top = math.log2(whole / half), math.log2(half / both)
    exponents = (round(of_lr), round(of_top))
    if abs(of_lr - exponents[0]) < 0.05 and abs(of_top - exponents[1]) < 0.05:
        return _CLOCKS.get(exponents, "other"), 0.0
    intercept = 2 * half - whole
    is_affine = abs((whole - half) - 2 * (half - quarter)) < 0.02 * abs(whole)
    return ("affine", intercept / 3) if is_affine else ("other", 0.0)


@dataclass(frozen=True, kw_only=True)
class _Parameter:
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
    pulls: tuple[Tensor, ...]
    idle: Tensor
    clock: tuple[Clock, float]
    entry: tuple[Tensor, ...]
    off: Track
    lived: Track | None

    def reading(self) -> Reading:
        s, r = self._shrinks(self.weights), self._responses()
        pulled = self.pulls[1] - self.pulls[0]
        path, cautious = self._path(s, r)
        if path == "none" and self._beyond(pulled):
            path = "mixed" if self._is_proportional() else "coupled"
        anchored = path != "none" and self._beyond(self.pulls[0])
        shrink, lam = self._strength(path, s, r, cautious)
        first = float(s[0].median()) if s.numel() else 0.0
        clock, intercept = self.clock if path != "none" else ("unknown", 0.0)
        return Reading(
            path=path,
            shrink=shrink,
            first=first,
            lam=lam,
            adaptive=self._is_adaptive(r),
            momentum=_varies_in_time(r) and not self._is_adaptive(r),
            clock=clock,
            intercept=intercept,
            entry="unknown" if anchored and path != "coupled" else self._entry(path, first),
            force=self._force(),
            anchored=anchored,
            cautious=cautious,
            trust=not (path == "coupled" and self._is_adaptive(r)) and self._follows_norm(first),
            outward=bool((pulled * self.start).sum() > 0),
            without_gradient=self._beyond(self.idle),
        )

    @property
    def _kept(self) -> Tensor:
        return (offset_signs(self.n) != 0) & (self.weights[0] != 0)

    def _shrinks(self, delta: Track) -> Tensor:
        stride = self.stride if len(delta) > self.stride else 1
        d = delta[::stride, self._kept]
        kept = d[1:] / torch.where(d[:-1] == 0, torch.inf, d[:-1])
        return (1 - kept) / stride

    def _responses(self) -> Tensor:
        kept = self._kept
        c = (self.eps * gradient_pattern(self.n).abs() * offset_signs(self.n))[kept]
        rho, s = self.gradients[:: self.stride, kept], self._shrinks(self.weights) * self.stride
        return -(rho[1:] - (1 - s) * rho[:-1]) / (c * self.stride)

    def _is_adaptive(self, r: Tensor) -> bool:
        if not r.numel():
            return False
        if float(r.abs().median()) == 0 or _spread(r[-1]) > 0.05:
            return True
        # Two elements are one pair, of one gradient: then its size has to change instead.
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
        if _spread(s) < _CONSTANT + slack:
            if abs(float(s[0].median())) > 0.5 * abs(middle) and _range(s) > 0.1 + slack:
                return "averaged", False
            is_uniform = (
                _spread(r) < _CONSTANT + slack and not _varies_in_time(r) and float(r.abs().median()) > 0
            )
            return ("plain" if is_uniform else "decoupled"), False
        if _spread(_ratio(s, r)) < 0.1 + slack:
            return "coupled", False
        if _is_switched(s, self.noise):
            return "decoupled", True
        if max(_spread(row) for row in s[::5]) < 0.05 + slack:
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
            lam = float(_ratio(s, r).median()) if float(s.abs().max()) > self.noise else None
            return (self._live_shrink() if self._is_adaptive(r) else self._asymptotic(_limit(s))), lam
        if path in ("averaged", "mixed"):
            return _total_shrink(self.weights) / (len(self.weights) - 1), None
        shrink = _limit(s)
        reach = _limit(r) if not self._is_adaptive(r) else 0.0
        return shrink, (shrink / reach if reach > 0 else None)

    def _asymptotic(self, estimate: float) -> float:
        """The slower root of δ(t+1) = a δ(t) + b δ(t−1), fitted (Prony): exact for momentum."""
        d = (self.weights[:, self._kept] / self.weights[0, self._kept]).median(dim=1).values
        pairs = torch.stack([d[1:-1], d[:-2]], dim=1)
        a, b = (float(x) for x in torch.linalg.lstsq(pairs, d[2:, None], driver="gelsd").solution[:, 0])
        inside = a * a / 4 + b
        shrink = 1 - (a / 2 + math.sqrt(inside)) if inside >= 0 else 1 - math.sqrt(-b)
        return shrink if abs(shrink - estimate) < 0.3 * abs(estimate) else estimate

    def _live_shrink(self) -> float | None:
        if self.lived is None:
            return None
        return float(self._shrinks(self.lived)[-3:].median())

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

    def _follows_norm(self, first: float) -> bool:
        own = self.updates[0] + first * self.start
        size = float(own.norm())
        grown = float((self.updates[1] - self.updates[0] + first * self.start).norm())
        return size > 0 and 0.5 < grown / size < 2


def _ratio(s: Tensor, r: Tensor) -> Tensor:
    usable = r.abs() > 1e-3 * r.abs().median()
    return (s / torch.where(usable, r, torch.inf))[usable]


def _spread(x: Tensor) -> float:
    """Distance of the 5 % and 95 % quantiles, relative to the median."""
    if not x.numel():
        return math.inf
    low, middle, high = torch.quantile(x.flatten(), torch.tensor([0.05, 0.5, 0.95], dtype=x.dtype))
    return float((high - low) / middle.abs()) if middle != 0 else math.inf


def _varies_in_time(r: Tensor) -> bool:
    return bool(r.numel()) and _range(r) > _CONSTANT


def _range(x: Tensor) -> float:
    """How much the medians over elements differ over the steps, relative to their own median."""
    medians = x.median(dim=1).values
    middle = abs(float(medians.median()))
    return float(medians.max() - medians.min()) / middle if middle else math.inf


def _is_switched(s: Tensor, noise: float) -> bool:
    """Whether the shrinks are of two kinds, nothing and one size."""
    large = s.abs() > 0.5 * s.abs().max()
    nothing = s.abs() < max(1e-3 * float(s.abs().max()), noise)
    return (
        bool((large | nothing).float().mean() > 0.98 and 0.02 < large.float().mean() < 0.98)
        and _spread(s[large]) < 0.02
    )


def _limit(x: Tensor) -> float:
    """Where the medians over elements tend: the limit of a constant and one decaying exponential (Aitken)."""
    series = x.median(dim=1).values
    a, b, c = (
        (float(series[k]) for k in (-21, -11, -1)) if len(series) > 20 else (0.0, 0.0, float(series[-1]))
    )
    before, after = b - a, c - b
    if before and 1e-6 < after / before < 0.999:
        return c + after * after / (before - after)
    return float(series[-max(len(series) // 3, 1) :].mean())
