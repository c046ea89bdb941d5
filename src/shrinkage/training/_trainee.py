"""A block as trainers take it and give it back: its members, its epochs, the curves and networks they leave behind.

Axes: G members, L λs, E epochs, D parameters.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from shrinkage.networks import Kind, Layout
from shrinkage.training._rows import Rows
from shrinkage.training._strengths import Strengths

__all__ = ["BlockResult", "EpochByEpoch", "Member", "Trainee", "recorded"]


@dataclass(frozen=True)
class Member:
    """One (fold, restart): its rows and the key of its random numbers."""

    fold: int
    """−1 for all rows."""
    restart: int
    train: Rows
    validation: Rows | None
    numbers: tuple[int, ...] = ()
    """The inputs that are numbers, which an embedding may take."""
    pieces: tuple[int, ...] = ()
    """The number of piecewise-linear codes of each coded number, in order: the codes are the last inputs."""

    def layout(self, kind: Kind) -> Layout:
        """Of a network of this kind for these rows."""
        return kind.layout(self.train.X.shape[1], self.train.Y.shape[1], self.numbers)


@dataclass(frozen=True, kw_only=True)
class BlockResult:
    """The results of a block, in NumPy float64 except the networks."""

    train_loss: np.ndarray
    """(G, L, E)"""
    train_metric: np.ndarray
    validation_loss: np.ndarray
    """(G, L, E), NaN for epochs whose validation rows weren't scored."""
    validation_metric: np.ndarray
    final_train_loss: np.ndarray
    """(G, L)"""
    final_train_metric: np.ndarray
    final_penalty: np.ndarray
    """(G, L), NaN for a rule without an objective."""
    networks: np.ndarray
    """(G, L, D) the parameters after each λ's last epoch, in the training dtype."""
    lambdas: np.ndarray | None = None
    """(G, L, E) the λ of each epoch, or (G, L, E, T) of every pulled tensor; None where no controller moves them."""

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Those that there are, by name."""
        return {name: array for name, array in vars(self).items() if array is not None}


class Trainee(ABC):
    """A block in training."""

    members: Sequence[Member]
    strengths: Strengths
    """Of its networks; they can be set between epochs."""

    @property
    def epochs_at_once(self) -> int:
        """The best number of epochs per call of `advance`."""
        return 1

    @abstractmethod
    def advance(self, first: int, validated: Sequence[bool]) -> np.ndarray:
        """Train as many epochs as `validated` is long, from `first` on, and score the validation rows after those.

        Returns (4, epochs, G, L): loss and metric of training and validation rows, NaN for what isn't scored.
        """

    @abstractmethod
    def networks(self) -> np.ndarray:
        """(G, L, D) as they are now."""

    @abstractmethod
    def judge(self) -> np.ndarray:
        """(3, G, L): training loss and metric of the networks as they are now, and their penalty."""


class EpochByEpoch(Trainee):
    """A block that trains one epoch at a time."""

    def advance(self, first: int, validated: Sequence[bool]) -> np.ndarray:
        curves = []
        for epoch, scored in enumerate(validated, first):
            trained = self.train_epoch(epoch)
            validation = self.validate() if scored else None
            curves.append([*trained, *(np.full_like(trained, np.nan) if validation is None else validation)])
        return np.moveaxis(np.array(curves), 1, 0)

    @abstractmethod
    def train_epoch(self, epoch: int) -> np.ndarray:
        """(2, G, L): loss and metric over the training rows, each from before its batch's update."""

    @abstractmethod
    def validate(self) -> np.ndarray | None:
        """(2, G, L): loss and metric over the validation rows, or None without any."""


class Moving(Protocol):
    """The controller of a block's strengths between epochs."""

    @property
    def every(self) -> int:
        """Epochs from one update to the next."""
        ...

    @property
    def lam(self) -> np.ndarray:
        """(G, L) or (G, L, T) as they are now."""
        ...

    def update(self) -> None: ...


def recorded(
    block: Trainee,
    taken: Sequence[int],
    members: int,
    validated: Sequence[int],
    after_epochs: Callable[[int], object] | None,
    control: Moving | None = None,
) -> BlockResult:
    """Train a block to its last epoch and record its curves.

    Args:
        block: the block.
        taken: (L,) after how many epochs each λ's network is taken.
        members: G.
        validated: epochs, counted from 1, after which the validation rows are scored.
        after_epochs: called, as epochs are done, with how many more.
        control: moves the strengths between epochs; None for fixed ones.
    """
    due_after, shape = np.asarray(taken), (members, len(taken))
    scored = np.isin(np.arange(1, due_after.max() + 1), validated)
    networks, final = np.empty(0), np.full((3, *shape), np.nan)
    curves = np.full((4, int(due_after.max()), *shape), np.nan)
    done, trace = 0, list[np.ndarray]()
    while done < int(due_after.max()):
        stop = min(done + block.epochs_at_once, int(due_after[due_after > done].min()))
        if control is not None:
            stop = min(stop, (done // control.every + 1) * control.every)
            trace += [control.lam.copy()] * (stop - done)
        curves[:, done:stop] = block.advance(done, scored[done:stop].tolist())
        due = np.flatnonzero(due_after == stop)
        if len(due):
            now = block.networks()
            networks = np.empty_like(now) if not networks.size else networks
            networks[:, due] = now[:, due]
            final[:, :, due] = block.judge()[:, :, due]
        if after_epochs is not None:
            after_epochs(stop - done)
        done = stop
        if control is not None and done % control.every == 0 and done < int(due_after.max()):
            control.update()
    curves = np.moveaxis(curves, 1, -1)
    return BlockResult(
        train_loss=curves[0],
        train_metric=curves[1],
        validation_loss=curves[2],
        validation_metric=curves[3],
        final_train_loss=final[0],
        final_train_metric=final[1],
        final_penalty=final[2],
        networks=networks,
        lambdas=np.stack(trace, axis=2) if trace else None,
    )
