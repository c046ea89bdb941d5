"""What the documentation says about a finding."""

from __future__ import annotations

import difflib

from shrinkage._errors import RequestError, shown
from shrinkage.auditing._finding import Check
from shrinkage.auditing._unchecked import NEEDS
from shrinkage.auditing.findings import CHECKS

__all__ = ["explain", "section"]


def explain(code: str) -> str:
    """What the documentation says about the finding with this code.

    Raises:
        RequestError: there is no such finding.
    """
    if code not in CHECKS:
        near = difflib.get_close_matches(code, CHECKS, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise RequestError(f"there is no finding {shown(code)}{hint} Known: {', '.join(CHECKS)}.")
    return section(CHECKS[code])


def section(check: Check) -> str:
    """What the documentation says about one finding."""
    return f"{check.title}\n\n`{check.code}`, {check.severity}\n\n{check.explanation}\n\n{_needs_of(check)}"


def _needs_of(check: Check) -> str:
    needs = "; ".join(NEEDS[need] for need in check.needs)
    partly = "; ".join(NEEDS[need] for need in check.partly)
    return f"Needs: {needs}." + (f" For the complete check also: {partly}." if partly else "")
