"""What chance gives a network: its initial weights and the order of its rows, as functions of (seed, fold, restart)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from shrinkage._random import generator
from shrinkage.networks import Kind, Layout
from shrinkage.training._trainee import Member

__all__ = ["initial_rows", "orders"]

REMEMBERED_ROWS, REMEMBERED_ORDERS = 2_000, 1_500
"""Orders of up to so many rows are remembered: every λ and every member of a model asks for the same ones."""


def initial_rows(kind: Kind, layout: Layout, members: Sequence[Member], seed: int) -> Tensor:
    """(G, D) the initial networks, one per member, float64."""
    draws = [generator(seed, member.fold, member.restart, "weights") for member in members]
    return torch.stack([kind.initial(layout, draw) for draw in draws])


def orders(members: Sequence[Member], n: int, seed: int, epoch: int) -> Tensor:
    """(G, n) the order of each member's training rows in an epoch, int64."""
    order = _remembered_order if n <= REMEMBERED_ROWS else _order
    return torch.stack([order(n, seed, member.fold, member.restart, epoch) for member in members])


def _order(n: int, seed: int, fold: int, restart: int, epoch: int) -> Tensor:
    return torch.randperm(n, generator=generator(seed, fold, restart, "order", epoch))


_remembered_order = lru_cache(maxsize=REMEMBERED_ORDERS)(_order)
