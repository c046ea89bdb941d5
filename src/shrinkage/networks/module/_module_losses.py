"""The error of any module's outputs, row by row: class numbers, values, or a function of the user's own.

Axes: B rows, C classes or outputs, M numbers per row that the metric is made of.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from shrinkage._errors import RequestError, shown
from shrinkage.networks._losses import Loss
from shrinkage.networks.module._trees import leaves

__all__ = ["MODULE_LOSSES", "CallableLoss", "ModuleLoss", "NamedLoss", "module_loss"]


class ModuleLoss(ABC):
    """lossᵢ of each row, and the metric that people read beside it. Called within `vmap`, on one network."""

    name: str
    metric_name: str

    @abstractmethod
    def of_rows(self, z: Any, y: Any) -> Tensor:
        """lossᵢ (B,) for the module's outputs z and the targets y."""

    @abstractmethod
    def hits(self, z: Any, y: Any) -> Tensor:
        """(B, M): 1 for a right row, or the squared errors of each output."""

    @abstractmethod
    def check(self, z: Any, y: Any) -> None:
        """Raise when outputs and targets of one batch don't fit the loss."""


class ClassLoss(ModuleLoss):
    """−log p(yᵢ | xᵢ) in nats, of outputs (B, C, …) and class numbers (B, …), or of one output and classes 0 and 1.

    Where a row has several targets, as pixels or words, it is their mean. Targets that are floats of the outputs' shape
    are probabilities of the classes.
    """

    name = "cross-entropy"
    metric_name = "accuracy"

    def of_rows(self, z: Tensor, y: Tensor) -> Tensor:
        if _is_binary(z, y):
            z, y = z.reshape(len(z)), y.reshape(len(z)).to(z.dtype)
            return functional.binary_cross_entropy_with_logits(z, y, reduction="none")
        each = functional.cross_entropy(z, y, reduction="none")
        return each if each.ndim == 1 else each.flatten(1).mean(1)

    def hits(self, z: Tensor, y: Tensor) -> Tensor:
        if _is_binary(z, y):
            return ((z.reshape(-1, 1) > 0) == (y.reshape(-1, 1) > 0.5)).to(z.dtype)
        wanted = y.argmax(1) if y.is_floating_point() else y
        right = (z.argmax(1) == wanted).to(z.dtype)
        return right[:, None] if right.ndim == 1 else right.flatten(1).mean(1, keepdim=True)

    def check(self, z: Any, y: Any) -> None:
        z, y = _tensor("cross_entropy", z), _tensor("cross_entropy", y, "the targets")
        if _is_binary(z, y):
            classes = torch.unique(y).tolist()
            if not set(classes) <= {0, 1}:
                raise RequestError(
                    "loss='cross_entropy': the module has one output per row, which fits classes 0 and 1, "
                    f"but y has {shown(classes)}. Give the module one output per class."
                )
            return
        if y.is_floating_point():
            if y.shape != z.shape:
                raise RequestError(
                    f"loss='cross_entropy': y must be class numbers (whole numbers), got {_kind(y)} for outputs "
                    f"{_kind(z)}. For values use loss='squared_error'."
                )
            return
        if z.ndim < 2 or z.shape[:1] + z.shape[2:] != y.shape:
            raise RequestError(
                f"loss='cross_entropy': outputs (rows, classes, …) and class numbers (rows, …) are needed, got outputs "
                f"{_kind(z)} for y {_kind(y)}."
            )
        if y.numel() and not (int(y.min()) >= 0 and int(y.max()) < z.shape[1]):
            raise RequestError(
                f"loss='cross_entropy': the module has {z.shape[1]} outputs per row, for classes 0 to {z.shape[1] - 1}, "
                f"but y has class {int(y.min()) if int(y.min()) < 0 else int(y.max())}."
            )


class ValueLoss(ModuleLoss):
    """(1/C) Σ_c (z_c − y_c)² over all C outputs of a row, without a ½, as torch.nn.MSELoss has it."""

    name = "mean squared error"
    metric_name = "R²"

    def of_rows(self, z: Tensor, y: Tensor) -> Tensor:
        return self.hits(z, y).mean(1)

    def hits(self, z: Tensor, y: Tensor) -> Tensor:
        return (z.reshape(len(z), -1) - y.reshape(len(z), -1)).square()

    def check(self, z: Any, y: Any) -> None:
        z, y = _tensor("squared_error", z), _tensor("squared_error", y, "the targets")
        if _without_ones(z) != _without_ones(y):
            raise RequestError(
                "loss='squared_error': outputs and targets must have the same shape, got outputs "
                f"{_kind(z)} for y {_kind(y)}."
            )


@dataclass(frozen=True)
class NamedLoss(ValueLoss):
    """A loss of values that perceptrons know by name."""

    loss: Loss

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride] a constant of the other classes
        return self.loss.name

    @property
    def metric_name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.loss.metric_name

    def of_rows(self, z: Tensor, y: Tensor) -> Tensor:
        return self.loss.of_rows(z.reshape(len(z), -1).mT, y.reshape(len(z), -1).mT)

    def hits(self, z: Tensor, y: Tensor) -> Tensor:
        return self.loss.hits(z.reshape(len(z), -1).mT, y.reshape(len(z), -1).mT).mT


@dataclass(frozen=True)
class CallableLoss(ModuleLoss):
    """The user's own `loss(outputs, targets)`, one number per row. It has no metric: the loss stands in for it."""

    function: Callable[[Any, Any], Tensor]
    name = "loss"  # pyright: ignore[reportAssignmentType, reportIncompatibleVariableOverride] a constant of the class
    metric_name = "loss"  # pyright: ignore[reportAssignmentType, reportIncompatibleVariableOverride]

    def of_rows(self, z: Any, y: Any) -> Tensor:
        return self.function(z, y)

    def hits(self, z: Any, y: Any) -> Tensor:
        return self.function(z, y)[:, None]

    def check(self, z: Any, y: Any) -> None:
        got, rows = self.function(z, y), _rows(z)
        if not isinstance(got, Tensor) or got.shape != (rows,):
            what = f"a tensor {tuple(got.shape)}" if isinstance(got, Tensor) else shown(got)
            name = getattr(self.function, "__name__", shown(self.function))
            raise RequestError(
                f"loss={name}: must return one loss per row, a tensor ({rows},) for {rows} rows, got "
                f"{what}. Leave out the mean; with torch's losses use reduction='none'."
            )


MODULE_LOSSES: dict[str, ModuleLoss] = {"cross_entropy": ClassLoss(), "squared_error": ValueLoss()}
"""By the names that `loss=` takes."""


def module_loss(loss: str | Callable[[Any, Any], Tensor]) -> ModuleLoss:
    """`loss=` as a loss: a name, or a function of outputs and targets that gives one loss per row."""
    if isinstance(loss, str) and loss in MODULE_LOSSES:
        return MODULE_LOSSES[loss]
    if callable(loss):
        return CallableLoss(loss)
    names = ", ".join(map(repr, MODULE_LOSSES))
    raise RequestError(
        f"loss=…: must be {names}, or a function of outputs and targets that returns one loss per row, got "
        f"{shown(loss)}."
    )


def _is_binary(z: Tensor, y: Tensor) -> bool:
    """One output per row and one target, 0 or 1."""
    return z.numel() == len(z) == y.numel() and z.ndim <= 2 and (z.ndim == 1 or z.shape[1] == 1)


def _without_ones(x: Tensor) -> tuple[int, ...]:
    """The rows, and the other axes but those of length 1."""
    return (len(x), *(size for size in x.shape[1:] if size != 1))


def _rows(z: Any) -> int:
    return len(next(leaves(z)))


def _tensor(loss: str, x: Any, what: str = "the module's output") -> Tensor:
    if isinstance(x, Tensor) and x.ndim:
        return x
    kind = "a single number" if isinstance(x, Tensor) else f"a {type(x).__name__}"
    raise RequestError(
        f"loss={loss!r}: {what} must be a tensor with a row per example, got {kind}. Write the loss "
        "as a function of outputs "
        "and targets, or let forward return the tensor that is compared with y."
    )


def _kind(x: Tensor) -> str:
    return f"{tuple(x.shape)} of {str(x.dtype).removeprefix('torch.')}"
