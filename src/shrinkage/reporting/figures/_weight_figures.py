"""Histograms of the weights: λ = 0 beside the chosen λ, and every other λ by the slider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shrinkage.pages import Figure, Slider, Table, number, plain, strength

__all__ = ["Histograms", "histograms", "weight_figures", "weight_slider", "weight_tables"]

Floats = NDArray[np.float64]
BINS = 121


@dataclass(frozen=True, kw_only=True)
class Histograms:
    """The weights of every λ, counted in the same bins."""

    lambdas: Floats
    """(L,) ascending."""
    centres: Floats
    """(BINS,) the middles of the bins; the middle bin holds 0."""
    counts: NDArray[np.intp]
    """(L, BINS) weights in each bin."""
    quantiles: Floats
    """(L, 5) smallest, 1 %, median, 99 %, largest; NaN for a λ without finite weights."""
    rms: Floats
    """(L,) √(Σw²/number of weights)."""

    @property
    def largest(self) -> Floats:
        """(L,) max |w|."""
        return np.abs(self.quantiles[:, [0, -1]]).max(axis=1)

    def heading(self, index: int, chosen: int) -> str:
        """One λ in a line: its name and the range of its weights."""
        low, high = self.quantiles[index, 0], self.quantiles[index, -1]
        name = strength(self.lambdas[index]) + (" (chosen)" if index == chosen else "")
        return f"{name}: weights between {number(low)} and {number(high)}"


def histograms(
    lambdas: Floats, weights: Sequence[NDArray[np.floating]], usable: NDArray[np.bool_]
) -> Histograms:
    """Count the weights of every λ in bins that are symmetric about 0 and shared by all.

    The bins reach as far as the weights of the `usable` λs; what lies beyond is counted in the outermost bins.
    """
    finite = [np.asarray(w, dtype=np.float64)[np.isfinite(w)] for w in weights]
    reach = (float(np.abs(w).max()) for w, good in zip(finite, usable, strict=True) if good and w.size)
    limit = max(reach, default=0.0) or 1.0
    edges = np.linspace(-limit, limit, BINS + 1)
    quantiles = [np.quantile(w, [0, 0.01, 0.5, 0.99, 1]) if w.size else np.full(5, np.nan) for w in finite]
    return Histograms(
        lambdas=lambdas,
        centres=(edges[:-1] + edges[1:]) / 2,
        counts=np.stack([np.histogram(np.clip(w, -limit, limit), edges)[0] for w in finite]),
        quantiles=np.stack(quantiles),
        rms=np.array([np.sqrt(np.mean(w**2)) if w.size else np.nan for w in finite]),
    )


def weight_figures(shown: Histograms, weakest: int, chosen: int) -> list[Figure]:
    """Histograms at the weakest λ and, where that is another one, at the chosen, on the same axes.

    Counts are on a log scale, or the few large weights would not be seen.
    """
    top = float(np.log10(max(shown.counts.max(), 1) * 1.6))
    width = float(shown.centres[1] - shown.centres[0])
    layout = {
        "xaxis": {
            "title": {"text": "weight w"},
            "range": [1.02 * shown.centres[0], 1.02 * shown.centres[-1]],
        },
        "yaxis": {
            "title": {"text": "number of weights (log scale)"},
            "type": "log",
            "range": [float(np.log10(0.6)), top],
            "dtick": 1,
        },
        "bargap": 0,
    }
    figures = []
    drawn = [("chosen", chosen, "validation")]
    if weakest != chosen:
        drawn.insert(0, ("weakest", weakest, "muted"))
    for name, index, role in drawn:
        bars = {
            "type": "bar",
            "x": plain(shown.centres),
            "y": _bars(shown.counts[index]),
            "width": width,
            "marker": {"color": f"@{role}", "line": {"width": 0}},
            "hovertemplate": "%{y} weights near %{x:.3g}<extra></extra>",
        }
        figures.append(
            Figure(
                id=f"weights-chart-{name}",
                heading=shown.heading(index, chosen),
                label=f"Histogram of the weights. {shown.heading(index, chosen)}.",
                data=[bars],
                layout=layout,
                height=330,
            )
        )
    return figures


def weight_slider(shown: Histograms, chosen: int) -> Slider:
    """Moves the chosen λ's histogram along the path."""
    return Slider(
        figure="weights-chart-chosen",
        label="Move λ from weak to strong:",
        start=chosen,
        trace=0,
        frames=[_bars(counts) for counts in shown.counts],
        headings=[shown.heading(index, chosen) for index in range(len(shown.lambdas))],
    )


def weight_tables(shown: Histograms, weakest: int, chosen: int) -> list[Table]:
    """The spread of the weights at every λ, and the histograms that are drawn first."""
    head = ["λ", "weights", "smallest", "1 %", "median", "99 %", "largest", "root mean square"]
    spread = [
        [number(lam), int(counts.sum()), *quantiles.tolist(), float(rms)]
        for lam, counts, quantiles, rms in zip(
            shown.lambdas, shown.counts, shown.quantiles, shown.rms, strict=True
        )
    ]
    drawn = list(dict.fromkeys((weakest, chosen)))
    bins = [
        [number(centre), *counts]
        for centre, counts in zip(shown.centres, shown.counts[drawn].T.tolist(), strict=True)
        if any(counts)
    ]
    names = [strength(shown.lambdas[index]) for index in drawn]
    return [
        Table(caption="spread of the weights at every λ", head=head, rows=spread),
        Table(caption="number of weights around each value", head=["w", *names], rows=bins),
    ]


def _bars(counts: NDArray[np.intp]) -> list[float | None]:
    """A log axis has no place for an empty bin."""
    return [int(count) or None for count in counts]
