"""The table of what a rule does to each parameter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from shrinkage._drawing import Drawn
from shrinkage.attachment._handle import Handle
from shrinkage.rules import Rule

__all__ = ["ParameterRow", "ParameterTable", "in_words", "table_of"]


@dataclass(frozen=True, kw_only=True)
class ParameterRow:
    """One parameter of the optimizer."""

    name: str
    """Its name in the model, without any wrappers."""
    shape: tuple[int, ...]
    """Its shape."""
    group: int
    """The parameter group that holds it."""
    role: str
    """weight, bias, norm, scale, token or embedding."""
    reason: str
    """How the role was recognized."""
    rule: str
    """The rule with its strength, or why it is exempt."""
    how: str
    """How the rule is applied: `native`, by the optimizer's kernel; `hook`, around its step; empty if exempt."""


@dataclass(frozen=True)
class ParameterTable(Drawn):
    """All rows, in the order of the optimizer; `print` shows them."""

    rows: tuple[ParameterRow, ...]

    def __iter__(self) -> Iterator[ParameterRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> ParameterRow:
        """Return the row of the parameter called `name`."""
        return {row.name: row for row in self.rows}[name]

    def to_dict(self) -> list[dict[str, Any]]:
        """The rows as plain dicts."""
        return [asdict(row) for row in self.rows]

    def __str__(self) -> str:
        head = ("parameter", "shape", "group", "role", "recognized by", "rule", "carried out")
        body = [
            (r.name, "×".join(map(str, r.shape)) or "1", str(r.group), r.role, r.reason, r.rule, r.how)
            for r in self.rows
        ]
        widths = [max(len(line[i]) for line in (head, *body)) for i in range(len(head))]
        lines = [head, tuple("─" * width for width in widths), *body]
        return "\n".join(
            "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines
        )


def table_of(handle: Handle) -> ParameterTable:
    """The table of `handle`."""
    native = {claim.param for bunch in handle.bunches if bunch.native for claim in bunch.claims}
    peaks = {claim.param: bunch.peak_in_words() for bunch in handle.bunches for claim in bunch.claims}
    moved = "" if handle.control is None else f", moved by {handle.control.name}"
    rows = []
    for index, group in enumerate(handle.optimizer.param_groups):
        for param in group["params"]:
            claim = handle.claims[param]
            how = "" if claim.rule is None else "native" if param in native else "hook"
            rows.append(
                ParameterRow(
                    name=claim.name,
                    shape=tuple(param.shape),
                    group=index,
                    role=claim.role.name,
                    reason=claim.role.reason,
                    rule=claim.reason if claim.rule is None else in_words(claim.rule) + peaks[param] + moved,
                    how=how,
                )
            )
    return ParameterTable(tuple(rows))


def in_words(rule: Rule) -> str:
    """The rule with its strength and, where it has one, its clock."""
    strength = rule.strength
    number = f"{strength:g}" if not isinstance(strength, Tensor) else f"{strength.numel()} strengths"
    timed = rule.entry in ("before", "after", "prox")
    clock = {"lr": "× lr", "schedule": "× lr/lr_max", "corrected": "× lr²/lr_max", "constant": "per step"}
    anchor = " from the start" if rule.anchor == "initial" else ""
    name = f"{rule.name} rate" if rule.is_fraction else rule.name
    return f"{name} {number}" + (f" {clock[rule.clock]}" if timed else "") + anchor
