"""A strength from one convention to another: through λ, or through the shrink of a step.

The equations, numbered as in the code (η learning rate, μ momentum, d dampening, p the power of η in a clock):

(1) two objectives: `λ_source = λ_target`, in the scale of the loss they stand beside;
(2) an objective in SGD shrinks by `s_t = η_t λ G`, `G = (1 − d)/(1 − μ)`; a decay of that s_t has its stationary point;
(3) two decays: `Σ_t s_t` agree, and each s_t where the clocks tick alike;
(4) `(w + Δ)(1 − s)` at η is decay before the step at `η (1 − s)`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from shrinkage._errors import RequestError, called
from shrinkage.strength import _notes
from shrinkage.strength._checks import checked
from shrinkage.strength._convention import Convention
from shrinkage.strength._quantities import Quantities, asked_for
from shrinkage.strength._schedule import CLOCKS, ratio_of_totals
from shrinkage.strength._units import momentum_gain

__all__ = ["Conversion", "translate"]


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """A converted strength; `str()` gives it in a few lines."""

    value: float
    """The number to use in the target convention."""
    exact: bool
    """Whether both numbers name the same objective or the same shrink at every step; if not, see the note."""
    note: str
    """What agrees, what does not, and caveats."""
    source: str
    """The convention converted from."""
    target: str
    """The convention converted to."""
    given: float
    """The number converted."""
    lam: float | None = None
    """Canonical λ for the loss in use, if an objective is involved."""
    good: tuple[float, float] | None = None
    """Where good values of the target lie, if the run is known and determines it."""

    def __str__(self) -> str:
        sign = "=" if self.exact else "≈"
        return f"{self.source} {self.given:.6g} {sign} {self.target} {self.value:.6g}\n{self.note}"


def translate(
    value: float, source: Convention, target: Convention, q: Quantities, *, approximate: bool
) -> Conversion:
    """The conversion between two entries of the registry.

    Raises:
        RequestError: a quantity is missing, the value is out of range, or no scalar equivalence exists.
    """
    refusal = _notes.refusal(source, target)
    if source.norm != target.norm or (refusal and not approximate):
        raise RequestError(_notes.refusal_sentence(source, target, refusal))
    _ask(source, target, q)
    strength = _strength(value, source, q)
    if source.kind == target.kind == "objective":
        lam, same = strength * _beside(source, target, q), True
        found = lam / _beside(target, source, q)  # (1)
    else:
        found, lam, same = _through_shrink(strength, source, target, q, approximate=bool(refusal))
    return Conversion(
        value=target.form.back(found, q),
        exact=same and not refusal and not _only_first_order(source, target, q),
        note=_notes.note(
            source, target, q, same=same, refusal=refusal, rate=_rate(value, found, source, target, q)
        ),
        source=source.name,
        target=target.name,
        given=float(value),
        lam=lam,
    )


def _strength(value: float, source: Convention, q: Quantities) -> float:
    if value != math.inf:
        checked("convert", "value", value, ">= 0 and finite")
    strength = source.form.to(float(value), q)
    if not 0 <= strength < math.inf or (source.after and _power(source) == 0 and strength >= 1):
        wanted = (
            "give more than 0"
            if strength == math.inf
            else ("it does not correspond to a strength of 0 or more")
        )
        if source.after:
            wanted = "the fraction removed must be in [0, 1)"
        raise RequestError(
            f"{called('value', of='convert')}: {value!r} is out of the range of {source.name}: {wanted}."
        )
    return strength


def _through_shrink(
    strength: float, source: Convention, target: Convention, q: Quantities, *, approximate: bool
) -> tuple[float, float | None, bool]:
    """The target's strength, the λ that took part, and whether the shrink agrees at every step: (2), (3), (4)."""
    gain = 1 / q.gradient_rms if approximate else momentum_gain(q.momentum, q.dampening)
    ratio, same = ratio_of_totals(CLOCKS[source.clock], CLOCKS[target.clock], q)
    lam = None
    if source.kind == "objective":
        lam = strength * _beside(source, target, q)
        strength = lam * gain  # (2)
    found = _match_totals(strength, ratio, source, target, q)
    if target.kind == "objective":
        lam = found / gain  # (2)
        found = lam / _beside(target, source, q)
    return found, lam, same


def _match_totals(
    strength: float, ratio: float, source: Convention, target: Convention, q: Quantities
) -> float:
    """(3), with (4) where one side decays after the step; `ratio` is that of the clocks' totals."""
    p_source, p_target = _power(source), _power(target)
    if not _needs_lr(source, target):
        return _below_one(strength * ratio) if target.after and not p_target else strength * ratio
    lr = q.get("lr") * (q.batch() if source.summed or target.summed else 1)
    x = strength * lr**p_source
    if not (source.after or target.after):
        return x * ratio / lr**p_target
    if not target.after:
        kappa = _at_the_smaller_lr(x, p_source)
        return kappa * ratio / (lr * (1 - kappa)) ** p_target
    kappa = (
        _at_the_smaller_lr(x, p_source) * ratio if source.after else _at_the_smaller_lr(x * ratio, p_source)
    )
    return _below_one(kappa) / ((1 - kappa) * lr) ** p_target


def _below_one(kappa: float) -> float:
    if kappa >= 1:
        raise RequestError(
            f"{called('value', of='convert')}: the shrink would be {kappa:.6g} per step; it must be below 1."
        )
    return kappa


def _at_the_smaller_lr(x: float, power: int) -> float:
    """s in `s = x (1 − s)^p`: the shrink at learning rate η (1 − s) of a decay that shrinks by x at η."""
    if power == 2:
        return 2 * x / (2 * x + 1 + math.sqrt(4 * x + 1))
    return x / (1 + x) if power else x


def _rate(value: float, found: float, source: Convention, target: Convention, q: Quantities) -> float | None:
    """The fraction by which the step itself is shortened on one side, (4); None where both sides step alike."""
    if source.after == target.after or q.lr is None or "shrink" in (source.kind, target.kind):
        return None
    x = source.form.to(float(value), q) if source.after else found
    after = source if source.after else target
    return x * q.lr / (1 + x * q.lr) if _power(after) else x


def _only_first_order(source: Convention, target: Convention, q: Quantities) -> bool:
    through_momentum = (
        "objective" in (source.kind, target.kind) and source.kind != target.kind and q.momentum > 0
    )
    return through_momentum or ((source.first_order or target.first_order) and source is not target)


def _power(convention: Convention) -> int:
    return CLOCKS[convention.clock].power


def _needs_lr(source: Convention, target: Convention) -> bool:
    powers = (_power(source), _power(target))
    return powers[0] != powers[1] or (source.after != target.after and any(powers))


def _needs_loss(one: Convention, other: Convention) -> bool:
    return one.beside == "regression" and other.beside == "any" and other.kind != "shrink"


def _beside(one: Convention, other: Convention, q: Quantities) -> float:
    """The factor from λ beside the entry's own loss to λ beside the loss in use: L' = cL has λ' = cλ."""
    if one.beside == "any" or (other.beside != "any" and other.kind == "objective"):
        return 1.0
    return q.loss_scale()


def _ask(source: Convention, target: Convention, q: Quantities) -> None:
    """Ask for everything that is missing, at once and by name."""
    needed = [*source.needs, *target.needs]
    mixed = {source.kind, target.kind} != {"objective"}
    if mixed and _needs_lr(source, target):
        needed.append("lr")
    if _needs_loss(source, target) or _needs_loss(target, source):
        needed.append("loss")
    if q.loss in ("mse", "bce") and (source.beside != "any") != (target.beside != "any"):
        needed.append("outputs")
    missing = [name for name in dict.fromkeys(needed) if getattr(q, name) is None]
    if missing:
        raise RequestError(asked_for(missing, f"{source.name} to {target.name}"))
