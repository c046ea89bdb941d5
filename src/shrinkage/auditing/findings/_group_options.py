"""What a group's options say and nobody reads."""

from __future__ import annotations

import difflib
from collections.abc import Collection

import numpy as np
from torch import Tensor

from shrinkage._errors import shown
from shrinkage.auditing._facts import Facts
from shrinkage.auditing._finding import Hits, finding, names

_MEANT = {
    "wd": "weight_decay",
    "l2": "weight_decay",
    "decay": "weight_decay",
    "learning_rate": "lr",
    "beta": "betas",
}
FOREIGN = {
    "params", "param_names", "name", "initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum", "lr_scale",
    "lr_mult", "decay_mult", "use_muon", "step",
}  # fmt: skip
"""Options that schedulers and trainers leave in a group, whatever the optimizer."""


@finding("misspelt-option", "A group's option that nobody reads", "error", needs=("optimizer", "options"))
def misspelt_option(facts: Facts) -> Hits:
    """A group holds a key that the optimizer does not know, close to one that it does. PyTorch keeps it silently."""
    for g, options in enumerate(facts.groups):
        for key in options.keys() - facts.defaults.keys() - FOREIGN:
            meant = meant_by(key, facts.defaults)
            if meant is not None:
                yield (
                    names(p for p in facts.parameters if p.group == g),
                    f"group {g} has {key}={shown(options[key], 20)}, and {meant}={shown(options.get(meant), 20)} acts",
                    f"{meant}={shown(options[key], 20)}",
                    f"Write {meant!r} instead of {key!r}.",
                )


def meant_by(key: str, known: Collection[str]) -> str | None:
    """The known option that a key looks like."""
    close = difflib.get_close_matches(key.lower(), [str(k) for k in known], n=1, cutoff=0.75)
    meant = close[0] if close else _MEANT.get(key)
    return meant if meant in known else None


@finding("shared-lr-tensor", "One lr tensor in several groups", "error", needs=("optimizer", "options"))
def shared_lr_tensor(facts: Facts) -> Hits:
    """Several groups hold the same tensor as their learning rate: a scheduler multiplies it once a group.

    Decay that follows the learning rate follows that too.
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
                "a tensor for each group",
                "Give each group its own: lr=torch.tensor(…) per group, or lr.clone().",
            )


@finding(
    "compiled-float-lr",
    "A compiled step and a learning rate that is a number",
    "warning",
    needs=("optimizer", "options", "live", "steps", "scheduler"),
)
def compiled_float_lr(facts: Facts) -> Hits:
    """`torch.compile` bakes numbers in: a schedule that changes lr recompiles the step, and after a few times gives up.

    The same holds for a weight_decay that is scheduled.
    """
    if not facts.is_compiled or facts.timelines is None:
        return
    for g, (options, plan) in enumerate(zip(facts.groups, facts.timelines, strict=True)):
        if not isinstance(options.get("lr"), Tensor) and np.ptp(plan.lrs) > 0:
            yield (
                names(p for p in facts.parameters if p.group == g),
                f"the step is compiled and group {g}'s lr is a number that the schedule changes",
                "lr as a tensor",
                "Build the optimizer with lr=torch.tensor(…), capturable=True on a GPU.",
            )
