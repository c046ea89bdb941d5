"""Adam's second moment of the step that is about to be made, from its state and the gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from shrinkage._errors import RequestError
from shrinkage.attachment._host import number
from shrinkage.rules import plain, wide

__all__ = ["second_moment_sum"]


def second_moment_sum(optimizer: Optimizer, group: dict[str, Any], param: Tensor, grad: Tensor) -> Tensor:
    """The sum over the tensor of `v̂_t = (β₂ v_{t−1} + (1 − β₂) g²)/(1 − β₂ᵗ)`.

    The sum of v_t follows from the sums of v_{t−1} and of g², so nothing of the size of the weights is made.
    """
    beta2 = number(group["betas"][1])
    state = optimizer.state.get(param, {})
    steps = number(state["step"].double()) + 1 if "step" in state else 1.0
    if state and "exp_avg_sq" not in state:
        raise RequestError(
            f"attach(…): the rule is scaled by Adam's second moment, but {type(optimizer).__name__} keeps no "
            "'exp_avg_sq'. Use Adam, AdamW, NAdam or RAdam."
        )
    total = (1 - beta2) * plain(wide(_real(grad)).square().sum())
    if "exp_avg_sq" in state:
        total = total + beta2 * plain(wide(_real(state["exp_avg_sq"])).sum())
    return total / (1 - beta2**steps)


def _real(x: Tensor) -> Tensor:
    """Adam takes a complex weight for two real ones, and keeps the two second moments in one complex tensor."""
    return torch.view_as_real(x) if x.is_complex() else x
