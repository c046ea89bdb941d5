"""The result of an audit as data: findings, a row for each kind of treatment, and what was not looked at."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from shrinkage.auditing._finding import SEVERITIES, Finding, Severity
from shrinkage.auditing._unchecked import Unchecked
from shrinkage.auditing.findings import CHECKS

__all__ = ["AuditResult", "Group", "Verdict"]

Verdict = Literal["found", "clear", "no all-clear"]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Parameters of one optimizer group that are treated alike."""

    group: int
    """The optimizer group's number."""
    parameters: tuple[str, ...]
    """Their names."""
    roles: tuple[str, ...]
    """Their roles in the model."""
    elements: int
    """Number of elements."""
    rule: str
    """The rule that acts on them, in words."""
    formula: str
    """The rule in symbols; Δ is the optimizer's step."""
    lr: float
    """The learning rate at which it was measured: the peak of the plan, or the present one."""
    lam: float | None
    """Canonical λ with the same stationary point; None if each weight has its own."""
    shrink: float | None
    """Fraction removed per step at `lr`; None if it depends on the gradients."""
    steps: float | None
    """Timescale in steps, 1/shrink; None if the shrink is None."""
    epochs: float | None
    """Timescale in epochs; None without the rows and the batch size."""
    sentence: str = ""
    """What the rule means for the run."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON; an infinite timescale is None."""
        finite = {
            k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in asdict(self).items()
        }
        return {**finite, "parameters": list(self.parameters), "roles": list(self.roles)}


@dataclass(frozen=True, kw_only=True)
class AuditResult:
    """What an optimizer does to each weight, and what is probably unintended."""

    optimizer: str
    """The name of its class."""
    findings: list[Finding]
    """The worst first."""
    groups: list[Group]
    """A row for each kind of treatment."""
    unchecked: list[Unchecked] = field(default_factory=list)
    """Checks that could not run, by reason."""

    @property
    def headline(self) -> str:
        """Number of findings; says so if too few checks could run for their absence to mean anything."""
        counts = [(sum(f.severity == s for f in self.findings), s) for s in SEVERITIES]
        counted = ", ".join(f"{n} {severity}{'s' if n > 1 else ''}" for n, severity in counts if n)
        asked = len(CHECKS) - len({code for part in self.unchecked for code in part.codes})
        blind = f"this is not an all-clear: only {asked} of {len(CHECKS)} checks could run"
        return f"{self.optimizer}: {counted or 'nothing found'}" + (
            f"; {blind}" if self.is_half_blind else ""
        )

    @property
    def verdict(self) -> Verdict:
        """`found`, `clear`, or `no all-clear`: nothing was found, but too few checks could run."""
        return "found" if self.findings else "no all-clear" if self.is_half_blind else "clear"

    @property
    def is_half_blind(self) -> bool:
        """Whether so few checks could run that finding nothing is not an all-clear."""
        return any(part.central for part in self.unchecked)

    @property
    def worst(self) -> Severity | None:
        """The worst severity found; None without findings."""
        return self.findings[0].severity if self.findings else None

    def fails(self, on: Severity) -> bool:
        """Whether there is a finding of severity `on` or worse."""
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
