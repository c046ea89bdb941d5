"""Optimizers inside optimizers: which one makes the step, so that a decay arrives once per real step."""

from __future__ import annotations

from typing import Any

from torch.optim import Optimizer

from shrinkage._errors import RequestError, shown
from shrinkage.rules import Rule

__all__ = ["refuse_restoring", "refuse_wrapper", "stepping_optimizer"]

_NEEDED = (
    "_optimizer_step_pre_hooks",
    "_optimizer_step_post_hooks",
    "_optimizer_state_dict_pre_hooks",
    "_optimizer_state_dict_post_hooks",
    "_optimizer_load_state_dict_pre_hooks",
    "_optimizer_load_state_dict_post_hooks",
)


def refuse_wrapper(optimizer: Any) -> None:
    """Raise for what is no optimizer, or calls itself one without hooks of its own; name the one inside.

    Raises:
        RequestError: names the attribute to attach to.
    """
    if isinstance(optimizer, Optimizer) and all(name in optimizer.__dict__ for name in _NEEDED):
        return
    inside = [(name, x) for name, x in getattr(optimizer, "__dict__", {}).items() if isinstance(x, Optimizer)]
    hint = "".join(
        f" Give the optimizer inside it, its .{name}, of {type(x).__name__}." for name, x in inside[:1]
    )
    raise RequestError(
        f"attach(optimizer): must be a torch.optim.Optimizer, got {shown(type(optimizer))}.{hint}"
    )


def stepping_optimizer(optimizer: Optimizer) -> Optimizer:
    """The optimizer that moves the weights: `optimizer`, or one inside it that holds the same parameters.

    Sharpness-aware optimizers evaluate at other weights, put the weights back and have the inner one make the step; what
    a rule took off outside would be put back too.
    """
    params = _parameters(optimizer)
    for inner in optimizer.__dict__.values():
        hooked = isinstance(inner, Optimizer) and all(name in inner.__dict__ for name in _NEEDED)
        if hooked and inner is not optimizer and _parameters(inner) == params:
            return stepping_optimizer(inner)
    return optimizer


def _parameters(optimizer: Optimizer) -> set[int]:
    return {id(p) for group in optimizer.param_groups for p in group["params"]}


def refuse_restoring(optimizer: Optimizer, rule: Rule, *, evaluations: int = 1) -> None:
    """Raise where weights that the rule has moved may be put back before the step.

    Raises:
        RequestError: the step has two calls, or it has evaluated its closure twice.
    """
    two_calls = all(callable(getattr(optimizer, name, None)) for name in ("first_step", "second_step"))
    if rule.entry == "loss" or (evaluations < 2 and not two_calls):
        return
    what = "evaluates its closure more than once per step" if evaluations > 1 else "makes a step in two calls"
    raise RequestError(
        f"attach({type(optimizer).__name__}, {rule.name}(…)): it {what} and may put back weights that the rule has "
        "moved. Use a rule in the loss, as L2, or write the step so that an inner torch optimizer makes it, as SAM does."
    )
