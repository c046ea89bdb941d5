"""A sweep as a page: the scores against the strength, those that are tied, and the table of all settings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from shrinkage.pages import (
    Figure,
    Key,
    Page,
    Section,
    Table,
    Tile,
    clean,
    number,
    plain,
    plotly_text,
    render_page,
)
from shrinkage.strength import short
from shrinkage.sweeps._sweep_result import SweepResult
from shrinkage.sweeps._sweep_words import sentences, setting_words

__all__ = ["plotly_figure", "render_sweep"]

ROLES = {"best": "validation", "tied": "training", "other": "muted"}
COLOURS = {"validation": "#b4450f", "training": "#2a6fbb", "muted": "#8a8a8a", "ink": "#222222"}
MOST_BARS = 60


def render_sweep(c: SweepResult) -> str:
    """The page as one HTML document that opens offline."""
    lines = sentences(c)
    total = len(c.sweep.settings)
    tiles = [
        Tile(
            label=f"Best mean {clean(c.sweep.score_name, 40)}",
            value=number(c.score, 4),
            before=setting_words(c.best),
        ),
        Tile(
            label="Tied with it",
            value=f"{len(c.tied) - 1} of {total - 1}" if c.known else "unknown",
            before="other settings, all pairs judged together" if c.known else "each setting ran once",
        ),
        Tile(
            label="More than noise",
            value=f"> {number(c.margin, 2)}" if c.known else "unknown",
            before="difference of two means",
        ),
    ]
    if c.range:
        tiles.append(
            Tile(
                label="Values that can act",
                value=f"{len(c.range.acting)} of {len(c.range.values)}",
                before=f"between {short(c.range.low)} and {short(c.range.high)}",
            )
        )
    return render_page(
        Page(
            title="Which settings of this sweep differ, and which only seem to",
            kicker="Sweep",
            subtitle=f"{total:,} settings · {sum(len(x) for x in c.sweep.scores):,} runs · {_pairing(c)}",
            tiles=tiles,
            findings=[line for line in lines if line not in c.sweep.notes],
            notes=list(c.sweep.notes),
            sections=[_scores(c)],
        )
    )


def plotly_figure(c: SweepResult) -> Any:
    """The page's chart in plain colours."""
    import plotly.graph_objects as go

    figure = _figure(c)
    return go.Figure(data=[_colour(trace) for trace in figure.data], layout=_colour(figure.layout))


def _scores(c: SweepResult) -> Section:
    caption = (
        "Each point is the mean of one setting's runs; bars are one standard error. Those in orange can't "
        "be distinguished from the best by these scores. The best of many looks slightly better than it "
        "is: expect a little less on new runs."
    )
    if c.range:
        caption += " The band is where the strength can act in this run."
    if not c.known:
        caption = "Each point is one run. The size of the noise is unknown, so no setting is ruled out."
    title = (
        (
            f"{len(c.tied) - 1} of {len(c.sweep.settings) - 1} other settings can't be distinguished from the "
            "best"
        )
        if c.known
        else "One run per setting can't distinguish a winner from noise"
    )
    return Section(
        id="scores",
        topic="Scores",
        title=title,
        caption=caption,
        keys=[
            Key(role=ROLES["best"], text="best", mark="dot"),
            Key(role=ROLES["tied"], text="tied with the best", mark="dot"),
            Key(role=ROLES["other"], text="worse by more than noise", mark="dot"),
        ],
        figures=[_figure(c)],
        tables=[_table(c)],
    )


def _figure(c: SweepResult) -> Figure:
    sign = 1.0 if c.sweep.direction == "maximize" else -1.0
    means = np.where(np.isfinite(c.judged.means), sign * c.judged.means, np.nan)
    by_strength = c.strength is not None
    order = _order(c)
    x: list[Any] = [_place(c, i, order) for i in range(len(means))]
    traces = []
    for kind in ("other", "tied", "best"):
        places = [i for i in order if _kind(c, i) == kind and math.isfinite(means[i]) and x[i] is not None]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [x[i] for i in places],
                "y": plain(means[places]),
                "error_y": {
                    "type": "data",
                    "array": plain(np.nan_to_num(c.judged.errors[places])),
                    "color": f"@{ROLES[kind]}",
                    "thickness": 1.5,
                    "width": 3,
                },
                "marker": {"color": f"@{ROLES[kind]}", "size": 11 if kind == "best" else 8},
                "text": [
                    f"{plotly_text(setting_words(c.sweep.settings[i]), 80)}<br>{number(means[i], 4)}"
                    for i in places
                ],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    layout: dict[str, Any] = {
        "xaxis": _axis(c, order),
        "yaxis": {"title": {"text": plotly_text(f"mean {c.sweep.score_name}", 40)}},
        "shapes": _acting(c) if by_strength else [],
    }
    label = (
        "Mean score of each setting with one standard error; the best and those tied with it are coloured."
    )
    return Figure(id="scores-chart", label=label, data=traces, layout=layout, height=420)


def _axis(c: SweepResult, order: list[int]) -> dict[str, Any]:
    if c.strength is None:
        return {"title": {"text": "setting, best first"}, "showgrid": False}
    kind = "log" if all(float(s[c.strength]) > 0 for s in c.sweep.settings) else "linear"
    axis: dict[str, Any] = {"title": {"text": plotly_text(c.strength, 40)}, "type": kind, "showgrid": False}
    values = sorted({float(s[c.strength]) for s in c.sweep.settings})
    if len(values) <= 12:
        axis |= {"tickvals": values, "ticktext": [number(v, 2) for v in values]}
    return axis


def _acting(c: SweepResult) -> list[dict[str, Any]]:
    """A band where the strength can act."""
    if c.range is None:
        return []
    values = [v for v in c.range.values if v > 0]
    ends = (max(c.range.low, min(values, default=1.0) / 2), min(c.range.high, max(values, default=1.0) * 2))
    if ends[0] >= ends[1]:
        return []
    band = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "layer": "below", "line": {"width": 0}}
    return [{**band, "x0": ends[0], "x1": ends[1], "fillcolor": "@muted", "opacity": 0.1}]


def _place(c: SweepResult, i: int, order: list[int]) -> Any:
    return float(c.sweep.settings[i][c.strength]) if c.strength is not None else order.index(i)


def _order(c: SweepResult) -> list[int]:
    ranked = sorted(range(len(c.judged.means)), key=lambda i: -c.judged.means[i])
    return ranked if c.strength is not None else ranked[:MOST_BARS]


def _kind(c: SweepResult, i: int) -> str:
    if i == c.judged.best:
        return "best"
    return "tied" if i in c.judged.tied else "other"


def _table(c: SweepResult) -> Table:
    sign = 1.0 if c.sweep.direction == "maximize" else -1.0
    words = {"best": "best", "tied": "tied with the best", "other": "worse by more than noise"}
    rows = []
    for i in sorted(range(len(c.judged.means)), key=lambda i: -c.judged.means[i])[:500]:
        mean, error = sign * c.judged.means[i], c.judged.errors[i]
        finite = math.isfinite(mean)
        rows.append(
            [
                setting_words(c.sweep.settings[i]),
                float(mean) if finite else "not finite",
                float(error) if math.isfinite(error) else "–",
                len(c.sweep.scores[i]),
                words[_kind(c, i)] if finite else "diverged",
            ]
        )
    return Table(
        caption="all settings, best first",
        head=["setting", "mean", "standard error", "runs", "against the best"],
        rows=rows,
    )


def _pairing(c: SweepResult) -> str:
    return {"fold": "paired over folds", "seed": "paired over seeds", None: "not paired"}[c.sweep.blocks]


def _colour(value: Any) -> Any:
    if isinstance(value, dict) or hasattr(value, "items"):
        return {k: _colour(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_colour(v) for v in value]
    return COLOURS.get(value[1:], value) if isinstance(value, str) and value.startswith("@") else value
