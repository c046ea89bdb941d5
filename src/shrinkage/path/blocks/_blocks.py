"""How a path is cut into blocks, and the work on one of them.

A block is a stack of networks of one form of input: some λs of some (fold, restart).
The cut follows from the workload alone, never from
the number of processes, and no number in the result depends on it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from shrinkage.path._fold import Fold
from shrinkage.path._places import STANDARD, Net, Place
from shrinkage.training import Recipe

__all__ = ["Block", "cut", "train_block"]

T = TypeVar("T")

WORTH_HALVING = 8
"""Networks of a block below which the overhead of two is more than what they save."""


@dataclass(frozen=True)
class Block:
    """λs × members, the members' order being that of the networks."""

    lambdas: tuple[float, ...]
    members: tuple[tuple[int, int], ...]
    """(fold number, restart)"""
    epochs: tuple[int, ...] | None = None
    """For each λ, after how many epochs its network is taken; None for the last."""
    keep_networks: bool = False
    """Return the networks themselves, not only their curves and sizes."""
    form: str = STANDARD
    """What inputs the networks see."""

    @property
    def size(self) -> int:
        return len(self.lambdas) * len(self.members)

    @property
    def nets(self) -> list[list[Net]]:
        """(G, L) the networks, as the axes of the block's arrays have them."""
        return [
            [Net(Place(lam, self.form), fold, restart) for lam in self.lambdas]
            for fold, restart in self.members
        ]

    def epochs_of(self, recipe: Recipe) -> int:
        return max(self.epochs) if self.epochs else recipe.max_epochs


def cut(
    places: Sequence[Place],
    folds: Sequence[Fold],
    restarts: int,
    recipe: Recipe,
    epochs: Sequence[int] | None = None,
    *,
    keep_networks: bool = False,
) -> list[Block]:
    """The blocks of places × folds × restarts; members of one block have training sets of one shape."""
    blocks = []
    for form in dict.fromkeys(place.form for place in places):
        of_form = [i for i, place in enumerate(places) if place.form == form]
        for alike in _of_one_shape(folds, form):
            members = [(fold.number, restart) for fold in alike for restart in range(restarts)]
            layout = alike[0].layout(recipe.kind, form)
            room = recipe.networks_a_block(layout, len(alike[0].train))
            for some in _pieces(of_form, room):
                lambdas = tuple(float(places[i].lam) for i in some)
                taken = None if epochs is None else tuple(int(epochs[i]) for i in some)
                for together in _pieces(members, max(1, room // len(some))):
                    blocks.append(Block(lambdas, tuple(together), taken, keep_networks, form))
    return blocks[:-1] + _halves(blocks[-1])


def _of_one_shape(folds: Sequence[Fold], form: str) -> Iterator[list[Fold]]:
    """The folds in groups that can share a stack."""
    ordered = sorted(folds, key=lambda fold: (fold.shape(form), fold.number))
    for _, group in itertools.groupby(ordered, lambda fold: fold.shape(form)):
        yield list(group)


def train_block(
    block: Block,
    folds: Mapping[int, Fold],
    recipe: Recipe,
    seed: int,
    after_epochs: Callable[[int], object] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Train a block; its result as named arrays, (G, L, …) as in `BlockResult`, with the sizes of the weights."""
    members = [
        folds[number].member(restart, recipe.dtype, recipe.device, block.form)
        for number, restart in block.members
    ]
    result = recipe.train(block.lambdas, members, seed=seed, epochs=block.epochs, after_epochs=after_epochs)
    columns = members[0].layout(recipe.kind).decayed_columns()
    weights = result.networks[..., columns].astype(np.float64)
    arrays = result.arrays
    if not block.keep_networks:
        del arrays["networks"]
    with np.errstate(over="ignore"):  # of a diverged net
        norm = np.sqrt(np.square(weights).sum(axis=-1))
    return arrays | {"max_weight": np.abs(weights).max(axis=-1), "weight_norm": norm}


def _halves(block: Block) -> list[Block]:
    """The last block in two, by its λs: whichever process is done first has less to wait for."""
    if block.size < WORTH_HALVING:
        return [block]
    halves = []
    for some in _pieces(range(len(block.lambdas)), -(-len(block.lambdas) // 2)):
        taken = None if block.epochs is None else tuple(block.epochs[i] for i in some)
        halves.append(replace(block, lambdas=tuple(block.lambdas[i] for i in some), epochs=taken))
    return halves


def _pieces(items: Sequence[T], size: int) -> list[list[T]]:
    """Consecutive pieces of at most `size` items, as even as can be."""
    count = -(-len(items) // size)
    return [[items[i] for i in piece] for piece in np.array_split(np.arange(len(items)), count)]
