"""The models that were trained side by side: a curve of validation loss against λ for each, and who predicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shrinkage.pages import Figure, Key, Section, Table, number, plain, strength
from shrinkage.reporting._story import MemberStory
from shrinkage.reporting._words import list_in_words
from shrinkage.reporting.figures import LambdaAxis, judge, loss_unit

__all__ = ["members_section"]

COLOURS = tuple(f"line{i}" for i in range(7))
HIGHEST = 2.5
"""Where the chart ends at the top, in lowest losses: what is worse than that would press the others together."""
SEEN = {
    "standard": "standardized columns",
    "bounded": "columns bounded to ±3",
    "piecewise": "bounded columns and piecewise codes",
    "deep": "columns bounded to ±3, twice the layers at half the width",
    "deep_piecewise": "bounded columns and piecewise codes, twice the layers at half the width",
    "wide_piecewise": "bounded columns and piecewise codes, up to four times the units",
    "linear": "standardized columns, no hidden layers",
    "additive": "bounded columns and piecewise codes, no hidden layers",
    "periodic": "bounded columns and trained cosines of the numbers",
}


def members_section(members: Sequence[MemberStory]) -> Section:
    """One line and one table row a member."""
    predict = [member.name for member in members if member.weight > 0]
    who = f"{predict[0]} predicts" if len(predict) == 1 else f"{list_in_words(predict)} predict together"
    everyone = len(predict) == len(members)
    score = members[0].choice.score_name
    return Section(
        id="members",
        topic="The models side by side",
        title=f"All {len(members)} models predict together"
        if everyone
        else f"Of {len(members)} models, {who}",
        caption="Each line is the validation loss of one model against its λ; the filled dot is the λ that it chose. The "
        "first network and the first linear model search the whole range, the others look around the best λ of those "
        "before them. Of all sets of models, those whose loss on unseen rows is within 1.5 standard errors of the best "
        "set's predict together; the weight of a model is its share in them.",
        keys=[Key(role=COLOURS[i % len(COLOURS)], text=member.name) for i, member in enumerate(members)],
        figures=[_figure(members)],
        tables=[
            Table(
                caption="the models",
                head=[
                    "model",
                    "what it sees",
                    "λs",
                    "epochs",
                    "chosen λ",
                    score or "loss on unseen rows",
                    "weight",
                ],
                rows=[
                    [
                        member.name,
                        SEEN.get(member.name, ""),
                        len(member.path.lambdas),
                        member.path.n_epochs if member.path.n_epochs > 1 else "",
                        number(member.choice.lam),
                        -member.loss if score else member.loss,
                        member.weight,
                    ]
                    for member in members
                ],
                folded=False,
            )
        ],
    )


def _figure(members: Sequence[MemberStory]) -> Figure:
    axis = LambdaAxis(np.unique(np.concatenate([member.path.lambdas for member in members])))
    curves = [judge(member.path, member.choice).validation_loss.mean for member in members]
    lowest = min(float(np.nanmin(curve)) for curve in curves)
    top = min(max(float(np.nanmax(curve)) for curve in curves), HIGHEST * lowest)
    traces: list[dict[str, Any]] = []
    for i, (member, curve) in enumerate(zip(members, curves, strict=True)):
        own = LambdaAxis(member.path.lambdas)
        own.places = np.where(own.lambdas > 0, own.places, axis.zero)
        x, y = own.line(curve)
        colour = f"@{COLOURS[i % len(COLOURS)]}"
        texts = [
            f"{member.name}<br>{strength(float(lam))}<br>validation {number(float(loss), 4)}"
            for lam, loss in zip(own.lambdas, curve, strict=True)
        ]
        chosen = np.arange(len(curve)) == member.choice.index
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": x,
                "y": y,
                "line": {"color": colour, "width": 2.5 if member.weight > 0 else 1.5},
                "marker": {"color": colour, "size": 5},
                "hoverinfo": "skip",
            }
        )
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": plain(own.places),
                "y": plain(curve),
                "marker": {"color": colour, "size": np.where(chosen, 12, 6).tolist()},
                "text": texts,
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    spread = top - lowest
    layout = {
        "xaxis": axis.layout(),
        "yaxis": {
            "title": {"text": loss_unit(members[0].path)},
            "range": [max(0.0, lowest - 0.1 * spread), top + 0.05 * spread],
        },
        "annotations": axis.break_mark(),
    }
    label = "Validation loss of each model against λ."
    return Figure(id="members-chart", label=label, data=traces, layout=layout, height=400)
