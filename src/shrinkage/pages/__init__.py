"""The kit of the pages: a self-contained HTML file that opens offline, numbers for readers, text made safe."""

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
from shrinkage.pages._text import ABSENT, clean, number, percent, plain, plotted, strength, superscript

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
    "number",
    "percent",
    "plain",
    "plotted",
    "render_page",
    "strength",
    "superscript",
]
