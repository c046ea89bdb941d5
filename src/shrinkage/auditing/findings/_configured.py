"""What a group's number says, against what its parameters get."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from shrinkage.auditing._facts import Audited, Facts, Owner, configured_strength
from shrinkage.auditing._finding import Hits, Severity, finding, names

_SAME = 0.03
"""Relative difference up to which two strengths count as one."""
_MOST_NAMED = 2
"""Parameters that a sentence names."""
_SHIFTS = ("bias", "norm", "scale", "token", "unknown")


@finding(
    "not-applied", "A strength that never arrives", "error", needs=("optimizer", "options"), partly=("size",)
)
def not_applied(facts: Facts) -> Hits:
    """A group has weight_decay > 0, but some or all of its trained parameters are not decayed.

    The optimizer does not know the option, ignores it in one of its code paths, or skips parameters with a shape or
    number format that it does not expect. It is an error if a whole group or a weight matrix is not decayed, and a
    note if only biases and other one-dimensional parameters are skipped, which some optimizers do on purpose. A step
    that moves nothing at all is an error whatever the group specifies.
    """
    for owner in facts.owners:
        still = (
            [p for p in facts.held_by(owner) if p.trainable and p.tensor.numel()] if owner.is_still else []
        )
        if still:
            yield (
                names(still),
                f"a step of {owner.name} moves none of its parameters, whatever their gradients",
                "steps that move the weights",
                "Look for a step() that returns early, waits for something, or does not call the optimizer inside it.",
            )
    for owner, g, strength, members in _groups(facts):
        if owner.is_still:
            continue
        absent = [p for p in members if not p.decays and _would_show(p, strength, owner)]
        if not absent:
            continue
        decayed = [p for p in members if p.decays]
        is_on_purpose = decayed and all(p.role in _SHIFTS and p.tensor.dim() < 2 for p in absent)
        severity: Severity = "note" if is_on_purpose else "error"
        yield (
            names(absent),
            f"group {g} has weight_decay={strength:g}, but {owner.name} decays {_how_many(absent, decayed)}",
            f"{strength:g} for each parameter of the group",
            "Nothing to do if this is intended."
            if is_on_purpose
            else f"Use an optimizer that reads it, or weight_decay=0 and shrinkage.attach with the decay of your choice: "
            f"{owner.name} accepts the number and ignores it{_for_these(absent, decayed)}.",
            severity,
        )


@finding(
    "other-number",
    "A different decay than the group specifies",
    "warning",
    needs=("optimizer", "options"),
    partly=("size",),
)
def other_number(facts: Facts) -> Hits:
    """The weights are decayed, but by a different amount than the number in the group means in any usual convention.

    The conventions are lr × weight_decay, weight_decay itself, lr² × weight_decay, each possibly times the optimizer's
    own step size (`d`), and λ = weight_decay of a penalty. A whole multiple usually means that the decay is applied
    several times per step. If all groups of an optimizer get the same other multiple, it is only a note: the optimizer
    then has a convention of its own.
    """
    for owner in facts.owners:
        if owner.has_hooks:
            continue
        ratios = {
            p.name: (ratio, p)
            for _, g, strength, members in _groups(facts, owner)
            for p in members
            if (ratio := _ratio(p, strength, facts.groups[g].get("d", 1.0))) is not None
        }
        odd = [(ratio, p) for ratio, p in ratios.values() if abs(ratio - 1) > _SAME]
        for factor in sorted({float(f"{ratio:.2g}") for ratio, _ in odd}):
            alike = [p for ratio, p in odd if float(f"{ratio:.2g}") == factor]
            p, strength = alike[0], configured_strength(facts.groups[alike[0].group]) or 0.0
            is_all = len(alike) == len(ratios)
            is_repeated = factor > 1.5 and abs(factor - round(factor)) < _SAME * factor
            severity: Severity = "note" if is_all and not is_repeated else "warning"
            got = (
                f"a shrink of {p.reading.shrink:.3g} per step"
                if p.reading.path != "coupled"
                else f"λ = {p.reading.lam:.3g}"
            )
            yield (
                names(alike),
                f"group {p.group} has weight_decay={strength:g} at lr {p.lr:.3g}, but {got} is applied: {factor:g} times "
                f"as much{_unlike(alike, [q for _, q in ratios.values() if q not in alike])}",
                "the group's number",
                "Look for a decay that is applied once per part of the group, or divide weight_decay by "
                f"{factor:g} if the optimizer's own scaling is intended.",
                severity,
            )


@finding(
    "default-instead",
    "A default overrides the group's number",
    "error",
    needs=("optimizer", "options", "built"),
)
def default_instead(facts: Facts) -> Hits:
    """A group has weight_decay=0 but is decayed: the optimizer uses the default that it was built with."""
    for owner in facts.owners:
        default = configured_strength(owner.defaults) or 0.0
        if owner.has_hooks or default <= 0:
            continue
        for g in owner.groups:
            decayed = [p for p in facts.held_by(owner) if p.group == g and p.decays]
            if configured_strength(facts.groups[g]) == 0 and decayed and _is_by(decayed[0], default):
                yield (
                    names(decayed),
                    f"group {g} has weight_decay=0, but the {default:g} that {owner.name} was built with is applied",
                    "no decay",
                    "Build one optimizer per strength, or exempt with shrinkage.attach: the group's number is not read.",
                )


def _groups(facts: Facts, only: Owner | None = None) -> Iterator[tuple[Owner, int, float, list[Audited]]]:
    """Each group that says a strength > 0, with the parameters that should get it."""
    for owner in facts.owners if only is None else [only]:
        for g in owner.groups:
            strength = configured_strength(facts.groups[g]) or 0.0
            members = [p for p in facts.parameters if p.group == g and p.trainable and p.tensor.numel()]
            if strength > 0 and members:
                yield owner, g, strength, members


def _would_show(p: Audited, strength: float, owner: Owner) -> bool:
    return p.lr * strength > 3 * owner.noise


def _ratio(p: Audited, strength: float, own_step: object) -> float | None:
    """What arrives, in units of the nearest convention; None where there is none."""
    reading = p.reading
    d = own_step if isinstance(own_step, float) and own_step > 0 else 1.0
    if (
        reading.anchored
        or reading.cautious
        or reading.trust
        or reading.grows
        or reading.force != "proportional"
    ):
        return None
    if reading.path in ("plain", "coupled") and reading.lam:
        wanted: Sequence[float] = (strength,)
        got = reading.lam
    elif reading.path in ("decoupled", "plain") and reading.shrink:
        wanted = [strength * k * f for k in (p.lr, 1.0, p.lr**2) for f in (1.0, d)]
        got = reading.shrink
    else:
        return None
    ratios = [got / w for w in wanted if w > 0]
    return (
        min(ratios, key=lambda ratio: abs(ratio - 1) if abs(ratio - 1) < _SAME else 2.0) if ratios else None
    )


def _is_by(p: Audited, strength: float) -> bool:
    ratio = _ratio(p, strength, 1.0)
    return ratio is not None and abs(ratio - 1) < _SAME


def _how_many(absent: Sequence[Audited], decayed: Sequence[Audited]) -> str:
    if not decayed:
        return "none of its parameters" if len(absent) > 1 else "nothing"
    return (
        f"{len(decayed)} of its {len(absent) + len(decayed)} parameters: {_few(decayed)}, but not {_few(absent)}"
        f"{_perhaps_by(absent, decayed)}"
    )


def _for_these(absent: Sequence[Audited], decayed: Sequence[Audited]) -> str:
    return " for these" if decayed and absent else ""


def _unlike(alike: Sequence[Audited], others: Sequence[Audited]) -> str:
    return f", unlike {_few(others)}{_perhaps_by(alike, others)}" if others else ""


def _few(these: Sequence[Audited]) -> str:
    rest = len(these) - _MOST_NAMED
    return ", ".join(names(these[:_MOST_NAMED])) + (f" and {rest} more" if rest > 0 else "")


def _perhaps_by(these: Sequence[Audited], others: Sequence[Audited]) -> str:
    """What may tell the parameters from the others: their number format, axes or shape.

    It is named where no value occurs on both sides and one is shared by several parameters on each side: of two single
    parameters any difference may be a coincidence.
    """
    sources: dict[str, Callable[[Audited], object]] = {
        "number format": lambda p: p.tensor.dtype,
        "number of axes": lambda p: p.tensor.dim(),
        "shape": lambda p: tuple(p.tensor.shape),
    }
    for what, of in sources.items():
        here, there = Counter(map(of, these)), Counter(map(of, others))
        if here.keys() & there.keys() or min(map(_most, (here, there))) < 2:
            continue
        (mine, _), (its, _) = here.most_common(1)[0], there.most_common(1)[0]
        return f"; a possible cause is the {what} ({_value_text(mine)} against {_value_text(its)})"
    return ""


def _most(counts: Counter[object]) -> int:
    return max(counts.values(), default=0)


def _value_text(value: object) -> str:
    return str(value).removeprefix("torch.")
