"""What a group's options say and nobody reads."""

from __future__ import annotations

import difflib
from collections.abc import Collection

import numpy as np
from torch import Tensor

from shrinkage._errors import shown
from shrinkage.auditing._facts import Facts
from shrinkage.auditing._finding import Hits, Severity, finding, names
from shrinkage.auditing.measuring._timeline import number

_MEANT = {
    "wd": "weight_decay",
    "l2": "weight_decay",
    "decay": "weight_decay",
    "learning_rate": "lr",
    "beta": "betas",
}
_MULTIPLIERS = {
    "lr_scale": "lr", "lr_mult": "lr", "lr_multiplier": "lr", "lr_factor": "lr",
    "wd_scale": "weight_decay", "wd_mult": "weight_decay", "decay_mult": "weight_decay", "wd_multiplier": "weight_decay",
    "weight_decay_mult": "weight_decay", "weight_decay_scale": "weight_decay",
}  # fmt: skip
"""Multipliers that people put in groups, and what they are meant to multiply."""
FOREIGN = {
    "params", "param_names", "name", "initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum", "lr_scale",
    "lr_mult", "decay_mult", "use_muon", "step",
}  # fmt: skip
"""Options that schedulers and trainers leave in a group, whatever the optimizer."""


@finding("misspelt-option", "A group option that is never read", "error", needs=("optimizer", "options"))
def misspelt_option(facts: Facts) -> Hits:
    """A group has a key that the optimizer does not know but that resembles one it does. PyTorch accepts it silently."""
    of = {g: owner for owner in facts.owners for g in owner.groups}
    for g, owner in of.items():
        options = facts.groups[g]
        for key in options.keys() - owner.defaults.keys() - FOREIGN - _MULTIPLIERS.keys():
            meant = meant_by(key, owner.defaults)
            if meant is not None and key not in owner.options_read:
                yield (
                    names(p for p in facts.parameters if p.group == g),
                    f"group {g} has {key}={shown(options[key], 20)}, but {meant}={shown(options.get(meant), 20)} is used",
                    f"{meant}={shown(options[key], 20)}",
                    f"Write {meant!r} instead of {key!r}.",
                )


def meant_by(key: str, known: Collection[str]) -> str | None:
    """The known option that a key looks like."""
    close = difflib.get_close_matches(key.lower(), [str(k) for k in known], n=1, cutoff=0.75)
    meant = close[0] if close else _MEANT.get(key)
    return meant if meant in known else None


@finding(
    "unread-multiplier",
    "A multiplier that is never read",
    "warning",
    needs=("optimizer", "options", "live"),
)
def unread_multiplier(facts: Facts) -> Hits:
    """A group has a multiplier for the learning rate or the decay, but neither the step nor the schedule uses it.

    Layer-wise decay of the learning rate is often written this way: `lr_scale` in the groups, for a training loop or
    a scheduler to read. Measured: a step does not look at the option, and the groups' learning rates (or strengths)
    do not follow it. It is a note if no scheduler was given, since the one that you use may read it (timm's do).
    """
    for owner in facts.owners:
        for key, target in _MULTIPLIERS.items():
            holding = [g for g in owner.groups if number(facts.groups[g].get(key)) not in (0.0, 1.0)]
            if not holding or key in owner.options_read or key in owner.defaults:
                continue
            if _is_followed(facts, owner.groups, key, target):
                continue
            values = ", ".join(dict.fromkeys(f"{number(facts.groups[g][key]):g}" for g in holding[:3]))
            may_be_read = target == "lr" and "scheduler" in facts.lacks
            severity: Severity = "note" if may_be_read else "warning"
            yield (
                names(p for p in facts.parameters if p.group in holding),
                f"groups have {key}={values}, but {target} is the same with and without it",
                f"{target} multiplied by {key}",
                f"Multiply it yourself, group[{target!r}] *= group[{key!r}], or use a scheduler that reads it"
                + (" and give it: scheduler=…." if may_be_read else "."),
                severity,
            )


def _is_followed(facts: Facts, groups: range, key: str, target: str) -> bool:
    """Whether the groups' learning rates or strengths are in proportion to their multipliers, now or as planned."""
    factors = np.array([number(facts.groups[g].get(key, 1.0)) for g in groups])
    courses = [np.array([number(facts.groups[g].get(target)) for g in groups])]
    if target == "lr" and facts.timelines is not None:
        plans = [facts.timelines[g].lrs for g in groups]
        courses += [np.array([lrs.max() for lrs in plans]), np.array([lrs[-1] for lrs in plans])]
    if len(set(factors.tolist())) == 1 or not factors.all():
        return True  # a factor on all groups looks like the learning rate itself
    bases = [course / factors for course in courses]
    return any(base.max() > 0 and np.ptp(base) <= 1e-6 * base.max() for base in bases)


@finding("shared-lr-tensor", "One lr tensor in several groups", "error", needs=("optimizer", "options"))
def shared_lr_tensor(facts: Facts) -> Hits:
    """Several groups hold the same tensor as their learning rate: a scheduler multiplies it once per group.

    Decay that follows the learning rate is scaled with it.
    """
    tensors: dict[int, list[int]] = {}
    for g, options in enumerate(facts.groups):
        if isinstance(options.get("lr"), Tensor):
            tensors.setdefault(id(options["lr"]), []).append(g)
    for groups in tensors.values():
        if len(groups) > 1:
            yield (
                names(p for p in facts.parameters if p.group in groups),
                f"groups {', '.join(map(str, groups))} share one lr tensor",
                "one tensor per group",
                "Give each group its own: lr=torch.tensor(…) per group, or lr.clone().",
            )


@finding(
    "compiled-float-lr",
    "A compiled step with a float learning rate",
    "warning",
    needs=("optimizer", "options", "live", "steps", "scheduler"),
)
def compiled_float_lr(facts: Facts) -> Hits:
    """`torch.compile` treats floats as constants: each new lr recompiles the step, and torch soon gives up.

    The same holds for a scheduled weight_decay.
    """
    if facts.timelines is None:
        return
    for g in (g for owner in facts.owners if owner.is_compiled for g in owner.groups):
        options, plan = facts.groups[g], facts.timelines[g]
        if not isinstance(options.get("lr"), Tensor) and np.ptp(plan.lrs) > 0:
            yield (
                names(p for p in facts.parameters if p.group == g),
                f"the step is compiled and group {g}'s lr is a number that the schedule changes",
                "lr as a tensor",
                "Build the optimizer with lr=torch.tensor(…), capturable=True on a GPU.",
            )
