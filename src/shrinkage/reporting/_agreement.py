"""Predictions for rows that the net had not seen, held against the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage.pages import Figure, Key, Section, Table, clean, number, percent, plain, plotly_text
from shrinkage.reporting._story import FitStory
from shrinkage.reporting._words import list_in_words

__all__ = ["SHARE_BELOW", "agreement_section", "shares_in_words"]

MOST_CLASSES = 30
MOST_TARGETS = 6
MOST_POINTS = 1200
SHARE_BELOW = "share below"
"""The metric of a model of a quantile, whose errors are not to be small on both sides; of several `mean share below`."""
MIDDLE = "right; a cloud flatter than the line means that predictions are pulled toward the mean. "
QUANTILE = "the value; of a quantile that is right, its share of the points lies on or above that line. "
REUSED = " λ was chosen on the same folds, so errors on new rows may be slightly larger."


def agreement_section(story: FitStory) -> Section:
    """Confusion matrix of a classification, a table of several labels, predicted against true of a regression."""
    if story.task == "multilabel classification":
        return _labels_section(story)
    return _confusion_section(story) if story.task == "classification" else _scatter_section(story)


def _confusion_section(story: FitStory) -> Section:
    counts, names = confusion(story)
    truth, held_out = _pairs(story)
    total, right = len(truth), int((truth == held_out).sum())
    return Section(
        id="agreement",
        topic="Confusion matrix",
        title=f"{right:,} of {total:,} rows that the net had not seen were classified correctly "
        f"({percent(right / total if total else np.nan)})",
        caption="Each row was predicted by a net that was trained without it. Rows of the matrix are the true classes, "
        "columns the predicted ones; correct predictions are on the diagonal. The colour is the share of the true class. "
        + _mistakes(story)
        + REUSED,
        figures=[_confusion_figure(counts, names)],
        tables=[
            Table(
                caption="rows by true class (down) and predicted class (across)",
                head=["true \\ predicted", *names],
                rows=[[name, *row] for name, row in zip(names, counts.tolist(), strict=True)],
            )
        ],
    )


def confusion(story: FitStory) -> tuple[NDArray[np.intp], list[str]]:
    """Counts by (true, predicted), and the classes' names; beyond 30 classes the rarest are one."""
    names, pairs = [str(name) for name in story.class_names or ()], _pairs(story)
    if len(names) > MOST_CLASSES:
        frequent = np.argsort(-np.bincount(pairs[0], minlength=len(names)), kind="stable")
        kept = np.sort(frequent[: MOST_CLASSES - 1])
        place = np.full(len(names), len(kept))
        place[kept] = np.arange(len(kept))
        pairs = place[pairs]
        names = [*(names[index] for index in kept), f"{len(names) - len(kept)} other classes"]
    counts = np.zeros((len(names), len(names)), dtype=np.intp)
    np.add.at(counts, (pairs[0], pairs[1]), 1)
    return counts, names


def _pairs(story: FitStory) -> NDArray[np.intp]:
    """(2, rows): true and predicted class of every row that has both."""
    truth, held_out = np.asarray(story.truth, dtype=float), np.asarray(story.held_out, dtype=float)
    known = np.isfinite(truth) & np.isfinite(held_out)
    return np.stack([truth[known], held_out[known]]).astype(np.intp)


def _mistakes(story: FitStory) -> str:
    """What guessing would reach, and which two classes are confused most often."""
    truth, held_out = _pairs(story)
    if not truth.size:
        return ""
    largest = np.bincount(truth).max() / len(truth)
    guess = f"Always guessing the most frequent class would be right for {percent(largest)}."
    wrong = np.stack([truth, held_out])[:, truth != held_out]
    if not wrong.size:
        return guess
    pairs, counts = np.unique(wrong, axis=1, return_counts=True)
    true, predicted = (clean((story.class_names or ())[index], 40) for index in pairs[:, counts.argmax()])
    times = f"{counts.max():,} {'time' if counts.max() == 1 else 'times'}"
    return f"{guess} The most common mistake: “{true}” predicted as “{predicted}”, {times}."


def _confusion_figure(counts: NDArray[np.intp], names: list[str]) -> Figure:
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [plotly_text(name, 16) for name in names]
    places = list(range(len(names)))
    texts = [[f"{count:,}" for count in row] for row in counts.tolist()]
    hover = [
        [
            f"true: {plotly_text(true)}<br>predicted: {plotly_text(predicted)}<br>{counts[i, j]:,} rows, "
            f"{percent(share[i, j])}"
            for j, predicted in enumerate(names)
        ]
        for i, true in enumerate(names)
    ]
    heat = {
        "type": "heatmap",
        "x": places,
        "y": places,
        "z": plain(share),
        "customdata": hover,
        "hovertemplate": "%{customdata}<extra></extra>",
        "colorscale": [[0, "@cell0"], [1, "@cell1"]],
        "zmin": 0,
        "zmax": 1,
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
    }
    if len(names) <= 12:
        heat |= {"text": texts, "texttemplate": "%{text}"}
    ticks = {"tickvals": places, "ticktext": labels, "showgrid": False}
    layout = {
        "xaxis": {**ticks, "title": {"text": "predicted class"}, "side": "bottom"},
        "yaxis": {**ticks, "title": {"text": "true class"}, "autorange": "reversed"},
    }
    label = "Confusion matrix: rows by true and predicted class."
    return Figure(
        id="agreement-chart",
        label=label,
        data=[heat],
        layout=layout,
        height=max(300, min(640, 150 + 56 * len(names))),
        width=260 + 110 * len(names),
    )


def _labels_section(story: FitStory) -> Section:
    truth, shares = np.asarray(story.truth, dtype=float), np.asarray(story.held_out, dtype=float)
    known = np.isfinite(shares).all(axis=1)
    has, predicted_has = truth[known] > 0.5, shares[known] > 0.5
    total, right = len(has), int((has == predicted_has).all(axis=1).sum())
    rows = []
    for name, own, predicted in zip(story.target_names, has.T, predicted_has.T, strict=True):
        found, base = int((own & predicted).sum()), float(own.mean()) if total else np.nan
        rows.append(
            [
                clean(str(name), 60),
                int(own.sum()),
                int(predicted.sum()),
                found,
                percent(float((own == predicted).mean()) if total else np.nan),
                percent(max(base, 1 - base)),
            ]
        )
    every = "Both" if len(rows) == 2 else f"All {len(rows)}"
    return Section(
        id="agreement",
        topic="The labels",
        title=f"{every} labels of {right:,} of {total:,} rows that the net had not seen were predicted correctly "
        f"({percent(right / total if total else np.nan)})",
        caption="Each row was predicted by a net that was trained without it; a label is predicted if its probability is "
        "above one half. A label is worth predicting where its rows are right more often than the more frequent answer "
        "would be." + REUSED,
        tables=[
            Table(
                caption="each label by itself",
                head=[
                    "label",
                    "rows with it",
                    "predicted",
                    "both",
                    "rows right",
                    "always the more frequent answer",
                ],
                rows=rows,
                folded=False,
            )
        ],
    )


def _scatter_section(story: FitStory) -> Section:
    truth, held_out = np.asarray(story.truth, dtype=float), np.asarray(story.held_out, dtype=float)
    fits = [_fit_of(truth[:, j], held_out[:, j]) for j in range(truth.shape[1])]
    drawn = list(range(min(len(fits), MOST_TARGETS)))
    names = [str(name) for name in story.target_names]
    rows = [_drawn_rows(truth[:, j], held_out[:, j], MOST_POINTS // len(drawn)) for j in drawn]
    some, metric = any(len(r) < len(truth) for r in rows), story.path.metric_name
    off = _share_below(truth, held_out) if metric == SHARE_BELOW else _errors(fits, names)
    off = shares_in_words(story) if story.levels else off
    return Section(
        id="agreement",
        topic="Predicted against true",
        title=f"On rows that the net had not seen, {off}",
        caption="Each point is a row, predicted by a net trained without it. On the dashed line the prediction is "
        + (QUANTILE if metric.endswith(SHARE_BELOW) else MIDDLE)
        + f"Errors are in the target's own units, over all unseen rows. {_given_above(metric)}"
        + (" An even selection of the rows is drawn." if some else "")
        + REUSED,
        keys=[
            Key(role="validation", text="one row, unseen in training", mark="dot"),
            Key(role="muted", text="predicted = true", mark="dash"),
        ],
        figures=[_scatter_figure(j, names[j], truth[rows[j], j], held_out[rows[j], j]) for j in drawn],
        tables=[
            _shares_table(story) if story.levels else _fits_table(fits, names),
            Table(
                caption="the points that are drawn",
                head=["target", "row", "true", "predicted"],
                rows=[
                    [clean(names[j]), int(i) + 1, float(truth[i, j]), float(held_out[i, j])]
                    for j in drawn
                    for i in rows[j]
                ],
            ),
        ],
    )


def _fits_table(fits: list[tuple[int, float, float, float]], names: list[str]) -> Table:
    return Table(
        caption="how well each target is predicted",
        head=["target", "rows", "RMSE", "mean absolute error", "standard deviation of the target"],
        rows=[[clean(name), *fit] for name, fit in zip(names, fits, strict=True)],
    )


def _shares_table(story: FitStory) -> Table:
    truth, held_out = np.asarray(story.truth, dtype=float), np.asarray(story.held_out, dtype=float)
    rows = []
    for name, level, share, y, z in zip(
        story.target_names, story.levels, _shares(story), truth.T, held_out.T, strict=True
    ):
        errors = (y - z)[np.isfinite(y) & np.isfinite(z)]
        pinball = np.maximum(level * errors, (level - 1) * errors)
        rows.append(
            [clean(name), level, len(errors), share, float(pinball.mean()) if errors.size else np.nan]
        )
    return Table(
        caption="how many values lie at or below each quantile",
        head=["quantile", "level", "rows", "share at or below", "mean pinball loss, in the target's units"],
        rows=rows,
        folded=False,
    )


def _shares(story: FitStory) -> list[float]:
    """The share of values at or below each of several quantiles, over rows that have both; NaN without any."""
    truth, held_out = np.asarray(story.truth, dtype=float), np.asarray(story.held_out, dtype=float)
    known = np.isfinite(truth) & np.isfinite(held_out)
    below = ((truth <= held_out) & known).sum(axis=0)
    return np.where(known.any(axis=0), below / np.maximum(known.sum(axis=0), 1), np.nan).tolist()


def shares_in_words(story: FitStory) -> str:
    """`9.8 % of the values lie at or below the 0.1 quantile, 90.4 % at or below the 0.9 quantile`."""
    parts = [
        f"{percent(share)}{'' if i else ' of the values lie'} at or below the {level:g} quantile"
        for i, (level, share) in enumerate(zip(story.levels, _shares(story), strict=True))
    ]
    return list_in_words(parts)


def _given_above(metric: str) -> str:
    if metric.endswith(SHARE_BELOW):
        return "The share of values at or below the prediction is given above, as the mean over folds."
    return f"{metric[0].upper()}{metric[1:]} is given above, as the mean over folds."


def _share_below(truth: NDArray[np.float64], held_out: NDArray[np.float64]) -> str:
    """How many values lie at or below their quantile."""
    known = np.isfinite(truth) & np.isfinite(held_out)
    share = float((truth[known] <= held_out[known]).mean()) if known.any() else np.nan
    return f"{percent(share)} of the values lie at or below the predicted quantile"


def _fit_of(truth: NDArray[np.float64], held_out: NDArray[np.float64]) -> tuple[int, float, float, float]:
    """Rows, root mean square error, mean absolute error and the target's standard deviation."""
    known = np.isfinite(truth) & np.isfinite(held_out)
    if not known.any():
        return 0, np.nan, np.nan, np.nan
    errors = truth[known] - held_out[known]
    rmse, mean_absolute = np.sqrt(np.mean(errors**2)), np.abs(errors).mean()
    return int(known.sum()), float(rmse), float(mean_absolute), float(truth[known].std())


def _errors(fits: list[tuple[int, float, float, float]], names: list[str]) -> str:
    """What predictions are off by, beside what the mean is off by."""
    if len(fits) == 1:
        (_, rmse, _, spread), *_ = fits
        return f"predictions are off by {number(rmse)} (RMSE), and always predicting the mean by {number(spread)}"
    texts = [
        f"{number(fit[1])} for “{clean(name, 30)}” (always predicting its mean: {number(fit[3])})"
        for fit, name in list(zip(fits, names, strict=True))[:3]
    ]
    return "predictions are off by (RMSE) " + ", ".join(texts) + (" …" if len(fits) > 3 else "")


def _drawn_rows(truth: NDArray[np.float64], held_out: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    known = np.flatnonzero(np.isfinite(truth) & np.isfinite(held_out))
    return known[np.linspace(0, len(known) - 1, min(most, len(known))).astype(np.intp)]


def _scatter_figure(j: int, name: str, truth: NDArray[np.float64], held_out: NDArray[np.float64]) -> Figure:
    values = np.concatenate([truth, held_out]) if truth.size else np.array([0.0, 1.0])
    pad = 0.04 * (float(np.ptp(values)) or 1.0)
    ends = [float(values.min()) - pad, float(values.max()) + pad]
    points: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": plain(truth),
        "y": plain(held_out),
        "marker": {"color": "@validation", "size": 6, "opacity": 0.55},
        "hovertemplate": "true %{x:.4g}<br>predicted %{y:.4g}<extra></extra>",
    }
    line = {"type": "scatter", "mode": "lines", "x": ends, "y": ends, "hoverinfo": "skip"}
    layout = {
        "xaxis": {"title": {"text": f"true {plotly_text(name)}"}, "range": ends},
        "yaxis": {"title": {"text": f"predicted {plotly_text(name)}"}, "range": ends},
    }
    return Figure(
        id=f"agreement-chart-{j}",
        label=f"Predicted against true values of {name}, unseen rows.",
        data=[{**line, "line": {"color": "@muted", "width": 1.4, "dash": "dash"}}, points],
        layout=layout,
        height=460,
        width=620,
    )
