"""Networks that were never trained, for searches to look at: their validation losses are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from shrinkage.path import PathResult, Place, Round
from shrinkage.path.search import SEARCHES, PlannedSearch

__all__ = ["Made", "search_of", "walked"]

Losses = Callable[[float], np.ndarray]
"""From λ to the validation loss of each fold."""


class Made:
    """The networks that rounds have asked for, their losses being a function of λ.

    Args:
        losses: gives the loss of each of `n_folds` folds for a λ.
        n_folds: F.
    """

    last_epoch = 1

    def __init__(self, losses: Losses, n_folds: int = 5) -> None:
        self.function, self.n_folds = losses, n_folds
        self.nets: set[tuple[Place, int]] = set()
        self.rounds: list[Round] = []

    @property
    def folds(self) -> tuple[int, ...]:
        return tuple(range(self.n_folds))

    def add(self, asked: Round) -> None:
        new = {(place, fold) for place in asked.places for fold in asked.folds}
        assert not new & self.nets, "a network was asked for twice"
        assert new
        self.nets |= new
        self.rounds.append(asked)

    def covers(self, asked: Round) -> bool:
        return all((place, fold) in self.nets for place in asked.places for fold in asked.folds)

    def losses(self, places: Sequence[Place], folds: Sequence[int]) -> np.ndarray:
        assert all((place, fold) in self.nets for place in places for fold in folds), (
            "read before it was there"
        )
        return np.array([[[self.function(place.lam)[fold]] for fold in folds] for place in places])

    def repeats(self, folds: Sequence[int]) -> float:
        return 1.0

    def result(self, places: Sequence[Place]) -> PathResult:
        curve = self.losses(places, self.folds)[:, :, None, :]
        finals: Any = {
            name: np.ones(curve.shape[:3])
            for name in (
                "final_train_loss",
                "final_train_metric",
                "max_weight",
                "weight_norm",
                "final_penalty",
            )
        }
        return PathResult(
            lambdas=np.array([place.lam for place in places]),
            loss_name="cross-entropy",
            metric_name="accuracy",
            validated=np.array([1]),
            train_loss=curve,
            train_metric=curve,
            validation_loss=curve,
            validation_metric=curve,
            **finals,
        )


def search_of(name: str, lambdas: Sequence[float] | np.ndarray, **changes: Any) -> PlannedSearch:
    """A search of the registry, of which only what a test is about is given."""
    given: Mapping[str, Any] = {
        "lambdas": np.asarray(lambdas, float),
        "select": "min",
        "stop": "last",
        "max_extensions": 3,
        "fast": False,
        "admits": lambda lam: True,
    }
    return SEARCHES[name](**{**given, **changes})


def walked(search: PlannedSearch, made: Made) -> Made:
    """Everything that the search asks for."""
    while (asked := search.ask(made)) is not None:
        made.add(asked)
        assert len(made.rounds) < 1000, "a search without an end"
    return made
