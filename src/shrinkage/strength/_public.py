"""`convert`: a strength of one framework in another's convention."""

from __future__ import annotations

from typing import Unpack

from shrinkage.strength._quantities import Options, Quantities
from shrinkage.strength._registry import find
from shrinkage.strength._translation import Conversion, translate

__all__ = ["convert"]


def convert(
    value: float, source: str, target: str, *, approximate: bool = False, **run: Unpack[Options]
) -> Conversion:
    """Convert a strength: `shrinkage.convert`, without the good values of the run.

    Args:
        value: the number, in the unit of `source`: >= 0.
        source: name of a convention, such as "torch.optim.SGD"; see `conventions()`.
        target: name of a convention.
        approximate: return the first-order number if no scalar equivalence exists.
        run: the quantities of the run.

    Returns:
        The value, whether it is exact, and a note.

    Raises:
        RequestError: a name is unknown, a quantity is missing or out of range, or no scalar equivalence exists.

    Example:
        >>> c = convert(1e-4, "torch.optim.SGD", "keras.regularizers.L2")
        >>> c.value, c.exact
        (5e-05, True)
    """
    return translate(value, find(source), find(target), Quantities(**run), approximate=approximate)
