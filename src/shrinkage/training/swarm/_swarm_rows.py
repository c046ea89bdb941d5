"""Rows as swarms see them: the error of all particles, and the score of each swarm's best network.

Axes: S swarms, P particles, L swarms of one member, D parameters.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from shrinkage.networks import PerceptronLayout, loss_named
from shrinkage.training._recipe import Recipe
from shrinkage.training._rows import Rows, chunks
from shrinkage.training._score import Score
from shrinkage.training.engine._engine_rows import EvaluatedRows
from shrinkage.training.swarm._swarm_error import HELD_ACTIVATIONS, KEPT_ELEMENTS, MeanError
from shrinkage.training.swarm._swarm_settings import perceptron_of, swarms_of

__all__ = ["SwarmRows", "rows_for_swarm", "swarms_in_threads"]


class SwarmRows(ABC):
    """Some rows, and what networks make of them."""

    of_engine: EvaluatedRows | None = None
    """The rows as the compiled engine holds them, if it does."""

    @abstractmethod
    def error(self, networks: Tensor) -> Tensor:
        """(S, P) the mean error of networks (S, P, D)."""

    @abstractmethod
    def score(self, networks: Tensor) -> Tensor:
        """(2, L): error and metric of networks (L, D), float64."""


def swarms_in_threads(recipe: Recipe) -> bool:
    """Whether the compiled engine evaluates the particles, and moves them where it can."""
    return recipe.engine == "compiled" and recipe.device == "cpu" and not callable(swarms_of(recipe).error)


def rows_for_swarm(recipe: Recipe, layout: PerceptronLayout, rows: Rows, swarms: int) -> SwarmRows:
    """The rows for the compiled engine, where it can evaluate them, or for torch.

    Args:
        recipe: the network, and the error.
        layout: of each network.
        rows: the rows.
        swarms: L.
    """
    held = len(rows) * layout.sizes[0] <= KEPT_ELEMENTS
    return (
        _ByEngine(recipe, layout, rows)
        if swarms_in_threads(recipe) and held
        else _ByTorch(recipe, layout, rows, swarms)
    )


class _ByEngine(SwarmRows):
    def __init__(self, recipe: Recipe, layout: PerceptronLayout, rows: Rows) -> None:
        error = swarms_of(recipe).error
        assert isinstance(error, str)
        self._of = error
        self._rows = self.of_engine = EvaluatedRows(
            layout, perceptron_of(recipe).activation, recipe.loss, rows
        )

    def error(self, networks: Tensor) -> Tensor:
        return self._rows.error(networks.flatten(0, 1), self._of).view(networks.shape[:2]).to(networks)

    def score(self, networks: Tensor) -> Tensor:
        loss, metric = self._rows.score(networks)
        return torch.stack([loss if self._of == "loss" else self._rows.error(networks, self._of), metric])


class _ByTorch(SwarmRows):
    """The best networks are held as back-propagation holds them: padded, so that their curves don't depend on the
    block either."""

    def __init__(self, recipe: Recipe, layout: PerceptronLayout, rows: Rows, swarms: int) -> None:
        kind, error = perceptron_of(recipe), swarms_of(recipe).error
        self._of_loss, self._per_network = error == "loss", max(layout.sizes) * swarms
        self._stack = kind.stack(
            layout, rows.X.new_zeros(swarms, layout.n_parameters), loss_named(recipe.loss)
        )
        self._error = MeanError(layout, kind.activation, recipe.loss, error, rows.contiguous_rows())
        self._rows = rows.contiguous_rows(layout.padded(rows.X.dtype).sizes[0])

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
