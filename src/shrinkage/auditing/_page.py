"""The documentation page of the findings: `python -m shrinkage.auditing._page > docs/findings.md`."""

from __future__ import annotations

from shrinkage.auditing._finding import Check
from shrinkage.auditing._unchecked import NEEDS
from shrinkage.auditing.findings import CHECKS

__all__ = ["page"]

_HEAD = """# What an audit finds

This page is generated from the registry: `python -m shrinkage.auditing._page > docs/findings.md`.

`shrinkage.audit(optimizer, model)` measures. Thinned copies of the parameters take steps with zero and with known
gradients, with slightly offset weights and slightly offset gradients; what becomes of the offsets tells the shrink
s of each weight, the way the decay takes, and its clock. Names and flags are not trusted. Then these questions are
asked. An *error* is a decay that does the opposite, nothing, or hits the wrong weights; a *warning* is likely not meant;
a *note* is worth knowing.

What a question is judged by is said with it. Where that is missing, the question is not asked, and the audit says so
under "not checked" (`audit.unchecked`): an optimizer's state alone, or weights alone, never get an all-clear.

| code | severity | finding |
|---|---|---|
"""


def page() -> str:
    """The page, as Markdown."""
    rows = "\n".join(f"| [`{c.code}`](#{c.code}) | {c.severity} | {c.title} |" for c in CHECKS.values())
    return f"{_HEAD}{rows}\n\n" + "\n".join(map(_section, CHECKS.values()))


def _section(check: Check) -> str:
    anchor = f'<a id="{check.code}"></a>\n## {check.title}\n\n`{check.code}`, {check.severity}'
    return f"{anchor}\n\n{check.explanation}\n\n{_judged_by(check)}\n"


def _judged_by(check: Check) -> str:
    needs = ", ".join(NEEDS[need] for need in check.needs)
    partly = ", ".join(NEEDS[need] for need in check.partly)
    return f"Judged by: {needs}" + (f"; all of it only with: {partly}." if partly else ".")


if __name__ == "__main__":
    print(page(), end="")
