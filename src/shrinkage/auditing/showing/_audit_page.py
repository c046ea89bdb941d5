"""The audit as a page in the style of the fit report."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

from shrinkage._files import write_atomic
from shrinkage.auditing._audit_result import AuditResult, Group
from shrinkage.auditing._finding import SEVERITIES, Finding
from shrinkage.auditing.showing._audit_text import list_parameters
from shrinkage.pages import Figure, Page, Section, Table, Tile, plain, plotly_text, render_page

__all__ = ["render_audit", "render_audit_with", "to_html"]

_MOST_NAMES = 40
"""Parameters named in a row; the JSON has all of them."""


def to_html(audit: AuditResult, path: str | os.PathLike[str]) -> None:
    """Write everything as a page that opens offline, whole or not at all."""
    write_atomic(path, render_audit(audit).encode())


def render_audit(audit: AuditResult) -> str:
    """The audit as one HTML document."""
    return render_audit_with(
        audit,
        title=audit.headline,
        subtitle=f"What {audit.optimizer} does to each weight, measured on copies.",
        tiles=_tiles(audit),
    )


def render_audit_with(
    audit: AuditResult, *, title: str, subtitle: str, tiles: Sequence[Tile], sections: Sequence[Section] = ()
) -> str:
    """A page about an audit, with sections that come before its own."""
    own = [_treatment(audit.groups), *_charts(audit.groups)] if audit.groups else []
    return render_page(
        Page(
            title=title,
            kicker="Audit of an optimizer",
            subtitle=subtitle,
            tiles=tiles,
            findings=[
                f"{f.severity} {f.code}: {f.measured}; expected: {f.expected}." for f in audit.findings[:3]
            ],
            notes=[f"Not checked, as {part.because}: {part.words}." for part in audit.unchecked],
            sections=[*sections, *_sections_of_findings(audit.findings), *own],
        )
    )


def _count_of_findings(findings: Sequence[Finding]) -> str:
    counts = [(sum(f.severity == s for f in findings), s) for s in SEVERITIES]
    return ", ".join(f"{n} {severity}{'s' if n > 1 else ''}" for n, severity in counts if n)


def _tiles(audit: AuditResult) -> list[Tile]:
    held = sum(g.elements for g in audit.groups)
    decayed = sum(g.elements for g in audit.groups if g.shrink != 0)
    return [
        Tile(label="Findings", value=str(len(audit.findings)), before=_count_of_findings(audit.findings)),
        Tile(
            label="Parameters",
            value=f"{held:,}",
            before=f"{sum(len(g.parameters) for g in audit.groups)} tensors",
        ),
        Tile(label="Decayed", value=f"{decayed / held:.1%}" if held else "–", before=f"{decayed:,} of them"),
    ]


def _sections_of_findings(findings: Sequence[Finding]) -> list[Section]:
    return [
        Section(
            id=f"finding-{k}",
            topic=f"{finding.severity} {finding.code}",
            title=finding.measured,
            caption=f"Expected: {finding.expected}. {finding.advice}",
            facts=[
                ("parameters", list_parameters(finding.parameters, _MOST_NAMES)),
                ("explained in", finding.link),
            ],
        )
        for k, finding in enumerate(findings)
    ]


def _treatment(groups: Sequence[Group]) -> Section:
    head = (
        "group",
        "parameters",
        "roles",
        "rule",
        "formula",
        "lr",
        "λ",
        "shrink/step",
        "steps",
        "epochs",
        "in words",
    )
    rows = [
        (
            str(g.group),
            list_parameters(g.parameters, _MOST_NAMES),
            ", ".join(g.roles),
            g.rule,
            g.formula,
            g.lr,
            g.lam,
            g.shrink,
            _finite(g.steps),
            _finite(g.epochs),
            g.sentence,
        )
        for g in groups
    ]
    return Section(
        id="treatment",
        topic="What happens to the weights",
        title=_counted_as("treatment", {g.rule for g in groups})
        + " in "
        + _counted_as("group", {g.group for g in groups}),
        caption=(
            "λ is that of (1/n) Σ loss + (λ/2) Σ w², with the same stationary point; a dash if each "
            "weight has its own. The shrink is the fraction of a weight removed per step at the learning "
            "rate lr; Δ is the step of the optimizer."
        ),
        tables=[Table(caption="Each kind of treatment", head=head, rows=rows, folded=False)],
    )


def _charts(groups: Sequence[Group]) -> list[Section]:
    decaying = [g for g in groups if g.shrink is not None and g.shrink > 0]
    if len({f"{g.shrink:.3g}" for g in decaying}) < 2:
        return []
    labels = [f"group {g.group}: {', '.join(g.roles)}" for g in decaying]
    shrinks = [g.shrink for g in decaying]
    dots = {"type": "scatter", "mode": "markers", "x": plain(shrinks), "y": [plotly_text(x) for x in labels]}
    figure = Figure(
        id="shrinks",
        label="Fraction of a weight removed per step, for each treatment",
        data=[{**dots, "marker": {"color": "@training", "size": 12}}],
        layout={
            "xaxis": {"type": "log", "title": {"text": "shrink per step"}},
            "yaxis": {"automargin": True},
        },
        height=120 + 40 * len(decaying),
    )
    table = Table(
        caption="Shrink per step", head=("treatment", "shrink"), rows=list(zip(labels, shrinks, strict=True))
    )
    return [
        Section(
            id="sizes",
            topic="How strongly",
            title=f"Up to {max(shrinks, key=lambda s: s or 0):.2g} of a weight is removed per step",
            caption="The timescale is 1/shrink steps: one tenth of the shrink takes ten times as long.",
            figures=[figure],
            tables=[table],
        )
    ]


def _counted_as(what: str, kinds: set[Any]) -> str:
    return f"{len(kinds)} {what}{'' if len(kinds) == 1 else 's'}"


def _finite(x: float | None) -> float | None:
    return None if x is None or math.isinf(x) else x
