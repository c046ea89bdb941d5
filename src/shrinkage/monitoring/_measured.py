"""What an optimizer of unknown kind removes per step and learning rate, measured once by an audit."""

from __future__ import annotations

from torch import Tensor, nn
from torch.optim import Optimizer

from shrinkage._errors import RequestError
from shrinkage.attachment import own_decay
from shrinkage.auditing import audit
from shrinkage.networks import places_of

__all__ = ["measured_ratios"]


def measured_ratios(optimizer: Optimizer, model: nn.Module) -> dict[Tensor, float]:
    """shrink/lr of every parameter whose shrink an audit can tell; empty where the optimizer can't be audited."""
    by_name = {place.name: place.tensor for place in places_of(model)}
    lr = {p: own_decay(optimizer, group).lr for group in optimizer.param_groups for p in group["params"]}
    try:
        groups = audit(optimizer, model).groups
    except RequestError:
        return {}
    ratios: dict[Tensor, float] = {}
    for group in groups:
        for p in (by_name[name] for name in group.parameters if name in by_name):
            if group.shrink is not None and (now := lr.get(p)):
                ratios[p] = group.shrink / now
    return ratios
