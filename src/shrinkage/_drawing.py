"""Who draws what. A result imports no page: the module that draws it is named here and loaded when something is drawn."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["Drawn", "Plotted", "view_of"]

VIEWS = {
    "Audit": "audit_view",
    "Choice": "fit_view",
    "Comparison": "comparison_view",
    "MLPCV": "fit_view",
    "ParameterTable": "attachment_view",
    "PathResult": "fit_view",
}
"""Module of `shrinkage.notebooks`, by the name of a class or of one of its base classes."""


def view_of(result: object) -> Any:
    """The module that draws a result."""
    for cls in type(result).__mro__:
        if cls.__name__ in VIEWS:
            return import_module(f"shrinkage.notebooks._{VIEWS[cls.__name__]}")
    raise TypeError(f"{type(result).__name__} has no view.")


class Drawn:
    """A result that notebooks show as a frame: a title, what was found, a static picture, tables."""

    def _repr_html_(self) -> str:
        return view_of(self).html_of(self)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._repr_html_()}


class Plotted(Drawn):
    """A result with charts."""

    def plot(self, chart: str | None = None, *, scheme: str = "light") -> Any:
        """A Plotly figure of one of the report's charts.

        Args:
            chart: its name; None for the first. A name that is not known lists those that are.
            scheme: `light` or `dark`.

        Returns:
            A `plotly.graph_objects.Figure`.
        """
        return view_of(self).figure_of(self, chart, scheme)
