"""Loss against λ, and the gap between validation and training: the path in two charts and one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shrinkage.evaluation import Against
from shrinkage.pages import Figure, Table, number, plain, strength
from shrinkage.path import Choice, PathResult
from shrinkage.reporting.figures._judged import Curve, Judged
from shrinkage.reporting.figures._lambda_axis import LambdaAxis

__all__ = ["gap_figure", "gap_table", "loss_figure", "loss_unit", "path_table"]

NEAR_EDGE = 0.2
"""Share of the axis at either end where a label needs the other side of its line."""


def loss_figure(path: PathResult, choice: Choice, judged: Judged, fair: Against | None = None) -> Figure:
    """Validation and training loss against λ, with standard errors, the minimum and the 1-SE λ: glmnet's plot.

    Args:
        path: the curves.
        choice: made from them.
        judged: each λ after its epochs.
        fair: the weakest λ at its own best epoch, drawn as a diamond.
    """
    axis = LambdaAxis(path.lambdas)
    threshold = judged.validation_loss.mean[choice.index_min] + judged.validation_loss.se[choice.index_min]
    if choice.score_name:  # the standard error is then that of the score
        threshold = np.nan
    layout = {
        "xaxis": axis.layout(),
        "yaxis": {"title": {"text": loss_unit(path)}, "rangemode": "tozero"},
        "shapes": [*_choice_lines(axis, choice), *_level_line(threshold)],
        "annotations": [*_choice_labels(axis, choice), *axis.break_mark()],
        "margin": {"t": 44},
    }
    traces = [
        *_errorbar_traces(axis, judged.train_loss, "training", choice),
        *_errorbar_traces(axis, judged.validation_loss, "validation", choice),
        *([] if fair is None else [_fair_mark(axis, fair)]),
    ]
    label = "Training and validation loss against λ, with one standard error over the folds."
    return Figure(id="loss-chart", label=label, data=traces, layout=layout, height=440)


def _fair_mark(axis: LambdaAxis, fair: Against) -> dict[str, Any]:
    weakest = int(np.argmin(axis.lambdas))
    text = (
        f"{strength(float(axis.lambdas[weakest]))} at its own best epoch<br>validation {number(fair.loss, 4)}"
    )
    return {
        "type": "scatter",
        "mode": "markers",
        "x": plain(axis.places[[weakest]]),
        "y": plain([fair.loss]),
        "marker": {"symbol": "diamond-open", "color": "@validation", "size": 13, "line": {"width": 2.5}},
        "text": [text],
        "hovertemplate": "%{text}<extra></extra>",
        "cliponaxis": False,
    }


def gap_figure(path: PathResult, choice: Choice, judged: Judged) -> Figure:
    """Validation loss minus training loss against λ."""
    axis = LambdaAxis(path.lambdas)
    layout = {
        "xaxis": axis.layout(),
        "yaxis": {"title": {"text": f"gap: {loss_unit(path)}"}, "rangemode": "tozero"},
        "shapes": [*_choice_lines(axis, choice), *_level_line(0.0)],
        "annotations": [*_choice_labels(axis, choice), *axis.break_mark()],
        "margin": {"t": 44},
    }
    traces = _errorbar_traces(axis, judged.gap, "ink", choice)
    return Figure(
        id="gap-chart", label="The overfitting gap against λ.", data=traces, layout=layout, height=360
    )


def path_table(path: PathResult, choice: Choice, judged: Judged) -> Table:
    """One row a λ: what the loss chart draws, and the metric beside it."""
    head = ["λ", "epochs"]
    columns: list[Sequence[Any]] = [[number(lam) for lam in path.lambdas], choice.epochs.tolist()]
    for name, curve in (
        ("validation loss", judged.validation_loss),
        ("training loss", judged.train_loss),
        (f"validation {path.metric_name}", judged.validation_metric),
        (f"training {path.metric_name}", judged.train_metric),
    ):
        head += [name, "± SE"]
        columns += [curve.mean.tolist(), curve.se.tolist()]
    if path.validation_score is not None:
        head += [f"validation {path.score_name}", "± SE"]
        columns += [each.tolist() for each in path.over_folds(path.validation_score)]
    columns.append(_marks(choice, len(path.lambdas)))
    rows = [list(row) for row in zip(*columns, strict=True)]
    return Table(caption="loss and metric against λ", head=[*head, "mark"], rows=rows)


def gap_table(path: PathResult, judged: Judged) -> Table:
    """One row a λ: what the gap chart draws."""
    columns = (path.lambdas, judged.gap.mean.tolist(), judged.gap.se.tolist())
    rows = [[number(lam), mean, se] for lam, mean, se in zip(*columns, strict=True)]
    return Table(caption="the overfitting gap against λ", head=["λ", "gap", "± SE"], rows=rows)


def loss_unit(path: PathResult) -> str:
    """The loss with its unit, for an axis."""
    scaled = ("mean squared error", "mean absolute error", "mean Huber loss", "mean pinball loss")
    units = {"cross-entropy": "nats per row", "mean Poisson deviance": "counts over their mean"}
    unit = "targets standardized" if path.loss_name.startswith(scaled) else units.get(path.loss_name)
    return f"{path.loss_name} ({unit})" if unit else path.loss_name


def _marks(choice: Choice, n_lambdas: int) -> list[str]:
    named = (("minimum", choice.index_min), ("1-SE", choice.index_1se), ("chosen", choice.index))
    return [", ".join(name for name, place in named if place == index) for index in range(n_lambdas)]


def _errorbar_traces(axis: LambdaAxis, curve: Curve, role: str, choice: Choice) -> list[dict[str, Any]]:
    """Dots with their errors, and the line that joins them: dotted where λs between them were not trained."""
    x, y = axis.line(curve.mean)
    line = {"type": "scatter", "mode": "lines", "x": x, "y": y, "hoverinfo": "skip"}
    texts = [
        f"{strength(lam)}<br>{'gap' if role == 'ink' else role} {number(mean, 4)}"
        + (f" ± {number(se, 2)}" if np.isfinite(se) else "")
        for lam, mean, se in zip(axis.lambdas, curve.mean, curve.se, strict=True)
    ]
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": plain(axis.places),
        "y": plain(curve.mean),
        "error_y": {
            "type": "data",
            "array": plain(curve.se),
            "color": f"@{role}",
            "thickness": 1.2,
            "width": 3,
        },
        "marker": {"color": f"@{role}", "size": 7},
        "cliponaxis": False,
        "text": texts,
        "hovertemplate": "%{text}<extra></extra>",
    }
    style = {"color": f"@{role}", "width": 1.5} | ({"dash": "dot"} if choice.skipped else {})
    return [{**line, "line": style}, dots]


def _choice_lines(axis: LambdaAxis, choice: Choice) -> list[dict[str, Any]]:
    """Upright lines at the minimum and the 1-SE λ; the chosen one is solid."""
    lines = []
    for index in sorted({choice.index_min, choice.index_1se, choice.index}):
        chosen = index == choice.index
        place = float(axis.places[index])
        style = {
            "color": "@ink" if chosen else "@muted",
            "width": 1.6 if chosen else 1,
            "dash": "solid" if chosen else "dot",
        }
        ends = {"x0": place, "x1": place, "y0": 0, "y1": 1, "yref": "paper"}
        lines.append({"type": "line", **ends, "layer": "below", "line": style})
    return lines


def _choice_labels(axis: LambdaAxis, choice: Choice) -> list[dict[str, Any]]:
    """`minimum` to the left of its line and `1-SE` to the right: the second never lies left of the first.

    Near an edge, where that would be cut off, the other way: their heights differ.
    """
    first, last = float(axis.places[0]), float(axis.places[-1])
    edge, middle = (last - first) * NEAR_EDGE, (first + last) / 2
    at_left = axis.places[choice.index_min] < first + edge
    at_right = axis.places[choice.index_1se] > last - edge
    labels = [
        (choice.index_min, "minimum", "left" if at_left else "right"),
        (choice.index_1se, "1-SE", "right" if at_right else "left"),
    ]
    if choice.index_min == choice.index_1se:
        left_half = axis.places[choice.index_min] < middle
        labels = [(choice.index_min, "minimum and 1-SE", "left" if left_half else "right")]
    return [
        {
            "x": float(axis.places[index]),
            "y": 1,
            "yref": "paper",
            "yanchor": "bottom",
            "yshift": 2 if index == choice.index_min else 20,
            "xanchor": side,
            "text": f"<b>{text}, chosen</b>" if index == choice.index else text,
            "showarrow": False,
            "font": {"color": "@ink" if index == choice.index else "@muted"},
        }
        for index, text, side in labels
    ]


def _level_line(level: float) -> list[dict[str, Any]]:
    if not np.isfinite(level):
        return []
    line = {"color": "@muted", "width": 1, "dash": "dash"}
    ends = {"x0": 0, "x1": 1, "xref": "paper", "y0": float(level), "y1": float(level)}
    return [{"type": "line", **ends, "layer": "below", "line": line}]
