"""The kit of the pages: a self-contained HTML file that opens offline, numbers for readers, text made safe."""

from shrinkage.pages._frame import frame
from shrinkage.pages._html_page import (
    Figure,
    Key,
    Page,
    Section,
    Slider,
    Table,
    Tile,
    embedded_json,
    render_page,
)
from shrinkage.pages._plotly_figure import plotly_figure
from shrinkage.pages._svg import svg
from shrinkage.pages._text import ABSENT, clean, number, percent, plain, plotly_text, strength, superscript

__all__ = [
    "ABSENT",
    "Figure",
    "Key",
    "Page",
    "Section",
    "Slider",
    "Table",
    "Tile",
    "clean",
    "embedded_json",
    "frame",
    "number",
    "percent",
    "plain",
    "plotly_figure",
    "plotly_text",
    "render_page",
    "strength",
    "superscript",
    "svg",
]
