"""Which of two right forms is faster here: a few steps of each on one real batch."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from shrinkage.networks.module import (
    ModuleKind,
    ModuleLoss,
    ModuleStack,
    OneByOne,
    StackedModules,
    clones,
    quiet_fallback,
    reason_of,
    with_seed,
)
from shrinkage.training.modules._block_size import modules_a_block

__all__ = ["autocast_obstacle", "faster_form", "seconds_of_steps"]

STEPS = 3
AT_MOST_SECONDS = 3.0
"""Of timing one form: a form whose first step takes longer is timed by that step."""

FAR_IN_HALF = 0.05
"""More than what rounding to half precision does to losses and gradients, relative to the largest number."""


def autocast_obstacle(kind: ModuleKind, loss: ModuleLoss, inputs: Any, targets: Any) -> str:
    """In words, why modules that may be stacked may not be under the present autocast; empty if they may."""
    found: list[list[Tensor]] = []
    for stacked in (False, True):
        try:
            with quiet_fallback(), with_seed("autocast"):
                stack = _form(kind, loss, 2, stacked=stacked)
                losses, _ = stack.gradient_(clones(inputs), clones(targets), None, shared=True)
                grads = [grad.clone() for grad in stack.gradients.values()]
                scores, _ = stack.scores(clones(inputs), clones(targets), shared=True)
        except Exception as error:  # a user's module may raise anything within vmap
            return f"in mixed precision {reason_of(error)}" if stacked else ""
        found.append([losses, scores, *grads])
    largest = [float(grad.abs().max()) for grad in found[0][2:] if grad.numel()]
    floor = 1e-3 * max(
        largest, default=0.0
    )  # a gradient of rounding errors alone, as of a bias before a norm
    for alone, within in zip(*found, strict=True):
        if alone.numel() and bool(
            ((alone - within).abs() > FAR_IN_HALF * alone.abs().max().clamp_min(floor)).any()
        ):
            return "in mixed precision its losses or gradients differ when it is stacked"
    return ""


def faster_form(kind: ModuleKind, loss: ModuleLoss, inputs: Any, targets: Any, K: int) -> ModuleKind:
    """The kind in the faster form, where both are right; and the seconds of one module's step.

    Args:
        kind: as the preflight found it.
        loss: what is minimized.
        inputs, targets: one real batch on the device.
        K: modules that a stack would have, of one member, if a block holds as many.
    """
    K = min(K, modules_a_block(kind.module_layout, kind.device))
    if not kind.verdict.stacked:
        loop = seconds_of_steps(_form(kind, loss, 1, stacked=False), inputs, targets)
        return replace(kind, seconds_a_step=loop)
    some = min(K, 4)
    stacked = seconds_of_steps(_form(kind, loss, K, stacked=True), inputs, targets)
    loop = seconds_of_steps(_form(kind, loss, some, stacked=False), inputs, targets) * K / some
    measured = f"{K} modules take {1e3 * stacked:.1f} ms per step stacked and {1e3 * loop:.1f} ms one by one"
    seconds = min(stacked, loop) / K
    if loop < stacked:
        return replace(kind.one_by_one("that is faster for it here", measured), seconds_a_step=seconds)
    return replace(kind, verdict=replace(kind.verdict, measured=measured), seconds_a_step=seconds)


def seconds_of_steps(stack: ModuleStack, inputs: Any, targets: Any) -> float:
    """Seconds of one gradient of the stack: the best of a few, after one that warms up."""
    found = []
    with quiet_fallback(), with_seed("timing"):
        for _ in range(STEPS + 1):
            start = time.perf_counter()
            stack.gradient_(inputs, targets, None, shared=True)
            if torch.cuda.is_initialized():
                torch.cuda.synchronize()
            found.append(time.perf_counter() - start)
            if sum(found) > AT_MOST_SECONDS:
                break
    return min(found[1:] or found)


def _form(kind: ModuleKind, loss: ModuleLoss, K: int, *, stacked: bool) -> ModuleStack:
    if stacked:
        return StackedModules([kind.make("timing")] * K, kind.module_layout, loss, kind.verdict.scoring)
    own = [kind.make("timing") for _ in range(K)]
    return OneByOne(own, kind.module_layout, loss, is_random=kind.verdict.is_random)
