"""Range checks that answer with a finished sentence."""

from __future__ import annotations

import math
from numbers import Real

from shrinkage._errors import RequestError, called, shown

__all__ = ["checked"]


def checked(where: str, name: str, value: object, rule: str) -> float:
    """`value` as a float if it obeys `rule`, one of the keys of `_RULES`.

    Raises:
        RequestError: `value` is no real number or lies outside the rule's range.
    """
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    if not _RULES[rule](number):
        raise RequestError(f"{called(name, of=where)}: must be a number {rule}, got {shown(value)}.")
    return number


_RULES = {
    ">= 0 and finite": lambda x: 0 <= x < math.inf,
    "> 0 and finite": lambda x: 0 < x < math.inf,
    ">= 1 and finite": lambda x: 1 <= x < math.inf,
    "> 0": lambda x: x > 0,
    "in [0, 1)": lambda x: 0 <= x < 1,
    "in [0, 1]": lambda x: 0 <= x <= 1,
}
