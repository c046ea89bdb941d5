"""What the decay does to a group of weights in real steps.

With s the shrink of a step, w the weights before it and u the rest of the update (Δw + s·w):

    removed   1 − Π (1 − s)                 fraction removed from a weight without gradients
    share     s‖w‖ / (s‖w‖ + ‖u‖)           the decay's share of the update
    at rest   ‖w‖ = ‖u‖/√(2s)               equilibrium of decay and updates that are independent between steps

Reference for the last: Kosson, Messmer and Jaggi, arXiv 2305.17212, table 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from shrinkage.auditing._facts import Audited, Facts, configured_strength
from shrinkage.auditing.measuring._timeline import number
from shrinkage.auditing.running._measured_decay import MeasuredDecay
from shrinkage.auditing.subjects._sampling import local
from shrinkage.strength import short

__all__ = ["Course", "Watch"]


@dataclass(frozen=True, kw_only=True)
class Course:
    """What the decay did, step by step, to parameters that are treated alike."""

    label: str
    """The group's number and its roles."""
    rule: str
    """The rule that acts on them, in words."""
    steps: list[int]
    """The recorded steps, counted from 1."""
    lr: list[float]
    """Learning rate of each."""
    shrink: list[float | None]
    """Fraction removed in each; None if it depends on the gradients."""
    removed: list[float | None]
    """Fraction removed up to each, from a weight without gradients."""
    norm: list[float]
    """‖w‖ after each."""
    norm_at_rest: list[float | None]
    """‖w‖ at which decay and updates of that size balance."""
    share: list[float | None]
    """The decay's share of the update; None where the pull is toward weights other than 0."""
    anchored: bool = False
    """Whether the pull is toward weights other than 0, so that fractions are of the distance to them."""

    @property
    def sentence(self) -> str:
        """The effect of the decay as one sentence."""
        grown = self.norm[-1] / self.norm[0] - 1 if self.norm[0] else 0.0
        change = f"{'−' if grown < 0 else '+'}{short(abs(100 * grown), 2)} %"
        text = f"‖w‖ went from {self.norm[0]:.3g} to {self.norm[-1]:.3g} ({change})"
        strongest = max(range(len(self.shrink)), key=lambda k: self.shrink[k] or 0.0)
        removed, share, rest = self.removed[-1], self.share[-1], self.norm_at_rest[strongest]
        if removed is None or not removed:
            return (
                f"{text}; no decay acted."
                if removed == 0
                else f"{text}; the amount of decay depends on the gradients."
            )
        what = " of the distance to the weights that it pulls toward" if self.anchored else ""
        text = f"The decay removed {short(100 * removed, 2)} %{what} in {self.steps[-1]} steps; {text}"
        text += f"; the decay was {short(100 * share, 2)} % of the last update" if share is not None else ""
        return text + (
            f", and the equilibrium ‖w‖ {rest:.3g} where it was strongest." if rest is not None else "."
        )


@dataclass
class Watch:
    """Follows parameters of one treatment through real steps."""

    facts: Facts
    members: Sequence[Audited]
    label: str
    rule: str
    rows: list[tuple[int, float, float | None, float | None, float, float | None, float | None]] = field(
        default_factory=list
    )
    _left: float = 1.0
    _before: list[Tensor] = field(default_factory=list)
    _strength: float = 0.0

    def __post_init__(self) -> None:
        self._strength = configured_strength(self.facts.groups[self.members[0].group]) or 0.0

    @property
    def is_anchored(self) -> bool:
        """Whether the pull is toward weights other than 0, which are not known."""
        return self.members[0].reading.anchored

    def before(self, is_looked_at: bool) -> None:
        """Keep the weights of a step that is looked at."""
        self._before = [_part(p).clone() for p in self.members] if is_looked_at else []

    def after(self, step: int, options: dict[str, Any]) -> None:
        """Note what the step did."""
        shrink = self._shrink(options)
        self._left *= 1.0 if shrink is None else 1 - shrink
        if not self._before:
            return
        old, new = _norm(self._before), _norm([_part(p) for p in self.members])
        moved = _norm([_part(p) - w for p, w in zip(self.members, self._before, strict=True)])
        rest = share = None
        if shrink is not None and shrink > 0 and not self.is_anchored:
            along = (new**2 - old**2 - moved**2) / 2  # Δw·w
            u = max(moved**2 + 2 * shrink * along + (shrink * old) ** 2, 0.0) ** 0.5
            share = shrink * old / (shrink * old + u) if old or u else None
            rest = u / (2 * shrink) ** 0.5
        removed = None if shrink is None else 1 - self._left
        self.rows.append((step, number(options.get("lr")), shrink, removed, new, rest, share))
        self._before = []

    def course(self) -> Course:
        """All of it."""
        steps, lr, shrink, removed, norm, rest, share = (
            list(column) for column in zip(*self.rows, strict=True)
        )
        return Course(
            label=self.label,
            rule=self.rule,
            steps=steps,
            lr=lr,
            shrink=shrink,
            removed=removed,
            norm=norm,
            norm_at_rest=rest,
            share=share,
            anchored=self.is_anchored,
        )

    def _shrink(self, options: dict[str, Any]) -> float | None:
        """The measured shrink at the step's own learning rate and strength."""
        p = self.members[0]
        strength = configured_strength(options) or 0.0
        factor = strength / self._strength if self._strength else 1.0
        lr = number(options.get("lr")) / p.lr if p.lr else 1.0
        return MeasuredDecay(reading=p.reading).shrink(lr, factor)


def _part(p: Audited) -> Tensor:
    return local(p.tensor.detach())


def _norm(tensors: Sequence[Tensor]) -> float:
    return sum(float(t.abs().double().square().sum()) for t in tensors) ** 0.5
