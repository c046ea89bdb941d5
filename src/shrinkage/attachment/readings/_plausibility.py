"""Strengths that are probably a slip: warned of when a rule is attached."""

from __future__ import annotations

import math
import warnings

import torch
from torch import Tensor

from shrinkage.attachment._handle import Handle
from shrinkage.attachment._host import readable
from shrinkage.attachment._step import Bunch
from shrinkage.attachment.readings._parameter_table import in_words
from shrinkage.rules import L2Force, Reading
from shrinkage.strength import momentum_gain
from shrinkage.sweeps import ends_of_shrinks, good_words

__all__ = ["LARGE", "shrink_at_the_peak", "warn_of_strengths"]

LARGE = 0.01
"""A fraction per step above which a weight is forgotten within 100 steps."""
_EMPTIES = 50.0
"""Timescales within a run at the peak learning rate; common recipes for pretraining have up to 40."""
_UNTOUCHED = 1e-5
"""A fraction removed within a whole run below which nothing that can be measured changes."""


def warn_of_strengths(handle: Handle, steps: int | None, stacklevel: int) -> None:
    """Warn once of a rule that removes over 1 % per step, and where `steps` are known, of one that empties or never acts.

    Args:
        handle: the attached rule.
        steps: length of the run in steps of the optimizer; None: not known.
        stacklevel: frames between this function and the caller to blame.
    """
    shrinks = [(bunch, s) for bunch in handle.bunches if (s := shrink_at_the_peak(handle, bunch)) is not None]
    if not shrinks:
        return
    bunch, most = max(shrinks, key=lambda pair: pair[1])
    if (words := _suspicious(bunch, most, steps)) is not None:
        good = _good(bunch, most, steps)
        warnings.warn(f"attach({in_words(bunch.rule)}): {words}{good}", stacklevel=stacklevel)


def _suspicious(bunch: Bunch, most: float, steps: int | None) -> str | None:
    """What is probably a slip, and the way out; None where nothing is."""
    if bunch.rule.anchor != "zero":
        return _suspicious_pull(bunch, most, steps)
    if most > LARGE * (1 + 1e-9):  # lr 0.1 × 0.1 is at the limit
        return (
            f"removes {100 * most:.3g} % of every weight per step, so half of it is gone after {_half_life(most)} steps. "
            f"{_way_out(bunch)}"
        )
    if steps is not None and most * steps >= _EMPTIES:
        return (
            f"forgets every weight within {1 / most:,.0f} steps, {most * steps:,.0f} times over in a run "
            f"of {steps:,} steps, so the weights keep only what the last steps taught. {_way_out(bunch)}"
        )
    if steps is not None and 0 < most * steps < _UNTOUCHED:
        return (
            f"removes {100 * most * steps:.2g} % of a weight in a run of {steps:,} steps, which has no "
            f"effect. To remove 1 % in the run, the strength must be {1e-2 / (most * steps):,.0f} times as "
            "large."
        )
    return None


def _suspicious_pull(bunch: Bunch, most: float, steps: int | None) -> str | None:
    """The same for a pull toward the start, which removes nothing of a weight that stays there."""
    if most > LARGE * (1 + 1e-9):
        return (
            f"takes every weight {100 * most:.3g} % of the way back to its start per step, so half of what was learned "
            f"is undone after {_half_life(most)} steps. {_way_out(bunch)}"
        )
    if steps is not None and most * steps >= _EMPTIES:
        return (
            f"takes every weight back to its start within {1 / most:,.0f} steps, {most * steps:,.0f} times over in a run "
            f"of {steps:,} steps, so the weights keep only what the last steps taught. {_way_out(bunch)}"
        )
    if steps is not None and 0 < most * steps < _UNTOUCHED:
        return (
            f"takes a weight {100 * most * steps:.2g} % of the way back to its start in a run of {steps:,} steps, which "
            f"has no effect. For 1 % in the run, the strength must be {1e-2 / (most * steps):,.0f} times as large."
        )
    return None


def _half_life(shrink: float) -> int:
    return max(1, math.ceil(math.log(2) / -math.log1p(-min(shrink, 0.999999))))


def _good(bunch: Bunch, shrink: float, steps: int | None) -> str:
    """Where good values lie in a run of known length, as one more sentence: at this learning rate throughout."""
    strength = bunch.rule.strength
    if steps is None or isinstance(strength, Tensor) or shrink <= 0:
        return ""
    found = ends_of_shrinks(float(strength), mean=shrink, peak=shrink, steps=steps, most=LARGE)
    return f" In this run {good_words(found.good)}." if found.good else ""


def shrink_at_the_peak(handle: Handle, bunch: Bunch) -> float | None:
    """The largest fraction that a step removes at the peak learning rate; None where it depends on more than that."""
    rule, now = bunch.rule, bunch.now()
    modulation = rule.modulation
    scaled = modulation is not None and (modulation.own_unit or modulation.needs_second_moment)
    if scaled or not isinstance(rule.force, L2Force) or rule.entry == "project":
        return None
    peak = Reading(lr=now.lr_max, lr_max=now.lr_max)
    if isinstance(now.lr_max, Tensor) or (isinstance(rule.strength, Tensor) and not readable(rule.strength)):
        return None
    if rule.entry != "loss":
        shrink = rule.shrink(peak)
    elif isinstance(handle.optimizer, torch.optim.SGD):
        momentum, dampening = float(bunch.group["momentum"]), float(bunch.group["dampening"])
        gain = momentum_gain(momentum=momentum, dampening=dampening) if momentum else 1.0
        shrink = rule.strength * now.lr_max * gain
    else:
        return None
    return float(shrink.max()) if isinstance(shrink, Tensor) else float(shrink)


def _way_out(bunch: Bunch) -> str:
    rule, lr = bunch.rule, bunch.now().lr_max
    if rule.is_fraction and "Decoupled" in rule.name and not isinstance(rule.strength, Tensor):
        number = float(rule.strength)
        return (
            f"If {number:g} is a weight_decay in AdamW's sense, write Decoupled({number:g}), which at the "
            f"learning rate {lr:g} is Decoupled(rate={number * float(lr):g}, clock={rule.clock!r})."
        )
    return "Typical strengths remove a ten-millionth to a thousandth per step; see shrinkage.convert."
