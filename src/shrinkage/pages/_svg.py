"""A chart of a page as a static picture: lines, dots, bars and their errors as SVG that follows light and dark.

For places where no script may run: notebooks that are not trusted, and pages that show them.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from shrinkage.pages._html_page import Figure
from shrinkage.pages._text import number, superscript

__all__ = ["svg"]

RIGHT, BOTTOM, HIGHEST = 16, 46, 360
_DASHES = {"dash": "6 4", "dot": "2 4"}


def svg(figure: Figure, *, width: int = 720) -> str:
    """The chart as an SVG element; its colours are the custom properties that a frame declares."""
    return _Drawing(figure, width).finish()


class _Axis:
    """Where values lie between the two ends: numbers, their logarithms, or names in the order of their rows."""

    def __init__(self, own: Any, figure: Figure, axis: str) -> None:
        self.own, self.title = own, str(own.get("title", {}).get("text", ""))
        self.has_grid = own.get("showgrid") is not False
        self._names = {name: place for place, name in enumerate(own.get("categoryarray", ()))}
        self._is_log = own.get("type") == "log"
        self.low, self.high = _ends(self, figure, axis)
        self.ticks = _ticks(self)

    def place(self, value: Any) -> float | None:
        """A number along the axis; None for what has none."""
        if self._names:
            return self._names.get(value)
        if value is None or (self._is_log and value <= 0):
            return None
        return math.log10(value) if self._is_log else float(value)

    def share(self, place: float) -> float:
        """0 at the low end, 1 at the high one."""
        return (place - self.low) / (self.high - self.low)

    @property
    def names(self) -> dict[Any, int]:
        return self._names

    @property
    def is_log(self) -> bool:
        return self._is_log


def _ends(axis: _Axis, figure: Figure, name: str) -> tuple[float, float]:
    """The axis's own range, or that of the data with room around it."""
    if "range" in axis.own:
        return float(axis.own["range"][0]), float(axis.own["range"][1])
    values: list[float] = []
    for trace in figure.data:
        errors = trace.get(f"error_{name}", {}).get("array") or [0] * len(trace[name])
        for value, error in zip(trace[name], errors, strict=True):
            reach = 0 if axis.is_log else (error or 0)
            place = axis.place(value)
            values += [] if place is None else [place - reach, place + reach]
        values += [0.0] if trace.get("type") == "bar" else []
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    low = min(low, 0.0) if axis.own.get("rangemode") == "tozero" else low
    room = 0.05 * ((high - low) or 1.0)
    return (low if low == 0 else low - room), high + room


def _ticks(axis: _Axis) -> list[tuple[float, str]]:
    """Places and their labels."""
    if axis.names:
        return [(float(place), str(name)) for name, place in axis.names.items()]
    if "tickvals" in axis.own:
        values = axis.own["tickvals"]
        texts = axis.own.get("ticktext") or [number(value) for value in values]
        placed = [(axis.place(value), str(text)) for value, text in zip(values, texts, strict=True)]
        return [(place, text) for place, text in placed if place is not None]
    low, high = sorted((axis.low, axis.high))
    if axis.is_log:
        step = max(1, math.ceil((high - low) / 6))
        return [(float(p), f"10{superscript(p)}") for p in range(math.ceil(low), math.floor(high) + 1, step)]
    base = 10 ** math.floor(math.log10((high - low) / 4)) if high > low else 1.0
    step = base * min((1, 2, 5, 10), key=lambda k: abs((high - low) / (base * k) - 5))
    values = np.arange(math.ceil(low / step), math.floor(high / step + 1e-9) + 1) * step
    if str(axis.own.get("tickformat", "")).endswith("%"):
        return [(float(v), f"{100 * v:.4g} %") for v in values]
    return [(float(v), number(float(v))) for v in values]


class _Drawing:
    """Marks in the order in which they are laid over each other."""

    def __init__(self, figure: Figure, width: int) -> None:
        self.figure, self.width, self.height = figure, width, min(figure.height, HIGHEST)
        self.x, self.y = (_Axis(figure.layout.get(f"{name}axis", {}), figure, name) for name in ("x", "y"))
        longest = max((len(html.unescape(text)) for _, text in self.y.ticks), default=0)
        self.left = min(24 + 7 * longest, width // 2) + (18 if self.y.title else 0)
        self.top = max(14, int(figure.layout.get("margin", {}).get("t", 0)))
        self.marks: list[str] = []

    def finish(self) -> str:
        self._grid()
        for shape in self.figure.layout.get("shapes", ()):
            self._shape(shape)
        for trace in self.figure.data:
            self._bar(trace) if trace.get("type") == "bar" else self._scatter(trace)
        for note in self.figure.layout.get("annotations", ()):
            self._note(note)
        label = html.escape(self.figure.label, quote=True)
        return (
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{label}" '
            f'xmlns="http://www.w3.org/2000/svg">{"".join(self.marks)}</svg>'
        )

    def _at_x(self, place: float) -> float:
        return self.left + self.x.share(place) * (self.width - self.left - RIGHT)

    def _at_y(self, place: float) -> float:
        return self.height - BOTTOM - self.y.share(place) * (self.height - self.top - BOTTOM)

    def _grid(self) -> None:
        bottom, right = self.height - BOTTOM, self.width - RIGHT
        for place, text in self.y.ticks:
            if self.y.has_grid:
                self._line((self.left, self._at_y(place)), (right, self._at_y(place)), "@grid")
            self._text(self.left - 8, self._at_y(place) + 4, text, "end")
        for place, text in self.x.ticks:
            if self.x.has_grid:
                self._line((self._at_x(place), self.top), (self._at_x(place), bottom), "@grid")
            self._text(self._at_x(place), bottom + 18, text, "middle")
        self._line((self.left, bottom), (right, bottom), "@line")
        self._text((self.left + right) / 2, self.height - 6, self.x.title, "middle")
        if self.y.title:
            turn = f' transform="translate(13 {(self.top + bottom) / 2:.1f}) rotate(-90)"'
            self.marks.append(f'<text{turn} text-anchor="middle">{_safe(self.y.title)}</text>')

    def _points(self, trace: Any) -> list[tuple[float, float] | None]:
        """Where each point is drawn; None for a gap."""
        points: list[tuple[float, float] | None] = []
        for x, y in zip(trace["x"], trace["y"], strict=True):
            at_x, at_y = self.x.place(x), self.y.place(y)
            points.append(None if at_x is None or at_y is None else (self._at_x(at_x), self._at_y(at_y)))
        return points

    def _scatter(self, trace: Any) -> None:
        mode, points = trace.get("mode", "lines"), self._points(trace)
        line, marker = trace.get("line", {}), trace.get("marker", {})
        if "lines" in mode and line.get("width", 2):
            dash = _DASHES.get(line.get("dash", ""), "")
            dashed = f' stroke-dasharray="{dash}"' if dash else ""
            style = f"fill:none;stroke:{_colour(line.get('color', '@ink'))}"
            for piece in _pieces(points):
                places = " ".join(f"{x:.1f},{y:.1f}" for x, y in piece)
                width = line.get("width", 2)
                self.marks.append(
                    f'<polyline points="{places}" style="{style}" stroke-width="{width}"{dashed}/>'
                )
        if "markers" not in mode:
            return
        for axis in ("x", "y"):
            self._errors(trace, axis)
        radius, colour = float(marker.get("size", 6)) / 2, _colour(marker.get("color", "@ink"))
        is_open = "open" in str(marker.get("symbol", ""))
        style = f"fill:none;stroke:{colour};stroke-width:2" if is_open else f"fill:{colour}"
        for x, y in filter(None, points):
            self.marks.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" style="{style}"/>')

    def _errors(self, trace: Any, axis: str) -> None:
        error = trace.get(f"error_{axis}")
        for x, y, reach in zip(trace["x"], trace["y"], error["array"] if error else (), strict=False):
            at_x, at_y = self.x.place(x), self.y.place(y)
            if at_x is None or at_y is None or reach is None:
                continue
            by_x, by_y = (reach, 0) if axis == "x" else (0, reach)
            ends = [(self._at_x(at_x + s * by_x), self._at_y(at_y + s * by_y)) for s in (-1, 1)]
            self._line(ends[0], ends[1], error["color"], error.get("thickness", 1))

    def _bar(self, trace: Any) -> None:
        """Bars that lie: their names are on the upright axis."""
        for value, place in zip(trace["x"], trace["y"], strict=True):
            if value is None:
                continue
            x, zero = self._at_x(value), self._at_x(0)
            y, high = self._at_y(place - 0.36), self._at_y(place + 0.36)
            self.marks.append(
                f'<rect x="{min(x, zero):.1f}" y="{min(y, high):.1f}" width="{abs(x - zero):.1f}" '
                f'height="{abs(y - high):.1f}" rx="2" style="fill:{_colour(trace["marker"]["color"])}"/>'
            )
        self._errors(trace, "x")

    def _shape(self, shape: Any) -> None:
        """A line; `paper` ends span the chart."""
        ends = [(self._span(shape, "x", f"x{i}"), self._span(shape, "y", f"y{i}")) for i in (0, 1)]
        line = shape.get("line", {})
        self._line(ends[0], ends[1], line.get("color", "@ink"), line.get("width", 1), line.get("dash", ""))

    def _span(self, shape: Any, name: str, end: str) -> float:
        axis, value = (self.x if name == "x" else self.y), shape[end]
        if shape.get(f"{name}ref") == "paper":
            place = axis.low + float(value) * (axis.high - axis.low)
        else:
            place = axis.place(value) or 0.0
        return self._at_x(place) if name == "x" else self._at_y(place)

    def _note(self, note: Any) -> None:
        x = self._span({"x": note["x"], "xref": note.get("xref")}, "x", "x")
        y = self._span({"y": note["y"], "yref": note.get("yref")}, "y", "y")
        text = str(note.get("text", ""))
        bold = text.startswith("<b>") and text.endswith("</b>")
        text = text.removeprefix("<b>").removesuffix("</b>") if bold else text
        anchor = {"left": "start", "right": "end"}.get(note.get("xanchor", ""), "middle")
        self._text(x, y - 4 - float(note.get("yshift", 0)), text, anchor, bold=bold)

    def _line(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        role: str,
        width: float = 1,
        dash: str = "",
    ) -> None:
        dashed = f' stroke-dasharray="{_DASHES[dash]}"' if dash in _DASHES else ""
        self.marks.append(
            f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" '
            f'style="stroke:{_colour(role)}" stroke-width="{width}"{dashed}/>'
        )

    def _text(self, x: float, y: float, text: str, anchor: str, *, bold: bool = False) -> None:
        if text:
            style = ' style="fill:var(--ink);font-weight:600"' if bold else ""
            self.marks.append(
                f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{_safe(text)}</text>'
            )


def _safe(label: str) -> str:
    """A label that was escaped for Plotly, as the text of an element."""
    return html.escape(html.unescape(label.replace("<br>", " ")))


def _colour(role: str) -> str:
    return f"var(--{role[1:]})" if role.startswith("@") else "currentColor"


def _pieces(points: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    """Stretches of points between gaps."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is None:
            pieces.append([])
        else:
            pieces[-1].append(point)
    return [piece for piece in pieces if len(piece) > 1]
