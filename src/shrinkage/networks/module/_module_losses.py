"""The error of any module's outputs, row by row: class numbers, values, or a function of the user's own.

Axes: B rows, C classes or outputs, M numbers per row that the metric is made of.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from shrinkage._errors import RequestError, shown
from shrinkage.networks._losses import Loss
from shrinkage.networks.module._chance import with_seed
from shrinkage.networks.module._fallback import first_line
from shrinkage.networks.module._trees import leaves, map_tree, vars_of

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

    def try_batch(self, z: Any, y: Any) -> Tensor:
        """lossᵢ (B,) of a first batch, checked."""
        self.check(z, y)
        return self.of_rows(z, y)


class ClassLoss(ModuleLoss):
    """−log p(yᵢ | xᵢ) in nats, of outputs (B, C, …) and class numbers (B, …), or of one output and classes 0 and 1.

    Where a row has several targets, as pixels or words, it is their mean. Targets that are floats of the outputs' shape
    are probabilities of the classes.
    """

    name = "cross-entropy"
    metric_name = "accuracy"

    def of_rows(self, z: Tensor, y: Tensor) -> Tensor:
        if _is_binary(z, y):
            z, y = z.reshape(len(z), -1), y.reshape(len(z), -1).to(z.dtype)
            return functional.binary_cross_entropy_with_logits(z, y, reduction="none").mean(1)
        each = functional.cross_entropy(z, y if y.is_floating_point() else y.long(), reduction="none")
        return each if each.ndim == 1 else each.flatten(1).mean(1)

    def hits(self, z: Tensor, y: Tensor) -> Tensor:
        if _is_binary(z, y):
            right = (z.reshape(len(z), -1) > 0) == (y.reshape(len(z), -1) > 0.5)
            return right.to(z.dtype).mean(1, keepdim=True)
        wanted = y.argmax(1) if y.is_floating_point() else y
        right = (z.argmax(1) == wanted).to(z.dtype)
        return right[:, None] if right.ndim == 1 else right.flatten(1).mean(1, keepdim=True)

    def check(self, z: Any, y: Any) -> None:
        z, y = _tensor("cross_entropy", z), _tensor("cross_entropy", y, "the targets")
        if _is_binary(z, y):
            _check_two_classes(y)
        elif y.is_floating_point():
            if y.shape != z.shape:
                raise RequestError(
                    f"loss='cross_entropy': y must be class numbers (whole numbers), got {_kind(y)} for outputs "
                    f"{_kind(z)}. {_remedy_for_floats(y)}"
                )
        elif z.ndim < 2 or z.shape[:1] + z.shape[2:] != y.shape:
            raise RequestError(
                f"loss='cross_entropy': outputs (rows, classes, …) and class numbers (rows, …) are needed, got outputs "
                f"{_kind(z)} for y {_kind(y)}.{_remedy_for_shapes(z, y)}"
            )
        elif y.numel() and not (int(y.min()) >= 0 and int(y.max()) < z.shape[1]):
            low, high = int(y.min()), int(y.max())
            remedy = " Class numbers start at 0: subtract 1." if low == 1 and high == z.shape[1] else ""
            if low == -100:
                remedy = " To leave places out, write the loss as a function with one loss per row."
            raise RequestError(
                f"loss='cross_entropy': the module has {z.shape[1]} outputs per row, for classes 0 to {z.shape[1] - 1}, "
                f"but y has class {low if low < 0 else high}.{remedy}"
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

    @property
    def called(self) -> str:
        """`loss=focal`, as it stands in a message."""
        return f"loss={getattr(self.function, '__name__', None) or shown(self.function)}"

    def check(self, z: Any, y: Any) -> None:
        rows = _rows(z)
        try:
            got = self.function(z, y)
        except Exception as error:  # whatever the user's function raises
            raise RequestError(
                f"{self.called}: called with outputs {_kinds(z)} and targets {_kinds(y)} it raised "
                f"{type(error).__name__}: {first_line(error)}."
            ) from error
        if not isinstance(got, Tensor) or got.shape != (rows,):
            what = f"a tensor {tuple(got.shape)}" if isinstance(got, Tensor) else shown(got)
            raise RequestError(
                f"{self.called}: must return one loss per row, a tensor ({rows},) for {rows} rows, got "
                f"{what}. {_remedy_for_losses(got, rows)}"
            )

    def try_batch(self, z: Any, y: Any) -> Tensor:
        with with_seed("loss"):
            found = super().try_batch(z, y)
        if self._mixes_rows(z, y, found.detach()):
            warnings.warn(
                f"{self.called}: the loss of a row depends on the other rows of its batch. If that is not intended, "
                f"look for broadcasting: outputs are {_kinds(z)}, targets {_kinds(y)}.",
                stacklevel=6,
            )
        return found

    def _mixes_rows(self, z: Any, y: Any, losses: Tensor) -> bool:
        """Whether the first rows by themselves have another loss."""
        rows, some = len(losses), len(losses) // 2
        if not some or any(
            not isinstance(x, Tensor) or x.ndim == 0 or len(x) != rows for x in leaves((z, y))
        ):
            return False
        try:
            with torch.no_grad(), with_seed("loss"):
                alone = self.function(*(map_tree(lambda x: x[:some], each) for each in (z, y)))
        except Exception:  # a loss that needs whole batches
            return True
        if not isinstance(alone, Tensor) or alone.shape != (some,):
            return True
        return not torch.allclose(alone, losses[:some], rtol=1e-3, atol=1e-5, equal_nan=True)


MODULE_LOSSES: dict[str, ModuleLoss] = {"cross_entropy": ClassLoss(), "squared_error": ValueLoss()}
"""By the names that `loss=` takes."""


def module_loss(loss: str | Callable[[Any, Any], Tensor]) -> ModuleLoss:
    """`loss=` as a loss: a name, or a function of outputs and targets that gives one loss per row."""
    if isinstance(loss, str) and loss in MODULE_LOSSES:
        return MODULE_LOSSES[loss]
    if isinstance(loss, type):
        raise RequestError(f"loss={loss.__name__}: is a class; write {loss.__name__}(reduction='none').")
    if callable(loss):
        return CallableLoss(loss)
    names = ", ".join(map(repr, MODULE_LOSSES))
    raise RequestError(
        f"loss=…: must be {names}, or a function of outputs and targets that returns one loss per row, got "
        f"{shown(loss)}."
    )


def _is_binary(z: Tensor, y: Tensor) -> bool:
    """One output for each target, 0 or 1: a row's, or those of its pixels (B, 1, …)."""
    one = z.ndim == 1 or z.shape[1] == 1
    return one and z.numel() == y.numel() and _without_ones(z) == _without_ones(y)


def _check_two_classes(y: Tensor) -> None:
    if y.is_floating_point() and bool(((y >= 0) & (y <= 1)).all()):
        return  # probabilities of the second class
    classes = torch.unique(y).tolist()
    if not set(classes) <= {0, 1}:
        two = set(classes) <= {-1, 1} or set(classes) <= {1, 2}
        remedy = "Number the two classes 0 and 1" if two else "Give the module one output per class"
        raise RequestError(
            "loss='cross_entropy': the module has one output per row, which fits classes 0 and 1, "
            f"but y has {shown(classes)}. {remedy}."
        )


def _remedy_for_losses(got: Any, rows: int) -> str:
    if isinstance(got, Tensor) and got.shape == (rows, rows) and rows > 1:
        return (
            "Outputs and targets of different shapes were broadcast against each other: give both one shape."
        )
    if isinstance(got, Tensor) and got.ndim > 1 and len(got) == rows:
        return "Take the mean over the other axes, such as losses.flatten(1).mean(1)."
    return "Leave out the mean; with torch's losses use reduction='none'."


def _kinds(tree: Any) -> str:
    """Shapes and dtypes of a tree's tensors."""
    found = [_kind(x) if isinstance(x, Tensor) else type(x).__name__ for x in leaves(tree)]
    return ", ".join(found)


def _remedy_for_floats(y: Tensor) -> str:
    whole = y.ndim == 1 and bool((y == y.round()).all())
    return "If these are classes, use y.long()." if whole else "For values use loss='squared_error'."


def _remedy_for_shapes(z: Tensor, y: Tensor) -> str:
    if y.shape == z.shape:
        return " Give one-hot rows as floats, or y.argmax(1)."
    if z.ndim >= 2 and y.shape == (len(z), 1):
        return " Give y as one column: y[:, 0]."
    if z.ndim >= 3 and z.shape[:-1] == y.shape:
        return " Let forward return the classes as the second axis."
    return ""


def _without_ones(x: Tensor) -> tuple[int, ...]:
    """The rows, and the other axes but those of length 1."""
    return (len(x), *(size for size in x.shape[1:] if size != 1))


def _rows(z: Any) -> int:
    found = next((x for x in leaves(z) if isinstance(x, Tensor) and x.ndim), None)
    found = (
        found
        if found is not None
        else next((x for x in vars_of(z) if isinstance(x, Tensor) and x.ndim), None)
    )
    if found is None:
        raise RequestError(
            f"loss=…: the module's output holds no tensor with a row per example, got {shown(type(z).__name__)}."
        )
    return len(found)


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
