"""The epochs of a λ path: the map of the validation loss over (λ, epoch), and the curves of two λs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage.pages import Figure, Table, number, plain, strength
from shrinkage.path import Choice, PathResult
from shrinkage.reporting.figures._judged import Curve
from shrinkage.reporting.figures._loss_figures import loss_unit

__all__ = ["epoch_figures", "epoch_table", "map_figure", "map_table"]

Floats = NDArray[np.float64]
MAP_CELLS = 4000
CURVE_POINTS = 300
MAP_SCALE = [[step / 4, f"@map{step}"] for step in range(5)]


def map_figure(path: PathResult, choice: Choice) -> Figure:
    """The mean validation loss over (λ, epoch): strong colour is low loss."""
    mean, _ = path.over_folds(path.validation_loss)
    places = _map_places(path, choice)
    epochs, shown = path.validated[places], mean[:, places]
    z = _log10(shown)
    finite = z[np.isfinite(z)]
    low, high = (float(finite.min()), float(np.quantile(finite, 0.95))) if finite.size else (0.0, 1.0)
    heat = {
        "type": "heatmap",
        "x": plain(epochs),
        "y": list(range(len(path.lambdas))),
        "z": plain(z),
        "customdata": plain(shown),
        "text": [[strength(lam)] * len(epochs) for lam in path.lambdas],
        "hovertemplate": "%{text}, epoch %{x}<br>validation loss %{customdata:.4g}<extra></extra>",
        "colorscale": MAP_SCALE,
        "zmin": low,
        "zmax": max(high, low + 1e-6),
        "colorbar": _map_colorbar(low, high),
    }
    layout = {
        "xaxis": {"title": {"text": "epoch"}, "showgrid": False, "range": [0.5, path.n_epochs + 0.5]},
        "yaxis": _lambda_rows(path.lambdas),
        "margin": {"t": 40},
    }
    label = "Map of the mean validation loss over λ and epochs, with the choice marked."
    return Figure(
        id="map-chart", label=label, data=[heat, *_map_marks(path, mean, choice)], layout=layout, height=500
    )


def map_table(path: PathResult, choice: Choice) -> Table:
    """One row an epoch of the map, one column a λ."""
    mean, _ = path.over_folds(path.validation_loss)
    rows = [[str(path.validated[v]), *mean[:, v].tolist()] for v in _map_places(path, choice)]
    head = ["epoch", *(strength(lam) for lam in path.lambdas)]
    return Table(caption="mean validation loss over epochs and λ", head=head, rows=rows)


def epoch_figures(path: PathResult, choice: Choice, weakest: int) -> list[Figure]:
    """Loss against epochs at the weakest λ and, where that is another one, at the chosen, on the same axes."""
    every = np.arange(1, path.n_epochs + 1)
    curves = {
        "training": (every, *path.over_folds(path.train_loss)),
        "validation": (path.validated, *path.over_folds(path.validation_loss)),
    }
    shown = list(dict.fromkeys((weakest, choice.index)))
    values = np.concatenate([(mean + np.nan_to_num(se))[shown].ravel() for _, mean, se in curves.values()])
    values = values[np.isfinite(values)]
    # The first steps can be far off, so the axis is scaled to the rest of the run.
    top = 1.1 * float(np.quantile(values, 0.98)) if values.size else 1.0
    figures = []
    for place, index in enumerate(shown):
        name = strength(path.lambdas[index])
        traces = [
            trace
            for role, (epochs, mean, se) in curves.items()
            for trace in _epoch_traces(epochs, Curve(mean[index], se[index]), role)
        ]
        layout = {
            "xaxis": {"title": {"text": "epoch"}, "showgrid": False, "range": [0, path.n_epochs + 0.5]},
            "yaxis": {"title": {"text": loss_unit(path)}, "range": [0, top]},
            "shapes": _stop_line(choice, index, path.n_epochs),
        }
        figures.append(
            Figure(
                id=f"epochs-chart-{place}",
                heading=f"{name} (chosen)" if index == choice.index else name,
                label=f"Training and validation loss over the epochs at {name}.",
                data=[*traces, *_lowest(path.validated, curves["validation"][1][index])],
                layout=layout,
                height=340,
            )
        )
    return figures


def epoch_table(path: PathResult, choice: Choice, weakest: int) -> Table:
    """One row a drawn epoch that was validated: training and validation loss at both λs."""
    curves = (
        ("training", path.over_folds(path.train_loss[..., path.validated - 1])),
        ("validation", path.over_folds(path.validation_loss)),
    )
    head, columns = ["epoch"], []
    for index in dict.fromkeys((weakest, choice.index)):
        for name, (mean, se) in curves:
            head += [f"{name}, {strength(path.lambdas[index])}", "± SE"]
            columns += [mean[index], se[index]]
    places = _spread_places(len(path.validated), CURVE_POINTS)
    rows = [[str(path.validated[v]), *(float(column[v]) for column in columns)] for v in places]
    return Table(caption="loss over the epochs", head=head, rows=rows)


def _spread_places(n: int, count: int, *more: int) -> NDArray[np.intp]:
    """At most `count` of n places, evenly spread, first and last among them, and `more`."""
    spread = np.linspace(0, n - 1, min(count, n)).round().astype(np.intp)
    return np.unique(np.concatenate([spread, np.asarray(more, dtype=np.intp)]))


def _map_places(path: PathResult, choice: Choice) -> NDArray[np.intp]:
    """Of the validated epochs, those that the map shows."""
    count = max(20, min(100, MAP_CELLS // len(path.lambdas)))
    return _spread_places(len(path.validated), count, int(np.searchsorted(path.validated, choice.epoch)))


def _log10(values: Floats) -> Floats:
    return np.log10(np.where(np.isnan(values), np.nan, np.maximum(values, 1e-12)))


def _map_colorbar(low: float, high: float) -> dict[str, Any]:
    ticks = np.linspace(low, high, 4)
    texts = [number(10**tick, 2) for tick in ticks]
    return {
        "orientation": "h",
        "thickness": 10,
        "len": 1,
        "x": 0.5,
        "y": 1.01,
        "yanchor": "bottom",
        "tickvals": plain(ticks),
        "ticktext": [*texts[:-1], f"≥ {texts[-1]}"],
        "outlinewidth": 0,
        "tickfont": {"color": "@muted"},
        "title": {"text": ""},
    }


def _lambda_rows(lambdas: Floats) -> dict[str, Any]:
    """One row a λ, equally high; a label for at most a dozen of them."""
    labelled = list(range(0, len(lambdas), -(-len(lambdas) // 12)))
    return {
        "title": {"text": "strength λ"},
        "showgrid": False,
        "range": [-0.5, len(lambdas) - 0.5],
        "tickvals": labelled,
        "ticktext": [number(lambdas[index], 2) for index in labelled],
    }


def _map_marks(path: PathResult, mean: Floats, choice: Choice) -> list[dict[str, Any]]:
    """The epoch of each λ's lowest loss as a dotted line, and the choice as a ring."""
    known = [index for index in range(len(mean)) if np.isfinite(mean[index]).any()]
    best = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [int(path.validated[np.nanargmin(mean[index])]) for index in known],
        "y": known,
        "line": {"color": "@on-map", "width": 1.4, "dash": "dot"},
        "marker": {"color": "@on-map", "size": 4},
        "hoverinfo": "skip",
        "cliponaxis": False,
    }
    ring = {
        "type": "scatter",
        "mode": "markers",
        "x": [choice.epoch],
        "y": [choice.index],
        "marker": {"symbol": "circle-open", "size": 16, "color": "@training", "line": {"width": 3}},
        "hoverinfo": "skip",
        "cliponaxis": False,
    }
    return [best, ring]


def _epoch_traces(epochs: NDArray[np.intp], curve: Curve, role: str) -> list[dict[str, Any]]:
    """One curve over its epochs, with its band of one standard error."""
    places = _spread_places(len(epochs), CURVE_POINTS)
    epochs, mean, se = epochs[places], curve.mean[places], np.nan_to_num(curve.se[places])
    edge = {"type": "scatter", "mode": "lines", "x": plain(epochs), "hoverinfo": "skip", "line": {"width": 0}}
    return [
        {**edge, "y": plain(mean - se)},
        {**edge, "y": plain(mean + se), "fill": "tonexty", "fillcolor": f"@{role}-band"},
        {
            "type": "scatter",
            "mode": "lines",
            "x": plain(epochs),
            "y": plain(mean),
            "line": {"color": f"@{role}", "width": 2.2},
            "hovertemplate": f"epoch %{{x}}<br>{role} %{{y:.4g}}<extra></extra>",
        },
    ]


def _lowest(epochs: NDArray[np.intp], mean: Floats) -> list[dict[str, Any]]:
    """A dot at the lowest validation loss."""
    if not np.isfinite(mean).any():
        return []
    best = int(np.nanargmin(mean))
    epoch = int(epochs[best])
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [epoch],
            "y": [float(mean[best])],
            "marker": {"color": "@validation", "size": 11, "line": {"color": "@card", "width": 2}},
            "text": [f"lowest validation loss {number(float(mean[best]), 4)}, epoch {epoch}"],
            "hovertemplate": "%{text}<extra></extra>",
            "cliponaxis": False,
        }
    ]


def _stop_line(choice: Choice, index: int, n_epochs: int) -> list[dict[str, Any]]:
    """Where training of this λ stops, unless it runs to the end."""
    epoch = int(choice.epochs[index])
    if epoch == n_epochs:
        return []
    line = {"color": "@muted", "width": 1, "dash": "dash"}
    return [{"type": "line", "x0": epoch, "x1": epoch, "y0": 0, "y1": 1, "yref": "paper", "line": line}]
