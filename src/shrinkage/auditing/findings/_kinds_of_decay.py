"""Decay of another kind than its name says, or of two kinds at once."""

from __future__ import annotations

import inspect
import re
from typing import Any

from shrinkage.auditing._facts import Audited, Facts, Owner, configured_strength
from shrinkage.auditing._finding import Hits, finding, names
from shrinkage.auditing.measuring._timeline import number

_FLAGS = ("decoupled_weight_decay", "weight_decouple", "decouple_decay", "decoupled_decay", "decouple")


@finding("two-penalties", "Two penalties at once", "warning", partly=("loss",))
def two_penalties(facts: Facts) -> Hits:
    """The loss contains a penalty and the optimizer decays too, or two decays with different clocks act together."""
    both = [p for p in facts.parameters if p.penalty.pulls and p.decays]
    if both:
        yield (
            names(both),
            f"a penalty with {both[0].penalty.words} in the loss, and decay by the optimizer",
            "one of the two",
            "Set weight_decay=0, or remove the penalty from the loss.",
        )
    mixed = [p for p in facts.parameters if p.reading.clock == "affine" and not _is_averaged(facts, p)]
    if mixed:
        reading = mixed[0].reading
        yield (
            names(mixed),
            f"{reading.intercept:.3g} of the shrink of {reading.shrink:.3g} does not follow the learning rate",
            "one decay, one clock",
            "Remove one: the optimizer's weight_decay or the hook.",
        )


@finding("adam-l2", "L2 through an adaptive step", "warning", partly=("loss",))
def adam_l2(facts: Facts) -> Hits:
    """The gradient of the penalty passes through the optimizer's normalization, which cancels its magnitude.

    Weights with large gradients decay very little; idle weights move by about lr per step for any strength. Measured:
    shrink and response to a gradient are proportional, element by element.
    """
    for owner in facts.owners or [Owner(name=facts.optimizer, groups=range(1))]:
        through = [
            p
            for p in facts.held_by(owner)
            if p.reading.adaptive
            and ((p.reading.path == "coupled" and (p.reading.lam or 0) > 0) or p.penalty.l2 > 0)
        ]
        if through:
            is_in_loss = through[0].penalty.l2 > 0
            lam = through[0].penalty.l2 if is_in_loss else through[0].reading.lam
            advice = _replacement_of_a_rule(facts, owner, through[0]) or _decoupled_instead(owner, is_in_loss)
            yield (
                names(through),
                f"λ = {lam:.3g} in the gradient of {owner.name}, divided by its running gradient size",
                "decay beside the gradient, the same fraction of every weight",
                f"{advice} Then choose the strength again: no number converts exactly.",
            )


def _replacement_of_a_rule(facts: Facts, owner: Owner, p: Audited) -> str:
    """What to attach where a hook, and not the group's number, puts the penalty into the gradient."""
    if p.penalty.l2 > 0 or not owner.has_hooks or configured_strength(facts.groups[p.group]):
        return ""
    if p.reading.anchored:
        return (
            "Replace the attached rule by one that acts outside the gradient, "
            'dataclasses.replace(L2SP(…), entry="before"), or train with SGD; Decoupled would pull toward 0.'
        )
    return "Replace the attached rule by one that acts outside the gradient, such as Decoupled."


def _decoupled_instead(owner: Owner, is_in_loss: bool) -> str:
    """How this class gets decay beside the gradient."""
    if is_in_loss:
        return "Remove the penalty from the loss, and let the optimizer decay."
    flag = next((flag for flag in _FLAGS if flag in owner.defaults), None)
    if flag is not None:
        return f"Set {flag}=True in the optimizer's groups."
    if "AdamW" in owner.name:
        return f"{owner.name} does not do what its name says: use torch.optim.AdamW itself."
    return "Set weight_decay=0 and let shrinkage.attach decay beside the gradient (rule WeightDecay or Decoupled)."


@finding("adam-is-adamw", "Adam that is really AdamW", "warning", needs=("optimizer", "options"))
def adam_is_adamw(facts: Facts) -> Hits:
    """The name says Adam with L2; the measurement shows decoupled decay.

    This is the case in bitsandbytes and DeepSpeed, in every Keras optimizer, and in a torch Adam that loaded the
    state of an AdamW: the flag travels with the checkpoint.
    """
    for owner in facts.owners:
        is_adam = re.search(r"Adam(?!W)", owner.name) and "AdamW" not in owner.name
        if not is_adam or _says_decoupled(owner.defaults):
            continue
        beside = [p for p in facts.held_by(owner) if p.reading.path == "decoupled"]
        decoupled = [p for p in beside if p.reading.entry != "unknown"]
        odd = [p for p in beside if number(_option(facts, p.group)) > 0]
        if decoupled or odd:
            yield (
                names(odd or decoupled),
                f"{owner.name} decays the weights beside the gradient",
                "Adam's weight_decay is an L2 term in the gradient",
                "If this is intended, use the W variant by name."
                + (
                    " After load_state_dict, compare the groups' flags with your own."
                    if _is_torchs(owner)
                    else ""
                ),
            )


@finding(
    "adamw-is-adam", "AdamW that is really Adam", "warning", needs=("optimizer", "options"), partly=("built",)
)
def adamw_is_adam(facts: Facts) -> Hits:
    """The name says decoupled decay, but the penalty goes through the gradient, or every group's decay was set to 0.

    An AdamW that loads the state of an Adam takes over its groups, weight_decay 0 included. It is only a note where the
    lost strength is the default of the class, which nobody may have wanted: Hugging Face's Trainer passes groups with 0.
    """
    for owner in facts.owners:
        if "AdamW" not in owner.name:
            continue
        held = facts.held_by(owner)
        coupled = [p for p in held if p.reading.path == "coupled"]
        if owner.has_hooks:  # a rule in the gradient, by whoever attached it
            coupled = [p for p in coupled if configured_strength(facts.groups[p.group])]
        if coupled:
            advice = (
                "Check the group's flag (decoupled_weight_decay): load_state_dict takes over a saved one."
            )
            yield (
                names(coupled),
                f"{owner.name} sends the decay through the gradient",
                "decay beside the gradient",
                advice if _is_torchs(owner) else _decoupled_instead(owner, is_in_loss=False),
            )
        default = 0.0 if "built" in facts.lacks else number(owner.defaults.get("weight_decay", 0.0))
        trained = [p for p in held if p.trainable]
        says_nothing = all(not configured_strength(facts.groups[g]) for g in owner.groups)
        if default > 0 and trained and says_nothing and not any(p.decays for p in trained):
            yield (
                names(trained),
                f"every group has weight_decay=0, so the {default:g} that {owner.name} was built with reaches no weight",
                f"weight_decay={default:g} in a group",
                "Set group['weight_decay'] where you want decay; load_state_dict replaces the groups' strengths.",
                "note" if default == _by_default(owner) else "warning",
            )


@finding("trust-ratio-off", "An exemption that switches the trust ratio off", "warning")
def trust_ratio_off(facts: Facts) -> Hits:
    """LAMB and LARS scale the step of a decayed tensor by its norm, and don't if weight_decay is 0.

    Exempt parameters then take steps of a different size. Measured: the step of decayed parameters doubles when the
    weights double, and stops doing so once their decay is switched off.
    """
    scaled = [p for p in facts.parameters if p.decays and p.reading.trust and not p.reading.trust_unaided]
    plain = [p for p in facts.parameters if not p.decays and not p.reading.trust and p.trainable]
    if scaled and plain:
        yield (
            names(plain),
            "their steps do not follow the norm of the weights, while those of decayed parameters do",
            "an exemption that changes only the decay",
            "Use the option that keeps the trust ratio (always_adapt=True), or give exempt parameters their own lr.",
        )


def _is_averaged(facts: Facts, p: Audited) -> bool:
    """Whether another learning rate also weighs the average differently, as in a schedule-free optimizer."""
    return p.reading.path == "averaged" or "train_mode" in facts.groups[p.group]


def _is_torchs(owner: Owner) -> bool:
    return owner.kind is not None and owner.kind.__module__.startswith("torch.optim")


def _says_decoupled(options: dict[str, Any]) -> bool:
    return any(options.get(flag) is True for flag in _FLAGS)


def _option(facts: Facts, group: int) -> Any:
    return facts.groups[group].get("weight_decay", 0.0)


def _by_default(owner: Owner) -> float | None:
    """The weight_decay that the optimizer's class is built with where none is given; None where it can't be read."""
    if owner.kind is None:
        return None
    argument = inspect.signature(owner.kind.__init__).parameters.get("weight_decay")
    return None if argument is None or argument.default is argument.empty else number(argument.default)
