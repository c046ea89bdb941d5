"""What chance gives a network: its initial weights and the order of its rows, as functions of (seed, fold, restart)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from shrinkage._random import generator
from shrinkage.networks import Layout, initial_row
from shrinkage.training._block import Member
from shrinkage.training._settings import BackpropSettings

__all__ = ["initial_rows", "orders"]


def initial_rows(options: BackpropSettings, layout: Layout, members: Sequence[Member], seed: int) -> Tensor:
    """(G, D) the networks that training begins with, a member each, float64."""
    return torch.stack(
        [
            initial_row(
                layout,
                options.activation,
                options.initialization,
                generator(seed, member.fold, member.restart, "weights"),
            )
            for member in members
        ]
    )


def orders(members: Sequence[Member], n: int, seed: int, epoch: int) -> Tensor:
    """(G, n) the order of each member's training rows in an epoch, int64."""
    return torch.stack(
        [
            torch.randperm(n, generator=generator(seed, member.fold, member.restart, "order", epoch))
            for member in members
        ]
    )
