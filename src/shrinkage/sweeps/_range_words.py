"""The sentences about a useful range: what happens at its ends, and what to type next."""

from __future__ import annotations

import math
from collections.abc import Sequence

from shrinkage.strength import Convention, short
from shrinkage.sweeps._range_ends import Ends, Run, by_gradients, is_adaptive

__all__ = ["acting_words", "good_words", "next_words", "why_words"]


def acting_words(found: Ends, unit: str = "strengths") -> str:
    """Where numbers of a `unit` act, and where good ones lie.

    Example:
        >>> acting_words(Ends(weak=0.01, strong=60, good=(1, 10), rounded=None, exact=True))
        'strengths that act here lie between 0.01 and 60; good values lie between 1 and 10'
    """
    low, high = sorted((found.weak, found.strong))
    good = f"; {good_words(found.good)}" if found.good else ""
    return f"{unit} that act here lie between {short(low, 2)} and {short(high, 2)}{good}"


def good_words(good: tuple[float, float]) -> str:
    """The words for good values that `attach`, `audit` and `convert` share.

    Example:
        >>> good_words((2.0, 0.01))
        'good values lie between 0.01 and 2'
    """
    return f"good values lie between {short(min(good))} and {short(max(good))}"


def why_words(entry: Convention, found: Ends, run: Run) -> str:
    """What happens at both ends of the range."""
    if run.curvature is not None:
        return _of_solver(entry, found, run)
    share = f"{short(100 * run.tolerance)} %"
    steps = f"all {run.steps:,} steps" if run.steps > 1 else "the only step"
    few = f"{run.few_steps} steps" if run.few_steps > 1 else "one step"
    side = "below" if found.weak < found.strong else "above"
    beyond = "above" if found.weak < found.strong else "below"
    if entry.norm == "l1":
        return (
            f"{_at(side, found.weak)}, the pull moves a weight of typical size by less than {share} over {steps}; "
            f"{_at(beyond, found.strong)}, it removes the weight within {few}. Approximate: L1 pulls every "
            "weight by the same amount, so its effect depends on their sizes."
        )
    weak = (
        f"{_at(side, found.weak)}, rounding loses all of the decay: every product rounds to the same {run.dtype} weight"
        if found.rounded is not None and found.rounded == found.weak
        else f"{_at(side, found.weak)}, less than {share} of a weight is removed over {steps}, so the trained "
        "weights are those of strength 0"
    )
    gone = f"{short(100 - 100 * run.tolerance)} % of a weight is removed within {few}, so it reflects only "
    how = (
        "the pull outweighs every gradient, and weights go to 0 as fast as lr allows"
        if is_adaptive(entry)
        else f"{gone}the last updates"
    )
    strong = f"{_at(beyond, found.strong).lower()}, {how}"
    parts = [f"{weak}; {strong}."]
    if found.good:
        shortest = "one epoch" if run.epochs and run.epochs >= 10 else "a tenth of the run"
        parts.append(f"Good values give a timescale between {shortest} and the run.")
    elif _rounds_away(found):
        parts.append("The timescales of good values lie there, too.")
    if by_gradients(entry, run):
        parts.append(
            f"Approximate: every gradient is assumed to have the size gradient_rms = {run.gradient_rms:.3g}."
        )
    elif entry.kind == "no scalar":
        parts.append("Approximate: every norm ratio is assumed to be 1.")
    elif entry.kind == "objective" and entry.family is None:
        parts.append("This is for SGD; for an adaptive optimizer give gradient_rms too.")
    return " ".join(parts)


def next_words(
    entry: Convention, found: Ends, values: Sequence[float], acting: Sequence[float], *, is_range: bool
) -> str:
    """One sentence: what to type next, and why."""
    low, high = sorted(found.good or (found.weak, found.strong))
    grid = f"np.geomspace({_within(found, low)}, {_within(found, high)}, 7)"
    if _rounds_away(found):
        return (
            "Next: keep the weights in a wider format, or let attach(…) carry what rounding loses, because it loses all "
            "decay of a useful size."
        )
    if not values:
        return f"Next: search {grid}, because {_outside(found)}."
    if not acting:
        what = "No part of this range" if is_range else "None of these values"
        return f"Next: search {grid}; {what[0].lower()}{what[1:]} can act in this run."
    if is_range:
        part = f"{_within(found, acting[0], 3)} to {_within(found, acting[1], 3)}"
        if tuple(acting) == tuple(values):
            return f"Next: keep the range; all of it can act{_better(found)}."
        return f"Next: search {part} only, because the rest of {short(values[0])} to {short(values[1])} cannot act."
    values = [v for v in dict.fromkeys(values) if v]  # 0 is what the others are compared with
    acting = [v for v in values if v in acting]
    if len(acting) == len(values):
        return f"Next: keep these values; all {len(values)} can act{_better(found)}."
    dead = ", ".join(short(v) for v in values if v not in acting)
    count = f"{len(acting)} of {len(values)} values can act"
    return f"Next: replace {dead} with values from {grid}, because only {count} in this run."


def _rounds_away(found: Ends) -> bool:
    """Whether rounding loses the decay of every good value."""
    return found.good is None and found.rounded is not None and found.rounded == found.weak


def _within(found: Ends, number: float, digits: int = 2) -> str:
    """An end of what to search in a few digits, rounded so that it can act."""
    low, high = sorted((found.weak, found.strong))
    near = short(number, digits)
    if number <= 0 or low <= float(near) <= high:
        return near
    unit = 10.0 ** (math.floor(math.log10(number)) - digits + 1)
    near_low = abs(number - low) < abs(number - high)
    return short((math.ceil(number / unit) if near_low else math.floor(number / unit)) * unit, digits)


def _outside(found: Ends) -> str:
    if found.good:
        return (
            "weaker values have little effect before the run ends and stronger ones forget what was learned"
        )
    return "outside it the result no longer changes"


def _better(found: Ends) -> str:
    return f", and {good_words(found.good)}" if found.good else ""


def _of_solver(entry: Convention, found: Ends, run: Run) -> str:
    share = f"{short(100 * run.tolerance)} %"
    flat, steep = run.curvature or (0.0, 0.0)
    side = "below" if found.weak < found.strong else "above"
    beyond = "above" if found.weak < found.strong else "below"
    about = "" if entry.norm == "l2" else " Approximate: it depends on the sizes of the weights."
    return (
        f"{_at(side, found.weak)} no weight changes by more than {share}, even along the flattest direction of the loss "
        f"(eigenvalue {short(flat)}); {_at(beyond, found.strong).lower()} less than {share} is left of every weight, "
        f"even along the steepest ({short(steep)}).{about}"
    )


def _at(side: str, number: float) -> str:
    return f"{side.capitalize()} {short(number)}"
