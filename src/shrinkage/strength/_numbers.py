"""Numbers in a sentence, written as they are typed."""

from __future__ import annotations

__all__ = ["short"]


def short(value: float, digits: int = 3) -> str:
    """`value` rounded to some significant digits; an exponent only where `g` has one for the exact number.

    Example:
        >>> short(1234.5), short(120, 2), short(0.00012345), short(3e-7)
        ('1230', '120', '0.000123', '3e-07')
    """
    return f"{float(f'{value:.{digits}g}'):g}"
