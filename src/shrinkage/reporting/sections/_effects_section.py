"""What the network uses: importance of each column, and partial dependence of the strongest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shrinkage.evaluation import Dependence, Effects, Importance
from shrinkage.pages import Figure, Key, Section, Table, clean, number, plain, plotly_text
from shrinkage.reporting._words import list_in_words

__all__ = ["effects_section"]

MOST_BARS = 20
MOST_LEVELS = 20
MOST_LINES, MOST_COLUMNS = 4, 12
"""Outputs that are drawn, and that a table has."""


def effects_section(
    effects: Effects, loss_name: str, outputs: Sequence[str], *, probability_of: str
) -> Section:
    """The chapter.

    Args:
        effects: what was measured.
        loss_name: what the importance is an increase of.
        outputs: names of the classes, labels or targets.
        probability_of: `class` or `label`, empty for values; of two classes, the second is shown.
    """
    importance = effects.importance
    lines = [str(name) for name in outputs]
    if probability_of == "class" and len(lines) == 2:
        lines = lines[1:]
    figures = [_bars(importance, loss_name)]
    what = "probability" if probability_of else "prediction"
    figures += [_curve(each, place, lines, what) for place, each in enumerate(effects.dependences)]
    several = min(len(lines), MOST_LINES) > 1
    keys = (
        [Key(role=f"line{i}", text=clean(name, 30)) for i, name in enumerate(lines[:MOST_LINES])]
        if several
        else []
    )
    means = f"mean probability of each {probability_of}" if several and probability_of else f"mean {what}"
    if probability_of and not several:
        means = f"mean probability of “{clean(lines[0], 40)}”"
    return Section(
        id="effects",
        topic="What the network uses",
        title=_title(importance),
        caption=f"Bars: how much the {loss_name} on unseen rows increases when the values of a column are shuffled, "
        "mean over folds ± one standard error. Columns with the same information share their importance; a column at "
        "0 is not "
        f"used, or another column replaces it. Curves: the {means} when the column has that value in every row (partial "
        f"dependence): how the network uses it, which need not be a cause.{_without_curve(effects)}",
        keys=keys,
        figures=figures,
        tables=[
            Table(
                caption="importance of every column",
                head=["column", f"increase of the {loss_name}", "± SE"],
                rows=[
                    [clean(importance.names[i], 80), float(importance.mean[i]), float(importance.se[i])]
                    for i in importance.order
                ],
            ),
            *(_curve_table(each, lines, what) for each in effects.dependences),
        ],
    )


def _without_curve(effects: Effects) -> str:
    """Columns that matter more than one with a curve, yet have none, such as dates."""
    drawn = {dependence.name for dependence in effects.dependences}
    order = [effects.importance.names[i] for i in effects.importance.order]
    last = max((place for place, name in enumerate(order) if name in drawn), default=0)
    names = [f"“{clean(name, 30)}”" for name in order[:last] if name not in drawn]
    if not names:
        return ""
    return f" {list_in_words(names)} {'has' if len(names) == 1 else 'have'} no curve: only numbers and categories do."


def _title(importance: Importance) -> str:
    sure = [i for i in importance.order if importance.mean[i] > 2 * np.nan_to_num(importance.se[i]) > 0]
    if not sure:
        return "No single column matters more than chance would explain"
    names = [f"“{clean(importance.names[i], 30)}”" for i in sure[:3]]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return (
        f"{listed} {'matters' if len(names) == 1 else 'matter'} most among {len(importance.names):,} columns"
    )


def _bars(importance: Importance, loss_name: str) -> Figure:
    places = importance.order[:MOST_BARS]
    names = [plotly_text(importance.names[i], 24) for i in places]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": plain(importance.mean[places]),
        "y": list(range(len(places))),
        "error_x": {
            "type": "data",
            "array": plain(importance.se[places]),
            "color": "@ink",
            "thickness": 1.2,
            "width": 3,
        },
        "marker": {"color": "@validation"},
        "text": [
            f"{plotly_text(importance.names[i])}<br>{number(float(importance.mean[i]))}" for i in places
        ],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": f"increase of the {loss_name}"}},
        "yaxis": {
            "tickvals": list(range(len(places))),
            "ticktext": names,
            "range": [len(places) - 0.5, -0.5],
            "showgrid": False,
        },
    }
    label = "Importance of the columns: increase of the loss on unseen rows when a column is shuffled."
    return Figure(
        id="effects-chart",
        heading="Importance"
        if len(places) == len(importance.names)
        else f"The {MOST_BARS} most important columns",
        label=label,
        data=[bars],
        layout=layout,
        height=120 + 24 * len(places),
        wide=True,
    )


def _curve(found: Dependence, place: int, lines: Sequence[str], what: str) -> Figure:
    levels = list(found.values)[:MOST_LEVELS] if not found.is_number else list(found.values)
    traces: list[dict[str, Any]] = []
    several = min(len(lines), MOST_LINES) > 1
    for i, name in enumerate(lines[:MOST_LINES]):
        role = f"@line{i}" if several else "@validation"
        hover = f"{plotly_text(found.name)} = %{{x}}<br>{plotly_text(name)}: %{{y:.4g}}<extra></extra>"
        traces.append(
            {
                "type": "scatter",
                "mode": "lines" if found.is_number else "markers",
                "x": plain(levels) if found.is_number else list(range(len(levels))),
                "y": plain(found.predicted[i][: len(levels)]),
                **(
                    {"line": {"color": role, "width": 2.2}}
                    if found.is_number
                    else {"marker": {"color": role, "size": 9}}
                ),
                "hovertemplate": hover,
            }
        )
    ticks = (
        {}
        if found.is_number
        else {
            "tickvals": list(range(len(levels))),
            "ticktext": [plotly_text(level, 14) for level in levels],
            "range": [-0.5, len(levels) - 0.5],
        }
    )
    layout = {
        "xaxis": {"title": {"text": plotly_text(found.name)}, "showgrid": False, **ticks},
        "yaxis": {"title": {"text": f"mean {what}"}},
    }
    label = f"Mean {what} against {clean(found.name, 60)}."
    return Figure(
        id=f"effects-chart-{place}",
        heading=clean(found.name, 60),
        label=label,
        data=traces,
        layout=layout,
        height=300,
    )


def _curve_table(found: Dependence, lines: Sequence[str], what: str) -> Table:
    shown = list(lines)[: min(len(found.predicted), MOST_COLUMNS)]
    return Table(
        caption=f"mean {what} against {clean(found.name, 60)}",
        head=[clean(found.name, 40), *(clean(name, 40) for name in shown)],
        rows=[
            [
                clean(value, 60) if isinstance(value, str) else number(value, 4),
                *(float(p) for p in found.predicted[: len(shown), g]),
            ]
            for g, value in enumerate(found.values)
        ],
    )
