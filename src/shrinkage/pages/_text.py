"""Numbers as a reader wants them, and foreign text made harmless."""

from __future__ import annotations

import html
import math
import unicodedata
from typing import Any

import numpy as np

__all__ = ["ABSENT", "clean", "number", "percent", "plain", "plotly_text", "strength", "superscript"]

ABSENT = "–"
NBSP = "\N{NO-BREAK SPACE}"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# Marks that reorder the text around them: a name could make a sentence of the page say something else.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def superscript(exponent: int) -> str:
    return str(exponent).translate(_SUPERSCRIPTS)


def number(value: float | None, digits: int = 3) -> str:
    """`value` with that many significant digits: `0.0123`, `12,300`, `1.2 × 10⁻⁵`; a dash where there is none.

    Example:
        >>> number(0.012345), number(12300), number(-25.04), number(float("nan"))
        ('0.0123', '12,300', '−25', '–')
    """
    if value is None or math.isnan(value):
        return ABSENT
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    sign, size = ("−" if value < 0 else ""), abs(float(value))
    if size == 0:
        return "0"
    mantissa, exponent = f"{size:.{digits - 1}e}".split("e")
    power = int(exponent)
    if -3 <= power < 7:
        decimals = max(digits - 1 - power, 0)
        text = f"{float(f'{mantissa}e{exponent}'):,.{decimals}f}"
        return sign + (text.rstrip("0").rstrip(".") if decimals else text)
    factor = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    times = "" if factor == "1" else f"{factor}{NBSP}×{NBSP}"
    return f"{sign}{times}10{superscript(power)}"


def strength(lam: float, digits: int = 3) -> str:
    """`λ = 0.01`, never broken across lines."""
    return f"λ{NBSP}={NBSP}{number(lam, digits)}"


def percent(share: float) -> str:
    """A share of one as a percentage: `97.2 %`."""
    return f"{100 * share:.1f}{NBSP}%" if math.isfinite(share) else ABSENT


def clean(text: object, limit: int = 120) -> str:
    """`text` on one line, at most `limit` characters, control and reordering characters spelled out."""
    shown = (_spell(c) if _hidden(c) else c for c in str(text)[: limit + 1])
    line = "".join(shown)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def plotly_text(text: object, limit: int = 28) -> str:
    """`text` for a label of Plotly, which reads tags and entities in every string: both are taken literally."""
    return html.escape(clean(text, limit), quote=False)


def plain(values: Any) -> list[Any]:
    """An array as nested lists that JSON can hold: NaN and ∞ become None."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    return [_finite(value) for value in values]


def _finite(value: Any) -> Any:
    if isinstance(value, (list, tuple, np.ndarray)):
        return plain(value)
    if isinstance(value, (float, np.floating)):
        # Five digits are finer than a pixel and keep the page small.
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def _hidden(character: str) -> bool:
    return character in _REORDERING or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}


def _spell(character: str) -> str:
    return " " if character in "\n\r\t" else character.encode("unicode_escape").decode()
