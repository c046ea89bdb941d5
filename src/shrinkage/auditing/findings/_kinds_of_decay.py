"""Decay of another kind than its name says, or of two kinds at once."""

from __future__ import annotations

import re
from typing import Any

from shrinkage.auditing._facts import Facts
from shrinkage.auditing._finding import Hits, finding, names
from shrinkage.auditing.measuring._timeline import number

_FLAGS = ("decoupled_weight_decay", "weight_decouple", "decouple_decay", "decoupled_decay")


@finding("two-penalties", "Two penalties at once", "warning", partly=("loss",))
def two_penalties(facts: Facts) -> Hits:
    """The loss holds a penalty and the optimizer decays too, or two decays with different clocks act together."""
    both = [p for p in facts.parameters if p.penalty.pulls and p.decays]
    if both:
        yield (
            names(both),
            f"a penalty with {both[0].penalty.words} in the loss, and a decay by the optimizer",
            "one of the two",
            "Set weight_decay=0, or take the penalty out of the loss.",
        )
    mixed = [p for p in facts.parameters if p.reading.clock == "affine"]
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
    """The penalty's gradient passes through the optimizer's normalization, which takes its size away again.

    Weights with large gradients are hardly decayed, idle ones by about lr a step whatever the strength. Measured:
    shrink and response to a gradient are proportional, element by element.
    """
    through = [
        p
        for p in facts.parameters
        if p.reading.adaptive
        and ((p.reading.path == "coupled" and (p.reading.lam or 0) > 0) or p.penalty.l2 > 0)
    ]
    if through:
        lam = through[0].reading.lam or through[0].penalty.l2
        yield (
            names(through),
            f"λ = {lam:.3g} in the gradient of {facts.optimizer}, divided by its running gradient size",
            "decay beside the gradient, the same fraction of every weight",
            "Use AdamW (or the optimizer's decoupled form) and choose its strength anew: no number converts exactly.",
        )


@finding("adam-is-adamw", "Adam that is really AdamW", "warning", needs=("optimizer", "options"))
def adam_is_adamw(facts: Facts) -> Hits:
    """The name says Adam with L2, the measurement says decoupled decay.

    So it is in bitsandbytes and DeepSpeed, in every Keras optimizer, and in a torch Adam that loaded the state of an
    AdamW: the flag travels with the checkpoint.
    """
    if (
        not re.search(r"Adam(?!W)", facts.optimizer)
        or "AdamW" in facts.optimizer
        or _says_decoupled(facts.defaults)
    ):
        return
    decoupled = [
        p for p in facts.parameters if p.reading.path == "decoupled" and p.reading.entry != "unknown"
    ]
    odd = [
        p for p in facts.parameters if p.reading.path == "decoupled" and number(_option(facts, p.group)) > 0
    ]
    if decoupled or odd:
        yield (
            names(odd or decoupled),
            f"{facts.optimizer} decays the weights beside the gradient",
            "Adam's weight_decay is an L2 term in the gradient",
            "Mean it: use the W variant by name. After load_state_dict, compare the groups' flags with your own.",
        )


@finding(
    "adamw-is-adam", "AdamW that is really Adam", "warning", needs=("optimizer", "options"), partly=("built",)
)
def adamw_is_adam(facts: Facts) -> Hits:
    """The name says decoupled decay, but the penalty goes through the gradient, or nothing decays any more.

    An AdamW that loads the state of an Adam takes over its groups, weight_decay 0 included.
    """
    if "AdamW" not in facts.optimizer:
        return
    coupled = [p for p in facts.parameters if p.reading.path == "coupled"]
    if coupled:
        yield (
            names(coupled),
            f"{facts.optimizer} sends the decay through the gradient",
            "decay beside the gradient",
            "Check the group's flag (decoupled_weight_decay) after load_state_dict.",
        )
    built_with = {} if "built" in facts.lacks else facts.defaults
    set_by_default = number(built_with.get("weight_decay", 0.0))
    trained = [p for p in facts.parameters if p.trainable]
    if set_by_default > 0 and trained and not any(p.decays for p in trained):
        yield (
            names(trained),
            f"nothing decays, though it was built with weight_decay={set_by_default:g}",
            f"weight_decay={set_by_default:g}, as built",
            "If a checkpoint was loaded, its strengths replaced yours: set group['weight_decay'] again afterwards.",
        )


@finding("trust-ratio-off", "An exemption that switches the trust ratio off", "warning")
def trust_ratio_off(facts: Facts) -> Hits:
    """LAMB and LARS scale the step of a decayed tensor by its norm, and skip that where weight_decay is 0.

    Exempt parameters then take steps of another size. Measured: the step of the decayed ones doubles with the
    weights, and no longer does once their decay is switched off.
    """
    scaled = [p for p in facts.parameters if p.decays and p.reading.trust and not p.reading.trust_unaided]
    plain = [p for p in facts.parameters if not p.decays and not p.reading.trust and p.trainable]
    if scaled and plain:
        yield (
            names(plain),
            "their steps do not follow the norm of the weights, those of the decayed do",
            "exempting changes the decay alone",
            "Use the option that keeps the trust ratio (always_adapt=True), or give the exempt their own learning rate.",
        )


def _says_decoupled(options: dict[str, Any]) -> bool:
    return any(options.get(flag) is True for flag in _FLAGS)


def _option(facts: Facts, group: int) -> Any:
    return facts.groups[group].get("weight_decay", 0.0)
