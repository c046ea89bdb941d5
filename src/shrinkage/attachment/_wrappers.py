"""Optimizers inside optimizers: which one makes the step, so that a decay arrives once per real step."""

from __future__ import annotations

from typing import Any

from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from shrinkage._errors import RequestError, shown
from shrinkage.rules import Rule

__all__ = [
    "refuse_restoring",
    "refuse_sharded",
    "refuse_valueless",
    "refuse_wrapper",
    "shards_of",
    "stepping_optimizer",
]

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
    if type(optimizer).__module__.partition(".")[0] == "keras":
        hint = " For Keras optimizers use shrinkage.integrations.keras.ShrinkageCallback(rule)."
    raise RequestError(
        f"attach(optimizer): must be a torch.optim.Optimizer, got {shown(type(optimizer))}.{hint}"
    )


def refuse_valueless(where: str, optimizer: Any, *, meta: bool = True) -> None:
    """Raise for parameters of a lazy module that has not run, and with `meta` for those on the meta device.

    Raises:
        RequestError: says how they get values.
    """
    params = [p for group in optimizer.param_groups for p in group["params"]]
    if any(is_lazy(p) for p in params):
        raise RequestError(
            f"{where}: the optimizer has a parameter of a lazy module, which has no shape yet. Run the model once on a "
            "batch, then build the optimizer."
        )
    if meta and any(p.is_meta for p in params):
        raise RequestError(
            f"{where}: the optimizer's parameters are on the meta device and have no values. Give them values first: "
            "model.to_empty(device=…), then initialize or load them, then build the optimizer."
        )


def stepping_optimizer(optimizer: Optimizer) -> Optimizer:
    """The optimizer that moves the weights: `optimizer`, or one inside it that holds the same parameters.

    Sharpness-aware optimizers evaluate at other weights, put the weights back and have the inner one make the step; what
    a rule took off outside would be put back too.
    """
    if _is_sharded(optimizer):  # the optimizer inside holds one process's share of the parameters
        return optimizer
    params = _parameters(optimizer)
    for inner in optimizer.__dict__.values():
        hooked = isinstance(inner, Optimizer) and all(name in inner.__dict__ for name in _NEEDED)
        if hooked and inner is not optimizer and _parameters(inner) == params:
            return stepping_optimizer(inner)
    return optimizer


def _is_sharded(optimizer: Optimizer) -> bool:
    """Whether it is torch's `ZeroRedundancyOptimizer`: each process steps a share of the parameters."""
    return "_overlap_with_ddp" in optimizer.__dict__


def shards_of(optimizer: Optimizer) -> list[Optimizer]:
    """The optimizer inside a `ZeroRedundancyOptimizer`, which holds this process's parameters and their state."""
    return [optimizer.__dict__["optim"]] if _is_sharded(optimizer) else []


def refuse_sharded(optimizer: Optimizer, rule: Rule) -> None:
    """Raise where `ZeroRedundancyOptimizer` makes no step of its own, or where one process's share is not enough.

    Raises:
        RequestError: names what to build instead.
    """
    if not _is_sharded(optimizer):
        return
    where = f"attach({type(optimizer).__name__}, {rule.name}(…))"
    if optimizer.__dict__["_overlap_with_ddp"]:
        raise RequestError(
            f"{where}: with overlap_with_ddp=True the weights move in DDP's communication hook and step() does nothing, "
            "so the rule would never act. Build it with overlap_with_ddp=False."
        )
    if rule.needs_second_moment:
        raise RequestError(
            f"{where}: the rule averages the second moments of all parameters, but each process has only "
            "those of its own shard. Use Decoupled, or shard with FSDP2 "
            "(torch.distributed.fsdp.fully_shard) instead."
        )


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
    what = "evaluates its closure more than once per step" if evaluations > 1 else "takes a step in two calls"
    raise RequestError(
        f"attach({type(optimizer).__name__}, {rule.name}(…)): it {what} and may restore weights that the "
        "rule has changed. Use a rule in the loss, such as L2, or let an inner torch optimizer take the "
        "step, as SAM does."
    )
