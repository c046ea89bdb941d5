"""An audit in notebooks."""

from __future__ import annotations

import math
from typing import Any

from shrinkage.auditing import Audit
from shrinkage.pages import Table, frame, number

__all__ = ["html_of"]


def html_of(audit: Audit) -> str:
    """The findings, and a row for each kind of treatment."""
    findings = Table(
        caption="findings",
        head=["severity", "code", "parameters", "measured", "expected", "advice"],
        rows=[
            [f.severity, f.code, ", ".join(f.parameters[:5]), f.measured, f.expected, f.advice]
            for f in audit.findings
        ],
        folded=False,
    )
    groups = Table(
        caption="what is done to each weight",
        head=["parameters", "numbers", "roles", "shrink per step", "timescale in epochs"],
        rows=[
            [
                ", ".join(group.parameters[:5]) + (" …" if len(group.parameters) > 5 else ""),
                group.elements,
                ", ".join(group.roles),
                _number(group.shrink),
                _number(group.epochs),
            ]
            for group in audit.groups
        ],
        folded=False,
    )
    sentences = [f"Not checked, as {part.because}: {part.words}." for part in audit.unchecked]
    tables = [table for table in (findings, groups) if table.rows]
    return frame(f"Audit of {audit.headline}", sentences, tables=tables)


def _number(value: Any) -> str:
    return "–" if value is None or not math.isfinite(value) else number(value)
