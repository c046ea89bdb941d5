"""The page of a run: what the decay did over time, per group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from shrinkage.auditing._audit_result import AuditResult
from shrinkage.auditing.running._course import Course
from shrinkage.auditing.showing._audit_page import render_audit_with
from shrinkage.pages import Figure, Key, Section, Table, Tile, plain, plotly_text

__all__ = ["render_run_audit"]

_COLOURS = ("@training", "@validation", "@ink", "@muted")
_DASHES = ("solid", "dash", "dot", "dashdot")


def render_run_audit(audit: AuditResult, courses: Sequence[Course], losses: Sequence[float]) -> str:
    """The audit as one HTML document, with the courses before its own sections."""
    decaying = [course for course in courses if any(course.shrink)]
    steps = courses[0].steps[-1]
    tiles = [
        Tile(
            label="Real steps",
            value=f"{steps:,}",
            before=f"{len(courses)} {'kind' if len(courses) == 1 else 'kinds'} of treatment",
        ),
        Tile(label="Loss", value=f"{losses[-1]:.3g}", before=f"{losses[0]:.3g} at the first step"),
        *(
            Tile(
                label="Undone by the pull to the start" if c.anchored else "Removed by the decay",
                value=f"{100 * (c.removed[-1] or 0):.2g} %",
                before=c.label,
            )
            for c in decaying[:1]
        ),
    ]
    sections = [_norms(courses)]
    if decaying:
        sections = [_shrinks(decaying), *sections]
    if shared := [course for course in decaying if not course.anchored]:
        sections.append(_shares(shared))
    return render_audit_with(
        audit,
        title=f"What the decay did in {steps:,} steps of {audit.optimizer}",
        subtitle=" ".join(f"{course.label}: {course.sentence}" for course in courses[:3]),
        tiles=tiles,
        sections=sections,
    )


def _of_what(courses: Sequence[Course]) -> str:
    return "the distance to the start" if all(course.anchored for course in courses) else "a weight"


def _shrinks(courses: Sequence[Course]) -> Section:
    removed = max(course.removed[-1] or 0 for course in courses)
    return Section(
        id="shrink-over-time",
        topic="How strongly",
        title=f"The decay took up to {100 * removed:.2g} % of {_of_what(courses)} without gradients",
        caption=(
            "The fraction that each step removes, by the measured rule at the learning rate of that step."
        ),
        figures=[_figure("shrink", "shrink per step", courses, lambda c: c.shrink)],
        tables=[
            _table("Shrink per step", courses, lambda c: c.shrink),
            _table("Removed so far", courses, lambda c: c.removed),
        ],
    )


def _norms(courses: Sequence[Course]) -> Section:
    norms = "; ".join(f"{c.label}: {c.norm[0]:.3g} to {c.norm[-1]:.3g}" for c in courses[:3])
    figure = _figure("norm", "‖w‖", courses, lambda c: c.norm, lambda c: c.norm_at_rest)
    return Section(
        id="norms-over-time",
        topic="The weights' size",
        title=f"‖w‖ of {norms}",
        caption=(
            "Thick: the norm after each step. Thin: the norm at which decay and updates of that step's size would "
            "balance, if updates were independent between steps; the weights move toward it within the decay's timescale."
        ),
        keys=[Key(role="ink", text="‖w‖"), Key(role="muted", text="equilibrium ‖w‖, the thin lines")],
        figures=[figure],
        tables=[
            _table("‖w‖", courses, lambda c: c.norm),
            _table("‖w‖ at rest", courses, lambda c: c.norm_at_rest),
        ],
    )


def _shares(courses: Sequence[Course]) -> Section:
    last = [c.share[-1] for c in courses if c.share[-1] is not None]
    return Section(
        id="share-over-time",
        topic="Decay against gradients",
        title=f"At the end the decay is up to {100 * max(last, default=0.0):.2g} % of a step",
        caption="‖s·w‖ against ‖s·w‖ plus the length of the rest of the update.",
        figures=[_figure("share", "share of the update", courses, lambda c: c.share)],
        tables=[_table("The decay's share of the update", courses, lambda c: c.share)],
    )


Values = Callable[[Course], Sequence[float | None]]


def _figure(
    name: str, unit: str, courses: Sequence[Course], of: Values, thin: Values | None = None
) -> Figure:
    data: list[dict[str, Any]] = []
    for k, course in enumerate(courses):
        line = {"color": _COLOURS[k % len(_COLOURS)], "dash": _DASHES[k // len(_COLOURS) % len(_DASHES)]}
        trace = {
            "type": "scatter",
            "mode": "lines",
            "x": plain(course.steps),
            "name": plotly_text(course.label),
        }
        data.append(
            {**trace, "y": plain(of(course)), "line": {**line, "width": 2.5}, "showlegend": len(courses) > 1}
        )
        if thin is not None and any(value is not None for value in thin(course)):
            data.append(
                {
                    **trace,
                    "y": plain(thin(course)),
                    "line": {**line, "width": 1},
                    "opacity": 0.6,
                    "showlegend": False,
                }
            )
    return Figure(
        id=f"{name}-chart",
        label=f"{unit} over the steps, one line per group",
        data=data,
        layout={
            "xaxis": {"title": {"text": "step"}, "showgrid": False},
            "yaxis": {"title": {"text": unit}, "rangemode": "tozero", "automargin": True},
            "showlegend": len(courses) > 1,
            "legend": {"orientation": "h", "y": 1.12},
        },
    )


def _table(caption: str, courses: Sequence[Course], of: Values) -> Table:
    rows = [(str(step), *(of(c)[k] for c in courses)) for k, step in enumerate(courses[0].steps)]
    return Table(caption=caption, head=("step", *(c.label for c in courses)), rows=rows)
