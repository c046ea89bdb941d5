"""The chart of validation loss against λ, a line a method, with its data as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shrinkage.comparison.page._comparison_figures import loss_axis
from shrinkage.pages import ABSENT, Figure, Table, number, plain

if TYPE_CHECKING:
    from shrinkage.comparison._comparison import ComparisonResult
    from shrinkage.comparison._nested import Runs

__all__ = ["path_figure", "path_keys", "path_table"]

Floats = NDArray[np.float64]

LINES: dict[str, tuple[str, str, float]] = {
    "l2": ("validation", "solid", 6),
    "decay_updated": ("validation", "dash", 2.5),
    "decay_original": ("map0", "dot", 2.5),
    "adam_decoupled": ("training", "solid", 2),
    "adam_l2": ("training", "dash", 2),
    "l1": ("ink", "solid", 2),
    "swarm_l2": ("muted", "dash", 2),
}
"""Colour role, dash and width of a method's path: where two lie on each other, both are seen."""
APART = 1e-9
"""Relative distance up to which two λs are one, reached by different extensions."""
FAR = 100.0
"""Times the median loss, above which nothing is drawn."""
LINEAR = 2.5
"""Highest over lowest loss up to which an axis shows differences as they are."""


def path_figure(c: ComparisonResult) -> Figure:
    """Validation loss against λ: a line where all splits took the λ, rings where some did."""
    lambdas = _lambdas(c)
    ticks = list(range(len(lambdas)))
    found = [(runs, *_on(lambdas, runs)) for runs in _runs_to_draw(c)]
    axis, high = _axis([values for _, values, _ in found])
    is_log = axis.get("type") == "log"
    traces = []
    for runs, values, splits in found:
        # Values far above the chart are only in the table: a browser can't place 1e72.
        shown, whole = np.where(values <= high, values, np.nan), splits == len(runs.lam)
        traces.append(_line(runs, lambdas, np.where(whole, shown, np.nan)))
        if (some := ~whole & np.isfinite(shown)).any():
            traces.append(_rings(runs, lambdas, np.where(some, shown, np.nan), splits))
    layout = {
        "xaxis": {
            "title": {"text": "λ, evenly spaced steps (0 at the left)"},
            "tickvals": ticks,
            "ticktext": [number(lam, 2) for lam in lambdas],
            "showgrid": False,
        },
        "yaxis": {"title": {"text": f"validation {loss_axis(c)}{', log scale' if is_log else ''}"}, **axis},
    }
    label = "Validation loss against λ, one line per method; rings where only some splits took a λ."
    return Figure(id="paths-chart", label=label, data=traces, layout=layout, height=420)


def path_keys(c: ComparisonResult) -> list[tuple[str, str, str]]:
    """(role, text, mark) of each line."""
    return [
        (role, runs.method.name, "line" if dash == "solid" else "dash")
        for runs in _runs_to_draw(c)
        for role, dash, _ in [LINES[runs.method.key]]
    ]


def path_table(c: ComparisonResult) -> Table:
    """One row a λ, one column a method."""
    lambdas, drawn = _lambdas(c), _runs_to_draw(c)
    found = [_on(lambdas, runs) for runs in drawn]
    rows = [
        [number(lam), *(_cell(values[i], int(splits[i]), c) for values, splits in found)]
        for i, lam in enumerate(lambdas)
    ]
    return Table(
        caption="validation loss against λ, means over the splits that took it and their inner folds",
        head=["λ", *(runs.method.name for runs in drawn)],
        rows=rows,
    )


def _runs_to_draw(c: ComparisonResult) -> list[Runs]:
    return [runs for runs in c.runs if runs.method.key in LINES]


def _lambdas(c: ComparisonResult) -> Floats:
    """The λs asked for, and those by which some method extended them on some split."""
    every = np.unique(np.concatenate([c.lambdas, *(runs.lambdas for runs in _runs_to_draw(c))]))
    return every[np.diff(every, prepend=-1.0) > APART * every]


def _on(lambdas: Floats, runs: Runs) -> tuple[Floats, NDArray[np.int64]]:
    """Mean validation loss and the number of splits it is of, for each λ of the axis."""
    values, splits = np.full(len(lambdas), np.nan), np.zeros(len(lambdas), dtype=np.int64)
    places = np.abs(lambdas[:, None] - runs.lambdas).argmin(axis=0)
    values[places], splits[places] = runs.validation_path, runs.path_splits
    return values, splits


def _axis(paths: list[Floats]) -> tuple[dict[str, Any], float]:
    """The losses' axis, and the highest loss that is drawn: every line is seen whole, and the flat part is not flat.

    Where losses differ by factors, equal distances are equal factors.
    """
    every = np.concatenate([values[np.isfinite(values)] for values in paths] or [np.ones(0)])
    every = every[every <= FAR * np.median(every)] if every.size else np.ones(1)
    low, high = float(every.min()), float(every.max())
    if low <= 0 or high <= LINEAR * low:
        margin = 0.06 * (high - low) or 0.1 * high or 1.0
        return {"range": [max(low - margin, 0.0), high + margin]}, high
    ends = np.log10([low, high])
    margin = 0.06 * (ends[1] - ends[0])
    marks = [
        m * 10.0**power
        for power in range(-12, 13)
        for m in (1, 2, 5)
        if low / 1.2 <= m * 10.0**power <= high * 1.2
    ]
    return {
        "type": "log",
        "range": [float(ends[0] - margin), float(ends[1] + margin)],
        "tickvals": marks,
        "ticktext": [number(mark, 2) for mark in marks],
    }, high


def _cell(value: float, splits: int, c: ComparisonResult) -> float | str:
    if not splits:
        return ABSENT
    return (
        float(value) if splits == c.splitting.count else f"{number(value)} ({splits} of {c.splitting.count})"
    )


def _line(runs: Runs, lambdas: Floats, values: Floats) -> dict[str, Any]:
    role, dash, width = LINES[runs.method.key]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(range(len(lambdas))),
        "y": plain(values),
        "line": {"color": f"@{role}", "width": width, "dash": dash},
        "marker": {"color": f"@{role}", "size": width + 3},
        "opacity": 0.45 if width > 4 else 1,
        "text": [
            f"{runs.method.name}<br>λ = {number(lam)}: {number(v, 4)}"
            for lam, v in zip(lambdas, values, strict=True)
        ],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _rings(runs: Runs, lambdas: Floats, values: Floats, splits: NDArray[np.int64]) -> dict[str, Any]:
    role = LINES[runs.method.key][0]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": list(range(len(lambdas))),
        "y": plain(values),
        "marker": {
            "color": f"@{role}",
            "size": 9,
            "symbol": "circle-open",
            "line": {"color": f"@{role}", "width": 1.8},
        },
        "text": [
            f"{runs.method.name}<br>λ = {number(lam)}: {number(v, 4)} ({n} of {len(runs.lam)} splits)"
            for lam, v, n in zip(lambdas, values, splits, strict=True)
        ],
        "hovertemplate": "%{text}<extra></extra>",
    }
