"""What network is trained: a kind knows its parameters, how they begin, and what they put out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from shrinkage.networks._layout import Layout
from shrinkage.networks._losses import Loss

__all__ = ["Kind", "Stack", "StackedKind"]


class Stack(Protocol):
    """K networks in training, their parameters and gradients in one flat buffer each."""

    flat: Tensor
    flat_grad: Tensor

    @property
    def n_networks(self) -> int:
        """K."""
        ...

    @property
    def x_width(self) -> int:
        """Columns that inputs are padded to with zeros."""
        ...

    @property
    def z_width(self) -> int:
        """Columns of the linear outputs that `gradient_` writes, padding included."""
        ...

    def outputs(self, X: Tensor) -> Tensor:
        """Linear outputs z (K, B, C) for rows X, (B, I) or (K, B, I)."""
        ...

    def gradient_(self, X: Tensor, Y: Tensor, weight: Tensor | None, z_out: Tensor) -> None:
        """The gradient of `(1/B) Σ sᵢ lossᵢ` into the gradient buffer, and the outputs from before the update."""
        ...

    def pulled(self, biases: bool, *, padded: bool = False) -> list[tuple[Tensor, Tensor]]:
        """(w, gradient) of every decayed tensor, axis 0 being K; with padding, for what is done element by element."""
        ...

    def views(self, flat: Tensor) -> list[Tensor]:
        """The tensors of `pulled(True)` in another buffer of this size, such as an optimizer's moment."""
        ...

    def rows(self) -> Tensor:
        """(K, D) the networks as they are now; a copy."""
        ...


class Kind(Protocol):
    """A kind of network: frozen, picklable, without data. D parameters of one network, K networks of a stack."""

    def layout(self, inputs: int, outputs: int, numbers: Sequence[int] = ()) -> Layout:
        """The parameters of a network with so many inputs and linear outputs; `numbers` says which may be embedded."""
        ...

    def initial(self, layout: Layout, generator: torch.Generator) -> Tensor:
        """(D,) one untrained network, float64; what is drawn is drawn from `generator`."""
        ...

    def outputs(self, layout: Layout, rows: Tensor, X: Tensor) -> Tensor:
        """Linear outputs (K, n, C) of networks (K, D) for rows X (n, inputs)."""
        ...

    def described(self) -> dict[str, str]:
        """Every setting as text that is the same in every process; see `kind_from`."""
        ...

    def work(self, layout: Layout) -> float:
        """Floating-point operations of one network and row, forward and backward: a rough estimate."""
        ...


@runtime_checkable
class StackedKind(Kind, Protocol):
    """A kind whose networks are one set of tensors with gradients written by hand. Modules have autograd instead, and
    their trainer holds them, stacked or one by one."""

    def stack(self, layout: Layout, rows: Tensor, loss: Loss) -> Stack:
        """The networks (K, D) as one stack that minimizes `loss`, in their dtype and on their device."""
        ...
