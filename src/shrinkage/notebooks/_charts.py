"""One chart of several, by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shrinkage._errors import RequestError, shown
from shrinkage.pages import Figure, plotly_figure

__all__ = ["Charts", "plotted_chart"]

Charts = Mapping[str, Callable[[], Figure]]
"""Figures by name, each made when it is asked for; the first is the one to see first."""


def plotted_chart(charts: Charts, chart: str | None, scheme: str) -> Any:
    """The chart of that name as a Plotly figure."""
    name = next(iter(charts)) if chart is None else chart
    if name not in charts:
        raise RequestError(f"plot({shown(chart)}): no such chart. Known: {', '.join(charts)}.")
    return plotly_figure(charts[name](), scheme)  # type: ignore[arg-type]
