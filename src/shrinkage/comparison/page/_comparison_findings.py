"""What a comparison found, in sentences made of its numbers; they hold in the unlucky cases too."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from shrinkage.comparison._methods import NONE
from shrinkage.pages import number, percent

if TYPE_CHECKING:
    from shrinkage.comparison._comparison import ComparisonResult
    from shrinkage.comparison._nested import Runs

__all__ = ["divergence_text", "findings", "is_equal_in_table", "metric_words"]


def findings(c: ComparisonResult) -> list[str]:
    """The few sentences at the top."""
    sentences = (_best(c), _unclear(c), _twins(c), _pairs(c), _swarm(c))
    return [sentence for sentence in sentences if sentence]


def divergence_text(c: ComparisonResult, *keys: str) -> str:
    """`training diverged with L2 in the error on 1 of 4 splits`, of those that did; "" when none did."""
    parts = [
        f"with {_in_sentence(runs.method.name)} on {runs.diverged} of {len(runs.lam)} splits"
        for runs in map(c.of, keys)
        if runs.diverged
    ]
    return f"training diverged {' and '.join(parts)}" if parts else ""


def metric_words(c: ComparisonResult, value: float) -> str:
    """A share as a percentage, anything else as a number."""
    return percent(value) if c.metric_name == "accuracy" else number(value)


def is_equal_in_table(c: ComparisonResult, first: str, second: str) -> bool:
    """Whether two methods have the same test loss on every split, up to what rounding grows to."""
    a, b = c.of(first).test_loss, c.of(second).test_loss
    return bool(np.isfinite(a).all() and np.allclose(a, b, rtol=1e-6, atol=1e-9))


def _best(c: ComparisonResult) -> str:
    best, none = c.best, c.mean(NONE, "test_loss").value
    key, name = best.method.key, best.method.name
    test, metric = c.mean(key, "test_loss"), c.mean(key, "test_metric")
    if key == NONE:
        others = [runs for runs in c.runs if runs.method.key != NONE]
        if others and all(runs.diverged for runs in others):
            return f"No regularization has a test loss of {number(test.value)}; every other method diverged."
        trained = (
            " of the methods that were trained on every split" if any(r.diverged for r in others) else ""
        )
        return (
            f"No regularization has the lowest test loss{trained}, {number(test.value)}: on these rows, with this "
            "network and this many epochs, neither a penalty nor a decay helps."
        )
    lowest = f"The lowest test loss is that of {_in_sentence(name)}: {number(test.value)} ({c.metric_name} "
    if failed := divergence_text(c, NONE):
        return f"{lowest}{metric_words(c, metric.value)}). It can't be compared with no regularization: {failed}."
    gap = c.difference(key)
    verdict = (
        "the interval excludes 0"
        if gap.excludes_zero
        else "the interval contains 0, so these rows can't distinguish the two"
    )
    return (
        f"{lowest}{metric_words(c, metric.value)}), while no regularization has {number(none)}. The "
        f"difference is {number(gap.value, 2)}, 95 % interval {number(gap.low, 2)} to "
        f"{number(gap.high, 2)}: {verdict}."
    )


def _unclear(c: ComparisonResult) -> str:
    rest = [runs for runs in c.runs if runs is not c.best and runs.method.key != NONE and not runs.diverged]
    same = [r for r in rest if not c.difference(r.method.key, c.best.method.key).excludes_zero]
    if not rest or not same:
        return ""
    if len(same) == len(rest):
        trained = " that were trained on every split" if any(runs.diverged for runs in c.runs) else ""
        if len(rest) == 1:
            return f"These rows can't distinguish the other method{trained} from it."
        return f"These rows can't distinguish any of the other {len(rest)} methods{trained} from it."
    names = _list_in_words([_in_sentence(r.method.name) for r in same])
    return f"Methods that these rows can't distinguish from it: {names}."


def _twins(c: ComparisonResult) -> str:
    keys = {runs.method.key for runs in c.runs}
    if not {"l2", "decay_original"} <= keys or not is_equal_in_table(c, "l2", "decay_original"):
        return ""
    if not c.of("l2").lam.any():
        return ""
    apart = float(np.abs(c.of("l2").test_loss - c.of("decay_original").test_loss).max())
    return (
        "L2 in the error and decay of the original weight are one method under plain SGD, and the numbers agree: "
        "their test "
        f"losses differ by at most {number(apart, 2)} on all {len(c.of('l2').lam)} splits."
    )


def _pairs(c: ComparisonResult) -> str:
    trained = [pair for pair in c.pairs if math.isfinite(pair.distance)]
    equal = [pair for pair in trained if pair.by_algebra]
    alike = [pair for pair in trained if not pair.by_algebra]
    if not equal or not alike:
        return "Training the forms side by side diverged, so it can't show which of them are the same."
    lost = len(c.pairs) - len(trained)
    without = f" Training diverged in {lost} of {len(c.pairs)} pairs." if lost else ""
    widest, farthest = max(pair.distance for pair in equal), max(alike, key=lambda pair: pair.distance)
    return (
        f"Forms that are equal by algebra end within {number(widest, 2)} of each other (relative distance of the "
        f"weights, λ = {number(c.pairs_lambda, 2)}, {c.pairs_epochs} epochs). Forms that only look the same do not: "
        f"{_in_sentence(farthest.first)} and {_in_sentence(farthest.second)} end {number(farthest.distance, 2)} apart."
        f"{without}"
    )


def _swarm(c: ComparisonResult) -> str:
    keys = {runs.method.key for runs in c.runs}
    if not {"swarm_l2", "l2"} <= keys:
        return ""
    if failed := divergence_text(c, "swarm_l2", "l2"):
        return f"The swarm can't be compared with L2 by back-propagation: {failed}."
    swarm, l2 = c.of("swarm_l2"), c.of("l2")
    against = c.difference("swarm_l2", "l2")
    times = _times(swarm, l2)
    interval = f"{number(against.low, 2)} to {number(against.high, 2)}"
    if not against.excludes_zero:
        verdict = f"can't be distinguished from L2 by back-propagation here (95 % interval {interval})"
    elif against.value > 0:
        verdict = f"ends {number(against.value, 2)} worse in test loss (95 % interval {interval})"
    else:
        verdict = (
            f"ends {number(-against.value, 2)} better in test loss here, which is rare (95 % interval of the difference "
            f"{interval})"
        )
    return (
        f"The swarm {verdict} and takes {times} as long. Back-propagation is nearly always the better trainer; "
        "a swarm is for errors that have no gradient."
    )


def _times(swarm: Runs, l2: Runs) -> str:
    return f"{number(float(swarm.seconds.mean() / l2.seconds.mean()), 2)} times"


def _in_sentence(name: str) -> str:
    """A method's name inside a sentence."""
    return (
        name[0].lower() + name[1:] if name[:2] not in ("L2", "L1") and not name.startswith("Adam") else name
    )


def _list_in_words(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{'; '.join(names[:-1])}; and {names[-1]}"
