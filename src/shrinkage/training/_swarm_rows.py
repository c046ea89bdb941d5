"""Rows as swarms see them: the error of all particles, and the score of each swarm's best network.

Axes: S swarms, P particles, L swarms of one member, D parameters.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from shrinkage.networks import LOSSES, Layout, Stack
from shrinkage.training._rows import Rows, chunks
from shrinkage.training._score import Score
from shrinkage.training._swarm_error import HELD_ACTIVATIONS, KEPT_ELEMENTS, MeanError
from shrinkage.training.engine._rows import EvaluatedRows

if TYPE_CHECKING:
    from shrinkage.training._swarm_block import SwarmOptions

__all__ = ["WatchedRows", "watched"]


class WatchedRows(ABC):
    """Some rows, and what networks make of them."""

    of_engine: EvaluatedRows | None = None
    """The rows as the compiled engine holds them, if it does."""

    @abstractmethod
    def error(self, networks: Tensor) -> Tensor:
        """(S, P) the mean error of networks (S, P, D)."""

    @abstractmethod
    def score(self, networks: Tensor) -> Tensor:
        """(2, L): error and metric of networks (L, D), float64."""


def watched(options: SwarmOptions, layout: Layout, rows: Rows, swarms: int) -> WatchedRows:
    """The rows for the compiled engine, where it can evaluate them, or for torch.

    Args:
        options: the network, and the error.
        layout: of each network.
        rows: the rows.
        swarms: L.
    """
    held = len(rows) * layout.sizes[0] <= KEPT_ELEMENTS
    return (
        _ByEngine(options, layout, rows)
        if options.in_threads and held
        else _ByTorch(options, layout, rows, swarms)
    )


class _ByEngine(WatchedRows):
    def __init__(self, options: SwarmOptions, layout: Layout, rows: Rows) -> None:
        assert isinstance(options.error, str)
        self._of = options.error
        self._rows = self.of_engine = EvaluatedRows(layout, options.activation, options.loss, rows)

    def error(self, networks: Tensor) -> Tensor:
        return self._rows.error(networks.flatten(0, 1), self._of).view(networks.shape[:2]).to(networks)

    def score(self, networks: Tensor) -> Tensor:
        loss, metric = self._rows.score(networks)
        return torch.stack([loss if self._of == "loss" else self._rows.error(networks, self._of), metric])


class _ByTorch(WatchedRows):
    """The best networks are held as back-propagation holds them: padded, so that their curves don't depend on the
    block either."""

    def __init__(self, options: SwarmOptions, layout: Layout, rows: Rows, swarms: int) -> None:
        self._of_loss, self._per_network = options.error == "loss", max(layout.sizes) * swarms
        self._stack = Stack(
            layout, options.activation, LOSSES[options.loss], rows.X.new_zeros(swarms, layout.n_parameters)
        )
        self._error = MeanError(layout, options.activation, options.loss, options.error, rows.settled())
        self._rows = rows.settled(layout.padded(rows.X.dtype).sizes[0])

    def error(self, networks: Tensor) -> Tensor:
        return self._error(networks)

    def score(self, networks: Tensor) -> Tensor:
        self._stack.parameters.copy_rows_(networks)
        score = Score(self._stack.loss)
        for start, stop in chunks(len(self._rows), max(1, HELD_ACTIVATIONS // self._per_network)):
            batch = self._rows.read(torch.arange(start, stop, device=networks.device))
            weight = None if batch.weight is None else batch.weight[None, None]
            score.add(self._stack.outputs(batch.X)[None], batch.Y[None, None], weight)
        error = score.loss if self._of_loss else self.error(networks[:, None])[:, 0].double()
        return torch.stack([error, score.metric])
