"""The demonstrations by name."""

from __future__ import annotations

from collections.abc import Callable

from shrinkage._errors import RequestError, called, shown
from shrinkage.comparison.demonstrations._articles_2017 import l1_2017, l2_2017
from shrinkage.comparison.demonstrations._backprop_2013 import backprop_2013
from shrinkage.comparison.demonstrations._result import DemoResult
from shrinkage.comparison.demonstrations._swarm_2013 import swarm_2013
from shrinkage.comparison.demonstrations._swarm_2015 import swarm_2015

__all__ = ["DEMOS", "demo"]

DEMOS: dict[str, Callable[..., DemoResult]] = {
    "l2-2017": l2_2017,
    "l1-2017": l1_2017,
    "swarm-2013": swarm_2013,
    "swarm-2015": swarm_2015,
    "backprop-2013": backprop_2013,
}
"""As functions of how many times each is repeated on other data."""


def demo(name: str, *, repeats: int | None = None) -> DemoResult:
    """Replay a published demonstration.

    Args:
        name: `l2-2017`, `l1-2017`, `swarm-2013`, `swarm-2015` or `backprop-2013`.
        repeats: data sets besides the article's over which means are taken, ≥ 2, or 0 for none; None is what the
            demonstration is shown with, 30 teachers for those of 2017. The others have no data of the article's, and
            take 2 at least.

    Raises:
        RequestError: there is no such demonstration, or `repeats` is 1 or negative.
    """
    if name not in DEMOS:
        raise RequestError(f"{called('demo')}: must be one of {', '.join(DEMOS)}, got {shown(name)}.")
    if repeats is not None and (repeats < 0 or repeats == 1):
        raise RequestError(
            f"{called('repeats', of='demo')}: must be >= 2 for a standard error, or 0, got {repeats}."
        )
    return DEMOS[name]() if repeats is None else DEMOS[name](repeats)
