"""What an optimizer of unknown kind removes per step, measured once by an audit."""

from __future__ import annotations

from torch import Tensor, nn
from torch.optim import Optimizer

from shrinkage._errors import RequestError
from shrinkage.attachment import OwnDecay, own_decay
from shrinkage.auditing import MeasuredDecay, measured_decays

__all__ = ["Measured", "measure_once", "shrink_at"]

Measured = tuple[MeasuredDecay, OwnDecay]
"""What an audit found of a parameter, and its group's settings in that audit."""


def measure_once(optimizer: Optimizer, model: nn.Module) -> dict[Tensor, Measured]:
    """What every parameter loses; empty where the optimizer can't be audited."""
    own = {p: own_decay(optimizer, group) for group in optimizer.param_groups for p in group["params"]}
    try:
        found = measured_decays(optimizer, model)
    except RequestError:
        return {}
    return {p: (decay, own[p]) for p, decay in found.items()}


def shrink_at(measured: Measured, now: OwnDecay) -> float | None:
    """The shrink at the present learning rate and strength; None where neither the audit nor the clock tells it."""
    decay, then = measured
    if not then.lr or now.lr is None:
        return None
    lr = now.lr / then.lr
    if lr != 1 and not decay.has_a_clock:
        return None
    return decay.shrink(lr, now.strength / then.strength if then.strength else 1.0)
