"""Several optimizers of one model as one: every parameter once, groups counted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shrinkage.auditing._facts import Audited, Facts
from shrinkage.auditing._unchecked import Need

__all__ = ["merge_facts"]


def merge_facts(parts: Sequence[Facts]) -> Facts:
    """The facts of all together; a parameter that several hold is that of the first, and stands in the groups of all."""
    if len(parts) == 1:
        return parts[0]
    parameters: dict[int, Audited] = {}
    fading: dict[int, tuple[int, float]] = {}
    owners, first = [], 0
    for part in parts:
        for i, p in enumerate(part.parameters):
            groups = tuple(g + first for g in p.groups)
            key = id(p.tensor)
            if key in parameters:
                held = parameters[key]
                parameters[key] = replace(held, groups=(*held.groups, *groups))
                continue
            if i in part.fading:
                fading[len(parameters)] = part.fading[i]
            parameters[key] = replace(p, group=p.group + first, groups=groups)
        owners += [
            replace(o, groups=range(first + o.groups.start, first + o.groups.stop)) for o in part.owners
        ]
        first += len(part.groups)
    lacks, in_part = _lacks(parts)
    return replace(
        parts[0],
        optimizer=" + ".join(part.optimizer for part in parts),
        parameters=_named_apart(list(parameters.values())),
        groups=[group for part in parts for group in part.groups],
        owners=owners,
        forgotten=[name for name in parts[0].forgotten if all(name in part.forgotten for part in parts[1:])],
        timelines=None if parts[0].timelines is None else [t for part in parts for t in part.timelines or ()],
        fading=fading,
        lacks=lacks,
        lacks_part=in_part,
    )


def _named_apart(parameters: list[Audited]) -> list[Audited]:
    """Parameters that no model names carry the number of a group, which was counted on."""
    return [
        replace(p, name=f"group {p.group},{p.name.partition(',')[2]}") if p.name.startswith("group ") else p
        for p in parameters
    ]


def _lacks(parts: Sequence[Facts]) -> tuple[dict[Need, str], dict[Need, str]]:
    """What none of them has, and what some of them lack."""
    everywhere: dict[Need, str] = {
        need: because
        for need, because in parts[0].lacks.items()
        if all(need in part.lacks for part in parts[1:])
    }
    some: dict[Need, str] = {}
    for part in parts:
        for lacks in (part.lacks, part.lacks_part):
            some.update({need: because for need, because in lacks.items() if need not in everywhere})
    return everywhere, some
