"""The demonstrations as pages: one each, and a gallery of several."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shrinkage.comparison._means import Mean
from shrinkage.comparison.demonstrations._demo_views import SHOWN, Chart
from shrinkage.comparison.demonstrations._result import DemoResult, DemoTable, is_share
from shrinkage.pages import (
    Figure,
    Key,
    Page,
    Section,
    Table,
    number,
    plain,
    plotly_text,
    render_page,
)

__all__ = ["demo_page", "gallery_page"]

ROW_HEIGHT = 38
NBSP = "\N{NO-BREAK SPACE}"
ONE_RUN = "Each row is one way to run the program; the dots are columns of the table below."


def demo_page(result: DemoResult) -> str:
    """One demonstration as a self-contained HTML document that opens offline."""
    shown = SHOWN[result.name]
    return render_page(
        Page(
            title=result.title,
            kicker="Published demonstration, replayed",
            subtitle=result.setting,
            tiles=shown.tiles(result),
            findings=[_typeset(sentence) for sentence in result.says],
            notes=[],
            sections=_sections(result, "Results", ONE_RUN),
        )
    )


def gallery_page(results: Sequence[DemoResult]) -> str:
    """Several demonstrations on one page."""
    return render_page(
        Page(
            title="The demonstrations of 2013 to 2017, replayed",
            kicker="Gallery",
            subtitle="Generators, networks, seeds and settings as published; the code is our own. Each "
            "table shows the result of the program as printed, and with its sign, start or "
            "evaluation corrected.",
            tiles=[
                replace(tile, label=f"{result.name}: {tile.label}")
                for result in results[:4]
                for tile in SHOWN[result.name].tiles(result)[:1]
            ],
            findings=[SHOWN[result.name].headline(result) + "." for result in results],
            notes=[],
            sections=[
                section
                for result in results
                for section in _sections(
                    result, result.name, f"{result.title}. {result.setting} {_typeset(' '.join(result.says))}"
                )
            ],
        )
    )


def _sections(result: DemoResult, topic: str, caption: str) -> list[Section]:
    shown, sections = SHOWN[result.name], []
    for i, table in enumerate(result.tables):
        charts = [chart for chart in shown.charts if chart.table == i]
        dots = {(d.role, d.column, d.symbol): d for chart in charts for d in chart.dots}
        sections.append(
            Section(
                id=f"{result.name}-{i}",
                topic=topic if not i else f"{topic}, {'means' if 'Means' in table.title else 'choices'}",
                title=shown.headline(result) if not i else table.title,
                caption=caption if not i else _more(table),
                keys=[
                    Key(role=d.role, text=d.column, mark="dot" if d.symbol == "circle" else "ring")
                    for d in dots.values()
                ],
                figures=[
                    _figure(f"{result.name}-chart-{i}-{j}", table, chart) for j, chart in enumerate(charts)
                ],
                tables=[_table(table)],
            )
        )
    return sections


def _more(table: DemoTable) -> str:
    """What a further table is."""
    if any(isinstance(cell, Mean) for row in table.rows for cell in row):
        return (
            "The same on other data of the same kind: each figure is a mean over them, the bars are its "
            "standard error. A single data set often shows only its noise."
        )
    return "The choice that each criterion would have made."


def _figure(id_: str, table: DemoTable, chart: Chart) -> Figure:
    names = [plotly_text(": ".join(str(cell) for cell in row[: chart.named_by]), 44) for row in table.rows]
    traces = []
    for dots in chart.dots:
        cells = [row[table.columns.index(dots.column)] for row in table.rows]
        values = [cell.value if isinstance(cell, Mean) else cell for cell in cells]
        hover = [f"{name}<br>{dots.column} {_text(cell)}" for name, cell in zip(names, cells, strict=True)]
        trace: dict[str, Any] = {
            "type": "scatter",
            "mode": "markers",
            "x": plain(values),
            "y": names,
            "marker": {
                "color": f"@{dots.role}",
                "size": 10,
                "symbol": dots.symbol,
                "line": {"color": f"@{dots.role}", "width": 2},
            },
            "text": hover,
            "hovertemplate": "%{text}<extra></extra>",
            "cliponaxis": False,
        }
        if any(isinstance(cell, Mean) for cell in cells):
            errors = [cell.se if isinstance(cell, Mean) else None for cell in cells]
            trace["error_x"] = {
                "type": "data",
                "array": plain(errors),
                "color": f"@{dots.role}",
                "thickness": 1.4,
                "width": 4,
            }
        traces.append(trace)
    axis: dict[str, Any] = {"title": {"text": chart.axis}} | (
        {"type": "log", "dtick": 1} if chart.log else {}
    )
    if all(is_share(dots.column) for dots in chart.dots):
        axis["tickformat"] = "~%" if not chart.zero else "+~%"
    line = {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "layer": "below"}
    layout = {
        "xaxis": axis,
        "yaxis": {
            "type": "category",
            "categoryorder": "array",
            "categoryarray": list(reversed(names)),
            "range": [-0.6, len(names) - 0.4],
        },
        "shapes": [line | {"line": {"color": "@ink", "width": 1.4}}] if chart.zero else [],
    }
    return Figure(
        id=id_,
        heading=chart.heading,
        label=f"{chart.heading}: {', '.join(d.column for d in chart.dots)} of every run.",
        data=traces,
        layout=layout,
        height=90 + ROW_HEIGHT * len(names),
    )


def _table(table: DemoTable) -> Table:
    rows = [[_cell(cell) for cell in row] for row in table.cells()]
    return Table(caption=table.title, head=list(table.heads), rows=rows, folded=False)


def _cell(cell: Any) -> Any:
    if isinstance(cell, int | str):
        return cell
    return _text(cell).replace("± ", f"±{NBSP}")


def _text(cell: float | Mean | None) -> str:
    return str(cell).replace("-", "−") if isinstance(cell, Mean) else number(cell)


def _typeset(sentence: str) -> str:
    """The sentence with minus signs where it has hyphens before digits."""
    return re.sub(r"(?<![\w−])-(?=\d)", "−", sentence)
