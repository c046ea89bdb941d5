"""The sentences of a conversion: why one is refused, and what agrees in one that is made."""

from __future__ import annotations

from shrinkage._errors import called
from shrinkage.strength._convention import Convention
from shrinkage.strength._quantities import Quantities

__all__ = ["note", "refusal", "refusal_sentence"]


def refusal(source: Convention, target: Convention) -> str:
    """Why no scalar equivalence exists between the two, or nothing."""
    if source is target:
        return ""
    for one in (source, target):
        if one.kind == "no scalar":
            return f"in {one.name} {one.note}"
    if source.kind == target.kind == "objective":
        return ""
    if "objective" in (source.kind, target.kind):
        return _of_objective(source, target)
    if source.family and target.family and source.family != target.family:
        return (
            f"{source.name} and {target.name} can remove the same fraction per step, but different updates "
            "drive the weights, so their stationary weights differ from coordinate to coordinate"
        )
    return ""


def _of_objective(source: Convention, target: Convention) -> str:
    for one in (source, target):
        if one.family in (None, "sgd"):
            continue
        if one.kind == "objective":
            return (
                f"{one.name} passes the penalty's gradient through its own update, so the shrink is not "
                "lr·λ but differs from weight to weight (for Adam lr·λ/(√v̂ᵢ + ε))"
            )
        return (
            f"{one.name} adds its decay to an update that is not the plain gradient, so its stationary "
            "point minimizes no objective with a single λ (for AdamW λᵢ = weight_decay·(√v̂ᵢ + ε), one "
            "for each weight)"
        )
    return ""


def refusal_sentence(source: Convention, target: Convention, reason: str) -> str:
    """The refusal as a finished sentence."""
    head = f"{called('convert(…)')}: no single number in {target.name} equals one in {source.name}: "
    if source.norm != target.norm:
        return f"{head}one is the strength of Σ |w|, the other of ½ Σ w². Compare them by their effect, on a path."
    return f"{head}{reason}. With {called('approximate', True)} you get the first-order number."


def note(
    source: Convention, target: Convention, q: Quantities, *, same: bool, refusal: str, rate: float | None
) -> str:
    """What agrees, what does not, and caveats."""
    parts = [_what_agrees(source, target, q, refusal, same=same)]
    if rate is not None:
        parts.append(_shorter_step(source, target, q, rate))
    parts += [f"{one.name}: {one.note}" for one in _conventions_to_describe(source, target)]
    return " ".join(part if part.endswith((".", "?")) else f"{part}." for part in parts)


def _what_agrees(source: Convention, target: Convention, q: Quantities, refusal: str, *, same: bool) -> str:
    if refusal:
        timing = "" if same else f" {_TOTALS}"
        return f"Approximate: {refusal}. {_as_if(source, target, q)}{timing}"
    if source is target:
        return "The same convention."
    kinds = {source.kind, target.kind}
    if kinds == {"objective"}:
        return "Both name the same objective, so they have the same minimizer." + _beside(source, target, q)
    if "objective" in kinds:
        return _in_sgd(kinds, q, same=same) + _beside(source, target, q)
    late = " once the first steps are forgotten" if source.first_order or target.first_order else ""
    if not same:
        return f"{_TOTALS[:-1]}{late}."
    if "shrink" in kinds:
        return f"Both remove the same fraction of a weight per step{late}."
    return f"The same decay with the same update{late}."


def _in_sgd(kinds: set[str], q: Quantities, *, same: bool) -> str:
    """What an objective in SGD has in common with a decay."""
    gain = (1 - q.dampening) / (1 - q.momentum)
    how = (
        f"For SGD with momentum, factor (1 − d)/(1 − μ) = {gain:.6g}"
        if q.momentum
        else "For SGD without momentum"
    )
    if not same:
        return f"{how}: {_TOTALS[0].lower()}{_TOTALS[1:]}"
    if not q.momentum:
        return f"{how} every step is the same."
    stationary = "" if "shrink" in kinds else "the stationary point is exactly the same, "
    return f"{how}: {stationary}the shrink agrees to first order in lr·λ."


_TOTALS = "Matched on the total decay of the run; its timing is not matched."


def _as_if(source: Convention, target: Convention, q: Quantities) -> str:
    if "objective" in (source.kind, target.kind):
        rms = f"gradient_rms = {q.gradient_rms:.6g}"
        return f"This is the first-order number, as if every gradient were divided by {rms}."
    return "This is the first-order number: the same fraction per step, every norm ratio taken as 1."


def _beside(source: Convention, target: Convention, q: Quantities) -> str:
    if q.loss is None or (source.beside == "any") == (target.beside == "any"):
        return ""
    return f" The loss in use is {q.loss_scale():.6g} times the likelihood's own, and so is λ."


def _shorter_step(source: Convention, target: Convention, q: Quantities, rate: float) -> str:
    after, before = (source, target) if source.after else (target, source)
    lr = q.get("lr") * (1 - rate)
    return (
        f"{after.name} also shrinks the update: it equals {before.name} at learning rate lr·(1 − "
        f"{rate:.6g}) = {lr:.6g}."
    )


def _conventions_to_describe(source: Convention, target: Convention) -> list[Convention]:
    return [one for one in dict.fromkeys((source, target)) if one.note and one.kind != "no scalar"]
