"""The result of an audit: findings, a row for each kind of treatment, and the terminal's view of both."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shrinkage._files import write_atomic
from shrinkage.auditing._audit_page import rendered
from shrinkage.auditing._facts import Audited, Facts
from shrinkage.auditing._finding import SEVERITIES, Finding, Severity
from shrinkage.auditing._rule_in_words import formula, in_words
from shrinkage.auditing._unchecked import Unchecked, unchecked_of
from shrinkage.auditing.findings import CHECKS, found
from shrinkage.strength import epochs_from_shrink, steps_from_shrink

__all__ = ["Audit", "Group", "Verdict", "audit_of"]

Verdict = Literal["found", "clear", "no all-clear"]

_WORST = 3
_WIDTH = 110
_WIDE = 100
"""Columns that the table needs; a narrower terminal gets three lines a treatment."""
_COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan"}


@dataclass(frozen=True, kw_only=True)
class Group:
    """Parameters of one optimizer group that are treated alike."""

    group: int
    """The optimizer group's number."""
    parameters: tuple[str, ...]
    """Their names."""
    roles: tuple[str, ...]
    """What they are for."""
    elements: int
    """How many numbers they hold."""
    rule: str
    """What happens to them, in words."""
    formula: str
    """The same in symbols; Δ is the optimizer's step."""
    lr: float
    """The learning rate at which it was measured: the peak of the plan, or the present one."""
    lam: float | None
    """Canonical λ of the same stationary point; None where each weight has its own."""
    shrink: float | None
    """Fraction removed per step at `lr`; None where only the size of the gradients tells."""
    steps: float | None
    """Timescale in steps, 1/shrink; None where the shrink is None."""
    epochs: float | None
    """Timescale in epochs; None without the rows and the batch size."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON; an infinite timescale is None."""
        finite = {
            k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in asdict(self).items()
        }
        return {**finite, "parameters": list(self.parameters), "roles": list(self.roles)}


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What an optimizer does to each weight, and what of it is likely not meant. `print` shows it."""

    optimizer: str
    """The name of its class."""
    findings: list[Finding]
    """The worst first."""
    groups: list[Group]
    """A row for each kind of treatment."""
    unchecked: list[Unchecked] = field(default_factory=list)
    """What was not looked at, by reason."""

    @property
    def headline(self) -> str:
        """How many findings there are; and where too little could be looked at, that their absence says nothing."""
        counts = [(sum(f.severity == s for f in self.findings), s) for s in SEVERITIES]
        told = ", ".join(f"{n} {severity}{'s' if n > 1 else ''}" for n, severity in counts if n)
        asked = len(CHECKS) - len({code for part in self.unchecked for code in part.codes})
        blind = f"this is no all-clear: only {asked} of {len(CHECKS)} questions could be asked"
        return f"{self.optimizer}: {told or 'nothing found'}" + (f"; {blind}" if self.is_half_blind else "")

    @property
    def verdict(self) -> Verdict:
        """`found` something, `clear`, or `no all-clear`: nothing was found, and too little could be looked at."""
        return "found" if self.findings else "no all-clear" if self.is_half_blind else "clear"

    @property
    def is_half_blind(self) -> bool:
        """Whether so much could not be looked at that finding nothing is no all-clear."""
        return any(part.central for part in self.unchecked)

    @property
    def worst(self) -> Severity | None:
        """The gravest severity found; None without findings."""
        return self.findings[0].severity if self.findings else None

    def fails(self, on: Severity) -> bool:
        """Whether there is a finding as grave as `on`, or graver."""
        return self.worst is not None and SEVERITIES.index(self.worst) <= SEVERITIES.index(on)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON."""
        return {
            "optimizer": self.optimizer,
            "verdict": self.verdict,
            "headline": self.headline,
            "findings": [finding.to_dict() for finding in self.findings],
            "unchecked": [part.to_dict() for part in self.unchecked],
            "groups": [group.to_dict() for group in self.groups],
        }

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write everything as a page that opens offline, whole or not at all."""
        write_atomic(path, rendered(self).encode())

    def __rich__(self) -> Any:
        return _Shown(self)

    def __str__(self) -> str:
        console = Console(file=io.StringIO(), width=_WIDTH, force_terminal=False, color_system=None)
        console.print(self)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue().rstrip()


class _Shown:
    """An audit for the terminal, in the order of the JSON and the page: findings, what was not looked at, the table."""

    def __init__(self, audit: Audit) -> None:
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
                [_table(self.audit.groups)] if options.max_width >= _WIDE else _stacked(self.audit.groups)
            )
        if self.audit.findings:
            code = self.audit.findings[0].code
            yield Text(f"\nWhat a finding means: shrinkage audit --explain {code}")


def audit_of(facts: Facts) -> Audit:
    """The facts, judged; and what they do not tell."""
    return Audit(
        optimizer=facts.optimizer,
        findings=found(facts),
        groups=groups_of(facts),
        unchecked=unchecked_of(CHECKS, facts.lacks, facts.lacks_part),
    )


def groups_of(facts: Facts) -> list[Group]:
    """The parameters, sorted by optimizer group and treatment."""
    alike: dict[tuple[Any, ...], list[Audited]] = {}
    for p in facts.parameters:
        alike.setdefault((p.group, in_words(p.reading), formula(p.reading, p.lr)), []).append(p)
    return [_group(facts, members) for _, members in sorted(alike.items(), key=lambda item: item[0][0])]


def _group(facts: Facts, members: Sequence[Audited]) -> Group:
    reading, lr = members[0].reading, members[0].lr
    shrink = reading.shrink
    size = abs(shrink) if shrink is not None else None
    counted = facts.rows is not None and facts.batch_size is not None
    return Group(
        group=members[0].group,
        parameters=tuple(p.name for p in members),
        roles=tuple(sorted({p.role for p in members})),
        elements=sum(p.tensor.numel() for p in members),
        rule=in_words(reading),
        formula=formula(reading, lr),
        lr=lr,
        lam=reading.lam,
        shrink=shrink,
        steps=None if size is None else steps_from_shrink(size),
        epochs=epochs_from_shrink(size, rows=facts.rows or 1, batch_size=facts.batch_size or 1)
        if size is not None and counted
        else None,
    )


def _in_full(finding: Finding) -> Iterator[Any]:
    yield Text()
    title = Text.assemble((f"{finding.severity} {finding.code}", _COLOURS[finding.severity]))
    yield title.append(f"  {_listed(finding.parameters)}")
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
        lines.add_row(code, f"{_listed(finding.parameters)}: {finding.measured}")
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


def _stacked(groups: Sequence[Group]) -> Iterator[Any]:
    """The table for a narrow terminal: three lines a treatment."""
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(no_wrap=True, style="bold")
    lines.add_column(overflow="fold")
    for g in groups:
        lines.add_row(f"group {g.group}", _kinds(g))
        lines.add_row("", Text(f"{g.rule}:  {g.formula}"))
        told = zip(("λ", "shrink/step", "steps", "epochs"), _numbers(g), strict=True)
        lines.add_row("", "   ".join(f"{head} {number}" for head, number in told if number != "–"))
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
    return "–" if x is None else "∞" if math.isinf(x) else f"{x:.3g}"


def _listed(parameters: Sequence[str], most: int = 3) -> str:
    rest = f" and {len(parameters) - most} more" if len(parameters) > most else ""
    apart = "; " if any("," in name for name in parameters) else ", "
    return apart.join(parameters[:most]) + rest
