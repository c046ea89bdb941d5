"""The sentences about a sweep: its best, its ties, its edges, and what to type next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shrinkage.strength import short
from shrinkage.sweeps._sweep_result import SweepResult
from shrinkage.sweeps._sweep_runs import Sweep
from shrinkage.sweeps._sweep_ties import Judged
from shrinkage.sweeps._useful_range import UsefulRange
from shrinkage.sweeps.reading import falls, log_base

__all__ = ["next_words", "sentences", "setting_words"]

MOST_SHOWN = 6


def clean(text: object, limit: int) -> str:
    """`text` made safe for one line."""
    from shrinkage.pages import clean as on_one_line  # loads the templates, which advice does not need

    return on_one_line(text, limit)


def setting_words(setting: Mapping[str, Any]) -> str:
    """`weight_decay = 0.01, lr = 0.001`."""
    return ", ".join(f"{clean(k, 60)} = {_value(v)}" for k, v in setting.items())


def sentences(c: SweepResult) -> list[str]:
    """The answer, a sentence a line."""
    lines = [
        f"Best: {setting_words(c.best)}, with a mean {clean(c.sweep.score_name, 60)} of {short(c.score, 4)} "
        f"({'higher' if c.sweep.direction == 'maximize' else 'lower'} is better)."
    ]
    total = len(c.sweep.settings)
    if total == 1:
        lines.append("There is only one setting: nothing to compare it with.")
    elif not c.known:
        lines.append(
            "Each setting ran once, so the size of the noise is unknown: no setting can be distinguished from another."
        )
    elif c.judged.all_equal:
        lines.append(f"All {total} settings have the same score in every run.")
    elif len(c.tied) == 1:
        others = f"all {total - 1} others" if total > 2 else "the only other setting"
        lines.append(f"It is better than {others} by more than noise.")
    else:
        shown = "; ".join(setting_words(s) for s in c.tied[1 : 1 + MOST_SHOWN])
        more = f"; and {len(c.tied) - 1 - MOST_SHOWN} more" if len(c.tied) - 1 > MOST_SHOWN else ""
        which = f"{len(c.tied) - 1} of the {total - 1} others" if total > 2 else "the only other setting"
        lines.append(f"These scores can't distinguish it from {which}: {shown}{more}.")
    if c.known and total > 1 and not c.judged.all_equal:
        shared = {"fold": "folds", "seed": "seeds", None: ""}[c.sweep.blocks]
        how = f"paired over {len(c.sweep.scores[0])} shared {shared}" if shared else "from repeated runs"
        lines.append(
            f"More than noise is a difference of means above {short(c.margin, 2)} ({how}, all pairs judged together)."
        )
    if c.one_se is not None and c.one_se != c.best:
        lines.append(f"Strongest within one standard error of the best: {setting_words(c.one_se)}.")
    lines += [f"The best lies at the {side} end of {clean(name, 60)}." for name, side in c.at_edge]
    if c.range:
        lines.append(str(c.range).splitlines()[0])
        dead = [v for v in c.range.values if v and v not in c.range.acting]
        if dead:
            lines.append(
                f"{len(dead)} of {len(c.range.values)} values cannot act: {', '.join(short(v) for v in dead)}."
                + (" Differences among them are noise." if len(dead) > 1 else "")
            )
    return [*lines, *c.sweep.notes, c.next]


def next_words(
    sweep: Sweep,
    found: Judged,
    strength: str | None,
    edges: Sequence[tuple[str, str]],
    rules: UsefulRange | None,
) -> str:
    """One sentence: what to type next, and why."""
    best = sweep.settings[found.best]
    if rules and not rules.acting:
        return rules.next
    if len(sweep.settings) == 1:
        return (
            "Next: run other settings on the same folds or seeds, because a single setting can't be compared."
        )
    if not found.known and sweep.blocks == "fold":
        return "Next: score the settings on 5 folds, because a single split can't distinguish a winner from noise."
    if not found.known:
        again = min(5, len(sweep.settings))
        return (
            f"Next: run the {again} best settings again with 3 seeds each, the same seeds for all, because "
            "one run per setting can't distinguish a winner from noise."
        )
    if found.all_equal:
        return (
            f"Next: check that {clean(sweep.score_name, 60)} is the right column and that the runs used their settings, "
            "because different runs rarely have equal scores."
        )
    edges = [edge for edge in edges if not _is_flat_there(sweep, found, strength, *edge)]
    numbers = [(name, side) for name, side in edges if name == strength] or list(edges)
    further = _further(sweep, best, *numbers[0]) if numbers else None
    if further is not None:
        name, side = numbers[0]
        if not (rules and not rules.acts(further)):
            return (
                f"Next: try {clean(name, 60)} = {short(further)}, because the best lies at the {side} end of what was "
                "tried."
            )
    if len(found.tied) > 1:
        return _apart(sweep, found, best)
    return f"Next: use {setting_words(best)}, because it is better than all others by more than noise."


def _apart(sweep: Sweep, found: Judged, best: Mapping[str, Any]) -> str:
    count = len(found.tied)
    kind = {"fold": "repeats of the folds", "seed": "seeds"}.get(
        sweep.blocks or "", "seeds, the same for all"
    )
    return (
        f"Next: use {setting_words(best)}, or whichever of the {count} tied settings is cheapest; to "
        f"separate them, run only those {count} with more {kind}, because their differences are within "
        "noise."
    )


def _is_flat_there(sweep: Sweep, found: Judged, strength: str | None, name: str, side: str) -> bool:
    """Whether the weak end is flat: the best lies there and can't be distinguished from the next stronger value."""
    weak = "high" if falls(name) else "low"
    if name != strength or side != weak:
        return False
    best = sweep.settings[found.best]
    others = {k: v for k, v in best.items() if k != name}
    alike = [i for i, s in enumerate(sweep.settings) if {k: v for k, v in s.items() if k != name} == others]
    stronger = [i for i in alike if i != found.best]
    nearest = min(stronger, key=lambda i: abs(sweep.settings[i][name] - best[name]), default=None)
    return nearest is not None and nearest in found.tied


def _further(sweep: Sweep, best: Mapping[str, Any], name: str, side: str) -> float | None:
    """The next value beyond the end: one step of the grid, as a ratio where all are positive."""
    values = sorted(map(float, sweep.tried[name]))
    low, high = values[0], values[-1]
    if low < 0 or log_base(name) is not None:  # logarithms, or another number without a ratio
        step = (high - low) / (len(values) - 1)
        return float(best[name]) + (step if side == "high" else -step)
    if low > 0:
        ratio = (high / low) ** (1 / (len(values) - 1))
        return float(best[name]) * (ratio if side == "high" else 1 / ratio)
    if side == "low":
        return None
    positive = [v for v in values if v > 0]
    ratio = (positive[-1] / positive[0]) ** (1 / max(len(positive) - 1, 1)) if len(positive) > 1 else 10.0
    return high * ratio


def _value(value: Any) -> str:
    return short(value, 4) if isinstance(value, float) else clean(value, 60)
