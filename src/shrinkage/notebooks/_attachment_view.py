"""The table of an attached rule in notebooks."""

from __future__ import annotations

from shrinkage.attachment import ParameterTable
from shrinkage.pages import Table, frame

__all__ = ["html_of"]


def html_of(table: ParameterTable) -> str:
    """A row for each parameter."""
    rows = [
        [r.name, "×".join(map(str, r.shape)) or "1", str(r.group), r.role, r.reason, r.rule, r.how]
        for r in table
    ]
    head = ["parameter", "shape", "group", "role", "recognized by", "rule", "carried out"]
    decayed = sum(row.rule != "–" for row in table)
    return frame(
        f"{len(rows):,} parameters, {decayed:,} under a rule",
        tables=[Table(caption="parameters", head=head, rows=rows, folded=False)],
    )
