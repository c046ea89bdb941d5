"""What is measured: something that takes steps, on weights, gradients and learning rates of our choosing."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

__all__ = [
    "STRENGTHS",
    "Plan",
    "Subject",
    "Track",
    "offset_pair",
    "parameters_of",
    "rms_or_usual",
    "without_traces",
]

Track = Tensor
"""(steps + 1, elements) float64 on the CPU: a parameter's weights before the first step and after each; where a plan
asks for the ends alone, (2, elements)."""

STRENGTHS = ("weight_decay", "wd", "weight_decay_rate", "l2", "l1", "lambd", "decay_rate")
"""Group options that are set to 0 to see what a step does without its decay."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One experiment: where to start, which gradients to feed, what to change."""

    steps: int = 1
    """Steps to take, >= 1."""
    weights: float = 1.0
    """Multiple of the pattern of weights to start from; 0 starts at zero."""
    weight_offset: float = 0.0
    """Relative offset of the starting weights, of alternating sign."""
    gradients: float = 1.0
    """Multiple of the pattern of gradients; 0 feeds zeros."""
    gradient_offset: float = 0.0
    """Relative offset of every gradient, constant in time, of alternating sign."""
    lr: float = 1.0
    """Multiple of the learning rate."""
    reference_lr: float | None = None
    """Multiple of the reference learning rate of a schedule; None leaves what there is of it untouched."""
    strength: Literal["as set", "off"] = "as set"
    """`off` sets every known option of strength to 0 and takes the step hooks away."""
    factor: float = 1.0
    """Multiple of every known option of strength."""
    start: Literal["pattern", "weights", "live"] = "pattern"
    """`weights` starts from the model's own weights, `live` also from the optimizer's own state."""
    only: frozenset[int] | None = None
    """Parameters that are fed gradients, by their number; None feeds all. The tracks of the others are empty."""
    ends: bool = False
    """Whether to keep the weights before the first step and after the last alone."""
    feed: Literal["as live", "none", "every other row", "noise", "real"] = "as live"
    """`none` leaves every gradient None; otherwise only frozen parameters without a gradient have none. `every other
    row` feeds zeros to the rows of even number, `noise` normal numbers of the size that the live gradient has, `real` the
    live gradients themselves."""
    hold: bool = False
    """Whether the weights are put back before each step, so that every step starts where the first did."""


class Subject(Protocol):
    """Something that takes steps."""

    sizes: list[int]
    """Elements of each parameter."""
    groups: list[int]
    """The group that each parameter is in."""
    idle_rows: list[Tensor]
    """(elements,) for each parameter, true in the rows that have no gradient where every other row has none."""
    epsilon: float
    """Spacing of its arithmetic's numbers at 1: 2.2e-16 for float64."""
    changes_lr: bool
    """Whether its learning rate can be changed."""
    has_state: bool
    """Whether it has taken steps and kept something of them."""

    def run(self, plan: Plan) -> list[Track]:
        """Each parameter's weights over the plan's steps; the live object is not touched."""
        ...


def offset_pair(plan: Plan, *, weights: float = 0.0, gradients: float = 0.0) -> tuple[Plan, Plan]:
    """The plan with an offset, and with the opposite one: half their difference is free of second-order error."""
    plus = replace(plan, weight_offset=weights, gradient_offset=gradients)
    return plus, replace(plan, weight_offset=-weights, gradient_offset=-gradients)


def rms_or_usual(w: Tensor) -> float:
    """The size of weights, or a usual one where they are all 0 or out of all bounds."""
    rms = float(w.square().mean().sqrt()) if w.numel() else 0.0
    return rms if 1e-6 < rms < 1e6 else 0.05


def parameters_of(optimizer: torch.optim.Optimizer) -> Iterator[nn.Parameter]:
    """Each parameter of the optimizer once, in the order of its groups."""
    seen: set[int] = set()
    for group in optimizer.param_groups:
        for p in group["params"]:
            if id(p) not in seen:
                seen.add(id(p))
                yield p


@contextmanager
def without_traces() -> Iterator[None]:
    """Random states of torch, NumPy and Python as they were afterwards, and no warnings from a third party's step."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(), warnings.catch_warnings(), torch.no_grad(), _without_compiling():
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _without_compiling() -> AbstractContextManager[object]:
    """Compiled functions run as they were written: their compilation takes minutes for shapes that are met once."""
    if "torch._dynamo" not in sys.modules:  # then nothing was compiled
        return nullcontext()
    return torch.compiler.set_stance("force_eager")
