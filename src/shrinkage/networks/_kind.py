"""What network is trained: a kind knows its parameters, how they begin, and how K of them are held as one stack."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from shrinkage.networks._losses import Loss
from shrinkage.networks.perceptron._perceptron_layout import Layout
from shrinkage.networks.perceptron._perceptron_stack import Stack

__all__ = ["Kind"]


class Kind(Protocol):
    """A kind of network: frozen, picklable, without data. D parameters of one network, K networks of a stack."""

    def layout(self, inputs: int, outputs: int) -> Layout:
        """The parameters of a network with so many inputs and linear outputs."""
        ...

    def initial(self, layout: Layout, generator: torch.Generator) -> Tensor:
        """(D,) one untrained network, float64; what is drawn is drawn from `generator`."""
        ...

    def stack(self, layout: Layout, rows: Tensor, loss: Loss) -> Stack:
        """The networks (K, D) as one stack that minimizes `loss`, in their dtype and on their device."""
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
