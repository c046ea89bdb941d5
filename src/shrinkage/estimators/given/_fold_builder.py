"""From the rows of a fold to the inputs and targets that its networks see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shrinkage.estimators._estimator_inputs import Inputs
from shrinkage.estimators._targets import Targets, target_scale
from shrinkage.estimators.members._members import inputs_of_members
from shrinkage.path import ALL_ROWS, Fold
from shrinkage.tables.forms import Form

__all__ = ["FoldBuilder"]

Rows = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class FoldBuilder:
    """Builds the folds of one fit, N rows. Forms and scales are fitted to the training rows of each fold alone."""

    inputs: Inputs
    targets: Targets
    weight: NDArray[np.float64] | None
    """(N,) weights of the rows, those of their classes excluded."""
    members: tuple[str, ...]
    standardize: bool

    def folds(self, splits: Iterable[tuple[Rows, Rows | None]]) -> tuple[list[Fold], list[dict[str, Form]]]:
        """The folds of (training rows, validation rows), numbered from 0, and the forms of input of each, by member."""
        pairs = [self.fold(number, *split) for number, split in enumerate(splits)]
        return [fold for fold, _ in pairs], [forms for _, forms in pairs]

    def fold(self, number: int, train: Rows, validation: Rows | None) -> tuple[Fold, dict[str, Form]]:
        """One fold, and the forms of input that its training rows fitted, by member."""
        Y, loss = self.targets.Y, self.targets.loss
        weight = self.targets.weights(self.weight, train)
        X = self.inputs.matrix(None if number == ALL_ROWS else train)
        forms, seen = inputs_of_members(self.members, X, train, weight, standardize=self.standardize)
        fold = Fold(
            number=number,
            Y=Y,
            weight=weight,
            train=train,
            validation=validation,
            inputs=seen,
            y_scale=target_scale(loss, Y, train, weight) if self.standardize else None,
        )
        return fold, forms
