"""The chapter on a λ that moved while training: its course, and what it means that nothing was chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage.pages import Figure, Key, Section, Table, number, plain, strength
from shrinkage.path import PathResult
from shrinkage.reporting._words import list_in_words

__all__ = ["has_moved", "moved_section", "moved_words"]

Floats = NDArray[np.float64]
ROLES = ("validation", "training", "ink", "muted")


def has_moved(path: PathResult) -> bool:
    """Whether a controller moved λ."""
    return path.refit_trace is not None


def moved_words(path: PathResult) -> str:
    """Where λ began and ended, in one sentence."""
    courses, folds = _courses(path), _fold_ends(path)
    starts, ends = courses[0], courses[-1]
    if len(ends) == 1:
        around = f"; in the folds it ended between {number(folds.min())} and {number(folds.max())}"
        return (
            f"No λ was chosen: in one run λ moved from {number(starts[0])} to {number(ends[0])}, where the "
            f"training rows are most likely{around}."
        )
    listed = list_in_words([number(end) for end in ends])
    return (
        f"No λ was chosen: in one run each layer's λ moved from {number(starts[0])} to where the training "
        f"rows are most likely: {listed} from the first layer to the last, the same penalty as "
        f"{strength(path.lambdas[0])} for the whole network."
    )


def moved_section(path: PathResult) -> Section:
    """The course of λ over the epochs."""
    courses, folds = _courses(path), _fold_ends(path)
    epochs = np.arange(1, len(courses) + 1)
    layers = courses.shape[1]
    names = ["all rows"] if layers == 1 else [f"layer {layer + 1}" for layer in range(layers)]
    drawn = list(zip(names, courses.T, strict=True))
    keys = [Key(role=_role(place), text=f"λ of {name}") for place, name in enumerate(names)]
    if layers == 1:
        keys.append(Key(role="muted", text="λ of each fold"))
    rows = [[int(epoch), *courses[epoch - 1].tolist()] for epoch in _turns(courses)]
    spread = float(folds.max() / folds.min()) if folds.min() > 0 else np.inf
    stable = "agree" if spread < 2 else f"differ by a factor of {number(spread, 2)}"
    return Section(
        id="moved",
        topic="How λ moved",
        title=f"λ ended at {number(float(path.lambdas[0]))}; in the folds, the final values {stable}"
        if layers == 1
        else f"{layers} layers, {layers} strengths, from {number(float(courses[-1].min()))} to "
        f"{number(float(courses[-1].max()))}",
        caption="Every few epochs λ is set to γ/(n‖w‖²), the strength that makes the training rows most "
        "likely, given the present network; γ counts the weights that the rows determine (MacKay "
        "1992). No validation rows take part, so the loss on held-out rows is an independent "
        "test. If folds disagree, the rows determine λ poorly. Networks are not the linear models "
        "for which this is exact: a path over the folds (--lambdas auto) may find a better λ.",
        keys=keys,
        figures=[_figure(epochs, drawn, path if layers == 1 else None)],
        tables=[Table(caption="λ over the epochs", head=["from epoch", *names], rows=rows)],
    )


def _courses(path: PathResult) -> Floats:
    """(E, T) of the refitted network."""
    assert path.refit_trace is not None
    return path.refit_trace.reshape(len(path.refit_trace), -1)


def _fold_ends(path: PathResult) -> Floats:
    """Where λ ended in each fold and restart, all strengths of a network together."""
    assert path.trace is not None
    ends = path.trace[0, :, :, -1]
    return ends if ends.ndim == 2 else np.exp(np.log(np.maximum(ends, 1e-300)).mean(axis=-1))


def _turns(courses: Floats) -> list[int]:
    """The epochs, counted from 1, at which λ was set."""
    changed = (np.diff(courses, axis=0) != 0).any(axis=1)
    return [1, *(np.flatnonzero(changed) + 2).tolist()]


def _role(place: int) -> str:
    return ROLES[place % len(ROLES)]


def _figure(epochs: NDArray[Any], drawn: list[tuple[str, Floats]], path: PathResult | None) -> Figure:
    lines: list[dict[str, Any]] = []
    if path is not None and path.trace is not None:
        for fold, course in enumerate(path.trace[0].reshape(-1, path.trace.shape[3])):
            lines.append(_line(np.arange(1, len(course) + 1), f"fold {fold}", course, "muted", 1.2))
    lines += [_line(epochs, name, course, _role(place), 3) for place, (name, course) in enumerate(drawn)]
    layout = {
        "xaxis": {"title": {"text": "epoch"}, "showgrid": False},
        "yaxis": {"title": {"text": "λ"}, "type": "log"},
    }
    return Figure(
        id="moved-chart", label="λ over the epochs of training, on a log scale.", data=lines, layout=layout
    )


def _line(epochs: NDArray[Any], name: str, course: Floats, role: str, width: float) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": plain(epochs),
        "y": plain(course),
        "line": {"color": f"@{role}", "width": width, "shape": "hv"},
        "hovertemplate": f"{name}, epoch %{{x}}<br>λ %{{y:.4g}}<extra></extra>",
    }
