"""What chance gives a network: its initial weights and the order of its rows, as functions of (seed, fold, restart)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from shrinkage._random import generator
from shrinkage.networks import Kind, Layout
from shrinkage.training._trainee import Member

__all__ = ["initial_rows", "orders"]


def initial_rows(kind: Kind, layout: Layout, members: Sequence[Member], seed: int) -> Tensor:
    """(G, D) the initial networks, one per member, float64."""
    draws = [generator(seed, member.fold, member.restart, "weights") for member in members]
    return torch.stack([kind.initial(layout, draw) for draw in draws])


def orders(members: Sequence[Member], n: int, seed: int, epoch: int) -> Tensor:
    """(G, n) the order of each member's training rows in an epoch, int64."""
    return torch.stack(
        [
            torch.randperm(n, generator=generator(seed, member.fold, member.restart, "order", epoch))
            for member in members
        ]
    )
