"""Facts, judged: the findings of all checks, and a row for each kind of treatment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shrinkage._drawing import Drawn
from shrinkage.auditing._audit_result import AuditResult, Group
from shrinkage.auditing._facts import Audited, Facts
from shrinkage.auditing._unchecked import unchecked_of
from shrinkage.auditing.findings import CHECKS, found
from shrinkage.auditing.showing._audit_page import to_html
from shrinkage.auditing.showing._audit_text import AuditText, as_text
from shrinkage.auditing.showing._group_sentence import group_sentence
from shrinkage.auditing.showing._rule_in_words import formula, in_words
from shrinkage.strength import epochs_from_shrink, steps_from_shrink

__all__ = ["Audit", "audit_of", "treatments"]


class Audit(Drawn, AuditResult):
    """What an optimizer does to each weight, and what is probably unintended. `print` shows it."""

    to_html = to_html

    def __rich__(self) -> Any:
        return AuditText(self)

    def __str__(self) -> str:
        return as_text(self)


def audit_of(facts: Facts) -> Audit:
    """The facts, judged; and what they do not tell."""
    return Audit(
        optimizer=facts.optimizer,
        findings=found(facts),
        groups=groups_of(facts),
        unchecked=unchecked_of(CHECKS, facts.lacks, facts.lacks_part),
    )


def treatments(facts: Facts) -> list[tuple[str, str, list[Audited]]]:
    """A label, the rule in words and the parameters of each kind of treatment, by optimizer group."""
    alike: dict[tuple[Any, ...], list[Audited]] = {}
    for p in facts.parameters:
        alike.setdefault((p.group, _rule(p), formula(p.reading, p.lr)), []).append(p)
    ordered = sorted(alike.items(), key=lambda item: item[0][0])
    return [
        (f"group {group}: {', '.join(sorted({p.role for p in members}))}", rule, members)
        for (group, rule, _), members in ordered
    ]


def groups_of(facts: Facts) -> list[Group]:
    """The parameters, sorted by optimizer group and treatment."""
    return [_group(facts, members) for _, _, members in treatments(facts)]


def _group(facts: Facts, members: Sequence[Audited]) -> Group:
    reading, lr = members[0].reading, members[0].lr
    shrink = reading.shrink
    size = abs(shrink) if shrink is not None else None
    counted = facts.rows is not None and facts.batch_size is not None
    steps = None if size is None else steps_from_shrink(size)
    epochs = (
        epochs_from_shrink(size, rows=facts.rows or 1, batch_size=facts.batch_size or 1)
        if size is not None and counted
        else None
    )
    return Group(
        group=members[0].group,
        parameters=tuple(p.name for p in members),
        roles=tuple(sorted({p.role for p in members})),
        elements=sum(p.tensor.numel() for p in members),
        rule=_rule(members[0]),
        formula=formula(reading, lr),
        lr=lr,
        lam=reading.lam,
        shrink=shrink,
        steps=steps,
        epochs=epochs,
        sentence=group_sentence(facts, members[0], epochs, steps),
    )


def _rule(p: Audited) -> str:
    """The rule in a few words; of what is frozen, that it is."""
    if p.trainable:
        return in_words(p.reading)
    return f"frozen, yet moved: {in_words(p.reading)}" if p.moves_though_frozen else "frozen"
