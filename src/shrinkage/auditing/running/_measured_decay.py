"""The measured decay of a parameter, carried to the learning rates and strengths of later steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from shrinkage.auditing._audit_optimizer import facts_of
from shrinkage.auditing._judging import treatments
from shrinkage.auditing._request import Request
from shrinkage.auditing.measuring._step_reading import Reading
from shrinkage.auditing.measuring._timeline import Timeline

__all__ = ["MeasuredDecay", "measured_decays"]


@dataclass(frozen=True, kw_only=True)
class MeasuredDecay:
    """What an audit found of one parameter."""

    reading: Reading
    """What was measured."""

    @property
    def anchored(self) -> bool:
        """Whether the pull is toward other weights than 0, so that the shrink is of the distance to them."""
        return self.reading.anchored

    @property
    def has_a_clock(self) -> bool:
        """Whether it is known how the shrink follows the learning rate."""
        return not self.reading.decays or self.reading.clock not in ("other", "unknown")

    def shrink(self, lr: float, strength: float) -> float | None:
        """The fraction removed per step; None where it depends on the gradients.

        Args:
            lr: the learning rate, as a multiple of that of the audit.
            strength: the group's number, as a multiple of that of the audit.
        """
        if not self.reading.decays:
            return 0.0
        if self.reading.shrink is None or (self.reading.path == "coupled" and self.reading.adaptive):
            return None
        plan = Timeline(lrs=np.array([lr]), strengths=np.array([strength]))
        return float(plan.shrinks(self.reading, 1.0)[0])


def measured_decays(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[Tensor, MeasuredDecay]:
    """The decay of every parameter by an audit of the optimizer as it is now; parameters treated alike have one.

    Raises:
        RequestError: a copy of the optimizer can't take a step.
    """
    found: dict[Tensor, MeasuredDecay] = {}
    for _, _, members in treatments(facts_of(optimizer, model, Request())):
        found |= dict.fromkeys((p.tensor for p in members), MeasuredDecay(reading=members[0].reading))
    return found
