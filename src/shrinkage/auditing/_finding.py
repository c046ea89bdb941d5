"""What a finding is, and the registry of those that are looked for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from shrinkage.auditing._facts import Audited, Facts
from shrinkage.auditing._unchecked import Need

__all__ = ["SEVERITIES", "Check", "Finding", "Hits", "Severity", "finding", "names"]

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""Severities, the worst first."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something about the decay that may be unintended."""

    code: str
    """Its permanent name."""
    severity: Severity
    """`error`: the decay does the opposite or nothing; `warning`: probably unintended; `note`: worth knowing."""
    parameters: tuple[str, ...]
    """The parameters concerned."""
    measured: str
    """What was measured."""
    expected: str
    """What was expected."""
    advice: str
    """What to write instead."""
    link: str
    """Its section in the documentation, which `shrinkage audit --explain CODE` prints too."""

    @property
    def sentence(self) -> str:
        """The whole finding as one sentence."""
        named = ", ".join(self.parameters[:2])
        rest = len(self.parameters) - 2
        whom = f"{named} and {rest} more" if rest > 0 else named
        return f"{whom}: {self.measured} (expected: {self.expected}). {self.advice}"

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON, and all of them as a sentence."""
        return {**asdict(self), "parameters": list(self.parameters), "sentence": self.sentence}


Hits = Iterable[tuple[list[str], str, str, str] | tuple[list[str], str, str, str, Severity]]
"""For each finding: parameters, measured, expected, advice; and a severity if it differs from the check's."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check of the facts; a row of the registry."""

    code: str
    """The code of what it finds."""
    title: str
    """The heading of its page."""
    severity: Severity
    """Its default severity."""
    needs: tuple[Need, ...]
    """What it needs to run at all."""
    partly: tuple[Need, ...]
    """What it needs to be complete."""
    look: Callable[[Facts], Hits]
    """Finds it; its docstring is the documentation's text."""

    @property
    def explanation(self) -> str:
        """What the documentation says about it."""
        return inspect.cleandoc(self.look.__doc__ or "")

    def __call__(self, facts: Facts) -> list[Finding]:
        """The findings in these facts; none if they lack what the check needs."""
        if any(need in facts.lacks for need in self.needs):
            return []
        return [
            Finding(
                code=self.code,
                severity=own[0] if own else self.severity,
                parameters=tuple(parameters),
                measured=measured,
                expected=expected,
                advice=advice,
                link=f"docs/findings.md#{self.code}",
            )
            for parameters, measured, expected, advice, *own in self.look(facts)
        ]


def finding(
    code: str,
    title: str,
    severity: Severity,
    *,
    needs: tuple[Need, ...] = ("optimizer",),
    partly: tuple[Need, ...] = (),
) -> Callable[[Callable[[Facts], Hits]], Check]:
    """Decorator: make a check from a function that yields findings from the facts."""
    return lambda look: Check(
        code=code, title=title, severity=severity, needs=needs, partly=partly, look=look
    )


def names(parameters: Iterable[Audited]) -> list[str]:
    """The parameters' names."""
    return [p.name for p in parameters]
