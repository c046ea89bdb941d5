"""The documentation page of the findings: `python -m shrinkage.auditing._findings_page > docs/findings.md`."""

from __future__ import annotations

from shrinkage.auditing._explaining import section
from shrinkage.auditing.findings import CHECKS

__all__ = ["page"]

_HEAD = """# What an audit finds

This page is generated from the registry: `python -m shrinkage.auditing._findings_page > docs/findings.md`.

`shrinkage.audit(optimizer, model)` measures. Thinned copies of the parameters take steps with zero and with known
gradients, with slightly offset weights and slightly offset gradients; what becomes of the offsets tells the shrink
s of each weight, the way the decay takes, and its clock. Names and flags are not trusted. Then these questions are
asked. An *error* is a decay that does the opposite, nothing, or hits the wrong weights; a *warning* is probably unintended;
a *note* is worth knowing.

What a question is judged by is said with it. Where that is missing, the question is not asked, and the audit says so
under "not checked" (`audit.unchecked`): an optimizer's state alone, or weights alone, never get an all-clear. Then
the first line says so, and `verdict` in the JSON is `no all-clear` instead of `clear`. `--fail-on` exits 0
if no finding is that severe; weights alone, where there is no optimizer to measure, it leaves with 2. What this page
says of a finding is also printed by `shrinkage audit --explain adam-l2`.

Every view has the same order: the findings, what was not checked, and what happens to the weights.

| code | severity | finding |
|---|---|---|
"""


def page() -> str:
    """The page, as Markdown."""
    rows = "\n".join(f"| [`{c.code}`](#{c.code}) | {c.severity} | {c.title} |" for c in CHECKS.values())
    return f"{_HEAD}{rows}\n\n" + "\n".join(
        f'<a id="{c.code}"></a>\n## {section(c)}\n' for c in CHECKS.values()
    )


if __name__ == "__main__":
    print(page(), end="")
