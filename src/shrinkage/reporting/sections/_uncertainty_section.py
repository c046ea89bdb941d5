"""How sure the predictions are: the reliability diagram, and how wide intervals or how large sets of classes are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from shrinkage.evaluation import Level, Reliability, Uncertainty
from shrinkage.pages import Figure, Key, Section, Table, clean, number, percent, plain

__all__ = ["uncertainty_section"]


def uncertainty_section(found: Uncertainty, target_names: list[str], classes: Sequence[str]) -> Section:
    """Probabilities of a classifier, intervals of a regression."""
    if found.calibration is None:
        return _of_values(found, target_names)
    return _of_classes(found, classes)


def _of_classes(found: Uncertainty, classes: Sequence[str]) -> Section:
    raw, tempered, calibration = found.raw, found.tempered, found.calibration
    assert raw is not None
    assert calibration is not None
    what = f"“{clean(classes[1], 40)}”" if len(classes) == 2 else "the most likely class"
    below = "below it, less often" if len(classes) == 2 else "below it, the network is overconfident"
    if not math.isfinite(calibration.gain_se):
        effect = "One split can't show whether a temperature helps, so none is applied."
    else:
        effect = (
            f"A temperature of {number(calibration.temperature)} "
            + ("is applied" if calibration.applied else "is not applied")
            + f": fitted on the other folds it changes the loss on unseen rows from {number(calibration.loss_before)} to "
            f"{number(calibration.loss_after)} (gain {number(calibration.gain, 2)} ± {number(calibration.gain_se, 2)})."
        )
    shown = raw if tempered is None else tempered
    keys = [Key(role="muted", text="predicted = observed", mark="dash")]
    if tempered is None:
        keys.insert(0, Key(role="validation", text="probabilities as predicted"))
    else:
        keys[:0] = [
            Key(role="validation", text="with the temperature"),
            Key(role="training", text="without"),
        ]
    return Section(
        id="uncertainty",
        topic="How sure it is",
        title=f"Probabilities of unseen rows are off by {number(100 * shown.error, 2)} percentage points on average",
        caption=f"Unseen rows in ten groups of equal size by the predicted probability of {what}. On the "
        f"dashed line predictions come true as often as predicted; {below}. "
        f"{effect} It changes no predicted class. Sets of classes (`predict --interval`) contain the true class for the "
        "given share of new rows.",
        keys=keys,
        figures=[_diagram(raw, tempered)],
        tables=[
            Table(
                caption="sets of classes: how often they contain the true class, and how large they are",
                head=["contains the true class for", "classes in a set (mean)", "rows with a single class"],
                rows=[[_share(level), level.mean_size, percent(level.single)] for level in found.levels],
                folded=False,
            ),
            Table(
                caption="the groups of the diagram",
                head=["probabilities", "rows", "predicted (mean)", "observed"],
                rows=[
                    [name, int(rows), float(predicted), float(observed)]
                    for name, some in (("as predicted", raw), ("with the temperature", tempered))
                    if some is not None
                    for predicted, observed, rows in zip(
                        some.predicted, some.observed, some.rows, strict=True
                    )
                ],
            ),
        ],
    )


def _of_values(found: Uncertainty, target_names: list[str]) -> Section:
    middle = found.levels[len(found.levels) // 2]
    assert middle.widths is not None
    reach = number(float(middle.widths[0])) if len(middle.widths) == 1 else "the half-width below"
    rows = [
        [
            clean(name, 60),
            *(
                "too few rows"
                if level.widths is None or math.isinf(level.widths[j])
                else float(level.widths[j])
                for level in found.levels
            ),
        ]
        for j, name in enumerate(target_names)
    ]
    return Section(
        id="uncertainty",
        topic="How sure it is",
        title=f"About {_share(middle)} of new rows lie within ± {reach} of their prediction",
        caption="Errors of the networks on rows that they had not seen (cross-validation+, Barber et al. 2021). "
        "`shrinkage predict --interval 0.1` and `predict_interval` give each row its own interval; it contains the "
        "true value "
        "for about 1 − α of new rows from the same distribution, and for at least 1 − 2α.",
        tables=[
            Table(
                caption="half-width of an interval around the prediction",
                head=["target", *(f"{_share(level)} of new rows" for level in found.levels)],
                rows=rows,
                folded=False,
            )
        ],
    )


def _share(level: Level) -> str:
    return f"{100 * (1 - level.alpha):g}\N{NO-BREAK SPACE}%"


def _diagram(raw: Reliability, tempered: Reliability | None) -> Figure:
    line = {"type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "hoverinfo": "skip"}
    traces: list[dict[str, Any]] = [{**line, "line": {"color": "@muted", "width": 1.4, "dash": "dash"}}]
    shown = [(raw, "validation")] if tempered is None else [(raw, "training"), (tempered, "validation")]
    for some, role in shown:
        se = np.sqrt(np.maximum(some.observed * (1 - some.observed), 0) / some.rows)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": plain(some.predicted),
                "y": plain(some.observed),
                "error_y": {
                    "type": "data",
                    "array": plain(se),
                    "color": f"@{role}",
                    "thickness": 1.2,
                    "width": 3,
                },
                "line": {"color": f"@{role}", "width": 1.6},
                "marker": {"color": f"@{role}", "size": 7},
                "text": [
                    f"predicted {percent(predicted)}, observed {percent(observed)}<br>{rows:,} rows"
                    for predicted, observed, rows in zip(
                        some.predicted, some.observed, some.rows, strict=True
                    )
                ],
                "hovertemplate": "%{text}<extra></extra>",
                "cliponaxis": False,
            }
        )
    axis = {"range": [0, 1.02], "tickformat": ".0%"}
    layout = {
        "xaxis": {**axis, "title": {"text": "predicted probability"}},
        "yaxis": {**axis, "title": {"text": "observed share"}},
    }
    label = "Reliability diagram: predicted probability against the observed share."
    return Figure(id="uncertainty-chart", label=label, data=traces, layout=layout, height=420, width=560)
