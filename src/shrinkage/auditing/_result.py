"""The result of an audit: findings, a row for each kind of treatment, and the terminal's view of both."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shrinkage._files import write_atomic
from shrinkage.auditing._facts import Audited, Facts
from shrinkage.auditing._finding import SEVERITIES, Finding, Severity
from shrinkage.auditing._html import rendered
from shrinkage.auditing._words import formula, in_words
from shrinkage.strength import epochs_from_shrink, steps_from_shrink

__all__ = ["Audit", "Group", "groups_of"]

_WORST = 3
_WIDTH = 110
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
            "findings": [finding.to_dict() for finding in self.findings],
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
    """An audit for the terminal: the worst findings, the table, the rest."""

    def __init__(self, audit: Audit) -> None:
        self.audit = audit

    def __rich_console__(self, console: Any, options: Any) -> Any:
        yield Text(self._headline(), style="bold")
        for finding in self.audit.findings[:_WORST]:
            yield _lines(finding)
        yield Text()
        yield _table(self.audit.groups)
        for finding in self.audit.findings[_WORST:]:
            yield _lines(finding)

    def _headline(self) -> str:
        counts = [(sum(f.severity == s for f in self.audit.findings), s) for s in SEVERITIES]
        told = ", ".join(f"{n} {severity}{'s' if n > 1 else ''}" for n, severity in counts if n)
        return f"{self.audit.optimizer}: {told or 'nothing found'}"


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


def _lines(finding: Finding) -> Text:
    text = Text("\n")
    text.append(f"{finding.severity} {finding.code}", style=_COLOURS[finding.severity])
    text.append(f"  {_listed(finding.parameters)}\n")
    text.append(
        f"  measured  {finding.measured}\n  expected  {finding.expected}\n  advice    {finding.advice}"
    )
    return text


def _table(groups: Sequence[Group]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in ("group", "parameters", "rule", "formula"):
        table.add_column(head, overflow="fold")
    for head in ("λ", "shrink/step", "steps", "epochs"):
        table.add_column(head, justify="right", no_wrap=True)
    for g in groups:
        kinds = f"{len(g.parameters)}: {', '.join(g.roles)}"
        numbers = (_number(g.lam), _number(g.shrink), _number(g.steps), _number(g.epochs))
        table.add_row(str(g.group), kinds, g.rule, g.formula, *numbers)
    return table


def _number(x: float | None) -> str:
    return "–" if x is None else "∞" if math.isinf(x) else f"{x:.3g}"


def _listed(parameters: Sequence[str], most: int = 3) -> str:
    rest = f" and {len(parameters) - most} more" if len(parameters) > most else ""
    return ", ".join(parameters[:most]) + rest
