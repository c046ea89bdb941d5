"""Rounds of a search as blocks: cut, trained or read, and put in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from shrinkage.path._fold import Fold
from shrinkage.path._places import Net
from shrinkage.path.blocks._block_store import BlockStore
from shrinkage.path.blocks._blocks import cut
from shrinkage.path.blocks._parcels import Sender
from shrinkage.path.blocks._run_blocks import Progress, run_blocks, worthwhile_jobs
from shrinkage.path.search import Round
from shrinkage.training import Recipe

__all__ = ["Arrays", "RoundRunner"]

Arrays = dict[str, NDArray[Any]]
"""The curves and numbers of one network."""


class Wanted(Protocol):
    """How the networks of a run are trained."""

    @property
    def recipe(self) -> Recipe: ...
    @property
    def restarts(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def n_jobs(self) -> int | str | None: ...


class RoundRunner:
    """Trains rounds, keeps their blocks, and reports the progress of the run that they belong to.

    Args:
        wanted: the training.
        folds: by number.
        store: where finished blocks are kept and looked for.
        progress: called with (done, total) in networks × epochs.
    """

    def __init__(
        self, wanted: Wanted, folds: Mapping[int, Fold], store: BlockStore | None, progress: Progress | None
    ) -> None:
        self.wanted, self.folds, self.store, self.progress = wanted, folds, store, progress
        self._worked = 0.0
        self._sender = Sender()

    def train(self, *rounds: Round, ahead: int = 0) -> dict[Net, Arrays]:
        """The networks of rounds that need nothing of each other, those that are kept read from the store.

        Args:
            rounds: trained side by side.
            ahead: networks per restart that will follow besides those that the rounds themselves expect.
        """
        wanted, recipe = self.wanted, self.wanted.recipe
        folds = {number: self.folds[number] for asked in rounds for number in asked.folds}
        blocks = [
            block
            for asked in rounds
            for block in cut(
                asked.places,
                [folds[number] for number in asked.folds],
                wanted.restarts,
                recipe,
                asked.epochs,
                keep_networks=asked.epochs is not None,
            )
        ]
        ahead += sum(asked.ahead for asked in rounds)
        n_jobs = worthwhile_jobs(blocks, folds, recipe) if wanted.n_jobs == "auto" else wanted.n_jobs
        assert not isinstance(n_jobs, str)

        def report(done: float, total: float) -> None:
            if self.progress is not None:
                later = ahead * wanted.restarts * recipe.max_epochs
                self.progress(self._worked + done, self._worked + total + later)

        results = run_blocks(
            blocks,
            folds,
            recipe,
            seed=wanted.seed,
            n_jobs=n_jobs,
            store=self.store,
            progress=report,
            sender=self._sender,
        )
        self._worked += sum(block.size * block.epochs_of(recipe) for block in blocks)
        return {
            net: {name: array[g, i] for name, array in arrays.items()}
            for block, arrays in zip(blocks, results, strict=True)
            for g, nets in enumerate(block.nets)
            for i, net in enumerate(nets)
        }
