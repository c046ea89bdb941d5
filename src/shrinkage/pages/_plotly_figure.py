"""A chart of a page as a Plotly figure of its own, for notebooks and for whoever wants to change it."""

from __future__ import annotations

from typing import Any

from shrinkage._errors import RequestError, shown
from shrinkage.pages._html_page import Figure
from shrinkage.pages._palette import Scheme, palette

__all__ = ["plotly_figure"]

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'


def plotly_figure(figure: Figure, scheme: Scheme = "light") -> Any:
    """A `plotly.graph_objects.Figure` in the colours of the pages.

    Args:
        figure: the chart.
        scheme: `light` or `dark`.
    """
    if scheme not in ("light", "dark"):
        raise RequestError(f"plot(scheme=…): must be 'light' or 'dark', got {shown(scheme)}.")
    import plotly.graph_objects as go

    colours = palette(scheme)
    layout = {
        "paper_bgcolor": "@card",
        "plot_bgcolor": "@card",
        "showlegend": False,
        "hovermode": "closest",
        "height": figure.height,
        "font": {"family": FONT, "size": 13, "color": "@ink"},
        **({"width": figure.width} if figure.width else {}),
        **({"title": {"text": figure.heading, "font": {"size": 15}}} if figure.heading else {}),
        **figure.layout,
        "margin": {
            "t": 48 if figure.heading else 24,
            "r": 24,
            "b": 56,
            "l": 64,
            **figure.layout.get("margin", {}),
        },
        "xaxis": _axis(figure.layout.get("xaxis", {})),
        "yaxis": _axis(figure.layout.get("yaxis", {})),
    }
    return go.Figure(data=_paint(list(figure.data), colours), layout=_paint(layout, colours))


def _axis(own: dict[str, Any]) -> dict[str, Any]:
    grid = {} if own.get("showgrid") is False else {"gridcolor": "@grid"}
    title = {**own.get("title", {}), "font": {"color": "@muted", "size": 13}}
    return {
        **grid,
        "linecolor": "@line",
        "tickcolor": "@line",
        "zeroline": False,
        "automargin": True,
        **own,
        "title": title,
    }


def _paint(value: Any, colours: dict[str, str], paint: bool = False) -> Any:
    """The value with every role, where a colour is meant, as that colour."""
    if isinstance(value, str):
        return colours[value[1:]] if paint and value.startswith("@") else value
    if isinstance(value, (list, tuple)):
        return [_paint(inner, colours, paint) for inner in value]
    if isinstance(value, dict):
        return {
            key: _paint(inner, colours, str(key).endswith(("color", "colorscale")))
            for key, inner in value.items()
        }
    return value
