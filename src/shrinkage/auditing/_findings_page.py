"""The documentation page of the findings: `python -m shrinkage.auditing._findings_page > docs/findings.md`."""

from __future__ import annotations

from shrinkage.auditing._explaining import section
from shrinkage.auditing.findings import CHECKS

__all__ = ["page"]

_HEAD = """# What an audit finds

This page is generated from the registry: `python -m shrinkage.auditing._findings_page > docs/findings.md`.

`shrinkage.audit(optimizer, model)` measures what an optimizer does to each weight. It copies a few entries of each
parameter and lets the optimizer take steps on the copies: with zero gradients and with known ones, from the weights as
they are and from slightly offset ones. How an offset changes gives the shrink s of each weight, whether the decay goes
through the gradient, and which clock it follows. Names and flags are not trusted. The audit then checks for the
findings below. An *error* is a decay that does the opposite, does nothing, or hits the wrong weights; a *warning* is
probably unintended; a *note* is worth knowing.

Some checks need information that the audit may not have. It lists those under "not checked" (`audit.unchecked`).
An optimizer's state alone, or weights alone, never get an all-clear: the first line says so, and `verdict` in the JSON
is `no all-clear` instead of `clear`. `--fail-on` exits with 0 if no finding is that severe, and with 2 if there are only
weights, because no decay can be measured then. `shrinkage audit --explain adam-l2` prints this page's entry for a
finding.

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
