"""A comparison in notebooks."""

from __future__ import annotations

from typing import Any

from shrinkage.comparison import Comparison, comparison_charts, comparison_findings, comparison_tables
from shrinkage.notebooks._charts import plotted_chart
from shrinkage.pages import frame

__all__ = ["figure_of", "html_of"]


def html_of(comparison: Comparison) -> str:
    """What was found, the losses as a picture, and the tables."""
    return frame(
        f"Comparison of {len(comparison.runs)} methods on {comparison.source}",
        comparison_findings(comparison),
        figure=comparison_charts(comparison)["losses"](),
        keys=(("ink", "test loss"), ("validation", "validation loss"), ("training", "training loss")),
        tables=comparison_tables(comparison),
    )


def figure_of(comparison: Comparison, chart: str | None, scheme: str) -> Any:
    """A Plotly figure."""
    return plotted_chart(comparison_charts(comparison), chart, scheme)
