"""The step of a Keras optimizer as one of torch's, whose hooks carry a rule."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["KerasSteps"]


class KerasSteps(torch.optim.Optimizer):
    """Replaces `optimizer.apply`, which Keras calls once per step with the gradients.

    Args:
        variables: the model's trainable variables.
        optimizer: the Keras optimizer that updates them.
    """

    def __init__(self, variables: Any, optimizer: Any) -> None:
        self._variables, self._optimizer, self._apply = variables, optimizer, optimizer.apply
        super().__init__([(v.path, v.value) for v in variables], {"lr": float(optimizer.learning_rate)})
        optimizer.apply = self._apply_in_step

    def _apply_in_step(self, grads: Any, trainable_variables: Any = None) -> None:
        for variable, grad in zip(trainable_variables or self._variables, grads, strict=True):
            variable.value.grad = grad
        self.param_groups[0]["lr"] = float(self._optimizer.learning_rate)
        self.step()

    def step(self, closure: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] no loss
        """Take the Keras optimizer's own step, with the gradients that the rule left."""
        self._apply([variable.value.grad for variable in self._variables], self._variables)
