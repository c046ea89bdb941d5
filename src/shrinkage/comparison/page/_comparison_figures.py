"""The charts of a comparison, each with its data as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shrinkage.comparison._means import decimals, with_sign
from shrinkage.comparison._methods import NONE
from shrinkage.comparison._pairs import EQUAL_WITHIN
from shrinkage.pages import ABSENT, Figure, Table, number, plain

if TYPE_CHECKING:
    from shrinkage._paired import Interval
    from shrinkage.comparison._comparison import ComparisonResult
    from shrinkage.comparison._means import Mean
    from shrinkage.comparison._nested import Runs

__all__ = [
    "difference_figure",
    "difference_table",
    "loss_axis",
    "loss_figure",
    "loss_tables",
    "pair_figure",
    "pair_table",
    "size_figures",
    "size_table",
]

ROW_HEIGHT = 38
NBSP = "\N{NO-BREAK SPACE}"
NO_DISTANCE = 1e-17
"""Where a distance of 0 is drawn on a log axis."""
UNITS = {"cross-entropy": "nats per row", "mean squared error": "targets standardized"}


def loss_axis(c: ComparisonResult) -> str:
    """The loss with its unit."""
    return f"{c.loss_name} ({UNITS[c.loss_name]})"


def loss_figure(c: ComparisonResult) -> Figure:
    """Training, validation and test loss of every method."""
    names, keys = _names(c), [runs.method.key for runs in c.runs]
    tests = [c.mean(key, "test_loss") for key in keys]
    hover = [
        f"{name}<br>test {number(t.value, 4)} ± {number(t.se, 2)}" if math.isfinite(t.value) else name
        for name, t in zip(names, tests, strict=True)
    ]
    error = {
        "type": "data",
        "array": plain([t.se for t in tests]),
        "color": "@ink",
        "thickness": 1.4,
        "width": 4,
    }
    traces = [
        _dots(names, [t.value for t in tests], "ink", hover, size=10, error_x=error),
        _dots(
            names,
            [c.mean(key, "validation_loss").value for key in keys],
            "validation",
            _labels(c, "validation_loss"),
            symbol="circle-open",
        ),
        _dots(names, [c.mean(key, "train_loss").value for key in keys], "training", _labels(c, "train_loss")),
    ]
    label = "Training, validation and test loss of every method, with standard errors of the test loss."
    return Figure(
        id="losses-chart",
        label=label,
        data=traces,
        layout=_rows_layout(names, {"title": {"text": loss_axis(c)}, "rangemode": "tozero"}),
        height=_height(names),
    )


def loss_tables(c: ComparisonResult) -> list[Table]:
    """One row a method: λ and losses; and the metric on training, validation and test rows."""
    parts = ("train", "validation", "test")
    words = [part.replace("train", "training") for part in parts]
    losses, metrics = [], []
    for runs in c.runs:
        key, name = runs.method.key, runs.method.name
        lam = number(runs.median("lam")) if runs.method.chooses_lambda else _epochs(runs)
        seconds = number(float(runs.seconds.mean()), 2)
        losses.append([name, lam, *(_within(c.mean(key, f"{part}_loss")) for part in parts), seconds])
        metrics.append([name, *(_share(c, c.mean(key, f"{part}_metric")) for part in parts)])
    caption = "means over the outer splits ± corrected standard errors"
    head = ["method", "λ (median)", *(f"{word} loss" for word in words), "seconds per split"]
    return [
        Table(caption=caption, head=head, rows=losses, folded=False),
        Table(
            caption=f"{c.metric_name}, {caption}",
            head=["method", *(f"{word} {c.metric_name}" for word in words)],
            rows=metrics,
            folded=False,
        ),
    ]


def _epochs(runs: Runs) -> str:
    return f"0, {number(runs.median('epoch'))}{NBSP}epochs" if runs.method.stop == "best" else "0"


def _within(mean: Mean) -> str:
    """A mean with its error, to the second digit of the error."""
    return str(mean).replace("± ", f"±{NBSP}") if math.isfinite(mean.value) else ABSENT


def _share(c: ComparisonResult, mean: Mean) -> str:
    """Accuracy as a percentage, R² as a number."""
    if c.metric_name != "accuracy":
        return _within(mean)
    return (
        f"{100 * mean.value:.1f} ±{NBSP}{100 * mean.se:.1f}{NBSP}%" if math.isfinite(mean.value) else ABSENT
    )


def difference_figure(c: ComparisonResult) -> Figure:
    """Test loss minus that of no regularization, paired, with 95 % intervals."""
    others = [runs for runs in c.runs if runs.method.key != NONE]
    names = [runs.method.name for runs in others]
    gaps = [c.difference(runs.method.key) for runs in others]
    hover = [
        f"{name}<br>{number(g.value)}, 95 % interval {number(g.low)} to {number(g.high)}"
        if g.is_known
        else name
        for name, g in zip(names, gaps, strict=True)
    ]
    reach = [g.high - g.value for g in gaps]
    error = {"type": "data", "array": plain(reach), "color": "@validation", "thickness": 2, "width": 5}
    layout = _rows_layout(names, {"title": {"text": "difference in test loss: left is better"}})
    zero = {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "layer": "below"}
    layout["shapes"] = [zero | {"line": {"color": "@ink", "width": 1.4}}]
    return Figure(
        id="differences-chart",
        label="Test loss of every method minus that of no regularization, with 95 % intervals.",
        data=[_dots(names, [g.value for g in gaps], "validation", hover, size=10, error_x=error)],
        layout=layout,
        height=_height(names),
    )


def difference_table(c: ComparisonResult) -> Table:
    """One row a method: paired differences from no regularization, and from the same training at λ = 0."""
    head = ["method", "test loss − none", f"test {c.metric_name} − none", "test loss − its own at λ = 0"]
    rows = []
    for runs in c.runs:
        key = runs.method.key
        if key == NONE:
            continue
        own = c.own_gain(key) if runs.method.chooses_lambda else None
        gaps = (c.difference(key), c.difference(key, figure="test_metric"), own)
        rows.append([runs.method.name, *(ABSENT if gap is None else _interval_text(gap) for gap in gaps)])
    return Table(caption="paired differences with 95 % intervals", head=head, rows=rows, folded=False)


def _interval_text(gap: Interval) -> str:
    if not gap.is_known:
        return ABSENT
    value, low, high = (with_sign(x, decimals(gap.se)) for x in (gap.value, gap.low, gap.high))
    return f"{value} ({low} to {high})"


def size_figures(c: ComparisonResult) -> list[Figure]:
    """Largest weight and weight norm of every method, as bars."""
    names = _names(c)
    return [
        Figure(
            id=f"sizes-chart-{place}",
            heading=heading,
            label=f"{heading} of every method.",
            data=[
                {
                    "type": "bar",
                    "orientation": "h",
                    "y": names,
                    "x": plain([c.mean(runs.method.key, figure).value for runs in c.runs]),
                    "marker": {
                        "color": ["@muted" if runs.method.key == NONE else "@validation" for runs in c.runs]
                    },
                    "hovertemplate": "%{y}<br>%{x:.4g}<extra></extra>",
                }
            ],
            layout=_rows_layout(names, {"rangemode": "tozero"}) | {"bargap": 0.45},
            height=_height(names),
        )
        for place, (figure, heading) in enumerate(
            (("max_weight", "Largest |w|"), ("weight_norm", "Norm ‖w‖"))
        )
    ]


def size_table(c: ComparisonResult) -> Table:
    """One row a method."""
    rows = []
    for runs in c.runs:
        largest, norm = (c.mean(runs.method.key, figure) for figure in ("max_weight", "weight_norm"))
        gamma = c.mean(runs.method.key, "gamma")
        of = f"{_within(gamma)} of {runs.median('n_weights'):.0f}" if math.isfinite(gamma.value) else ABSENT
        rows.append([runs.method.name, _within(largest), _within(norm), of])
    head = ["method", "largest |w|", "‖w‖", "effective parameters γ"]
    return Table(caption="size of the weights, biases left out", head=head, rows=rows, folded=False)


def pair_figure(c: ComparisonResult) -> Figure:
    """Distances between the forms after training, on a log scale."""
    names = [pair.short for pair in c.pairs]
    traces = []
    for role, by_algebra in (("validation", True), ("training", False)):
        some = [pair for pair in c.pairs if pair.by_algebra is by_algebra]
        places = [max(pair.distance, NO_DISTANCE) if math.isfinite(pair.distance) else None for pair in some]
        hover = [f"{pair.first} / {pair.second}<br>{number(pair.distance, 2)} apart" for pair in some]
        traces.append(_dots([pair.short for pair in some], places, role, hover, size=11))
    axis = {
        "title": {"text": "‖w₁ − w₂‖/‖w₁‖ after training (log scale)"},
        "type": "log",
        "range": [math.log10(NO_DISTANCE) - 0.6, 1],
        "tickvals": [NO_DISTANCE, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 1],
        "ticktext": ["0", "10⁻¹⁵", "10⁻¹²", "10⁻⁹", "10⁻⁶", "0.001", "1"],
    }
    layout = _rows_layout(names, axis)
    line = {
        "type": "line",
        "x0": EQUAL_WITHIN,
        "x1": EQUAL_WITHIN,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "layer": "below",
    }
    layout["shapes"] = [line | {"line": {"color": "@muted", "width": 1.2, "dash": "dash"}}]
    return Figure(
        id="pairs-chart",
        label="How far apart two forms ended: equal ones within rounding, the others far to the right.",
        data=traces,
        layout=layout,
        height=_height(names),
    )


def pair_table(c: ComparisonResult) -> Table:
    """One row a pair: both sides, the conversion, the reason and what was measured."""
    rows = [
        [
            f"{pair.first} / {pair.second}",
            pair.conversion,
            "equal" if pair.by_algebra else "only alike",
            number(pair.distance, 2),
            number(pair.predictions, 2),
        ]
        for pair in c.pairs
    ]
    head = ["trained side by side", "strengths", "by algebra", "weights apart", "predictions apart"]
    return Table(caption="forms trained side by side on all rows", head=head, rows=rows, folded=False)


def _names(c: ComparisonResult) -> list[str]:
    return [runs.method.name for runs in c.runs]


def _labels(c: ComparisonResult, figure: str) -> list[str]:
    words = figure.removesuffix("_loss").replace("train", "training")
    return [
        f"{runs.method.name}<br>{words} {number(c.mean(runs.method.key, figure).value, 4)}" for runs in c.runs
    ]


def _dots(
    names: Sequence[str],
    values: Sequence[float | None],
    role: str,
    hover: list[str],
    *,
    size: int = 9,
    symbol: str = "circle",
    **more: Any,
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": plain(list(values)),
        "y": list(names),
        "marker": {
            "color": f"@{role}",
            "size": size,
            "symbol": symbol,
            "line": {"color": f"@{role}", "width": 2},
        },
        "text": hover,
        "hovertemplate": "%{text}<extra></extra>",
        "cliponaxis": False,
        **more,
    }


def _rows_layout(names: Sequence[str], axis: dict[str, Any]) -> dict[str, Any]:
    """A row a name, the first at the top."""
    return {
        "xaxis": axis,
        "yaxis": {
            "type": "category",
            "categoryorder": "array",
            "categoryarray": list(reversed(names)),
            "range": [-0.6, len(names) - 0.4],
        },
    }


def _height(names: Sequence[str]) -> int:
    return 90 + ROW_HEIGHT * len(names)
