"""A logarithmic axis for λ that has a place for λ = 0: at its left, behind a break."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage.pages import number, superscript

__all__ = ["LambdaAxis"]

Floats = NDArray[np.float64]


class LambdaAxis:
    """Places of λs on the axis, in decades.

    Args:
        lambdas: (L,) ascending strengths, the first of which may be 0.
    """

    def __init__(self, lambdas: Floats) -> None:
        self.lambdas = lambdas
        positive = lambdas[lambdas > 0]
        logs = np.log10(positive) if len(positive) else np.zeros(1)
        self.low, self.high = float(logs.min()), float(logs.max())
        self.zero = self.low - max(0.5, 0.12 * (self.high - self.low))
        self.has_zero = bool((lambdas == 0).any())
        with np.errstate(divide="ignore"):
            self.places = np.where(lambdas > 0, np.log10(lambdas), self.zero)

    def line(self, values: Floats) -> tuple[list[float | None], list[float | None]]:
        """x and y of a line through `values` that is interrupted at the axis break."""
        x: list[float | None] = [float(place) for place in self.places]
        y: list[float | None] = [float(value) if np.isfinite(value) else None for value in values]
        broken = int((self.lambdas == 0).sum())
        if 0 < broken < len(x):
            x.insert(broken, None)
            y.insert(broken, None)
        return x, y

    def layout(self) -> dict[str, Any]:
        """Plotly's settings for the axis: decades as ticks, `0` where λ = 0 stands."""
        ticks = self._ticks()
        values = [float(np.log10(tick)) for tick in ticks]
        texts = [_decade(tick) for tick in ticks]
        minor = [
            float(np.log10(step) + decade)
            for decade in range(int(np.floor(self.low)), int(np.ceil(self.high)) + 1)
            for step in range(1, 10)
            if self.low <= np.log10(step) + decade <= self.high
        ]
        if self.has_zero:
            values, texts = [self.zero, *values], ["0", *texts]
        pad = 0.04 * (self.high - self.zero)
        left = self.zero if self.has_zero else self.low
        return {
            "range": [left - pad, self.high + pad],
            "tickvals": values,
            "ticktext": texts,
            "tickangle": 0,
            "ticks": "outside",
            "minor": {"tickvals": minor, "ticks": "outside", "ticklen": 3, "tickcolor": "@line"},
            "title": {"text": "λ, strength of the regularization (log scale)"},
            "showgrid": False,
            "showline": True,
        }

    def break_mark(self) -> list[dict[str, Any]]:
        """The two strokes on the axis between λ = 0 and the rest."""
        if not self.has_zero or not (self.lambdas > 0).any():
            return []
        middle = (self.zero + self.low) / 2
        mark = {"text": "⁄⁄", "x": middle, "y": 0, "yref": "paper", "yanchor": "middle", "showarrow": False}
        return [{**mark, "bgcolor": "@card", "borderpad": 0, "font": {"size": 15, "color": "@muted"}}]

    def _ticks(self) -> list[float]:
        """At most six round values: decades, or with 2 and 5 between them on a short axis."""
        first, last = int(np.floor(self.low)), int(np.ceil(self.high))
        steps = (1, 2, 5) if self.high - self.low < 2 else (1,)
        ticks = [s * 10.0**d for d in range(first, last + 1) for s in steps]
        inside = [t for t in ticks if self.low - 1e-9 <= np.log10(t) <= self.high + 1e-9]
        if not inside:
            return [float(10**self.low)]
        return inside[:: -(-len(inside) // 6)]


def _decade(value: float) -> str:
    power = np.log10(value)
    if abs(power - round(power)) < 1e-9 and not -3 < power < 3:
        return f"10{superscript(round(power))}"
    return number(value, 2)
