"""The terminal's view of an audit, in the order of the JSON and the page: findings, what was not looked at, the table."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shrinkage.auditing._audit_result import AuditResult, Group
from shrinkage.auditing._finding import Finding
from shrinkage.auditing._unchecked import Unchecked
from shrinkage.strength import short

__all__ = ["AuditText", "as_text", "list_parameters"]

_WORST = 3
_WIDTH = 110
_WIDE = 100
"""Columns that the table needs; a narrower terminal gets four lines per treatment."""
_COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def as_text(audit: AuditResult) -> str:
    """The audit as plain text."""
    console = Console(file=io.StringIO(), width=_WIDTH, force_terminal=False, color_system=None)
    console.print(AuditText(audit))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip()


class AuditText:
    """An audit as rich renders it."""

    def __init__(self, audit: AuditResult) -> None:
        self.audit = audit

    def __rich_console__(self, console: Any, options: Any) -> Any:
        yield Text(self.audit.headline, style="bold")
        for finding in self.audit.findings[:_WORST]:
            yield from _in_full(finding)
        rest = self.audit.findings[_WORST:]
        if rest:
            yield Text("\nalso found")
            yield _in_short(rest)
        yield from _not_looked_at(self.audit.unchecked)
        if self.audit.groups:
            yield Text()
            yield from (
                [_table(self.audit.groups)] if options.max_width >= _WIDE else _narrow_rows(self.audit.groups)
            )
            if options.max_width >= _WIDE:
                yield Text()
                yield from _in_words(self.audit.groups)
        if self.audit.findings:
            code = self.audit.findings[0].code
            yield Text(f"\nWhat a finding means: shrinkage audit --explain {code}")


def _in_full(finding: Finding) -> Iterator[Any]:
    yield Text()
    title = Text.assemble((f"{finding.severity} {finding.code}", _COLOURS[finding.severity]))
    yield title.append(f"  {list_parameters(finding.parameters)}")
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(no_wrap=True)
    lines.add_column(overflow="fold")
    for head in ("measured", "expected", "advice"):
        lines.add_row(f"  {head}", getattr(finding, head))
    yield lines


def _in_short(findings: Sequence[Finding]) -> Table:
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(no_wrap=True)
    lines.add_column(overflow="fold")
    for finding in findings:
        code = Text(f"  {finding.severity} {finding.code}", style=_COLOURS[finding.severity])
        lines.add_row(code, f"{list_parameters(finding.parameters)}: {finding.measured}")
    return lines


def _not_looked_at(unchecked: Sequence[Unchecked]) -> Iterator[Any]:
    if unchecked:
        lines = Table.grid(padding=(0, 1, 0, 0))
        lines.add_column()
        lines.add_column(overflow="fold")
        for part in unchecked:
            lines.add_row(" ", Text.assemble((f"{part.because}: ", "bold"), part.words))
        yield Text("\nnot checked")
        yield lines


def _in_words(groups: Sequence[Group]) -> Iterator[Any]:
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(no_wrap=True)
    lines.add_column(overflow="fold")
    for g in groups:
        lines.add_row(f"group {g.group}", Text(f"{', '.join(g.roles)}: {g.sentence}"))
    yield lines


def _narrow_rows(groups: Sequence[Group]) -> Iterator[Any]:
    """The table for a narrow terminal: four lines per treatment."""
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(no_wrap=True, style="bold")
    lines.add_column(overflow="fold")
    for g in groups:
        lines.add_row(f"group {g.group}", _kinds(g))
        lines.add_row("", Text(f"{g.rule}:  {g.formula}"))
        columns = zip(("λ", "shrink/step", "steps", "epochs"), _numbers(g), strict=True)
        lines.add_row("", g.sentence)
        lines.add_row("", "   ".join(f"{head} {number}" for head, number in columns if number != "–"))
    yield lines


def _kinds(g: Group) -> str:
    return f"{len(g.parameters)}: {', '.join(g.roles)}"


def _numbers(g: Group) -> tuple[str, str, str, str]:
    return _number(g.lam), _number(g.shrink), _number(g.steps), _number(g.epochs)


def _table(groups: Sequence[Group]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in ("group", "parameters", "rule", "formula"):
        table.add_column(head, overflow="fold")
    for head in ("λ", "shrink/step", "steps", "epochs"):
        table.add_column(head, justify="right", no_wrap=True)
    for g in groups:
        table.add_row(str(g.group), _kinds(g), g.rule, g.formula, *_numbers(g))
    return table


def _number(x: float | None) -> str:
    return "–" if x is None else "∞" if math.isinf(x) else short(x)


def list_parameters(parameters: Sequence[str], most: int = 3) -> str:
    """`a, b, c and 2 more`; semicolons where a name contains a comma."""
    rest = f" and {len(parameters) - most} more" if len(parameters) > most else ""
    apart = "; " if any("," in name for name in parameters) else ", "
    return apart.join(parameters[:most]) + rest
