"""The kit that every page is made of: sections with a finding as their heading, charts, and their data as tables.

A page is one HTML file. If it has charts, two scripts (Plotly and its own) are inlined and allowed by hash; nothing else
may run or load. Charts name their colours by role (`@training`), and the page's style sheet says what each role
looks like in light and in dark.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup, escape

from shrinkage.pages._text import clean, number

__all__ = ["Figure", "Key", "Page", "Section", "Slider", "Table", "Tile", "embedded_json", "render_page"]

Cell = str | float | int | None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One chart: Plotly's traces and layout, with roles for colours."""

    id: str
    """The element that it is drawn in; letters, digits and dashes."""
    label: str
    """What a screen reader says in its place."""
    data: Sequence[Mapping[str, Any]]
    """Plotly traces. Text from the data must have gone through `plotly_text`."""
    layout: Mapping[str, Any]
    """Plotly layout, laid over the one that all charts share."""
    heading: str = ""
    """A line above the chart; a slider may change it."""
    height: int = 380
    """In CSS pixels."""
    width: int | None = None
    """The most it takes, in CSS pixels; None for all there is."""
    wide: bool = False
    """Take a row of its own where charts stand side by side."""


@dataclass(frozen=True, kw_only=True)
class Slider:
    """Steps through states of one chart."""

    figure: str
    """`Figure.id` of the chart that it changes."""
    label: str
    """What is being moved, for a reader who does not see it."""
    start: int
    """The step shown first."""
    trace: int
    """Which trace of the chart changes."""
    frames: Sequence[Sequence[float | None]]
    """The trace's y at each step."""
    headings: Sequence[str]
    """The chart's heading at each step."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under column heads; a number is set flush right."""

    caption: str
    """What the rows are, in one line."""
    head: Sequence[str]
    """Column heads."""
    rows: Sequence[Sequence[Cell]]
    """Cells, in the order of `head`."""
    folded: bool = True
    """Whether it opens on request (a chart's data) or stands in the page."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """An entry of the legend above a chart."""

    role: str
    """A colour role of the style sheet: `training`, `validation`, `ink`, `muted`."""
    text: str
    """What is drawn in that colour."""
    mark: str = "line"
    """`line`, `dot`, `ring`, `diamond`, `dash` or `bar`."""


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One of the few numbers at the top of the page."""

    label: str
    """What it is."""
    value: str
    """The number with its unit."""
    before: str = ""
    """What to hold it against."""
    error: str = ""
    """Its standard error, after a ±."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """One question of the page, answered."""

    id: str
    """Its anchor."""
    topic: str
    """What is looked at, in a word or three; the contents list shows it."""
    title: str
    """The finding, as a sentence without a full stop."""
    caption: str
    """What to look for, in plain words."""
    keys: Sequence[Key] = ()
    """The legend."""
    figures: Sequence[Figure] = ()
    """Charts side by side, one above the other on a narrow screen."""
    slider: Slider | None = None
    """Moves one of the charts."""
    tables: Sequence[Table] = ()
    """The charts' data, or the section's own rows."""
    facts: Sequence[tuple[str, str]] = ()
    """Name and value, the value set as code."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """A whole page, before it is HTML."""

    title: str
    """The heading and the browser's title."""
    kicker: str
    """A line above the heading: which kind of page this is."""
    subtitle: str
    """A line below the heading: what it is about."""
    tiles: Sequence[Tile]
    """The numbers to see first."""
    findings: Sequence[str]
    """What was found, in sentences."""
    notes: Sequence[str]
    """Caveats, as sentences."""
    sections: Sequence[Section]
    """The rest, in reading order."""


def render_page(page: Page) -> str:
    """The page as one HTML document; everything that came with `page` is escaped."""
    figures = {f.id: {"data": f.data, "layout": f.layout} for s in page.sections for f in s.figures}
    sliders = {
        s.id: {"figure": m.figure, "trace": m.trace, "frames": m.frames, "headings": m.headings}
        for s in page.sections
        if (m := s.slider)
    }
    scripts = [_plotly(), _resource("page.js")] if figures else []  # words and tables need none
    return _template().render(
        page=page,
        charts=Markup(embedded_json({"figures": figures, "sliders": sliders})),
        style=Markup(_resource("page.css")),
        scripts=[Markup(text) for text in scripts],
        policy=_policy(scripts),
    )


def embedded_json(value: object) -> str:
    """JSON that can stand inside a script element: no character of it can end the element or the line.

    Example:
        >>> embedded_json("</script>")
        '"\\\\u003c/script\\\\u003e"'
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _policy(scripts: Sequence[str]) -> str:
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes) or "'none'"
    # Plotly sets style attributes and adds a style element of its own; data never reaches either.
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _plotly() -> str:
    # Browsers turn CRLF into LF before they hash a script.
    script = files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    return script.replace("\r\n", "\n").replace("\r", "\n")


@cache
def _resource(name: str) -> str:
    return files("shrinkage.pages").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_resource),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: number(value, 5)
    environment.filters["clean"] = clean
    environment.filters["coded"] = _with_code
    return environment.get_template("page.html.j2")


def _with_code(text: str) -> Markup:
    """The escaped text, with `code` set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))
