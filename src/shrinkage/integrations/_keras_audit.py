"""The audit of a Keras optimizer: steps of a copy of it, in float64, on copies of the model's variables."""

from __future__ import annotations

from typing import Any

import keras
import torch
from torch import Tensor

from shrinkage._errors import RequestError, shown
from shrinkage.auditing import Audit, audit_step

__all__ = ["audit"]


def audit(model: keras.Model, *, rows: int | None = None, batch_size: int | None = None) -> Audit:
    """Measure what the optimizer of a compiled Keras model does to each weight, and flag what is probably unintended.

    A copy of the optimizer, made from its configuration, takes steps in float64 on copies of the variables; the model
    and its optimizer are not touched. The audit does not see penalties of layers (`kernel_regularizer`), which are in the
    loss, or a rule attached by `ShrinkageCallback`.

    Args:
        model: built and compiled, with Keras on torch.
        rows: training rows n, for timescales in epochs.
        batch_size: rows per step.

    Returns:
        The findings, the worst first, and a row for each kind of treatment; `print` shows them.

    Raises:
        RequestError: Keras does not run on torch, or the model is not compiled or not built.
    """
    optimizer: Any = getattr(model, "optimizer", None)
    if keras.backend.backend() != "torch" or optimizer is None or not model.trainable_variables:
        raise RequestError(
            "shrinkage.integrations.keras.audit(model): needs a built and compiled model, and Keras on torch "
            f"(KERAS_BACKEND=torch), got {shown(model)} on {keras.backend.backend()}."
        )
    copied = _Copied(optimizer, list(model.trainable_variables))

    def step(weights: dict[str, Tensor], gradients: dict[str, Tensor], *, lr: float) -> dict[str, Tensor]:
        return copied.step(weights, gradients, lr)

    step.__name__ = type(optimizer).__name__
    return audit_step(
        step,
        {v.path: v.value.detach() for v in model.trainable_variables},
        lr=float(optimizer.learning_rate),
        reset=copied.reset,
        rows=rows,
        batch_size=batch_size,
    )


class _Copied:
    """A copy of a Keras optimizer, new from every `reset`."""

    def __init__(self, optimizer: Any, variables: list[Any]) -> None:
        self._kind, self._config = type(optimizer), optimizer.get_config()
        self._variables = [
            keras.Variable(v.value.detach(), dtype="float64", trainable=True) for v in variables
        ]
        self._decayed = {
            id(copy): optimizer._use_weight_decay(v)
            for copy, v in zip(self._variables, variables, strict=True)
        }
        self.reset()

    def reset(self) -> None:
        self._optimizer: Any = self._kind.from_config(self._config)
        self._optimizer._exclude_from_weight_decay_cache = dict(self._decayed)  # no part of the configuration
        self._optimizer.build(self._variables)

    def step(self, weights: dict[str, Tensor], gradients: dict[str, Tensor], lr: float) -> dict[str, Tensor]:
        self._optimizer._learning_rate = lr
        for variable, w in zip(self._variables, weights.values(), strict=True):
            variable.assign(w)
        self._optimizer.apply([g.clone() for g in gradients.values()], self._variables)
        with torch.no_grad():
            return {name: v.value.detach().clone() for name, v in zip(weights, self._variables, strict=True)}
