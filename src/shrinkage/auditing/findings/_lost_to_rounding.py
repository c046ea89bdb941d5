"""Decay that the number format of the weights cannot show."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from shrinkage.auditing._facts import Audited, Facts
from shrinkage.auditing._finding import Hits, Severity, finding, names

_CARRIED = (
    "Attach the decay with shrinkage.attach, which accumulates what rounding drops and applies it later; or "
)
_LITTLE = 0.1
"""Part of the run's decay whose loss is no more than a note."""
_REMEDY = _CARRIED + "keep a float32 copy of the weights, or decay more strongly and less often."


@finding(
    "rounded-away",
    "Decay lost to rounding",
    "error",
    needs=("optimizer", "format"),
    partly=("gradients", "followed"),
)
def rounded_away(facts: Facts) -> Hits:
    """The factor 1 − s rounds to 1, or the product rounds back to the weight: the decay is set but has no effect.

    In float32 the factor is 1 for s below 2⁻²⁵ ≈ 3·10⁻⁸ (lr 1e-4 × weight_decay 1e-4 is below that); bfloat16
    weights do not move for s up to 2⁻⁸ ≈ 0.004. Decay is measured in the weights' own format. A penalty in the
    gradient is lost if g + λw rounds to g, or if the whole step is smaller than the weights' spacing; this is checked
    if there is a gradient to compare with. A shrink that the format can represent and that is lost all the same is
    lost by the optimizer, which treats weights of this format in another way.
    """
    for dtype, lost in _by_format(facts, lambda applied: applied < 0.5):
        could = all(_is_visible(p) for p in lost)
        yield (
            names(lost),
            f"{_arriving(lost)} per step arrives in {dtype}" + (", which can represent it" if could else ""),
            "100 %",
            "Look for a branch of the optimizer's step that depends on the dtype." if could else _REMEDY,
        )


@finding(
    "rounded-up",
    "More decay than requested, through rounding",
    "warning",
    needs=("optimizer", "format"),
    partly=("gradients", "followed"),
)
def rounded_up(facts: Facts) -> Hits:
    """The shrink s is so small that it is rounded up to the next number of the format, which is much larger.

    In float32 a factor 1 − s just above s = 2⁻²⁵ ≈ 3·10⁻⁸ becomes 1 − 2⁻²⁴, and the product is rounded once more: up to
    three times the requested decay is applied. Just below that s, none is: see `rounded-away`.
    """
    for dtype, much in _by_format(facts, lambda applied: applied > 1.5):
        yield (
            names(much),
            f"{_arriving(much)} per step arrives in {dtype}: more than requested",
            "100 %",
            _CARRIED
            + "keep a float32 copy of the weights, or choose a strength that the format can represent.",
        )


@finding(
    "rounded-away-later",
    "Decay that will be lost to rounding",
    "warning",
    needs=("optimizer", "format", "steps", "scheduler"),
    partly=("gradients", "followed", "followed later"),
)
def rounded_away_later(facts: Facts) -> Hits:
    """The decay works now, but the schedule takes the learning rate, and with it the shrink, below what the number
    format can represent.

    A penalty in the gradient is lost once the steps, the gradient's noise included, are less than half the spacing of
    the weights' numbers; gradients are assumed to keep their present size. It is a note if less than a tenth of the
    run's decay is lost this way, as at the end of most schedules that go to 0.
    """
    fading = [(facts.parameters[i], *when) for i, when in facts.fading.items()]
    if fading:
        step = min(step for _, step, _ in fading)
        share = max(share for _, _, share in fading)
        lost = max(_share_lost(facts, p, first) for p, first, _ in fading)
        severity: Severity = "note" if lost < _LITTLE else "warning"
        yield (
            names(p for p, _, _ in fading),
            f"less than half of the decay arrives from about step {step} on, {100 * share:.0f} % of the run",
            "decay until the end of the schedule",
            _REMEDY,
            severity,
        )


def _is_visible(p: Audited) -> bool:
    """Whether a shrink is so large that no weight of this format rounds back."""
    shrink = p.reading.shrink
    return bool(shrink) and p.reading.path != "coupled" and abs(shrink) >= torch.finfo(p.tensor.dtype).eps


def _share_lost(facts: Facts, p: Audited, step: int) -> float:
    """The part of the run's decay that comes from this step on; all of it where that is not known."""
    plan = facts.shrinks(p)
    return 1.0 if plan is None or plan.sum() <= 0 else float(plan[step:].sum() / plan.sum())


def _arriving(parameters: Sequence[Audited]) -> str:
    """How much of what was asked arrives: a share, or from which to which."""
    shares = sorted({round(100 * (p.applied or 0.0)) for p in parameters})
    ends = " to ".join(str(share) for share in dict.fromkeys((shares[0], shares[-1])))
    shrink = parameters[0].reading.shrink
    return f"{ends} % of a shrink" + (f" of {shrink:.2g}" if shrink else "")


def _by_format(facts: Facts, is_off: Callable[[float], bool]) -> list[tuple[str, list[Audited]]]:
    formats: dict[str, list[Audited]] = {}
    for p in facts.parameters:
        if p.applied is not None and is_off(p.applied):
            formats.setdefault(str(p.tensor.dtype).removeprefix("torch."), []).append(p)
    return list(formats.items())
