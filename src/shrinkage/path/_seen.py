"""The networks of a path that were trained so far, as a search reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage.path._fold import Fold
from shrinkage.path._path_result import Floats, PathResult
from shrinkage.path._places import Net, Place
from shrinkage.path._rounds import Arrays
from shrinkage.path.search import Round
from shrinkage.training import Recipe

__all__ = ["SeenNets"]

_VALIDATION = ("validation_loss", "validation_metric")
_OTHERS = (
    "train_loss",
    "train_metric",
    "final_train_loss",
    "final_train_metric",
    "max_weight",
    "weight_norm",
    "final_penalty",
)


class SeenNets:
    """Curves by network.

    Args:
        recipe: how they are trained.
        folds: those of the path.
        restarts: networks of each (place, fold).
        score_name: what their scores are called; empty where they are judged by their loss.
    """

    def __init__(self, recipe: Recipe, folds: Sequence[Fold], restarts: int, score_name: str = "") -> None:
        self._recipe, self._restarts, self._score_name = recipe, restarts, score_name
        self._folds = {fold.number: fold for fold in folds}
        self._nets: dict[Net, Arrays] = {}
        self._results: dict[tuple[Place, ...], PathResult] = {}

    @property
    def folds(self) -> tuple[int, ...]:
        return tuple(self._folds)

    @property
    def last_epoch(self) -> int:
        return self._recipe.max_epochs

    @property
    def finished(self) -> tuple[Place, ...]:
        """The places that every fold has, ascending."""
        return tuple(
            place
            for place in sorted({net.place for net in self._nets}, key=lambda place: (place.form, place.lam))
            if all(Net(place, fold, 0) in self._nets for fold in self._folds)
        )

    def add(self, nets: Mapping[Net, Arrays]) -> None:
        """Take in the networks of a round."""
        self._nets.update(nets)
        self._results.clear()

    def networks(self, place: Place, epoch: int) -> list[NDArray[Any]] | None:
        """For each fold the nets (R, D) after that epoch; None where they were not kept."""
        found = [self._tries(place, fold) for fold in self._folds]
        kept = all("networks" in net and len(net["train_loss"]) == epoch for tries in found for net in tries)
        return [np.array([net["networks"] for net in tries]) for tries in found] if kept else None

    def covers(self, asked: Round) -> bool:
        return all(Net(place, fold, 0) in self._nets for place in asked.places for fold in asked.folds)

    def losses(self, places: Sequence[Place], folds: Sequence[int]) -> Floats:
        if self._score_name:
            scores = [[self._mean_score(place, fold) for fold in folds] for place in places]
            return -np.array(scores, np.float64)[..., None]
        points = np.array(self._recipe.validated) - 1
        with np.errstate(invalid="ignore", over="ignore"):  # of a diverged net
            return np.array(
                [
                    [
                        np.mean([net["validation_loss"][points] for net in self._tries(place, fold)], axis=0)
                        for fold in folds
                    ]
                    for place in places
                ]
            )

    def repeats(self, folds: Sequence[int]) -> float:
        held: list[NDArray[np.int64]] = [
            rows for fold in folds if (rows := self._folds[fold].validation) is not None
        ]
        rows = np.concatenate(held) if held else np.empty(0)
        return len(rows) / max(1, len(np.unique(rows)))

    def result(self, places: Sequence[Place]) -> PathResult:
        if (places := tuple(places)) not in self._results:
            self._results[places] = self._gather(places)
        return self._results[places]

    def _gather(self, places: tuple[Place, ...]) -> PathResult:
        validated = np.array(self._recipe.validated)
        nets = [[self._tries(place, fold) for fold in self._folds] for place in places]

        def gather(name: str) -> Floats:
            return np.array([[[net[name] for net in tries] for tries in folds] for folds in nets])

        return PathResult(
            lambdas=np.array([place.lam for place in places]),
            forms=tuple(place.form for place in places),
            validated=validated,
            loss_name=self._recipe.error_name,
            metric_name=self._recipe.metric_name,
            repeats=self.repeats(self.folds),
            score_name=self._score_name,
            validation_score=gather("validation_score") if self._score_name else None,
            trace=gather("lambdas") if self._recipe.controller is not None else None,
            **{name: gather(name) for name in _OTHERS},
            **{name: gather(name)[..., validated - 1] for name in _VALIDATION},
        )

    def _mean_score(self, place: Place, fold: int) -> float:
        return float(np.mean([net["validation_score"] for net in self._tries(place, fold)]))

    def _tries(self, place: Place, fold: int) -> list[Arrays]:
        return [self._nets[Net(place, fold, restart)] for restart in range(self._restarts)]
